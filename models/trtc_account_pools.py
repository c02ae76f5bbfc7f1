from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from ..rating import periods
from .markers import RATING


class TrtcAccount(models.Model):
    # A room of its own: from packs to the pools that usage draws down.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _extend_for_pools(self, window):
        """Return a window of daily periods, with what shares minutes with it.

        Minutes are drawn in the order of days, so usage of a day may change what every
        later settled day draws, as long as a pack lasts that covers both; packs that
        overlap pass the change on. A pack also lasts until the last day that has drawn from
        it, and items that have drawn go along, though settings would not let them any more:
        what is drawn there is given back before others take it. Earlier days stay as they are.

        :param window: {(period, item)}
        :return: likewise
        """
        drawn = self._get_drawn_since(min(first for (first, _last), _item in window))
        items = self._get_drawing_items().union(*(item for _pack, item in drawn))
        touched = {first for (first, _last), item in window if item in items}
        if not touched:
            return window
        first, end = min(touched), max(touched)
        days = sorted(touched | self._get_settled_days(first))
        self._grant_free_minutes(days)
        spans = self._get_pack_spans(first, days[-1], drawn)
        reached = None
        while reached != end:
            reached = end
            end = max([end, *(last for start, last in spans if start <= reached)])
        return window | {
            ((day, day), item) for day in days if day <= end for item in items
        }

    def _get_pack_spans(self, first, last, drawn):
        """Return [(first day, last day)] of what packs share between some days.

        :param drawn: as :meth:`_get_drawn_since` returns it
        """
        spans = [(pack.date_start, pack.date_end) for pack in self._get_packs(first, last)]
        for (pack, _item), day in drawn.items():
            spans.append((min(pack.date_start, day), day))
        return spans

    def _get_drawn_since(self, day):
        """Return {(pack, item): last day of what is drawn}, from a day on.

        Packs that are archived, and items that draw no more, are among them until what they
        drew is given back.
        """
        self.env["trtc.pack.draw"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT pack_id, item_id, max(date)
                  FROM (SELECT draw.pack_id, draw.item_id, draw.date
                          FROM trtc_pack_draw draw
                          JOIN trtc_minute_pack pack ON pack.id = draw.pack_id
                         WHERE pack.account_id = %s AND draw.date >= %s
                         GROUP BY draw.pack_id, draw.item_id, draw.date
                        HAVING sum(draw.minutes) <> 0) AS drawn
                 GROUP BY pack_id, item_id
                """,
                self.id,
                day,
            )
        )
        packs = self.env["trtc.minute.pack"].browse(row[0] for row in rows)
        items = self.env["trtc.item"].browse(row[1] for row in rows)
        return {
            (pack, item): last
            for pack, item, (_pack_id, _item_id, last) in zip(packs, items, rows, strict=True)
        }

    def _get_drawing_items(self):
        """Return the items that any pack of this account, or its policy, covers."""
        items = self.env["trtc.item"]
        for pack in self._get_packs():
            items |= items.union(*pack._get_ratios())
        if self.free_policy_id:
            table = self.free_policy_id.ratio_table_id
            free = table._get_ratios() if table else items._get_default_ratios(free=True)
            items |= items.union(*free)
        return items

    def _get_packs(self, first=None, last=None):
        """Return the packs of this account, those that touch a span of days if given."""
        # Read for all the accounts of a run together, not one by one.
        packs = self.pack_ids
        if first:
            packs = packs.filtered(
                lambda pack: pack.date_end >= first and pack.date_start <= last
            )
        return packs

    def _get_settled_days(self, first):
        """Return the days from a day on whose daily items are settled."""
        statements = self.env["trtc.statement"].search(
            [
                ("account_id", "=", self.id),
                ("cycle", "=", periods.DAY),
                ("revision", "=", 0),
                ("date_from", ">=", first),
            ]
        )
        return set(statements.mapped("date_from"))

    def _grant_free_minutes(self, days):
        """Grant the cycles of free minutes that some days belong to, each once.

        What was granted before stays, also where the policy has changed since: a cycle that
        would overlap it is granted for the days that are left.
        """
        policy = self.free_policy_id
        if not policy or not policy.minutes:
            return
        granted = self.env["trtc.minute.pack"].with_context(active_test=False).search(
            [("account_id", "=", self.id), ("kind", "=", "free")]
        )
        spans = [(pack.date_start, pack.date_end) for pack in granted]
        own = granted.filtered(lambda pack: pack.policy_id == policy)
        cycles = {}
        for day in sorted(days):
            if any(first <= day <= last for first, last in [*spans, *cycles.values()]):
                continue
            cycle = policy._get_cycle(day, self.free_from)
            if cycle and cycle not in cycles and not policy._has_granted(cycle, own):
                left = periods.gap_around(day, cycle, spans)
                if self._may_have_free(left):
                    cycles[cycle] = left
        self.env["trtc.minute.pack"].with_context(trtc_rating=RATING, tracking_disable=True).create(
            [self._prepare_free_pack(span) for span in cycles.values()]
        )

    def _follow_free_policy(self):
        """Have days settled again that a changed policy of free minutes reaches.

        Cycles that usage has drawn from stay as they were granted.

        :raise UserError: if it is not said from which day on the policy holds
        """
        self.ensure_one()
        self = self.sudo()
        if not self.free_policy_id:
            return
        if not self.free_from and self.env["trtc.statement"].search_count(
            [("account_id", "=", self.id)], limit=1
        ):
            raise UserError(
                self.env._(
                    "%(account)s is settled already: say under Free Minutes Since from which "
                    "day on it gets free minutes. Settled days from then on are adjusted.",
                    account=self.display_name,
                )
            )
        packs = self._get_packs().filtered(lambda pack: pack.kind == "free" and not pack.draw_ids)
        packs.unlink()
        self._note_drawing_usage(self.free_from)

    def _note_drawing_usage(self, day):
        """Have usage that may draw minutes settled again from a day on."""
        self.env["trtc.settlement.note"].sudo()._note_items(
            self, self.env["trtc.application"], self._get_drawing_items(), day
        )

    def _may_have_free(self, cycle):
        """Tell whether this account is granted free minutes for a cycle."""
        if not self.free_policy_id.requires_edition:
            return True
        domain = [
            ("account_id", "=", self.id),
            ("date_start", "<=", cycle[1]),
            "|",
            ("date_end", "=", False),
            ("date_end", ">=", cycle[0]),
        ]
        return bool(self.env["trtc.subscription"].search_count(domain, limit=1))

    def _prepare_free_pack(self, cycle):
        """Return the values of the pack that holds the free minutes of a cycle."""
        return {
            "name": self.env._("Free minutes"),
            "account_id": self.id,
            "kind": "free",
            "minutes": Decimal(repr(self.free_policy_id.minutes)),
            "date_start": cycle[0],
            "date_end": cycle[1],
            "policy_id": self.free_policy_id.id,
            "alert_percent": 0,
        }

    def _get_pools(self, window):
        """Return the pools that a window of daily periods draws from.

        What earlier days drew is taken off; every later day is in the window and draws
        anew.
        """
        items = self._get_drawing_items()
        days = {first for (first, _last), item in window if item in items}
        if not days:
            return []
        packs = self._get_packs(min(days), max(days))
        drawn = self._get_drawn_before(packs, min(days))
        return [pack._get_pool(drawn[pack.id]) for pack in packs]

    def _get_drawn_before(self, packs, day):
        """Return {pack id: minutes that the days before a day drew}."""
        self.env["trtc.pack.draw"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT pack_id, sum(minutes)::text FROM trtc_pack_draw
                 WHERE pack_id = ANY(%s) AND date < %s GROUP BY pack_id
                """,
                packs.ids,
                day,
            )
        )
        return defaultdict(Decimal, {pack_id: Decimal(minutes) for pack_id, minutes in rows})

    # === AFTER SETTLEMENT === #

    def _follow_up_packs(self, statements):
        """Look at the balance of the packs that new statements drew from, or could not."""
        statements.line_ids.draw_ids.pack_id._check_balance()
        days = statements.line_ids.mapped("date")
        if not days:
            return
        for pack in self._get_packs(min(days), max(days)):
            if pack.policy_id.when_used_up == "suspend":
                self._suspend_used_up(pack)

    def _suspend_used_up(self, pack):
        """Suspend the applications whose usage went beyond free minutes that are used up.

        An application that holds minutes of its own goes on; so do sessions that run.
        """
        beyond = self.env["trtc.statement.line"]._read_group(
            [
                ("account_id", "=", self.id),
                ("date", ">=", pack.date_start),
                ("date", "<=", pack.date_end),
                ("item_id", "in", [item.id for item in pack._get_ratios()]),
                ("status", "=", "billable"),
            ],
            ["application_id"],
            ["date:max"],
            having=[("billable_quantity:sum", ">", 0)],
        )
        for application, last in beyond:
            day = last + timedelta(days=1)
            if not application._has_minutes(day):
                application._suspend(
                    "free_minutes",
                    day,
                    self.env._(
                        "The free minutes until %(date)s are used up.",
                        date=format_date(self.env, pack.date_end),
                    ),
                )
