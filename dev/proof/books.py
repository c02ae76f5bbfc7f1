"""A company's books for the proofs: how they are made, and how they are read.

What is read leaves ids, names of documents and times out: two runs that came to
the same result by different ways read the same.
"""

#: Runs in an Odoo process: three accounts, two months of usage, the first one billed
#: and posted, and corrections of it that the next run must bill.
PREPARE = """
import random
from datetime import date, timedelta
from odoo import Command

company = env.company
env["account.chart.template"].try_loading("generic_coa", company=company, install_demo=False)
usd, cny = (env.ref(f"trtc_billing.pricelist_{name}") for name in ("usd", "cny"))
env["res.currency.rate"].create({
    "currency_id": cny.currency_id.id, "company_id": company.id, "name": "2024-01-01", "rate": 7,
})
items = {item.code: item for item in env["trtc.item"].search([])}
graduated = env["product.pricelist"].create({
    "name": "Graduated", "currency_id": usd.currency_id.id, "trtc_graduated": True,
    "item_ids": [Command.create({
        "applied_on": "0_product_variant", "product_id": items["av_hd"].product_id.id,
        "compute_price": "fixed", "min_quantity": start, "fixed_price": price,
    }) for start, price in ((0, 0.004), (1000, 0.003), (3000, 0.002))] + [Command.create({
        "applied_on": "3_global", "compute_price": "formula", "base": "pricelist",
        "base_pricelist_id": usd.id,
    })],
})
sdkappids = []
for number, (pricelist, vals) in enumerate((
    (usd, {}),
    (cny, {"invoice_cycle": "day"}),
    (graduated, {"auto_post": True, "derive_robots_from": "2024-10-10"}),
), start=1):
    partner = env["res.partner"].create({"name": f"Customer {number}", "is_company": True})
    account = env["trtc.account"].create({
        "name": f"Account {number}", "uin": str(number), "partner_id": partner.id,
        "pricelist_id": pricelist.id, **vals,
    })
    for sdkappid in (f"{number}01", f"{number}02"):
        sdkappids.append(sdkappid)
        application = env["trtc.application"].create({
            "name": sdkappid, "sdkappid": sdkappid, "account_id": account.id,
        })
        if sdkappid != "102":
            env["trtc.subscription"].create({
                "application_id": application.id, "date_start": "2024-01-01",
                "edition_id": env.ref("trtc_billing.edition_flagship").id,
            })

flagship = env.ref("trtc_billing.edition_flagship")
env["product.pricelist.item"].create({
    "pricelist_id": usd.id, "applied_on": "0_product_variant",
    "product_id": flagship.fee_product_id.id, "compute_price": "fixed", "fixed_price": 900,
})
flagship.included_minutes = 500
for account in env["trtc.account"].search([]):
    env["trtc.minute.pack"].create({
        "name": "Pack", "account_id": account.id, "minutes": 3000,
        "date_start": "2024-09-10", "date_end": "2024-10-20",
    })
    env["trtc.commitment"].create({
        "account_id": account.id, "amount": 5000, "date_start": "2024-09-01",
        "date_end": "2024-10-31",
    })

dice = random.Random(7)
codes = ("av_audio", "av_hd", "rec_hd", "screenshot_terminal")
def records(month):
    days = [date(2024, month, 1) + timedelta(days=n) for n in range(0, 28, 3)]
    return [{
        "id": f"{sdkappid}-{code}-{day}-{n}", "sdkappid": sdkappid, "item": code,
        "quantity": dice.randint(1, 9000), "start": day.isoformat(),
    } for sdkappid in sdkappids for code in codes for day in days for n in range(2)]

september, october = records(9), records(10)
env["trtc.usage"].ingest(september, "feed")
env["trtc.account"].settle("2024-09-30")
env["trtc.account"].create_invoices("2024-09-30").filtered(
    lambda move: move.state == "draft"
).action_post()

# Half of a line of the first invoice of each account comes back: to be billed again, as
# goodwill, and on a credit note that is still a draft.
for number, reopens in (("1", "again"), ("2", "goodwill"), ("3", "again"), ("1", "again")):
    move = env["account.move"].search([
        ("trtc_account_id.uin", "=", number), ("move_type", "=", "out_invoice"),
        ("state", "=", "posted"), ("trtc_date_from", "!=", False),
    ], order="trtc_date_from, id", limit=1)
    wizard = env["trtc.credit"].create({
        "move_id": move.id, "reason": "Outage", "reopens": reopens, "date": "2024-10-05",
    })
    line = wizard.line_ids.filtered("item_id").sorted("remaining")[-1:]
    line.quantity = line.remaining // 2
    credit = env["account.move"].browse(wizard.action_credit()["res_id"])
    if number != "3":
        credit.action_post()
env["trtc.usage"].ingest(
    [{**record, "quantity": record["quantity"] // 2} for record in september[::5]], "feed"
)
env["trtc.usage"].ingest(october, "feed")
env.cr.commit()
"""

