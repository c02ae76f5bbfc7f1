from decimal import Decimal

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import Command, fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import SQL, mute_logger

from .common import TrtcCommon


class CreditCase(TrtcCommon):
    """An account with a posted invoice: 1,000 HD minutes on two days, 1,000 of 2K."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.other = cls.make_application()
        cls.usage("av_hd", 24_000, "2024-10-01")
        cls.usage("av_hd", 36_000, "2024-10-05", cls.other)
        cls.usage("av_2k", 60_000, "2024-10-02")
        cls.posted = cls.invoice("2024-10-31")
        cls.posted.action_post()

    def reverse(self, move=None, modify=False, **vals):
        """Reverse an invoice by core's dialog, as an accountant."""
        move = self.posted if move is None else move
        wizard = (
            self.env["account.move.reversal"]
            .with_user(self.user_accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "reason": "Wrong address", **vals})
        )
        return self.env["account.move"].browse(wizard.reverse_moves(modify)["res_id"])

    def credit(self, quantities, move=None, reopens="goodwill", **vals):
        """Credit a part of an invoice by the dialog, as an accountant.

        :param quantities: {item code: quantity}
        """
        move = self.posted if move is None else move
        form = Form(
            self.env["trtc.credit"]
            .with_user(self.user_accountant)
            .with_context(default_move_id=move.id)
        )
        form.reason = "Outage"
        form.reopens = reopens
        for name, value in vals.items():
            if name.endswith("_ids"):
                for record in value:
                    getattr(form, name).add(record)
            else:
                setattr(form, name, value)
        left = dict(quantities)
        for place in reversed(range(len(form.line_ids))):
            with form.line_ids.edit(place) as line:
                code = line.item_id.code
                line.quantity = min(left.get(code, 0), line.remaining)
                left[code] = left.get(code, 0) - line.quantity
                if not place and any(left.values()):
                    line.quantity += sum(left.values())
        return self.env["account.move"].browse(form.save().action_credit()["res_id"])

    def net(self, item=None):
        """Return what is invoiced of the statement lines, net, exact."""
        rows = self.lines(item=item).allocation_ids.filtered(lambda row: not row.released)
        return rows._get_exact_total()

    def assert_ledger(self):
        """The ledger and the invoices say the same, and nothing is left over or doubled."""
        moves = self.env["account.move"].search(
            [("trtc_account_id", "in", self.account.ids), ("state", "=", "posted")]
        )
        billed = sum(move.direction_sign * -move.amount_untaxed for move in moves)
        rows = moves.trtc_allocation_ids.filtered(lambda row: not row.released)
        self.assertAlmostEqual(billed, float(rows._get_exact_total()), delta=0.01)
        self.assert_books()


