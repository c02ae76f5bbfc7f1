import re
from datetime import date
from pathlib import Path

from freezegun import freeze_time

from odoo import fields
from odoo.modules.module import get_module_path
from odoo.tests import Form, tagged

from .accrual import AccrualCommon
from .common import TrtcCommon
from .invoice_choices import ChoicesMixin
from .schedule import ScheduleCase

#: {zone: (a moment in UTC, the billing day there, the day of UTC)}: the two differ in each.
MOMENTS = {
    "Asia/Shanghai": ("2025-12-31 18:30:00+00:00", date(2026, 1, 1), date(2025, 12, 31)),
    "Pacific/Auckland": ("2025-12-31 20:00:00+00:00", date(2026, 1, 1), date(2025, 12, 31)),
    "America/Los_Angeles": ("2026-01-01 02:00:00+00:00", date(2025, 12, 31), date(2026, 1, 1)),
}


@tagged("post_install", "-at_install")
class TestBillingDay(ChoicesMixin, ScheduleCase):
    """Today is the billing day of the company, for whoever runs what and wherever."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.write({"trtc_settlement_hour": 2, "trtc_grace_days": 0})
        cls.company.trtc_late_usage = "refresh"
        cls.account.auto_post = True

    def _post_by_cron(self, zone, **vals):
        """Let the scheduled action post the invoice of a month that is over everywhere."""
        moment, here, utc = MOMENTS[zone]
        self.company.trtc_billing_tz = zone
        self.account.write(vals)
        self.usage("av_hd", 60_000, "2025-11-20")
        self.run_cron("invoice", moment)
        move = self.env["account.move"].search([("trtc_account_id", "=", self.account.id)])
        self.assertEqual((len(move), move.state), (1, "posted"))
        if not self.account.payment_term_id:
            # Without terms it is due when it is issued, neither before nor after.
            self.assertEqual(move.invoice_date_due, move.invoice_date)
        return move, here, utc

    def test_an_automatic_invoice_carries_the_billing_day_in_shanghai(self):
        """At 02:30 on New Year's Day it was dated in the old year, the day of UTC."""
        move, here, _utc = self._post_by_cron("Asia/Shanghai")
        self.assertEqual((move.invoice_date, move.date), (here, here))
        self.assertIn("2026", move.name)

    def test_an_automatic_invoice_carries_the_billing_day_in_auckland(self):
        """Auckland is half a day ahead: the 1st at 09:00 there is the 31st in UTC."""
        move, here, _utc = self._post_by_cron("Pacific/Auckland")
        self.assertEqual((move.invoice_date, move.date), (here, here))

    def test_an_automatic_invoice_carries_the_billing_day_in_los_angeles(self):
        """Los Angeles is behind: on the 31st at 18:00 it was dated in the new year."""
        move, here, _utc = self._post_by_cron("America/Los_Angeles")
        self.assertEqual((move.invoice_date, move.date), (here, here))

    def test_a_due_date_counts_from_the_billing_day(self):
        """Payment terms of 30 days began on the day before the invoice."""
        term = self.env["account.payment.term"].create(
            {
                "name": "30 days",
                "line_ids": [
                    fields.Command.create({"value": "percent", "value_amount": 100, "nb_days": 30})
                ],
            }
        )
        move, _here, _utc = self._post_by_cron("Asia/Shanghai", payment_term_id=term.id)
        self.assertEqual(move.invoice_date_due, date(2026, 1, 31))

    def test_a_date_at_the_period_end_is_not_moved_before_it(self):
        """Where UTC is a day behind, the last day of the period seemed to be to come."""
        self.company.trtc_billing_tz = "Asia/Shanghai"
        self.account.write({"invoice_date_rule": "period_end", "invoice_cycle": "day"})
        self.usage("av_hd", 60_000, "2025-12-31")
        self.run_cron("invoice", "2025-12-31 18:30:00+00:00")
        move = self.env["account.move"].search([("trtc_account_id", "=", self.account.id)])
        self.assertEqual((move.state, move.invoice_date), ("posted", date(2025, 12, 31)))

    def test_whoever_posts_by_hand_posts_on_the_billing_day(self):
        """A user at home in another zone, or without one, dated the invoice by that zone."""
        moment, here, _utc = MOMENTS["Asia/Shanghai"]
        self.account.auto_post = False
        accountant = self.make_user("accountant")
        for zone in (False, "America/Los_Angeles", "Asia/Shanghai"):
            accountant.tz = zone
            with self.subTest(zone=zone), freeze_time(moment):
                self.usage("av_hd", 60_000, "2025-11-20")
                move = self.invoice("2025-12-31", self.account)
                move.with_user(accountant).action_post()
                self.assertEqual((move.state, move.invoice_date, move.date), ("posted", here, here))

    def test_a_lock_until_yesterday_leaves_the_billing_day_open(self):
        """The first open day was the billing day, which seemed to lie in the future."""
        self.company.fiscalyear_lock_date = "2025-12-31"
        move, here, _utc = self._post_by_cron("Asia/Shanghai")
        self.assertEqual(move.invoice_date, here)
        self.assertFalse(move.trtc_hold)

    def test_an_activity_is_due_on_the_billing_day(self):
        """What the salesperson has to do was overdue when it was made."""
        moment, here, _utc = MOMENTS["Asia/Shanghai"]
        self.usage("av_hd", 60_000, "2025-11-20")
        with self.failing(self.account):
            self.run_cron("invoice", moment)
        self.assertEqual(self.account.activity_ids.date_deadline, here)

    def test_a_credit_note_is_dated_on_the_billing_day(self):
        """Both dialogs proposed the day of the user, in the old year."""
        moment, here, _utc = MOMENTS["Asia/Shanghai"]
        accountant = self.make_user("accountant")
        with freeze_time(moment):
            self.usage("av_hd", 60_000, "2025-11-20")
            move = self.invoice("2025-12-31", self.account)
            self.assertEqual(move.state, "posted")
            wizard = self.env["account.move.reversal"].with_user(accountant)
            wizard = wizard.with_context(active_model="account.move", active_ids=move.ids)
            form = Form(wizard)
            self.assertEqual(form.date, here)
            form.save().modify_moves()
            credit = move.reversal_move_ids
            self.assertEqual((credit.state, credit.invoice_date), ("posted", here))

    def test_a_part_is_credited_on_the_billing_day_of_the_invoice(self):
        """The dialog took the day of the company that the user happened to work in."""
        moment, here, utc = MOMENTS["Asia/Shanghai"]
        other = self.env["res.company"].create(
            {"name": "West", "trtc_billing_tz": "America/Los_Angeles"}
        )
        with freeze_time(moment):
            self.usage("av_hd", 60_000, "2025-11-20")
            move = self.invoice("2025-12-31", self.account)
            self.assertEqual(other._trtc_today(), utc)
            wizard = self.env["trtc.credit"].with_company(other)
            wizard = wizard.with_context(default_move_id=move.id)
            self.assertEqual(Form(wizard).date, here)

    def test_a_posting_of_other_documents_keeps_the_day_of_the_user(self):
        """Invoices without usage are core's matter, posted together with ours or not."""
        moment, here, utc = MOMENTS["Asia/Shanghai"]
        self.account.auto_post = False
        with freeze_time(moment):
            other = self.init_invoice("out_invoice", amounts=[10], partner=self.customer)
            other.invoice_date = False
            self.usage("av_hd", 60_000, "2025-11-20")
            move = self.invoice("2025-12-31", self.account)
            (move | other).with_context(tz="UTC")._post(soft=False)
            self.assertEqual((move.invoice_date, other.invoice_date), (here, utc))


