import logging

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from .accrual import AccrualCommon

_logger = logging.getLogger(__name__)


@tagged("post_install", "-at_install")
class TestAccrualSettings(AccrualCommon):
    """Accounts, customers, taxes, currencies and companies of accruals; who may accrue."""

    # === SETTINGS === #

    def test_a_receivable_or_income_account_takes_accruals(self):
        receivable = self.company_data["default_account_receivable"]
        for account in (receivable, self.income):
            with self.refused("cannot hold accrued revenue", ValidationError):
                self.company.trtc_accrued_account_id = account
        sales = self.company_data["default_journal_sale"]
        with self.refused("no miscellaneous journal", ValidationError):
            self.company.trtc_accrual_journal_id = sales
        self.company.trtc_accrued_account_id = False
        with self.refused("has no account of accrued revenue"):
            self.propose("2024-10-31")

    def test_settings_of_a_manager_are_lost(self):
        manager = self.make_user("manager")
        journal = self.company_data["default_journal_misc"]
        wizard = self.env["trtc.settings"].with_user(manager)
        self.assertEqual(wizard.new({}).accrued_account_id, self.accrued)
        wizard.create(
            {
                "accrued_account_id": self.accrued.id,
                "accrual_journal_id": journal.id,
                "accrue_by_partner": True,
                "accrue_analytic": False,
            }
        ).action_save()
        self.assertEqual(self.company.trtc_accrual_journal_id, journal)
        self.assertTrue(self.company.trtc_accrue_by_partner)
        self.assertFalse(self.company.trtc_accrue_analytic)

    def test_customers_and_analytic_accounts_are_mixed_up(self):
        plan = self.env["account.analytic.plan"].create({"name": "Projects"})
        project = self.env["account.analytic.account"].create({"name": "P", "plan_id": plan.id})
        self.application.analytic_distribution = {str(project.id): 100}
        other = self.env["res.partner"].create({"name": "Other", "is_company": True})
        theirs = self.make_account(partner_id=other.id, pricelist_id=self.pricelist.id)
        self.use(10, "2024-10-05")
        self.use(4, "2024-10-05", self.make_application())
        self.use(7, "2024-10-05", self.make_application(theirs))

        def lines(**settings):
            self.company.write({f"trtc_accrue_{name}": one for name, one in settings.items()})
            move = self.propose("2024-10-31", post=False).move_id
            found = move.line_ids.sorted("balance")
            return [
                (line.partner_id.name or "", bool(line.analytic_distribution), line.balance)
                for line in found
            ]

        self.assertEqual(
            lines(by_partner=False, analytic=False), [("", False, -21), ("", False, 21)]
        )
        self.assertEqual(
            lines(by_partner=False, analytic=True),
            [("", False, -11), ("", True, -10), ("", False, 21)],
        )
        self.assertEqual(
            lines(by_partner=True, analytic=True),
            [
                ("Customer", True, -10),
                ("Other", False, -7),
                ("Customer", False, -4),
                ("Other", False, 7),
                ("Customer", False, 14),
            ],
        )
        accrual = self.env["trtc.accrual"].search([])
        self.assertEqual(
            sorted((line.account_id.id, line.amount) for line in accrual.line_ids),
            sorted([(self.account.id, 10), (self.account.id, 4), (theirs.id, 7)]),
        )
        self.assertEqual(accrual.line_ids.move_line_id, accrual.move_id.line_ids.filtered("credit"))

    def test_the_fiscal_position_of_a_customer_is_forgotten(self):
        abroad = self.make_ledger_account("TRTCI", "income")
        position = self.env["account.fiscal.position"].create(
            {
                "name": "Abroad",
                "account_ids": [
                    (0, 0, {"account_src_id": self.income.id, "account_dest_id": abroad.id})
                ],
            }
        )
        self.customer.property_account_position_id = position
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        self.assertEqual(accrual.line_ids.ledger_account_id, abroad)
        self.assertEqual(self.revenue("2024-10-31", abroad), 10)

    def test_taxes_that_prices_include_are_revenue(self):
        tax = self.company_data["default_tax_sale"].copy(
            {"name": "25", "amount": 25, "price_include_override": "tax_included"}
        )
        self.item("av_audio").product_id.taxes_id = tax
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        self.assertEqual((accrual.line_ids.amount, accrual.amount_total), (10, 8))
        self.assertFalse(accrual.move_id.line_ids.tax_ids)
        self.bill("2024-10-31", dated="2024-11-01")
        self.assertEqual((self.revenue("2024-10-31"), self.revenue()), (8, 8))
        self.assertEqual(self.reconcile("2024-11-30"), {"settled": 10, "invoiced": 10})

    # === CURRENCIES AND COMPANIES === #

    def test_yuan_are_accrued_as_dollars_at_the_wrong_rate(self):
        yuan = self.env.ref("base.CNY")
        yuan.active = True
        self.env.cr.execute("DELETE FROM res_currency_rate")
        self.env.invalidate_all()
        for day, rate in (("2024-10-01", 8), ("2024-10-31", 4), ("2024-11-01", 2)):
            yuan.rate_ids.create(
                {"name": day, "rate": rate, "company_id": self.company.id, "currency_id": yuan.id}
            )
        account = self.make_account(
            pricelist_id=self.make_pricelist({"av_audio": "0.333"}, currency=yuan).id
        )
        self.use(10, "2024-10-05")
        self.use(10, "2024-10-05", self.make_application(account))
        accruals = self.propose("2024-10-31")
        by_currency = {one.currency_id.name: one for one in accruals}
        self.assertEqual(set(by_currency), {"USD", "CNY"})
        accrual = by_currency["CNY"]
        self.assertEqual((accrual.amount_exact, accrual.amount_total), (3.33, 3.33))
        line = accrual.move_id.line_ids.filtered("debit")
        self.assertEqual((line.currency_id, line.amount_currency, line.debit), (yuan, 3.33, 0.83))
        back = accrual.reversal_id.line_ids.filtered("credit")
        self.assertEqual((back.amount_currency, back.credit), (-3.33, 0.83))
        self.assertEqual((self.revenue("2024-10-31"), self.revenue()), (10.83, 0))
        # The invoice has the rate of its own day.
        self.bill("2024-10-31", dated="2024-11-01", account=account)
        self.assertEqual(self.revenue(), 1.67)

    def test_yen_have_cents(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        self.company.currency_id = yen
        self.account.pricelist_id = self.make_pricelist({"av_audio": "0.45"}, currency=yen)
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        self.assertEqual((accrual.amount_exact, accrual.amount_total), (4.5, 5))
        self.assertEqual(self.revenue("2024-10-31"), 5)
        # Less than the smallest coin
        self.bill("2024-10-31", dated="2024-11-01")
        self.use(1, "2024-11-05")
        self.assertFalse(self.propose("2024-11-30"))

    def test_rounded_lines_miss_the_accrued_sum(self):
        """Each income line is rounded; the asset is their sum."""
        accounts = [self.make_ledger_account(f"TRTCI{n}", "income") for n in range(3)]
        self.account.pricelist_id = self.make_pricelist(
            dict.fromkeys(("av_audio", "av_hd", "av_fhd"), "0.333")
        )
        for account, code in zip(accounts, ("av_audio", "av_hd", "av_fhd"), strict=True):
            self.item(code).product_id.property_account_income_id = account
            self.use(5, "2024-10-05", item=code)
        accrual = self.propose("2024-10-31")
        self.assertEqual((accrual.amount_exact, accrual.amount_total), (4.995, 5.01))
        self.assertEqual([self.revenue("2024-10-31", one) for one in accounts], [1.67] * 3)
        self.assertEqual(self.revenue("2024-10-31", self.accrued), -5.01)

    def test_two_companies_are_mixed(self):
        theirs = self.setup_other_company(name="Theirs")["company"]
        accountant = self.make_user("accountant", theirs)
        self.use(10, "2024-10-05")
        with self.refused("has no account of accrued revenue"):
            self.propose("2024-10-31", user=accountant)
        theirs.trtc_accrued_account_id = (
            self.env["account.account"]
            .with_company(theirs)
            .create({"name": "T", "code": "TRTCT", "account_type": "asset_current"})
        )
        self.assertFalse(self.propose("2024-10-31", user=accountant))
        accrual = self.propose("2024-10-31")
        self.assertEqual((accrual.company_id, accrual.amount_total), (self.company, 10))
        self.assertFalse(self.env["trtc.accrual"].with_user(accountant).search([]))
        with self.assertRaises(AccessError):
            accrual.with_user(accountant).action_take_back()
        other = self.env["trtc.accrue"].with_user(accountant)
        with self.assertRaises(AccessError):
            other.create({"date": "2024-10-31", "company_id": self.company.id}).action_propose()
        with self.refused("belongs to another company"):
            theirs.trtc_accrued_account_id = self.accrued

    # === RIGHTS === #

    def test_somebody_else_accrues(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        for role in ("reader", "operator", "api_sender", "portal", "employee"):
            user = self.make_user(role)
            with self.subTest(role=role):
                with self.assertRaises(AccessError):
                    self.env["trtc.accrue"].with_user(user).create({"date": "2024-10-31"})
                with self.assertRaises(AccessError):
                    self.env["trtc.reconcile"].with_user(user).create({"date": "2024-10-31"})
                with self.assertRaises(AccessError):
                    accrual.with_user(user).action_take_back()
                with self.assertRaises(AccessError):
                    accrual.with_user(user).line_ids.read(["amount"])

    def test_each_row_costs_a_query(self):
        counts = []
        for size in (1, 12):
            for _n in range(size):
                application = self.make_application()
                self.ingest(
                    *(
                        self.record("av_audio", 60, f"2024-10-{day:02}", application)
                        for day in range(1, 2 * size + 1)
                    )
                )
            self.settle("2024-10-31")
            self.use(10, "2024-10-31")
            day = self.date("2024-10-31")
            self.account._get_unbilled(day)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.account._get_unbilled(day)
            counts.append(self.cr.sql_log_count - before)
        _logger.info("queries of the figures of a period end: %s", counts)
        self.assertLessEqual(counts[1], counts[0] + 5)
