from datetime import date
from decimal import Decimal

from odoo import Command
from odoo.tests import tagged

from .test_report import ReportCase


class FeeReportCase(ReportCase):
    """An account whose application may buy editions; invoices of usage and fees."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code, price in (("standard", 199), ("pro", 499)):
            product = cls.edition(code).fee_product_id
            product.taxes_id = False
            cls.pricelist_usd.item_ids = [
                Command.create(
                    {
                        "applied_on": "0_product_variant",
                        "product_id": product.id,
                        "compute_price": "fixed",
                        "fixed_price": price,
                    }
                )
            ]
        for name in ("product_pack", "product_commitment"):
            product = cls.env.ref(f"trtc_billing.{name}", raise_if_not_found=False)
            if product:
                product.taxes_id = False

    def buy(self, edition="standard", day="2024-10-03"):
        return self.application._subscribe(self.edition(edition), date.fromisoformat(day))

    def sell(self, minutes, day="2024-10-03", **vals):
        return self.account._sell_pack(minutes, date.fromisoformat(day), **vals)

    def make_pack(self, minutes, **vals):
        return self.env["trtc.minute.pack"].create(
            {
                "name": "Present",
                "account_id": self.account.id,
                "minutes": minutes,
                "date_start": "2024-10-01",
                "date_end": "2024-12-31",
                **vals,
            }
        )

    def assert_adds_up(self, move):
        """Check that the annex leads from its rows to the total; return it."""
        annex = move._trtc_get_annex()
        rows = [row for name in ("usage", "corrections") for row in self.rows(annex, name)]
        exact = sum((row.amount for row in [*rows, *annex["fees"]]), Decimal(0))
        self.assertEqual(annex["exact_total"], exact)
        self.assertEqual(annex["fee_amount"], sum(row.amount for row in annex["fees"]))
        parts = sum(annex[name] for name in ("exact_total", "rounding", "changes", "other"))
        self.assertEqual(parts, annex["total"])
        sign = -1 if move.move_type == "out_refund" else 1
        self.assertEqual(float(annex["total"]), sign * move.amount_untaxed)
        return annex

    def table(self, html):
        return html.split("invoice_line_table")[1].split("</table>")[0]


@tagged("post_install", "-at_install")
class TestFeesInAnnex(FeeReportCase):
    def test_fees_are_no_other_lines(self):
        """An annex that adds up usage alone calls the edition an "other line"."""
        self.usage("av_hd", 600, "2024-10-05")
        self.buy()
        self.sell(25_000)
        annex = self.assert_adds_up(self.invoice_of("2024-10-31"))
        self.assertEqual([row.fee.kind for row in annex["fees"]], ["term", "pack"])
        self.assertEqual((annex["other"], annex["changes"]), (0, 0))
        self.assertEqual(annex["fee_amount"], 199 + 24)

    def test_lines_added_by_hand_stay_other_lines(self):
        self.usage("av_hd", 600, "2024-10-05")
        self.buy()
        move = self.invoice_of("2024-10-31")
        move.write(
            {"invoice_line_ids": [Command.create({"name": "Support", "price_unit": 10.0})]}
        )
        move.invoice_line_ids.tax_ids = False
        annex = self.assert_adds_up(move)
        self.assertEqual((annex["other"], annex["changes"]), (10, 0))

    def test_discount_on_a_fee_is_a_change(self):
        """Half the fee off is no rounding, and nothing that somebody added."""
        self.usage("av_hd", 600000, "2024-10-05")
        self.buy()
        move = self.invoice_of("2024-10-31")
        move.invoice_line_ids.filtered("trtc_fee_id").discount = 50
        annex = self.assert_adds_up(move)
        self.assertEqual((annex["changes"], annex["other"]), (Decimal("-99.5"), 0))

    def test_invoice_of_fees_alone_needs_no_annex(self):
        """A page that repeats two lines is a page for the bin."""
        self.sell(25_000)
        move = self.invoice_of("2024-10-31")
        self.assertEqual(move.amount_untaxed, 24)
        self.assertIsNone(move._trtc_get_annex())
        self.assertNotIn("Usage Annex", self.render(move))

    def test_upgrade_shows_its_formula(self):
        self.usage("av_hd", 600, "2024-10-05")
        self.buy().sudo()._upgrade(self.edition("pro"), date(2024, 10, 20))
        move = self.invoice_of("2024-10-31")
        self.assert_adds_up(move)
        annex = self.render(move).split("Fees and packs")[1]
        self.assertIn("(499.00 - 199.00) × 14 of 31 days = 135.48", annex)

    def test_fee_that_comes_back_has_the_sign_of_a_refund(self):
        self.usage("av_hd", 600, "2024-10-05")
        pack = self.sell(25_000)
        self.post(self.invoice_of("2024-10-31"))
        pack.fee_id.sudo()._refund()
        self.usage("av_hd", 600, "2024-11-05")
        until = self.env.company._trtc_last_ended_day()
        self.settle(until, self.account)
        moves = self.account.create_invoices(until)
        [move] = moves.filtered(lambda move: move._trtc_get_rows().fee_id)
        annex = self.assert_adds_up(move)
        [row] = annex["fees"]
        self.assertEqual((row.quantity, row.amount), (-1, -24))
        self.assertIn("-24.00", self.render(move))

    def test_commitment_has_no_crumbs_of_binary_numbers(self):
        """A price of 546.416910000001 is one that nobody agreed on."""
        self.env["trtc.commitment"].create(
            {"account_id": self.account.id, "amount": 700, "date_start": "2024-10-01"}
        )
        self.usage("av_hd", 38492, "2024-10-05", unit="min")
        move = self.invoice_of("2024-10-31")
        annex = self.assert_adds_up(move)
        [row] = [row for row in annex["fees"] if row.fee.kind == "commitment"]
        self.assertEqual(row.amount, 700 - Decimal("0.00399") * 38492)
        html = self.render(move)
        self.assertIn(">546.41692<", html)
        self.assertNotIn("546.416920000", html)

    def test_queries_do_not_grow_with_packs(self):
        """A query per pack makes the invoice of a large customer time out."""

        def count(move):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            move._trtc_get_annex()
            return self.env.cr.sql_log_count - before

        self.make_pack(10)
        self.usage("av_audio", 600, "2024-10-01")
        self.sell(25_000, "2024-09-01")
        small = self.invoice_of("2024-10-31")
        self.post(small)
        for number in range(5):
            application = self.make_application()
            self.make_pack(50, application_id=application.id, date_start="2024-11-01")
            self.usage("av_audio", 6000, f"2024-11-0{number + 1}", application)
            self.sell(25_000, "2024-11-05")
        large = self.invoice_of("2024-11-30")
        count(small)
        self.assertLessEqual(count(large), count(small))


@tagged("post_install", "-at_install")
class TestCoversInAnnex(FeeReportCase):
    def test_annex_says_which_pack_covered_how_much(self):
        """"2,500 free" without a word of 10,000 minutes looks like a quarter was kept."""
        self.account.write(
            {
                "free_policy_id": self.env.ref("trtc_billing.free_policy_2023").id,
                "free_from": "2024-10-01",
            }
        )
        other = self.make_application()
        self.usage("av_hd", 2_400, "2024-10-05", unit="min")
        self.usage("av_hd", 200, "2024-10-06", other, unit="min")
        annex = self.assert_adds_up(self.invoice_of("2024-10-31"))
        self.assertEqual(annex["parts"], ["free"])
        self.assertEqual(
            [
                [(cover.units, cover.unit.name, cover.minutes) for cover in group["covers"]]
                for group in annex["usage"]
            ],
            [[(2_400, "min", 9_600)], [(100, "min", 400)]],
        )

    def test_columns_without_a_figure_are_left_out(self):
        self.usage("av_audio", 60000, "2024-10-05")
        plain = self.invoice_of("2024-10-31")
        self.assertNotIn(">Packs<", self.render(plain))
        self.assertNotIn(">Free<", self.render(plain))
        self.assertFalse(plain._trtc_get_annex()["parts"])
        self.make_pack(10)
        self.settle("2024-10-31", self.account)
        html = self.render(self.invoice_of("2024-10-31"))
        self.assertIn(">Packs<", html)
        self.assertNotIn(">Free<", html)
        self.assertIn("Of these 10 minutes are covered by the pack", html)

    def test_minutes_that_move_within_an_invoice_are_told_once(self):
        """What was taken and given back before the invoice explains nothing."""
        pack = self.make_pack(100)
        self.usage("av_audio", 200, "2024-10-20", unit="min")
        self.settle("2024-10-20", self.account)
        self.usage("av_audio", 30, "2024-10-05", unit="min")
        [group] = self.assert_adds_up(self.invoice_of("2024-10-31"))["usage"]
        [cover] = group["covers"]
        self.assertEqual((cover.pack, cover.minutes), (pack, 100))

    def test_minutes_given_back_after_the_invoice_are_a_correction(self):
        self.make_pack(100)
        self.usage("av_audio", 200, "2024-10-20", unit="min")
        first = self.post(self.invoice_of("2024-10-31"))
        printed = self.render(first)
        self.usage("av_audio", 30, "2024-10-05", unit="min")
        second = self.invoice_of("2024-10-31")
        annex = self.assert_adds_up(second)
        minutes = {
            name: [cover.minutes for group in annex[name] for cover in group["covers"]]
            for name in ("usage", "corrections")
        }
        self.assertEqual(sum(map(sum, minutes.values())), 0)
        self.assertEqual(minutes["corrections"], [-30])
        self.assertIn("Given back to the pack", self.render(second))
        first.invalidate_recordset()
        self.assertEqual(self.render(first), printed)

    def test_covered_usage_is_still_in_the_annex(self):
        """A row that vanishes because it cost nothing leaves its usage unexplained."""
        self.make_pack(100)
        self.usage("av_audio", 60, "2024-10-20", unit="min")
        self.usage("av_4k", 60, "2024-10-20", unit="min")
        annex = self.assert_adds_up(self.invoice_of("2024-10-31"))
        self.assertEqual(
            [(row.item.code, row.pack, row.billable) for row in self.rows(annex)],
            [("av_audio", 60, 0), ("av_4k", 1, 59)],
        )


@tagged("post_install", "-at_install")
class TestPrintedFees(FeeReportCase):
    def test_pack_is_printed_in_minutes_at_its_full_price(self):
        """Core prints 3,000,000.00 at 0.000805, which is 2,415 and not 2,416."""
        self.sell(3_000_000)
        table = self.table(self.render(self.invoice_of("2024-10-31")))
        self.assertIn(">3,000,000<", table)
        self.assertIn(">min<", table)
        self.assertIn(">0.00080533333<", table)
        self.assertNotIn("3,000,000.00", table)

    def test_edition_is_one_without_a_unit(self):
        """"1.00 Units" of an edition is what a machine writes."""
        self.buy()
        table = self.table(self.render(self.invoice_of("2024-10-31")))
        self.assertIn(">1<", table)
        self.assertIn(">199.00<", table)
        self.assertNotIn("Units", table)
        self.assertNotIn(">1.00<", table)

    def test_statement_of_a_covered_day_reads_well(self):
        self.make_pack(100)
        self.usage("av_audio", 60, "2024-10-20", unit="min")
        [statement] = self.settle("2024-10-20", self.account)
        html = self.render(statement, "trtc_billing.report_statement_action")
        self.assertIn("cover all of this usage: there is nothing to pay", html)
        self.assertIn("Nothing to pay", html)
        self.assertIn(">Packs<", html)
        self.assertNotIn(">Free<", html)
        self.assertNotIn(">Not billed<", html)
        self.assertIn("Covered by the pack", html)
