from pathlib import Path

from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestBooksCheck(TrtcCommon):
    """The check that other tests rely on notices what it is there for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.usage("av_hd", 600, "2024-10-01")
        cls.usage("screenshot_terminal", 30000, "2024-10-01")
        cls.usage("relay_bandwidth", 700, "2024-10-01T12:00:00")
        cls.usage("relay_bandwidth", 900, "2024-10-01T12:05:00")
        cls.settle("2024-10-31")

    def assert_noticed(self, query, *values):
        self.assert_books()
        with self.env.cr.savepoint() as savepoint:
            self.env.cr.execute(SQL(query, *values))
            self.env.invalidate_all()
            with self.assertRaises(AssertionError):
                self.assert_books()
            savepoint.rollback()
        self.env.invalidate_all()
        self.assert_books()

    def test_usage_that_no_line_bills_is_noticed(self):
        self.assert_noticed("UPDATE trtc_usage SET quantity = quantity + 1")

    def test_a_line_that_is_gone_is_noticed(self):
        for line in self.lines():
            self.assert_noticed("DELETE FROM trtc_statement_line WHERE id = %s", line.id)

    def test_a_line_that_is_there_twice_is_noticed(self):
        self.assert_noticed(
            """
            INSERT INTO trtc_statement_line
                   (statement_id, account_id, item_id, application_id, date, status, kind,
                    metered_quantity, quantity, free_quantity, pack_quantity,
                    locked_quantity, billable_quantity, price_unit, amount)
            SELECT statement_id, account_id, item_id, application_id, date, status, kind,
                   metered_quantity, quantity, free_quantity, pack_quantity,
                   locked_quantity, billable_quantity, price_unit, amount
              FROM trtc_statement_line LIMIT 1
            """
        )

    def test_a_changed_amount_is_noticed(self):
        self.assert_noticed("UPDATE trtc_statement_line SET amount = amount + 0.00000001")

    def test_free_units_that_moved_are_noticed(self):
        self.assert_noticed(
            """
            UPDATE trtc_statement_line SET free_quantity = 1, locked_quantity = quantity - 1
             WHERE status = 'locked'
            """
        )

    def test_a_minute_too_much_is_noticed(self):
        self.assert_noticed(
            """
            UPDATE trtc_statement_line
               SET quantity = quantity + 1, billable_quantity = billable_quantity + 1
             WHERE status = 'billable'
            """
        )


@tagged("post_install", "-at_install")
class TestListed(TransactionCase):
    def test_a_test_file_that_nobody_imports_is_noticed(self):
        """Odoo's own runner sees only what the package imports."""
        folder = Path(__file__).parent
        listed = (folder / "__init__.py").read_text(encoding="utf-8")
        missing = [
            path.stem for path in folder.glob("test_*.py") if f"    {path.stem},\n" not in listed
        ]
        self.assertFalse(missing)
