from odoo import models


class AccountMove(models.Model):
    # A room of its own: what a payment means for a customer in arrears.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _trtc_follow_arrears(self):
        """Let the accounts that were reminded of these invoices go on, if all is paid.

        A payment is never refused for what fails here: the hourly run tries again.
        """
        if not self:
            return
        # Whoever books a payment need not see usage accounts.
        episodes = self.env["trtc.arrears"].sudo().search(
            [("closed_at", "=", False), ("move_ids", "in", self.ids)]
        )  # fmt: skip
        for account in episodes.account_id.sorted("id"):
            if account._lock_for_billing():
                account._follow_arrears_safely()
