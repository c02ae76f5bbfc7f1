from odoo import Command
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from odoo.addons.trtc_billing.models import account_tax

from .money import MoneyCase

METHODS = ("round_per_line", "round_globally")


@tagged("post_install", "-at_install")
class TestFixedTaxes(MoneyCase):
    """A tax of an amount per unit is due for the units that are sold, and for no line besides."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.env.company.tax_calculation_rounding_method = "round_per_line"

    @classmethod
    def _make_fixed(cls, amount=1.0, **vals):
        return cls.make_tax(cls.env.company, amount, amount_type="fixed", **vals)

    def _use(self, account=None):
        """Use one HD minute and four of audio: 0.00795, in lines that round to nothing."""
        application = self.make_application(account or self.make_account())
        self.usage("av_hd", 60, "2024-10-07", application)
        self.usage("av_audio", 240, "2024-10-07", application)
        return application.account_id

    def _invoice(self, account, until="2024-10-31"):
        """Settle and invoice an account as an accountant."""
        return self.invoice(until, account.with_user(self.user_accountant)).ensure_one()

    def _reverse(self, move, modify=False):
        wizard = (
            self.env["account.move.reversal"]
            .with_user(self.user_accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "reason": "Wrong address"})
        )
        return self.env["account.move"].browse(wizard.reverse_moves(modify)["res_id"])

    def _get_rounding(self, move):
        return move.invoice_line_ids.filtered("trtc_is_rounding")

    def _assert_taxed(self, move, untaxed, tax):
        self.assertEqual((move.amount_untaxed, move.amount_tax), (untaxed, tax))

    # === THE ROUNDING LINE === #

    def test_a_cent_of_rounding_bears_the_tax_of_a_unit(self):
        """Five units, and a line of rounding: the sixth tax was nobody's."""
        self.set_taxes(self.env.company, self._make_fixed())
        move = self._invoice(self._use())
        self.assertEqual(sum(move.invoice_line_ids.filtered("trtc_item_id").mapped("quantity")), 5)
        self.assertEqual(self._get_rounding(move).price_unit, 0.01)
        self._assert_taxed(move, 0.01, 5.00)
        move.action_post()
        self._assert_taxed(move, 0.01, 5.00)
        self.assert_books()

    def test_a_credit_note_gives_back_six_taxes_of_five(self):
        self.set_taxes(self.env.company, self._make_fixed())
        move = self._invoice(self._use())
        move.action_post()
        credit = self._reverse(move)
        self._assert_taxed(credit, 0.01, 5.00)
        credit.action_post()
        self.assert_mirror(move, credit)
        again = self._invoice(move.trtc_account_id)
        self.assertTrue(all(again.invoice_line_ids.filtered("trtc_item_id").mapped("trtc_is_rebill")))
        self._assert_taxed(again, 0.01, 5.00)
        again.action_post()
        self.assert_books()

    def test_the_new_invoice_bears_the_tax_of_the_rounding(self):
        self.set_taxes(self.env.company, self._make_fixed())
        move = self._invoice(self._use())
        move.action_post()
        new = self._reverse(move, modify=True)
        self._assert_taxed(new, 0.01, 5.00)
        self._assert_taxed(move.reversal_move_ids, 0.01, 5.00)
        new.action_post()
        self.assert_books()

    def test_a_part_of_an_invoice_is_credited_with_the_tax_of_its_rounding(self):
        self.set_taxes(self.env.company, self._make_fixed())
        move = self._invoice(self._use())
        move.action_post()
        credit = self._reverse(move)
        audio = credit.invoice_line_ids.filtered(lambda line: line.trtc_item_id.code == "av_audio")
        (credit.invoice_line_ids - audio).with_user(self.user_accountant).unlink()
        credit.action_post()
        self.assertEqual(credit.amount_tax, 4)
        rest = self._reverse(move)
        self.assertEqual(rest.amount_tax, 1)
        rest.action_post()
        self.assertEqual(move.amount_untaxed, credit.amount_untaxed + rest.amount_untaxed)
        self.assert_books()

    def test_an_adjustment_below_zero_gives_back_more_than_its_units(self):
        self.set_taxes(self.env.company, self._make_fixed())
        account = self.make_account()
        application = self.make_application(account)
        records = [
            self.record(code, quantity, "2024-10-07", application, unit="min")
            for code, quantity in (("av_hd", 101), ("av_audio", 104))
        ]
        self.ingest(*records)
        self._invoice(account).action_post()
        self.ingest(*({**record, "quantity": 100} for record in records))
        credit = self._invoice(account)
        # 0.00399 + 4 x 0.00099
        self.assertEqual(credit.move_type, "out_refund")
        self._assert_taxed(credit, 0.01, 5.00)
        credit.action_post()
        self.assert_books(account)

    def test_more_usage_brings_the_tax_back(self):
        """A refresh makes the rounding line anew."""
        self.set_taxes(self.env.company, self._make_fixed())
        account = self._use()
        move = self._invoice(account)
        self.usage("av_hd", 60, "2024-10-08", account.application_ids)
        self.usage("slice_audio", 180, "2024-10-08", account.application_ids)
        self.assertEqual(self._invoice(account), move)
        self.assertEqual(move.amount_tax, 9)
        self.assertEqual(move.amount_untaxed, 0.02)

    def test_the_button_of_the_fiscal_position_brings_the_tax_back(self):
        self.set_taxes(self.env.company, self._make_fixed())
        move = self._invoice(self._use())
        move.with_user(self.user_accountant).action_update_fpos_values()
        self._assert_taxed(move, 0.01, 5.00)

    # === OTHER TAXES BESIDE IT === #

    def test_a_percentage_beside_it_leaves_the_rounding_line(self):
        for method in METHODS:
            with self.subTest(method=method):
                self.env.company.tax_calculation_rounding_method = method
                percent = self.make_tax(self.env.company, 20)
                self.set_taxes(self.env.company, self._make_fixed() | percent)
                move = self._invoice(self._use())
                base = move.tax_totals["subtotals"][0]["tax_groups"][-1]["base_amount_currency"]
                self.assertAlmostEqual(base, 0.01)
                self._assert_taxed(move, 0.01, 5.00)
                if method == "round_per_line":
                    self.assertEqual(self._get_rounding(move).tax_ids, percent)
                move.action_post()
                self.assert_books(move.trtc_account_id)

    def test_a_group_hides_a_tax_of_an_amount(self):
        percent = self.make_tax(self.env.company, 20, type_tax_use="none")
        fixed = self._make_fixed(type_tax_use="none")
        group = self.make_tax(
            self.env.company,
            0,
            amount_type="group",
            children_tax_ids=[Command.set((percent | fixed).ids)],
        )
        self.set_taxes(self.env.company, group)
        move = self._invoice(self._use())
        self.assertEqual(self._get_rounding(move).tax_ids, percent)
        self._assert_taxed(move, 0.01, 5.00)
        move.action_post()
        credit = self._reverse(move)
        self._assert_taxed(credit, 0.01, 5.00)
        self.assert_books()

    def test_a_group_of_percentages_is_taken_apart(self):
        parts = self.make_tax(self.env.company, 5, type_tax_use="none")
        parts |= self.make_tax(self.env.company, 9, type_tax_use="none")
        group = self.make_tax(
            self.env.company,
            0,
            amount_type="group",
            children_tax_ids=[Command.set(parts.ids)],
        )
        self.set_taxes(self.env.company, group)
        move = self._invoice(self._use())
        self.assertEqual(self._get_rounding(move).tax_ids, group)

    def test_an_amount_that_prices_include_swallows_the_rounding(self):
        for method in METHODS:
            with self.subTest(method=method):
                self.env.company.tax_calculation_rounding_method = method
                included = self._make_fixed(0.001, price_include_override="tax_included")
                percent = self.make_tax(
                    self.env.company, 19, price_include_override="tax_included"
                )
                self.set_taxes(self.env.company, included | percent)
                account = self._use()
                move = self._invoice(account)
                self.assertEqual(move.amount_total, 0.01)
                self.assertFalse(self._get_rounding(move).tax_ids & included)
                move.action_post()
                self.assert_books(account)

    def test_the_base_of_another_tax_is_a_unit_too_large(self):
        """A tax on a tax: the amount per unit is part of the base of the percentage."""
        fixed = self._make_fixed(include_base_amount=True, sequence=1)
        percent = self.make_tax(self.env.company, 10, is_base_affected=True, sequence=2)
        self.set_taxes(self.env.company, fixed | percent)
        move = self._invoice(self._use())
        # 5 x 1.00, and a tenth of 5.01.
        self._assert_taxed(move, 0.01, 5.50)

    def test_a_fiscal_position_puts_an_amount_in_the_place_of_a_percentage(self):
        domestic = self.make_tax(self.env.company, 20)
        position = self.env["account.fiscal.position"].create({"name": "Export"})
        export = self._make_fixed(
            fiscal_position_ids=[Command.set(position.ids)],
            original_tax_ids=[Command.set(domestic.ids)],
        )
        self.set_taxes(self.env.company, domestic)
        partner = self.customer.copy({"property_account_position_id": position.id})
        move = self._invoice(self._use(self.make_account(partner_id=partner.id)))
        self.assertEqual(move.invoice_line_ids.filtered("trtc_item_id").tax_ids, export)
        self._assert_taxed(move, 0.01, 5.00)
        move.with_user(self.user_accountant).action_update_fpos_values()
        self._assert_taxed(move, 0.01, 5.00)

    def test_a_formula_takes_something_of_nothing(self):
        """As of the addon for Python taxes, which the tests do not install."""
        self.patch(account_tax, "SHARES", ("division",))
        formulas = {
            "base * 0.2": True,
            "0.0": True,
            "quantity * 1.0": False,
            "max(base * 0.1, 0.05)": False,
            "1.0 if base else 0.0": False,
            "base * 0.1 + quantity": False,
        }
        tax = self.make_tax(self.env.company, 20)
        product = self.env.ref("trtc_billing.product_rounding")
        for formula, is_share in formulas.items():
            with self.subTest(formula=formula):

                def take(self, batch, raw_base, context, formula=formula):
                    values = {"base": raw_base, "quantity": context["quantity"], "max": max}
                    return safe_eval(formula, values)

                self.patch(type(tax), "_eval_tax_amount_fixed_amount", take)
                kept = tax._trtc_filter_shares(product)
                self.assertEqual(kept, tax if is_share else tax.browse())

    # === WHAT ELSE NO UNIT STANDS FOR === #

    def test_a_minimum_commitment_bears_the_tax_of_a_unit(self):
        fixed, percent = self._make_fixed(), self.make_tax(self.env.company, 20)
        self.set_taxes(self.env.company, fixed | percent)
        product = self.env.ref("trtc_billing.product_commitment")
        product.taxes_id = [Command.set((fixed | percent).ids)]
        account = self._use()
        self.env["trtc.commitment"].create(
            {"account_id": account.id, "amount": 50, "date_start": "2024-10-01"}
        )
        move = self._invoice(account)
        line = move.invoice_line_ids.filtered("trtc_fee_id")
        self.assertEqual(line.tax_ids, percent)
        self._assert_taxed(move, 50, 15)
        move.action_post()
        # Usage that comes late gives some of it back, and no tax of a unit either.
        self.usage("av_hd", 1000, "2024-10-09", account.application_ids, unit="min")
        later = self._invoice(account, "2024-11-30")
        correction = later.invoice_line_ids.filtered(
            lambda line: line.trtc_fee_id.date_from.month == 10 if line.trtc_fee_id else False
        )
        self.assertEqual(correction.tax_ids, percent)
        self.assertLess(correction.price_subtotal, 0)
        self.assert_books(account)

    def test_a_month_of_an_edition_bears_no_tax(self):
        """A month is a unit that is sold."""
        fixed = self._make_fixed()
        self.price_editions(self.pricelist_usd, {"pro": 100})
        self.edition("pro").fee_product_id.taxes_id = [Command.set(fixed.ids)]
        self.env["trtc.subscription"].create(
            {
                "application_id": self.application.id,
                "edition_id": self.edition("pro").id,
                "date_start": "2024-10-01",
                "date_end": "2024-10-31",
                "bill_fee": True,
            }
        )
        move = self._invoice(self.account)
        self.assertEqual(move.invoice_line_ids.tax_ids, fixed)
        self._assert_taxed(move, 100, 1)
