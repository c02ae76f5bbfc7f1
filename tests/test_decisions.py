from decimal import Decimal

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import SQL

from .common import TrtcCommon


class DecisionCommon(TrtcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.make_user("accountant")

    def _shoot(self, sheets=22_000, day="2024-10-10", application=None):
        return self.usage("screenshot_terminal", sheets, day, application)

    def _pending(self):
        return self.lines(is_pending=True)

    def _decide(self, outcome, lines=None):
        known = self.env["trtc.decision"].search([])
        wizard = self.env["trtc.decide"].with_user(self.accountant)
        wizard.create(
            {
                "line_ids": (self._pending() if lines is None else lines).ids,
                "outcome": outcome,
                "reason": "As agreed",
            }
        ).action_decide()
        return (self.env["trtc.decision"].search([]) - known).with_user(self.accountant)

    def _shot_and_decided(self, outcome):
        self._shoot()
        self.settle("2024-10-31")
        return self._decide(outcome)

    def _refused(self):
        return self.assertRaisesRegex(UserError, "cannot be taken back")


@tagged("post_install", "-at_install")
class TestTakeBack(DecisionCommon):
    """A decision holds until it is taken back, and can be until it is invoiced."""

    def test_what_is_taken_back_stays_decided(self):
        for outcome in ("bill", "waive"):
            decision = self._shot_and_decided(outcome)
            self.assertFalse(self._pending())
            action = decision.action_take_back()
            self.assertFalse(decision.exists())
            pending = self._pending()
            self.assertTrue(pending)
            self.assertEqual(self.total("billable_quantity"), 0)
            self.assertEqual(self.total("quantity", status="waived"), 0)
            shown = self.env["trtc.statement.line"].with_user(self.accountant)
            self.assertEqual(shown.search(action["domain"]), pending)
            self.assertEqual(action["res_model"], "trtc.statement.line")
            self.assert_books()

    def test_a_mind_cannot_be_changed(self):
        self._shot_and_decided("waive").action_take_back()
        self._decide("bill")
        self.assertEqual(self.total("amount"), Decimal("0.36"))
        self.assertEqual(self.total("quantity", status="waived"), 0)
        self.assert_books()

    def test_what_a_posted_invoice_bills_is_taken_back(self):
        decision = self._shot_and_decided("bill")
        move = self.invoice("2024-10-31")
        move.action_post()
        self.assertTrue(decision.is_invoiced)
        for way in (decision.action_take_back, decision.unlink, decision.sudo().unlink):
            with self._refused(), self.env.cr.savepoint():
                way()
        self.assertEqual(self.total("amount"), Decimal("0.36"))
        self.assert_books()

    def test_what_a_posted_invoice_shows_as_waived_is_taken_back(self):
        self.usage("av_hd", 60_000, "2024-10-10")
        decision = self._shot_and_decided("waive")
        self.invoice("2024-10-31").action_post()
        with self._refused(), self.env.cr.savepoint():
            decision.action_take_back()

    def test_a_waiver_that_is_on_no_invoice_cannot_be_taken_back(self):
        """The invoice of the month was posted before somebody waived."""
        self.usage("av_hd", 60_000, "2024-10-10")
        self._shoot()
        self.invoice("2024-10-31").action_post()
        decision = self._decide("waive")
        self.assertFalse(decision.is_invoiced)
        decision.action_take_back()
        self.assertTrue(self._pending())

    def test_a_draft_bills_what_was_taken_back(self):
        self.usage("av_hd", 60_000, "2024-10-10")
        decision = self._shot_and_decided("bill")
        move = self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, 4.35)
        self.assertFalse(decision.is_invoiced)
        decision.action_take_back()
        self.assertEqual(self.invoice("2024-10-31"), move)
        self.assertEqual(move.amount_untaxed, 3.99)
        self.assert_books()

    def test_an_invoice_of_the_past_holds_a_later_decision(self):
        """Half of a month was unlocked and is invoiced; the other half is decided."""
        self.subscribe(self.application, "flagship", "2024-10-16")
        self._shoot(5_500, "2024-10-15")
        self._shoot(12_500, "2024-10-16")
        self.invoice("2024-10-31").action_post()
        self.env.cr.execute(
            SQL("UPDATE trtc_statement_line SET create_date = create_date - interval '1 hour'")
        )
        self.env.invalidate_all()
        decision = self._decide("bill")
        self.assertFalse(decision.is_invoiced)
        decision.action_take_back()
        self.assertEqual(self.total("quantity", self._pending()), 6)
        self.assert_books()

    def test_an_invoice_of_other_usage_holds_a_decision(self):
        other = self.make_application()
        self._shoot(day="2024-09-10")
        self._shoot(application=other)
        self.usage("av_hd", 60_000, "2024-10-10")
        self.settle("2024-10-31")
        self._decide("bill")
        self.invoice("2024-10-31").action_post()
        decision = self._shot_and_decided("bill")
        decision.action_take_back()
        self.assertTrue(self._pending())
        self.assert_books()

    def test_an_invoice_that_was_cancelled_holds_a_decision(self):
        decision = self._shot_and_decided("bill")
        move = self.invoice("2024-10-31")
        move.action_post()
        move.button_draft()
        move.button_cancel()
        decision.action_take_back()
        self.assertTrue(self._pending())
        self.assertFalse(self.invoice("2024-10-31"))
        self.assert_books()

    def test_usage_of_the_whole_account_is_taken_back_after_its_invoice(self):
        self.item("relay_bandwidth").feature_id = self.feature("terminal_screenshot")
        self.usage("relay_bandwidth", 1000, "2024-10-05T10:00:00+08:00")
        self.settle("2024-10-31")
        decision = self._decide("bill")
        self.assertFalse(self._pending())
        self.invoice("2024-10-31").action_post()
        with self._refused(), self.env.cr.savepoint():
            decision.action_take_back()

    def test_a_daily_decision_is_taken_back_for_other_days(self):
        self.item("av_hd").feature_id = self.feature("terminal_screenshot")
        self.usage("av_hd", 600, "2024-10-01")
        self.usage("av_hd", 600, "2024-11-01")
        self.settle("2024-11-30")
        october, november = self._decide("bill").sorted("date_from")
        self.invoice("2024-10-31").action_post()
        november.action_take_back()
        self.assertEqual(str(self._pending().date), "2024-11-01")
        with self._refused(), self.env.cr.savepoint():
            october.action_take_back()

    def test_nobody_knows_who_took_a_decision_back(self):
        decision = self._shot_and_decided("waive")
        decision.action_take_back()
        bodies = self.account.message_ids.filtered(lambda m: "Taken back" in (m.body or ""))
        self.assertEqual(bodies.author_id, self.accountant.partner_id)
        self.assertIn("As agreed", bodies.body)

    def test_somebody_takes_back_without_the_right_to(self):
        decision = self._shot_and_decided("bill")
        for role in ("reader", "operator"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                decision.with_user(self.make_user(role)).action_take_back()
        stranger = self.make_user("accountant", self.setup_other_company(name="Theirs")["company"])
        with self.assertRaises(AccessError):
            decision.with_user(stranger).action_take_back()
        self.assertTrue(decision.exists())

    def test_usage_that_is_never_locked_is_waived(self):
        with self.assertRaises(ValidationError):
            self.env["trtc.decision"].with_user(self.accountant).create(
                {
                    "application_id": self.application.id,
                    "item_id": self.item("av_hd").id,
                    "date_from": "2024-10-01",
                    "date_to": "2024-10-31",
                    "outcome": "waive",
                    "reason": "Friends",
                }
            )


@tagged("post_install", "-at_install")
class TestLockedActivity(DecisionCommon):
    """Who looks after a customer hears of locked usage, once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesperson = cls.make_user("reader")
        cls.account.user_id = cls.salesperson

    def _open(self):
        return self.account.activity_ids.filtered(
            lambda activity: activity.summary == "Decide on locked usage"
        )

    def _settle(self):
        return self.account.with_user(self.accountant).settle("2024-12-31")

    def test_locked_usage_waits_and_nobody_hears_of_it(self):
        self._shoot()
        self.usage("ai_stt", 600, "2024-10-12")
        self._settle()
        activity = self._open()
        self.assertEqual(activity.user_id, self.salesperson)
        self.assertEqual(activity.activity_type_id, self.env.ref("mail.mail_activity_data_todo"))
        note = activity.with_user(self.salesperson).note
        for part in (
            self.application.display_name,
            self.item("screenshot_terminal").name,
            "22 ",
            "0.66",
            "To Decide",
            "/odoo/trtc-to-decide",
            "2024-10-01",
        ):
            self.assertIn(part, note)

    def test_each_settlement_adds_an_activity(self):
        self._shoot(8_000)
        self._settle()
        first = self._open()
        self.assertIn("8 ", first.note)
        self._shoot(14_000, "2024-10-20")
        self._shoot(1_000, "2024-11-20")
        self._settle()
        self._settle()
        self.assertEqual(self._open(), first)
        self.assertIn("23 ", first.note)

    def test_an_activity_asks_for_what_is_decided(self):
        self._shoot()
        self._settle()
        activity = self._open()
        self._decide("waive")
        self.assertFalse(self._open())
        self.assertTrue(activity.exists() and not activity.active)

    def test_an_activity_that_was_done_is_never_made_again(self):
        self._shoot()
        self._settle()
        decision = self._decide("bill")
        decision.action_take_back()
        self.assertEqual(len(self._open()), 1)

    def test_an_activity_that_somebody_closed_comes_back_each_night(self):
        self._shoot()
        self._settle()
        self._open().with_user(self.salesperson).action_feedback(feedback="I have called them")
        self.usage("av_hd", 600, "2024-10-10")
        self.assertTrue(self._settle())
        self.assertFalse(self._open())
        self._shoot(day="2024-11-10")
        self._settle()
        self.assertEqual(len(self._open()), 1)

    def test_an_account_without_salesperson_says_nothing(self):
        nobody = self.env["res.users"]
        retired = self.make_user("reader")
        retired.active = False
        for user in (nobody, retired, self.make_user("employee")):
            account = self.make_account(user_id=user.id)
            self._shoot(application=self.make_application(account))
            account.settle("2024-10-31")
            with self.subTest(user=user.name):
                self.assertFalse(account.activity_ids)
                self.usage("av_hd", 60, "2024-10-10", account.application_ids)
                account.settle("2024-10-31")
                found = account.message_ids.filtered(lambda m: "To Decide" in (m.body or ""))
                self.assertEqual(len(found), 1)
                self.assertIn("22 ", found.body)

    def test_usage_that_is_unlocked_asks_for_a_decision(self):
        self.subscribe(self.application, "flagship", "2024-01-01")
        self._shoot()
        self._settle()
        self.assertFalse(self._open())
