from odoo.tests import tagged

from .common import TrtcCommon
from .invoice_choices import ChoicesMixin


@tagged("post_install", "-at_install")
class TestInvoiceSending(ChoicesMixin, TrtcCommon):
    """Invoices are sent by Odoo's own scheduled action, each once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.write({"auto_post": True, "auto_send": True})

    def _invoice(self, day="2024-10-01", until="2024-10-31"):
        self.usage("av_hd", 60_000, day)
        return self.invoice(until, self.account)

    def _send(self):
        """Let Odoo send what waits; return how often each invoice was e-mailed."""
        before = self.env["mail.mail"].search([])
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("account.ir_cron_account_move_send").method_direct_trigger()
        self.env.invalidate_all()
        mails = self.env["mail.mail"].search([]) - before
        return [mail.res_id for mail in mails if mail.model == "account.move"]

    def test_nobody_sends_what_is_posted(self):
        triggers = self.env["ir.cron.trigger"].search([])
        move = self._invoice()
        self.assertEqual(move.state, "posted")
        self.assertTrue(move.is_being_sent)
        self.assertFalse(move.is_move_sent)
        new = self.env["ir.cron.trigger"].search([]) - triggers
        self.assertIn(self.env.ref("account.ir_cron_account_move_send"), new.cron_id)
        self.assertEqual(self._send(), move.ids)
        self.assertTrue(move.is_move_sent)
        self.assertTrue(move.invoice_pdf_report_id)

    def test_an_invoice_is_sent_twice(self):
        move = self._invoice()
        self.assertEqual(self._send(), move.ids)
        self.assertFalse(self._send())
        self.invoice("2024-10-31", self.account)
        self.assertFalse(self._send())
        move.button_draft()
        move.action_post()
        self.assertFalse(move.is_being_sent)
        self.assertFalse(self._send())

    def test_what_a_person_has_sent_is_sent_again(self):
        self.account.auto_post = False
        move = self._invoice()
        move.is_move_sent = True
        move.action_post()
        self.assertFalse(self._send())

    def test_a_draft_is_sent(self):
        self.account.auto_post = False
        move = self._invoice()
        self.assertFalse(move.sending_data)
        self.assertFalse(self._send())
        move.action_post()
        self.assertEqual(self._send(), move.ids)

    def test_an_account_that_does_not_send_sends(self):
        self.account.auto_send = False
        self.assertEqual(self._invoice().state, "posted")
        self.assertFalse(self._send())

    def test_no_address_stops_the_run_or_is_never_noticed(self):
        self.customer.email = False
        salesperson = self.make_user("accountant")
        self.account.user_id = salesperson
        move = self._invoice()
        self.assertEqual(move.state, "posted")
        self.assertFalse(move.sending_data)
        self.assertFalse(self._send())
        self.assertFalse(move.is_move_sent)
        self.assertIn("has no e-mail address", move.trtc_hold)
        self.assertIn("has no e-mail address", str(move.message_ids.mapped("body")))
        self.assertEqual(move.activity_ids.user_id, salesperson)
        self.assertEqual(len(move.activity_ids), 1)

    def test_a_salesperson_without_rights_stops_the_run(self):
        self.customer.email = False
        self.account.user_id = self.make_user("employee")
        move = self._invoice()
        self.assertEqual(move.state, "posted")
        self.assertEqual(move.activity_ids.user_id, self.env.user)

    def test_a_customer_who_wants_no_mail_gets_mail(self):
        self.customer.invoice_sending_method = "manual"
        move = self._invoice()
        self.assertFalse(self._send())
        self.assertIn("gets invoices by hand", move.trtc_hold)

    def test_the_accountant_cannot_post_what_is_sent(self):
        """Posting by hand takes no rights beyond those of an accountant."""
        self.account.auto_post = False
        move = self._invoice()
        accountant = self.make_user("accountant")
        move.with_user(accountant).action_post()
        self.assertEqual(move.sending_data["author_user_id"], accountant.id)
        self.assertEqual(self._send(), move.ids)
