from odoo import models


class AccountEdiCommon(models.AbstractModel):
    _inherit = "account.edi.common"

    # === BUSINESS === #

    def _trtc_get_line_period(self, line):
        """Return the service period of a line that bills usage or a fee (EN 16931, BG-26).

        :param line: what an e-invoice has a line of; not always an ``account.move.line``
        :return: (BT-134 first day, BT-135 last day), or None
        """
        if getattr(line, "_name", None) != "account.move.line":
            return None
        if not (line.trtc_date_from and line.trtc_date_to):
            return None
        return line.trtc_date_from, line.trtc_date_to

    def _trtc_get_document_period(self, invoice, periods):
        """Return the invoicing period of a document with usage or fees (EN 16931, BG-14).

        It covers the periods of all its lines, as Peppol asks (PEPPOL-EN16931-R110 and
        R111): late usage of an earlier month, or a fee of the next one, widens it.

        :param list periods: (first day, last day) of the lines that have a service period
        :return: (BT-73 first day, BT-74 last day), or None
        """
        own = any(map(self._trtc_get_line_period, invoice.invoice_line_ids))
        if invoice.trtc_date_from and invoice.trtc_date_to:
            periods = [*periods, (invoice.trtc_date_from, invoice.trtc_date_to)]
        elif not own:
            return None
        firsts, lasts = zip(*periods, strict=True)
        return min(firsts), max(lasts)