@tagged("post_install", "-at_install")
class TestFullCredit(CreditCase):
    def test_a_credited_month_is_never_billed_again(self):
        credit = self.reverse()
        self.assertEqual(credit.amount_untaxed, self.posted.amount_untaxed)
        self.assertFalse(self.invoice("2024-10-31"), "nothing before the credit note is posted")
        credit.action_post()
        self.assertEqual(self.net(), 0)
        self.assertEqual(set(self.lines().statement_id.mapped("state")), {"open"})
        again = self.invoice("2024-10-31")
        self.assertEqual(again.amount_untaxed, self.posted.amount_untaxed)
        self.assertEqual(
            (again.trtc_date_from, again.trtc_date_to),
            (self.posted.trtc_date_from, self.posted.trtc_date_to),
        )
        self.assertIn("Billed again", again.invoice_line_ids[0].name)
        again.action_post()
        self.assertFalse(self.invoice("2024-10-31"))
        self.assert_ledger()

    def test_goodwill_is_billed_again(self):
        credit = self.reverse(trtc_reopens=False)
        credit.action_post()
        self.assertFalse(self.invoice("2024-11-30"))
        self.assertEqual(self.net(), 0)
        self.assertFalse(self.lines().filtered("is_to_invoice"))
        self.assert_ledger()

    def test_an_invoice_turns_below_zero_under_its_credit_note(self):
        """What credits it would take back more than nothing."""
        self.credit({"av_2k": 100})
        self.posted.button_draft()
        line = self.posted.invoice_line_ids.filtered(lambda li: li.trtc_item_id.code == "av_2k")
        self.posted.invoice_line_ids = [Command.update(line.id, {"quantity": -10})]
        with self.assertRaisesRegex(UserError, "takes back more than it bills now"):
            self.posted.action_post()

    def test_more_of_a_line_is_credited_than_it_bills_in_all(self):
        """It bills one application, and takes something of another one back."""
        record = self.usage("av_2k", 6_000, "2024-11-05", self.other)
        self.invoice("2024-11-30").action_post()
        self.ingest(
            {**self.record("av_2k", 0, "2024-11-05", self.other), "id": record.external_id}
        )
        self.usage("av_2k", 60_000, "2024-11-20")
        move = self.invoice("2024-11-30")
        move.action_post()
        self.assertEqual(move.invoice_line_ids.mapped("quantity"), [900])
        wizard = self.env["trtc.credit"].create({"move_id": move.id, "reason": "Outage"})
        line = wizard.line_ids.filtered(lambda one: one.application_id == self.application)
        line.quantity = 1000
        with self.assertRaisesRegex(UserError, "900 are left of the line in all"):
            wizard.action_credit()
        line.quantity = 900
        credit = self.env["account.move"].browse(wizard.action_credit()["res_id"])
        self.assertEqual(credit.amount_untaxed, move.amount_untaxed)

    def test_the_choice_changes_after_posting(self):
        credit = self.reverse()
        credit.with_user(self.user_accountant).trtc_reopens = False
        credit.action_post()
        with self.assertRaisesRegex(UserError, "is posted"):
            credit.with_user(self.user_accountant).trtc_reopens = True
        self.assertFalse(self.invoice("2024-11-30"))

    def test_an_invoice_is_credited_twice(self):
        self.reverse().action_post()
        for modify in (False, True):
            with self.assertRaisesRegex(UserError, "Nothing is left to credit"):
                self.reverse(modify=modify)

    def test_a_part_that_was_credited_is_on_the_new_invoice_again(self):
        self.credit({"av_hd": 100}).action_post()
        with self.assertRaisesRegex(UserError, "was credited or billed again already"):
            self.reverse(modify=True)

    def test_an_invoice_is_lowered_under_its_credit_note(self):
        self.reverse().action_post()
        self.posted.button_draft()
        line = self.posted.invoice_line_ids[0]
        self.posted.invoice_line_ids = [Command.update(line.id, {"quantity": 10})]
        with self.assertRaisesRegex(UserError, "takes back more than it bills now"):
            self.posted.action_post()

    def test_an_invoice_is_due_before_it_is_issued(self):
        with freeze_time("2024-12-01"):
            self.usage("av_hd", 60_000, "2024-11-01")
            draft = self.invoice("2024-11-30")
        with freeze_time("2024-12-20"):
            draft.action_post()
        self.assertEqual(draft.invoice_date_due, draft.invoice_date)
        terms = draft.line_ids.filtered(lambda line: line.display_type == "payment_term")
        self.assertEqual(terms.date_maturity, draft.invoice_date)

    def test_a_credit_note_takes_back_what_another_one_did(self):
        self.credit({"av_hd": 300})
        rest = self.reverse()
        self.assertEqual(
            {line.trtc_item_id.code: line.quantity for line in rest.invoice_line_ids},
            {"av_hd": 700, "av_2k": 1000},
        )
        rest.action_post()
        self.assertEqual(self.net("av_2k"), 0)

    def test_more_is_credited_than_was_billed(self):
        row = self.lines(item="av_2k").allocation_ids
        credit = self.reverse()
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.env["trtc.allocation"]._record(
                row._prepare_credit(Decimal(1), Decimal(0), credit, credit.invoice_line_ids[:1])
            )

    @mute_logger("odoo.sql_db")
    def test_the_database_lets_more_be_credited_than_was_billed(self):
        row = self.lines(item="av_2k").allocation_ids
        self.env.flush_all()
        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.env.cr.execute(
                SQL("UPDATE trtc_allocation SET credited_quantity = 1001 WHERE id = %s", row.id)
            )

    @mute_logger("odoo.sql_db")
    def test_the_database_lets_a_credit_be_billed_again_twice(self):
        self.reverse().action_post()
        again = self.invoice("2024-10-31")
        row = again.trtc_allocation_ids[:1]
        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            row._record(row.copy_data({"rebills_id": row.rebills_id.id}))
            self.env.flush_all()

    def test_the_invoice_behind_a_credit_note_is_cancelled(self):
        credit = self.reverse()
        credit.action_post()
        self.posted.button_draft()
        with self.assertRaisesRegex(UserError, "Cancel or delete that first"):
            self.posted.button_cancel()

    def test_a_credit_note_is_reset_while_its_usage_is_billed_again(self):
        credit = self.reverse()
        credit.action_post()
        again = self.invoice("2024-10-31")
        refused = self.assertRaisesRegex(UserError, "Cancel or delete that first")
        with refused, self.env.cr.savepoint():
            credit.button_draft()
        again.unlink()
        credit.button_draft()
        self.assertFalse(self.invoice("2024-10-31"))
        credit.button_cancel()
        self.assertEqual(self.net(), sum(self._exact(line) for line in self.lines()))
        credit.button_draft()
        credit.action_post()
        self.assertTrue(self.invoice("2024-10-31"))

    def test_a_deleted_draft_credit_note_keeps_what_it_took(self):
        credit = self.reverse()
        credit.unlink()
        self.assertEqual(self.reverse().amount_untaxed, self.posted.amount_untaxed)

    def test_a_credit_note_that_was_credited_is_lost(self):
        credit = self.reverse(trtc_reopens=False)
        credit.action_post()
        back = self.reverse(credit)
        self.assertEqual(back.move_type, "out_invoice")
        back.action_post()
        self.assertEqual(self.net(), sum(self._exact(line) for line in self.lines()))
        self.assertFalse(self.invoice("2024-11-30"))
        self.assert_ledger()

    def test_usage_that_was_restated_after_a_credit_is_billed_at_its_old_quantity(self):
        credit = self.reverse()
        credit.action_post()
        self.usage("av_2k", 30_000, "2024-10-02")
        moves = self.invoice("2024-10-31")
        moves.action_post()
        self.assertEqual(self.net(), sum(self._exact(line) for line in self.lines()))
        self.assert_ledger()

    def _exact(self, line):
        return line._get_exact_amounts()[line.id][2]


