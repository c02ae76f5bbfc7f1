from odoo import fields, models


class TrtcSettings(models.TransientModel):
    # A room of its own: where and how unbilled revenue is accrued.
    _inherit = "trtc.settings"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    accrued_account_id = fields.Many2one(
        "account.account",
        string="Accrued Revenue",
        check_company=True,
        default=lambda self: self.env.company.trtc_accrued_account_id,
        domain="[('account_type', 'in', ('asset_current', 'asset_prepayments'))]",
        help="What is earned at the end of a period and not invoiced yet is an asset on this "
        "account until the next day. Empty: nothing can be accrued.",
    )
    accrual_journal_id = fields.Many2one(
        "account.journal",
        check_company=True,
        default=lambda self: self.env.company.trtc_accrual_journal_id,
        domain="[('type', '=', 'general')]",
        help="The journal of accruals and their reversals. Empty: the first miscellaneous journal.",
    )
    accrue_by_partner = fields.Boolean(
        string="One Line per Customer",
        default=lambda self: self.env.company.trtc_accrue_by_partner,
        help="The lines of an accrual name the customer. Otherwise customers are told apart by "
        "the accrual alone, not by its entry.",
    )
    accrue_analytic = fields.Boolean(
        string="Keep Analytic Distribution",
        default=lambda self: self.env.company.trtc_accrue_analytic,
        help="The income lines of an accrual carry the analytic distribution of their application.",
    )

    # === ACTION === #

    def action_save(self):
        result = super().action_save()
        # The rights were checked; nobody but system administrators writes companies.
        self.company_id.sudo().write(
            {
                "trtc_accrued_account_id": self.accrued_account_id.id,
                "trtc_accrual_journal_id": self.accrual_journal_id.id,
                "trtc_accrue_by_partner": self.accrue_by_partner,
                "trtc_accrue_analytic": self.accrue_analytic,
            }
        )
        return result
