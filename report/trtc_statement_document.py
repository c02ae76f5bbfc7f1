from functools import partial

from babel.dates import format_skeleton
from markupsafe import Markup

from odoo import models
from odoo.tools.misc import babel_locale_parse, format_date, get_lang

from ..models.figures import AMOUNT_DECIMALS, count_decimals, show_figure, show_money
from .trtc_statement_pages import PRINTED_LINES, PRINTED_SUMS

#: Parts of a quantity that are not billed: each is shown where there is any.
PARTS = ("free_quantity", "pack_quantity", "locked_quantity")


class TrtcStatement(models.Model):
    _inherit = "trtc.statement"

    # === TOOLING === #

    def _get_document_values(self, limit=None, offset=0):
        """Return what the PDF and the portal page of this statement show.

        ``groups`` is a list of ``{"application", "lines", "amount", "is_continued"}`` of the
        lines shown, ``amounts`` are exact by line id, ``parts`` are the names of those of
        :data:`PARTS` that there are, ``moves`` is what :meth:`_get_moves` returns.  Where
        not all lines are shown, ``sums`` and ``days`` tell what all of them come to.

        :param int limit: lines to show at most; default all that the PDF lists, and none
            of a statement that has more
        :param int offset: how many lines to leave out before
        """
        self.ensure_one()
        totals = self._get_totals()
        if limit is None:
            limit = PRINTED_LINES if totals.count <= PRINTED_LINES else 0
        lines = self._get_lines(limit, offset) if limit else self.env["trtc.statement.line"]
        exact = lines._get_exact_amounts()
        decimals = min(max(totals.decimals, self.currency_id.decimal_places), AMOUNT_DECIMALS)
        is_whole = len(lines) == totals.count
        return {
            "groups": self._get_line_groups(lines, offset),
            "lines": lines,
            "first": offset + 1,
            "last": offset + len(lines),
            "count": totals.count,
            "is_whole": is_whole,
            "amounts": {line_id: amount for line_id, (_q, _p, amount) in exact.items()},
            "total": totals.amount,
            "sums": [] if is_whole else self._get_sums(),
            "days": [] if is_whole else self._get_days(),
            "moves": self._get_moves(),
            "parts": [name for name in PARTS if getattr(totals, name)],
            "show": partial(show_figure, self.env),
            "show_amount": partial(show_figure, self.env, minimum=decimals),
            "show_money": partial(show_money, self.env, currency=self.currency_id),
        }

    def _get_line_groups(self, lines, offset):
        """Return lines by application, each with what all its lines come to."""
        by_application = lines.grouped("application_id")
        whole = self.env["trtc.application"]
        amounts = self._get_application_amounts(lines.application_id, whole in by_application)
        before = self._get_lines(1, offset - 1) if offset and lines else lines.browse()
        return [
            {
                "application": application,
                "lines": found,
                "amount": amounts[application.id],
                "is_continued": bool(before) and before.application_id == application,
            }
            for application, found in by_application.items()
        ]

    def _get_printed_contact(self):
        """Return whom this statement is for; the company, if the contact left it since."""
        self.ensure_one()
        customer = self.commercial_partner_id
        same = self.partner_id.commercial_partner_id == customer
        return self.partner_id if same else customer

    def _get_page_url(self):
        """Return the address of the page of this statement, without a token."""
        self.ensure_one()
        return f"{self.get_base_url()}{self.access_url}"

    def _get_printed_sums(self):
        """Return what the PDF tells of a statement with too many lines to list.

        Per application and billing item, where that is not too much either.
        """
        sums = self._get_sums(by_application=True, limit=PRINTED_SUMS + 1)
        return sums if len(sums) <= PRINTED_SUMS else self._get_sums()

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
