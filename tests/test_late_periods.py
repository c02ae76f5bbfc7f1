from datetime import date

from freezegun import freeze_time

from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestLatePeriods(TrtcCommon):
    """Late usage never joins an invoice of a period before its own.

    September's draft is open still, as somebody has to look at it; October is posted.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    def _use(self, minutes, day, application=None):
        self.usage("av_hd", minutes, day, application, unit="min")

    def _invoice(self, until, accounts=None):
        accounts = self.account if accounts is None else accounts
        return self.invoice(until, accounts.with_user(self.user_accountant))

    def _bill_two_months(self, accounts=None):
        """Return (open draft of September, posted invoice of October)."""
        self._use(1000, "2024-09-10")
        self._use(1000, "2024-10-10")
        september, october = self._invoice("2024-10-31", accounts).sorted("trtc_date_from")
        october.action_post()
        return september, october

    def _get_days(self, move):
        """Return {(first day, late)} of the lines of usage."""
        lines = move.invoice_line_ids.filtered("trtc_item_id")
        return {(str(line.trtc_date_from), line.trtc_is_late) for line in lines}

    # === BY THE MONTH === #

    def test_october_joins_the_draft_of_september(self):
        september, october = self._bill_two_months()
        self._use(500, "2024-10-20")
        late = self._invoice("2024-10-31")
        self.assertEqual(late.trtc_date_from, date(2024, 10, 1))
        self.assertNotIn(late, september | october)
        self.assertEqual((september.amount_untaxed, late.amount_untaxed), (3.99, 2.00))
        self.assertEqual(self._get_days(september), {("2024-09-10", False)})
        self.assert_books()

    def test_october_joins_september_in_mid_november(self):
        """It waits: no invoice of October or later is due on that day."""
        september, _october = self._bill_two_months()
        self._use(500, "2024-10-20")
        self.assertFalse(self._invoice("2024-11-15"))
        self.assertEqual(self._get_days(september), {("2024-09-10", False)})
        self._use(100, "2024-11-20")
        november = self._invoice("2024-11-30")
        self.assertEqual(november.trtc_date_from, date(2024, 11, 1))
        self.assertEqual(
            self._get_days(november), {("2024-10-20", True), ("2024-11-20", False)}
        )
        self.assert_books()

    def test_september_does_not_join_its_own_draft(self):
        september, _october = self._bill_two_months()
        self._use(500, "2024-09-20")
        self._use(500, "2024-10-20")
        moves = self._invoice("2024-10-31")
        self.assertIn(september, moves)
        self.assertEqual(self._get_days(september), {("2024-09-10", False)})
        self.assertEqual(september.invoice_line_ids.filtered("trtc_item_id").quantity, 1500)
        self.assertEqual((moves - september).trtc_date_from, date(2024, 10, 1))
        self.assert_books()

    def test_each_late_month_joins_the_same_invoice(self):
        """August and October are posted, September is open: August's usage joins it."""
        self._use(1000, "2024-08-10")
        self._invoice("2024-08-31").action_post()
        september, _october = self._bill_two_months()
        self._use(100, "2024-08-20")
        self._use(500, "2024-10-20")
        moves = self._invoice("2024-10-31")
        self.assertEqual(self._get_days(september), {("2024-09-10", False), ("2024-08-20", True)})
        self.assertEqual(self._get_days(moves - september), {("2024-10-20", False)})
        self.assert_books()

    def test_a_credit_of_october_joins_september(self):
        """Usage that is restated to less lowers an invoice of its own month or a later one."""
        september, _october = self._bill_two_months()
        record = self.record("av_hd", 500, "2024-10-20", unit="min")
        self.ingest(record)
        self._invoice("2024-10-31").action_post()
        self.ingest({**record, "quantity": 100})
        credit = self._invoice("2024-10-31")
        self.assertEqual(credit.move_type, "out_refund")
        self.assertEqual(credit.trtc_date_from, date(2024, 10, 1))
        self.assertEqual(september.amount_untaxed, 3.99)
        self.assert_books()

    def test_what_a_credit_note_opened_joins_september(self):
        september, october = self._bill_two_months()
        wizard = (
            self.env["account.move.reversal"]
            .with_user(self.user_accountant)
            .with_context(active_model="account.move", active_ids=october.ids)
            .create({"journal_id": october.journal_id.id})
        )
        self.env["account.move"].browse(wizard.reverse_moves()["res_id"]).action_post()
        again = self._invoice("2024-10-31")
        self.assertEqual(again.trtc_date_from, date(2024, 10, 1))
        self.assertEqual(self._get_days(september), {("2024-09-10", False)})
        self.assert_books()

    def test_less_than_a_cent_of_october_is_carried_back(self):
        september, _october = self._bill_two_months()
        self._use(1, "2024-10-20")
        self.assertFalse(self._invoice("2024-10-31"))
        self._use(100, "2024-11-20")
        november = self._invoice("2024-11-30")
        self.assertEqual(
            self._get_days(november), {("2024-10-20", True), ("2024-11-20", False)}
        )
        self.assertEqual(self._get_days(september), {("2024-09-10", False)})

    # === OTHER CYCLES AND GROUPS === #

    def test_a_day_joins_the_draft_of_the_day_before(self):
        self.account.invoice_cycle = "day"
        self._use(1000, "2024-10-10")
        self._use(1000, "2024-10-11")
        first, second = self._invoice("2024-10-11").sorted("trtc_date_from")
        second.action_post()
        self._use(500, "2024-10-11")
        late = self._invoice("2024-10-11")
        self.assertEqual(late.trtc_date_from, date(2024, 10, 11))
        self.assertEqual(self._get_days(first), {("2024-10-10", False)})
        late.action_post()
        self._use(400, "2024-10-11")
        self._use(100, "2024-10-12")
        third = self._invoice("2024-10-12")
        self.assertEqual(self._get_days(third), {("2024-10-11", True), ("2024-10-12", False)})
        self.assertEqual(self._get_days(first), {("2024-10-10", False)})
        self.assert_books()

    def test_an_account_of_a_group_joins_the_draft_of_september(self):
        second = self.make_account(invoice_grouping="customer")
        self.account.invoice_grouping = "customer"
        both, other = self.account | second, self.make_application(second)
        self._use(1000, "2024-09-15", other)
        self._use(1000, "2024-10-15", other)
        september, _october = self._bill_two_months(both)
        self._use(500, "2024-10-20", other)
        late = self._invoice("2024-10-31", both)
        self.assertEqual(late.trtc_date_from, date(2024, 10, 1))
        self.assertEqual(self._get_days(late), {("2024-10-20", False)})
        self.assertEqual(september.amount_untaxed, 7.98)
        self.assert_books()

    # === FEES === #

    def test_a_minimum_of_october_joins_the_draft_of_september(self):
        """Late usage of September is the only thing due, and October's minimum is corrected."""
        self.env["trtc.commitment"].create(
            {
                "account_id": self.account.id,
                "amount": 50,
                "date_start": "2024-10-01",
                "date_end": "2024-10-31",
            }
        )
        september, october = self._bill_two_months()
        self.assertEqual(october.amount_untaxed, 50)
        self._use(1000, "2024-10-20")
        self._use(500, "2024-09-20")
        with freeze_time("2024-11-15 04:00:00"):
            moves = self._invoice("2024-11-14")
        self.assertIn(september, moves)
        self.assertFalse(september.invoice_line_ids.trtc_fee_id)
        fees = (moves - september).invoice_line_ids.trtc_fee_id
        self.assertEqual(fees.mapped("amount"), [-3.99])
        self.assert_books()

    def test_a_minimum_of_october_alone_joins_the_draft_of_september(self):
        self._use(1000, "2024-09-10")
        september = self._invoice("2024-09-30")
        self.env["trtc.commitment"].create(
            {
                "account_id": self.account.id,
                "amount": 50,
                "date_start": "2024-10-01",
                "date_end": "2024-10-31",
            }
        )
        alone = self._invoice("2024-10-31")
        self.assertNotEqual(alone, september)
        self.assertEqual(alone.invoice_line_ids.trtc_fee_id.amount, 50)
        self.assertFalse(september.invoice_line_ids.trtc_fee_id)
