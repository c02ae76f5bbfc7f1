from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Let drafts of usage follow the rate of their date, and let none of them recur."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    drafts = env["account.move"].search(
        [("trtc_account_id", "!=", False), ("state", "=", "draft"), ("trtc_rate", "=", 0)]
    )
    for draft in drafts._trtc_filter_rated():
        _note_rate(draft)
    _end_recurrence(env)


def _note_rate(draft):
    """Tell a rate that somebody typed from one that was looked up on some day."""
    rates = draft.env["res.currency.rate"].search(
        [
            ("currency_id", "in", (draft.currency_id | draft.company_currency_id).ids),
            ("company_id", "in", (False, draft.company_id.root_id.id)),
        ]
    )
    known = {draft._get_expected_currency_rate_at(day) for day in set(rates.mapped("name"))}
    rate = draft.invoice_currency_rate
    if any(draft._trtc_is_same_rate(rate, one) for one in {*known, 1.0}):
        draft.with_context(skip_invoice_sync=True).trtc_rate = rate
    else:
        draft._trtc_note_rate()


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
