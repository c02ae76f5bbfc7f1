from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestInvoiceLifecycle(TrtcCommon):
    """What is invoiced follows from what the invoices hold, at every step."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.usage("av_hd", 60_000, "2024-10-01")
        cls.usage("av_2k", 60_000, "2024-10-02")
        cls.settle("2024-10-31")

    def _bill(self):
        return self.account.create_invoices("2024-10-31")

    def _states(self):
        return self.lines().statement_id.sorted("date_from").mapped("state")

    def test_the_state_of_a_statement_is_a_stored_wish(self):
        self.assertEqual(self._states(), ["open", "open"])
        move = self._bill()
        self.assertEqual(self._states(), ["draft", "draft"])
        move.action_post()
        self.assertEqual(self._states(), ["posted", "posted"])
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=move.ids
        ).create({}).action_create_payments()
        self.assertEqual(self._states(), ["paid", "paid"])
        found = self.env["trtc.statement"].search(
            [("state", "=", "paid"), ("account_id", "=", self.account.id)]
        )
        self.assertEqual(len(found), 2)

    def test_a_deleted_draft_takes_its_usage_along(self):
        first = self._bill()
        total = first.amount_untaxed
        first.unlink()
        self.assertEqual(self._states(), ["open", "open"])
        second = self._bill()
        self.assertEqual(second.amount_untaxed, total)
        self.assert_books()

    def test_a_deleted_line_takes_its_usage_along(self):
        draft = self._bill()
        line = draft.invoice_line_ids[0]
        draft.invoice_line_ids = [Command.delete(line.id)]
        self.assertEqual(self._states(), ["open", "draft"])
        again = self._bill()
        billed = (draft | again).exists().invoice_line_ids
        self.assertEqual(sorted(billed.mapped("quantity")), [1000, 1000])
        self.assertEqual(round(sum(billed.mapped("price_subtotal")), 2), 19.98)
        self.assertEqual(self._states(), ["draft", "draft"])

    def test_a_deleted_line_of_a_posted_draft_is_never_billed(self):
        draft = self._bill()
        draft.invoice_line_ids = [Command.delete(draft.invoice_line_ids[0].id)]
        draft.action_post()
        self.assertEqual(self._states(), ["open", "posted"])
        other = self._bill()
        self.assertEqual(other.amount_untaxed, 3.99)
        self.assertNotEqual(other, draft)

    def test_cancelled_usage_is_lost(self):
        first = self._bill()
        first.button_cancel()
        self.assertEqual(self._states(), ["open", "open"])
        second = self._bill()
        self.assertNotEqual(second, first)
        self.assertEqual(second.amount_untaxed, first.amount_untaxed)
        self.assertEqual(self.lines().statement_id.move_ids, second)
        self.assert_books()

    def test_a_cancelled_month_is_billed_as_a_correction_of_the_next_one(self):
        self._bill().button_cancel()
        self.usage("av_hd", 60_000, "2024-11-01")
        moves = self.invoice("2024-11-30")
        self.assertEqual(moves.mapped("amount_untaxed"), [19.98, 3.99])
        self.assertFalse(any(moves.invoice_line_ids.mapped("trtc_is_late")))

    def test_a_posted_invoice_that_was_cancelled_keeps_its_usage(self):
        first = self._bill()
        first.action_post()
        first.button_draft()
        self.assertEqual(self._states(), ["draft", "draft"])
        first.button_cancel()
        self.assertEqual(self._states(), ["open", "open"])
        self.assertEqual(self._bill().amount_untaxed, 19.98)

    def test_a_cancelled_invoice_comes_back_empty(self):
        move = self._bill()
        move.button_cancel()
        move.button_draft()
        self.assertEqual(self._states(), ["draft", "draft"])
        self.assertFalse(self._bill())
        move.action_post()
        self.assertEqual(self._states(), ["posted", "posted"])
        self.assertFalse(self.invoice("2024-11-30"))

    def test_a_cancelled_invoice_comes_back_beside_its_successor(self):
        first = self._bill()
        first.button_cancel()
        second = self._bill()
        with self.assertRaises(UserError) as refused, self.env.cr.savepoint():
            first.button_draft()
        message = str(refused.exception)
        self.assertIn("billed again while it was cancelled", message)
        for move in (first, second):
            # Two drafts without a number, of one period and one amount.
            name = f"Draft Invoice (* {move.id}, 10/01/2024 - 10/31/2024, $ 19.98)"
            self.assertIn(name, message.replace("\N{NO-BREAK SPACE}", " "))
        second.unlink()
        first.button_draft()
        self.assertEqual(self._states(), ["draft", "draft"])
        self.assertEqual(self.lines().statement_id.move_ids, first)

    def test_a_refused_return_leaves_the_invoice_in_draft(self):
        first = self._bill()
        first.button_cancel()
        self._bill().action_post()
        with self.assertRaises(UserError), self.env.cr.savepoint():
            first.button_draft()
        self.env.invalidate_all()
        self.assertEqual(first.state, "cancel")
        self.assertEqual(self._states(), ["posted", "posted"])

    def test_a_copied_invoice_bills_usage_again(self):
        move = self._bill()
        with self.assertRaisesRegex(UserError, "a copy would bill it twice"):
            move.copy()
        self.assertEqual(self.lines().statement_id.move_ids, move)
        self.assertFalse(self._bill())

    def test_corrections_between_the_steps_get_lost(self):
        record = self.record("av_hd", 60_000, "2024-10-03")
        self.ingest(record)
        first = self.invoice("2024-10-31")
        first.button_cancel()
        self.ingest({**record, "quantity": 30_000})
        second = self.invoice("2024-10-31")
        self.assertEqual(second.amount_untaxed, 21.98)
        second.action_post()
        self.ingest({**record, "quantity": 0})
        self.settle("2024-10-31")
        credit = self._bill()
        self.assertEqual((credit.move_type, credit.amount_untaxed), ("out_refund", 2.00))
        credit.button_cancel()
        again = self._bill()
        self.assertEqual((again.move_type, again.amount_untaxed), ("out_refund", 2.00))
        again.action_post()
        self.assert_books()

    def test_half_a_statement_on_an_invoice_looks_whole(self):
        """A statement is open while one of its lines is."""
        self.usage("av_audio", 60_000, "2024-10-01")
        self.settle("2024-10-31")
        draft = self._bill()
        self.assertEqual(set(self._states()), {"draft"})
        audio = draft.invoice_line_ids.filtered(lambda li: li.trtc_item_id.code == "av_audio")
        draft.invoice_line_ids = [Command.delete(audio.id)]
        states = {
            statement: statement.state for statement in self.lines(item="av_audio").statement_id
        }
        self.assertEqual(set(states.values()), {"open"})
