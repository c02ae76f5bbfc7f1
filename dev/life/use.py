"""Use the module as a company does: runs inside ``odoo shell`` of any of its versions.

What a version does not have yet is left out, so that one script uses them all, each by its own
methods. Days lie in the past and nothing is left to chance.
"""

import base64
from datetime import date, timedelta
from decimal import Decimal

from odoo import Command

SEPTEMBER, OCTOBER = ("2024-09-30", "2024-10-31")
# The last one is billed by the character, and its product counts thousands of them.
ITEMS = ("av_audio", "av_hd", "rec_hd", "screenshot_terminal", "ai_tts")


def has(model):
    """Tell whether this version knows a model."""
    return model in env


def knows(model, **vals):
    """Return the values of fields that this version's model has."""
    return {name: value for name, value in vals.items() if name in env[model]._fields}


def make_company():
    company = env.company
    company.name = "Example Cloud Services"
    env["account.chart.template"].try_loading(
        "generic_coa", company=company, install_demo=False
    )
    make = env["account.account"].create
    liability = make({"name": "Deferred", "code": "TRTC1", "account_type": "liability_current"})
    asset = make({"name": "Accrued", "code": "TRTC2", "account_type": "asset_current"})
    company.write(
        knows(
            "res.company",
            trtc_deferred_account_id=liability.id,
            trtc_accrued_account_id=asset.id,
            trtc_arrears_policy="remind",
            trtc_grace_days=0,
        )
    )
    env.ref("mail.ir_cron_mail_scheduler_action").active = False


def make_contract(usd):
    """Return a graduated contract on top of the list that the module ships."""
    product = env.ref("trtc_billing.product_av_hd")
    contract = env["product.pricelist"].create(
        {"name": "Contract", "currency_id": usd.currency_id.id, "trtc_graduated": True}
    )
    env["product.pricelist.item"].create(
        [
            {
                "pricelist_id": contract.id,
                "applied_on": "0_product_variant",
                "product_id": product.id,
                "compute_price": "fixed",
                "min_quantity": start,
                "fixed_price": price,
            }
            for start, price in ((0, 0.004), (100, 0.003), (300, 0.002))
        ]
        + [
            {
                "pricelist_id": contract.id,
                "applied_on": "3_global",
                "compute_price": "formula",
                "base": "pricelist",
                "base_pricelist_id": usd.id,
            }
        ]
    )
    return contract


def make_accounts():
    """Return three accounts by month, by day, and posted automatically."""
    usd, cny = (env.ref(f"trtc_billing.pricelist_{name}") for name in ("usd", "cny"))
    immediate = env.ref("account.account_payment_term_immediate")
    choices = (
        (usd, {"payment_term_id": immediate.id, "invoice_date_rule": "period_end"}),
        (cny, {"invoice_cycle": "day", "free_policy_id": False}),
        (
            make_contract(usd),
            {"auto_post": True, "derive_robots_from": "2024-10-10", "free_policy_id": False},
        ),
    )
    flagship = env.ref("trtc_billing.edition_flagship")
    speech = env.ref("trtc_billing.feature_text_to_speech")
    flagship.feature_ids = [Command.link(speech.id)]
    if "fee_product_id" in flagship._fields:
        env["product.pricelist.item"].create(
            {
                "pricelist_id": usd.id,
                "applied_on": "0_product_variant",
                "product_id": flagship.fee_product_id.id,
                "compute_price": "fixed",
                "fixed_price": 900,
            }
        )
        flagship.included_minutes = 50
    accounts = []
    for number, (pricelist, vals) in enumerate(choices, start=1):
        partner = env["res.partner"].create(
            {
                "name": f"Customer {number}",
                "is_company": True,
                "email": f"billing{number}@example.com",
            }
        )
        account = env["trtc.account"].create(
            {
                "name": f"Account {number}",
                "uin": f"20000000000{number}",
                "partner_id": partner.id,
                "pricelist_id": pricelist.id,
                **knows("trtc.account", **vals),
            }
        )
        accounts.append(account)
        for sdkappid in (f"140000000{number}", f"140000010{number}"):
            application = env["trtc.application"].create(
                {"name": sdkappid, "sdkappid": sdkappid, "account_id": account.id}
            )
            if sdkappid.startswith("14000000"):
                env["trtc.subscription"].create(
                    {
                        "application_id": application.id,
                        "edition_id": flagship.id,
                        "date_start": "2024-08-30",
                        "date_end": "2024-12-29",
                    }
                )
    return accounts


