from decimal import Decimal

from odoo import models
from odoo.tools import SQL, format_date

from ..rating import engine, periods


class TrtcBooksCheck(models.Model):
    # A room of its own: statements against raw usage, naively, not by the engine.
    _inherit = "trtc.books.check"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_used_query(self, accounts, date_from, date_to):
        """Return the query of usage in force per account, item, place and period.

        Usage of the same moment adds up; where the item counts peaks, the highest moment
        counts. ``place`` is the application, or none where the account adds up.
        """
        return SQL(
            """
            SELECT account_id, item_id, place, cycle, date, max(used) AS used
              FROM (SELECT usage.account_id, usage.item_id, item.cycle,
                           CASE item.scope WHEN 'application'
                                THEN usage.application_id END AS place,
                           CASE WHEN item.aggregation = ANY(%(by_instant)s)
                                THEN usage.start END AS instant,
                           CASE item.cycle WHEN 'day' THEN usage.date
                                ELSE (date_trunc('month', usage.date)
                                      + interval '1 month - 1 day')::date END AS date,
                           sum(usage.quantity) AS used
                      FROM trtc_usage usage
                      JOIN trtc_item item ON item.id = usage.item_id
                     WHERE usage.account_id = ANY(%(accounts)s) AND usage.state = 'current'
                       AND usage.is_held IS NOT TRUE
                       AND item.aggregation = ANY(%(aggregations)s)
                       AND item.cycle = ANY(%(cycles)s) AND item.scope = ANY(%(scopes)s)
                       AND usage.date >= date_trunc('month', %(date_from)s::date)
                       AND usage.date <= %(date_to)s
                     GROUP BY 1, 2, 3, 4, 5, 6) AS moment
             WHERE date BETWEEN %(date_from)s AND %(date_to)s
             GROUP BY 1, 2, 3, 4, 5
            """,
            accounts=accounts.ids,
            by_instant=[name for name, one in engine.AGGREGATIONS.items() if one.by_instant],
            aggregations=list(engine.AGGREGATIONS),
            cycles=list(engine.CYCLES),
            scopes=list(engine.SCOPES),
            date_from=date_from,
            date_to=date_to,
        )

    def _find_metered(self, accounts, date_from, date_to):
        """Find settled periods whose lines do not say the usage in force."""
        rows = self.env.execute_query(
            SQL(
                """
                WITH used AS (%(used)s),
                     metered AS (
                     SELECT line.account_id, line.item_id, line.application_id AS place,
                            statement.cycle, line.date, sum(line.metered_quantity) AS metered
                       FROM trtc_statement_line line
                       JOIN trtc_statement statement ON statement.id = line.statement_id
                      WHERE line.account_id = ANY(%(accounts)s) AND line.kind = 'usage'
                        AND line.date BETWEEN %(date_from)s AND %(date_to)s
                      GROUP BY 1, 2, 3, 4, 5),
                     pair AS (
                     SELECT coalesce(used.account_id, metered.account_id) AS account_id,
                            coalesce(used.item_id, metered.item_id) AS item_id,
                            coalesce(used.place, metered.place) AS place,
                            coalesce(used.cycle, metered.cycle) AS cycle,
                            coalesce(used.date, metered.date) AS date,
                            coalesce(used.used, 0) AS used,
                            coalesce(metered.metered, 0) AS metered
                       FROM used FULL JOIN metered
                         ON metered.account_id = used.account_id
                        AND metered.item_id = used.item_id
                        AND coalesce(metered.place, 0) = coalesce(used.place, 0)
                        AND metered.cycle = used.cycle AND metered.date = used.date)
                SELECT account_id, item_id, place, cycle, date, used::text, metered::text
                  FROM pair
                 WHERE used <> metered
                   AND (metered <> 0 OR EXISTS (
                        SELECT FROM trtc_statement statement
                         WHERE statement.account_id = pair.account_id
                           AND statement.cycle = pair.cycle AND statement.revision = 0
                           AND statement.date_to = pair.date))
                   AND NOT EXISTS (
                        SELECT FROM trtc_settlement_note note
                         WHERE note.account_id = pair.account_id AND note.item_id = pair.item_id
                           AND note.cycle = pair.cycle AND note.date_to = pair.date)
                 ORDER BY account_id, date, item_id, place
                """,
                used=self._get_used_query(accounts, date_from, date_to),
                accounts=accounts.ids,
                date_from=date_from,
                date_to=date_to,
            )
        )
        return [
            self._prepare_usage_finding(
                "metered",
                row,
                self.env._(
                    "%(account)s, %(item)s of %(place)s, %(date)s: the statements count other "
                    "usage than what is in force.",
                    **self._get_words(row),
                ),
                self.env._(
                    "Settled usage or a statement line was changed past the program. Find out by "
                    "whom, then send the usage of the period once more: what differs becomes an "
                    "adjustment."
                ),
                expected=Decimal(row[5]),
                found=Decimal(row[6]),
            )
            for row in rows
        ]

    def _find_gaps(self, accounts, date_from, date_to):
        """Find usage of past periods that is on no statement, and that nobody will settle."""
        company = accounts.company_id[:1] or self.env.company
        rows = self.env.execute_query(
            SQL(
                """
                SELECT used.account_id, used.item_id, used.place, used.cycle, used.date,
                       used.used::text
                  FROM (%(used)s) AS used
                 WHERE used.used <> 0 AND used.date <= %(ended)s
                   AND NOT EXISTS (
                        SELECT FROM trtc_statement statement
                         WHERE statement.account_id = used.account_id
                           AND statement.cycle = used.cycle AND statement.revision = 0
                           AND statement.date_to = used.date)
                   AND NOT EXISTS (
                        SELECT FROM trtc_settlement_note note
                         WHERE note.account_id = used.account_id
                           AND note.item_id = used.item_id
                           AND note.cycle = used.cycle AND note.date_to = used.date)
                   AND NOT EXISTS (
                        SELECT FROM trtc_statement_line line
                         WHERE line.account_id = used.account_id
                           AND line.item_id = used.item_id AND line.date = used.date)
                 ORDER BY used.account_id, used.date, used.item_id, used.place
                """,
                used=self._get_used_query(accounts, date_from, date_to),
                ended=company._trtc_last_ended_day(),
            )
        )
        return [
            self._prepare_usage_finding(
                "gap",
                row,
                self.env._(
                    "%(account)s, %(item)s of %(place)s, %(date)s: this usage is on no "
                    "statement, and nothing says that it is to be settled.",
                    **self._get_words(row),
                ),
                self.env._(
                    "A statement, or the note that the usage came in, was removed past the "
                    "program. Send one record of the period once more with another quantity and "
                    "then with the right one, and settle: the whole period is rated then."
                ),
                expected=Decimal(row[5]),
                found=Decimal(0),
            )
            for row in rows
        ]

    def _find_parts(self, accounts, date_from, date_to):
        """Find lines that do not add up in themselves, or with the ledger of minutes."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT line.account_id, line.item_id, line.application_id, statement.cycle,
                       line.date, line.id, line.quantity::text,
                       (line.free_quantity + line.pack_quantity + line.locked_quantity
                        + line.billable_quantity)::text,
                       line.pack_quantity::text, coalesce(drawn.units, 0)::text,
                       line.amount::text,
                       round(line.billable_quantity * line.price_unit, 8)::text
                  FROM trtc_statement_line line
                  JOIN trtc_statement statement ON statement.id = line.statement_id
             LEFT JOIN (SELECT draw.statement_line_id, sum(draw.units) AS units
                          FROM trtc_pack_draw draw
                          JOIN trtc_minute_pack pack ON pack.id = draw.pack_id
                         WHERE pack.account_id = ANY(%(accounts)s) AND pack.kind <> 'free'
                         GROUP BY 1) AS drawn ON drawn.statement_line_id = line.id
                 WHERE line.account_id = ANY(%(accounts)s)
                   AND line.date BETWEEN %(date_from)s AND %(date_to)s
                   AND (line.quantity <> line.free_quantity + line.pack_quantity
                                         + line.locked_quantity + line.billable_quantity
                        OR line.pack_quantity <> coalesce(drawn.units, 0)
                        OR abs(line.amount - line.billable_quantity * line.price_unit)
                           > 0.00000002)
                 ORDER BY line.account_id, line.date, line.id
                """,
                accounts=accounts.ids,
                date_from=date_from,
                date_to=date_to,
            )
        )
        findings = []
        for row in rows:
            line, quantity, parts, pack, drawn, amount, product = row[5:]
            words = self._get_words(row)
            pairs = (
                (
                    "parts",
                    parts,
                    quantity,
                    self.env._(
                        "%(account)s, %(item)s of %(place)s, %(date)s: free, drawn, locked and "
                        "billable units do not add up to the quantity of the line.",
                        **words,
                    ),
                ),
                (
                    "drawn",
                    drawn,
                    pack,
                    self.env._(
                        "%(account)s, %(item)s of %(place)s, %(date)s: the line says other units "
                        "from packs than the ledger of minutes.",
                        **words,
                    ),
                ),
                (
                    "parts",
                    product,
                    amount,
                    self.env._(
                        "%(account)s, %(item)s of %(place)s, %(date)s: the amount of the line is "
                        "not its billable quantity at its price.",
                        **words,
                    ),
                ),
            )
            for kind, expected, found, message in pairs:
                expected, found = Decimal(expected), Decimal(found)
                if abs(expected - found) > Decimal("0.00000002"):
                    findings.append(
                        self._prepare_finding(
                            kind,
                            message,
                            self._get_advice_for_lines(),
                            "trtc.statement.line",
                            [("id", "=", line)],
                            expected=expected,
                            found=found,
                            **self._get_places(row),
                        )
                    )
        return findings

    def _find_misplaced(self, accounts, date_from, date_to):
        """Find lines that say another account, company or period than their statement."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT line.account_id, line.item_id, line.application_id, statement.cycle,
                       line.date, line.id, statement.name
                  FROM trtc_statement_line line
                  JOIN trtc_statement statement ON statement.id = line.statement_id
                  JOIN trtc_account account ON account.id = statement.account_id
             LEFT JOIN trtc_application app ON app.id = line.application_id
                 WHERE (line.account_id = ANY(%(accounts)s)
                        OR statement.account_id = ANY(%(accounts)s))
                   AND (line.date BETWEEN %(date_from)s AND %(date_to)s
                        OR statement.date_to BETWEEN %(date_from)s AND %(date_to)s)
                   AND (line.account_id <> statement.account_id
                        OR app.account_id <> statement.account_id
                        OR line.company_id <> account.company_id
                        OR statement.company_id <> account.company_id
                        OR line.currency_id <> statement.currency_id
                        OR line.date NOT BETWEEN statement.date_from AND statement.date_to)
                 ORDER BY line.id
                """,
                accounts=accounts.ids,
                date_from=date_from,
                date_to=date_to,
            )
        )
        return [
            self._prepare_finding(
                "misplaced",
                self.env._(
                    "%(account)s, %(item)s of %(place)s, %(date)s: account, company, currency or "
                    "day of the line do not belong to its statement %(statement)s.",
                    statement=row[6],
                    **self._get_words(row),
                ),
                self._get_advice_for_lines(),
                "trtc.statement.line",
                [("id", "=", row[5])],
                **self._get_places(row),
            )
            for row in rows
        ]

    def _find_statement_sums(self, accounts, date_from, date_to):
        """Find statements whose amount is not the sum of their lines."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT statement.id, statement.name, statement.account_id, statement.date_from,
                       statement.date_to, statement.amount_untaxed::text,
                       coalesce(sum(line.amount), 0)::text
                  FROM trtc_statement statement
             LEFT JOIN trtc_statement_line line ON line.statement_id = statement.id
                 WHERE statement.account_id = ANY(%(accounts)s)
                   AND statement.date_to BETWEEN %(date_from)s AND %(date_to)s
                 GROUP BY statement.id
                -- The stored sum is a float: it says 15 digits.
                HAVING abs(coalesce(statement.amount_untaxed, 0) - coalesce(sum(line.amount), 0))
                       > 0.00000001 + abs(coalesce(sum(line.amount), 0)) * 1e-13
                 ORDER BY statement.id
                """,
                accounts=accounts.ids,
                date_from=date_from,
                date_to=date_to,
            )
        )
        return [
            self._prepare_finding(
                "statement",
                self.env._(
                    "The amount of statement %(statement)s is not the sum of its lines.",
                    statement=name,
                ),
                self._get_advice_for_lines(),
                "trtc.statement",
                [("id", "=", statement_id)],
                account_id=account_id,
                date_from=first,
                date_to=last,
                expected=Decimal(total),
                found=Decimal(stored or 0),
            )
            for statement_id, name, account_id, first, last, stored, total in rows
        ]

    # === TOOLING === #

    def _get_advice_for_lines(self):
        return self.env._(
            "The figures were changed past the program: statements do not change otherwise. Find "
            "out by whom, and restore the row from a backup."
        )

    def _get_places(self, row):
        """Return the values of a finding that say where it is.

        :param row: (account id, item id, application id, cycle, last day of the period, ...)
        """
        account_id, item_id, application_id, cycle, day, *_rest = row
        first, last = periods.period_of(day, cycle or periods.DAY)
        return {
            "account_id": account_id,
            "item_id": item_id,
            "application_id": application_id,
            "date_from": first,
            "date_to": last,
        }

    def _get_words(self, row):
        """Return the words of a message that say the same."""
        account_id, item_id, application_id, cycle, day, *_rest = row
        application = self.env["trtc.application"].browse(application_id)
        place = application.display_name if application else self.env._("all applications")
        pattern = "MMMM yyyy" if cycle == periods.MONTH else False
        return {
            "account": self.env["trtc.account"].browse(account_id).display_name,
            "item": self.env["trtc.item"].browse(item_id).name,
            "place": place,
            "date": format_date(self.env, day, date_format=pattern),
        }

    def _prepare_usage_finding(self, kind, row, message, to_do, **vals):
        """Return the values of a finding that opens the usage of a period.

        Where none is left, it opens the statement lines.
        """
        places = self._get_places(row)
        domain = [
            ("account_id", "=", places["account_id"]),
            ("item_id", "=", places["item_id"]),
            ("date", ">=", places["date_from"].isoformat()),
            ("date", "<=", places["date_to"].isoformat()),
        ]
        if places["application_id"]:
            domain.append(("application_id", "=", places["application_id"]))
        model = "trtc.usage" if vals["expected"] else "trtc.statement.line"
        if model == "trtc.usage":
            domain += [("state", "=", "current"), ("is_held", "=", False)]
        return self._prepare_finding(kind, message, to_do, model, domain, **places, **vals)
