from decimal import Decimal

from odoo import models
from odoo.exceptions import UserError

from .exact import AMOUNT_DIGITS

ZERO = Decimal(0)
#: Sums of amounts that were rounded to eight decimals one by one miss less than this.
DUST = Decimal("0.00001")
EXACT = Decimal(1).scaleb(-AMOUNT_DIGITS[1])


class AccountMove(models.Model):
    # A room of its own: the ledger of what is invoiced follows what becomes of invoices.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    def _post(self, soft=True):
        for move in self.filtered(lambda move: move.state == "draft"):
            move._trtc_record_changes()
        return super()._post(soft)

    def action_switch_move_type(self):
        held = self.filtered(lambda move: move.trtc_account_id and move.amount_total >= 0)
        rows = held._trtc_get_rows()
        if rows:
            raise UserError(
                self.env._(
                    "%(document)s was made from TRTC usage: as the other type it would credit "
                    "what is to be billed, or bill what is to be credited. Delete it instead; "
                    "or post it and credit it.",
                    document=", ".join(rows.move_id.mapped("display_name")),
                )
            )
        return super().action_switch_move_type()

    # === BUSINESS === #

    def _trtc_check_reopens(self, vals):
        """Raise if somebody changes what becomes of usage that a posted document credits."""
        if "trtc_reopens" not in vals:
            return
        posted = self.filtered(
            lambda move: move.state == "posted"
            and move.trtc_is_credit
            and move.trtc_reopens != vals["trtc_reopens"]
        )
        if posted:
            raise UserError(
                self.env._(
                    "%(document)s is posted: whether its usage is billed again stays as it is. "
                    "Reset it to draft first.",
                    document=", ".join(posted.mapped("display_name")),
                )
            )

    def _trtc_sync_allocations(self):
        """Let the ledger follow the state of these documents.

        Cancelled ones release what they held and claim it again on the way back. What
        others rest on stays: a credit note on its invoice, a second bill on its credit note.
        """
        rows = self.sudo().trtc_allocation_ids
        if not rows:
            return
        unposted = rows.filtered(lambda row: row.move_id.state != "posted")
        credits = unposted.filtered(lambda row: row.kind == "credit")
        cancelled = rows.filtered(lambda row: row.move_id.state == "cancel")
        fresh = cancelled.filtered(lambda row: not row.released)
        back = (rows - cancelled).filtered("released")
        # Runs that bill what these documents hold wait, and then see it as it is now.
        (credits | fresh | back).account_id._hold_for_billing()
        (credits | fresh)._check_not_followed()
        fresh.released = True
        back._check_may_hold()
        back.released = False

    def _trtc_record_changes(self):
        """Write into the ledger what somebody changed on this draft by hand.

        A line that credits less than it was made for gives back the rest, the last days
        first. Any other difference to what the ledger says is a row of its own: it is
        neither billed nor credited again.
        """
        self.ensure_one()
        lines = self.sudo().invoice_line_ids.filtered("trtc_allocation_ids")
        for line in lines:
            line._trtc_shrink_credit()
        manual = [vals for line in lines for vals in line._trtc_prepare_manual_rows()]
        self.env["trtc.allocation"].sudo().create(manual)
        if manual and self.id:
            self.message_post(
                body=self.env._(
                    "Changed by hand against the TRTC statements, and neither billed nor "
                    "credited again: %(amount)s.",
                    amount=f"{sum(vals['amount'] for vals in manual):f} {self.currency_id.name}",
                )
            )


class AccountMoveLine(models.Model):
    # Beside the documents whose lines they are.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _trtc_get_way(self):
        """Return 1 where the quantity has the sign of the ledger, -1 on credit notes."""
        return -1 if self.move_id.move_type == "out_refund" else 1

    def _trtc_is_priced_as_origin(self):
        """Tell whether this line has the price of the line that it credits."""
        self.ensure_one()
        origin = self.trtc_origin_line_id
        return (self.price_unit, self.discount) == (origin.price_unit, origin.discount)

    def _trtc_shrink_credit(self):
        """Let a line that credits a smaller quantity take back no more than that."""
        self.ensure_one()
        rows = self.trtc_allocation_ids.filtered(
            lambda row: row.kind == "credit" and not row.released
        )
        if not rows or not self._trtc_is_priced_as_origin():
            return
        held = self.trtc_allocation_ids.filtered(lambda row: not row.released)
        figures = held._get_figures()
        credited = sum((quantity for quantity, _amount in figures.values()), ZERO)
        wanted = self._trtc_get_way() * Decimal(repr(self.quantity))
        if wanted * credited < 0:
            return
        spare = abs(credited) - abs(wanted)
        for row in rows.sorted(lambda row: (row._get_day(), row.id), reverse=True):
            if spare <= 0:
                break
            quantity, amount = figures[row.id]
            taken = min(spare, abs(quantity))
            spare -= taken
            if taken == abs(quantity):
                row.unlink()
            elif quantity:
                left = quantity * (abs(quantity) - taken) / abs(quantity)
                row.write(
                    {
                        "quantity": left,
                        "amount": (amount * left / quantity).quantize(EXACT),
                    }
                )

    def _trtc_prepare_manual_rows(self):
        """Return the values of ledger rows for what this line bills beyond the ledger.

        What is taken off goes to the last days first, each at most to nothing.
        """
        self.ensure_one()
        rows = self.trtc_allocation_ids.filtered(lambda row: not row.released)
        if self._trtc_has_generated_figures() and "manual" not in rows.mapped("kind"):
            return []
        figures = rows._get_figures()
        sums = {}
        for row in rows:
            billed = row.statement_line_id or row.fee_id
            quantity, amount = sums.get(billed, (ZERO, ZERO))
            sums[billed] = quantity + figures[row.id][0], amount + figures[row.id][1]
        way = self._trtc_get_way()
        quantity = way * Decimal(repr(self.quantity))
        share = 1 - Decimal(repr(self.discount)) / 100
        amount = (quantity * Decimal(repr(self.price_unit)) * share).quantize(EXACT)
        quantity -= sum((one for one, _amount in sums.values()), ZERO)
        amount -= sum((one for _quantity, one in sums.values()), ZERO)
        if not quantity and abs(amount) < DUST:
            return []
        ordered = sorted(sums, key=lambda one: (one._get_day(), one.id), reverse=True)
        prepared = []
        for billed in ordered:
            part = self._trtc_get_part(quantity, sums[billed][0])
            money = self._trtc_get_part(amount, sums[billed][1])
            if billed == ordered[-1]:
                part, money = quantity, amount
            quantity, amount = quantity - part, amount - money
            if part or money:
                prepared.append(
                    {
                        "kind": "manual",
                        "fee_id" if billed._name == "trtc.fee" else "statement_line_id": billed.id,
                        "move_id": self.move_id.id,
                        "move_line_id": self.id,
                        "quantity": part,
                        "amount": money,
                    }
                )
        return prepared

    def _trtc_get_part(self, difference, held):
        """Return how much of a difference one statement line or fee can take."""
        if difference * held >= 0:
            return ZERO
        return difference if abs(difference) <= abs(held) else -held
