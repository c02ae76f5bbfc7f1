from odoo import api, fields, models

from .exact import QUANTITY_DIGITS, Exact


class TrtcPackDraw(models.Model):
    """The ledger of minutes: what each statement line drew from which pack.

    An adjustment that gives minutes back, or moves them to another pack, has rows with
    negative figures; so the rows of a pack always add up to what is drawn from it.
    """

    _name = "trtc.pack.draw"
    _description = "TRTC Draw-Down of Minutes"
    _inherit = ["trtc.sealed"]
    _order = "date desc, id desc"

    # === FIELDS === #

    pack_id = fields.Many2one(
        "trtc.minute.pack", required=True, readonly=True, ondelete="restrict", index=True
    )
    statement_line_id = fields.Many2one(
        "trtc.statement.line", required=True, readonly=True, ondelete="restrict", index=True
    )
    statement_id = fields.Many2one(related="statement_line_id.statement_id", store=True)
    company_id = fields.Many2one(related="statement_line_id.company_id", store=True)
    commercial_partner_id = fields.Many2one(
        related="statement_line_id.commercial_partner_id", store=True, index=True
    )
    date = fields.Date(related="statement_line_id.date", store=True, index=True)
    item_id = fields.Many2one(related="statement_line_id.item_id", store=True)
    application_id = fields.Many2one(related="statement_line_id.application_id", store=True)
    uom_id = fields.Many2one(related="item_id.uom_id", string="Unit")
    units = Exact(
        digits=QUANTITY_DIGITS, readonly=True, help="Billing units that the minutes covered."
    )
    minutes = Exact(digits=QUANTITY_DIGITS, readonly=True, help="Minutes drawn from the pack.")

    _line_once = models.Constraint(
        "UNIQUE (statement_line_id, pack_id)",
        "A statement line draws once from a pack.",
    )

    # === COMPUTE === #

    @api.depends("pack_id", "date")
    def _compute_display_name(self):
        for draw in self:
            draw.display_name = f"{draw.pack_id.display_name}, {draw.date or ''}"

    # === TOOLING === #

    def _get_seal_message(self):
        return self.env._(
            "The ledger of minutes stays as it was settled; corrections are adjustments."
        )
