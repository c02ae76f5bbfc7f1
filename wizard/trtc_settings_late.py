from odoo import fields, models


class TrtcSettings(models.TransientModel):
    # A room of its own: what becomes of usage that arrives late.
    _inherit = "trtc.settings"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    grace_days = fields.Integer(
        default=lambda self: self.env.company.trtc_grace_days,
        help="Days after the end of an invoicing period for which its usage may still arrive. "
        "Automatic posting waits until they are over. 0: it does not wait.",
    )
    late_usage = fields.Selection(
        selection=lambda self: self.env["res.company"]._fields["trtc_late_usage"].selection,
        required=True,
        default=lambda self: self.env.company.trtc_late_usage,
        help="What late usage does to a draft whose grace days are over: it joins the draft, or "
        "it comes with the next invoice, as if the draft was posted.",
    )

    # === ACTION === #

    def action_save(self):
        result = super().action_save()
        # The rights were checked; nobody but system administrators writes companies.
        self.company_id.sudo().write(
            {"trtc_grace_days": self.grace_days, "trtc_late_usage": self.late_usage}
        )
        return result
