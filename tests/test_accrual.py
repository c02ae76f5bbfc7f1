from decimal import Decimal

from freezegun import freeze_time

from odoo.tests import tagged

from .accrual import AccrualCommon


@tagged("post_install", "-at_install")
class TestAccrual(AccrualCommon):
    """What is earned at the end of a period, and not invoiced by then."""

    # === INVOICES === #

    def test_a_draft_invoice_counts_as_invoiced(self):
        self.use(10, "2024-10-05")
        move = self.bill("2024-10-31", post=False)
        move.invoice_date = "2024-10-31"
        self.assertEqual(str(move.date), "2024-10-31")
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": 10})
        move.action_post()
        self.assertEqual(self.unbilled("2024-10-31"), {})

    def test_an_invoice_dated_after_the_period_end_counts(self):
        self.use(10, "2024-10-05")
        self.bill("2024-10-31", dated="2024-11-02")
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": 10})
        self.assertEqual(self.unbilled("2024-11-01"), {"settled": 10})
        self.assertEqual(self.unbilled("2024-11-02"), {})

    def test_a_cancelled_invoice_counts(self):
        self.use(10, "2024-10-05")
        move = self.bill("2024-10-31")
        move.button_draft()
        move.button_cancel()
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": 10})

    def test_an_adjustment_that_outweighs_is_forgotten(self):
        usage = self.use(10, "2024-10-05")
        self.bill("2024-10-31")
        self.ingest({**self.record("av_audio", 0, "2024-10-05"), "id": usage.external_id})
        self.assertEqual(self.unbilled("2024-10-31"), {"unsettled": -10})
        self.settle("2024-10-31")
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": -10})
        accrual = self.propose("2024-10-31")
        self.assertEqual(accrual.amount_total, -10)
        self.assertEqual(accrual.move_id.line_ids.filtered("debit").account_id, self.income)
        self.assertEqual((self.revenue("2024-10-31"), self.revenue("2024-11-01")), (0, 10))

    # === USAGE THAT IS NOT SETTLED === #

    def test_usage_that_is_not_settled_is_left_out(self):
        self.use(10, "2024-10-05")
        self.use(7, "2024-11-01")
        self.assertEqual(self.unbilled("2024-10-31"), {"unsettled": 10})
        self.assertFalse(self.lines())
        self.settle("2024-10-31")
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": 10})

    def test_the_estimate_is_not_what_settlement_bills(self):
        """Free minutes and steps of prices are those of the engine, and nothing stays written."""
        self.account.write(
            {
                "free_policy_id": self.env.ref("trtc_billing.free_policy_2023").id,
                "free_from": "2024-10-01",
            }
        )
        self.account.pricelist_id = self.make_pricelist(
            {"av_audio": [(0, 3), (100, 2)]}, base=self.pricelist_usd
        )
        for day in ("2024-10-05", "2024-10-06", "2024-10-20"):
            self.use(4000, day)
        packs = self.env["trtc.minute.pack"].search_count([])
        notes = self.env["trtc.settlement.note"].sudo().search_count([])
        estimate = self.unbilled("2024-10-31")
        self.assertEqual(self.env["trtc.minute.pack"].search_count([]), packs)
        self.assertEqual(self.env["trtc.settlement.note"].sudo().search_count([]), notes)
        self.settle("2024-10-31")
        self.assertEqual(estimate, {"unsettled": self.total("amount")})
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": estimate["unsettled"]})

    def test_a_day_that_is_not_over_is_included(self):
        self.use(10, "2024-10-05")
        self.use(7, "2024-10-06")
        with freeze_time("2024-10-06 12:00"):
            self.assertEqual(self.unbilled("2024-10-06"), {"unsettled": 10})
        with freeze_time("2024-10-06 16:30"):  # 00:30 in Shanghai
            self.assertEqual(self.unbilled("2024-10-06"), {"unsettled": 17})

    def test_the_open_month_of_a_monthly_item_is_left_out(self):
        self.subscribe(self.application, "flagship", "2024-10-01")
        for day in ("2024-10-05", "2024-10-20"):
            self.usage("screenshot_terminal", 15_000, day)
        # 15 thousand, of which 10 are free; at the end of the month 30
        self.assertEqual(self.unbilled("2024-10-10"), {"unsettled": Decimal("0.15")})
        self.assertEqual(self.unbilled("2024-10-31"), {"unsettled": Decimal("0.60")})
        self.bill("2024-10-31", dated="2024-11-01")
        self.assertEqual(self.unbilled("2024-10-10"), {"unsettled": Decimal("0.15")})
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": Decimal("0.60")})
        self.assertEqual(self.unbilled("2024-11-01"), {})

    def test_days_after_the_period_end_are_accrued(self):
        """Late usage changes the price of later days too; those belong to the next period."""
        self.account.pricelist_id = self.make_pricelist({"av_audio": [(0, 3), (100, 2)]})
        self.use(50, "2024-10-05")
        self.use(40, "2024-10-20")
        self.settle("2024-10-31")
        self.use(20, "2024-10-05")
        # 70 at 2 instead of 50 at 3, and not also 40 at 2 instead of 3
        self.assertEqual(self.unbilled("2024-10-15"), {"settled": 150, "unsettled": -10})

    def test_locked_usage_is_accrued(self):
        self.subscribe(self.application, "standard", "2024-10-01")
        self.usage("screenshot_terminal", 15_000, "2024-10-05")
        self.use(10, "2024-10-05")
        for waiting in ("unsettled", "settled"):
            with self.subTest(waiting):
                self.assertEqual(
                    self.unbilled("2024-10-31"), {waiting: 10, "locked": Decimal("0.45")}
                )
                accrual = self.propose("2024-10-31", post=False)
                self.assertEqual(accrual.amount_total, 10)
                self.assertEqual(accrual.waiting_line_ids.mapped("kind"), ["locked"])
                self.assertEqual(accrual.waiting_line_ids.quantity, 15)
                self.assertEqual(accrual.accrued_line_ids.mapped("kind"), [waiting])
            self.settle("2024-10-31")

    def test_usage_without_price_is_accrued(self):
        self.account.pricelist_id = self.make_pricelist({"av_audio": 1})
        self.use(5, "2024-10-05", item="av_hd")
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        self.assertEqual(accrual.amount_total, 10)
        self.assertEqual(
            (accrual.waiting_line_ids.kind, accrual.waiting_line_ids.quantity), ("unpriced", 5)
        )

    # === FEES === #

    def _sell(self, first="2024-10-16", last="2024-11-15"):
        self.price_editions(self.pricelist, {"pro": 310})
        return self.subscribe(self.application, "pro", first, last)

    def test_a_whole_term_is_accrued(self):
        self._sell()
        for opened in (False, True):
            with self.subTest(opened):
                # 16 of 31 days
                self.assertEqual(self.unbilled("2024-10-31"), {"fee": 160})
            self.settle("2024-10-31")
        self.assertEqual(self.unbilled("2024-10-15"), {})
        self.assertEqual(self.unbilled("2024-11-15"), {"fee": 310})
        self.bill("2024-10-31", dated="2024-11-02")
        self.assertEqual(self.unbilled("2024-10-31"), {"fee": 160})
        self.assertEqual(self.unbilled("2024-11-02"), {})

    def test_minutes_of_a_term_that_no_run_has_opened_are_missing(self):
        self.edition("pro").included_minutes = 1000
        self._sell()
        self.use(600, "2024-10-20")
        estimate = self.unbilled("2024-10-31")
        self.settle("2024-10-31")
        settled = self.unbilled("2024-10-31")
        self.assertEqual(estimate, {"fee": 160})
        self.assertEqual(settled, {"fee": 160})

    def test_a_pack_is_accrued_before_it_is_paid(self):
        product = self.env.ref("trtc_billing.product_pack")
        days = self.date("2024-10-01"), self.date("2025-10-31")
        vals = self.account._prepare_fee("pack", product, Decimal(100), *days)
        fee = self.env["trtc.fee"].sudo().create(vals)
        self.assertEqual(self.unbilled("2024-10-31"), {})
        self.bill("2024-10-31")
        # What comes back of it is due at once.
        with freeze_time("2024-11-05 04:00"):
            fee._refund(Decimal(40))
        self.assertEqual(self.unbilled("2024-11-04"), {})
        self.assertEqual(self.unbilled("2024-11-05"), {"fee": -40})

    def test_a_prepaid_term_is_recognised_and_accrued(self):
        deferred = self.make_ledger_account("TRTCD", "liability_current")
        self.company.trtc_deferred_account_id = deferred
        self._sell()
        # Invoiced in November: accrued for October, not recognised for it too
        self.settle("2024-10-31")
        self.propose("2024-10-31")
        self.bill("2024-10-31", dated="2024-11-02")
        recognise = self.env["trtc.recognise"].with_user(self.accountant)
        recognise.create({"date": "2024-10-31"}).action_propose()
        self.assertFalse(self.env["trtc.recognition"].search([]))
        self.assertEqual(self.revenue("2024-10-31"), 160)
        action = recognise.create({"date": "2024-11-30"}).action_propose()
        self.env["account.move"].browse(action["res_id"]).action_post()
        self.assertEqual((self.revenue("2024-11-01"), self.revenue("2024-11-30")), (0, 310))
        self.assertEqual(self.unbilled("2024-11-30"), {})

    def test_what_is_recognised_before_its_invoice_is_accrued(self):
        deferred = self.make_ledger_account("TRTCD", "liability_current")
        self.company.trtc_deferred_account_id = deferred
        self._sell()
        self.bill("2024-10-31", dated="2024-11-02")
        recognise = self.env["trtc.recognise"].with_user(self.accountant)
        action = recognise.create({"date": "2024-10-31"}).action_propose()
        self.env["account.move"].browse(action["res_id"]).action_post()
        self.assertEqual(self.unbilled("2024-10-31"), {})
        self.assertEqual(self.revenue("2024-10-31"), 160)

    def test_a_drawn_pack_whose_invoice_is_dated_later_lowers_the_accrual(self):
        """What is recognised of it is revenue already: nothing is to be accrued or taken off."""
        deferred = self.make_ledger_account("TRTCD", "liability_current")
        self.company.trtc_deferred_account_id = deferred
        product = self.env.ref("trtc_billing.product_pack")
        days = self.date("2024-10-01"), self.date("2025-09-30")
        vals = self.account._prepare_fee("pack", product, Decimal(100), *days)
        pack = self.make_pack(1000, "2024-10-01", "2025-09-30", kind="prepaid")
        pack.sudo().fee_id = self.env["trtc.fee"].sudo().create(vals)
        self.use(400, "2024-10-05")
        self.bill("2024-10-31", dated="2024-11-02")
        recognise = self.env["trtc.recognise"].with_user(self.accountant)
        action = recognise.create({"date": "2024-10-31"}).action_propose()
        self.env["account.move"].browse(action["res_id"]).action_post()
        self.assertEqual(self.revenue("2024-10-31"), 40)
        self.assertEqual(self.unbilled("2024-10-31"), {})

    def test_usage_of_a_minimum_is_accrued_twice(self):
        self.env["trtc.commitment"].create(
            {"account_id": self.account.id, "amount": 100, "date_start": "2024-10-01"}
        )
        self.use(30, "2024-10-05")
        self.assertEqual(self.unbilled("2024-10-30"), {"unsettled": 30})
        self.assertEqual(self.unbilled("2024-10-31"), {"unsettled": 30, "fee": 70})
        self.settle("2024-10-31")
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": 30, "fee": 70})
        # Late usage counts for the minimum.
        self.use(20, "2024-10-06")
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": 30, "unsettled": 20, "fee": 50})
