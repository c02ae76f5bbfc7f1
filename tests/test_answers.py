import inspect
import json
from contextlib import suppress
from datetime import datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import NotNullViolation, SerializationFailure

from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.service import model as service_model
from odoo.service.model import get_public_method
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .accrual import AccrualCommon
from .common import TrtcCommon

OPERATORS = (
    "=", "!=", "<>", "<", ">", "<=", ">=", "in", "not in", "like", "not like", "ilike",
    "not ilike", "=like", "=ilike", "not =like", "child_of", "parent_of", "any", "not any",
    "any!", "not any!",
)  # fmt: skip
VALUES = (
    False, None, True, 0, 1, -1, 2**40, 1.5, "", "draft", "False", "\x00", [], [False], [None],
    [True, False], ["draft", False], ["draft", "paid"], [1, "draft"], [[]], {}, {"a": 1},
    [("id", "!=", False)],
)  # fmt: skip


@tagged("post_install", "-at_install")
class TestSearches(AccrualCommon):
    """A domain of a client is answered by a sentence or by what it says."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.price_editions(cls.pricelist, {"pro": 30})
        cls.subscribe(cls.application, "pro", "2024-10-01", "2024-10-31").bill_fee = True
        cls.make_application(name="Without an edition")._suspend(
            "other", cls.date("2024-11-20"), "Agreed"
        )
        cls.make_pack(10, "2024-10-01", "2024-10-31")
        cls.make_pack(10, "2024-10-01", "2099-10-31")
        cls.use(30, "2024-10-05")
        cls.usage("screenshot_terminal", 30_000, "2024-10-05")
        cls.bill("2024-10-31")
        cls.use(30, "2024-11-05")
        cls.env.flush_all()

    def get_fields(self):
        """Return [(model, field)] of every field of this module with a search of its own."""
        found = []
        for name in sorted(self.env.registry):
            model = self.env[name]
            for field in model._fields.values():
                search = isinstance(field.search, str) and getattr(model, field.search)
                if search and "trtc_billing" in search.__module__:
                    found.append((model.with_context(active_test=False), field))
        return found

    def ask(self, model, domain):
        """Return the records of a domain, or the kind of exception that answers it."""
        try:
            with self.env.cr.savepoint(flush=False), mute_logger("odoo.domains", "odoo.sql_db"):
                return model.search(domain)
        except Exception as error:
            return error

    def test_a_search_ends_in_a_traceback(self):
        """Values that no field of the kind takes are answered by the reader of domains."""
        told = []
        found = self.get_fields()
        self.assertGreaterEqual(len(found), 12)
        for model, field in found:
            plain = self.get_plain(field)
            for operator in OPERATORS:
                for value in VALUES:
                    answer = self.ask(model, [(field.name, operator, value)])
                    if not isinstance(answer, Exception) or isinstance(answer, UserError):
                        continue
                    other = self.ask(plain[0], [(plain[1], operator, value)])
                    if isinstance(other, Exception) and not isinstance(other, UserError):
                        continue
                    told.append(f"{field} {operator} {value!r}: {answer!r}")
        self.assertEqual("\n".join(told), "")

    def get_plain(self, field):
        """Return (model, name) of a stored field of core of the same type."""
        return {
            "boolean": (self.env["res.partner"], "active"),
            "selection": (self.env["account.move"], "state"),
            "many2one": (self.env["res.partner"], "parent_id"),
            "many2many": (self.env["res.partner"], "category_id"),
            "one2many": (self.env["res.partner"], "child_ids"),
        }[field.type]

    def test_a_field_that_cannot_be_searched_ends_in_a_traceback(self):
        told = []
        for name in sorted(self.env.registry):
            model = self.env[name]
            if not name.startswith("trtc.") or model._abstract:
                continue
            for field in model._fields.values():
                if field.store or field.search or field.related:
                    continue
                asks = {
                    "domain": lambda model=model, field=field: model.search(
                        [(field.name, "=", 1)]
                    ),
                    "order": lambda model=model, field=field: model.search([], order=field.name),
                    "group": lambda model=model, field=field: model.formatted_read_group(
                        [], [field.name], ["__count"]
                    ),
                }
                for kind, ask in asks.items():
                    try:
                        with suppress(UserError), self.env.cr.savepoint(flush=False):
                            ask()
                    except Exception as error:
                        told.append(f"{field} {kind}: {error!r}")
        self.assertEqual("\n".join(told), "")

    def test_a_search_says_something_else_than_the_field(self):
        for model, field in self.get_fields():
            records = model.search([])
            values = {record: record[field.name] for record in records}
            relational = field.relational
            known = set()
            for value in values.values():
                known |= set(value.ids) if relational else {value}
            others = [True] if field.type == "boolean" else [2**31 - 1] if relational else ["odd"]
            for value in {False, *known, *others}:
                for operator in ("=", "!=", "in", "not in"):
                    operand = [value] if "in" in operator else value
                    answer = self.ask(model, [(field.name, operator, operand)])
                    wanted = model.browse(
                        record.id
                        for record in records
                        if self.holds(values[record], value, relational)
                        != (operator in ("!=", "not in"))
                    )
                    with self.subTest(field=str(field), operator=operator, value=value):
                        self.assertNotIsInstance(answer, Exception, repr(answer))
                        self.assertEqual(answer.sorted("id"), wanted.sorted("id"))

    def holds(self, have, value, relational):
        if relational:
            return not have if value is False else value in have.ids
        if value in (False, None):
            return not have
        return have == value and type(have) is type(value)


#: What a client may send for any argument.
ODD = (
    None, False, True, 0, 5, -1, 2**70, 1.5, float("nan"), "", "x", "\x00", "2024-10-31",
    "2024-10-31 10:00:00", "2024-10-31T10:00:00+08:00", "2024-02-30", "20241031", "0001-01-01",
    "9999-12-31", [], [None], ["x"], [[]], [{}], {}, {"a": 1},
    [{"item": "av_audio", "quantity": "x"}], [{"item": "av_audio", "quantity": 1, "unit": []}],
    [{"item": [], "quantity": 1}], [{"item": "av_audio"}],
)  # fmt: skip
ANSWERS = (UserError, RedirectWarning)
#: What callers of Python share on our models, and clients reach on core's.
SKIPPED = {"create", "write", "unlink", "default_get", "onchange", "copy"}


@tagged("post_install", "-at_install")
class TestPublicMethods(AccrualCommon):
    """Whatever a client calls a method with, it gets a result or a sentence."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.price_editions(cls.pricelist, {"pro": 30, "flagship": 90})
        cls.subscribe(cls.application, "pro", "2024-10-01", "2024-10-31").bill_fee = True
        cls.application._suspend("other", cls.date("2024-11-20"), "Agreed")
        cls.application_two = cls.make_application()
        cls.make_pack(10, "2024-10-01", "2024-10-31")
        cls.make_pack(10, "2024-10-01", "2099-10-31")
        cls.use(30, "2024-10-05")
        cls.usage("screenshot_terminal", 30_000, "2024-10-05")
        cls.bill("2024-10-31")
        cls.use(30, "2024-10-06")
        cls.env.flush_all()

    def get_methods(self):
        """Return [(model, method name, names of its arguments)] that clients reach."""
        found = []
        for model in sorted(self.env.registry):
            records = self.env[model]
            if not model.startswith("trtc.") or records._abstract:
                continue
            for name, method in inspect.getmembers(type(records), inspect.isfunction):
                if name.startswith("_") or name in SKIPPED:
                    continue
                if "trtc_billing" not in method.__module__ or self.is_core(records, name):
                    continue
                try:
                    get_public_method(records, name)
                except AccessError:
                    continue
                found.append((model, name, list(inspect.signature(method).parameters)[1:]))
        return found

    def is_core(self, records, name):
        """Tell whether a method is Odoo's own, which a model of ours only extends."""
        bases = type(records).__mro__
        return any(name in vars(one) for one in bases if "trtc_billing" not in one.__module__)

    def try_call(self, records, name, args):
        """Return the traceback that a call ends in, or nothing."""
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.addons.base.models.ir_rule"):
                getattr(records, name)(**args)
                self.env.flush_all()
                raise Undone
        except (Undone, *ANSWERS):
            return []
        except Exception as error:
            return [f"{records.env.user.login}: {records}.{name}({args}): {error!r}"]
        finally:
            self.env.invalidate_all()

    def test_a_call_with_odd_arguments_ends_in_a_traceback(self):
        told, methods = [], self.get_methods()
        self.assertGreaterEqual(len(methods), 50)
        for model, name, arguments in methods:
            records = self.env[model].sudo().with_context(active_test=False).search([], limit=2)
            for role in ("manager", "portal", "api_sender"):
                user = getattr(self, f"user_{role}")
                several = self.env[model].with_user(user).browse(records.ids)
                cases = [several, several[:1], several[:0], several.browse(2**31 - 1)]
                plain = {argument: "2024-10-31" for argument in arguments}
                for one in cases if role == "manager" else cases[1:2]:
                    told += self.try_call(one, name, plain)
                for argument in arguments:
                    for value in ODD if role == "manager" else ("x", None):
                        told += self.try_call(several[:1], name, {**plain, argument: value})
        self.assertEqual("\n".join(told), "")

    def test_an_estimate_with_odd_arguments_ends_in_a_traceback(self):
        good = {"usages": [{"item": "av_audio", "quantity": 60}]}
        told = []
        for user in (self.user_portal, self.user_reader):
            items = self.env["trtc.item"].with_user(user)
            for argument in ("on", "pricelist_id", "edition"):
                for value in ODD:
                    told += self.try_call(items, "estimate", {**good, argument: value})
            for key in ("item", "quantity", "unit"):
                for value in ODD:
                    entry = {**good["usages"][0], key: value}
                    told += self.try_call(items, "estimate", {"usages": [entry]})
        self.assertEqual("\n".join(told), "")

    def test_a_day_is_read_as_another_one(self):
        accountant = self.account.with_user(self.user_accountant)
        for name in ("settle", "create_invoices"):
            for value in ("x", None, 5, "", [], {}, "\x00", "2024-10-31 10:00:00", "2024-02-30"):
                with (
                    self.subTest(method=name, value=value),
                    self.assertRaisesRegex(UserError, "is no day"),
                    self.env.cr.savepoint(),
                ):
                    getattr(accountant, name)(value)

    def test_until_the_end_of_time_never_ends(self):
        accountant = self.account.with_user(self.user_accountant)
        self.subscribe(self.application_two, "pro", "2026-10-01").bill_fee = True
        with freeze_time("2026-11-28"):
            self.assertTrue(accountant.settle("9999-12-31"))
            accountant.create_invoices("9999-12-31")
            terms = self.account.fee_ids.filtered(
                lambda fee: fee.application_id == self.application_two
            )
            self.assertEqual(len(terms), 2)

    def test_a_feature_is_asked_for_of_no_application_or_two(self):
        pair = self.application | self.application_two
        for user in (self.user_portal, self.user_reader, self.user_manager):
            for records in (pair[:0], pair):
                with self.subTest(user=user.login), self.assertRaisesRegex(UserError, "one record"):
                    records.with_user(user).is_unlocked("call")
            one = self.application.with_user(user)
            for code in ({}, [], None, "\x00", 5, "nothing of the kind"):
                with self.assertRaisesRegex(UserError, "no feature"):
                    one.is_unlocked(code)
            for day in ("x", "\x00", {}, 5, "2024-02-30", "2024-10-31 10:00:00"):
                with self.assertRaisesRegex(UserError, "no day"):
                    one.is_unlocked(self.env["trtc.feature"].search([])[:1].code, on=day)

    def test_a_dialog_without_its_record_ends_in_a_traceback(self):
        """Made by a client that leaves out what is required."""
        told = []
        for name in sorted(self.env.registry):
            model = self.env[name]
            if not (model._transient and name.startswith("trtc.")):
                continue
            wizards = model.with_user(self.user_manager)
            actions = [
                method
                for method, function in inspect.getmembers(type(model), inspect.isfunction)
                if method.startswith("action_") and "trtc_billing" in function.__module__
            ]
            some = {"date_start": "2024-10-01", "until": "2024-10-31", "date": "2024-10-31"}
            if "reason" in model._fields:
                is_text = model._fields["reason"].type == "char"
                some["reason"] = "Agreed" if is_text else model.new({}).reason or False
                if name == "trtc.suspend":
                    some["reason"] = "other"
            for vals in ({}, {key: some[key] for key in some if key in model._fields}):
                for method in actions:
                    told += self.try_create(wizards, vals, method)
        self.assertEqual("\n".join(told), "")

    def try_create(self, wizards, vals, method):
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                wizard = wizards.create(vals)
                wizard.read()
                getattr(wizard, method)()
                raise Undone
        except (Undone, *ANSWERS, NotNullViolation):
            # A required field that is missing is named by core.
            return []
        except Exception as error:
            return [f"{wizards._name}({vals}).{method}: {error!r}"]
        finally:
            self.env.invalidate_all()


