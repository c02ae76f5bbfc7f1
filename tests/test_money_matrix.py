from itertools import product

from odoo import Command
from odoo.tests import tagged

from .money import EXACT, INVOICE_DATE, PERIOD_END, USE, MoneyCase

#: {currency: smallest coin}
COINS = {"USD": 0.01, "EUR": 0.01, "CNY": 0.01, "JPY": 1, "KWD": 0.001}
#: What one unit of the company's currency buys, at the end of the period and at the date of
#: the invoice: numbers that convert to no round amount.
RATES = {
    ("USD", "EUR"): (0.921, 0.9187),
    ("USD", "CNY"): (7.1203, 7.0871),
    ("EUR", "USD"): (1.0857, 1.0885),
    ("EUR", "CNY"): (7.7306, 7.7153),
    ("CNY", "USD"): (0.14044, 0.1411),
    ("JPY", "USD"): (0.006577, 0.006568),
    ("JPY", "CNY"): (0.04681, 0.04655),
    ("KWD", "USD"): (3.2616, 3.2595),
    ("KWD", "CNY"): (23.21, 23.103),
}
INCLUDED = ("tax_excluded", "tax_included")
METHODS = ("round_per_line", "round_globally")
#: Each pair of tax and method, twice as two halves that have every value of both.
HALVES = (
    (("tax_excluded", "round_per_line"), ("tax_included", "round_globally")),
    (("tax_excluded", "round_globally"), ("tax_included", "round_per_line")),
)