@tagged("post_install", "-at_install")
class TestModify(CreditCase):
    def test_a_new_invoice_stands_beside_the_usage_that_it_bills(self):
        new = self.reverse(modify=True)
        self.assertEqual((new.move_type, new.state), ("out_invoice", "draft"))
        self.assertEqual(new.amount_untaxed, self.posted.amount_untaxed)
        self.assertEqual(new.invoice_origin, self.posted.invoice_origin)
        self.assertTrue(new.invoice_origin)
        self.assertFalse(self.invoice("2024-10-31"), "the new invoice holds it all")
        new.invoice_line_ids = [Command.update(new.invoice_line_ids[0].id, {"name": "As agreed"})]
        new.action_post()
        self.assertFalse(self.invoice("2024-11-30"))
        self.assertEqual(new.trtc_statement_ids, self.posted.trtc_statement_ids)
        self.assert_ledger()

    def test_the_dialog_asks_for_quantities_of_what_is_credited_already(self):
        credit = self.reverse()
        wizard = self.env["trtc.credit"].with_user(self.user_accountant)
        wizard = wizard.create({"move_id": self.posted.id, "reason": "Outage", "whole": True})
        with self.assertRaisesRegex(UserError, f"credited on Draft Credit Note .* {credit.id}"):
            wizard.action_credit()

    def test_a_new_invoice_that_is_deleted_takes_its_usage_along(self):
        self.reverse(modify=True).unlink()
        again = self.invoice("2024-10-31")
        self.assertEqual(again.amount_untaxed, self.posted.amount_untaxed)

    def test_a_line_that_was_taken_off_the_new_invoice_is_lost(self):
        new = self.reverse(modify=True)
        line = new.invoice_line_ids.filtered(lambda li: li.trtc_item_id.code == "av_2k")
        new.invoice_line_ids = [Command.delete(line.id)]
        new.action_post()
        again = self.invoice("2024-10-31")
        self.assertEqual(again.invoice_line_ids.trtc_item_id.code, "av_2k")

    def test_a_run_changes_the_invoice_that_somebody_is_about_to_modify(self):
        new = self.reverse(modify=True)
        lines = new.invoice_line_ids
        self.usage("av_audio", 60_000, "2024-10-03")
        self.invoice("2024-10-31")
        self.assertEqual(new.invoice_line_ids, lines)


