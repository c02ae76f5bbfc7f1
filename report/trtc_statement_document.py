from decimal import Decimal
from functools import partial

from babel.dates import format_skeleton
from markupsafe import Markup

from odoo import models
from odoo.tools.misc import babel_locale_parse, format_date, get_lang

from ..models.figures import AMOUNT_DECIMALS, count_decimals, show_figure, show_money, to_decimal
from ..rating.engine import canonical

#: Parts of a quantity that are not billed: each is shown where there is any.
PARTS = ("free_quantity", "pack_quantity", "locked_quantity")


class TrtcStatement(models.Model):
    _inherit = "trtc.statement"

    # === TOOLING === #

    def _get_document_values(self):
        """Return what the PDF and the portal page of this statement show.

        ``groups`` is a list of ``{"application", "lines", "amount"}``, ``amounts`` are
        exact by line id, ``parts`` are the names of those of :data:`PARTS` that there
        are, ``moves`` is what :meth:`_get_moves` returns.
        """
        self.ensure_one()
        exact = self.line_ids._get_exact_amounts()
        amounts = {line_id: amount for line_id, (_q, _p, amount) in exact.items()}
        decimals = max(map(count_decimals, amounts.values()), default=0)
        decimals = min(max(decimals, self.currency_id.decimal_places), AMOUNT_DECIMALS)
        by_application = self.line_ids.grouped("application_id")
        return {
            "groups": [
                {
                    "application": application,
                    "lines": by_application[application].sorted(
                        lambda line: (line.item_id.sequence, line.kind, line.date, line.id)
                    ),
                    "amount": self._get_sum(by_application[application], amounts),
                }
                for application in sorted(
                    by_application, key=lambda application: canonical(application.sdkappid)
                )
            ],
            "amounts": amounts,
            "total": self._get_sum(self.line_ids, amounts),
            "moves": self._get_moves(),
            "parts": [name for name in PARTS if any(self.line_ids.mapped(name))],
            "show": partial(show_figure, self.env),
            "show_amount": partial(show_figure, self.env, minimum=decimals),
            "show_money": partial(show_money, self.env, currency=self.currency_id),
        }

    def _get_moves(self):
        """Return, for an adjustment, what it gave back to packs and took from them.

        A list of ``{"pack", "draws", "minutes"}`` in the order of the packs; the draws
        are in the order of days, and ``minutes`` is their exact sum.
        """
        if not self.is_adjustment:
            return []
        by_pack = self.sudo().line_ids.draw_ids.grouped("pack_id")
        return [
            {
                "pack": pack,
                "draws": by_pack[pack].sorted(
                    lambda draw: (draw.date, draw.item_id.sequence, draw.id)
                ),
                "minutes": sum(
                    (to_decimal(draw.minutes) for draw in by_pack[pack]), Decimal(0)
                ),
            }
            for pack in sorted(by_pack, key=lambda pack: pack._get_order())
        ]

    def _get_sum(self, lines, amounts):
        return sum((amounts[line.id] for line in lines), Decimal(0))

    def _get_period_label(self):
        """Return the period in the reader's words: a day, a month, or a span of days."""
        self.ensure_one()
        if self.cycle == "month" and not self.is_adjustment:
            return self._get_month_label(self.date_from)
        first = format_date(self.env, self.date_from)
        if self.date_to == self.date_from:
            return first
        last = format_date(self.env, self.date_to)
        return self.env._("%(date_from)s to %(date_to)s", date_from=first, date_to=last)

    def _get_month_label(self, day):
        locale = babel_locale_parse(get_lang(self.env).code)
        return format_skeleton("yMMMM", day, locale=locale)

    def _get_amount_labels(self):
        """Return {statement: exact amount with its currency}, with decimals that align."""
        decimals = max(
            (
                max(statement.currency_id.decimal_places, count_decimals(statement.amount_untaxed))
                for statement in self
            ),
            default=0,
        )
        return {
            statement: show_money(
                self.env, statement.amount_untaxed, statement.currency_id, decimals
            )
            for statement in self
        }

    def _get_customer_status(self):
        """Return (label, Bootstrap colour) of the status, in a customer's words.

        A draft invoice is none of the customer's business yet.
        """
        self.ensure_one()
        return {
            "pending": (self.env._("Under review"), "warning"),
            "open": (self.env._("Not invoiced yet"), "light"),
            "draft": (self.env._("Not invoiced yet"), "light"),
            "posted": (self.env._("Invoiced"), "info"),
            "paid": (self.env._("Paid"), "success"),
            "free": (self.env._("Nothing to pay"), "light"),
        }[self.state]


class TrtcStatementLine(models.Model):
    # Beside the template that it serves.
    _inherit = "trtc.statement.line"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    def _get_period_label(self):
        """Return the settled period of this line in the reader's words."""
        self.ensure_one()
        if self.cycle == "month":
            return self.statement_id._get_month_label(self.date)
        return format_date(self.env, self.date)

    def _get_linked_explanation(self, urls):
        """Return the explanation as HTML, where names of packs lead to their pages.

        :param dict urls: {pack id: address}; other packs are named without a link
        """
        self.ensure_one()
        names = {
            pack: Markup('<a href="%s">%s</a>') % (urls[pack.id], pack._get_customer_name())
            for pack in self.sudo().draw_ids.pack_id
            if pack.id in urls
        }
        return Markup(" ").join(self._get_sentences(names))

    def _get_customer_status(self):
        """Return (label, Bootstrap colour) of a line that is not simply billed, or None."""
        self.ensure_one()
        if self.status == "waived":
            return self.env._("Not billed"), "light"
        if self.is_pending:
            return self.env._("Under review"), "warning"
        if self.status in ("locked", "unpriced") and self.quantity > 0:
            return self.env._("Decided since: see the adjustment"), "light"
        return None
