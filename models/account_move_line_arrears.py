from odoo import models


class AccountMoveLine(models.Model):
    # A room of its own: what a payment or a credit note means for a customer in arrears.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _reconcile_post_hook(self, data):
        # Core's hook of paid invoices leaves out what a credit note or a part settles.
        result = super()._reconcile_post_hook(data)
        data["not_paid_invoices"]._trtc_follow_arrears()
        return result
