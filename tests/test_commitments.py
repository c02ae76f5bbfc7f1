from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged

from .test_terms import TermsCase


@tagged("post_install", "-at_install")
class TestCommitments(TermsCase):
    """A month that stays below the agreed minimum is made up for."""

    def _commit(self, amount, start="2024-10-01", end=False, account=None):
        return self.env["trtc.commitment"].create(
            {
                "account_id": (account or self.account).id,
                "amount": amount,
                "date_start": start,
                "date_end": end,
            }
        )

    def test_a_month_below_the_minimum(self):
        self._commit(50, end="2024-10-31")
        self._use(10_000, "2024-10-12")
        self.settle("2024-10-30")
        self.assertFalse(self._get_fees(), "the month is not over")
        move = self.invoice("2024-10-31")
        self.assertEqual(
            self._get_fees(), [("commitment", "2024-10-01", "2024-10-31", 40.1)]
        )
        self.assertEqual(move.amount_untaxed, 50)
        self.assertIn("Minimum commitment, October 2024", move.invoice_line_ids.mapped("name")[-1])
        self.assertFalse(self.settle("2024-12-31"))
        self.assertEqual(len(self._get_fees()), 1)

    def _get_commitment_texts(self):
        fees = self.env["trtc.fee"].search([("kind", "=", "commitment")], order="id")
        text = [f"{fee.name}. {fee.explanation}" for fee in fees]
        return [one.replace("\N{NO-BREAK SPACE}", "") for one in text]

    def test_a_reader_cannot_add_up_a_commitment(self):
        self._commit(50, end="2024-10-31")
        self._use(10_001, "2024-10-12")
        self.settle("2024-10-31")
        self._use(40_000, "2024-10-13")
        self.settle("2024-11-01")
        self._use(20_000, "2024-10-14")
        self.settle("2024-11-02")
        name = "Minimum commitment, October 2024"
        self.assertEqual(
            self._get_commitment_texts(),
            [
                f"{name}. Agreed minimum $50.00 - usage $9.90099 = $40.09901",
                f"{name}: correction. Agreed minimum $50.00 - usage $49.50099 = $0.49901; "
                "charged before $40.09901, so $0.49901 - $40.09901 = $-39.60",
                f"{name}: correction. Agreed minimum $50.00, usage $69.30099: $0.00 missing; "
                "charged before $0.49901, so $0.00 - $0.49901 = $-0.49901",
            ],
        )

    def test_a_month_that_is_charged_more_is_no_correction(self):
        self._commit(50, end="2024-10-31")
        self.usage("av_audio", 20_000, "2024-10-12", unit="min", id="call")
        self.settle("2024-10-31")
        self.usage("av_audio", 10_000, "2024-10-12", unit="min", id="call")
        self.settle("2024-11-01")
        text = self._get_commitment_texts()[-1]
        self.assertIn("correction", text)
        self.assertIn("charged before $30.20, so $40.10 - $30.20 = $9.90", text)

    def test_a_month_without_usage(self):
        self._commit(50, end="2024-11-30")
        moves = self.invoice("2024-11-30")
        self.assertEqual(sum(moves.mapped("amount_untaxed")), 100)

    def test_a_month_above_the_minimum(self):
        self._commit(50, end="2024-10-31")
        self._use(60_000, "2024-10-12")
        self.assertEqual(self.invoice("2024-10-31").amount_untaxed, 59.4)

    def test_late_usage_is_charged_on_top_of_the_true_up(self):
        self._commit(50, end="2024-10-31")
        self._use(10_000, "2024-10-12")
        self.invoice("2024-10-31").action_post()
        self._use(20_000, "2024-10-13")
        self.settle("2024-11-30")
        self.assertEqual(
            [amount for *_rest, amount in self._get_fees()], [40.1, -19.8]
        )
        self.assertFalse(self.invoice("2024-11-30"), "late usage is within the minimum")
        self._use(40_000, "2024-10-14")
        move = self.invoice("2024-12-31")
        self.assertEqual(move.amount_untaxed, 19.3)
        self.assert_books()

    def test_a_commitment_of_half_a_month(self):
        for start, end in (("2024-10-02", False), ("2024-10-01", "2024-10-30")):
            with (
                self.assertRaisesRegex(ValidationError, "whole months"),
                self.env.cr.savepoint(),
            ):
                self._commit(50, start, end)

    def test_a_settled_commitment_changes(self):
        commitment = self._commit(50)
        self.settle("2024-10-31")
        with self.assertRaisesRegex(UserError, "End it"):
            commitment.amount = 60
        commitment.date_end = "2024-10-31"
        self.settle("2024-12-31")
        self.assertEqual(len(self._get_fees()), 1)

    # === HINTS AND GUARDS === #

    def test_nobody_sees_that_a_commitment_begins_in_settled_months(self):
        self._use(10_000, "2024-09-28")
        self._use(60_000, "2024-10-12")
        self.invoice("2024-10-31")
        with Form(self.account) as form, form.commitment_ids.new() as line:
            line.amount = 50
            line.date_start = "2024-10-01"
            self.assertFalse(form.commitment_hint, "October misses nothing")
            line.amount = 60
            text = "October 2024 is settled already: the next run charges what it misses."
            self.assertEqual(line.hint, text)
            line.date_start = "2024-09-01"
            line.date_end = "2024-10-31"
            self.assertIn("September 2024 to October 2024 are settled already", line.hint)
        self.assertEqual(self.account.commitment_hint, line.hint)
        self.settle("2024-11-30")
        self.account.invalidate_recordset()
        self.account.commitment_ids.invalidate_recordset()
        self.assertFalse(self.account.commitment_hint)
        self.assertEqual(len(self._get_fees()), 2)

    def test_a_commitment_of_days_to_come_warns(self):
        self._use(10_000, "2024-10-12")
        self.settle("2024-10-31")
        self.assertFalse(self._commit(50, "2024-11-01").hint)

    def test_a_commitment_with_fees_is_deleted(self):
        commitment = self._commit(50)
        self.settle("2024-10-31")
        with self.assertRaisesRegex(UserError, "it cannot be deleted"):
            commitment.unlink()
        self._commit(50, account=self.make_account()).unlink()

    def test_a_commitment_ends_before_a_month_that_was_charged(self):
        commitment = self._commit(50)
        self.settle("2024-12-31")
        with (
            self.assertRaisesRegex(ValidationError, "until December 2024 already"),
            self.env.cr.savepoint(),
        ):
            commitment.date_end = "2024-11-30"
        commitment.invalidate_recordset()
        commitment.date_end = "2024-12-31"
        self.assertFalse(self.settle("2025-03-31"))
