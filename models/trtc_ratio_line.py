from odoo import api, fields, models

from .exact import QUANTITY_DIGITS, Exact


class TrtcRatioLine(models.Model):
    _name = "trtc.ratio.line"
    _description = "TRTC Deduction Ratio of a Billing Item"
    _inherit = ["trtc.given", "trtc.entered"]
    _order = "table_id, item_id, id"
    _rec_name = "item_id"

    # === FIELDS === #

    table_id = fields.Many2one(
        "trtc.ratio.table", required=True, ondelete="cascade", index=True
    )
    item_id = fields.Many2one(
        "trtc.item",
        required=True,
        ondelete="cascade",
        domain="[('can_draw', '=', True)]",
    )
    ratio = Exact(
        required=True,
        default=1,
        digits=QUANTITY_DIGITS,
        help="Minutes that one billing unit of this item draws from a pack.",
    )

    _item_once = models.Constraint(
        "UNIQUE (table_id, item_id)", "A table has one ratio for each billing item."
    )
    _ratio_above_zero = models.Constraint(
        "CHECK (ratio > 0)", "A ratio is above zero. Remove the line of an item that does not draw."
    )

    # === CONSTRAINT === #

    @api.constrains("item_id")
    def _check_item(self):
        self.item_id._check_can_draw()

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.table_id._get_packs()._note_for_settlement()
        return lines

    def write(self, vals):
        self.check_access("write")
        self.table_id._get_packs()._note_for_settlement()
        result = super().write(vals)
        self.table_id._get_packs()._note_for_settlement()
        return result

    def unlink(self):
        self.check_access("unlink")
        self.table_id._get_packs()._note_for_settlement()
        return super().unlink()