@tagged("post_install", "-at_install")
class TestPeriodEndOnTheBillingDay(AccrualCommon):
    """Entries of a period end, where the billing day is ahead of UTC."""

    def test_the_reversal_of_the_billing_day_is_posted_at_once(self):
        """The reversal of New Year's Day waited, as in UTC that day had not come."""
        moment, here, _utc = MOMENTS["Asia/Shanghai"]
        self.use(10, "2025-12-30")
        with freeze_time(moment):
            accrual = self.propose("2025-12-31")
            self.assertEqual(accrual.reversal_id.date, here)
            self.assertEqual(accrual.reversal_id.state, "posted")


@tagged("post_install", "-at_install")
class TestClocks(TrtcCommon):
    """Nobody asks another clock for today."""

    #: An API key belongs to a person, not to a company: its last day is that of the person.
    PERSONAL = {"trtc_sender_key.py"}

    def test_no_code_asks_for_the_day_of_the_user_or_of_utc(self):
        """Each place that did so dated something on the wrong side of midnight."""
        root = Path(get_module_path("trtc_billing"))
        asking = re.compile(r"context_today|\btoday\(\)|now\(\)\.date\(\)")
        found = [
            f"{path.relative_to(root)}: {line.strip()}"
            for folder in ("models", "wizard", "controllers", "report", "views")
            for path in (root / folder).iterdir()
            if path.suffix in (".py", ".xml") and path.name not in self.PERSONAL
            for line in path.read_text(encoding="utf-8").splitlines()
            if asking.search(line.replace("_trtc_today()", ""))
        ]
        self.assertFalse(found)
