from odoo import fields, models


class TrtcApplication(models.Model):
    # A room of its own: what one application may use in a month, in money.
    _inherit = "trtc.application"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    currency_id = fields.Many2one(related="account_id.currency_id", string="Currency")
    spend_budget = fields.Monetary(
        string="Monthly Budget",
        groups="trtc_billing.group_user",
        help="For the alerts of the account that go by this application: without taxes and "
        "fees, for the usage of a calendar month. 0: none.",
    )

    _spend_budget_positive = models.Constraint(
        "CHECK (spend_budget >= 0)", "A monthly budget cannot be negative."
    )
