from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, LockError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .accrual import AccrualCommon


@tagged("post_install", "-at_install")
class TestAccrualEntries(AccrualCommon):
    """The entry of an accrual: proposed, posted, reversed, taken back; lock dates."""

    # === REVERSAL === #

    def test_an_accrual_without_reversal_doubles_revenue(self):
        self.use(10, "2024-10-05")
        self.use(20, "2024-11-05")
        accrual = self.propose("2024-10-31", post=False)
        self.assertEqual((accrual.state, accrual.move_id.state), ("draft", "draft"))
        self.assertFalse(accrual.reversal_id)
        accrual.with_user(self.accountant).action_post()
        self.assertEqual((accrual.state, accrual.reversal_id.state), ("reversed", "posted"))
        self.assertEqual(str(accrual.reversal_id.date), "2024-11-01")
        self.assertEqual((self.revenue("2024-10-31"), self.revenue("2024-11-01")), (10, 0))
        self.bill("2024-10-31", dated="2024-11-03")
        self.bill("2024-11-30", dated="2024-12-02")
        self.propose("2024-11-30")
        self.assertEqual(self.revenue("2024-10-31"), 10)
        self.assertEqual(self.revenue("2024-11-30"), 30)
        # All entries of both months are what the invoices are.
        self.assertEqual(self.revenue(), 30)
        self.assertEqual(self.revenue(account=self.accrued), 0)

    def test_a_reversal_in_the_future_is_posted_at_once_or_never(self):
        self.use(10, "2024-10-05")
        with freeze_time("2024-10-31 12:00"):
            accrual = self.propose("2024-10-31")
            reversal = accrual.reversal_id
            self.assertEqual(
                (accrual.state, reversal.state, reversal.auto_post), ("posted", "draft", "at_date")
            )
        with freeze_time("2024-11-01 12:00"), self.enter_registry_test_mode():
            self.env.ref("account.ir_cron_auto_post_draft_entry").method_direct_trigger()
        self.assertEqual((accrual.state, reversal.state), ("reversed", "posted"))
        self.assertEqual(self.revenue(), 0)

    def test_the_reversal_alone_is_undone(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        for undo in ("button_draft", "button_cancel"):
            with self.subTest(undo), self.refused("counted twice"):
                getattr(accrual.reversal_id, undo)()
        with freeze_time("2024-10-31 12:00"):
            self.use(1, "2024-10-06")
            accrual.action_take_back()
            accrual = self.propose("2024-10-31")
            with self.refused("counted twice"):
                accrual.reversal_id.unlink()
        self.assertEqual(accrual.reversal_id.state, "draft")

    def test_an_accrual_is_reversed_twice(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        for move in accrual.move_id, accrual.reversal_id:
            with self.refused("reversed by itself"):
                move._reverse_moves()

    def test_the_reversal_stays_when_the_entry_is_taken_back(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        accrual.with_user(self.accountant).action_take_back()
        self.assertEqual(accrual.move_id.state, "cancel")
        self.assertEqual(accrual.reversal_id.state, "cancel")
        self.assertEqual((accrual.state, self.revenue()), ("cancel", 0))
        again = self.propose("2024-10-31")
        self.assertEqual(self.revenue("2024-10-31"), 10)
        # One that is only reset to draft is posted again with a new reversal.
        again.move_id.button_draft()
        self.assertEqual(self.revenue(), 0)
        again.action_post()
        self.assertEqual((self.revenue("2024-10-31"), self.revenue("2024-11-01")), (10, 0))
        self.assertEqual(again.reversal_id.state, "posted")

    # === PROPOSED AGAIN === #

    def test_a_second_click_accrues_twice(self):
        self.use(10, "2024-10-05")
        first = self.propose("2024-10-31", post=False)
        move = first.move_id
        self.use(5, "2024-10-06")
        second = self.propose("2024-10-31", post=False)
        self.assertFalse(first.exists() or move.exists())
        self.assertEqual(second.amount_total, 15)
        second.action_post()
        with self.refused("Take it back first"):
            self.propose("2024-10-31")
        # A copy of the past that is posted all the same
        old = self.propose("2024-10-30", post=False)
        self.assertEqual(old.amount_total, 15)

    def test_a_cancelled_accrual_comes_back_beside_the_new_one(self):
        self.use(10, "2024-10-05")
        old = self.propose("2024-10-31")
        old.action_take_back()
        self.propose("2024-10-31")
        old.move_id.button_draft()
        with self.refused("accrues 10/31/2024 already"):
            old.move_id.action_post()

    def test_two_runs_that_do_not_see_each_other_accrue_twice(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError) as refused,
            self.env.cr.savepoint(),
        ):
            self.env["trtc.accrual"].sudo().create(
                {
                    "company_id": self.company.id,
                    "currency_id": accrual.currency_id.id,
                    "date": accrual.date,
                    "number": accrual.number,
                    "accrued_account_id": self.accrued.id,
                }
            )
        self.assertEqual(refused.exception.diag.constraint_name, "trtc_accrual_number_once")
        with (
            patch.object(type(self.company), "lock_for_update", side_effect=LockError("locked")),
            self.refused("Try again"),
        ):
            self.propose("2024-10-31")

    def test_evidence_is_altered(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        line = accrual.line_ids
        with self.assertRaises(AccessError):
            line.with_user(self.accountant).amount = 5
        accrual.action_post()
        for change in (
            lambda: line.sudo().write({"amount": 5}),
            lambda: line.sudo().unlink(),
            lambda: accrual.sudo().write({"amount_total": 5}),
            lambda: accrual.sudo().unlink(),
            lambda: line.sudo().copy(),
        ):
            with self.refused("are evidence"):
                change()
        accrual.action_take_back()
        with self.refused("are evidence"):
            line.sudo().unlink()

    def test_a_deleted_draft_leaves_its_evidence(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        accrual.move_id.with_user(self.accountant).unlink()
        self.assertFalse(accrual.exists())
        self.assertFalse(self.env["trtc.accrual.line"].search([]))

    def test_an_entry_changed_by_hand_goes_unseen(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        self.assertFalse(accrual.is_changed)
        debit = accrual.move_id.line_ids.filtered("debit")
        accrual.move_id.write(
            {
                "line_ids": [
                    (1, debit.id, {"debit": 8}),
                    (1, (accrual.move_id.line_ids - debit).id, {"credit": 8}),
                ]
            }
        )
        self.assertTrue(accrual.is_changed)
        self.assertEqual((accrual.amount_booked, accrual.amount_total), (8, 10))

    def test_an_accrual_is_posted_on_another_day(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        accrual.move_id.date = "2024-11-30"
        with self.refused("cannot be posted on 11/30/2024"):
            accrual.action_post()

    # === LOCK DATES === #

    def test_a_locked_day_is_accrued(self):
        self.use(10, "2024-10-05")
        for name in ("fiscalyear_lock_date", "hard_lock_date"):
            for day in ("2024-10-31", "2024-11-01"):
                with (
                    self.subTest(lock=name, day=day),
                    self.refused("is not allowed"),
                ):
                    self.company[name] = day
                    self.propose("2024-10-31")
        # Locks of sales and purchases are not for miscellaneous entries.
        self.company.sale_lock_date = "2024-11-30"
        accrual = self.propose("2024-10-31", post=False)
        self.company.fiscalyear_lock_date = "2024-10-31"
        with self.refused("is not allowed"):
            accrual.action_post()
        self.assertEqual(str(accrual.move_id.date), "2024-10-31")

    def test_the_future_is_accrued(self):
        with freeze_time("2024-10-30 12:00"), self.refused("future"):
            self.propose("2024-10-31")
