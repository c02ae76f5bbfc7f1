import json
from collections import defaultdict
from decimal import Decimal

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_date

from ..rating import prices
from .markers import REVERSAL, without_claims

ZERO = Decimal(0)


class TrtcAccrual(models.Model):
    # A room of its own: the entry of an accrual, and its reversal.
    _inherit = "trtc.accrual"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    @api.model
    def _create_accrual(self, company, currency, date, journal, unbilled):
        """Make the accrual of one currency with its draft entry.

        :param list unbilled: :class:`Unbilled` figures of accounts of that currency
        :return: the accrual; none where nothing is left when amounts are rounded
        """
        vals_list = self._prepare_lines(company, currency, unbilled)
        groups = defaultdict(list)
        for vals in vals_list:
            if vals["amount_accrued"]:
                groups[self._get_entry_key(company, vals)].append(vals)
        parts = self._get_entry_parts(company, currency, date, groups)
        if not parts:
            return self.browse()
        moves = self.env["account.move"].with_env(without_claims(self.env))
        move = moves.create(self._prepare_entry(company, currency, date, journal, parts))
        income = iter(move.line_ids.sorted("id"))
        for key, *_amounts in parts:
            line = next(income)
            for vals in groups[key]:
                vals["move_line_id"] = line.id
        numbers = self._read_group(
            [
                ("company_id", "=", company.id),
                ("currency_id", "=", currency.id),
                ("date", "=", date),
            ],
            [],
            ["number:max"],
        )
        return self.create(
            {
                "company_id": company.id,
                "currency_id": currency.id,
                "date": date,
                "number": (numbers[0][0] or 0) + 1,
                "move_id": move.id,
                "accrued_account_id": company.trtc_accrued_account_id.id,
                "amount_exact": sum((vals["amount_accrued"] for vals in vals_list), ZERO),
                "amount_total": sum(amount for _key, amount, _balance in parts),
                "line_ids": [Command.create(vals) for vals in vals_list],
            }
        )

    @api.model
    def _prepare_lines(self, company, currency, unbilled):
        """Return the values of the lines of an accrual, those without an amount left out."""
        places, vals_list = {}, []
        for one in unbilled:
            if not one.amount and one.kind != "unpriced":
                continue
            customer = self.env["res.partner"].browse(one.customer_id)
            account = self.env["trtc.account"].browse(one.account_id)._for_customer(customer)
            product = self.env["product.product"].browse(one.product_id).with_company(company)
            application = self.env["trtc.application"].browse(one.application_id or ())
            vals = {
                "account_id": account.id,
                "commercial_partner_id": customer.id,
                "application_id": application.id,
                "item_id": one.item_id,
                "fee_id": one.fee_id,
                "product_id": product.id,
                "name": one.name or product.display_name,
                "kind": one.kind,
                "quantity": one.quantity,
                "amount": one.amount,
                "amount_accrued": ZERO,
            }
            if one.kind in ("settled", "unsettled", "fee"):
                key = account, customer, product
                if key not in places:
                    places[key] = account._get_accrual_places(product)
                income, taxes = places[key]
                vals.update(
                    amount_accrued=account._get_amount_without_taxes(one.amount, taxes),
                    ledger_account_id=income.id,
                    analytic_distribution=company.trtc_accrue_analytic
                    and account._get_analytic_distribution(application),
                )
            vals_list.append(vals)
        return vals_list

    @api.model
    def _get_entry_key(self, company, vals):
        """Return what lines of an accrual must share to be one line of its entry."""
        partner = vals["commercial_partner_id"] if company.trtc_accrue_by_partner else False
        analytic = json.dumps(vals["analytic_distribution"] or {}, sort_keys=True)
        return vals["ledger_account_id"], partner, analytic

    @api.model
    def _get_entry_parts(self, company, currency, date, groups):
        """Return [(key, amount, balance)] of the income lines of an entry, each rounded.

        :param dict groups: {key: values of lines}
        :raise UserError: where the currency has no rate of exchange on that day
        """
        missing = company._trtc_get_missing_rate(currency, date)
        if groups and missing:
            raise UserError(company._trtc_show_missing_rate(missing, date))
        rounding = Decimal(repr(currency.rounding))
        parts = []
        for key, found in groups.items():
            exact = sum((vals["amount_accrued"] for vals in found), ZERO)
            amount = float(prices.round_money(exact, rounding))
            if not currency.is_zero(amount):
                balance = currency._convert(amount, company.currency_id, company, date)
                parts.append((key, amount, balance))
        return parts

    @api.model
    def _prepare_entry(self, company, currency, date, journal, parts):
        """Return the values of the entry: income lines, then those of accrued revenue."""
        accrued = defaultdict(lambda: (0.0, 0.0))
        for (_account, partner, _analytic), amount, balance in parts:
            amounts = accrued[partner]
            accrued[partner] = amounts[0] + amount, amounts[1] + balance
        lines = [
            self._prepare_entry_line(company, currency, date, account, partner, -amount, -balance)
            | {"analytic_distribution": json.loads(analytic) or False}
            for (account, partner, analytic), amount, balance in parts
        ]
        lines += [
            self._prepare_entry_line(
                company,
                currency,
                date,
                company.trtc_accrued_account_id.id,
                partner,
                currency.round(amount),
                company.currency_id.round(balance),
            )
            for partner, (amount, balance) in accrued.items()
        ]
        return {
            "move_type": "entry",
            "company_id": company.id,
            "journal_id": journal.id,
            "currency_id": currency.id,
            "date": date,
            "ref": self.env._(
                "TRTC services until %(date)s, not invoiced", date=format_date(self.env, date)
            ),
            "line_ids": [Command.create(vals) for vals in lines],
        }

    @api.model
    def _prepare_entry_line(self, company, currency, date, account_id, partner_id, amount, balance):
        """Return the values of one line of the entry; debits are positive."""
        return {
            "account_id": account_id,
            "partner_id": partner_id,
            "name": self.env._(
                "TRTC services until %(date)s, not invoiced", date=format_date(self.env, date)
            ),
            "currency_id": currency.id,
            "amount_currency": amount,
            "balance": balance,
            "tax_ids": [Command.clear()],
        }

    def _reverse(self):
        """Make the reversals of these posted accruals on the next day.

        One that lies in the future is posted by Odoo's own schedule when its day comes.
        """
        for accrual in self:
            if accrual.reversal_id.state in ("draft", "posted"):
                continue
            reversal = accrual.move_id.with_context(trtc_accrual=REVERSAL)._reverse_moves(
                [
                    {
                        "date": accrual.reversal_date,
                        "ref": self.env._("Reversal of: %(ref)s", ref=accrual.move_id.ref),
                    }
                ]
            )
            accrual.reversal_id = reversal
            accrual.company_id._trtc_in_billing_time(reversal)._post()
            accrual.message_post(
                body=self.env._(
                    "%(user)s posted %(entry)s; it is reversed on %(date)s.",
                    user=self.env.user.name,
                    entry=accrual.move_id.name,
                    date=format_date(self.env, accrual.reversal_date),
                )
            )

    def _take_reversal_back(self):
        """Take the reversals of these accruals back, whose entries are posted no more."""
        for accrual in self:
            reversal = accrual.reversal_id
            if reversal.state not in ("draft", "posted"):
                continue
            if reversal.state == "posted":
                reversal.button_draft()
            reversal._trtc_take_back()
            accrual.message_post(
                body=self.env._(
                    "%(user)s took the entry back, and with it its reversal.",
                    user=self.env.user.name,
                )
            )
