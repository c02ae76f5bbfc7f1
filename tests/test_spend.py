import logging
from decimal import Decimal

from freezegun import freeze_time
from psycopg2.errors import UniqueViolation

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import TrtcCommon

_logger = logging.getLogger(__name__)


@tagged("post_install", "-at_install")
class TestSpend(TrtcCommon):
    """Usage in money, per calendar month: 1 USD a minute of HD here."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.contract = cls.make_pricelist({"av_hd": 1})
        cls.salesperson = cls.make_user("reader")
        cls.customer.lang = "en_US"
        cls.account.write({"pricelist_id": cls.contract.id, "user_id": cls.salesperson.id})
        cls.account.spend_budget = 100
        cls.alerts = cls.make_alerts(75, 90, 100)

    @classmethod
    def make_alerts(cls, *percents, account=None, **vals):
        return cls.env["trtc.spend.alert"].create(
            [
                {"account_id": (account or cls.account).id, "value": percent, **vals}
                for percent in percents
            ]
        )

    def use(self, minutes, day="2024-10-10", application=None):
        """Use minutes on a day and settle; return what was announced by that."""
        known = self.crossings()
        record = self.usage("av_hd", minutes * 60, day, application)
        self.settle("2024-11-30")
        self.used = record
        return self.crossings() - known

    def crossings(self):
        return self.env["trtc.spend.crossing"].search([("alert_id", "!=", False)])

    def notes(self, summary="Spend alert", account=None):
        activities = (account or self.account).activity_ids.sorted("id")
        return [one.note for one in activities.filtered(lambda one: one.summary == summary)]

    # === MARKS === #

    def test_the_salesperson_hears_too_late(self):
        self.assertFalse(self.use(74))
        self.assertEqual(self.use(1).alert_id, self.alerts[0])
        self.assertIn("October 2024", self.notes()[0])
        self.assertIn("75", self.notes()[0])
        self.assertFalse(self.use(14))
        self.assertEqual(self.use(20).alert_id, self.alerts[1:])
        self.assertEqual(len(self.notes()), 2, "of two marks at once the higher one is told")
        self.assertIn("100 % of the budget", self.notes()[1])
        self.assertEqual(self.account.activity_ids.user_id, self.salesperson)

    def test_a_fraction_of_a_cent_crosses_the_mark(self):
        prices = self.make_pricelist({"av_hd": "0.00000001"})
        account = self.make_account(pricelist_id=prices.id)
        application = self.make_application(account)
        alert = self.make_alerts("0.00000990", account=account, basis="amount")
        self.assertFalse(self.use(989, application=application))
        self.assertEqual(self.use(1, application=application).alert_id, alert)

    def test_a_restatement_is_announced_twice(self):
        self.assertEqual(len(self.use(80)), 1)
        record = self.record("av_hd", 60, "2024-10-10")
        record["id"] = self.used.external_id
        self.ingest(record)
        self.settle("2024-11-30")
        self.assertEqual(self.total("amount"), 1)
        self.assertFalse(self.use(80))
        self.assertEqual(len(self.notes()), 1)

    def test_each_month_is_announced_once(self):
        self.assertEqual(len(self.use(80)), 1)
        late = self.use(80, day="2024-11-10")
        self.assertEqual(str(late.month), "2024-11-01")
        self.assertEqual(len(self.notes()), 2)

    def test_late_usage_alerts_for_the_wrong_month(self):
        self.use(50, day="2024-11-10")
        self.use(70, day="2024-10-10")
        late = self.use(10, day="2024-10-31")
        self.assertEqual(str(late.month), "2024-10-01")
        self.assertIn("October", self.notes()[0])

    def test_a_raised_budget_is_silent_for_the_rest_of_the_month(self):
        self.assertEqual(len(self.use(80)), 1)
        self.account.spend_budget = 200
        self.assertFalse(self.use(50))
        self.assertEqual(self.use(20).limit_amount, 150)

    def test_fees_and_taxes_count_as_usage(self):
        self.env["trtc.commitment"].create(
            {"account_id": self.account.id, "amount": 500, "date_start": "2024-10-01"}
        )
        self.assertFalse(self.use(10))
        self.assertTrue(self.account.fee_ids)

    def test_usage_of_another_application_counts(self):
        other = self.make_application()
        other.spend_budget = 10
        alert = self.make_alerts(100, application_id=other.id)
        self.assertFalse(self.use(50))
        self.assertEqual(self.use(10, application=other).alert_id, alert)
        self.assertIn(other.name, self.notes()[0])

    def test_an_alert_by_amount_needs_a_budget(self):
        self.account.spend_budget = 0
        self.alerts.unlink()
        alert = self.make_alerts(30, basis="amount")
        self.assertEqual(self.use(30).alert_id, alert)

    def test_a_year_of_old_usage_makes_a_year_of_mail(self):
        """All that one run reaches is one activity."""
        for month in range(1, 10):
            self.usage("av_hd", 200 * 60, f"2024-0{month}-10")
        self.use(1)
        self.assertEqual(len(self.notes()), 1)
        self.assertEqual(len(self.crossings()), 27)

    # === WHO IS TOLD === #

    @freeze_time("2024-11-20 10:00:00")
    def test_the_customer_is_told_unasked(self):
        self.use(80)
        self.assertFalse(self.account.message_ids.filtered("partner_ids"))
        self.alerts.notify_customer = True
        self.use(30)
        message = self.account.message_ids.filtered("partner_ids").ensure_one()
        self.assertEqual(message.partner_ids, self.customer)
        self.assertIn("100 % of the budget", message.body)
        self.assertIn("October 2024", message.subject)

    def test_a_new_customer_is_told_of_months_long_past(self):
        self.alerts.notify_customer = True
        with freeze_time("2024-11-20 10:00:00"):
            for month in ("07", "08", "09"):
                self.usage("av_hd", 200 * 60, f"2024-{month}-10")
            self.use(200)
        self.assertEqual(len(self.crossings()), 12)
        self.assertIn("July", self.notes()[0])
        message = self.account.message_ids.filtered("partner_ids").ensure_one()
        self.assertIn("October 2024", message.subject)

    def test_nobody_is_told_where_there_is_no_salesperson(self):
        self.account.user_id = False
        self.use(80)
        self.assertIn("75", self.account.message_ids[0].body)
        self.assertFalse(self.account.message_ids[0].partner_ids)

    # === VALUES === #

    def test_a_percentage_of_nothing(self):
        account = self.make_account()
        with self.assertRaisesRegex(ValidationError, "no monthly budget"):
            self.make_alerts(50, account=account)
        with self.assertRaisesRegex(ValidationError, "another account"):
            self.make_alerts(
                50, application_id=self.make_application(account).id, basis="amount"
            )

    def test_a_first_budget_without_alerts(self):
        account = self.make_account()
        manager = self.make_user("manager")
        with Form(account.with_user(manager)) as form:
            form.spend_budget = 1000
        self.assertEqual(account.spend_alert_ids.mapped("value"), [75, 90, 100])
        with Form(account.with_user(manager)) as form:
            form.spend_budget = 2000
        self.assertEqual(len(account.spend_alert_ids), 3)

    def test_the_spend_of_this_month_is_that_of_another_time_zone(self):
        self.use(40, day="2024-10-31")
        for moment, this, last in (
            ("2024-10-31 15:59:59", 40, 0),
            ("2024-10-31 16:00:00", 0, 40),
        ):
            with freeze_time(moment):
                account = self.account.with_user(self.salesperson)
                account.invalidate_recordset()
                self.assertEqual(account.spend_this_month, this)
                self.assertEqual(account.spend_last_month, last)
                self.assertEqual(account.spend_percent, this)

    # === THE OFFER OF A CONTRACT === #

    def _list_account(self, **vals):
        account = self.make_account(user_id=self.salesperson.id, **vals)
        return account, self.make_application(account)

    def test_a_contract_is_offered_each_month(self):
        account, application = self._list_account()
        price = float(Decimal("0.00399"))
        enough = int(3000 / price) + 1
        self.use(enough - 2, application=application)
        self.assertFalse(self.notes("Offer a contract", account))
        self.use(3, application=application)
        self.assertEqual(len(self.notes("Offer a contract", account)), 1)
        self.assertIn("3,000", self.notes("Offer a contract", account)[0])
        self.use(enough, day="2024-11-10", application=application)
        self.assertEqual(len(self.notes("Offer a contract", account)), 1, "once a year")
        self.use(enough, day="2023-12-10", application=application)
        self.assertEqual(len(self.notes("Offer a contract", account)), 2)
        self.assertFalse(account.message_ids.filtered("partner_ids"), "never to the customer")

    def test_a_contract_is_offered_to_who_has_one(self):
        self.use(5000)
        self.assertFalse(self.notes("Offer a contract"))

    def test_the_mark_is_taken_for_yuan(self):
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
        account, application = self._list_account(pricelist_id=self.pricelist_cny.id)
        self.use(3_000_000, application=application)
        per_minute = self.total("amount", of=account) / 3_000_000
        self.assertGreater(per_minute * 3_000_000, 21_000)
        self.assertEqual(len(self.notes("Offer a contract", account)), 1)
        other, application = self._list_account(pricelist_id=self.pricelist_cny.id)
        self.use(int(20_990 / per_minute), application=application)
        self.assertFalse(self.notes("Offer a contract", other))

    def test_no_offer_where_it_is_switched_off(self):
        self.company.trtc_offer_amount = 0
        account, application = self._list_account()
        self.use(2_000_000, application=application)
        self.assertFalse(self.notes("Offer a contract", account))

    # === RIGHTS === #

    def test_a_stranger_reads_or_changes_budgets(self):
        portal = self.make_user("portal", partner_id=self.customer.id)
        self.use(80)
        for name in ("trtc.spend.alert", "trtc.spend.crossing"):
            with self.assertRaises(AccessError):
                self.env[name].with_user(portal).search([])
        for record, field in ((self.account, "spend_budget"), (self.application, "spend_budget")):
            with self.assertRaises(AccessError):
                record.with_user(portal).read([field])
        accountant = self.make_user("accountant")
        with self.assertRaises(AccessError):
            self.alerts.with_user(accountant).write({"value": 10})
        with self.assertRaises(AccessError):
            self.crossings().with_user(self.make_user("manager")).unlink()
        theirs = self.setup_other_company(name="Theirs")["company"]
        stranger = self.make_user("manager", theirs)
        for name in ("trtc.spend.alert", "trtc.spend.crossing"):
            self.assertFalse(self.env[name].with_user(stranger).search([]))

    def test_the_database_keeps_two_announcements(self):
        crossing = self.use(80)
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.cr.savepoint():
            crossing.sudo().copy().flush_recordset()

    # === COST === #

    def test_each_alert_costs_a_query(self):
        counts = []
        for number in (1, 30):
            account = self.make_account(
                pricelist_id=self.contract.id,
                spend_budget=100,
                spend_alert_ids=[
                    Command.create({"value": 200 + value}) for value in range(number)
                ],
            )
            application = self.make_application(account)
            statements = account.settle("2024-09-30")
            self.usage("av_hd", 6000, "2024-10-10", application)
            statements = account.settle("2024-10-31")
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            account.sudo()._follow_spend(statements.sudo())
            counts.append(self.cr.sql_log_count - before)
        _logger.info("queries to look at 1 and 30 alerts: %s", counts)
        self.assertLessEqual(counts[1], counts[0])
