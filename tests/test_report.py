from datetime import date
from decimal import Decimal

from odoo import Command
from odoo.tests import tagged

from .common import TrtcCommon

SENTENCE = "only their sum is rounded, once and half up"


class ReportCase(TrtcCommon):
    """Invoices of the account, and what their annex shows."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Taxes of the chart would only stand in the way of the figures.
        items = cls.env["trtc.item"].search([])
        items.product_id.taxes_id = False

    def invoice_of(self, until):
        [move] = self.invoice(until, self.account)
        return move

    def post(self, move):
        move.invoice_date = move.trtc_date_to
        move.action_post()
        return move

    def decide(self, application, item, outcome, first, last):
        self.env["trtc.decision"].create(
            {
                "application_id": application.id,
                "item_id": self.item(item).id,
                "date_from": first,
                "date_to": last,
                "outcome": outcome,
                "reason": "Test",
            }
        )

    def rows(self, annex, section="usage"):
        return [row for group in annex[section] for row in group["rows"]]

    def render(self, move, report="account.account_invoices"):
        html, _type = self.env["ir.actions.report"]._render_qweb_html(report, move.ids)
        return " ".join(html.decode().split())


@tagged("post_install", "-at_install")
class TestAnnex(ReportCase):
    def test_month_of_days_is_one_row_per_item(self):
        """31 days of 2 items fill a page with rows that nobody reads."""
        for day in range(1, 32):
            self.usage("av_hd", 61, date(2024, 10, day))
            self.usage("av_audio", 30, date(2024, 10, day))
        annex = self.invoice_of("2024-10-31")._trtc_get_annex()
        audio, hd = self.rows(annex)
        self.assertEqual((hd.first, hd.last), (date(2024, 10, 1), date(2024, 10, 31)))
        self.assertEqual((hd.metered, hd.quantity, hd.billable), (31 * 61, 62, 62))
        self.assertEqual((hd.price, hd.amount), (Decimal("0.00399"), Decimal("0.24738")))
        self.assertEqual((audio.item.code, audio.quantity), ("av_audio", 31))

    def test_annex_says_what_statements_say(self):
        """An annex that adds up on its own may differ from the statements."""
        other = self.make_application()
        self.usage("av_hd", 61, "2024-10-01")
        self.usage("av_hd", 700, "2024-10-05")
        self.usage("live_4k", 7201, "2024-10-05", other)
        self.usage("screenshot_terminal", 22500, "2024-10-09")
        self.subscribe(self.application, "flagship", "2024-01-01")
        move = self.invoice_of("2024-10-31")
        annex = move._trtc_get_annex()
        for group in annex["usage"]:
            for row in group["rows"]:
                lines = self.lines(item=row.item.code, application=group["application"])
                for field, figure in (
                    ("metered_quantity", row.metered),
                    ("quantity", row.quantity),
                    ("free_quantity", row.free),
                    ("billable_quantity", row.billable),
                    ("amount", row.amount),
                ):
                    self.assertEqual(self.total(field, lines), figure, f"{row.item.code} {field}")
            self.assertEqual(group["amount"], sum(row.amount for row in group["rows"]))
        self.assertEqual(len(self.rows(annex)), 3)
        self.assertEqual(annex["exact_total"], self.total("amount"))
        self.assertEqual(sum(group["amount"] for group in annex["usage"]), annex["exact_total"])

    def test_totals_lead_to_the_invoice(self):
        """Rounded invoice lines of 0.04 and 0.04 make 0.08, the exact total 0.07."""
        self.usage("av_hd", 540, "2024-10-01")
        self.usage("av_fhd", 240, "2024-10-01")
        move = self.invoice_of("2024-10-31")
        annex = move._trtc_get_annex()
        self.assertEqual(annex["exact_total"], Decimal("0.07187"))
        self.assertEqual(annex["rounding"], Decimal("-0.00187"))
        self.assertEqual(annex["total"], Decimal("0.07"))
        self.assertEqual(float(annex["total"]), move.amount_untaxed)
        self.assertFalse(annex["changes"] or annex["other"])

    def test_lines_added_and_changed_by_hand_are_named(self):
        """A discount that is taken for a rounding hides what was done."""
        self.usage("av_hd", 600000, "2024-10-01")
        move = self.invoice_of("2024-10-31")
        self.assertEqual(move.amount_untaxed, 39.90)
        move.invoice_line_ids.discount = 50
        move.write(
            {"invoice_line_ids": [Command.create({"name": "Support", "price_unit": 10.0})]}
        )
        move.invoice_line_ids.tax_ids = False
        annex = move._trtc_get_annex()
        self.assertEqual(annex["rounding"], 0)
        self.assertEqual(annex["changes"], Decimal("-19.95"))
        self.assertEqual(annex["other"], 10)
        self.assertEqual(float(annex["total"]), move.amount_untaxed)

    def test_changed_price_makes_two_rows_with_their_days(self):
        """One row at an average price would show a price that nobody agreed on."""
        rule = {"applied_on": "0_product_variant", "compute_price": "fixed"}
        rule["product_id"] = self.item("av_hd").product_id.id
        contract = self.make_pricelist({})
        contract.item_ids = [
            Command.create({**rule, "fixed_price": 0.004, "date_end": "2024-10-09 16:00:00"}),
            Command.create({**rule, "fixed_price": 0.003, "date_start": "2024-10-09 16:00:01"}),
        ]
        self.account.pricelist_id = contract
        for day in (1, 8, 20, 25):
            self.usage("av_hd", 60, date(2024, 10, day))
        rows = self.rows(self.invoice_of("2024-10-31")._trtc_get_annex())
        self.assertEqual(
            [(row.price, row.first.day, row.last.day, row.billable) for row in rows],
            [(Decimal("0.004"), 1, 8, 2), (Decimal("0.003"), 20, 25, 2)],
        )

    def test_usage_taken_back_before_the_invoice_leaves_no_row(self):
        """A row of nothing, from what was charged and taken back, only puzzles."""
        record = self.record("av_fhd", 600, "2024-10-03")
        self.ingest(record, self.record("av_hd", 6000, "2024-10-04"))
        self.settle("2024-10-04")
        self.ingest({**record, "quantity": "0"})
        move = self.invoice_of("2024-10-31")
        [row] = self.rows(move._trtc_get_annex())
        self.assertEqual(row.item.code, "av_hd")
        self.assertFalse(move._trtc_get_annex()["corrections"])

    def test_late_usage_is_shown_as_a_correction(self):
        """Usage of September in the rows of October cannot be checked."""
        self.usage("av_hd", 6000, "2024-09-10")
        self.post(self.invoice_of("2024-09-30"))
        self.usage("av_hd", 12000, "2024-09-10")
        self.usage("av_hd", 6000, "2024-10-10")
        annex = self.invoice_of("2024-10-31")._trtc_get_annex()
        [row] = self.rows(annex)
        self.assertEqual((row.first, row.billable), (date(2024, 10, 10), 100))
        [row] = self.rows(annex, "corrections")
        self.assertEqual((row.first, row.billable), (date(2024, 9, 10), 200))

    def test_correction_of_the_same_month_is_shown_as_one(self):
        """With no later month open, the correction bears the month's own dates."""
        self.usage("av_hd", 6000, "2024-10-10")
        first = self.post(self.invoice_of("2024-10-31"))
        self.usage("av_hd", 12000, "2024-10-10")
        second = self.invoice_of("2024-10-31")
        self.assertNotEqual(first, second)
        annex = second._trtc_get_annex()
        self.assertFalse(annex["usage"])
        [row] = self.rows(annex, "corrections")
        self.assertEqual((row.quantity, row.billable), (200, 200))
        self.assertEqual(len(self.rows(first._trtc_get_annex())), 1)

    def test_adjustment_before_the_first_invoice_is_usage(self):
        """A late record within the month is no correction of any bill."""
        self.usage("av_hd", 6000, "2024-10-10")
        self.settle("2024-10-10")
        self.usage("av_hd", 6000, "2024-10-10")
        annex = self.invoice_of("2024-10-31")._trtc_get_annex()
        [row] = self.rows(annex)
        self.assertEqual((row.metered, row.billable), (12000, 200))
        self.assertFalse(annex["corrections"])

    def test_posted_annex_stays_as_printed(self):
        """A correction on a later invoice must not change what an earlier one shows."""
        self.usage("av_hd", 6000, "2024-10-10")
        first = self.post(self.invoice_of("2024-10-31"))
        before = self.render(first)
        self.usage("av_hd", 12000, "2024-10-10")
        self.invoice_of("2024-10-31")
        first.invalidate_recordset()
        self.assertEqual(self.render(first), before)

    def test_waived_usage_is_shown_apart(self):
        """Waived usage between billed rows looks like a line that was forgotten."""
        self.usage("screenshot_terminal", 22000, "2024-10-07")
        self.usage("av_hd", 6000, "2024-10-07")
        self.decide(
            self.application, "screenshot_terminal", "waive", "2024-10-01", "2024-10-31"
        )
        annex = self.invoice_of("2024-10-31")._trtc_get_annex()
        [row] = self.rows(annex)
        self.assertEqual(row.item.code, "av_hd")
        [row] = self.rows(annex, "unbilled")
        self.assertEqual((row.metered, row.locked, row.amount), (22000, 22, 0))
        self.assertEqual((row.first, row.last), (date(2024, 10, 1), date(2024, 10, 31)))

    def test_locked_usage_is_on_no_invoice(self):
        """What waits for a decision is not the customer's to pay or to read."""
        self.usage("screenshot_terminal", 22000, "2024-10-07")
        self.usage("av_hd", 6000, "2024-10-07")
        move = self.invoice_of("2024-10-31")
        annex = move._trtc_get_annex()
        self.assertEqual([row.item.code for row in self.rows(annex)], ["av_hd"])
        self.assertFalse(annex["unbilled"] or annex["corrections"])
        self.assertNotIn(self.item("screenshot_terminal").name, self.render(move))

    def test_usage_of_the_whole_account_has_a_place(self):
        """A peak over all applications belongs to none of them."""
        self.usage("relay_bandwidth", 12500, "2024-10-09")
        self.usage("av_hd", 60, "2024-10-09")
        annex = self.invoice_of("2024-10-31")._trtc_get_annex()
        self.assertEqual(
            [group["application"] for group in annex["usage"]],
            [self.env["trtc.application"], self.application],
        )

    def test_credit_note_has_the_signs_of_its_usage(self):
        """Usage taken back must not look like usage charged."""
        record = self.record("av_hd", 600000, "2024-10-10")
        self.ingest(record)
        self.post(self.invoice_of("2024-10-31"))
        self.ingest({**record, "quantity": 300000})
        move = self.invoice_of("2024-10-31")
        self.assertEqual((move.move_type, move.amount_untaxed), ("out_refund", 19.95))
        annex = move._trtc_get_annex()
        [row] = self.rows(annex, "corrections")
        self.assertEqual((row.billable, row.amount), (-5000, Decimal("-19.95")))
        self.assertEqual((annex["exact_total"], annex["total"]), (row.amount, row.amount))
        self.assertFalse(annex["changes"])
        self.assertIn("Untaxed total of this credit note", self.render(move))

    def test_prices_with_taxes_lead_to_the_total_with_taxes(self):
        """The exact total of prices with taxes in them is not an untaxed one."""
        tax = self.env["account.tax"].create(
            {"name": "10 % in", "amount": 10, "price_include_override": "tax_included"}
        )
        self.item("av_hd").product_id.taxes_id = tax
        self.usage("av_hd", 600000, "2024-10-01")
        move = self.invoice_of("2024-10-31")
        annex = move._trtc_get_annex()
        self.assertTrue(annex["tax_included"])
        self.assertEqual((annex["total"], annex["changes"]), (Decimal("39.9"), 0))
        self.assertEqual(float(annex["total"]), move.amount_total)

    def test_cancelled_invoice_has_no_annex(self):
        """The usage of a cancelled invoice is on another one, or will be."""
        self.usage("av_hd", 6000, "2024-10-10")
        move = self.invoice_of("2024-10-31")
        move.button_cancel()
        self.assertIsNone(move._trtc_get_annex())

    def test_queries_do_not_grow_with_usage(self):
        """A query per row makes the invoice of a large customer time out."""

        def count(move):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            move._trtc_get_annex()
            return self.env.cr.sql_log_count - before

        self.usage("av_hd", 61, "2024-09-01")
        small = self.invoice_of("2024-09-30")
        applications = self.application | self.make_application() | self.make_application()
        self.ingest(
            *(
                self.record(item, 61, date(2024, 10, day), application)
                for item in ("av_hd", "av_fhd", "rec_hd", "live_hd", "slice_audio")
                for application in applications
                for day in range(1, 11)
            )
        )
        large = self.invoice_of("2024-10-31")
        self.assertEqual(len(self.rows(large._trtc_get_annex())), 15)
        count(small)
        self.assertEqual(count(large), count(small))


