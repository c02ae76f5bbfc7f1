from odoo import api, fields, models

from .exact import AMOUNT_DIGITS, QUANTITY_DIGITS, Exact


class TrtcAllocation(models.Model):
    """Which invoice line bills which statement line or fee, and how much of it.

    What is invoiced is never stored anywhere else.  A row that is released stays as
    history but holds nothing: what it billed may be billed again.
    """

    _name = "trtc.allocation"
    _description = "TRTC Allocation"
    _order = "id"

    # === FIELDS === #

    statement_line_id = fields.Many2one(
        "trtc.statement.line", ondelete="restrict", index="btree_not_null"
    )
    fee_id = fields.Many2one("trtc.fee", ondelete="restrict", index="btree_not_null")
    statement_id = fields.Many2one(
        related="statement_line_id.statement_id", store=True, index=True
    )
    company_id = fields.Many2one("res.company", compute="_compute_company_id", store=True)
    move_id = fields.Many2one("account.move", required=True, ondelete="cascade", index=True)
    # Nothing was charged for a line without an invoice line: it was free.
    move_line_id = fields.Many2one(
        "account.move.line", ondelete="cascade", index="btree_not_null"
    )
    quantity = Exact(digits=QUANTITY_DIGITS)
    amount = Exact(digits=AMOUNT_DIGITS)
    released = fields.Boolean(
        help="The invoice was cancelled: what it billed may be billed again."
    )

    _once = models.UniqueIndex(
        "(statement_line_id) WHERE released IS NOT TRUE",
        "A statement line is invoiced once: it is on another invoice already.",
    )
    _fee_once = models.UniqueIndex(
        "(fee_id) WHERE released IS NOT TRUE AND fee_id IS NOT NULL",
        "A fee is invoiced once: it is on another invoice already.",
    )
    _one_thing = models.Constraint(
        "CHECK (num_nonnulls(statement_line_id, fee_id) = 1)",
        "An allocation bills a statement line or a fee.",
    )

    # === COMPUTE === #

    @api.depends("statement_line_id.company_id", "fee_id.company_id")
    def _compute_company_id(self):
        for allocation in self:
            billed = allocation.statement_line_id or allocation.fee_id
            allocation.company_id = billed.company_id
