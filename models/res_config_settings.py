from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    # === FIELDS === #

    trtc_billing_tz = fields.Selection(
        related="company_id.trtc_billing_tz", readonly=False, required=True
    )
