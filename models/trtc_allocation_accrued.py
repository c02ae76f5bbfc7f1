from odoo import models


class TrtcAllocation(models.Model):
    # A room of its own: what accruals count rows of the ledger as.
    _inherit = "trtc.allocation"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _is_accruable(self):
        """Tell whether an accrual would count this row, if it were not invoiced.

        Goodwill and what was changed by hand is never accrued; a pack neither, nor what waits
        on an account of deferred revenue.
        """
        self.ensure_one()
        if self.kind == "manual" or self.fee_id.kind == "pack":
            return False
        credit = self if self.kind == "credit" else self.rebills_id
        if credit and (credit.is_goodwill or not credit.reopens):
            return False
        return not (self.move_line_id.account_id.account_type or "").startswith("liability")

    def _get_accrued_key(self):
        """Return what accruals count this row as: a fee, or (account, application, item)."""
        self.ensure_one()
        line = self.statement_line_id
        return self.fee_id or (line.account_id, line.application_id, line.item_id)
