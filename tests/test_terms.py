from datetime import date
from decimal import Decimal

from freezegun import freeze_time
from psycopg2.errors import CheckViolation, UniqueViolation

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import TrtcCommon


class TermsCase(TrtcCommon):
    """Editions with round prices: Standard 100 with 1,000 minutes, Pro 300 with 4,000."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.price_editions(cls.pricelist_usd, {"standard": 100, "pro": 300})
        cls.edition("standard").included_minutes = 1_000
        cls.edition("pro").included_minutes = 4_000

    def _use(self, minutes, day, item="av_audio", application=None):
        return self.usage(item, minutes, day, application, unit="min")

    def _get_fees(self, **which):
        domain = [("account_id", "=", self.account.id)]
        domain += [(name, "=", value) for name, value in which.items()]
        fees = self.env["trtc.fee"].search(domain, order="date_from, id")
        return [(fee.kind, str(fee.date_from), str(fee.date_to), fee.amount) for fee in fees]


@tagged("post_install", "-at_install")
class TestTerms(TermsCase):
    """Fees in advance, with their minutes, each term once."""

    # === TERMS === #

    def test_terms_of_a_subscription_from_the_31st(self):
        self.subscribe(self.application, "standard", "2024-01-31", "2024-04-29")
        self.settle("2024-12-31")
        self.assertEqual(
            self._get_fees(),
            [
                ("term", "2024-01-31", "2024-02-28", 100),
                ("term", "2024-02-29", "2024-03-30", 100),
                ("term", "2024-03-31", "2024-04-29", 100),
            ],
        )
        packs = self.env["trtc.minute.pack"].search([("account_id", "=", self.account.id)])
        self.assertEqual(
            sorted((str(p.date_start), str(p.date_end), p.minutes) for p in packs),
            [(first, last, 1_000) for _kind, first, last, _amount in self._get_fees()],
        )
        self.assertEqual(packs.application_id, self.application)

    def test_a_second_run_bills_a_term_twice(self):
        self.subscribe(self.application, "standard", "2024-10-01", "2024-10-31")
        self.settle("2024-10-31")
        self.settle("2024-10-31")
        moves = self.invoice("2024-10-31")
        self.assertFalse(self.invoice("2024-10-31"))
        self.assertEqual(len(self._get_fees()), 1)
        self.assertEqual(moves.amount_untaxed, 100)

    def test_two_runs_open_a_term_at_the_same_time(self):
        subscription = self.subscribe(self.application, "standard", "2024-10-01", "2024-10-31")
        self.settle("2024-10-31")
        fee = subscription.fee_ids
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.env.cr.savepoint(),
        ):
            subscription.sudo()._create_term((fee.date_from, fee.date_to), Decimal(100))

    def test_terms_begin_before_they_are_due(self):
        self.subscribe(self.application, "standard", "2024-10-01")
        self.settle("2024-10-30")
        self.assertEqual(len(self._get_fees()), 1)
        self.settle("2024-10-31")
        self.assertEqual(len(self._get_fees()), 2, "the term from 1 November is due in advance")

    @freeze_time("2024-10-15 12:00:00")
    def test_a_term_of_tomorrow_is_billed_today(self):
        self.subscribe(self.application, "standard", "2024-10-16")
        self.settle("2099-01-01")
        self.assertFalse(self._get_fees())

    # === INVOICES === #

    def test_fees_and_usage_come_with_one_invoice(self):
        self.subscribe(self.application, "standard", "2024-10-10", "2024-11-09")
        self._use(2_000, "2024-10-12")
        move = self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, 100.99)
        line = move.invoice_line_ids.filtered("trtc_fee_id")
        self.assertEqual((line.quantity, line.price_unit), (1, 100))
        self.assertEqual(
            (line.trtc_date_from, line.trtc_date_to), (date(2024, 10, 10), date(2024, 11, 9))
        )
        self.assertIn("Standard", line.name)
        self.assertIn("10/10/2024 to 11/09/2024", line.name)
        move.action_post()
        self.assertFalse(self.invoice("2024-11-30"))
        self.assert_books()

    def test_an_invoice_of_fees_alone_closes_the_month(self):
        self.subscribe(self.application, "standard", "2024-10-01", "2024-10-31")
        early = self.invoice("2024-10-05")
        self.assertEqual(early.amount_untaxed, 100)
        early.action_post()
        self._use(2_000, "2024-10-12")
        move = self.invoice("2024-10-31")
        self.assertEqual((move.trtc_date_from, move.trtc_date_to), (
            date(2024, 10, 1), date(2024, 10, 31),
        ))  # fmt: skip
        self.assertFalse(move.invoice_line_ids.filtered("trtc_is_late"))
        self.assertEqual(move.amount_untaxed, 0.99)

    def test_an_invoice_of_fees_alone_shows_a_usage_period(self):
        self.subscribe(self.application, "standard", "2024-10-01", "2024-11-30")
        move = self.invoice("2024-10-05")
        self.assertEqual((move.trtc_date_from, move.trtc_date_to), (False, False))
        self.assertEqual(move.invoice_line_ids.trtc_date_to, date(2024, 10, 31))
        self.assertIsNone(move._trtc_get_annex())
        # The next fee joins it, while usage has an invoice of its own.
        self._use(2_000, "2024-10-12")
        moves = self.invoice("2024-10-31")
        usage = moves.filtered("trtc_date_from")
        self.assertEqual(usage.trtc_date_to, date(2024, 10, 31))
        self.assertEqual(sum((move | moves).mapped("amount_untaxed")), 200.99)
        self.assert_books()

    def test_a_deleted_draft_loses_the_fee(self):
        self.subscribe(self.application, "standard", "2024-10-01", "2024-10-31")
        self.invoice("2024-10-31").unlink()
        move = self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, 100)
        move.action_post()
        move.button_cancel()
        again = self.invoice("2024-10-31")
        self.assertEqual(again.amount_untaxed, 100)
        with self.assertRaisesRegex(UserError, "billed again"), self.env.cr.savepoint():
            move.button_draft()

    def test_two_runs_invoice_a_fee_at_the_same_time(self):
        self.subscribe(self.application, "standard", "2024-10-01", "2024-10-31")
        move = self.invoice("2024-10-31")
        allocation = move.sudo().trtc_allocation_ids
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.env.cr.savepoint(),
        ):
            allocation._record([{"fee_id": allocation.fee_id.id, "move_id": move.id}])
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.env.cr.savepoint(),
        ):
            allocation._record([{"move_id": move.id}])

    def test_a_refreshed_draft_loses_or_doubles_the_fee(self):
        self.subscribe(self.application, "standard", "2024-10-01", "2024-10-31")
        self._use(1_001, "2024-10-11")
        draft = self.invoice("2024-10-31")
        line = draft.invoice_line_ids.filtered("trtc_fee_id")
        self._use(1_999, "2024-10-12")
        self.assertEqual(self.invoice("2024-10-31"), draft)
        self.assertEqual(draft.amount_untaxed, 101.98)
        self.assertIn(line, draft.invoice_line_ids)
        self.assertEqual(len(self.env["trtc.allocation"].search([("fee_id", "!=", False)])), 1)

    def test_fees_are_billed_by_accounts_that_are_invoiced_daily(self):
        self.account.invoice_cycle = "day"
        self.subscribe(self.application, "standard", "2024-10-02", "2024-11-01")
        self._use(1, "2024-10-01", "av_4k")
        move = self.invoice("2024-10-01")
        self.assertEqual(move.amount_untaxed, 100.04, "in advance, with the day before")

    # === PRICES === #

    def test_an_edition_without_a_price_is_billed_with_a_guess(self):
        self.account.user_id = self.env.user
        subscription = self.subscribe(self.application, "lite", "2024-10-01", "2024-10-31")
        self.edition("lite").included_minutes = 500
        self.assertIn("has no price", subscription.fee_warning)
        self._use(10, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, 0.01)
        self.assertFalse(self._get_fees())
        self.invoice("2024-10-31")
        self.assertEqual(len(self.account.activity_ids), 1)
        self.assertIn("is not billed", self.account.activity_ids.note)
        self.price_editions(self.pricelist_usd, {"lite": 10})
        self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, 10, "its minutes now cover the usage")
        self.assertFalse(subscription.fee_warning)
        self.assert_books()

    def test_a_trial_has_no_fee(self):
        self.subscribe(self.application, "trial", "2024-10-01")
        self.settle("2024-10-31")
        self.assertFalse(self._get_fees())

    def test_a_subscription_that_is_billed_elsewhere(self):
        subscription = self.subscribe(self.application, "standard", "2024-10-01")
        subscription.bill_fee = False
        self.settle("2024-10-31")
        self.assertFalse(self._get_fees())
        self.assertFalse(subscription.fee_warning)

    def test_a_renewal_repeats_the_discount_of_the_first_term(self):
        subscription = self.subscribe(self.application, "standard", "2024-10-01")
        term = subscription._get_next_term()
        subscription.sudo()._create_term(term, Decimal(100), Decimal(60))
        self.settle("2024-11-01")
        self.assertEqual(
            self._get_fees(),
            [("term", "2024-10-01", "2024-10-31", 60), ("term", "2024-11-01", "2024-11-30", 100)],
        )

    # === INCLUDED MINUTES === #

    def test_included_minutes_serve_their_application_and_lapse(self):
        other = self.make_application()
        self.subscribe(self.application, "standard", "2024-10-10")
        self._use(10, "2024-10-09")
        self._use(10, "2024-10-10")
        self._use(10, "2024-10-10", application=other)
        self._use(1_001, "2024-11-10")
        self.settle("2024-11-30")
        self.assertEqual(self.total("pack_quantity", day="2024-10-09"), 0)
        self.assertEqual(self.total("pack_quantity", application=other), 0)
        self.assertEqual(self.total("pack_quantity", day="2024-10-10"), 10)
        self.assertEqual(self.total("pack_quantity", day="2024-11-10"), 1_000)
        self.assert_books()

    # === EXPIRY AND STACKING === #

    def test_an_edition_that_ended_goes_on_unlocking(self):
        self.subscribe(self.application, "pro", "2024-10-01", "2024-10-31")
        code = "ai_conversation_control"
        self.assertTrue(self.application.is_unlocked(code, "2024-10-31"))
        self.assertFalse(self.application.is_unlocked(code, "2024-11-01"))

    def test_the_same_edition_is_stacked(self):
        self.subscribe(self.application, "standard", "2024-10-01", "2024-10-31")
        with self.assertRaisesRegex(ValidationError, "already holds"):
            self.subscribe(self.application, "standard", "2024-10-31")

    def test_trials_without_end(self):
        self.edition("trial").write(
            {"trial_days": 7, "trial_max_application": 2, "trial_max_account": 3}
        )
        other = self.make_application()
        for application, start in (
            (self.application, "2024-01-01"),
            (self.application, "2024-02-01"),
            (other, "2024-01-01"),
        ):
            self.subscribe(application, "trial", start, start)
        with self.assertRaisesRegex(ValidationError, "2 times"), self.env.cr.savepoint():
            self.subscribe(self.application, "trial", "2024-03-01", "2024-03-07")
        with self.assertRaisesRegex(ValidationError, "3 times"), self.env.cr.savepoint():
            self.subscribe(other, "trial", "2024-03-01", "2024-03-07")

    def test_a_subscription_with_fees_is_deleted(self):
        subscription = self.subscribe(self.application, "standard", "2024-10-01", "2024-10-31")
        self.settle("2024-10-31")
        with self.assertRaisesRegex(UserError, "has fees"):
            subscription.unlink()


@tagged("post_install", "-at_install")
class TestUpgrades(TermsCase):
    """Only upwards; the difference for the days that are left."""

    def _start(self, price=None):
        """Buy Standard for October 2024, renewing."""
        subscription = self.subscribe(self.application, "standard", "2024-10-01")
        if price is not None:
            term = subscription._get_next_term()
            subscription.sudo()._create_term(term, Decimal(100), Decimal(price))
        self.settle("2024-10-01")
        return subscription.sudo()

    def test_the_difference_of_list_prices_for_the_days_left(self):
        self.edition("pro").feature_ids += self.feature("terminal_screenshot")
        new = self._start()._upgrade(self.edition("pro"), date(2024, 10, 17))
        # (300 - 100) x 15 / 31 = 96.774...; (4,000 - 1,000) x 15 / 31 = 1,451.6
        self.assertEqual(
            self._get_fees(kind="upgrade"), [("upgrade", "2024-10-17", "2024-10-31", 96.77)]
        )
        self.assertEqual(new.pack_ids.minutes, 1_451)
        self.assertTrue(self.application.is_unlocked("terminal_screenshot", "2024-10-17"))
        self.assertFalse(self.application.is_unlocked("terminal_screenshot", "2024-10-16"))
        self.assertIn("15 of 31 days", new.fee_ids.explanation)

    def test_an_edition_bought_at_a_discount_costs_the_difference_to_what_was_paid(self):
        self._start(60)._upgrade(self.edition("pro"), date(2024, 10, 1))
        self.assertEqual(
            self._get_fees(kind="upgrade"), [("upgrade", "2024-10-01", "2024-10-31", 240)]
        )

    def test_the_term_and_its_renewal_day_move(self):
        self._start()._upgrade(self.edition("pro"), date(2024, 10, 17))
        self.settle("2024-11-30")
        self.assertEqual(
            self._get_fees(kind="term"),
            [
                ("term", "2024-10-01", "2024-10-31", 100),
                ("term", "2024-11-01", "2024-11-30", 300),
                ("term", "2024-12-01", "2024-12-31", 300),
            ],
        )

    def test_unused_minutes_of_the_old_edition_stay_or_lapse_as_set(self):
        old = self._start()
        old._upgrade(self.edition("pro"), date(2024, 10, 17))
        self.assertEqual(old.pack_ids.date_end, date(2024, 10, 31))
        self.env.company.trtc_upgrade_keeps_minutes = False
        other = self.make_application()
        old = self.subscribe(other, "standard", "2024-10-01").sudo()
        self.settle("2024-10-01")
        old._upgrade(self.edition("pro"), date(2024, 10, 17))
        self.assertEqual(old.pack_ids.date_end, date(2024, 10, 16))

    def test_a_downgrade(self):
        subscription = self._start()
        for code in ("lite", "standard"):
            with self.assertRaisesRegex(UserError, "only be upgraded"):
                subscription._upgrade(self.edition(code), date(2024, 10, 17))

    def test_an_upgrade_to_an_edition_without_a_price(self):
        with self.assertRaisesRegex(UserError, "has no price"):
            self._start()._upgrade(self.edition("enterprise"), date(2024, 10, 17))

    def test_an_upgrade_outside_a_paid_term(self):
        with self.assertRaisesRegex(UserError, "no paid term"):
            self._start()._upgrade(self.edition("pro"), date(2024, 9, 30))

    def test_locked_usage_is_unlocked_at_the_price_of_an_upgrade(self):
        self._start()
        self.edition("pro").feature_ids += self.feature("terminal_screenshot")
        self.usage("screenshot_terminal", 22_000, "2024-10-17")
        self.settle("2024-10-31")
        wizard = self.env["trtc.decide"].create(
            {
                "line_ids": [Command.set(self.lines(status="locked").ids)],
                "outcome": "upgrade",
                "edition_id": self.edition("pro").id,
                "reason": "Agreed",
            }
        )
        wizard.action_decide()
        self.assertEqual(self._get_fees(kind="upgrade")[0][1:3], ("2024-10-01", "2024-10-31"))
        self.assertEqual(self.total("billable_quantity", item="screenshot_terminal"), 12)
