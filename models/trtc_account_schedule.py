import logging
from functools import partial
from typing import NamedTuple

from psycopg2 import IntegrityError

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, LockError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..rating import periods

_logger = logging.getLogger(__name__)

#: Another transaction was faster: nothing is wrong, a later run does it.
COLLISIONS = (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, ConcurrencyError, LockError)


class Due(NamedTuple):
    """What an automatic run has to do for one account.

    Sorts by the oldest day that waits. ``invoice_until`` is None where it only settles.
    """

    oldest: object
    account_id: int
    until: object
    invoice_until: object


class Billed(NamedTuple):
    """What a run made of one account: ``done``, ``failed`` or ``held`` by another run."""

    state: str
    statements: object
    moves: object
    error: str


class TrtcAccount(models.Model):
    # A room of its own: automatic runs, account by account.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    # Marks of the schedule alone; what is settled and invoiced is known from links.
    auto_settled_until = fields.Date(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Until which day an automatic run looked for something to settle.",
    )
    auto_invoiced_until = fields.Date(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Until which day an automatic run looked for something to invoice.",
    )
    auto_invoiced_on = fields.Date(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="The last day that was over when an automatic run invoiced.",
    )

    # === CRON === #

    @api.model
    def _cron_settle(self, limit=1000):
        """Settle what is due in companies that settle automatically.

        :param int limit: accounts at most in one call; what is left comes with the next
        """
        self.env["trtc.usage"]._adopt()
        due = []
        for company in self._get_scheduled_companies("trtc_auto_settle"):
            until = company._trtc_get_scheduled_day()
            due += self._get_settlements_due(company, until)
        self._work_off("settle", due, limit)

    @api.model
    def _cron_invoice(self, limit=1000):
        """Invoice what is due in companies that invoice automatically; settle it before.

        :param int limit: accounts at most in one call; what is left comes with the next
        """
        self.env["trtc.usage"]._adopt()
        due = []
        for company in self._get_scheduled_companies("trtc_auto_invoice"):
            for cycle in (periods.DAY, periods.MONTH):
                until = company._trtc_get_scheduled_invoice_day(cycle)
                due += self._get_invoices_due(company, cycle, until)
        self._work_off("invoice", due, limit)

    def _work_off(self, what, due, limit):
        """Do what is due, the oldest first, each account in a transaction of its own.

        Last come accounts during which a server was ended.

        :param what: ``settle`` or ``invoice``
        :param due: :class:`Due` of accounts
        """
        runs = self.env["trtc.billing.run"]
        runs._finish_all_but(what, due)
        accounts = self.browse(one.account_id for one in due)
        cut_off = set(accounts.filtered(lambda account: account._was_cut_off(what)).ids)
        due = sorted(due, key=lambda one: (one.account_id in cut_off, *one[:2]))
        turns = []
        for one in due[:limit]:
            account = self.browse(one.account_id)
            account = account.company_id._trtc_in_billing_time(account)
            turns.append((account, what, partial(account._bill_due, what, one)))
        if self._take_turns(turns, len(due)) and len(turns) == len(due):
            runs._finish_all_but(what, ())

    def _bill_due(self, what, due):
        """Do what is due for this account, and write down what came of it."""
        billed = self._bill(due.until, due.invoice_until)
        if billed.state == "done":
            self._mark_scheduled(due)
        if billed.statements or billed.moves or billed.state == "failed":
            self.env["trtc.billing.run"]._record(what, self, due.until, billed)

    # === BUSINESS === #

    def _bill(self, until, invoice_until=None):
        """Settle this account until a day and invoice it; if that fails, undo and park it.

        What was settled stays where only the invoice fails.  Before an invoice is made, all
        accounts that share it are settled: where one of them fails, that one is parked,
        and nothing is invoiced.

        :param date until: settle the periods that ended on or before it
        :param date invoice_until: invoice likewise; None: settle only
        :return: :class:`Billed`
        :raise AccessError: for a user who may not bill
        """
        self.ensure_one()
        self._get_accounts_to_bill()
        statements, moves = self.env["trtc.statement"], self.env["account.move"]
        group = self._get_invoice_group() if invoice_until else self
        if not all(account._lock_for_billing() for account in group.sudo()):
            return Billed("held", statements, moves, "")
        whole = "invoice" if invoice_until else "settle"
        text = self._get_turn_error(whole)
        if text:
            self.sudo()._park(text, whole, until)
            return Billed("failed", statements, moves, text)
        failing, step, day = self, "settle", until
        try:
            with self.env.cr.savepoint():
                statements = self.settle(until)
            others = group - self
            for failing in others and others._filter_to_settle(until):
                with self.env.cr.savepoint():
                    statements |= failing.settle(until)
            if invoice_until:
                failing, step, day = self, "invoice", invoice_until
                with self.env.cr.savepoint():
                    moves = self.create_invoices(invoice_until)
        except COLLISIONS:
            return Billed("held", statements, moves, "")
        except UserError as error:
            text = str(error)
        except IntegrityError as error:
            text = str(self._get_broken_rule(error))
        except Exception as error:  # noqa: BLE001 pylint: disable=broad-exception-caught
            _logger.exception("%s until %s: %s could not be billed", step, day, failing)
            text = self._get_unexpected_error(error)
        else:
            group.sudo()._unpark(step)
            self._end_turn(whole)
            return Billed("done", statements, moves, "")
        failing = failing.sudo()
        if failing == self:
            failing._park(text, step, day)
        else:
            if failing.billing_error != text:
                # Each account of the group comes here: it is told once.
                failing._park(text, step, day)
            text = self.env._(
                "Not invoiced, as %(account)s shares the invoices and could not be settled: "
                "%(error)s",
                account=failing.display_name,
                error=text,
            )
        return Billed("failed", statements, moves, text)

    def _filter_to_settle(self, until):
        """Return those accounts that have usage, terms or commitments to settle."""
        accounts = self.sudo()
        found = accounts._filter_unsettled(until) | accounts._filter_with_fees_due(until)
        return found.with_env(self.env).sorted("id")

    def _mark_scheduled(self, due):
        """Remember how far automatic runs went, so that the next one asks for more.

        What an account shares with others is invoiced for all of them.
        """
        for account in self._get_invoice_group() if due.invoice_until else self:
            vals = {}
            if not account.auto_settled_until or account.auto_settled_until < due.until:
                vals["auto_settled_until"] = due.until
            if due.invoice_until:
                vals["auto_invoiced_until"] = due.invoice_until
                vals["auto_invoiced_on"] = account.company_id._trtc_get_scheduled_day()
            vals = {name: value for name, value in vals.items() if account[name] != value}
            if vals:
                account.write(vals)

    # === TOOLING === #

    def _get_scheduled_companies(self, switch):
        """Return the companies with accounts where an automatic run is switched on."""
        groups = self._read_group([], ["company_id"])
        companies = self.env["res.company"].union(*(company for (company,) in groups))
        return companies.filtered(switch)

    def _get_schedulable(self, company, mark, until, **equal):
        """Return the accounts of automatic runs, and those of them that were not done yet.

        :param mark: name of the field that says how far runs went
        """
        domain = [
            ("company_id", "=", company.id),
            ("parked_since", "=", False),
            ("active", "in", (True, False)),
            *((name, "=", value) for name, value in equal.items()),
        ]
        not_done = ["|", (mark, "=", False), (mark, "<", until)]
        return self.search(domain), self.search(domain + not_done)

    def _get_settlements_due(self, company, until):
        """Return :class:`Due` of the accounts that have something to settle until a day.

        New and changed usage at once; what waits for a decision or a price, terms and
        commitments are looked at once a day.
        """
        accounts, fresh = self._get_schedulable(company, "auto_settled_until", until)
        oldest = self._get_oldest_notes(accounts, until)
        for account in fresh._filter_to_settle(until):
            oldest.setdefault(account.id, until)
        return [Due(day, account_id, until, None) for account_id, day in oldest.items()]

    def _get_invoices_due(self, company, cycle, until):
        """Return :class:`Due` of the accounts that have something to invoice until a day.

        Each period once. What comes later refreshes a draft that nobody changed; without
        one it waits for the next period. Drafts to be posted automatically are looked at
        once a day.

        :param cycle: the invoicing period of the accounts
        :param until: last day of the newest period to invoice
        """
        accounts, fresh = self._get_schedulable(
            company, "auto_invoiced_until", until, invoice_cycle=cycle
        )
        stopped = self._get_stopped_by_parking(company)
        accounts, fresh = accounts - stopped, fresh - stopped
        oldest = self._get_oldest_notes(fresh, until)
        for account in fresh._filter_with_fees_due(until):
            oldest.setdefault(account.id, until)
        waiting = {}
        for model, limit in (("trtc.statement.line", until), ("trtc.fee", periods.next_day(until))):
            groups = self.env[model]._read_group(
                [
                    ("account_id", "in", accounts.ids),
                    ("is_to_invoice", "=", True),
                    ("date", "<=", limit),
                ],
                ["account_id"],
                ["date:min"],
            )
            for account, day in groups:
                waiting[account.id] = min(day, waiting.get(account.id, day))
        again = self.browse(waiting) - fresh
        taken = set((fresh | again._filter_with_open_draft(until)).ids)
        for account_id, day in waiting.items():
            if account_id in taken:
                oldest[account_id] = min(day, oldest.get(account_id, day))
        for account in accounts._filter_with_draft_to_post(until):
            oldest.setdefault(account.id, until)
        return [Due(day, account_id, until, until) for account_id, day in oldest.items()]

    def _get_oldest_notes(self, accounts, until):
        """Return {account id: last day of the oldest period that is to settle}."""
        groups = self.env["trtc.settlement.note"]._read_group(
            [("account_id", "in", accounts.ids), ("date_to", "<=", until)],
            ["account_id"],
            ["date_to:min"],
        )
        return {account.id: day for account, day in groups}

    def _get_stopped_by_parking(self, company):
        """Return the accounts that share invoices with a parked one: they wait with it."""
        parked = self.search(
            [
                ("company_id", "=", company.id),
                ("parked_since", "!=", False),
                ("invoice_grouping", "=", "customer"),
                ("active", "in", (True, False)),
            ]
        )
        return self.browse().union(*parked._get_invoice_groups().values())

    def _filter_with_open_draft(self, until):
        """Return those accounts that have a draft until a day which nobody changed.

        A shared draft is that of the leading account.
        """
        groups = self._get_invoice_groups()
        leads = self.browse().union(*(group[0] for group in groups.values()))
        drafts = self.env["account.move"].search(
            [
                ("trtc_account_id", "in", leads.ids),
                ("state", "=", "draft"),
                ("trtc_date_to", "<=", until),
            ]
        )
        found = drafts.filtered(lambda move: move._trtc_is_open()).trtc_account_id
        return self.filtered(lambda account: groups[account][0] in found)

    def _filter_with_draft_to_post(self, until):
        """Return those accounts whose drafts are due for posting and were not tried today."""
        drafts = self.env["account.move"].search(
            [
                ("trtc_account_id", "in", self.ids),
                ("trtc_account_id.auto_post", "=", True),
                ("state", "=", "draft"),
                # One of fees alone has no period.
                "|",
                ("trtc_date_to", "=", False),
                ("trtc_date_to", "<=", until),
            ]
        )
        due = drafts.filtered(lambda move: not move._trtc_is_in_grace()).trtc_account_id
        return due.filtered(
            lambda account: (
                not account.auto_invoiced_on
                or account.auto_invoiced_on < account.company_id._trtc_get_scheduled_day()
            )
        )
