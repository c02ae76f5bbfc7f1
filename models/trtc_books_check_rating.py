from decimal import Decimal

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from ..rating import charges as rating
from ..rating import periods
from .price_book import PriceBook
from .trtc_books_check import DIFFERENCE, INFORMATION


class TrtcBooksCheck(models.Model):
    # A room of its own: statements against a fresh rating, and packs against their ledger.
    _inherit = "trtc.books.check"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _find_rating(self, accounts, date_from, date_to):
        """Find settled periods that a rating of all their usage would charge otherwise."""
        findings, book = [], PriceBook()
        for account in accounts:
            account = account.company_id._trtc_in_billing_time(account)
            try:
                items = self.env["trtc.item"].browse(self._get_used_items(account))
                items._check_metering()
            except UserError as error:
                findings.append(
                    self._prepare_unrated(account, date_from, date_to, error, DIFFERENCE)
                )
                continue
            for cycle in (periods.DAY, periods.MONTH):
                try:
                    findings += self._find_rating_of(account, cycle, date_from, date_to, book)
                except UserError as error:
                    findings.append(self._prepare_unrated(account, date_from, date_to, error))
        return findings

    def _find_rating_of(self, account, cycle, date_from, date_to, book):
        window = self._get_settled_window(account, cycle, date_from, date_to)
        if not window:
            return []
        wide = account._get_rating_window(cycle, window, date_to)
        noted = self._get_noted(account, cycle)
        shared = wide != window
        wide &= self._get_settled_window(account, cycle, None, None)
        first_noted = min((first for (first, _last), _item in noted & wide), default=None)
        if shared and first_noted:
            # What waits there changes the steps of its month, and what is left for later days.
            month, _end = periods.period_of(first_noted, periods.MONTH)
            window = {key for key in window if key[0][0] < month}
        compared = {(period, item.code) for period, item in window - noted}
        if not compared:
            return []
        fresh = account._rate(cycle, wide, book)
        settled = account._get_settled_charges(cycle, wide)
        # Settlement looks at what waits each time: there may be a decision or a price now.
        decided = self._get_pending(settled) - self._get_pending(fresh)
        return [
            self._prepare_charge(account, cycle, charge)
            for charge in rating.difference(fresh, settled)
            if (charge.period, charge.item) in compared - decided
        ]

    def _get_pending(self, charges):
        """Return {(period, item code)} of charges that wait for a decision or a price."""
        return {
            (charge.period, charge.item)
            for charge in rating.total(charges).values()
            if charge.status in (rating.LOCKED, rating.UNPRICED) and charge.quantity
        }

    def _get_settled_window(self, account, cycle, date_from, date_to):
        """Return {(period, item)} of the settled periods that end between two days."""
        domain = [
            ("account_id", "=", account.id),
            ("cycle", "=", cycle),
            ("revision", "=", 0),
        ]
        if date_from:
            domain += [("date_to", ">=", date_from), ("date_to", "<=", date_to)]
        settled = self.env["trtc.statement"].search_fetch(domain, ["date_from", "date_to"])
        items = self.env["trtc.item"].with_context(active_test=False).search(
            [("cycle", "=", cycle), ("id", "in", self._get_used_items(account))]
        )
        return {
            ((statement.date_from, statement.date_to), item)
            for statement in settled
            for item in items
        }

    def _get_used_items(self, account):
        """Return the ids of the items that an account has usage or statement lines of."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT item_id FROM trtc_usage
                 WHERE account_id = %(account)s AND state = 'current' AND item_id IS NOT NULL
                   AND is_held IS NOT TRUE
                 UNION
                SELECT item_id FROM trtc_statement_line WHERE account_id = %(account)s
                """,
                account=account.id,
            )
        )
        return [item_id for (item_id,) in rows]

    def _get_noted(self, account, cycle):
        """Return {(period, item)} of what is to be settled again."""
        notes = self.env["trtc.settlement.note"].search(
            [("account_id", "=", account.id), ("cycle", "=", cycle)]
        )
        return {((note.date_from, note.date_to), note.item_id) for note in notes}

    def _prepare_charge(self, account, cycle, charge):
        """Return the finding of a charge that a fresh rating gives and no statement has."""
        item = self.env["trtc.item"].with_context(active_test=False).search(
            [("code", "=", charge.item)], limit=1
        )
        application = account.with_context(active_test=False).application_ids.filtered(
            lambda one: one.sdkappid == charge.application
        )
        row = (account.id, item.id, application.id, cycle, charge.period[1])
        window = {(charge.period, item)}
        settled = sum(
            (one.amount for one in account._get_settled_charges(cycle, window)
             if one.key == charge.key),
            Decimal(0),
        )  # fmt: skip
        statuses = dict(
            self.env["trtc.statement.line"]._fields["status"]._description_selection(self.env)
        )
        return self._prepare_finding(
            "rating",
            self.env._(
                "%(account)s, %(item)s of %(place)s, %(date)s: rated once more, %(quantity)s "
                "units (%(status)s, price %(price)s) differ from what is settled, and of them "
                "%(free)s free, %(pack)s from packs, %(billable)s billable.",
                quantity=f"{charge.quantity.normalize():+f}",
                status=statuses[charge.status],
                price=f"{charge.price.normalize():f}",
                free=f"{charge.free.normalize():+f}",
                pack=f"{charge.pack.normalize():+f}",
                billable=f"{charge.billable.normalize():+f}",
                **self._get_words(row),
            ),
            self.env._(
                "What the statements rest on is not what it was: usage, lines or minutes were "
                "changed past the program, or the item's block size or free quantity in its "
                "settings. Find out which; to correct the statements, send the usage of the "
                "period once more and settle."
            ),
            *self._get_rated_records(account, item, charge.period),
            expected=settled + charge.amount,
            found=settled,
            **self._get_places(row),
        )

    def _get_rated_records(self, account, item, period):
        """Return (model, domain) of the lines of a period, or of its usage where it has none."""
        first, last = period
        domain = [("account_id", "=", account.id), ("item_id", "=", item.id)]
        lines = [*domain, ("date", "=", last.isoformat())]
        if self.env["trtc.statement.line"].search_count(lines, limit=1):
            return "trtc.statement.line", lines
        days = [("date", ">=", first.isoformat()), ("date", "<=", last.isoformat())]
        return "trtc.usage", [*domain, *days, ("state", "=", "current"), ("is_held", "=", False)]

    def _prepare_unrated(self, account, date_from, date_to, error, severity=INFORMATION):
        """Return the remark that an account could not be rated."""
        return self._prepare_finding(
            "waiting",
            self.env._(
                "%(account)s could not be rated once more: %(error)s",
                account=account.display_name,
                error=str(error),
            ),
            self.env._("Mend what the message names and check the books again."),
            "trtc.account",
            [("id", "=", account.id)],
            account_id=account.id,
            date_from=date_from,
            date_to=date_to,
            severity=severity,
        )

    def _find_minutes(self, accounts, date_from, date_to):
        """Find packs that gave less than nothing, or more than they hold."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT pack.id, pack.account_id, pack.application_id, pack.date_start,
                       pack.date_end, pack.minutes::text, coalesce(pack.minutes_drawn, 0)::text,
                       coalesce(sum(draw.minutes), 0)::text
                  FROM trtc_minute_pack pack
             LEFT JOIN trtc_pack_draw draw ON draw.pack_id = pack.id
                 WHERE pack.account_id = ANY(%(accounts)s)
                   AND pack.date_start <= %(date_to)s AND pack.date_end >= %(date_from)s
                 GROUP BY pack.id
                HAVING coalesce(pack.minutes_drawn, 0) <> coalesce(sum(draw.minutes), 0)
                    OR coalesce(sum(draw.minutes), 0) NOT BETWEEN 0 AND pack.minutes
                 ORDER BY pack.id
                """,
                accounts=accounts.ids,
                date_from=date_from,
                date_to=date_to,
            )
        )
        findings = []
        for pack_id, account_id, application_id, first, last, minutes, stored, drawn in rows:
            pack = self.env["trtc.minute.pack"].browse(pack_id)
            minutes, stored, drawn = map(Decimal, (minutes, stored, drawn))
            words = {"pack": pack.display_name, "date": format_date(self.env, first)}
            if drawn > minutes or drawn < 0:
                message = self.env._(
                    "%(pack)s of %(date)s: the ledger takes more minutes than the pack holds, or "
                    "less than none.",
                    **words,
                )
                expected, found = max(min(drawn, minutes), Decimal(0)), drawn
            else:
                message = self.env._(
                    "%(pack)s of %(date)s says other minutes drawn than its ledger.", **words
                )
                expected, found = drawn, stored
            findings.append(
                self._prepare_finding(
                    "minutes",
                    message,
                    self._get_advice_for_lines(),
                    "trtc.minute.pack",
                    [("id", "=", pack_id)],
                    account_id=account_id,
                    application_id=application_id,
                    date_from=first,
                    date_to=last,
                    expected=expected,
                    found=found,
                )
            )
        return findings

    def _find_drawn(self, accounts, date_from, date_to):
        """Find draws of minutes from a pack of another account, application or time."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT line.account_id, line.item_id, line.application_id, statement.cycle,
                       line.date, draw.id, pack.id
                  FROM trtc_pack_draw draw
                  JOIN trtc_statement_line line ON line.id = draw.statement_line_id
                  JOIN trtc_statement statement ON statement.id = line.statement_id
                  JOIN trtc_minute_pack pack ON pack.id = draw.pack_id
                 WHERE line.account_id = ANY(%(accounts)s)
                   AND line.date BETWEEN %(date_from)s AND %(date_to)s
                   AND (pack.account_id <> line.account_id OR draw.date <> line.date
                        OR draw.item_id <> line.item_id
                        OR draw.application_id <> line.application_id
                        OR draw.statement_id <> line.statement_id)
                 ORDER BY draw.id
                """,
                accounts=accounts.ids,
                date_from=date_from,
                date_to=date_to,
            )
        )
        return [
            self._prepare_finding(
                "drawn",
                self.env._(
                    "%(account)s, %(item)s of %(place)s, %(date)s: the ledger of minutes says "
                    "another account, day, item or application than the line that drew.",
                    **self._get_words(row),
                ),
                self._get_advice_for_lines(),
                "trtc.pack.draw",
                [("id", "=", row[5])],
                **self._get_places(row),
            )
            for row in rows
        ]
