"""Go on with what was used before an update: runs inside ``odoo shell`` after it."""

import json

ITEM = "av_hd"


def documents(**more):
    domain = [("trtc_account_id", "!=", False)]
    domain += [(name, "=", value) for name, value in more.items()]
    return env["account.move"].search(domain)


def state():
    """Return what a run with nothing new to do must leave as it is."""
    lines = env["trtc.statement.line"].search([])
    return [
        env["trtc.statement"].search_count([]),
        len(lines),
        round(sum(lines.mapped("amount")), 8),
        sorted((move.id, move.state, move.amount_total) for move in documents()),
    ]


def send(name, sdkappid, quantity, day):
    fact = {"id": name, "sdkappid": sdkappid, "item": ITEM, "quantity": quantity, "start": day}
    result = env["trtc.usage"].ingest([fact], "feed")
    if result["accepted"] != 1:
        raise AssertionError(f"{name} was not accepted: {result}")


def run(until):
    statements = env["trtc.account"].settle(until)
    return statements, env["trtc.account"].create_invoices(until)


def unpark():
    """Take away what kept an account from being invoiced."""
    partners = env["trtc.account"].search([]).partner_id
    partners.property_account_position_id = False


def enter_rates():
    """Nothing is booked without an exchange rate any more."""
    for currency in env["trtc.account"].search([]).currency_id - env.company.currency_id:
        if not currency.rate_ids:
            env["res.currency.rate"].create(
                {
                    "currency_id": currency.id,
                    "company_id": env.company.id,
                    "name": "2024-01-01",
                    "rate": 7,
                }
            )


def stay():
    """A run with nothing new to do makes nothing, not even of what was credited before."""
    run("2024-10-31")
    before = state()
    statements, _moves = run("2024-10-31")
    if statements or state() != before:
        raise AssertionError(f"a second run changes {before} to {state()}")


def refresh(account):
    """Late usage joins the draft of its month."""
    draft = documents(state="draft", move_type="out_invoice", trtc_account_id=account.id)
    draft = draft.filtered("invoice_line_ids.trtc_item_id").sorted("trtc_date_to")[-1:]
    before, lines = draft.amount_untaxed, len(documents())
    send("late", account.application_ids[0].sdkappid, 600_000, "2024-10-20")
    statements, _moves = run("2024-10-31")
    added = draft.amount_untaxed - before
    if not (draft and draft.exists() and draft.state == "draft" and statements and added > 0):
        raise AssertionError(f"the draft {draft} of {account.name} was not refreshed: {added}")
    if len(documents()) != lines:
        raise AssertionError("late usage made a document of its own beside its draft")
    if abs(added - sum(statements.mapped("amount_untaxed"))) > 0.01:
        raise AssertionError(f"the draft grew by {added}, its usage comes to another amount")


def next_month():
    """A new month is taken in, settled, invoiced and posted."""
    applications = env["trtc.application"].search([])
    for application in applications:
        send(f"new-{application.sdkappid}", application.sdkappid, 600_000, "2024-11-05")
    statements, _moves = run("2024-11-30")
    drafts = documents(state="draft").filtered(lambda move: move.move_type == "out_invoice")
    drafts.action_post()
    of_november = [("statement_line_id.statement_id", "in", statements.ids)]
    billed = env["trtc.allocation"].search(of_november)
    missing = applications.account_id - billed.move_id.trtc_account_id
    if missing or set(billed.move_id.mapped("state")) != {"posted"}:
        raise AssertionError(f"November is not posted of {missing.mapped('name')}")


unpark()
enter_rates()
stay()
refresh(env["trtc.account"].search([("uin", "=", "200000000001")]))
next_month()
env.cr.commit()
print(json.dumps({"documents": len(documents(state="posted"))}))
