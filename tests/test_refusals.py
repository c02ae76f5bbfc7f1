import base64
from datetime import timedelta

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .accrual import AccrualCommon

#: Its refusals say how usage is sent, to whoever tries: they name nobody's.
NAMELESS = {"trtc.usage"}


@tagged("post_install", "-at_install")
class TestRefusals(AccrualCommon):
    """Whoever may not change a record is told that alone, whatever else stands in the way."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.price_editions(cls.pricelist, {"pro": 30})
        cls.subscribe(cls.application, "pro", "2024-10-01", "2024-10-31").bill_fee = True
        cls.account.free_policy_id = cls.env["trtc.free.policy"].search([], limit=1)
        cls.account.free_from = "2024-10-01"
        cls.env["trtc.commitment"].create(
            {"account_id": cls.account.id, "date_start": "2024-10-01", "amount": 500}
        )
        cls.make_pack(10, "2024-10-01", "2024-10-31")
        cls.env["trtc.spend.alert"].create(
            {"account_id": cls.account.id, "basis": "amount", "value": 1}
        )
        cls.use(30, "2024-10-05")
        cls.usage("screenshot_terminal", 30_000, "2024-10-05")
        cls.bill("2024-10-31")
        line = cls.lines(status="locked")
        cls.env["trtc.decide"].create(
            {"line_ids": line.ids, "outcome": "bill", "reason": "Agreed"}
        ).action_decide()
        cls.use(50_000, "2024-10-06")
        file = base64.b64encode(b"sdkappid,item,quantity,start\n")
        cls.env["trtc.usage.import"].create({"name": "File", "file": file})
        cls.application._suspend("other", cls.date("2024-11-20"), "Agreed")
        cls.env["trtc.account.pricelist"].create(
            {
                "account_id": cls.account.id,
                "date_start": "2030-01-01",
                "pricelist_id": cls.pricelist.id,
            }
        )

    def _has_guard(self, model):
        """Tell whether a model refuses changes by code of its own."""
        return any(
            name in vars(cls)
            for cls in type(model).mro()
            for name in ("write", "unlink")
            if "trtc_billing" in cls.__module__ and cls._name not in ("trtc.sealed", "trtc.given")
        )

    def _get_other(self, record, field):
        """Return another value of a field than the record has."""
        value = record[field.name]
        if field.type in ("many2one", "date", "datetime") and not value:
            return False
        return {
            "many2one": lambda: False,
            "json": lambda: {},
            "one2many": lambda: [Command.clear()],
            "many2many": lambda: [Command.clear()],
            "date": lambda: value + timedelta(days=400),
            "datetime": lambda: value + timedelta(days=400),
            "boolean": lambda: not value,
            "integer": lambda: value + 1,
            "float": lambda: value + 1,
            "monetary": lambda: value + 1,
            "selection": lambda: value,
        }.get(field.type, lambda: "other")()

    def _try(self, records, method, *args):
        """Return what a method tells a user who may not call it, unless it is that."""
        try:
            with self.env.cr.savepoint():
                getattr(records, method)(*args)
        except AccessError:
            return []
        except Exception as error:
            return [f"{records._name}.{method}{[*map(list, args)]}: {error}"]
        return [f"{records} {method}{args}: done"]

    def test_a_refusal_names_what_a_customer_may_not_see(self):
        self.propose("2024-10-31")
        self.env.flush_all()
        told, empty = [], set()
        for name in sorted(self.env.registry):
            model = self.env[name].sudo().with_context(active_test=False)
            if not name.startswith("trtc.") or name in NAMELESS:
                continue
            if model._transient or model._abstract:
                continue
            records = model.search([], limit=40)
            if not records and self._has_guard(model):
                empty.add(name)
            for user in (self.user_portal, self.user_employee):
                for field in model._fields.values():
                    if field.name in ("id", "create_uid", "create_date", "write_uid", "write_date"):
                        continue
                    for record in records:
                        vals = {field.name: self._get_other(record, field)}
                        told += self._try(record.with_user(user), "write", vals)
                for record in records:
                    told += self._try(record.with_user(user), "unlink")
                told += self._try(model.with_user(user), "create", {})
        self.assertEqual("\n".join(told), "")
        self.assertEqual(empty, set())
