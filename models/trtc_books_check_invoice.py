from decimal import ROUND_HALF_UP, Decimal

from odoo import models
from odoo.tools import SQL

from .figures import show_figure

#: Sums of amounts that were rounded to eight decimals one by one miss less than this.
DUST = Decimal("0.00001")


class TrtcBooksCheck(models.Model):
    # A room of its own: invoices against statement lines and fees, by the ledger between them.
    _inherit = "trtc.books.check"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _find_billed_lines(self, accounts, date_from, date_to):
        """Find statement lines that invoices bill twice, in part, or at another amount."""
        return self._find_billed(
            SQL(
                """
                SELECT line.id, line.account_id, line.item_id, line.application_id,
                       statement.cycle, line.date, line.billable_quantity AS quantity,
                       line.amount
                  FROM trtc_statement_line line
                  JOIN trtc_statement statement ON statement.id = line.statement_id
                 WHERE line.account_id = ANY(%s) AND line.date BETWEEN %s AND %s
                """,
                accounts.ids,
                date_from,
                date_to,
            ),
            SQL("statement_line_id"),
            "trtc.statement.line",
        )

    def _find_billed_fees(self, accounts, date_from, date_to):
        """Find fees that invoices bill twice, in part, or at another amount."""
        return self._find_billed(
            SQL(
                """
                SELECT id, account_id, NULL::int AS item_id, application_id,
                       'day' AS cycle, date, quantity, amount
                  FROM trtc_fee
                 WHERE account_id = ANY(%s) AND date BETWEEN %s AND %s
                """,
                accounts.ids,
                date_from,
                date_to,
            ),
            SQL("fee_id"),
            "trtc.fee",
        )

    def _find_billed(self, billed, column, model):
        """Return findings about what the ledger says of statement lines or fees.

        Billed for the first time once, as it is; what was credited and billed again leaves
        between nothing and all of it. What somebody changed by hand is apart.

        :param SQL billed: query of (id, account_id, item_id, application_id, cycle, date,
            quantity, amount)
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT billed.account_id, billed.item_id, billed.application_id, billed.cycle,
                       billed.date, billed.id, billed.quantity::text, billed.amount::text,
                       held.times, held.quantity::text, held.amount::text, held.net::text,
                       (billed.amount + held.by_hand)::text
                  FROM (%(billed)s) AS billed
                  JOIN (SELECT %(column)s AS id,
                               count(*) FILTER (WHERE first) AS times,
                               coalesce(sum(quantity) FILTER (WHERE first), 0) AS quantity,
                               coalesce(sum(amount) FILTER (WHERE first), 0) AS amount,
                               coalesce(sum(amount) FILTER (WHERE kind = 'manual'), 0)
                                   AS by_hand,
                               sum(amount) AS net
                          FROM (SELECT *, kind = 'bill' AND rebills_id IS NULL AS first
                                  FROM trtc_allocation
                                 WHERE released IS NOT TRUE AND %(column)s IS NOT NULL) AS row
                         GROUP BY 1) AS held ON held.id = billed.id
                 WHERE held.times <> 1 OR held.quantity <> billed.quantity
                    OR held.amount <> billed.amount
                    OR held.net * sign(billed.amount + held.by_hand) < 0
                    OR abs(held.net) > abs(billed.amount + held.by_hand)
                 ORDER BY billed.account_id, billed.date, billed.id
                """,
                billed=billed,
                column=column,
            )
        )
        findings = []
        for row in rows:
            record_id, quantity, amount, times, held, charged, net, worth = row[5:]
            words = {
                "what": self.env[model].browse(record_id).display_name,
                "account": self.env["trtc.account"].browse(row[0]).display_name,
            }
            if times > 1:
                message = self.env._(
                    "%(account)s, %(what)s: billed %(times)s times by invoices in force.",
                    times=times,
                    **words,
                )
                expected, found = Decimal(amount), Decimal(charged)
            elif not times:
                message = self.env._(
                    "%(account)s, %(what)s: credited or changed, and billed by no invoice.", **words
                )
                expected, found = Decimal(0), Decimal(net)
            elif (held, charged) != (quantity, amount):
                message = self.env._(
                    "%(account)s, %(what)s: the ledger of invoices says %(held)s units, and "
                    "%(quantity)s are to be billed.",
                    held=f"{Decimal(held).normalize():f}",
                    quantity=f"{Decimal(quantity).normalize():f}",
                    **words,
                )
                expected, found = Decimal(amount), Decimal(charged)
            elif self._is_within_a_coin(row[0], Decimal(net), Decimal(worth)):
                # A price that somebody types cannot always say a credit to the last digit.
                continue
            else:
                message = self.env._(
                    "%(account)s, %(what)s: more is credited, or billed again, than it comes to.",
                    **words,
                )
                expected, found = Decimal(worth), Decimal(net)
            findings.append(
                self._prepare_finding(
                    "billed",
                    message,
                    self._get_advice_for_invoices(),
                    model,
                    [("id", "=", record_id)],
                    expected=expected,
                    found=found,
                    **self._get_places(row),
                )
            )
        return findings

    def _is_within_a_coin(self, account_id, net, worth):
        """Tell whether what is left is between nothing and all, but for the smallest coin."""
        currency = self.env["trtc.account"].browse(account_id).currency_id
        coin = Decimal(repr(currency.rounding))
        low, high = sorted((Decimal(0), worth))
        return low - coin <= net <= high + coin

    def _get_moves_query(self, accounts, date_from, date_to):
        """Return the query of (id, day) of the invoices and credit notes to look at."""
        return SQL(
            """
            SELECT id, day
              FROM (SELECT move.id, coalesce(move.trtc_date_to, move.invoice_date, move.date)
                           AS day
                      FROM account_move move
                     WHERE move.trtc_account_id = ANY(%(accounts)s)
                        OR move.id IN (SELECT move_id FROM trtc_allocation
                                        WHERE account_id = ANY(%(accounts)s))) AS move
             WHERE day BETWEEN %(date_from)s AND %(date_to)s
            """,
            accounts=accounts.ids,
            date_from=date_from,
            date_to=date_to,
        )

    def _find_released(self, accounts, date_from, date_to):
        """Find ledger rows that do not follow the state of their invoice, or its lines."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT row.move_id, min(row.account_id), moves.day, count(*),
                       bool_or((move.state = 'cancel') <> coalesce(row.released, false))
                  FROM trtc_allocation row
                  JOIN (%s) AS moves ON moves.id = row.move_id
                  JOIN account_move move ON move.id = row.move_id
             LEFT JOIN account_move_line line ON line.id = row.move_line_id
                 WHERE (move.state = 'cancel') <> coalesce(row.released, false)
                    OR line.move_id <> row.move_id
                 GROUP BY row.move_id, moves.day
                 ORDER BY row.move_id
                """,
                self._get_moves_query(accounts, date_from, date_to),
            )
        )
        findings = []
        for move_id, account_id, day, count, by_state in rows:
            words = {
                "invoice": self.env["account.move"].browse(move_id).display_name,
                "count": count,
            }
            if by_state:
                message = self.env._(
                    "%(invoice)s: %(count)s rows of the ledger are released although it is in "
                    "force, or hold something although it is cancelled.",
                    **words,
                )
            else:
                message = self.env._(
                    "%(invoice)s: %(count)s rows of the ledger point to lines of another "
                    "document.",
                    **words,
                )
            findings.append(
                self._prepare_move_finding("released", move_id, account_id, day, message)
            )
        return findings

    def _find_credited(self, accounts, date_from, date_to):
        """Find ledger rows that are credited for more than they billed, or say it wrongly."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT row.move_id, min(row.account_id), moves.day,
                       sum(row.taken)::text, sum(row.credited_quantity)::text
                  FROM (SELECT row.id, row.move_id, row.account_id, row.quantity,
                               coalesce(row.credited_quantity, 0) AS credited_quantity,
                               -coalesce(sum(credit.quantity), 0) AS taken
                          FROM trtc_allocation row
                     LEFT JOIN trtc_allocation credit
                            ON credit.credits_id = row.id AND credit.released IS NOT TRUE
                         WHERE row.account_id = ANY(%(accounts)s)
                         GROUP BY row.id) AS row
                  JOIN (%(moves)s) AS moves ON moves.id = row.move_id
                 WHERE row.taken <> row.credited_quantity
                    OR row.taken * sign(row.quantity) < 0
                    OR abs(row.taken) > abs(row.quantity)
                 GROUP BY row.move_id, moves.day
                 ORDER BY row.move_id
                """,
                moves=self._get_moves_query(accounts, date_from, date_to),
                accounts=accounts.ids,
            )
        )
        return [
            self._prepare_move_finding(
                "credited",
                move_id,
                account_id,
                day,
                self.env._(
                    "%(invoice)s: credit notes take back other quantities than its ledger says, "
                    "or more than it billed.",
                    invoice=self.env["account.move"].browse(move_id).display_name,
                ),
                expected=Decimal(taken),
                found=Decimal(stored),
            )
            for move_id, account_id, day, taken, stored in rows
        ]

    def _find_invoice_lines(self, accounts, date_from, date_to):
        """Find lines of posted documents that say another sum than the ledger behind them."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT move.id, coalesce(held.account_id, move.trtc_account_id), moves.day,
                       line.trtc_item_id, line.name, held.amount::text, held.quantity::text,
                       (way.sign * line.quantity * line.price_unit
                        * (1 - coalesce(line.discount, 0) / 100))::text,
                       CASE WHEN held.allowance THEN held.quantity
                            ELSE way.sign * line.quantity
                                 / coalesce(nullif(line.trtc_ratio, 0), 1) END::text,
                       (line.price_unit * (1 - coalesce(line.discount, 0) / 100))::text,
                       held.count, coalesce(nullif(line.trtc_ratio, 0), 1)::text
                  FROM (%(moves)s) AS moves
                  JOIN account_move move ON move.id = moves.id AND move.state = 'posted'
            CROSS JOIN LATERAL (SELECT CASE WHEN move.move_type = 'out_refund'
                                            THEN -1 ELSE 1 END AS sign) AS way
                  JOIN account_move_line line
                    ON line.move_id = move.id AND line.display_type = 'product'
             LEFT JOIN LATERAL (
                       SELECT min(row.account_id) AS account_id, count(*) AS count,
                              bool_or(row.is_goodwill) AS allowance,
                              coalesce(sum(row.amount), 0) AS amount,
                              coalesce(sum(row.quantity), 0) AS quantity
                         FROM trtc_allocation row
                        WHERE row.move_line_id = line.id AND row.released IS NOT TRUE
                       ) AS held ON true
                 WHERE held.count > 0
                    OR ((line.trtc_item_id IS NOT NULL OR line.trtc_fee_id IS NOT NULL)
                        AND line.trtc_is_rounding IS NOT TRUE)
                 ORDER BY move.id, line.sequence, line.id
                """,
                moves=self._get_moves_query(accounts, date_from, date_to),
            )
        )
        half = self.env["account.move.line"]._trtc_get_step() / 2
        findings = []
        for row in rows:
            move_id, account_id, day, item_id, name, *figures, count, ratio = row
            amount, quantity, priced, units, price = map(Decimal, figures)
            spare = max(DUST, count * Decimal("0.00000001"))
            # In the line's own unit, as far as the decimals of quantities go.
            if abs(amount - priced) <= spare and abs(quantity - units) * Decimal(ratio) < half:
                continue
            findings.append(
                self._prepare_move_finding(
                    "invoice_line",
                    move_id,
                    account_id,
                    day,
                    self.env._(
                        "%(invoice)s, line %(line)s: quantity and price do not come to what the "
                        "statements and fees behind it say: %(units)s units at a price of "
                        "%(price)s come to %(found)s, expected %(quantity)s units that come to "
                        "%(expected)s.",
                        invoice=self.env["account.move"].browse(move_id).display_name,
                        line=(name or "").split("\n")[0],
                        units=show_figure(self.env, units),
                        price=show_figure(self.env, price * Decimal(ratio)),
                        found=show_figure(self.env, priced),
                        quantity=show_figure(self.env, quantity),
                        expected=show_figure(self.env, amount),
                    ),
                    item_id=item_id,
                    expected=amount,
                    found=priced,
                )
            )
        return findings

    def _find_invoice_totals(self, accounts, date_from, date_to):
        """Find posted documents whose untaxed total is not the exact sum, rounded once.

        Lines that somebody added by hand, and rounding for cash, are apart. Where somebody
        changed lines, and on credit notes and what reverses them, which share the rounding of
        an invoice, up to the smallest coin a line is rounding.
        """
        taxes = self.env["account.tax"].with_context(active_test=False)
        included = taxes.search(taxes._check_company_domain(accounts.company_id))
        rows = self.env.execute_query(
            SQL(
                """
                SELECT move.id, coalesce(held.account_id, move.trtc_account_id), moves.day,
                       held.amount::text, held.is_exact, move.currency_id,
                       move.amount_untaxed::text, way.sign, sums.included::text,
                       sums.by_hand::text, sums.lines
                  FROM (%(moves)s) AS moves
                  JOIN account_move move ON move.id = moves.id AND move.state = 'posted'
                  JOIN res_currency currency ON currency.id = move.currency_id
            CROSS JOIN LATERAL (SELECT CASE WHEN move.move_type = 'out_refund'
                                            THEN -1 ELSE 1 END AS sign) AS way
            CROSS JOIN LATERAL (
                       SELECT min(row.account_id) AS account_id,
                              coalesce(sum(row.amount), 0) AS amount,
                              coalesce(bool_and(row.kind = 'bill'), false)
                                  AND move.reversed_entry_id IS NULL AS is_exact
                         FROM trtc_allocation row
                        WHERE row.move_id = move.id AND row.released IS NOT TRUE) AS held
            CROSS JOIN LATERAL (
                       SELECT coalesce(sum(-line.amount_currency * way.sign) FILTER (
                                  WHERE line.tax_line_id = ANY(%(included)s)), 0) AS included,
                              %(added)s + %(cash)s AS by_hand,
                              count(*) FILTER (WHERE line.display_type = 'product') AS lines
                         FROM account_move_line line WHERE line.move_id = move.id) AS sums
                 ORDER BY move.id
                """,
                moves=self._get_moves_query(accounts, date_from, date_to),
                added=self.env["account.move.line"]._trtc_get_added_sql(),
                cash=self.env["account.move.line"]._trtc_get_cash_sql(),
                included=included.filtered("price_include").ids,
            )
        )
        findings = []
        currencies = self.env["res.currency"].browse({row[5] for row in rows})
        coins = {one.id: Decimal(repr(one.rounding)).normalize() for one in currencies}
        for row in rows:
            move_id, account_id, day, exact, is_exact, currency_id, *figures = row
            untaxed, sign, taxes, by_hand, lines = figures
            coin = coins[currency_id]
            found = sign * (Decimal(untaxed) + Decimal(taxes) - Decimal(by_hand))
            expected = (Decimal(exact) / coin).quantize(Decimal(1), ROUND_HALF_UP) * coin
            spare = Decimal(0) if is_exact and not Decimal(by_hand) else coin * max(lines, 1)
            if abs(found - expected) > spare:
                findings.append(
                    self._prepare_move_finding(
                        "invoice_total",
                        move_id,
                        account_id,
                        day,
                        self.env._(
                            "%(invoice)s: the untaxed total is not the exact sum of the "
                            "statements and fees that it holds, rounded once.",
                            invoice=self.env["account.move"].browse(move_id).display_name,
                        ),
                        expected=expected,
                        found=found,
                    )
                )
        return findings

    # === TOOLING === #

    def _get_advice_for_invoices(self):
        return self.env._(
            "An invoice or the ledger behind it was changed past the program. Compare it with "
            "what the customer has, and correct the difference by a credit note or an invoice."
        )

    def _prepare_move_finding(self, kind, move_id, account_id, day, message, **vals):
        """Return the values of a finding that opens an invoice."""
        return self._prepare_finding(
            kind,
            message,
            self._get_advice_for_invoices(),
            "account.move",
            [("id", "=", move_id)],
            account_id=account_id,
            date_to=day,
            **vals,
        )
