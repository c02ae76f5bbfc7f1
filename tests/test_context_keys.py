import ast
import base64
from contextlib import suppress
from pathlib import Path

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.markers import is_uninstalling
from .accrual import AccrualCommon

ROOT = Path(__file__).parents[1]
#: Keys by which core lets its own refusals be skipped, or values come in.
OF_CORE = {
    "_force_unlink",
    "force_delete",
    "bin_size",
    "bin_size_file",
    "skip_invoice_sync",
    "mail_create_nolog",
    "tracking_disable",
    "default_released",
    "default_reopens",
    "default_is_goodwill",
    "default_kind",
    "default_status",
    "skip_account_move_synchronization",
    "forced_rate_from_register_payment",
    "account_default_taxes",
    "default_refunded",
    "default_minutes_drawn",
}
#: What the server's own names say of every caller: see ``test_who_calls_..``.
WHO = {"lang", "tz", "uid", "allowed_company_ids", "active_test"}
CLAIMS = (True, {"a": 1})
#: These core itself obeys where a user makes or changes a document by hand.
BY_HAND = {"skip_invoice_sync", "skip_account_move_synchronization"} | {
    "forced_rate_from_register_payment",
    "account_default_taxes",
    # Core's own list of what a copy has gone through: anything else ends its copying.
    "__copy_data_seen",
}


#: Operations that somebody may do.
ALLOWED = (
    "post a payment", "post an invoice", "reverse", "credit", "settle", "invoice", "import", "sell",
)  # fmt: skip


#: Operations that are tried as every role.
FEW = (
    "post a payment", "post an invoice", "credit", "settle", "change a price", "delete import",
    "delete line", "write line",
)  # fmt: skip


class Undone(Exception):
    """Ends a savepoint whose work was looked at."""


def is_context(node):
    """Tell whether an expression is the context of an environment, or a name for it."""
    return (isinstance(node, ast.Attribute) and node.attr == "context") or (
        isinstance(node, ast.Name) and node.id == "context"
    )


