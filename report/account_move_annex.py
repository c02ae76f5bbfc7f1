from collections import defaultdict
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL

from ..models.figures import AMOUNT_DECIMALS, count_decimals, show_figure, show_money, to_decimal
from ..rating.engine import canonical
from .trtc_statement_pages import PRINTED_SUMS

#: By what the annex adds up: the finest that does not make it too long.
PLACES = {
    "application": SQL("billed.account_id, billed.application_id"),
    "account": SQL("billed.account_id, NULL::int"),
    "invoice": SQL("NULL::int, NULL::int"),
}
DETAILS = tuple(PLACES)
#: What usage is not billed for because something covers it.
PARTS = ("free", "pack")


class AnnexRow(NamedTuple):
    """Usage of a billing item by an application, at one unit price.

    ``first`` and ``last`` are the days between which it was used; ``metered`` is in
    usage units, the other quantities in billing units.
    """

    item: object
    kind: str
    first: object
    last: object
    metered: Decimal
    quantity: Decimal
    free: Decimal
    pack: Decimal
    locked: Decimal
    billable: Decimal
    price: Decimal
    amount: Decimal


class AnnexFee(NamedTuple):
    """A fee that an invoice bills; ``amount`` has the sign of the usage."""

    fee: object
    quantity: Decimal
    price: Decimal
    amount: Decimal


class AnnexCover(NamedTuple):
    """What usage drew from a pack; ``unit`` is none where units of several kinds add up."""

    pack: object
    units: Decimal
    unit: object
    minutes: Decimal


