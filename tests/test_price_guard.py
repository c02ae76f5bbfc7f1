from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.markers import ForcedPrices
from .common import TrtcCommon

REASON = "Agreed with the customer on the telephone"


class PriceGuardCommon(TrtcCommon):
    """An account with a contract, ten minutes of av_hd on two settled days."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.contract = cls.make_pricelist({"av_hd": 0.5})
        cls.rule = cls.contract.item_ids
        cls.account.pricelist_id = cls.contract
        cls._use("2024-10-10", "2024-10-20")
        cls.settle("2024-10-31")

    @classmethod
    def _use(cls, *days, item="av_hd", application=None):
        for day in days:
            cls.usage(item, 10, day, application, unit="min")

    @classmethod
    def _rule(cls, pricelist=None, item="av_hd", **vals):
        return {
            "pricelist_id": (pricelist or cls.contract).id,
            "applied_on": "0_product_variant",
            "product_id": cls.item(item).product_id.id,
            "compute_price": "fixed",
            "fixed_price": 0.4,
            **vals,
        }

    def _create_rule(self, *args, **vals):
        return self.env["product.pricelist.item"].create(self._rule(*args, **vals))

    def _assert_refused(self, change, *words, error=UserError):
        with self.assertRaises(error) as refused, self.env.cr.savepoint():
            change()
        for word in words:
            self.assertIn(word, str(refused.exception))
        self.env.invalidate_all()

    def _assert_kept(self):
        """Check that settlement finds nothing to do, and nothing to do otherwise."""
        self.assertFalse(self.env["trtc.settlement.note"].search([]))
        self.assertFalse(self.settle("2024-10-31"))
        self.assert_books()


@tagged("post_install", "-at_install")
class TestPriceGuard(PriceGuardCommon):
    """What settled days were priced by stays as it is."""

    # === WHAT IS REFUSED === #

    def test_the_price_of_settled_days_is_overwritten(self):
        self._assert_refused(
            lambda: self.rule.write({"fixed_price": 0.4}),
            self.account.name,
            "2024-10-10",
            "2024-10-20",
            self.rule.name,
            self.contract.name,
            "Change Price",
        )
        self._assert_kept()

    def test_the_price_of_settled_days_is_overwritten_through_its_list(self):
        command = Command.update(self.rule.id, {"fixed_price": 0.4})
        self._assert_refused(lambda: self.contract.write({"item_ids": [command]}))

    def test_the_rule_of_settled_days_is_deleted(self):
        self._assert_refused(self.rule.unlink, self.rule.name, "Change Price")
        command = Command.delete(self.rule.id)
        self._assert_refused(lambda: self.contract.write({"item_ids": [command]}))

    def test_the_rule_of_settled_days_prices_something_else(self):
        changes = (
            {"product_id": self.item("av_2k").product_id.id},
            {"pricelist_id": self.pricelist_cny.id},
            {"min_quantity": 100},
            {"compute_price": "percentage", "percent_price": 10},
        )
        for vals in changes:
            with self.subTest(vals=vals):
                self._assert_refused(lambda vals=vals: self.rule.write(vals))

    def test_another_rule_takes_settled_days(self):
        self._assert_refused(self._create_rule, "2024-10-10", "begin later", "Change Price")
        self._assert_refused(lambda: self._create_rule(date_start="2024-10-15 00:00:00"))
        self._assert_refused(lambda: self._create_rule(date_end="2024-10-15 00:00:00"))
        other = self.make_pricelist({"av_hd": 0.3}).item_ids
        self._assert_refused(lambda: other.write({"pricelist_id": self.contract.id}))

    def test_a_rule_ends_within_settled_days(self):
        self._assert_refused(
            lambda: self.rule.write({"date_end": "2024-10-15 00:00:00"}), "2024-10-20"
        )
        # A second before the end of the last settled day in Shanghai
        self._assert_refused(lambda: self.rule.write({"date_end": "2024-10-20 15:59:58"}))

    def test_a_rule_begins_within_settled_days(self):
        # A second after the end of the first settled day
        self._assert_refused(lambda: self.rule.write({"date_start": "2024-10-10 16:00:00"}))
        self.rule.date_start = "2024-10-10 15:59:59"
        self._assert_kept()

    def test_the_steps_of_settled_days_apply_otherwise(self):
        contract = self.make_pricelist({"av_2k": [(0, 1), (5, 0.5)]})
        account = self.make_account(pricelist_id=contract.id)
        self._use("2024-10-10", item="av_2k", application=self.make_application(account))
        self.settle("2024-10-31")
        self._assert_refused(
            lambda: contract.write({"trtc_graduated": True}),
            account.name,
            "2024-10-10",
            contract.name,
        )
        self.contract.trtc_graduated = True
        self._assert_kept()

    def test_a_category_or_all_products_hide_the_settled_one(self):
        product = self.item("av_hd").product_id
        parent = product.categ_id.parent_id
        self.assertTrue(parent)
        for number, scope in enumerate(
            (
                {"applied_on": "1_product", "product_tmpl_id": product.product_tmpl_id.id},
                {"applied_on": "2_product_category", "categ_id": parent.id},
                {"applied_on": "3_global"},
            )
        ):
            contract = self.make_pricelist({})
            rule = self._create_rule(contract, **{"product_id": False, **scope})
            account = self.make_account(pricelist_id=contract.id)
            self._use("2024-10-10", application=self.make_application(account))
            self.settle("2024-10-31")
            with self.subTest(number=number, scope=scope):
                self.assertEqual(self.lines(of=account).amount, 4)
                self._assert_refused(lambda rule=rule: rule.write({"fixed_price": 0.3}))
                self._assert_refused(rule.unlink)

    def test_the_list_below_the_list_below_changes(self):
        ground = self.make_pricelist({"av_hd": 0.3})
        middle = self.make_pricelist({"av_2k": 1}, base=ground)
        account = self.make_account(pricelist_id=self.make_pricelist({"av_4k": 2}, base=middle).id)
        self._use("2024-10-10", application=self.make_application(account))
        self.settle("2024-10-31")
        self._assert_refused(
            lambda: ground.item_ids.write({"fixed_price": 0.2}), account.name, ground.name
        )
        self._assert_refused(lambda: self._create_rule(middle), account.name)
        self._assert_refused(middle.item_ids.filtered("base_pricelist_id").unlink)
        middle.item_ids.filtered("product_id").fixed_price = 2
        self._assert_kept()

    def test_rates_of_exchange_hide_a_changed_base(self):
        self.env["res.currency.rate"].create(
            [
                {"name": day, "currency_id": self.env.ref(xml_id).id, "rate": rate}
                for day, xml_id, rate in (
                    ("2024-10-01", "base.CNY", 7),
                    ("2024-10-12", "base.CNY", 8),
                    ("2024-10-01", "base.EUR", 0.9),
                )
            ]
        )
        base = self.make_pricelist({"av_hd": 3}, currency=self.env.ref("base.CNY"))
        account = self.make_account(pricelist_id=self.make_pricelist({}, base=base).id)
        self._use("2024-10-10", "2024-10-14", application=self.make_application(account))
        self.settle("2024-10-31")
        self._assert_refused(lambda: base.item_ids.write({"fixed_price": 2}), account.name)
        self._assert_refused(
            lambda: base.write({"currency_id": self.env.ref("base.EUR").id}), base.name
        )
        self._create_rule(base, date_start="2024-10-11 16:00:00", date_end="2024-10-13 15:59:59")
        self._assert_kept()

    def test_the_clock_of_another_company_decides(self):
        west = self.env["res.company"].create(
            {"name": "West", "trtc_billing_tz": "America/New_York"}
        )
        contract = self.make_pricelist({"av_hd": 0.5})
        there = self.make_account(company_id=west.id, pricelist_id=contract.id)
        record = self.record("av_hd", 60, "2024-10-20", self.make_application(there))
        self.env["trtc.usage"].with_company(west).ingest([record], "test")
        there.with_context(allowed_company_ids=west.ids).settle("2024-10-31")
        # The 20th ends at 16:00 in Shanghai, and twelve hours later in New York.
        self._assert_refused(lambda: contract.item_ids.write({"date_end": "2024-10-20 16:00:00"}))
        contract.item_ids.date_end = "2024-10-21 03:59:59"

    def test_a_refusal_names_the_account_of_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        contract = self.make_pricelist({"av_hd": 0.5})
        there = self.make_account(company_id=other.id, pricelist_id=contract.id, name="Secret")
        record = self.record("av_hd", 60, "2024-10-20", self.make_application(there))
        self.env["trtc.usage"].with_company(other).ingest([record], "test")
        there.with_context(allowed_company_ids=other.ids).settle("2024-10-31")
        manager = self.make_user("manager")
        rule = contract.item_ids.with_user(manager)
        with self.assertRaises(UserError) as refused, self.env.cr.savepoint():
            rule.fixed_price = 0.4
        self.assertNotIn("Secret", str(refused.exception))
        with mute_logger("odoo.addons.base.models.ir_rule"):
            self._assert_refused(
                lambda: rule.with_context(trtc_force_prices=ForcedPrices(REASON)).write(
                    {"fixed_price": 0.4}
                ),
                error=AccessError,
            )

    def test_an_archived_account_lets_its_prices_change(self):
        self.account.active = False
        self._assert_refused(lambda: self.rule.write({"fixed_price": 0.4}))

    def test_a_list_that_the_account_has_left_changes(self):
        self.account.pricelist_id = self.make_pricelist({"av_hd": 0.1})
        self._assert_refused(lambda: self.rule.write({"fixed_price": 0.4}), "2024-10-20")

    # === WHAT IS ALLOWED === #

    def test_a_price_of_later_days_is_refused(self):
        self.rule.date_end = "2024-10-20 15:59:59"
        self._create_rule(date_start="2024-10-20 16:00:00").fixed_price = 0.3
        self._assert_kept()

    def test_a_newer_rule_of_later_days_is_refused(self):
        self._create_rule(date_start="2024-10-20 16:00:00")
        self._assert_kept()

    def test_days_between_settled_ones_cannot_be_priced(self):
        self._create_rule(date_start="2024-10-11 16:00:00", date_end="2024-10-15 15:59:59")
        self._assert_kept()

    def test_a_rule_that_prices_nothing_settled_cannot_change(self):
        rule = self._create_rule(item="av_2k")
        rule.fixed_price = 0.1
        rule.unlink()
        hidden = self._create_rule(applied_on="3_global", product_id=False)
        hidden.fixed_price = 0.1
        self._assert_kept()

    def test_a_successor_at_the_same_price_is_refused(self):
        self._create_rule(fixed_price=0.5)
        self.rule.unlink()
        self._assert_kept()

    def test_usage_without_a_price_stays_without(self):
        self._use("2024-10-10", item="av_2k")
        self.settle("2024-10-31")
        self.assertEqual(self.lines(item="av_2k").status, "unpriced")
        self._create_rule(item="av_2k")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount", item="av_2k"), 4)
        self.assert_books()

    def test_a_day_that_was_taken_back_holds_the_price(self):
        record = self.record("av_2k", 60, "2024-10-10")
        rule = self._create_rule(item="av_2k")
        self.ingest(record)
        self.settle("2024-10-31")
        self._assert_refused(lambda: rule.write({"fixed_price": 0.1}))
        self.ingest({**record, "quantity": 0})
        self.settle("2024-10-31")
        rule.fixed_price = 0.1
        self._assert_kept()

    def test_a_list_of_no_account_asks_the_database(self):
        shop = self.make_pricelist({"av_hd": 0.5})
        rule = shop.item_ids
        rule.fixed_price = 0.4
        self.env.flush_all()
        with self.assertQueryCount(1):
            self.assertFalse(shop._trtc_get_settled_days())
        self._create_rule(shop).unlink()
        rule.unlink()

    def test_names_and_notes_of_lists_are_guarded(self):
        self.contract.write({"name": "Renamed", "sequence": 3})
        self.rule.write({"fixed_price": 0.5})
        self._assert_kept()

    def test_a_settlement_at_work_does_not_see_the_change(self):
        """The serial number makes it fail instead; see the account."""

        def serial():
            self.account.invalidate_recordset()
            return self.account.billing_serial

        before = serial()
        rule = self._create_rule(date_start="2999-10-01 00:00:00")
        rule.fixed_price = 0.3
        self.assertEqual(serial(), before, "these days are far off")
        self._create_rule(date_start="2024-11-01 00:00:00")
        self.assertGreater(serial(), before)

    # === FORCE === #

    def test_a_forced_change_leaves_settled_days_as_they_are(self):
        self.rule.with_context(trtc_force_prices=ForcedPrices(REASON)).fixed_price = 0.4
        adjustment = self.settle("2024-10-31")
        self.assertEqual(
            sorted(adjustment.line_ids.mapped(lambda li: (li.billable_quantity, li.price_unit))),
            [(-10, 0.5), (-10, 0.5), (10, 0.4), (10, 0.4)],
        )
        self.assertEqual(self.total("amount"), 8)
        self.assertFalse(self.settle("2024-10-31"), "the second run does nothing")
        self.assert_books()

    def test_a_forced_deletion_bills_usage_without_a_price(self):
        self.rule.with_context(trtc_force_prices=ForcedPrices()).unlink()
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 0)
        self.assertEqual(len(self.lines(is_pending=True)), 2)
        self.assert_books()

    def test_forced_steps_are_forgotten(self):
        self._create_rule(item="av_2k", min_quantity=0)
        self._create_rule(item="av_2k", min_quantity=5, fixed_price=0.1)
        self._use("2024-10-10", item="av_2k")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount", item="av_2k"), 1)
        self.contract.with_context(trtc_force_prices=ForcedPrices(REASON)).trtc_graduated = True
        self.settle("2024-10-31")
        self.assertEqual(float(self.total("amount", item="av_2k")), 2.5)
        self.assertIn(REASON, self.contract.message_ids[0].body)
        self.assert_books()

    def test_nobody_knows_who_forced_a_price(self):
        manager = self.make_user("manager")
        rule = self.rule.with_user(manager).with_context(trtc_force_prices=ForcedPrices(REASON))
        rule.fixed_price = 0.4
        message = self.contract.message_ids[0]
        self.assertEqual(message.author_id, manager.partner_id)
        for word in (manager.name, "0.5", "0.4", "2024-10-10", "2024-10-20", REASON):
            self.assertIn(word, message.body)

    def test_someone_else_than_a_manager_forces_a_price(self):
        self.make_users()
        pricing = self.env.ref("product.group_product_manager")
        for role in ("reader", "operator", "accountant", "employee"):
            user = getattr(self, f"user_{role}")
            user.group_ids += pricing
            rule = self.rule.with_user(user)
            with self.subTest(role=role):
                self._assert_refused(lambda rule=rule: rule.write({"fixed_price": 0.4}))
                forced = rule.with_context(trtc_force_prices=ForcedPrices(REASON))
                self._assert_refused(
                    lambda forced=forced: forced.write({"fixed_price": 0.4}),
                    "TRTC Billing / Manager",
                    error=AccessError,
                )
                self._assert_refused(forced.unlink, error=AccessError)
        for role in ("portal", "api_sender"):
            rule = self.rule.with_user(getattr(self, f"user_{role}"))
            forced = rule.with_context(trtc_force_prices=ForcedPrices(REASON))
            with self.subTest(role=role), mute_logger("odoo.addons.base.models.ir_model"):
                self._assert_refused(
                    lambda forced=forced: forced.write({"fixed_price": 0.4}), error=AccessError
                )
        self._assert_kept()

    def test_a_caller_claims_that_the_change_is_watched(self):
        for claim in (True, 1, "WATCHED", {}):
            rule = self.rule.with_context(trtc_watched=claim)
            self._assert_refused(lambda rule=rule: rule.write({"fixed_price": 0.4}))
