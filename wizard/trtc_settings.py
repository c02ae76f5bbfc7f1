from odoo import api, fields, models
from odoo.exceptions import AccessError

from odoo.addons.base.models.res_partner import _tzs


class TrtcSettings(models.TransientModel):
    """The settings of a company that a TRTC manager may change.

    Odoo's own settings take a system administrator.
    """

    _name = "trtc.settings"
    _description = "TRTC Billing Settings"

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

    # === ACTION === #

    def action_save(self):
        """Write the settings to the current company."""
        self.ensure_one()
        self._check_may_change()
        self.env.company.sudo().trtc_billing_tz = self.billing_tz

    # === TOOLING === #

    @api.model
    def _check_may_change(self):
        if not self.env.user.has_group("trtc_billing.group_manager"):
            raise AccessError(
                self.env._('Changing these settings takes the group "TRTC Billing / Manager".')
            )
