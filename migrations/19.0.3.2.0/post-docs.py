from bisect import bisect_right
from collections import defaultdict

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Let drafts of usage follow the rate of their date, and let none of them recur."""
    env = api.Environment(cr, SUPERUSER_ID, {"skip_is_manually_modified": True})
    drafts = env["account.move"].search(
        [("trtc_account_id", "!=", False), ("state", "=", "draft"), ("trtc_rate", "=", 0)]
    )
    _note_rates(drafts._trtc_filter_rated())
    _end_recurrence(env)


def _note_rates(drafts):
    """Tell rates that somebody typed from those that were looked up on some day."""
    by_currency, known = _get_known_rates(drafts), {}

    def get_rate(draft):
        rate = draft.invoice_currency_rate
        looked_up = by_currency[draft.company_id, draft.currency_id]
        if any(draft._trtc_is_same_rate(rate, one) for one in looked_up):
            return rate
        return draft._trtc_get_rate(known)

    for rate, found in drafts.grouped(get_rate).items():
        found.with_context(skip_invoice_sync=True).write({"trtc_rate": rate})


def _get_known_rates(drafts):
    """Return {(company, currency): each rate that it had in those books on some day}."""
    rows = defaultdict(list)
    found = drafts.env["res.currency.rate"].search_fetch(
        [
            ("currency_id", "in", (drafts.currency_id | drafts.company_currency_id).ids),
            ("company_id", "in", (False, *drafts.company_id.root_id.ids)),
        ],
        ["currency_id", "company_id", "name", "rate"],
        order="name, id",
    )
    for row in found:
        rows[row.currency_id, row.company_id].append((row.name, row.rate))
    known = {}
    for draft in drafts:
        company, currency, own = draft.company_id, draft.currency_id, draft.company_currency_id
        if (company, currency) not in known:
            mine, others = (
                [rows[one, owner] for owner in (company.root_id, company.browse())]
                for one in (currency, own)
            )
            days = {day for table in (*mine, *others) for day, _rate in table}
            known[company, currency] = {1.0} | {
                _get_rate_at(mine, day) / _get_rate_at(others, day) for day in days
            }
    return known


def _get_rate_at(tables, day):
    """Return the last rate up to a day, else the first one, else 1, as Odoo does.

    :param tables: the rates of the company, and those of all companies
    """
    for table in tables:
        position = bisect_right(table, day, key=lambda row: row[0])
        if position:
            return table[position - 1][1]
    return next((table[0][1] for table in tables if table), 1.0)


def _end_recurrence(env):
    """Let documents of usage, and drafts that were copied from them, be posted once at most."""
    recurring = env["account.move"].search(
        [
            ("auto_post", "in", ("monthly", "quarterly", "yearly")),
            "|",
            ("trtc_account_id", "!=", False),
            ("auto_post_origin_id.trtc_account_id", "!=", False),
        ]
    )
    recurring.with_context(skip_invoice_sync=True).auto_post = "no"
    for move in recurring.filtered(lambda move: move.state == "draft"):
        move.message_post(
            body=env._(
                "Auto-post was set to No: this document, or the one that it was copied from, "
                "bills TRTC usage, which is billed once. Delete a copy that bills it again."
            )
        )
