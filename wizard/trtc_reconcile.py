from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tools import SQL, format_date

from ..models.figures import show_figure
from ..rating import prices

ZERO = Decimal(0)


class TrtcReconcile(models.TransientModel):
    """Reconcile usage, fees, invoices and accrual of a company at the end of a day.

    For each account: what is rated is what is invoiced, accrued, goodwill or waived by hand.
    Invoices count with the totals that were posted, not with what they were made from.
    """

    _name = "trtc.reconcile"
    _description = "Reconcile TRTC Services"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    date = fields.Date(
        string="Until",
        required=True,
        default=lambda self: self.env.company._trtc_today().replace(day=1) - timedelta(days=1),
    )
    line_ids = fields.One2many("trtc.reconcile.line", "wizard_id", readonly=True)
    is_done = fields.Boolean(readonly=True)
    is_off = fields.Boolean(
        string="Differs", readonly=True, help="The difference of some account is not zero."
    )
    accrual_ids = fields.Many2many("trtc.accrual", string="Accruals", readonly=True)
    has_later = fields.Boolean(
        string="Accrual Is Outdated",
        readonly=True,
        help="The accrual of the day holds other amounts than what is known by now.",
    )

    # === COMPUTE === #

    @api.depends("date", "company_id")
    def _compute_display_name(self):
        for wizard in self:
            wizard.display_name = self.env._(
                "Reconciliation of %(date)s",
                date=format_date(self.env, wizard.date) if wizard.date else "",
            )

    # === ACTION === #

    def action_open(self):
        """Work the figures out, and show them."""
        self._check_one()
        company = self._get_company()
        accruals = (
            self.env["trtc.accrual"]
            .sudo()
            .search(
                [
                    ("company_id", "=", company.id),
                    ("date", "=", self.date),
                    ("state", "in", ("draft", "posted", "reversed")),
                ]
            )
        )
        rows = self.sudo().with_company(company)._get_rows(company, accruals)
        self.write(
            {
                "is_done": True,
                "is_off": any(vals["difference"] for vals in rows),
                "has_later": any(vals.get("later") for vals in rows),
                "accrual_ids": [Command.set(accruals.ids)],
                "line_ids": [Command.clear(), *(Command.create(vals) for vals in rows)],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Reconciliation"),
            "res_model": "trtc.reconcile",
            "res_id": self.id,
            "view_mode": "form",
        }

    def action_analyse(self):
        """Open the figures as a list and a pivot table."""
        self._check_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "trtc_billing.trtc_reconcile_line_action"
        )
        return {**action, "domain": [("wizard_id", "=", self.id)]}

    def action_print(self):
        """Return the reconciliation as PDF."""
        self._check_one()
        return self.env.ref("trtc_billing.action_report_reconcile").report_action(self)

    # === BUSINESS === #

    def _get_rows(self, company, accruals):
        """Return the values of the lines, one per account that has anything to reconcile.

        :param accruals: those of the day whose lines count as accrued
        """
        accounts = self.env["trtc.account"].with_context(active_test=False)
        accounts = accounts.search([("company_id", "=", company.id)])
        sums = defaultdict(lambda: defaultdict(Decimal))
        for one in accounts._get_unbilled(self.date):
            if one.kind in ("settled", "unsettled", "fee"):
                row = sums[one.account_id]
                row["fees" if one.kind == "fee" else one.kind] += one.rated
                row["goodwill"] += one.goodwill
                row["accrued"] += one.amount
        if accruals:
            accrued = self._get_accrued(accruals)
            for account_id in set(sums) | set(accrued):
                row, held = sums[account_id], accrued.get(account_id, ZERO)
                row["later"], row["accrued"] = row["accrued"] - held, held
        for account_id, figures in self._get_invoiced(accounts).items():
            for name, figure in figures.items():
                sums[account_id][name] += figure
        return [
            self._prepare_row(accounts.browse(account_id), row)
            for account_id, row in sorted(sums.items())
            if any(row.values())
        ]

    @api.model
    def _prepare_row(self, account, row):
        """Return the values of the line of an account.

        :param row: exact sums by name of the field
        """
        rated = row["settled"] + row["unsettled"] + row["fees"]
        explained = sum(
            row[name] for name in ("invoiced", "accrued", "later", "goodwill", "by_hand")
        )
        return {
            "account_id": account.id,
            "currency_id": account.currency_id.id,
            **row,
            "difference": rated + row["rounding"] - explained,
        }

    @api.model
    def _get_accrued(self, accruals):
        """Return {account id: exact sum of what some accruals accrue of it}."""
        self.env["trtc.accrual.line"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT account_id, sum(amount)::text FROM trtc_accrual_line
                 WHERE accrual_id = ANY(%s) AND kind IN ('settled', 'unsettled', 'fee')
                 GROUP BY account_id
                """,
                accruals.ids,
            )
        )
        return {account_id: Decimal(amount) for account_id, amount in rows}

    def _get_invoiced(self, accounts):
        """Return {account id: {"invoiced", "rounding", "by_hand": exact sums}}.

        An invoice counts with its posted total. What its total gains by being rounded once is
        known from what it bills, lines that bill no usage count as added by hand; anything else
        that it gains stays in "invoiced", and so shows as a difference. An invoice of several
        accounts has these at its main one.
        """
        sums = defaultdict(lambda: defaultdict(Decimal))
        shares = defaultdict(dict)
        for move_id, account_id, amount, by_hand in self._get_held(accounts):
            shares[move_id][account_id] = amount
            sums[account_id]["invoiced"] += amount
            sums[account_id]["by_hand"] -= by_hand
        for move_id, account_id, currency, total, added, cash in self._get_totals(accounts, shares):
            exact = sum(shares[move_id].values(), ZERO)
            rounded = prices.round_money(exact, Decimal(repr(currency.rounding)))
            if account_id not in accounts.ids:
                account_id = max(shares[move_id], key=lambda one: abs(shares[move_id][one]))
            sums[account_id]["invoiced"] += total - exact
            sums[account_id]["rounding"] += rounded - exact + cash
            sums[account_id]["by_hand"] -= added
        return sums

    def _get_held(self, accounts):
        """Return [(move id, account id, exact sum, that part of it which is by hand)]."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT move_id, account_id, sum(amount)::text,
                       coalesce(sum(amount) FILTER (WHERE class = 'manual'), 0)::text
                  FROM (%s) AS held GROUP BY move_id, account_id
                """,
                accounts._get_held_query(self.date),
            )
        )
        return [(move, account, Decimal(one), Decimal(two)) for move, account, one, two in rows]

    def _get_totals(self, accounts, move_ids):
        """Return [(move id, account id, currency, total, added, cash)] of posted invoices.

        The total, what of it lines without usage come to and what it gains by rounding for
        cash, are signed and in the terms of the prices: with taxes that they include.

        :param move_ids: those that hold usage or fees; others that name an account are added
        """
        taxes = self.env["account.tax"].search([("active", "in", (True, False))])
        included = taxes.filtered("price_include")
        rows = self.env.execute_query(
            SQL(
                """
                SELECT move.id, move.trtc_account_id, move.currency_id,
                       ((CASE move.move_type WHEN 'out_refund' THEN -1 ELSE 1 END)
                        * move.amount_untaxed
                        - coalesce((SELECT sum(line.amount_currency) FROM account_move_line line
                                     WHERE line.move_id = move.id
                                       AND line.tax_line_id = ANY(%(included)s)), 0))::text,
                       ((CASE move.move_type WHEN 'out_refund' THEN -1 ELSE 1 END)
                        * (SELECT %(added)s FROM account_move_line line
                            WHERE line.move_id = move.id))::text,
                       ((CASE move.move_type WHEN 'out_refund' THEN -1 ELSE 1 END)
                        * (SELECT %(cash)s FROM account_move_line line
                            WHERE line.move_id = move.id))::text
                  FROM account_move move
                  JOIN res_currency currency ON currency.id = move.currency_id
                 WHERE move.state = 'posted' AND move.date <= %(date)s
                   AND move.move_type IN ('out_invoice', 'out_refund')
                   AND (move.id = ANY(%(moves)s) OR move.trtc_account_id = ANY(%(accounts)s))
                """,
                included=included.ids,
                added=self.env["account.move.line"]._trtc_get_added_sql(),
                cash=self.env["account.move.line"]._trtc_get_cash_sql(),
                date=self.date,
                moves=list(move_ids),
                accounts=accounts.ids,
            )
        )
        currencies = self.env["res.currency"]
        return [
            (move_id, account_id, currencies.browse(currency_id), *map(Decimal, figures))
            for move_id, account_id, currency_id, *figures in rows
        ]

    # === TOOLING === #

    def _get_company(self):
        """Return the company with the rights to see its usage, if the user may reconcile it."""
        if not self.env.user.has_group("trtc_billing.group_accountant"):
            raise AccessError(
                self.env._('Reconciling takes the group "TRTC Billing / Accountant".')
            )
        if self.company_id not in self.env.user.company_ids:
            raise AccessError(self.env._("You do not work in this company."))
        return self.company_id.sudo()

    def _get_report_lines(self):
        """Return [(currency, lines, {field: exact sum})] for the printed page."""
        names = [
            name
            for name, field in self.line_ids._fields.items()
            if field.type == "float" and field.store
        ]
        return [
            (
                currency,
                lines,
                {name: sum((Decimal(repr(line[name])) for line in lines), ZERO) for name in names},
            )
            for currency, lines in self.line_ids.grouped("currency_id").items()
        ]

    def _show(self, figure, currency):
        """Return a figure in full, in the reader's number format."""
        return show_figure(self.env, figure, currency.decimal_places)
