from odoo import fields, models


class ResCompany(models.Model):
    # How old usage may be when it comes in.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_usage_age_months = fields.Integer(
        string="TRTC Usage Waits After (Months)",
        default=36,
        help="Usage that is older than so many months when it comes in is not billed until an "
        "accountant has agreed, under Usage / To Check. 0: no usage is too old. A change holds "
        "for usage that comes in afterwards.",
    )

    _trtc_usage_age_in_range = models.Constraint(
        "CHECK (trtc_usage_age_months BETWEEN 0 AND 1200)",
        "The age after which usage waits lies between 0 and 1200 months. 0: no usage waits.",
    )
