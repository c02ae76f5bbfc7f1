from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL
from odoo.tools.sql import column_exists, table_columns

from ..tools import upgrade
from .test_migration import load

#: Scripts that run before the tables are brought up to date, by version
BEFORE = (
    ("19.0.2.0.0", "pre-migration"),
    ("19.0.3.0.0", "pre-arrears"),
    ("19.0.3.0.0", "pre-invoicing"),
    ("19.0.3.0.0", "pre-migration"),
    ("19.0.3.2.0", "pre-schema"),
)
#: What these scripts touch, as 19.0.1.0.0 had it: lines knew items, and no fees
FIRST = """
    CREATE TABLE res_company (id int PRIMARY KEY);
    CREATE TABLE account_move (id int PRIMARY KEY, trtc_account_id int);
    CREATE TABLE account_move_line (id int PRIMARY KEY, move_id int, trtc_item_id int);
    CREATE TABLE trtc_subscription (id int PRIMARY KEY);
    CREATE TABLE trtc_account (id int PRIMARY KEY);
    CREATE TABLE trtc_allocation (id int PRIMARY KEY, statement_line_id int);
    CREATE INDEX trtc_allocation__statement_line_id_index ON trtc_allocation (statement_line_id);
    INSERT INTO res_company VALUES (1);
    INSERT INTO account_move VALUES (1, 7), (2, NULL);
    INSERT INTO account_move_line VALUES (1, 1, 3), (2, 1, NULL), (3, 2, 3);
    INSERT INTO trtc_subscription VALUES (1);
"""


@tagged("post_install", "-at_install")
class TestUpgrade(TransactionCase):
    """Scripts before an update find what the installed version had, and nothing between."""

    def setUp(self):
        super().setUp()
        self.env.cr.execute("CREATE SCHEMA trtc_upgrade; SET LOCAL search_path = trtc_upgrade")

    def migrate(self):
        for version, name in BEFORE:
            load(version, name).migrate(self.env.cr, "19.0.1.0.0")

    def rows(self, query):
        self.env.cr.execute(query)
        return self.env.cr.fetchall()

    def test_the_first_version_is_updated_straight_to_this_one(self):
        """The script of a later version read a column that a skipped one adds."""
        self.env.cr.execute(FIRST)
        self.migrate()
        self.assertEqual(
            self.rows("SELECT id, trtc_account_id FROM account_move_line ORDER BY id"),
            [(1, 7), (2, None), (3, None)],
        )
        self.assertEqual(
            self.rows(
                "SELECT trtc_arrears_policy, trtc_grace_days, trtc_auto_settle,"
                " trtc_auto_invoice FROM res_company"
            ),
            [("none", 0, False, False)],
        )
        self.assertEqual(self.rows("SELECT bill_fee FROM trtc_subscription"), [(False,)])
        self.assertTrue(column_exists(self.env.cr, "trtc_account", "free_policy_id"))

    def test_scripts_run_again_change_nothing(self):
        self.env.cr.execute(FIRST)
        self.migrate()
        self.env.cr.execute("UPDATE res_company SET trtc_grace_days = 5, trtc_auto_settle = TRUE")
        self.env.cr.execute("UPDATE account_move_line SET trtc_account_id = 8 WHERE id = 2")
        self.migrate()
        self.assertEqual(
            self.rows("SELECT trtc_grace_days, trtc_auto_settle FROM res_company"), [(5, True)]
        )
        self.assertEqual(
            self.rows("SELECT trtc_account_id FROM account_move_line WHERE id = 2"), [(8,)]
        )

    def test_scripts_make_no_table_that_is_not_there(self):
        self.env.cr.execute("CREATE TABLE res_company (id int PRIMARY KEY)")
        self.migrate()
        self.assertFalse(table_columns(self.env.cr, "trtc_subscription"))

    def test_columns_and_indexes_are_those_of_a_new_installation(self):
        """Defaults of the database and an index over empty values stayed behind."""
        self.env.cr.execute(FIRST)
        self.env.cr.execute("ALTER TABLE res_company ADD trtc_auto_settle bool DEFAULT FALSE")
        self.migrate()
        defaults = self.rows(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'trtc_upgrade' AND column_default IS NOT NULL"
        )
        self.assertEqual(defaults, [])
        indexes = self.rows(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'trtc_upgrade'"
            " AND indexname LIKE '%statement_line%'"
        )
        self.assertEqual(indexes, [])

    def test_an_index_of_some_rows_stays(self):
        self.env.cr.execute(
            "CREATE TABLE one (id int); CREATE INDEX part ON one (id) WHERE id IS NOT NULL"
        )
        upgrade.drop_whole_index(self.env.cr, "part")
        self.assertTrue(self.rows("SELECT 1 FROM pg_indexes WHERE indexname = 'part'"))

    def test_what_is_asked_for_is_answered(self):
        self.env.cr.execute("CREATE TABLE one (id int, a int)")
        self.assertEqual(upgrade.present(self.env.cr, "one", "b", "a"), ["a"])
        self.assertEqual(upgrade.present(self.env.cr, "none", "a"), [])
        self.assertTrue(upgrade.has(self.env.cr, "one"))
        self.assertTrue(upgrade.has(self.env.cr, "one", "a", "id"))
        self.assertFalse(upgrade.has(self.env.cr, "one", "a", "b"))
        self.assertFalse(upgrade.has(self.env.cr, "none"))
        self.assertTrue(upgrade.add_column(self.env.cr, "one", "b", "int4"))
        self.assertFalse(upgrade.add_column(self.env.cr, "one", "b", "int4", 1))
        self.assertEqual(self.env.execute_query(SQL("SELECT b FROM one")), [])
