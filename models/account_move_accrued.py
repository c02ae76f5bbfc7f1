from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

from odoo import models
from odoo.tools import format_date

from .figures import show_money

ZERO = Decimal(0)


class Held(NamedTuple):
    """What a document bills of what accruals count, and since which day.

    Amounts are exact, in the terms of prices.
    """

    #: the accounting date, None for what is not posted
    day: object
    #: {keys of an accrual, the best one first: amount} that is billed for the first time
    billed: dict
    #: what is credited or billed again
    again: Decimal

    def is_until(self, date):
        """Tell whether this counts at the end of a day."""
        return bool(self.day) and self.day <= date

    def get_total(self, date):
        """Return how much this is until a day."""
        return sum(self.billed.values(), self.again) if self.is_until(date) else ZERO

    def take(self, date, accrued):
        """Return {key: amount} of what is billed until a day as far as it is accrued.

        :param accrued: {key: amount} that is left of an accrual; it is lowered
        """
        taken = defaultdict(lambda: ZERO)
        for keys, amount in self.billed.items() if self.is_until(date) else ():
            for key in keys:
                limit = accrued.get(key, ZERO)
                if amount * limit <= 0:
                    continue
                part = min(amount, limit, key=abs)
                taken[key] += part
                accrued[key] -= part
                amount -= part
        return dict(taken)


class AccountMove(models.Model):
    # A room of its own: what an invoice means for a period end that was accrued.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _trtc_hold_accruing(self):
        """Keep accruals from being proposed while what these documents hold changes.

        Who proposes one holds the accounts too: so it knows of these documents, or they of it.

        :return: {document: :class:`Held`} before the change, of companies that accrue
        """
        rows = self.filtered(lambda move: move.is_invoice())._trtc_get_rows()
        accruing = rows.move_id.company_id._trtc_filter_accruing()
        documents = rows.move_id.filtered(lambda move: move.company_id in accruing)
        if not documents:
            return {}
        accounts = documents.trtc_account_id | documents._trtc_get_rows().account_id
        accounts._hold_for_billing()
        return {move: move._trtc_get_held() for move in documents.with_env(self.env)}

    def _trtc_follow_accruals(self, before=None):
        """Tell the accruals in force what these documents hold by now.

        :param before: what :meth:`_trtc_hold_accruing` returned; nothing: they held nothing
        """
        changes = defaultdict(dict)
        for move in self:
            old = before[move] if before else Held(None, {}, ZERO)
            now = move._trtc_get_held()
            if old != now and (old.day or now.day):
                changes[move.company_id, move.currency_id][move] = old, now
        for (company, currency), found in changes.items():
            day = min(held.day for pair in found.values() for held in pair if held.day)
            accruals = self.env["trtc.accrual"].sudo()._get_in_force(company, currency, day)
            accruals._follow(found)

    def _trtc_get_held(self, day=None):
        """Return the :class:`Held` figures of this document.

        :param day: the accounting date to take for a draft
        """
        self.ensure_one()
        if self.state == "posted":
            day = self.date
        # What a form changes and has not saved is not in the ledger yet.
        rows = self._origin._trtc_get_rows().filtered(lambda row: row._is_accruable())
        figures = rows._get_figures()
        billed, again = defaultdict(lambda: ZERO), ZERO
        for row in rows:
            amount = figures[row.id][1]
            if row.kind == "credit" or row.rebills_id:
                again += amount
            else:
                billed[row._get_accrued_keys()] += amount
        return Held(day, dict(billed), again)

    def _trtc_get_accrued_note(self):
        """Return in words what this document would change of an accrual, or False."""
        self.ensure_one()
        if not self._origin._trtc_get_rows():
            return False
        day = self.date
        if self.state == "draft":
            # The one that it would have if it were posted now.
            day = self._get_accounting_date(
                self.invoice_date or self.company_id._trtc_today(), self._affect_tax_report()
            )
        accruals = self.env["trtc.accrual"].sudo()
        found, total = accruals, ZERO
        held = self._trtc_get_held(day)
        for accrual in accruals._get_in_force(self.company_id, self.currency_id, day):
            amount = accrual._get_effect(self._origin, held)
            if not self.currency_id.is_zero(float(amount)):
                found, total = found | accrual, total or amount
        if not found:
            return False
        values = {
            "days": ", ".join(format_date(self.env, one.date) for one in found),
            "date": format_date(self.env, day),
            "amount": show_money(self.env, abs(total), self.currency_id),
        }
        if total > 0:
            return self.env._(
                "%(days)s: this period end was accrued before, under Reporting / Accruals. With "
                "the accounting date %(date)s, %(amount)s of this document count twice in it. Let "
                "it have a later date, or take the accrual back and propose the day again.",
                **values,
            )
        return self.env._(
            "%(days)s: this period end was accrued before, under Reporting / Accruals. With the "
            "accounting date %(date)s, %(amount)s are missing in it, as they are neither invoiced "
            "nor accrued. Let the document have a later date, or take the accrual back and "
            "propose the day again.",
            **values,
        )
