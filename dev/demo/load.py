"""The demonstration: a month of usage of six customers, settled, invoiced and closed.

Runs inside ``odoo shell`` on a fresh database. Everything goes through the same
doors as in daily use: files are imported by the operator, settled, invoiced, corrected
and closed by the accountant. Dates follow the calendar: the demonstration's month is the last one
that is over.
"""

# ruff: noqa: F821 T201  (``env`` is the shell's; printing is this script's purpose)
import base64
import csv
import io
import json
import sys
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

from werkzeug.serving import make_server

from odoo import Command, http
from odoo.tools import config

HOME = Path(config["data_dir"]).parent
sys.path.insert(0, str(HOME.parent / "dev" / "demo"))
import agreements  # noqa: E402  (beside this file, which the shell reads as text)
import cycle  # noqa: E402
from feeds import FEEDS, make_records  # noqa: E402


def last_month():
    """Return the first and the last day of the last month that is over."""
    last = env.company._trtc_today().replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def make_company():
    env["account.chart.template"].try_loading(
        "generic_coa", company=env.company, install_demo=False
    )
    env.company.write(
        {
            "name": "Example Cloud Services",
            "street": "1 Harbour Road",
            "city": "Springfield",
            "country_id": env.ref("base.us").id,
            "email": "billing@example.com",
            # So that the lines of an invoice, as shown, add up to its total.
            "tax_calculation_rounding_method": "round_per_line",
        }
    )
    # An invented rate, so that lists of two currencies add up to something.
    env["res.currency.rate"].create(
        {
            "currency_id": env.ref("base.CNY").id,
            "company_id": env.company.id,
            "name": "2024-01-01",
            "rate": 7.1,
        }
    )


def make_users():
    """Create one login for each role; return [[role, login, password]]."""
    groups = {
        "accountant": "trtc_billing.group_accountant",
        "operator": "trtc_billing.group_operator",
        "manager": "trtc_billing.group_manager",
    }
    users = env["res.users"].with_context(no_reset_password=True)
    logins = []
    for role, group in groups.items():
        users.create(
            {
                "name": role.capitalize(),
                "login": role,
                "password": role,
                "email": f"{role}@example.com",
                # No e-mail to the staff: there may be no server to send it.
                "notification_type": "inbox",
                "group_ids": [Command.set([env.ref(group).id])],
            }
        )
        logins.append([role, role, role])
    return logins


def make_customer(customer):
    """Create a login for a contact of a customer; return [role, login, password]."""
    contact = env["res.partner"].create(
        {"name": "Ada Lumen", "parent_id": customer.id, "email": "ada@lumen.example.com"}
    )
    env["res.users"].with_context(no_reset_password=True).create(
        {
            "name": contact.name,
            "login": "customer",
            "password": "customer",
            "partner_id": contact.id,
            "group_ids": [Command.set([env.ref("base.group_portal").id])],
        }
    )
    return ["portal customer (Lumen Learning)", "customer", "customer"]


def make_sender():
    """Create the user of a program that sends usage; keep its API key as a file."""
    sender = (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            {
                "name": "Usage Feed",
                "login": "sender",
                "group_ids": [Command.set([env.ref("trtc_billing.group_api_sender").id])],
            }
        )
    )
    key = (
        env["res.users.apikeys"]
        .with_user(sender)
        .sudo()
        ._generate("rpc", "Demonstration", datetime.now() + timedelta(days=90))
    )
    (HOME / "api-key").write_text(key, encoding="utf-8")


def make_contract():
    """Return a contract: 15 % off audio/video duration, the list for all else."""
    listed = env.ref("trtc_billing.pricelist_usd")
    fallback = {"compute_price": "percentage", "base": "pricelist"}
    return env["product.pricelist"].create(
        {
            "name": "Nimbus Meet contract",
            "currency_id": listed.currency_id.id,
            "item_ids": [
                Command.create(
                    {
                        **fallback,
                        "base_pricelist_id": listed.id,
                        "applied_on": "2_product_category",
                        "categ_id": env.ref("trtc_billing.category_duration").id,
                        "percent_price": 15,
                    }
                ),
                Command.create(
                    {
                        **fallback,
                        "base_pricelist_id": listed.id,
                        "applied_on": "3_global",
                        "percent_price": 0,
                    }
                ),
            ],
        }
    )


