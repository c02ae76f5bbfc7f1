from datetime import date
from decimal import Decimal
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..models.account_move import SET_BY_USERS
from .common import TrtcCommon


class InvoiceCase(TrtcCommon):
    def _ingest(self, minutes, day="2024-10-07", application=None):
        record = self.record("av_hd", minutes, day, application, unit="min")
        self.ingest(record)
        return record

    def _restate(self, record, minutes):
        self.ingest({**record, "quantity": str(minutes)})


@tagged("post_install", "-at_install")
class TestDrafts(InvoiceCase):
    """A draft holds what is due, in whatever words; nothing due is no invoice."""

    # === NOTHING DUE === #

    def test_a_draft_of_less_than_half_a_cent_stays_at_zero(self):
        record = self._ingest(600)
        draft = self.invoice("2024-10-31")
        self.assertEqual(draft.amount_untaxed, 2.39)
        self._restate(record, 1)
        self.assertFalse(self.invoice("2024-10-31"))
        self.assertFalse(draft.exists())
        self.assertEqual(self.total("amount"), Decimal("0.00399"))
        self.assertFalse(self.lines().allocation_ids)
        self._restate(record, 2)
        self.assertEqual(self.invoice("2024-10-31").amount_untaxed, 0.01)
        self.assert_books()

    def test_usage_restated_to_nothing_waits_for_an_invoice_for_ever(self):
        record = self._ingest(600)
        self.settle("2024-10-31")
        self._restate(record, 0)
        self.settle("2024-10-31")
        statements = self.lines().statement_id
        self.assertEqual(len(statements), 2)
        self.assertEqual(set(statements.mapped("state")), {"free"})
        found = statements.search([("state", "=", "free"), ("id", "in", statements.ids)])
        self.assertEqual(found, statements)
        self.assertFalse(self.lines(is_to_invoice=True))
        self.assertFalse(self.account._filter_uninvoiced())
        self.assertFalse(self.invoice("2024-10-31"))
        self.assert_books()

    # === WORDS === #

    def _assert_refreshed(self, change):
        """Check that a draft still counts as untouched after a change elsewhere."""
        record = self._ingest(600)
        draft = self.invoice("2024-10-31")
        change(draft)
        self._restate(record, 1000)
        self.assertEqual(self.invoice("2024-10-31"), draft)
        self.assertEqual(draft.amount_untaxed, 3.99)
        self.assertEqual(self.lines().statement_id.move_ids, draft)

    def test_a_renamed_product_makes_a_draft_look_changed_by_hand(self):
        def rename(_draft):
            self.item("av_hd").product_id.name = "High definition"

        self._assert_refreshed(rename)

    def test_a_customers_new_language_makes_a_draft_look_changed_by_hand(self):
        self.env["res.lang"]._activate_lang("fr_FR")

        def learn_french(_draft):
            self.customer.lang = "fr_FR"

        self._assert_refreshed(learn_french)

    def test_words_of_an_accountant_are_overwritten(self):
        record = self._ingest(600)
        draft = self.invoice("2024-10-31")
        draft.invoice_line_ids.name = "As agreed on the phone"
        self._restate(record, 1000)
        other = self.invoice("2024-10-31")
        self.assertNotEqual(other, draft)
        self.assertEqual((draft.amount_untaxed, other.amount_untaxed), (2.39, 1.6))
        self.assertEqual(draft.invoice_line_ids.name, "As agreed on the phone")

    # === WHOSE DRAFT === #

    def _get_figures(self, move):
        return [(line.id, line.quantity, line.price_unit) for line in move.invoice_line_ids]

    def _assert_left_alone(self, **vals):
        record = self._ingest(600)
        draft = self.invoice("2024-10-31")
        draft.write({name: record.id for name, record in vals.items()})
        before = self._get_figures(draft)
        self._restate(record, 1000)
        other = self.invoice("2024-10-31")
        self.assertNotEqual(other, draft)
        self.assertEqual(self._get_figures(draft), before)
        for name in vals:
            self.assertEqual(draft[name], vals[name])
        self.assertEqual(other.invoice_line_ids.quantity, 400)
        self.assertEqual(other.partner_id, self.customer)
        self.assertEqual(other.currency_id, self.account.currency_id)

    def test_a_draft_for_another_customer_takes_this_customers_usage(self):
        self._assert_left_alone(partner_id=self.partner_b)

    def test_drafts_of_fees_alone_are_named_alike(self):
        self.price_editions(self.account.pricelist_id, {"pro": 30, "lite": 10})
        for edition in ("pro", "lite"):
            application = self.make_application()
            self.subscribe(application, edition, "2024-12-01", "2024-12-31").bill_fee = True
            self.invoice("2024-12-01")
        drafts = self.env["account.move"].search([("trtc_account_id", "=", self.account.id)])
        names = drafts._trtc_get_names()
        for draft in drafts:
            self.assertIn(f"Draft Invoice (* {draft.id}, ", names)

    def test_a_customer_reads_the_usage_of_another_one(self):
        self._ingest(600)
        draft = self.invoice("2024-10-31")
        draft.partner_id = self.partner_b
        with self.assertRaisesRegex(UserError, "who would read it"), self.env.cr.savepoint():
            draft.action_post()
        # A contact of the same customer may have it.
        draft.partner_id = self.customer.create({"name": "Desk", "parent_id": self.customer.id})
        draft.action_post()
        self.assertEqual(draft.state, "posted")

    def test_a_draft_in_another_currency_takes_usage_in_this_one(self):
        self._assert_left_alone(currency_id=self.env.ref("base.EUR"))

    def test_a_forged_draft_is_filled_with_usage(self):
        self._ingest(600)
        self.settle("2024-10-31")
        forged = (
            self.env["account.move"]
            .sudo()
            .create(
                {
                    "move_type": "out_invoice",
                    "partner_id": self.customer.id,
                    "currency_id": self.account.currency_id.id,
                    "trtc_account_id": self.account.id,
                    "trtc_date_from": "2024-10-01",
                    "trtc_date_to": "2024-10-31",
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "name": "Forged",
                                "trtc_name": "Forged",
                                "quantity": 0,
                                "price_unit": 1,
                                "tax_ids": [Command.clear()],
                                "trtc_item_id": self.item("av_hd").id,
                            }
                        )
                    ],
                }
            )
        )
        move = self.invoice("2024-10-31")
        self.assertNotEqual(move, forged)
        self.assertEqual((move.amount_untaxed, forged.amount_untaxed), (2.39, 0))
        self.assertEqual(forged.invoice_line_ids.name, "Forged")

    # === CORRECTIONS OF A POSTED MONTH === #

    def test_a_correction_is_billed_in_mid_month_by_itself(self):
        self._ingest(600)
        self.invoice("2024-10-31").action_post()
        self._ingest(100, "2024-10-08")
        self._ingest(1000, "2024-11-02")
        self.assertFalse(self.invoice("2024-11-15"))
        self.assertEqual(len(self.lines(is_to_invoice=True)), 2)
        move = self.invoice("2024-11-30")
        self.assertEqual(move.trtc_date_to.isoformat(), "2024-11-30")
        lines = {line.trtc_is_late: line.quantity for line in move.invoice_line_ids}
        self.assertEqual(lines, {True: 100, False: 1000})
        self.assertFalse(self.invoice("2024-11-30"))
        self.assert_books()

    def test_a_correction_without_new_usage_is_never_billed(self):
        self._ingest(600)
        self.invoice("2024-10-31").action_post()
        self._ingest(1000, "2024-10-08")
        self.assertFalse(self.invoice("2024-11-15"))
        self.assertFalse(self.invoice("2024-11-29"))
        move = self.invoice("2024-11-30")
        self.assertEqual(move.amount_untaxed, 3.99)
        self.assertEqual(move.trtc_date_from.isoformat(), "2024-11-01")
        self.assertTrue(move.invoice_line_ids.trtc_is_late)
        self.assert_books()