@tagged("post_install", "-at_install")
class TestPartialCredit(CreditCase):
    def test_a_partial_credit_bills_the_next_month_twice_or_too_little(self):
        """The accident of hours that are credited in part."""
        credit = self.credit({"av_hd": 300}, reopens="again")
        self.assertEqual(sum(credit.invoice_line_ids.mapped("quantity")), 300)
        self.assertEqual(credit.amount_untaxed, 1.2)
        self.assertEqual(credit.reversed_entry_id, self.posted)
        credit.action_post()
        self.usage("av_hd", 60_000, "2024-11-01")
        moves = self.invoice("2024-11-30")
        self.assertEqual(
            [(move.trtc_date_to.month, move.amount_untaxed) for move in moves],
            [(10, 1.2), (11, 3.99)],
        )
        moves.action_post()
        self.assertFalse(self.invoice("2024-11-30"))
        self.assert_ledger()

    def test_a_credit_names_a_quantity_and_not_which_usage(self):
        self.usage("av_hd", 600, "2024-11-01")
        self.usage("av_hd", 600, "2024-11-02")
        move = self.invoice("2024-11-30")
        move.action_post()
        credit = self.credit({"av_hd": 15}, move, reopens="again")
        rows = credit.trtc_allocation_ids
        self.assertEqual(
            sorted((str(row.statement_line_id.date), row.quantity) for row in rows),
            [("2024-11-01", -5.0), ("2024-11-02", -10.0)],
        )
        self.assertEqual(
            set(rows.mapped("outcome")), {"To be billed again once the credit note is posted"}
        )

    def test_other_days_or_applications_are_credited(self):
        credit = self.credit({"av_hd": 600}, application_ids=self.other)
        self.assertEqual(credit.trtc_allocation_ids.statement_line_id.application_id, self.other)
        credit = self.credit({"av_hd": 400}, date_to="2024-10-04")
        self.assertEqual(credit.trtc_allocation_ids.statement_line_id.date.day, 1)

    def test_all_of_a_day_is_credited_at_what_somebody_typed(self):
        form = Form(
            self.env["trtc.credit"]
            .with_user(self.user_accountant)
            .with_context(default_move_id=self.posted.id)
        )
        form.reason = "Outage"
        form.date_from = form.date_to = "2024-10-02"
        form.whole = True
        credit = self.env["account.move"].browse(form.save().action_credit()["res_id"])
        self.assertEqual(credit.invoice_line_ids.mapped("quantity"), [1000])
        self.assertEqual(credit.amount_untaxed, 15.99)
        self.assertNotIn(" to ", credit.invoice_line_ids.name)

    def test_a_run_changes_a_credit_note_that_is_not_posted_yet(self):
        credit = self.credit({"av_2k": 100})
        rows = credit.trtc_allocation_ids
        self.usage("av_2k", 60_000, "2024-10-20")
        moves = self.invoice("2024-10-31")
        self.assertEqual(credit.trtc_allocation_ids, rows)
        self.assertEqual(credit.amount_untaxed, 1.6)
        self.assertEqual((moves - credit).amount_untaxed, 15.99)

    def test_the_dialog_offers_what_comes_to_nothing(self):
        """Usage of an application and its correction, on a line that another one shares."""
        record = self.usage("av_audio", 6_000, "2024-10-03")
        self.settle("2024-10-31")
        self.ingest({**self.record("av_audio", 0, "2024-10-03"), "id": record.external_id})
        self.usage("av_audio", 60_000, "2024-10-20", self.other)
        move = self.invoice("2024-10-31")
        move.action_post()
        wizard = self.env["trtc.credit"].create({"move_id": move.id, "reason": "Outage"})
        self.assertNotIn(0, wizard.line_ids.mapped("remaining"))

    def test_more_is_credited_than_is_left(self):
        self.credit({"av_hd": 300})
        with self.assertRaisesRegex(UserError, "Between 0 and .* are left"):
            self.credit({"av_hd": 701})
        with self.assertRaisesRegex(UserError, "Nothing (is left )?to credit"):
            self.credit({})

    def test_thirds_of_an_invoice_add_up_to_another_amount(self):
        total = 0
        for quantity in (333, 333, 334):
            credit = self.credit({"av_hd": quantity, "av_2k": quantity})
            credit.action_post()
            total += credit.amount_untaxed
        self.assertAlmostEqual(total, self.posted.amount_untaxed, places=6)
        self.assertEqual(self.net(), 0)
        self.assert_ledger()

    def test_a_quantity_that_was_lowered_on_the_credit_note_is_credited_in_full(self):
        credit = self.reverse()
        line = credit.invoice_line_ids.filtered(lambda li: li.trtc_item_id.code == "av_hd")
        credit.invoice_line_ids = [Command.update(line.id, {"quantity": 100})]
        credit.action_post()
        again = self.invoice("2024-10-31")
        quantities = {li.trtc_item_id.code: li.quantity for li in again.invoice_line_ids}
        self.assertEqual(quantities, {"av_hd": 100, "av_2k": 1000})
        again.action_post()
        self.assert_ledger()

    def test_a_line_that_was_taken_off_the_credit_note_is_credited(self):
        credit = self.reverse()
        line = credit.invoice_line_ids.filtered(lambda li: li.trtc_item_id.code == "av_hd")
        credit.invoice_line_ids = [Command.delete(line.id)]
        credit.action_post()
        self.assertEqual(self.net("av_hd"), Decimal("3.99"))
        self.assertEqual(self.net("av_2k"), 0)

    @freeze_time("2024-12-10")
    def test_a_credit_is_dated_in_a_locked_month(self):
        self.env.company.fiscalyear_lock_date = "2024-11-30"
        with self.assertRaisesRegex(UserError, "books are locked"):
            self.credit({"av_hd": 1}, date="2024-11-30")

    def test_taxes_of_another_day_are_credited(self):
        tax = self.company_data["default_tax_sale"]
        other = tax.copy({"name": "New", "amount": 7})
        self.item("av_hd").product_id.taxes_id = other
        credit = self.credit({"av_hd": 100})
        self.assertEqual(
            credit.invoice_line_ids.tax_ids,
            self.posted.invoice_line_ids.filtered(
                lambda li: li.trtc_item_id.code == "av_hd"
            ).tax_ids,
        )


