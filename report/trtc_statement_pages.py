"""A statement of any size: its lines page by page, what they come to by the database."""

from decimal import Decimal
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL

from ..models.figures import to_decimal

#: The PDF lists and explains the lines of a statement up to so many; beyond, it adds them up.
PRINTED_LINES = 100
#: Per application and billing item up to so many rows; beyond, per billing item.
PRINTED_SUMS = 250
#: An adjustment names every draw of minutes up to so many; beyond, it adds them up per pack.
MOVES_SHOWN = 100
#: Totals are told per day for so many days.
DAYS_SHOWN = 62

#: Applications by number, what the whole account used first; then as in the catalogue.
ORDER = SQL(
    "app.id IS NOT NULL, length(app.sdkappid), app.sdkappid, app.id,"
    " item.sequence, item.id, line.kind, line.date, line.id"
)
SUMS = SQL(
    "sum(line.metered_quantity)::text, sum(line.quantity)::text, sum(line.free_quantity)::text,"
    " sum(line.pack_quantity)::text, sum(line.locked_quantity)::text,"
    " sum(line.billable_quantity)::text, sum(line.amount)::text, count(*)"
)


class Totals(NamedTuple):
    """What all lines of a statement come to; ``decimals`` are those of the longest amount."""

    count: int
    amount: Decimal
    decimals: int
    free_quantity: bool
    pack_quantity: bool
    locked_quantity: bool


class Sum(NamedTuple):
    """What lines of a billing item come to, of one application or of all."""

    application: object
    item: object
    kind: str
    metered: Decimal
    quantity: Decimal
    free_quantity: Decimal
    pack_quantity: Decimal
    locked_quantity: Decimal
    billable: Decimal
    amount: Decimal
    count: int


class Day(NamedTuple):
    """What the lines of a day come to."""

    date: object
    amount: Decimal
    count: int


class Move(NamedTuple):
    """Minutes that an adjustment took from a pack or gave back, of one line or in all."""

    date: object
    application: object
    item: object
    minutes: Decimal


