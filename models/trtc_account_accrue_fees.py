from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL

from ..rating import periods, prices
from ..rating.fees import elapsed_days
from .trtc_account_accrue import ZERO, Unbilled


class FeeFacts(NamedTuple):
    """What the books say of a fee at the end of a day; amounts exact.

    ``recognised`` of ``deferred``, in the currency of the company, is the part that entries
    recognise until then though its invoice is dated later. ``origin`` is the kind of the fee
    that this one takes back, with what is billed of that and whether it was deferred.
    """

    fee_id: int
    account_id: int
    application_id: int
    product_id: int
    customer_id: int
    name: str
    kind: str
    amount: Decimal
    date: object
    first: object
    last: object
    billed: Decimal
    goodwill: Decimal
    recognised: Decimal
    deferred: Decimal
    refund_date: object
    origin: str
    origin_billed: Decimal
    origin_deferred: bool


class TrtcAccount(models.Model):
    # A room of its own: what of fees is earned at the end of a day, and not invoiced.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_unbilled_fees(self, date):
        """Return the :class:`Unbilled` figures of fees.

        What is invoiced is done with: it was revenue then, or it is deferred and recognised by
        its own entries. Of what is not, the part that is earned counts.
        """
        found = []
        for facts in self._get_fee_facts(date):
            missing = facts.amount - facts.billed
            share, total = self._get_accrued_share(facts, date)
            earned = prices.exact(missing * share / total, prices.AMOUNT_QUANTUM)
            # Of a pack nothing is earned here: what is recognised of it needs no accrual.
            if missing and share and facts.recognised and facts.deferred:
                known = facts.amount * facts.recognised / facts.deferred
                earned -= prices.exact(known, prices.AMOUNT_QUANTUM)
            found.append(
                Unbilled(
                    account_id=facts.account_id,
                    kind="fee",
                    product_id=facts.product_id,
                    customer_id=facts.customer_id,
                    application_id=facts.application_id,
                    fee_id=facts.fee_id,
                    name=facts.name,
                    rated=facts.billed + earned,
                    billed=facts.billed,
                    goodwill=facts.goodwill,
                    amount=earned,
                )
            )
        return found

    def _get_accrued_share(self, facts, date):
        """Return (share, total): which part of a fee is earned, as far as it is not invoiced.

        An edition or upgrade by the days of its term; a minimum commitment when its month is
        over; a pack not at all, since it is paid before it is drawn. A refund counts from its
        day on, with all that its fee leaves, unless what it takes back was never revenue: a
        pack that is not invoiced, or a fee that waits on the account of deferred revenue, whose
        refund the recognition of prepayments counts.
        """
        if facts.kind == "refund":
            if facts.origin_deferred or (facts.origin == "pack" and not facts.origin_billed):
                return 0, 1
            return int(facts.date <= date), 1
        if facts.kind == "pack":
            return 0, 1
        if facts.kind == "commitment":
            return int(facts.last <= date), 1
        if facts.refund_date and facts.refund_date <= date:
            return 1, 1
        return elapsed_days(date, facts.first, facts.last)

    def _get_fee_facts(self, date):
        """Return the :class:`FeeFacts` of fees that began, or are invoiced, until a day."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                WITH held AS (
                    SELECT held.fee_id,
                           coalesce(sum(held.amount) FILTER (WHERE class = 'billed'), 0) AS billed,
                           coalesce(-sum(held.amount) FILTER (WHERE class = 'goodwill'), 0)
                               AS goodwill,
                           bool_or(account.account_type LIKE 'liability%%') AS deferred
                      FROM (%(held)s) AS held
                 LEFT JOIN account_move_line line ON line.id = held.move_line_id
                 LEFT JOIN account_account account ON account.id = line.account_id
                     WHERE held.fee_id IS NOT NULL AND class <> 'manual'
                     GROUP BY held.fee_id
                ), recognised AS (
                    SELECT recognition.fee_id, sum(recognition.amount) AS amount
                      FROM trtc_recognition recognition
                      JOIN account_move move ON move.id = recognition.move_id
                     WHERE recognition.account_id = ANY(%(accounts)s)
                       AND move.state <> 'cancel' AND move.date <= %(date)s
                     GROUP BY recognition.fee_id
                ), deferred AS (
                    SELECT allocation.fee_id, -sum(line.balance) AS amount
                      FROM trtc_allocation allocation
                      JOIN account_move_line line ON line.id = allocation.move_line_id
                      JOIN account_account account ON account.id = line.account_id
                     WHERE allocation.fee_id IN (SELECT fee_id FROM recognised)
                       AND allocation.released IS NOT TRUE AND allocation.kind = 'bill'
                       AND line.parent_state = 'posted'
                       AND account.account_type LIKE 'liability%%'
                     GROUP BY allocation.fee_id
                )
                SELECT fee.id, fee.account_id, fee.application_id, fee.product_id,
                       fee.commercial_partner_id, fee.name, fee.kind, fee.amount::text,
                       fee.date, fee.date_from, fee.date_to,
                       coalesce(held.billed, 0)::text, coalesce(held.goodwill, 0)::text,
                       coalesce(recognised.amount, 0)::text, coalesce(deferred.amount, 0)::text,
                       refund.date, origin.kind, coalesce(origin_held.billed, 0)::text,
                       coalesce(origin_held.deferred, FALSE)
                  FROM trtc_fee fee
             LEFT JOIN held ON held.fee_id = fee.id
             LEFT JOIN recognised ON recognised.fee_id = fee.id
             LEFT JOIN deferred ON deferred.fee_id = fee.id
             LEFT JOIN trtc_fee refund ON refund.refund_of_id = fee.id
             LEFT JOIN trtc_fee origin ON origin.id = fee.refund_of_id
             LEFT JOIN held origin_held ON origin_held.fee_id = origin.id
                 WHERE fee.account_id = ANY(%(accounts)s)
                   AND (fee.date_from <= %(date)s OR held.fee_id IS NOT NULL)
                 ORDER BY fee.account_id, fee.id
                """,
                held=self._get_held_query(date),
                date=date,
                accounts=self.ids,
            )
        )
        texts = {
            FeeFacts._fields.index(name)
            for name in (
                "amount", "billed", "goodwill", "recognised", "deferred", "origin_billed"
            )
        }  # fmt: skip
        return [
            FeeFacts(*(Decimal(one) if place in texts else one for place, one in enumerate(row)))
            for row in rows
        ]

    def _get_unbilled_commitments(self, until, charges):
        """Return the :class:`Unbilled` figures of what whole months miss of a minimum.

        As settlement would charge it: with usage that is not settled yet, less what was
        charged for the month before.

        :param dict charges: what :meth:`_rate_unsettled` returned
        """
        product = self.env.ref("trtc_billing.product_commitment", raise_if_not_found=False)
        limit = periods.last_ended(until, periods.MONTH)
        found = []
        for account in self.filtered("commitment_ids"):
            estimated = defaultdict(Decimal)
            for charge in charges.get(account, ()):
                estimated[charge.period[0].replace(day=1)] += charge.amount
            for commitment in account.commitment_ids:
                end = min(commitment.date_end or limit, limit)
                if commitment.date_start > end:
                    continue
                used = account._get_usage_by_month(commitment.date_start, end)
                charged = commitment._get_charged_by_month()
                for first in periods.months_of((commitment.date_start, end)):
                    usage = used.get(first, ZERO) + estimated[first]
                    before = charged.get(first, ZERO)
                    due = account._get_true_up(commitment, usage) - before
                    if due:
                        last = periods.period_of(first, periods.MONTH)[1]
                        found.append(
                            Unbilled(
                                account_id=account.id,
                                kind="fee",
                                product_id=product.id,
                                customer_id=account._get_customer_on(last).id,
                                name=self.env._(
                                    "%(commitment)s, %(month)s",
                                    commitment=product.name,
                                    month=first.strftime("%Y-%m"),
                                ),
                                rated=due,
                                amount=due,
                            )
                        )
        return found
