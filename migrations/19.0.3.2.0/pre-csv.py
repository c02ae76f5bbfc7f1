from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column, table_exists


def migrate(cr, version):
    """Say of imports that were carried out that their numbers were read with a point.

    Otherwise the decimal mark of each would be looked for in its file.
    """
    if not table_exists(cr, "trtc_usage_import"):
        return
    if not column_exists(cr, "trtc_usage_import", "decimal_mark"):
        create_column(cr, "trtc_usage_import", "decimal_mark", "varchar")
        cr.execute(SQL("UPDATE trtc_usage_import SET decimal_mark = '.' WHERE state = 'done'"))
