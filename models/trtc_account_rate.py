from odoo import models


class TrtcAccount(models.Model):
    # A room of its own: the rates of exchange of drafts.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _fit_draft_rates(self):
        """Let the drafts of these accounts have the rates of their dates, as entered by now.

        A draft that another run holds is left to it.
        """
        foreign = self.filtered(
            lambda account: account.currency_id != account.company_id.currency_id
        )
        if not foreign:
            return
        drafts = self.env["account.move"].search(
            [("trtc_account_id", "in", foreign.ids), ("state", "=", "draft")]
        )
        drafts.try_lock_for_update()._trtc_fit_rates()
