from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import fields, models

from ..rating import periods


class ResCompany(models.Model):
    # A room of its own: when automatic runs settle and invoice.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_auto_settle = fields.Boolean(
        string="TRTC Automatic Settlement",
        default=True,
        help="Every day after the settlement hour, days and months that are over are settled.",
    )
    trtc_auto_invoice = fields.Boolean(
        string="TRTC Automatic Invoicing",
        default=True,
        help="Invoices are created by themselves: of daily accounts every day, of monthly ones "
        "on the invoice day, after the settlement hour.",
    )
    trtc_settlement_hour = fields.Integer(
        string="TRTC Settlement Hour",
        default=8,
        help="From this hour of the billing time zone on, the day before is settled. Tencent "
        "itself makes the bill of a day from 08:00 on.",
    )
    trtc_invoice_day = fields.Integer(
        string="TRTC Invoice Day",
        default=1,
        help="The day of the month on which the month before is invoiced, 1 to 28. Tencent "
        "itself does so from the 1st to the 3rd.",
    )

    _trtc_settlement_hour_of_day = models.Constraint(
        "CHECK (trtc_settlement_hour BETWEEN 0 AND 23)",
        "The settlement hour lies between 0 and 23.",
    )
    _trtc_invoice_day_of_month = models.Constraint(
        "CHECK (trtc_invoice_day BETWEEN 1 AND 28)",
        "The invoice day lies between 1 and 28, so that every month has it.",
    )

    # === TOOLING === #

    def _trtc_get_scheduled_day(self):
        """Return the last day that automatic runs settle now: yesterday, from the hour on."""
        self.ensure_one()
        now = self._trtc_utcnow().astimezone(ZoneInfo(self._trtc_get_zone()))
        return now.date() - timedelta(days=1 if now.hour >= self.trtc_settlement_hour else 2)

    def _trtc_get_scheduled_invoice_day(self, cycle):
        """Return the last day of the newest period that automatic runs invoice now.

        :param cycle: invoicing period, ``day`` or ``month``
        """
        until = self._trtc_get_scheduled_day()
        if cycle == periods.MONTH:
            until -= timedelta(days=self.trtc_invoice_day - 1)
        return periods.last_ended(until, cycle)
