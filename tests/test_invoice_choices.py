from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import SQL

from .common import TrtcCommon
from .invoice_choices import ChoicesMixin
from .test_migration import load


@tagged("post_install", "-at_install")
class TestInvoiceChoices(ChoicesMixin, TrtcCommon):
    # === ANALYTIC === #

    def test_projects_share_an_invoice_line(self):
        other, third = self.make_application(), self.make_application()
        self.application.analytic_distribution = {str(self.project_a.id): 100}
        other.analytic_distribution = {str(self.project_b.id): 100}
        third.analytic_distribution = {str(self.project_b.id): 100}
        for application in (self.application, other, third):
            self.usage("av_hd", 60_000, "2024-10-01", application)
        move = self.invoice("2024-10-31")
        self.assertEqual(
            [(li.quantity, li.analytic_distribution) for li in move.invoice_line_ids],
            [
                (1000, {str(self.project_a.id): 100}),
                (2000, {str(self.project_b.id): 100}),
            ],
        )
        move.action_post()
        column = self.project_a.root_plan_id._column_name()
        booked = {line[column]: line.amount for line in move.line_ids.analytic_line_ids}
        self.assertEqual(booked, {self.project_a: 3.99, self.project_b: 7.98})

    def test_the_distribution_models_of_odoo_are_passed_over(self):
        """What no application asks for is Odoo's to distribute, in other plans too."""
        other = self.make_application()
        market = self.env["account.analytic.plan"].create({"name": "Market"})
        region = self.env["account.analytic.account"].create(
            {"name": "Asia", "plan_id": market.id}
        )
        self.env["account.analytic.distribution.model"].create(
            {
                "partner_id": self.customer.id,
                "company_id": self.env.company.id,
                "analytic_distribution": {str(region.id): 100},
            }
        )
        self.application.analytic_distribution = {str(self.project_a.id): 100}
        self.usage("av_hd", 60_000, "2024-10-01")
        self.usage("av_hd", 60_000, "2024-10-01", other)
        move = self.invoice("2024-10-31")
        found = [line.analytic_distribution for line in move.invoice_line_ids]
        both = {str(self.project_a.id): 100, str(region.id): 100}
        self.assertEqual(len(found), 2)
        self.assertIn(both, found)
        self.assertIn({str(region.id): 100}, found)

    def test_a_fee_misses_the_project_of_its_application(self):
        self.application.analytic_distribution = {str(self.project_a.id): 100}
        self.sell_term("2024-10-01", "2024-10-31")
        move = self.env["trtc.account"].create_invoices("2024-10-31")
        line = move.invoice_line_ids.filtered("trtc_fee_id")
        self.assertEqual(line.analytic_distribution, {str(self.project_a.id): 100})

    def test_a_draft_keeps_the_project_of_yesterday(self):
        self.usage("av_hd", 60_000, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.application.analytic_distribution = {str(self.project_a.id): 100}
        self.usage("av_hd", 60_000, "2024-10-02")
        self.assertEqual(self.invoice("2024-10-31"), move)
        line = move.invoice_line_ids
        self.assertEqual(line.analytic_distribution, {str(self.project_a.id): 100})
        self.assertEqual(line.quantity, 2000)

    def test_a_customer_reads_what_is_booked_where(self):
        self.make_users()
        self.application.analytic_distribution = {str(self.project_a.id): 100}
        application = self.application.with_user(self.user_portal)
        self.assertTrue(application.name)
        for name in ("analytic_distribution", "distribution_analytic_account_ids"):
            with self.assertRaises(UserError):
                application.read([name])

    # === JOURNAL AND TERMS === #

    def test_the_journal_and_terms_of_the_account_are_ignored(self):
        term = self.env.ref("account.account_payment_term_45days")
        journal = self.make_journal("TRTC")
        self.account.write({"invoice_journal_id": journal.id, "payment_term_id": term.id})
        self.customer.property_payment_term_id = self.env.ref(
            "account.account_payment_term_15days"
        )
        self.usage("av_hd", 60_000, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.assertEqual((move.journal_id, move.invoice_payment_term_id), (journal, term))

    def test_invoices_go_to_a_purchase_journal(self):
        with self.assertRaises(ValidationError):
            self.account.invoice_journal_id = self.company_data["default_journal_purchase"]

    def test_the_journal_of_another_company_is_taken(self):
        other = self.setup_other_company(name="Another company")
        with self.assertRaises(UserError):
            self.account.invoice_journal_id = other["default_journal_sale"]

    def test_a_branch_cannot_take_the_journal_of_its_parent(self):
        branch = self.env["res.company"].create(
            {"name": "Branch", "parent_id": self.env.company.id}
        )
        self.env.user.company_ids |= branch
        journal = self.make_journal("TRTC")
        account = self.make_account(company_id=branch.id, invoice_journal_id=journal.id)
        application = self.make_application(account)
        self.env["trtc.usage"].with_company(branch).ingest(
            [self.record("av_hd", 60_000, "2024-10-01", application)], "test"
        )
        account.settle("2024-10-31")
        move = account.create_invoices("2024-10-31")
        self.assertEqual((move.company_id, move.journal_id), (branch, journal))
        move.action_post()

    # === SECTIONS === #

    def _sections(self, move):
        """Return [(heading, or billing item and quantity)] in the order of the invoice."""
        return [
            line.name if line.display_type != "product" else (
                line.trtc_item_id.code or "other", line.quantity
            )
            for line in move.invoice_line_ids.sorted("sequence")
        ]  # fmt: skip

    def test_nobody_sees_which_application_a_line_bills(self):
        other = self.make_application()
        self.account.invoice_sections = True
        self.usage("av_hd", 60_000, "2024-10-01", other)
        self.usage("av_hd", 120_000, "2024-10-01")
        self.usage("av_2k", 60_000, "2024-10-01")
        self.usage("relay_bandwidth", 2048, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.assertEqual(
            self._sections(move)[:6],
            [
                self.application.display_name,
                ("av_hd", 2000),
                ("av_2k", 1000),
                other.display_name,
                ("av_hd", 1000),
                "Whole account",
            ],
        )
        self.assertEqual(move.amount_untaxed, self.rounded_total())
        move.action_post()

    def test_a_refresh_leaves_lines_under_the_wrong_heading(self):
        other, third = self.make_application(), self.make_application()
        self.account.invoice_sections = True
        self.usage("av_hd", 60_000, "2024-10-01")
        self.usage("av_hd", 60_000, "2024-10-01", third)
        move = self.invoice("2024-10-31")
        self.assertTrue(move._trtc_is_refreshable())
        self.usage("av_hd", 60_000, "2024-10-02", other)
        self.usage("av_audio", 60_000, "2024-10-02")
        self.assertEqual(self.invoice("2024-10-31"), move)
        self.assertEqual(
            self._sections(move)[:7],
            [
                self.application.display_name,
                ("av_audio", 1000),
                ("av_hd", 1000),
                other.display_name,
                ("av_hd", 1000),
                third.display_name,
                ("av_hd", 1000),
            ],
        )
        self.account.invoice_sections = False
        self.usage("av_audio", 60_000, "2024-10-02")
        self.assertEqual(self.invoice("2024-10-31"), move)
        self.assertEqual(self._sections(move)[:2], [("av_audio", 2000), ("av_hd", 3000)])
        self.assertFalse(move.invoice_line_ids.filtered(lambda li: li.display_type != "product"))

    def test_a_heading_that_was_rewritten_is_overwritten(self):
        self.account.invoice_sections = True
        self.usage("av_hd", 60_000, "2024-10-01")
        move = self.invoice("2024-10-31")
        heading = move.invoice_line_ids.filtered(lambda line: line.display_type != "product")
        heading.name = "Our video calls"
        self.usage("av_hd", 60_000, "2024-10-02")
        self.invoice("2024-10-31")
        self.assertEqual(heading.name, "Our video calls")
        self.assertFalse(move._trtc_is_refreshable())

    def test_the_cent_of_rounding_stands_under_an_application(self):
        self.env.company.tax_calculation_rounding_method = "round_per_line"
        other = self.make_application()
        self.account.invoice_sections = True
        for application in (self.application, other):
            # 0.003996 + 0.00399, each rounded to nothing; together a cent.
            self.usage("av_hd", 75, "2024-10-01", application, unit="min")
            self.usage("av_audio", 5, "2024-10-01", application, unit="min")
        move = self.invoice("2024-10-31")
        self.assertEqual(move.amount_untaxed, self.rounded_total())
        rounding = move.invoice_line_ids.filtered(
            lambda line: line.trtc_is_rounding and line.display_type == "product"
        )
        self.assertEqual(len(rounding), 1)
        self.assertEqual(rounding.parent_id.name, "Rounding")
        self.usage("av_hd", 75, "2024-10-02", unit="min")
        self.assertEqual(self.invoice("2024-10-31"), move)
        self.assertEqual(move.amount_untaxed, self.rounded_total())
        headings = move.invoice_line_ids.filtered(lambda line: line.name == "Rounding")
        self.assertLessEqual(len(headings), 1)

    # === BEFORE === #

    def test_an_update_makes_automatic_posting_wait(self):
        """Companies that are there post at once, as before; known lines say whose they are."""
        self.usage("av_hd", 60_000, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.env.flush_all()
        for table, column in (
            ("res_company", "trtc_grace_days"),
            ("account_move_line", "trtc_account_id"),
        ):
            self.cr.execute(
                SQL("ALTER TABLE %s DROP COLUMN %s", SQL.identifier(table), SQL.identifier(column))
            )
        load("19.0.3.0.0", "pre-invoicing").migrate(self.cr, "19.0.2.0.0")
        self.env.invalidate_all()
        self.assertEqual(self.env.company.trtc_grace_days, 0)
        self.assertEqual(move.invoice_line_ids.trtc_account_id, self.account)
        self.assertFalse((move.line_ids - move.invoice_line_ids).trtc_account_id)
