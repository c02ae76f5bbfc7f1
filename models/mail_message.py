from odoo import api, models
from odoo.fields import Domain


class MailMessage(models.Model):
    _inherit = "mail.message"

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        ours = self._get_trtc_staff_models()
        vals_list = [
            {**vals, "is_internal": True} if vals.get("model") in ours else vals
            for vals in vals_list
        ]
        return super().create(vals_list)

    # === CORE OVERRIDES === #

    def _get_search_domain_share(self):
        # Also of a message that somebody marked as public since.
        ours = self._get_trtc_staff_models()
        return super()._get_search_domain_share() & Domain("model", "not in", ours)

    # === TOOLING === #

    @api.model
    def _get_trtc_staff_models(self):
        """Return the names of the models whose chatter the staff alone reads."""
        thread = self.env.registry["trtc.thread"]
        return sorted(
            name
            for name in thread._inherit_children
            if name in self.env.registry and not self.env[name]._abstract
        )
