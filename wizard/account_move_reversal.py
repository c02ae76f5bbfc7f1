from odoo import api, fields, models


class AccountMoveReversal(models.TransientModel):
    _inherit = "account.move.reversal"

    # === FIELDS === #

    trtc_is_usage = fields.Boolean(compute="_compute_trtc_is_usage", compute_sudo=True)
    trtc_reopens = fields.Boolean(
        string="Bill TRTC Usage Again",
        default=True,
        help="The next run bills again what the credit note takes back. Otherwise it is "
        "goodwill: it stays credited. A new invoice bills it again in any case.",
    )

    # === COMPUTE === #

    @api.depends("move_ids")
    def _compute_trtc_is_usage(self):
        for wizard in self:
            wizard.trtc_is_usage = bool(wizard.move_ids._trtc_get_rows())

    # === ACTION === #

    def reverse_moves(self, is_modify=False):
        self = self.with_context(trtc_reopens=is_modify or self.trtc_reopens)
        action = super().reverse_moves(is_modify)
        if is_modify:
            for move in self.new_move_ids:
                move.sudo()._trtc_bill_again()
        return action
