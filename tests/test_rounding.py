from decimal import Decimal

from odoo import Command
from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestRounding(TrtcCommon):
    """Exact money: rounded to the currency once, half up, on the invoice."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_taxes(cls.env["account.tax"])

    def _use_a1(self, account=None):
        """Use what the provider's example of audio/video duration uses (A1)."""
        application = self.make_application(account)
        for item, minutes in (("av_hd", 60), ("av_2k", 240), ("av_audio", 60)):
            self.usage(item, minutes, "2024-10-07", application, unit="min")

    def _tax(self, rate, **vals):
        number = self.env["account.tax"].search_count([])
        return self.env["account.tax"].create(
            {"name": f"Tax {number}", "amount": rate, "type_tax_use": "sale", **vals}
        )

    @classmethod
    def _set_taxes(cls, taxes):
        """Tax everything that is billed like this, whatever the chart of accounts says."""
        cls.env["account.account"].search([]).tax_ids = False
        products = cls.env["trtc.item"].search([]).product_id
        products |= cls.env.ref("trtc_billing.product_rounding")
        products.taxes_id = [Command.set(taxes.ids)]

    def _assert_total(self, move, untaxed, tax=0):
        """Check the totals on the invoice, in its ledger and on the customer's account."""
        self.assertEqual(move.amount_untaxed, untaxed)
        self.assertEqual(move.amount_tax, tax)
        self.assertEqual(move.amount_total, round(untaxed + tax, 6))
        receivable = move.line_ids.filtered(lambda line: line.display_type == "payment_term")
        self.assertEqual(round(sum(receivable.mapped("amount_currency")), 6), move.amount_total)
        self.assertEqual(round(-sum(move.invoice_line_ids.mapped("amount_currency")), 6), untaxed)

    # === THE SUM OF ROUNDED LINES IS NOT THE ROUNDED SUM === #

    def test_the_published_example_is_a_cent_off(self):
        self._use_a1()
        move = self.invoice("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("4.1364"))
        move.action_post()
        self._assert_total(move, 4.14)
        self.assert_books()

    def test_lines_that_round_to_nothing_are_billed_at_nothing(self):
        self.env.company.tax_calculation_rounding_method = "round_per_line"
        for item, minutes in (("av_hd", 1), ("av_audio", 4), ("slice_audio", 3)):
            self.usage(item, minutes, "2024-10-07", unit="min")
        move = self.invoice("2024-10-31")
        rounding = move.invoice_line_ids.filtered("trtc_is_rounding")
        self.assertEqual(rounding.price_subtotal, 0.01)
        self.assertIn("0.01242", rounding.name)
        self._assert_total(move, 0.01)

    def test_lines_that_round_up_are_billed_too_high(self):
        self.env.company.tax_calculation_rounding_method = "round_per_line"
        for item, minutes in (("av_hd", 2), ("av_audio", 6), ("slice_audio", 4)):
            self.usage(item, minutes, "2024-10-07", unit="min")
        move = self.invoice("2024-10-31")
        rounding = move.invoice_line_ids.filtered("trtc_is_rounding")
        self.assertEqual(rounding.price_subtotal, -0.01)
        self._assert_total(move, 0.02)

    def test_many_lines_miss_by_many_cents(self):
        self.env.company.tax_calculation_rounding_method = "round_per_line"
        items = self.env["trtc.item"].search([("cycle", "=", "day")])
        prices = {item.code: "0.004" for item in items if item.product_id.uom_id == item.uom_id}
        self.account.pricelist_id = self.make_pricelist(prices)
        edition = self.env["trtc.edition"].create(
            {
                "name": "All",
                "code": "all",
                "feature_ids": [Command.set(items.feature_id.ids)],
            }
        )
        self.subscribe(self.application, edition.code, "2024-01-01")
        for code in prices:
            self.usage(code, 60, "2024-10-07")
        move = self.invoice("2024-10-31")
        exact = Decimal("0.004") * len(prices)
        self.assertEqual(self.total("amount"), exact)
        self._assert_total(move, float(round(exact, 2)))
        self.assertEqual(len(move.invoice_line_ids.filtered("trtc_is_rounding")), 1)

    def test_taxes_rounded_globally_get_a_rounding_line_too_many(self):
        self.env.company.tax_calculation_rounding_method = "round_globally"
        for item, minutes in (("av_hd", 2), ("av_audio", 6), ("slice_audio", 4)):
            self.usage(item, minutes, "2024-10-07", unit="min")
        move = self.invoice("2024-10-31")
        self.assertFalse(move.invoice_line_ids.filtered("trtc_is_rounding"))
        self._assert_total(move, 0.02)

    def test_an_invoice_without_a_difference_gets_a_rounding_line(self):
        self.usage("av_hd", 1000, "2024-10-07", unit="min")
        move = self.invoice("2024-10-31")
        self.assertFalse(move.invoice_line_ids.filtered("trtc_is_rounding"))
        self._assert_total(move, 3.99)

    # === HALF UP === #

    def test_half_a_cent_is_rounded_to_even(self):
        for quantity, price, expected in (
            (1, "0.005", 0.01),
            (1, "0.025", 0.03),
            (201, "0.005", 1.01),
            (5, "0.201", 1.01),
            (1, "2.675", 2.68),
            (1, "1.0049999", 1.00),
            (9, "114.995", 1034.96),
            (1, "1000000000.005", 1000000000.01),
        ):
            with self.subTest(quantity=quantity, price=price):
                account = self.make_account(pricelist_id=self.make_pricelist({"av_hd": price}).id)
                application = self.make_application(account)
                self.usage("av_hd", quantity, "2024-10-07", application, unit="min")
                self._assert_total(self.invoice("2024-10-31", account), expected)

    def test_half_a_cent_of_a_credit_is_rounded_towards_the_seller(self):
        contract = self.make_pricelist({"av_hd": "0.005"})
        self.account.pricelist_id = contract
        record = self.record("av_hd", 5, "2024-10-07", unit="min")
        self.ingest(record)
        self.invoice("2024-10-31").action_post()
        self.ingest({**record, "quantity": 2})
        credit = self.invoice("2024-10-31")
        self.assertEqual(credit.move_type, "out_refund")
        self.assertEqual(credit.amount_untaxed, 0.02)

    def test_lines_of_a_credit_miss_its_total(self):
        for method in ("round_per_line", "round_globally"):
            for included in ("tax_excluded", "tax_included"):
                with self.subTest(method=method, included=included):
                    self.env.company.tax_calculation_rounding_method = method
                    self._set_taxes(self._tax(19, price_include_override=included))
                    account = self.make_account()
                    application = self.make_application(account)
                    records = [
                        self.record(item, minutes, "2024-10-07", application, unit="min")
                        for item, minutes in (
                            ("av_hd", 102),
                            ("av_audio", 106),
                            ("slice_audio", 104),
                        )
                    ]
                    self.ingest(*records)
                    self.invoice("2024-10-31", account).action_post()
                    self.ingest(*({**record, "quantity": 100} for record in records))
                    credit = self.invoice("2024-10-31", account)
                    # 2 x 0.00399 + 6 x 0.00099 + 4 x 0.00149 = 0.01988
                    self.assertEqual(credit.move_type, "out_refund")
                    stated = credit.amount_untaxed
                    if included == "tax_included":
                        stated = credit.amount_total
                    self.assertEqual(stated, 0.02)
                    credit.action_post()

    # === TAXES === #

    def test_taxes_make_the_untaxed_total_miss(self):
        for method in ("round_per_line", "round_globally"):
            for rate, tax in ((8.375, 0.35), (19, 0.79), (21, 0.87)):
                with self.subTest(method=method, rate=rate):
                    self.env.company.tax_calculation_rounding_method = method
                    self._set_taxes(self._tax(rate))
                    account = self.make_account()
                    self._use_a1(account)
                    move = self.invoice("2024-10-31", account)
                    move.action_post()
                    self.assertEqual(move.amount_untaxed, 4.14)
                    self.assertAlmostEqual(move.amount_tax, tax, delta=0.0101)
                    self._assert_total(move, 4.14, move.amount_tax)

    def test_a_rounding_line_escapes_the_taxes_of_what_it_rounds(self):
        for method in ("round_per_line", "round_globally"):
            with self.subTest(method=method):
                self.env.company.tax_calculation_rounding_method = method
                tax = self._tax(20)
                self._set_taxes(tax)
                account = self.make_account()
                application = self.make_application(account)
                for item, minutes in (("av_hd", 2), ("av_audio", 6), ("slice_audio", 4)):
                    self.usage(item, minutes, "2024-10-07", application, unit="min")
                move = self.invoice("2024-10-31", account)
                self.assertEqual(move.amount_untaxed, 0.02)
                rounding = move.invoice_line_ids.filtered("trtc_is_rounding")
                if method == "round_per_line":
                    self.assertTrue(rounding)
                self.assertEqual(rounding.tax_ids, tax & rounding.tax_ids)
                move.action_post()
                self._assert_total(move, 0.02, move.amount_tax)

    def test_lines_of_different_taxes_share_one_difference(self):
        for method in ("round_per_line", "round_globally"):
            with self.subTest(method=method):
                self.env.company.tax_calculation_rounding_method = method
                self._set_taxes(self._tax(10))
                self.item("av_audio").product_id.taxes_id = self._tax(20)
                self.item("slice_audio").product_id.taxes_id = False
                account = self.make_account()
                application = self.make_application(account)
                for item, minutes in (("av_hd", 101), ("av_audio", 106), ("slice_audio", 104)):
                    self.usage(item, minutes, "2024-10-07", application, unit="min")
                move = self.invoice("2024-10-31", account)
                # 0.40299 + 0.10494 + 0.15496 = 0.66289
                move.action_post()
                self._assert_total(move, 0.66, move.amount_tax)

    def test_prices_with_taxes_included_are_taxed_on_top(self):
        for method in ("round_per_line", "round_globally"):
            with self.subTest(method=method):
                self.env.company.tax_calculation_rounding_method = method
                self._set_taxes(self._tax(19, price_include_override="tax_included"))
                account = self.make_account()
                self._use_a1(account)
                move = self.invoice("2024-10-31", account)
                move.action_post()
                self.assertEqual(move.amount_total, 4.14)
                self._assert_total(move, move.amount_untaxed, move.amount_tax)

    # === CURRENCIES === #

    def test_another_currency_is_rounded_to_cents(self):
        for name, rounding, expected in (("JPY", 1, 4), ("KWD", 0.001, 4.136), ("USD", 0.01, 4.14)):
            with self.subTest(currency=name):
                currency = (
                    self.env["res.currency"]
                    .with_context(active_test=False)
                    .search([("name", "=", name)])
                )
                currency.write({"active": True, "rounding": rounding})
                prices = {"av_hd": "0.00399", "av_2k": "0.01599", "av_audio": "0.00099"}
                contract = self.make_pricelist(prices, currency=currency)
                account = self.make_account(pricelist_id=contract.id)
                self._use_a1(account)
                move = self.invoice("2024-10-31", account)
                self.assertEqual(move.currency_id, currency)
                self._assert_total(move, expected)

    # === EXACTNESS === #

    def test_tiny_prices_are_cut_off(self):
        self.account.pricelist_id = self.make_pricelist({"av_hd": "0.0000123"})
        self.usage("av_hd", 1_000_000, "2024-10-07", unit="min")
        move = self.invoice("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("12.3"))
        self._assert_total(move, 12.30)

    def test_large_quantities_lose_their_last_minutes(self):
        self.ingest(*(self.record("av_hd", 740_740_734_072, "2024-10-07") for _n in range(10)))
        move = self.invoice("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("492592588.15788"))
        self._assert_total(move, 492592588.16)

    def test_noise_of_floats_becomes_an_adjustment(self):
        self.account.pricelist_id = self.make_pricelist({"av_hd": "0.123456789012"})
        for minutes in ("987654321", "123456789.25", "7"):
            self.usage("av_hd", minutes, "2024-10-07", unit="min")
        self.settle("2024-10-31")
        self.usage("av_audio", 0, "2024-10-07")
        self.assertFalse(self.settle("2024-10-31"))

    def test_a_fraction_of_a_unit_becomes_an_adjustment_each_time(self):
        """Blocks of a second: 61 s are 1.01666... minutes."""
        self.item("av_hd").block_size = 1
        for seconds in (61, 22, 3):
            self.usage("av_hd", seconds, f"2024-10-{seconds % 28 + 1:02}")
        self.settle("2024-10-31")
        self.usage("av_audio", 60, "2024-10-06")
        self.assertEqual(self.settle("2024-10-31").line_ids.item_id.code, "av_audio")
        move = self.invoice("2024-10-31")
        # 86 s / 60 x 0.00399 + 0.00099 = 0.006709
        self._assert_total(move, 0.01)
        self.assert_books()

    def test_a_month_in_days_misses_the_month_in_one(self):
        for day in range(1, 32):
            self.usage("av_audio", 7 * day, f"2024-10-{day:02}", unit="min")
        move = self.invoice("2024-10-31")
        # 3,472 min x 0.00099
        self.assertEqual(self.total("amount"), Decimal("3.43728"))
        self._assert_total(move, 3.44)
        self.assertEqual(len(move.invoice_line_ids), 1)

    def test_a_percentage_of_a_price_gathers_float_noise(self):
        contract = self.make_pricelist({})
        contract.item_ids = [
            Command.create(
                {
                    "applied_on": "3_global",
                    "compute_price": "percentage",
                    "base": "pricelist",
                    "base_pricelist_id": self.pricelist_usd.id,
                    "percent_price": 10,
                }
            )
        ]
        self.account.pricelist_id = contract
        self.usage("av_hd", 1000, "2024-10-07", unit="min")
        self.settle("2024-10-31")
        self.assertEqual(self.total("price_unit"), Decimal("0.003591"))
        self.assertEqual(self.total("amount"), Decimal("3.591"))