class AccountMove(models.Model):
    # Beside the template that it serves.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    def _trtc_get_annex(self):
        """Return what the usage annex of this invoice shows, or None without usage.

        ``usage``, ``corrections`` (of periods that another invoice billed, or before
        this invoice's own), ``unbilled`` (waived), ``credited`` and ``rebilled`` (what a
        credit note took back) are lists of
        ``{"account", "application", "rows", "covers", "amount"}``, ``fees`` is one of
        :class:`AnnexFee`, ``accounts`` are those that share the invoice, ``parts`` names
        those of :data:`PARTS` that there are, ``is_summary`` tells that applications, and
        even accounts, are too many to name them: their rows are added up.  All
        figures are exact Decimals; ``exact_total + rounding + changes + other == total``.

        An invoice of fees alone needs no annex: its lines say all that there is.
        """
        self.ensure_one()
        if not self.trtc_account_id:
            return None
        detail, rows = self._trtc_read_annex()
        sections = self._trtc_get_annex_sections(detail, rows)
        if not any(sections.values()):
            return None
        fees = self._trtc_get_annex_fees()
        rows = [
            row for section in sections.values() for group in section for row in group["rows"]
        ]
        amounts = [row.amount for row in [*rows, *fees]]
        decimals = max(map(count_decimals, amounts))
        decimals = min(max(decimals, self.currency_id.decimal_places), AMOUNT_DECIMALS)
        return {
            **sections,
            "fees": fees,
            "accounts": self.sudo().trtc_account_ids,
            "is_summary": detail != DETAILS[0],
            "parts": [name for name in PARTS if any(getattr(row, name) for row in rows)],
            "fee_amount": sum((row.amount for row in fees), Decimal(0)),
            **self._trtc_get_annex_totals(sum(amounts, Decimal(0))),
            "show": partial(show_figure, self.env),
            "show_amount": partial(show_figure, self.env, minimum=decimals),
            "show_money": partial(show_money, self.env, currency=self.currency_id),
        }

    def _trtc_get_annex_fees(self):
        """Return an :class:`AnnexFee` for each fee, in the order of the invoice."""
        rows = self._trtc_get_rows().filtered(lambda row: row.fee_id and row.kind != "manual")
        figures = rows._get_figures()
        return [
            AnnexFee(
                row.fee_id,
                *map(to_decimal, (figures[row.id][0], row.fee_id.price_unit, figures[row.id][1])),
            )
            for row in rows.sorted(lambda row: (row.fee_id.date_from, row.fee_id.id, row.id))
        ]

    def _trtc_read_annex(self):
        """Return (which of :data:`DETAILS`, rows): the finest that is not too long to print."""
        for detail in DETAILS:
            rows = self._trtc_read_annex_rows(detail)
            if len(rows) <= PRINTED_SUMS:
                break
        return detail, rows

    def _trtc_get_annex_sections(self, detail, rows):
        """Return {section: groups of rows by application}."""
        covers = self._trtc_get_annex_covers(detail)
        env = self.sudo().env
        items = {item.id: item for item in env["trtc.item"].browse({row[2] for row in rows})}
        accounts = env["trtc.account"].browse({row[0] for row in rows if row[0]})
        accounts = {account.id: account for account in accounts}
        applications = env["trtc.application"].browse({row[1] for row in rows if row[1]})
        applications = {application.id: application for application in applications}
        found = {
            section: defaultdict(list)
            for section in ("usage", "corrections", "unbilled", "credited", "rebilled")
        }
        for account_id, application_id, item_id, section, kind, first, last, *figures in rows:
            row = AnnexRow(items[item_id], kind, first, last, *map(Decimal, figures))
            account = accounts.get(account_id, env["trtc.account"])
            application = applications.get(application_id, env["trtc.application"])
            found[section][account, application].append(row)
        return {
            section: [
                {
                    "account": account,
                    "application": application,
                    "rows": sorted(
                        by_place[account, application],
                        key=lambda row: (row.item.sequence, row.kind, row.first, row.price),
                    ),
                    "covers": covers[section, account.id, application.id],
                    "amount": sum(
                        (row.amount for row in by_place[account, application]), Decimal(0)
                    ),
                }
                for account, application in sorted(
                    by_place, key=lambda place: (place[0].id, canonical(place[1].sdkappid))
                )
            ]
            for section, by_place in found.items()
        }

    def _trtc_get_annex_covers(self, detail):
        """Return {(section, account id, application id): what its rows drew from packs}.

        Nothing where they are too many to name them.
        """
        self.env["trtc.pack.draw"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                WITH billed AS (%(billed)s)
                SELECT billed.section, %(place)s, draw.pack_id,
                       sum(draw.units)::text, array_agg(DISTINCT draw.item_id),
                       sum(draw.minutes)::text
                  FROM billed
                  JOIN trtc_pack_draw draw ON draw.statement_line_id = billed.id AND billed.first
                 GROUP BY 1, 2, 3, 4
                HAVING sum(draw.minutes) <> 0
                 LIMIT %(limit)s
                """,
                billed=self._trtc_get_billed_query(),
                place=PLACES[detail],
                limit=PRINTED_SUMS + 1,
            )
        )
        if len(rows) > PRINTED_SUMS:
            return defaultdict(list)
        packs = self.env["trtc.minute.pack"].sudo().browse({row[3] for row in rows})
        packs = {pack.id: pack for pack in packs}
        items = self.env["trtc.item"].sudo()
        covers = defaultdict(list)
        for section, account_id, application_id, pack_id, units, item_ids, minutes in rows:
            unit = items.browse(item_ids).uom_id
            unit = unit if len(unit) == 1 else None
            cover = AnnexCover(packs[pack_id], Decimal(units), unit, Decimal(minutes))
            covers[section, account_id or False, application_id or False].append(cover)
        for found in covers.values():
            found.sort(key=lambda cover: cover.pack._get_order())
        return covers

    def _trtc_get_billed_query(self):
        """Return the query of the statement lines of this invoice, each with its section.

        Of what is credited or billed again, only quantity and amount are named: how the
        usage came to them stands in the annex of its first invoice.

        What an earlier allocation billed on another invoice makes a line of the same
        usage a correction; later ones do not, so that an annex stays as it was printed.
        """
        self.env["trtc.statement.line"].flush_model()
        self.env["trtc.allocation"].flush_model()
        return SQL(
            """
            SELECT line.id, line.account_id, line.application_id, line.item_id, line.kind,
                   line.date,
                   line.price_unit, statement.cycle,
                   CASE WHEN first THEN line.metered_quantity ELSE 0 END AS metered_quantity,
                   CASE WHEN first THEN line.quantity ELSE 0 END AS quantity,
                   CASE WHEN first THEN line.free_quantity ELSE 0 END AS free_quantity,
                   CASE WHEN first THEN line.pack_quantity ELSE 0 END AS pack_quantity,
                   CASE WHEN first THEN line.locked_quantity ELSE 0 END AS locked_quantity,
                   allocation.quantity AS billable_quantity, allocation.amount, first,
                   CASE WHEN allocation.kind = 'credit' THEN 'credited'
                        WHEN NOT first THEN 'rebilled'
                        WHEN line.status = 'waived' THEN 'unbilled'
                        WHEN line.date < %(date_from)s OR line.date > %(date_to)s
                          OR line.is_adjustment AND EXISTS (
                                 SELECT FROM trtc_statement_line other
                                   JOIN trtc_allocation before
                                     ON before.statement_line_id = other.id
                                  WHERE other.account_id = line.account_id
                                    AND other.item_id = line.item_id
                                    AND other.date = line.date
                                    AND other.application_id
                                        IS NOT DISTINCT FROM line.application_id
                                    AND before.released IS NOT TRUE
                                    AND before.move_id <> allocation.move_id
                                    AND before.id < allocation.id)
                        THEN 'corrections' ELSE 'usage'
                   END AS section
              FROM trtc_allocation allocation
              JOIN trtc_statement_line line ON line.id = allocation.statement_line_id
              JOIN trtc_statement statement ON statement.id = line.statement_id,
                   LATERAL (SELECT allocation.kind = 'bill'
                                   AND allocation.rebills_id IS NULL) AS kind(first)
             WHERE allocation.move_id = %(move)s
               AND allocation.released IS NOT TRUE
               AND allocation.kind <> 'manual'
            """,
            move=self.id,
            date_from=self.trtc_date_from or None,
            date_to=self.trtc_date_to or None,
        )

    def _trtc_read_annex_rows(self, detail):
        """Return the rows of the annex, added up over their days by the database.

        A day on which one line takes back what another one charged does not widen the
        span of its row.

        :param str detail: one of :data:`DETAILS`; of all but the last one no more rows than
            tell that they are too many
        """
        return self.env.execute_query(
            SQL(
                """
                WITH billed AS (%(billed)s), daily AS (
                    SELECT account_id, application_id, item_id, section, kind, cycle, date,
                           price_unit,
                           sum(metered_quantity) AS metered, sum(quantity) AS quantity,
                           sum(free_quantity) AS free, sum(pack_quantity) AS pack,
                           sum(locked_quantity) AS locked,
                           sum(billable_quantity) AS billable, sum(amount) AS amount
                      FROM billed
                     GROUP BY account_id, application_id, item_id, section, kind, cycle, date,
                              price_unit
                    HAVING sum(metered_quantity) <> 0 OR sum(quantity) <> 0
                        OR sum(free_quantity) <> 0 OR sum(pack_quantity) <> 0
                        OR sum(billable_quantity) <> 0 OR sum(amount) <> 0
                )
                SELECT %(place)s, item_id, section, kind,
                       min(CASE cycle WHEN 'month' THEN date_trunc('month', date)::date
                                      ELSE date END),
                       max(date), sum(metered)::text, sum(quantity)::text, sum(free)::text,
                       sum(pack)::text, sum(locked)::text, sum(billable)::text,
                       price_unit::text, sum(amount)::text
                  FROM daily AS billed
                 GROUP BY 1, 2, 3, 4, 5, price_unit
                 LIMIT %(limit)s
                """,
                billed=self._trtc_get_billed_query(),
                place=PLACES[detail],
                limit=None if detail == DETAILS[-1] else PRINTED_SUMS + 1,
            )
        )

    def _trtc_get_annex_totals(self, exact_total):
        """Return how the exact total becomes the total of this invoice.

        A credit note states what it gives back without a sign; here its total has the
        sign of the usage.
        """
        sign = -1 if self.move_type == "out_refund" else 1
        rounded = self.sudo().trtc_account_id._get_rounded_total(exact_total)
        total = sign * self._trtc_get_money(self._trtc_get_billed_total())
        other = sign * self._trtc_get_other_amount(sign * (total - rounded))
        return {
            "exact_total": exact_total,
            "rounding": rounded - exact_total,
            "changes": total - rounded - other,
            "other": other,
            "total": total,
            "tax_included": any(
                tax.price_include
                for line in self.invoice_line_ids
                if line.trtc_item_id or line.trtc_fee_id
                for tax in line.tax_ids
            ),
        }

    def _trtc_get_other_amount(self, difference):
        """Return what the lines come to that bill neither usage nor fees.

        :param Decimal difference: what the invoice bills beyond usage and fees
        """
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        own = lines.filtered(
            lambda line: line.trtc_item_id or line.trtc_fee_id or line.trtc_is_rounding
        )
        if not difference or lines == own:
            return Decimal(0)
        generated = all(line._trtc_is_as_generated() for line in own)
        if generated and not self._trtc_get_typed_amounts():
            return difference
        return self._trtc_get_money(
            (lines - own)._trtc_get_stated_total()
        )

    def _trtc_get_money(self, amount):
        return to_decimal(self.currency_id.round(amount))


class AccountMoveLine(models.Model):
    # Beside the template that it serves.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    def _trtc_get_quantity_label(self):
        """Return the quantity in the reader's number format, without needless zeros."""
        self.ensure_one()
        return show_figure(self.env, self.quantity)

    def _trtc_get_price_label(self):
        """Return the unit price likewise, in full."""
        self.ensure_one()
        return show_figure(self.env, self.price_unit, self.currency_id.decimal_places)

    def _trtc_get_shown_unit(self):
        """Return the unit to print after the quantity; a fee is one, without "Units"."""
        self.ensure_one()
        fee = self.sudo().trtc_fee_id
        return fee._get_shown_unit() if fee else self.product_uom_id


class TrtcFee(models.Model):
    # What customers read of a fee.
    _inherit = "trtc.fee"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    def _get_shown_unit(self):
        """Return the unit to print after the quantity of this fee, if it says anything."""
        self.ensure_one()
        plain = self.env.ref("uom.product_uom_unit", raise_if_not_found=False)
        return self.uom_id.browse() if self.uom_id == plain else self.uom_id
