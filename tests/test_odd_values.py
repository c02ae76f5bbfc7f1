from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .form_examples import EXAMPLES
from .forms import FormsCommon

#: What a client may send where records are named.
ODD_LINKS = (
    5, "abc", {"a": 1}, [[1]], [[]], [[1, 2]], [[1, 2, "x"]], [[1, "x", {}]], [[0, 0, 5]],
    [[4, "x"]], [[4, 0]], [[6, 0, "abc"]], [[6, 0, ["x"]]], [[6, 0, None]], [["x"]], ["x"],
    [[9, 1, {}]], [None], [[4]], [[True, 2, {}]],
)  # fmt: skip


@tagged("post_install", "-at_install")
class TestOddValues(FormsCommon):
    """What no program can make sense of is answered by a sentence, whichever way it comes."""

    def refuse(self, label, act, *args, is_harmless=False, **kwargs):
        """Note a fault unless an act is refused in a sentence; what is harmless may pass."""
        muted = mute_logger("odoo.sql_db", "odoo.domains")
        try:
            with muted, self.env.cr.savepoint(flush=False):
                act(*args, **kwargs)
        except UserError as error:
            self.judge(label, error)
        except Exception as error:  # noqa: BLE001
            self.faults.append(f"{label}: {type(error).__name__}: {error}")
        else:
            if not is_harmless:
                self.faults.append(f"{label}: passes")
        finally:
            self.env.invalidate_all()

    def each_model(self):
        """Yield each model that checks what it is given, as the manager who reads it."""
        given = self.env.registry["trtc.given"]
        for name in sorted(self.env.registry):
            model = self.env[name].with_user(self.user_manager)
            is_checked = issubclass(type(model), given) and name.startswith("trtc.")
            if is_checked and not model._abstract and model.has_access("read"):
                yield model

    # === SEARCHES === #

    def test_a_figure_beyond_all_figures_ends_in_a_traceback(self):
        for model, name in (
            ("trtc.statement", "amount_untaxed"),
            ("trtc.statement.line", "quantity"),
            ("trtc.usage", "quantity"),
            ("trtc.minute.pack", "minutes"),
        ):
            records = self.env[model].with_user(self.user_manager)
            for value in ("1e400", float("inf"), 10**400):
                domain = [(name, ">", value)]
                for method in (records.search_read, records.search_count):
                    self.refuse(f"{model}.{method.__name__} {value!r:.20}", method, domain)
                group = [domain, [], ["__count"]]
                self.refuse(f"{model} grouped {value!r:.20}", records.formatted_read_group, *group)
        self.assert_no_faults()

    def test_a_text_that_the_database_cannot_hold_ends_in_a_traceback(self):
        for model in self.each_model():
            name = next((n for n, f in model._fields.items() if f.type == "char" and f.store), None)
            if not name or not model._has_field_access(model._fields[name], "read"):
                continue
            domain = [(name, "=", "x\x00y")]
            self.refuse(f"{model} search_read", model.search_read, domain, [name])
            self.refuse(f"{model} search", model.search, domain)
            self.refuse(f"{model} search_count", model.search_count, domain)
            self.refuse(f"{model} name_search", model.name_search, "x", domain)
            self.refuse(f"{model} web", model.web_search_read, domain, {name: {}})
        self.assert_no_faults()

    def test_a_window_that_is_none_ends_in_a_traceback(self):
        for model in self.each_model():
            if model._transient:
                continue
            for value in (-5, "x", 2**70, 1.5, [1], {"a": 1}):
                for part in ("limit", "offset"):
                    window = {part: value}
                    label = f"{model} {part} {value!r}"
                    self.refuse(label, model.search, [], **window)
                    self.refuse(label, model.search_read, [], ["id"], **window)
                    self.refuse(label, model.web_search_read, [], {"id": {}}, **window)
                    self.refuse(label, model.formatted_read_group, [], [], ["__count"], **window)
                self.refuse(f"{model} count {value!r}", model.search_count, [], limit=value)
        self.assert_no_faults()

    def test_a_window_that_is_one_is_refused(self):
        accounts = self.env["trtc.account"].with_user(self.user_manager)
        every = accounts.search([])
        self.assertGreater(len(every), 1)
        for limit in (None, False, 0, 2**40):
            self.assertEqual(accounts.search([], limit=limit), every)
        self.assertEqual(accounts.search([], offset=1, limit=1), every[1])
        self.assertEqual(accounts.search_read([], ["id"], 1, 1), [{"id": every[1].id}])

    # === LINKS === #

    def test_links_that_are_none_end_in_a_traceback(self):
        for label in sorted(EXAMPLES):
            model, example = self.env[label].with_user(self.user_manager), self.get_example(label)
            is_ours = label.startswith("trtc.") and model.has_access("create")
            if example.fill is None or not is_ours:
                continue
            model = model.with_context(**example.context or {})
            record = model.search([], limit=1)
            for name, field in model._fields.items():
                if "trtc_billing" not in field._modules or not field.relational:
                    continue
                if not model._has_field_access(field, "write"):
                    continue
                many = field.type != "many2one"
                for value in ODD_LINKS if many else ("abc", [1], {"a": 1}, [[6, 0, [1]]]):
                    told = f"{label}: {name} = {value}"
                    self.refuse(f"{told}, new", model.create, {**example.fill, name: value})
                    if record and many:
                        self.refuse(told, record.write, {name: value})
        self.assert_no_faults()

    def test_links_below_links_end_in_a_traceback(self):
        account = self.account.with_user(self.user_manager)
        for below in ODD_LINKS:
            vals = {"subscription_ids": below}
            for command in (
                Command.update(self.application.id, vals),
                Command.create({"name": "New", "sdkappid": "1499999990", **vals}),
            ):
                self.refuse(f"{command}", account.write, {"application_ids": [command]})
        self.assert_no_faults()

    def test_links_as_they_are_meant_are_refused(self):
        account = self.account.with_user(self.user_manager)
        application = self.application
        account.write({"application_ids": [[4, application.id]]})
        account.write({"application_ids": [(1, application.id, {"name": "Newer"})]})
        account.write({"application_ids": [[0, "virtual_1", {"name": "New", "sdkappid": "140"}]]})
        self.assertEqual(application.name, "Newer")
        self.assertEqual(len(account.application_ids), 2)

    def test_a_default_that_is_none_ends_in_a_traceback(self):
        tried = 0
        for model in self.each_model():
            if not model.has_access("create"):
                continue
            for name, field in model._fields.items():
                odd = {
                    "date": "soon",
                    "datetime": "soon",
                    "float": "x",
                    "integer": "x",
                    "monetary": "x",
                    "one2many": "abc",
                    "many2many": "abc",
                }.get(field.type)
                is_ours = "trtc_billing" in field._modules and field.store
                derived = hasattr(model, "_trtc_is_derived") and model._trtc_is_derived(name)
                if not odd or not is_ours or derived:
                    continue
                odds = [odd, [[1]], [[6, 0, "abc"]]] if field.relational else [odd]
                for value in odds:
                    tried += 1
                    records = model.with_context(**{f"default_{name}": value})
                    self.refuse(f"{field} = {value}", records.default_get, [name])
        self.assertGreater(tried, 50)
        self.assert_no_faults()

    # === IDS === #

    def test_what_is_no_id_ends_in_a_traceback(self):
        for model in self.each_model():
            for ids in (["x"], [1.5], ["1"]):
                records = model.browse(ids)
                for name in dir(type(model)):
                    method = getattr(type(model), name)
                    is_ours = "trtc_billing" in (getattr(method, "__module__", None) or "")
                    if name.startswith("action_") and is_ours:
                        # Those that only open a list look at no record.
                        told = f"{model}.{name} {ids}"
                        self.refuse(told, getattr(records, name), is_harmless=True)
                if model.has_access("write"):
                    self.refuse(f"{model}.write {ids}", records.write, {"display_name": "x"})
        self.assert_no_faults()

    # === CHATTER === #

    def test_a_customer_is_told_of_a_field(self):
        for record in (self.account, self.application, self.account.pack_ids[:1],
                       self.env["trtc.statement"].search([], limit=1)):  # fmt: skip
            for method in ("message_post", "message_notify"):
                one = record.with_user(self.user_portal)
                with self.subTest(record=record), self.assertRaisesRegex(AccessError, "staff"):
                    getattr(one, method)(body="Hello")