@tagged("post_install", "-at_install")
class TestAllowance(CreditCase):
    """Another price on a credit note is an allowance: it opens nothing."""

    def change(self, move, code="av_hd", **vals):
        line = move.invoice_line_ids.filtered(lambda li: li.trtc_item_id.code == code)
        move.invoice_line_ids = [Command.update(line.id, vals)]

    def test_usage_with_an_allowance_is_billed_again_in_full(self):
        credit = self.reverse()
        self.change(credit, price_unit=0.001995)
        credit.action_post()
        again = self.invoice("2024-10-31")
        self.assertEqual(again.invoice_line_ids.trtc_item_id.code, "av_2k")
        self.assertEqual(self.net("av_hd"), Decimal("1.995"))

    def test_a_discount_opens_usage(self):
        credit = self.reverse()
        self.change(credit, discount=50)
        self.change(credit, "av_2k", discount=50)
        credit.action_post()
        self.assertFalse(self.invoice("2024-10-31"))
        self.assert_ledger()

    def test_an_allowance_and_a_credit_come_to_more_than_the_invoice(self):
        credit = self.reverse()
        self.change(credit, discount=50)
        self.change(credit, "av_2k", discount=50)
        credit.action_post()
        rest = self.reverse(trtc_reopens=False)
        self.assertAlmostEqual(
            rest.amount_untaxed + credit.amount_untaxed, self.posted.amount_untaxed
        )
        rest.action_post()
        self.assertEqual(self.net(), 0)
        self.assertFalse(self.invoice("2024-10-31"))

    def test_more_than_the_invoice_is_credited_by_hand(self):
        credit = self.reverse()
        self.change(credit, quantity=2000)
        with self.assertRaisesRegex(UserError, "cannot be credited"):
            credit.action_post()

    def test_a_credit_note_is_raised_again_and_opens_too_little(self):
        credit = self.reverse()
        self.change(credit, quantity=600)
        credit.action_post()
        credit.button_draft()
        self.change(credit, quantity=1000)
        credit.action_post()
        self.assertEqual(self.net(), 0)
        again = self.invoice("2024-10-31")
        self.assertEqual(again.amount_untaxed, self.posted.amount_untaxed)
        again.action_post()
        self.assert_ledger()

    def test_credits_of_two_applications_leave_a_cent_open(self):
        self.usage("av_hd", 606 * 15, "2024-11-01")
        self.usage("av_hd", 606 * 15, "2024-11-01", self.other)
        move = self.invoice("2024-11-30")
        move.action_post()
        first = self.credit({"av_hd": 152}, move, application_ids=self.application)
        first.action_post()
        rest = self.reverse(move)
        self.assertAlmostEqual(rest.amount_untaxed + first.amount_untaxed, move.amount_untaxed)

    def test_a_new_invoice_is_made_before_the_credit_note_holds(self):
        with freeze_time("2024-11-05"), self.assertRaisesRegex(UserError, "later day"):
            self.reverse(modify=True, date="2024-12-01")

    def test_a_credit_note_is_made_anew_and_its_usage_never_billed(self):
        credit = self.reverse()
        credit.action_post()
        with self.assertRaisesRegex(UserError, "without a new document"):
            self.reverse(credit, modify=True)

    def test_usage_of_a_draft_is_credited(self):
        self.posted.button_draft()
        with self.assertRaisesRegex(UserError, "is not posted"):
            self.credit({"av_hd": 1})

    def test_dollars_are_billed_as_euros(self):
        self.usage("av_hd", 60_000, "2024-11-01")
        draft = self.invoice("2024-11-30")
        draft.currency_id = self.env.ref("base.EUR")
        with self.assertRaisesRegex(UserError, "Set the currency back"):
            draft.action_post()


