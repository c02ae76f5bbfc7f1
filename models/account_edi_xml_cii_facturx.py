from odoo import models
from odoo.tools import float_repr

#: Decimals of a unit price.
DIGITS = 12


class AccountEdiXmlCii(models.AbstractModel):
    _inherit = "account.edi.xml.cii"

    # === BUSINESS === #

    def _export_invoice_vals(self, invoice):
        """Say when what is billed was used, and at which price.

        Dates that are there already win. The period of a document without usage stays as
        core writes it: from the date of the invoice to its due date.
        """
        vals = super()._export_invoice_vals(invoice)
        for line_vals in vals["invoice_line_vals_list"]:
            line = line_vals["line"]
            known = line_vals.get("billing_start") or line_vals.get("billing_end")
            period = None if known else self._trtc_get_line_period(line)
            if period:
                line_vals["billing_start"], line_vals["billing_end"] = period
            # A price below zero, as of a rounding line, is turned round by core.
            if line.trtc_date_from and line.price_unit > 0 and not line.discount:
                line_vals["trtc_price"] = self._trtc_get_price(line)
        periods = [
            (line_vals["billing_start"], line_vals["billing_end"])
            for line_vals in vals["invoice_line_vals_list"]
            if line_vals.get("billing_start") and line_vals.get("billing_end")
        ]
        period = self._trtc_get_document_period(invoice, periods)
        if period:
            vals["billing_start"], vals["billing_end"] = period
        return vals

    def _trtc_get_price(self, line):
        """Return the unit price of a line without taxes, with two decimals at least."""
        price = line.price_unit
        if any(line.tax_ids.flatten_taxes_hierarchy().mapped("price_include")):
            price = line.price_subtotal / line.quantity if line.quantity else 0.0
        whole, decimals = float_repr(price, DIGITS).split(".")
        return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
