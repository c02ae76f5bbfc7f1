from odoo import models

from .markers import is_preview


class AccountMove(models.Model):
    # A room of its own: a preview makes invoices to look at, and takes them back.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def action_post(self):
        return False if is_preview(self.env) else super().action_post()

    def _post(self, soft=True):
        # What follows posting, such as e-mails and PDFs, could not be taken back.
        return self.browse() if is_preview(self.env) else super()._post(soft)
