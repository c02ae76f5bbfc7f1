from odoo import fields, models


class TrtcSettings(models.TransientModel):
    # How old usage may be when it comes in.
    _inherit = "trtc.settings"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    usage_age_months = fields.Integer(
        string="Usage Waits After (Months)",
        default=lambda self: self.env.company.trtc_usage_age_months,
        help="Usage that is older than so many months when it comes in is not billed until an "
        "accountant has agreed, under Usage / To Check. 0: no usage is too old. A change holds "
        "for usage that comes in afterwards.",
    )

    # === ACTION === #

    def action_save(self):
        result = super().action_save()
        # The rights were checked; nobody but system administrators writes companies.
        self.company_id.sudo().trtc_usage_age_months = self.usage_age_months
        return result