@tagged("post_install", "-at_install")
class TestPrintedInvoice(ReportCase):
    def test_annex_explains_the_rounding(self):
        self.usage("av_hd", 61, "2024-10-01")
        html = self.render(self.post(self.invoice_of("2024-10-31")))
        self.assertIn("Usage Annex", html)
        self.assertIn(SENTENCE, html)
        self.assertIn(self.application.sdkappid, html)

    def test_invoice_without_usage_has_no_annex(self):
        move = self.init_invoice("out_invoice", self.customer, amounts=[100.0], post=True)
        self.assertIsNone(move._trtc_get_annex())
        html = self.render(move)
        self.assertNotIn("Usage Annex", html)
        self.assertIn("100.00", html)

    def test_tiny_prices_are_printed_in_full(self):
        """Core cuts a price of 0.00001499 to six decimals: quantity × price goes wrong."""
        self.account.pricelist_id = self.make_pricelist({"av_hd": "0.00001499"})
        self.usage("av_hd", 60000000, "2024-10-01")
        html = self.render(self.invoice_of("2024-10-31"))
        self.assertEqual(html.count(">0.00001499<"), 2)

    def test_prices_of_other_lines_stay_as_core_prints_them(self):
        move = self.init_invoice("out_invoice", self.customer, amounts=[100.0], post=True)
        move.invoice_line_ids.flush_recordset()
        self.assertIn(">100.00<", self.render(move))

    def test_quantity_says_thousands_of_sheets(self):
        """"14.00" for 14,000 screenshots lets a price of 0.03 look like a mistake."""
        self.subscribe(self.application, "flagship", "2024-01-01")
        self.usage("screenshot_terminal", 23500, "2024-10-07")
        html = self.render(self.invoice_of("2024-10-31"))
        table = html.split("invoice_line_table")[1].split("</table>")[0]
        self.assertIn(">14<", table)
        self.assertIn("1,000 sheets", table)
        self.assertNotIn("14.00", table)

    def test_figures_come_in_the_customers_format(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.customer.lang = "de_DE"
        self.usage("av_hd", 6000000, "2024-10-01")
        html = self.render(self.invoice_of("2024-10-31"))
        self.assertIn(">0,00399<", html)
        self.assertIn(">100.000<", html)

    def test_statement_explains_each_line(self):
        self.usage("av_hd", 61, "2024-10-01")
        [statement] = self.settle("2024-10-01")
        html = self.render(statement, "trtc_billing.report_statement_action")
        self.assertIn(statement.line_ids.explanation, html)
        self.assertIn(">0.00399<", html)
        self.assertIn("0.00798", html)

    def test_statement_may_be_a_file_name(self):
        """A slash in the name would make folders of it."""
        self.usage("av_hd", 61, "2024-10-01")
        [statement] = self.settle("2024-10-01")
        report = self.env.ref("trtc_billing.report_statement_action")
        self.assertEqual(report.binding_model_id.model, "trtc.statement")
        self.assertNotIn("/", statement._get_report_base_filename())

    def test_adjustment_shows_what_it_takes_back(self):
        record = self.record("av_hd", 600, "2024-10-01")
        self.ingest(record)
        self.settle("2024-10-01")
        self.ingest({**record, "quantity": 60})
        [adjustment] = self.settle("2024-10-01")
        html = self.render(adjustment, "trtc_billing.report_statement_action")
        self.assertIn(">-9<", html)
        self.assertIn("-0.03591", html)
