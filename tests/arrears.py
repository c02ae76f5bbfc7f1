"""What the tests of overdue invoices share."""

from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields

from .common import TrtcCommon


class ArrearsCommon(TrtcCommon):
    """A customer whose invoice of October 2024 falls due on 2024-11-10.

    Moments are UTC; billing time is eight hours ahead.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.trtc_arrears_policy = "suspend"
        cls.salesperson = cls.make_user("reader")
        cls.accountant = cls.make_user("accountant")
        cls.customer.lang = "en_US"
        cls.outstanding = cls.env["account.account"].create(
            {
                "name": "Outstanding",
                "code": "TRTC9",
                "account_type": "asset_current",
                "reconcile": True,
            }
        )
        cls.set_outstanding(cls.outstanding)
        cls.account.user_id = cls.salesperson
        cls.invoice_1 = cls.bill()

    @classmethod
    def bill(cls, account=None, minutes=100_000, due="2024-11-10", day="2024-10-15"):
        """Return the posted invoice of new usage of an account."""
        account = account or cls.account
        application = account.application_ids[:1] or cls.make_application(account)
        cls.usage("av_hd", minutes * 60, day, application)
        move = cls.invoice("2024-10-31", account)
        assert len(move) == 1, move
        move.write({"invoice_date": "2024-11-01", "invoice_payment_term_id": False})
        move.invoice_date_due = due
        move.action_post()
        return move

    @classmethod
    def set_outstanding(cls, account):
        """Let payments have entries on an account; or none, without an account."""
        methods = cls.company_data["default_journal_bank"].inbound_payment_method_line_ids
        methods.payment_account_id = account

    def at(self, moment):
        """Freeze the clock of the program and of the database, as ``with self.at(...)``."""
        return FrozenClock(self, moment)

    def run_at(self, moment, accounts=None):
        """Do what the hourly run does at a moment."""
        with self.at(moment):
            self.env.invalidate_all()
            (accounts or self.account).sudo()._follow_arrears()

    def pay(self, move, amount=None, moment="2024-11-13 06:00:00"):
        """Register a payment of an invoice as an accountant does; return it."""
        with self.at(moment):
            wizard = self.env["account.payment.register"].with_context(
                active_model="account.move", active_ids=move.ids
            )
            values = {"payment_date": moment[:10]}
            if amount is not None:
                values["amount"] = amount
            return wizard.create(values)._create_payments()

    def episodes(self, account=None):
        return (account or self.account).sudo().arrears_ids.sorted("id")

    def reminders(self, account=None):
        """Return the reminders in the chatter of an account."""
        messages = (account or self.account).message_ids
        return messages.filtered(lambda message: (message.subject or "").startswith("Reminder"))

    def suspended(self, day="2024-11-20", application=None):
        self.env.invalidate_all()
        return (application or self.application)._is_suspended_on(fields.Date.to_date(day))


class FrozenClock:
    """Both clocks at one moment: the transaction's own, too."""

    def __init__(self, test, moment):
        self.freezer = freeze_time(moment)
        self.now = patch.object(
            type(test.env.cr), "now", lambda _cr: fields.Datetime.to_datetime(moment)
        )

    def __enter__(self):
        self.freezer.start()
        self.now.start()

    def __exit__(self, *_args):
        self.now.stop()
        self.freezer.stop()
