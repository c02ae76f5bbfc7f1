from datetime import date

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.markers import PREVIEW
from .common import TrtcCommon
from .invoice_choices import ChoicesMixin

#: Noon in the billing time zone of the first days after October.
FIRST, SECOND, THIRD = ("2024-11-01 04:00:00", "2024-11-02 04:00:00", "2024-11-03 04:00:00")


@tagged("post_install", "-at_install")
class TestGrace(ChoicesMixin, TrtcCommon):
    """Usage of October that arrives in November; two days of grace unless said otherwise."""

    def _invoice_on(self, moment, until="2024-10-31"):
        with freeze_time(moment):
            return self.invoice(until, self.account)

    # === AUTOMATIC POSTING === #

    def test_an_invoice_is_posted_before_late_usage_arrives(self):
        self.account.auto_post = True
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self._invoice_on(FIRST)
        self.assertEqual(move.state, "draft")
        self.usage("av_hd", 60_000, "2024-10-31")
        self.assertEqual(self._invoice_on(SECOND), move)
        self.assertEqual((move.state, move.amount_untaxed), ("draft", 7.98))

    def test_a_draft_waits_for_ever_after_its_grace(self):
        """The run after the grace days posts what no usage has touched since."""
        self.account.auto_post = True
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self._invoice_on(FIRST)
        self.assertFalse(self._invoice_on(SECOND))
        self.assertEqual(move.state, "draft")
        self.assertEqual(self._invoice_on(THIRD), move)
        self.assertEqual((move.state, move.invoice_date), ("posted", date(2024, 11, 3)))
        self.assertFalse(self._invoice_on("2024-11-04 04:00:00"))

    def test_grace_ends_by_another_clock_than_billing(self):
        self.account.auto_post = True
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self._invoice_on("2024-11-02 15:59:59")
        self.assertEqual(move.state, "draft")
        self._invoice_on("2024-11-02 16:00:00")
        self.assertEqual(move.state, "posted")

    def test_without_grace_an_invoice_waits(self):
        self.env.company.trtc_grace_days = 0
        self.account.auto_post = True
        self.usage("av_hd", 60_000, "2024-10-10")
        self.assertEqual(self._invoice_on(FIRST).state, "posted")

    def test_a_daily_invoice_waits_for_the_month(self):
        self.account.write({"auto_post": True, "invoice_cycle": "day"})
        self.usage("av_hd", 60_000, "2024-10-10")
        with freeze_time("2024-10-12 04:00:00"):
            move = self.invoice("2024-10-11", self.account)
        self.assertEqual((move.trtc_date_to, move.state), (date(2024, 10, 10), "draft"))
        with freeze_time("2024-10-13 04:00:00"):
            self.invoice("2024-10-12", self.account)
        self.assertEqual(move.state, "posted")

    def test_fees_in_advance_wait_for_late_usage(self):
        self.account.auto_post = True
        with freeze_time(FIRST):
            self.sell_term("2024-11-01", "2024-11-30")
            move = self.invoice("2024-10-31", self.account)
        self.assertEqual((move.trtc_date_to, move.state), (False, "posted"))

    def test_a_draft_that_was_changed_by_hand_is_posted(self):
        self.account.auto_post = True
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self._invoice_on(FIRST)
        move.invoice_line_ids.name = "As agreed on the phone"
        self._invoice_on(THIRD)
        self.assertEqual(move.state, "draft")

    def test_nobody_hears_of_a_draft_that_is_not_posted(self):
        self.account.auto_post = True
        self.account.user_id = self.make_user("accountant")
        for change, says in (
            (lambda move: move.invoice_line_ids.write({"name": "As agreed"}), "changed by hand"),
            (lambda move: self._give_invoice_address(), "Payables"),
        ):
            self.usage("av_hd", 60_000, "2024-10-10")
            move = self._invoice_on(FIRST)
            change(move)
            self._invoice_on(SECOND)
            self.assertFalse(move.trtc_hold)
            for moment in (THIRD, "2024-11-04 04:00:00"):
                self._invoice_on(moment)
            self.assertEqual(move.state, "draft")
            self.assertIn(says, move.trtc_hold)
            self.assertEqual(move.activity_ids.ensure_one().user_id, self.account.user_id)
            told = move.message_ids.filtered(lambda one: "Not posted" in (one.body or ""))
            self.assertEqual(len(told), 1)
            move.unlink()

    def _give_invoice_address(self):
        self.env["res.partner"].create(
            {"name": "Payables", "type": "invoice", "parent_id": self.customer.id}
        )

    def test_an_invoice_that_was_reset_is_posted_again(self):
        self.account.auto_post = True
        self.usage("av_hd", 60_000, "2024-10-10")
        self._invoice_on(FIRST)
        move = self._invoice_on(THIRD)
        move.button_draft()
        self._invoice_on("2024-11-05 04:00:00")
        self.assertEqual(move.state, "draft")

    def test_an_account_without_automatic_posting_is_posted(self):
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self._invoice_on(FIRST)
        self._invoice_on("2024-11-20 04:00:00")
        self.assertEqual(move.state, "draft")

    def test_the_run_of_one_account_posts_for_another(self):
        other = self.make_account(auto_post=True)
        self.usage("av_hd", 60_000, "2024-10-10", self.make_application(other))
        with freeze_time(FIRST):
            move = self.invoice("2024-10-31", other)
        with freeze_time(THIRD):
            self.invoice("2024-10-31", self.account)
            self.assertEqual(move.state, "draft")
            self.invoice("2024-10-31", other)
        self.assertEqual(move.state, "posted")

    # === LATE USAGE === #

    def test_late_usage_waits_though_the_draft_is_open(self):
        """By default, as before, a draft is refreshed until it is posted."""
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self._invoice_on(FIRST)
        self.usage("av_hd", 60_000, "2024-10-31")
        self.assertEqual(self._invoice_on("2024-11-20 04:00:00"), move)
        self.assertEqual(move.amount_untaxed, 7.98)

    def test_late_usage_changes_a_draft_that_is_frozen(self):
        self.env.company.trtc_late_usage = "freeze"
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self._invoice_on(FIRST)
        self.usage("av_hd", 60_000, "2024-10-30")
        self.assertEqual(self._invoice_on(SECOND), move)
        self.usage("av_hd", 60_000, "2024-10-31")
        self.assertFalse(self._invoice_on(THIRD, "2024-11-02"))
        self.assertEqual(move.amount_untaxed, 7.98)
        self.usage("av_hd", 60_000, "2024-11-10")
        late = self._invoice_on("2024-12-01 04:00:00", "2024-11-30")
        self.assertEqual(late.trtc_date_from, date(2024, 11, 1))
        self.assertEqual(
            [(li.trtc_is_late, li.quantity) for li in late.invoice_line_ids],
            [(False, 1000), (True, 1000)],
        )
        self.assertEqual(move.amount_untaxed, 7.98)
        self.assertEqual(move.state, "draft")

    def test_a_frozen_draft_is_never_posted(self):
        self.env.company.trtc_late_usage = "freeze"
        self.account.auto_post = True
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self._invoice_on(FIRST)
        self.usage("av_hd", 60_000, "2024-10-31")
        self._invoice_on(THIRD)
        self.assertEqual((move.state, move.amount_untaxed), ("posted", 3.99))

    def test_fees_join_a_draft_that_is_frozen(self):
        self.env.company.trtc_late_usage = "freeze"
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self._invoice_on(FIRST)
        with freeze_time("2024-11-20 04:00:00"):
            self.sell_term("2024-11-05", "2024-11-30")
            fees = self.invoice("2024-11-19", self.account)
        self.assertNotEqual(fees, move)
        self.assertFalse(move.invoice_line_ids.trtc_fee_id)

    # === PREVIEW AND SETTINGS === #

    def test_a_preview_posts_and_sends(self):
        self.account.write({"auto_post": True, "auto_send": True})
        self.usage("av_hd", 60_000, "2024-10-10")
        self.settle("2024-10-31")
        accounts = self.account.with_context(trtc_preview=PREVIEW)
        move = accounts.create_invoices("2024-10-31")
        self.assertEqual((move.state, move.sending_data), ("draft", False))

    def test_grace_of_a_year_is_accepted(self):
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.cr.savepoint(),
        ):
            self.env.company.trtc_grace_days = 365
            self.env.flush_all()

    def test_the_manager_saves_nothing(self):
        self.make_users()
        settings = self.env["trtc.settings"].with_user(self.user_manager)
        settings.create({"grace_days": 5, "late_usage": "freeze"}).action_save()
        company = self.env.company
        self.assertEqual((company.trtc_grace_days, company.trtc_late_usage), (5, "freeze"))
