from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class ResCompany(models.Model):
    # A room of its own: where and how unbilled revenue is accrued.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_accrued_account_id = fields.Many2one(
        "account.account",
        string="TRTC Accrued Revenue",
        check_company=True,
        domain="[('account_type', 'in', ('asset_current', 'asset_prepayments'))]",
        help="What is earned at the end of a period and not invoiced yet is an asset on this "
        "account until the next day. Empty: nothing can be accrued.",
    )
    trtc_accrual_journal_id = fields.Many2one(
        "account.journal",
        string="TRTC Accrual Journal",
        check_company=True,
        domain="[('type', '=', 'general')]",
        help="The journal of accruals and their reversals. Empty: the first miscellaneous journal.",
    )
    trtc_accrue_by_partner = fields.Boolean(
        string="TRTC Accruals by Customer",
        help="The lines of an accrual name the customer, one line each. Otherwise customers are "
        "told apart by the accrual alone, not by its entry.",
    )
    trtc_accrue_analytic = fields.Boolean(
        string="TRTC Accruals Keep Analytic Distribution",
        default=True,
        help="The income lines of an accrual carry the analytic distribution of their application.",
    )

    # === BUSINESS === #

    def _trtc_filter_accruing(self):
        """Return those companies that accrue, or did so."""
        groups = self.env["trtc.accrual"].sudo()._read_group(
            [("company_id", "in", self.ids)], ["company_id"]
        )
        known = self.browse(company.id for (company,) in groups)
        return self.filtered(
            lambda company: company.sudo().trtc_accrued_account_id or company in known
        )

    # === CONSTRAINT === #

    @api.constrains("trtc_accrued_account_id", "trtc_accrual_journal_id")
    def _trtc_check_accrual(self):
        self._check_company(["trtc_accrued_account_id", "trtc_accrual_journal_id"])
        for company in self:
            account, journal = company.trtc_accrued_account_id, company.trtc_accrual_journal_id
            if account and account.account_type not in ("asset_current", "asset_prepayments"):
                raise ValidationError(
                    self.env._(
                        "%(account)s cannot hold accrued revenue: what customers will be invoiced "
                        "is a current asset, apart from what they owe already. Choose an account "
                        "of the type Current Assets.",
                        account=account.display_name,
                    )
                )
            if journal and journal.type != "general":
                raise ValidationError(
                    self.env._(
                        "%(journal)s is no miscellaneous journal, which accruals take.",
                        journal=journal.display_name,
                    )
                )

    # === TOOLING === #

    def _trtc_get_accrual_journal(self):
        """Return the journal of accruals.

        :raise UserError: where there is none
        """
        self.ensure_one()
        journal = self.trtc_accrual_journal_id or self._trtc_find_general_journal()
        if not journal:
            raise UserError(
                self.env._(
                    "%(company)s has no miscellaneous journal for accruals. Create one, or "
                    "choose one in the settings of TRTC Billing.",
                    company=self.display_name,
                )
            )
        return journal
