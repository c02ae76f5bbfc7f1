from odoo import fields, models

from ..models.exact import AMOUNT_DIGITS, Exact


class TrtcReconcileLine(models.TransientModel):
    """Usage, invoices and accrual of one account at the end of a day, in its currency."""

    _name = "trtc.reconcile.line"
    _description = "Reconciliation of an Account"
    _inherit = ["trtc.given", "trtc.entered"]
    _order = "currency_id, account_id"

    # === FIELDS === #

    wizard_id = fields.Many2one("trtc.reconcile", required=True, readonly=True, ondelete="cascade")
    account_id = fields.Many2one("trtc.account", required=True, readonly=True)
    commercial_partner_id = fields.Many2one(
        related="account_id.commercial_partner_id", string="Customer", store=True
    )
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    settled = Exact(
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="Usage until the day on statements, adjustments among them.",
    )
    unsettled = Exact(
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="Usage until the day that is on no statement yet, as it is rated now.",
    )
    fees = Exact(
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="Fees that are invoiced, and what is earned of the others.",
    )
    invoiced = Exact(
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="Totals of posted invoices less those of credit notes, dated until the day.",
    )
    accrued = Exact(
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="The lines of the accrual of this day; without one, what it would hold.",
    )
    later = Exact(
        string="Known Since",
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="What became known, or was invoiced with a date until the day, after the accrual was "
        "proposed.",
    )
    goodwill = Exact(
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="Credit notes whose usage or fees are not billed again.",
    )
    by_hand = Exact(
        string="Waived by Hand",
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="What somebody took off invoices by hand, as by another quantity or price; negative "
        "where it was added, as by a line without usage.",
    )
    rounding = Exact(
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="What invoices gained by their one rounding to the currency.",
    )
    difference = Exact(
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="Settled + unsettled + fees - (invoiced - rounding) - accrued - known since - "
        "goodwill - waived by hand. Not zero means that an invoice was posted with another total "
        "than its usage and fees say.",
    )
