from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .markers import REVERSAL


class AccountMove(models.Model):
    # A room of its own: an accrual is posted and taken back together with its reversal.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_accrued_note = fields.Char(
        compute="_compute_trtc_accrued_note", compute_sudo=True, groups="base.group_user"
    )

    # === COMPUTE === #

    @api.depends(
        "state",
        "date",
        "invoice_date",
        "currency_id",
        "trtc_reopens",
        "trtc_allocation_ids.released",
    )
    def _compute_trtc_accrued_note(self):
        for move in self:
            move.trtc_accrued_note = move.state != "cancel" and move._trtc_get_accrued_note()

    # === CRUD === #

    def write(self, vals):
        changed = self.browse()
        if "state" in vals:
            changed = self
        elif "date" in vals:
            changed = self.filtered(lambda move: move.state == "posted")
        before = changed._trtc_hold_accruing()
        result = super().write(vals)
        self.browse(move.id for move in before)._trtc_follow_accruals(before)
        if vals.get("state") in ("draft", "cancel"):
            entries = self.filtered(lambda move: move.move_type == "entry")
            entries._trtc_get_accruals()._take_reversal_back()
            entries._trtc_check_no_reversal()
        return result

    def unlink(self):
        self.check_access("unlink")
        entries = self.filtered(lambda move: move.move_type == "entry")
        entries._trtc_check_no_reversal()
        self._trtc_check_not_counted()
        # With its conversation, and not where it is evidence.
        entries._trtc_get_accruals().unlink()
        return super().unlink()

    # === BUSINESS === #

    def _post(self, soft=True):
        accruals = self.filtered(lambda move: move.move_type == "entry")._trtc_get_accruals()
        accruals._check_postable()
        posted = super()._post(soft)
        accruals.filtered(lambda accrual: accrual.move_id in posted)._reverse()
        return posted

    def _reverse_moves(self, default_values_list=None, cancel=False):
        if self.env.context.get("trtc_accrual") is not REVERSAL:
            accruals = self._trtc_get_accruals() | self._trtc_get_accruals("reversal_id")
            held = accruals.filtered(lambda one: one.move_id.state == "posted")
            if held:
                raise UserError(
                    self.env._(
                        "%(accrual)s is reversed by itself on %(date)s. To undo it, use Take Back "
                        "on it, under Reporting / Accruals: that cancels the entry and its "
                        "reversal.",
                        accrual=held[0].display_name,
                        date=format_date(self.env, held[0].reversal_date),
                    )
                )
        return super()._reverse_moves(default_values_list, cancel)

    def _trtc_check_not_counted(self):
        """Raise if an accrual counts one of these as posted, or not, as it was once."""
        held = self.env["trtc.accrual.since"].sudo().search(
            [
                ("move_id", "in", self.ids),
                ("was_posted", "=", True),
                ("accrual_id.state", "!=", "cancel"),
            ]
        )  # fmt: skip
        if held:
            raise UserError(
                self.env._(
                    "%(accrual)s counts %(documents)s as invoiced. Take the accrual back first, or "
                    "cancel the document instead of deleting it.",
                    accrual=held[0].accrual_id.display_name,
                    documents=held.move_id._trtc_get_names(),
                )
            )

    def _trtc_get_accruals(self, name="move_id"):
        """Return the accruals of these entries, or those that these reverse.

        Whoever may change entries need not read accruals.
        """
        accruals = self.env["trtc.accrual"].sudo()
        return accruals.search([(name, "in", self.ids)]) if self else accruals

    def _trtc_check_no_reversal(self):
        """Raise if one of these reverses an accrual that is posted: revenue would double."""
        held = self._trtc_get_accruals("reversal_id").filtered(
            lambda accrual: accrual.move_id.state == "posted"
        )
        if held:
            raise UserError(
                self.env._(
                    "%(reversal)s reverses %(accrual)s, whose revenue would be counted twice "
                    "without it. Use Take Back on the accrual, under Reporting / Accruals: that "
                    "cancels both.",
                    reversal=held[0].reversal_id.display_name,
                    accrual=held[0].display_name,
                )
            )
