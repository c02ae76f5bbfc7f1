from datetime import date, timedelta

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import TrtcCommon


class PricelistHistoryCommon(TrtcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.old = cls.make_pricelist({"av_hd": 0.5, "av_2k": 1})
        cls.new = cls.make_pricelist({"av_hd": 0.4, "av_2k": 0.8})
        cls.account.pricelist_id = cls.old

    @classmethod
    def _use(cls, *days, item="av_hd"):
        for day in days:
            cls.usage(item, 10, day, unit="min")

    def _history(self):
        return [
            (str(row.date_start or ""), row.pricelist_id)
            for row in self.account.pricelist_history_ids.sorted(lambda r: r._get_first_day())
        ]

    def _row(self, day, pricelist=None, **vals):
        return self.env["trtc.account.pricelist"].create(
            {
                "account_id": self.account.id,
                "date_start": day,
                "pricelist_id": (pricelist or self.new).id,
                **vals,
            }
        )

    def _in_force(self, day):
        return self.account._get_pricelist(date.fromisoformat(day))


@tagged("post_install", "-at_install")
class TestPricelistHistory(PricelistHistoryCommon):
    """Which pricelist an account has on which day."""

    # === RECORDING === #

    def test_an_account_without_statements_collects_history(self):
        self._use("2024-10-10")
        self.account.pricelist_id = self.new
        self.assertFalse(self._history())
        self.assertEqual(self._in_force("2024-10-10"), self.new)

    def test_another_list_takes_settled_days(self):
        self._use("2024-10-10", "2024-10-20")
        self.settle("2024-10-31")
        self.account.pricelist_id = self.new
        self.assertEqual(self._history(), [("", self.old), ("2024-10-21", self.new)])
        self.assertEqual(self.account.pricelist_id, self.new)
        self.assertEqual(self._in_force("2000-01-01"), self.old)
        self.assertEqual(self._in_force("2024-10-20"), self.old)
        self.assertEqual(self._in_force("2024-10-21"), self.new)
        self.assertFalse(self.env["trtc.settlement.note"].search([]))

    def test_a_settled_month_does_not_count_for_the_first_open_day(self):
        self.subscribe(self.application, "trial", "2024-01-01")
        self._use("2024-10-10")
        self.usage("screenshot_terminal", 30_000, "2024-10-02")
        self.settle("2024-10-31")
        self.account.pricelist_id = self.new
        self.assertEqual(self._history()[-1], ("2024-11-01", self.new))

    def test_the_same_list_makes_history(self):
        self._use("2024-10-10")
        self.settle("2024-10-31")
        self.account.pricelist_id = self.old
        self.account.write({"pricelist_id": self.old.id, "name": "Renamed"})
        self.assertFalse(self._history())

    def test_a_list_of_an_hour_stays_in_the_history(self):
        self._use("2024-10-10")
        self.settle("2024-10-31")
        self.account.pricelist_id = self.new
        third = self.make_pricelist({"av_hd": 0.1})
        self.account.pricelist_id = third
        self.assertEqual(self._history(), [("", self.old), ("2024-10-11", third)])

    def test_a_list_that_began_since_hides_the_one_that_is_set(self):
        self._use("2024-10-10")
        self.settle("2024-10-31")
        self._row("2024-10-15")
        self.assertEqual(self.account.pricelist_id, self.new)
        third = self.make_pricelist({"av_hd": 0.1})
        self.account.pricelist_id = third
        self.assertEqual(self._history(), [("", self.old), ("2024-10-11", third)])
        self.assertEqual(self.account.pricelist_id, third)

    def test_a_list_that_is_set_drops_what_is_planned(self):
        self._use("2024-10-10")
        self.settle("2024-10-31")
        today = self.env.company._trtc_today()
        planned = today + timedelta(days=30)
        self._row(planned)
        self.assertEqual(self.account.pricelist_id, self.old)
        third = self.make_pricelist({"av_hd": 0.1})
        self.account.pricelist_id = third
        self.assertEqual(
            self._history(), [("", self.old), ("2024-10-11", third), (str(planned), self.new)]
        )
        self.assertEqual(self.account._get_pricelist(planned), self.new)

    def test_a_planned_list_never_begins(self):
        today = self.env.company._trtc_today()
        row = self._row(today + timedelta(days=1))
        self.account._cron_refresh_pricelists()
        self.assertEqual(self.account.pricelist_id, self.old)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE trtc_account_pricelist SET date_start = %s WHERE id = %s", [today, row.id]
        )
        self.env.invalidate_all()
        self.env.ref("trtc_billing.cron_refresh_pricelists").ir_actions_server_id.run()
        self.assertEqual(self.account.pricelist_id, self.new)
        self.assertEqual(self._history(), [("", self.old), (str(today), self.new)])

    def test_a_first_row_takes_the_days_before_it(self):
        self._row("2024-10-15")
        self.assertEqual(self._history(), [("", self.old), ("2024-10-15", self.new)])
        self.assertEqual(self.account.pricelist_id, self.new, "it is in force today")

    def test_days_before_all_rows_have_no_list(self):
        self._row("2024-10-15")
        self.account.pricelist_history_ids.filtered(lambda row: not row.date_start).unlink()
        self.assertEqual(self._in_force("2024-10-01"), self.new)
        self.account.pricelist_history_ids.unlink()
        self.assertEqual(self._in_force("2024-10-01"), self.new)

    # === GUARDS === #

    def test_two_lists_begin_on_one_day(self):
        self._row("2024-10-15")
        for day in ("2024-10-15", False):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(IntegrityError),
                self.env.cr.savepoint(),
            ):
                self._row(day)
                self.env.flush_all()
            self.env.invalidate_all()

    def test_a_day_of_another_currency(self):
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self._row("2024-10-15", self.pricelist_cny)
        self._row("2024-10-15")
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.account.pricelist_id = self.pricelist_cny

    def test_the_currency_of_a_list_of_the_past_changes(self):
        self._use("2024-10-10")
        self.settle("2024-10-31")
        self.account.pricelist_id = self.new
        with self.assertRaisesRegex(Exception, "cannot change any more"), self.env.cr.savepoint():
            self.old.currency_id = self.env.ref("base.EUR")

    def test_a_list_of_the_past_is_deleted(self):
        self._use("2024-10-10")
        self.settle("2024-10-31")
        self.account.pricelist_id = self.new
        with self.assertRaisesRegex(UserError, "settled at prices that depend on"):
            self.old.unlink()

    @mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
    def test_someone_else_than_a_manager_dates_a_list(self):
        self.make_users()
        row = self._row("2024-10-15")
        for role in ("reader", "operator", "accountant", "api_sender", "portal", "employee"):
            rows = self.env["trtc.account.pricelist"].with_user(getattr(self, f"user_{role}"))
            values = {
                "account_id": self.account.id,
                "pricelist_id": self.old.id,
                "date_start": "2024-10-20",
            }
            for change in (
                lambda rows=rows, values=values: rows.create(values),
                lambda rows=rows: rows.browse(row.id).write({"date_start": "2024-10-01"}),
                lambda rows=rows: rows.browse(row.id).unlink(),
            ):
                with (
                    self.subTest(role=role),
                    self.assertRaises(AccessError),
                    self.env.cr.savepoint(),
                ):
                    change()
        portal = self.account.with_user(self.user_portal)
        with self.assertRaises(AccessError):
            portal.read(["pricelist_history_ids"])

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_a_company_sees_the_lists_of_another(self):
        other = self.env["res.company"].create({"name": "Other"})
        manager = self.make_user("manager", other)
        row = self._row("2024-10-15")
        rows = self.env["trtc.account.pricelist"].with_user(manager)
        self.assertFalse(rows.search([("id", "=", row.id)]))
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            rows.create(
                {
                    "account_id": self.account.id,
                    "pricelist_id": self.new.id,
                    "date_start": "2024-11-01",
                }
            )

    def test_the_list_of_each_day_is_asked_for(self):
        self._row("2024-10-15")
        account = self.account.sudo()
        account.invalidate_recordset()
        with self.assertQueryCount(3):
            for day in range(1, 31):
                account._get_pricelist(date(2024, 10, day))

    # === FORM === #

    def test_a_manager_cannot_plan_a_list_in_the_form(self):
        manager = self.make_user("manager")
        with Form(self.account.with_user(manager)) as form, form.pricelist_history_ids.new() as row:
            row.date_start = date(2024, 10, 15)
            row.pricelist_id = self.new
        self.assertEqual(self._history(), [("", self.old), ("2024-10-15", self.new)])


