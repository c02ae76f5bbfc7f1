import logging
from contextlib import suppress

from freezegun import freeze_time
from psycopg2.errors import SerializationFailure

from odoo.tests import tagged

from .schedule import Killed, ScheduleCase


@tagged("post_install", "-at_install")
class TestSettlementHour(ScheduleCase):
    """When the day before is settled."""

    def settled_days(self, account=None):
        lines = self.lines(of=account)
        return sorted(str(day) for day in set(lines.mapped("date")))

    def test_a_day_is_settled_before_eight_o_clock(self):
        self.usage("av_hd", 600, "2024-10-08")
        self.usage("av_hd", 600, "2024-10-09")
        self.run_cron("settle", "2024-10-10T07:59:59")
        self.assertEqual(self.settled_days(), ["2024-10-08"])
        self.run_cron("settle", "2024-10-10T08:00:00")
        self.assertEqual(self.settled_days(), ["2024-10-08", "2024-10-09"])
        self.assert_books()

    def test_another_hour_is_overlooked(self):
        self.env.company.trtc_settlement_hour = 0
        self.usage("av_hd", 600, "2024-10-09")
        self.run_cron("settle", "2024-10-10T00:00:01")
        self.assertEqual(self.settled_days(), ["2024-10-09"])

    def test_days_of_an_outage_of_ten_days_are_lost(self):
        days = [f"2024-10-{day:02}" for day in range(5, 16)]
        for day in days:
            self.usage("av_hd", 61, day)
        self.run_cron("settle", "2024-10-16T08:00:00")
        self.assertEqual(self.settled_days(), days)
        self.assertEqual(self.total("quantity"), 22)
        self.assertFalse(self.lines().statement_id.filtered("is_adjustment"))
        self.assert_books()

    def test_two_companies_are_settled_by_one_clock(self):
        """At the same moment it is 08:00 in Shanghai and 02:00 in Berlin."""
        berlin = self.env["res.company"].create(
            {"name": "Berlin", "trtc_billing_tz": "Europe/Berlin"}
        )
        account = self.make_account(company_id=berlin.id)
        application = self.make_application(account)
        self.env["trtc.usage"].with_company(berlin).ingest(
            [self.record("av_hd", 600, f"2024-10-0{day}", application) for day in (8, 9)], "test"
        )
        self.usage("av_hd", 600, "2024-10-09")
        self.run_cron("settle", "2024-10-10T08:00:00")
        self.assertEqual(self.settled_days(), ["2024-10-09"])
        self.assertEqual(self.settled_days(account), ["2024-10-08"])
        self.run_cron("settle", "2024-10-10T14:00:00")
        self.assertEqual(self.settled_days(account), ["2024-10-08", "2024-10-09"])

    def test_a_clock_that_was_put_back_settles_an_hour_early(self):
        """Summer time ends in Berlin on 2024-10-27: 08:00 was 06:00 UTC, and is 07:00."""
        self.env.company.trtc_billing_tz = "Europe/Berlin"
        for day in ("2024-10-25", "2024-10-26"):
            self.usage("av_hd", 600, day)
        self.run_cron("settle", "2024-10-26T06:00:00+00:00")
        self.assertEqual(self.settled_days(), ["2024-10-25"])
        self.run_cron("settle", "2024-10-27T06:30:00+00:00")
        self.assertEqual(self.settled_days(), ["2024-10-25"])
        self.run_cron("settle", "2024-10-27T07:00:00+00:00")
        self.assertEqual(self.settled_days(), ["2024-10-25", "2024-10-26"])

    def test_a_month_is_settled_before_its_last_day_is_over(self):
        self.subscribe(self.application, "flagship", "2024-10-01")
        self.usage("screenshot_terminal", 30_000, "2024-10-20")
        self.run_cron("settle", "2024-10-31T23:00:00")
        self.run_cron("settle", "2024-11-01T07:00:00")
        self.assertFalse(self.lines())
        self.run_cron("settle", "2024-11-01T08:00:00")
        self.assertEqual(self.total("billable_quantity"), 20)

    def test_an_hourly_run_settles_a_day_twice(self):
        self.usage("av_hd", 600, "2024-10-09")
        for hour in range(8, 12):
            self.run_cron("settle", f"2024-10-10T{hour:02}:00:00")
        self.assertEqual(len(self.lines().statement_id), 1)
        self.assertEqual(len(self.runs()), 1)
        self.assert_books()

    def test_late_usage_of_a_settled_day_waits_a_day(self):
        self.usage("av_hd", 600, "2024-10-09")
        self.run_cron("settle", "2024-10-10T08:00:00")
        self.usage("av_hd", 600, "2024-10-09")
        self.run_cron("settle", "2024-10-10T09:00:00")
        self.assertEqual(self.total("quantity"), 20)
        self.assertEqual(self.lines().statement_id.mapped("is_adjustment"), [False, True])

    def test_usage_that_waits_for_a_decision_is_rated_each_hour(self):
        self.usage("screenshot_terminal", 30_000, "2024-09-20")
        asked = []
        cls = self.registry["trtc.account"]
        original = cls._settle
        self.patch(cls, "_settle", lambda *args: asked.append(args[0]) or original(*args))
        for hour in range(8, 12):
            self.run_cron("settle", f"2024-10-10T{hour:02}:00:00")
        self.assertEqual(len(asked), 1)
        self.run_cron("settle", "2024-10-11T08:00:00")
        self.assertEqual(len(asked), 2)

    def test_a_company_that_settles_by_hand_is_settled_automatically(self):
        self.env.company.write({"trtc_auto_settle": False, "trtc_auto_invoice": False})
        self.usage("av_hd", 600, "2024-10-09")
        self.run_cron("settle", "2024-11-10T08:00:00")
        self.run_cron("invoice", "2024-11-10T08:00:00")
        self.assertFalse(self.lines())
        self.assertFalse(self.runs())


