from odoo import models


class AccountMove(models.Model):
    # For whom an invoice of usage is, whose contact may have gone to another company.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    def _reverse_move_vals(self, default_values, cancel=True):
        vals = super()._reverse_move_vals(default_values, cancel)
        if self.trtc_account_id:
            vals["partner_id"] = self._trtc_get_addressee().id
        return vals

    # === TOOLING === #

    def _trtc_get_addressee(self):
        """Return whom a document is for that takes this one back, or a part of it."""
        self.ensure_one()
        customer = self.commercial_partner_id
        same = self.partner_id.commercial_partner_id == customer
        return self.partner_id if same else customer
