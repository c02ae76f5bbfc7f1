from decimal import Decimal
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import LockError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.markers import SETTLING
from .prepayment import PrepaymentCommon


@tagged("post_install", "-at_install")
class TestRecognitionEntries(PrepaymentCommon):
    """Entries that are repeated, deleted, reversed; invoices that change; currencies."""

    # === ONCE === #

    def test_a_second_click_recognises_twice(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        first = self.propose("2024-10-31", post=False)
        second = self.propose("2024-10-31", post=False)
        self.assertFalse(first.exists())
        self.assertEqual(self.recognised(fee), 51.61)
        second.action_post()
        self.assertFalse(self.propose("2024-10-31"))
        self.assertEqual(self.balance(), 48.39)

    def test_two_runs_that_do_not_see_each_other_recognise_twice(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        move = self.propose("2024-10-31", post=False)
        recognition = fee.recognition_ids
        copy = move.copy()
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError) as refused,
            self.env.cr.savepoint(),
        ):
            self.env["trtc.recognition"].sudo().with_context(trtc_settling=SETTLING).create(
                {
                    "fee_id": fee.id,
                    "move_id": copy.id,
                    "move_line_id": copy.line_ids[0].id,
                    "number": recognition.number,
                    "date": "2024-10-31",
                }
            )
        self.assertEqual(
            refused.exception.diag.constraint_name, "trtc_recognition_number_once"
        )
        company = type(self.company)
        with (
            patch.object(company, "lock_for_update", side_effect=LockError("locked")),
            self.assertRaisesRegex(UserError, "Try again"),
        ):
            self.propose("2024-10-31")

    def test_revenue_of_a_deleted_or_cancelled_draft_is_lost(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        self.propose("2024-10-31", post=False).unlink()
        self.assertEqual(self.recognised(fee), 0)
        cancelled = self.propose("2024-10-31", post=False)
        cancelled.button_cancel()
        self.assertEqual(self.recognised(fee), 0)
        # Back again, while nothing else recognises it
        cancelled.button_draft()
        self.assertEqual(self.recognised(fee), 51.61)
        cancelled.button_cancel()
        again = self.propose("2024-10-31")
        self.assertEqual(self.recognised(fee), 51.61)
        with self.assertRaises(UserError) as refused:
            cancelled.button_draft()
        self.assertIn("was proposed again", str(refused.exception))
        self.assertEqual(cancelled.state, "cancel")
        self.assertEqual(again.state, "posted")

    def test_an_entry_that_is_reset_to_draft_is_recognised_again(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        october = self.propose("2024-10-31")
        november = self.propose("2024-11-30")
        october.button_draft()
        self.assertEqual(self.recognised(fee), 100)
        self.assertFalse(self.propose("2024-11-30"))
        self.assertEqual((october.state, november.state), ("draft", "posted"))
        october.action_post()
        self.assertEqual(self.balance(), 0)

    def test_the_number_of_an_entry_that_was_posted_is_lost(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        old = self.propose("2024-10-31")
        old.button_draft()
        new = self.propose("2024-10-31")
        self.assertEqual((old.state, new.state), ("cancel", "posted"))
        self.assertEqual(self.recognised(fee), 51.61)

    def test_the_draft_of_a_month_is_swallowed_by_the_next(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        october = self.propose("2024-10-31", post=False)
        november = self.propose("2024-11-30", post=False)
        self.assertEqual((october.amount_total, november.amount_total), (51.61, 48.39))
        # A draft beyond the day would recognise what the earlier one takes.
        earlier = self.propose("2024-10-31", post=False)
        self.assertFalse((october | november).exists())
        self.assertEqual(earlier.amount_total, 51.61)
        self.assertEqual(self.recognised(fee), 51.61)

    def test_an_earlier_day_takes_back_what_is_posted(self):
        self.sell("2024-10-16", "2024-11-15")
        move = self.propose("2024-11-30")
        with self.assertRaisesRegex(UserError, "is posted and goes beyond"):
            self.propose("2024-10-31")
        self.reverse(move, date="2024-11-30")
        self.assertTrue(self.propose("2024-10-31"))

    def test_an_entry_that_was_reversed_stays_recognised(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        move = self.propose("2024-10-31")
        self.reverse(move, date="2024-10-31").filtered(
            lambda one: one.state == "draft"
        ).action_post()
        self.assertEqual((self.recognised(fee), self.balance()), (0, 100))
        self.propose("2024-10-31")
        self.assertEqual((self.recognised(fee), self.balance()), (51.61, 48.39))

    def test_a_draft_that_was_changed_by_hand_is_taken_as_it_was(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        move = self.propose("2024-10-31", post=False)
        debit = move.line_ids.filtered("debit")
        move.with_user(self.accountant).write(
            {
                "line_ids": [
                    Command.update(debit.id, {"debit": 50}),
                    Command.update((move.line_ids - debit).id, {"credit": 50}),
                ]
            }
        )
        move.action_post()
        self.assertEqual(self.recognised(fee), 50)
        self.propose("2024-11-30")
        self.assertEqual(self.balance(), 0)

    def test_the_future_is_recognised(self):
        self.sell("2024-10-16", "2024-11-15")
        with freeze_time("2024-11-01 04:00"), self.assertRaisesRegex(UserError, "future"):
            self.propose("2024-11-30")

    # === INVOICES THAT CHANGE === #

    def test_a_draft_invoice_is_recognised(self):
        fee = self.sell("2024-10-01", "2024-10-31", post=False)
        self.assertFalse(self.propose("2024-10-31"))
        fee.move_id.action_post()
        self.propose("2024-10-31")
        fee.move_id.button_draft()
        self.assertEqual(self.preview("2024-10-31"), [(fee, 0, 100, -100, "unposted")])
        fee.move_id.button_cancel()
        back = self.propose("2024-10-31")
        self.assertEqual(back.line_ids.filtered("credit").account_id, self.deferred)
        self.assertEqual(back.line_ids.filtered("debit").account_id, self.income)
        self.assertEqual((self.balance(), self.balance(self.income)), (0, 0))

    def test_a_credited_invoice_is_recognised(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        other = self.sell("2024-10-16", "2024-11-15", self.make_application())
        self.propose("2024-10-31")
        credit = self.reverse(fee.move_id, date="2024-11-02")
        self.assertEqual(len(self.preview("2024-11-30")), 2)
        credit.action_post()
        self.propose("2024-11-30")
        self.assertEqual((self.recognised(fee), self.recognised(other)), (0, 100))
        self.assertEqual((self.balance(), self.balance(self.income)), (0, 100))
        # The credit note is taken back in turn.
        credit.button_draft()
        credit.button_cancel()
        self.propose("2024-12-31")
        self.assertEqual((self.balance(), self.balance(self.income)), (0, 200))

    def test_half_an_invoice_is_credited_to_another_fee(self):
        for application in self.application | self.make_application():
            self.subscribe(application, "pro", "2024-10-01", "2024-10-31")
        move = self.account.create_invoices("2024-10-01")
        move.action_post()
        first, second = move.invoice_line_ids.trtc_fee_id.sorted("id")
        credit = self.reverse(move)
        kept = credit.invoice_line_ids.filtered(lambda line: first.name in line.name)
        kept.price_unit = 40
        (credit.invoice_line_ids - kept).unlink()
        credit.action_post()
        self.propose("2024-10-31")
        self.assertEqual((self.recognised(first), self.recognised(second)), (60, 100))
        self.assertEqual(self.balance(), 0)

    def test_another_account_is_set_in_between(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        self.propose("2024-10-31")
        self.company.trtc_deferred_account_id = self.make_liability("TRTC6")
        self.propose("2024-11-30")
        self.assertEqual((self.recognised(fee), self.balance()), (100, 0))

    def test_a_refund_meets_two_accounts_of_its_fee(self):
        """Credited, and billed again after another account was set."""
        fee = self.sell("2024-10-16", "2024-11-15")
        credit = fee.allocation_ids.move_id._reverse_moves([{"invoice_date": "2024-10-20"}])
        credit.action_post()
        again = self.bill("2024-10-31")
        other = self.make_liability("TRTC6")
        again.button_draft()
        again.invoice_line_ids.filtered("trtc_fee_id").account_id = other
        again.action_post()
        with freeze_time("2024-10-18 04:00"):
            fee.sudo()._refund(Decimal(40))
        refund = self.bill("2024-10-31", post=False)
        self.assertEqual(refund.invoice_line_ids.filtered("trtc_fee_id").account_id, other)

    def test_what_was_deferred_is_forgotten_when_it_is_switched_off(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        self.company.trtc_deferred_account_id = False
        self.propose("2024-11-30")
        self.assertEqual(self.recognised(fee), 100)

    # === CURRENCIES === #

    def _use_currency(self, name):
        """Let the company keep its books in another currency."""
        currency = self.env.ref(f"base.{name}")
        currency.active = True
        self.env.cr.execute("DELETE FROM res_currency_rate")
        self.env.invalidate_all()
        self.company.currency_id = currency
        return currency

    def test_dollars_are_recognised_as_euros(self):
        self._use_currency("EUR")
        rates = self.env.ref("base.USD").rate_ids
        for day, rate in (("2024-10-01", 1.25), ("2024-11-01", 2)):
            rates.create(
                {"name": day, "rate": rate, "company_id": self.company.id,
                 "currency_id": self.env.ref("base.USD").id}
            )  # fmt: skip
        fee = self.sell("2024-10-16", "2024-11-15")
        self.assertEqual(fee.move_id.currency_id.name, "USD")
        self.assertEqual(self.balance(), 80)
        october = self.propose("2024-10-31")
        self.assertEqual(october.line_ids.currency_id.name, "EUR")
        self.assertEqual(self.recognised(fee), 41.29)  # 80 x 16 / 31
        self.propose("2024-11-30")
        self.assertEqual((self.balance(), self.balance(self.income)), (0, 80))

    def test_the_rate_of_a_refund_stays_on_the_account(self):
        self._use_currency("EUR")
        dollar = self.env.ref("base.USD")
        for day, rate in (("2024-10-01", 1.25), ("2024-10-03", 2)):
            dollar.rate_ids.create(
                {"name": day, "rate": rate, "company_id": self.company.id,
                 "currency_id": dollar.id}
            )  # fmt: skip
        fee = self.sell("2024-10-01", "2024-10-31")
        with freeze_time("2024-10-03 04:00"):
            fee.sudo()._refund()
            self.account.create_invoices("2024-10-02").action_post()
        self.assertEqual(self.balance(), 30)  # 80 - 50
        self.propose("2024-10-31")
        self.assertEqual((self.balance(), self.balance(self.income)), (0, 30))

    def test_yen_have_cents(self):
        yen = self._use_currency("JPY")
        pricelist = self.make_pricelist({}, currency=yen)
        self.set_price(1000, pricelist=pricelist)
        self.account.pricelist_id = pricelist
        fee = self.sell("2024-10-16", "2024-11-15")
        self.propose("2024-10-31")
        self.assertEqual(self.recognised(fee), 516)
        self.propose("2024-11-30")
        self.assertEqual((self.recognised(fee), self.balance()), (1000, 0))