@tagged("post_install", "-at_install")
class TestInvoiceDay(ScheduleCase):
    """When the month before is invoiced."""

    def invoices(self, account=None):
        account = account or self.account
        moves = self.env["account.move"].search([("trtc_account_id", "=", account.id)])
        return moves.sorted("trtc_date_from")

    def test_a_month_is_invoiced_before_the_third(self):
        self.env.company.trtc_invoice_day = 3
        self.usage("av_hd", 60_000, "2024-10-09")
        self.usage("av_hd", 60_000, "2024-11-01")
        for moment in ("2024-10-31T23:00:00", "2024-11-02T23:00:00", "2024-11-03T07:59:59"):
            self.run_cron("invoice", moment)
            self.assertFalse(self.invoices(), moment)
        self.run_cron("invoice", "2024-11-03T08:00:00")
        self.assertEqual(self.invoices().mapped("amount_untaxed"), [3.99])
        self.assertEqual(str(self.invoices().trtc_date_to), "2024-10-31")

    def test_a_month_is_invoiced_before_the_hour_of_the_first(self):
        self.usage("av_hd", 60_000, "2024-10-31")
        self.run_cron("invoice", "2024-11-01T07:59:59")
        self.assertFalse(self.invoices())
        self.run_cron("invoice", "2024-11-01T08:00:00")
        self.assertEqual(len(self.invoices()), 1)

    def test_invoices_of_months_that_were_missed_are_never_made(self):
        for month in ("08", "09", "10"):
            self.usage("av_hd", 60_000, f"2024-{month}-09")
        self.run_cron("invoice", "2024-11-20T12:00:00")
        months = [f"{move.trtc_date_from:%m}" for move in self.invoices()]
        self.assertEqual(months, ["08", "09", "10"])
        self.assert_books()

    def test_a_daily_account_waits_for_the_month(self):
        self.account.invoice_cycle = "day"
        self.usage("av_hd", 60_000, "2024-10-08")
        self.usage("av_hd", 60_000, "2024-10-09")
        self.run_cron("invoice", "2024-10-10T07:00:00")
        self.assertEqual(len(self.invoices()), 1)
        self.run_cron("invoice", "2024-10-10T08:00:00")
        self.assertEqual(len(self.invoices()), 2)

    def test_an_hourly_run_invoices_a_month_twice(self):
        self.usage("av_hd", 60_000, "2024-10-09")
        for hour in range(8, 12):
            self.run_cron("invoice", f"2024-11-01T{hour:02}:00:00")
            self.run_cron("settle", f"2024-11-01T{hour:02}:30:00")
        self.assertEqual(len(self.invoices()), 1)
        self.assertEqual(len(self.runs(what="invoice")), 1)
        self.assertFalse(self.runs(what="settle"))

    def test_late_usage_has_an_invoice_of_its_own_in_mid_month(self):
        """The invoice is posted: the difference comes with the next one."""
        self.usage("av_hd", 60_000, "2024-10-09")
        self.run_cron("invoice", "2024-11-01T08:00:00")
        self.invoices().action_post()
        self.usage("av_hd", 60_000, "2024-10-09")
        for day in ("02", "10", "30"):
            self.run_cron("settle", f"2024-11-{day}T08:00:00")
            self.run_cron("invoice", f"2024-11-{day}T09:00:00")
        self.assertEqual(len(self.invoices()), 1)
        self.run_cron("invoice", "2024-12-01T08:00:00")
        self.assertEqual(self.invoices().mapped("amount_untaxed"), [3.99, 3.99])
        self.assert_books()

    def test_late_usage_misses_a_draft_that_nobody_changed(self):
        self.env.company.trtc_late_usage = "refresh"
        self.usage("av_hd", 60_000, "2024-10-09")
        self.run_cron("invoice", "2024-11-01T08:00:00")
        self.usage("av_hd", 60_000, "2024-10-09")
        self.run_cron("settle", "2024-11-02T08:00:00")
        self.run_cron("invoice", "2024-11-02T09:00:00")
        self.assertEqual(self.invoices().mapped("amount_untaxed"), [7.98])

    def test_an_invoice_to_be_posted_after_its_grace_stays_a_draft(self):
        self.env.company.trtc_grace_days = 2
        self.account.auto_post = True
        self.usage("av_hd", 60_000, "2024-10-09")
        self.run_cron("invoice", "2024-11-01T08:00:00")
        self.assertEqual(self.invoices().state, "draft")
        self.assertEqual(self.run_cron("invoice", "2024-11-02T08:00:00"), [])
        self.run_cron("invoice", "2024-11-03T08:00:00")
        self.assertEqual(self.invoices().state, "posted")

    def test_fees_alone_stay_a_draft_after_a_lock(self):
        self.account.auto_post = True
        self.price_editions(self.pricelist_usd, {"pro": 100.0})
        subscription = self.subscribe(self.application, "pro", "2024-11-01")
        subscription.write({"bill_fee": True, "date_end": "2024-11-30"})
        self.env.company.sudo().fiscalyear_lock_date = "2024-11-30"
        self.run_cron("invoice", "2024-11-01T08:00:00")
        self.assertEqual((self.invoices().state, self.invoices().trtc_date_to), ("draft", False))
        self.env.company.sudo().fiscalyear_lock_date = False
        self.run_cron("invoice", "2024-11-02T08:00:00")
        self.assertEqual(self.invoices().state, "posted")