#: Runs in an Odoo process: what the daily work does.
SETTLE = 'env["trtc.account"].settle("2024-10-31")\n'
INVOICE = 'env["trtc.account"].create_invoices("2024-10-31")\n'
COMMIT = "env.cr.commit()\n"
WORK = SETTLE + COMMIT + INVOICE + COMMIT

#: Parts of the books: query of values that do not depend on when and by whom.
BOOKS = {
    "usage": """
        SELECT external_id, sdkappid, item_code, quantity, date, state, count(*)
          FROM trtc_usage GROUP BY 1, 2, 3, 4, 5, 6
    """,
    "left to settle": """
        SELECT DISTINCT account.uin, note.cycle, note.date_from, note.date_to
          FROM trtc_settlement_note note JOIN trtc_account account ON account.id = account_id
    """,
    "statements": """
        SELECT account.uin, cycle, date_from, date_to, revision, amount_untaxed::numeric
          FROM trtc_statement statement JOIN trtc_account account ON account.id = account_id
    """,
    "lines": """
        SELECT account.uin, statement.cycle, statement.revision, line.date, item.code,
               line.sdkappid, line.status, line.kind, line.price_unit,
               line.metered_quantity, line.quantity, line.free_quantity, line.pack_quantity,
               line.locked_quantity, line.billable_quantity, line.amount
          FROM trtc_statement_line line
          JOIN trtc_statement statement ON statement.id = line.statement_id
          JOIN trtc_account account ON account.id = statement.account_id
          JOIN trtc_item item ON item.id = line.item_id
    """,
    "minutes drawn": """
        SELECT account.uin, pack.kind, pack.date_start, line.date, item.code, line.sdkappid,
               statement.revision, draw.units, draw.minutes, pack.minutes_drawn
          FROM trtc_pack_draw draw
          JOIN trtc_minute_pack pack ON pack.id = draw.pack_id
          JOIN trtc_account account ON account.id = pack.account_id
          JOIN trtc_statement_line line ON line.id = draw.statement_line_id
          JOIN trtc_statement statement ON statement.id = line.statement_id
          JOIN trtc_item item ON item.id = line.item_id
    """,
    "packs": """
        SELECT account.uin, kind, application_id, date_start, date_end, minutes, minutes_drawn
          FROM trtc_minute_pack pack JOIN trtc_account account ON account.id = account_id
    """,
    "fees": """
        SELECT account.uin, fee.kind, fee.subscription_id, fee.date_from, fee.date_to,
               fee.amount, coalesce(allocation.released, false), allocation.kind,
               allocation.rebills_id IS NOT NULL, move.state
          FROM trtc_fee fee
          JOIN trtc_account account ON account.id = fee.account_id
     LEFT JOIN trtc_allocation allocation ON allocation.fee_id = fee.id
     LEFT JOIN account_move move ON move.id = allocation.move_id
    """,
    "invoices": """
        SELECT account.uin, move.move_type, move.state, move.trtc_date_from,
               move.trtc_date_to, move.amount_untaxed, move.amount_tax,
               move.amount_total, move.amount_residual
          FROM account_move move JOIN trtc_account account ON account.id = trtc_account_id
    """,
    "entries": """
        SELECT account.uin, move.trtc_date_from, line.display_type, ledger.code_store::text,
               item.code, line.trtc_kind, line.trtc_is_late, line.trtc_is_rounding,
               line.trtc_date_from, line.trtc_date_to, line.quantity, line.price_unit,
               line.price_subtotal, line.amount_currency, line.balance
          FROM account_move_line line
          JOIN account_move move ON move.id = line.move_id
          JOIN trtc_account account ON account.id = move.trtc_account_id
          JOIN account_account ledger ON ledger.id = line.account_id
     LEFT JOIN trtc_item item ON item.id = line.trtc_item_id
    """,
    "allocations": """
        SELECT account.uin, statement.cycle, statement.revision, line.date, item.code,
               line.sdkappid, line.status, line.kind, line.price_unit, allocation.quantity,
               allocation.amount, coalesce(allocation.released, false), allocation.kind,
               allocation.reopens, allocation.credited_quantity, credited.quantity,
               rebilled.quantity, move.state, move.trtc_date_from,
               moved.trtc_item_id = line.item_id, moved.price_unit::numeric(24, 12)
          FROM trtc_allocation allocation
          JOIN trtc_statement_line line ON line.id = allocation.statement_line_id
          JOIN trtc_statement statement ON statement.id = line.statement_id
          JOIN trtc_account account ON account.id = statement.account_id
          JOIN trtc_item item ON item.id = line.item_id
          JOIN account_move move ON move.id = allocation.move_id
     LEFT JOIN account_move_line moved ON moved.id = allocation.move_line_id
     LEFT JOIN trtc_allocation credited ON credited.id = allocation.credits_id
     LEFT JOIN trtc_allocation rebilled ON rebilled.id = allocation.rebills_id
    """,
}

