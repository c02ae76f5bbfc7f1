from lxml import etree

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.models import MAGIC_COLUMNS
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .form_examples import EXAMPLES, MADE
from .forms import FormsCommon

#: What somebody may try to enter into a field, by type.
TRIED = {
    "boolean": (True, False),
    "char": (False, "", " ", "x"),
    "date": (False, "0001-01-01", "2000-01-01", "2099-12-31", "9999-12-31", "soon"),
    "float": (False, -1, 0, 100.5, 1e30, float("nan"), float("inf"), "x"),
    "html": (False, "x"),
    "integer": (False, -1, 0, 100, 2**31),
    "json": (False, {}),
    "many2one": (False, 2**30),
    "monetary": (False, -1, 0, 100.5, 1e30, "x"),
    "selection": (False, "x"),
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
                self.attempt(f"{label}: form", Form, model)
            self.attempt(f"{label}: onchange", model.onchange, {}, [], spec)
            self.attempt(f"{label}: default_get", model.default_get, [*spec])
        for name in self.get_forms():
            model = self.env[name].sudo()
            spec = {field: {} for field in model._fields}
            self.attempt(f"{name} as superuser: onchange", model.onchange, {}, [], spec)
        self.assert_no_faults()

    def test_a_program_or_a_customer_makes_something(self):
        for label, model, _example in self.each(("portal", "api_sender", "employee")):
            if not model._name.startswith("trtc."):
                continue
            # Who sends usage is told how, whoever it is.
            error = UserError if model._name == "trtc.usage" else AccessError
            for act, *args in (
                (model.create, {}),
                (model.name_create, "New"),
                (model.onchange, {}, [], {"display_name": {}}),
            ):
                with self.subTest(label), self.assertRaises(error):
                    act(*args)

    # === FROM NEW TO GONE === #

    def test_what_is_entered_is_not_saved(self):
        for label, model, example in self.each(makers=True):
            saved = self.attempt(f"{label}: save", self.enter, model, example.fill)
            self.assertTrue(saved or model._transient, f"{label}: {self.faults}")
        self.assert_no_faults()

    def test_what_was_saved_is_not_changed_copied_archived_or_deleted(self):
        for label, model, example in self.each(makers=True):
            record = self.attempt(f"{label}: make", self.make, model, example, keep=True)
            self.assertTrue(record, f"{label}: {self.faults}")
            change = example.change or {}
            if change and not model._transient:
                changed = self.attempt(f"{label}: change", self.enter, record, change)
                self.assertTrue(changed, f"{label}: {self.faults}")
            self.attempt(f"{label}: write", record.write, {**change})
            if not self.attempt(f"{label}: copy", record.copy) and not model._transient:
                self.judge_views(label, model)
            self.attempt(f"{label}: unlink", record.unlink)
            if "active" in model._fields:
                self.attempt(f"{label}: archive", self.archive, record)
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

    def test_a_copy_of_the_catalogue_is_none_of_its_own(self):
        edition = self.edition("pro").with_user(self.user_manager)
        first, second = edition.copy(), edition.copy()
        self.assertEqual(first.feature_ids, edition.feature_ids)
        self.assertEqual(first.name, "Pro (copy)")
        self.assertEqual((first.code, second.code), ("pro_copy", "pro_copy1"))
        self.assertEqual(edition.copy({"code": "own", "name": "Own"}).code, "own")

    # === IN USE === #

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
                    self.attempt(f"{label}: archive {record}", self.archive, record)
        self.assert_no_faults()

    def get_used(self, name):
        """Return the ids of records of Odoo's own models that the scene uses."""
        return {
            "account.move": self.move,
            "product.pricelist": self.pricelist,
            "product.pricelist.item": self.pricelist.item_ids,
            "uom.uom": self.env["trtc.item"].search([]).uom_id,
        }.get(name, self.env[name]).ids

    def test_a_product_or_customer_in_use_is_deleted(self):
        product = self.item("live_2k").product_id
        partner = self.env["res.partner"].create({"name": "Customer without invoices"})
        self.make_account(partner_id=partner.id)
        for record, text in (
            (product, "archive it"),
            (product.product_tmpl_id, "archive it"),
            (partner, "archive the contact"),
            (self.pricelist, "Archive it"),
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
            named = {"name": "New"} if "name" in model._fields else {}
            for act, value in ((model.name_create, "New"), (model.create, named)):
                try:
                    with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                        if not act(value):
                            self.faults.append(f"{label}: nothing is made, and nothing said")
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
            header, good = self.get_row(model, example.fill or {"id": ""})
            rows = [[good], [good, good], [[""] * len(good)]]
            if model._name not in tried and model.has_access("create"):
                tried.add(model._name)
                rows += [
                    [[*good[:index], bad, *good[index + 1 :]]]
                    for index in range(len(good))
                    for bad in ("", "x", "-1", "0")
                ]
            for found in rows:
                result = self.attempt(f"{label}: load {found}", model.load, header, found)
                for message in (result or {}).get("messages", ()):
                    self.judge_text(f"{label}: load {found}", message["message"])
        self.assert_no_faults()

    def get_row(self, model, vals):
        """Return (header, row) of a file that holds some values."""
        links = {name for name in vals if model._fields[name].type == "many2one"}
        header = [f"{name}/.id" if name in links else name for name in vals]
        return header, ["" if value is False else str(value) for value in vals.values()]

    def test_a_value_is_answered_by_the_database(self):
        """Emptied, negative and far values end in the sentence of a constraint or a field.

        What is no number was stored in a pack of minutes and in ratios, and no sum came out.
        """
        tried = set()
        for label, model, example in self.each(makers=True):
            if model._name in tried or not model._name.startswith("trtc."):
                continue
            tried.add(model._name)
            record = self.attempt(f"{label}: make", self.make, model, example, keep=True)
            for name, field in model._fields.items():
                fixed = field.readonly or name in MAGIC_COLUMNS
                if fixed or not model._has_field_access(field, "write"):
                    continue
                for value in TRIED.get(field.type, ()):
                    told = f"{label}: {name} = {value!r}"
                    self.attempt(told, record.write, {name: value})
                    if not model._transient:
                        self.attempt(f"{told}, new", model.create, {**example.fill, name: value})
            with mute_logger("odoo.models.unlink"):
                record.sudo().unlink()
        self.assert_no_faults()

    def test_what_is_shown_of_a_far_day_or_no_number_fails(self):
        """A preview reckons before anything is saved."""
        model = self.env["trtc.sell.pack"].with_user(self.user_manager)
        spec = {name: {} for name in model._fields}
        for name, value in (("date_start", "9999-12-31"), ("minutes", 2**40), ("amount", "x")):
            values = {"account_id": self.account.id, name: value}
            with self.subTest(name), self.assertRaises(ValidationError):
                model.onchange(values, [name], spec)
