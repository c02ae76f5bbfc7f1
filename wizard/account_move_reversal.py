from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.markers import FLOW, Reopening, without_skips


class AccountMoveReversal(models.TransientModel):
    _name = "account.move.reversal"
    _inherit = ["account.move.reversal", "trtc.given"]

    # === FIELDS === #

    trtc_is_usage = fields.Boolean(compute="_compute_trtc_is_usage", compute_sudo=True)
    trtc_reopens = fields.Boolean(
        string="Bill TRTC Usage Again",
        default=True,
        help="The next run bills again what the credit note takes back. Otherwise it is "
        "goodwill: it stays credited. A new invoice bills it again in any case.",
    )

    # === DEFAULT === #

    @api.model
    def default_get(self, fields_list):
        company = self._get_active("account.move").filtered("trtc_account_id").company_id[:1]
        # Core proposes today: the billing day.
        timed = company._trtc_in_billing_time(self) if company else self
        return super(AccountMoveReversal, timed).default_get(fields_list)

    # === COMPUTE === #

    @api.depends("move_ids")
    def _compute_trtc_is_usage(self):
        for wizard in self:
            moves = wizard.move_ids._origin.sudo(False)._filtered_access("read")
            wizard.trtc_is_usage = bool(moves._trtc_get_rows())

    # === ACTION === #

    def reverse_moves(self, is_modify=False):
        if is_modify:
            self._trtc_check_modify()
        # The new invoice has the lines of the one that it replaces.
        self = self.with_context(
            trtc_flow=FLOW, trtc_reopens=Reopening(is_modify or self.trtc_reopens)
        )
        company = self._trtc_get_company()
        if company:
            self = self.with_env(without_skips(self.env))
            # Core posts a document of a day to come later: today is the billing day.
            self = company._trtc_in_billing_time(self)
        action = super().reverse_moves(is_modify)
        if is_modify:
            for move in self.new_move_ids:
                move.sudo()._trtc_bill_again()
        return action

    # === TOOLING === #

    def _trtc_get_company(self):
        """Return the company whose usage these documents bill or credit, or none."""
        return self.move_ids.filtered("trtc_account_id").company_id[:1]

    def _trtc_check_modify(self):
        """Raise where a new invoice could not hold what the credit note takes back."""
        rows = self.move_ids._trtc_get_rows()
        if rows and self.date and self.date > self._trtc_get_company()._trtc_today():
            raise UserError(
                self.env._(
                    "The credit note of a later day takes TRTC usage back on that day only, so no "
                    "new invoice can bill it now. Choose today, or reverse without a new invoice: "
                    "the next run bills the usage again."
                )
            )
        credits = rows.filtered(lambda row: row.kind == "credit")
        if credits:
            raise UserError(
                self.env._(
                    "%(document)s credits TRTC usage: reverse it without a new document, which "
                    "bills the usage again.",
                    document=credits.move_id._trtc_get_names(),
                )
            )
