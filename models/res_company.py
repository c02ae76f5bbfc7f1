from datetime import datetime, timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.base.models.res_partner import _tzs

from ..rating import periods


class ResCompany(models.Model):
    _inherit = "res.company"

    # === FIELDS === #

    trtc_billing_tz = fields.Selection(
        selection=_tzs,
        string="TRTC Billing Time Zone",
        required=True,
        default=periods.DEFAULT_ZONE,
        help="Days and months of TRTC usage begin and end in this time zone. "
        "Tencent Cloud International settles in UTC+8.",
    )

    # === CRUD === #

    def write(self, vals):
        if "trtc_billing_tz" in vals:
            for company in self:
                company._trtc_check_zone(vals["trtc_billing_tz"])
        return super().write(vals)

    # === TOOLING === #

    def _trtc_check_zone(self, zone):
        """Raise if days of known usage would begin at another moment."""
        usage = self.env["trtc.usage"].sudo()
        if zone != self.trtc_billing_tz and usage.search_count(
            [("company_id", "=", self.id)], limit=1
        ):
            raise UserError(
                self.env._(
                    "%(company)s has usage already, whose days are those of %(zone)s: the "
                    "billing time zone cannot change any more.",
                    company=self.display_name,
                    zone=self.trtc_billing_tz,
                )
            )

    @api.model
    def _trtc_utcnow(self):
        return datetime.now(timezone.utc)

    def _trtc_today(self):
        """Return today's billing day of the company."""
        self.ensure_one()
        return periods.billing_day(self._trtc_utcnow(), self.trtc_billing_tz)

    def _trtc_last_ended_day(self):
        """Return the last billing day of the company that is over."""
        return self._trtc_today() - timedelta(days=1)