def sell(accounts):
    """Sell minutes, agree on a minimum and suspend an application, where that exists."""
    if not has("trtc.minute.pack"):
        return
    env["trtc.commitment"].create(
        {
            "account_id": accounts[0].id,
            "amount": 1000,
            "date_start": "2024-09-01",
            "date_end": "2024-09-30",
        }
    )
    env["trtc.minute.pack"].create(
        {
            "name": "Gift",
            "account_id": accounts[1].id,
            "minutes": 400,
            "date_start": "2024-09-10",
            "date_end": "2024-10-20",
        }
    )
    # The second one is refunded, which is possible while it lasts.
    for minutes, day in ((300, date(2024, 9, 5)), (25_000, env.company._trtc_today())):
        accounts[0]._sell_pack(minutes, day, amount=Decimal("19.90"))
    env["trtc.suspension"].create(
        {
            "application_id": accounts[2].application_ids[-1].id,
            "reason": "other",
            "date_start": "2024-09-20",
            "date_end": "2024-09-25",
        }
    )


def records(month):
    days = [date(2024, month, 1) + timedelta(days=number) for number in range(0, 28, 9)]
    return [
        {
            "id": f"{application.sdkappid}-{item}-{day}",
            "sdkappid": application.sdkappid,
            "item": item,
            "quantity": 12_001 * (number + 3) + 7 * day.day,
            "start": day.isoformat(),
        }
        for application in env["trtc.application"].search([], order="sdkappid")
        for number, item in enumerate(ITEMS)
        for day in days
    ]


def ingest(facts):
    result = env["trtc.usage"].ingest(facts, "feed")
    if result["rejected"]:
        raise AssertionError(f"rejected: {result['rejected']}")
    return result


def import_file():
    """Import a file of usage, one row of an application that nobody knows."""
    text = "id,sdkappid,item,quantity,start\r\n" + "".join(
        f"{number},{sdkappid},av_hd,{quantity},2024-09-03\r\n"
        for number, sdkappid, quantity in (
            (1, "1400000001", 6000),
            (2, "1499999999", 60),
            (3, "1400000001", -1),
        )
    )
    usage_import = env["trtc.usage.import"].create(
        {"name": "f", "file_name": "f.csv", "file": base64.b64encode(text.encode())}
    )
    usage_import.action_import()


def invoice(until):
    """Settle and invoice; return the drafts."""
    env["trtc.account"].settle(until)
    moves = env["trtc.account"].create_invoices(until)
    return moves.filtered(lambda move: move.state == "draft")


def find_move(account, state="posted"):
    """Return the oldest invoice of usage of an account that nobody has credited."""
    moves = env["account.move"].search(
        [
            ("trtc_account_id", "=", account.id),
            ("move_type", "=", "out_invoice"),
            ("state", "=", state),
            ("reversal_move_ids", "=", False),
        ],
        order="invoice_date, id",
    )
    return moves.filtered("invoice_line_ids.trtc_item_id")[:1]


def reverse(move):
    """Credit an invoice by Odoo's own dialog; return the draft."""
    dialog = env["account.move.reversal"].with_context(
        active_model="account.move", active_ids=move.ids
    )
    dialog = dialog.create({"journal_id": move.journal_id.id, "reason": "Outage"})
    credit = move.browse(dialog.refund_moves()["res_id"])
    if credit.state == "posted":
        raise AssertionError("the credit note is posted already")
    return credit


