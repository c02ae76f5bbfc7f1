from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .arrears import ArrearsCommon


@tagged("post_install", "-at_install")
class TestArrears(ArrearsCommon):
    """An invoice is overdue: who hears of it, and what is suspended when."""

    # === REMINDER === #

    def test_the_customer_is_reminded_on_the_due_date(self):
        """Overdue is what was due yesterday, in billing time: it changes at 16:00 UTC."""
        self.run_at("2024-11-10 15:59:59")
        self.assertFalse(self.episodes())
        self.run_at("2024-11-10 16:00:00")
        self.assertEqual(self.episodes().date_due, fields.Date.to_date("2024-11-10"))

    def test_the_customer_is_reminded_twice(self):
        for hour in range(3):
            self.run_at(f"2024-11-11 0{hour}:00:00")
        message = self.reminders().ensure_one()
        self.assertEqual(message.partner_ids, self.customer)
        self.assertIn(self.invoice_1.name, message.body)
        self.assertIn("11/12/24, 8:00", message.body.replace("\u202f", " "))
        self.assertIn("Asia/Shanghai", message.body)
        self.assertEqual(self.episodes().amount, self.invoice_1.amount_residual)
        activity = self.account.activity_ids.ensure_one()
        self.assertEqual(activity.user_id, self.salesperson)
        mail = self.env["mail.mail"].search([("mail_message_id", "=", message.id)])
        self.assertIn(self.customer, mail.recipient_ids)

    def test_the_reminder_speaks_another_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        template = self.env.ref("trtc_billing.mail_template_arrears")
        template.with_context(lang="fr_FR").subject = "Rappel"
        self.customer.lang = "fr_FR"
        self.run_at("2024-11-11 00:00:00")
        self.assertIn("Rappel", self.account.message_ids.mapped("subject"))

    def test_a_reminder_for_cents(self):
        self.company.trtc_arrears_minimum = self.invoice_1.amount_residual + 0.01
        self.run_at("2024-11-11 00:00:00")
        self.assertFalse(self.episodes())
        self.company.trtc_arrears_minimum = self.invoice_1.amount_residual
        self.run_at("2024-11-11 00:00:00")
        self.assertTrue(self.episodes())

    def test_a_reminder_before_the_agreed_days_are_over(self):
        self.company.trtc_arrears_days = 5
        self.run_at("2024-11-15 15:00:00")
        self.assertFalse(self.episodes())
        with self.at("2024-11-15 15:00:00"):
            self.account.invalidate_recordset()
            self.assertTrue(self.account.is_in_arrears)
            self.assertIn("11/15/2024", self.account.arrears_next)
        with self.at("2024-11-15 16:00:00"):
            self.account.invalidate_recordset()
            self.assertIn("with the next hourly run", self.account.arrears_next)
        self.run_at("2024-11-15 16:00:00")
        self.assertTrue(self.reminders())

    def test_reminders_are_sent_though_they_are_switched_off(self):
        self.company.trtc_arrears_policy = "none"
        self.run_at("2024-11-20 00:00:00")
        self.assertFalse(self.episodes())

    def test_an_invoice_in_dispute_is_chased(self):
        self.invoice_1.action_toggle_block_payment()
        self.run_at("2024-11-20 00:00:00")
        self.assertFalse(self.episodes())
        self.invoice_1.action_toggle_block_payment()
        self.invoice_1.line_ids.filtered("date_maturity").no_followup = True
        self.run_at("2024-11-20 00:00:00")
        self.assertFalse(self.episodes())

    def test_a_draft_is_chased(self):
        self.invoice_1.button_draft()
        self.run_at("2024-11-20 00:00:00")
        self.assertFalse(self.episodes())

    def test_an_instalment_that_is_not_due_yet_is_chased(self):
        self.invoice_1.button_draft()
        term = self.env["account.payment.term"].create(
            {
                "name": "Half and half",
                "line_ids": [
                    fields.Command.create({"value": "percent", "value_amount": 50, "nb_days": 9}),
                    fields.Command.create({"value": "percent", "value_amount": 50, "nb_days": 39}),
                ],
            }
        )
        self.invoice_1.invoice_payment_term_id = term
        self.invoice_1.action_post()
        half = self.company.currency_id.round(self.invoice_1.amount_total / 2)
        self.run_at("2024-11-11 00:00:00")
        self.assertAlmostEqual(self.episodes().amount, half, delta=0.01)
        self.pay(self.invoice_1, self.episodes().amount)
        self.assertEqual(self.episodes().outcome, "settled")
        self.run_at("2024-12-15 00:00:00")
        self.assertEqual(len(self.episodes()), 2)

    def test_a_customer_without_an_address_is_suspended_unheard(self):
        self.customer.email = False
        self.run_at("2024-11-11 00:00:00")
        self.run_at("2024-11-14 00:00:00")
        self.assertFalse(self.reminders())
        self.assertFalse(self.suspended())
        self.assertIn("no e-mail address", self.account.activity_ids.summary)
        self.customer.email = "found@example.com"
        self.run_at("2024-11-15 00:00:00")
        self.run_at("2024-11-15 12:00:00")
        self.assertEqual(len(self.reminders()), 1)
        self.assertFalse(self.suspended())
        self.run_at("2024-11-16 00:00:00")
        self.assertTrue(self.suspended())

    def test_two_accounts_of_one_invoice_remind_twice(self):
        """One invoice for several accounts: the customer is asked once."""
        other = self.make_account()
        self.env.cr.execute(
            "UPDATE trtc_account SET user_id = %s WHERE id = %s", (self.salesperson.id, other.id)
        )
        line = self.invoice_1.trtc_allocation_ids.statement_line_id[:1]
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE trtc_statement_line SET account_id = %s WHERE id = %s", (other.id, line.id)
        )
        self.env.invalidate_all()
        both = self.account | other
        self.assertEqual(other._get_arrears_moves(), self.invoice_1)
        self.run_at("2024-11-11 00:00:00", both)
        self.assertEqual(len(self.reminders() | self.reminders(other)), 1)
        self.assertEqual(
            self.episodes().reminded_at, self.episodes(other).reminded_at, "one grace for both"
        )

    # === SUSPENSION === #

    def test_suspended_before_the_grace_has_ended(self):
        self.run_at("2024-11-11 00:00:00")
        self.run_at("2024-11-11 23:59:59")
        self.assertFalse(self.suspended())
        self.run_at("2024-11-12 00:00:00")
        self.assertTrue(self.suspended("2024-11-12"))
        self.assertFalse(self.application.is_unlocked("cloud_slicing", "2024-11-12"))
        self.assertTrue(self.application.is_unlocked("cloud_slicing", "2024-11-11"))
        self.assertEqual(self.application.suspension_ids.reason, "arrears")
        self.assertIn(self.invoice_1.name, self.application.suspension_ids.note)

    def test_a_company_that_reminds_only_suspends(self):
        self.company.trtc_arrears_policy = "remind"
        self.run_at("2024-11-11 00:00:00")
        self.run_at("2024-12-11 00:00:00")
        self.assertTrue(self.reminders())
        self.assertFalse(self.suspended())
        self.assertNotIn("suspended", self.reminders().body)

    def test_companies_suspend_without_being_asked(self):
        company = self.env["res.company"].create({"name": "New"})
        self.assertEqual(company.trtc_arrears_policy, "remind")

    def test_suspension_is_switched_off_and_holds(self):
        self.run_at("2024-11-11 00:00:00")
        self.run_at("2024-11-12 00:00:00")
        self.company.trtc_arrears_policy = "remind"
        self.run_at("2024-11-13 00:00:00")
        self.assertFalse(self.suspended())
        self.company.trtc_arrears_policy = "none"
        self.run_at("2024-11-13 01:00:00")
        self.assertEqual(self.episodes().outcome, "off")

    def test_an_application_created_meanwhile_escapes(self):
        self.run_at("2024-11-11 00:00:00")
        before = self.make_application()
        self.run_at("2024-11-12 00:00:00")
        manager = self.make_user("manager")
        with self.at("2024-11-13 00:00:00"):
            after = (
                self.env["trtc.application"]
                .with_user(manager)
                .create({"name": "New", "sdkappid": "1499999999", "account_id": self.account.id})
            )
        self.assertTrue(self.suspended(application=before))
        self.assertTrue(self.suspended(application=after))
        self.pay(self.invoice_1)
        self.assertFalse(self.suspended(application=before))
        self.assertFalse(self.suspended(application=after))

    def test_resumed_by_hand_and_suspended_again_an_hour_later(self):
        self.run_at("2024-11-11 00:00:00")
        self.run_at("2024-11-12 00:00:00")
        with self.at("2024-11-13 00:00:00"):
            self.application.with_user(self.accountant)._resume()
        self.run_at("2024-11-13 01:00:00")
        self.assertFalse(self.suspended())

    def test_suspended_for_an_invoice_it_was_not_reminded_of(self):
        self.run_at("2024-11-11 00:00:00")
        second = self.bill(due="2024-11-11", day="2024-10-16")
        self.pay(self.invoice_1, moment="2024-11-11 20:00:00")
        self.run_at("2024-11-12 00:00:00")
        self.assertFalse(self.suspended())
        old, new = self.episodes()
        self.assertEqual(old.outcome, "settled")
        self.assertEqual(new.move_ids, second)
        self.assertEqual(len(self.reminders()), 2)
        self.run_at("2024-11-13 00:00:00")
        self.assertTrue(self.suspended())

    # === PAYMENT === #

    def _suspend(self):
        self.run_at("2024-11-11 00:00:00")
        self.run_at("2024-11-12 00:00:00")
        self.assertTrue(self.suspended())

    def test_paid_but_still_suspended(self):
        self._suspend()
        self.pay(self.invoice_1)
        self.assertFalse(self.suspended("2024-11-13"))
        self.assertTrue(self.suspended("2024-11-12"))
        episode = self.episodes().ensure_one()
        self.assertEqual(episode.outcome, "settled")
        self.assertTrue(episode.suspended_at)
        self.assertFalse(self.account.activity_ids)

    def test_paid_without_an_entry_and_still_suspended(self):
        """Without an outstanding account a payment books nothing until the bank does."""
        self.set_outstanding(False)
        self._suspend()
        self.pay(self.invoice_1)
        self.assertFalse(self.suspended("2024-11-13"))

    def test_an_accountant_without_trtc_rights_cannot_book_the_payment(self):
        self._suspend()
        bookkeeper = self.make_user("employee")
        bookkeeper.group_ids += self.env.ref("account.group_account_invoice")
        with self.at("2024-11-13 06:00:00"):
            self.env["account.payment.register"].with_user(bookkeeper).with_context(
                active_model="account.move", active_ids=self.invoice_1.ids
            ).create({})._create_payments()
        self.assertFalse(self.suspended())

    def test_paid_the_day_it_was_suspended(self):
        self._suspend()
        self.pay(self.invoice_1, moment="2024-11-12 02:00:00")
        self.assertFalse(self.suspended("2024-11-12"))

    def test_a_suspension_by_hand_is_lifted_by_a_payment(self):
        held = self.make_application()
        free = self.make_application()
        for application, reason in ((held, "arrears"), (free, "violation")):
            application.with_user(self.accountant)._suspend(reason, "2024-11-01", "By hand")
        self._suspend()
        self.pay(self.invoice_1)
        self.assertFalse(self.suspended())
        self.assertTrue(self.suspended(application=held))
        self.assertTrue(self.suspended(application=free))

    def test_a_part_is_paid_and_all_is_forgiven(self):
        self._suspend()
        rest = self.invoice_1.amount_residual - 10
        self.pay(self.invoice_1, rest)
        self.assertTrue(self.suspended())
        self.pay(self.invoice_1)
        self.assertFalse(self.suspended())

    def test_a_part_is_paid_and_the_rest_is_below_the_minimum(self):
        self._suspend()
        self.company.trtc_arrears_minimum = 1
        self.pay(self.invoice_1, self.invoice_1.amount_residual - 0.99)
        self.run_at("2024-11-13 07:00:00")
        self.assertFalse(self.suspended("2024-11-13"))

    def test_one_of_two_invoices_is_paid(self):
        second = self.bill(day="2024-10-16")
        self._suspend()
        self.assertEqual(self.episodes().move_ids, self.invoice_1 | second)
        self.pay(self.invoice_1)
        self.assertTrue(self.suspended())
        self.pay(second)
        self.assertFalse(self.suspended())
        self.assertEqual(len(self.reminders()), 1)

    def test_a_credit_note_leaves_it_suspended(self):
        self._suspend()
        with self.at("2024-11-13 06:00:00"):
            self.invoice_1._reverse_moves(cancel=True)
        self.assertEqual(self.invoice_1.payment_state, "reversed")
        self.assertFalse(self.suspended("2024-11-13"))

    def test_an_invoice_taken_back_leaves_it_suspended(self):
        self._suspend()
        self.invoice_1.button_draft()
        self.run_at("2024-11-13 06:00:00")
        self.assertFalse(self.suspended("2024-11-13"))

    def test_a_payment_that_is_undone_is_forgotten(self):
        self._suspend()
        payment = self.pay(self.invoice_1)
        with self.at("2024-11-14 00:00:00"):
            self.invoice_1.line_ids.remove_move_reconcile()
        self.run_at("2024-11-14 00:00:00")
        self.assertEqual(len(self.reminders()), 1, "the money is there")
        with self.at("2024-11-14 00:00:00"):
            self.account.invalidate_recordset()
            self.assertIn("Reconcile", self.account.arrears_next)
        payment.action_draft()
        self.run_at("2024-11-16 00:00:00")
        self.assertEqual(len(self.episodes()), 2)
        self.assertEqual(len(self.reminders()), 2)
        self.run_at("2024-11-17 01:00:00")
        self.assertTrue(self.suspended("2024-11-17"))

    def test_a_payment_that_bounced_has_no_grace(self):
        self._suspend()
        payment = self.pay(self.invoice_1)
        with self.at("2024-11-14 00:00:00"):
            payment.action_cancel()
        self.assertEqual(self.invoice_1.payment_state, "not_paid")
        self.run_at("2024-11-14 00:00:00")
        self.assertEqual(len(self.reminders()), 2)
        self.assertFalse(self.suspended("2024-11-14"), "the grace is a new one")
        self.run_at("2024-11-15 00:00:00")
        self.assertTrue(self.suspended("2024-11-15"))

    def _prepay(self, amount):
        """Post money of the customer that no invoice has taken yet."""
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.customer.id,
                "amount": amount,
                "date": "2024-11-11",
                "journal_id": self.company_data["default_journal_bank"].id,
            }
        )
        payment.action_post()
        return payment

    def test_one_credit_covers_each_account_of_a_customer(self):
        other = self.make_account()
        invoice = self.bill(other)
        payment = self._prepay(invoice.amount_residual)
        accounts = self.account | other
        self.run_at("2024-11-11 00:00:00", accounts)
        self.assertEqual(len(self.episodes() | self.episodes(other)), 2)
        payment.action_draft()
        payment.amount *= 2
        payment.action_post()
        self.run_at("2024-11-13 00:00:00", accounts)
        self.assertFalse(self.suspended("2024-11-13"))

    def test_an_address_brings_a_reminder_of_what_credits_cover(self):
        self.customer.email = False
        self.run_at("2024-11-11 00:00:00")
        self._prepay(self.invoice_1.amount_residual)
        self.customer.email = "found@example.com"
        self.run_at("2024-11-12 00:00:00")
        self.assertFalse(self.reminders())
        with self.at("2024-11-12 00:00:00"):
            self.account.invalidate_recordset()
            self.assertIn("Reconcile", self.account.arrears_next)

    def test_money_that_waits_to_be_reconciled_suspends(self):
        self.run_at("2024-11-11 00:00:00")
        payment = self._prepay(self.invoice_1.amount_residual)
        self.run_at("2024-11-12 00:00:00")
        self.assertFalse(self.suspended())
        with self.at("2024-11-12 00:00:00"):
            self.account.invalidate_recordset()
            self.assertIn("reconcile", self.account.arrears_next)
        payment.action_draft()
        self.run_at("2024-11-12 01:00:00")
        self.assertTrue(self.suspended())

    def test_a_failing_follow_up_refuses_the_payment(self):
        self._suspend()
        with patch.object(
            self.env.registry["trtc.application"], "_on_resumed", side_effect=UserError("No link")
        ):
            self.pay(self.invoice_1)
        self.assertIn(self.invoice_1.payment_state, ("paid", "in_payment"))
        self.assertTrue(self.suspended())
        self.assertIn("No link", self.account.message_ids[0].body)
        self.run_at("2024-11-13 07:00:00")
        self.assertFalse(self.suspended("2024-11-13"))

    # === EXEMPT === #

    def test_the_customer_of_a_reseller_is_suspended(self):
        self.account.arrears_exempt = True
        self.run_at("2024-11-11 00:00:00")
        self.run_at("2024-11-13 00:00:00")
        self.assertFalse(self.episodes())
        self.assertFalse(self.suspended())

    def test_made_exempt_and_still_suspended(self):
        self._suspend()
        manager = self.make_user("manager")
        with self.at("2024-11-13 00:00:00"):
            self.account.with_user(manager).arrears_exempt = True
        self.assertFalse(self.suspended("2024-11-13"))
        self.assertEqual(self.episodes().outcome, "exempt")

    def test_a_tick_that_is_taken_back_sends_a_reminder_at_once(self):
        self.account.arrears_exempt = True
        with self.at("2024-11-12 00:00:00"):
            self.account.with_user(self.make_user("manager")).arrears_exempt = False
        self.assertFalse(self.reminders())
        self.run_at("2024-11-12 01:00:00")
        self.assertTrue(self.reminders())

    # === RIGHTS === #

    def test_a_reader_follows_arrears(self):
        for user in (self.salesperson, self.make_user("operator")):
            with self.at("2024-11-12 00:00:00"), self.assertRaises(AccessError):
                self.account.with_user(user).action_follow_arrears()
        with self.at("2024-11-12 00:00:00"):
            self.account.with_user(self.accountant).action_follow_arrears()
            mine = self.account.with_user(self.salesperson)
            mine.invalidate_recordset()
            self.assertTrue(mine.is_in_arrears)
            self.assertEqual(mine.arrears_amount, self.invoice_1.amount_residual)
            found = mine.search([("is_in_arrears", "=", True)])
            self.assertEqual(found & self.account, self.account)
        with self.assertRaises(AccessError):
            self.episodes().with_user(self.accountant).closed_at = False

    def test_a_customer_reads_how_a_reseller_handles_arrears(self):
        portal = self.make_user("portal", partner_id=self.customer.id)
        self.run_at("2024-11-11 00:00:00")
        account = self.account.with_user(portal)
        with self.assertRaises(AccessError):
            account.read(["arrears_exempt"])
        with self.assertRaises(AccessError):
            self.env["trtc.arrears"].with_user(portal).search([])

    # === SEARCH === #

    def test_filters_of_the_list_find_others(self):
        self.make_account()
        accounts = self.env["trtc.account"].with_user(self.salesperson)
        self._suspend()
        with self.at("2024-11-12 00:00:00"):
            late = accounts.search([("is_in_arrears", "=", True)])
            self.assertEqual(late, self.account)
            rest = accounts.search([("is_in_arrears", "=", False)])
            self.assertEqual(late | rest, accounts.search([]))
            self.assertNotIn(self.account, rest)
        open_now = [("reason", "=", "arrears"), ("date_end", "=", False)]
        domain = [("application_ids.suspension_ids", "any", open_now)]
        self.assertEqual(accounts.search(domain), self.account)
