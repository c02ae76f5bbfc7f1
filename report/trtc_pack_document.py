from decimal import Decimal
from typing import NamedTuple

from odoo import api, models
from odoo.tools import SQL, format_date

#: States of a pack that will never be drawn from again.
CLOSED = ("expired", "refunded")


class Balance(NamedTuple):
    """Exact minutes of a pack; ``minutes`` of a refunded one are those that were sold.

    Of a pack that went on with its account to another customer, what is left of it then.
    """

    minutes: Decimal
    drawn: Decimal
    left: Decimal


class LedgerRow(NamedTuple):
    """What one statement line drew; ``left`` is what remained at the end of that day."""

    draw: object
    units: Decimal
    minutes: Decimal
    left: Decimal


class TrtcMinutePack(models.Model):
    # What customers read of a pack.
    _inherit = "trtc.minute.pack"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    def _get_balances(self):
        """Return {pack: its exact :class:`Balance`}."""
        self.flush_model(["minutes", "minutes_drawn", "minutes_sold"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT pack.id, (greatest(minutes, minutes_sold) - before.minutes_drawn)::text,
                       (coalesce(pack.minutes_drawn, 0) - before.minutes_drawn)::text,
                       (minutes - coalesce(pack.minutes_drawn, 0))::text
                  FROM trtc_minute_pack pack, LATERAL (%s) AS before(minutes_drawn)
                 WHERE pack.id = ANY(%s)
                """,
                self._get_drawn_before_query(),
                self.ids,
            )
        )
        found = {}
        for pack_id, *figures in rows:
            found[pack_id] = Balance(*map(Decimal, figures))
        return {pack: found[pack.id] for pack in self}

    def _get_drawn_before_query(self):
        """Return the query of the minutes that former customers drew from a ``pack``."""
        self.env["trtc.pack.draw"].flush_model()
        self.env["trtc.account.customer"].flush_model()
        return SQL(
            """
            SELECT coalesce(sum(draw.minutes), 0)
              FROM trtc_pack_draw draw
             WHERE draw.pack_id = pack.id
               AND draw.commercial_partner_id <> pack.commercial_partner_id
               AND EXISTS (SELECT FROM trtc_account_customer former
                            WHERE former.account_id = pack.account_id)
            """
        )

    def _count_ledger(self):
        """Return how many rows :meth:`_get_ledger` has."""
        self.ensure_one()
        return self.env["trtc.pack.draw"].search_count(
            [
                ("pack_id", "=", self.id),
                ("commercial_partner_id", "=", self.commercial_partner_id.id),
            ]
        )

    def _get_ledger(self, newest_first=True, limit=None, offset=0):
        """Return the :class:`LedgerRow` tuples of this pack, in the order of days.

        Days are those of the usage, so a correction stands beside what it corrects. What
        is left is told for the end of each day: within a day, corrections may take and
        give in any order.
        """
        self.ensure_one()
        self.flush_model(["minutes"])
        self.env["trtc.pack.draw"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT draw.id, draw.units::text, draw.minutes::text,
                       (pack.minutes - sum(draw.minutes) OVER (ORDER BY draw.date))::text
                  FROM trtc_pack_draw draw
                  JOIN (SELECT pack.id, pack.minutes - before.minutes_drawn AS minutes
                          FROM trtc_minute_pack pack,
                               LATERAL (%(before)s) AS before(minutes_drawn)
                         WHERE pack.id = %(pack)s) AS pack ON pack.id = draw.pack_id
                 WHERE draw.pack_id = %(pack)s AND draw.commercial_partner_id = %(customer)s
                 ORDER BY %(order)s
                 LIMIT %(limit)s OFFSET %(offset)s
                """,
                pack=self.id,
                customer=self.commercial_partner_id.id,
                before=self._get_drawn_before_query(),
                order=SQL("draw.date DESC, draw.id DESC" if newest_first else "draw.date, draw.id"),
                limit=limit,
                offset=offset,
            )
        )
        draws = self.env["trtc.pack.draw"].browse(row[0] for row in rows)
        return [
            LedgerRow(draw, *map(Decimal, figures))
            for draw, (_id, *figures) in zip(draws, rows, strict=True)
        ]

    @api.model
    def _get_customer_kinds(self):
        """Return {kind: what it is in a customer's words}."""
        return {
            "free": self.env._("Free minutes"),
            "edition": self.env._("Included in your edition"),
            "prepaid": self.env._("Bought in advance"),
            "promo": self.env._("Promotion"),
        }

    def _get_customer_title(self):
        """Return the name of this pack; that of free minutes in the reader's language."""
        self.ensure_one()
        return self._get_customer_kinds()["free"] if self.kind == "free" else self.name

    def _get_customer_title_with_days(self):
        self.ensure_one()
        return self.env._(
            "%(pack)s, %(days)s", pack=self._get_customer_title(), days=self._get_days_label()
        )

    def _get_customer_status(self):
        """Return (label, Bootstrap colour) of the state, in a customer's words."""
        self.ensure_one()
        if not self.active:
            return self.env._("Withdrawn"), "light"
        return {
            "future": (self.env._("Not in use yet"), "info"),
            "running": (self.env._("In use"), "success"),
            "used": (self.env._("Used up"), "secondary"),
            "expired": (self.env._("Expired"), "light"),
            "refunded": (self.env._("Refunded"), "light"),
        }[self.state]

    def _get_days_label(self):
        """Return the days on which usage draws from this pack."""
        self.ensure_one()
        return self.env._(
            "%(date_from)s to %(date_to)s",
            date_from=format_date(self.env, self.date_start),
            date_to=format_date(self.env, self.date_end),
        )

    def _is_closed(self):
        """Tell whether what is left of this pack has lapsed or was taken back."""
        self.ensure_one()
        return not self.active or self.state in CLOSED
