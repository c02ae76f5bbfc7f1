from odoo import api, fields, models

from ..models.exact import AMOUNT_DIGITS, PRICE_DIGITS, QUANTITY_DIGITS, Exact


class TrtcCreditLine(models.TransientModel):
    """What an invoice bills of one application and billing item, and what is credited of it."""

    _name = "trtc.credit.line"
    _description = "TRTC Usage to Credit"
    _inherit = ["trtc.given", "trtc.entered"]
    _order = "id"

    # === FIELDS === #

    credit_id = fields.Many2one("trtc.credit", required=True, ondelete="cascade")
    application_id = fields.Many2one("trtc.application", readonly=True)
    item_id = fields.Many2one("trtc.item", string="Billing Item", readonly=True)
    fee_id = fields.Many2one("trtc.fee", readonly=True)
    name = fields.Char(string="Item or Fee", readonly=True)
    kind = fields.Char(readonly=True)
    move_line_id = fields.Many2one("account.move.line", readonly=True)
    uom_id = fields.Many2one("uom.uom", string="Unit", readonly=True)
    currency_id = fields.Many2one(related="credit_id.currency_id")
    price_unit = Exact(string="Unit Price", digits=PRICE_DIGITS, readonly=True)
    remaining = Exact(
        string="Left", digits=QUANTITY_DIGITS, readonly=True, help="Billed, and not credited yet."
    )
    quantity = Exact(string="To Credit", digits=QUANTITY_DIGITS)
    amount = fields.Float(digits=AMOUNT_DIGITS, compute="_compute_amount")

    # === COMPUTE === #

    @api.depends("quantity", "price_unit")
    def _compute_amount(self):
        for line in self:
            line.amount = line.quantity * line.price_unit

    # === TOOLING === #

    def _get_key(self):
        """Return what ledger rows have in common that this line stands for."""
        self.ensure_one()
        return self.move_line_id, self.application_id, self.item_id or self.fee_id
