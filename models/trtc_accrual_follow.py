from collections import defaultdict
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .account_move_line_left import DUST
from .figures import show_money, to_decimal

ZERO = Decimal(0)


class TrtcAccrual(models.Model):
    # A room of its own: what became of invoices since an accrual was proposed.
    _inherit = "trtc.accrual"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    since_ids = fields.One2many("trtc.accrual.since", "accrual_id", readonly=True)
    since_note = fields.Char(compute="_compute_since_note", compute_sudo=True)

    # === COMPUTE === #

    @api.depends("since_ids.counted", "since_ids.amount", "date")
    def _compute_since_note(self):
        for accrual in self:
            accrual.since_note = accrual._get_since_note()

    # === BUSINESS === #

    @api.model
    def _get_in_force(self, company, currency, date):
        """Return the accruals that count what is dated on a day."""
        return self.search(
            [
                ("company_id", "=", company.id),
                ("currency_id", "=", currency.id),
                ("date", ">=", date),
                ("state", "!=", "cancel"),
            ]
        )

    def _follow(self, changes):
        """Note what documents hold by now that were posted or reset; tell who proposed these.

        :param changes: {document: (:class:`Held` before, :class:`Held` now)}
        """
        for accrual in self:
            was_right = not accrual.since_note
            touched = self.env["account.move"]
            for move, (before, now) in changes.items():
                if accrual._follow_one(move, before, now):
                    touched |= move
            if touched:
                accrual._tell_since(touched, was_right)

    def _follow_one(self, move, before, now):
        """Note what a document holds by now; tell whether the accrual is off by it, or no more."""
        since = self.since_ids.filtered(lambda one: one.move_id == move)
        if not since:
            since = self.since_ids.create(
                {
                    "accrual_id": self.id,
                    "move_id": move.id,
                    "was_posted": before.is_until(self.date),
                    "counted": before.get_total(self.date),
                    "amount": before.get_total(self.date),
                }
            )
        known = to_decimal(since.amount)
        amount, taken = self._measure(since, now)
        since.write({"amount": amount, "taken": {key: str(part) for key, part in taken.items()}})
        if since.was_posted and abs(amount - to_decimal(since.counted)) < DUST:
            since.unlink()
        return abs(amount - known) >= DUST

    def _measure(self, since, held):
        """Return (amount, {key: amount taken}) of what a document holds of this accrual.

        What was not invoiced then counts twice, as far as it is accrued and no other document
        has taken it.

        :param since: the row of the document, or none yet
        :param held: its :class:`Held` figures
        """
        if since.was_posted:
            return held.get_total(self.date), {}
        left = self._get_accrued()
        for other in self.since_ids - since:
            for key, part in (other.taken or {}).items():
                left[key] -= Decimal(part)
        taken = held.take(self.date, left)
        again = held.again if held.is_until(self.date) else ZERO
        return sum(taken.values(), again), taken

    def _get_effect(self, move, held):
        """Return how much too much a document is at this period end; a draft: would be.

        :param move: the document, as a record of the database
        :param held: what it holds
        """
        self.ensure_one()
        since = self.since_ids.filtered(lambda one: one.move_id == move)
        counted = to_decimal(since.counted)
        if move.state == "posted":
            return to_decimal(since.amount) - counted
        return self._measure(since, held)[0] - counted

    def _get_accrued(self):
        """Return {key: amount} of what is accrued, in the terms of prices.

        Keys are those of ``trtc.allocation._get_accrued_keys``. What is accrued of a fee before
        it is made, such as a commitment of a month that is not settled, has that of its kind.
        """
        rows, accrued = self.env["trtc.allocation"], defaultdict(lambda: ZERO)
        for line in self.accrued_line_ids:
            if line.fee_id:
                key = rows._get_fee_key(line.fee_id)
            elif line.item_id:
                key = rows._get_usage_key(line.account_id, line.application_id, line.item_id)
            else:
                key = rows._get_open_key(line.account_id, line.application_id, line.product_id)
            accrued[key] += to_decimal(line.amount)
        return accrued

    def _tell_since(self, moves, was_right):
        """Write into the chatter what documents mean for this accrual by now."""
        note, names = self._get_since_note(), moves._trtc_get_names()
        if not note and was_right:
            return
        if not note:
            note = self.env._("%(documents)s: the accrual is right again.", documents=names)
        elif not was_right:
            note = self.env._("%(documents)s: %(note)s", documents=names, note=note)
        self.message_post(
            body=note, partner_ids=self.create_uid.partner_id.ids if was_right else []
        )

    def _get_since_note(self):
        """Return in words what is counted wrongly at the period end, and what to do."""
        self.ensure_one()
        total = ZERO
        for since in self.since_ids:
            total += to_decimal(since.amount) - to_decimal(since.counted)
        if not self.currency_id or self.currency_id.is_zero(float(total)):
            return False
        moves = self.since_ids.filtered(lambda one: one.amount != one.counted).move_id
        values = {
            "date": format_date(self.env, self.date),
            "amount": show_money(self.env, abs(total), self.currency_id),
            "documents": moves[:10]._trtc_get_names()
            + (", \N{HORIZONTAL ELLIPSIS}" if moves[10:] else ""),
        }
        if total > 0:
            return self.env._(
                "Posted since this was proposed, dated until %(date)s: %(documents)s. At the "
                "period end %(amount)s count twice. Take the accrual back and propose the day "
                "again, or let the documents have a later date.",
                **values,
            )
        return self.env._(
            "Reset, changed or credited since this was proposed, dated until %(date)s: "
            "%(documents)s. At the period end %(amount)s are missing. Take the accrual back and "
            "propose the day again.",
            **values,
        )

    def _check_up_to_date(self):
        """Raise if invoices were posted or reset since one of these was proposed."""
        outdated = self.filtered("since_note")
        if outdated:
            raise UserError(outdated[0].since_note)
