from odoo import fields, models


class ResCompany(models.Model):
    # A room of its own: what follows from overdue invoices and from usage in money.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_arrears_policy = fields.Selection(
        [
            ("none", "Nothing"),
            ("remind", "Remind"),
            ("suspend", "Remind, then suspend"),
        ],
        string="TRTC Overdue Invoices",
        required=True,
        default="remind",
        help="What follows by itself when an invoice is overdue: an e-mail to the customer, and "
        "after the hours of grace the suspension of all applications of the account.",
    )
    trtc_arrears_days = fields.Integer(
        string="TRTC Days until the Reminder",
        help="Whole days after the due date. 0: on the day after it.",
    )
    trtc_arrears_grace_hours = fields.Integer(
        string="TRTC Hours of Grace",
        default=24,
        help="From the reminder to the suspension. Tencent itself gives 24.",
    )
    trtc_arrears_minimum = fields.Monetary(
        string="TRTC Smallest Arrears",
        help="If less is overdue, nothing follows. In the currency of the company.",
    )
    trtc_offer_amount = fields.Float(
        string="TRTC Contract Offer From",
        digits=(16, 2),
        default=3000,
        help="Usage of a calendar month from which the salesperson is to offer a contract to a "
        "customer at list prices; 0: never. Tencent itself names 3,000 USD.",
    )
    trtc_offer_currency_id = fields.Many2one(
        "res.currency",
        string="TRTC Contract Offer Currency",
        default=lambda self: self.env.ref("base.USD", raise_if_not_found=False),
    )

    _trtc_arrears_days_positive = models.Constraint(
        "CHECK (trtc_arrears_days >= 0 AND trtc_arrears_grace_hours >= 0"
        " AND trtc_arrears_minimum >= 0 AND trtc_offer_amount >= 0)",
        "Days, hours and amounts of the policy for arrears cannot be negative.",
    )
