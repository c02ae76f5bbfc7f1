from odoo import fields, models


class TrtcSettings(models.TransientModel):
    # A room of its own: what follows from overdue invoices and from usage in money.
    _inherit = "trtc.settings"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    company_currency_id = fields.Many2one(related="company_id.currency_id")
    arrears_policy = fields.Selection(
        selection=lambda self: self.env["res.company"]._fields["trtc_arrears_policy"].selection,
        string="Overdue Invoices",
        required=True,
        default=lambda self: self.env.company.trtc_arrears_policy,
        help="What follows by itself when an invoice is overdue.",
    )
    arrears_days = fields.Integer(
        string="Days until the Reminder",
        default=lambda self: self.env.company.trtc_arrears_days,
        help="Whole days after the due date. 0: on the day after it.",
    )
    arrears_grace_hours = fields.Integer(
        string="Hours of Grace",
        default=lambda self: self.env.company.trtc_arrears_grace_hours,
        help="From the reminder to the suspension. Tencent itself gives 24.",
    )
    arrears_minimum = fields.Monetary(
        string="Smallest Arrears",
        currency_field="company_currency_id",
        default=lambda self: self.env.company.trtc_arrears_minimum,
        help="If less is overdue, nothing follows.",
    )
    offer_amount = fields.Float(
        string="Offer a Contract From",
        digits=(16, 2),
        default=lambda self: self.env.company.trtc_offer_amount,
        help="Usage of a calendar month at list prices. 0: never.",
    )
    offer_currency_id = fields.Many2one(
        "res.currency", default=lambda self: self.env.company.trtc_offer_currency_id
    )

    # === ACTION === #

    def action_save(self):
        result = super().action_save()
        # The rights were checked; nobody but system administrators writes companies.
        self.company_id.sudo().write(
            {
                "trtc_arrears_policy": self.arrears_policy,
                "trtc_arrears_days": self.arrears_days,
                "trtc_arrears_grace_hours": self.arrears_grace_hours,
                "trtc_arrears_minimum": self.arrears_minimum,
                "trtc_offer_amount": self.offer_amount,
                "trtc_offer_currency_id": self.offer_currency_id.id,
            }
        )
        return result
