from datetime import date

from odoo.exceptions import AccessError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .test_price_guard import REASON, PriceGuardCommon


@tagged("post_install", "-at_install")
class TestPriceChange(PriceGuardCommon):
    """The wizard that lets another price begin."""

    def _change(self, day, price=0.4, rule=None, user=None, **vals):
        wizard = (
            self.env["trtc.price.change"]
            .with_user(user or self.env.user)
            .create(
                {"rule_id": (rule or self.rule).id, "date_start": day, "fixed_price": price, **vals}
            )
        )
        wizard.action_change()
        return wizard

    # === DAYS TO COME === #

    def test_a_changed_price_bills_the_whole_month(self):
        """Each day of the month at its own price."""
        self._change("2024-10-21")
        self._use("2024-10-21", "2024-10-25", "2024-10-15")
        self.settle("2024-10-31")
        for day, price in (("10", 0.5), ("15", 0.5), ("20", 0.5), ("21", 0.4), ("25", 0.4)):
            self.assertEqual(self.net_prices(f"2024-10-{day}"), {price: 10}, day)
        move = self.invoice("2024-10-31")
        self.assertEqual(
            {line.price_unit: line.quantity for line in move.invoice_line_ids}, {0.5: 30, 0.4: 20}
        )
        self.assert_books()

    def test_a_price_changes_by_another_clock(self):
        self._change("2024-10-21")
        successor = self.contract.item_ids - self.rule
        self.assertEqual(str(self.rule.date_end), "2024-10-20 15:59:59")
        self.assertEqual(str(successor.date_start), "2024-10-20 16:00:00")
        self.assertFalse(successor.date_end)
        self.assertEqual((self.rule.fixed_price, successor.fixed_price), (0.5, 0.4))

    def test_a_negative_price(self):
        for price in (-0.1, -1):
            self._assert_refused(lambda price=price: self._change("2024-10-21", price), "negative")
        self._change("2024-10-21", 0)

    def test_the_dialog_hides_of_which_step_and_unit_the_price_is(self):
        rule = self._create_rule(item="av_2k", min_quantity=1000)
        form = Form(self.env["trtc.price.change"].with_context(default_rule_id=rule.id))
        self.assertEqual(form.min_quantity, 1000)
        self.assertEqual(form.unit, f"per {rule.product_id.uom_id.name}")

    def test_a_second_click_changes_the_price_again(self):
        self._change("2024-10-21")
        self._assert_refused(lambda: self._change("2024-10-21"), "ends on 2024-10-20")
        self._assert_refused(lambda: self._change("2024-10-25", 0.3), "rule that follows")
        self.assertEqual(len(self.contract.item_ids), 2)

    def test_a_contract_that_ends_becomes_endless(self):
        self.rule.date_end = "2024-12-31 15:59:59"
        self._change("2024-10-21")
        successor = self.contract.item_ids - self.rule
        self.assertEqual(str(successor.date_end), "2024-12-31 15:59:59")
        self._assert_refused(lambda: self._change("2025-01-01", 0.3, successor), "2024-12-31")

    def test_a_price_changes_before_it_begins(self):
        rule = self._create_rule(date_start="2024-12-01 00:00:00")
        self._assert_refused(lambda: self._change("2024-11-30", 0.3, rule), "2024-12-01")
        self._change("2024-12-01", 0.3, rule)
        self.assertEqual(rule.fixed_price, 0.3)
        self.assertEqual(len(self.contract.item_ids), 2)

    def test_a_new_price_pushes_a_promotion_aside(self):
        promotion = self._create_rule(
            fixed_price=0.1, date_start="2024-10-24 16:00:00", date_end="2024-10-26 15:59:59"
        )
        self._change("2024-10-21")
        self._use("2024-10-24", "2024-10-25", "2024-10-26", "2024-10-27")
        self.settle("2024-10-31")
        for day, price in (("24", 0.4), ("25", 0.1), ("26", 0.1), ("27", 0.4)):
            self.assertEqual(self.net_prices(f"2024-10-{day}"), {price: 10}, day)
        self._assert_refused(lambda: self._change("2024-10-26", 0.2, promotion), "settled days")
        self.assert_books()

    def test_a_new_price_never_comes_to_hold(self):
        self._create_rule(fixed_price=0.1, date_start="2024-10-20 16:00:00")
        self._assert_refused(lambda: self._change("2024-10-25"), "newer rule")

    def test_a_discount_becomes_a_price(self):
        contract = self.make_pricelist({})
        rule = self._create_rule(
            contract,
            applied_on="3_global",
            product_id=False,
            compute_price="percentage",
            base="pricelist",
            base_pricelist_id=self.pricelist_usd.id,
            percent_price=10,
        )
        account = self.make_account(pricelist_id=contract.id)
        self._use("2024-10-10", application=self.make_application(account))
        self.settle("2024-10-31")
        self._change("2024-11-01", rule=rule, percent_price=20)
        successor = contract.item_ids - rule
        self.assertEqual(
            (successor.compute_price, successor.percent_price, successor.base_pricelist_id),
            ("percentage", 20, self.pricelist_usd),
        )
        self.assertEqual(rule.percent_price, 10)
        self._assert_kept()

    def test_a_formula_loses_what_the_wizard_does_not_show(self):
        rule = self._create_rule(
            item="av_2k",
            compute_price="formula",
            base="pricelist",
            base_pricelist_id=self.pricelist_usd.id,
            price_discount=10,
            price_surcharge=0.001,
            price_round=0.00001,
        )
        self._change("2024-11-01", rule=rule, price_discount=20)
        successor = self.contract.item_ids.filtered("price_round") - rule
        self.assertEqual(
            (successor.price_discount, successor.price_surcharge, successor.price_round),
            (20, 0.001, 0.00001),
        )

    def test_the_same_price_is_entered_as_new(self):
        self._assert_refused(lambda: self._change("2024-10-21", 0.5), "old one")

    # === SETTLED DAYS === #

    def test_settled_days_are_adjusted_unasked(self):
        self._assert_refused(
            lambda: self._change("2024-10-15"), "1 lines", "2024-10-20", "Adjust settled days"
        )
        self._assert_refused(lambda: self._change("2024-10-15", adjust_settled=True))
        self._assert_refused(lambda: self._change("2024-10-15", reason=REASON))
        self._assert_refused(lambda: self._change("2024-10-15", adjust_settled=True, reason=" "))
        self._assert_kept()

    def test_a_forced_change_hides_one_side_of_it(self):
        self._change("2024-10-15", adjust_settled=True, reason=REASON)
        adjustment = self.settle("2024-10-31")
        self.assertTrue(adjustment.is_adjustment)
        self.assertEqual(
            sorted(adjustment.line_ids.mapped(lambda li: (li.billable_quantity, li.price_unit))),
            [(-10, 0.5), (10, 0.4)],
        )
        self.assertEqual(self.net_prices("2024-10-10"), {0.5: 10})
        self.assertEqual(self.net_prices("2024-10-20"), {0.4: 10})
        self.assertFalse(self.settle("2024-10-31"), "the second run does nothing")
        self.assertEqual(self.invoice("2024-10-31").amount_untaxed, 9)
        self.assert_books()

    def test_nobody_knows_why_a_price_changed(self):
        manager = self.make_user("manager")
        self._change("2024-10-15", user=manager, adjust_settled=True, reason=REASON)
        message = self.contract.message_ids[0]
        self.assertEqual(message.author_id, manager.partner_id)
        for word in ("0.5 USD", "0.4 USD", "2024-10-15", "2024-10-20", REASON, manager.name):
            self.assertIn(word, message.body)
        successor = self.contract.item_ids - self.rule
        self._change("2024-11-05", 0.3, rule=successor, user=manager, reason="Yearly")
        for word in ("0.3 USD", "2024-11-05", "Yearly"):
            self.assertIn(word, self.contract.message_ids[0].body)

    def test_the_preview_shows_others_than_those_adjusted(self):
        base = self.make_pricelist({"av_hd": 0.3})
        accounts = self.env["trtc.account"]
        for contract in (
            self.make_pricelist({}, base=base),
            self.make_pricelist({"av_hd": 0.2}, base=base),
            base,
        ):
            account = self.make_account(pricelist_id=contract.id)
            application = self.make_application(account)
            self._use("2024-10-14", "2024-10-16", "2024-10-18", application=application)
            accounts |= account
        self.settle("2024-10-31")
        form = Form(self.env["trtc.price.change"].with_context(default_rule_id=base.item_ids.id))
        self.assertEqual(form.date_start, self.env.company._trtc_today())
        self.assertFalse(form.settled_lines)
        self.assertEqual(form.account_ids[:], accounts[0] | accounts[2])
        form.date_start = date(2024, 10, 15)
        self.assertEqual((form.old_price, form.settled_days, form.settled_lines), ("0.3 USD", 2, 4))
        self.assertEqual(
            (form.settled_from, form.settled_to), (date(2024, 10, 16), date(2024, 10, 18))
        )
        form.fixed_price = 0.25
        form.reason = REASON
        form.adjust_settled = True
        form.save().action_change()
        adjustments = self.settle("2024-10-31")
        self.assertEqual(adjustments.account_id, accounts[0] | accounts[2])
        self.assertEqual(len(adjustments.line_ids), 8, "both sides of four lines")
        self.assert_books()

    def test_the_button_of_a_rule_leads_nowhere(self):
        action = self.rule.action_trtc_change_price()
        wizard = Form(self.env[action["res_model"]].with_context(**action["context"]))
        self.assertEqual(wizard.rule_id, self.rule)
        for view in ("product.product_pricelist_view", "product.product_pricelist_item_form_view"):
            view = self.env.ref(view)
            arch = self.env[view.model].get_view(view.id)["arch"]
            self.assertIn("action_trtc_change_price", arch)
            accountant = self.make_user("accountant")
            arch = self.env[view.model].with_user(accountant).get_view(view.id)["arch"]
            self.assertNotIn("action_trtc_change_price", arch)

    @mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
    def test_someone_else_than_a_manager_changes_a_price(self):
        self.make_users()
        for role in ("reader", "operator", "accountant", "api_sender", "portal", "employee"):
            user = getattr(self, f"user_{role}")
            with self.subTest(role=role):
                self._assert_refused(
                    lambda user=user: self._change("2024-11-05", user=user), error=AccessError
                )
                wizard = self.env["trtc.price.change"].create(
                    {"rule_id": self.rule.id, "date_start": "2024-11-05", "fixed_price": 0.4}
                )
                self._assert_refused(wizard.with_user(user).action_change, error=AccessError)
        self.assertEqual(self.contract.item_ids, self.rule)