@tagged("post_install", "-at_install")
class TestOneOfMany(InvoiceCase):
    """An account that cannot be billed says so and holds nobody up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sick = cls.account
        cls.healthy = cls.make_account()
        cls.both = cls.sick | cls.healthy
        cls.healthy_application = cls.make_application(cls.healthy)

    def setUp(self):
        super().setUp()
        self._ingest(1000)
        self._ingest(1000, application=self.healthy_application)

    def _failing(self, model, method, is_sick):
        """Patch a method to raise where it is called for the sick account."""
        cls = type(self.env[model])
        original = getattr(cls, method)

        def fail(records, *args):
            if is_sick(records, *args):
                raise UserError(records.env._("no income account"))
            return original(records, *args)

        return patch.object(cls, method, fail)

    def _failing_settlement(self):
        return self._failing(
            "trtc.account", "_settle", lambda account, *_args: account == self.sick
        )

    def _failing_invoice(self):
        return self._failing(
            "account.move",
            "_trtc_create_or_refresh",
            lambda _moves, bills: any(bill.account == self.sick for bill in bills),
        )

    def _assert_told(self):
        bodies = [str(message.body) for message in self.sick.message_ids]
        self.assertTrue([body for body in bodies if "no income account" in body], bodies)
        self.assertNotIn("no income", " ".join(map(str, self.healthy.message_ids.mapped("body"))))

    def test_an_account_that_cannot_be_settled_stops_the_others(self):
        with self._failing_settlement():
            statements = self.both.settle("2024-10-31")
        self.assertEqual(statements.account_id, self.healthy)
        self._assert_told()
        self.assertEqual(self.both.settle("2024-10-31").account_id, self.sick)
        self.assert_books(*self.both)

    def test_an_account_that_cannot_be_invoiced_stops_the_others(self):
        self.both.settle("2024-10-31")
        with self._failing_invoice():
            moves = self.both.create_invoices("2024-10-31")
        self.assertEqual(moves.trtc_account_id, self.healthy)
        self._assert_told()
        later = self.both.create_invoices("2024-10-31")
        self.assertEqual(later.trtc_account_id, self.sick)
        self.assertEqual((moves | later).mapped("amount_untaxed"), [3.99, 3.99])
        self.assert_books(*self.both)

    def test_an_account_that_cannot_be_billed_alone_says_nothing(self):
        with self._failing_settlement(), self.assertRaisesRegex(UserError, "no income"):
            self.sick.settle("2024-10-31")
        self.sick.settle("2024-10-31")
        with self._failing_invoice(), self.assertRaisesRegex(UserError, "no income"):
            self.sick.create_invoices("2024-10-31")
        self.assertEqual(self.sick.create_invoices("2024-10-31").amount_untaxed, 3.99)


@tagged("post_install", "-at_install")
class TestInvoicingUser(InvoiceCase):
    """Who may edit invoices in core can neither forge nor cut a tie to usage."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = new_test_user(cls.env, login="clerk", groups="account.group_account_invoice")
        product, day = cls.env.ref("trtc_billing.product_pack"), date(2024, 10, 1)
        vals = cls.account._prepare_fee("pack", product, 0, day, day)
        cls.fee = cls.env["trtc.fee"].sudo().create(vals)

    def _post(self):
        self._ingest(1000)
        move = self.invoice("2024-10-31")
        move.action_post()
        return move.with_user(self.clerk)

    def _get_values(self, model, move):
        """Return {field: a value that somebody might forge} of all of our fields."""
        records = {"trtc.account": self.account.id, "trtc.item": self.item("av_hd").id}
        records |= {"trtc.fee": self.fee.id, "trtc.application": self.application.id}
        records["account.move.line"] = move.invoice_line_ids[:1].id
        values = {"date": "2024-10-01", "boolean": True, "integer": 1, "float": 1.5}
        values |= {"selection": "usage", "text": "Forged", "char": "Forged", "json": {"1": 2}}
        allocation = move.sudo().trtc_allocation_ids[:1]
        found = {}
        for name, field in self.env[model]._fields.items():
            if not name.startswith("trtc_") or name in SET_BY_USERS:
                continue
            if field.type == "many2one":
                found[name] = records[field.comodel_name]
            elif field.type == "one2many":
                found[name] = [Command.link(allocation.id)]
            elif field.type == "many2many":
                found[name] = [Command.set(move.sudo().trtc_statement_ids.ids)]
            else:
                found[name] = values[field.type]
        self.assertTrue(found)
        return found

    def _assert_no_write(self, record, vals):
        with self.subTest(record=record, vals=vals):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                record.write(vals)
            record.invalidate_recordset()

    def _prepare_move(self, line=None, **vals):
        return {
            "move_type": "out_invoice",
            "partner_id": self.customer.id,
            **vals,
            "invoice_line_ids": [
                Command.create({"name": "Advice", "price_unit": 10, **(line or {})})
            ],
        }

    def test_ties_of_a_posted_invoice_are_cut_or_forged(self):
        move = self._post()
        line = move.invoice_line_ids[:1]
        for record in (move, line):
            for name, value in self._get_values(record._name, move).items():
                self._assert_no_write(record, {name: value})
                empty = [Command.clear()] if isinstance(value, list) else False
                self._assert_no_write(record, {name: empty})
                if record == line:
                    command = Command.update(line.id, {name: empty})
                    # Core itself refuses lines of a posted invoice, unless it is told not to.
                    core = move.with_context(skip_readonly_check=True)
                    self._assert_no_write(core, {"invoice_line_ids": [command]})
        self.assertEqual(move.sudo().trtc_statement_ids, self.lines().statement_id)
        self.assertEqual(move.trtc_account_id, self.account)

    def test_ties_are_forged_on_a_new_invoice(self):
        posted = self._post()
        moves = self.env["account.move"].with_user(self.clerk)
        plans = [
            self._prepare_move(**{name: value})
            for name, value in self._get_values("account.move", posted).items()
        ] + [
            self._prepare_move({name: value})
            for name, value in self._get_values("account.move.line", posted).items()
        ]
        for vals in plans:
            with (
                self.subTest(vals=vals),
                self.assertRaises(AccessError),
                self.env.cr.savepoint(),
            ):
                moves.create(vals)

    def test_ties_are_forged_by_defaults(self):
        posted = self._post()
        moves = self.env["account.move"].with_user(self.clerk)
        move = moves.create(self._prepare_move())
        for model, vals in (
            ("account.move", self._prepare_move()),
            ("account.move.line", {"move_id": move.id, "name": "Advice", "price_unit": 10}),
        ):
            for name, value in self._get_values(model, posted).items():
                records = move.env[model].with_context(**{f"default_{name}": value})
                with (
                    self.subTest(model=model, field=name),
                    self.assertRaises(AccessError),
                    self.env.cr.savepoint(),
                ):
                    records.create(vals)

    def test_an_invoicing_user_cannot_work_any_more(self):
        moves = self.env["account.move"].with_user(self.clerk)
        move = moves.create(self._prepare_move())
        move.write({"ref": "A word"})
        move.action_post()
        self.assertEqual((move.state, move.ref), ("posted", "A word"))

    def _assert_untied(self, move):
        for name in ("trtc_account_id", "trtc_date_from", "trtc_date_to"):
            self.assertFalse(move.sudo()[name], name)
        self.assertFalse(move.sudo().trtc_allocation_ids)
        for name in self._get_values("account.move.line", move):
            self.assertFalse(any(move.sudo().invoice_line_ids.mapped(name)), name)

    def test_a_credit_note_of_core_leaves_its_ties_behind(self):
        """Who has no rights on TRTC records credits usage like anything else."""
        move = self._post()
        wizard = self.env["account.move.reversal"].with_user(self.clerk)
        wizard = wizard.with_context(active_model="account.move", active_ids=move.ids)
        result = wizard.create({"journal_id": move.journal_id.id}).refund_moves()
        credit = self.env["account.move"].browse(result["res_id"])
        self.assertEqual((credit.move_type, credit.amount_untaxed), ("out_refund", 3.99))
        self.assertEqual(credit.trtc_account_id, self.account)
        self.assertEqual(
            credit.trtc_allocation_ids.credits_id, move.sudo().trtc_allocation_ids
        )
        self.assertFalse(self.invoice("2024-10-31"), "the credit note is a draft")

    def test_a_duplicate_takes_ties_along(self):
        self._ingest(1000)
        move = self.invoice("2024-10-31")
        advice = {"name": "Advice", "price_unit": 10, "tax_ids": []}
        move.invoice_line_ids = [Command.create(advice)]
        move.action_post()
        copy = move.with_user(self.clerk).copy()
        self.assertEqual(copy.invoice_line_ids.mapped("name"), ["Advice"])
        self.assertEqual((copy.amount_untaxed, copy.amount_total), (10, 10))
        self._assert_untied(copy)
        self.assertEqual(self.lines().statement_id.move_ids, move.sudo())
        self.assertFalse(self.invoice("2024-10-31"))
