from odoo import models

from .account_move_rate import HELD


class TrtcAccount(models.Model):
    # A room of its own: the rates of exchange of drafts.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _fit_draft_rates(self):
        """Let the dated drafts of these accounts have the rates of their dates, as entered by now.

        A draft without a date gets the rate of its day when it is posted; until then it is
        looked at only if it waits for a rate.  What is as it should be is neither locked nor
        written; a draft that another run holds is left to it.
        """
        foreign = self.filtered(
            lambda account: account.currency_id != account.company_id.currency_id
        )
        if not foreign:
            return
        drafts = self.env["account.move"].search(
            [
                ("trtc_account_id", "in", foreign.ids),
                ("state", "=", "draft"),
                "|",
                ("invoice_date", "!=", False),
                ("trtc_hold_reason", "=like", f"{HELD}%"),
            ]
        )
        known = {}
        drafts._trtc_filter_unfit(known).try_lock_for_update()._trtc_fit_rates(known)
