from odoo import fields, models


class ResCompany(models.Model):
    # A room of its own: what becomes of usage that arrives late.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_grace_days = fields.Integer(
        string="TRTC Grace Days",
        default=2,
        help="Days after the end of an invoicing period for which its usage may still arrive. "
        "Automatic posting waits until they are over. 0: it does not wait.",
    )
    trtc_late_usage = fields.Selection(
        [
            ("refresh", "Refresh drafts until they are posted"),
            ("freeze", "Freeze drafts after the grace days"),
        ],
        string="TRTC Late Usage",
        required=True,
        default="refresh",
        help="What late usage does to a draft whose grace days are over: it joins the draft, or "
        "it comes with the next invoice, as if the draft was posted.",
    )

    _trtc_grace_days_in_month = models.Constraint(
        "CHECK (trtc_grace_days BETWEEN 0 AND 27)",
        "Grace days lie between 0 and 27, so that a month is invoiced before the next one is over.",
    )
