from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestBookedAmounts(TrtcCommon):
    """An amount typed in Journal Items is told from a rounding difference of Odoo's own.

    With taxes rounded per document, Odoo puts the differences of many small lines on one
    large line: 300.00 and 20 lines of 10.004 are booked as 300.06, with two cents more on 2 others.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.company = cls.env.company
        cls.company.tax_calculation_rounding_method = "round_globally"
        items = cls.env["trtc.item"].search([("cycle", "=", "day")])
        items = items.filtered(lambda item: item.product_id.uom_id == item.uom_id)
        cls.items = items - cls.item("av_hd")
        cls.edition_all = cls.env["trtc.edition"].create(
            {"name": "All", "code": "all", "feature_ids": [Command.set(items.feature_id.ids)]}
        )
        cls.set_taxes(cls.env["account.tax"])

    @classmethod
    def set_taxes(cls, taxes):
        cls.env["account.account"].search([]).tax_ids = False
        products = cls.env["trtc.item"].search([]).product_id
        products |= cls.env.ref("trtc_billing.product_rounding")
        products.taxes_id = [Command.set(taxes.ids)]

    def bill(self, large="300", small="10.004", number=20, applications=1, currency=None):
        """Return the draft of one large line and of so many small ones of each application."""
        prices = {item.code: small for item in self.items[:number]}
        contract = self.make_pricelist({**prices, "av_hd": large}, currency)
        account = self.make_account(pricelist_id=contract.id, invoice_sections=True)
        for position in range(applications):
            application = self.make_application(account)
            self.subscribe(application, "all", "2024-01-01")
            for code in prices:
                self.usage(code, 60, "2024-10-07", application)
            if not position:
                self.usage("av_hd", 60, "2024-10-07", application)
        draft = self.invoice("2024-10-31", account).with_user(self.user_accountant)
        lines = draft.invoice_line_ids.filtered("trtc_item_id")
        self.assertEqual(len(lines), len(prices) * applications + 1)
        return draft

    def get_large(self, move):
        return move.invoice_line_ids.sorted("price_subtotal")[-1:]

    def use_more(self, move):
        """Let the draft be refreshed by more usage of what its large line bills."""
        account = move.sudo().trtc_account_id
        self.usage("av_hd", 60, "2024-10-08", account.application_ids[:1])
        self.assertEqual(self.invoice("2024-10-31", account), move.sudo())

    def assert_billed(self, move):
        """Check that an untouched draft is refreshed, posted and credited."""
        self.assertTrue(move.sudo()._trtc_is_refreshable())
        self.use_more(move)
        self.assertEqual(self.get_large(move).quantity, 2)
        move.action_post()
        self.assertEqual(move.state, "posted")
        self.assertNotIn("manual", move.sudo().trtc_allocation_ids.mapped("kind"))
        credit = move._reverse_moves([{"invoice_date": "2024-10-31"}])
        credit.with_user(self.user_accountant).action_post()
        self.assertEqual(credit.amount_total, move.amount_total)

    def assert_refused(self, move, *changes):
        """Check that amounts typed in Journal Items are seen: (line, name of the field, more)."""
        with self.env.cr.savepoint() as undo:
            move.line_ids = [
                Command.update(line.id, {name: line[name] + more}) for line, name, more in changes
            ]
            self.assertFalse(move.sudo()._trtc_is_refreshable())
            with self.assertRaisesRegex(UserError, "is booked at .* not quantity times unit"):
                move.action_post()
            undo.rollback()
        self.env.invalidate_all()

    # === UNTOUCHED === #

    def test_a_draft_with_twenty_rounded_lines_is_billed(self):
        draft = self.bill()
        self.assertEqual(-self.get_large(draft).amount_currency, 300.06)
        self.assertEqual(draft.amount_untaxed, 500.08)
        self.assert_billed(draft)

    def test_a_draft_with_a_hundred_lines_of_nothing_is_billed(self):
        draft = self.bill("3000", "0.004", applications=5)
        self.assertEqual(-self.get_large(draft).amount_currency, 3000.40)
        self.assert_billed(draft)

    def test_a_draft_whose_prices_include_taxes_is_billed(self):
        for number, rates in enumerate(((15,), (7, 8.5))):
            with self.subTest(rates=rates):
                taxes = self.env["account.tax"].create(
                    [
                        {
                            "name": f"Included {number} {rate}",
                            "amount": rate,
                            "type_tax_use": "sale",
                            "price_include_override": "tax_included",
                        }
                        for rate in rates
                    ]
                )
                self.set_taxes(taxes)
                self.assert_billed(self.bill())

    def test_a_draft_in_another_currency_is_billed(self):
        yuan = self.env.ref("base.CNY")
        yuan.active = True
        self.env["res.currency.rate"].search([]).unlink()
        included = self.env["account.tax"].create(
            {
                "name": "Included",
                "amount": 7,
                "type_tax_use": "sale",
                "price_include_override": "tax_included",
            }
        )
        none = included.browse()
        plans = (
            ("round_globally", none, 7.1234),
            ("round_globally", included, 0.0123),
            ("round_per_line", none, 0.0123),
            ("round_per_line", included, 7.1234),
        )
        for number, (method, taxes, rate) in enumerate(plans):
            with self.subTest(method=method, taxes=taxes, rate=rate):
                self.company.tax_calculation_rounding_method = method
                self.set_taxes(taxes)
                self.env["res.currency.rate"].create(
                    {"currency_id": yuan.id, "name": f"2024-10-0{number + 1}", "rate": rate}
                )
                self.assert_billed(self.bill(currency=yuan))

    def test_a_draft_of_rounded_lines_is_billed(self):
        self.company.tax_calculation_rounding_method = "round_per_line"
        draft = self.bill()
        self.assertTrue(draft.invoice_line_ids.filtered("trtc_is_rounding"))
        self.assert_billed(draft)

    def test_a_draft_is_billed_after_the_method_was_changed(self):
        self.company.tax_calculation_rounding_method = "round_per_line"
        draft = self.bill()
        self.company.tax_calculation_rounding_method = "round_globally"
        self.assert_billed(draft)

    def test_what_is_booked_on_a_line_of_somebody_is_no_concern(self):
        draft = self.bill()
        draft.invoice_line_ids = [Command.create({"name": "Advice", "price_unit": 50})]
        advice = draft.invoice_line_ids.filtered(lambda line: line.name == "Advice")
        draft.line_ids = [Command.update(advice.id, {"amount_currency": -70})]
        draft.action_post()
        self.assertEqual(draft.amount_untaxed, 570.06)

    # === TYPED === #

    def test_some_cents_of_one_line_are_seen(self):
        """As many as the rounding differences may come to."""
        draft = self.bill()
        large = self.get_large(draft)
        small = draft.invoice_line_ids.filtered("trtc_item_id")[-1:]
        self.assert_refused(draft, (large, "amount_currency", -0.05))
        self.assert_refused(draft, (small, "amount_currency", 0.05))
        self.assert_refused(draft, (large, "balance", -0.05))
        self.assert_refused(draft, (large, "amount_currency", -100))

    def test_two_cents_of_each_line_are_seen(self):
        for method in ("round_globally", "round_per_line"):
            self.company.tax_calculation_rounding_method = method
            draft = self.bill()
            lines = draft.invoice_line_ids.filtered("trtc_item_id")
            with self.subTest(method):
                self.assert_refused(draft, *((line, "amount_currency", -0.02) for line in lines))

    def test_what_is_moved_between_lines_is_seen(self):
        draft = self.bill()
        large = self.get_large(draft)
        small = draft.invoice_line_ids.filtered("trtc_item_id")[-1:]
        self.assert_refused(draft, (large, "amount_currency", -20), (small, "amount_currency", 20))
