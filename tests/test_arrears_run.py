import logging
from unittest.mock import patch

from psycopg2.errors import UniqueViolation

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .arrears import ArrearsCommon

_logger = logging.getLogger(__name__)


@tagged("post_install", "-at_install")
class TestArrearsRun(ArrearsCommon):
    """The hourly run: many accounts, companies and currencies."""

    def _run_cron(self, moment):
        self.env.flush_all()
        with self.at(moment), self.enter_registry_test_mode():
            self.env.ref("trtc_billing.ir_cron_arrears").method_direct_trigger()
        self.env.invalidate_all()

    def test_the_run_forgets_an_account(self):
        other = self.make_account(user_id=self.salesperson.id)
        self.bill(other)
        self._run_cron("2024-11-11 00:00:00")
        self._run_cron("2024-11-11 01:00:00")
        self.assertEqual((len(self.reminders()), len(self.reminders(other))), (1, 1))
        self._run_cron("2024-11-12 00:00:00")
        self.assertTrue(self.suspended())
        self.assertTrue(self.suspended(application=other.application_ids))

    def test_an_archived_account_owes_nothing(self):
        self.account.active = False
        self._run_cron("2024-11-11 00:00:00")
        self.assertEqual(len(self.reminders()), 1)

    def test_one_account_stops_the_others(self):
        other = self.make_account(user_id=self.salesperson.id)
        self.bill(other)
        Arrears = self.env.registry["trtc.arrears"]
        remind = Arrears._remind

        def failing(error):
            def fail(episode):
                if episode.account_id == self.account:
                    raise error
                return remind(episode)

            return fail

        for error in (UserError("No mail server"), ValueError("Broken")):
            with (
                patch.object(Arrears, "_remind", failing(error)),
                mute_logger("odoo.addons.trtc_billing.models.trtc_account_remind"),
            ):
                self._run_cron("2024-11-11 00:00:00")
                self._run_cron("2024-11-11 01:00:00")
            self.assertEqual(len(self.reminders(other)), 1)
            self.assertFalse(self.episodes())
        told = self.account.message_ids.filtered(lambda one: "not followed up" in one.body)
        self.assertEqual(len(told), 1, "once a day")
        self.assertIn("No mail server", told.body)
        self._run_cron("2024-11-11 02:00:00")
        self.assertEqual(len(self.reminders()), 1)

    def test_an_account_that_is_being_billed_is_waited_for(self):
        with patch.object(
            self.env.registry["trtc.account"], "_lock_for_billing", lambda _account: False
        ):
            self._run_cron("2024-11-11 00:00:00")
        self.assertFalse(self.episodes())

    def test_two_runs_at_once_open_two_episodes(self):
        self.run_at("2024-11-11 00:00:00")
        episode = self.episodes()
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.cr.savepoint():
            episode.copy().flush_recordset()

    def test_each_account_costs_a_query(self):
        counts = []
        for number in (1, 12):
            for _n in range(number):
                self.bill(self.make_account())
            self.env.flush_all()
            self.env.invalidate_all()
            accounts = self.env["trtc.account"].sudo().search([])
            with self.at("2024-11-11 00:00:00"):
                before = self.cr.sql_log_count
                self.assertEqual(len(accounts._filter_arrears_to_follow()), len(accounts))
                counts.append(self.cr.sql_log_count - before)
        _logger.info("queries to find what is to do for 2 and 14 accounts: %s", counts)
        self.assertLessEqual(counts[1], counts[0])

    # === COMPANIES === #

    def test_another_company_goes_by_the_rules_of_this_one(self):
        company = self.setup_other_company(name="Theirs")["company"]
        company.write({"trtc_billing_tz": "America/New_York", "trtc_arrears_policy": "remind"})
        self.env.user.company_ids += company
        env = self.env(context={"allowed_company_ids": company.ids})
        account = env["trtc.account"].create(
            {
                "name": "Theirs",
                "uin": "300000000001",
                "partner_id": self.customer.id,
                "company_id": company.id,
                "pricelist_id": self.pricelist_usd.id,
                "free_policy_id": False,
            }
        )
        application = self.make_application(account)
        env["trtc.usage"].ingest([self.record("av_hd", 600_000, "2024-10-15", application)])
        account.settle("2024-10-31")
        move = account.create_invoices("2024-10-31")
        move.write({"invoice_date": "2024-11-01", "invoice_payment_term_id": False})
        move.invoice_date_due = "2024-11-10"
        move.action_post()
        for moment, open_here, open_there in (
            ("2024-11-10 16:30:00", 1, 0),
            ("2024-11-11 05:00:00", 1, 1),
            ("2024-11-13 00:00:00", 1, 1),
        ):
            self._run_cron(moment)
            self.assertEqual(len(self.episodes()), open_here, moment)
            self.assertEqual(len(self.episodes(account)), open_there, moment)
        self.assertTrue(self.suspended())
        self.assertFalse(self.suspended(application=application))
        reader = self.make_user("reader")
        mine = self.env["trtc.arrears"].with_user(reader).search([])
        self.assertEqual(mine.account_id, self.account)

    # === CURRENCIES === #

    def test_a_rounding_difference_is_chased(self):
        """Paid in another currency: what is left in the company's own is no debt."""
        cny = self.env.ref("base.CNY")
        cny.active = True
        self.env["res.currency.rate"].create(
            {
                "currency_id": cny.id,
                "name": "2024-01-01",
                "rate": 7.0,
                "company_id": self.company.id,
            }
        )
        account = self.make_account(
            pricelist_id=self.make_pricelist({"av_hd": 1.0}, currency=cny).id,
            user_id=self.salesperson.id,
        )
        move = self.bill(account, minutes=1_003)
        self.assertEqual(move.currency_id, cny)
        self.run_at("2024-11-11 00:00:00", account)
        self.assertEqual(self.episodes(account).currency_id, cny)
        self.assertEqual(self.episodes(account).amount, move.amount_residual)
        self.run_at("2024-11-12 00:00:00", account)
        self.assertTrue(self.suspended(application=account.application_ids))
        with self.at("2024-11-13 00:00:00"):
            self.env["account.payment.register"].with_context(
                active_model="account.move", active_ids=move.ids
            ).create(
                {
                    "payment_date": fields.Date.to_date("2024-11-13"),
                    "currency_id": self.company.currency_id.id,
                }
            )._create_payments()
        self.assertIn(move.payment_state, ("paid", "in_payment"))
        self.assertFalse(self.suspended(application=account.application_ids))
