from odoo import api, fields, models

from .exact import AMOUNT_DIGITS, Exact


class TrtcAccrualSince(models.Model):
    """A document that became posted, or is posted no more, since an accrual was proposed.

    One that was posted then is kept while it differs from what it was; one that was not is
    kept for good, as nobody could tell otherwise that the accrual does not count it.
    """

    _name = "trtc.accrual.since"
    _description = "TRTC Document Changed Since an Accrual"
    _inherit = ["trtc.given", "trtc.made"]
    _order = "accrual_id desc, id"

    # === FIELDS === #

    accrual_id = fields.Many2one(
        "trtc.accrual", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="accrual_id.company_id", store=True, index=True)
    # Core's unlink comes before the rules of the database: see _trtc_check_not_counted.
    move_id = fields.Many2one(
        "account.move",
        string="Document",
        required=True,
        readonly=True,
        ondelete="cascade",
        index=True,
    )
    was_posted = fields.Boolean(
        string="Posted Then", readonly=True, help="It was posted when the accrual was proposed."
    )
    counted = Exact(
        string="Invoiced Then",
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="Usage and fees that it billed when the accrual was proposed, dated until then.",
    )
    amount = Exact(
        string="Invoiced Now",
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="What it bills by now of that, or of what is accrued.",
    )
    # {key of what is accrued: amount of it that the document bills}, as text to stay exact
    taken = fields.Json(readonly=True)
    difference = fields.Float(digits=AMOUNT_DIGITS, compute="_compute_difference")

    _move_once = models.UniqueIndex(
        "(accrual_id, move_id)", "The accrual knows of this document already."
    )

    # === COMPUTE === #

    @api.depends("counted", "amount")
    def _compute_difference(self):
        for since in self:
            since.difference = since.amount - since.counted
