from odoo.addons.trtc_billing.tools import upgrade

#: Columns that updates before this one made with a default of the database's own
DEFAULTS = (
    ("res_company", "trtc_auto_settle"),
    ("res_company", "trtc_auto_invoice"),
    ("trtc_subscription", "bill_fee"),
)


def migrate(cr, version):
    """Let the tables be what a new installation makes of them, whatever they were before."""
    for table, column in DEFAULTS:
        upgrade.drop_default(cr, table, column)
    upgrade.drop_whole_index(cr, "trtc_allocation__statement_line_id_index")
