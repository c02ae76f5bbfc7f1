from datetime import date
from urllib.parse import urlencode

from odoo import http
from odoo.exceptions import AccessError, MissingError
from odoo.fields import Domain
from odoo.http import request

from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.addons.portal.controllers.portal import pager as portal_pager

from ..rating import periods
from ..report.trtc_statement_pages import PRINTED_LINES
from .portal_csv import send_csv
from .portal_list import PortalList

URL = "/my/trtc/statements"


class TrtcPortal(CustomerPortal):
    #: lines of a statement on one page
    _trtc_lines_per_page = 50

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "trtc_statement_count" in counters:
            Statement = request.env["trtc.statement"]
            values["trtc_statement_count"] = (
                Statement.search_count(self._get_statements_domain())
                if Statement.has_access("read")
                else 0
            )
        return values

    # === LIST === #

    @http.route([URL, f"{URL}/page/<int:page>"], type="http", auth="user", website=True)
    def portal_my_trtc_statements(
        self, page=1, date_begin=None, date_end=None, sortby=None, filterby=None, month=None, **kw
    ):
        if not request.env["trtc.statement"].has_access("read"):
            return request.redirect("/my")
        values = self._prepare_my_statements_values(
            page, date_begin, date_end, sortby, filterby, month
        )
        pager = portal_pager(**values["pager"])
        statements = values["find"](pager["offset"])
        request.session["my_trtc_statements_history"] = statements.ids[:100]
        # Found under the rules of the user; invoices in draft take more to read.
        statements = statements.sudo()
        values.update(
            {
                "statements": statements,
                "amounts": statements._get_amount_labels(),
                "invoices": self._get_invoices_by_statement(statements),
                "pager": pager,
            }
        )
        return request.render("trtc_billing.portal_my_statements", values)

    def _get_statements_domain(self):
        """Return the domain of the statements to list, beside what rules allow."""
        return Domain("commercial_partner_id", "=", request.env.user.commercial_partner_id.id)

    def _get_statement_searchbar_sortings(self):
        return {
            "newest": {"label": request.env._("Newest Period"), "order": "date_to desc, id desc"},
            "oldest": {"label": request.env._("Oldest Period"), "order": "date_to, id"},
            "name": {"label": request.env._("Reference"), "order": "name, id"},
            "amount": {"label": request.env._("Amount"), "order": "amount_untaxed desc, id desc"},
        }

    def _get_statement_searchbar_filters(self):
        return {
            "all": {"label": request.env._("All"), "domain": Domain.TRUE},
            "open": {
                "label": request.env._("Not Invoiced Yet"),
                "domain": Domain("state", "in", ("open", "draft")),
            },
            "posted": {
                "label": request.env._("Invoiced"),
                "domain": Domain("state", "in", ("posted",)),
            },
            "paid": {"label": request.env._("Paid"), "domain": Domain("state", "in", ("paid",))},
            "pending": {
                "label": request.env._("Under Review"),
                "domain": Domain("state", "in", ("pending",)),
            },
            "adjustments": {
                "label": request.env._("Adjustments"),
                "domain": Domain("is_adjustment", "=", True),
            },
        }

    def _prepare_my_statements_values(
        self, page, date_begin, date_end, sortby, filterby, month=None
    ):
        """Return the values of the list, with the pager's and a function of its offset.

        Words and dates in the address that mean nothing are left out of account.
        """
        shown = PortalList(
            "trtc.statement",
            URL,
            self._get_statement_searchbar_sortings(),
            self._get_statement_searchbar_filters(),
            sortby,
            filterby,
        )
        date_begin, date_end = _read_date(date_begin), _read_date(date_end)
        month = _read_date(f"{month}-01")
        domain = self._get_statements_domain()
        months = self._get_statement_months(domain)
        domain &= self._get_span_domain(date_begin, date_end)
        if month:
            domain &= self._get_span_domain(*periods.period_of(month, periods.MONTH))
        url_args = {
            "date_begin": date_begin,
            "date_end": date_end,
            "month": month and f"{month:%Y-%m}",
        }
        return {
            **self._prepare_portal_layout_values(),
            **shown.get_values(domain, page, self._items_per_page, url_args),
            "page_name": "trtc_statement",
            "date_begin": date_begin,
            "date_end": date_end,
            "month": month,
            "months": months,
            "is_filtered": bool(shown.is_filtered or date_begin or date_end or month),
        }

    def _get_span_domain(self, first, last):
        """Return the domain of statements whose period touches a span of days."""
        domain = Domain.TRUE
        if first:
            domain &= Domain("date_to", ">=", first)
        if last:
            domain &= Domain("date_from", "<=", last)
        return domain

    def _get_statement_months(self, domain):
        """Return [(first day, label)] of the months to choose from, the newest first."""
        Statement = request.env["trtc.statement"]
        groups = Statement._read_group(
            domain, ["date_to:month"], order="date_to:month desc", limit=24
        )
        return [(month, Statement._get_month_label(month)) for (month,) in groups]

    # === PAGE === #

    @http.route(
        [f"{URL}/<int:statement_id>", f"{URL}/<int:statement_id>/page/<int:page>"],
        type="http",
        auth="public",
        website=True,
    )
    def portal_my_trtc_statement(
        self, statement_id, page=1, access_token=None, report_type=None, download=False, **kw
    ):
        try:
            statement_sudo = self._document_check_access(
                "trtc.statement", statement_id, access_token
            )
        except (AccessError, MissingError):
            return request.redirect("/my")
        if report_type in ("html", "pdf", "text"):
            return self._show_report(
                model=statement_sudo,
                report_type=report_type,
                report_ref="trtc_billing.report_statement_action",
                download=download,
            )
        values = self._statement_get_page_view_values(statement_sudo, access_token, page, **kw)
        return request.render("trtc_billing.portal_statement_page", values)

    @http.route(
        f"{URL}/<int:statement_id>/lines.csv",
        type="http",
        auth="public",
        website=True,
        sitemap=False,
    )
    def portal_my_trtc_statement_lines(self, statement_id, access_token=None, **kw):
        try:
            statement_sudo = self._document_check_access(
                "trtc.statement", statement_id, access_token
            )
        except (AccessError, MissingError):
            return request.redirect("/my")
        name = f"trtc-{statement_sudo._get_report_base_filename()}.csv"
        return send_csv(name, statement_sudo._iterate_sheet())

    def _statement_get_page_view_values(self, statement_sudo, access_token, page=1, **kwargs):
        step = self._trtc_lines_per_page
        pager = portal_pager(
            url=statement_sudo.access_url,
            total=statement_sudo._get_totals().count,
            page=page,
            step=step,
            url_args={"access_token": access_token} if access_token else {},
        )
        document = statement_sudo._get_document_values(step, pager["offset"])
        token = {"access_token": access_token} if access_token else {}
        query = {"report_type": "pdf", "download": "true", **token}
        url = statement_sudo.access_url
        values = {
            "page_name": "trtc_statement",
            "statement": statement_sudo,
            "document": document,
            "pager": pager,
            "pack_urls": self._get_pack_urls(document),
            "invoices": self._get_invoices_by_statement(statement_sudo)[statement_sudo],
            "download_url": f"{url}?{urlencode(query)}",
            "lines_url": f"{url}/lines.csv{'?' if token else ''}{urlencode(token)}",
            "printed_lines": PRINTED_LINES,
            "adjustments": self._get_adjustments(statement_sudo),
        }
        return self._get_page_view_values(
            statement_sudo, access_token, values, "my_trtc_statements_history", False, **kwargs
        )

    def _get_adjustments(self, statement_sudo):
        """Return the adjustments of a statement that the user may open."""
        if statement_sudo.is_adjustment:
            return statement_sudo.browse()
        Statement = request.env["trtc.statement"]
        if not Statement.has_access("read"):
            return Statement
        domain = [
            ("account_id", "=", statement_sudo.account_id.id),
            ("cycle", "=", statement_sudo.cycle),
            ("is_adjustment", "=", True),
            ("line_ids.date", "=", statement_sudo.date_to),
        ]
        return Statement.search(domain, order="revision", limit=self._trtc_lines_per_page)

    # === TOOLING === #

    def _get_pack_urls(self, document):
        """Return {pack id: address} of the packs shown that the user may open.

        The token of a statement opens that statement, and no pack.
        """
        packs_sudo = document["lines"].draw_ids.pack_id.union(
            *(move["pack"] for move in document["moves"])
        )
        Pack = request.env["trtc.minute.pack"]
        if not packs_sudo or not Pack.has_access("read"):
            return {}
        readable = Pack.browse(packs_sudo.ids)._filtered_access("read")
        return {pack.id: f"/my/trtc/packs/{pack.id}" for pack in readable}

    def _get_invoices_by_statement(self, statements_sudo):
        """Return {statement: [what to show of an invoice]}; drafts are left out.

        An invoice opens for a user who may read it. The token of a statement opens
        that statement, and no invoice.
        """
        moves_sudo = statements_sudo.move_ids.filtered(lambda move: move.state == "posted")
        Move = request.env["account.move"]
        readable = (
            Move.browse(moves_sudo.ids)._filtered_access("read")
            if Move.has_access("read")
            else Move
        )
        shown = {
            move: {
                "name": move.name,
                "url": move.access_url if move.id in readable.ids else None,
                "is_credit_note": move.move_type == "out_refund",
                "date_due": move.invoice_date_due,
                "status": self._get_payment_status(move),
            }
            for move in moves_sudo
        }
        return {
            statement: [
                shown[move] for move in statement.move_ids.sorted("id") if move in shown
            ]
            for statement in statements_sudo
        }

    def _get_payment_status(self, move_sudo):
        """Return (label, Bootstrap colour) of the payment state of a posted invoice."""
        is_overdue = (
            move_sudo.move_type == "out_invoice"
            and move_sudo.payment_state in ("not_paid", "partial")
            and move_sudo.invoice_date_due
            and move_sudo.invoice_date_due < move_sudo.company_id._trtc_today()
        )
        if is_overdue:
            return request.env._("Overdue"), "danger"
        if move_sudo.payment_state == "not_paid":
            if move_sudo.move_type == "out_refund":
                return request.env._("Credited"), "info"
            return request.env._("Waiting for Payment"), "info"
        return {
            "paid": (request.env._("Paid"), "success"),
            "in_payment": (request.env._("Processing Payment"), "info"),
            "partial": (request.env._("Partially Paid"), "warning"),
            "reversed": (request.env._("Reversed"), "success"),
        }.get(move_sudo.payment_state, (request.env._("Invoiced"), "info"))


def _read_date(text):
    """Return the date of an address, or None if it is none."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
