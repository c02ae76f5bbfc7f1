from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import TrtcCommon

STEPS = [(0, 0.01), (100, 0.005)]


@tagged("post_install", "-at_install")
class TestFixedSettings(TrtcCommon):
    """What usage and statements rest on stays as it is."""

    def _assert_refused(self, record, vals, message="cannot change any more"):
        with self.assertRaisesRegex(UserError, message), self.env.cr.savepoint():
            record.write(vals)
        record.invalidate_recordset()

    # === BILLING ITEM === #

    def _get_other_metering(self):
        return {
            "code": "another",
            "cycle": "month",
            "scope": "account",
            "aggregation": "peak",
            "usage_uom_id": self.env.ref("trtc_billing.uom_minute").id,
            "uom_id": self.env.ref("trtc_billing.uom_hour").id,
        }

    def test_an_item_with_unsettled_usage_is_metered_otherwise(self):
        self.usage("av_hd", 600, "2024-10-01")
        for name, value in self._get_other_metering().items():
            with self.subTest(field=name):
                self._assert_refused(self.item("av_hd"), {name: value})

    def test_an_item_with_settled_usage_is_metered_otherwise(self):
        self.usage("av_hd", 600, "2024-10-01")
        self.settle("2024-10-31")
        for name, value in self._get_other_metering().items():
            with self.subTest(field=name):
                self._assert_refused(self.item("av_hd"), {name: value})

    def test_an_item_without_usage_cannot_be_corrected(self):
        self.usage("av_hd", 600, "2024-10-01")
        item = self.item("av_hd").copy({"code": "fresh"})
        item.write({"code": "corrected", "cycle": "month", "scope": "account"})
        self.assertEqual((item.code, item.cycle, item.scope), ("corrected", "month", "account"))

    # === CURRENCY === #

    def test_a_settled_account_changes_currency_with_its_pricelist(self):
        contract = self.make_pricelist({"av_hd": 0.5})
        euro = self.env.ref("base.EUR")
        self.account.pricelist_id = contract
        self.usage("av_hd", 600, "2024-10-01")
        contract.currency_id = euro
        self.assertEqual(self.account.currency_id, euro, "nothing is settled yet")
        contract.currency_id = self.env.ref("base.USD")
        self.settle("2024-10-31")
        self._assert_refused(contract, {"currency_id": euro.id})
        contract.currency_id = contract.currency_id
        self.assertEqual(self.account.currency_id.name, "USD")

    def test_a_settled_account_takes_a_pricelist_of_another_currency(self):
        self.usage("av_hd", 600, "2024-10-01")
        self.settle("2024-10-31")
        self._assert_refused(self.account, {"pricelist_id": self.pricelist_cny.id})
        self.account.pricelist_id = self.make_pricelist({}, base=self.pricelist_usd)

    def test_an_archived_account_lets_its_pricelist_change_currency(self):
        contract = self.make_pricelist({"av_hd": 0.5})
        self.account.pricelist_id = contract
        self.usage("av_hd", 600, "2024-10-01")
        self.settle("2024-10-31")
        self.account.active = False
        self._assert_refused(contract, {"currency_id": self.env.ref("base.EUR").id})

    # === ACCOUNT, COMPANY === #

    def test_usage_changes_company_with_its_account(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.account.company_id = other
        self.account.company_id = self.env.company
        self.usage("av_hd", 600, "2024-10-01")
        self._assert_refused(self.account, {"company_id": other.id})

    def test_a_settled_account_changes_hands(self):
        stranger = self.env["res.partner"].create({"name": "Stranger", "is_company": True})
        contact = self.env["res.partner"].create({"name": "Contact", "parent_id": self.customer.id})
        self.usage("av_hd", 600, "2024-10-01")
        self.account.write({"uin": "300000000001", "partner_id": stranger.id})
        self.account.partner_id = self.customer
        self.settle("2024-10-31")
        self._assert_refused(self.account, {"uin": "300000000002"})
        self._assert_refused(self.account, {"partner_id": stranger.id})
        self.account.partner_id = contact
        self.assertEqual(self.account.commercial_partner_id, self.customer)

    def test_the_days_of_known_usage_begin_at_another_hour(self):
        company = self.env.company
        company.trtc_billing_tz = "UTC"
        company.trtc_billing_tz = "Asia/Shanghai"
        self.usage("av_hd", 600, "2024-10-01", sdkappid="1499999999")
        self._assert_refused(company, {"trtc_billing_tz": "UTC"})
        company.trtc_billing_tz = "Asia/Shanghai"


@tagged("post_install", "-at_install")
class TestChangedPrices(TrtcCommon):
    """A changed price reaches what it is for, and nothing else."""

    def _use(self, minutes, day, item="av_hd"):
        return self.usage(item, minutes, day, unit="min")

    def _amount(self, **which):
        return float(self.total("amount", **which))

    # === VOLUME STEPS === #

    def test_a_month_loses_its_volume_when_the_product_is_archived(self):
        self.account.pricelist_id = self.make_pricelist({"av_hd": STEPS})
        self._use(120, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self._amount(), 0.6)
        self.item("av_hd").product_id.active = False
        self.env.invalidate_all()
        self._use(10, "2024-10-02")
        self.settle("2024-10-31")
        self.assertEqual(self._amount(), 0.65)
        self.assert_books()

    def test_a_month_loses_its_volume_when_the_template_and_item_are_archived(self):
        self.account.pricelist_id = self.make_pricelist({"av_hd": STEPS})
        self._use(120, "2024-10-05")
        self.settle("2024-10-31")
        item = self.item("av_hd")
        item.product_id.product_tmpl_id.active = False
        item.active = False
        self.env.invalidate_all()
        self._use(10, "2024-10-02")
        self.settle("2024-10-31")
        self.assertEqual(self._amount(), 0.65)
        self.assert_books()

    def test_steps_settle_days_that_are_not_due(self):
        self.account.pricelist_id = self.make_pricelist({"av_hd": STEPS})
        self._use(60, "2024-10-05")
        self._use(60, "2024-10-20")
        first = self.settle("2024-10-15")
        self.assertEqual(first.mapped("date_to"), [self.lines().date])
        self.assertEqual(self._amount(), 0.6)
        self.assertFalse(self.lines(day="2024-10-20"))
        self.settle("2024-10-31")
        self.assertEqual(self._amount(), 0.6, "120 minutes at 0.005")
        self.assert_books()

    def test_steps_forget_settled_days_that_are_later(self):
        self.account.pricelist_id = self.make_pricelist({"av_hd": STEPS})
        self._use(60, "2024-10-05")
        self._use(60, "2024-10-20")
        self.settle("2024-10-31")
        self._use(10, "2024-10-05")
        self._use(10, "2024-10-25")
        self.settle("2024-10-15")
        self.assertEqual(self._amount(), 0.65, "130 minutes at 0.005")
        self.assertFalse(self.lines(day="2024-10-25"))
        self.settle("2024-10-31")
        self.assertEqual(self._amount(), 0.7)
        self.assert_books()

    # === A PRICE APPEARS === #

    def _assert_priced_by(self, contract, change, amount):
        """Check that a change of prices is enough to bill usage without a price."""
        self.account.pricelist_id = contract
        self._use(10, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.lines().mapped("status"), ["unpriced"])
        self.assertFalse(self.settle("2024-10-31"), "there still is no price")
        change()
        self.settle("2024-10-31")
        self.assertEqual(self._amount(), amount)
        self.assertFalse(self.lines(is_pending=True))
        self.assertEqual(self.invoice("2024-10-31").amount_untaxed, amount)
        self.assert_books()

    def _rule(self, **vals):
        return {
            "applied_on": "0_product_variant",
            "product_id": self.item("av_hd").product_id.id,
            "compute_price": "fixed",
            "fixed_price": 0.5,
            **vals,
        }

    def test_a_rule_that_is_created_leaves_usage_without_price(self):
        contract = self.make_pricelist({})

        def change():
            rule = self._rule(pricelist_id=contract.id)
            self.env["product.pricelist.item"].create(rule)

        self._assert_priced_by(contract, change, 5.0)

    def test_a_list_price_that_is_entered_leaves_usage_without_price(self):
        rule = self._rule(compute_price="formula", base="list_price")
        contract = self.make_pricelist({})
        contract.item_ids = [Command.create(rule)]

        def change():
            self.item("av_hd").product_id.list_price = 0.4

        self._assert_priced_by(contract, change, 4.0)

    def test_a_rule_of_a_base_list_leaves_usage_without_price(self):
        base = self.make_pricelist({})
        contract = self.make_pricelist({}, base=base)

        def change():
            base.item_ids = [Command.create(self._rule(fixed_price=0.3))]

        self._assert_priced_by(contract, change, 3.0)

    def test_a_rule_that_reaches_back_leaves_usage_without_price(self):
        contract = self.make_pricelist({})
        contract.item_ids = [Command.create(self._rule(date_start="2024-10-05 00:00:00"))]

        def change():
            contract.item_ids.date_start = "2024-09-01 00:00:00"

        self._assert_priced_by(contract, change, 5.0)

    # === WHAT A CHANGE LEAVES ALONE === #

    def test_late_audio_prices_settled_video_again(self):
        self._use(1000, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self._amount(), 3.99)
        half = {"av_hd": 0.001995, "av_audio": 0.0005}
        self.account.pricelist_id = self.make_pricelist(half)
        self.usage("av_audio", 1, "2024-10-01")
        adjustment = self.settle("2024-10-31")
        self.assertEqual(adjustment.line_ids.item_id.code, "av_audio")
        self.assertEqual(self._amount(item="av_hd"), 3.99)
        self.assertEqual(self._amount(item="av_audio"), 0.00099, "that day has the old list")

    def test_late_audio_rounds_settled_video_by_another_block(self):
        self.usage("av_hd", 61, "2024-10-01")
        self.settle("2024-10-31")
        self.item("av_hd").block_size = 600
        self.usage("av_audio", 1, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity", item="av_hd"), 2)


@tagged("post_install", "-at_install")
class TestChangedRights(TrtcCommon):
    """Editions, decisions and archives change what is billed by the next settlement."""

    # === ARCHIVES === #

    def test_robots_of_an_archived_application_are_forgotten(self):
        self.usage("rec_hd", 600, "2024-10-01")
        self.settle("2024-10-31")
        self.application.active = False
        self.account.derive_robots_from = "2024-10-01"
        adjustment = self.settle("2024-10-31")
        self.assertEqual(adjustment.line_ids.mapped("kind"), ["robot"])
        self.assertEqual(adjustment.line_ids.billable_quantity, 10)
        self.assert_books()

    def test_usage_of_an_archived_account_is_forgotten(self):
        self.usage("av_hd", 60_000, "2024-10-01")
        self.account.active = False
        move = self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, 3.99)
        self.assertEqual(move.trtc_account_id, self.account)
        self.assert_books(self.account)

    # === EDITIONS === #

    def _shoot(self):
        return self.usage("screenshot_terminal", 22_000, "2024-10-10")

    def test_a_changed_matrix_leaves_usage_locked(self):
        self.subscribe(self.application, "pro", "2024-01-01")
        self._shoot()
        self.settle("2024-10-31")
        self.assertEqual(self.lines().mapped("status"), ["locked"])
        self.edition("pro").feature_ids += self.feature("terminal_screenshot")
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 12)
        self.assertEqual(self.total("locked_quantity"), 0)
        self.assertFalse(self.lines(is_pending=True))
        self.assert_books()

    def test_a_feature_of_every_edition_leaves_usage_locked(self):
        self._shoot()
        self.settle("2024-10-31")
        self.feature("terminal_screenshot").every_edition = True
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 12)
        self.assert_books()

    def test_the_edition_of_today_is_that_of_before_the_change(self):
        subscription = self.subscribe(self.application, "pro", "2024-01-01")
        self.assertEqual(self.application.edition_id.code, "pro")
        subscription.date_end = "2024-12-31"
        self.assertFalse(self.application.edition_id)
        subscription.date_end = False
        self.assertEqual(self.application.edition_id.code, "pro")
        subscription.edition_id = self.edition("trial")
        self.assertEqual(self.application.edition_id.code, "trial")
        subscription.unlink()
        self.assertFalse(self.application.edition_id)

    # === ROBOTS OF LOCKED TASKS === #

    def _slice_behind_a_lock(self):
        """Let slicing need a feature that the application does not have; use it."""
        self.item("slice_audio").feature_id = self.feature("terminal_screenshot")
        self.account.derive_robots_from = "2024-10-01"
        self.usage("slice_audio", 600, "2024-10-01")

    def _decide(self, outcome):
        return self.env["trtc.decision"].create(
            {
                "application_id": self.application.id,
                "item_id": self.item("slice_audio").id,
                "date_from": "2024-10-01",
                "date_to": "2024-10-31",
                "outcome": outcome,
                "reason": "As agreed",
            }
        )

    def test_the_robot_of_a_locked_task_is_billed(self):
        self._slice_behind_a_lock()
        self.settle("2024-10-31")
        self.assertEqual(self.lines().mapped("status"), ["locked"])
        self.assertFalse(self.lines(kind="robot"))
        self.assertFalse(self.invoice("2024-10-31"))

    def test_the_robot_of_a_waived_task_is_billed(self):
        self._slice_behind_a_lock()
        self._decide("waive")
        self.settle("2024-10-31")
        self.assertEqual(self.lines().mapped("status"), ["waived"])
        self.assertFalse(self.lines(kind="robot"))

    def test_the_robot_of_a_task_that_is_billed_by_decision_is_forgotten(self):
        self._slice_behind_a_lock()
        self.settle("2024-10-31")
        self._decide("bill")
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity", item="slice_audio"), 10)
        self.assertEqual(self.total("billable_quantity", kind="robot"), 10)
        self.assertEqual(self.lines(kind="robot").item_id.code, "av_audio")
        self.assert_books()