def make_accounts(start):
    """Create customers, accounts, applications and subscriptions."""
    usd, listed = agreements.make_list(env), env.ref("trtc_billing.pricelist_usd")
    cny = env.ref("trtc_billing.pricelist_cny")
    contract = make_contract()
    agreements.change_price(env, contract, start)
    plan = [
        # key, customer, country, pricelist, {sdkappid: (name, edition)}
        (
            "lumen-learning",
            "Lumen Learning Inc.",
            "base.us",
            usd,
            {"1400100001": ("Classroom", "standard"), "1400100002": ("Exams", "flagship")},
        ),
        (
            "nimbus-meet",
            "Nimbus Meet Ltd.",
            "base.sg",
            contract,
            {"1400200001": ("Meetings", "pro"), "1400200002": ("Town Hall", "pro")},
        ),
        (
            "harbor-insurance",
            "Harbor Insurance Co.",
            "base.us",
            usd,
            {"1400300001": ("Remote Loss Assessment", "lite")},
        ),
        (
            "kaihai-live",
            "开海直播",
            "base.cn",
            cny,
            {"1400400001": ("直播间", "flagship")},
        ),
        (
            "orbit-broadcast",
            "Orbit Sports",
            "base.us",
            listed,
            {"1400500001": ("Match Day", "flagship"), "1400500002": ("Studio", "flagship")},
        ),
        (
            "orbit-academy",
            "Orbit Sports",
            "base.us",
            listed,
            {"1400600001": ("Coaching", "flagship")},
        ),
        (
            "pixel-fitness",
            "Pixel Fitness Co.",
            "base.us",
            usd,
            {"1400700001": ("Classes", "flagship")},
        ),
    ]
    titles = {"orbit-broadcast": "Orbit Broadcast", "orbit-academy": "Orbit Academy"}
    accounts, customers = {}, {}
    for number, (key, name, country, pricelist, applications) in enumerate(plan, start=1):
        customer = customers.get(name) or env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "country_id": env.ref(country).id,
                "email": f"billing@{key}.example.com",
            }
        )
        customers[name] = customer
        accounts[key] = env["trtc.account"].create(
            {
                "name": titles.get(key, name),
                "uin": f"20000000{number:04}",
                "partner_id": customer.id,
                "pricelist_id": pricelist.id,
                "application_ids": [
                    Command.create({"name": label, "sdkappid": sdkappid})
                    for sdkappid, (label, _edition) in applications.items()
                ],
            }
        )
        for application in accounts[key].application_ids:
            edition = applications[application.sdkappid][1]
            env["trtc.subscription"].create(
                {
                    "application_id": application.id,
                    "edition_id": env.ref(f"trtc_billing.edition_{edition}").id,
                    "date_start": start,
                }
            )
    agreements.make_books(env)
    agreements.make_free_minutes(env, accounts, start)
    agreements.sell(env, accounts, start)
    return accounts


