from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column


def migrate(cr, version):
    """Let nothing happen by itself that did not before.

    Companies that are there settle and invoice when somebody says so, until a manager switches
    the schedules on. Columns that exist are not filled with the defaults of new records.
    """
    for name in ("trtc_auto_settle", "trtc_auto_invoice"):
        if not column_exists(cr, "res_company", name):
            create_column(cr, "res_company", name, "boolean")
            cr.execute(SQL("UPDATE res_company SET %s = FALSE", SQL.identifier(name)))
