import logging
from collections import defaultdict
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from freezegun import freeze_time

from odoo.tests import tagged

from .common import TrtcCommon

_logger = logging.getLogger(__name__)


@tagged("post_install", "-at_install")
class TestQueryCounts(TrtcCommon):
    """Settling and invoicing ask the database as often for much usage as for little."""

    @contextmanager
    def _counted(self, counts):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        yield
        self.env.flush_all()
        counts.append(self.cr.sql_log_count - before)

    def _account(self, days, records, applications=1):
        """Return an account with so many records per item, application and day."""
        account = self.make_account()
        for _n in range(applications):
            application = self.make_application(account)
            self.ingest(
                *(
                    self.record(item, 60_000, f"2024-10-{day:02}", application)
                    for item in ("av_audio", "av_hd", "slice_audio")
                    for day in range(1, days + 1)
                    for _n in range(records)
                )
            )
        return account

    def _count(self, *sizes):
        """Settle and invoice an account of each size; return both lists of counts."""
        # What is read once per process does not count.
        self.invoice("2024-10-31", self._account(1, 1))
        settled, invoiced = [], []
        for size in sizes:
            account = self._account(**size)
            with self._counted(settled):
                account.settle("2024-10-31")
            with self._counted(invoiced):
                account.create_invoices("2024-10-31")
        _logger.info("queries for %s: settle %s, invoice %s", sizes, settled, invoiced)
        return settled, invoiced

    def test_each_usage_row_costs_a_query(self):
        settled, invoiced = self._count({"days": 3, "records": 1}, {"days": 3, "records": 100})
        # A cache of the process that was emptied in between costs a few.
        self.assertLessEqual(settled[1], settled[0] + 5)
        self.assertLessEqual(invoiced[1], invoiced[0] + 5)

    def test_each_day_costs_more_than_its_prices(self):
        """A day asks the pricelist for its prices, once for all accounts of a run."""
        settled, invoiced = self._count({"days": 3, "records": 1}, {"days": 30, "records": 1})
        self.assertLessEqual(settled[1], settled[0] + 3 * 27)
        self.assertLessEqual(invoiced[1], invoiced[0] + 5)

    def test_each_application_costs_a_query(self):
        settled, invoiced = self._count(
            {"days": 3, "records": 1, "applications": 2},
            {"days": 3, "records": 1, "applications": 20},
        )
        self.assertLessEqual(settled[1], settled[0] + 5)
        self.assertLessEqual(invoiced[1], invoiced[0] + 5)

    def test_an_account_costs_ever_more_queries(self):
        """A run over many accounts costs each of them the same."""
        self.invoice("2024-10-31", self._account(1, 1))
        settled, invoiced = [], []
        for number in (2, 10):
            accounts = self.env["trtc.account"].union(
                *(self._account(3, 1) for _n in range(number))
            )
            with self._counted(settled):
                accounts.settle("2024-10-31")
            with self._counted(invoiced):
                accounts.create_invoices("2024-10-31")
        per_account = [(counts[1] - counts[0]) / 8 for counts in (settled, invoiced)]
        _logger.info(
            "queries for 2 and 10 accounts: settle %s, invoice %s; per account %s",
            settled,
            invoiced,
            per_account,
        )
        self.assertLessEqual(per_account[0], 30)
        self.assertLessEqual(per_account[1], 25)

    def test_an_idle_run_reads_everything_again(self):
        counts = []
        for _n in range(5):
            self.invoice("2024-10-31", self._account(10, 1))
        with self._counted(counts):
            self.settle("2024-10-31")
        with self._counted(counts):
            self.env["trtc.account"].create_invoices("2024-10-31")
        _logger.info("queries of a run with nothing to do: %s", counts)
        self.assertLessEqual(max(counts), 10)

    def test_an_account_that_moved_long_ago_costs_a_run_more(self):
        """Each former customer is asked for in one question for all accounts, not by an own run."""
        self.invoice("2024-10-31", self._account(1, 1))
        counts = []
        for days in ((), ("2024-11-01", "2024-12-01", "2025-01-01")):
            account = self._account(3, 1)
            contact = self.env["res.partner"].create(
                {"name": "Wanderer", "parent_id": self.customer.id}
            )
            account.partner_id = contact
            self.invoice("2024-10-31", account)
            for day in days:
                other = self.env["res.partner"].create({"name": "Next", "is_company": True})
                contact.parent_id = other
                with freeze_time(f"{day} 12:00"):
                    account.action_move_customer()
            self.assertEqual(len(account.former_customer_ids), len(days))
            self.usage("av_hd", 6000, "2025-02-10", account.application_ids)
            self.settle("2025-02-28", account)
            with self._counted(counts):
                self.assertEqual(len(account.create_invoices("2025-02-28")), 1)
        _logger.info("queries of an account that never moved and of one that did: %s", counts)
        self.assertLessEqual(counts[1], counts[0])

    # === POSTED, CREDITED, BILLED AGAIN === #

    def _reverse(self, move, modify=False):
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "reason": "Wrong"})
        )
        return self.env["account.move"].browse(wizard.reverse_moves(modify)["res_id"])

    def _credit_a_third(self, move):
        wizard = self.env["trtc.credit"].create({"move_id": move.id, "reason": "Outage"})
        for line in wizard.line_ids:
            line.quantity = line.remaining // 3
        return self.env["account.move"].browse(wizard.action_credit()["res_id"])

    def _count_cycle(self, days, counts):
        """Count the queries of each step with an invoice that bills so many days."""
        steps = {
            "post": lambda: move.action_post(),
            "reset": lambda: move.button_draft(),
            "post again": lambda: move.action_post(),
            "credit a part": lambda: self._credit_a_third(move),
            "reverse the rest": lambda: self._reverse(move),
            "post the credit note": lambda: made["reverse the rest"].action_post(),
            "bill it again": lambda: account.create_invoices("2024-10-31"),
            "refresh": lambda: account.create_invoices("2024-10-31"),
            "delete": lambda: made["bill it again"].unlink(),
        }
        made = {}
        account = self._account(days, 1)
        move = self.invoice("2024-10-31", account)
        for name, step in steps.items():
            if name == "refresh":
                self.usage("av_hd", 60, "2024-10-01", account.application_ids)
                account.settle("2024-10-31")
            with self._counted(counts[name]):
                made[name] = step()

    def test_each_day_that_is_credited_costs_a_query(self):
        """Posting, crediting and billing again ask as often for a month as for a day."""
        counts = defaultdict(list)
        for days in (1, 2, 30):
            self._count_cycle(days, counts)
        _logger.info("queries of 1, 2 and 30 days: %s", dict(counts))
        for name, (_first, few, many) in counts.items():
            self.assertLessEqual(many, few + 5, name)

    def test_each_account_costs_the_schedule_a_query(self):
        """What automatic runs look for is looked for once for all accounts of a company."""
        settling, invoicing = [], []
        company = self.env.company
        accounts = self.env["trtc.account"]
        until = date(2024, 10, 31)
        for _number in range(3):
            accounts |= self._account(2, 1)
            for _n in range(0 if len(accounts) < 2 else 8):
                accounts |= self._account(2, 1)
            with self._counted(settling):
                due = accounts._get_settlements_due(company, until)
            self.assertTrue(due)
            accounts.settle(until)
            with self._counted(invoicing):
                due = accounts._get_invoices_due(company, "month", until)
            self.assertEqual({one.account_id for one in due}, set(accounts.ids))
        _logger.info("queries of the schedule: %s, %s", settling, invoicing)
        self.assertLessEqual(settling[2], settling[1] + 3)
        self.assertLessEqual(invoicing[2], invoicing[1] + 3)

    def test_each_line_in_a_smaller_unit_costs_a_search_of_units(self):
        """Units change hardly ever; lines whose quantity does not fit are many."""
        lines = self.env["account.move.line"]
        item = self.item("screenshot_terminal")
        counts = []
        # What is read once per process does not count.
        for size in (1, 2, 40):
            with self._counted(counts):
                for number in range(size):
                    quantity = Decimal("12.345") + number
                    figures = lines._trtc_prepare_figures(
                        item.uom_id, quantity, Decimal(30), item.usage_uom_id
                    )
                    self.assertEqual(figures["product_uom_id"], item.usage_uom_id.id)
        self.assertEqual(counts[1], counts[2])

    def test_a_unit_that_is_changed_is_remembered_as_it_was(self):
        thousand = self.item("screenshot_terminal").uom_id
        before = thousand._trtc_get_smaller_ids()
        unit = self.env["uom.uom"].create(
            {
                "name": "100 sheets",
                "relative_factor": 100,
                "relative_uom_id": thousand.relative_uom_id.id,
            }
        )
        self.assertEqual(thousand._trtc_get_smaller_ids(), (unit.id, *before))
        unit.relative_factor = 2000
        self.assertEqual(thousand._trtc_get_smaller_ids(), before)
        unit.relative_factor = 200
        self.assertEqual(thousand._trtc_get_smaller_ids(), (unit.id, *before))
        unit.unlink()
        self.assertEqual(thousand._trtc_get_smaller_ids(), before)
