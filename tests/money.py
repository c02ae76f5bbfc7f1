"""Companies of other currencies, their taxes, and what books must add up to."""

from decimal import Decimal

from odoo import Command

from ..rating import prices
from .common import TrtcCommon

#: {item code: (price, minutes)}: amounts that end in 4 thousandths, so that rounded lines miss
#: their sum, 595.332, in every currency but those of three decimals.
USE = {
    "av_hd": ("0.004", 123_151),
    "av_audio": ("0.004", 24_441),
    "slice_audio": ("0.004", 1_241),
}
EXACT = Decimal("595.332")
PERIOD_END, INVOICE_DATE = "2024-10-31", "2024-11-04"


class MoneyCase(TrtcCommon):
    # === BUILDERS === #

    @classmethod
    def make_company(cls, currency):
        """Return a company that keeps its books in a currency."""
        company = cls._create_company(name=f"Books in {currency.name}", currency_id=currency.id)
        cls.env.user.company_ids |= company
        return company

    @classmethod
    def get_currency(cls, name, rounding):
        currency = cls.env["res.currency"].with_context(active_test=False)
        currency = currency.search([("name", "=", name)])
        currency.write({"active": True, "rounding": rounding})
        return currency

    @classmethod
    def set_rates(cls, company, currency, **by_day):
        """Set how much of a currency the company's own buys from some days on."""
        cls.env["res.currency.rate"].search(
            [("currency_id", "=", currency.id), ("company_id", "=", company.id)]
        ).unlink()
        cls.env["res.currency.rate"].create(
            [
                {
                    "currency_id": currency.id,
                    "company_id": company.id,
                    "name": day,
                    "rate": rate,
                }
                for day, rate in by_day.items()
            ]
        )

    @classmethod
    def make_tax(cls, company, rate=21, **vals):
        number = cls.env["account.tax"].with_context(active_test=False).search_count([])
        return cls.env["account.tax"].create(
            {
                "name": f"Tax {number}",
                "amount": rate,
                "type_tax_use": "sale",
                "company_id": company.id,
                "country_id": company.account_fiscal_country_id.id,
                **vals,
            }
        )

    @classmethod
    def set_taxes(cls, company, taxes):
        """Tax what a company bills like this, whatever its chart of accounts says."""
        accounts = cls.env["account.account"].with_company(company).search([])
        accounts.tax_ids = False
        products = cls.env["trtc.item"].search([]).product_id
        products |= cls.env.ref("trtc_billing.product_rounding")
        kept = products.taxes_id.filtered(lambda tax: tax.company_id != company)
        products.taxes_id = [Command.set((kept | taxes).ids)]

    @classmethod
    def make_contract(cls, currency):
        return cls.make_pricelist(
            {code: price for code, (price, _minutes) in USE.items()}, currency
        )

    def use(self, account):
        """Send the usage of :data:`USE`; return the records."""
        application = self.make_application(account)
        records = [
            self.record(code, minutes, "2024-10-07", application, unit="min")
            for code, (_price, minutes) in USE.items()
        ]
        self.send(account, records)
        return records

    def send(self, account, records):
        usage = self.env["trtc.usage"].with_company(account.company_id)
        self.assertFalse(usage.ingest(records, "test")["rejected"])

    def post(self, until, account, date=INVOICE_DATE):
        """Settle and invoice an account, and post the one document on a day."""
        move = self.invoice(until, account).ensure_one()
        move.invoice_date = date
        move.action_post()
        return move

    # === CHECKS === #

    def assert_money(self, move, exact=EXACT, rate=1.0):
        """Check an invoice or credit note to the cent, in its currency and in the company's.

        :param Decimal exact: what it bills, in the terms that prices are stated in
        :param float rate: how much of its currency one of the company's bought on its day
        """
        currency, company_currency = move.currency_id, move.company_id.currency_id
        expected = float(prices.round_money(exact, Decimal(repr(currency.rounding))))
        on_top = move.line_ids.filtered(
            lambda line: line.tax_line_id and not line.tax_line_id.price_include
        )
        taxes = move.direction_sign * sum(on_top.mapped("amount_currency"))
        self.assertEqual(currency.round(move.amount_total - taxes), expected)
        self._assert_no_idle_rounding(move, expected)
        for currency_, field in ((currency, "amount_currency"), (company_currency, "balance")):
            self.assertTrue(currency_.is_zero(sum(move.line_ids.mapped(field))), field)
        due = move.line_ids.filtered(lambda line: line.display_type == "payment_term")
        self.assertEqual(
            sum(due.mapped("amount_currency")), -move.direction_sign * move.amount_total
        )
        # Odoo converts each line by itself, from its unrounded amount; where it rounds taxes
        # per document, a cent may wander between them.
        step = company_currency.rounding
        for line in move.line_ids - due:
            exactly = line.amount_currency / rate
            self.assertLessEqual(abs(line.balance - exactly), 1.5 * step + 1e-9, line.name)
        total = move.amount_untaxed / rate
        lines = len(move.invoice_line_ids)
        self.assertLessEqual(
            abs(abs(move.amount_untaxed_signed) - total), (lines + 1) / 2 * step + 1e-9
        )
        if company_currency == currency:
            self.assertEqual(abs(move.amount_untaxed_signed), move.amount_untaxed)
        self.assert_nothing_due(move.trtc_account_id)

    def _assert_no_idle_rounding(self, move, expected):
        """Check that there is a rounding line where lines miss the total, and nowhere else."""
        rounding = move.invoice_line_ids.filtered("trtc_is_rounding")
        self.assertLessEqual(len(rounding), 1)
        if move.company_id.tax_calculation_rounding_method == "round_per_line":
            stated = sum(map(self._get_stated, move.invoice_line_ids - rounding))
            missing = move.currency_id.round(expected - stated)
            self.assertEqual(sum(rounding.mapped("price_unit")), missing)
        self.assertFalse(rounding and move.currency_id.is_zero(rounding.price_unit))

    def _get_stated(self, line):
        """Return the amount of a line with those taxes that its price includes."""
        taxes = line.tax_ids.compute_all(line.price_unit, line.currency_id, line.quantity)
        included = [tax["amount"] for tax in taxes["taxes"] if tax["price_include"]]
        return taxes["total_excluded"] + sum(included)

    def assert_nothing_due(self, account):
        lines = self.lines(of=account).with_company(account.company_id)
        self.assertTrue(lines)
        self.assertFalse(lines.filtered("is_to_invoice"))

    def assert_mirror(self, move, credit):
        """Check that a credit note takes an invoice back, account by account."""
        self.assertEqual(credit.move_type, "out_refund")
        for field in ("amount_untaxed", "amount_tax", "amount_total"):
            self.assertEqual(credit[field], move[field], field)
        sums = {}
        for line in (move | credit).line_ids:
            sums.setdefault(line.account_id, [0, 0])
            sums[line.account_id][0] += line.amount_currency
            sums[line.account_id][1] += line.balance
        for account, (amount, balance) in sums.items():
            self.assertTrue(move.currency_id.is_zero(amount), account.display_name)
            self.assertTrue(move.company_currency_id.is_zero(balance), account.display_name)
