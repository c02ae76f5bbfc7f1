from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from ..models.markers import in_flow
from .money import USE
from .test_credit_notes import CreditCase


class CopyCase(CreditCase):
    def setUp(self):
        super().setUp()
        self.usage("av_hd", 60_000, "2024-11-01")
        self.draft = self.invoice("2024-11-30").with_user(self.user_accountant)
        self.posted = self.posted.with_user(self.user_accountant)

    def add_lines(self, move):
        """Let an accountant add what has nothing to do with usage."""
        move.invoice_line_ids = [
            Command.create({"display_type": "line_section", "name": "Besides"}),
            Command.create(
                {
                    "name": "Advice",
                    "quantity": 2,
                    "price_unit": 50,
                    "tax_ids": [Command.set(self.company_data["default_tax_sale"].ids)],
                }
            ),
            Command.create({"display_type": "line_note", "name": "As agreed"}),
        ]

    def bill_with_rounding(self, **vals):
        """Return a draft whose rounded lines miss the total by a cent."""
        self.env.company.tax_calculation_rounding_method = "round_per_line"
        contract = self.make_pricelist({code: price for code, (price, _units) in USE.items()})
        account = self.make_account(pricelist_id=contract.id, **vals)
        application = self.make_application(account)
        for code, (_price, minutes) in USE.items():
            self.usage(code, minutes, "2024-12-01", application, unit="min")
        return self.invoice("2024-12-31", account).with_user(self.user_accountant)

    def make_copy_of_former_versions(self, move, **vals):
        """Post an invoice that says what another one says, without a tie to usage."""
        lines = [
            Command.create(
                {
                    name: line[name].id if name == "product_id" else line[name]
                    for name in ("product_id", "name", "quantity", "price_unit")
                }
            )
            for line in move.invoice_line_ids
        ]
        copied = self.env["account.move"].create(
            {
                "move_type": move.move_type,
                "partner_id": self.customer.id,
                "invoice_date": "2024-10-31",
                "invoice_line_ids": lines,
                **vals,
            }
        )
        copied.action_post()
        return copied


