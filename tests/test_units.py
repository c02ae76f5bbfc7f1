from decimal import Decimal

from odoo import Command
from odoo.tests import Form, tagged

from .money import MoneyCase

DIGITS = (0, 1, 2, 3, 5)


@tagged("post_install", "-at_install")
class TestUnits(MoneyCase):
    """Quantities that the decimals of *Product Unit* cannot hold.

    Screenshots by the sheet, priced at 30 per 1,000: 12,345 of them are 12.345 thousand.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.env.company.tax_calculation_rounding_method = "round_per_line"
        cls.set_taxes(cls.env.company, cls.env["account.tax"])
        cls.shots = cls.item("screenshot_terminal")
        cls.shots.write({"block_size": 1, "free_quantity": 0})
        cls.account.pricelist_id = cls.make_pricelist(
            {
                "screenshot_terminal": 30,
                "av_hd": "0.00399",
                "ai_tts": "0.0123",
                "relay_bandwidth": "0.0137",
            }
        )
        cls.edition("trial").feature_ids |= cls.item("ai_tts").feature_id
        cls.subscribe(cls.application, "trial", "2024-01-01")
        cls.sheet = cls.env.ref("trtc_billing.uom_sheet")
        cls.thousand = cls.env.ref("trtc_billing.uom_thousand_sheets")

    # === BUILDERS === #

    def _set_digits(self, digits):
        self.env.ref("uom.decimal_product_uom").digits = digits
        self.env.registry.clear_cache()

    def _shoot(self, sheets, day="2024-10-07"):
        record = self.record("screenshot_terminal", sheets, day)
        self.ingest(record)
        return record

    def _invoice(self, until="2024-10-31"):
        return self.invoice(until, self.account.with_user(self.user_accountant))

    def _post(self, sheets=12_345):
        self._shoot(sheets)
        move = self._invoice()
        move.action_post()
        return move

    def _reverse(self, move, modify=False):
        wizard = (
            self.env["account.move.reversal"]
            .with_user(self.user_accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "reason": "Wrong address"})
        )
        return self.env["account.move"].browse(wizard.reverse_moves(modify)["res_id"])

    def _credit(self, move, quantity, reopens="goodwill"):
        """Credit a part of the one line of an invoice, in billing units, by the dialog."""
        form = Form(
            self.env["trtc.credit"]
            .with_user(self.user_accountant)
            .with_context(default_move_id=move.id)
        )
        form.reason = "Outage"
        form.reopens = reopens
        with form.line_ids.edit(0) as line:
            line.quantity = quantity
        return self.env["account.move"].browse(form.save().action_credit()["res_id"])

    def _change_quantity(self, move, quantity):
        """Enter another quantity on the one line of a draft, as an accountant."""
        form = Form(move.with_user(self.user_accountant))
        with form.invoice_line_ids.edit(0) as line:
            line.quantity = quantity
        form.save()

    # === CHECKS === #

    def _get_figures(self, move):
        """Return [(quantity, unit, price)] of the lines of usage."""
        lines = move.invoice_line_ids.filtered("trtc_item_id")
        return [(line.quantity, line.product_uom_id, line.price_unit) for line in lines]

    def _assert_exact(self, move, total):
        """The total is right by the lines alone, and nothing counts as changed by hand."""
        self.assertEqual(move.amount_untaxed, total)
        self.assertFalse(move.invoice_line_ids.filtered("trtc_is_rounding"))
        if move.state == "draft" and not move.reversed_entry_id:
            self.assertTrue(move._trtc_is_refreshable())
        self._assert_unchanged(move)

    def _assert_unchanged(self, move):
        self.assertNotIn("manual", move.trtc_allocation_ids.mapped("kind"))
        for line in move.invoice_line_ids.filtered("trtc_item_id"):
            amount = Decimal(repr(line.quantity)) * Decimal(repr(line.price_unit))
            exact = line._trtc_get_way() * line.trtc_allocation_ids._get_exact_total()
            self.assertAlmostEqual(amount, exact, 7)

    def _assert_right(self):
        """Nothing in the books differs, nor is anything of them changed by hand."""
        self.assert_books()
        checks = self.env["trtc.books.check"].sudo().with_company(self.account.company_id)
        findings = checks._get_findings(self.account, *self._get_span())
        self.assertEqual([one["message"] for one in findings if one["kind"] == "by_hand"], [])

    def _get_span(self):
        lines = self.lines()
        return min(lines.mapped("date")).replace(day=1), max(lines.mapped("date"))

    # === SHEETS === #

    def test_thousands_of_sheets_are_rounded_to_two_decimals(self):
        self._shoot(12_345)
        move = self._invoice()
        self.assertEqual(self._get_figures(move), [(12_345, self.sheet, 0.03)])
        self._assert_exact(move, 370.35)
        move.action_post()
        self._assert_exact(move, 370.35)
        self.assertEqual(self.lines().allocation_ids.quantity, 12.345)
        self._assert_right()

    def test_whole_thousands_are_billed_in_sheets(self):
        move = self._post(12_000)
        self.assertEqual(self._get_figures(move), [(12, self.thousand, 30)])
        self._assert_right()

    def test_other_decimals_of_quantities_change_the_amount(self):
        for digits in DIGITS:
            with self.subTest(digits=digits):
                self._set_digits(digits)
                account = self.make_account(pricelist_id=self.account.pricelist_id.id)
                application = self.make_application(account)
                self.subscribe(application, "trial", "2024-01-01")
                self.usage("screenshot_terminal", 12_345, "2024-10-07", application)
                move = self.invoice("2024-10-31", account)
                unit = self.thousand if digits >= 3 else self.sheet
                self.assertEqual(move.invoice_line_ids.product_uom_id, unit)
                move.action_post()
                self._assert_exact(move, 370.35)
                credit = self._reverse(move)
                credit.action_post()
                self._assert_exact(credit, 370.35)
                self.assert_books(account)

    def test_more_usage_makes_another_line_in_another_unit(self):
        """The line stays, and what somebody entered on it stays too."""
        tax = self.make_tax(self.env.company, 7)
        self._shoot(12_000)
        move = self._invoice()
        line = move.invoice_line_ids
        line.with_user(self.user_accountant).tax_ids = tax
        for more, figures in (
            (345, (12_345, self.sheet, 0.03)),
            (55, (12.4, self.thousand, 30)),
            (1, (12_401, self.sheet, 0.03)),
        ):
            self._shoot(more, "2024-10-08")
            self.assertEqual(self._invoice(), move)
            self.assertEqual(self._get_figures(move), [figures])
            self.assertEqual((move.invoice_line_ids, line.tax_ids), (line, tax))
        self._assert_exact(move, 372.03)
        move.action_post()
        self._assert_right()

    def test_a_changed_quantity_in_sheets_counts_in_thousands(self):
        self._shoot(12_345)
        move = self._invoice()
        self._change_quantity(move, 12_000)
        self.assertFalse(move._trtc_is_refreshable())
        move.action_post()
        manual = move.trtc_allocation_ids.filtered(lambda row: row.kind == "manual")
        self.assertEqual((manual.quantity, manual.amount), (-0.345, -10.35))
        self.assert_books()

    # === CREDITS === #

    def test_a_credit_note_takes_other_thousands_back(self):
        move = self._post()
        credit = self._reverse(move)
        self._assert_exact(credit, 370.35)
        credit.action_post()
        self._assert_exact(credit, 370.35)
        again = self._invoice()
        self.assertEqual(self._get_figures(again), [(12_345, self.sheet, 0.03)])
        again.action_post()
        self._assert_exact(again, 370.35)
        self._assert_right()

    def test_the_new_invoice_has_other_thousands(self):
        move = self._post()
        new = self._reverse(move, modify=True)
        self.assertEqual(self._get_figures(new), [(12_345, self.sheet, 0.03)])
        new.action_post()
        self._assert_exact(new, 370.35)
        self._assert_right()

    def test_a_part_that_is_credited_is_rounded(self):
        """Of twelve thousand, 345 sheets: a part that two decimals of thousands cannot hold."""
        move = self._post(12_000)
        credit = self._credit(move, 0.345)
        self.assertEqual(self._get_figures(credit), [(345, self.sheet, 0.03)])
        self._assert_exact(credit, 10.35)
        credit.action_post()
        rest = self._reverse(move)
        self.assertEqual(rest.amount_untaxed, 349.65)
        rest.action_post()
        self._assert_exact(rest, 349.65)
        self._assert_right()

    def test_a_part_of_sheets_is_credited_in_thousands(self):
        move = self._post()
        credit = self._credit(move, 2.345, "again")
        self.assertEqual(self._get_figures(credit), [(2_345, self.sheet, 0.03)])
        credit.action_post()
        self._assert_exact(credit, 70.35)
        again = self._invoice()
        self.assertEqual(self._get_figures(again), [(2_345, self.sheet, 0.03)])
        again.action_post()
        self._assert_exact(again, 70.35)
        self._assert_right()

    def test_sheets_that_somebody_takes_off_a_credit_note_are_an_allowance(self):
        move = self._post()
        credit = self._reverse(move)
        self._change_quantity(credit, 345)
        credit.action_post()
        rows = credit.trtc_allocation_ids
        self.assertEqual((rows.quantity, rows.amount, rows.is_goodwill), (-0.345, -10.35, False))
        rest = self._reverse(move)
        self.assertEqual(self._get_figures(rest), [(12_000, self.sheet, 0.03)])
        rest.action_post()
        self.assertFalse(move.invoice_line_ids._trtc_has_left())
        self.assert_books()

    def test_an_adjustment_below_zero_is_rounded(self):
        record = self._shoot(12_345)
        self._invoice().action_post()
        self.ingest({**record, "quantity": "10000"})
        credit = self._invoice()
        self.assertEqual(credit.move_type, "out_refund")
        self.assertEqual(self._get_figures(credit), [(2_345, self.sheet, 0.03)])
        credit.action_post()
        self._assert_exact(credit, 70.35)
        self._assert_right()

    def test_an_adjustment_beside_new_usage_is_rounded(self):
        record = self._shoot(12_345)
        self._invoice().action_post()
        self.ingest({**record, "quantity": "12000"})
        self._shoot(1_111, "2024-11-07")
        move = self._invoice("2024-11-30")
        self.assertEqual(
            self._get_figures(move), [(1_111, self.sheet, 0.03), (-345, self.sheet, 0.03)]
        )
        move.action_post()
        self._assert_exact(move, 22.98)
        self._assert_right()

    # === OTHER KINDS === #

    def test_seconds_are_thirds_of_minutes(self):
        """Blocks of a second: 61 s are 1.016666... minutes, each day kept to nine decimals."""
        self.item("av_hd").block_size = 1
        for day in range(1, 32):
            self.usage("av_hd", 61, f"2024-10-{day:02}")
        move = self._invoice()
        second = self.env.ref("trtc_billing.uom_second")
        self.assertEqual(self._get_figures(move), [(1_891, second, 0.0000665)])
        self.assertTrue(move._trtc_is_refreshable())
        move.action_post()
        self._assert_exact(move, 0.13)
        credit = self._reverse(move)
        self._change_quantity(credit, 1_000)
        credit.action_post()
        rest = self._reverse(move)
        self.assertEqual(self._get_figures(rest)[0][:2], (891, second))
        rest.action_post()
        self.assertFalse(move.invoice_line_ids._trtc_has_left())
        self.assertEqual(credit.amount_untaxed + rest.amount_untaxed, move.amount_untaxed)
        self._assert_right()

    def test_a_price_that_does_not_divide_misses_a_cent(self):
        self.item("av_hd").block_size = 1
        self.account.pricelist_id = self.make_pricelist({"av_hd": "0.07"})
        self.usage("av_hd", 86_415, "2024-10-01")
        move = self._invoice()
        # 1,440.25 min are held by two decimals.
        self.assertEqual(self._get_figures(move)[0][0], 1_440.25)
        self.usage("av_hd", 86_401, "2024-10-02")
        self.assertEqual(self._invoice(), move)
        self.assertEqual(self._get_figures(move)[0][0], 172_816)
        move.action_post()
        self._assert_exact(move, 201.62)
        self._assert_right()

    def test_a_peak_between_two_kilobits_is_rounded(self):
        """There is no smaller unit: quantity and price are adapted to each other."""
        self.item("relay_bandwidth").block_size = 0.125
        self.usage("relay_bandwidth", "2048.1", "2024-10-07")
        move = self._invoice()
        line = move.invoice_line_ids
        kbps = self.env.ref("trtc_billing.uom_kbps")
        self.assertEqual((line.quantity, line.product_uom_id), (2048.13, kbps))
        self.assertIn("Exactly 2,048.125 kbps", line.name)
        self.assertEqual(self.total("amount"), Decimal("0.02805931"))
        self.assertTrue(move._trtc_is_refreshable())
        self.usage("relay_bandwidth", "4096.2", "2024-10-08")
        self.assertEqual(self._invoice(), move)
        self.assertEqual(move.invoice_line_ids, line)
        self.assertEqual(line.quantity, 4096.25)
        self.assertNotIn("Exactly", line.name)
        self.usage("relay_bandwidth", "4096.3", "2024-10-09")
        self._invoice()
        self.assertIn("Exactly 4,096.375 kbps", line.name)
        move.action_post()
        self._assert_exact(move, 0.06)
        credit = self._reverse(move)
        credit.action_post()
        self._assert_exact(credit, 0.06)
        self._invoice().action_post()
        self._assert_right()

    def test_less_than_the_smallest_quantity_is_billed_at_nothing(self):
        self.item("relay_bandwidth").block_size = 0.001
        self.account.pricelist_id = self.make_pricelist({"relay_bandwidth": 50_000})
        self.usage("relay_bandwidth", "0.004", "2024-10-07")
        move = self._invoice()
        self.assertEqual(move.invoice_line_ids.quantity, 0.01)
        move.action_post()
        self._assert_exact(move, 0.2)
        self._assert_right()

    def test_characters_are_billed_by_the_thousand(self):
        self.usage("ai_tts", 12_345, "2024-10-07")
        move = self._invoice()
        character = self.env.ref("trtc_billing.uom_char")
        self.assertEqual(self._get_figures(move), [(12_345, character, 0.0000123)])
        move.action_post()
        self._assert_exact(move, 0.15)
        self._assert_right()

    def test_a_unit_of_another_kind_is_taken(self):
        """A unit of ten sheets is smaller too; the one that is metered comes first."""
        dozen = self.env["uom.uom"].create(
            {"name": "10 sheets", "relative_factor": 10, "relative_uom_id": self.sheet.id}
        )
        self.assertEqual(self._get_figures(self._post())[0][1], self.sheet)
        lines = self.env["account.move.line"]
        units = lines._trtc_get_smaller_units(self.thousand)
        self.assertEqual(units.ids, [dozen.id, self.sheet.id])
        dozen.active = False
        self.assertEqual(lines._trtc_get_smaller_units(self.thousand), self.sheet)

    # === TAXES === #

    def test_a_tax_per_thousand_becomes_one_per_sheet(self):
        """Of 1.00 per unit, 12.345 units bear 12.35 and not 12,345.00."""
        fixed = self.make_tax(self.env.company, 1, amount_type="fixed")
        self.set_taxes(self.env.company, fixed)
        self._shoot(12_345)
        move = self._invoice()
        line = move.invoice_line_ids
        self.assertEqual((line.quantity, line.product_uom_id), (12.35, self.thousand))
        self.assertIn("Exactly 12.345 1,000 sheets at", line.name)
        self.assertEqual((move.amount_untaxed, move.amount_tax), (370.35, 12.35))
        self.assertTrue(move._trtc_is_refreshable())
        self._shoot(1, "2024-10-08")
        self.assertEqual(self._invoice(), move)
        self.assertEqual((move.invoice_line_ids, line.quantity), (line, 12.35))
        self.assertEqual((move.amount_untaxed, move.amount_tax), (370.38, 12.35))
        move.action_post()
        self._assert_exact(move, 370.38)
        credit = self._credit(move, 2.346)
        self.assertEqual(credit.invoice_line_ids.product_uom_id, self.thousand)
        self.assertEqual((credit.amount_untaxed, credit.amount_tax), (70.38, 2.35))
        credit.action_post()
        rest = self._reverse(move)
        self.assertEqual((rest.amount_untaxed, rest.amount_tax), (300, 10))
        rest.action_post()
        self._assert_right()

    # === WHAT CUSTOMERS READ === #

    def test_the_paper_says_thousands_of_what_is_in_sheets(self):
        move = self._post()
        html, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "account.account_invoices", move.ids
        )
        text = " ".join(html.decode().split())
        self.assertRegex(text, r"12,345\s*(<[^>]*>\s*)*sheet")
        self.assertIn("0.03", text)

    def test_a_line_of_a_former_version_is_changed_by_hand(self):
        """Before, quantities were rounded: a draft of then is brought to its exact amount."""
        self._shoot(12_345)
        move = self._invoice()
        line = move.invoice_line_ids
        move.sudo().write(
            {
                "invoice_line_ids": [
                    Command.update(
                        line.id,
                        {
                            "product_uom_id": self.thousand.id,
                            "quantity": 12.35,
                            "price_unit": 30,
                            "trtc_ratio": 0,
                        },
                    )
                ]
            }
        )
        self.assertEqual(move.amount_untaxed, 370.5)
        self.assertTrue(move._trtc_is_refreshable())
        self._shoot(1, "2024-10-08")
        self.assertEqual(self._invoice(), move)
        self._assert_exact(move, 370.38)
