from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column


def migrate(cr, version):
    """Let an update remind nobody of the invoices that are overdue already.

    Companies that are there say in the settings what shall follow. A column that exists is not
    filled with the default of new records.
    """
    if not column_exists(cr, "res_company", "trtc_arrears_policy"):
        create_column(cr, "res_company", "trtc_arrears_policy", "varchar")
        cr.execute(SQL("UPDATE res_company SET trtc_arrears_policy = 'none'"))