def import_file(user, name, records):
    """Import records as the operator does: as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "sdkappid", "item", "quantity", "start"])
    writer.writeheader()
    writer.writerows(records)
    usage_import = (
        env["trtc.usage.import"]
        .with_user(user)
        .create(
            {
                "name": name,
                "file_name": name,
                "file": base64.b64encode(text.getvalue().encode()),
            }
        )
    )
    usage_import.action_import()
    return usage_import


def show(moves):
    """Print a table of invoices."""
    rows = [["Customer", "Lines", "Untaxed", "Tax", "Total", "Currency", "State"]]
    for move in moves:
        rows.append(
            [
                move.partner_id.display_name,
                str(len(move.invoice_line_ids)),
                f"{move.amount_untaxed:,.2f}",
                f"{move.amount_tax:,.2f}",
                f"{move.amount_total:,.2f}",
                move.currency_id.name,
                move.state,
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if 0 < column < 5 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells))


@contextmanager
def serving():
    """Serve this database while the block runs: reports load their styles over HTTP."""
    server = make_server("127.0.0.1", 0, http.root, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    parameters = env["ir.config_parameter"]
    parameters.set_param("report.url", f"http://127.0.0.1:{server.server_port}")
    env.cr.commit()  # pylint: disable=invalid-commit
    try:
        yield
    finally:
        parameters.search([("key", "=", "report.url")]).unlink()
        env.cr.commit()  # pylint: disable=invalid-commit
        server.shutdown()
        thread.join()


def has_pdf():
    return env["ir.actions.report"].get_wkhtmltopdf_state() != "install"


def send_posted(accountant):
    """Send what is posted: on the PDF of an invoice that was not sent, Odoo says "Proforma"."""
    posted = env["account.move"].search(
        [("trtc_account_id", "!=", False), ("state", "=", "posted"), ("is_move_sent", "=", False)]
    )
    if has_pdf():
        with serving():
            cycle.send(env, accountant, posted)


def save_pdf(move):
    """Write an invoice as PDF; return where, or why not."""
    report = env["ir.actions.report"]
    if not has_pdf():
        return "no PDF: wkhtmltopdf is not installed"
    with serving():
        content, _kind = report._render_qweb_pdf("account.account_invoices", move.ids)
    path = HOME / f"invoice-{move.name.replace('/', '-')}.pdf"
    path.write_bytes(content)
    return path


def main():
    first, last = last_month()
    make_company()
    logins = make_users()
    users = {role: env["res.users"].search([("login", "=", role)]) for role, *_ in logins}
    cycle.make_settings(env, users["manager"])
    accounts = make_accounts(first)
    cycle.make_choices(env, accounts, users["manager"])
    cycle.make_analytics(env, accounts, users["manager"])
    logins.append(make_customer(accounts["lumen-learning"].partner_id))
    make_sender()
    yesterday = env.company._trtc_last_ended_day()
    records = {key: make_records(key, first, last) for key in FEEDS}
    for key, found in records.items():
        import_file(users["operator"], f"{key}-{first:%Y-%m}.csv", found)
    broken = make_records("harbor-insurance", last, last)
    broken[0]["quantity"] = "-60"
    broken[1]["start"] = "yesterday"
    import_file(users["operator"], "harbor-insurance-correction.csv", broken)

    accountant = users["accountant"]
    cycle.run(env, accountant, "settle", first)
    agreements.upgrade(env, accounts, first)
    cycle.run(env, accountant, "settle", last)
    cycle.break_account(env, accounts["pixel-fitness"])
    moves = cycle.run(env, accountant, "invoice", last).line_ids.move_ids.with_user(accountant)
    invoices = {
        key: moves.filtered(lambda move, account=account: move.trtc_account_id == account)
        for key, account in accounts.items()
    }
    posted = invoices["lumen-learning"] | invoices["nimbus-meet"]
    posted.action_post()
    agreements.recognise(env, accountant, last)
    cycle.correct(env, accountant, invoices, first, last)
    send_posted(accountant)
    cycle.remind(accountant, accounts["lumen-learning"])
    cycle.accrue(env, accountant, last)

    # After posting: a late correction of one day, and the usage of the month so far.
    late = next(r for r in records["lumen-learning"] if r["start"] == last.isoformat())
    late = {**late, "quantity": late["quantity"] + 7_200}
    import_file(users["operator"], "lumen-learning-late.csv", [late])
    if yesterday > last:
        for key in FEEDS:
            import_file(
                users["operator"],
                f"{key}-{yesterday:%Y-%m-%d}.csv",
                make_records(key, last + timedelta(days=1), yesterday),
            )
    cycle.run(env, accountant, "settle", yesterday)
    orbit = accounts["orbit-broadcast"] | accounts["orbit-academy"]
    cycle.check(env, accountant, first, last, orbit)
    env.cr.commit()  # pylint: disable=invalid-commit

    print(f"\nInvoices for {first} to {last}, as loaded\n")
    show(moves.sudo())
    pending = env["trtc.statement.line"].search_count([("is_pending", "=", True)])
    unknown = env["trtc.usage"].search_count(
        [("application_id", "=", False), ("state", "=", "current")]
    )
    print(f"\nStatement lines that wait for a decision or a price: {pending}")
    print(f"Usage records of no known application: {unknown}")
    parked = env["trtc.account"].search([("parked_since", "!=", False)])
    print(f"Accounts that could not be billed: {', '.join(parked.mapped('name'))}")
    print(f"\nOne bill as PDF: {save_pdf(posted[:1].sudo())}")
    logins.append(["administrator", "admin", "admin"])
    (HOME / "demo.json").write_text(json.dumps({"logins": logins}), encoding="utf-8")


main()
