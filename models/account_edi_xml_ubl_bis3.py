from odoo import models


class AccountEdiXmlUbl_Bis3(models.AbstractModel):
    _inherit = "account.edi.xml.ubl_bis3"

    # === BUSINESS === #

    def _get_invoice_node(self, vals):
        """Say which period the whole document covers, once its lines are known."""
        document_node = super()._get_invoice_node(vals)
        line_tag = self._get_tags_for_document_type(vals)["document_line"]
        nodes = [
            line["cac:InvoicePeriod"]
            for line in document_node[line_tag]
            if line.get("cac:InvoicePeriod")
        ]
        periods = [(node["cbc:StartDate"]["_text"], node["cbc:EndDate"]["_text"]) for node in nodes]
        period = self._trtc_get_document_period(
            vals["invoice"], [period for period in periods if all(period)]
        )
        if period:
            first, last = period
            document_node["cac:InvoicePeriod"] = {
                "cbc:StartDate": {"_text": first},
                "cbc:EndDate": {"_text": last},
            }
        return document_node