@tagged("post_install", "-at_install")
class TestMoneyMatrix(MoneyCase):
    """Books to the cent: pricelists x companies' currencies x taxes x rounding of taxes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.currencies = {name: cls.get_currency(name, coin) for name, coin in COINS.items()}
        cls.contracts = {name: cls.make_contract(found) for name, found in cls.currencies.items()}

    def _make_company(self, name):
        company = self.make_company(self.currencies[name])
        self._set_rates(company)
        return company

    def _set_rates(self, company):
        name = company.currency_id.name
        for other, currency in self.currencies.items():
            if (name, other) in RATES:
                at_end, at_invoice = RATES[name, other]
                self.set_rates(
                    company, currency, **{"2024-01-01": 1.7, PERIOD_END: at_end},
                    **{INVOICE_DATE: at_invoice, "2024-12-01": 3.3},
                )  # fmt: skip

    def _bill_and_credit(self, company, name, **vals):
        """Bill a month, check it, take all of it back and check that."""
        account = self.make_account(
            company_id=company.id, pricelist_id=self.contracts[name].id, **vals
        )
        rate = RATES.get((company.currency_id.name, name), (1, 1))[1]
        records = self.use(account)
        move = self.post(PERIOD_END, account)
        self.assertEqual(move.currency_id, self.currencies[name])
        self.assertEqual(move.company_currency_id, company.currency_id)
        self.assert_money(move, EXACT, rate)
        self.send(account, [{**record, "quantity": 0} for record in records])
        credit = self.post("2024-11-30", account)
        self.assert_money(credit, EXACT, rate)
        self.assert_mirror(move, credit)
        return move, credit

    def _test_company(self, name):
        company = self._make_company(name)
        for position, other in enumerate(dict.fromkeys(("USD", "CNY", name))):
            for included, method in HALVES[position % 2]:
                with self.subTest(company=name, pricelist=other, tax=included, method=method):
                    company.tax_calculation_rounding_method = method
                    tax = self.make_tax(company, price_include_override=included)
                    self.set_taxes(company, tax)
                    move, _credit = self._bill_and_credit(company, other)
                    self.assertEqual(move.invoice_line_ids.tax_ids, tax)

    # === CURRENCIES === #

    def test_dollars_miss_a_cent(self):
        self._test_company("USD")

    def test_euros_miss_a_cent(self):
        self._test_company("EUR")

    def test_yuan_miss_a_cent(self):
        self._test_company("CNY")

    def test_yen_have_decimals(self):
        self._test_company("JPY")

    def test_dinars_lose_their_third_decimal(self):
        self._test_company("KWD")

    # === TAXES === #

    def _each_way(self):
        """Go through both kinds of taxes and both ways to round them."""
        self._set_rates(self.env.company)
        for included, method in product(INCLUDED, METHODS):
            self.env.company.tax_calculation_rounding_method = method
            yield included

    def test_an_included_and_an_added_tax_are_mixed_up(self):
        """What prices include counts for the total, what comes on top does not."""
        for _included in self._each_way():
            inside = self.make_tax(self.env.company, 19, price_include_override="tax_included")
            on_top = self.make_tax(self.env.company, 7, price_include_override="tax_excluded")
            self.set_taxes(self.env.company, inside | on_top)
            move, _credit = self._bill_and_credit(self.env.company, "USD")
            taxes = move.line_ids.grouped("tax_line_id")
            stated = move.amount_untaxed - sum(taxes[inside].mapped("amount_currency"))
            self.assertAlmostEqual(stated, 595.33)
            self.assertAlmostEqual(
                move.amount_total - stated, -sum(taxes[on_top].mapped("amount_currency"))
            )

    def test_items_are_taxed_differently(self):
        for included in self._each_way():
            self.set_taxes(self.env.company, self.make_tax(self.env.company))
            other = self.make_tax(self.env.company, 7.7, price_include_override=included)
            self.item("av_hd").product_id.taxes_id = [Command.set(other.ids)]
            self.item("slice_audio").product_id.taxes_id = False
            self._bill_and_credit(self.env.company, "CNY")

    def test_a_fiscal_position_leaves_the_rounding_line_behind(self):
        """It maps the taxes and the account of every line."""
        for included in self._each_way():
            company = self.env.company
            domestic = self.make_tax(company, 21, price_include_override=included)
            export_account = self.company_data["default_account_revenue"].copy()
            position = self.env["account.fiscal.position"].create(
                {
                    "name": "Export",
                    "account_ids": [
                        Command.create(
                            {"account_src_id": account.id, "account_dest_id": export_account.id}
                        )
                        for account in self._get_income_accounts(company)
                    ],
                }
            )
            export = self.make_tax(
                company,
                5,
                price_include_override=included,
                fiscal_position_ids=[Command.set(position.ids)],
                original_tax_ids=[Command.set(domestic.ids)],
            )
            self.set_taxes(company, domestic)
            partner = self.customer.copy({"property_account_position_id": position.id})
            for move in self._bill_and_credit(company, "USD", partner_id=partner.id):
                self.assertEqual(move.fiscal_position_id, position)
                self.assertEqual(move.invoice_line_ids.tax_ids, export)
                self.assertEqual(move.invoice_line_ids.account_id, export_account)

    def _get_income_accounts(self, company):
        products = self.env["trtc.item"].search([("code", "in", list(USE))]).product_id
        products |= self.env.ref("trtc_billing.product_rounding")
        accounts = self.env["account.account"]
        for product_ in products.with_company(company):
            accounts |= product_.product_tmpl_id.get_product_accounts()["income"]
        return accounts

    def test_reverse_charge_is_charged(self):
        """By the country of the customer, found by the fiscal position itself."""
        france = self.env.ref("base.fr")
        for included in self._each_way():
            company = self.env.company
            domestic = self.make_tax(company, 21, price_include_override=included)
            self.env["account.fiscal.position"].search([("auto_apply", "=", True)]).active = False
            position = self.env["account.fiscal.position"].create(
                {
                    "name": "Reverse charge",
                    "auto_apply": True,
                    "country_id": france.id,
                    "vat_required": True,
                }
            )
            parts = [
                Command.clear(),
                Command.create({"repartition_type": "base"}),
                Command.create({"repartition_type": "tax", "factor_percent": 100}),
                Command.create({"repartition_type": "tax", "factor_percent": -100}),
            ]
            reverse = self.make_tax(
                company,
                21,
                price_include_override="tax_excluded",
                fiscal_position_ids=[Command.set(position.ids)],
                original_tax_ids=[Command.set(domestic.ids)],
                invoice_repartition_line_ids=parts,
                refund_repartition_line_ids=parts,
            )
            self.set_taxes(company, domestic)
            partner = self.customer.copy({"country_id": france.id, "vat": "FR23334175221"})
            for move in self._bill_and_credit(company, "CNY", partner_id=partner.id):
                self.assertEqual(move.fiscal_position_id, position)
                self.assertEqual(move.invoice_line_ids.tax_ids, reverse)
                self.assertEqual((move.amount_tax, move.amount_total), (0, 595.33))
                taxes = move.line_ids.filtered("tax_line_id")
                self.assertEqual(len(taxes), 2)
                self.assertTrue(move.currency_id.is_zero(sum(taxes.mapped("amount_currency"))))
