from collections import defaultdict
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

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
        """Note what a document holds by now; tell whether that is something new."""
        since = self.since_ids.filtered(lambda one: one.move_id == move)
        counted = to_decimal(since.counted) if since else before.get_total(self.date)
        amount = self._get_amount(counted, now)
        if amount == counted:
            since.unlink()
            return bool(since)
        if since:
            is_new = to_decimal(since.amount) != amount
            since.amount = amount
            return is_new
        vals = {"accrual_id": self.id, "move_id": move.id, "counted": counted, "amount": amount}
        self.since_ids.create(vals)
        return True

    def _get_amount(self, counted, held):
        """Return how much of what a document holds counts for this accrual.

        What was not invoiced then counts twice as far as it is accrued.
        """
        return held.get_total(self.date, None if counted else self._get_accrued())

    def _get_effect(self, move, held):
        """Return how much too much a document would be at this period end.

        :param held: what it holds
        """
        self.ensure_one()
        since = self.since_ids.filtered(lambda one: one.move_id == move)
        counted = to_decimal(since.counted) if since else ZERO
        if move.state == "posted":
            return to_decimal(since.amount) - counted if since else ZERO
        return self._get_amount(counted, held) - counted

    def _get_accrued(self):
        """Return {fee, or (account, application, item): amount that is accrued}."""
        accrued = defaultdict(lambda: ZERO)
        for line in self.line_ids:
            key = line.fee_id or (line.account_id, line.application_id, line.item_id)
            accrued[key] += to_decimal(line.amount_accrued)
        return accrued

    def _tell_since(self, moves, was_right):
        """Write into the chatter what documents mean for this accrual by now."""
        note = self._get_since_note()
        if not note:
            note = self.env._(
                "%(documents)s: the accrual is right again.", documents=moves._trtc_get_names()
            )
        elif not was_right:
            note = self.env._(
                "%(documents)s: %(note)s", documents=moves._trtc_get_names(), note=note
            )
        self.message_post(
            body=note, partner_ids=self.create_uid.partner_id.ids if was_right else []
        )

    def _get_since_note(self):
        """Return in words what is counted wrongly at the period end, and what to do."""
        self.ensure_one()
        total = ZERO
        for since in self.since_ids:
            total += to_decimal(since.amount) - to_decimal(since.counted)
        if not total:
            return False
        moves = self.since_ids.move_id
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
