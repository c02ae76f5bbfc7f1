from datetime import date
from decimal import Decimal

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestInvoicing(TrtcCommon):
    # === WHICH INVOICES === #

    def test_applications_and_days_are_lines_of_their_own(self):
        second = self.make_application()
        for day in range(1, 31):
            self.usage("av_hd", 100, f"2024-10-{day:02}")
            self.usage("av_hd", 100, f"2024-10-{day:02}", second)
        self.usage("av_2k", 100, "2024-10-05")
        move = self.invoice("2024-10-31")
        self.assertEqual(len(self.lines()), 61)
        self.assertEqual(
            [(li.trtc_item_id.code, li.quantity) for li in move.invoice_line_ids],
            [("av_hd", 120), ("av_2k", 2)],
        )
        first = move.invoice_line_ids[0]
        span = str(first.trtc_date_from), str(first.trtc_date_to)
        self.assertEqual(span, ("2024-10-01", "2024-10-30"))
        self.assertEqual(len(first.trtc_allocation_ids), 60)
        self.assertEqual(sum(first.trtc_allocation_ids.mapped("quantity")), 120)
        self.assertEqual(self.lines(item="av_hd").invoice_line_ids, first)
        self.assertEqual(move.trtc_statement_ids, self.lines().statement_id)

    def test_two_accounts_of_a_customer_share_an_invoice(self):
        second = self.make_account()
        self.usage("av_hd", 600, "2024-10-01")
        self.usage("av_hd", 1200, "2024-10-01", self.make_application(second))
        moves = self.invoice("2024-10-31")
        self.assertEqual(moves.trtc_account_id, self.account | second)
        self.assertEqual(len(moves), 2)
        self.assertEqual(moves.partner_id, self.customer)
        self.assertEqual(sorted(moves.mapped("amount_untaxed")), [0.04, 0.08])

    def test_a_second_click_bills_again(self):
        self.usage("av_hd", 600, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.assertFalse(self.invoice("2024-10-31"))
        move.action_post()
        self.assertFalse(self.invoice("2024-10-31"))
        self.assertFalse(self.invoice("2024-11-30"))

    def test_months_of_neglect_become_one_invoice(self):
        for month in ("08", "09", "10"):
            self.usage("av_hd", 60_000, f"2024-{month}-15")
        moves = self.invoice("2024-10-31")
        self.assertEqual(
            [str(move.trtc_date_from) for move in moves],
            ["2024-08-01", "2024-09-01", "2024-10-01"],
        )
        self.assertEqual(moves.mapped("amount_untaxed"), [3.99] * 3)

    def test_an_account_billed_by_the_day_waits_for_the_month(self):
        self.account.invoice_cycle = "day"
        self.subscribe(self.application, "trial", "2024-01-01")
        self.usage("av_hd", 60_000, "2024-10-30")
        self.usage("av_hd", 60_000, "2024-10-31")
        self.usage("screenshot_terminal", 11_000, "2024-10-02")
        first = self.invoice("2024-10-30")
        self.assertEqual((first.trtc_date_from, first.trtc_date_to), (date(2024, 10, 30),) * 2)
        second = self.invoice("2024-10-31")
        self.assertEqual(second.trtc_date_from, date(2024, 10, 31))
        self.assertEqual(second.amount_untaxed, 4.02)
        self.assertEqual(first.amount_untaxed, 3.99)

    def test_a_month_is_billed_before_it_is_over(self):
        self.usage("av_hd", 60_000, "2024-10-01")
        self.assertFalse(self.invoice("2024-10-30"))
        with freeze_time("2024-10-31 15:59:59"):
            self.assertFalse(self.invoice("2024-10-31"))
        with freeze_time("2024-10-31 16:00:00"):
            self.assertTrue(self.invoice("2024-10-31"))

    def test_usage_that_is_not_settled_is_billed(self):
        self.usage("av_hd", 60_000, "2024-10-01")
        self.assertFalse(self.invoice("2024-10-31", settle=False))

    def test_less_than_a_cent_becomes_an_invoice_of_nothing(self):
        self.usage("av_audio", 1, "2024-10-01", unit="min")
        self.assertFalse(self.invoice("2024-10-31"))
        self.assertEqual(self.lines().statement_id.state, "open")
        self.usage("av_audio", 9, "2024-11-01", unit="min")
        move = self.invoice("2024-11-30")
        self.assertEqual(move.amount_untaxed, 0.01)
        self.assertEqual(sum(move.trtc_allocation_ids.mapped("quantity")), 10)
        self.assertFalse(self.invoice("2024-12-31"))

    def test_free_usage_is_missing_from_the_annex(self):
        self.subscribe(self.application, "trial", "2024-01-01")
        self.usage("screenshot_terminal", 1000, "2024-10-01")
        self.usage("av_hd", 60_000, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.assertEqual(len(move.invoice_line_ids), 1)
        self.assertEqual(move._trtc_get_first_rows().statement_line_id, self.lines())
        self.assertEqual(len(self.lines()), 2)

    # === WHAT IS ON THEM === #

    def test_the_customers_terms_are_ignored(self):
        term = self.env.ref("account.account_payment_term_45days")
        domestic, export = self.tax_sale_a, self.tax_sale_b
        position = self.env["account.fiscal.position"].create({"name": "Export"})
        export.write({"fiscal_position_ids": position.ids, "original_tax_ids": domestic.ids})
        self.item("av_hd").product_id.taxes_id = [Command.set(domestic.ids)]
        invoice_address = self.env["res.partner"].create(
            {"name": "Accounts Payable", "type": "invoice", "parent_id": self.customer.id}
        )
        self.customer.write(
            {
                "property_payment_term_id": term.id,
                "property_account_position_id": position.id,
            }
        )
        self.usage("av_hd", 60_000, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.assertEqual(move.partner_id, invoice_address)
        self.assertEqual(move.invoice_payment_term_id, term)
        self.assertEqual(move.fiscal_position_id, position)
        self.assertEqual(move.invoice_line_ids.tax_ids, export)
        move.action_post()
        self.assertEqual(move.state, "posted")

    def test_the_products_tax_is_ignored(self):
        tax = self.tax_sale_a.copy({"name": "Sixteen", "amount": 16})
        self.item("av_hd").product_id.taxes_id = [Command.set(tax.ids)]
        self.usage("av_hd", 60_000, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.assertEqual((move.amount_untaxed, move.amount_tax), (3.99, 0.64))

    def test_yuan_are_billed_as_dollars(self):
        self.env.ref("base.CNY").rate_ids = [
            Command.clear(),
            Command.create({"name": "2024-01-01", "rate": 7, "company_id": self.env.company.id}),
        ]
        account = self.make_account(pricelist_id=self.pricelist_cny.id)
        self.usage("av_hd", 60_000, "2024-10-01", self.make_application(account))
        move = self.invoice("2024-10-31")
        self.assertEqual(move.currency_id.name, "CNY")
        self.assertEqual(move.company_id.currency_id.name, "USD")
        self.assertEqual(move.amount_untaxed, 28)
        move.action_post()
        self.assertEqual(move.amount_untaxed_signed, 4)

    def test_a_list_in_one_currency_is_read_in_another(self):
        """A contract in yuan that falls back on the list in dollars converts its prices."""
        self.env.ref("base.CNY").rate_ids = [
            Command.clear(),
            Command.create({"name": "2024-01-01", "rate": 7}),
        ]
        contract = self.make_pricelist(
            {"av_audio": "0.01"}, currency=self.env.ref("base.CNY"), base=self.pricelist_usd
        )
        account = self.make_account(pricelist_id=contract.id)
        self.usage("av_hd", 60_000, "2024-10-01", self.make_application(account))
        self.settle("2024-10-31")
        # 1,000 min x 0.00399 USD x 7
        self.assertEqual(self.total("amount", of=account), Decimal("27.93"))

    def test_companies_in_one_run_get_each_others_journals(self):
        other = self.setup_other_company(name="Second")["company"]
        there = self.make_account(company_id=other.id)
        application = self.make_application(there)
        self.usage("av_hd", 60_000, "2024-10-01")
        record = self.record("av_hd", 120_000, "2024-10-01", application)
        self.env["trtc.usage"].with_company(other).ingest([record], "test")
        both = self.account | there
        accounts = both.with_context(allowed_company_ids=both.company_id.ids)
        moves = self.invoice("2024-10-31", accounts)
        self.assertEqual(len(moves), 2)
        for move in moves:
            company = move.trtc_account_id.company_id
            self.assertEqual(move.company_id, company)
            self.assertEqual(move.journal_id.company_id, company)
            self.assertLessEqual(move.invoice_line_ids.account_id.company_ids, company)
            self.assertLessEqual(move.invoice_line_ids.tax_ids.company_id, company)
        moves.action_post()
        self.assertEqual(moves.mapped("amount_untaxed"), [3.99, 7.98])

    def test_a_line_does_not_name_its_period_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.customer.lang = "fr_FR"
        self.usage("av_hd", 60_000, "2024-10-05")
        line = self.invoice("2024-10-31").invoice_line_ids
        self.assertIn("05/10/2024", line.name)

    # === POSTING === #

    def test_an_account_posted_automatically_leaves_drafts(self):
        self.account.auto_post = True
        second = self.make_account()
        self.usage("av_hd", 60_000, "2024-10-01")
        self.usage("av_hd", 60_000, "2024-10-01", self.make_application(second))
        moves = self.invoice("2024-10-31")
        states = {move.trtc_account_id: move.state for move in moves}
        self.assertEqual(states, {self.account: "posted", second: "draft"})

    def test_an_accountant_needs_more_rights_to_bill(self):
        accountant = self.make_user("accountant")
        self.usage("av_hd", 60_000, "2024-10-01")
        accounts = self.account.with_user(accountant)
        accounts.settle("2024-10-31")
        move = accounts.create_invoices("2024-10-31")
        self.assertEqual(move.env.user, accountant)
        self.assertEqual(move.amount_untaxed, 3.99)
        move.action_post()
        self.assertEqual(move.state, "posted")
        self.assertEqual(move.trtc_statement_ids.state, "posted")
        with self.assertRaises(AccessError):
            move.trtc_allocation_ids.unlink()

    def test_the_wizard_bills_other_than_the_method(self):
        accountant = self.make_user("accountant")
        self.usage("av_hd", 60_000, "2024-10-01")
        wizard = self.env["trtc.run"].with_user(accountant).create({"until": "2024-10-31"})
        wizard.account_ids.settle("2024-10-30")
        self.assertEqual(len(self.lines()), 1)
        wizard.account_ids = self.account
        wizard.account_ids.settle(wizard.until)
        wizard.account_ids.create_invoices(wizard.until)
        self.assertEqual(self.account.invoice_count, 1)

    def test_an_extension_cannot_change_how_lines_are_consolidated(self):
        """The example of the README: one invoice line per application."""
        account = type(self.env["trtc.account"])
        original = account._get_invoice_line_key

        def per_application(self, line, price, period):
            return (*original(self, line, price, period), line.sdkappid)

        self.patch(account, "_get_invoice_line_key", per_application)
        other = self.make_application()
        self.usage("av_hd", 1000, "2024-10-07", unit="min")
        self.usage("av_hd", 500, "2024-10-08", other, unit="min")
        move = self.invoice("2024-10-31")
        self.assertEqual(sorted(move.invoice_line_ids.mapped("quantity")), [500, 1000])
        self.usage("av_hd", 100, "2024-10-09", other, unit="min")
        self.assertEqual(self.invoice("2024-10-31"), move)
        self.assertEqual(sorted(move.invoice_line_ids.mapped("quantity")), [600, 1000])