@tagged("post_install", "-at_install")
class TestPricelistHistoryRating(PricelistHistoryCommon):
    """Each day is rated by the pricelist of its day."""

    def test_late_usage_of_an_old_day_takes_the_new_list(self):
        self._use("2024-10-10", "2024-10-20")
        self.settle("2024-10-31")
        self.account.pricelist_id = self.new
        self._use("2024-10-10", item="av_2k")
        self._use("2024-10-20", "2024-10-21")
        self.settle("2024-10-31")
        self.assertEqual(self.net_prices("2024-10-10"), {0.5: 10, 1: 10})
        self.assertEqual(self.net_prices("2024-10-20"), {0.5: 20})
        self.assertEqual(self.net_prices("2024-10-21"), {0.4: 10})
        move = self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, 29)
        self.assert_books()

    def test_a_month_that_is_not_over_takes_the_old_list(self):
        self.subscribe(self.application, "trial", "2024-01-01")
        old, new = (
            self.make_pricelist({"screenshot_terminal": price, "av_hd": price}) for price in (1, 2)
        )
        self.account.pricelist_id = old
        self._use("2024-10-10")
        self.usage("screenshot_terminal", 11_000, "2024-10-02")
        self.settle("2024-10-15")
        self.account.pricelist_id = new
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount", item="screenshot_terminal"), 2)
        self.assertEqual(self.total("amount", item="av_hd"), 10)

    def test_a_row_that_reaches_back_leaves_settled_days(self):
        self._use("2024-10-10", "2024-10-20")
        self.settle("2024-10-31")
        manager = self.make_user("manager")
        self.account.pricelist_id = self.new
        self.account.pricelist_history_ids[-1:].with_user(manager).date_start = "2024-10-15"
        message = self.account.message_ids[0]
        self.assertEqual(message.author_id, manager.partner_id)
        for word in (manager.name, "2024-10-20", self.new.name, "2024-10-15"):
            self.assertIn(word, message.body)
        adjustment = self.settle("2024-10-31")
        self.assertEqual(
            sorted(adjustment.line_ids.mapped(lambda li: (li.billable_quantity, li.price_unit))),
            [(-10, 0.5), (10, 0.4)],
        )
        self.assertEqual(self.net_prices("2024-10-10"), {0.5: 10})
        self.assertFalse(self.settle("2024-10-31"), "the second run does nothing")
        self.assert_books()

    def test_a_deleted_row_leaves_settled_days(self):
        row = self._row("2024-10-15")
        self._use("2024-10-10", "2024-10-20")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 9)
        row.unlink()
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 10)
        self.assertEqual(self.account.pricelist_id, self.old)
        self.assert_books()

    def test_a_row_between_settled_days_adjusts_all(self):
        self._use("2024-10-10", "2024-10-20")
        self.settle("2024-10-31")
        messages = self.account.message_ids
        self._row("2024-10-12")
        self._row("2024-10-18", self.old)
        self.assertFalse(
            self.env["trtc.settlement.note"]
            .search([])
            .filtered(lambda note: note.date_to == date(2024, 10, 10))
        )
        self.settle("2024-10-31")
        self.assertEqual(self.net_prices("2024-10-20"), {0.5: 10})
        self.assertTrue(self.account.message_ids - messages)
        self.assert_books()

    def test_a_row_after_the_settled_days_touches_them(self):
        self._use("2024-10-10")
        self.settle("2024-10-31")
        self._row("2024-10-11")
        self.assertFalse(self.env["trtc.settlement.note"].search([]))
        self.assertFalse(self.settle("2024-10-31"))