@tagged("post_install", "-at_install")
class TestOneByOne(ScheduleCase):
    """Each account in a transaction of its own."""

    def settled(self, accounts):
        return self.lines(of=accounts).account_id

    def test_one_bad_account_stops_the_others(self):
        accounts = self.make_accounts(3)
        bad = accounts[0]
        with self.failing(bad):
            told = self.run_cron("settle", "2024-10-10T08:00:00")
        self.assertEqual(told, [3, -1, -1, -1])
        self.assertEqual(self.settled(accounts), accounts - bad)
        self.assertEqual(bad.billing_error, "No income account.")
        self.assertTrue(bad.parked_since)
        run = self.runs()
        self.assertEqual(run.failed_count, 1)
        self.assertEqual(run.line_ids.mapped("state"), ["failed", "done", "done"])
        self.assertEqual(run.line_ids[0].error, "No income account.")

    def test_an_error_that_nobody_foresaw_stops_the_others(self):
        accounts = self.make_accounts(2)
        with (
            self.failing(accounts[0], KeyError("price")),
            self.assertLogs("odoo.addons.trtc_billing", logging.ERROR) as logs,
        ):
            self.run_cron("settle", "2024-10-10T08:00:00")
        self.assertIn("Traceback", logs.output[0])
        self.assertEqual(self.settled(accounts), accounts[1])
        self.assertIn("KeyError", accounts[0].billing_error)
        self.assertIn("the log of the server", accounts[0].billing_error)

    def test_memory_that_runs_out_stops_the_others(self):
        accounts = self.make_accounts(2)
        with (
            self.failing(accounts[0], MemoryError()),
            self.assertLogs("odoo.addons.trtc_billing", logging.ERROR),
        ):
            self.run_cron("settle", "2024-10-10T08:00:00")
        self.assertEqual(self.settled(accounts), accounts[1])
        self.assertIn("limit_memory_hard", accounts[0].billing_error)

    def test_a_collision_with_another_run_parks_an_account(self):
        accounts = self.make_accounts(2)
        with self.failing(accounts[0], SerializationFailure()):
            self.run_cron("settle", "2024-10-10T08:00:00")
        self.assertFalse(accounts[0].parked_since)
        self.assertEqual(self.settled(accounts), accounts[1])
        self.run_cron("settle", "2024-10-10T09:00:00")
        self.assertEqual(self.settled(accounts), accounts)

    def test_an_account_that_another_run_holds_is_forgotten(self):
        account = self.make_accounts(1)
        self.patch(self.registry["trtc.account"], "_lock_for_billing", lambda _account: False)
        self.run_cron("settle", "2024-10-10T08:00:00")
        self.assertFalse(self.runs())
        self.registry["trtc.account"]._lock_for_billing = lambda _account: True
        self.run_cron("settle", "2024-10-10T09:00:00")
        self.assertEqual(self.settled(account), account)

    def test_a_parked_account_is_tried_by_each_run(self):
        bad = self.make_accounts(1)
        with self.failing(bad):
            self.run_cron("settle", "2024-10-10T08:00:00")
        messages = len(bad.message_ids)
        self.assertFalse(self.run_cron("settle", "2024-10-10T09:00:00"))
        self.assertFalse(self.run_cron("invoice", "2024-11-10T09:00:00"))
        self.assertEqual(len(bad.message_ids), messages)
        self.assertFalse(self.settled(bad))

    def test_what_is_settled_is_lost_where_only_the_invoice_fails(self):
        account = self.make_accounts(1)
        with self.failing(account, method="_get_bills"):
            self.run_cron("invoice", "2024-11-01T08:00:00")
        self.assertEqual(self.settled(account), account)
        self.assertEqual(account.parked_step, "invoice")
        self.assertEqual(str(account.parked_until), "2024-10-31")

    def test_a_run_that_is_killed_between_two_accounts_is_lost(self):
        """The commit after the first account is the last thing that happens."""
        accounts = self.make_accounts(3)
        # No assertRaises: it would take back what was committed.
        with suppress(Killed):
            self.run_cron("settle", "2024-10-10T08:00:00", time_left=[1, Killed()])
            self.fail("not killed")
        self.assertEqual(self.settled(accounts), accounts[0])
        self.assertEqual(self.runs().state, "running")
        self.assertEqual(self.runs().line_ids.account_id, accounts[0])
        self.run_cron("settle", "2024-10-10T09:00:00")
        self.assertEqual(self.settled(accounts), accounts)
        self.assertEqual(self.runs().line_ids.account_id, accounts)
        self.assertEqual(self.runs().state, "done")
        self.assert_books(*accounts)

    def test_a_run_goes_on_when_its_time_is_over(self):
        accounts = self.make_accounts(3)
        told = self.run_cron("settle", "2024-10-10T08:00:00", time_left=[10, 10, 0])
        self.assertEqual(told, [3, -1, -1])
        self.assertEqual(self.settled(accounts), accounts[:2])
        self.run_cron("settle", "2024-10-10T08:01:00")
        self.assertEqual(self.settled(accounts), accounts)
        self.assertEqual(len(self.runs()), 1)

    def test_a_run_of_yesterday_stays_open_for_ever(self):
        accounts = self.make_accounts(2)
        self.run_cron("settle", "2024-10-10T08:00:00", limit=1)
        self.run_cron("settle", "2024-10-11T08:00:00")
        self.assertEqual(self.runs().mapped("state"), ["done", "done"])
        self.assertEqual(self.settled(accounts), accounts)

    def test_the_newest_backlog_comes_first(self):
        new, old = self.make_accounts(1, "2024-10-09"), self.make_accounts(1, "2024-10-01")
        self.run_cron("settle", "2024-10-10T08:00:00", limit=1)
        self.assertEqual(self.settled(new | old), old)

    def test_an_hour_without_work_leaves_a_run(self):
        self.make_accounts(1, "2024-10-10")
        self.assertEqual(self.run_cron("settle", "2024-10-10T08:00:00"), [])
        self.assertEqual(self.run_cron("invoice", "2024-10-10T08:00:00"), [])
        self.assertFalse(self.runs())

    def test_looking_for_work_costs_queries_for_each_idle_account(self):
        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            for name in ("settle", "invoice"):
                self.run_cron(name, "2024-11-10T08:00:00")
            return self.cr.sql_log_count - before

        count()
        few = count()
        for _n in range(30):
            self.make_application(self.make_account())
        self.assertEqual(count(), few)

    def test_a_run_says_who_settled(self):
        self.make_accounts(1)
        self.run_cron("settle", "2024-10-10T08:00:00")
        run = self.runs()
        self.assertTrue(run.is_automatic)
        self.assertEqual(run.user_id, self.env.ref("base.user_root"))
        self.assertEqual(str(run.until), "2024-10-09")
        self.assertEqual(run.statement_count, 1)

    def test_the_day_of_a_schedule_is_that_of_the_server(self):
        company = self.env.company
        with freeze_time("2024-10-31 17:00:00"):
            self.assertEqual(str(company._trtc_get_scheduled_day()), "2024-10-30")
        with freeze_time("2024-11-01 00:00:00"):
            self.assertEqual(str(company._trtc_get_scheduled_day()), "2024-10-31")
            self.assertEqual(str(company._trtc_get_scheduled_invoice_day("month")), "2024-10-31")
            company.trtc_invoice_day = 28
            self.assertEqual(str(company._trtc_get_scheduled_invoice_day("month")), "2024-09-30")
        with freeze_time("2024-11-28 00:00:00"):
            self.assertEqual(str(company._trtc_get_scheduled_invoice_day("month")), "2024-10-31")
