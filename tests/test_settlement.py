import json
import random
from datetime import date, timedelta
from decimal import Decimal
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import TrtcCommon


def days(first, last):
    """Return every day from ``first`` to ``last`` as ISO strings."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


@tagged("post_install", "-at_install")
class TestSettlement(TrtcCommon):
    # === PERIODS === #

    def test_a_day_is_settled_before_it_is_over(self):
        self.usage("av_hd", 60, "2024-10-31T23:59:59+08:00")
        with freeze_time("2024-10-31 15:59:59"):
            self.assertFalse(self.settle("2024-10-31"))
            self.assertFalse(self.settle("2024-12-31"))
        with freeze_time("2024-10-31 16:00:00"):
            statement = self.settle("2024-10-31")
        self.assertEqual(statement.date_from, date(2024, 10, 31))
        self.assertEqual(statement.date_to, date(2024, 10, 31))

    def test_a_day_ends_at_midnight_utc_for_everybody(self):
        self.usage("av_hd", 60, "2024-10-31T16:00:00Z")
        self.settle("2024-10-31")
        self.assertFalse(self.lines())
        self.settle("2024-11-01")
        self.assertEqual(self.lines().date, date(2024, 11, 1))

    def test_a_company_elsewhere_is_settled_by_the_clock_of_shanghai(self):
        self.env.company.trtc_billing_tz = "America/Los_Angeles"
        self.usage("av_hd", 60, "2024-10-31T23:00:00")
        with freeze_time("2024-11-01 06:59:59"):
            self.assertFalse(self.settle("2024-10-31"))
        with freeze_time("2024-11-01 07:00:00"):
            self.assertTrue(self.settle("2024-10-31"))

    def test_a_day_of_23_or_25_hours_is_cut(self):
        self.env.company.trtc_billing_tz = "Europe/Berlin"
        for moment in ("2024-10-26T23:30:00+02:00", "2024-10-27T23:30:00+01:00"):
            self.usage("av_hd", 60, moment)
        with freeze_time("2024-10-27 22:59:59"):
            self.settle("2024-10-31")
        self.assertEqual(self.lines().mapped("date"), [date(2024, 10, 26)])
        with freeze_time("2024-10-27 23:00:00"):
            self.settle("2024-10-31")
        self.assertEqual(self.lines().sorted("date").mapped("date")[1:], [date(2024, 10, 27)])

    def test_a_month_is_settled_before_it_is_over(self):
        self.usage("relay_bandwidth", 1000, "2024-10-02")
        self.usage("av_hd", 60, "2024-10-02")
        with freeze_time("2024-10-31 15:59:59"):
            self.assertEqual(self.settle("2024-10-31").cycle, "day")
        self.assertFalse(self.settle("2024-10-30"))
        with freeze_time("2024-10-31 16:00:00"):
            statement = self.settle("2024-10-31")
        self.assertEqual(statement.cycle, "month")
        self.assertEqual(statement.date_from, date(2024, 10, 1))
        self.assertEqual(statement.date_to, date(2024, 10, 31))

    def test_usage_of_the_29th_of_february_is_lost(self):
        self.usage("relay_bandwidth", 1000, "2024-02-29")
        self.usage("av_hd", 60, "2024-02-29")
        self.assertEqual(len(self.settle("2024-02-29")), 2)

    def test_days_after_until_are_settled(self):
        for day in days("2024-10-01", "2024-10-05"):
            self.usage("av_hd", 60, day)
        self.settle("2024-10-03")
        self.assertEqual(max(self.lines().mapped("date")), date(2024, 10, 3))
        self.settle(date(2024, 10, 4))
        self.assertEqual(max(self.lines().mapped("date")), date(2024, 10, 4))

    def test_three_months_of_neglect_leave_a_gap(self):
        every = days("2024-08-01", "2024-10-31")
        self.ingest(*(self.record("av_hd", 90, day) for day in every))
        self.ingest(*(self.record("relay_bandwidth", 500, day) for day in every))
        statements = self.settle("2024-10-31")
        self.assertEqual(len(statements.filtered(lambda s: s.cycle == "day")), len(every))
        months = statements.filtered(lambda s: s.cycle == "month").sorted("date_from")
        self.assertEqual(
            months.mapped("name"),
            [f"{self.account.uin}/2024-{month}" for month in ("08", "09", "10")],
        )
        self.assertFalse(any(statements.mapped("is_adjustment")))
        self.assertEqual(self.total("quantity", item="av_hd"), 2 * len(every))
        self.assert_books()

    # === ONCE === #

    def test_a_second_click_settles_everything_again(self):
        self.usage("av_hd", 61, "2024-10-01")
        self.assertEqual(len(self.settle("2024-10-31")), 1)
        self.assertFalse(self.settle("2024-10-31"))
        self.assertFalse(self.settle("2025-10-31"))
        self.assertEqual(self.total("quantity"), 2)

    def test_an_account_without_usage_gets_empty_statements(self):
        self.assertFalse(self.settle("2024-10-31"))
        self.usage("av_hd", 0, "2024-10-01")
        self.assertFalse(self.settle("2024-10-31"))

    def test_a_file_sent_twice_is_billed_twice(self):
        records = [
            self.record(item, 37 * n, f"2024-10-{n:02}")
            for item in ("av_hd", "av_audio", "rec_hd")
            for n in range(1, 29)
        ]
        self.ingest(*records)
        self.settle("2024-10-31")
        before = self.total("amount")
        result = self.ingest(*records)
        self.assertEqual((result["accepted"], result["duplicate"]), (0, len(records)))
        self.assertFalse(self.settle("2024-10-31"))
        half = [{**record, "quantity": record["quantity"] * 2} for record in records[::2]]
        self.assertEqual(self.ingest(*half)["restated"], len(half))
        self.settle("2024-10-31")
        self.assert_books()
        for record in records[::2]:
            self.ingest(record)
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), before)
        self.assert_books()

    def test_a_day_in_300_pieces_is_rounded_300_times(self):
        shuffled = random.Random(1)
        seconds = [shuffled.randint(1, 90) for _n in range(300)]
        whole = self.make_account()
        one = self.make_application(whole)
        self.usage("av_hd", sum(seconds), "2024-10-01", one)
        pieces = [self.record("av_hd", s, "2024-10-01") for s in seconds]
        shuffled.shuffle(pieces)
        for start in range(0, 300, 60):
            self.ingest(*pieces[start : start + 60])
            self.settle("2024-10-31")
        for measure in ("metered_quantity", "quantity", "billable_quantity", "amount"):
            self.assertEqual(self.total(measure), self.total(measure, of=whole), measure)
        self.assert_books()

    def test_the_order_of_arrival_changes_the_bill(self):
        later = self.make_application()
        contract = self.make_pricelist({"av_hd": [(0, "0.01"), (50, "0.008"), (200, "0.005")]})
        contract.trtc_graduated = True
        other = self.make_account(pricelist_id=contract.id)
        self.account.pricelist_id = contract
        twins = {
            self.application: self.make_application(other),
            later: self.make_application(other),
        }
        shuffled = random.Random(2)
        facts = [
            (application, shuffled.randint(1, 2000), f"2024-10-{shuffled.randint(1, 28):02}")
            for application in twins
            for _n in range(40)
        ]
        for application, seconds, day in facts:
            self.usage("av_hd", seconds, day, application)
        self.settle("2024-10-31", self.account)
        shuffled.shuffle(facts)
        for position, (application, seconds, day) in enumerate(facts):
            self.usage("av_hd", seconds, day, twins[application])
            if position % 9 == 0:
                self.settle("2024-10-31", other)
        self.settle("2024-10-31", other)
        self.assertEqual(self.total("amount"), self.total("amount", of=other))
        for application, twin in twins.items():
            self.assertEqual(
                self.total("amount", application=application),
                self.total("amount", of=other, application=twin),
            )
        self.assert_books()

    # === WHO AND WHOSE === #

    def test_settling_all_leaves_an_account_out_or_takes_a_foreign_one(self):
        second = self.make_account()
        foreign_company = self.env["res.company"].create({"name": "Foreign"})
        foreign = self.make_account(company_id=foreign_company.id)
        places = {self.account: self.application, second: self.make_application(second)}
        for application in places.values():
            self.usage("av_hd", 60, "2024-10-01", application)
        there = self.make_application(foreign)
        record = self.record("av_hd", 60, "2024-10-01", there)
        self.env["trtc.usage"].with_company(foreign_company).ingest([record], "test")
        accountant = self.make_user("accountant")
        statements = self.env["trtc.account"].with_user(accountant).settle("2024-10-31")
        self.assertEqual(statements.account_id, self.account | second)
        with self.assertRaises(AccessError):
            foreign.with_user(accountant).settle("2024-10-31")
        self.assertFalse(self.lines(of=foreign))

    def test_somebody_settles_without_the_right_to(self):
        self.make_users()
        self.usage("av_hd", 60, "2024-10-01")
        for role in ("reader", "operator", "api_sender", "portal", "employee"):
            with self.subTest(role=role):
                accounts = self.account.with_user(getattr(self, f"user_{role}"))
                with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
                    accounts.settle("2024-10-31")
                with self.assertRaises(AccessError):
                    accounts.browse().settle("2024-10-31")
                with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
                    accounts.create_invoices("2024-10-31")
        self.assertFalse(self.lines())
        for role in ("accountant", "manager"):
            user = getattr(self, f"user_{role}")
            self.usage("av_hd", 60, "2024-10-02")
            self.assertTrue(self.account.with_user(user).settle("2024-10-31"))

    # === WHAT IS WRITTEN DOWN === #

    def test_a_settled_line_is_edited(self):
        self.usage("av_hd", 60, "2024-10-01")
        statement = self.settle("2024-10-31")
        with self.assertRaises(UserError):
            statement.line_ids.amount = 0
        with self.assertRaises(UserError):
            statement.line_ids.unlink()
        with self.assertRaises(UserError):
            statement.unlink()

    def test_a_line_does_not_say_how_it_came_to_be(self):
        self.usage("av_hd", 50, "2024-10-01")
        self.usage("av_hd", 11, "2024-10-01")
        line = self.settle("2024-10-31").line_ids
        self.assertEqual(line.metered_quantity, 61)
        self.assertEqual((line.quantity, line.price_unit, line.amount), (2, 0.00399, 0.00798))
        self.assertEqual(line.trace["records"], 2)
        rule = self.env["product.pricelist.item"].browse(line.trace["price_rule"]["id"])
        self.assertEqual(rule.product_id, line.item_id.product_id)
        self.assertTrue(line.explanation)
        self.assertEqual(len(line._get_usages()), 2)

    def test_a_killed_run_leaves_half_a_settlement(self):
        """An error after the statements leaves the notes: the next run does it all."""
        self.usage("av_hd", 60, "2024-10-01")
        notes = type(self.env["trtc.settlement.note"])
        broken = patch.object(notes, "_work_off", side_effect=ZeroDivisionError)
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint(), broken:
            self.settle("2024-10-31")
        self.assertFalse(self.lines())
        self.assertEqual(len(self.settle("2024-10-31")), 1)

    def test_settling_an_earlier_day_again_forgets_the_volume_of_later_ones(self):
        contract = self.make_pricelist({"av_hd": [(0, "0.01"), (100, "0.005")]})
        self.account.pricelist_id = contract
        for day in ("2024-10-05", "2024-10-20"):
            self.usage("av_hd", 60, day, unit="min")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("0.6"))
        self.usage("av_hd", 10, "2024-10-05", unit="min")
        self.settle("2024-10-10")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("0.65"))
        self.assert_books()


@tagged("post_install", "-at_install")
class TestSettlementOverHttp(TrtcCommon, HttpCase):
    def _call(self, user, model, method, **params):
        tomorrow = fields.Datetime.now() + timedelta(days=1)
        key = self.env["res.users.apikeys"].with_user(user)._generate("rpc", "test", tomorrow)
        return self.url_open(
            f"/json/2/{model}/{method}",
            data=json.dumps(params),
            headers={"Authorization": f"bearer {key}", "Content-Type": "application/json"},
        )

    def test_a_program_gets_no_ids_of_what_it_settled(self):
        accountant = self.make_user("manager")
        self.usage("av_hd", 600, "2024-10-01")
        response = self._call(accountant, "trtc.account", "settle", ids=[], until="2024-10-31")
        self.assertEqual(response.status_code, 200, response.text)
        self.assertEqual(response.json(), self.lines().statement_id.ids)
        response = self._call(
            accountant, "trtc.account", "create_invoices", ids=self.account.ids, until="2024-10-31"
        )
        self.assertEqual(response.status_code, 200, response.text)
        move = self.env["account.move"].search([("trtc_account_id", "=", self.account.id)])
        self.assertEqual(response.json(), move.ids)
        self.assertEqual(move.amount_untaxed, 0.04)

    def test_a_program_settles_without_the_right_to(self):
        sender = self.make_user("api_sender")
        self.usage("av_hd", 600, "2024-10-01")
        with mute_logger("odoo.http"):
            response = self._call(sender, "trtc.account", "settle", ids=[], until="2024-10-31")
        self.assertEqual(response.status_code, 403, response.text)
        self.assertFalse(self.lines())
