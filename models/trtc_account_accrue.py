from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..rating import charges as rating
from ..rating import periods
from .markers import UntilDay
from .price_book import PriceBook

ZERO = Decimal(0)

#: What waits for a person is shown apart, and never accrued.
NOT_ACCRUED = (rating.LOCKED, rating.UNPRICED)


class Unbilled(NamedTuple):
    """What the books and the rating say of one thing at the end of a day.

    Amounts are exact, in the currency of the account and in the terms of its prices.
    What is rated is billed, or it is missing::

        rated == billed + amount

    ``goodwill`` is the part of what is billed that credit notes gave back for good. The
    customer is the one for whom it is settled or charged, whoever has the account now.
    """

    account_id: int
    kind: str
    product_id: int
    customer_id: int
    application_id: int = None
    item_id: int = None
    fee_id: int = None
    name: str = ""
    rated: Decimal = ZERO
    billed: Decimal = ZERO
    goodwill: Decimal = ZERO
    amount: Decimal = ZERO
    quantity: Decimal = ZERO


class TrtcAccount(models.Model):
    # A room of its own: what is earned at the end of a day, and not invoiced.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_unbilled(self, date):
        """Return the :class:`Unbilled` figures of these accounts at the end of a day.

        Settled usage counts as it stands on statements, all other usage as settlement would
        rate it now; months that are not over, with the usage of their days until then. A
        posted invoice or credit note counts by its accounting date, a draft never. Nothing
        is written: terms that are to be opened and free minutes that are to be granted are
        made and undone.

        :param date: the last day; of a day that is not over nothing is rated
        :raise UserError: where another run bills one of these accounts
        """
        accounts = self.sudo()
        if not accounts:
            return []
        until = min(date, accounts.company_id._trtc_last_ended_day())
        known = set(accounts.fee_ids.ids)
        savepoint = self.env.cr.savepoint()
        try:
            accounts = accounts.with_context(mail_activity_quick_update=True, tracking_disable=True)
            accounts._open_due_terms(until)
            charges = accounts._rate_unsettled(until)
            found = [
                *accounts._get_unbilled_usage(date, charges),
                *accounts._get_unbilled_fees(date),
                *accounts._get_unbilled_commitments(until, charges),
            ]
        finally:
            savepoint.close(rollback=True)
        # A term that was opened to be undone has no fee yet.
        return [one if one.fee_id in known else one._replace(fee_id=None) for one in found]

    def _open_due_terms(self, until):
        """Open the terms of editions that the next run would open: their minutes count."""
        for account in self._filter_with_fees_due(until):
            if not account._lock_for_billing():
                raise UserError(
                    self.env._(
                        "%(account)s is being settled or invoiced at this moment. Try again when "
                        "that run has ended.",
                        account=account.display_name,
                    )
                )
            account.company_id._trtc_in_billing_time(account)._open_terms(until)

    # === USAGE NOT SETTLED === #

    def _rate_unsettled(self, until):
        """Return {account: charges} of usage until a day that is on no statement yet.

        :return: the charges that settlement would write down for days until then, and those
            of months that are not over, rated as far as they go
        """
        self.env["trtc.usage"]._adopt()
        book, found = PriceBook(), defaultdict(list)
        open_months = self._get_open_months(until)
        for account in self._filter_unsettled(until) | self.browse(open_months):
            account = account.company_id._trtc_in_billing_time(account)
            for cycle, touched in sorted(account._get_unsettled(until).items()):
                window = account._get_rating_window(cycle, touched, until)
                new = account._rate(cycle, window, book)
                settled = account._get_settled_charges(cycle, window)
                found[account] += [
                    charge
                    for charge in rating.difference(new, settled)
                    if charge.period[1] <= until
                ]
            window = open_months.get(account.id)
            if window:
                rated = account.with_context(trtc_until=UntilDay(until))
                found[account] += rated._rate(
                    periods.MONTH, rated._get_rating_window(periods.MONTH, window, until), book
                )
        return found

    def _get_unsettled(self, until):
        """Return {cycle: {(period, item)}} of what the next settlement would look at."""
        self.ensure_one()
        touched = defaultdict(set)
        notes = self.env["trtc.settlement.note"].search(
            [("account_id", "=", self.id), ("date_to", "<=", until)]
        )
        notes.item_id._check_metering()
        for note in notes:
            touched[note.cycle].add(((note.date_from, note.date_to), note.item_id))
        for cycle, day, item in self._get_waiting(until):
            touched[cycle].add((periods.period_of(day, cycle), item))
        return touched

    def _get_open_months(self, until):
        """Return {account id: {(month, monthly item)}} of a month that a day lies within.

        Statements of that month, if there are any by now, are of days after it too.
        """
        month = periods.period_of(until, periods.MONTH)
        if month[1] == until:
            return {}
        for model in ("trtc.usage", "trtc.item"):
            self.env[model].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT usage.account_id, usage.item_id
                  FROM trtc_usage usage JOIN trtc_item item ON item.id = usage.item_id
                 WHERE usage.account_id = ANY(%s) AND usage.state = 'current'
                   AND usage.is_held IS NOT TRUE
                   AND item.cycle = 'month' AND usage.date BETWEEN %s AND %s
                """,
                self.ids,
                month[0],
                until,
            )
        )
        found = defaultdict(set)
        for account_id, item_id in rows:
            found[account_id].add((month, self.env["trtc.item"].browse(item_id)))
        return found

    # === USAGE === #

    def _get_held_query(self, date):
        """Return the query of what posted invoices and credit notes hold at the end of a day.

        Its ``class`` tells what is billed from goodwill (a credit note that bills nothing
        again, and what undoes it) and from what somebody changed by hand.
        """
        return SQL(
            """
            SELECT held.id, held.move_id, held.statement_line_id, held.fee_id,
                   coalesce(held.account_id, move.trtc_account_id) AS account_id,
                   held.move_line_id, held.amount, held.quantity,
                   CASE WHEN held.kind = 'manual' THEN 'manual'
                        WHEN (held.kind = 'credit'
                              AND (held.reopens IS NOT TRUE OR held.is_goodwill IS TRUE))
                          OR (base.kind = 'credit'
                              AND (base.reopens IS NOT TRUE OR base.is_goodwill IS TRUE))
                        THEN 'goodwill' ELSE 'billed' END AS class
              FROM trtc_allocation held
              JOIN account_move move ON move.id = held.move_id
         LEFT JOIN trtc_allocation base ON base.id = held.rebills_id
             WHERE held.released IS NOT TRUE
               AND move.state = 'posted' AND move.date <= %(date)s
               AND coalesce(held.account_id, move.trtc_account_id) = ANY(%(accounts)s)
            """,
            date=date,
            accounts=self.ids,
        )

    def _get_unbilled_usage(self, date, charges):
        """Return the :class:`Unbilled` figures of usage, settled and not.

        :param dict charges: what :meth:`_rate_unsettled` returned
        """
        waiting = defaultdict(lambda: (ZERO, ZERO))
        found = []
        for place, settled, waits in self._get_settled_usage(date):
            found.append(self._prepare_unbilled("settled", place, *settled))
            for status, figures in waits.items():
                waiting[(*place, status)] = figures
        applications = self._get_applications_by_number()
        items, _rules = self.env["trtc.item"]._get_rules()
        open_usage = defaultdict(lambda: (ZERO, ZERO))
        for account, some in charges.items():
            for charge in some:
                application = applications.get((account.id, charge.application))
                customer = account._get_customer_on(charge.period[1])
                place = account.id, application, items[charge.item].id, customer.id
                amount, quantity = open_usage[place]
                open_usage[place] = amount + charge.amount, quantity + charge.billable
                if charge.status in NOT_ACCRUED:
                    key = (*place, charge.status)
                    at_stake = charge.locked * charge.price
                    waiting[key] = waiting[key][0] + at_stake, waiting[key][1] + charge.quantity
        for place, (amount, quantity) in open_usage.items():
            figures = amount, ZERO, ZERO, quantity
            found.append(self._prepare_unbilled("unsettled", place, *figures))
        for (*place, status), (at_stake, quantity) in waiting.items():
            if quantity:
                one = self._prepare_unbilled(status, place, ZERO, ZERO, ZERO, quantity)
                found.append(one._replace(amount=at_stake))
        return found

    def _prepare_unbilled(self, kind, place, rated, billed, goodwill, quantity):
        """Return the :class:`Unbilled` figure of usage.

        :param place: (account id, application id or None, item id, customer id)
        """
        account_id, application_id, item_id, customer_id = place
        return Unbilled(
            account_id=account_id,
            kind=kind,
            product_id=self.env["trtc.item"].browse(item_id).product_id.id,
            customer_id=customer_id,
            application_id=application_id,
            item_id=item_id,
            rated=rated,
            billed=billed,
            goodwill=goodwill,
            amount=rated - billed,
            quantity=quantity,
        )

    def _get_applications_by_number(self):
        """Return {(account id, SDKAppID): application id} of these accounts."""
        applications = self.env["trtc.application"].with_context(active_test=False)
        found = applications.search_fetch(
            [("account_id", "in", self.ids)], ["account_id", "sdkappid"]
        )
        return {(one.account_id.id, one.sdkappid): one.id for one in found}

    def _get_settled_usage(self, date):
        """Return [(place, figures, waiting)] of settled usage, added up in the database.

        :return: place as (account, application, item, customer), by id; figures as (rated,
            billed, goodwill, quantity that is missing); waiting as {status: (at stake, quantity)}
        """
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                WITH held AS (
                    SELECT statement_line_id AS line_id,
                           coalesce(sum(amount) FILTER (WHERE class = 'billed'), 0) AS billed,
                           coalesce(-sum(amount) FILTER (WHERE class = 'goodwill'), 0) AS goodwill,
                           sum(quantity) FILTER (WHERE class = 'billed') AS quantity
                      FROM (%(held)s) AS held
                     WHERE statement_line_id IS NOT NULL
                     GROUP BY statement_line_id
                ), line AS (
                    SELECT line.account_id, line.application_id, line.item_id,
                           line.commercial_partner_id, line.status,
                           CASE WHEN line.date <= %(date)s THEN 1 ELSE 0 END AS counts,
                           line.amount, line.quantity, line.billable_quantity,
                           line.locked_quantity * line.price_unit AS at_stake,
                           held.billed, held.goodwill, held.quantity AS held_quantity
                      FROM trtc_statement_line line
                 LEFT JOIN held ON held.line_id = line.id
                     WHERE line.account_id = ANY(%(accounts)s)
                       AND (line.date <= %(date)s OR held.line_id IS NOT NULL)
                )
                SELECT account_id, application_id, item_id, commercial_partner_id,
                       sum(counts * amount)::text,
                       coalesce(sum(billed), 0)::text, coalesce(sum(goodwill), 0)::text,
                       (sum(counts * billable_quantity)
                        - coalesce(sum(held_quantity), 0))::text,
                       coalesce(sum(counts * at_stake)
                                FILTER (WHERE status = 'locked'), 0)::text,
                       coalesce(sum(counts * quantity)
                                FILTER (WHERE status = 'locked'), 0)::text,
                       coalesce(sum(counts * quantity)
                                FILTER (WHERE status = 'unpriced'), 0)::text
                  FROM line
                 GROUP BY account_id, application_id, item_id, commercial_partner_id
                 ORDER BY account_id, application_id, item_id, commercial_partner_id
                """,
                held=self._get_held_query(date),
                date=date,
                accounts=self.ids,
            )
        )
        # Numbers come as text, which keeps them exact.
        return [
            (
                tuple(row[:4]),
                tuple(map(Decimal, row[4:8])),
                {
                    rating.LOCKED: (Decimal(row[8]), Decimal(row[9])),
                    rating.UNPRICED: (ZERO, Decimal(row[10])),
                },
            )
            for row in rows
        ]
