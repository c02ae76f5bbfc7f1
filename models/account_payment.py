from odoo import api, models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    # === CONSTRAINT === #

    @api.constrains("move_id")
    def _check_trtc_move(self):
        self.move_id._trtc_check_no_entry()

    # === BUSINESS === #

    def action_post(self):
        """Post; a payment without an entry of its own pays its invoices right away."""
        result = super().action_post()
        self.invoice_ids._trtc_follow_arrears()
        return result
