from lxml import etree

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.models import MAGIC_COLUMNS
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .forms import EXAMPLES, MADE, FormsCommon

#: What somebody may try to enter into a field, by type.
TRIED = {
    "boolean": (True, False),
    "char": (False, "", " ", "x"),
    "date": (False, "2000-01-01", "2099-12-31"),
    "datetime": (False, "2000-01-01 00:00:00", "2099-12-31 00:00:00"),
    "float": (False, -1, 0, 100.5),
    "html": (False, "x"),
    "integer": (False, -1, 0, 100),
    "json": (False, {}),
    "many2one": (False,),
    "monetary": (False, -1, 0, 100.5),
    "text": (False, "x"),
}


@tagged("post_install", "-at_install")
class TestEveryForm(FormsCommon):
    """Whatever somebody does with a form works, or answers what to do instead."""

    # === COMPLETENESS === #

    def test_a_form_is_not_tried(self):
        """Every model with a form has an example: a new one is to be added."""
        self.assertEqual(sorted(EXAMPLES), self.get_forms())

    def test_a_model_counts_as_made_though_people_make_it(self):
        for name, example in EXAMPLES.items():
            model = self.env[name].with_user(self.user_manager)
            if example is MADE and not model._transient:
                with self.subTest(model=name):
                    self.assertFalse(model.has_access("create"))

    # === NEW === #

    def test_new_fails(self):
        """A group of accounts, computed without an account, kept everybody from New."""
        for label, model, _example in self.each():
            spec = {name: {} for name in model.fields_get()}
            if model.has_access("create"):
                self.attempt(f"{label}: form", lambda: Form(model))
            self.attempt(f"{label}: onchange", lambda: model.onchange({}, [], spec))
            self.attempt(f"{label}: default_get", lambda: model.default_get([*spec]))
        for name in self.get_forms():
            model = self.env[name].sudo()
            spec = {field: {} for field in model._fields}
            self.attempt(f"{name} as superuser", lambda: model.onchange({}, [], spec))
        self.assert_no_faults()

    def test_a_program_or_a_customer_makes_something(self):
        for label, model, _example in self.each(("portal", "api_sender", "employee")):
            if not model._name.startswith("trtc."):
                continue
            for act in (
                lambda: model.create({}),
                lambda: model.name_create("New"),
                lambda: model.onchange({}, [], {"display_name": {}}),
            ):
                # Who sends usage is told how, whoever it is.
                error = UserError if model._name == "trtc.usage" else AccessError
                with self.subTest(label), self.assertRaises(error):
                    act()

    # === FROM NEW TO GONE === #

    def test_what_is_entered_is_not_saved(self):
        for label, model, example in self.each(makers=True):
            saved = self.attempt(f"{label}: save", lambda: self.enter(Form(model), example.fill))
            self.assertTrue(saved or model._transient, f"{label}: {self.faults}")
        self.assert_no_faults()

    def test_what_was_saved_is_not_changed_copied_archived_or_deleted(self):
        for label, model, example in self.each(makers=True):
            record = self.attempt(f"{label}: make", lambda: self.make(model, example), keep=True)
            self.assertTrue(record, f"{label}: {self.faults}")
            if example.change and not model._transient:
                changed = self.attempt(
                    f"{label}: change", lambda: self.enter(Form(record), example.change)
                )
                self.assertTrue(changed, f"{label}: {self.faults}")
            self.attempt(f"{label}: write", lambda: record.write({**(example.change or {})}))
            if not self.attempt(f"{label}: copy", record.copy) and not model._transient:
                self.judge_views(label, model)
            self.attempt(f"{label}: unlink", record.unlink)
            if "active" in model._fields:
                self.attempt(f"{label}: archive", lambda: self.archive(record))
            with mute_logger("odoo.models.unlink"):
                record.sudo().unlink()
        self.assert_no_faults()

    def judge_views(self, label, model):
        """Note a fault if the views of a model offer to duplicate what cannot be."""
        views = self.env["ir.ui.view"].search([("model", "=", model._name)])
        for kind in {"form", "list"} & {*views.mapped("type")}:
            root = etree.fromstring(model.get_view(view_type=kind)["arch"])
            if "0" not in (root.get("duplicate"), root.get("create")):
                self.faults.append(f"{label}: its {kind} offers Duplicate, which is refused")

    def archive(self, record):
        record.action_archive()
        record.action_unarchive()
        record.toggle_active()

    def test_what_others_depend_on_answers_with_a_constraint(self):
        """Deletion of what is in use named a constraint and a "troublemaker"."""
        for label, model, _example in self.each():
            if model._transient or not model.has_access("read"):
                continue
            own = model._name.startswith("trtc.")
            domain = [] if own else [("id", "in", self.get_used(model._name))]
            for record in model.with_context(active_test=False).search(domain, limit=3):
                self.attempt(f"{label}: unlink {record}", record.unlink)
                self.attempt(f"{label}: copy {record}", record.copy)
                if "active" in model._fields:
                    self.attempt(f"{label}: archive {record}", lambda: self.archive(record))
        self.assert_no_faults()

    def get_used(self, name):
        """Return the ids of records of Odoo's own models that the scene uses."""
        return {
            "account.move": self.move,
            "product.pricelist": self.pricelist,
            "product.pricelist.item": self.pricelist.item_ids,
            "uom.uom": self.env["trtc.item"].search([]).uom_id,
        }.get(name, self.env[name]).ids

    def make_partner(self):
        return self.env["res.partner"].create({"name": "Nobody else's"})

    def test_a_product_or_customer_in_use_is_deleted(self):
        item = self.item("av_audio")
        for record, text in (
            (item.product_id, "archive it"),
            (item.uom_id, ""),
            (self.customer, "used in Accounting"),
            (self.make_account(partner_id=self.make_partner().id).partner_id, "archive it"),
            (self.pricelist, "archive it"),
            (self.account, "archive it"),
            (self.edition("pro"), "archive it"),
        ):
            with self.subTest(record=record), self.assertRaises(UserError) as caught:
                record.with_user(self.user_manager).unlink()
            self.assertIn(text, str(caught.exception))

    # === FROM ELSEWHERE === #

    def test_a_name_alone_ends_in_an_error_that_opens_no_form(self):
        """Where a form offers quick creation, a validation error opens the whole form."""
        for label, model, _example in self.each():
            if not (model._name.startswith("trtc.") and model.has_access("create")):
                continue
            for act in (
                lambda: model.name_create("New"),
                lambda: model.create({"name": "New"} if "name" in model._fields else {}),
            ):
                with mute_logger("odoo.sql_db"):
                    try:
                        with self.env.cr.savepoint():
                            act()
                            self.env.flush_all()
                    except ValidationError as error:
                        self.judge(label, error)
                    except Exception as error:  # noqa: BLE001
                        self.faults.append(f"{label}: {type(error).__name__}: {error}")
        self.assert_no_faults()

    def test_a_file_is_answered_by_the_database(self):
        tried = set()
        for label, model, example in self.each():
            if model._transient or not model._name.startswith("trtc."):
                continue
            vals = {
                name: value
                for name, value in (example.fill or {"id": ""}).items()
                if not isinstance(value, list)
            }
            header = [
                f"{name}/.id" if model._fields[name].type == "many2one" else name for name in vals
            ]
            good = ["" if value is False else str(value) for value in vals.values()]
            rows = [good, [""] * len(good)]
            if model._name not in tried and model.has_access("create"):
                tried.add(model._name)
                for index in range(len(good)):
                    rows += [
                        [*good[:index], bad, *good[index + 1 :]] for bad in ("", "x", "-1", "0")
                    ]
            for row in rows:
                result = self.attempt(f"{label}: load {row}", lambda: model.load(header, [row]))
                for message in (result or {}).get("messages", ()):
                    self.judge_text(f"{label}: load {row}", message["message"])
            twice = self.attempt(f"{label}: load", lambda: model.load(header, [good, good]))
            for message in (twice or {}).get("messages", ()):
                self.judge_text(f"{label}: load twice", message["message"])
        self.assert_no_faults()

    def test_a_value_is_answered_by_the_database(self):
        """Emptied, negative and far values end in the sentence of a constraint or a field."""
        for label, model, example in self.each(makers=True):
            if not model._name.startswith("trtc."):
                continue
            record = self.attempt(f"{label}: make", lambda: self.make(model, example), keep=True)
            if not record.has_access("write"):
                continue
            for name, field in model._fields.items():
                if field.readonly or name in MAGIC_COLUMNS or not model._has_field_access(field, "write"):
                    continue
                for value in TRIED.get(field.type, ()):
                    self.attempt(f"{label}: {name} = {value!r}", lambda: record.write({name: value}))
                    if example.fill is not None and not model._transient:
                        vals = {**example.fill, name: value}
                        self.attempt(f"{label}: new {name} = {value!r}", lambda: model.create(vals))
            record.sudo().unlink()
        self.assert_no_faults()
