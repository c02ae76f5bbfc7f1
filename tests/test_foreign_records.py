import json
from datetime import date

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .prepayment import PrepaymentCommon

#: Marks every name, number and price of the other company, so that a leak shows.
SECRET = "Zq7"
PRICE = 7.130977
TODAY = date(2024, 10, 5)


class Undone(Exception):
    """Ends a savepoint whose work was looked at."""


@tagged("post_install", "-at_install")
class TestForeignRecords(PrepaymentCommon):
    """Whoever names a record of another company is told nothing of it.

    A dialog that was made on an invoice of another company read out its number, its
    SDKAppIDs and the prices of the contract.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.theirs = cls.setup_other_company(name=f"{SECRET} Company")["company"]
        cls.make_theirs()
        cls.env = cls.env(context={**cls.env.context, "allowed_company_ids": cls.company.ids})
        cls.users = {role: cls.make_user(role) for role in ("manager", "accountant", "operator")}
        cls.users["system"] = cls.make_user("manager")
        cls.users["system"].group_ids += cls.quick_ref("base.group_system")
        cls.mine = cls.make_application(cls.account)
        cls.env.flush_all()

    @classmethod
    def make_theirs(cls):
        """Let the other company have one of everything."""
        own, cls.env = cls.env, cls.env(
            context={**cls.env.context, "allowed_company_ids": cls.theirs.ids}
        )
        env = cls.env
        cls.their_partner = env["res.partner"].create(
            {"name": f"{SECRET} Customer", "company_id": cls.theirs.id, "is_company": True}
        )
        cls.their_list = cls.make_pricelist(
            {"av_hd": PRICE}, name=f"{SECRET} Contract", company_id=cls.theirs.id
        )
        cls.their_list.item_ids.mapped("currency_id")
        cls.price_editions(cls.their_list, {"pro": PRICE, "flagship": 2 * PRICE})
        cls.their_account = env["trtc.account"].create(
            {
                "name": f"{SECRET} Account",
                "uin": "299999999999",
                "partner_id": cls.their_partner.id,
                "company_id": cls.theirs.id,
                "pricelist_id": cls.their_list.id,
                "free_policy_id": False,
            }
        )
        cls.their_application = env["trtc.application"].create(
            {
                "name": f"{SECRET} Application",
                "sdkappid": "1499999771",
                "account_id": cls.their_account.id,
            }
        )
        cls.their_subscription = cls.subscribe(
            cls.their_application, "pro", "2024-10-01", "2024-10-31"
        )
        cls.their_subscription.bill_fee = True
        for item, quantity in (("av_hd", 600), ("screenshot_terminal", 30_000)):
            record = cls.record(item, quantity, "2024-10-05", cls.their_application)
            env["trtc.usage"].ingest([record], f"{SECRET}-feed")
        cls.their_pack = cls.make_pack(
            10, "2024-10-01", "2024-10-31", cls.their_account, name=f"{SECRET} Pack"
        )
        cls.their_account.settle("2024-10-31")
        cls.their_move = cls.their_account.create_invoices("2024-10-31")
        cls.their_move.name = f"{SECRET}/2024/001"
        cls.their_move.action_post()
        cls.their_account.env["trtc.commitment"].create(
            {"account_id": cls.their_account.id, "date_start": "2024-10-01", "amount": 500}
        )
        cls.their_application._suspend("other", "2024-10-20", f"{SECRET} note")
        cls.env = own

    # === TOOLS === #

    @classmethod
    def get_secrets(cls):
        return (SECRET, "1499999771", "299999999999", str(PRICE), str(2 * PRICE))

    def get_foreign(self, model):
        """Return a record of the other company of a model, or none."""
        records = self.env[model].sudo().with_context(
            active_test=False, allowed_company_ids=self.theirs.ids
        )
        if model == "res.company":
            return records.browse(self.theirs.id)
        if model == "res.partner":
            return records.browse(self.their_partner.id)
        if model == "product.pricelist":
            return records.browse(self.their_list.id)
        if model == "product.pricelist.item":
            return self.their_list.sudo().item_ids[:1]
        if model == "account.move":
            return records.browse(self.their_move.id)
        if model == "account.move.line":
            return self.their_move.sudo().invoice_line_ids[:1]
        for path in ("company_id", "account_id.company_id", "subscription_id.company_id"):
            name = path.split(".")[0]
            if name in records._fields and (
                "." not in path or "company_id" in self.env[records._fields[name].comodel_name]
            ):
                return records.search([(path, "=", self.theirs.id)], order="id desc", limit=1)
        return records.browse()

    def cannot_read(self, user, record):
        return not record.with_user(user).with_context(
            allowed_company_ids=user.company_ids.ids
        )._filtered_access("read")

    def listen(self, what, call):
        """Return where an answer, or an error text, tells something of the other company."""
        try:
            with (
                self.env.cr.savepoint(),
                mute_logger(
                    "odoo.addons.base.models.ir_rule",
                    "odoo.addons.base.models.ir_model",
                    "odoo.sql_db",
                ),
            ):
                answer = call()
                raise Undone(json.dumps(answer, default=repr))
        except Exception as error:
            text = str(error)
            if not isinstance(error, (Undone, UserError)):
                text += f" [{type(error).__name__}]"
        finally:
            self.env.invalidate_all()
        return [f"{what}: {text[:300]}" for secret in self.get_secrets() if secret in text][:1]

    def get_spec(self, model):
        """Return what a form asks for of all fields of a model, with names."""
        spec = {}
        for name, field in model._fields.items():
            spec[name] = {"fields": {"display_name": {}}} if field.relational else {}
            if field.type in ("one2many", "many2many") and field.comodel_name.startswith("trtc."):
                comodel = self.env[field.comodel_name]
                spec[name]["fields"] = {
                    one: {} for one, sub in comodel._fields.items() if not sub.relational
                }
        return spec

    def get_values(self, field, record):
        """Return the forms in which a client can name a record in a field."""
        if field.type == "many2one":
            return [record.id]
        return [[Command.set(record.ids)], [Command.link(record.id)]]

    def get_fillers(self, model):
        """Return values for what a record needs to be made, of the user's own company."""
        fillers = {
            "reason": "other" if model._name == "trtc.suspend" else "Agreed",
            "application_id": self.mine.id,
            "application_ids": [Command.set(self.mine.ids)],
            "account_id": self.account.id,
            "account_ids": [Command.set(self.account.ids)],
            "edition_id": self.edition("flagship").id,
            "date": "2024-10-31",
            "date_start": "2024-10-05",
            "until": "2024-10-31",
            "name": "x",
        }
        return {
            name: value
            for name, value in fillers.items()
            if name in model._fields and not model._fields[name].related
        }

    def look(self, models, is_dialog):
        told, tried = [], set()
        for name in models:
            for role, user in self.users.items():
                model = self.env[name].with_user(user)
                if not model.has_access("create"):
                    continue
                names = [
                    one
                    for one, function in self.get_actions(type(model))
                    if is_dialog and function
                ]
                for field in model._fields.values():
                    if not field.relational or field.name in ("create_uid", "write_uid"):
                        continue
                    record = self.get_foreign(field.comodel_name)
                    if not record or not self.cannot_read(user, record):
                        continue
                    tried.add((name, field.name))
                    for value in self.get_values(field, record):
                        told += self.try_field(model, role, field, value, names)
        return told, tried

    def get_actions(self, cls):
        return [
            (name, getattr(cls, name))
            for name in dir(cls)
            if name.startswith(("action_", "reverse_moves"))
            and "trtc_billing" in getattr(getattr(cls, name), "__module__", "")
        ]

    def try_field(self, model, role, field, value, actions):
        what = f"{role} {model._name}.{field.name}"
        vals = {**self.get_fillers(model), field.name: value}
        spec = self.get_spec(model)

        def read(record):
            self.env.flush_all()
            self.env.invalidate_all()
            return [record.web_read(spec), record.read()]

        def changed():
            record = model.create(self.get_fillers(model))
            record.write({field.name: value})
            return read(record)

        default = model.with_context(**{f"default_{field.name}": value})
        calls = {
            "create": lambda: read(model.create(vals)),
            "write": changed,
            "onchange": lambda: model.onchange(dict(vals), [field.name], spec),
            "onchange of nothing": lambda: model.onchange(dict(vals), [], spec),
            "default": lambda: default.onchange({}, [], spec),
            "default_get": lambda: default.default_get([*model._fields]),
            "default create": lambda: read(
                default.create({k: v for k, v in vals.items() if k != field.name})
            ),
            "name_create": lambda: default.name_create("x"),
        }
        for method in actions:
            calls[method] = lambda method=method: getattr(model.create(vals), method)()
        told = []
        for kind, call in calls.items():
            told += self.listen(f"{what} {kind}", call)
        return told

    # === TESTS === #

    def get_dialogs(self):
        return [
            name
            for name, model in sorted(self.env.registry.items())
            if model._transient
            and (model._original_module == "trtc_billing" or name == "account.move.reversal")
        ]

    def test_a_dialog_reads_out_what_another_company_has(self):
        told, tried = self.look(self.get_dialogs(), True)
        self.assertEqual("\n".join(told), "")
        for one in (
            ("trtc.credit", "move_id"),
            ("trtc.decide", "line_ids"),
            ("trtc.refund", "subscription_id"),
            ("trtc.refund", "pack_id"),
            ("trtc.sell.pack", "account_id"),
            ("trtc.subscribe", "application_id"),
            ("trtc.suspend", "application_ids"),
            ("trtc.run", "account_ids"),
            ("trtc.price.change", "rule_id"),
            ("trtc.settings", "company_id"),
            ("account.move.reversal", "move_ids"),
        ):
            self.assertIn(one, tried)

    def test_a_form_reads_out_what_another_company_has(self):
        names = [
            name
            for name, model in sorted(self.env.registry.items())
            if name.startswith("trtc.") and not model._transient and not model._abstract
        ]
        told, tried = self.look(names, False)
        self.assertEqual("\n".join(told), "")
        self.assertIn(("trtc.application", "account_id"), tried)
        self.assertIn(("trtc.subscription", "application_id"), tried)

    def test_a_list_is_handed_to_a_dialog(self):
        told = []
        for role, user in self.users.items():
            for name in self.get_dialogs():
                model = self.env[name].with_user(user)
                if not model.has_access("create"):
                    continue
                for active in (
                    "account.move",
                    "trtc.account",
                    "trtc.application",
                    "trtc.statement.line",
                    "trtc.statement",
                ):
                    record = self.get_foreign(active)
                    opened = model.with_context(
                        active_model=active, active_ids=record.ids, active_id=record.id
                    )
                    told += self.listen(
                        f"{role} {name} on {active}",
                        lambda opened=opened: opened.default_get([*opened._fields]),
                    )
                    told += self.listen(
                        f"{role} {name} form on {active}",
                        lambda opened=opened: opened.onchange({}, [], self.get_spec(opened)),
                    )
        self.assertEqual("\n".join(told), "")

    def test_a_button_of_another_company_tells_or_does_something(self):
        """Called over the network with the id of a record that the user may not see."""
        told = []
        before = self.snapshot()
        for name in sorted(self.env.registry):
            model = self.env[name]
            if not name.startswith("trtc.") or model._transient or model._abstract:
                continue
            record = self.get_foreign(name)
            if not record:
                continue
            for role in ("manager", "portal", "api_sender"):
                user = self.users.get(role) or self.make_user(role)
                self.users.setdefault(role, user)
                mine = self.env[name].with_user(user).browse(record.ids)
                calls = {one: getattr(mine, one) for one, _f in self.get_actions(type(mine))}
                calls |= {
                    one: (lambda mine=mine, one=one: getattr(mine, one)("2024-10-31"))
                    for one in ("settle", "create_invoices", "is_unlocked")
                    if hasattr(mine, one)
                }
                calls["read"] = mine.read
                calls["copy"] = mine.copy
                calls["web_read"] = lambda mine=mine: mine.web_read(self.get_spec(mine))
                for one, call in calls.items():
                    told += self.listen(f"{role} {name}.{one}", call)
        self.assertEqual("\n".join(told), "")
        self.assertEqual(self.snapshot(), before)

    def snapshot(self):
        moves = self.env["account.move"].sudo().search([("company_id", "=", self.theirs.id)])
        suspensions = self.their_application.sudo().suspension_ids
        return (
            moves.mapped(lambda move: (move.id, move.state)),
            suspensions.mapped(lambda one: (one.id, one.date_end)),
        )