class Undone(Exception):
    """Ends a savepoint whose work was looked at."""


class Lost(SerializationFailure):
    """A transaction that lost to another one, as the database says it."""

    pgcode = "40001"


@tagged("post_install", "-at_install")
class TestBusyAnswers(HttpCase, TrtcCommon):
    """A transaction that lost five times is told to come again; it was a fault, status 500."""

    def post(self, path, body, **headers):
        return self.url_open(
            path, data=json.dumps(body), headers={"Content-Type": "application/json", **headers}
        )

    def setUp(self):
        super().setUp()
        self.accountant = self.make_user("accountant")
        self.key = (
            self.env["res.users.apikeys"]
            .with_user(self.accountant)
            .sudo()
            ._generate("rpc", "test", datetime.now() + timedelta(days=1))
        )
        self.patch(service_model, "MAX_TRIES_ON_CONCURRENCY_FAILURE", 1)

    def lose(self, model, method):
        def lost(*_args, **_kwargs):
            raise Lost("could not serialize access due to concurrent update")

        self.startPatcher(patch.object(self.registry[model], method, lost))

    def test_a_lost_transaction_is_a_fault(self):
        self.lose("trtc.account", "settle")
        headers = {"Authorization": f"Bearer {self.key}"}
        with mute_logger("odoo.http", "odoo.service.model"):
            answer = self.post("/json/2/trtc.account/settle", {"until": "2024-10-31"}, **headers)
        self.assertEqual(answer.status_code, 503)
        self.assertEqual(answer.headers["Retry-After"], "5")
        self.assertIn("again", answer.json()["message"])
        self.assertNotIn("serialize", answer.text)
        self.assertNotIn("Traceback", answer.text)

    def test_a_fault_is_told_to_come_again(self):
        def broken(*_args, **_kwargs):
            raise ValueError("Broken")

        self.startPatcher(patch.object(self.registry["trtc.account"], "settle", broken))
        headers = {"Authorization": f"Bearer {self.key}"}
        with mute_logger("odoo.http"):
            answer = self.post("/json/2/trtc.account/settle", {"until": "2024-10-31"}, **headers)
        self.assertEqual(answer.status_code, 500)

    def test_what_is_not_ours_answers_as_ever(self):
        self.lose("res.partner", "name_search")
        headers = {"Authorization": f"Bearer {self.key}"}
        with mute_logger("odoo.http", "odoo.service.model"):
            answer = self.post("/json/2/res.partner/name_search", {}, **headers)
        self.assertEqual(answer.status_code, 500)

    def test_a_lost_transaction_is_a_fault_over_json_rpc(self):
        self.lose("trtc.account", "settle")
        args = [self.env.cr.dbname, self.accountant.id, self.key, "trtc.account", "settle"]
        body = {
            "jsonrpc": "2.0",
            "id": 7,
            "params": {
                "service": "object",
                "method": "execute_kw",
                "args": [*args, [[], "2024-10-31"]],
            },
        }
        with mute_logger("odoo.http", "odoo.service.model"):
            answer = self.post("/jsonrpc", body)
        self.assertEqual(answer.status_code, 503)
        self.assertEqual(answer.json()["id"], 7)
        self.assertIn("again", answer.json()["error"]["message"])
