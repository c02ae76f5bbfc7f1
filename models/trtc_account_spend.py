from collections import defaultdict
from decimal import Decimal

from markupsafe import Markup

from odoo import Command, api, fields, models
from odoo.tools import SQL

from ..rating import periods
from .figures import show_money, to_decimal

#: Percentages of the alerts that a new budget is given.
USUAL_PERCENTAGES = (75, 90, 100)


class TrtcAccount(models.Model):
    # A room of its own: usage in money per month, and who is told of it.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    spend_budget = fields.Monetary(
        string="Monthly Budget",
        tracking=True,
        groups="trtc_billing.group_user",
        help="Without taxes and fees, for the usage of a calendar month. It limits nothing: "
        "it is what alerts take percentages of. 0: none.",
    )
    spend_alert_ids = fields.One2many(
        "trtc.spend.alert", "account_id", groups="trtc_billing.group_user"
    )
    spend_this_month = fields.Monetary(
        compute="_compute_spend",
        compute_sudo=True,
        groups="trtc_billing.group_user",
        help="The settled usage of this calendar month, in billing time, without taxes and fees.",
    )
    spend_last_month = fields.Monetary(
        compute="_compute_spend", compute_sudo=True, groups="trtc_billing.group_user"
    )
    spend_percent = fields.Float(
        string="Budget Used",
        compute="_compute_spend",
        compute_sudo=True,
        groups="trtc_billing.group_user",
    )

    _spend_budget_positive = models.Constraint(
        "CHECK (spend_budget >= 0)", "A monthly budget cannot be negative."
    )

    # === COMPUTE === #

    @api.depends("spend_budget")
    def _compute_spend(self):
        for company, accounts in self.grouped("company_id").items():
            month = periods.period_of((company or self.env.company)._trtc_today(), periods.MONTH)[0]
            before = periods.add_months(month, -1)
            spend = accounts._origin._get_spend([before, month])
            for account in accounts:
                key = account._origin.id, None
                amount = spend.get((*key, month), Decimal(0))
                account.spend_this_month = float(amount)
                account.spend_last_month = float(spend.get((*key, before), Decimal(0)))
                budget = account.spend_budget
                account.spend_percent = budget and 100 * float(amount) / budget

    @api.onchange("spend_budget")
    def _onchange_spend_budget(self):
        """Offer the usual alerts with the first budget; they are saved with the form."""
        if self.spend_budget and not self.spend_alert_ids:
            self.spend_alert_ids = [
                Command.create({"basis": "percent", "value": percentage})
                for percentage in USUAL_PERCENTAGES
            ]

    # === BUSINESS === #

    def _settle(self, until, book):
        statements = super()._settle(until, book)
        self._follow_spend(statements)
        return statements

    def _get_spend(self, months):
        """Return {(account id, application id or None, first day of a month): Decimal}.

        The exact sum of what statements charge for the usage of calendar months, over all
        revisions; without fees and commitments.  None stands for the whole account.

        :param months: first days of months
        """
        self.env["trtc.statement.line"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT account_id, application_id, date_trunc('month', date)::date,
                       sum(amount)::text
                  FROM trtc_statement_line
                 WHERE account_id = ANY(%s) AND date BETWEEN %s AND %s
                 GROUP BY 1, 2, 3
                """,
                self.ids,
                min(months),
                periods.period_of(max(months), periods.MONTH)[1],
            )
        )
        spend = defaultdict(Decimal)
        for account_id, application_id, month, amount in rows:
            spend[account_id, None, month] += Decimal(amount)
            if application_id:
                spend[account_id, application_id, month] += Decimal(amount)
        return spend

    def _follow_spend(self, statements):
        """Announce what the usage of the months of new statements has reached.

        :param statements: what was settled just now, of this account
        """
        self.ensure_one()
        dates = statements.line_ids.mapped("date")
        months = sorted({periods.period_of(day, periods.MONTH)[0] for day in dates})
        if not months:
            return
        alerts, offer = self.spend_alert_ids, self._get_offer_limits(months)
        if not alerts and not offer:
            return
        spend = self._get_spend(months)
        self._announce_spend(self._log_crossings(alerts, months, spend))
        for month, limit in offer.items():
            if spend[self.id, None, month] >= limit:
                self._announce_offer(month, limit, spend[self.id, None, month])

    def _log_crossings(self, alerts, months, spend):
        """Write down what alerts are reached in months, each once; return what is new.

        :return: ``trtc.spend.crossing`` records
        """
        known = {
            (crossing.alert_id, crossing.month, to_decimal(crossing.limit_amount, 8))
            for crossing in alerts.crossing_ids.filtered(lambda one: one.month in months)
        }
        vals_list = []
        for alert in alerts:
            limit = alert._get_limit()
            for month in months if limit else ():
                amount = spend[self.id, alert.application_id.id or None, month]
                if amount >= limit and (alert, month, limit) not in known:
                    vals_list.append(self._prepare_crossing(month, limit, amount, alert))
        return self.env["trtc.spend.crossing"].create(vals_list)

    def _prepare_crossing(self, month, limit, amount, alert=None):
        """Return the values of the row that keeps an announcement."""
        return {
            "account_id": self.id,
            "alert_id": alert and alert.id,
            "month": month,
            "year": month.year,
            "limit_amount": limit,
            "amount": amount,
        }

    def _announce_spend(self, crossings):
        """Tell of the marks that are reached; of several of one month only the highest."""
        highest = self._get_highest(crossings)
        if not highest:
            return
        user = self._get_user_to_notify()
        lang = user.lang or self.env.lang
        texts = [one.with_context(lang=lang)._describe() for one in highest]
        note = Markup("<br/>").join(texts)
        self._tell(user, self.with_context(lang=lang).env._("Spend alert"), note)
        template = self.env.ref("trtc_billing.mail_template_spend", raise_if_not_found=False)
        # A customer whose first bills go back for months is told of nothing long past.
        month = periods.period_of(self.company_id._trtc_today(), periods.MONTH)[0]
        recent = crossings.filtered(lambda one: one.month >= periods.add_months(month, -1))
        told = self._get_highest(recent.filtered("alert_id.notify_customer"))
        for crossing in told if template else ():
            self._post_template(template, crossing, self._get_invoice_partner())

    @api.model
    def _get_highest(self, crossings):
        """Return of each month and application, or the whole account, the highest mark."""
        groups = crossings.grouped(lambda one: (one.month, one.alert_id.application_id))
        highest = crossings.browse()
        for found in groups.values():
            highest |= found.sorted("limit_amount")[-1]
        return highest.sorted(lambda one: (one.month, one.alert_id.application_id.id))

    # === OFFER OF A CONTRACT === #

    def _get_offer_limits(self, months):
        """Return {month: usage in the currency of the account that is worth a contract}.

        Only months of a shipped list: whoever has a pricelist of the own has a contract.
        """
        company = self.company_id
        if not (company.trtc_offer_amount and company.trtc_offer_currency_id):
            return {}
        shipped = self._get_shipped_pricelists()
        currencies = company.trtc_offer_currency_id | self.currency_id
        limits = {}
        for month in months:
            last = periods.period_of(month, periods.MONTH)[1]
            day = min(last, company._trtc_today())
            if len(currencies) > 1 and any(
                company._trtc_get_missing_rate(one, day) for one in currencies
            ):
                # Nobody knows yet what the amount is worth in the currency of the account.
                continue
            if self._get_pricelist(last) in shipped:
                limit = company.trtc_offer_currency_id._convert(
                    company.trtc_offer_amount,
                    self.currency_id,
                    company,
                    day,
                    round=False,
                )
                limits[month] = to_decimal(limit, 8)
        return limits

    @api.model
    def _get_shipped_pricelists(self):
        """Return the pricelists that come with this module."""
        lists = self.env["product.pricelist"]
        for name in ("pricelist_usd", "pricelist_cny"):
            lists |= self.env.ref(f"trtc_billing.{name}", raise_if_not_found=False) or lists
        return lists

    def _announce_offer(self, month, limit, amount):
        """Have the salesperson offer a contract: once per calendar year, never the customer."""
        crossings = self.env["trtc.spend.crossing"]
        if crossings.search_count(
            [("account_id", "=", self.id), ("alert_id", "=", False), ("year", "=", month.year)],
            limit=1,
        ):
            return
        crossing = crossings.create(self._prepare_crossing(month, limit, amount))
        user = self._get_user_to_notify()
        crossing = crossing.with_context(lang=user.lang or self.env.lang)
        company, env = self.company_id, crossing.env
        note = env._(
            "The usage of %(account)s in %(month)s comes to %(amount)s at list prices. From "
            "%(limit)s a month on, Tencent itself offers contracts with discounts.",
            account=self.display_name,
            month=crossing._show_month(),
            amount=show_money(env, self.currency_id.round(float(amount)), self.currency_id),
            limit=show_money(env, company.trtc_offer_amount, company.trtc_offer_currency_id),
        )
        self._tell(user, env._("Offer a contract"), note)