@tagged("post_install", "-at_install")
class TestCopies(CopyCase):
    """No copy of a document bills its usage a second time."""

    def test_a_duplicate_bills_the_usage_again(self):
        for move in (self.draft, self.posted):
            with self.assertRaisesRegex(UserError, "a copy would bill it twice"):
                move.copy()

    def test_what_a_person_added_is_copied(self):
        self.add_lines(self.draft)
        self.draft.action_post()
        copied = self.draft.copy()
        self.assertEqual(
            copied.invoice_line_ids.sorted("sequence").mapped("name"),
            ["Besides", "Advice", "As agreed"],
        )
        self.assertEqual(copied.amount_untaxed, 100)
        self.assertEqual(copied.amount_tax, 15)
        self.assertEqual(sum(copied.line_ids.mapped("balance")), 0)
        self.assertFalse(copied.invoice_origin)
        self.assertFalse(copied.trtc_account_id)
        self.assertIn("were not copied", str(copied.message_ids.mapped("body")))
        copied.action_post()
        self.assert_books()

    def test_sections_and_rounding_of_usage_are_copied(self):
        move = self.bill_with_rounding(invoice_sections=True)
        self.assertIn("line_section", move.invoice_line_ids.mapped("display_type"))
        self.assertTrue(move.invoice_line_ids.filtered("trtc_is_rounding"))
        with self.assertRaisesRegex(UserError, "a copy would bill it twice"):
            move.copy()
        self.add_lines(move)
        self.assertEqual(len(move.copy().invoice_line_ids), 3)

    def test_the_reason_of_a_date_is_copied(self):
        self.add_lines(self.draft)
        reason = "This invoice is dated otherwise."
        self.draft.sudo().write(
            {
                "trtc_date_reason": reason,
                "narration": f"<p>Thanks</p>{self.draft._trtc_show_reason(reason)}",
            }
        )
        self.assertEqual(str(self.draft.copy().narration), "<p>Thanks</p>")

    def test_a_debit_note_bills_the_usage_again(self):
        """The debit note of Odoo copies a document with its lines, or without any."""
        flow = self.posted.with_context(include_business_fields=True)
        default = {"ref": "Late", "invoice_date": "2024-11-04", "move_type": "out_invoice"}
        with self.assertRaisesRegex(UserError, "a copy would bill it twice"):
            flow.copy(default)
        debit = flow.copy({**default, "line_ids": [Command.clear()]})
        self.assertFalse(debit.invoice_line_ids)
        self.add_lines(self.draft)
        self.draft.action_post()
        debit = self.draft.with_context(include_business_fields=True).copy(default)
        self.assertEqual(debit.invoice_line_ids.mapped("name"), ["Besides", "Advice", "As agreed"])
        self.assertFalse(debit.invoice_line_ids.trtc_origin_line_id)

    def test_a_debit_note_of_a_credit_note_bills_usage_without_a_ledger(self):
        credit = self.reverse()
        credit.action_post()
        with self.assertRaisesRegex(UserError, "a copy would bill it twice"):
            credit.with_user(self.user_accountant).copy({"move_type": "out_invoice"})

    def test_a_single_line_is_copied(self):
        line = self.draft.invoice_line_ids[0]
        other = self.env["account.move"].with_user(self.user_accountant).create(
            {"move_type": "out_invoice", "partner_id": self.customer.id}
        )  # fmt: skip
        for flow in ({}, {"include_business_fields": True}, {"trtc_flow": True}):
            with self.assertRaisesRegex(UserError, "a copy would bill it twice"):
                line.with_context(**flow).copy({"move_id": other.id})
        self.add_lines(self.draft)
        advice = self.draft.invoice_line_ids.filtered(lambda one: one.name == "Advice")
        copied = advice.copy({"move_id": other.id})
        self.assertEqual(other.invoice_line_ids, copied)

    def test_a_key_of_the_context_lets_usage_be_copied(self):
        for value in (True, 1, "FLOW", {}, [object.__name__]):
            records = self.posted.with_context(trtc_flow=value)
            self.assertFalse(in_flow(records.env))
            with self.assertRaisesRegex(UserError, "a copy would bill it twice"):
                records.copy()

    def test_documents_without_usage_are_copied_as_before(self):
        move = self.make_copy_of_former_versions(self.posted)
        copied = move.with_user(self.user_accountant).copy()
        self.assertEqual(copied.amount_total, move.amount_total)
        self.assertEqual(len(copied.invoice_line_ids), len(move.invoice_line_ids))

    def test_reversals_go_on_as_before(self):
        credit = self.reverse()
        self.assertEqual(credit.amount_total, self.posted.amount_total)
        self.assertTrue(all(credit.invoice_line_ids.mapped("trtc_origin_line_id")))
        credit.unlink()
        new = self.reverse(modify=True)
        self.assertEqual(new.amount_total, self.posted.amount_total)
        self.assertTrue(all(new.invoice_line_ids.mapped("trtc_origin_line_id")))


