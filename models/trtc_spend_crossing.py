from odoo import api, fields, models

from .exact import AMOUNT_DIGITS, Exact
from .figures import show_figure, show_money


class TrtcSpendCrossing(models.Model):
    """That the usage of a month has reached a mark, and was announced.

    One row per alert, month and amount, so that a restatement which falls below the mark
    and reaches it again is not announced again.  Without an alert: the usage from which a
    contract is to be offered, once per account and calendar year.
    """

    _name = "trtc.spend.crossing"
    _description = "TRTC Spend Reached"
    _inherit = ["trtc.given", "trtc.made"]
    _order = "month desc, id desc"

    # === FIELDS === #

    account_id = fields.Many2one("trtc.account", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="account_id.currency_id")
    alert_id = fields.Many2one("trtc.spend.alert", ondelete="cascade", index="btree_not_null")
    month = fields.Date(required=True, help="The first day of the month.")
    year = fields.Integer(required=True)
    limit_amount = Exact(string="Mark", required=True, digits=AMOUNT_DIGITS)
    amount = Exact(string="Usage Then", required=True, digits=AMOUNT_DIGITS)

    _alert_once = models.UniqueIndex(
        "(alert_id, month, limit_amount) WHERE alert_id IS NOT NULL",
        "This spend alert was announced for the month already.",
    )
    _offer_once = models.UniqueIndex(
        "(account_id, year) WHERE alert_id IS NULL",
        "A contract offer was suggested for the account in this year already.",
    )

    # === COMPUTE === #

    @api.depends("account_id.name", "month")
    def _compute_display_name(self):
        for crossing in self:
            crossing.display_name = f"{crossing.account_id.name}, {crossing._show_month()}"

    # === BUSINESS === #

    def _show_month(self):
        return self.env["trtc.statement"]._get_month_label(self.month) if self.month else ""

    def _describe(self):
        """Return what was reached, in one sentence, in the language of the context."""
        self.ensure_one()
        alert, currency = self.alert_id, self.currency_id
        of = (alert.application_id or self.account_id).display_name
        values = {
            "of": of,
            "month": self._show_month(),
            "amount": show_money(self.env, currency.round(self.amount), currency),
            "limit": show_money(self.env, self.limit_amount, currency),
        }
        if alert.basis == "percent":
            return self.env._(
                "The usage of %(of)s in %(month)s comes to %(amount)s. That reaches %(percent)s %% "
                "of the budget, %(limit)s.",
                percent=show_figure(self.env, alert.value),
                **values,
            )
        return self.env._(
            "The usage of %(of)s in %(month)s comes to %(amount)s. That reaches the mark of "
            "%(limit)s.",
            **values,
        )
