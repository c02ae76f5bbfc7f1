from odoo import api, models


class TrtcApplication(models.Model):
    # A room of its own: what a customer in arrears creates is suspended like the rest.
    _inherit = "trtc.application"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        applications = super().create(vals_list)
        applications._share_arrears()
        return applications

    def write(self, vals):
        result = super().write(vals)
        if "account_id" in vals:
            self._share_arrears()
        return result

    # === BUSINESS === #

    def _share_arrears(self):
        """Suspend these applications where those of their account are, for arrears."""
        # The rights to create an application are checked; episodes are written by nobody.
        applications = self.sudo()
        episodes = applications.account_id._get_open_episodes()
        for application in applications:
            episode = episodes.get(application.account_id)
            if episode and episode.suspended_at:
                episode._suspend_these(application)
