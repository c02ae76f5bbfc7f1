from odoo import models
from odoo.exceptions import UserError


class AccountMove(models.Model):
    # A room of its own: entries that recognise prepaid fees.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    def write(self, vals):
        back = self.browse()
        if vals.get("state", "cancel") != "cancel":
            back = self.filtered(lambda move: move.state == "cancel")
        result = super().write(vals)
        back._trtc_check_not_recognised_again()
        return result

    # === BUSINESS === #

    def _reverse_moves(self, default_values_list=None, cancel=False):
        reversals = super()._reverse_moves(default_values_list, cancel)
        for move in reversals.filtered(lambda move: move.move_type == "entry"):
            move._trtc_record_reversal()
        return reversals

    def _trtc_record_reversal(self):
        """Let this reversal of an entry take back what the entry recognised."""
        self.ensure_one()
        recognitions = self._trtc_get_recognitions(self.reversed_entry_id)
        if not recognitions:
            return
        # A reversal has the lines of the entry, in their order.
        mirror = dict(
            zip(
                self.reversed_entry_id.line_ids.sorted("id"),
                self.line_ids.sorted("id"),
                strict=False,
            )
        )
        none = self.env["account.move.line"]
        for date, found in recognitions.grouped("date").items():
            recognitions._record(
                [
                    (one.fee_id, mirror[one.move_line_id], mirror.get(one.income_line_id, none))
                    for one in found
                ],
                date,
            )

    def _trtc_get_recognitions(self, moves):
        """Return what entries recognise; whoever may change them need not read it."""
        return self.env["trtc.recognition"].sudo().search([("move_id", "in", moves.ids)])

    def _trtc_check_not_recognised_again(self):
        """Raise if a later entry recognises what these entries released."""
        for recognition in self._trtc_get_recognitions(self):
            newer = recognition.fee_id.recognition_ids.filtered(
                lambda other, one=recognition: (
                    other.number > one.number and other.move_id.state != "cancel"
                )
            )
            if newer:
                raise UserError(
                    self.env._(
                        "What %(entry)s recognises was proposed again while it was cancelled, in "
                        "%(others)s. Leave it cancelled: the next proposal holds what is missing.",
                        entry=recognition.move_id.display_name,
                        others=", ".join(newer.move_id.mapped("display_name")),
                    )
                )

    def _trtc_take_back(self):
        """Delete these drafts; one that was posted keeps its number and is cancelled."""
        posted_before = self.filtered("posted_before")
        posted_before.button_cancel()
        (self - posted_before).unlink()
