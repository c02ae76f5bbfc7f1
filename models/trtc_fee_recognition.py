from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

from ..rating.fees import elapsed_days, part

ZERO = Decimal(0)


class Facts(NamedTuple):
    """What the books say of a prepaid fee; amounts in the currency of the company.

    ``billed`` is what its posted invoice put on an account of deferred revenue, None
    without a posted invoice; ``returned`` is the same of its refund. ``drawn`` of
    ``minutes`` and ``lapses`` are those of a pack.
    """

    fee_id: int
    first: object
    last: object
    amount: Decimal
    line_id: int
    billed: Decimal
    recognised: Decimal
    minutes: Decimal
    lapses: object
    drawn: Decimal
    refund_date: object
    refund_amount: Decimal
    refund_line_id: int
    returned: Decimal


class Prepayment(NamedTuple):
    """What is to be recognised of a fee; amounts in the currency of the company."""

    fee: object
    #: what tells the accounts: the invoice line that billed it, or else the
    #: ``trtc.recognition`` that recognised it last
    source: object
    deferred: Decimal
    recognised: Decimal
    target: Decimal
    reason: str

    @property
    def due(self):
        return self.target - self.recognised


class TrtcFee(models.Model):
    # A room of its own: prepaid fees in the books.
    _inherit = "trtc.fee"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    recognition_ids = fields.One2many(
        "trtc.recognition", "fee_id", readonly=True, groups="trtc_billing.group_accountant"
    )
    recognition_count = fields.Integer(
        compute="_compute_recognition_count",
        compute_sudo=True,
        groups="trtc_billing.group_accountant",
    )

    # === COMPUTE === #

    @api.depends("recognition_ids")
    def _compute_recognition_count(self):
        for fee in self:
            fee.recognition_count = len(fee.recognition_ids)

    # === ACTION === #

    def action_open_recognitions(self):
        return self.account_id._action_open(
            "trtc_recognition_action", [("fee_id", "in", self.ids)]
        )

    # === BUSINESS === #

    @api.model
    def _get_prepayments(self, company, date, replaced):
        """Return the :class:`Prepayment` tuples of what is to be recognised now.

        Cumulative: it is what should be recognised at the end of a day, less what entries
        that are not cancelled recognise already.

        :param date: the last day of what is earned
        :param replaced: draft entries that do not count
        """
        found = self._get_prepayment_facts(company, date, replaced)
        credited = self._get_credited(company, found)
        rounding = Decimal(repr(company.currency_id.rounding))
        prepayments = []
        for facts in found:
            whole = self._get_prepaid_amount(facts, credited, date, rounding)
            share, total, reason = self._get_earned_share(facts, date)
            target = part(whole, share, total, rounding)
            if target != facts.recognised:
                fee = self.browse(facts.fee_id)
                source = self.env["account.move.line"].browse(facts.line_id or ())
                if not source:
                    source = fee.recognition_ids.sorted("number")[-1:]
                prepayments.append(
                    Prepayment(fee, source, whole, facts.recognised, target, reason)
                )
        return prepayments

    @api.model
    def _get_prepaid_amount(self, facts, credited, date, rounding):
        """Return what remains to be earned of a fee, or was, as a Decimal.

        Nothing without a posted invoice.  A refund counts as soon as it is made; once it is
        posted, with what it took off the account of deferred revenue.
        """
        if facts.billed is None:
            return ZERO
        whole = facts.billed + credited[facts.line_id]
        if facts.returned is not None:
            return whole + facts.returned + credited[facts.refund_line_id]
        if facts.refund_amount is not None:
            whole = part(whole, facts.amount + facts.refund_amount, facts.amount, rounding)
        return whole

    @api.model
    def _get_earned_share(self, facts, date):
        """Return (share, total, reason): which part of a fee is earned at the end of a day.

        A pack is earned as it is drawn, and as a whole on its last day; everything else by
        the days of its service period. What a refund leaves is earned on its day.
        """
        if facts.billed is None:
            return 0, 1, "unposted"
        if facts.refund_date and facts.refund_date <= date:
            return 1, 1, "refund"
        if facts.lapses is None:
            return *elapsed_days(date, facts.first, facts.last), "time"
        if facts.lapses <= date:
            return 1, 1, "lapsed"
        # Nothing was drawn from a pack that holds nothing.
        return min(facts.drawn, facts.minutes), facts.minutes or 1, "drawn"

    @api.model
    def _get_credited(self, company, found):
        """Return {id of an invoice line: what credit notes changed of its deferral}.

        Lines that the ledger knows are counted with the fee. What a line that was added by
        hand books on the account of a fee goes to the fee's line with its text, else its
        product, else its account, in proportion.
        """
        credited = defaultdict(Decimal)
        billed = {facts.line_id: facts.billed for facts in found if facts.line_id}
        billed.update(
            {facts.refund_line_id: facts.returned for facts in found if facts.refund_line_id}
        )
        moves = self.env["account.move"].search(
            [
                ("company_id", "=", company.id),
                ("state", "=", "posted"),
                ("move_type", "in", ("out_invoice", "out_refund")),
                ("reversed_entry_id.trtc_account_id", "!=", False),
            ]
        )
        rounding = Decimal(repr(company.currency_id.rounding))
        origins = {move: move.reversed_entry_id for move in moves}
        while moves:
            for move in moves:
                lines = origins[move].invoice_line_ids.filtered(lambda line: line.id in billed)
                for line in move.invoice_line_ids.filtered(lambda line: not line.trtc_fee_id):
                    targets = line._trtc_get_credited_lines(lines).ids
                    total = sum(billed[target] for target in targets)
                    upto = done = ZERO
                    for target in targets:
                        upto += billed[target]
                        credit = part(Decimal(repr(-line.balance)), upto, total, rounding)
                        credited[target] += credit - done
                        done = credit
            # A credit note may be taken back in turn.
            later = moves.reversal_move_ids.filtered(lambda move: move.state == "posted")
            origins = {move: origins[move.reversed_entry_id] for move in later}
            moves = later
        return credited

    @api.model
    def _get_prepayment_facts(self, company, date, replaced):
        """Return the :class:`Facts` of all fees that are or were deferred."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                WITH held AS (
                    SELECT DISTINCT allocation.fee_id, allocation.move_line_id,
                           bool_or(allocation.kind = 'bill') OVER (
                               PARTITION BY allocation.move_line_id) AS bills
                      FROM trtc_allocation allocation
                     WHERE allocation.company_id = %(company)s
                       AND allocation.fee_id IS NOT NULL
                       AND allocation.released IS NOT TRUE
                ), billed AS (
                    -- Credited and billed again: what all of its lines come to.
                    SELECT held.fee_id,
                           max(line.id) FILTER (WHERE held.bills AND prepaid) AS line_id,
                           sum(CASE WHEN prepaid THEN -line.balance ELSE 0 END) AS amount
                      FROM held
                      JOIN account_move_line line ON line.id = held.move_line_id
                      JOIN account_account account ON account.id = line.account_id,
                           LATERAL (SELECT account.account_type LIKE 'liability%%')
                                AS kind(prepaid)
                     WHERE line.parent_state = 'posted'
                     GROUP BY held.fee_id
                    HAVING bool_or(held.bills)
                ), recognised AS (
                    SELECT recognition.fee_id, sum(recognition.amount) AS amount
                      FROM trtc_recognition recognition
                      JOIN account_move move ON move.id = recognition.move_id
                     WHERE recognition.company_id = %(company)s
                       AND move.state <> 'cancel'
                       AND NOT (move.id = ANY(%(replaced)s))
                     GROUP BY recognition.fee_id
                ), drawn AS (
                    SELECT draw.pack_id, sum(draw.minutes) AS minutes
                      FROM trtc_pack_draw draw
                     WHERE draw.company_id = %(company)s AND draw.date <= %(date)s
                     GROUP BY draw.pack_id
                )
                SELECT fee.id, fee.date_from, fee.date_to, fee.amount::text,
                       billed.line_id, billed.amount::text,
                       coalesce(recognised.amount, 0)::text,
                       pack.minutes::text, pack.date_end, coalesce(drawn.minutes, 0)::text,
                       refund.date, refund.amount::text,
                       refunded.line_id, refunded.amount::text
                  FROM trtc_fee fee
             LEFT JOIN billed ON billed.fee_id = fee.id
             LEFT JOIN recognised ON recognised.fee_id = fee.id
             LEFT JOIN trtc_minute_pack pack ON pack.fee_id = fee.id AND fee.kind = 'pack'
             LEFT JOIN drawn ON drawn.pack_id = pack.id
             LEFT JOIN trtc_fee refund ON refund.refund_of_id = fee.id
             LEFT JOIN billed refunded ON refunded.fee_id = refund.id
                 WHERE fee.company_id = %(company)s
                   AND fee.kind IN ('term', 'upgrade', 'pack')
                   AND (billed.line_id IS NOT NULL OR recognised.amount <> 0)
                 ORDER BY fee.account_id, fee.date_from, fee.id
                """,
                company=company.id,
                date=date,
                replaced=replaced.ids,
            )
        )
        # Numbers come as text, which keeps them exact.
        return [
            Facts(*(Decimal(value) if isinstance(value, str) else value for value in row))
            for row in rows
        ]
