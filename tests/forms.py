"""What the tests that try every form and every view share."""

import base64
import re
import traceback
from contextlib import suppress

from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import RedirectWarning, UserError
from odoo.tests import Form
from odoo.tools import mute_logger

from .accrual import AccrualCommon
from .form_examples import EXAMPLES, Example

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
        # Older than anybody expects: it waits to be checked.
        cls.company.trtc_usage_age_months = 36
        cls.usage("av_hd", 60, "2015-01-01")
        cls.company.trtc_usage_age_months = 0
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

    def enter(self, record, values):
        """Enter values into the form of a record, or of a new one; return it, saved."""
        form = Form(record)
        for name, value in values.items():
            field = record._fields[name]
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

    def attempt(self, label, act, *args, keep=False):
        """Do something; note a fault unless it works or answers what to do.

        :param bool keep: leave what was done in place
        :return: what ``act`` returns, or None
        """
        muted = mute_logger("odoo.sql_db", "odoo.models")
        try:
            with muted, suppress(_Undo), self.env.cr.savepoint():
                result = act(*args)
                self.env.flush_all()
                if not keep:
                    raise _Undo
        except Exception as error:  # noqa: BLE001
            self.judge(label, error)
            return None
        return result

    def judge(self, label, error):
        """Note a fault unless an error is one sentence for the person who meets it."""
        if isinstance(error, IntegrityError):
            text = self.read_database(error)
        elif isinstance(error, (UserError, RedirectWarning)):
            text = str(error.args[0])
        else:
            frames = traceback.extract_tb(error.__traceback__)
            place = [f"{frame.filename[-40:]}:{frame.lineno}" for frame in frames[-3:]]
            self.faults.append(f"{label}: {type(error).__name__}: {error} ({', '.join(place)})")
            return
        self.judge_text(label, text)

    def judge_text(self, label, text):
        nobody = label.startswith("trtc.") and "No group currently allows" in text
        if not text.strip() or nobody or RAW.search(text):
            self.faults.append(f"{label}: {text}")

    def read_database(self, error):
        """Return what a client is told of a violated constraint, less core's first words."""
        table = error.diag.table_name
        names = [name for name, model in self.env.registry.items() if model._table == table]
        return self.env[names[0] if names else "base"]._sql_error_to_message(error)

    def assert_no_faults(self):
        self.assertEqual("\n".join(self.faults), "")
