from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

#: In the context of the reversal that an accrual makes itself.
REVERSAL = object()


class AccountMove(models.Model):
    # A room of its own: an accrual is posted and taken back together with its reversal.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_accrued_note = fields.Char(
        compute="_compute_trtc_accrued_note", compute_sudo=True, groups="base.group_user"
    )

    # === COMPUTE === #

    @api.depends("state", "date", "invoice_date", "currency_id", "trtc_allocation_ids.released")
    def _compute_trtc_accrued_note(self):
        for move in self:
            accruals = move._trtc_get_counting_accruals().filtered(
                # What was reset since is missing, until it is posted again.
                lambda one, move=move: (move in one.since_move_ids) == (move.state != "draft")
            )
            if move.state == "cancel" or not accruals:
                move.trtc_accrued_note = False
                continue
            move.trtc_accrued_note = self.env._(
                "%(days)s: this period end was accrued before, under Reporting / Accruals. With "
                "the accounting date %(date)s the revenue of this document counts twice in it. "
                "Let it have a later date, or take the accrual back and propose the day again.",
                days=", ".join(format_date(self.env, day) for day in accruals.mapped("date")),
                date=format_date(self.env, move._trtc_get_accounting_day()),
            )

    # === CRUD === #

    def write(self, vals):
        posted = self.filtered(lambda move: move.state == "posted")
        result = super().write(vals)
        if "state" in vals:
            now = self.filtered(lambda move: move.state == "posted")
            for move in (posted | now) - (posted & now):
                move._trtc_get_counting_accruals()._note_since(move)
        if vals.get("state") in ("draft", "cancel"):
            entries = self.filtered(lambda move: move.move_type == "entry")
            entries._trtc_get_accruals()._take_reversal_back()
            entries._trtc_check_no_reversal()
        return result

    def unlink(self):
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

    def _trtc_get_accounting_day(self):
        """Return the accounting date; of a draft, the one that it would have if posted now."""
        self.ensure_one()
        if self.state == "draft":
            return self.invoice_date or fields.Date.context_today(self)
        return self.date

    def _trtc_get_counting_accruals(self):
        """Return the accruals that count this document, by its date, as it was before.

        What is goodwill, or changed by hand, is never accrued.
        """
        self.ensure_one()
        rows = self.sudo().trtc_allocation_ids.filtered(
            lambda row: row.kind == "bill"
            or (row.kind == "credit" and row.reopens and not row.is_goodwill)
        )
        accruals = self.env["trtc.accrual"].sudo()
        if not rows:
            return accruals
        day = self._trtc_get_accounting_day()
        return accruals._get_counting(self.company_id, self.currency_id, day)

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
        accruals = self.env["trtc.accrual"].sudo()
        held = accruals.search(
            [("since_move_ids", "in", self.ids), ("state", "!=", "cancel")], limit=1
        )
        if held:
            raise UserError(
                self.env._(
                    "%(accrual)s counts %(documents)s as invoiced. Take the accrual back first, or "
                    "cancel the document instead of deleting it.",
                    accrual=held.display_name,
                    documents=(held.since_move_ids & self)._trtc_get_names(),
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
