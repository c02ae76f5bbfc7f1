from odoo import fields, models

from .exact import AMOUNT_DIGITS, QUANTITY_DIGITS, Exact


class TrtcAllocation(models.Model):
    """Which invoice line bills which statement line, and how much of it.

    What is invoiced is never stored anywhere else.  A row that is released stays as
    history but holds nothing: its statement line may be billed again.
    """

    _name = "trtc.allocation"
    _description = "TRTC Allocation"
    _order = "id"

    # === FIELDS === #

    statement_line_id = fields.Many2one(
        "trtc.statement.line", required=True, ondelete="restrict", index=True
    )
    statement_id = fields.Many2one(
        related="statement_line_id.statement_id", store=True, index=True
    )
    company_id = fields.Many2one(related="statement_line_id.company_id", store=True)
    move_id = fields.Many2one("account.move", required=True, ondelete="cascade", index=True)
    # Nothing was charged for a line without an invoice line: it was free.
    move_line_id = fields.Many2one(
        "account.move.line", ondelete="cascade", index="btree_not_null"
    )
    quantity = Exact(digits=QUANTITY_DIGITS)
    amount = Exact(digits=AMOUNT_DIGITS)
    released = fields.Boolean(
        help="The invoice was cancelled: the statement line may be billed again."
    )

    _once = models.UniqueIndex(
        "(statement_line_id) WHERE released IS NOT TRUE",
        "A statement line is invoiced once: it is on another invoice already.",
    )