@tagged("post_install", "-at_install")
class TestChangedByHand(CreditCase):
    def setUp(self):
        super().setUp()
        self.usage("av_hd", 60_000, "2024-11-01")
        self.draft = self.invoice("2024-11-30")
        self.line = self.draft.invoice_line_ids

    def test_a_lowered_quantity_is_billed_later(self):
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"quantity": 900})]
        self.draft.action_post()
        self.assertFalse(self.invoice("2024-12-31"))
        [row] = self.draft.trtc_allocation_ids.filtered(lambda row: row.kind == "manual")
        self.assertEqual((row.quantity, row.amount), (-100, -0.399))
        self.assert_ledger()

    def test_a_changed_price_is_lost_sight_of(self):
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"price_unit": 0.005})]
        self.draft.action_post()
        [row] = self.draft.trtc_allocation_ids.filtered(lambda row: row.kind == "manual")
        self.assertEqual((row.quantity, row.amount), (0, 1.01))
        self.assert_ledger()

    def test_the_change_is_written_down_twice(self):
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"quantity": 900})]
        self.draft.action_post()
        self.draft.button_draft()
        self.draft.action_post()
        rows = self.draft.trtc_allocation_ids.filtered(lambda row: row.kind == "manual")
        self.assertEqual(rows.mapped("quantity"), [-100])
        self.draft.button_draft()
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"quantity": 1000})]
        self.draft.action_post()
        rows = self.draft.trtc_allocation_ids.filtered(lambda row: row.kind == "manual")
        self.assertEqual(sum(rows.mapped("quantity")), 0)
        self.assert_ledger()

    def test_a_changed_invoice_is_credited_at_what_it_did_not_bill(self):
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"quantity": 900})]
        self.draft.action_post()
        credit = self.reverse(self.draft)
        credit.action_post()
        self.assertEqual(credit.amount_untaxed, self.draft.amount_untaxed)
        again = self.invoice("2024-11-30")
        self.assertEqual(again.invoice_line_ids.quantity, 900, "what was cut is not billed")
        again.action_post()
        self.assert_ledger()

    def test_what_was_cut_by_hand_is_credited(self):
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"quantity": 900})]
        self.draft.action_post()
        credit = self.credit({"av_hd": 900}, self.draft)
        self.assertEqual(credit.amount_untaxed, self.draft.amount_untaxed)
        with self.assertRaisesRegex(UserError, "Nothing (is left )?to credit"):
            self.credit({}, self.draft)

    def test_a_discounted_line_is_credited_at_its_full_price(self):
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"discount": 50})]
        self.draft.action_post()
        credit = self.credit({"av_hd": 1000}, self.draft, reopens="again")
        self.assertAlmostEqual(credit.amount_untaxed, self.draft.amount_untaxed)
        self.assertFalse(credit.invoice_line_ids.filtered("trtc_is_rounding"))
        credit.action_post()
        again = self.invoice("2024-11-30")
        self.assertAlmostEqual(again.amount_untaxed, self.draft.amount_untaxed)
        again.action_post()
        self.assert_ledger()

    def test_a_part_of_a_discounted_invoice_is_credited_and_then_the_rest(self):
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"discount": 50})]
        self.draft.action_post()
        first = self.reverse(self.draft)
        first.invoice_line_ids = [Command.update(first.invoice_line_ids[0].id, {"quantity": 400})]
        first.action_post()
        rest = self.reverse(self.draft)
        self.assertAlmostEqual(
            first.amount_untaxed + rest.amount_untaxed, self.draft.amount_untaxed
        )

    def test_a_reworded_line_counts_as_changed(self):
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"name": "Calls"})]
        self.draft.action_post()
        self.assertEqual(set(self.draft.trtc_allocation_ids.mapped("kind")), {"bill"})

    def test_a_draft_is_switched_to_a_credit_note(self):
        with self.assertRaisesRegex(UserError, "made from TRTC usage"):
            self.draft.action_switch_move_type()

    def test_a_draft_below_zero_cannot_be_switched(self):
        self.draft.invoice_line_ids = [Command.update(self.line.id, {"quantity": -10})]
        self.draft.action_switch_move_type()
        self.assertEqual(self.draft.move_type, "out_refund")
        self.draft.action_post()
        self.assert_ledger()


