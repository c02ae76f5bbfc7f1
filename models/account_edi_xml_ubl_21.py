from odoo import models


class AccountEdiXmlUbl_21(models.AbstractModel):
    _inherit = "account.edi.xml.ubl_21"

    # === BUSINESS === #

    def _add_invoice_line_period_nodes(self, line_node, vals):
        """Say when what a line bills was used; dates that are there already win."""
        super()._add_invoice_line_period_nodes(line_node, vals)
        # A line of a debit note has no period in UBL 2.1.
        if line_node.get("cac:InvoicePeriod") or vals["document_type"] == "debit_note":
            return
        period = self._trtc_get_line_period(vals["base_line"]["record"])
        if period:
            first, last = period
            line_node["cac:InvoicePeriod"] = {
                "cbc:StartDate": {"_text": first},
                "cbc:EndDate": {"_text": last},
            }
