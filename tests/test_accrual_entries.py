import logging
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, LockError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .accrual import AccrualCommon

_logger = logging.getLogger(__name__)


@tagged("post_install", "-at_install")
class TestAccrualEntries(AccrualCommon):
    """The entry of an accrual: proposed, posted, reversed, taken back; currencies, rights."""

    # === REVERSAL === #

    def test_an_accrual_without_reversal_doubles_revenue(self):
        self.use(10, "2024-10-05")
        self.use(20, "2024-11-05")
        accrual = self.propose("2024-10-31", post=False)
        self.assertEqual((accrual.state, accrual.move_id.state), ("draft", "draft"))
        self.assertFalse(accrual.reversal_id)
        accrual.with_user(self.accountant).action_post()
        self.assertEqual((accrual.state, accrual.reversal_id.state), ("reversed", "posted"))
        self.assertEqual(str(accrual.reversal_id.date), "2024-11-01")
        self.assertEqual((self.revenue("2024-10-31"), self.revenue("2024-11-01")), (10, 0))
        self.bill("2024-10-31", dated="2024-11-03")
        self.bill("2024-11-30", dated="2024-12-02")
        self.propose("2024-11-30")
        self.assertEqual(self.revenue("2024-10-31"), 10)
        self.assertEqual(self.revenue("2024-11-30"), 30)
        # All entries of both months are what the invoices are.
        self.assertEqual(self.revenue(), 30)
        self.assertEqual(self.revenue(account=self.accrued), 0)

    def test_a_reversal_in_the_future_is_posted_at_once_or_never(self):
        self.use(10, "2024-10-05")
        with freeze_time("2024-10-31 12:00"):
            accrual = self.propose("2024-10-31")
            reversal = accrual.reversal_id
            self.assertEqual(
                (accrual.state, reversal.state, reversal.auto_post), ("posted", "draft", "at_date")
            )
        with freeze_time("2024-11-01 12:00"), self.enter_registry_test_mode():
            self.env.ref("account.ir_cron_auto_post_draft_entry").method_direct_trigger()
        self.assertEqual((accrual.state, reversal.state), ("reversed", "posted"))
        self.assertEqual(self.revenue(), 0)

    def test_the_reversal_alone_is_undone(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        for undo in ("button_draft", "button_cancel"):
            with self.subTest(undo), self.refused("counted twice"):
                getattr(accrual.reversal_id, undo)()
        with freeze_time("2024-10-31 12:00"):
            self.use(1, "2024-10-06")
            accrual.action_take_back()
            accrual = self.propose("2024-10-31")
            with self.refused("counted twice"):
                accrual.reversal_id.unlink()
        self.assertEqual(accrual.reversal_id.state, "draft")

    def test_an_accrual_is_reversed_twice(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        for move in accrual.move_id, accrual.reversal_id:
            with self.refused("reversed by itself"):
                move._reverse_moves()

    def test_the_reversal_stays_when_the_entry_is_taken_back(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31")
        accrual.with_user(self.accountant).action_take_back()
        self.assertEqual(accrual.move_id.state, "cancel")
        self.assertEqual(accrual.reversal_id.state, "cancel")
        self.assertEqual((accrual.state, self.revenue()), ("cancel", 0))
        again = self.propose("2024-10-31")
        self.assertEqual(self.revenue("2024-10-31"), 10)
        # One that is only reset to draft is posted again with a new reversal.
        again.move_id.button_draft()
        self.assertEqual(self.revenue(), 0)
        again.action_post()
        self.assertEqual((self.revenue("2024-10-31"), self.revenue("2024-11-01")), (10, 0))
        self.assertEqual(again.reversal_id.state, "posted")

    # === PROPOSED AGAIN === #

    def test_a_second_click_accrues_twice(self):
        self.use(10, "2024-10-05")
        first = self.propose("2024-10-31", post=False)
        move = first.move_id
        self.use(5, "2024-10-06")
        second = self.propose("2024-10-31", post=False)
        self.assertFalse(first.exists() or move.exists())
        self.assertEqual(second.amount_total, 15)
        second.action_post()
        with self.refused("Take it back first"):
            self.propose("2024-10-31")
        # A copy of the past that is posted all the same
        old = self.propose("2024-10-30", post=False)
        self.assertEqual(old.amount_total, 15)

    def test_a_cancelled_accrual_comes_back_beside_the_new_one(self):
        self.use(10, "2024-10-05")
        old = self.propose("2024-10-31")
        old.action_take_back()
        self.propose("2024-10-31")
        old.move_id.button_draft()
        with self.refused("accrues 10/31/2024 already"):
            old.move_id.action_post()

    def test_two_runs_that_do_not_see_each_other_accrue_twice(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError) as refused,
            self.env.cr.savepoint(),
        ):
            self.env["trtc.accrual"].sudo().create(
                {
                    "company_id": self.company.id,
                    "currency_id": accrual.currency_id.id,
                    "date": accrual.date,
                    "number": accrual.number,
                    "accrued_account_id": self.accrued.id,
                }
            )
        self.assertEqual(refused.exception.diag.constraint_name, "trtc_accrual_number_once")
        with (
            patch.object(
                type(self.company), "lock_for_update", side_effect=LockError("locked")
            ),
            self.refused("Try again"),
        ):
            self.propose("2024-10-31")

    def test_evidence_is_altered(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        line = accrual.line_ids
        with self.assertRaises(AccessError):
            line.with_user(self.accountant).amount = 5
        accrual.action_post()
        for change in (
            lambda: line.sudo().write({"amount": 5}),
            lambda: line.sudo().unlink(),
            lambda: accrual.sudo().write({"amount_total": 5}),
            lambda: accrual.sudo().unlink(),
            lambda: line.sudo().copy(),
        ):
            with self.refused("are evidence"):
                change()
        accrual.action_take_back()
        with self.refused("are evidence"):
            line.sudo().unlink()

    def test_a_deleted_draft_leaves_its_evidence(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        accrual.move_id.with_user(self.accountant).unlink()
        self.assertFalse(accrual.exists())
        self.assertFalse(self.env["trtc.accrual.line"].search([]))

    def test_an_entry_changed_by_hand_goes_unseen(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        self.assertFalse(accrual.is_changed)
        debit = accrual.move_id.line_ids.filtered("debit")
        accrual.move_id.write(
            {
                "line_ids": [
                    (1, debit.id, {"debit": 8}),
                    (1, (accrual.move_id.line_ids - debit).id, {"credit": 8}),
                ]
            }
        )
        self.assertTrue(accrual.is_changed)
        self.assertEqual((accrual.amount_booked, accrual.amount_total), (8, 10))

    def test_an_accrual_is_posted_on_another_day(self):
        self.use(10, "2024-10-05")
        accrual = self.propose("2024-10-31", post=False)
        accrual.move_id.date = "2024-11-30"
        with self.refused("cannot be posted on 11/30/2024"):
            accrual.action_post()

    # === LOCK DATES === #

    def test_a_locked_day_is_accrued(self):
        self.use(10, "2024-10-05")
        for name in ("fiscalyear_lock_date", "hard_lock_date"):
            for day in ("2024-10-31", "2024-11-01"):
                with (
                    self.subTest(lock=name, day=day),
                    self.refused("which is not allowed"),
                ):
                    self.company[name] = day
                    self.propose("2024-10-31")
        # Locks of sales and purchases are not for miscellaneous entries.
        self.company.sale_lock_date = "2024-11-30"
        accrual = self.propose("2024-10-31", post=False)
        self.company.fiscalyear_lock_date = "2024-10-31"
        with self.refused("which is not allowed"):
            accrual.action_post()
        self.assertEqual(str(accrual.move_id.date), "2024-10-31")

    def test_the_future_is_accrued(self):
        with freeze_time("2024-10-30 12:00"), self.refused("future"):
            self.propose("2024-10-31")

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
        self.assertEqual(
            self.reconcile("2024-11-30"), {"settled": 10, "invoiced": 10}
        )

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
