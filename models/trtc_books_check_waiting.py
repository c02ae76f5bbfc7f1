from decimal import Decimal

from odoo import models
from odoo.tools import SQL, format_date

from .figures import show_figure
from .trtc_books_check import INFORMATION


class TrtcBooksCheck(models.Model):
    # A room of its own: what is no difference, and good to know before a month is closed.
    _inherit = "trtc.books.check"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _find_waiting(self, accounts, date_from, date_to):
        """Return remarks about what is not settled, not decided, left out, or done by hand."""
        return [
            *self._remark_unsettled(accounts, date_from, date_to),
            *self._remark_pending(accounts, date_from, date_to),
            *self._remark_held(accounts, date_from, date_to),
            *self._remark_parked(accounts),
            *self._remark_by_hand(accounts, date_from, date_to),
        ]

    def _remark_unsettled(self, accounts, date_from, date_to):
        groups = self.env["trtc.settlement.note"]._read_group(
            [
                ("account_id", "in", accounts.ids),
                ("date_to", ">=", date_from),
                ("date_to", "<=", date_to),
            ],
            ["account_id"],
            ["date_from:min", "date_to:max"],
        )
        return [
            self._prepare_remark(
                "waiting",
                self.env._(
                    "%(account)s has periods between %(date_from)s and %(date_to)s whose usage, "
                    "or what it is rated by, changed since they were settled.",
                    account=account.display_name,
                    date_from=format_date(self.env, first),
                    date_to=format_date(self.env, last),
                ),
                self.env._(
                    "Settle, and check again: until then these periods are not compared, nor "
                    "later ones that share minutes or price steps with them."
                ),
                "trtc.usage",
                [
                    ("account_id", "=", account.id),
                    ("date", ">=", first.isoformat()),
                    ("date", "<=", last.isoformat()),
                    ("state", "=", "current"),
                    ("is_held", "=", False),
                ],
                account_id=account.id,
                date_from=first,
                date_to=last,
            )
            for account, first, last in groups
        ]

    def _remark_pending(self, accounts, date_from, date_to):
        groups = self.env["trtc.statement.line"]._read_group(
            [
                ("account_id", "in", accounts.ids),
                ("date", ">=", date_from),
                ("date", "<=", date_to),
                ("is_pending", "=", True),
            ],
            ["account_id", "item_id", "status"],
            ["date:min", "date:max", "quantity:sum", "id:array_agg"],
        )
        statuses = dict(
            self.env["trtc.statement.line"]._fields["status"]._description_selection(self.env)
        )
        return [
            self._prepare_remark(
                "waiting",
                self.env._(
                    "%(account)s, %(item)s: %(quantity)s units wait (%(status)s) and are on no "
                    "invoice.",
                    account=account.display_name,
                    item=item.name,
                    quantity=show_figure(self.env, quantity),
                    status=statuses[status],
                ),
                self.env._("Decide under Billing / To Decide, or give the item a price."),
                "trtc.statement.line",
                [("id", "in", ids)],
                account_id=account.id,
                item_id=item.id,
                date_from=first,
                date_to=last,
            )
            for account, item, status, first, last, quantity, ids in groups
        ]

    def _remark_held(self, accounts, date_from, date_to):
        """Return remarks about old usage that waits for a person."""
        domain = [
            *self.env["trtc.usage"]._get_to_check_domain(),
            ("date", ">=", date_from.isoformat()),
            ("date", "<=", date_to.isoformat()),
        ]
        groups = self.env["trtc.usage"]._read_group(
            [*domain, ("account_id", "in", accounts.ids)],
            ["account_id"],
            ["__count", "date:min", "date:max"],
        )
        return [
            self._prepare_remark(
                "waiting",
                self.env._(
                    "%(account)s: %(count)s usage records are older than expected and wait for a "
                    "decision. No statement counts them.",
                    account=account.display_name,
                    count=count,
                ),
                self.env._("Decide under Usage / To Check."),
                "trtc.usage",
                [*domain, ("account_id", "=", account.id)],
                account_id=account.id,
                date_from=first,
                date_to=last,
            )
            for account, count, first, last in groups
        ]

    def _remark_parked(self, accounts):
        return [
            self._prepare_remark(
                "parked",
                self.env._(
                    "%(account)s is left out of automatic runs: %(error)s",
                    account=account.display_name,
                    error=account.billing_error or "",
                ),
                self.env._("Mend what the message names, and run it for the account by hand."),
                "trtc.account",
                [("id", "=", account.id)],
                account_id=account.id,
            )
            for account in accounts.filtered("billing_error")
        ]

    def _remark_by_hand(self, accounts, date_from, date_to):
        rows = self.env.execute_query(
            SQL(
                """
                SELECT move.id, coalesce(held.account_id, move.trtc_account_id), moves.day,
                       (held.amount + sums.added
                        * CASE move.move_type WHEN 'out_refund' THEN -1 ELSE 1 END)::text
                  FROM (%(moves)s) AS moves
                  JOIN account_move move ON move.id = moves.id AND move.state = 'posted'
                  JOIN res_currency currency ON currency.id = move.currency_id
            CROSS JOIN LATERAL (
                       SELECT min(row.account_id) AS account_id, count(*) AS count,
                              coalesce(sum(row.amount), 0) AS amount
                         FROM trtc_allocation row
                        WHERE row.move_id = move.id AND row.kind = 'manual'
                          AND row.released IS NOT TRUE) AS held
            CROSS JOIN LATERAL (
                       SELECT %(added)s AS added
                         FROM account_move_line line WHERE line.move_id = move.id) AS sums
                 WHERE held.count > 0 OR sums.added <> 0
                 ORDER BY move.id
                """,
                moves=self._get_moves_query(accounts, date_from, date_to),
                added=self.env["account.move.line"]._trtc_get_added_sql(),
            )
        )
        return [
            self._prepare_remark(
                "by_hand",
                self.env._(
                    "%(invoice)s was changed by hand, by %(amount)s against the statements.",
                    invoice=self.env["account.move"].browse(move_id).display_name,
                    amount=show_figure(self.env, Decimal(amount)),
                ),
                self.env._("Nothing, where that was agreed with the customer."),
                "account.move",
                [("id", "=", move_id)],
                account_id=account_id,
                date_to=day,
            )
            for move_id, account_id, day, amount in rows
        ]

    def _find_unassigned(self, company, date_from, date_to):
        """Return the remarks about usage of an unknown application or billing item."""
        domain = [
            ("company_id", "=", company.id),
            ("state", "=", "current"),
            ("date", ">=", date_from),
            ("date", "<=", date_to),
            "|",
            ("application_id", "=", False),
            ("item_id", "=", False),
        ]
        groups = self.env["trtc.usage"]._read_group(
            domain, ["sdkappid", "item_code"], ["__count", "date:min", "date:max"]
        )
        return [
            self._prepare_remark(
                "waiting",
                self.env._(
                    "%(count)s usage records of SDKAppID %(sdkappid)s, item %(item)s, belong to "
                    "no application or billing item: nobody is billed for them.",
                    count=count,
                    sdkappid=sdkappid,
                    item=code,
                ),
                self.env._("Create the application or the item: the usage is adopted then."),
                "trtc.usage",
                [
                    ("company_id", "=", company.id),
                    ("state", "=", "current"),
                    ("sdkappid", "=", sdkappid),
                    ("item_code", "=", code),
                ],
                date_from=first,
                date_to=last,
            )
            for sdkappid, code, count, first, last in groups
        ]

    # === TOOLING === #

    def _prepare_remark(self, *args, **vals):
        return self._prepare_finding(*args, **vals, severity=INFORMATION)
