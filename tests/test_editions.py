from datetime import date

from freezegun import freeze_time
from psycopg2.errors import CheckViolation, ExclusionViolation, UniqueViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import SQL, mute_logger

from .common import TrtcCommon

SCREENSHOT = "terminal_screenshot"


@tagged("post_install", "-at_install")
class TestSubscription(TrtcCommon):
    def insert(self, start, end, application=None):
        """Insert a subscription past the ORM, as a concurrent transaction would."""
        application = application or self.application
        with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO trtc_subscription
                           (application_id, edition_id, date_start, date_end)
                    VALUES (%s, %s, %s, %s)
                    """,
                    application.id,
                    self.edition("pro").id,
                    start,
                    end,
                )
            )
            self.env.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
            self.env.cr.execute("SET CONSTRAINTS ALL DEFERRED")

    #: (running subscription, another one) that share a day
    OVERLAPS = (
        (("2024-10-01", "2024-10-31"), ("2024-10-31", "2024-11-30")),
        (("2024-10-01", "2024-10-31"), ("2024-09-01", "2024-10-01")),
        (("2024-10-01", "2024-10-31"), ("2024-10-10", "2024-10-10")),
        (("2024-10-10", "2024-10-10"), ("2024-10-01", "2024-10-31")),
        (("2024-10-01", None), ("2030-01-01", None)),
        (("2024-10-01", None), ("2024-01-01", None)),
        (("2024-10-01", None), ("2024-09-01", "2024-10-01")),
        (("2024-10-01", "2024-10-31"), ("2024-10-01", "2024-10-31")),
    )
    #: ... that share none
    NEIGHBOURS = (
        (("2024-10-01", "2024-10-31"), ("2024-11-01", None)),
        (("2024-10-01", None), ("2024-09-01", "2024-09-30")),
        (("2024-10-01", "2024-10-01"), ("2024-10-02", "2024-10-02")),
    )

    def test_two_editions_on_one_day_are_refused_with_a_sentence(self):
        for running, other in self.OVERLAPS:
            application = self.make_application()
            self.subscribe(application, "lite", *running)
            with (
                self.subTest(running=running, other=other),
                self.assertRaisesRegex(ValidationError, "already holds the edition Lite"),
                self.env.cr.savepoint(),
            ):
                self.subscribe(application, "pro", *other)

    def test_two_editions_on_one_day_are_refused_by_the_database_too(self):
        for running, other in self.OVERLAPS:
            application = self.make_application()
            self.subscribe(application, "lite", *running)
            self.env.flush_all()
            with (
                self.subTest(running=running, other=other),
                self.assertRaises(ExclusionViolation),
            ):
                self.insert(*other, application)

    def test_editions_that_follow_each_other_are_allowed(self):
        for running, other in self.NEIGHBOURS:
            application = self.make_application()
            self.subscribe(application, "lite", *running)
            self.subscribe(application, "pro", *other)
            self.env.flush_all()

    def test_editions_of_two_applications_do_not_meet(self):
        self.subscribe(self.application, "lite", "2024-10-01")
        self.subscribe(self.make_application(), "pro", "2024-10-01")
        self.env.flush_all()

    def test_a_subscription_is_not_stretched_over_the_next_one(self):
        first = self.subscribe(self.application, "lite", "2024-10-01", "2024-10-31")
        self.subscribe(self.application, "pro", "2024-11-01")
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            first.date_end = "2024-11-01"
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            first.date_end = False

    def test_a_subscription_does_not_end_before_it_starts(self):
        with self.assertRaises(CheckViolation):
            self.insert("2024-10-02", "2024-10-01")

    def test_an_application_exists_once_per_company(self):
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.env.cr.savepoint(),
        ):
            self.make_application(sdkappid=self.application.sdkappid)

    def test_an_sdkappid_is_made_of_digits(self):
        for sdkappid in ("14a", "1400 000", "-1", "١٢٣", "²", "1.5"):
            with self.assertRaisesRegex(ValidationError, "digits"), self.env.cr.savepoint():
                self.make_application(sdkappid=sdkappid)
        self.assertEqual(self.make_application(sdkappid=" 1488888888 ").sdkappid, "1488888888")
        self.assertEqual(self.make_application(sdkappid=1477777777).sdkappid, "1477777777")

    def test_an_application_with_usage_keeps_its_number_and_account(self):
        self.usage("av_hd", 60, "2024-10-01")
        with self.assertRaisesRegex(UserError, "has usage already"):
            self.application.sdkappid = "1466666666"
        with self.assertRaisesRegex(UserError, "has usage already"):
            self.application.account_id = self.make_account()
        self.application.write({"sdkappid": self.application.sdkappid, "name": "Renamed"})


@tagged("post_install", "-at_install")
class TestEditionToday(TrtcCommon):
    def today(self):
        self.application.invalidate_recordset(["edition_id"])
        return self.application.edition_id.code

    def test_the_edition_of_today_follows_the_calendar(self):
        self.subscribe(self.application, "trial", "2024-10-01", "2024-10-07")
        self.subscribe(self.application, "lite", "2024-10-09", "2024-10-31")
        self.subscribe(self.application, "pro", "2024-11-01")
        for moment, edition in (
            ("2024-09-30 12:00:00", False),
            ("2024-10-01 12:00:00", "trial"),
            ("2024-10-07 12:00:00", "trial"),
            ("2024-10-08 12:00:00", False),
            ("2024-10-09 12:00:00", "lite"),
            ("2024-10-31 12:00:00", "lite"),
            ("2024-11-01 12:00:00", "pro"),
            ("2034-11-01 12:00:00", "pro"),
        ):
            with freeze_time(moment):
                self.assertEqual(self.today(), edition, moment)

    def test_the_day_changes_at_midnight_of_the_billing_zone(self):
        self.subscribe(self.application, "lite", "2024-10-01", "2024-10-31")
        self.subscribe(self.application, "pro", "2024-11-01")
        with freeze_time("2024-10-31 15:59:59"):
            self.assertEqual(self.today(), "lite")
        with freeze_time("2024-10-31 16:00:00"):
            self.assertEqual(self.today(), "pro")
        self.env.company.trtc_billing_tz = "America/New_York"
        with freeze_time("2024-11-01 03:59:59"):
            self.assertEqual(self.today(), "lite")
        with freeze_time("2024-11-01 04:00:00"):
            self.assertEqual(self.today(), "pro")

    def test_applications_can_be_found_by_the_edition_of_today(self):
        lite, none = self.make_application(), self.make_application()
        self.subscribe(self.application, "pro", "2024-10-01", "2024-10-31")
        self.subscribe(lite, "pro", "2024-01-01", "2024-09-30")
        self.subscribe(lite, "lite", "2024-10-01")
        mine = [("account_id", "=", self.account.id)]

        def found(*domain):
            return self.env["trtc.application"].search([*mine, *domain])

        with freeze_time("2024-10-31 12:00:00"):
            self.assertEqual(found(("edition_id", "=", self.edition("pro").id)), self.application)
            self.assertEqual(found(("edition_id.code", "=", "lite")), lite)
            self.assertEqual(found(("edition_id", "=", False)), none)
            self.assertEqual(found(("edition_id", "!=", False)), self.application | lite)
            self.assertEqual(found(("edition_id", "not in", self.edition("pro").ids)), lite | none)
        with freeze_time("2024-10-31 16:00:00"):
            self.assertEqual(found(("edition_id", "=", False)), self.application | none)

    def test_subscriptions_are_found_by_their_state_on_the_billing_day(self):
        """The filters of the list took the day of the user, half a day apart from the state."""
        october = self.subscribe(self.application, "pro", "2024-10-01", "2024-10-31")
        november = self.subscribe(self.application, "lite", "2024-11-01")
        both = october | november

        def states():
            both.invalidate_recordset(["state"])
            found = {
                state: both.search([("id", "in", both.ids), ("state", "=", state)])
                for state in ("future", "running", "ended", "refunded")
            }
            for state, subscriptions in found.items():
                self.assertEqual(subscriptions, both.filtered(lambda one, s=state: one.state == s))
            return found

        with freeze_time("2024-10-31 15:59:59"):
            self.assertEqual((states()["running"], states()["future"]), (october, november))
        with freeze_time("2024-10-31 16:00:00"):
            self.assertEqual((states()["ended"], states()["running"]), (october, november))

    def test_an_upgrade_ends_the_running_edition_the_day_before(self):
        running = self.subscribe(self.application, "lite", "2024-10-01")
        later = self.subscribe(self.make_application(), "lite", "2024-10-01")
        self.application._start_edition(self.edition("flagship"), date(2024, 10, 15))
        self.assertEqual(running.date_end, date(2024, 10, 14))
        self.assertFalse(later.date_end)
        new = self.application.subscription_ids - running
        self.assertEqual((new.date_start, new.date_end), (date(2024, 10, 15), False))

    def test_an_upgrade_makes_a_fixed_term_endless(self):
        self.subscribe(self.application, "lite", "2024-10-01", "2024-10-31")
        self.subscribe(self.application, "pro", "2024-12-01")
        self.application._start_edition(self.edition("flagship"), date(2024, 10, 15))
        new = self.application.subscription_ids.filtered(lambda s: s.edition_id.code == "flagship")
        self.assertEqual(new.date_end, date(2024, 10, 31))

    def test_an_upgrade_stops_before_the_edition_that_was_agreed_for_later(self):
        later = self.subscribe(self.application, "pro", "2024-12-01")
        self.application._start_edition(self.edition("flagship"), date(2024, 10, 15))
        new = self.application.subscription_ids.filtered(lambda s: s.edition_id.code == "flagship")
        self.assertEqual(new.date_end, date(2024, 11, 30))
        self.assertEqual(later.date_start, date(2024, 12, 1))

    def test_an_upgrade_on_the_first_day_of_an_edition_takes_its_place(self):
        self.subscribe(self.application, "lite", "2024-10-01", "2024-10-31")
        self.application._start_edition(self.edition("flagship"), date(2024, 10, 1))
        self.assertTrue(self.application.is_unlocked(SCREENSHOT, "2024-10-01"))
        self.assertFalse(self.application.is_unlocked(SCREENSHOT, "2024-11-01"))


@tagged("post_install", "-at_install")
class TestIsUnlocked(TrtcCommon):
    def test_screenshots_are_unlocked_by_exactly_four_editions(self):
        unlocked = set()
        for edition in self.env["trtc.edition"].search([]):
            application = self.make_application()
            self.subscribe(application, edition.code, "2024-10-01")
            if application.is_unlocked(SCREENSHOT, "2024-10-15"):
                unlocked.add(edition.code)
        self.assertEqual(unlocked, {"trial", "flagship", "flagship_plus", "enterprise"})
        self.assertFalse(self.make_application().is_unlocked(SCREENSHOT, "2024-10-15"))

    def test_slicing_is_unlocked_by_every_edition_and_by_none(self):
        for edition in self.env["trtc.edition"].search([]):
            application = self.make_application()
            self.subscribe(application, edition.code, "2024-10-01")
            self.assertTrue(application.is_unlocked("cloud_slicing", "2024-10-15"), edition.code)
        self.assertTrue(self.make_application().is_unlocked("cloud_slicing", "2024-10-15"))

    def test_the_first_and_the_last_day_count_and_no_other(self):
        self.subscribe(self.application, "flagship", "2024-10-10", "2024-10-20")
        for day, unlocked in (
            ("2024-10-09", False),
            ("2024-10-10", True),
            (date(2024, 10, 20), True),
            (date(2024, 10, 21), False),
        ):
            self.assertIs(self.application.is_unlocked(SCREENSHOT, day), unlocked, day)

    def test_without_a_day_it_is_today_in_billing_time(self):
        self.subscribe(self.application, "flagship", "2024-11-01")
        with freeze_time("2024-10-31 15:59:59"):
            self.assertFalse(self.application.is_unlocked(SCREENSHOT))
        with freeze_time("2024-10-31 16:00:00"):
            self.assertTrue(self.application.is_unlocked(SCREENSHOT))

    def test_a_misspelt_feature_is_an_error_not_a_no(self):
        with self.assertRaisesRegex(UserError, "terminal-screenshot"):
            self.application.is_unlocked("terminal-screenshot")

    def test_a_misspelt_day_is_an_error_that_nobody_understands(self):
        for day in ("xx", "2024-13-01", 20241015, ["2024-10-15"]):
            with self.subTest(day=day), self.assertRaises(UserError) as caught:
                self.application.is_unlocked(SCREENSHOT, day)
            self.assertIn(repr(day), str(caught.exception))

    def test_an_edition_of_another_application_unlocks_nothing_here(self):
        self.subscribe(self.make_application(), "flagship", "2024-10-01")
        self.assertFalse(self.application.is_unlocked(SCREENSHOT, "2024-10-15"))

    def test_who_may_not_see_an_application_is_told_nothing_about_it(self):
        self.make_users()
        self.subscribe(self.application, "flagship", "2024-10-01")
        for user in (self.user_reader, self.user_portal):
            application = self.application.with_user(user)
            self.assertTrue(application.is_unlocked(SCREENSHOT, "2024-10-15"))
        stranger = self.make_user("portal")
        for user in (stranger, self.user_employee, self.user_api_sender):
            with self.assertRaises(AccessError):
                self.application.with_user(user).is_unlocked(SCREENSHOT, "2024-10-15")

    def test_locked_days_are_noted_when_an_edition_changes(self):
        """A month in which the flagship edition held from the 16th on."""
        self.usage("screenshot_terminal", 20000, "2024-10-15")
        self.usage("screenshot_terminal", 20000, "2024-10-16")
        self.settle("2024-10-31")
        self.assertEqual(self.total("locked_quantity"), 40)
        subscription = self.subscribe(self.application, "flagship", "2024-10-16")
        self.settle("2024-10-31")
        self.assertEqual((self.total("locked_quantity"), self.total("billable_quantity")), (20, 10))
        self.assert_books()
        subscription.date_start = "2024-10-15"
        self.settle("2024-10-31")
        self.assertEqual((self.total("locked_quantity"), self.total("billable_quantity")), (0, 30))
        self.assert_books()
        subscription.unlink()
        self.settle("2024-10-31")
        self.assertEqual((self.total("locked_quantity"), self.total("billable_quantity")), (40, 0))
        self.assert_books()


@tagged("post_install", "-at_install")
class TestSubscriptionForm(TrtcCommon):
    def test_a_subscription_is_entered_on_its_application(self):
        with Form(self.application) as form, form.subscription_ids.new() as line:
            line.edition_id = self.edition("flagship")
            line.date_start = "2024-10-01"
        self.assertTrue(self.application.is_unlocked(SCREENSHOT, "2024-10-01"))
