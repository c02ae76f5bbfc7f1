from odoo import models


class TrtcAllocation(models.Model):
    # For whom what an invoice bills was settled or charged.
    _inherit = "trtc.allocation"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    def _get_customers(self):
        """Return the customers for whom what these rows bill was settled or charged."""
        return (
            self.statement_line_id.commercial_partner_id | self.fee_id.commercial_partner_id
        )

    def _get_customer(self):
        """Return the one of this row."""
        self.ensure_one()
        return self._get_customers()