def credit(accounts):
    """Credit an invoice whole, another in part, a third on a draft."""
    whole = reverse(find_move(accounts[1]))
    whole.action_post()
    part = reverse(find_move(accounts[0]))
    line = part.invoice_line_ids.filtered(lambda one: one.quantity > 2)[:1]
    part.invoice_line_ids = [Command.update(line.id, {"quantity": line.quantity // 2})]
    part.action_post()
    reverse(find_move(accounts[2]))
    if not has("trtc.credit"):
        return
    for reopens in ("again", "goodwill"):
        move = find_move(accounts[1])
        dialog = env["trtc.credit"].create(
            {"move_id": move.id, "reason": "Outage", "reopens": reopens}
        )
        line = dialog.line_ids.filtered("item_id").sorted("remaining")[-1:]
        line.quantity = line.remaining // 2
        move.browse(dialog.action_credit()["res_id"]).action_post()


def decide():
    """Bill one locked line, waive another, and leave the rest waiting."""
    lines = env["trtc.statement.line"].search([("is_pending", "=", True)], order="id")
    lines = lines.filtered(lambda line: line.status == "locked")
    for line, outcome in zip(lines[:2], ("bill", "waive"), strict=True):
        env["trtc.decide"].create(
            {"line_ids": line.ids, "outcome": outcome, "reason": "Agreed"}
        ).action_decide()


def refund():
    """Refund a pack that nobody drew from."""
    pack = has("trtc.refund") and env["trtc.minute.pack"].search(
        [("kind", "=", "prepaid")], order="date_start desc", limit=1
    )
    if pack:
        env["trtc.refund"].create({"pack_id": pack.id}).action_refund()


def recognise(last):
    """Recognise what was earned of prepaid fees."""
    if has("trtc.recognise"):
        env["trtc.recognise"].create({"date": last}).action_propose()
        entries = env["trtc.recognition"].search([]).move_id
        entries.filtered(lambda move: move.state == "draft").action_post()


def accrue(last):
    """Accrue what is not invoiced, and remind of what is overdue."""
    if not has("trtc.accrual"):
        return
    env["trtc.accrue"].create({"date": last}).action_propose()
    for accrual in env["trtc.accrual"].search([("state", "=", "draft")]):
        accrual.action_post()
    quiet = env["trtc.account"].search([]).with_context(mail_notify_force_send=False)
    quiet.action_follow_arrears()


def park(account):
    """Let an account fail: its customer is set off against what is owed to him."""
    if not has("trtc.billing.run"):
        return
    receivable = account.partner_id.property_account_receivable_id
    payable = env["account.account"].search(
        [("account_type", "=", "liability_payable")], limit=1
    )
    swap = Command.create({"account_src_id": receivable.id, "account_dest_id": payable.id})
    account.partner_id.property_account_position_id = env["account.fiscal.position"].create(
        {"name": "Set-off", "account_ids": [swap]}
    )
    run = env["trtc.run"].create({"until": "2024-11-30"})
    run.account_ids = account
    run.action_invoice()


def use():
    make_company()
    accounts = make_accounts()
    sell(accounts)
    september = records(9)
    ingest(september)
    import_file()
    invoice(SEPTEMBER).action_post()
    credit(accounts)
    # Corrections of what is posted, then a month whose invoices stay drafts
    ingest([{**fact, "quantity": fact["quantity"] // 2} for fact in september[::7]])
    invoice(SEPTEMBER)
    ingest(records(10))
    invoice(OCTOBER)
    decide()
    refund()
    recognise(SEPTEMBER)
    invoice(OCTOBER)
    accrue(OCTOBER)
    park(accounts[1])
    env.cr.commit()
    print({model: env[model].search_count([]) for model in sorted(env) if is_ours(model)})


def is_ours(model):
    kind = env[model]
    return model.startswith("trtc.") and not (kind._abstract or kind._transient)


use()
