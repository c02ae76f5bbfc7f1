from odoo import api, models
from odoo.exceptions import UserError, ValidationError

from .markers import in_flow

#: How often Odoo may post a document by itself: never, or once.
ONCE = ("no", "at_date")
#: Display types of the lines of an invoice that people make; Odoo makes the others from them.
MADE = ("product", "line_section", "line_subsection", "line_note")


class AccountMove(models.Model):
    # A room of its own: copies of what bills usage do not bill it a second time.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CONSTRAINT === #

    @api.constrains("auto_post", "trtc_account_id")
    def _check_trtc_recurrence(self):
        for move in self.sudo():
            if move.trtc_account_id and move.auto_post not in ONCE:
                raise ValidationError(
                    self.env._(
                        "%(document)s bills TRTC usage, and the same usage is billed once: set "
                        "Auto-post to No or At Date. The next period is billed by Settle and "
                        "Invoice.",
                        document=move._trtc_get_names(),
                    )
                )

    # === CORE OVERRIDES === #

    def copy_data(self, default=None):
        """Leave out what bills usage or fees; what a person added is copied.

        Reversals, and invoices that replace a reversed one, keep all lines: the ledger says
        what they hold.
        """
        vals_list = super().copy_data(default)
        if in_flow(self.env) or "line_ids" in (default or {}):
            return vals_list
        for move, vals in zip(self.sudo(), vals_list, strict=True):
            if not (vals and move.trtc_account_id):
                continue
            if not vals.get("line_ids"):
                raise UserError(
                    self.env._(
                        "%(document)s bills TRTC usage and nothing else: a copy would bill it "
                        "twice. Reverse it to bill the usage again, or make a new invoice for "
                        "anything else.",
                        document=move._trtc_get_names(),
                    )
                )
            if "narration" in vals:
                vals["narration"] = move._trtc_replace_reason(move.trtc_date_reason, False)
            vals["invoice_origin"] = (default or {}).get("invoice_origin", False)
        return vals_list

    def copy(self, default=None):
        copies = super().copy(default)
        if not (in_flow(self.env) or "line_ids" in (default or {})):
            for move, copied in zip(self.sudo(), copies, strict=True):
                if move.trtc_account_id:
                    copied._message_log(
                        body=self.env._(
                            "The lines that bill TRTC usage or fees were not copied: they are "
                            "billed once."
                        )
                    )
        return copies

    def _copy_recurring_entries(self):
        # Documents of former versions may recur yet.
        once = self.filtered(lambda move: move.sudo().trtc_account_id)
        return super(AccountMove, self - once)._copy_recurring_entries()

    def _reverse_moves(self, default_values_list=None, cancel=False):
        flow = self._trtc_as_flow()
        reversals = super(AccountMove, flow)._reverse_moves(default_values_list, cancel)
        return reversals.with_env(self.env)


class AccountMoveLine(models.Model):
    # Beside the documents whose lines they are.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        if in_flow(self.env):
            return vals_list
        copied = self.env.context.get("__copy_data_seen") or {}
        documents = copied.get(self.move_id._name, ())
        for place, line in enumerate(self.sudo()):
            if not line.move_id.trtc_account_id:
                continue
            is_tied = line._trtc_is_tied()
            if line.move_id.id not in documents:
                if is_tied:
                    raise UserError(
                        self.env._(
                            "%(line)s of %(document)s bills TRTC usage or a fee: a copy would "
                            "bill it twice. Enter another line instead.",
                            line=(line.name or "").partition("\n")[0],
                            document=line.move_id._trtc_get_names(),
                        )
                    )
            elif is_tied or line.display_type not in MADE:
                # Nothing is created of no values. Taxes and what is due follow the other lines.
                vals_list[place] = {}
        return vals_list

    def _copy_data_extend_business_fields(self, values):
        result = super()._copy_data_extend_business_fields(values)
        if in_flow(self.env) and self.move_id.sudo().trtc_account_id:
            values["trtc_origin_line_id"] = self.id
        return result

    # === BUSINESS === #

    def _trtc_is_tied(self):
        """Tell whether this line bills or credits usage or fees, or was made along with it."""
        self.ensure_one()
        return self._trtc_is_generated() or bool(self.sudo().trtc_allocation_ids)
