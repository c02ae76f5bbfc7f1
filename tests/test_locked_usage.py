from decimal import Decimal
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestLockedUsage(TrtcCommon):
    """Usage that no edition unlocked, and usage of nobody: kept, shown, decided."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.make_user("accountant")

    def _shoot(self, sheets=22_000, day="2024-10-10", application=None):
        return self.usage("screenshot_terminal", sheets, day, application)

    def _decide(self, lines, outcome, **vals):
        """Decide in the form of the wizard, as an accountant."""
        wizard = Form(
            self.env["trtc.decide"]
            .with_user(self.accountant)
            .with_context(active_model="trtc.statement.line", active_ids=lines.ids)
        )
        wizard.outcome = outcome
        wizard.reason = "As agreed"
        for name, value in vals.items():
            setattr(wizard, name, value)
        return wizard.save().action_decide()

    def _pending(self):
        return self.lines(is_pending=True)

    # === PENDING === #

    def test_locked_usage_disappears(self):
        self._shoot()
        statement = self.settle("2024-10-31")
        line = self.lines()
        self.assertEqual((line.status, line.quantity, line.locked_quantity), ("locked", 22, 22))
        self.assertEqual((line.billable_quantity, line.free_quantity, line.amount), (0, 0, 0))
        self.assertEqual(self._pending(), line)
        self.assertEqual(statement.state, "pending")
        self.assertEqual(self.account.pending_count, 1)
        self.assertFalse(self.invoice("2024-10-31"))
        self.assert_books()

    def test_locked_usage_waits_in_a_month_that_is_billed(self):
        self._shoot()
        self.usage("av_hd", 60_000, "2024-10-10")
        move = self.invoice("2024-10-31")
        move.action_post()
        self.assertEqual(move.amount_untaxed, 3.99)
        self._decide(self._pending(), "bill")
        later = self.invoice("2024-10-31")
        self.assertEqual(later.amount_untaxed, 0.36)
        self.assert_books()

    # === DECISIONS === #

    def test_a_decision_to_bill_bills_nothing(self):
        self._shoot()
        self.settle("2024-10-31")
        self._decide(self.lines(), "bill")
        self.assertFalse(self._pending())
        self.assertEqual(self.total("amount"), Decimal("0.36"))
        self.assertEqual(self.total("free_quantity"), 10)
        self.assertEqual(self.total("locked_quantity"), 0)
        move = self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, 0.36)
        decision = self.env["trtc.decision"].search([("account_id", "=", self.account.id)])
        self.assertEqual((decision.user_id, decision.reason), (self.accountant, "As agreed"))
        self.assert_books()

    def test_waived_usage_is_billed_or_waits_on(self):
        self._shoot()
        self.settle("2024-10-31")
        self._decide(self.lines(), "waive")
        self.assertFalse(self._pending())
        self.assertEqual(self.total("quantity", status="waived"), 22)
        self.assertEqual(self.total("locked_quantity"), 22)
        self.assertEqual(self.total("amount"), 0)
        self.assertFalse(self.invoice("2024-10-31"))
        self.assertEqual(self.lines(status="waived").statement_id.state, "free")
        self.assert_books()

    def test_a_decision_reaches_beyond_its_lines(self):
        other = self.make_application()
        self._shoot(day="2024-09-10")
        self._shoot()
        self._shoot(application=other)
        self.settle("2024-10-31")
        self._decide(self.lines(application=self.application, day="2024-10-31"), "bill")
        self.assertEqual(
            {(line.application_id, str(line.date)) for line in self._pending()},
            {(self.application, "2024-09-30"), (other, "2024-10-31")},
        )
        self.assert_books()

    def test_an_upgrade_unlocks_from_today_only(self):
        self.subscribe(self.application, "lite", "2024-01-01")
        self._shoot(day="2024-09-10")
        self._shoot()
        self.settle("2024-10-31")
        self._decide(self.lines(day="2024-10-31"), "upgrade", edition_id=self.edition("flagship"))
        held = self.application.subscription_ids.sorted("date_start")
        self.assertEqual(
            [(s.edition_id.code, str(s.date_start), str(s.date_end)) for s in held],
            [("lite", "2024-01-01", "2024-09-30"), ("flagship", "2024-10-01", "False")],
        )
        self.assertEqual(self.total("amount"), Decimal("0.36"))
        self.assertEqual(str(self._pending().date), "2024-09-30")
        self.assert_books()

    def _lock_daily_item(self):
        self.item("av_hd").feature_id = self.feature("terminal_screenshot")

    def _get_upgrades(self, *applications):
        return [
            str(application.subscription_ids.sorted("date_start")[-1:].date_start)
            for application in applications
        ]

    def test_an_application_is_upgraded_before_its_own_lines(self):
        self._lock_daily_item()
        other = self.make_application()
        self.usage("av_hd", 600, "2024-10-05")
        self.usage("av_hd", 600, "2024-10-20", other)
        self.settle("2024-10-31")
        self._decide(self.lines(), "upgrade", edition_id=self.edition("flagship"))
        self.assertEqual(self._get_upgrades(self.application, other), ["2024-10-05", "2024-10-20"])
        self.assertFalse(self._pending())
        self.assert_books()

    def test_the_day_of_an_upgrade_is_not_as_it_was_chosen(self):
        self._lock_daily_item()
        other = self.make_application()
        for chosen, expected in (
            ("2024-10-10", ["2024-10-10", "2024-10-20"]),
            ("2024-10-01", ["2024-10-01", "2024-10-01"]),
        ):
            self.usage("av_hd", 600, "2024-10-05")
            self.usage("av_hd", 600, "2024-10-20", other)
            self.settle("2024-10-31")
            lines = self._pending()
            self._decide(lines, "upgrade", edition_id=self.edition("flagship"), date_start=chosen)
            self.assertEqual(self._get_upgrades(self.application, other), expected)
            (self.application | other).subscription_ids.unlink()

    def test_an_application_with_an_edition_of_its_own_is_upgraded_by_the_line_of_others(self):
        self.item("relay_bandwidth").feature_id = self.feature("terminal_screenshot")
        other = self.make_application()
        self.subscribe(other, "enterprise", "2024-01-01")
        self.usage("relay_bandwidth", 1000, "2024-10-05T10:00:00+08:00")
        self.usage("relay_bandwidth", 1000, "2024-10-05T11:00:00+08:00", other)
        self.settle("2024-10-31")
        self._decide(self.lines(status="locked"), "upgrade", edition_id=self.edition("flagship"))
        self.assertEqual(other.subscription_ids.edition_id.code, "enterprise")
        self.assertEqual(self.application.subscription_ids.edition_id.code, "flagship")

    def test_a_decision_is_made_in_the_name_of_somebody_else(self):
        boss = self.make_user("manager")
        decisions = self.env["trtc.decision"].with_user(self.accountant)
        vals = {
            "application_id": self.application.id,
            "item_id": self.item("screenshot_terminal").id,
            "date_from": "2024-10-01",
            "date_to": "2024-10-31",
            "outcome": "waive",
            "reason": "As agreed",
        }
        with self.assertRaisesRegex(UserError, "Decided By follows from other data"):
            decisions.create({**vals, "user_id": boss.id})
        decision = decisions.with_context(default_user_id=boss.id).create(vals)
        self.assertEqual(decision.user_id, self.accountant)
        decision.with_user(boss).unlink()
        message = self.account.message_ids.sorted("id")[-1]
        self.assertEqual(message.author_id, boss.partner_id)
        self.assertIn(f"Taken back by {boss.name}", message.body)
        self.assertIn(self.accountant.name, message.body)

    def test_an_upgrade_that_unlocks_nothing_is_taken(self):
        self._shoot()
        self.settle("2024-10-31")
        with self.assertRaises(UserError):
            self._decide(self.lines(), "upgrade", edition_id=self.edition("pro"))
        self.assertFalse(self.application.subscription_ids)
        with self.assertRaises(UserError):
            self._decide(self.lines(), "upgrade")

    def test_a_decision_is_made_twice(self):
        self._shoot()
        self.settle("2024-10-31")
        line = self.lines()
        wizard = self.env["trtc.decide"].with_user(self.accountant)
        wizard = wizard.create({"line_ids": line.ids, "outcome": "bill", "reason": "As agreed"})
        wizard.action_decide()
        with self.assertRaises(UserError):
            wizard.action_decide()
        self.assertEqual(self.total("amount"), Decimal("0.36"))

    def test_somebody_decides_without_the_right_to(self):
        self._shoot()
        self.settle("2024-10-31")
        for role in ("reader", "operator"):
            user = self.make_user(role)
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.env["trtc.decide"].with_user(user).create(
                    {"line_ids": self.lines().ids, "outcome": "bill", "reason": "Because"}
                ).action_decide()
        self.assertTrue(self._pending())

    def test_an_older_decision_beats_the_newer_one(self):
        self._shoot()
        self.settle("2024-10-31")
        self._decide(self.lines(), "waive")
        waiver = self.env["trtc.decision"].search([("account_id", "=", self.account.id)])
        waiver.copy({"outcome": "bill"})
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("0.36"))
        self.assertEqual(self.total("quantity", status="waived"), 0)
        self.assert_books()

    def test_late_usage_of_a_decided_month_waits_again(self):
        self._shoot(8_000)
        self.settle("2024-10-31")
        self._decide(self.lines(), "bill")
        self._shoot(14_000, "2024-10-20")
        self.settle("2024-10-31")
        self.assertFalse(self._pending())
        self.assertEqual(self.total("amount"), Decimal("0.36"))
        self.assert_books()

    def test_more_locked_usage_hides_behind_the_first(self):
        self._shoot(8_000)
        self.settle("2024-10-31")
        self._shoot(14_000, "2024-10-20")
        self.settle("2024-10-31")
        self.assertEqual(sum(self._pending().mapped("quantity")), 22)
        self._decide(self._pending(), "bill")
        self.assertFalse(self._pending())
        self.assertEqual(self.total("amount"), Decimal("0.36"))
        self.assert_books()

    # === EDITIONS === #

    def test_an_edition_entered_afterwards_unlocks_nothing(self):
        self._shoot()
        self.settle("2024-10-31")
        subscription = self.subscribe(self.application, "flagship", "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("0.36"))
        self.assertFalse(self._pending())
        subscription.edition_id = self.edition("pro")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 0)
        self.assertEqual(self.total("locked_quantity"), 22)
        subscription.unlink()
        self.assertFalse(self.settle("2024-10-31"))
        self.assert_books()

    def test_an_edition_in_mid_month_unlocks_the_whole_month(self):
        self.subscribe(self.application, "lite", "2024-01-01", "2024-10-15")
        self.subscribe(self.application, "flagship", "2024-10-16")
        self._shoot(5_500, "2024-10-15")
        self._shoot(12_500, "2024-10-16")
        self.settle("2024-10-31")
        figures = {
            line.status: (line.quantity, line.free_quantity, line.billable_quantity)
            for line in self.lines()
        }
        self.assertEqual(figures, {"locked": (6, 0, 0), "billable": (13, 10, 3)})
        self.assert_books()
        self._decide(self._pending(), "bill")
        # Together they are 18,000 sheets: 18 thousand, 10 of them free
        self.assertEqual(self.total("quantity"), 18)
        self.assertEqual(self.total("amount"), Decimal("0.24"))
        self.assert_books()

    def test_the_last_day_of_an_edition_is_locked(self):
        self.subscribe(self.application, "flagship", "2024-10-01", "2024-10-15")
        self._shoot(1_000, "2024-10-15T23:59:59+08:00")
        self._shoot(1_000, "2024-10-16T00:00:00+08:00")
        self.settle("2024-10-31")
        self.assertEqual(sorted(self.lines().mapped("status")), ["billable", "locked"])

    # === USAGE OF NOBODY === #

    def test_usage_of_an_unknown_application_is_lost(self):
        record = {**self.record("av_hd", 60_000, "2024-10-05"), "sdkappid": "1499999999"}
        self.assertEqual(self.ingest(record)["unassigned"], 1)
        self.assertFalse(self.settle("2024-10-31"))
        self.make_application(sdkappid="1499999999")
        self.assertTrue(self.settle("2024-10-31"))
        self.assertEqual(self.ingest(record)["duplicate"], 1)
        self.assertFalse(self.settle("2024-10-31"))
        move = self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, 3.99)
        self.assert_books()

    def test_usage_of_an_unknown_item_is_lost(self):
        product = self.item("av_hd").product_id.copy({"name": "Whiteboard"})
        self.account.pricelist_id = self.make_pricelist({}, base=self.pricelist_usd)
        self.account.pricelist_id.item_ids = [
            Command.create(
                {"product_id": product.id, "applied_on": "0_product_variant", "fixed_price": 2}
            )
        ]
        self.ingest(self.record("whiteboard", 5, "2024-10-05", unit="min"))
        self.assertFalse(self.settle("2024-10-31"))
        sample = self.item("av_hd")
        sample.copy({"code": "whiteboard", "product_id": product.id})
        self.settle("2024-10-31")
        self.assertEqual(self.total("metered_quantity"), 300)
        self.assertEqual(self.total("amount"), 10)
        self.assert_books()

    def test_adopted_usage_of_a_billed_month_is_left_out(self):
        self.usage("av_hd", 60_000, "2024-10-05")
        record = {**self.record("av_hd", 60_000, "2024-10-05"), "sdkappid": "1499999998"}
        self.ingest(record)
        self.invoice("2024-10-31").action_post()
        self.make_application(sdkappid="1499999998")
        adjustment = self.settle("2024-10-31")
        self.assertTrue(adjustment.is_adjustment)
        self.assertEqual(self.invoice("2024-10-31").amount_untaxed, 3.99)
        self.assert_books()


@tagged("post_install", "-at_install")
class TestRunWizard(TrtcCommon):
    def _run(self, action="action_settle", until="2024-10-31"):
        accountant = self.make_user("accountant")
        return getattr(
            self.env["trtc.run"].with_user(accountant).create({"until": until}), action
        )()

    def test_a_run_of_days_to_come_bills_less_than_was_asked_for(self):
        self.usage("av_hd", 600, "2024-10-01")
        with freeze_time("2024-10-20 04:00:00"):
            for action in ("action_settle", "action_invoice"):
                with self.assertRaisesRegex(UserError, "is not over.*Choose 10/19/2024 or an"):
                    self._run(action, "2024-10-21")
            self.assertFalse(self.lines())
            self._run(until="2024-10-20")
        self.assertTrue(self.lines())

    def test_a_run_leaves_an_account_out_without_a_word(self):
        """Another run holds one of two accounts."""
        held, free = self.account, self.make_account()
        self.usage("av_hd", 600, "2024-10-01")
        self.usage("av_hd", 600, "2024-10-01", self.make_application(free))
        lock = self.env.registry["trtc.account"]._lock_for_billing
        for method in ("action_settle", "action_invoice"):
            with patch.object(
                self.env.registry["trtc.account"],
                "_lock_for_billing",
                lambda account: account != held and lock(account),
            ):
                action = self._run(method)
            self.assertEqual(action["tag"], "display_notification")
            self.assertIn(held.display_name, action["params"]["message"])
            self.assertNotIn(free.display_name, action["params"]["message"])
        self.assertEqual(self._run()["type"], "ir.actions.act_window")

    def test_a_run_complains_of_days_that_are_not_over(self):
        self.usage("av_hd", 600, self.env.company._trtc_today())
        action = self._run(until=self.env.company._trtc_today())
        self.assertEqual(action["type"], "ir.actions.act_window")
