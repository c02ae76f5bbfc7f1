from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .money import EXACT, PERIOD_END, USE, MoneyCase


@tagged("post_install", "-at_install")
class TestBranches(MoneyCase):
    """An account of a branch, whose journals, accounts and taxes are those of its parent."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parent = cls.env.company
        cls.branch = cls.env["res.company"].create(
            {"name": "Branch", "parent_id": cls.parent.id, "country_id": cls.parent.country_id.id}
        )
        cls.env.user.company_ids |= cls.branch
        cls.tax = cls.make_tax(cls.parent)
        cls.set_taxes(cls.parent, cls.tax)
        cls.contract = cls.make_contract(cls.parent.currency_id)

    def _make_account(self, company=None, **vals):
        return self.make_account(
            company_id=(company or self.branch).id, **{"pricelist_id": self.contract.id, **vals}
        )

    def _become(self, user, records, *companies):
        companies = [company.id for company in companies]
        return records.with_user(user).with_context(allowed_company_ids=companies)

    def test_a_branch_has_no_journal(self):
        account = self._make_account()
        records = self.use(account)
        move = self.post(PERIOD_END, account)
        self.assertEqual(move.company_id, self.branch)
        self.assertEqual(move.journal_id, self.company_data["default_journal_sale"])
        self.assertEqual(move.invoice_line_ids.tax_ids, self.tax)
        self.assertEqual(move.line_ids.account_id.company_ids, self.parent)
        self.assert_money(move)
        self.send(account, [{**record, "quantity": 0} for record in records])
        credit = self.post("2024-11-30", account)
        self.assert_money(credit)
        self.assert_mirror(move, credit)

    def test_a_branch_rounds_like_nobody(self):
        for method in ("round_per_line", "round_globally"):
            with self.subTest(method=method):
                self.parent.tax_calculation_rounding_method = method
                account = self._make_account()
                self.use(account)
                self.assert_money(self.post(PERIOD_END, account))

    def test_a_contract_of_the_parent_prices_a_branch(self):
        """Odoo lets a branch have its parent's products, not its pricelists."""
        self.contract.company_id = self.parent
        with self.assertRaisesRegex(UserError, "belongs to another company"):
            self._make_account()

    def test_one_users_run_leaves_out_the_other_company(self):
        """Who may use one of the two bills that one; who may use both, both at once."""
        for companies in (self.branch, self.parent, self.parent | self.branch):
            with self.subTest(companies=companies.mapped("name")):
                accounts = self._make_account(self.branch) | self._make_account(self.parent)
                for account in accounts:
                    self.use(account)
                user = self.make_user("accountant", company=companies[0])
                user.company_ids = companies
                everything = self._become(user, self.env["trtc.account"], *companies)
                self.assertEqual(
                    everything.search([("id", "in", accounts.ids)]).company_id, companies
                )
                everything.settle(PERIOD_END)
                moves = everything.create_invoices(PERIOD_END)
                mine = accounts.filtered_domain([("company_id", "in", companies.ids)])
                self.assertEqual(moves.trtc_account_id & accounts, mine)
                moves.action_post()
                self.assertEqual(moves.company_id, companies)
                for move in self.env["account.move"].browse(moves.ids):
                    self.assert_money(move)

    def test_a_lock_of_the_parent_is_overlooked(self):
        self.parent.fiscalyear_lock_date = "2024-11-30"
        account = self._make_account()
        self.use(account)
        move = self.post(PERIOD_END, account)
        self.assertGreater(str(move.date), "2024-11-30")
        self.assert_money(move)


@tagged("post_install", "-at_install")
class TestSharedPartner(MoneyCase):
    """One customer, without a company, of two companies that do not know each other."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.companies = cls.env.company | cls.setup_other_company(name="Second")["company"]
        cls.env.user.company_ids |= cls.companies
        cls.contract = cls.make_contract(cls.env.ref("base.USD"))
        cls.accounts = cls.env["trtc.account"]
        cls.users = {}
        for company in cls.companies:
            cls.set_taxes(company, cls.make_tax(company))
            cls.users[company] = cls.make_user("accountant", company=company)
            cls.accounts |= cls.make_account(company_id=company.id, pricelist_id=cls.contract.id)

    def test_one_company_bills_the_others_usage(self):
        for account in self.accounts:
            self.use(account)
        for account in self.accounts:
            company = account.company_id
            other = self.accounts - account
            mine = self.env["trtc.account"].with_user(self.users[company])
            self.assertEqual(
                mine.search([("partner_id", "=", self.customer.id)]) - account,
                (self.account if company == self.env.company else mine),
            )
            with self.assertRaises(AccessError):
                mine.browse(other.ids).settle(PERIOD_END)
            mine.settle(PERIOD_END)
            moves = mine.create_invoices(PERIOD_END)
            self.assertEqual(moves.trtc_account_id, account)
            moves.action_post()
            self.assert_money(self.env["account.move"].browse(moves.ids))
            statements = self.env["trtc.statement"].with_user(self.users[company]).search([])
            self.assertEqual(statements.account_id, account)
            due = moves.line_ids.filtered(lambda line: line.display_type == "payment_term")
            self.assertEqual(due.account_id.company_ids, company)

    def test_an_invoice_takes_the_other_companys_account(self):
        """Income accounts of products, and the customer's fiscal position, are per company."""
        wanted = {}
        items = self.env["trtc.item"].search([("code", "in", list(USE))]).product_id
        products = items | self.env.ref("trtc_billing.product_rounding")
        for company in self.companies:
            income = self.env["account.account"].create(
                {
                    "name": f"Usage of {company.name}",
                    "code": f"4077{company.id}",
                    "account_type": "income",
                    "company_ids": [Command.set(company.ids)],
                }
            )
            products.with_company(company).property_account_income_id = income
            wanted[company] = income
        mapped = wanted[self.companies[1]].copy({"code": "40999"})
        position = self.env["account.fiscal.position"].create(
            {
                "name": "Of the second company",
                "company_id": self.companies[1].id,
                "account_ids": [
                    Command.create(
                        {
                            "account_src_id": wanted[self.companies[1]].id,
                            "account_dest_id": mapped.id,
                        }
                    )
                ],
            }
        )
        self.customer.with_company(self.companies[1]).property_account_position_id = position
        wanted[self.companies[1]] = mapped
        for account in self.accounts:
            self.use(account)
            account.company_id.tax_calculation_rounding_method = "round_per_line"
        accounts = self.accounts.with_context(allowed_company_ids=self.companies.ids)
        moves = self.invoice(PERIOD_END, accounts)
        moves.action_post()
        for move in moves:
            self.assertEqual(move.invoice_line_ids.account_id, wanted[move.company_id])
            self.assertEqual(len(move.invoice_line_ids), len(USE) + 1)
            self.assert_money(move, EXACT)