def get_text(node, names):
    """Return the text that a node stands for, or None."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def get_read_keys():
    """Return the keys of contexts that the code of this module reads."""
    keys = set()
    for folder in ("models", "wizard", "controllers", "report"):
        for path in sorted((ROOT / folder).glob("*.py")):
            keys |= read_keys(ast.parse(path.read_text()))
    return keys


def read_keys(tree):
    names = {"MODULE_UNINSTALL_FLAG": "_force_unlink"}
    keys = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("get", "pop", "setdefault") and is_context(node.func.value):
                keys.add(get_text(node.args[0], names))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "get_marked":
                keys.add(get_text(node.args[1], names))
        elif isinstance(node, ast.Subscript) and is_context(node.value):
            keys.add(get_text(node.slice, names))
        elif isinstance(node, ast.Compare) and any(map(is_context, node.comparators)):
            keys.add(get_text(node.left, names))
    return keys - {None}


@tagged("post_install", "-at_install")
class TestContextKeys(AccrualCommon):
    """Nothing that a client sends along switches anything.

    ``{"trtc_preview": true}`` in any call made every posting in the database do nothing.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        for role in ("accountant", "manager"):
            getattr(cls, f"user_{role}").group_ids += cls.quick_ref(
                "account.group_account_manager"
            )
        cls.price_editions(cls.pricelist, {"pro": 30})
        cls.subscription = cls.subscribe(cls.application, "pro", "2024-10-01", "2024-10-31")
        cls.subscription.bill_fee = True
        cls.pack = cls.make_pack(10, "2024-10-01", "2024-10-31")
        cls.commitment = cls.env["trtc.commitment"].create(
            {"account_id": cls.account.id, "date_start": "2024-10-01", "amount": 500}
        )
        cls.use(60, "2024-10-05")
        cls.posted = cls.bill("2024-10-31")
        cls.use(60, "2024-11-05")
        cls.settle("2024-11-30")
        cls.draft = cls.account.create_invoices("2024-11-30")
        cls.use(30, "2024-11-06")
        cls.file = cls.env["trtc.usage.import"].create(
            {
                "name": "File",
                "file": base64.b64encode(
                    b"id,sdkappid,item,quantity,start\nf1,%s,av_audio,60,2024-10-07\n"
                    % cls.application.sdkappid.encode()
                ),
            }
        )
        cls.file.action_import()
        cls.waiting = cls.file.copy({"name": "Waiting", "file": cls.file.file})
        cls.policy = cls.env["trtc.free.policy"].search([], limit=1)
        other = cls.make_account(pricelist_id=cls.pricelist.id)
        other.write({"free_policy_id": cls.policy.id, "free_from": "2024-10-01"})
        cls.use(5, "2024-10-05", cls.make_application(other), item="av_audio")
        cls.settle("2024-10-31", other)
        cls.policy = other.pack_ids.policy_id or cls.policy
        cls.payment = cls.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": cls.customer.id,
                "amount": 10,
                "journal_id": cls.company_data["default_journal_bank"].id,
            }
        )
        cls.env.flush_all()

    # === OPERATIONS === #

    def get_operations(self):
        """Return {name: function of a record of the user's that does what is guarded}."""
        audio = self.item("av_audio").product_id
        rule = self.pricelist.item_ids.filtered(lambda one: one.product_id == audio)
        line = self.lines()[:1]

        def post_payment(_env):
            payment = self.payment.with_env(_env)
            payment.action_post()
            return payment.state, payment.move_id.state

        def post_invoice(env):
            draft = self.draft.with_env(env)
            draft.action_post()
            return draft.state, draft.name, draft.payment_state

        def reverse(env):
            wizard = env["account.move.reversal"].with_context(
                active_model="account.move", active_ids=self.posted.ids
            )
            wizard = wizard.create({"journal_id": self.posted.journal_id.id, "date": "2024-11-30"})
            wizard.reverse_moves()
            credit = wizard.new_move_ids.sudo()
            return (
                credit.state,
                credit.trtc_reopens,
                sorted(credit.trtc_allocation_ids.mapped(lambda row: (row.kind, row.is_open))),
            )

        def credit(env):
            wizard = env["trtc.credit"].create(
                {
                    "move_id": self.posted.id,
                    "reason": "Agreed",
                    "whole": True,
                    "date": "2024-11-30",
                    "reopens": "goodwill",
                }
            )
            note = env["account.move"].browse(wizard.action_credit()["res_id"]).sudo()
            return note.amount_total, sorted(
                note.trtc_allocation_ids.mapped(
                    lambda row: (row.kind, row.released, row.reopens, row.is_goodwill)
                )
            )

        def settle(env):
            self.account.with_env(env).settle("2024-11-30")
            lines = self.lines().sudo()
            return sorted(lines.mapped(lambda one: (str(one.date), one.amount, one.status)))

        def invoice(env):
            self.account.with_env(env).settle("2024-11-30")
            self.account.with_env(env).create_invoices("2024-11-30")
            rows = self.env["trtc.allocation"].search([("account_id", "=", self.account.id)])
            moves = rows.move_id.sorted("id")
            return (
                moves.mapped(lambda move: (move.state, move.amount_total, move.trtc_reopens)),
                moves.invoice_line_ids.mapped("trtc_is_rebill"),
                rows.sorted("id").mapped(lambda row: (row.kind, row.released, row.amount)),
            )

        def change_price(env):
            rule.with_env(env).fixed_price = 2
            self.env.flush_all()
            return rule.fixed_price

        def run_import(env):
            self.waiting.with_env(env).action_import()
            return self.waiting.state, self.waiting.accepted_count, self.waiting.duplicate_count

        def sell(env):
            wizard = env["trtc.sell.pack"].create(
                {
                    "account_id": self.account.id,
                    "kind": "promo",
                    "minutes": 5,
                    "size": "custom",
                    "date_start": "2024-12-01",
                    "amount": 0,
                }
            )
            pack = env["trtc.minute.pack"].browse(wizard.action_sell()["res_id"]).sudo()
            return pack.kind, pack.minutes, pack.refunded, pack.minutes_drawn

        def delete(records):
            return lambda env: records.with_env(env).unlink() and bool(records.exists())

        def write(records, vals):
            return lambda env: records.with_env(env).write(vals) and records.read([*vals])

        kept = {
            "statement": line.statement_id,
            "line": line,
            "usage": self.env["trtc.usage"].search([], limit=1),
            "allocation": self.posted.trtc_allocation_ids[:1],
            "fee": self.subscription.fee_ids[:1],
            "import": self.file,
            "policy": self.policy,
            "commitment": self.commitment,
            "subscription": self.subscription,
            "pack": self.pack,
            "invoice": self.posted,
            "invoice line": self.posted.invoice_line_ids[:1],
            "pricelist": self.pricelist,
            "rule": rule,
            "unit": self.env.ref("trtc_billing.uom_minute"),
            "file": self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", "trtc.usage.import"),
                    ("res_id", "=", self.file.id),
                    ("res_field", "!=", False),
                ]
            )
            .sudo(False),
        }
        return {
            "post a payment": post_payment,
            "post an invoice": post_invoice,
            "reverse": reverse,
            "credit": credit,
            "settle": settle,
            "invoice": invoice,
            "change a price": change_price,
            "import": run_import,
            "sell": sell,
            **{f"delete {name}": delete(records) for name, records in kept.items()},
            "write statement": write(line.statement_id, {"revision": 9}),
            "write line": write(line, {"amount": 9}),
            "write usage": write(kept["usage"], {"quantity": 9}),
            "write import": write(self.file, {"state": "draft"}),
            "write unit": write(kept["unit"], {"relative_factor": 1}),
            "tie an invoice": write(self.draft, {"trtc_account_id": False}),
        }

    def do(self, operation, user, context):
        """Return what an operation of a user comes to; nothing of it stays."""
        result = None
        try:
            with (
                suppress(Undone),
                self.env.cr.savepoint(),
                mute_logger(
                    "odoo.addons.base.models.ir_model",
                    "odoo.addons.base.models.ir_rule",
                    "odoo.sql_db",
                    "odoo.models.unlink",
                ),
            ):
                env = self.env(user=user, context={"lang": "en_US", **context})
                result = ("done", operation(env))
                self.env.flush_all()
                raise Undone
        except Exception as error:
            result = (type(error).__name__, str(error))
        self.env.invalidate_all()
        return result

    # === TESTS === #

    def test_the_code_reads_keys_that_nobody_lists(self):
        """The reader of the source finds what is known to be read."""
        keys = get_read_keys()
        self.assertLessEqual(
            {"trtc_preview", "trtc_settling", "trtc_watched", "trtc_rating", "trtc_accrual"}
            | {"trtc_until", "trtc_reopens", "trtc_force_prices", "_force_unlink"}
            | {"active_model", "active_ids"},
            keys,
        )
        tree = ast.parse('x.env.context["a"]; "b" in self.env.context; context.get("c")')
        self.assertEqual(read_keys(tree), {"a", "b", "c"})

    def test_a_key_of_a_client_switches_something(self):
        told, done = [], set()
        operations = self.get_operations()
        for role in ("manager", "accountant", "operator", "portal"):
            user = getattr(self, f"user_{role}")
            names = operations if role == "manager" else FEW
            for name, operation in ((name, operations[name]) for name in names):
                keys = (get_read_keys() | OF_CORE) - WHO
                if name in ("post a payment", "post an invoice", "reverse"):
                    keys -= BY_HAND
                plain = self.do(operation, user, {})
                if plain[0] == "done":
                    done.add(name)
                claims = CLAIMS if role == "manager" and name in ALLOWED else (True,)
                for claim in claims:
                    found = self.do(operation, user, dict.fromkeys(keys, claim))
                    if found != plain:
                        told.append(f"{role}, {name}, {claim!r}: {plain} became {found}")
        self.assertEqual("\n\n".join(told), "")
        self.assertEqual(done, set(ALLOWED), "what is allowed works, what is refused is refused")

    def test_one_key_alone_switches_something(self):
        told = []
        operations = self.get_operations()
        for name in ("post a payment", "credit", "settle", "delete import", "change a price"):
            operation = operations[name]
            plain = self.do(operation, self.user_manager, {})
            for key in sorted(get_read_keys() - WHO | {"force_delete", "skip_invoice_sync"}):
                found = self.do(operation, self.user_manager, {key: True})
                if found != plain:
                    told.append(f"{name}, {key}: {plain} became {found}")
        self.assertEqual("\n\n".join(told), "")

    def test_a_colleague_claims_that_the_module_is_removed(self):
        """Only the server itself removes it; everybody else keeps what is evidence."""
        admin = self.make_user("manager")
        admin.group_ids += self.quick_ref("base.group_system")
        for user in (self.user_manager, admin):
            file = self.file.with_user(user).with_context(_force_unlink=True)
            self.assertFalse(is_uninstalling(file.env))
            self.assertFalse(is_uninstalling(file.sudo().env))
            for records in (file, file.sudo()):
                with self.assertRaisesRegex(UserError, "carried out"), self.env.cr.savepoint():
                    records.unlink()
        root = self.env.ref("base.user_root")
        self.assertFalse(is_uninstalling(self.file.with_user(root).env))
        self.assertTrue(is_uninstalling(self.file.with_user(root).with_context(
            _force_unlink=True).env))  # fmt: skip
        self.assertTrue(self.file.exists())

    def test_a_list_below_a_contract_is_deleted(self):
        """Its rules went with it by the database, and nobody asked what they priced."""
        ground = self.make_pricelist({"av_hd": 0.3})
        account = self.make_account(
            pricelist_id=self.make_pricelist({"av_2k": 1}, base=ground).id
        )
        self.usage("av_hd", 60, "2024-10-10", self.make_application(account))
        account.settle("2024-10-31")
        for context in ({}, {"_force_unlink": True}):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                ground.with_user(self.user_manager).with_context(**context).unlink()
        self.assertTrue(ground.exists())
        self.make_pricelist({"av_hd": 0.3}).with_user(self.user_manager).unlink()

    def test_a_default_of_a_client_releases_what_is_billed(self):
        """Rows of the ledger took values that settlement leaves empty from the context."""
        context = {"default_released": True, "default_reopens": True, "default_is_goodwill": True}
        accounts = self.account.with_user(self.user_accountant).with_context(**context)
        self.use(60, "2024-12-05")
        accounts.settle("2024-12-31")
        accounts.create_invoices("2024-12-31")
        self.assertFalse(self.account.fee_ids.allocation_ids.filtered("released"))
        rows = self.env["trtc.allocation"].search([("account_id", "=", self.account.id)])
        self.assertFalse(rows.filtered(lambda row: row.released or row.is_goodwill))
        self.assertFalse(accounts.create_invoices("2024-12-31") - rows.move_id)

    def test_a_form_gets_no_defaults_any_more(self):
        account = self.env["trtc.account"].with_user(self.user_manager)
        account = account.with_context(default_partner_id=self.customer.id)
        self.assertEqual(account.default_get(["partner_id"])["partner_id"], self.customer.id)
        with self.assertRaises(UserError):
            account.with_context(default_partner_id=2**31 - 1).default_get(["partner_id"])
