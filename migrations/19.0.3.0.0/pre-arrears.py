from odoo.addons.trtc_billing.tools import upgrade


def migrate(cr, version):
    """Let an update remind nobody of the invoices that are overdue already.

    Companies that are there say in the settings what shall follow.
    """
    upgrade.add_column(cr, "res_company", "trtc_arrears_policy", "varchar", "none")
