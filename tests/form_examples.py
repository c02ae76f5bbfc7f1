"""What people enter into each form of this module, for the tests that try every form.

A new model needs an entry here: see ``EXAMPLES``.
"""

import base64
from collections import namedtuple

#: What is entered after New, what is changed then, and the context in which the form opens.
#: Values are those of ``create``; a function gets the test.  Models that the software alone
#: makes records of have no ``fill``.
Example = namedtuple("Example", "fill change context", defaults=(None, None, None))

MADE = Example()


def _lines(test):
    return {"active_model": "trtc.statement.line", "active_ids": test.pending.ids}


def _applications(test):
    return {"active_model": "trtc.application", "active_ids": test.application.ids}


def _invoice(test):
    return {"active_model": "account.move", "active_ids": test.move.ids}


EXAMPLES = {
    # === CUSTOMERS === #
    "trtc.account": Example(
        lambda test: {"name": "New", "uin": "299999999999", "partner_id": test.customer.id},
        {"name": "Newer"},
    ),
    "trtc.account.pricelist": Example(
        lambda test: {
            "account_id": test.account.id,
            "date_start": "2031-01-01",
            "pricelist_id": test.pricelist.id,
        },
        {"date_start": "2032-01-01"},
    ),
    "trtc.application": Example(
        lambda test: {"name": "New", "sdkappid": "1499999999", "account_id": test.account.id},
        {"name": "Newer"},
    ),
    "trtc.commitment": Example(
        lambda test: {"account_id": test.spare.id, "amount": 5, "date_start": "2030-01-01"},
        {"amount": 6},
    ),
    "trtc.minute.pack": Example(
        lambda test: {
            "name": "New",
            "account_id": test.account.id,
            "minutes": 5,
            "date_start": "2030-01-01",
            "date_end": "2030-12-31",
        },
        {"minutes": 6},
    ),
    "trtc.spend.alert": Example(
        lambda test: {"account_id": test.account.id, "basis": "amount", "value": 7},
        {"value": 8},
    ),
    "trtc.subscription": Example(
        lambda test: {
            "application_id": test.application.id,
            "edition_id": test.edition("pro").id,
            "date_start": "2030-01-01",
        },
        {"date_end": "2030-12-31"},
    ),
    "trtc.suspension": Example(
        lambda test: {
            "application_id": test.application.id,
            "reason": "violation",
            "date_start": "2024-11-20",
        },
        {"date_end": "2024-12-31"},
    ),
    # === CATALOGUE === #
    "trtc.edition": Example({"name": "New", "code": "new"}, {"trial_days": 3}),
    "trtc.feature": Example({"name": "New", "code": "new"}, {"sequence": 3}),
    "trtc.free.policy": Example({"name": "New", "minutes": 5}, {"months_max": 3}),
    "trtc.item": Example(
        lambda test: {
            "code": "new",
            "product_id": test.item("av_audio").product_id.id,
            "usage_uom_id": test.item("av_audio").usage_uom_id.id,
            "uom_id": test.item("av_audio").uom_id.id,
        },
        {"block_size": 60},
    ),
    "trtc.ratio.line": Example(
        lambda test: {"table_id": test.table.id, "item_id": test.item("av_hd").id, "ratio": 2},
        {"ratio": 3},
    ),
    "trtc.ratio.table": Example({"name": "New"}, {"note": "Agreed"}),
    "product.pricelist": Example({"name": "New"}, {"trtc_graduated": True}),
    "product.pricelist.item": Example(
        lambda test: {
            "product_tmpl_id": test.item("live_hd").product_id.product_tmpl_id.id,
            "fixed_price": 5,
        },
        {"fixed_price": 6},
        lambda test: {"default_pricelist_id": test.pricelist.id},
    ),
    "uom.uom": Example(
        lambda test: {
            "name": "New",
            "relative_factor": 2,
            "relative_uom_id": test.item("av_audio").uom_id.id,
        },
        {"name": "Newer"},
    ),
    # === USAGE === #
    "trtc.usage.source": Example({"name": "New"}, {"restating": "refuse"}),
    "trtc.usage.import": Example(
        {"name": "New", "source": "new", "file": base64.b64encode(b"sdkappid,item\n").decode()},
        {"source": "newer"},
    ),
    "trtc.usage": MADE,
    "trtc.settlement.note": MADE,
    # === BILLING === #
    "trtc.decision": Example(
        lambda test: {
            "application_id": test.application.id,
            "item_id": test.item("screenshot_terminal").id,
            "date_from": "2024-11-01",
            "date_to": "2024-11-30",
            "outcome": "waive",
            "reason": "Agreed",
        }
    ),
    "trtc.accrual": MADE,
    "trtc.accrual.line": MADE,
    "trtc.accrual.since": MADE,
    "trtc.allocation": MADE,
    "trtc.arrears": MADE,
    "trtc.billing.run": MADE,
    "trtc.billing.run.line": MADE,
    "trtc.books.check": MADE,
    "trtc.books.finding": MADE,
    "trtc.fee": MADE,
    "trtc.pack.draw": MADE,
    "trtc.recognition": MADE,
    "trtc.spend.crossing": MADE,
    "trtc.statement": MADE,
    "trtc.statement.line": MADE,
    "account.move": Example(
        lambda test: {"partner_id": test.customer.id},
        {"ref": "New"},
        {"default_move_type": "out_invoice"},
    ),
    # === DIALOGS === #
    "account.move.reversal": Example(
        lambda test: {"journal_id": test.move.journal_id.id}, {"reason": "Agreed"}, _invoice
    ),
    "res.config.settings": Example({}, {}),
    "trtc.accrue": Example({"date": "2024-10-31"}, {"date": "2024-09-30"}),
    "trtc.check.books": Example({"date_from": "2024-10-01"}, {"date_to": "2024-10-31"}),
    "trtc.credit": Example(
        {"reason": "Agreed"},
        {"reason": "Agreed so"},
        lambda test: {"default_move_id": test.move.id},
    ),
    "trtc.credit.line": MADE,
    # Odoo's own dialog, which an administrator opens: this module adds figures to it.
    "base.module.uninstall": MADE,
    "trtc.account.customer": MADE,
    "trtc.decide": Example({"reason": "Agreed"}, {"outcome": "waive"}, _lines),
    "trtc.price.change": Example(
        {"date_start": "2030-01-01"},
        {"fixed_price": 3},
        lambda test: {"default_rule_id": test.rule.id},
    ),
    "trtc.recognise": Example({"date": "2024-10-31"}, {"date": "2024-09-30"}),
    "trtc.recognise.line": MADE,
    "trtc.reconcile": Example({"date": "2024-10-31"}, {"date": "2024-09-30"}),
    "trtc.reconcile.line": MADE,
    "trtc.refund": Example(
        {},
        {"amount": 0},
        lambda test: {"default_subscription_id": test.subscription.id},
    ),
    "trtc.run": Example({"until": "2024-10-31"}, {"until": "2024-11-30"}),
    "trtc.run.line": MADE,
    "trtc.sell.pack": Example(
        lambda test: {"account_id": test.account.id}, {"size": "custom", "minutes": 5}
    ),
    "trtc.sender.key": Example(
        lambda test: {"user_id": test.user_api_sender.id}, {"name": "Newer"}
    ),
    "trtc.settings": Example({"invoice_day": 5}, {"settlement_hour": 5}),
    "trtc.subscribe": Example(
        lambda test: {
            "application_id": test.application.id,
            "edition_id": test.edition("pro").id,
            "date_start": "2030-01-01",
        },
        {"renew": False},
    ),
    "trtc.suspend": Example({"reason": "other"}, {"note": "Agreed"}, _applications),
}
