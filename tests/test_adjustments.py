from decimal import Decimal

from odoo import Command
from odoo.tests import Form, tagged
from odoo.tools import SQL

from ..models.markers import ForcedPrices
from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestAdjustments(TrtcCommon):
    """What changes after it was settled, and after it was billed."""

    def _snapshot(self, move):
        """Return every stored value of an invoice and its lines, as the database has it."""
        self.env.flush_all()
        return [
            self.env.execute_query(
                SQL(
                    "SELECT to_jsonb(t) FROM %s t WHERE %s = %s ORDER BY id",
                    SQL.identifier(table),
                    SQL.identifier(column),
                    move.id,
                )
            )
            for table, column in (
                ("account_move", "id"),
                ("account_move_line", "move_id"),
                ("trtc_allocation", "move_id"),
            )
        ]

    def _bill(self, minutes=600, item="av_hd", day="2024-10-07"):
        """Send one fact, bill and post its month; return the fact and the invoice."""
        record = self.record(item, minutes, day, unit="min")
        self.ingest(record)
        move = self.invoice("2024-10-31")
        move.action_post()
        return record, move

    def _restate(self, record, minutes):
        self.ingest({**record, "quantity": minutes})

    def _net(self):
        """Return what all invoices of the account come to."""
        moves = self.env["account.move"].search(
            [("trtc_account_id", "=", self.account.id), ("state", "!=", "cancel")]
        )
        return round(
            sum(m.amount_untaxed * (-1 if m.move_type == "out_refund" else 1) for m in moves), 2
        )

    # === AFTER POSTING === #

    def test_a_posted_invoice_is_edited(self):
        record, posted = self._bill()
        before = self._snapshot(posted)
        self._restate(record, 1000)
        adjustment = self.settle("2024-10-31")
        self.assertEqual((len(adjustment), adjustment.is_adjustment), (1, True))
        self.assertEqual(adjustment.line_ids.billable_quantity, 400)
        move = self.invoice("2024-10-31")
        self.assertNotEqual(move, posted)
        self.assertEqual(move.move_type, "out_invoice")
        self.assertEqual(move.amount_untaxed, 1.60)
        move.action_post()
        self.assertEqual(self._snapshot(posted), before)
        self.assertFalse(self.invoice("2024-10-31"))
        self.assertEqual(self._net(), 3.99)
        self.assert_books()

    def test_a_correction_is_not_on_the_next_months_invoice(self):
        record, posted = self._bill()
        before = self._snapshot(posted)
        self._restate(record, 1000)
        self.usage("av_hd", 100, "2024-11-05", unit="min")
        move = self.invoice("2024-11-30")
        self.assertEqual(len(move), 1)
        self.assertEqual(str(move.trtc_date_from), "2024-11-01")
        late = move.invoice_line_ids.filtered("trtc_is_late")
        self.assertEqual((late.quantity, str(late.trtc_date_from)), (400, "2024-10-07"))
        current = move.invoice_line_ids - late
        self.assertEqual((current.quantity, str(current.trtc_date_from)), (100, "2024-11-05"))
        self.assertEqual(move.amount_untaxed, 2.00)
        self.assertEqual(self._snapshot(posted), before)
        self.assert_books()

    def test_a_correction_makes_a_second_draft_beside_the_next_months(self):
        record, _posted = self._bill()
        self.usage("av_hd", 100, "2024-11-05", unit="min")
        november = self.invoice("2024-11-30")
        self._restate(record, 1000)
        self.assertEqual(self.invoice("2024-11-30"), november)
        self.assertEqual(november.amount_untaxed, 2.00)

    def test_late_usage_of_a_posted_month_is_never_billed(self):
        self._bill()
        self.usage("av_2k", 100, "2024-10-09", unit="min")
        statement = self.settle("2024-10-31")
        self.assertFalse(statement.is_adjustment, "this day was not settled before")
        move = self.invoice("2024-11-30")
        self.assertEqual(move.amount_untaxed, 1.60)
        self.assert_books()

    def test_a_restatement_that_changes_no_figure_leaves_an_empty_adjustment(self):
        record = self.record("av_hd", 61, "2024-10-07")
        self.ingest(record)
        self.settle("2024-10-31")
        self._restate(record, 61)
        self.ingest({**record, "tags": {"room": "7"}})
        self.assertFalse(self.settle("2024-10-31"))
        self.ingest({**record, "quantity": 119})
        adjustment = self.settle("2024-10-31")
        self.assertEqual(adjustment.line_ids.metered_quantity, 58)
        self.assertEqual((adjustment.line_ids.quantity, adjustment.amount_untaxed), (0, 0))
        self.assertEqual(adjustment.state, "free")

    def test_a_correction_of_many_days_is_scattered_over_statements(self):
        records = [self.record("av_hd", 600, f"2024-10-{n:02}") for n in range(1, 29)]
        self.ingest(*records)
        self.settle("2024-10-31")
        self.ingest(*({**record, "quantity": 300} for record in records[::3]))
        adjustment = self.settle("2024-10-31")
        self.assertEqual(len(adjustment), 1)
        self.assertEqual(adjustment.line_ids.mapped("quantity"), [-5] * 10)
        span = str(adjustment.date_from), str(adjustment.date_to)
        self.assertEqual(span, ("2024-10-01", "2024-10-28"))
        self.ingest(*records)
        again = self.settle("2024-10-31")
        self.assertEqual((adjustment.revision, again.revision), (1, 2))
        self.assert_books()

    # === CREDIT === #

    def test_a_refund_is_an_invoice_of_a_negative_amount(self):
        record, posted = self._bill()
        before = self._snapshot(posted)
        self._restate(record, 100)
        credit = self.invoice("2024-10-31")
        self.assertEqual(credit.move_type, "out_refund")
        line = credit.invoice_line_ids
        self.assertEqual((line.quantity, line.price_unit), (500, 0.00399))
        self.assertEqual(credit.amount_untaxed, 2.00)
        credit.action_post()
        self.assertEqual(self._snapshot(posted), before)
        self.assertEqual(self._net(), 0.39)
        self.assertEqual(self.lines().statement_id.mapped("state"), ["posted", "posted"])
        self.assert_books()

    def test_a_credit_beside_new_usage_becomes_a_document_of_its_own(self):
        record, _posted = self._bill()
        self._restate(record, 100)
        self.usage("av_hd", 1000, "2024-11-05", unit="min")
        move = self.invoice("2024-11-30")
        self.assertEqual(move.move_type, "out_invoice")
        self.assertEqual(sorted(move.invoice_line_ids.mapped("quantity")), [-500, 1000])
        self.assertEqual(move.amount_untaxed, 2.00)
        move.action_post()
        self.assertEqual(self._net(), 4.39)

    def test_a_credit_larger_than_new_usage_is_a_negative_invoice(self):
        record, _posted = self._bill()
        self._restate(record, 100)
        self.usage("av_hd", 100, "2024-11-05", unit="min")
        move = self.invoice("2024-11-30")
        self.assertEqual(move.move_type, "out_refund")
        self.assertEqual(sorted(move.invoice_line_ids.mapped("quantity")), [-100, 500])
        self.assertEqual(move.amount_untaxed, 1.60)
        move.action_post()
        self.assert_books()

    def test_usage_restated_to_nothing_stays_on_the_bill(self):
        record, _posted = self._bill()
        self._restate(record, 0)
        self.invoice("2024-10-31").action_post()
        self.assertEqual(self._net(), 0)
        self.assertEqual(self.total("amount"), 0)
        self.assert_books()

    def test_a_changed_price_is_charged_on_top_of_the_old_one(self):
        contract = self.make_pricelist({"av_hd": 0.5})
        self.account.pricelist_id = contract
        record, _posted = self._bill()
        contract.item_ids.with_context(
            trtc_force_prices=ForcedPrices("As agreed")
        ).fixed_price = 0.4
        self._restate(record, 601)
        adjustment = self.settle("2024-10-31")
        self.assertEqual(
            sorted(adjustment.line_ids.mapped(lambda li: (li.billable_quantity, li.price_unit))),
            [(-600, 0.5), (601, 0.4)],
        )
        credit = self.invoice("2024-10-31")
        self.assertEqual(credit.amount_untaxed, 59.6)
        self.assertEqual(credit.move_type, "out_refund")
        self.assert_books()

    # === DRAFTS === #

    def test_an_untouched_draft_is_left_behind(self):
        record = self.record("av_hd", 600, "2024-10-07", unit="min")
        self.ingest(record)
        draft = self.invoice("2024-10-31")
        line = draft.invoice_line_ids
        self._restate(record, 1000)
        self.usage("av_2k", 10, "2024-10-08", unit="min")
        self.assertEqual(self.invoice("2024-10-31"), draft)
        self.assertEqual(draft.amount_untaxed, 4.15)
        self.assertIn(line, draft.invoice_line_ids, "the same line, with another quantity")
        self.assertEqual(line.quantity, 1000)
        self.assertEqual(self.total("amount"), Decimal("4.1499"))
        self.assertFalse(self.lines(is_to_invoice=True))
        draft.action_post()
        self.assert_books()

    def test_a_draft_with_a_negative_line_is_taken_for_one_changed_by_hand(self):
        record, _posted = self._bill()
        new = self.record("av_hd", 1000, "2024-11-05", unit="min")
        self.ingest(new)
        self._restate(record, 100)
        invoice = self.invoice("2024-11-30")
        self.assertEqual(sorted(invoice.invoice_line_ids.mapped("quantity")), [-500, 1000])
        self._restate(record, 90)
        self.assertEqual(self.invoice("2024-11-30"), invoice)
        self.assertEqual(sorted(invoice.invoice_line_ids.mapped("quantity")), [-510, 1000])
        self._restate(new, 200)
        credit = self.invoice("2024-11-30")
        self.assertFalse(invoice.exists())
        self.assertEqual(sorted(credit.invoice_line_ids.mapped("quantity")), [-200, 510])
        self._restate(new, 300)
        self.assertEqual(self.invoice("2024-11-30"), credit)
        self.assertEqual(sorted(credit.invoice_line_ids.mapped("quantity")), [-300, 510])
        self.assert_books()

    def test_a_draft_that_turns_into_a_credit_stays_an_invoice(self):
        record, _posted = self._bill()
        self._restate(record, 800)
        draft = self.invoice("2024-10-31")
        self.assertEqual((draft.move_type, draft.amount_untaxed), ("out_invoice", 0.80))
        self._restate(record, 500)
        credit = self.invoice("2024-10-31")
        self.assertFalse(draft.exists())
        self.assertEqual((credit.move_type, credit.amount_untaxed), ("out_refund", 0.40))

    def test_a_draft_that_comes_to_nothing_stays(self):
        record = self.record("av_hd", 600, "2024-10-07", unit="min")
        self.ingest(record)
        draft = self.invoice("2024-10-31")
        self._restate(record, 0)
        self.invoice("2024-10-31")
        self.assertFalse(draft.exists())
        self._restate(record, 600)
        self.assertEqual(self.invoice("2024-10-31").amount_untaxed, 2.39)

    def _assert_left_alone(self, change):
        """Let somebody change a draft by hand; check that it stays as it was left."""
        account = self.make_account()
        application = self.make_application(account)
        record = self.record("av_hd", 600, "2024-10-07", application, unit="min")
        self.ingest(record)
        draft = self.invoice("2024-10-31", account)
        change(draft)
        before = self._snapshot(draft)
        self._restate(record, 1000)
        other = self.invoice("2024-10-31", account)
        self.assertEqual(self._snapshot(draft), before)
        self.assertNotEqual(other, draft)
        self.assertEqual(other.invoice_line_ids.quantity, 400)
        self.assert_books(account)

    def test_a_draft_changed_by_hand_is_overwritten(self):
        def edit(**vals):
            def change(draft):
                with Form(draft) as form, form.invoice_line_ids.edit(0) as line:
                    for name, value in vals.items():
                        setattr(line, name, value)

            return change

        def add_line(draft):
            draft.invoice_line_ids = [Command.create({"name": "Discount", "price_unit": -1})]

        def add_note(draft):
            draft.invoice_line_ids = [
                Command.create({"display_type": "line_note", "name": "As agreed"})
            ]

        for name, change in {
            "price": edit(price_unit=0.003),
            "quantity": edit(quantity=500),
            "discount": edit(discount=10),
            "name": edit(name="As agreed by telephone"),
            "line": add_line,
            "note": add_note,
            "sent": lambda draft: draft.write({"is_move_sent": True}),
        }.items():
            with self.subTest(changed=name):
                self._assert_left_alone(change)

    def test_a_refresh_undoes_what_was_entered_beside_the_figures(self):
        record = self.record("av_hd", 600, "2024-10-07", unit="min")
        self.ingest(record)
        draft = self.invoice("2024-10-31")
        tax = self.tax_sale_b
        with Form(draft) as form:
            form.ref = "Order 7"
            with form.invoice_line_ids.edit(0) as line:
                line.tax_ids.clear()
                line.tax_ids.add(tax)
        self.assertEqual(draft.invoice_line_ids.tax_ids, tax)
        self._restate(record, 1000)
        self.assertEqual(self.invoice("2024-10-31"), draft)
        self.assertEqual(draft.ref, "Order 7")
        self.assertEqual(draft.amount_untaxed, 3.99)
        self.assertEqual(draft.invoice_line_ids.tax_ids, tax)

    def test_a_draft_that_was_posted_once_is_overwritten(self):
        def post_and_reset(draft):
            draft.action_post()
            draft.button_draft()

        self._assert_left_alone(post_and_reset)

    def test_another_free_quantity_of_the_item_is_not_said(self):
        self.subscribe(self.application, "trial", "2024-01-01")
        self.usage("screenshot_terminal", 6_000, "2024-10-07")
        self.settle("2024-10-31")
        self.usage("screenshot_terminal", 3_000, "2024-10-08")
        text = self.settle("2024-10-31").line_ids.explanation
        self.assertIn("own free quantity covers 3 × 1,000 sheets more than before", text)
        self.item("screenshot_terminal").free_quantity = 4
        self.usage("screenshot_terminal", 1, "2024-10-09", id="tiny")
        self.ingest(self.record("screenshot_terminal", 0, "2024-10-09", id="tiny"))
        text = " ".join(self.settle("2024-10-31").line_ids.mapped("explanation"))
        self.assertIn("own free quantity covers 5 × 1,000 sheets less than before", text)
        self.assertIn("usage, minutes or settings", text)
