from odoo import api, models


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

    def _get_accrued_keys(self):
        """Return the keys under which an accrual may count this row, the best one first."""
        self.ensure_one()
        fee, line = self.fee_id, self.statement_line_id
        if fee:
            return (
                self._get_fee_key(fee),
                self._get_open_key(fee.account_id, fee.application_id, fee.product_id),
            )
        return (self._get_usage_key(line.account_id, line.application_id, line.item_id),)

    @api.model
    def _get_usage_key(self, account, application, item):
        return f"usage,{account.id},{application.id},{item.id}"

    @api.model
    def _get_fee_key(self, fee):
        return f"fee,{fee.id}"

    @api.model
    def _get_open_key(self, account, application, product):
        """Return the key of what is accrued of a fee that is not made yet."""
        return f"open,{account.id},{application.id},{product.id}"
