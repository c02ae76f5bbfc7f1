from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    # === FIELDS === #

    trtc_billing_tz = fields.Selection(
        related="company_id.trtc_billing_tz", readonly=False, required=True
    )
    trtc_auto_settle = fields.Boolean(related="company_id.trtc_auto_settle", readonly=False)
    trtc_auto_invoice = fields.Boolean(related="company_id.trtc_auto_invoice", readonly=False)
    trtc_settlement_hour = fields.Integer(
        related="company_id.trtc_settlement_hour", readonly=False
    )
    trtc_invoice_day = fields.Integer(related="company_id.trtc_invoice_day", readonly=False)
    trtc_upgrade_keeps_minutes = fields.Boolean(
        related="company_id.trtc_upgrade_keeps_minutes", readonly=False
    )
    trtc_grace_days = fields.Integer(related="company_id.trtc_grace_days", readonly=False)
    trtc_late_usage = fields.Selection(
        related="company_id.trtc_late_usage", readonly=False, required=True
    )
    trtc_usage_age_months = fields.Integer(
        related="company_id.trtc_usage_age_months", readonly=False
    )
    trtc_credit_rate = fields.Selection(
        related="company_id.trtc_credit_rate", readonly=False, required=True
    )
    trtc_deferred_account_id = fields.Many2one(
        related="company_id.trtc_deferred_account_id",
        readonly=False,
        check_company=True,
        domain="[('account_type', 'in', ('liability_current', 'liability_non_current'))]",
    )
    trtc_deferred_journal_id = fields.Many2one(
        related="company_id.trtc_deferred_journal_id",
        readonly=False,
        check_company=True,
        domain="[('type', '=', 'general')]",
    )
    trtc_accrued_account_id = fields.Many2one(
        related="company_id.trtc_accrued_account_id",
        readonly=False,
        check_company=True,
        domain="[('account_type', 'in', ('asset_current', 'asset_prepayments'))]",
    )
    trtc_accrual_journal_id = fields.Many2one(
        related="company_id.trtc_accrual_journal_id",
        readonly=False,
        check_company=True,
        domain="[('type', '=', 'general')]",
    )
    trtc_accrue_by_partner = fields.Boolean(
        related="company_id.trtc_accrue_by_partner", readonly=False
    )
    trtc_accrue_analytic = fields.Boolean(related="company_id.trtc_accrue_analytic", readonly=False)
