from decimal import Decimal

from odoo import models

from ..rating import periods


class TrtcAccount(models.Model):
    # A room of its own: what credit notes took back and the next run bills again.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_claims(self, limit):
        """Return what credit notes opened again until a day: rows of the ledger."""
        customer = self._get_billed_customer()
        claims = self.env["trtc.allocation"].search(
            [
                ("account_id", "in", self._get_invoice_group().ids),
                ("is_open", "=", True),
                "|",
                ("fee_id", "!=", False),
                ("statement_line_id.date", "<=", limit),
            ]
        )
        return claims.filtered(lambda claim: claim._get_customer() == customer)

    def _get_claim_key(self, claim):
        """Return what claims must share to be one invoice line."""
        line, fee = claim.statement_line_id, claim.fee_id
        if fee:
            return fee
        return line.item_id, line.kind, line.price_unit, self._get_line_place_key(line)

    def _prepare_claim_lines(self, claims, period, sign):
        """Return [(values, claims)] of the invoice lines that bill claims again.

        :param claims: rows of credit notes
        :param period: the invoicing period, (first day, last day)
        :param int sign: 1 for an invoice, -1 for a credit note
        """
        prices, figures = claims._get_prices(), claims._get_figures()
        prepared = []
        groups = claims.grouped(lambda claim: (self._get_claim_key(claim), prices[claim]))
        for (_key, price), found in groups.items():
            quantity = -sum((figures[claim.id][0] for claim in found), Decimal(0))
            if quantity and price:
                vals = self._prepare_claim_line(found, period, sign * quantity, price)
                prepared.append((vals, found))
        return prepared

    def _prepare_claim_line(self, claims, period, quantity, price):
        """Return the values of one invoice line that bills claims again.

        :param Decimal quantity: in billing units, with the sign of the invoice
        :param Decimal price: of a unit
        """
        if claims.fee_id:
            vals = {
                **self._prepare_fee_line(claims.fee_id, 1),
                **self._prepare_line_figures(claims.fee_id.uom_id, quantity, price),
            }
        else:
            lines = claims.statement_line_id
            late = periods.period_of(lines[0].date, self.invoice_cycle) != period
            vals = self._prepare_invoice_line(lines, late, quantity, price)
        self = self.with_context(lang=self._get_customer_lang())
        name = self.env._("Billed again: %(line)s", line=vals["name"])
        return {**vals, "name": name, "trtc_name": name, "trtc_is_rebill": True}
