from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column


def migrate(cr, version):
    """Let nothing be billed, and nothing be free, that was not before.

    Subscriptions that are there were billed elsewhere, if at all; accounts that are there
    have no free minutes. Columns that exist are not filled with the defaults of new records.
    """
    if not column_exists(cr, "trtc_subscription", "bill_fee"):
        create_column(cr, "trtc_subscription", "bill_fee", "boolean")
        cr.execute(SQL("UPDATE trtc_subscription SET bill_fee = FALSE"))
    if not column_exists(cr, "trtc_account", "free_policy_id"):
        create_column(cr, "trtc_account", "free_policy_id", "int4")
