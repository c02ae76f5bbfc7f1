from odoo import fields, models

from ..models.exact import AMOUNT_DIGITS, Exact


class TrtcRunLine(models.TransientModel):
    """What a run would make of one account."""

    _name = "trtc.run.line"
    _description = "Preview of a TRTC Run, One Account"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    run_id = fields.Many2one("trtc.run", required=True, ondelete="cascade")
    account_id = fields.Many2one("trtc.account", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="account_id.currency_id")
    settled = fields.Text(readonly=True, help="Days and months that are settled the first time.")
    statement_count = fields.Integer(string="New Statements", readonly=True)
    adjustment_count = fields.Integer(string="Adjustments", readonly=True)
    amount = Exact(
        string="Exact Amount",
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="Of the new statements and adjustments, without taxes.",
    )
    result = fields.Text(
        readonly=True, help="The invoices, with taxes, or why the account could not be billed."
    )
    is_failed = fields.Boolean(readonly=True)
    amount_invoiced = fields.Monetary(
        string="Invoiced", readonly=True, help="With taxes, less credit notes."
    )
    pending_count = fields.Integer(
        string="To Decide",
        readonly=True,
        help="Statement lines that wait for a decision or a price, old ones too.",
    )
