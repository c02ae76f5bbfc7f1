from datetime import date

from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import UserError
from odoo.models import MAGIC_COLUMNS
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.markers import SETTLING
from .common import ROLES
from .prepayment import PrepaymentCommon

REFUSED = (UserError, IntegrityError)


@tagged("post_install", "-at_install")
class TestImmutable(PrepaymentCommon):
    """What was settled and billed stays, whoever asks the ORM for something else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        record = cls.record("av_hd", 600, "2024-10-01")
        cls.ingest(record)
        cls.ingest({**record, "quantity": 6000})
        cls.usage("screenshot_terminal", 30000, "2024-10-01")
        cls.pack = cls.make_pack(40, "2024-10-01", "2024-10-31")
        cls.settle("2024-10-31")
        cls.env["trtc.decide"].create(
            {"line_ids": cls.lines(status="locked").ids, "outcome": "bill", "reason": "Agreed"}
        ).action_decide()
        cls.fee = cls.sell("2024-10-16", "2024-11-15")
        entry = cls.env["trtc.recognition"].sudo()._propose(cls.company, date(2024, 10, 31))
        entry.action_post()
        cls.move = cls.invoice("2024-10-31")
        cls.move.filtered(lambda move: move.state == "draft").action_post()
        cls.usage("av_hd", 60, "2024-11-01")
        cls.kept = {
            model: cls.env[model].sudo().search([])
            for model in (
                "trtc.usage",
                "trtc.statement",
                "trtc.statement.line",
                "trtc.pack.draw",
                "trtc.decision",
                "trtc.fee",
                "trtc.recognition",
                "trtc.settlement.note",
                "trtc.allocation",
            )
        }
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.before = self.snapshot()

    def snapshot(self):
        """Return every kept row as the database has it."""
        self.env.flush_all()
        found = {}
        for model in self.kept:
            table = self.env[model]._table
            self.env.cr.execute(f'SELECT * FROM "{table}" ORDER BY id')
            found[model] = self.env.cr.dictfetchall()
        return found

    def assert_refused(self, change, *args, **kwargs):
        """Expect a change to be refused, and nothing to be altered by it."""
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                change(*args, **kwargs)
                self.env.flush_all()
        except REFUSED:
            return
        self.fail(f"{change} was not refused")

    def get_fields(self, records):
        """Return the stored fields of a model that are not its log's or its messages'."""
        return [
            name
            for name, field in records._fields.items()
            if field.store
            and field.column_type
            and name not in {*MAGIC_COLUMNS, "access_token"}
        ]

    def get_change(self, records):
        """Return values that say something else of the days, or else of the quantity."""
        names = [name for name in ("date_to", "date") if name in records._fields]
        return {names[0]: "2024-10-02"} if names else {"quantity": 9}

    @property
    def _everyone(self):
        """Yield an environment per role, each with every right on the kept records."""
        admin = self.make_user("employee", login="admin_of_all")
        admin.group_ids += self.env.ref("base.group_system")
        users = {role: getattr(self, f"user_{role}") for role in ROLES} | {"admin": admin}
        self.env["ir.model.access"].create(
            [
                {
                    "name": f"everything {model}",
                    "model_id": self.env["ir.model"]._get_id(model),
                    **{f"perm_{kind}": True for kind in ("read", "write", "create", "unlink")},
                }
                for model in self.kept
            ]
        )
        for role, user in users.items():
            yield role, self.env(user=user, su=False)
        yield "superuser", self.env(su=True)

    # === BY HAND === #

    def test_there_is_something_of_everything(self):
        for model, records in self.kept.items():
            self.assertTrue(records, model)
        self.assertEqual(set(self.kept["trtc.usage"].mapped("state")), {"current", "superseded"})

    def test_a_settled_figure_is_overwritten(self):
        for model, records in self.kept.items():
            record = records[:1]
            for name in self.get_fields(record):
                with self.subTest(model=model, field=name):
                    value = record._fields[name].convert_to_write(record[name], record)
                    self.assert_refused(record.write, {name: value})
        self.assertEqual(self.snapshot(), self.before)

    def test_a_settled_record_is_deleted(self):
        for model, records in self.kept.items():
            if model in ("trtc.decision", "trtc.fee"):
                records = records.filtered(
                    lambda one: one.is_invoiced
                    if one._name == "trtc.decision"
                    else one.allocation_ids
                )
                self.assertTrue(records, model)
            for record in records:
                with self.subTest(model=model):
                    self.assert_refused(record.unlink)
                    # By this key the framework skips what api.ondelete checks.
                    self.assert_refused(record.with_context(_force_unlink=True).unlink)
        self.assertEqual(self.snapshot(), self.before)

    def test_a_record_is_made_by_hand(self):
        for model in self.kept:
            if model in ("trtc.decision", "trtc.fee"):
                continue  # deciding and charging are not settling
            record = self.kept[model][:1]
            with self.subTest(model=model):
                self.assert_refused(record.create, record.copy_data()[0])
                self.assert_refused(record.copy)
        self.assert_refused(self.fee.sudo().copy)
        self.assertEqual(self.snapshot(), self.before)

    def test_every_role_with_every_right_is_refused(self):
        """An administrator can hand out any access right, also to themselves."""
        for role, env in self._everyone:
            for model, records in self.kept.items():
                records = records.with_env(env)
                with self.subTest(role=role, model=model):
                    change = self.get_change(records)
                    self.assert_refused(records[:1].write, change)
                    self.assert_refused(records[-1:].write, change)
                    if model not in ("trtc.decision", "trtc.fee"):
                        self.assert_refused(records[:1].unlink)
                        self.assert_refused(records[:1].create, change)
        self.assertEqual(self.snapshot(), self.before)

    def test_a_file_is_imported_over_settled_records(self):
        for model, records in self.kept.items():
            [(name, value)] = self.get_change(records).items()
            result = records.load([".id", name], [[str(records[0].id), str(value)]])
            self.assertFalse(result["ids"], model)
            self.assertTrue(result["messages"], model)
        self.assertEqual(self.snapshot(), self.before)

    def test_somebody_claims_to_be_settlement(self):
        for claim in (True, "SETTLING", 1, {}):
            statement = self.kept["trtc.statement"][:1].with_context(trtc_settling=claim)
            self.assert_refused(statement.write, {"revision": 9})
            self.assert_refused(statement.line_ids[:1].unlink)
        self.assertEqual(self.snapshot(), self.before)

    def test_what_settlement_returns_may_not_be_changed(self):
        self.usage("av_hd", 60, "2024-11-02")
        statements = self.settle("2024-11-30")
        for records in (statements, self.fee.recognition_ids):
            self.assertIsNot(records.env.context.get("trtc_settling"), SETTLING)
        self.assert_refused(statements.sudo().write, {"revision": 9})

    def test_lines_are_changed_through_what_holds_them(self):
        statement = self.lines(item="av_hd").statement_id[:1].sudo()
        line = statement.line_ids[:1]
        for command in (
            Command.update(line.id, {"amount": 1}),
            Command.delete(line.id),
            Command.unlink(line.id),
            Command.clear(),
            Command.create({"item_id": line.item_id.id, "date": line.date}),
        ):
            self.assert_refused(statement.write, {"line_ids": [command]})
        draw = self.pack.sudo().draw_ids[:1]
        for command in (
            Command.update(draw.id, {"minutes": 1}),
            Command.delete(draw.id),
            Command.unlink(draw.id),
            Command.create({"statement_line_id": line.id, "minutes": -1}),
        ):
            self.assert_refused(self.pack.sudo().write, {"draw_ids": [command]})
            self.assert_refused(line.write, {"draw_ids": [command]})
        row = line.allocation_ids
        for holder in (self.move, line):
            name = "trtc_allocation_ids" if holder == self.move else "allocation_ids"
            for command in (Command.update(row.id, {"released": True}), Command.delete(row.id)):
                self.assert_refused(holder.sudo().write, {name: [command]})
        for command in (Command.update(self.fee.id, {"amount": 0}), Command.delete(self.fee.id)):
            self.assert_refused(self.account.sudo().write, {"fee_ids": [command]})
        self.assertEqual(self.snapshot(), self.before)

    def test_figures_are_set_one_by_one(self):
        line = self.lines(item="av_hd")[:1].sudo()
        for name, value in (("amount", 0), ("quantity", 5), ("account_id", self.make_account())):
            self.assert_refused(setattr, line, name, value)
        statement = line.statement_id
        for name, value in (("amount_untaxed", 0), ("name", "x"), ("partner_id", False)):
            self.assert_refused(setattr, statement, name, value)
        self.assertEqual(self.snapshot(), self.before)

    # === WHAT STAYS POSSIBLE === #

    def test_a_statement_has_a_link_for_the_customer_and_notes(self):
        statement = self.kept["trtc.statement"][:1]
        self.assertIn("access_token", statement.get_portal_url())
        statement.sudo().message_post(body="Asked by the customer")
        statement.message_subscribe(self.customer.ids)
        self.assertIn(self.customer, statement.message_partner_ids)
        self.assertIn("Asked by the customer", statement.message_ids[:1].body)

    # === WHAT IT RESTS ON === #

    def test_what_settled_usage_rests_on_is_deleted(self):
        head = self.env["res.partner"].create({"name": "Head office", "is_company": True})
        branch = self.env["res.partner"].create({"name": "Branch", "parent_id": head.id})
        account = self.make_account(partner_id=branch.id)
        self.usage("av_hd", 600, "2024-11-01", self.make_application(account))
        self.settle("2024-11-30", account)
        self.env.flush_all()
        before = self.snapshot()
        item = self.item("av_hd")
        for records in (
            self.account,
            self.application,
            item,
            item.product_id,
            item.product_id.product_tmpl_id,
            item.uom_id,
            item.usage_uom_id,
            self.account.pricelist_id,
            self.account.currency_id,
            self.account.company_id,
            self.customer,
            branch,
            head,
            self.pack,
            self.env["trtc.decision"].search([], limit=1).user_id,
        ):
            for context in ({}, {"_force_unlink": True}):
                with self.subTest(model=records._name, name=records.display_name, **context):
                    self.assert_refused(records.sudo().with_context(**context).unlink)
        self.assertEqual(self.snapshot(), before)

    def test_a_posted_invoice_is_deleted_by_force(self):
        """Core has keys of the context for it; the usage would be billed a second time."""
        line = self.move.invoice_line_ids.filtered("trtc_allocation_ids")[:1]
        for key in ("force_delete", "_force_unlink", "dynamic_unlink"):
            with self.subTest(key=key):
                forced = self.move.sudo().with_context(**{key: True})
                self.assert_refused(forced.unlink)
                self.assert_refused(line.sudo().with_context(**{key: True}).unlink)
                self.assert_refused(forced.write, {"invoice_line_ids": [Command.delete(line.id)]})
        self.assertEqual(self.snapshot(), self.before)

    def test_what_settled_usage_rests_on_is_renamed_or_moved(self):
        other = self.setup_other_company(name="Other")["company"]
        partner = self.env["res.partner"].create({"name": "Somebody else"})
        eur = self.env.ref("base.EUR")
        item = self.item("av_hd")
        for record, vals in (
            (self.account, {"company_id": other.id}),
            (self.account, {"uin": "1"}),
            (self.account, {"partner_id": partner.id}),
            (self.account, {"pricelist_id": self.pricelist_cny.id}),
            (self.application, {"sdkappid": "1"}),
            (self.application, {"account_id": self.make_account().id}),
            (item, {"code": "other"}),
            (item, {"cycle": "month"}),
            (item, {"scope": "account"}),
            (item, {"aggregation": "peak"}),
            (item, {"uom_id": item.usage_uom_id.id}),
            (self.account.company_id, {"trtc_billing_tz": "Europe/Paris"}),
            (self.account.pricelist_id, {"currency_id": eur.id}),
        ):
            with self.subTest(model=record._name, **vals):
                self.assert_refused(record.sudo().write, vals)
        self.assertEqual(self.snapshot(), self.before)

    def test_accounts_applications_and_items_are_archived(self):
        """Out of sight, but every row stays as it is."""
        for record in (self.account, self.application, self.item("av_hd"), self.pack):
            record.active = False
        found = self.snapshot()
        # An archived pack has its days settled again.
        self.assertGreater(len(found.pop("trtc.settlement.note")), 1)
        self.before.pop("trtc.settlement.note")
        self.assertEqual(found, self.before)

    def test_a_note_of_what_is_to_settle_is_taken_away(self):
        """Without it, usage that came later would never be billed."""
        for role, env in self._everyone:
            with self.subTest(role=role):
                self.assert_refused(self.kept["trtc.settlement.note"].with_env(env).unlink)
        self.assertTrue(self.settle("2024-11-30"))
