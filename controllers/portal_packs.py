from functools import partial

from odoo import http
from odoo.exceptions import AccessError, MissingError
from odoo.fields import Domain
from odoo.http import request

from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.addons.portal.controllers.portal import pager as portal_pager

from ..models.figures import show_figure, to_decimal
from .portal_csv import send_csv
from .portal_list import PortalList

URL = "/my/trtc/packs"


class TrtcPackPortal(CustomerPortal):
    #: rows of a ledger on one page
    _trtc_ledger_rows_per_page = 50

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "trtc_pack_count" in counters:
            Pack = request.env["trtc.minute.pack"]
            values["trtc_pack_count"] = (
                Pack.search_count(self._get_packs_domain()) if Pack.has_access("read") else 0
            )
        return values

    # === LIST === #

    @http.route([URL, f"{URL}/page/<int:page>"], type="http", auth="user", website=True)
    def portal_my_trtc_packs(self, page=1, sortby=None, filterby=None, kind=None, **kw):
        Pack = request.env["trtc.minute.pack"]
        if not Pack.has_access("read"):
            return request.redirect("/my")
        values = self._prepare_my_packs_values(page, sortby, filterby, kind)
        pager = portal_pager(**values["pager"])
        packs = values["find"](pager["offset"])
        # Found under the rules of the user.
        values.update(self._get_pack_figures(packs.sudo()), packs=packs.sudo(), pager=pager)
        return request.render("trtc_billing.portal_my_packs", values)

    def _get_packs_domain(self):
        """Return the domain of the packs to list, beside what rules allow."""
        return Domain("commercial_partner_id", "=", request.env.user.commercial_partner_id.id)

    def _get_pack_searchbar_sortings(self):
        return {
            "newest": {"label": request.env._("Newest"), "order": "date_start desc, id desc"},
            "ending": {"label": request.env._("Ends First"), "order": "date_end, id"},
            "name": {"label": request.env._("Name"), "order": "name, date_start desc, id"},
            "minutes": {"label": request.env._("Minutes"), "order": "minutes desc, id desc"},
        }

    def _get_pack_searchbar_filters(self):
        def of_state(label, state):
            return {"label": label, "domain": Domain("state", "in", (state,))}

        return {
            "all": {"label": request.env._("All"), "domain": Domain.TRUE},
            "running": of_state(request.env._("In Use"), "running"),
            "future": of_state(request.env._("Not in Use Yet"), "future"),
            "used": of_state(request.env._("Used Up"), "used"),
            "expired": of_state(request.env._("Expired"), "expired"),
            "refunded": of_state(request.env._("Refunded"), "refunded"),
        }

    def _get_pack_kinds(self, domain):
        """Return {kind: label} of the packs that there are to choose from."""
        Pack = request.env["trtc.minute.pack"]
        labels = Pack._get_customer_kinds()
        return {kind: labels[kind] for (kind,) in Pack._read_group(domain, ["kind"])}

    def _prepare_my_packs_values(self, page, sortby, filterby, kind):
        """Return the values of the list, with the pager's and a function of its offset.

        Words in the address that mean nothing are left out of account.
        """
        shown = PortalList(
            "trtc.minute.pack",
            URL,
            self._get_pack_searchbar_sortings(),
            self._get_pack_searchbar_filters(),
            sortby,
            filterby,
        )
        domain = self._get_packs_domain()
        kinds = self._get_pack_kinds(domain)
        kind = kind if kind in kinds else None
        if kind:
            domain &= Domain("kind", "=", kind)
        return {
            **self._prepare_portal_layout_values(),
            **shown.get_values(domain, page, self._items_per_page, {"kind": kind}),
            "page_name": "trtc_pack",
            "kind": kind,
            "kinds": kinds,
            "is_filtered": shown.is_filtered or bool(kind),
        }

    def _get_pack_figures(self, packs_sudo):
        """Return the balances of packs, and the part that is used, for bars."""
        balances = packs_sudo._get_balances()
        return {
            "balances": balances,
            "percents": {
                pack: round(100 * balance.drawn / balance.minutes) if balance.minutes else 0
                for pack, balance in balances.items()
            },
            "labels": packs_sudo._get_customer_kinds(),
            "show": partial(show_figure, request.env),
        }

    # === PAGE === #

    @http.route(
        [f"{URL}/<int:pack_id>", f"{URL}/<int:pack_id>/page/<int:page>"],
        type="http",
        auth="user",
        website=True,
    )
    def portal_my_trtc_pack(self, pack_id, page=1, sortby=None, **kw):
        pack_sudo = self._get_readable_pack(pack_id)
        if not pack_sudo:
            return request.redirect("/my")
        url = f"{URL}/{pack_sudo.id}"
        oldest_first = sortby == "oldest"
        pager = portal_pager(
            url=url,
            total=pack_sudo._count_ledger(),
            page=page,
            step=self._trtc_ledger_rows_per_page,
            url_args={"sortby": "oldest"} if oldest_first else {},
        )
        values = {
            **self._prepare_portal_layout_values(),
            **self._get_pack_figures(pack_sudo),
            "page_name": "trtc_pack",
            "pack": pack_sudo,
            "pack_url": url,
            "oldest_first": oldest_first,
            "ledger": pack_sudo._get_ledger(
                newest_first=not oldest_first,
                limit=self._trtc_ledger_rows_per_page,
                offset=pager["offset"],
            ),
            "pager": pager,
        }
        return request.render("trtc_billing.portal_pack_page", values)

    @http.route(
        f"{URL}/<int:pack_id>/ledger.csv", type="http", auth="user", website=True, sitemap=False
    )
    def portal_my_trtc_pack_ledger(self, pack_id, **kw):
        pack_sudo = self._get_readable_pack(pack_id)
        if not pack_sudo:
            return request.redirect("/my")
        name = f"trtc-minutes-{pack_sudo.date_start}-{pack_sudo.date_end}.csv"
        return send_csv(name, self._iterate_ledger(pack_sudo))

    # === TOOLING === #

    def _get_readable_pack(self, pack_id):
        """Return a pack with all rights, if the user may read it; else none.

        A pack has no token: nobody but the customer's own people opens it.
        """
        try:
            return self._document_check_access("trtc.minute.pack", pack_id)
        except (AccessError, MissingError):
            return request.env["trtc.minute.pack"].sudo()

    def _iterate_ledger(self, pack_sudo):
        """Yield the rows of a table of the whole ledger, its head first; figures are exact."""
        yield [
            request.env._("Day"),
            request.env._("Statement"),
            request.env._("Adjustment"),
            request.env._("SDKAppID"),
            request.env._("Application"),
            request.env._("Item Code"),
            request.env._("Billing Item"),
            request.env._("Units Covered"),
            request.env._("Unit"),
            request.env._("Minutes Drawn"),
            request.env._("Left at End of Day"),
        ]
        for row in pack_sudo._get_ledger(newest_first=False):
            draw = row.draw
            yield [
                draw.date.isoformat(),
                draw.statement_id.name,
                request.env._("yes") if draw.statement_id.is_adjustment else "",
                draw.application_id.sdkappid or "",
                draw.application_id.name or "",
                draw.item_id.code,
                draw.item_id.name,
                to_decimal(row.units),
                draw.uom_id.name,
                to_decimal(row.minutes),
                to_decimal(row.left),
            ]
