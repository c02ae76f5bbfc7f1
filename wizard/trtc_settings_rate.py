from odoo import fields, models


class TrtcSettings(models.TransientModel):
    # A room of its own: which rate of exchange credit notes have.
    _inherit = "trtc.settings"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    credit_rate = fields.Selection(
        selection=lambda self: self.env["res.company"]._fields["trtc_credit_rate"].selection,
        string="Credit Note Rate",
        required=True,
        default=lambda self: self.env.company.trtc_credit_rate,
        help="Which rate of exchange a credit note of TRTC usage has, where it is in another "
        "currency than the books.",
    )

    # === ACTION === #

    def action_save(self):
        result = super().action_save()
        # The rights were checked; nobody but system administrators writes companies.
        self.company_id.sudo().trtc_credit_rate = self.credit_rate
        return result
