from datetime import date
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import TrtcCommon

SLICING = "cloud_slicing"
SCREENSHOT = "terminal_screenshot"


@tagged("post_install", "-at_install")
class TestSuspension(TrtcCommon):
    """Suspended days: nothing is unlocked, and everything that was used is billed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.make_user("accountant")
        cls.held = cls.application.with_user(cls.accountant)

    def _spans(self, application=None):
        suspensions = (application or self.application).suspension_ids.sorted("id")
        return [
            (one.reason, str(one.date_start), str(one.date_end or "")) for one in suspensions
        ]

    def _unlocked(self, *days, feature=SLICING):
        return [self.application.is_unlocked(feature, day) for day in days]

    # === UNLOCKED === #

    def test_a_suspended_application_may_use_what_its_edition_unlocks(self):
        self.subscribe(self.application, "flagship", "2024-01-01")
        self.held._suspend("arrears", "2024-10-10")
        self.held._resume(day="2024-10-21")
        days = ("2024-10-09", "2024-10-10", date(2024, 10, 20), "2024-10-21")
        for feature in (SLICING, SCREENSHOT):
            with self.subTest(feature=feature):
                self.assertEqual(self._unlocked(*days, feature=feature), [True, False, False, True])
        self.assertTrue(self.make_application().is_unlocked(SLICING, "2024-10-15"))

    def test_a_suspension_unlocks_what_the_edition_does_not(self):
        self.held._suspend("arrears", "2024-10-10")
        unlocked = self._unlocked("2024-10-09", "2024-10-10", feature=SCREENSHOT)
        self.assertEqual(unlocked, [False, False])

    def test_a_customer_is_told_another_answer(self):
        portal = self.make_user("portal", partner_id=self.customer.id)
        self.held._suspend("violation", "2024-10-10", "Spam, see the ticket")
        application = self.application.with_user(portal)
        self.assertFalse(application.is_unlocked(SLICING, "2024-10-10"))
        with self.assertRaises(AccessError):
            application.read(["is_suspended"])
        with self.assertRaises(AccessError):
            application.suspension_ids.mapped("note")
        with self.assertRaises(AccessError):
            self.env["trtc.application"].with_user(portal).search(
                [("suspension_ids.note", "ilike", "Spam")]
            )

    # === BILLING === #

    def test_usage_of_a_suspended_day_is_billed_to_nobody(self):
        self.usage("av_hd", 60_000, "2024-10-15")
        self.usage("slice_audio", 600, "2024-10-15")
        self.held._suspend("arrears", "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(set(self.lines().mapped("status")), {"billable"})
        self.assertEqual(self.total("billable_quantity"), 1010)
        self.held._resume(day="2024-10-10")
        self.assertFalse(self.settle("2024-10-31"), "nothing to settle again")
        self.assert_books()

    # === TODAY === #

    def test_the_suspension_of_today_follows_the_calendar(self):
        other = self.make_application()
        self.held._suspend("arrears", "2024-11-01")
        self.held._resume(day="2024-11-03")
        mine = [("account_id", "=", self.account.id)]
        for moment, suspended in (
            ("2024-10-31 15:59:59", False),
            ("2024-10-31 16:00:00", True),
            ("2024-11-02 15:59:59", True),
            ("2024-11-02 16:00:00", False),
        ):
            with freeze_time(moment), self.subTest(moment=moment):
                self.application.invalidate_recordset(["is_suspended"])
                self.assertIs(self.application.is_suspended, suspended)
                self.assertIs(self.application.is_unlocked(SLICING), not suspended)
                found = self.env["trtc.application"].with_user(self.accountant).search
                expected = self.application if suspended else self.application.browse()
                self.assertEqual(found([*mine, ("is_suspended", "=", True)]), expected)
                rest = (self.application | other) - expected
                self.assertEqual(found([*mine, ("is_suspended", "=", False)]), rest)

    def test_the_suspension_of_today_is_that_of_before_the_change(self):
        self.assertFalse(self.application.is_suspended)
        self.held._suspend("other", self.env.company._trtc_today())
        self.assertTrue(self.application.is_suspended)
        self.held._resume()
        self.assertFalse(self.application.is_suspended)

    # === REPEATED === #

    def test_a_second_click_suspends_twice(self):
        first = self.held._suspend("arrears", "2024-10-10", "Reminder 3")
        self.assertEqual(self.held._suspend("arrears", "2024-10-10"), first)
        self.assertEqual(self.held._suspend("arrears", "2024-10-20"), first)
        self.assertEqual(self._spans(), [("arrears", "2024-10-10", "")])
        self.held._suspend("violation", "2024-10-20")
        self.assertEqual(len(self._spans()), 2)

    def test_a_suspension_for_later_lets_one_for_now_wait(self):
        self.held._suspend("arrears", "2024-10-20")
        self.held._suspend("arrears", "2024-10-10")
        self.assertEqual(self._spans(), [("arrears", "2024-10-10", "")])

    def test_a_second_click_resumes_twice(self):
        self.held._suspend("arrears", "2024-10-10")
        self.held._resume(day="2024-10-21")
        self.held._resume(day="2024-10-21")
        self.held._resume(day="2024-10-25")
        self.assertEqual(self._spans(), [("arrears", "2024-10-10", "2024-10-20")])
        self.held._suspend("arrears", "2024-11-01")
        self.assertEqual(len(self._spans()), 2)

    def test_resuming_one_reason_ends_the_other(self):
        self.held._suspend("arrears", "2024-10-10")
        self.held._suspend("violation", "2024-10-10")
        self.held._resume("arrears", "2024-10-21")
        self.assertEqual(self._unlocked("2024-10-25"), [False])
        self.held._resume(day="2024-10-25")
        self.assertEqual(self._unlocked("2024-10-25"), [True])

    def test_a_suspension_that_never_began_holds_for_a_day(self):
        self.held._suspend("arrears", "2024-10-10")
        self.held._resume(day="2024-10-10")
        self.assertEqual(self._spans(), [])
        self.assertEqual(self._unlocked("2024-10-09", "2024-10-10"), [True, True])

    def test_two_transactions_suspend_at_the_same_time(self):
        self.held._suspend("arrears", "2024-10-10")
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.env.cr.savepoint(),
        ):
            self.env["trtc.suspension"].create(
                {
                    "application_id": self.application.id,
                    "reason": "arrears",
                    "date_start": "2024-10-12",
                }
            )

    # === WHO === #

    def test_somebody_suspends_without_the_right_to(self):
        self.make_users()
        for role in ("reader", "operator", "api_sender", "portal", "employee"):
            application = self.application.with_user(getattr(self, f"user_{role}"))
            with self.subTest(role=role):
                with self.assertRaises(AccessError):
                    application._suspend("other", "2024-10-10")
                with self.assertRaises(AccessError):
                    application.action_resume()
        self.assertFalse(self.application.suspension_ids)

    def test_an_accountant_suspends_in_another_company(self):
        theirs = self.setup_other_company(name="Theirs")["company"]
        stranger = self.make_user("accountant", theirs)
        with self.assertRaises(AccessError):
            self.application.with_user(stranger)._suspend("other", "2024-10-10")
        self.held._suspend("other", "2024-10-10")
        with self.assertRaises(AccessError):
            self.application.with_user(stranger)._resume()
        self.assertEqual(len(self._spans()), 1)
        self.assertFalse(self.env["trtc.suspension"].with_user(stranger).search([]))

    def test_an_accountant_rewrites_a_suspension(self):
        suspension = self.held._suspend("arrears", "2024-10-10")
        with self.assertRaises(AccessError):
            suspension.write({"date_end": "2024-10-12"})
        with self.assertRaises(AccessError):
            suspension.unlink()

    # === TRACES === #

    def test_nobody_knows_who_suspended_and_why(self):
        self.held._suspend("arrears", "2024-10-10", "Reminder 3 of October")
        message = self.application.message_ids.sorted("id")[-1]
        self.assertEqual(message.author_id, self.accountant.partner_id)
        for part in ("2024-10-10", "Arrears", "Reminder 3 of October"):
            self.assertIn(part, message.body)
        self.assertEqual(self.application.suspension_ids.user_id, self.accountant)
        count = len(self.application.message_ids)
        self.held._resume(day="2024-10-21")
        self.assertEqual(len(self.application.message_ids), count + 1)
        self.assertIn("2024-10-20", self.application.message_ids.sorted("id")[-1].body)

    def test_an_extension_does_not_hear_of_a_suspension(self):
        heard = []

        def hear(what):
            return lambda application, one: heard.append((what, application, one.id))

        model = self.env.registry["trtc.application"]
        with (
            patch.object(model, "_on_suspended", hear("on")),
            patch.object(model, "_on_resumed", hear("off")),
        ):
            first = self.held._suspend("arrears", "2024-10-10")
            self.held._suspend("arrears", "2024-10-10")
            self.held._resume(day="2024-10-21")
            self.held._resume(day="2024-10-21")
            second = self.held._suspend("arrears", "2024-10-25").id
            self.held._resume(day="2024-10-25")
        self.assertEqual(
            heard,
            [
                (what, self.application, one)
                for one in (first.id, second)
                for what in ("on", "off")
            ],
        )

    # === FORM === #

    def test_an_accountant_cannot_suspend_by_the_buttons(self):
        other = self.make_application()
        applications = self.application | other
        form = Form(
            self.env["trtc.suspend"]
            .with_user(self.accountant)
            .with_context(active_model="trtc.application", active_ids=applications.ids)
        )
        form.reason = "violation"
        form.note = "Spam"
        form.save().action_suspend()
        self.assertTrue(self.application.is_suspended and other.is_suspended)
        self.assertEqual(other.suspension_ids.note, "Spam")
        self.held.action_resume()
        self.assertFalse(self.application.is_suspended)
        self.assertTrue(other.is_suspended)
