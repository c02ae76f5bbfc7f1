from odoo.addons.trtc_billing.tools import upgrade


def migrate(cr, version):
    """Let nothing be billed, and nothing be free, that was not before.

    Subscriptions that are there were billed elsewhere, if at all; accounts that are there
    have no free minutes.
    """
    upgrade.add_column(cr, "trtc_subscription", "bill_fee", "boolean", False)
    upgrade.add_column(cr, "trtc_account", "free_policy_id", "int4")
