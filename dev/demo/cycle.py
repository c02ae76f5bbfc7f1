"""The accounting cycle of the demonstration: choices for invoices, corrections, arrears, closing.

Everything is done by the user whose task it is, through the dialogs that the pages offer.
"""

from datetime import timedelta

from odoo import Command


def make_settings(env, manager):
    """Set up the company as a manager does.

    Automatic runs stay off: what the reader sees is what was loaded, until somebody runs
    more by hand. Nothing is suspended, and no e-mail leaves the machine.
    """
    accrued = env["account.account"].create(
        {
            "name": "Accrued Revenue, TRTC",
            "code": "109900",
            "account_type": "asset_current",
            "company_ids": env.company.ids,
        }
    )
    settings = env["trtc.settings"].with_user(manager).create({})
    settings.write(
        {
            "auto_settle": False,
            "auto_invoice": False,
            "grace_days": 2,
            "arrears_policy": "remind",
            "offer_amount": 3_000,
            "accrued_account_id": accrued.id,
            "accrue_by_partner": True,
            "accrue_analytic": True,
        }
    )
    settings.action_save()
    env.ref("mail.ir_cron_mail_scheduler_action").active = False


def make_choices(env, accounts, manager):
    """Choose how invoices are made, as a manager does on the form of each account."""
    for account in accounts.values():
        account.user_id = manager
    # Dated the last day of the month and due at once: overdue, whenever this is loaded.
    accounts["lumen-learning"].with_user(manager).write(
        {
            "invoice_date_rule": "period_end",
            "payment_term_id": env.ref("account.account_payment_term_immediate").id,
        }
    )
    shared = accounts["orbit-broadcast"] | accounts["orbit-academy"]
    shared.with_user(manager).write(
        {
            "invoice_grouping": "customer",
            "invoice_sections": True,
            "auto_post": True,
            "payment_term_id": env.ref("account.account_payment_term_30days").id,
        }
    )
    harbor = accounts["harbor-insurance"].with_user(manager)
    harbor.write(
        {
            "spend_budget": 250,
            "spend_alert_ids": [
                Command.create({"basis": "percent", "value": value}) for value in (75, 90, 100)
            ],
        }
    )


def make_analytics(env, accounts, manager):
    """Book what the applications of Orbit Sports use on analytic accounts."""
    plan = env["account.analytic.plan"].create({"name": "Business Lines"})
    lines = {
        name: env["account.analytic.account"].create({"name": name, "plan_id": plan.id})
        for name in ("Broadcasting", "Education")
    }
    shares = {
        "1400500001": {lines["Broadcasting"]: 100},
        "1400500002": {lines["Broadcasting"]: 60, lines["Education"]: 40},
        "1400600001": {lines["Education"]: 100},
    }
    applications = (accounts["orbit-broadcast"] | accounts["orbit-academy"]).application_ids
    for application in applications.with_user(manager):
        application.analytic_distribution = {
            str(line.id): share for line, share in shares[application.sdkappid].items()
        }


def break_account(env, account):
    """Let one account fail: somebody set its customer off against what is owed to him."""
    accounts = env["account.account"]
    receivable = account.partner_id.property_account_receivable_id
    payable = accounts.search([("account_type", "=", "liability_payable")], limit=1)
    account.partner_id.property_account_position_id = env["account.fiscal.position"].create(
        {
            "name": "Set-off with Suppliers",
            "account_ids": [
                Command.create({"account_src_id": receivable.id, "account_dest_id": payable.id})
            ],
        }
    )


def run(env, user, what, until, accounts=None):
    """Settle, or settle and invoice, as an accountant does; return the run."""
    wizard = env["trtc.run"].with_user(user).create({"until": until})
    wizard.account_ids = accounts
    getattr(wizard, f"action_{what}")()
    return env["trtc.billing.run"].search([], limit=1)


def credit(env, user, move, reopens, reason, **chosen):
    """Credit a part of a posted invoice with the dialog, and post the credit note."""
    move = move.with_user(user)
    wizard = env["trtc.credit"].with_user(user).create({"move_id": move.id, "reason": reason})
    wizard.write({**chosen, "whole": True, "reopens": reopens})
    note = move.browse(wizard.action_credit()["res_id"])
    note.action_post()
    return note


def correct(env, user, invoices, first, last):
    """Credit one day as goodwill, and three days of another customer to be billed again.

    :param dict invoices: posted invoices, by the key of their account
    """
    outage = first + timedelta(days=20)
    credit(
        env,
        user,
        invoices["lumen-learning"],
        "goodwill",
        f"Goodwill for the poor quality of lessons on {outage:%B} {outage.day}",
        date_from=outage,
        date_to=outage,
        item_ids=[Command.set(env.ref("trtc_billing.item_av_hd").ids)],
    )
    nimbus = invoices["nimbus-meet"].trtc_account_id
    town_hall = nimbus.application_ids.filtered(lambda one: one.sdkappid == "1400200002")
    credit(
        env,
        user,
        invoices["nimbus-meet"],
        "again",
        "Billed again under the purchase order of the event",
        date_from=first + timedelta(days=6),
        date_to=first + timedelta(days=8),
        application_ids=[Command.set(town_hall.ids)],
    )
    again = run(env, user, "invoice", last, nimbus).line_ids.move_ids
    again.with_user(user).write({"ref": "PO-2291"})
    again.with_user(user).action_post()


def send(env, user, moves):
    """Send posted invoices and credit notes to their customers by e-mail, with their PDF.

    The e-mails wait in the queue, where they can be read: nothing leaves the machine.
    """
    sender = env["account.move.send"].with_user(user).with_context(mail_notify_force_send=False)
    for move in moves.with_user(user):
        # One by one: Debian's wkhtmltopdf makes no PDF of several documents.
        sender._generate_and_send_invoices(move, sending_methods=["email"])


def remind(user, account):
    """Remind the customer of what is overdue, as the hourly run would.

    The e-mail waits in the queue, where it can be read: nothing leaves the machine.
    """
    account = account.with_user(user).with_context(mail_notify_force_send=False)
    account.action_follow_arrears()


def accrue(env, user, last):
    """Propose the accruals of a month's end and post them; reversals follow by themselves."""
    env["trtc.accrue"].with_user(user).create({"date": last}).action_propose()
    for accrual in env["trtc.accrual"].with_user(user).search([("state", "=", "draft")]):
        accrual.action_post()


def check(env, user, first, last, accounts):
    """Check the books of some accounts; return the report."""
    wizard = env["trtc.check.books"].with_user(user)
    wizard = wizard.create({"date_from": first, "date_to": last})
    wizard.account_ids = accounts
    return env["trtc.books.check"].browse(wizard.action_check()["res_id"])
