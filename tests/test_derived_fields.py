from contextlib import suppress

from odoo import Command
from odoo.exceptions import UserError
from odoo.models import MAGIC_COLUMNS
from odoo.tests import tagged
from odoo.tools import mute_logger

from .form_examples import EXAMPLES, MADE
from .forms import FormsCommon

#: What somebody may send for a field that follows from others, by type.
FORGED = {
    "binary": "Zm9yZ2Vk",
    "boolean": True,
    "char": "forged",
    "date": "2099-01-01",
    "datetime": "2099-01-01 00:00:00",
    "float": 77.0,
    "integer": 77,
    "json": {"forged": 1},
    "monetary": 77.0,
    "text": "forged",
}


@tagged("post_install", "-at_install")
class TestDerivedFields(FormsCommon):
    """What follows from other data is entered by nobody, however it is sent.

    A manager wrote the customer of an account beside its contact, and another customer read
    its statements; or that it was invoiced until 2099, and it was billed never again.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.foreign = cls.env["res.partner"].create({"name": "Foreign", "is_company": True})

    # === LOOK-UP === #

    def each_field(self):
        """Yield (model as manager, field) of all that follows, on records that people make."""
        found = 0
        for name in self.get_forms():
            model = self.env[name].with_user(self.user_manager)
            if name == "trtc.usage.source" or not name.startswith("trtc."):
                # The keys of a source are worked out whatever is sent: see below.
                continue
            if EXAMPLES.get(name, MADE) == MADE or model._transient:
                continue
            enterable = model._trtc_get_enterable_fields()
            for field in model._fields.values():
                is_derived = field.store and field.readonly and "trtc_billing" in field._modules
                is_open = field.name not in (*MAGIC_COLUMNS, *enterable)
                if is_derived and is_open and model._has_field_access(field, "write"):
                    found += 1
                    yield model, field
        self.assertGreater(found, 50)

    def get_forged(self, model, field, record=None):
        """Return a value that is neither that of a record nor a default."""
        known = record[field.name] if record else False
        if field.type == "selection":
            values = [one for one in field.get_values(self.env) if one != known]
            return values[-1]
        if field.type == "many2one":
            others = self.env[field.comodel_name].sudo().with_context(active_test=False)
            return others.search([("id", "!=", known.id if known else 0)], order="id desc")[:1].id
        if field.type in ("one2many", "many2many"):
            return [Command.clear()]
        value = FORGED[field.type]
        return not known if value is True and record else value

    def refuse(self, label, act, *args):
        """Note a fault unless something is refused in a sentence."""
        try:
            with suppress(_Undone), self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                act(*args)
                self.env.flush_all()
                self.faults.append(f"{label}: passes")
                raise _Undone
        except Exception as error:  # noqa: BLE001
            self.judge(label, error)
        finally:
            self.env.invalidate_all()

    def make_one(self, model):
        """Return (record, values) of the example of a model."""
        example = self.get_example(model._name)
        return self.make(model.with_context(**example.context or {}), example), example.fill

    # === ONE BY ONE === #

    def test_what_follows_is_created(self):
        for model, field in self.each_field():
            forged = self.get_forged(model, field)
            if forged:
                vals = {**self.get_example(model._name).fill, field.name: forged}
                self.refuse(f"create {field}", model.create, vals)
        self.assert_no_faults()

    def test_what_follows_is_written(self):
        made = {}
        for model, field in self.each_field():
            if model._name not in made:
                made[model._name] = self.make_one(model)[0]
            record = made[model._name]
            forged = self.get_forged(model, field, record.sudo())
            if forged is not False or field.type == "boolean":
                self.refuse(f"write {field}", record.write, {field.name: forged})
        self.assert_no_faults()

    def test_what_follows_is_imported(self):
        for model, field in self.each_field():
            forged = self.get_forged(model, field)
            if not forged or field.type in ("one2many", "many2many", "binary", "json"):
                continue
            fill = self.get_example(model._name).fill
            links = {
                name for name in (*fill, field.name) if model._fields[name].type == "many2one"
            }
            row = {**fill, field.name: forged}
            header = [f"{name}/.id" if name in links else name for name in row]
            cells = ["" if one is False else str(one) for one in row.values()]
            result = model.load(header, [cells])
            with self.subTest(field=str(field)):
                self.assertFalse(result["ids"])
            for message in result["messages"]:
                self.judge_text(f"load {field}", message["message"])
        self.assert_no_faults()

    def test_what_follows_comes_with_another_record(self):
        """``application_ids`` of an account took the customer of an application along."""
        tried = set()
        for model, field in self.each_field():
            for name, parent in self.env.registry.items():
                for link in parent._fields.values():
                    through = (name, link.name)
                    is_way = link.type == "one2many" and link.comodel_name == model._name
                    if not name.startswith("trtc.") or not is_way or link.readonly:
                        continue
                    with self.env.cr.savepoint() as savepoint:
                        child = self.make_one(model)[0]
                        owner = child.sudo()[link.inverse_name].with_user(self.user_manager)
                        forged = self.get_forged(model, field, child.sudo())
                        if owner and owner.has_access("write") and forged is not False:
                            tried.add(through)
                            vals = {link.name: [Command.update(child.id, {field.name: forged})]}
                            self.refuse(f"{through} {field}", owner.write, vals)
                        savepoint.rollback()
                    self.env.invalidate_all()
        self.assertIn(("trtc.account", "application_ids"), tried)
        self.assert_no_faults()

    def test_what_follows_comes_as_a_default(self):
        """Of the context, which any client sends, or one that a user keeps."""
        for model, field in self.each_field():
            forged = self.get_forged(model, field)
            if not forged or field.type in ("one2many", "many2many"):
                continue
            fill = self.get_example(model._name).fill
            with self.env.cr.savepoint() as savepoint:
                plain = model.create(dict(fill))
                wanted = plain.sudo()[field.name]
                savepoint.rollback()
                self.env.invalidate_all()
                one = model.with_context(**{f"default_{field.name}": forged}).create(dict(fill))
                found = one.sudo()[field.name]
                savepoint.rollback()
                self.env.invalidate_all()
                if field.type not in ("many2one", "binary"):
                    self.env["ir.default"].sudo().set(
                        model._name, field.name, forged, user_id=self.user_manager.id
                    )
                    kept = model.create(dict(fill)).sudo()[field.name]
                    savepoint.rollback()
                    self.env.invalidate_all()
                else:
                    kept = wanted
            with self.subTest(field=str(field)):
                self.assertEqual(found, wanted)
                self.assertEqual(kept, wanted)

    # === WHAT WAS DONE WITH IT === #

    def test_another_customer_reads_the_statements(self):
        manager = self.account.with_user(self.user_manager)
        before = self.account.commercial_partner_id
        statements = self.account.env["trtc.statement"].search(
            [("account_id", "=", self.account.id)]
        )
        self.assertTrue(statements)
        with self.assertRaisesRegex(UserError, "follows from other data"):
            manager.write({"commercial_partner_id": self.foreign.id})
        self.assertEqual(self.account.commercial_partner_id, before)

    def test_an_account_is_billed_never_again(self):
        manager = self.account.with_user(self.user_manager)
        for name in ("auto_settled_until", "auto_invoiced_until"):
            with self.subTest(field=name), self.assertRaisesRegex(UserError, "TRTC Account:"):
                manager.write({name: "2099-01-01"})

    def test_a_decision_is_said_to_be_somebody_elses(self):
        for name in ("trtc.decision", "trtc.suspension"):
            record = self.env[name].search([], limit=1).with_user(self.user_manager)
            self.assertTrue(record)
            with self.subTest(model=name), self.assertRaises(UserError):
                record.write({"user_id": self.user_reader.id})

    def test_a_pack_becomes_one_that_nobody_enters(self):
        """Promotional minutes became free ones, and these prepaid ones."""
        packs = self.env["trtc.minute.pack"].with_user(self.user_manager)
        pack, fill = self.make_one(packs)
        free = self.make_pack(10, "2031-01-01", "2031-01-31", kind="free")
        for kind in ("free", "edition"):
            with self.subTest(kind=kind), self.assertRaisesRegex(UserError, "cannot be entered"):
                packs.create({**fill, "kind": kind})
            with self.subTest(kind=kind), self.assertRaisesRegex(UserError, "cannot be entered"):
                pack.write({"kind": kind})
        for name, value in (("kind", "prepaid"), ("minutes", 99), ("account_id", self.spare.id)):
            with self.subTest(field=name), self.assertRaisesRegex(UserError, "was granted"):
                free.with_user(self.user_manager).write({name: value})
        free.with_user(self.user_manager).write({"kind": "free", "minutes": 10, "name": "Free"})
        pack.write({"kind": "prepaid"})
        self.assertEqual(pack.kind, "prepaid")

    # === WHAT PASSES === #

    def test_what_is_so_already_is_refused(self):
        """A client that sends a record back as it read it changes nothing."""
        account = self.account.with_user(self.user_manager)
        account.write(
            {
                "name": "Newer",
                "commercial_partner_id": account.commercial_partner_id.id,
                "currency_id": account.currency_id.id,
                "auto_settled_until": account.auto_settled_until,
                "fee_ids": [],
            }
        )
        self.assertEqual(account.name, "Newer")

    def test_a_copy_takes_along_what_followed(self):
        for name in self.get_forms():
            model = self.env[name].with_user(self.user_manager)
            if not hasattr(model, "_trtc_is_derived") or not model.has_access("create"):
                continue
            for record in model.search([], limit=1):
                derived = {one for one in model._fields if model._trtc_is_derived(one)}
                with self.subTest(model=name):
                    self.assertFalse(derived & record.copy_data()[0].keys())

    # === SOURCES === #

    def test_a_source_claims_the_ids_of_another(self):
        context = {
            "default_name": "Feed C",
            "default_key": "feed",
            "default_spellings": ["api", "Feed"],
        }
        for vals in ({}, {"key": "feed", "spellings": ["api"]}, {"name": "FEED  c", "key": "x"}):
            sources = self.env["trtc.usage.source"].with_user(self.user_manager)
            with self.subTest(vals=vals), self.env.cr.savepoint() as savepoint:
                source = sources.with_context(**context).create([vals])
                self.assertEqual(source.key, "feed c")
                self.assertEqual(source.spellings, [source.name])
                savepoint.rollback()
            self.env.invalidate_all()


class _Undone(Exception):  # noqa: N818
    """Ends a savepoint whose work was looked at."""
