from odoo.addons.trtc_billing.tools import upgrade


def migrate(cr, version):
    """Let nothing happen by itself that did not before.

    Companies that are there settle and invoice when somebody says so, until a manager switches
    the schedules on.
    """
    for name in ("trtc_auto_settle", "trtc_auto_invoice"):
        upgrade.add_column(cr, "res_company", name, "boolean", False)
