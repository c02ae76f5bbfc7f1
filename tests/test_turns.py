from contextlib import contextmanager, suppress

from odoo.tests import tagged

from ..wizard import trtc_run
from .schedule import Killed, ScheduleCase


@tagged("post_install", "-at_install")
class TestTurns(ScheduleCase):
    """The server is ended in the middle of an account, as by its limit of time."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.heavy, cls.light = cls.accounts = cls.make_accounts(2)

    @contextmanager
    def ending(self, account, method="_settle"):
        """Let the server end while it bills an account.

        No assertRaises: it would take back what was committed.
        """
        with self.failing(account, Killed(), method), suppress(Killed):
            yield
            self.fail("not ended")

    def settled(self):
        return self.lines(of=self.accounts).account_id

    def end_at(self, hour, name="settle"):
        with self.ending(self.heavy):
            self.run_cron(name, f"2024-10-10T{hour:02}:00:00")

    def test_an_account_that_ends_the_server_starves_the_others(self):
        self.end_at(8)
        self.assertFalse(self.settled())
        self.end_at(9)
        self.assertEqual(self.settled(), self.light)

    def test_an_account_ends_a_server_each_hour_for_ever(self):
        self.heavy.user_id = self.make_user("accountant")
        for hour in (8, 9, 10):
            self.end_at(hour)
            self.assertFalse(self.heavy.parked_since)
        with self.failing(self.heavy, Killed()):
            self.run_cron("settle", "2024-10-10T11:00:00")
        self.assertTrue(self.heavy.parked_since)
        self.assertIn("ended 3 times", self.heavy.billing_error)
        self.assertIn("limit_time_real_cron", self.heavy.activity_ids.note)
        self.assertEqual(self.runs().line_ids.mapped("state"), ["done", "failed"])
        # The server has more time by now.
        self.heavy.action_try_again()
        self.assertFalse(self.heavy.parked_since)
        self.assertEqual(self.settled(), self.accounts)

    def test_restarts_of_the_server_park_an_account(self):
        for day in ("2024-10-01", "2024-10-02", "2024-10-03", "2024-10-04"):
            self.usage("av_hd", 60_000, day, self.heavy.application_ids)
            self.end_at(8)
            self.run_cron("settle", "2024-10-10T09:00:00")
            self.assertFalse(self.heavy.settle_attempts)
        self.assertFalse(self.heavy.parked_since)

    def test_an_account_that_was_billed_by_hand_is_parked(self):
        for hour in (8, 9, 10):
            self.end_at(hour)
        wizard = self.env["trtc.run"].create({"until": "2024-10-31"})
        wizard.account_ids = self.heavy
        wizard.action_settle()
        self.usage("av_hd", 60_000, "2024-10-02", self.heavy.application_ids)
        self.run_cron("settle", "2024-10-10T11:00:00")
        self.assertFalse(self.heavy.parked_since)
        self.assertEqual(self.total("quantity", of=self.heavy), 2_000)

    def test_an_account_whose_turn_never_came_is_counted(self):
        self.light.sudo().settle_attempts = 2
        self.run_cron("settle", "2024-10-10T08:00:00", time_left=[1, 0])
        self.assertEqual(self.settled(), self.heavy)
        self.assertEqual(self.accounts.mapped("settle_attempts"), [0, 2])

    def test_settling_forgets_that_invoicing_ends_the_server(self):
        for hour in (8, 9, 10):
            self.usage("av_hd", 60_000, f"2024-10-{hour:02}", self.heavy.application_ids)
            self.run_cron("settle", f"2024-11-01T{hour:02}:00:00")
            with self.ending(self.heavy, "_get_bills"):
                self.run_cron("invoice", f"2024-11-01T{hour:02}:30:00")
        self.assertEqual(self.light.invoice_count, 1)
        with self.failing(self.heavy, Killed(), "_get_bills"):
            self.run_cron("invoice", "2024-11-01T11:00:00")
        self.assertTrue(self.heavy.parked_since)
        self.assertEqual(self.heavy.parked_step, "invoice")

    def test_a_queue_is_starved(self):
        self.patch(trtc_run, "AT_ONCE", 1)
        wizard = self.env["trtc.run"].create({"until": "2024-10-31"})
        wizard.account_ids = self.accounts
        wizard.action_settle()
        self.end_at(8, "work")
        self.end_at(9, "work")
        self.assertEqual(self.settled(), self.light)
        self.end_at(10, "work")
        with self.failing(self.heavy, Killed()):
            self.run_cron("work", "2024-10-10T11:00:00")
        self.assertTrue(self.heavy.parked_since)
        self.assertEqual(self.runs().state, "done")
        self.assertEqual(self.runs().line_ids.mapped("state"), ["failed", "done"])