@tagged("post_install", "-at_install")
class TestCreditedFees(CreditCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.price_editions(cls.pricelist_usd, {"pro": 100})

    def test_a_credited_fee_is_never_billed_again_or_twice(self):
        with freeze_time("2024-12-10"):
            self.subscribe(self.application, "pro", "2024-11-01", "2024-11-30").bill_fee = True
            move = self.invoice("2024-11-30")
            self.assertEqual(move.amount_untaxed, 100)
            move.action_post()
            self.reverse(move).action_post()
            fee = self.account.fee_ids
            self.assertTrue(fee.is_to_invoice)
            again = self.invoice("2024-11-30")
            self.assertEqual((again.amount_untaxed, again.trtc_allocation_ids.fee_id), (100, fee))
            again.action_post()
            self.assertFalse(fee.is_to_invoice)
            self.assertFalse(fee._is_credited())
            self.assertEqual(fee.move_id, again)
            self.assertFalse(self.invoice("2024-11-30"))

    def test_a_pack_is_credited_and_refunded(self):
        with freeze_time("2024-12-10"):
            day = fields.Date.to_date("2024-12-10")
            pack = self.account._sell_pack(25_000, day)
            move = self.invoice("2024-12-09")
            self.assertEqual(move.trtc_allocation_ids.fee_id, pack.fee_id)
            move.action_post()
            self.assertFalse(pack._get_refund_obstacle(day))
            self.reverse(move, trtc_reopens=False)
            obstacle = pack._get_refund_obstacle(day)
            self.assertIn("A credit note takes back", obstacle)


@tagged("post_install", "-at_install")
class TestCreditedDays(CreditCase):
    """The dialog says which days it credits before it does."""

    def open(self, **vals):
        form = Form(
            self.env["trtc.credit"]
            .with_user(self.user_accountant)
            .with_context(default_move_id=self.move.id)
        )
        form.reason = "Outage"
        for name, value in vals.items():
            setattr(form, name, value)
        return form

    def enter(self, form, quantity, place=0):
        with form.line_ids.edit(place) as line:
            line.quantity = quantity
        return form.taken

    def setUp(self):
        super().setUp()
        for day in ("2024-11-01", "2024-11-02", "2024-11-30"):
            self.usage("av_hd", 36_000, day)
        self.move = self.invoice("2024-11-30")
        self.move.action_post()
        self.name = f"{self.application.display_name} - {self.item('av_hd').name}"

    def test_the_last_days_of_a_month_are_credited_unsaid(self):
        form = self.open()
        self.assertFalse(form.taken)
        self.assertEqual(
            self.enter(form, 1000),
            f"{self.name}: 1,000 min, 11/02/2024 to 11/30/2024; of 11/02/2024 400 of 600",
        )
        # It follows the quantity, and what it says is what is done.
        self.assertEqual(
            self.enter(form, 700),
            f"{self.name}: 700 min, 11/02/2024 to 11/30/2024; of 11/02/2024 100 of 600",
        )
        credit = self.env["account.move"].browse(form.save().action_credit()["res_id"])
        rows = credit.trtc_allocation_ids
        self.assertEqual(
            {str(row.statement_line_id.date): row.quantity for row in rows},
            {"2024-11-30": -600, "2024-11-02": -100},
        )

    def test_whole_days_and_chosen_days_are_named(self):
        form = self.open()
        self.assertEqual(self.enter(form, 600), f"{self.name}: 600 min, 11/30/2024")
        self.assertEqual(
            self.enter(form, 1800), f"{self.name}: 1,800 min, 11/01/2024 to 11/30/2024"
        )
        form.date_to = "2024-11-01"
        self.assertFalse(form.taken)
        self.assertEqual(self.enter(form, 20), f"{self.name}: 20 min, 11/01/2024")
        form.whole = True
        self.assertEqual(form.taken, f"{self.name}: 600 min, 11/01/2024")

    def test_a_quantity_that_is_not_left_is_told_at_once(self):
        self.assertIn("1,801 cannot be credited", self.enter(self.open(), 1801))

    def test_applications_are_told_apart(self):
        self.move = self.posted
        form = self.open(whole=True)
        lines = form.taken.split("\n")
        self.assertEqual(len(lines), 3)
        [other] = [line for line in lines if self.other.display_name in line]
        self.assertTrue(other.endswith(": 600 min, 10/05/2024"), other)
