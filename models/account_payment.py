from odoo import models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    # === BUSINESS === #

    def action_post(self):
        """Post; a payment without an entry of its own pays its invoices right away."""
        result = super().action_post()
        self.invoice_ids._trtc_follow_arrears()
        return result
