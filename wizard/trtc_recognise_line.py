from odoo import fields, models


class TrtcRecogniseLine(models.TransientModel):
    """What a proposal will recognise of one fee, in the currency of the company."""

    _name = "trtc.recognise.line"
    _description = "Prepayment to Recognise"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    wizard_id = fields.Many2one("trtc.recognise", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="wizard_id.currency_id")
    fee_id = fields.Many2one("trtc.fee", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    date_from = fields.Date(related="fee_id.date_from")
    date_to = fields.Date(related="fee_id.date_to")
    deferred = fields.Monetary(
        readonly=True, help="What was paid in advance, less what came back."
    )
    recognised = fields.Monetary(string="Recognised Before", readonly=True)
    due = fields.Monetary(string="To Recognise", readonly=True)
    reason = fields.Selection(
        [
            ("time", "By time"),
            ("drawn", "Minutes drawn"),
            ("lapsed", "Lapsed"),
            ("refund", "Refunded"),
            ("unposted", "Invoice no longer posted"),
        ],
        readonly=True,
    )
