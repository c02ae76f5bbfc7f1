from odoo import api, fields, models
from odoo.fields import Domain


class AccountMove(models.Model):
    # A room of its own: the accounts that share an invoice.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_account_ids = fields.Many2many(
        "trtc.account",
        string="TRTC Accounts",
        compute="_compute_trtc_account_ids",
        search="_search_trtc_account_ids",
        compute_sudo=True,
        help="The accounts whose usage or fees this invoice bills or credits.",
    )
    trtc_is_shared = fields.Boolean(compute="_compute_trtc_account_ids", compute_sudo=True)

    # === COMPUTE === #

    @api.depends("trtc_account_id", "trtc_allocation_ids.account_id")
    def _compute_trtc_account_ids(self):
        groups = self.env["trtc.allocation"]._read_group(
            [("move_id", "in", self.ids)], ["move_id"], ["account_id:recordset"]
        )
        found = {move.id: accounts for move, accounts in groups}
        for move in self:
            accounts = found.get(move._origin.id, move.trtc_account_id)
            move.trtc_account_ids = accounts.sorted("id")
            move.trtc_is_shared = len(accounts) > 1

    def _search_trtc_account_ids(self, operator, value):
        if operator not in ("in", "any", "any!"):
            return NotImplemented
        billed = Domain("trtc_allocation_ids", "any", [("account_id", operator, value)])
        if operator == "in" and False in value:
            others = [one for one in value if one]
            none = Domain("trtc_account_id", "=", False)
            return none | self._search_trtc_account_ids("in", others) if others else none
        # The leading account finds its invoices whatever they bill.
        return Domain("trtc_account_id", operator, value) | billed