@tagged("post_install", "-at_install")
class TestRecurrence(CopyCase):
    def test_an_invoice_of_usage_recurs(self):
        for value in ("monthly", "quarterly", "yearly"):
            with (
                self.subTest(value),
                self.assertRaisesRegex(ValidationError, "the same usage is billed once"),
                self.env.cr.savepoint(),
            ):
                self.draft.auto_post = value
        with self.assertRaises(ValidationError), Form(self.draft) as form:
            form.auto_post = "monthly"

    def test_it_is_posted_by_odoo_on_its_date(self):
        self.draft.write({"auto_post": "at_date", "invoice_date": "2024-12-01"})
        with patch.object(type(self.env["ir.cron"]), "_commit_progress"):
            self.env["account.move"]._autopost_draft_entries()
        self.assertEqual(self.draft.state, "posted")
        self.assert_books()

    def test_one_that_recurs_already_is_posted_once(self):
        """Set up with a former version."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET auto_post = 'monthly' WHERE id = %s", [self.draft.id]
        )
        self.env.invalidate_all()
        before = self.env["account.move"].search_count([])
        self.draft.action_post()
        self.assertEqual(self.env["account.move"].search_count([]), before)


@tagged("post_install", "-at_install")
class TestSoldCheck(CopyCase):
    """The check of the books tells of products of TRTC without usage behind them."""

    def find(self, accounts=None, until="2024-10-31"):
        wizard = self.env["trtc.check.books"].with_user(self.user_accountant)
        accounts = accounts or self.env["trtc.account"]
        action = wizard.create(
            {"date_from": "2024-10-01", "date_to": until, "account_ids": accounts.ids}
        ).action_check()
        check = self.env["trtc.books.check"].browse(action["res_id"])
        return check.finding_ids.filtered(lambda one: one.kind == "sold")

    def test_a_copy_of_an_invoice_goes_unseen(self):
        self.assertFalse(self.find())
        copied = self.make_copy_of_former_versions(self.posted)
        for accounts in (self.account, None):
            finding = self.find(accounts).ensure_one()
            self.assertEqual(finding.severity, "difference")
            self.assertEqual(finding.account_id, self.account)
            self.assertIn(f"{copied.name} repeats 2 lines of {self.posted.name}", finding.message)
            self.assertEqual((finding.expected, finding.found), ("0", "19.98"))
            self.assertIn(copied.name, finding.to_do)
        self.assertFalse(self.find(self.make_account(partner_id=self.partner_b.id)))

    def test_a_copy_that_was_credited_is_a_difference_for_ever(self):
        copied = self.make_copy_of_former_versions(self.posted)
        copied._reverse_moves([{"invoice_date": "2024-10-31"}], cancel=True)
        self.assertFalse(self.find())

    def test_a_copy_in_place_of_a_credited_invoice_is_a_difference(self):
        self.reverse(trtc_reopens=False).action_post()
        self.make_copy_of_former_versions(self.posted)
        self.assertEqual(self.find().severity, "information")

    def test_what_somebody_sells_by_hand_is_a_difference(self):
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "invoice_date": "2024-10-31",
                "invoice_line_ids": [
                    Command.create(
                        {"product_id": self.item("av_hd").product_id.id, "price_unit": 30}
                    ),
                    Command.create({"name": "Advice", "price_unit": 30}),
                ],
            }
        )
        self.assertFalse(self.find(), "a draft")
        move.action_post()
        finding = self.find().ensure_one()
        self.assertEqual(finding.severity, "information")
        self.assertIn(f"{move.name} sells TRTC products on 1 lines for", finding.message)

    def test_a_customer_without_an_account_is_left_out(self):
        self.make_copy_of_former_versions(self.posted, partner_id=self.partner_b.id)
        self.assertFalse(self.find(self.account))
        finding = self.find().ensure_one()
        self.assertFalse(finding.account_id)
        self.assertEqual(finding.severity, "information")

    def test_bills_of_vendors_and_other_periods_are_looked_at(self):
        self.make_copy_of_former_versions(self.posted, invoice_date="2024-11-20")
        self.assertFalse(self.find())
        self.assertTrue(self.find(until="2024-11-30"))

    def test_a_line_of_a_document_of_usage_is_found(self):
        """Entered beside the lines that bill usage."""
        product = self.item("av_hd").product_id
        self.draft.invoice_line_ids = [
            Command.create({"product_id": product.id, "name": "Once more", "price_unit": 5})
        ]
        self.draft.invoice_date = "2024-11-30"
        self.draft.action_post()
        self.assertEqual(self.find(until="2024-11-30").severity, "information")


@tagged("post_install", "-at_install")
class TestKeptFields(CopyCase):
    """What follows from usage is not set by hand: nothing hides a change from the ledger."""

    def assert_refused(self, record, **vals):
        with self.subTest(record=record, vals=vals):
            with self.assertRaises(AccessError) as refused, self.env.cr.savepoint():
                record.write(vals)
            self.assertNotIn("\n", str(refused.exception))
            self.env.invalidate_all()

    def test_a_draft_is_called_a_credit_note(self):
        """Its changes by hand went unrecorded then."""
        self.assert_refused(self.draft, reversed_entry_id=self.posted.id)
        manual = self.env["account.move"].create(
            {"move_type": "out_invoice", "partner_id": self.customer.id}
        )
        self.assert_refused(self.draft, reversed_entry_id=manual.id)
        self.assert_refused(
            manual.with_user(self.user_accountant), reversed_entry_id=self.posted.id
        )
        line = self.draft.invoice_line_ids[0]
        origin = self.posted.invoice_line_ids[0]
        self.assert_refused(line, trtc_origin_line_id=origin.id)
        self.assert_refused(
            self.draft,
            invoice_line_ids=[Command.update(line.id, {"trtc_origin_line_id": origin.id})],
        )

    def test_a_credit_note_is_cut_from_its_invoice(self):
        credit = self.reverse()
        self.assert_refused(credit, reversed_entry_id=False)
        self.assert_refused(credit.invoice_line_ids[0], trtc_origin_line_id=False)

    def test_a_credit_note_is_entered_by_hand_and_its_usage_stays_billed(self):
        moves = self.env["account.move"].with_user(self.user_accountant)
        vals = {"move_type": "out_refund", "partner_id": self.customer.id}
        plans = (
            (moves, {**vals, "reversed_entry_id": self.posted.id}),
            (moves.with_context(default_reversed_entry_id=self.posted.id), vals),
        )
        for records, values in plans:
            with self.assertRaisesRegex(AccessError, "Credit Note or Credit Usage"):
                records.create(values)
        self.add_lines(self.draft)
        with self.assertRaisesRegex(AccessError, "Credit Note or Credit Usage"):
            self.draft.copy({"reversed_entry_id": self.posted.id})

    def test_changes_go_unrecorded_after_all_that_was_tried(self):
        line = self.draft.invoice_line_ids[0]
        self.draft.invoice_line_ids = [Command.update(line.id, {"quantity": 900})]
        self.assert_refused(self.draft, reversed_entry_id=self.posted.id)
        self.draft.action_post()
        manual = self.draft.sudo().trtc_allocation_ids.filtered(lambda row: row.kind == "manual")
        self.assertEqual(manual.quantity, -100)
        self.assert_ledger()

    def test_fields_of_a_document_that_nobody_sets(self):
        self.assert_refused(self.draft, state="posted")
        self.assert_refused(self.draft, posted_before=True)
        self.assert_refused(self.draft, move_type="out_refund")
        self.assert_refused(self.draft, move_type="entry")
        self.assert_refused(self.draft, amount_untaxed=100)
        self.assert_refused(self.draft, commercial_partner_id=self.partner_b.id)
        self.assertEqual(self.draft.state, "draft")
        # What is as it was is no change.
        self.draft.write({"move_type": "out_invoice", "posted_before": False})

    def test_fields_of_a_line_that_nobody_sets(self):
        line = self.draft.invoice_line_ids[0]
        other = self.env["account.move"].create(
            {"move_type": "out_invoice", "partner_id": self.customer.id}
        )
        for vals in (
            {"display_type": "line_note"},
            {"move_id": other.id},
            {"product_uom_id": self.env.ref("uom.product_uom_unit").id},
            {"price_subtotal": 100},
            {"price_total": 100},
            {"currency_rate": 3},
        ):
            self.assert_refused(line, **vals)
            self.assert_refused(self.draft, invoice_line_ids=[Command.update(line.id, vals)])
        line.write({"display_type": "product", "name": "Calls"})

    def test_the_rounding_line_is_raised(self):
        rounding = self.bill_with_rounding().invoice_line_ids.filtered("trtc_is_rounding")
        self.assertEqual(len(rounding), 1)
        for vals in ({"price_unit": 5}, {"quantity": 500}, {"discount": 50}):
            self.assert_refused(rounding, **vals)
        rounding.name = "Rounding"

    def test_an_amount_of_a_journal_item_is_billed_past_the_ledger(self):
        """Quantity and price said 3.99, the invoice came to 100."""
        for name, value in (("amount_currency", -100), ("balance", -100), ("credit", 100)):
            with self.subTest(name), self.env.cr.savepoint() as undo:
                line = self.draft.invoice_line_ids[0]
                self.draft.line_ids = [Command.update(line.id, {name: value})]
                self.assertEqual(self.draft.amount_untaxed, 100)
                self.assertFalse(self.draft.sudo()._trtc_is_refreshable())
                with self.assertRaisesRegex(UserError, "is booked at .* not quantity times unit"):
                    self.draft.action_post()
                undo.rollback()
                self.env.invalidate_all()

    def test_it_is_booked_in_another_company(self):
        other = self.company_data_2["company"] if hasattr(self, "company_data_2") else (
            self._create_company(name="Other")
        )  # fmt: skip
        self.user_accountant.company_ids |= other
        journal = self.env["account.journal"].search(
            [("company_id", "=", other.id), ("type", "=", "sale")], limit=1
        )
        move = self.draft.with_context(allowed_company_ids=[self.env.company.id, other.id])
        with self.assertRaises(UserError), self.env.cr.savepoint():
            move.write({"journal_id": journal.id, "company_id": other.id})

    def test_whether_it_is_billed_again_is_for_users(self):
        credit = self.reverse()
        credit.trtc_reopens = False
        self.assertFalse(credit.trtc_reopens)
