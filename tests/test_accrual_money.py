from decimal import Decimal

from odoo import fields
from odoo.tests import tagged

from ..rating import prices
from .money import EXACT, PERIOD_END, MoneyCase

#: {currency: its smallest coin}
COINS = {"USD": 0.01, "JPY": 1, "KWD": 0.001}
#: How much of a currency one of the company's own buys, at the period end and on the next day.
RATE, NEXT_RATE = 3.7, 4.1


@tagged("post_install", "-at_install")
class TestAccrualMoney(MoneyCase):
    """Accruals to the coin, in companies of other currencies and in branches."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.currencies = {name: cls.get_currency(name, coin) for name, coin in COINS.items()}
        cls.contracts = {name: cls.make_contract(found) for name, found in cls.currencies.items()}

    def set_accrued(self, company, owner=None):
        company.trtc_accrued_account_id = (
            self.env["account.account"]
            .with_company(owner or company)
            .create({"name": "Accrued", "code": "TRTCA", "account_type": "asset_current"})
        )

    def accrue(self, company, account):
        """Return the posted accrual of unsettled usage of an account."""
        self.use(account)
        accruals = self.env["trtc.accrual"].sudo()
        accruals = accruals._propose(company, fields.Date.to_date(PERIOD_END))
        # What was invoiced in November in other currencies is open at the end of October too.
        accrual = accruals.filtered(lambda one: one.currency_id == account.currency_id)
        accrual.action_post()
        return accrual

    def assert_accrued(self, accrual, rate=1.0):
        """Check entry and reversal in both currencies."""
        currency, own = accrual.currency_id, accrual.company_id.currency_id
        total = float(prices.round_money(EXACT, Decimal(repr(currency.rounding))))
        self.assertEqual(accrual.amount_total, total)
        for way, move in ((1, accrual.move_id), (-1, accrual.reversal_id)):
            self.assertEqual(move.state, "posted")
            for unit, field in ((currency, "amount_currency"), (own, "balance")):
                self.assertTrue(unit.is_zero(sum(move.line_ids.mapped(field))), field)
            held = move.line_ids.filtered(
                lambda line: line.account_id == accrual.accrued_account_id
            )
            self.assertEqual(sum(held.mapped("amount_currency")), way * total)
            # At the rate of the period end, also when it is taken back.
            self.assertEqual(sum(held.mapped("balance")), own.round(way * total / rate))

    def test_an_accrual_misses_the_coin_of_its_currency(self):
        for own in COINS:
            company = self.make_company(self.currencies[own])
            self.set_accrued(company)
            for name in COINS:
                with self.subTest(company=own, pricelist=name):
                    rate = 1.0 if name == own else RATE
                    if name != own:
                        days = {"2024-01-01": 1.7, PERIOD_END: RATE, "2024-11-01": NEXT_RATE}
                        self.set_rates(company, self.currencies[name], **days)
                    account = self.make_account(
                        company_id=company.id, pricelist_id=self.contracts[name].id
                    )
                    accrual = self.accrue(company, account)
                    self.assert_accrued(accrual, rate)
                    self.post(PERIOD_END, account)
                    accrual.action_take_back()

    def test_a_branch_cannot_accrue(self):
        parent = self.env.company
        branch = self.env["res.company"].create(
            {"name": "Branch", "parent_id": parent.id, "country_id": parent.country_id.id}
        )
        self.env.user.company_ids |= branch
        self.set_accrued(branch, parent)
        contract = self.make_contract(parent.currency_id)
        account = self.make_account(company_id=branch.id, pricelist_id=contract.id)
        accrual = self.accrue(branch, account)
        self.assert_accrued(accrual)
        self.assertEqual(accrual.move_id.company_id, branch)