class TrtcStatement(models.Model):
    # Beside its document: what grows with the number of lines.
    _inherit = "trtc.statement"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    def _get_totals(self):
        """Return the :class:`Totals` of this statement."""
        self.ensure_one()
        self.env["trtc.statement.line"].flush_model()
        [(count, amount, *rest)] = self.env.execute_query(
            SQL(
                """
                SELECT count(*), coalesce(sum(amount), 0)::text,
                       coalesce(max(scale(trim_scale(amount))), 0),
                       coalesce(bool_or(free_quantity <> 0), FALSE),
                       coalesce(bool_or(pack_quantity <> 0), FALSE),
                       coalesce(bool_or(locked_quantity <> 0), FALSE)
                  FROM trtc_statement_line
                 WHERE statement_id = %s
                """,
                self.id,
            )
        )
        return Totals(count, to_decimal(Decimal(amount)), *rest)

    def _get_lines(self, limit, offset=0):
        """Return some lines of this statement, in the order in which it shows them."""
        self.ensure_one()
        rows = self.env.execute_query(
            SQL(
                "SELECT line.id FROM %s WHERE line.statement_id = %s ORDER BY %s"
                " LIMIT %s OFFSET %s",
                self._get_lines_from(),
                self.id,
                ORDER,
                limit,
                offset,
            )
        )
        return self.env["trtc.statement.line"].browse(line_id for (line_id,) in rows)

    def _get_lines_from(self):
        """Return the tables of lines, each with its item and application."""
        for name in ("trtc.statement.line", "trtc.item", "trtc.application"):
            self.env[name].flush_model()
        return SQL(
            "trtc_statement_line line"
            " JOIN trtc_item item ON item.id = line.item_id"
            " LEFT JOIN trtc_application app ON app.id = line.application_id"
        )

    def _get_application_amounts(self, applications, with_whole):
        """Return {application id or False: exact amount} of all lines of some applications.

        :param bool with_whole: also of lines of the account as a whole
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT application_id, sum(amount)::text
                  FROM trtc_statement_line
                 WHERE statement_id = %s
                   AND (application_id = ANY(%s) OR %s AND application_id IS NULL)
                 GROUP BY application_id
                """,
                self.id,
                applications.ids,
                with_whole,
            )
        )
        return {
            application_id or False: to_decimal(Decimal(amount))
            for application_id, amount in rows
        }

    def _get_sums(self, by_application=False, limit=None):
        """Return the :class:`Sum` tuples of this statement, per billing item.

        :param bool by_application: per application, too
        """
        self.ensure_one()
        place = SQL("app.id") if by_application else SQL("NULL::int")
        order = (
            SQL("app.id IS NOT NULL, length(app.sdkappid), app.sdkappid, app.id,")
            if by_application
            else SQL()
        )
        rows = self.env.execute_query(
            SQL(
                """
                SELECT %(place)s, item.id, line.kind, %(sums)s
                  FROM %(tables)s
                 WHERE line.statement_id = %(statement)s
                 GROUP BY %(places)s item.sequence, item.id, line.kind
                 ORDER BY %(order)s item.sequence, item.id, line.kind
                 LIMIT %(limit)s
                """,
                place=place,
                places=SQL("app.id, app.sdkappid,") if by_application else SQL(),
                sums=SUMS,
                tables=self._get_lines_from(),
                statement=self.id,
                order=order,
                limit=limit,
            )
        )
        env = self.sudo().env
        items = env["trtc.item"].browse(row[1] for row in rows)
        applications = env["trtc.application"]
        found = applications.browse({row[0] for row in rows if row[0]})
        found = {application.id: application for application in found}
        return [
            Sum(
                found.get(application_id, applications),
                item,
                kind,
                *(to_decimal(Decimal(figure)) for figure in figures),
                count,
            )
            for item, (application_id, _item, kind, *figures, count) in zip(
                items, rows, strict=True
            )
        ]

    def _get_days(self):
        """Return the :class:`Day` tuples of a statement of several days; none of too many."""
        self.ensure_one()
        if self.date_from == self.date_to or self.cycle == "month":
            return []
        rows = self.env.execute_query(
            SQL(
                """
                SELECT date, sum(amount)::text, count(*)
                  FROM trtc_statement_line
                 WHERE statement_id = %s
                 GROUP BY date ORDER BY date LIMIT %s
                """,
                self.id,
                DAYS_SHOWN + 1,
            )
        )
        if not 1 < len(rows) <= DAYS_SHOWN:
            return []
        return [Day(day, to_decimal(Decimal(amount)), count) for day, amount, count in rows]

    def _get_moves(self):
        """Return, for an adjustment, what it gave back to packs and took from them.

        A list of ``{"pack", "draws", "minutes"}`` in the order of the packs; ``draws`` are
        :class:`Move` tuples in the order of days, and ``minutes`` is their exact sum. Of
        very many draws, each pack has one that gives back and one that takes.
        """
        self.ensure_one()
        if not self.is_adjustment:
            return []
        self.env["trtc.pack.draw"].flush_model()
        tables = SQL(
            "trtc_pack_draw draw JOIN trtc_statement_line line ON line.id = draw.statement_line_id"
        )
        rows = self.env.execute_query(
            SQL(
                """
                SELECT draw.pack_id, count(*), sum(draw.minutes)::text,
                       sum(draw.minutes) FILTER (WHERE draw.minutes < 0)::text,
                       sum(draw.minutes) FILTER (WHERE draw.minutes >= 0)::text
                  FROM %s WHERE line.statement_id = %s GROUP BY draw.pack_id
                """,
                tables,
                self.id,
            )
        )
        env = self.sudo().env
        packs = env["trtc.minute.pack"].browse(row[0] for row in rows)
        if sum(row[1] for row in rows) <= MOVES_SHOWN:
            draws = env["trtc.pack.draw"].search(
                [("statement_line_id.statement_id", "=", self.id)], limit=MOVES_SHOWN
            )
            by_pack = {
                pack: [
                    Move(draw.date, draw.application_id, draw.item_id, to_decimal(draw.minutes))
                    for draw in found.sorted(
                        lambda draw: (draw.date, draw.item_id.sequence, draw.id)
                    )
                ]
                for pack, found in draws.grouped("pack_id").items()
            }
        else:
            nothing = env["trtc.application"], env["trtc.item"]
            by_pack = {
                pack: [
                    Move(None, *nothing, to_decimal(Decimal(minutes)))
                    for minutes in sides
                    if minutes
                ]
                for pack, (*_rest, back, taken) in zip(packs, rows, strict=True)
                for sides in [(back, taken)]
            }
        sums = {row[0]: to_decimal(Decimal(row[2])) for row in rows}
        return [
            {"pack": pack, "draws": by_pack[pack], "minutes": sums[pack.id]}
            for pack in sorted(packs, key=lambda pack: pack._get_order())
        ]

    def _iterate_lines(self, size=2000):
        """Yield every line of this statement as a tuple, some thousand at a time in memory.

        (SDKAppID, application, item id, kind, status, day, metered, quantity, free, from
        packs, locked or waived, billed, unit price, amount); figures are exact Decimals.
        """
        self.ensure_one()
        query = SQL(
            """
            DECLARE trtc_lines NO SCROLL CURSOR FOR
            SELECT app.sdkappid, app.name, line.item_id, line.kind, line.status, line.date,
                   line.metered_quantity, line.quantity, line.free_quantity,
                   line.pack_quantity, line.locked_quantity, line.billable_quantity,
                   line.price_unit, line.amount
              FROM %s WHERE line.statement_id = %s ORDER BY %s
            """,
            self._get_lines_from(),
            self.id,
            ORDER,
        )
        cr = self.env.cr
        cr.execute(query)
        try:
            while rows := self.env.execute_query(SQL("FETCH %s FROM trtc_lines", size)):
                yield from rows
        finally:
            cr.execute(SQL("CLOSE trtc_lines"))
