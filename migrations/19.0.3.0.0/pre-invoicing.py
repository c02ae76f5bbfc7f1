from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column


def migrate(cr, version):
    """Keep automatic posting as it is, and tell of known invoice lines whose they are.

    Companies that are there post as soon as invoices are created, until they give usage some
    days of grace.  A column that exists is not filled with the default of new records.
    """
    if not column_exists(cr, "res_company", "trtc_grace_days"):
        create_column(cr, "res_company", "trtc_grace_days", "int4")
        cr.execute(SQL("UPDATE res_company SET trtc_grace_days = 0"))
    if not column_exists(cr, "account_move_line", "trtc_account_id"):
        create_column(cr, "account_move_line", "trtc_account_id", "int4")
        cr.execute(
            SQL(
                """
                UPDATE account_move_line line SET trtc_account_id = move.trtc_account_id
                  FROM account_move move
                 WHERE move.id = line.move_id AND move.trtc_account_id IS NOT NULL
                   AND (line.trtc_item_id IS NOT NULL OR line.trtc_fee_id IS NOT NULL)
                """
            )
        )
