from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    # === FIELDS === #

    trtc_billing_tz = fields.Selection(
        related="company_id.trtc_billing_tz", readonly=False, required=True
    )
    trtc_upgrade_keeps_minutes = fields.Boolean(
        related="company_id.trtc_upgrade_keeps_minutes", readonly=False
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