#: What all revisions and invoices come to together, in however many steps.
NET = {
    "usage": BOOKS["usage"],
    "left to settle": BOOKS["left to settle"],
    "settled": """
        SELECT account_id, date, item_id, sdkappid, status, kind, price_unit,
               sum(metered_quantity), sum(quantity), sum(free_quantity), sum(pack_quantity),
               sum(locked_quantity), sum(billable_quantity), sum(amount)
          FROM trtc_statement_line GROUP BY 1, 2, 3, 4, 5, 6, 7
        HAVING sum(quantity) <> 0
    """,
    "minutes drawn": """
        SELECT pack.account_id, pack.kind, pack.date_start, pack.date_end, pack.minutes,
               pack.minutes_drawn
          FROM trtc_minute_pack pack
    """,
    "fees": """
        SELECT account_id, kind, date_from, sum(amount) FROM trtc_fee
         GROUP BY 1, 2, 3 HAVING sum(amount) <> 0
    """,
    "billed": """
        SELECT coalesce(line.account_id, fee.account_id), sum(allocation.amount)
          FROM trtc_allocation allocation
     LEFT JOIN trtc_statement_line line ON line.id = allocation.statement_line_id
     LEFT JOIN trtc_fee fee ON fee.id = allocation.fee_id
         WHERE allocation.released IS NOT TRUE GROUP BY 1
    """,
    "invoiced": """
        SELECT trtc_account_id,
               sum(CASE move_type WHEN 'out_refund' THEN -amount_untaxed
                                  ELSE amount_untaxed END)
          FROM account_move WHERE trtc_account_id IS NOT NULL AND state <> 'cancel'
         GROUP BY 1
    """,
}


def read(connection, books=None):
    """Return the books as {part: sorted rows}."""
    found = {}
    with connection.cursor() as cursor:
        for part, query in (books or BOOKS).items():
            cursor.execute(query)
            found[part] = sorted(cursor.fetchall(), key=repr)
    return found


def assert_same(found, expected):
    """Compare part by part: the first difference is what a reader needs."""
    for part, rows in expected.items():
        more = [row for row in found[part] if row not in rows]
        less = [row for row in rows if row not in found[part]]
        assert not more and not less, f"{part}: too much {more[:5]}, missing {less[:5]}"
        assert found[part] == rows, f"{part}: rows are there more often than they should"
