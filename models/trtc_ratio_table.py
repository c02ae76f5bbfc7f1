from decimal import Decimal

from odoo import fields, models


class TrtcRatioTable(models.Model):
    """How many minutes of a pack one billing unit of each item costs.

    A pack or policy without a table goes by the ratios on the billing items. Tencent
    changed the ratios several times; each set is a record.
    """

    _name = "trtc.ratio.table"
    _description = "TRTC Deduction Ratios"
    _inherit = ["trtc.given", "trtc.catalogue"]
    _order = "sequence, id"

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    note = fields.Text(translate=True, help="Where the ratios are from.")
    line_ids = fields.One2many("trtc.ratio.line", "table_id", string="Ratios", copy=True)

    # === BUSINESS === #

    def _get_ratios(self):
        """Return {item: minutes per billing unit} of the items that draw."""
        self.ensure_one()
        return {line.item_id: Decimal(repr(line.ratio)) for line in self.line_ids}

    def _get_packs(self):
        """Return the packs that go by these tables."""
        packs = self.env["trtc.minute.pack"].sudo()
        return packs.search(
            ["|", ("ratio_table_id", "in", self.ids), ("policy_id.ratio_table_id", "in", self.ids)]
        )
