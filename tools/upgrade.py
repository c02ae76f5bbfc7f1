"""What the scripts of an update ask the database before they touch it.

An update may skip versions. Odoo then runs the ``pre`` scripts of all of them one after the
other, before any table is brought up to date: a script finds what the installed version had, and
nothing of the versions between. So each script names the columns that it reads, and goes without
those that are not there yet.
"""

from odoo.tools import SQL
from odoo.tools.sql import table_columns


def present(cr, table, *columns):
    """Return those of some columns that a table has; none if there is no such table.

    :rtype: list, in the order given
    """
    found = table_columns(cr, table)
    return [column for column in columns if column in found]


def has(cr, table, *columns):
    """Tell whether a table is there, with all of some columns."""
    return bool(table_columns(cr, table)) and len(present(cr, table, *columns)) == len(columns)


def add_column(cr, table, column, kind, value=None):
    """Give the rows that are there a value of their own, where the column is new.

    The ORM fills a new column with the default of new records. One that is there already it
    leaves as it is.

    :param str kind: PostgreSQL's name of the type
    :param value: what the rows get; None leaves them empty
    :return: whether the column is new: neither without the table, which the ORM then makes with
        nothing in it, nor when the script runs again
    """
    if not has(cr, table) or has(cr, table, column):
        return False
    # Not create_column: it gives booleans a default that the ORM's own columns do not have.
    names = tuple(map(SQL.identifier, (table, column)))
    cr.execute(SQL("ALTER TABLE %s ADD COLUMN %s %s", *names, SQL(kind)))
    if value is not None:
        cr.execute(SQL("UPDATE %s SET %s = %s", *names, value))
    return True


def drop_default(cr, table, column):
    """Take away the default that the database itself gives to a column, where it has one."""
    if has(cr, table, column):
        cr.execute(
            SQL("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT",
                SQL.identifier(table), SQL.identifier(column))
        )  # fmt: skip


def drop_whole_index(cr, index):
    """Drop an index over all rows whose successor, of the same name, is one of some rows."""
    cr.execute(
        SQL(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema AND indexname = %s",
            index,
        )
    )
    if any(" WHERE " not in definition for (definition,) in cr.fetchall()):
        cr.execute(SQL("DROP INDEX %s", SQL.identifier(index)))
