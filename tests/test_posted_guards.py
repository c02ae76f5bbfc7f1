from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import TrtcCommon

#: By these a client has core leave out its checks, or totals.
KEYS = {
    "skip_readonly_check": True,
    "check_move_validity": False,
    "force_delete": True,
    "skip_invoice_sync": True,
    "skip_invoice_line_sync": True,
    "skip_account_move_synchronization": True,
    "dynamic_unlink": True,
}


class PostedCase(TrtcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.usage("av_hd", 1000, "2024-10-07", unit="min")
        cls.settle("2024-10-31")
        cls.move = cls.invoice("2024-10-31").with_user(cls.user_accountant)
        cls.line = cls.move.invoice_line_ids[:1]
        cls.other = cls.env["res.partner"].create({"name": "Other customer"})

    def post(self):
        self.move.action_post()

    def get_state(self):
        """Return the document and its lines as the database has them."""
        self.env.flush_all()
        found = []
        for table, column in (("account_move", "id"), ("account_move_line", "move_id")):
            query = f'SELECT * FROM "{table}" WHERE "{column}" = %s ORDER BY id'
            self.env.cr.execute(query, [self.move.id])
            rows = self.env.cr.dictfetchall()
            found += [{name: row[name] for name in row if name != "write_date"} for row in rows]
        return found

    def assert_refused(self, change, *args, error=AccessError, says="TRTC usage"):
        """Expect one sentence of ours, and that nothing was changed."""
        before = self.get_state()
        with self.assertRaises(error) as caught, self.env.cr.savepoint():
            change(*args)
            self.env.flush_all()
        self.assertIn(says, str(caught.exception))
        self.env.invalidate_all()
        self.assertEqual(self.get_state(), before)


@tagged("post_install", "-at_install")
class TestPostedDocument(PostedCase):
    """An accountant cannot edit what is posted, whatever comes with the call."""

    def setUp(self):
        super().setUp()
        self.post()

    def get_contexts(self):
        return [{}, KEYS, *({key: value} for key, value in KEYS.items())]

    def get_document_values(self):
        line, term = self.line, self.env.ref("account.account_payment_term_30days")
        fiscal = self.env["account.fiscal.position"].create({"name": "Other"})
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "Five",
                "rounding": 0.05,
                "strategy": "add_invoice_line",
                "profit_account_id": self.company_data["default_account_revenue"].id,
                "loss_account_id": self.company_data["default_account_expense"].id,
            }
        )
        lines = [
            [Command.update(line.id, {"price_unit": 5.0})],
            [Command.create({"name": "More", "price_unit": 5.0})],
            [Command.delete(line.id)],
            [Command.clear()],
        ]
        return [
            {"partner_id": self.other.id},
            {"currency_id": self.env.ref("base.EUR").id},
            {"invoice_currency_rate": 7.0},
            {"fiscal_position_id": fiscal.id},
            {"invoice_payment_term_id": term.id},
            {"invoice_cash_rounding_id": rounding.id},
            {"invoice_date": "2024-01-01"},
            {"date": "2024-01-01"},
            {"name": "X/9"},
            {"amount_total": "much"},
            {"name": False},
            *({"invoice_line_ids": commands} for commands in lines),
            *({"line_ids": commands} for commands in lines),
            *({"journal_line_ids": commands} for commands in lines[:3]),
        ]

    def test_a_document_is_changed_by_a_context_key(self):
        """One key of the context handed a posted invoice to another customer, who read it."""
        for context in self.get_contexts():
            for vals in self.get_document_values():
                with self.subTest(context=context, vals=vals):
                    self.assert_refused(self.move.with_context(**context).write, vals)

    def test_a_document_is_changed_by_an_import(self):
        moves = self.env["account.move"].with_user(self.user_accountant).with_context(**KEYS)
        before = self.get_state()
        result = moves.load([".id", "partner_id/.id"], [[str(self.move.id), str(self.other.id)]])
        self.assertFalse(result["ids"])
        self.assertIn("TRTC usage", result["messages"][0]["message"])
        self.env.invalidate_all()
        self.assertEqual(self.get_state(), before)

    def test_a_program_hands_a_document_to_another_customer(self):
        moves = self.move.sudo().with_context(skip_readonly_check=True)
        vals = {"partner_id": self.other.id}
        self.assert_refused(moves.write, vals, error=UserError, says="who would read it")
        contact = self.customer.create({"name": "Desk", "parent_id": self.customer.id})
        moves.partner_id = contact
        self.assertEqual(self.move.partner_id, contact)

    def get_line_values(self):
        company = self.company_data
        tax = company["default_tax_sale"].copy({"name": "Other"})
        return {
            "price_unit": 5.0,
            "quantity": 7,
            "discount": 50,
            "product_id": self.env.ref("trtc_billing.product_pack").id,
            "product_uom_id": self.env.ref("uom.product_uom_dozen").id,
            "balance": -77,
            "amount_currency": -77,
            "debit": 77,
            "credit": 77,
            "tax_ids": [Command.set(tax.ids)],
            "account_id": company["default_account_revenue"].copy().id,
            "partner_id": self.other.id,
            "name": "Other words",
            "currency_id": self.env.ref("base.EUR").id,
            "display_type": "cogs",
            "parent_state": "draft",
            "price_subtotal": 9.0,
            "price_total": 9.0,
            "amount_residual": 9.0,
            "amount_residual_currency": 9.0,
            "reconciled": True,
            "date": "2024-01-01",
            "move_name": "X/9",
        }

    def test_a_line_is_changed(self):
        """The price of a posted line changed by a plain write; its total did not follow."""
        values = self.get_line_values()
        for line in self.move.line_ids:
            for context in ({}, KEYS):
                for name, value in values.items():
                    if name == "reconciled" and line.reconciled:
                        continue
                    with self.subTest(line=line, context=context, field=name):
                        self.assert_refused(line.with_context(**context).write, {name: value})

    def test_a_line_comes_or_goes(self):
        moves = self.env["account.move"].with_user(self.user_accountant)
        stranger = moves.create(
            {
                "move_type": "out_invoice",
                "partner_id": self.other.id,
                "invoice_line_ids": [Command.create({"name": "Advice", "price_unit": 10})],
            }
        ).invoice_line_ids
        vals = {"move_id": self.move.id, "name": "More", "price_unit": 10}
        for context in ({}, KEYS):
            lines = self.line.with_context(**context)
            for change, *args in (
                (lines.create, [vals]),
                (lines.create, [{**vals, "move_id": str(self.move.id)}]),
                (lines.unlink,),
                (stranger.with_context(**context).write, {"move_id": self.move.id}),
                (lines.write, {"move_id": stranger.move_id.id}),
                (self.move.with_context(**context).unlink,),
            ):
                with self.subTest(context=context, change=change):
                    self.assert_refused(change, *args)

    def test_what_odoo_sets_is_set_by_hand(self):
        """A plain write made an invoice paid, or a draft, and its portal link a known one."""
        values = {
            "payment_state": "paid",
            "access_token": "known",
            "made_sequence_gap": not self.move.made_sequence_gap,
            "sequence_number": 99,
            "sequence_prefix": "X",
            "amount_residual": 0,
            "amount_total": 1,
        }
        for vals in ({"state": "draft"}, {"state": "cancel"}, {"state": False}):
            self.assert_refused(self.move.write, vals)
        for name, value in values.items():
            for context in ({}, KEYS):
                with self.subTest(field=name, context=context):
                    self.assert_refused(self.move.with_context(**context).write, {name: value})

    def test_a_draft_is_cancelled_by_hand(self):
        self.move.button_draft()
        for vals in ({"state": "cancel"}, {"access_token": "known"}, {"payment_state": "paid"}):
            self.assert_refused(self.move.write, vals)

    def test_a_payment_takes_a_document_as_its_entry(self):
        """Resetting the payment then reset the invoice."""
        payments = self.env["account.payment"].with_user(self.user_accountant)
        vals = {"amount": 5, "partner_id": self.customer.id, "payment_type": "inbound"}
        self.assert_refused(
            payments.create, {**vals, "move_id": self.move.id}, error=UserError, says="the entry"
        )
        self.assert_refused(
            payments.with_context(default_move_id=self.move.id).create, vals, error=UserError
        )
        payment = payments.create(vals)
        bank = self.company_data["default_journal_bank"]
        for context in ({}, KEYS):
            move = self.move.with_context(**context)
            for change, *args in (
                (payment.with_context(**context).write, {"move_id": move.id}),
                (move.write, {"origin_payment_id": payment.id}),
                (move.write, {"payment_ids": [Command.link(payment.id)]}),
            ):
                with self.subTest(change=change, args=args, context=context):
                    self.assert_refused(change, *args, error=UserError)
        # Bank transactions are entered by those who keep the bank journal.
        self.user_accountant.group_ids += self.env.ref("account.group_account_basic")
        lines = self.env["account.bank.statement.line"].with_user(self.user_accountant)
        entry = {"journal_id": bank.id, "amount": 5, "payment_ref": "In", "date": "2024-11-01"}
        self.assert_refused(lines.create, {**entry, "move_id": self.move.id}, error=UserError)
        transaction = lines.create(entry)
        self.assert_refused(self.move.write, {"statement_line_id": transaction.id}, error=UserError)
        self.assert_refused(transaction.write, {"move_id": self.move.id}, error=UserError)


