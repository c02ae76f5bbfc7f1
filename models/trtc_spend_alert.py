from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .exact import AMOUNT_DIGITS, Exact
from .figures import show_figure, show_money, to_decimal


class TrtcSpendAlert(models.Model):
    """A mark that the usage of a calendar month may reach, in money.

    Usage is what statements charge for it, exact and without taxes; fees are left out.
    """

    _name = "trtc.spend.alert"
    _description = "TRTC Spend Alert"
    _inherit = ["trtc.given", "trtc.entered"]
    _order = "account_id, application_id, basis desc, value, id"
    _check_company_auto = True

    # === FIELDS === #

    account_id = fields.Many2one(
        "trtc.account", required=True, ondelete="cascade", index=True, check_company=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="account_id.currency_id")
    application_id = fields.Many2one(
        "trtc.application",
        ondelete="cascade",
        index="btree_not_null",
        check_company=True,
        domain="[('account_id', '=', account_id)]",
        help="Only the usage of this application counts. Empty: that of the whole account.",
    )
    basis = fields.Selection(
        [("percent", "% of the budget"), ("amount", "Amount")], required=True, default="percent"
    )
    value = Exact(
        string="At",
        required=True,
        digits=AMOUNT_DIGITS,
        help="Percent of the monthly budget, or an amount in the currency of the account.",
    )
    notify_customer = fields.Boolean(
        string="Tell the Customer",
        help="Also write to the customer. The salesperson is told in any case.",
    )
    crossing_ids = fields.One2many("trtc.spend.crossing", "alert_id")
    limit = fields.Char(string="In Money", compute="_compute_limit")
    reached = fields.Char(
        string="Last Reached", compute="_compute_reached", help="The newest such month."
    )

    _value_positive = models.Constraint(
        "CHECK (value > 0)", "A spend alert needs a percentage or an amount above zero."
    )

    # === COMPUTE === #

    @api.depends("application_id.name", "basis", "value", "account_id.name", "currency_id")
    def _compute_display_name(self):
        for alert in self:
            of = alert.application_id.name or alert.account_id.name or ""
            alert.display_name = f"{of}: {alert._get_label()}"

    @api.depends(
        "basis", "value", "account_id.spend_budget", "application_id.spend_budget", "currency_id"
    )
    def _compute_limit(self):
        for alert in self:
            limit = alert._get_limit()
            alert.limit = limit and show_money(self.env, limit, alert.currency_id)

    @api.depends("crossing_ids.month")
    def _compute_reached(self):
        for alert in self:
            newest = alert.sudo().crossing_ids.sorted("month")[-1:]
            alert.reached = newest._show_month() if newest else False

    # === CONSTRAINT === #

    @api.constrains("application_id", "account_id")
    def _check_application(self):
        for alert in self:
            if alert.application_id and alert.application_id.account_id != alert.account_id:
                raise ValidationError(
                    self.env._(
                        "%(application)s belongs to another account: choose an application of "
                        "%(account)s for its spend alert.",
                        application=alert.application_id.display_name,
                        account=alert.account_id.display_name,
                    )
                )

    @api.constrains("basis", "application_id", "account_id")
    def _check_budget(self):
        for alert in self:
            of = alert.application_id or alert.account_id
            if alert.basis == "percent" and not of.spend_budget:
                raise ValidationError(
                    self.env._(
                        "%(of)s has no monthly budget of which to take a percentage. Enter one, "
                        "or let the spend alert go by an amount.",
                        of=of.display_name,
                    )
                )

    # === BUSINESS === #

    def _get_limit(self):
        """Return the exact amount a month at which this alert speaks up, or None."""
        self.ensure_one()
        value = to_decimal(self.value or 0.0)
        if self.basis == "percent":
            budget = (self.application_id or self.account_id).spend_budget
            value *= to_decimal(budget or 0.0) / 100
        return to_decimal(value, 8) or None

    def _get_label(self):
        """Return in words at what this alert speaks up."""
        if self.basis == "percent":
            return self.env._(
                "%(percent)s %% of the budget", percent=show_figure(self.env, self.value)
            )
        return show_money(self.env, self.value, self.currency_id)
