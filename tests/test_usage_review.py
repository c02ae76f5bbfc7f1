from datetime import timedelta

from freezegun import freeze_time
from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .test_ingest import IngestCommon
from .test_migration import load

NOW = "2026-11-28 04:00:00"
#: The last day of which usage is too old then, and the first one of which it is not.
OLD, NEW = "2023-11-27", "2023-11-28"


class ReviewCommon(IngestCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.trtc_usage_age_months = 36
        cls.make_users()

    def setUp(self):
        super().setUp()
        clock = freeze_time(NOW)
        clock.start()
        self.addCleanup(clock.stop)

    def old(self, quantity=600, **more):
        return self.usage("av_hd", quantity, OLD, **more)

    def waiting(self):
        return self.env["trtc.usage"].search(self.env["trtc.usage"]._get_to_check_domain())

    def bill(self, usage, user=None):
        return usage.with_user(user or self.user_accountant).action_review_bill()

    def ignore(self, usage, user=None):
        return usage.with_user(user or self.user_accountant).action_review_ignore()


@tagged("post_install", "-at_install")
class TestBounds(ReviewCommon):
    # === THE FUTURE === #

    def test_usage_of_the_future_is_refused(self):
        """Usage of 2062 was accepted, and never billed."""
        for start in ("2062-10-01", "2026-11-29T04:00:01Z", "2026-11-30"):
            result = self.ingest(self.record("av_hd", 60, start), check=False)
            self.assert_result(result, rejected=1)
            self.assertIn(f"start ({start}) lies in the future", result["rejected"][0]["error"])
        for start in ("2026-11-29T04:00:00Z", "2026-11-29", "2026-11-28"):
            self.assert_result(self.ingest(self.record("av_hd", 60, start)), accepted=1)

    def test_the_clock_is_the_one_of_the_company(self):
        with freeze_time("2025-01-10 00:00:00"):
            result = self.ingest(self.record("av_hd", 60, "2025-02-01"), check=False)
        self.assert_result(result, rejected=1)

    # === THE PAST === #

    def test_usage_that_no_statement_counts_is_counted_on_screen(self):
        self.usage("av_hd", 60, NEW)
        waiting, ignored = self.old(), self.old()
        self.ignore(ignored)
        self.assertTrue(waiting.is_held)
        for record in (self.application, self.account):
            record.invalidate_recordset(["usage_count"])
            self.assertEqual(record.usage_count, 1)
            action = record.action_open_usage()
            self.assertIn("search_default_counted", action["context"])
        self.bill(waiting)
        self.application.invalidate_recordset(["usage_count"])
        self.assertEqual(self.application.usage_count, 2)

    def test_old_usage_is_taken_in_and_waits(self):
        """Usage of 2016 was billed at once."""
        record = self.record("av_hd", 60, OLD)
        self.assert_result(self.ingest(record), accepted=1)
        usage = self.stored(record["id"])
        self.assertRecordValues(
            usage,
            [
                {
                    "state": "current",
                    "is_held": True,
                    "review": "waiting",
                    "review_reason": "old",
                    "account_id": self.account.id,
                    "item_id": self.item("av_hd").id,
                }
            ],
        )
        self.assertEqual(self.waiting(), usage)
        self.assertFalse(self.notes())
        self.assertFalse(self.settle("2026-10-31"))
        self.assertFalse(usage.line_count)
        self.assert_result(self.ingest(record), duplicate=1)

    def test_usage_within_the_limit_is_billed_without_a_question(self):
        usage = self.usage("av_hd", 60, NEW)
        self.assertFalse(usage.is_held or usage.review)
        self.assertTrue(self.settle("2026-10-31"))

    def test_no_limit_lets_everything_be_billed(self):
        self.env.company.trtc_usage_age_months = 0
        self.assertFalse(self.usage("av_hd", 60, "2001-01-01").is_held)

    def test_a_company_waits_after_three_years_unless_it_says_otherwise(self):
        self.env["ir.default"].discard_records(self.env["res.company"].browse())
        self.env["ir.default"].search([("field_id.name", "=", "trtc_usage_age_months")]).unlink()
        self.assertEqual(self.env["res.company"].create({"name": "New"}).trtc_usage_age_months, 36)

    def test_usage_before_the_first_billing_day_of_the_account_waits(self):
        self.account.bill_from = "2026-10-10"
        before = self.usage("av_hd", 60, "2026-10-09")
        after = self.usage("av_hd", 60, "2026-10-10")
        other = self.usage("av_hd", 60, "2026-10-09", self.make_application(self.make_account()))
        self.assertEqual((before.review, before.review_reason), ("waiting", "before_account"))
        self.assertFalse(after.is_held or other.is_held)
        self.settle("2026-10-31")
        self.assertEqual(self.total("metered_quantity"), 60)
        self.assert_books()

    def test_unassigned_usage_is_judged_when_it_finds_its_application(self):
        record = self.record("av_hd", 60, OLD, sdkappid="1499999999")
        self.assert_result(self.ingest(record), unassigned=1)
        usage = self.stored(record["id"])
        self.assertFalse(usage.is_held)
        self.make_application(sdkappid="1499999999")
        self.assertEqual((usage.account_id, usage.review), (self.account, "waiting"))
        self.assertFalse(self.settle("2026-10-31"))

    def test_unassigned_usage_is_judged_when_it_finds_its_item(self):
        usage = self.usage("new_item", 60, OLD)
        self.assertFalse(usage.is_held)
        self.item("av_hd").copy({"code": "new_item"})
        self.assertEqual(usage.review, "waiting")
        self.assertFalse(self.settle("2026-10-31"))

    def test_a_later_change_of_the_bounds_changes_nothing_that_came_in(self):
        settled = self.usage("av_hd", 600, "2026-09-01")
        held = self.old()
        self.settle("2026-09-30")
        self.account.bill_from = "2026-10-01"
        self.env.company.trtc_usage_age_months = 0
        self.assertFalse(self.settle("2026-10-31"))
        self.assertEqual((settled.is_held, held.is_held), (False, True))
        self.usage("av_hd", 60, "2026-10-01")
        self.settle("2026-10-31")
        self.assertEqual(self.total("metered_quantity"), 660)
        self.assert_books()

    def test_an_update_holds_nothing_that_is_there(self):
        self.env.company.trtc_usage_age_months = 0
        usage = self.old()
        self.env.company.trtc_usage_age_months = 36
        self.env.flush_all()
        load("19.0.3.2.0", "post-facts").migrate(self.env.cr, "19.0.3.1.0")
        self.env.invalidate_all()
        self.assertFalse(usage.is_held)
        self.settle("2026-10-31")
        self.assertEqual(self.total("metered_quantity"), 600)


@tagged("post_install", "-at_install")
class TestReview(ReviewCommon):
    # === DECISIONS === #

    def test_an_accountant_lets_old_usage_be_billed(self):
        usage = self.old()
        answer = self.bill(usage)
        self.assertEqual(answer["tag"], "display_notification")
        self.assertRecordValues(
            usage,
            [
                {
                    "is_held": False,
                    "review": "bill",
                    "review_reason": "old",
                    "reviewed_by_id": self.user_accountant.id,
                    "reviewed_on": fields.Datetime.to_datetime(usage.reviewed_on),
                }
            ],
        )
        self.assertTrue(usage.reviewed_on)
        self.settle("2026-10-31")
        self.assertEqual(self.total("billable_quantity"), 10)
        self.assertEqual(len(self.invoice("2026-10-31")), 1)
        self.assertIn("Bill: 1 old usage records", self.account.message_ids[0].body)
        self.assert_books()

    def test_ignored_usage_is_not_billed_until_it_is_billed_after_all(self):
        usage = self.old()
        self.ignore(usage)
        self.assertEqual((usage.is_held, usage.review), (True, "ignore"))
        self.assertFalse(self.waiting())
        self.assertFalse(self.settle("2026-10-31"))
        with self.assertRaisesRegex(UserError, "None of these usage records waits"):
            self.ignore(usage)
        self.bill(usage)
        self.settle("2026-10-31")
        self.assertEqual(self.total("billable_quantity"), 10)
        with self.assertRaisesRegex(UserError, "None of these usage records waits"):
            self.ignore(usage)
        self.assert_books()

    def test_one_decision_takes_those_that_wait_of_what_is_selected(self):
        waiting = self.old() | self.old()
        counted = self.usage("av_hd", 60, "2026-10-01")
        self.ignore(waiting | counted)
        self.assertEqual(waiting.mapped("review"), ["ignore", "ignore"])
        self.assertFalse(counted.review)

    def test_only_who_bills_decides(self):
        usage = self.old()
        for role in ("reader", "operator", "employee", "portal", "api_sender"):
            for decide in (self.bill, self.ignore):
                with self.assertRaises(AccessError):
                    decide(usage, getattr(self, f"user_{role}"))
        other = self.env["res.company"].create({"name": "Other"})
        with self.assertRaises(AccessError):
            self.bill(usage, self.make_user("accountant", company=other))
        self.assertEqual(usage.review, "waiting")
        self.bill(usage, self.user_manager)

    def test_the_database_itself_keeps_the_flag_and_the_decision_together(self):
        usage = self.old()
        for change in ("is_held = FALSE", "review = 'bill'", "review = NULL"):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation),
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(
                    SQL("UPDATE trtc_usage SET %s WHERE id = %s", SQL(change), usage.id)
                )

    # === RESTATING === #

    def test_restated_content_of_a_held_fact_is_judged_anew(self):
        first = self.old(id="fact")
        self.ignore(first)
        second = self.old(60, id="fact")
        self.assertEqual((first.state, second.review), ("superseded", "waiting"))
        third = self.usage("av_hd", 60, "2026-10-01", id="fact")
        self.assertFalse(third.is_held)
        self.settle("2026-10-31")
        self.assertEqual(self.total("metered_quantity"), 60)
        self.assert_books()

    def test_a_fact_that_moves_to_an_old_day_waits(self):
        self.usage("av_hd", 600, "2026-10-01", id="fact")
        self.settle("2026-10-31")
        self.assertEqual(self.old(id="fact").review, "waiting")
        self.settle("2026-10-31")
        self.assertEqual(self.total("metered_quantity"), 0)
        self.assert_books()

    def test_a_correction_of_what_is_billed_is_no_question_of_age(self):
        """To hold it would credit the whole fact, as soon as a feed sends it with other tags."""
        self.env.company.trtc_usage_age_months = 0
        self.old(600, id="fact")
        self.settle("2026-10-31")
        self.env.company.trtc_usage_age_months = 36
        corrected = self.old(660, id="fact", tags={"room": "7"})
        self.assertFalse(corrected.is_held or corrected.review)
        self.settle("2026-10-31")
        self.assertEqual(self.total("metered_quantity"), 660)
        self.assert_books()

    def test_what_a_person_agreed_to_stays_agreed_to_for_the_same_quantity(self):
        first = self.old(600, id="fact")
        self.bill(first)
        second = self.old(600, id="fact", tags={"room": "7"})
        self.assertRecordValues(
            second,
            [
                {
                    "is_held": False,
                    "review": "bill",
                    "review_reason": "old",
                    "reviewed_by_id": self.user_accountant.id,
                }
            ],
        )
        third = self.old(6000, id="fact")
        self.assertEqual((third.is_held, third.review), (True, "waiting"))

    # === EVERYWHERE ELSE === #

    def test_held_usage_joins_nothing_of_its_period(self):
        """Its day is settled for other usage: statements, packs and checks leave it out."""
        self.account.bill_from = "2026-10-05"
        self.subscribe(self.application, "flagship", "2026-01-01")
        for code in ("av_hd", "screenshot_terminal", "relay_bandwidth"):
            self.usage(code, 1_000_000, "2026-10-04")
        self.assertEqual(len(self.waiting()), 3)
        self.account.bill_from = False
        for code in ("av_hd", "screenshot_terminal", "relay_bandwidth"):
            self.usage(code, 60, "2026-10-04")
        self.make_pack(1000, "2026-10-01", "2026-10-31")
        self.settle("2026-10-31")
        self.assertEqual(self.total("metered_quantity", item="av_hd"), 60)
        self.assertEqual(self.total("metered_quantity", item="screenshot_terminal"), 60)
        self.assertEqual(self.total("metered_quantity", item="relay_bandwidth"), 60)
        line = self.lines(item="av_hd")
        self.assertEqual(len(line._get_usages()), 1)
        self.application._note_for_settlement(fields.Date.to_date("2026-10-01"))
        self.assertFalse(self.settle("2026-10-31"))
        self.assert_books()

    def test_held_usage_of_the_month_that_runs_is_not_accrued(self):
        self.account.bill_from = "2026-11-05"
        self.usage("relay_bandwidth", 1000, "2026-11-04")
        until = fields.Date.to_date("2026-11-27")
        self.assertFalse(self.account._get_open_months(until))
        self.usage("relay_bandwidth", 1000, "2026-11-05")
        self.assertTrue(self.account._get_open_months(until))

    def test_what_changes_old_days_does_not_settle_held_usage(self):
        self.old()
        self.make_pack(1000, "2023-11-01", "2023-11-30")
        self.subscribe(self.application, "pro", "2023-11-01")
        self.application._note_for_settlement(fields.Date.to_date("2023-11-01"))
        item = self.item("av_hd")
        notes = self.env["trtc.settlement.note"].sudo()
        for note in (
            item._note_unsettled,
            lambda: notes._note_items(self.account, self.application, item),
            lambda: notes._note_own_ratios(item, [False, True]),
            lambda: notes._note_rows(self.waiting().ids),
        ):
            note()
            self.assertFalse(self.notes())
        self.assertFalse(self.settle("2026-10-31"))

    def test_the_check_of_the_books_names_what_waits(self):
        self.old()
        self.settle("2026-10-31")
        day = fields.Date.to_date(OLD)
        findings = (
            self.env["trtc.books.check"]
            .sudo()
            ._get_findings(self.account, day - timedelta(days=1), day + timedelta(days=1))
        )
        self.assertEqual([one["severity"] for one in findings], ["information"])
        self.assertIn("1 usage records are older than expected", findings[0]["message"])
        self.assertEqual(self.env["trtc.usage"].search(findings[0]["res_domain"]), self.waiting())

    def test_the_account_counts_what_waits(self):
        usage = self.old() | self.old()
        account = self.account.with_user(self.user_reader)
        self.assertEqual(account.held_count, 2)
        action = account.action_open_held()
        self.assertEqual(self.env["trtc.usage"].search(action["domain"]), usage)
        self.bill(usage[0])
        account.invalidate_recordset(["held_count"])
        self.assertEqual(account.held_count, 1)
        self.assertEqual(self.env["trtc.account"].new({}).held_count, 0)

    # === SETTINGS === #

    def test_the_manager_sets_the_limit_of_the_company(self):
        settings = self.env["trtc.settings"].with_user(self.user_manager)
        wizard = settings.create({})
        self.assertEqual(wizard.usage_age_months, 36)
        wizard.usage_age_months = 12
        wizard.action_save()
        self.assertEqual(self.env.company.trtc_usage_age_months, 12)
        self.assertEqual(self.usage("av_hd", 60, "2025-11-27").review, "waiting")

    def test_a_limit_below_zero_is_refused(self):
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.env.cr.savepoint(),
        ):
            self.env.company.trtc_usage_age_months = -1
            self.env.flush_all()
