from decimal import Decimal

from odoo.tests import tagged

from .accrual import AccrualCommon


@tagged("post_install", "-at_install")
class TestReconciliation(AccrualCommon):
    """What is rated is invoiced, accrued, goodwill or waived: nothing is left over."""

    def credit(self, move, reopens=True, quantity=None, dated=None, **line):
        """Credit a posted invoice, or so much of its first line; return the credit note."""
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "date": dated or move.date})
        )
        note = self.env["account.move"].browse(wizard.reverse_moves()["res_id"])
        note.trtc_reopens = reopens
        if quantity is not None:
            note.invoice_line_ids[0].quantity = quantity
        note.invoice_line_ids[0].write(line)
        note.action_post()
        return note

    def test_the_report_misses_usage_that_is_not_settled(self):
        self.use(10, "2024-10-05")
        self.assertEqual(self.reconcile("2024-10-31"), {"unsettled": 10, "accrued": 10})
        self.settle("2024-10-31")
        self.assertEqual(self.reconcile("2024-10-31"), {"settled": 10, "accrued": 10})
        self.bill("2024-10-31")
        self.assertEqual(self.reconcile("2024-10-31"), {"settled": 10, "invoiced": 10})

    def test_the_report_does_not_sum_to_zero_in_later_months(self):
        """Settled, restated, invoiced, adjusted, invoiced again: each month as it was."""
        usage = self.use(10, "2024-10-05")
        self.use(20, "2024-10-20")
        self.propose("2024-10-31")
        self.bill("2024-10-31", dated="2024-11-02")
        self.ingest({**self.record("av_audio", 240, "2024-10-05"), "id": usage.external_id})
        self.use(5, "2024-11-05")
        self.settle("2024-11-30")
        self.propose("2024-11-30")
        self.assertEqual(self.reconcile("2024-10-31"), {"settled": 24, "accrued": 30, "later": -6})
        self.assertEqual(
            self.reconcile("2024-11-30"), {"settled": 29, "invoiced": 30, "accrued": -1}
        )
        self.bill("2024-11-30", dated="2024-12-02")
        self.assertEqual(
            self.reconcile("2024-11-30"), {"settled": 29, "invoiced": 30, "accrued": -1}
        )
        self.assertEqual(self.reconcile("2024-12-31"), {"settled": 29, "invoiced": 29})
        # Revenue of each month is what was known of it then.
        self.assertEqual(self.revenue("2024-10-31"), 30)
        self.assertEqual(self.revenue("2024-11-30"), 29)

    def test_an_invoice_of_a_part_of_the_usage_is_taken_for_all(self):
        self.account.invoice_cycle = "day"
        self.use(10, "2024-10-05")
        self.use(20, "2024-10-20")
        self.bill("2024-10-05")
        self.settle("2024-10-31")
        self.assertEqual(
            self.reconcile("2024-10-31"), {"settled": 30, "invoiced": 10, "accrued": 20}
        )

    def test_what_a_credit_note_opens_is_not_accrued(self):
        self.use(10, "2024-10-05")
        move = self.bill("2024-10-31")
        self.credit(move, quantity=4, dated="2024-11-05")
        self.assertEqual(self.reconcile("2024-10-31"), {"settled": 10, "invoiced": 10})
        self.assertEqual(self.reconcile("2024-11-30"), {"settled": 10, "invoiced": 6, "accrued": 4})
        self.bill("2024-11-30")
        self.assertEqual(self.reconcile("2024-11-30"), {"settled": 10, "invoiced": 10})

    def test_goodwill_is_accrued_again(self):
        self.use(10, "2024-10-05")
        move = self.bill("2024-10-31")
        note = self.credit(move, reopens=False, quantity=4)
        self.assertEqual(
            self.reconcile("2024-10-31"), {"settled": 10, "invoiced": 6, "goodwill": 4}
        )
        self.assertEqual(self.unbilled("2024-10-31"), {})
        # Taken back in turn, it is billed.
        self.credit(note)
        self.assertEqual(self.reconcile("2024-10-31"), {"settled": 10, "invoiced": 10})

    def test_an_allowance_on_a_credit_note_is_accrued(self):
        self.use(10, "2024-10-05")
        move = self.bill("2024-10-31")
        self.credit(move, dated="2024-10-31", discount=50)
        self.assertEqual(
            self.reconcile("2024-10-31"), {"settled": 10, "invoiced": 5, "goodwill": 5}
        )
        self.assertEqual(self.unbilled("2024-10-31"), {})

    def test_what_was_waived_by_hand_is_accrued(self):
        self.use(10, "2024-10-05")
        move = self.bill("2024-10-31", post=False)
        move.invoice_line_ids[0].quantity = 7
        move.invoice_date = "2024-10-31"
        move.action_post()
        self.assertEqual(self.reconcile("2024-10-31"), {"settled": 10, "invoiced": 7, "by_hand": 3})
        self.assertEqual(self.unbilled("2024-10-31"), {})

    def test_rounding_is_a_difference(self):
        self.account.pricelist_id = self.make_pricelist({"av_audio": "0.0333"})
        self.use(1, "2024-10-05")
        self.bill("2024-10-31")
        self.assertEqual(
            self.reconcile("2024-10-31"),
            {"settled": 0.0333, "invoiced": 0.03, "rounding": -0.0033},
        )

    def test_rounding_for_cash_is_undone_or_looks_like_a_fault(self):
        """Odoo's rounding to 0.05 is apart from the one rounding to the currency."""
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "0.05",
                "rounding": 0.05,
                "strategy": "add_invoice_line",
                "profit_account_id": self.income.id,
                "loss_account_id": self.company_data["default_account_expense"].id,
                "rounding_method": "HALF-UP",
            }
        )
        self.use(10.02, "2024-10-05")
        move = self.bill("2024-10-31", post=False)
        move.invoice_cash_rounding_id = rounding
        self.usage("av_hd", 7_500, "2024-10-06")
        self.assertEqual(self.bill("2024-10-31", post=False), move)
        move.invoice_date = "2024-10-31"
        move.action_post()
        # 11 minutes at 1 and 125 at 0.00399, with 15 % tax 13.23; rounded to 13.20.
        self.assertEqual((move.amount_untaxed, move.amount_total), (11.48, 13.2))
        self.assertEqual(len(move.invoice_line_ids), 2, "no line rounds it back")
        self.assertEqual(
            self.reconcile("2024-10-31"),
            {"settled": 11.49875, "invoiced": 11.48, "rounding": -0.01875},
        )
        check = self.env["trtc.books.check"]._check_books(
            self.company, self.date("2024-10-01"), self.date("2024-10-31"), self.account
        )
        self.assertFalse(check.difference_ids)

    def test_a_line_added_by_hand_looks_like_a_fault(self):
        self.use(10, "2024-10-05")
        move = self.bill("2024-10-31", post=False)
        move.write(
            {"invoice_line_ids": [(0, 0, {"name": "Extra", "quantity": 1, "price_unit": 5})]}
        )
        move.invoice_date = "2024-10-31"
        move.action_post()
        self.assertEqual(
            self.reconcile("2024-10-31"), {"settled": 10, "invoiced": 15, "by_hand": -5}
        )
        credit = move._reverse_moves([{"invoice_date": "2024-10-31"}])
        credit.action_post()
        self.assertEqual(self.reconcile("2024-10-31"), {"settled": 10, "accrued": 10})

    def test_a_total_that_nothing_explains_goes_unseen(self):
        self.use(10, "2024-10-05")
        move = self.bill("2024-10-31")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET amount_untaxed = amount_untaxed + 5 WHERE id = %s", (move.id,)
        )
        self.env.invalidate_all()
        self.assertEqual(
            self.reconcile("2024-10-31"), {"settled": 10, "invoiced": 15, "difference": -5}
        )
        wizard = self.env["trtc.reconcile"].with_user(self.accountant)
        wizard = wizard.create({"date": "2024-10-31"})
        wizard.action_open()
        self.assertTrue(wizard.is_off)

    def test_fees_and_usage_are_mixed_up(self):
        self.price_editions(self.pricelist, {"pro": 310})
        self.subscribe(self.application, "pro", "2024-10-16", "2024-11-15")
        self.use(10, "2024-10-20")
        self.assertEqual(
            self.reconcile("2024-10-31"), {"unsettled": 10, "fees": 160, "accrued": 170}
        )
        self.bill("2024-10-31", dated="2024-11-02")
        self.assertEqual(self.reconcile("2024-10-31"), {"settled": 10, "fees": 160, "accrued": 170})
        self.assertEqual(
            self.reconcile("2024-11-30"), {"settled": 10, "fees": 310, "invoiced": 320}
        )

    def test_accounts_that_share_an_invoice_are_mixed_up(self):
        """The report is by account, also where an invoice is for several."""
        theirs = self.make_account(pricelist_id=self.pricelist.id)
        (self.account | theirs).invoice_grouping = "customer"
        self.use(10, "2024-10-05")
        self.use(7, "2024-10-05", self.make_application(theirs))
        self.bill("2024-10-31", account=self.account | theirs)
        self.assertEqual(self.reconcile("2024-10-31"), {"settled": 10, "invoiced": 10})
        self.assertEqual(self.reconcile("2024-10-31", theirs), {"settled": 7, "invoiced": 7})

    def test_the_printed_page_says_something_else(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        action = accrual.with_user(self.accountant).action_reconcile()
        wizard = self.env["trtc.reconcile"].browse(action["res_id"]).with_user(self.accountant)
        self.assertEqual(wizard.accrual_ids, accrual)
        ((currency, lines, sums),) = wizard._get_report_lines()
        self.assertEqual((currency, len(lines)), (self.account.currency_id, 1))
        self.assertEqual((sums["unsettled"], sums["difference"]), (Decimal(10), 0))
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html("trtc_billing.report_reconcile", wizard.ids)[0]
            .decode()
        )
        self.assertIn(self.account.uin, html)
        self.assertIn(accrual.move_id.name, html)
        self.assertEqual(wizard.action_analyse()["domain"], [("wizard_id", "=", wizard.id)])
