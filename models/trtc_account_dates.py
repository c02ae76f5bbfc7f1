from datetime import timedelta
from typing import NamedTuple

from odoo import models


class Dating(NamedTuple):
    """The date of an invoice to be: see :meth:`TrtcAccount._get_dating`.

    ``date`` is empty where locks leave no day until today open; ``locks`` are those that the day
    of the rule, ``wanted``, violates: [(last locked day, field of the company)].
    """

    wanted: object
    date: object
    locks: list


class TrtcAccount(models.Model):
    # A room of its own: which day an invoice carries, and what locks have to say to it.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_invoice_date(self, period):
        """Return the day that the account's rule gives to an invoice.

        :param period: the invoicing period, (first day, last day); of fees alone it is empty,
            and their invoice is dated on the day of issue
        :return: a date; False: the day on which it is posted
        """
        self.ensure_one()
        if self.invoice_date_rule == "period_end":
            return period[1] and min(period[1], self.company_id._trtc_today())
        return False

    def _get_dating(self, wanted, has_tax, journal):
        """Return the :class:`Dating` of an invoice: past all locks that its date violates.

        As in Odoo, exceptions that the user of the run was granted count.

        :param wanted: the day that it should carry; False: today
        :param bool has_tax: whether it matters to the tax report
        :param journal: the journal that it is posted in
        """
        self.ensure_one()
        today = self.company_id._trtc_today()
        wanted = day = wanted or today
        locks = self.company_id._get_violated_lock_dates(day, has_tax, journal)
        violated = locks
        while violated and day <= today:
            day = violated[-1][0] + timedelta(days=1)
            violated = self.company_id._get_violated_lock_dates(day, has_tax, journal)
        # A day to come that somebody chose is Odoo's matter, unless it is locked.
        return Dating(wanted, day if day <= today or not locks else False, locks)

    def _get_grace_end(self, day):
        """Return the last day on which late usage still joins the draft of a period.

        :param date day: last day of the invoicing period
        """
        self.ensure_one()
        return day + timedelta(days=self.company_id.trtc_grace_days)
