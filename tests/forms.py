"""What people enter into each form of this module, for the tests that try every form.

A new model needs an entry here: see ``EXAMPLES``.
"""

import base64
import re
import traceback
from collections import namedtuple

from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import UserError
from odoo.tools import mute_logger

from .accrual import AccrualCommon

#: What is entered after New, what is changed then, and the context in which the form opens.
#: Values are those of ``create``; a function gets the test.  Models that the software alone
#: makes records of have no ``fill``.
Example = namedtuple("Example", "fill change context", defaults=(None, None, None))

MADE = Example()

#: Roles of those who work in the app, each with at least the rights of the one before.
STAFF = ("reader", "operator", "accountant", "manager")

#: Texts that come from the machinery and tell a person nothing.
RAW = re.compile(
    r"expected singleton|missing required value|violates|record does not exist|null value|"
    r"traceback|another model is using|the operation cannot be completed|invalid field|"
    r"unknown error|unknown database error|duplicate key|out of range|nonetype|"
    r"trtc_\w+_(check|uniq|fkey|once|overlap|ordered|negative|zero|positive)",
    re.IGNORECASE,
)


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


class _Undo(Exception):  # noqa: N818
    """What was done is undone; nothing is wrong."""


class FormsCommon(AccrualCommon):
    """One record at least of everything, and users of each role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.price_editions(cls.pricelist, {"pro": 30})
        cls.rule = cls.pricelist.item_ids[:1]
        cls.company.trtc_deferred_account_id = cls.make_ledger_account(
            "TRTCD", "liability_current"
        )
        cls.spare = cls.make_account()
        cls.table = cls.env["trtc.ratio.table"].create({"name": "Table"})
        cls.subscription = cls.subscribe(cls.application, "pro", "2024-10-01", "2024-10-31")
        cls.account.write(
            {
                "free_policy_id": cls.env["trtc.free.policy"].search([], limit=1).id,
                "free_from": "2024-10-01",
                "spend_budget": 100,
            }
        )
        cls.env["trtc.commitment"].create(
            {"account_id": cls.account.id, "date_start": "2024-10-01", "amount": 500}
        )
        cls.make_pack(10, "2024-10-01", "2024-10-31")
        cls.env["trtc.spend.alert"].create(
            {"account_id": cls.account.id, "basis": "amount", "value": 1}
        )
        cls.env["trtc.account.pricelist"].create(
            {
                "account_id": cls.account.id,
                "date_start": "2030-01-01",
                "pricelist_id": cls.pricelist.id,
            }
        )
        cls.use(30, "2024-10-05")
        cls.usage("screenshot_terminal", 30_000, "2024-10-05")
        cls.move = cls.bill("2024-10-31")[:1]
        cls.env["trtc.recognise"].create({"date": "2024-10-31"}).action_propose()
        cls.env["trtc.decide"].create(
            {"line_ids": cls.lines(status="locked").ids, "outcome": "bill", "reason": "Agreed"}
        ).action_decide()
        cls.usage("screenshot_terminal", 30_000, "2024-11-05")
        cls.env["trtc.run"].create({"until": "2024-11-30"}).action_settle()
        cls.pending = cls.lines(is_pending=True)
        cls.use(50_000, "2024-10-06")
        stray = cls.record("av_hd", 60, "2024-10-01", sdkappid="1499999998")
        cls.ingest(stray)
        file = base64.b64encode(b"sdkappid,item,quantity,start\n")
        cls.env["trtc.usage.import"].create({"name": "File", "file": file})
        cls.application._suspend("other", cls.date("2024-11-20"), "Agreed")
        cls.env["trtc.accrue"].create({"date": "2024-10-31"}).action_propose()
        cls.env["trtc.check.books"].create(
            {"date_from": "2024-10-01", "date_to": "2024-10-31"}
        ).action_check()
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.faults = []

    # === LOOK-UP === #

    @classmethod
    def get_own(cls):
        """Return the names of the models of this module that keep records."""
        return {
            name
            for name, model in cls.env.registry.items()
            if model._original_module == "trtc_billing" and not model._abstract
        }

    @classmethod
    def get_forms(cls):
        """Return the names of all models with a form of this module, its own ones among them."""
        data = cls.env["ir.model.data"].search(
            [("module", "=", "trtc_billing"), ("model", "=", "ir.ui.view")]
        )
        views = cls.env["ir.ui.view"].browse(data.mapped("res_id"))
        forms = views.filtered(lambda view: view.type == "form").mapped("model")
        return sorted({*forms, *cls.get_own()})

    def get_example(self, name):
        """Return the example of a model, with values in place of functions."""
        example = EXAMPLES[name]
        return Example(*(part(self) if callable(part) else part for part in example))

    def each(self, roles=STAFF, makers=False):
        """Yield (label, model as a user, example) for each form and role.

        :param bool makers: leave out roles that may make no record
        """
        for name in self.get_forms():
            example = self.get_example(name)
            for role in roles:
                user = getattr(self, f"user_{role}")
                model = self.env[name].with_user(user).with_context(**example.context or {})
                if not makers or (example.fill is not None and model.has_access("create")):
                    yield f"{name} as {role}", model, example

    # === DOING === #

    def enter(self, form, values):
        """Enter values into a form, save it, and return the record."""
        for name, value in values.items():
            field = form._record._fields[name]
            if field.type == "many2one":
                value = self.env[field.comodel_name].browse(value)
            setattr(form, name, value)
        return form.save()

    def make(self, model, example):
        """Return a new record of an example."""
        given = {}
        if model._name == "trtc.suspend":
            given = {"application_ids": [Command.set(self.application.ids)]}
        return model.create({**example.fill, **given})

    # === TRYING === #

    def attempt(self, label, act, keep=False):
        """Do something; note a fault unless it works or answers what to do.

        :param bool keep: leave what was done in place
        :return: what ``act`` returns, or None
        """
        result = None
        try:
            with mute_logger("odoo.sql_db", "odoo.models"), self.env.cr.savepoint():
                result = act()
                self.env.flush_all()
                if not keep:
                    raise _Undo
        except _Undo:
            pass
        except Exception as error:  # noqa: BLE001
            result = None
            self.judge(label, error)
        return result

    def judge(self, label, error):
        """Note a fault unless an error is one sentence for the person who meets it."""
        if isinstance(error, IntegrityError):
            text = self.read_database(error)
        elif isinstance(error, UserError) or type(error).__name__ == "RedirectWarning":
            text = str(error.args[0])
        else:
            frames = traceback.extract_tb(error.__traceback__)
            place = [f"{frame.filename[-40:]}:{frame.lineno}" for frame in frames[-3:]]
            self.faults.append(f"{label}: {type(error).__name__}: {error} ({', '.join(place)})")
            return
        self.judge_text(label, text)

    def judge_text(self, label, text):
        if not text.strip() or RAW.search(text):
            self.faults.append(f"{label}: {text}")

    def read_database(self, error):
        """Return what a client is told of a violated constraint, less core's first words."""
        table = error.diag.table_name
        names = [name for name, model in self.env.registry.items() if model._table == table]
        return self.env[names[0] if names else "base"]._sql_error_to_message(error)

    def assert_no_faults(self):
        self.assertEqual("\n".join(self.faults), "")
