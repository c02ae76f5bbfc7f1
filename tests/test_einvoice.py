from datetime import date

from lxml import etree

from odoo import Command
from odoo.tests import tagged

from .einvoice import EInvoiceCase

FORMATS = ("ubl_bis3", "ubl_de", "cii")
OCTOBER = ("2024-10-01", "2024-10-31")


@tagged("post_install", "-at_install")
class TestEInvoice(EInvoiceCase):
    """E-invoices say when what they bill was used (EN 16931, BT-134/135 and BT-73/74)."""

    def _post(self, move, date="2024-11-04"):
        move.invoice_date = date
        move.action_post()
        return move

    def _check(self, move, document, lines):
        """Check the periods in every format, and the document by its schema and rules."""
        for name in FORMATS:
            with self.subTest(format=name):
                tree = self.export(move, name)
                self.assert_valid(tree)
                self.assertEqual(self.get_periods(tree), (document, lines))

    def _use_small_change(self, account):
        """Use what rounds to nothing line by line, and to a cent together."""
        application = self.make_application(account)
        for item, minutes in (("av_hd", 1), ("av_audio", 4), ("slice_audio", 3)):
            self.usage(item, minutes, "2024-10-07", application, unit="min")

    def _prepare_line(self):
        """Return the values of a line as somebody adds it by hand."""
        return {
            "product_id": self.product_a.id,
            "price_unit": 10,
            "tax_ids": [Command.set(self.tax.ids)],
        }

    # === INVOICES === #

    def test_nobody_can_tell_when_it_was_used(self):
        euro = self.setup_other_currency("EUR")
        for currency in (self.env.ref("base.USD"), euro):
            with self.subTest(currency=currency.name):
                contract = self.make_pricelist({"av_hd": "0.004", "av_2k": "0.02"}, currency)
                account = self.make_account(pricelist_id=contract.id)
                application = self.make_application(account)
                self.usage("av_hd", 1000, "2024-10-05", application, unit="min")
                self.usage("av_hd", 500, "2024-10-30", application, unit="min")
                self.usage("av_2k", 50, "2024-10-09", application, unit="min")
                move = self._post(self.invoice("2024-10-31", account))
                self.assertEqual(move.currency_id, currency)
                self._check(
                    move,
                    OCTOBER,
                    [("2024-10-05", "2024-10-30"), ("2024-10-09", "2024-10-09")],
                )

    def test_late_usage_lies_outside_the_period_of_the_document(self):
        """Peppol refuses it: PEPPOL-EN16931-R110."""
        self.usage("av_hd", 1000, "2024-09-15", unit="min")
        self._post(self.invoice("2024-09-30"), "2024-10-02")
        self.usage("av_hd", 1000, "2024-10-05", unit="min")
        self.usage("av_hd", 1000, "2024-09-20", unit="min")
        move = self._post(self.invoice("2024-10-31"))
        self.assertTrue(any(move.invoice_line_ids.mapped("trtc_is_late")))
        self._check(
            move,
            ("2024-09-20", "2024-10-31"),
            [("2024-10-05", "2024-10-05"), ("2024-09-20", "2024-09-20")],
        )

    def test_a_fee_of_next_month_lies_outside_the_period_of_the_document(self):
        """Peppol refuses it: PEPPOL-EN16931-R111."""
        self.price_editions(self.pricelist_usd, {"pro": 99})
        self.edition("pro").included_minutes = 0
        self.edition("pro").fee_product_id.taxes_id = self.tax
        self.subscribe(self.application, "pro", "2024-10-15", "2024-11-14")
        self.usage("av_hd", 1000, "2024-10-20", unit="min")
        move = self._post(self.invoice("2024-10-31"))
        fee = move.invoice_line_ids.filtered("trtc_fee_id")
        self.assertEqual(len(fee), 1)
        self._check(
            move,
            ("2024-10-01", "2024-11-14"),
            [("2024-10-20", "2024-10-20"), ("2024-10-15", "2024-11-14")],
        )

    def test_lines_without_service_are_given_a_period(self):
        self.env.company.tax_calculation_rounding_method = "round_per_line"
        self._use_small_change(self.account)
        move = self.invoice("2024-10-31")
        self.assertTrue(any(move.invoice_line_ids.mapped("trtc_is_rounding")))
        by_hand = self._prepare_line()
        move.invoice_line_ids = [Command.create(by_hand)]
        self._post(move)
        day = ("2024-10-07", "2024-10-07")
        for name in FORMATS:
            with self.subTest(format=name):
                tree = self.export(move, name)
                self.assert_valid(tree)
                document, lines = self.get_periods(tree)
                self.assertEqual(document, OCTOBER)
                self.assertEqual(sorted(lines, key=bool), [None, None, day, day, day])

    def test_other_invoices_change(self):
        by_hand = self._prepare_line()
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "invoice_line_ids": [Command.create(by_hand)],
                "invoice_date_due": "2024-11-30",
            }
        )
        self._post(move)
        self.assertEqual(self.get_periods(self.export(move, "ubl_bis3")), (None, [None]))
        # The document's is core's own: from the invoice to its due date.
        self.assertEqual(
            self.get_periods(self.export(move, "cii")),
            (("2024-11-04", str(move.invoice_date_due)), [None]),
        )

    def test_the_price_of_a_minute_is_nothing(self):
        """Core's Factur-X has two decimals of a price."""
        # With the tax: 39.90 / 1.21 = 32.98 for 10,000 minutes
        for included, price in (("tax_excluded", "0.00399"), ("tax_included", "0.003298")):
            with self.subTest(included=included):
                self.tax.price_include_override = included
                account = self.make_account()
                application = self.make_application(account)
                self.usage("av_hd", 10_000, "2024-10-05", application, unit="min")
                tree = self.export(self._post(self.invoice("2024-10-31", account)), "cii")
                self.assert_valid(tree)
                stated = [one.text for one in tree.iterfind(".//{*}ChargeAmount")]
                self.assertEqual(stated, [price] * 2)

    def test_a_smaller_unit_has_the_price_of_the_larger_one(self):
        """12,345 sheets at 30 per 1,000; and kilobits that no unit holds."""
        self.item("screenshot_terminal").write({"block_size": 1, "free_quantity": 0})
        self.item("relay_bandwidth").block_size = 0.125
        self.account.pricelist_id = self.make_pricelist(
            {"screenshot_terminal": 30, "relay_bandwidth": "1370"}
        )
        self.subscribe(self.application, "trial", "2024-01-01")
        self.usage("screenshot_terminal", 12_345, "2024-10-05")
        self.usage("relay_bandwidth", "2048.1", "2024-10-05")
        move = self._post(self.invoice("2024-10-31"))
        # The relay is priced per Mbps: 2.048125 x 1,370.
        self.assertEqual(sorted(move.invoice_line_ids.mapped("price_subtotal")), [370.35, 2805.93])
        paths = {
            "Invoice": (".//{*}InvoicedQuantity", ".//{*}PriceAmount"),
            "CrossIndustryInvoice": (
                ".//{*}BilledQuantity",
                ".//{*}NetPriceProductTradePrice/{*}ChargeAmount",
            ),
        }
        for name in FORMATS:
            with self.subTest(format=name):
                tree = self.export(move, name)
                self.assert_valid(tree)
                units, prices = (
                    tree.findall(path) for path in paths[etree.QName(tree).localname]
                )
                stated = sorted(
                    (round(float(unit.text) * float(price.text), 2), float(unit.text))
                    for unit, price in zip(units, prices, strict=True)
                )
                self.assertEqual(stated, [(370.35, 12_345), (2805.93, 2048.13)])

    # === CREDIT NOTES === #

    def test_a_credit_does_not_say_what_it_takes_back(self):
        record = self.record("av_hd", 5000, "2024-10-07", unit="min")
        self.ingest(record)
        self._post(self.invoice("2024-10-31"))
        self.ingest({**record, "quantity": 2000})
        credit = self._post(self.invoice("2024-11-30"), "2024-12-03")
        self.assertEqual(credit.move_type, "out_refund")
        self._check(credit, ("2024-10-07", "2024-11-30"), [("2024-10-07", "2024-10-07")])

    def test_a_reversal_forgets_when_it_was_used(self):
        self.env.company.tax_calculation_rounding_method = "round_per_line"
        self._use_small_change(self.account)
        move = self._post(self.invoice("2024-10-31"))
        credit = move._reverse_moves([{"invoice_date": "2024-11-05"}])
        credit.action_post()
        self.assertEqual(credit.amount_total, move.amount_total)
        day = ("2024-10-07", "2024-10-07")
        for name in FORMATS:
            with self.subTest(format=name):
                tree = self.export(credit, name)
                self.assert_valid(tree)
                document, lines = self.get_periods(tree)
                self.assertEqual(document, OCTOBER)
                self.assertEqual(sorted(lines, key=bool), [None, day, day, day])

    # === OTHER MODULES === #

    def test_dates_of_another_module_are_overwritten(self):
        """Enterprise has dates of deferral; core writes them, and they win."""
        self.usage("av_hd", 1000, "2024-10-05", unit="min")
        move = self._post(self.invoice("2024-10-31"))
        tax, prepare = type(self.env["account.tax"]), "_prepare_base_line_for_taxes_computation"
        original = getattr(tax, prepare)

        def prepare_with_deferral(self, record, **kwargs):
            dates = {
                "deferred_start_date": date(2024, 8, 1),
                "deferred_end_date": date(2025, 7, 31),
            }
            return {**original(self, record, **kwargs), **dates}

        self.patch(tax, prepare, prepare_with_deferral)
        tree = self.export(move, "ubl_bis3")
        self.assert_valid(tree)
        year = ("2024-08-01", "2025-07-31")
        self.assertEqual(self.get_periods(tree), (year, [year]))

    # === THE CHECK ITSELF === #

    def test_the_rules_let_everything_pass(self):
        self.usage("av_hd", 1000, "2024-10-05", unit="min")
        move = self._post(self.invoice("2024-10-31"))
        for name in FORMATS:
            with self.subTest(format=name):
                tree = self.export(move, name)
                for day in tree.iterfind(".//{*}InvoicePeriod/{*}EndDate"):
                    day.text = "2024-01-01"
                for day in tree.iterfind(".//{*}BillingSpecifiedPeriod/{*}EndDateTime/*"):
                    day.text = "20240101"
                with self.assertRaisesRegex(AssertionError, "BR-29"):
                    self.assert_valid(tree)
                for node in tree.iterfind(".//{*}InvoicePeriod"):
                    node.append(node[0])
                for node in tree.iterfind(".//{*}BillingSpecifiedPeriod"):
                    node.append(node[0])
                with self.assertRaisesRegex(AssertionError, "not expected"):
                    self.assert_valid(tree)
