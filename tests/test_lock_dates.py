from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import format_date

from .common import TrtcCommon
from .invoice_choices import ChoicesMixin

#: {lock date of the company: its name, as the chatter says it}
LOCKS = {
    "fiscalyear_lock_date": "Global Lock Date",
    "tax_lock_date": "Tax Return Lock Date",
    "sale_lock_date": "Sales Lock date",
    "hard_lock_date": "Hard Lock Date",
}


@tagged("post_install", "-at_install")
class TestLockDates(ChoicesMixin, TrtcCommon):
    """Late in November usage of October is invoiced, with October closed until the 5th."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time("2024-11-20 10:00:00"))
        cls.account.write({"invoice_date_rule": "period_end", "auto_post": True})
        cls.item("av_hd").product_id.taxes_id = [Command.set(cls.tax_sale_a.ids)]

    def lock(self, **days):
        self.env.company.sudo().write(days)

    def run_as_cron(self, until="2024-10-31"):
        """Settle and invoice as the scheduled action does; return the invoices."""
        cron = self.env.ref("base.user_root")
        accounts = self.env["trtc.account"].with_user(cron).browse(self.account.ids)
        accounts.settle(until)
        return accounts.create_invoices(until).with_env(self.env)

    def assert_dated(self, move, day, *says):
        """Check that an invoice is posted, dated on a day, and says why."""
        self.assertEqual(move.state, "posted", move.trtc_hold)
        self.assertEqual((move.invoice_date, move.date), (day, day))
        for text in says:
            self.assertIn(text, move.narration or "")
        if not says:
            self.assertFalse(move.trtc_date_reason)

    def chatter(self, move):
        return " ".join(map(str, move.message_ids.mapped("body")))

    # === EACH LOCK === #

    def _check_lock(self, name):
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(**{name: "2024-11-05"})
        move = self.run_as_cron()
        self.assert_dated(move, date(2024, 11, 6), "11/06/2024", "11/05/2024", "10/31/2024")
        label = self.env["res.company"].fields_get([name])[name]["string"]
        self.assertIn(label, self.chatter(move))
        self.assertIn("11/05/2024", self.chatter(move))
        self.assertEqual(move.amount_untaxed, 3.99)

    def test_a_closed_year_moves_a_date_silently(self):
        self._check_lock("fiscalyear_lock_date")

    def test_a_tax_return_that_was_filed_moves_a_date_silently(self):
        self._check_lock("tax_lock_date")

    def test_closed_sales_move_a_date_silently(self):
        self._check_lock("sale_lock_date")

    def test_a_hard_lock_moves_a_date_silently(self):
        self._check_lock("hard_lock_date")

    def test_without_a_lock_the_period_end_is_missed(self):
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(fiscalyear_lock_date="2024-10-30", purchase_lock_date="2024-11-10")
        self.assert_dated(self.run_as_cron(), date(2024, 10, 31))

    def test_a_tax_lock_moves_an_invoice_without_taxes(self):
        self.item("av_hd").product_id.taxes_id = False
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(tax_lock_date="2024-11-05")
        self.assert_dated(self.run_as_cron(), date(2024, 10, 31))

    def test_the_newest_of_several_locks_is_overlooked(self):
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(fiscalyear_lock_date="2024-11-02", sale_lock_date="2024-11-12")
        self.assert_dated(self.run_as_cron(), date(2024, 11, 13), "11/13/2024", "11/12/2024")

    def test_a_lock_that_only_the_next_day_violates_is_overlooked(self):
        """The day after one lock may be locked by another, which the first day did not violate."""
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(fiscalyear_lock_date="2024-11-05", tax_lock_date="2024-11-05")
        self.lock(sale_lock_date="2024-10-31")
        self.assert_dated(self.run_as_cron(), date(2024, 11, 6), "11/06/2024")

    # === EXCEPTIONS === #

    def _except(self, user=None):
        self.env["account.lock_exception"].create(
            {
                "company_id": self.env.company.id,
                "user_id": user.id if user else False,
                "fiscalyear_lock_date": "2024-10-15",
                "end_datetime": False,
            }
        )

    def test_an_exception_of_the_user_is_ignored(self):
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(fiscalyear_lock_date="2024-11-05")
        self._except(self.env.ref("base.user_root"))
        self.assert_dated(self.run_as_cron(), date(2024, 10, 31))

    def test_the_exception_of_somebody_else_opens_the_books(self):
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(fiscalyear_lock_date="2024-11-05")
        self._except(self.make_user("accountant"))
        self.assert_dated(self.run_as_cron(), date(2024, 11, 6), "11/06/2024")

    # === DRAFTS === #

    def test_a_draft_is_posted_into_days_locked_since(self):
        self.account.auto_post = False
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self.run_as_cron()
        self.assertEqual((move.invoice_date, move.date), (date(2024, 10, 31),) * 2)
        self.lock(fiscalyear_lock_date="2024-11-05")
        move.action_post()
        self.assert_dated(move, date(2024, 11, 6), "11/06/2024")

    def test_a_refresh_keeps_a_locked_date(self):
        self.account.auto_post = False
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self.run_as_cron()
        self.lock(fiscalyear_lock_date="2024-11-05")
        self.usage("av_hd", 60_000, "2024-10-11")
        self.assertEqual(self.run_as_cron(), move)
        self.assertEqual(move.invoice_date, date(2024, 11, 6))
        self.lock(fiscalyear_lock_date="2024-11-10")
        self.usage("av_hd", 60_000, "2024-10-12")
        self.run_as_cron()
        self.assertEqual(move.invoice_date, date(2024, 11, 11))
        self.assertNotIn("11/06/2024", move.narration)
        self.assertIn("11/11/2024", move.narration)
        self.lock(fiscalyear_lock_date=False)
        self.usage("av_hd", 60_000, "2024-10-13")
        self.run_as_cron()
        self.assertEqual(move.invoice_date, date(2024, 10, 31))
        self.assertFalse(move.narration)

    def test_a_date_chosen_by_hand_is_overwritten(self):
        self.account.auto_post = False
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self.run_as_cron()
        move.invoice_date = date(2024, 11, 1)
        self.usage("av_hd", 60_000, "2024-10-11")
        self.assertEqual(self.run_as_cron(), move)
        self.assertEqual(move.invoice_date, date(2024, 11, 1))
        self.lock(fiscalyear_lock_date="2024-11-05")
        move.action_post()
        self.assertEqual(move.invoice_date, date(2024, 11, 1))
        self.assertIn("11/01/2024 is locked", self.chatter(move))
        booked = format_date(self.env, move.date)
        self.assertIn(f"the invoice is booked on {booked}.", self.chatter(move))

    def test_terms_and_conditions_are_lost(self):
        self.env["ir.config_parameter"].sudo().set_param("account.use_invoice_terms", "1")
        self.env.company.invoice_terms = "Pay in time."
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(fiscalyear_lock_date="2024-11-05")
        move = self.run_as_cron()
        self.assert_dated(move, date(2024, 11, 6), "Pay in time.", "11/06/2024")

    # === DAY OF ISSUE === #

    def test_the_day_of_issue_is_moved_into_the_period(self):
        self.account.invoice_date_rule = "issue"
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(fiscalyear_lock_date="2024-11-05")
        self.assert_dated(self.run_as_cron(), date(2024, 11, 20))

    def test_a_draft_of_yesterday_is_dated_yesterday(self):
        self.account.write({"invoice_date_rule": "issue", "auto_post": False})
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self.run_as_cron()
        self.assertFalse(move.invoice_date)
        with freeze_time("2024-11-25 10:00:00"):
            move.action_post()
        self.assertEqual((move.invoice_date, move.date), (date(2024, 11, 25),) * 2)

    def test_an_invoice_is_posted_on_a_day_that_is_locked(self):
        """Where today is locked, it stays a draft, says so once, and is posted afterwards."""
        for rule in ("issue", "period_end"):
            with self.subTest(rule=rule):
                self.account.invoice_date_rule = rule
                self.usage("av_hd", 60_000, "2024-10-10")
                self.lock(fiscalyear_lock_date="2024-11-30")
                move = self.run_as_cron()
                self.assertEqual(move.state, "draft")
                self.assertIn("11/30/2024", move.trtc_hold)
                count = len(move.message_ids)
                self.run_as_cron()
                self.assertEqual(len(move.message_ids), count)
                self.assertEqual(move.state, "draft")
                self.lock(fiscalyear_lock_date=False)
                self.run_as_cron()
                self.assertEqual(move.state, "posted")
                self.assertFalse(move.trtc_hold)
                move.button_draft()
                move.unlink()

    def test_a_draft_says_nothing_of_a_lock_until_somebody_posts_it(self):
        self.account.write({"invoice_date_rule": "issue", "auto_post": False})
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(fiscalyear_lock_date="2024-11-30")
        move = self.run_as_cron()
        self.assertIn("11/30/2024", move.trtc_hold)
        self.assertIn("then post the invoice", self.chatter(move))
        with self.assertRaisesRegex(UserError, "11/30/2024"), self.env.cr.savepoint():
            move.action_post()
        self.lock(fiscalyear_lock_date=False)
        move.action_post()
        self.assertFalse(move.trtc_hold)

    def test_a_date_to_come_is_taken_for_a_locked_one(self):
        self.account.write({"invoice_date_rule": "issue", "auto_post": False})
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self.run_as_cron()
        move.invoice_date = "2024-12-05"
        move.action_post()
        self.assertEqual((move.state, move.date), ("posted", date(2024, 12, 5)))

    def test_a_due_date_is_moved_in_silence(self):
        self.account.auto_post = False
        self.account.invoice_date_rule = "issue"
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self.run_as_cron()
        move.invoice_payment_term_id = False
        move.invoice_date_due = "2024-11-13"
        move.action_post()
        self.assertEqual(move.invoice_date_due, date(2024, 11, 20))
        self.assertIn("instead of 11/13/2024", self.chatter(move))

    def test_what_is_billed_again_is_dated_in_the_old_period(self):
        self.account.auto_post = False
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self.run_as_cron()
        move.action_post()
        move._reverse_moves([{"invoice_date": date(2024, 11, 20)}], cancel=True)
        again = self.run_as_cron()
        self.assertEqual(again.trtc_date_to, date(2024, 10, 31))
        self.assertFalse(again.invoice_date)
        with freeze_time("2024-11-25 10:00:00"):
            again.action_post()
        self.assertEqual((again.invoice_date, again.date), (date(2024, 11, 25),) * 2)

    # === WHAT FOLLOWS FROM THE DATE === #

    def test_the_rate_of_another_day_is_used(self):
        currency = self.env.ref("base.CNY")
        currency.active = True
        for day, rate in (("2024-10-31", 7.0), ("2024-11-06", 8.0), ("2024-11-20", 9.0)):
            self.env["res.currency.rate"].create(
                {
                    "name": day,
                    "rate": rate,
                    "currency_id": currency.id,
                    "company_id": self.env.company.id,
                }
            )
        account = self.make_account(
            pricelist_id=self.pricelist_cny.id, invoice_date_rule="period_end", auto_post=True
        )
        application = self.make_application(account)
        self.usage("av_hd", 6_000_000, "2024-10-10", application)
        self.lock(fiscalyear_lock_date="2024-11-05")
        account.settle("2024-10-31")
        move = account.create_invoices("2024-10-31")
        self.assert_dated(move, date(2024, 11, 6), "11/06/2024")
        self.assertEqual(move.invoice_currency_rate, 8.0)

    def test_the_reason_is_in_the_language_of_the_cron(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.customer.lang = "de_DE"
        self.usage("av_hd", 60_000, "2024-10-10")
        self.lock(fiscalyear_lock_date="2024-11-05")
        self.assert_dated(self.run_as_cron(), date(2024, 11, 6), "06.11.2024")
