from odoo import api, fields, models
from odoo.exceptions import AccessError

from odoo.addons.base.models.res_partner import _tzs


class TrtcSettings(models.TransientModel):
    """The settings of a company that a TRTC manager may change.

    Odoo's own settings take a system administrator.
    """

    _name = "trtc.settings"
    _description = "TRTC Billing Settings"
    _inherit = ["trtc.given", "trtc.entered"]
    _check_company_auto = True

    # === FIELDS === #

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    billing_tz = fields.Selection(
        selection=_tzs,
        string="Billing Time Zone",
        required=True,
        default=lambda self: self.env.company.trtc_billing_tz,
        help="Days and months of TRTC usage begin and end in this time zone. It is fixed "
        "once the company has usage.",
    )

    auto_settle = fields.Boolean(
        string="Settle Automatically",
        default=lambda self: self.env.company.trtc_auto_settle,
        help="Every day after the settlement hour, days and months that are over are settled.",
    )
    auto_invoice = fields.Boolean(
        string="Invoice Automatically",
        default=lambda self: self.env.company.trtc_auto_invoice,
        help="Invoices are created by themselves: of daily accounts every day, of monthly ones "
        "on the invoice day, after the settlement hour.",
    )
    settlement_hour = fields.Integer(
        default=lambda self: self.env.company.trtc_settlement_hour,
        help="From this hour of the billing time zone on, the day before is settled: 0 to 23.",
    )
    invoice_day = fields.Integer(
        default=lambda self: self.env.company.trtc_invoice_day,
        help="The day of the month on which the month before is invoiced: 1 to 28.",
    )
    upgrade_keeps_minutes = fields.Boolean(
        string="Upgrades Keep Unused Minutes",
        default=lambda self: self.env.company.trtc_upgrade_keeps_minutes,
        help="The minutes of the edition before an upgrade stay until the end of the term; "
        "otherwise they lapse with it.",
    )
    deferred_account_id = fields.Many2one(
        "account.account",
        string="Deferred Revenue",
        check_company=True,
        default=lambda self: self.env.company.trtc_deferred_account_id,
        domain="[('account_type', 'in', ('liability_current', 'liability_non_current'))]",
        help="Fees of editions and minute packs wait on this account until they are earned. "
        "Empty: they are revenue as soon as they are invoiced.",
    )
    deferred_journal_id = fields.Many2one(
        "account.journal",
        string="Recognition Journal",
        check_company=True,
        default=lambda self: self.env.company.trtc_deferred_journal_id,
        domain="[('type', '=', 'general')]",
        help="The journal of the entries that recognise prepayments. Empty: the first "
        "miscellaneous journal.",
    )

    # === ACTION === #

    def action_save(self):
        """Write the settings to the company that they were opened for."""
        self._check_one()
        self._check_may_change()
        if self.company_id not in self.env.user.company_ids:
            raise AccessError(self.env._("You do not work in the company of these settings."))
        self.company_id.sudo().write(
            {
                "trtc_billing_tz": self.billing_tz,
                "trtc_auto_settle": self.auto_settle,
                "trtc_auto_invoice": self.auto_invoice,
                "trtc_settlement_hour": self.settlement_hour,
                "trtc_invoice_day": self.invoice_day,
                "trtc_upgrade_keeps_minutes": self.upgrade_keeps_minutes,
                "trtc_deferred_account_id": self.deferred_account_id.id,
                "trtc_deferred_journal_id": self.deferred_journal_id.id,
            }
        )

    # === TOOLING === #

    @api.model
    def _check_may_change(self):
        if not self.env.user.has_group("trtc_billing.group_manager"):
            raise AccessError(
                self.env._('Changing these settings takes the group "TRTC Billing / Manager".')
            )
