from datetime import datetime, timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import LockError, UserError, ValidationError
from odoo.tools import format_date

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

    trtc_upgrade_keeps_minutes = fields.Boolean(
        string="TRTC Upgrades Keep Unused Minutes",
        default=True,
        help="The minutes of the edition before an upgrade stay until the end of the term; "
        "otherwise they lapse with it. Tencent's documents do not say.",
    )

    trtc_deferred_account_id = fields.Many2one(
        "account.account",
        string="TRTC Deferred Revenue",
        check_company=True,
        domain="[('account_type', 'in', ('liability_current', 'liability_non_current'))]",
        help="Fees of editions and minute packs wait on this account until they are earned. "
        "Empty: they are revenue as soon as they are invoiced.",
    )
    trtc_deferred_journal_id = fields.Many2one(
        "account.journal",
        string="TRTC Recognition Journal",
        check_company=True,
        domain="[('type', '=', 'general')]",
        help="The journal of the entries that recognise prepayments. Empty: the first "
        "miscellaneous journal.",
    )

    # === CONSTRAINT === #

    @api.constrains("trtc_deferred_account_id", "trtc_deferred_journal_id")
    def _trtc_check_deferral(self):
        self._check_company(["trtc_deferred_account_id", "trtc_deferred_journal_id"])
        for company in self:
            account, journal = company.trtc_deferred_account_id, company.trtc_deferred_journal_id
            if account and account.internal_group != "liability":
                raise ValidationError(
                    self.env._(
                        "%(account)s is no liability: what is paid in advance is owed to the "
                        "customer until it is earned. Choose a liability account.",
                        account=account.display_name,
                    )
                )
            if journal and journal.type != "general":
                raise ValidationError(
                    self.env._(
                        "%(journal)s is no miscellaneous journal, which entries that recognise "
                        "prepayments take.",
                        journal=journal.display_name,
                    )
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

    def _trtc_get_recognition_journal(self):
        """Return the journal of the entries that recognise prepayments.

        :raise UserError: where there is none
        """
        self.ensure_one()
        journal = self.trtc_deferred_journal_id or self._trtc_find_general_journal()
        if not journal:
            raise UserError(
                self.env._(
                    "%(company)s has no miscellaneous journal for entries that recognise "
                    "prepayments. Create one, or choose one in the settings of TRTC Billing.",
                    company=self.display_name,
                )
            )
        return journal

    def _trtc_find_general_journal(self):
        """Return the first miscellaneous journal of this company, or none."""
        journals = self.env["account.journal"]
        return journals.search(
            [*journals._check_company_domain(self), ("type", "=", "general")], limit=1
        )

    def _trtc_lock_for_entries(self):
        """Keep others from proposing entries for this company until the transaction ends.

        :raise UserError: where somebody does so at this moment
        """
        try:
            self.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._(
                    "Somebody else proposes entries or changes settings for %(company)s at "
                    "this moment. Try again.",
                    company=self.display_name,
                )
            ) from error

    def _trtc_check_past(self, date):
        """Raise for a day to come: what is earned until then is not known yet."""
        if date > self._trtc_today():
            raise UserError(
                self.env._(
                    "%(date)s lies in the future: what will be earned until then is not known "
                    "yet. Choose %(today)s or an earlier day.",
                    date=format_date(self.env, date),
                    today=format_date(self.env, self._trtc_today()),
                )
            )

    @api.model
    def _trtc_utcnow(self):
        return datetime.now(timezone.utc)

    def _trtc_get_zone(self):
        """Return the billing time zone of the company.

        Whoever is told about a day is told by its clock, customers as well, who may not read
        settings of a company.
        """
        self.ensure_one()
        return self.sudo().trtc_billing_tz

    def _trtc_today(self):
        """Return today's billing day of the company."""
        return periods.billing_day(self._trtc_utcnow(), self._trtc_get_zone())

    def _trtc_get_day(self, moment):
        """Return the billing day of a moment as Odoo stores it: in UTC, without offset."""
        return periods.billing_day(moment.replace(tzinfo=timezone.utc), self._trtc_get_zone())

    def _trtc_in_billing_time(self, records):
        """Return records of this company for which core's "today" is its billing day.

        Core asks the time zone of the context, else that of the user; the user of scheduled
        actions has none, so that its day is that of UTC.
        """
        return records.with_company(self).with_context(tz=self._trtc_get_zone())

    def _trtc_last_ended_day(self):
        """Return the last billing day of the company that is over."""
        return self._trtc_today() - timedelta(days=1)