@tagged("post_install", "-at_install")
class TestDraftOfUsage(PostedCase):
    """On a draft a key of the context leaves out neither totals nor checks."""

    def test_a_key_leaves_out_the_totals(self):
        line = self.line.with_context(**KEYS)
        line.price_unit = 1.0
        self.assertEqual(self.line.price_subtotal, self.line.quantity)
        self.assertEqual(self.move.amount_untaxed, self.line.quantity)
        self.assertEqual(-self.line.balance, self.line.quantity)
        self.assertAlmostEqual(sum(self.move.line_ids.mapped("balance")), 0)

    def test_a_key_adds_a_line_that_nobody_balances(self):
        vals = {"name": "Advice", "price_unit": 10, "tax_ids": []}
        move, total = self.move.with_context(**KEYS), self.move.amount_untaxed
        move.invoice_line_ids = [Command.create(vals)]
        self.assertAlmostEqual(self.move.amount_untaxed, total + 10)
        move.line_ids.create({**vals, "move_id": move.id})
        self.assertAlmostEqual(self.move.amount_untaxed, total + 20)
        self.assertAlmostEqual(sum(self.move.line_ids.mapped("balance")), 0)
        move.invoice_line_ids.filtered(lambda line: line.name == "Advice").unlink()
        self.assertAlmostEqual(self.move.amount_untaxed, total)
        self.assertAlmostEqual(sum(self.move.line_ids.mapped("balance")), 0)

    def test_a_key_deletes_what_is_due(self):
        due = self.move.line_ids.filtered(lambda line: line.display_type == "payment_term")
        for context in (KEYS, {"dynamic_unlink": True}):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                due.with_context(**context).unlink()
            move = self.move.with_context(**context)
            with self.assertRaises(UserError), self.env.cr.savepoint():
                move.line_ids = [Command.delete(due.id)]
        self.env.invalidate_all()
        self.assertEqual(due.move_id, self.move)

    def test_a_key_leaves_out_the_totals_of_a_credit_note(self):
        self.post()
        wizard = self.env["account.move.reversal"].with_user(self.user_accountant)
        wizard = wizard.with_context(active_model="account.move", active_ids=self.move.ids, **KEYS)
        action = wizard.create({"journal_id": self.move.journal_id.id}).reverse_moves()
        credit = self.env["account.move"].browse(action["res_id"])
        self.assertEqual(credit.amount_total, self.move.amount_total)
        self.assertEqual(
            sorted(credit.line_ids.mapped("debit")), sorted(self.move.line_ids.mapped("credit"))
        )

    def test_a_draft_cannot_be_deleted_any_more(self):
        self.move.unlink()
        self.assertFalse(self.move.exists())


