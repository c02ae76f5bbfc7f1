from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import HttpCase, tagged

from .common import TrtcCommon
from .invoice_choices import ChoicesMixin
from .schedule import ScheduleCase


@tagged("post_install", "-at_install")
class TestGroupedInvoices(ChoicesMixin, TrtcCommon):
    """Two accounts of a customer, with an application each, share their invoices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.invoice_grouping = "customer"
        cls.second = cls.make_account(invoice_grouping="customer")
        cls.other = cls.make_application(cls.second)
        cls.both = cls.account | cls.second

    def use(self, first=0, second=0, day="2024-10-01", item="av_hd"):
        """Let the accounts use so many minutes on a day."""
        for application, minutes in ((self.application, first), (self.other, second)):
            if minutes:
                self.usage(item, minutes, day, application, unit="min")

    def billed(self, move):
        """Return {account: minutes} of an invoice."""
        lines = move.invoice_line_ids.filtered("trtc_item_id")
        found = {}
        for line in lines:
            found[line.trtc_account_id] = found.get(line.trtc_account_id, 0) + line.quantity
        return found

    def assert_billed_once(self):
        """Check that what the accounts owe is invoiced, once and exactly."""
        lines = self.lines(of=self.both, status="billable")
        rows = lines.allocation_ids.filtered(lambda row: not row.released)
        self.assertEqual(len(rows), len(lines))
        moves = rows.move_id
        sign = [-1 if move.move_type == "out_refund" else 1 for move in moves]
        total = sum(s * move.amount_untaxed for s, move in zip(sign, moves, strict=True))
        self.assertAlmostEqual(total, self.rounded_total(self.both), delta=0.01 * len(moves))

    # === ONE INVOICE === #

    def test_accounts_of_a_group_have_an_invoice_each(self):
        self.use(1000, 2000)
        move = self.invoice("2024-10-31")
        self.assertEqual(len(move), 1)
        self.assertEqual(move.trtc_account_id, self.account)
        self.assertEqual(move.trtc_account_ids, self.both)
        self.assertIn(self.second.uin, move.invoice_origin)
        self.assertEqual(self.billed(move), {self.account: 1000, self.second: 2000})
        self.assertEqual(
            [(li.display_type, li.name.split("\n")[0]) for li in move.invoice_line_ids],
            [
                ("line_section", self.account.display_name),
                ("product", self.item("av_hd").name),
                ("line_section", self.second.display_name),
                ("product", self.item("av_hd").name),
            ],
        )
        self.assertEqual(move.amount_untaxed, self.rounded_total(self.both))
        move.action_post()
        self.assertFalse(self.invoice("2024-10-31"))

    def test_a_run_of_one_account_forgets_the_others(self):
        self.use(1000, 2000)
        for account in self.both:
            with self.subTest(account=account.name):
                self.both.settle("2024-10-31")
                move = account.create_invoices("2024-10-31")
                self.assertEqual(self.billed(move), {self.account: 1000, self.second: 2000})
                move.unlink()

    def test_nothing_of_the_leading_account_leaves_the_others_unbilled(self):
        self.use(0, 2000)
        move = self.invoice("2024-10-31")
        self.assertEqual(self.billed(move), {self.second: 2000})
        self.assertEqual(move.trtc_account_id, self.account)
        self.use(1000, 0, day="2024-10-02")
        self.assertEqual(self.invoice("2024-10-31"), move)
        self.assertEqual(self.billed(move), {self.account: 1000, self.second: 2000})
        self.assertEqual(move.trtc_account_ids, self.both)

    def test_fees_of_the_second_account_are_forgotten(self):
        self.price_editions(self.pricelist_usd, {"pro": 100.0})
        self.env["trtc.subscription"].create(
            {
                "application_id": self.other.id,
                "edition_id": self.edition("pro").id,
                "date_start": "2024-10-01",
                "date_end": "2024-10-31",
                "bill_fee": True,
            }
        )
        self.use(1000)
        self.settle("2024-10-31", self.both)
        move = self.account.create_invoices("2024-10-31")
        fee = move.invoice_line_ids.filtered("trtc_fee_id")
        self.assertEqual(fee.trtc_account_id, self.second)
        self.assertEqual(fee.parent_id.name, self.second.display_name)

    def test_sections_of_two_accounts_run_together(self):
        self.both.invoice_sections = True
        self.use(1000, 2000)
        self.usage("relay_bandwidth", 2048, "2024-10-01", self.other)
        move = self.invoice("2024-10-31")
        self.assertEqual(
            [
                (line.display_type, line.name)
                for line in move.invoice_line_ids
                if line.display_type != "product" and not line.trtc_is_rounding
            ],
            [
                ("line_section", self.account.display_name),
                ("line_subsection", self.application.display_name),
                ("line_section", self.second.display_name),
                ("line_subsection", self.other.display_name),
                ("line_subsection", "Whole account"),
            ],
        )

    # === WHO SHARES === #

    def test_accounts_that_differ_share_an_invoice(self):
        journal = self.make_journal("TRTC")
        stranger = self.env["res.partner"].create({"name": "Stranger", "is_company": True})
        contract = self.make_pricelist({}, base=self.pricelist_usd)
        for name, value in (
            ("invoice_grouping", "account"),
            ("invoice_journal_id", journal.id),
            ("payment_term_id", self.env.ref("account.account_payment_term_45days").id),
            ("invoice_date_rule", "period_end"),
            ("invoice_cycle", "day"),
            ("invoice_sections", True),
            ("auto_post", True),
            ("auto_send", True),
            ("partner_id", stranger.id),
            ("pricelist_id", self.pricelist_cny.id),
        ):
            with self.subTest(name=name):
                account = self.make_account(**{"invoice_grouping": "customer", name: value})
                self.assertEqual(account._get_invoice_group(), account)
        account = self.make_account(invoice_grouping="customer", pricelist_id=contract.id)
        self.assertEqual(account._get_invoice_group(), self.both | account)
        self.assertEqual(account.invoice_group_ids, self.both)

    def test_a_branch_with_its_own_invoice_address_shares_an_invoice(self):
        branches = self.env["res.partner"].create(
            [{"name": f"Branch {n}", "parent_id": self.customer.id} for n in range(2)]
        )
        self.env["res.partner"].create(
            [{"name": "Payables", "type": "invoice", "parent_id": one.id} for one in branches]
        )
        first, second = (
            self.make_account(invoice_grouping="customer", partner_id=branch.id)
            for branch in branches
        )
        self.assertEqual(first.commercial_partner_id, second.commercial_partner_id)
        self.assertNotIn(second, first._get_invoice_group())

    def test_another_company_shares_an_invoice(self):
        company = self.env["res.company"].create({"name": "Another company"})
        account = self.env["trtc.account"].create(
            {
                "name": "Elsewhere",
                "uin": "299999999999",
                "partner_id": self.customer.id,
                "company_id": company.id,
                "pricelist_id": self.pricelist_usd.id,
                "free_policy_id": False,
                "invoice_grouping": "customer",
            }
        )
        self.assertEqual(account._get_invoice_group(), account)

    # === JOINING AND LEAVING === #

    def test_a_month_is_billed_twice_when_an_account_joins(self):
        self.second.invoice_grouping = "account"
        self.use(1000, 2000)
        own = self.invoice("2024-10-31", self.second)
        own.action_post()
        self.second.invoice_grouping = "customer"
        self.use(0, 500, day="2024-10-02")
        self.use(700, 0, day="2024-11-02")
        october, november = self.invoice("2024-11-30").sorted("trtc_date_from")
        # What the first account used in October is no late usage.
        self.assertEqual(october.trtc_date_from, date(2024, 10, 1))
        self.assertEqual(self.billed(october), {self.account: 1000, self.second: 500})
        self.assertEqual(self.billed(november), {self.account: 700})
        self.assert_billed_once()

    def test_a_draft_of_its_own_is_billed_twice_when_an_account_joins(self):
        self.second.invoice_grouping = "account"
        self.use(1000, 2000)
        moves = self.invoice("2024-10-31")
        self.assertEqual(len(moves), 2)
        self.second.invoice_grouping = "customer"
        self.use(0, 500, day="2024-10-02")
        self.use(700, 700, day="2024-11-02")
        moves |= self.invoice("2024-11-30")
        self.assert_billed_once()
        october = moves.filtered(lambda move: move.trtc_account_id == self.second)
        self.assertEqual(self.billed(october), {self.second: 2000})

    def test_a_month_is_forgotten_when_an_account_leaves(self):
        self.use(1000, 2000)
        move = self.invoice("2024-10-31")
        self.second.invoice_grouping = "account"
        self.use(500, 700, day="2024-10-02")
        self.use(500, 700, day="2024-11-02")
        self.invoice("2024-11-30")
        self.assertEqual(self.billed(move), {self.account: 1500, self.second: 2000})
        self.assert_billed_once()
        own = self.lines(of=self.second, day="2024-11-02").allocation_ids.move_id
        self.assertEqual(own.trtc_account_id, self.second)
        self.assertEqual(self.billed(own), {self.second: 1400})

    def test_the_leading_account_leaves_and_takes_the_invoice_along(self):
        self.use(1000, 2000)
        move = self.invoice("2024-10-31")
        self.account.invoice_grouping = "account"
        self.use(500, 700, day="2024-10-02")
        self.use(100, 200, day="2024-11-02")
        self.invoice("2024-11-30")
        self.assert_billed_once()
        self.assertEqual(self.billed(move), {self.account: 1500, self.second: 2000})
        headings = move.invoice_line_ids.filtered(lambda li: li.display_type == "line_section")
        self.assertEqual(len(headings), 2)

    def test_late_usage_after_posting_is_forgotten(self):
        self.use(1000, 2000)
        self.invoice("2024-10-31").action_post()
        self.use(0, 300, day="2024-10-20")
        self.use(400, 0, day="2024-11-05")
        late = self.invoice("2024-11-30")
        self.assertEqual(self.billed(late), {self.account: 400, self.second: 300})
        line = late.invoice_line_ids.filtered(lambda li: li.trtc_account_id == self.second)
        self.assertTrue(line.filtered("trtc_item_id").trtc_is_late)
        self.assert_billed_once()

    def test_a_deleted_invoice_frees_one_account_only(self):
        self.use(1000, 2000)
        self.invoice("2024-10-31").unlink()
        move = self.invoice("2024-10-31")
        self.assertEqual(self.billed(move), {self.account: 1000, self.second: 2000})

    # === LOCKS, POSTING === #

    def test_half_a_group_is_billed_while_another_run_holds_the_rest(self):
        self.use(1000, 2000)
        self.both.settle("2024-10-31")
        taken = self.second
        real = type(taken)._lock_for_billing
        self.patch(
            type(taken),
            "_lock_for_billing",
            lambda account: account != taken and real(account),
        )
        self.assertFalse(self.account.create_invoices("2024-10-31"))

    def test_an_account_that_fails_bills_the_rest_of_its_group(self):
        """The others wait with it: what is forgotten on an invoice is not seen on it."""
        self.use(1000, 2000)
        self.both.settle("2024-10-31")
        self.price_editions(self.pricelist_usd, {"pro": 100.0})
        application = self.make_application(self.second)
        self.subscribe(application, "pro", "2024-10-01").bill_fee = True
        accounts = type(self.env["trtc.account"])
        opened = accounts._open_terms

        def fail(account, until):
            if account == self.second:
                raise UserError(self.env._("The terms of this account cannot be opened."))
            return opened(account, until)

        with patch.object(accounts, "_open_terms", fail):
            moves = self.both.create_invoices("2024-10-31")
        self.assertFalse(moves)
        self.assertIn("cannot be opened", self.second.message_ids[0].body)
        move = self.both.create_invoices("2024-10-31")
        self.assertEqual(self.billed(move), {self.account: 1000, self.second: 2000})

    def test_a_group_is_never_posted(self):
        self.both.auto_post = True
        self.use(1000, 2000)
        with freeze_time("2024-11-01 04:00:00"):
            move = self.invoice("2024-10-31", self.both)
        with freeze_time("2024-11-03 04:00:00"):
            self.second.create_invoices("2024-10-31")
        self.assertEqual(move.state, "posted")

    # === FOUND AGAIN === #

    def test_the_second_account_does_not_find_its_invoice(self):
        self.use(1000, 2000)
        alone = self.make_account()
        move = self.invoice("2024-10-31")
        self.both.invalidate_recordset()
        for account, count in ((self.account, 1), (self.second, 1), (alone, 0)):
            self.assertEqual(account.invoice_count, count)
            found = self.env["account.move"].search(account.action_open_invoices()["domain"])
            self.assertEqual(found, move if count else move.browse())

    def test_a_credit_note_of_a_group_loses_its_accounts(self):
        self.use(1000, 2000)
        move = self.invoice("2024-10-31")
        move.action_post()
        credit = move._reverse_moves([{"invoice_date": date(2024, 11, 20)}], cancel=True)
        self.assertEqual(credit.trtc_account_ids, self.both)
        again = self.invoice("2024-10-31") or self.invoice("2024-11-30")
        self.assertEqual(self.billed(again), {self.account: 1000, self.second: 2000})

    def test_the_annex_hides_whose_usage_it_is(self):
        self.use(1000, 2000)
        move = self.invoice("2024-10-31")
        annex = move._trtc_get_annex()
        self.assertEqual([group["account"] for group in annex["usage"]], [*self.both])
        html = self.env["ir.qweb"]._render(
            "trtc_billing.report_invoice_annex", {"o": move, "annex": annex}
        )
        for account in self.both:
            self.assertIn(account.uin, html)

    def test_groups_cost_queries_for_each_account(self):
        counts = []
        for number in (3, 13):
            customer = self.env["res.partner"].create({"name": "Big", "is_company": True})
            accounts = self.env["trtc.account"].union(
                *(
                    self.make_account(partner_id=customer.id, invoice_grouping="customer")
                    for _n in range(number)
                )
            )
            for account in accounts:
                self.usage("av_hd", 60_000, "2024-10-01", self.make_application(account))
            accounts.settle("2024-10-31")
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.assertEqual(len(accounts.create_invoices("2024-10-31")), 1)
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        # Each account is locked, with a savepoint; its invoice line costs what any line costs.
        self.assertLessEqual((counts[1] - counts[0]) / 10, 5)


@tagged("post_install", "-at_install")
class TestGroupedRuns(ChoicesMixin, ScheduleCase):
    """Automatic and manual runs of two accounts that share their invoices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.invoice_grouping = "customer"
        cls.second = cls.make_account(invoice_grouping="customer")
        cls.other = cls.make_application(cls.second)
        cls.both = cls.account | cls.second
        cls.env.company.trtc_grace_days = 0
        for application in (cls.application, cls.other):
            cls.usage("av_hd", 60_000, "2024-10-09", application)

    def invoices(self):
        return self.env["account.move"].search([("trtc_account_id", "in", self.both.ids)])

    def test_an_account_held_elsewhere_ends_the_month_of_its_group(self):
        taken, cls = self.second, self.registry["trtc.account"]
        real = cls._lock_for_billing
        with patch.object(cls, "_lock_for_billing", lambda one: one != taken and real(one)):
            self.run_cron("invoice", "2024-11-01T08:00:00")
            self.assertEqual(self.account._bill(date(2024, 10, 31), date(2024, 10, 31))[0], "held")
        self.assertFalse(self.invoices())
        self.assertFalse(self.account.auto_invoiced_until)
        self.run_cron("invoice", "2024-11-01T09:00:00")
        self.assertEqual(self.invoices().trtc_account_ids, self.both)

    def test_an_account_that_is_not_settled_yet_has_a_second_invoice(self):
        self.both.auto_post = True
        self.run_cron("invoice", "2024-11-01T08:00:00")
        self.assertEqual(len(self.invoices()), 1)
        self.assertEqual(self.invoices().state, "posted")
        self.assertEqual(self.invoices().amount_untaxed, self.rounded_total(self.both))

    def test_a_run_by_hand_of_one_account_leaves_the_usage_of_the_other_out(self):
        accountant = self.make_user("accountant")
        wizard = self.env["trtc.run"].with_user(accountant).create({"until": "2024-10-31"})
        wizard.account_ids = self.second
        wizard.action_invoice()
        self.assertEqual(self.invoices().trtc_account_ids, self.both)
        self.assertEqual(self.runs().line_ids.statement_ids.account_id, self.both)

    def test_a_group_is_invoiced_without_an_account_that_fails(self):
        with self.failing(self.second):
            self.run_cron("invoice", "2024-11-01T08:00:00")
        self.assertFalse(self.invoices())
        self.assertEqual(self.both.filtered("parked_since"), self.second)
        self.assertEqual(self.second.billing_error, "No income account.")
        error = self.runs().line_ids.filtered(lambda li: li.account_id == self.account).error
        self.assertIn(self.second.display_name, error)
        # The others wait with it: no run tries again until somebody has mended it.
        messages = len(self.second.message_ids)
        self.assertFalse(self.run_cron("invoice", "2024-11-01T09:00:00"))
        self.assertEqual(len(self.second.message_ids), messages)
        self.second.action_try_again()
        self.run_cron("invoice", "2024-11-01T10:00:00")
        self.assertEqual(self.invoices().trtc_account_ids, self.both)

    def test_late_usage_of_the_second_account_misses_the_draft(self):
        self.run_cron("invoice", "2024-11-01T08:00:00")
        self.usage("av_hd", 60_000, "2024-10-10", self.other)
        self.run_cron("settle", "2024-11-02T08:00:00")
        self.run_cron("invoice", "2024-11-02T09:00:00")
        self.assertEqual(len(self.invoices()), 1)
        self.assertEqual(self.invoices().amount_untaxed, self.rounded_total(self.both))

    def test_late_usage_of_an_idle_account_is_invoiced_in_mid_month(self):
        """The group had its invoice of the month, whoever of it had usage then."""
        idle = self.make_account(invoice_grouping="customer")
        self.run_cron("invoice", "2024-11-01T08:00:00")
        self.invoices().action_post()
        self.usage("av_hd", 60_000, "2024-10-10", self.make_application(idle))
        self.run_cron("settle", "2024-11-10T08:00:00")
        self.run_cron("invoice", "2024-11-10T09:00:00")
        self.assertEqual(len(self.invoices()), 1)
        self.run_cron("invoice", "2024-12-01T08:00:00")
        self.assertEqual(len(self.invoices()), 2)


@tagged("post_install", "-at_install")
class TestGroupedPortal(ChoicesMixin, TrtcCommon, HttpCase):
    def test_a_customer_cannot_tell_whose_line_it_is(self):
        self.make_users()
        self.account.invoice_grouping = "customer"
        second = self.make_account(invoice_grouping="customer")
        self.usage("av_hd", 1000, "2024-10-01", unit="min")
        self.usage("av_hd", 2000, "2024-10-01", self.make_application(second), unit="min")
        move = self.invoice("2024-10-31")
        move.action_post()
        self.authenticate(self.user_portal.login, f"{self.user_portal.login}-password")
        page = self.url_open(move.get_portal_url(report_type="html")).text
        for account in self.account | second:
            self.assertIn(account.uin, page)
        statement = self.lines(of=second).statement_id
        page = self.url_open(f"/my/trtc/statements/{statement.id}").text
        self.assertIn(move.name, page)
