from decimal import Decimal

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, tagged

from ..models.markers import Reopening
from .accrual import AccrualCommon


@tagged("post_install", "-at_install")
class TestAccrualSince(AccrualCommon):
    """Invoices are posted, reset and changed in a period that was accrued before."""

    def invoice_and_accrue(self):
        """Return a posted invoice of 10, and an accrual of 5 that counts it."""
        self.use(10, "2024-10-05")
        moves = self.bill("2024-10-31")
        self.use(5, "2024-10-06")
        return moves, self.propose("2024-10-31")

    def assert_note(self, accrual, text):
        self.assertIn(text, accrual.since_note.replace("\N{NO-BREAK SPACE}", " "))

    def test_an_invoice_is_dated_in_a_period_that_was_accrued(self):
        """Its revenue stands twice at the period end: the accountant is told."""
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        moves = self.bill("2024-10-31", post=False)
        self.assertFalse(moves.trtc_accrued_note, "issued today it is not in the period")
        moves.invoice_date = "2024-10-31"
        self.assertIn("count twice", moves.trtc_accrued_note)
        self.assertFalse(accrual.since_note)
        moves.action_post()
        self.assertEqual(self.revenue("2024-10-31"), 20)
        self.assertIn("count twice", moves.trtc_accrued_note)
        self.assertIn(moves.name, accrual.with_user(self.accountant).since_note)
        told = accrual.message_ids.filtered(lambda message: moves.name in message.body)
        self.assertEqual(told.notified_partner_ids, self.accountant.partner_id)
        # Taken back and proposed again, all is well.
        accrual.with_user(self.accountant).action_take_back()
        self.env.invalidate_all()
        self.assertFalse(moves.trtc_accrued_note)
        self.assertFalse(self.propose("2024-10-31"))
        self.assertEqual(self.revenue("2024-10-31"), 10)

    def test_an_invoice_that_was_counted_is_reset(self):
        """Its revenue would be missing at the period end."""
        moves, accrual = self.invoice_and_accrue()
        self.assertEqual(accrual.amount_total, 5)
        moves.button_draft()
        self.assertIn(moves.name, accrual.since_note)
        with self.refused("Take the accrual back first"):
            moves.unlink()
        moves.action_post()
        self.assertFalse(accrual.since_note, "it is as it was again")
        self.assertFalse(moves.trtc_accrued_note)
        moves.button_draft()
        moves.invoice_date = "2024-11-02"
        moves.action_post()
        self.assertIn(moves.name, accrual.since_note, "it left the period")
        self.assertEqual(self.revenue("2024-10-31"), 5)

    def test_a_proposal_is_posted_after_the_invoice(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        moves = self.bill("2024-10-31")
        with self.refused(f"{moves.name}"):
            accrual.with_user(self.accountant).action_post()
        self.use(7, "2024-10-06")
        self.assertEqual(self.propose("2024-10-31").amount_total, 7)
        self.assertEqual(self.revenue("2024-10-31"), 17)

    def test_goodwill_makes_an_accrual_look_wrong(self):
        moves, accrual = self.invoice_and_accrue()
        reversal = moves.with_context(trtc_reopens=Reopening(False))._reverse_moves(
            [{"invoice_date": "2024-10-31"}]
        )
        reversal.action_post()
        self.assertFalse(accrual.since_note)
        self.assertEqual(self.unbilled("2024-10-31"), {"unsettled": 5})

    def test_a_line_is_lost_while_its_invoice_is_reset(self):
        """Posted again, it no longer is what the accrual counted."""
        self.use(10, "2024-10-05")
        self.use(1000, "2024-10-07", item="av_hd")
        moves = self.bill("2024-10-31")
        self.use(5, "2024-10-06")
        accrual = self.propose("2024-10-31")
        moves.button_draft()
        line = moves.invoice_line_ids.filtered(lambda one: one.trtc_item_id.code == "av_audio")
        moves.invoice_line_ids = [Command.delete(line.id)]
        moves.action_post()
        self.assert_note(accrual, "$ 10.00 are missing")
        self.assertEqual(self.unbilled("2024-10-31"), {"settled": 10, "unsettled": 5})

    def test_a_lock_date_moves_an_invoice_out_of_the_period(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        self.company.sudo().fiscalyear_lock_date = "2024-10-31"
        with freeze_time("2024-11-10 12:00"):
            moves = self.bill("2024-10-31", post=False)
            moves.invoice_date = "2024-10-31"
            self.assertFalse(moves.trtc_accrued_note)
            moves.action_post()
            self.assertGreater(str(moves.date), "2024-10-31")
            self.assertFalse(accrual.since_note)
            moves.button_draft()
            self.assertFalse(accrual.since_note)
            moves.action_post()
        self.assertFalse(accrual.since_note)

    def test_what_no_accrual_holds_makes_it_look_wrong(self):
        """A pack that is sold, and usage that comes after the proposal: revenue is right."""
        self.use(10, "2024-10-05")
        other = self.make_account(pricelist_id=self.pricelist.id)
        accrual = self.propose("2024-10-31", post=False)
        self.use(7, "2024-10-06", self.make_application(other))
        product = self.env.ref("trtc_billing.product_pack")
        days = self.date("2024-10-07"), self.date("2025-09-30")
        vals = other._prepare_fee("pack", product, Decimal(100), *days)
        self.env["trtc.fee"].sudo().create(vals)
        moves = self.bill("2024-10-31", account=other)
        self.assertFalse(moves.trtc_accrued_note)
        self.assertFalse(accrual.since_note)
        accrual.with_user(self.accountant).action_post()
        self.assertEqual(sum(moves.mapped("amount_untaxed")), 107)
        self.assertEqual(self.revenue("2024-10-31"), 117)

    def test_more_counts_twice_than_was_accrued(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        self.use(7, "2024-10-06")
        moves = self.bill("2024-10-31")
        self.assertEqual(moves.amount_untaxed, 17)
        self.assert_note(accrual, "$ 10.00 count twice")
        since = accrual.with_user(self.accountant).since_ids
        self.assertEqual((since.move_id, since.counted, since.amount), (moves, 0, 10))

    def test_usage_that_is_credited_to_be_billed_again_is_missing(self):
        moves, accrual = self.invoice_and_accrue()
        credit = moves._reverse_moves([{"invoice_date": "2024-10-31"}])
        self.assertIn("missing", credit.trtc_accrued_note)
        credit.action_post()
        self.assert_note(accrual, "$ 10.00 are missing")
        # Billed again with a date in the period, all is there.
        again = self.bill("2024-10-31")
        self.assertEqual(again.amount_untaxed, 15)
        self.assert_note(accrual, "$ 5.00 count twice")

    def test_a_mended_invoice_leaves_a_false_alarm(self):
        moves, accrual = self.invoice_and_accrue()
        moves.button_draft()
        moves.ref = "Purchase order 7"
        moves.action_post()
        self.assertFalse(accrual.since_note)
        self.assertFalse(accrual.since_ids)
        self.assertIn("right again", accrual.message_ids[0].body)

    def test_a_form_fails_while_a_date_is_typed(self):
        self.use(10, "2024-10-05")
        self.propose("2024-10-31")
        moves = self.bill("2024-10-31", post=False)
        self.accountant.group_ids |= self.env.ref("account.group_account_invoice")
        with Form(moves.with_user(self.accountant)) as form:
            form.invoice_date = "2024-10-31"
            self.assertIn("count twice", form.trtc_accrued_note)
            form.invoice_date = "2024-11-02"
            self.assertFalse(form.trtc_accrued_note)

    def test_a_commitment_that_was_not_charged_yet_counts_twice_unseen(self):
        self.env["trtc.commitment"].create(
            {"account_id": self.account.id, "date_start": "2024-10-01", "amount": 100}
        )
        self.use(30, "2024-10-05")
        accrual = self.propose("2024-10-31")
        self.assertEqual(accrual.amount_total, 100)
        moves = self.bill("2024-10-31", post=False)
        moves.invoice_date = "2024-10-31"
        self.assertIn("100.00", moves.trtc_accrued_note)
        moves.action_post()
        self.assert_note(accrual, "$ 100.00 count twice")

    def test_a_term_that_was_not_opened_yet_counts_twice_unseen(self):
        self.price_editions(self.pricelist, {"pro": 310})
        self.subscribe(self.application, "pro", "2024-10-16", "2024-11-15").bill_fee = True
        accrual = self.propose("2024-10-31")
        self.assertEqual(accrual.amount_total, 160)
        self.bill("2024-10-31")
        self.assert_note(accrual, "$ 160.00 count twice")

    def test_a_replaced_invoice_makes_an_accrual_look_wrong(self):
        """Core posts the credit note before it holds anything."""
        moves, accrual = self.invoice_and_accrue()
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=moves.ids)
            .create({"journal_id": moves.journal_id.id, "date": "2024-10-31"})
        )
        new = self.env["account.move"].browse(wizard.reverse_moves(True)["res_id"])
        self.assert_note(accrual, "$ 10.00 are missing")
        new.invoice_date = "2024-10-31"
        new.action_post()
        self.assertFalse(accrual.since_note)
        self.assertEqual(self.revenue("2024-10-31"), 15)

    def test_two_invoices_take_the_same_accrual(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        self.bill("2024-10-31")
        self.use(7, "2024-10-06")
        self.bill("2024-10-31")
        self.assertEqual(self.revenue("2024-10-31"), 27)
        self.assert_note(accrual, "$ 10.00 count twice")

    def test_what_was_never_counted_is_missing_once_it_is_reset(self):
        self.use(10, "2024-10-05")
        other = self.make_account(pricelist_id=self.pricelist.id)
        accrual = self.propose("2024-10-31")
        self.use(7, "2024-10-06", self.make_application(other))
        moves = self.bill("2024-10-31", account=other)
        moves.button_draft()
        self.assertFalse(accrual.since_note)
        moves.unlink()
        self.assertFalse(accrual.since_ids)

    def test_gross_and_net_are_added_up(self):
        tax = self.percent_tax(25, price_include_override="tax_included")
        self.item("av_audio").product_id.taxes_id = tax
        self.use(10, "2024-10-05")
        moves = self.bill("2024-10-31")
        self.use(10, "2024-10-06")
        accrual = self.propose("2024-10-31")
        self.assertEqual(accrual.amount_total, 8)
        moves.button_draft()
        self.assert_note(accrual, "$ 10.00 are missing")
        self.bill("2024-10-31")
        self.assertFalse(accrual.since_note, "as much is invoiced as before")

    def test_a_customer_learns_of_an_accrual(self):
        self.use(10, "2024-10-05")
        self.use(1000, "2024-10-07", item="av_hd")
        moves = self.bill("2024-10-31")
        self.use(5, "2024-10-06")
        accrual = self.propose("2024-10-31")
        moves.button_draft()
        moves.invoice_line_ids = [Command.delete(moves.invoice_line_ids[0].id)]
        moves.action_post()
        self.assertTrue(accrual.since_ids)
        portal = self.make_user("portal")
        portal.partner_id = self.env["res.partner"].create(
            {"name": "Desk", "parent_id": self.customer.id}
        )
        with self.assertRaises(AccessError):
            moves.with_user(portal).unlink()

    def test_another_company_is_told(self):
        """Its accruals count its own invoices."""
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        other = self.env["res.company"].create({"name": "Other"})
        accountant = self.make_user("accountant", company=other)
        self.bill("2024-10-31")
        self.assertTrue(accrual.since_ids)
        self.assertFalse(self.env["trtc.accrual.since"].with_user(accountant).search([]))
