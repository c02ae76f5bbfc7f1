from psycopg2 import IntegrityError

from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestGuards(TrtcCommon):
    """The database itself refuses to count, settle or bill anything twice."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fact = cls.usage("av_hd", 60_000, "2024-10-01")
        cls.statement = cls.settle("2024-10-31")
        cls.move = cls.account.create_invoices("2024-10-31")
        cls.env.flush_all()

    def _assert_refused(self, constraint, table, record, **changes):
        """Copy a row by SQL, past all Python, and expect the database to refuse it."""
        columns = [
            name
            for (name,) in self.env.execute_query(
                SQL(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_name = %s AND column_name <> 'id'",
                    table,
                )
            )
        ]
        query = SQL(
            "INSERT INTO %s (%s) SELECT %s FROM %s WHERE id = %s",
            SQL.identifier(table),
            SQL(", ").join(map(SQL.identifier, columns)),
            SQL(", ").join(
                SQL("%s", changes[name]) if name in changes else SQL.identifier(name)
                for name in columns
            ),
            SQL.identifier(table),
            record.id,
        )
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError) as refused,
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(query)
            self.env.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.assertEqual(refused.exception.diag.constraint_name, constraint)

    def test_a_fact_is_counted_twice(self):
        self._assert_refused("trtc_usage_once", "trtc_usage", self.fact)

    def test_a_superseded_fact_is_kept_once_only(self):
        record = {**self.record("av_hd", 1, "2024-10-01"), "id": self.fact.external_id}
        for quantity in (1, 2, 3):
            self.ingest({**record, "quantity": quantity})
        facts = self.env["trtc.usage"].search([("external_id", "=", self.fact.external_id)])
        self.assertEqual(sorted(facts.mapped("state")), ["current"] + ["superseded"] * 3)

    def test_usage_is_negative(self):
        self._assert_refused(
            "trtc_usage_quantity_not_negative",
            "trtc_usage",
            self.fact,
            quantity=-1,
            external_id="other",
        )

    def test_a_period_is_settled_twice(self):
        self._assert_refused("trtc_statement_period_once", "trtc_statement", self.statement)

    def test_an_adjustment_is_written_twice(self):
        self.usage("av_hd", 60_000, "2024-10-01")
        adjustment = self.settle("2024-10-31")
        self.env.flush_all()
        self._assert_refused("trtc_statement_revision_once", "trtc_statement", adjustment)

    def test_a_line_is_invoiced_twice(self):
        allocation = self.move.trtc_allocation_ids
        self._assert_refused("trtc_allocation_once", "trtc_allocation", allocation)
        self._assert_refused("trtc_allocation_once", "trtc_allocation", allocation, released=False)

    def test_a_released_line_cannot_be_invoiced_again(self):
        self.move.button_cancel()
        other = self.account.create_invoices("2024-10-31")
        self.env.flush_all()
        self.assertEqual(len((self.move | other).trtc_allocation_ids), 2)
        self._assert_refused("trtc_allocation_once", "trtc_allocation", other.trtc_allocation_ids)

    def test_the_parts_of_a_line_do_not_add_up(self):
        line = self.statement.line_ids
        for column in (
            "quantity",
            "free_quantity",
            "pack_quantity",
            "locked_quantity",
            "billable_quantity",
        ):
            with self.subTest(column=column):
                self._assert_refused(
                    "trtc_statement_line_quantities_add_up",
                    "trtc_statement_line",
                    line,
                    **{column: line[column] + 1},
                )

    def test_an_application_holds_two_editions_on_one_day(self):
        held = self.subscribe(self.application, "lite", "2024-01-01", "2024-01-31")
        self.env.flush_all()
        self._assert_refused(
            "trtc_subscription_no_overlap",
            "trtc_subscription",
            held,
            date_start="2024-01-31",
            date_end=None,
        )
        self.subscribe(self.application, "pro", "2024-02-01")

    def test_two_accounts_or_applications_share_an_identifier(self):
        self._assert_refused("trtc_account_uin_uniq", "trtc_account", self.account)
        self._assert_refused("trtc_application_sdkappid_uniq", "trtc_application", self.application)