@tagged("post_install", "-at_install")
class TestFlowsOfOdoo(PostedCase):
    """What an accountant does with posted invoices in Odoo goes on."""

    def setUp(self):
        super().setUp()
        self.post()

    def test_a_document_is_posted_reset_and_cancelled(self):
        name = self.move.name
        self.move.button_draft()
        self.assertEqual(self.move.state, "draft")
        self.move.action_post()
        self.assertEqual((self.move.state, self.move.name), ("posted", name))
        self.move.button_cancel()
        self.assertEqual(self.move.state, "cancel")
        self.move.button_draft()
        self.move.action_post()
        self.assertEqual(self.move.state, "posted")
        self.assert_books()

    def test_a_document_is_postponed(self):
        due = self.move.line_ids.filtered(lambda line: line.display_type == "payment_term")
        self.move.invoice_date_due = "2099-12-31"
        self.assertEqual(str(due.date_maturity), "2099-12-31")
        due.date_maturity = "2099-12-30"
        self.move.ref = "As agreed"
        self.move.payment_reference = "As paid"
        with Form(self.move) as form:
            form.ref = "In the form"
        self.assertEqual(self.move.ref, "In the form")

    def test_an_analytic_distribution_is_changed(self):
        plan = self.env["account.analytic.plan"].create({"name": "Plan"})
        account = self.env["account.analytic.account"].create({"name": "Calls", "plan_id": plan.id})
        self.line.analytic_distribution = {str(account.id): 100}
        self.assertTrue(self.line.analytic_line_ids)

    def test_a_document_is_blocked_and_paid(self):
        self.move.action_toggle_block_payment()
        self.assertEqual(self.move.payment_state, "blocked")
        self.move.action_toggle_block_payment()
        self.assertEqual(self.move.payment_state, "not_paid")
        wizard = self.env["account.payment.register"].with_user(self.user_accountant)
        wizard = wizard.with_context(active_model="account.move", active_ids=self.move.ids)
        payment = wizard.create({})._create_payments()
        self.assertIn(self.move.payment_state, ("paid", "in_payment"))
        payment.action_draft()
        self.assertEqual(self.move.state, "posted")
        payment.action_post()
        self.move.line_ids.remove_move_reconcile()
        self.assertEqual(self.move.payment_state, "not_paid")

    def test_a_number_before_it_is_given_up(self):
        """The next document says that a number is missing, though nobody sets that by hand."""
        self.usage("av_hd", 1000, "2024-11-07", unit="min")
        later = self.invoice("2024-11-30").with_user(self.user_accountant)
        later.action_post()
        self.assertEqual(later.sequence_number, self.move.sequence_number + 1)
        self.move.button_draft()
        self.move.name = False
        self.assertTrue(later.made_sequence_gap)

    def test_other_documents_are_edited_as_ever(self):
        moves = self.env["account.move"].with_user(self.user_accountant)
        other = moves.create(
            {
                "move_type": "out_invoice",
                "partner_id": self.other.id,
                "invoice_line_ids": [Command.create({"name": "Advice", "price_unit": 10})],
            }
        )
        other.action_post()
        other.with_context(skip_readonly_check=True).partner_id = self.customer
        other.invoice_line_ids.name = "Counsel"
        self.assertEqual(other.partner_id, self.customer)
