from collections import defaultdict
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from odoo import models

from ..rating import periods
from .days import read_day
from .markers import without_claims

#: Of an invoice of fees alone: each fee says its service period itself.
NO_PERIOD = (False, False)


class Bill(NamedTuple):
    """One invoice to be: an account, an invoicing period, statement lines and fees.

    ``claims`` are rows of credit notes whose usage or fees are billed again.
    Fees alone have no invoicing period: :data:`NO_PERIOD`.
    ``draft`` is the invoice to refresh, or an empty recordset.
    """

    account: object
    period: tuple
    lines: object
    fees: object
    claims: object
    draft: object


class TrtcAccount(models.Model):
    # A room of its own: which invoices are due, and what each of them bills.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def create_invoices(self, until):
        """Create draft invoices for the invoicing periods that ended on ``until``.

        One draft per account and invoicing period, from settled statement lines that
        no invoice holds.  A draft of the period that nobody changed is refreshed.
        Accounts of a customer that share their invoices are billed together, whichever of
        them is asked for.
        Fees of terms that begin until the day after ``until`` go along with the newest
        of them; without any they have an invoice of their own, in advance.
        Adjustments of a period that is invoiced already go to the oldest open one that is
        not before it; they wait while ``until`` lies in the middle of the next period.
        An account that another run holds is left to that run, and so is its group.
        Drafts of accounts that post automatically are posted once their grace days are over.

        :param until: date or ISO string; periods that ended on or before it
        :return: the ``account.move`` records created, refreshed or posted
        :raise AccessError: for a user who may not invoice
        """
        until = read_day(self.env, until)
        caller, self = self.env, self.with_env(without_claims(self.env))
        accounts = self._get_accounts_to_bill().sudo()
        groups = accounts._get_invoice_groups()
        members = accounts.union(*groups.values())
        by_company, errors = defaultdict(list), []
        with_fees = members._filter_with_fees_due(until)
        waiting = members._get_uninvoiced_customers()
        due = members.browse(account.id for account in waiting) | with_fees
        # Read for all of them together: whom terms are charged to.
        with_fees.former_customer_ids.fetch(["commercial_partner_id", "date_end"])
        for group in self._get_due_groups(groups, due):
            if all(account._lock_for_billing() for account in group):
                company = group.company_id
                lead = company._trtc_in_billing_time(group[0])
                known = len(errors)
                for account in company._trtc_in_billing_time(group & with_fees):
                    account._attempt(errors, partial(account._open_terms, until))
                if len(errors) == known:
                    by_company[company] += lead._get_bills(until)
                    for account in company._trtc_in_billing_time(group):
                        # What was settled before the account moved goes where it belongs.
                        customers = waiting[account]
                        if account in with_fees:
                            # A term of those days may have been charged just now.
                            customers |= account.fee_ids._filter_unbilled().commercial_partner_id
                        for former in account._get_as_billed(customers):
                            by_company[company] += former._get_bills(until)
        moves = self.env["account.move"].sudo()
        for company, bills in by_company.items():
            created, failed = company._trtc_in_billing_time(moves)._trtc_invoice(bills)
            moves |= created
            errors += failed
        if errors and len(accounts) == 1:
            raise errors[0]
        members._fit_draft_rates()
        drafts = members._get_drafts_to_post()
        to_post = drafts.filtered(lambda move: move._trtc_is_refreshable())
        (drafts - to_post)._trtc_keep_drafts()
        moves |= to_post._trtc_auto_post()
        self.env["trtc.statement.line"].invalidate_model(["is_to_invoice"])
        self.env["trtc.statement"].invalidate_model(["state", "move_ids"])
        return caller["account.move"].browse(moves.ids)

    def _filter_uninvoiced(self):
        """Return those accounts that have statement lines or fees to invoice."""
        return self.browse(account.id for account in self._get_uninvoiced_customers())

    def _get_uninvoiced_customers(self):
        """Return {account: customers} of statement lines and fees that are to be invoiced."""
        domain = [("account_id", "in", self.ids), ("is_to_invoice", "=", True)]
        found = defaultdict(self.env["res.partner"].browse)
        for model in ("trtc.statement.line", "trtc.fee"):
            groups = self.env[model]._read_group(domain, ["account_id", "commercial_partner_id"])
            for account, customer in groups:
                found[account] |= customer
        return found

    def _get_bills(self, until):
        """Return the bills that are due for this locked account, oldest first."""
        until = min(until, self.company_id._trtc_last_ended_day())
        limit = periods.last_ended(until, self.invoice_cycle)
        lines = self.env["trtc.statement.line"].search(self._get_due_domain(limit))
        by_place = lines.grouped(
            lambda line: (line.account_id, periods.period_of(line.date, self.invoice_cycle))
        )
        closed = self._get_closed_periods({period for _account, period in by_place})
        late = {place: by_place[place] for place in closed if place in by_place}
        on_time = lines - lines.browse().union(*late.values())
        by_period = on_time.grouped(
            lambda line: periods.period_of(line.date, self.invoice_cycle)
        )
        candidates = set(by_period) | (self._get_open_periods(until) if late else set())
        for (_account, period), found in late.items():
            target = self._get_period_for_late_usage(candidates, until, period)
            if target:
                by_period[target] = by_period.get(target, lines.browse()) | found
        fees = self._get_due_fees(until)
        claims = self._get_claims(limit)
        fee_claims = claims.filtered("fee_id")
        claimed = (claims - fee_claims).grouped(
            lambda claim: periods.period_of(claim.statement_line_id.date, self.invoice_cycle)
        )
        # What was free goes along, but is no reason for an invoice.
        worth = {period for period, found in claimed.items() if any(found.mapped("amount"))}
        all_periods = sorted({*by_period, *worth})
        newest = max(all_periods, default=None)
        # What makes up for a month never joins an invoice of an earlier one.
        alone = fees.filtered(lambda fee: not newest or fee._is_after(newest[1]))
        claimed_alone = fee_claims.filtered(
            lambda claim: not newest or claim.fee_id._is_after(newest[1])
        )
        bills, carried, carried_claims = [], lines.browse(), claims.browse()
        for period in all_periods:
            draft = self._get_refreshable_draft(period)
            found = by_period.get(period, lines.browse()) | carried
            along = fees - alone if period == newest else fees.browse()
            again = claimed.get(period, claims.browse()) | carried_claims
            again |= fee_claims - claimed_alone if period == newest else claims.browse()
            total = self._get_exact_total(found) + along._get_exact_total()
            total -= again._get_exact_total()
            if draft or self._get_rounded_total(total):
                bills.append(Bill(self, period, found, along, again, draft))
                carried, carried_claims = lines.browse(), claims.browse()
            else:
                # Less than the smallest coin: goes along with a later period.
                carried, carried_claims = found.filtered("amount"), again.filtered("amount")
        if alone or claimed_alone:
            draft = self._get_draft_for_fees(alone | claimed_alone.fee_id)
            period = (draft.trtc_date_from, draft.trtc_date_to) if draft else NO_PERIOD
            bills.append(Bill(self, period, lines.browse(), alone, claimed_alone, draft))
        return bills

    def _get_due_fees(self, until):
        """Return the fees that are due for invoicing."""
        limit = self._get_fee_limit(until)
        # Read for all the accounts of a run together, not one by one.
        fees, customer = self._get_invoice_group().fee_ids, self._get_billed_customer()
        due = fees.filtered(
            lambda fee: fee.date <= limit
            and fee.commercial_partner_id == customer
            and fee._is_unbilled()
        )
        return due.sorted(lambda fee: (fee.date_from, fee.id))

    def _get_draft_for_fees(self, fees):
        """Return the newest draft of this account that nobody changed, or none.

        One of fees alone, if there is any: the database sorts what has no period first.

        :param fees: what it is to bill; none of them is after its period
        """
        drafts = self.env["account.move"].search(
            [
                ("trtc_account_id", "=", self.id),
                ("commercial_partner_id", "=", self._get_billed_customer().id),
                ("company_id", "=", self.company_id.id),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "draft"),
            ],
            order="trtc_date_to desc, id desc",
        )
        drafts = drafts.filtered(
            lambda move: not any(fee._is_after(move.trtc_date_to) for fee in fees)
        )
        return drafts.filtered(lambda move: move._trtc_is_open())[:1]

    def _get_drafts_to_post(self):
        """Return the drafts of these accounts whose grace is over, changed ones too."""
        drafts = self.env["account.move"].search(
            [
                ("trtc_account_id", "in", self.filtered("auto_post").ids),
                ("state", "=", "draft"),
                ("posted_before", "=", False),
                ("reversed_entry_id", "=", False),
            ],
            order="trtc_date_to, id",
        )
        return drafts.filtered(lambda move: not move._trtc_is_in_grace())

    def _get_due_domain(self, limit):
        """Return the domain of statement lines that are due for invoicing.

        Lines without an amount go along, so that the invoice's annex is whole; what
        waits for a decision or a price stays.
        """
        return [
            ("account_id", "in", self._get_invoice_group().ids),
            ("commercial_partner_id", "=", self._get_billed_customer().id),
            ("date", "<=", limit),
            ("status", "in", ("billable", "waived")),
            ("allocation_ids", "not any", [("released", "=", False)]),
        ]

    def _get_closed_periods(self, candidates):
        """Return [(account, period)] whose invoice is posted, frozen, or was changed by hand.

        As long as a draft of this account's group is open, its period is closed for nobody.

        :param set candidates: invoicing periods, (first day, last day)
        """
        group = self._get_invoice_group()
        moves = self._get_period_invoices(
            [("trtc_date_from", "in", [first for first, _last in candidates])]
        )
        by_period = moves.grouped(lambda move: (move.trtc_date_from, move.trtc_date_to))
        closed = []
        for period in sorted(set(by_period) & candidates):
            found = by_period[period]
            own = found.filtered(lambda move: move.trtc_account_id == self)
            if not own.filtered(lambda move: move._trtc_is_open()):
                billed = found._trtc_get_accounts() & group if len(group) > 1 else group
                closed += [(account, period) for account in billed]
        return closed

    def _get_period_for_late_usage(self, candidates, until, period):
        """Return the invoicing period that also bills usage of a closed one, if any.

        It is the oldest candidate, but never one before the period of the usage, though
        its draft is still open. Without any, a run until the end of a period bills it with
        that period; a run in the middle of one leaves it for later.

        :param candidates: the invoicing periods that this run invoices, or that have a draft
            which may be refreshed
        :param date until: the day until which the run goes
        :param period: that of the usage, (first day, last day)
        """
        limit = periods.last_ended(until, self.invoice_cycle)
        newest = periods.period_of(limit, self.invoice_cycle) if limit == until else None
        # A change of the invoice period leaves drafts of days and of months side by side.
        later = {one for one in candidates if one[1] >= period[1]}
        return min(later, default=newest)

    def _get_open_periods(self, until):
        """Return the invoicing periods until a day whose draft may be refreshed."""
        drafts = self._get_period_invoices(
            [
                ("trtc_account_id", "=", self.id),
                ("trtc_date_to", "<=", periods.last_ended(until, self.invoice_cycle)),
                ("state", "=", "draft"),
            ]
        )
        drafts = drafts.filtered(lambda move: move._trtc_is_open())
        return {(move.trtc_date_from, move.trtc_date_to) for move in drafts}

    def _get_period_invoices(self, domain):
        """Return the invoices that hold what they were made for of this account's group.

        Accounts that share invoices now may have had others before, led by any account of
        the customer.

        :param domain: what their period must be; an invoice of fees alone has none
        """
        billed = [
            ("released", "=", False),
            ("account_id", "in", self._get_invoice_group().ids),
        ]
        return self.env["account.move"].search(
            [
                ("trtc_account_id", "!=", False),
                ("commercial_partner_id", "=", self._get_billed_customer().id),
                ("company_id", "=", self.company_id.id),
                ("move_type", "in", ("out_invoice", "out_refund")),
                ("trtc_allocation_ids", "any", billed),
                *domain,
            ]
        )

    def _get_refreshable_draft(self, period):
        """Return the draft invoice of a period that nobody changed, or none."""
        moves = self._get_period_invoices(
            [
                ("trtc_account_id", "=", self.id),
                ("trtc_date_from", "=", period[0]),
                ("trtc_date_to", "=", period[1]),
                ("state", "=", "draft"),
            ]
        )
        return moves.filtered(lambda move: move._trtc_is_open())[:1]

    def _get_exact_total(self, lines):
        """Return the exact sum of statement lines, as a Decimal."""
        return sum(
            (amount for _q, _p, amount in lines._get_exact_amounts().values()), Decimal(0)
        )
