from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from .common import TrtcCommon
from .test_migration import load


class RateCase(TrtcCommon):
    """Books in dollars, an account in yuan: 1,000 minutes that come to 28.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.company = cls.env.company
        cls.yuan = cls.env.ref("base.CNY")
        cls.yuan.active = True
        cls.env["res.currency.rate"].search([]).unlink()
        cls.contract = cls.make_pricelist({"av_hd": "2.8"}, cls.yuan)
        cls.account = cls.make_account(pricelist_id=cls.contract.id, invoice_date_rule="period_end")
        cls.application = cls.make_application(cls.account)
        cls.env["res.currency.rate"].search([]).unlink()

    @classmethod
    def set_rate(cls, day, rate, currency=None):
        """Enter how much of a currency a dollar buys from a day on."""
        currency = currency or cls.yuan
        known = cls.env["res.currency.rate"].search(
            [("currency_id", "=", currency.id), ("name", "=", day)]
        )
        vals = {"currency_id": currency.id, "company_id": cls.company.id, "name": day}
        if known:
            known.rate = rate
        else:
            known = known.create({**vals, "rate": rate})
        cls.env["res.currency"].invalidate_model()
        return known

    def run_as_accountant(self, until="2024-10-31", accounts=None):
        accounts = self.account if accounts is None else accounts
        accounts = accounts.with_user(self.user_accountant)
        accounts.settle(until)
        return accounts.create_invoices(until)

    def draft(self):
        """Return the draft of 1,000 minutes for 2,800 yuan."""
        self.usage("av_hd", 60_000, "2024-10-10")
        self.run_as_accountant()
        return self.get_draft()

    def get_draft(self, account=None):
        account = account or self.account
        draft = self.env["account.move"].search(
            [("trtc_account_id", "=", account.id), ("state", "=", "draft")]
        )
        return draft.with_user(self.user_accountant)

    def assert_balanced_at(self, move, rate):
        """Check the rate of a document and that its entry has it."""
        self.assertAlmostEqual(move.invoice_currency_rate, rate)
        untaxed = -move.direction_sign * move.amount_untaxed
        self.assertAlmostEqual(move.amount_untaxed_signed, untaxed / rate, delta=0.006)
        self.assertTrue(self.company.currency_id.is_zero(sum(move.line_ids.mapped("balance"))))


@tagged("post_install", "-at_install")
class TestDraftRates(RateCase):
    """A draft takes the rate of its date until it is posted."""

    def test_a_corrected_rate_reaches_a_draft_on_the_next_run(self):
        """2,800 yuan were posted as 400 dollars, at a rate that was corrected before."""
        self.set_rate("2024-10-01", 7)
        draft = self.draft()
        self.assert_balanced_at(draft, 7)
        self.assertEqual(draft.amount_untaxed_signed, 400)
        self.set_rate("2024-10-31", 5)
        self.run_as_accountant()
        self.assert_balanced_at(draft, 5)
        draft.action_post()
        self.assertEqual((draft.invoice_date, draft.date), (date(2024, 10, 31),) * 2)
        self.assertEqual(draft.amount_untaxed_signed, 560)

    def test_a_corrected_rate_reaches_a_draft_when_it_is_posted(self):
        self.set_rate("2024-10-01", 7)
        draft = self.draft()
        self.set_rate("2024-10-31", 5)
        draft.action_post()
        self.assert_balanced_at(draft, 5)

    def test_a_corrected_rate_reaches_a_refreshed_draft(self):
        self.set_rate("2024-10-01", 7)
        draft = self.draft()
        self.set_rate("2024-10-31", 5)
        self.usage("av_hd", 60_000, "2024-10-11")
        self.run_as_accountant()
        self.assertEqual(self.get_draft(), draft)
        self.assertEqual(draft.amount_untaxed, 5600)
        self.assert_balanced_at(draft, 5)

    def test_a_posted_invoice_keeps_its_rate(self):
        self.set_rate("2024-10-01", 7)
        draft = self.draft()
        draft.action_post()
        self.set_rate("2024-10-31", 5)
        self.run_as_accountant()
        self.assert_balanced_at(draft, 7)

    def test_a_typed_rate_stays(self):
        """Somebody agreed on a rate with the customer and typed it on the draft."""
        self.set_rate("2024-10-01", 7)
        draft = self.draft()
        with Form(draft) as form:
            form.invoice_currency_rate = 6.5
        self.set_rate("2024-10-31", 5)
        self.usage("av_hd", 60_000, "2024-10-11")
        self.run_as_accountant()
        self.assert_balanced_at(draft, 6.5)
        draft.action_post()
        self.assert_balanced_at(draft, 6.5)
        self.assertEqual(draft.amount_untaxed, 5600)

    def test_a_typed_rate_stays_on_the_day_of_issue(self):
        """Odoo takes a rate that is the one of the draft's first day for its own."""
        self.account.invoice_date_rule = "issue"
        self.set_rate("2024-10-01", 7)
        with freeze_time("2024-11-01 04:00:00"):
            draft = self.draft()
        self.set_rate("2024-11-03", 8)
        with freeze_time("2024-11-03 04:00:00"):
            self.usage("av_hd", 60_000, "2024-10-11")
            self.run_as_accountant()
            self.assertEqual(draft.invoice_currency_rate, 8)
            draft.invoice_currency_rate = 7
        with freeze_time("2024-11-05 04:00:00"):
            draft.action_post()
        self.assertEqual(draft.invoice_date, date(2024, 11, 5))
        self.assert_balanced_at(draft, 7)

    def test_a_draft_without_a_date_has_the_rate_of_the_day_of_issue(self):
        self.account.invoice_date_rule = "issue"
        for day, rate in (("2024-10-01", 7), ("2024-11-03", 8), ("2024-11-05", 9)):
            self.set_rate(day, rate)
        with freeze_time("2024-11-01 04:00:00"):
            draft = self.draft()
            self.assertFalse(draft.invoice_date)
            self.assert_balanced_at(draft, 7)
        with freeze_time("2024-11-03 04:00:00"):
            self.run_as_accountant()
            # It is written again when there is something to bill, or when it is posted.
            self.assert_balanced_at(draft, 7)
            self.usage("av_hd", 60_000, "2024-10-11")
            self.run_as_accountant()
            self.assert_balanced_at(draft, 8)
        with freeze_time("2024-11-06 04:00:00"):
            draft.action_post()
        self.assert_balanced_at(draft, 9)

    def test_a_date_that_somebody_chose_brings_its_rate_and_follows_it(self):
        self.set_rate("2024-10-01", 7)
        draft = self.draft()
        self.set_rate("2024-11-04", 8)
        with Form(draft) as form:
            form.invoice_date = "2024-11-04"
        self.assert_balanced_at(draft, 8)
        self.set_rate("2024-11-04", 4)
        draft.action_post()
        self.assertEqual(draft.invoice_date, date(2024, 11, 4))
        self.assert_balanced_at(draft, 4)

    def test_the_rate_of_the_date_can_be_fetched_again(self):
        """Core's own button beside the rate."""
        self.set_rate("2024-10-01", 7)
        draft = self.draft()
        draft.invoice_currency_rate = 6.5
        draft.refresh_invoice_currency_rate()
        self.set_rate("2024-10-31", 5)
        draft.action_post()
        self.assert_balanced_at(draft, 5)

    def test_a_draft_that_credits_a_part_follows_its_date(self):
        self.set_rate("2024-10-01", 7)
        move = self.draft()
        move.action_post()
        wizard = self.env["trtc.credit"].with_user(self.user_accountant)
        wizard = wizard.create(
            {"move_id": move.id, "reason": "Outage", "date": "2024-11-05", "whole": True}
        )
        credit = self.env["account.move"].browse(wizard.action_credit()["res_id"])
        self.assert_balanced_at(credit, 7)
        self.set_rate("2024-11-05", 5)
        credit.with_user(self.user_accountant).action_post()
        self.assert_balanced_at(credit, 5)

    def test_a_shared_invoice_has_one_rate(self):
        self.account.invoice_grouping = "customer"
        other = self.make_account(
            pricelist_id=self.contract.id,
            invoice_date_rule="period_end",
            invoice_grouping="customer",
        )
        self.usage("av_hd", 60_000, "2024-10-12", self.make_application(other))
        other.settle("2024-10-31")
        self.set_rate("2024-10-01", 7)
        draft = self.draft()
        self.assertEqual(draft.amount_untaxed, 5600)
        self.set_rate("2024-10-31", 5)
        draft.action_post()
        self.assert_balanced_at(draft, 5)


@tagged("post_install", "-at_install")
class TestMissingRates(RateCase):
    """Without a rate nothing is booked; Odoo would take 1, or the oldest later rate."""

    def test_yuan_are_booked_as_dollars(self):
        draft = self.draft()
        self.assertIn("CNY has no exchange rate on or before 10/31/2024", draft.trtc_hold)
        with self.assertRaisesRegex(UserError, "CNY has no exchange rate on or before 10/31/2024"):
            draft.action_post()
        self.set_rate("2024-10-31", 5)
        draft.action_post()
        self.assert_balanced_at(draft, 5)
        self.assertFalse(draft.trtc_hold)

    def test_a_later_rate_is_taken(self):
        self.set_rate("2024-11-01", 9)
        draft = self.draft()
        self.assertTrue(draft.trtc_hold)
        with self.assertRaisesRegex(UserError, "has no exchange rate on or before"):
            draft.action_post()

    def test_a_run_posts_it_once_the_rate_is_there_and_says_once_why_not(self):
        self.account.auto_post = True
        draft = self.draft()
        draft = draft.with_user(self.env.user)
        self.assertEqual(draft.state, "draft")
        self.assertIn("Not posted automatically: CNY has no exchange rate", draft.trtc_hold)
        self.run_as_accountant()
        self.run_as_accountant()
        told = [one for one in draft.message_ids if "no exchange rate" in str(one.body)]
        self.assertEqual(len(told), 1)
        self.set_rate("2024-10-31", 5)
        self.run_as_accountant()
        self.assertEqual(draft.state, "posted")
        self.assertFalse(draft.trtc_hold)
        self.assert_balanced_at(draft, 5)

    def test_a_draft_says_that_its_rate_is_there(self):
        draft = self.draft()
        self.run_as_accountant()
        told = [one for one in draft.message_ids if "no exchange rate" in str(one.body)]
        self.assertEqual(len(told), 1)
        self.set_rate("2024-10-31", 5)
        self.run_as_accountant()
        self.assertFalse(draft.trtc_hold)
        self.assert_balanced_at(draft, 5)

    def test_one_without_a_rate_holds_up_the_others(self):
        dollars = self.make_account(auto_post=True)
        self.usage("av_hd", 60_000, "2024-10-10", self.make_application(dollars))
        self.account.auto_post = True
        self.usage("av_hd", 60_000, "2024-10-10")
        moves = self.run_as_accountant(accounts=self.account | dollars)
        states = {move.trtc_account_id: move.state for move in moves.sudo()}
        self.assertEqual(states, {self.account: "draft", dollars: "posted"})

    def test_a_typed_rate_needs_no_table(self):
        draft = self.draft()
        draft.invoice_currency_rate = 6
        draft.action_post()
        self.assert_balanced_at(draft, 6)

    def test_an_invoice_in_the_currency_of_the_books_needs_none(self):
        dollars = self.make_account()
        self.usage("av_hd", 60_000, "2024-10-10", self.make_application(dollars))
        draft = self.run_as_accountant(accounts=dollars)
        draft.action_post()
        self.assertEqual(draft.state, "posted")

    def test_the_books_own_currency_has_later_rates_only(self):
        """Where rates are stated in a third currency."""
        self.set_rate("2024-10-01", 7)
        self.set_rate("2024-11-01", 1.1, self.company.currency_id)
        draft = self.draft()
        with self.assertRaisesRegex(UserError, "USD has no exchange rate on or before"):
            draft.action_post()

    def test_a_draft_without_a_date_says_so_once(self):
        self.account.invoice_date_rule = "issue"
        with freeze_time("2024-11-01 04:00:00"):
            draft = self.draft()
        self.assertIn("CNY has no exchange rate yet", draft.trtc_hold)
        with freeze_time("2024-11-02 04:00:00"):
            self.run_as_accountant()
        told = [one for one in draft.message_ids if "no exchange rate" in str(one.body)]
        self.assertEqual(len(told), 1)

    def test_a_credit_note_is_booked_at_no_rate(self):
        rate = self.set_rate("2024-10-01", 7)
        move = self.draft()
        move.action_post()
        rate.name = "2024-12-01"
        for modify in (False, True):
            wizard = (
                self.env["account.move.reversal"]
                .with_user(self.user_accountant)
                .with_context(active_model="account.move", active_ids=move.ids)
                .create({"journal_id": move.journal_id.id, "date": "2024-11-04"})
            )
            with (
                self.subTest(modify=modify),
                self.assertRaisesRegex(UserError, "CNY has no exchange rate on or before"),
                self.env.cr.savepoint(),
            ):
                credit = move.browse(wizard.reverse_moves(modify)["res_id"])
                credit.with_user(self.user_accountant).action_post()

    def test_revenue_is_accrued_at_no_rate(self):
        self.company.write(
            {
                "trtc_accrued_account_id": self.env["account.account"]
                .create({"name": "Accrued", "code": "119900", "account_type": "asset_current"})
                .id
            }
        )
        self.usage("av_hd", 60_000, "2024-10-10")
        self.account.settle("2024-10-31")
        wizard = self.env["trtc.accrue"].with_user(self.user_accountant)
        wizard = wizard.create({"date": "2024-10-31"})
        with self.assertRaisesRegex(UserError, "CNY has no exchange rate on or before"):
            wizard.action_propose()
        self.set_rate("2024-10-31", 5)
        wizard.action_propose()

    def test_a_contract_is_offered_at_no_rate(self):
        self.account.pricelist_id = self.pricelist_cny
        self.company.write(
            {"trtc_offer_amount": 5, "trtc_offer_currency_id": self.company.currency_id.id}
        )
        month = date(2024, 10, 1)
        self.assertEqual(self.account._get_offer_limits([month]), {})
        self.set_rate("2024-10-01", 7)
        self.assertEqual(self.account._get_offer_limits([month]), {month: 35})


@tagged("post_install", "-at_install")
class TestCreditRate(RateCase):
    """Credit notes have the rate of their date, or by choice that of the invoice."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set_rate("2024-10-01", 7)
        cls.set_rate("2024-11-05", 5)
        cls.usage("av_hd", 60_000, "2024-10-10")
        cls.posted = cls.invoice("2024-10-31", cls.account)
        cls.posted.action_post()

    def choose(self, rate):
        wizard = self.env["trtc.settings"].with_user(self.user_manager)
        wizard.create({"credit_rate": rate}).action_save()
        self.assertEqual(self.company.trtc_credit_rate, rate)

    def reverse(self, modify=False, move=None):
        move = move or self.posted
        wizard = (
            self.env["account.move.reversal"]
            .with_user(self.user_accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "date": "2024-11-05"})
        )
        wizard.reverse_moves(modify)
        credit = move.reversal_move_ids.with_user(self.user_accountant)
        if credit.state == "draft":
            credit.action_post()
        return credit

    def credit_parts(self, *quantities):
        credits = self.env["account.move"]
        for quantity in quantities:
            wizard = self.env["trtc.credit"].with_user(self.user_accountant)
            wizard = wizard.create(
                {"move_id": self.posted.id, "reason": "Outage", "date": "2024-11-05"}
            )
            wizard.line_ids.quantity = quantity
            credits |= credits.browse(wizard.action_credit()["res_id"])
        credits.with_user(self.user_accountant).action_post()
        return credits

    def get_differences(self):
        """Return what is booked as exchange difference."""
        entries = self.posted.line_ids.matched_credit_ids.exchange_move_id
        return entries.filtered(lambda move: move.state == "posted")

    def test_by_default_it_has_the_rate_of_its_date(self):
        self.assertEqual(self.company.trtc_credit_rate, "date")
        credit = self.reverse()
        self.assert_balanced_at(credit, 5)
        self.assertEqual(credit.amount_untaxed_signed, -560)
        self.assertTrue(self.get_differences())

    def test_a_full_credit_leaves_an_exchange_difference(self):
        self.choose("original")
        credit = self.reverse()
        self.assert_balanced_at(credit, 7)
        self.assertEqual(credit.invoice_date, date(2024, 11, 5))
        self.assertEqual(credit.amount_untaxed_signed, -400)
        self.assertEqual(self.posted.payment_state, "reversed")
        self.assertFalse(self.get_differences())
        lines = (self.posted | credit).line_ids
        for account, found in lines.grouped("account_id").items():
            self.assertEqual(sum(found.mapped("balance")), 0, account.display_name)

    def test_reverse_and_create_credits_at_the_rate_of_the_invoice(self):
        self.choose("original")
        credit = self.reverse(modify=True)
        self.assert_balanced_at(credit, 7)
        self.assertFalse(self.get_differences())
        # What is billed again has the rate of its own date.
        again = self.get_draft()
        again.invoice_date = "2024-11-05"
        again.action_post()
        self.assert_balanced_at(again, 5)

    def test_parts_are_credited_at_the_rate_of_the_invoice(self):
        self.choose("original")
        credits = self.credit_parts(400, 600)
        for credit in credits:
            self.assert_balanced_at(credit, 7)
        self.assertEqual(sum(credits.mapped("amount_untaxed_signed")), -400)
        self.assertFalse(self.get_differences())

    def test_parts_are_credited_at_the_rate_of_their_date_by_default(self):
        for credit in self.credit_parts(400, 600):
            self.assert_balanced_at(credit, 5)

    def test_the_rate_of_an_invoice_is_the_one_that_somebody_typed(self):
        self.choose("original")
        self.usage("av_hd", 60_000, "2024-11-02")
        draft = self.invoice("2024-11-30", self.account)
        draft.invoice_currency_rate = 6.5
        draft.action_post()
        self.assert_balanced_at(self.reverse(move=draft), 6.5)

    def test_a_rate_typed_on_a_credit_note_stays(self):
        self.choose("original")
        wizard = self.env["trtc.credit"].with_user(self.user_accountant)
        wizard = wizard.create(
            {"move_id": self.posted.id, "reason": "Outage", "date": "2024-11-05", "whole": True}
        )
        credit = self.env["account.move"].browse(wizard.action_credit()["res_id"])
        credit = credit.with_user(self.user_accountant)
        credit.invoice_currency_rate = 6
        credit.action_post()
        self.assert_balanced_at(credit, 6)

    def test_the_rate_of_the_invoice_needs_no_table(self):
        self.choose("original")
        self.env["res.currency.rate"].search([]).unlink()
        self.assert_balanced_at(self.reverse(), 7)

    def test_invoices_without_usage_are_credited_as_in_odoo(self):
        self.choose("original")
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "currency_id": self.yuan.id,
                "invoice_date": "2024-10-31",
                "invoice_line_ids": [
                    Command.create({"name": "Advice", "price_unit": 700, "tax_ids": []})
                ],
            }
        )
        move.action_post()
        self.assert_balanced_at(self.reverse(move=move), 5)


@tagged("post_install", "-at_install")
class TestMigratedDrafts(RateCase):
    """Drafts of former versions do not say which rate was looked up."""

    def migrate(self):
        self.env.flush_all()
        load("19.0.3.2.0", "post-docs").migrate(self.env.cr, "19.0.3.1.0")
        self.env.invalidate_all()

    def make_old(self, **vals):
        """Return a draft as former versions left it, whose rate was corrected since."""
        self.set_rate("2024-10-01", 7)
        draft = self.draft()
        draft.write(vals)
        draft.flush_recordset()
        self.env.cr.execute("UPDATE account_move SET trtc_rate = NULL WHERE id = %s", [draft.id])
        draft.invalidate_recordset()
        self.set_rate("2024-10-31", 5)
        return draft

    def test_an_old_rate_of_the_table_is_taken_for_a_typed_one(self):
        draft = self.make_old()
        self.migrate()
        draft.action_post()
        self.assert_balanced_at(draft, 5)

    def test_a_rate_that_somebody_typed_is_overwritten(self):
        draft = self.make_old(invoice_currency_rate=6.5)
        self.migrate()
        draft.action_post()
        self.assert_balanced_at(draft, 6.5)

    def test_drafts_recur_for_ever(self):
        draft = self.make_old()
        copied = self.env["account.move"].create(
            {"move_type": "out_invoice", "partner_id": self.customer.id}
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET auto_post = 'monthly', auto_post_origin_id = %s"
            " WHERE id = ANY(%s)",
            [draft.id, [draft.id, copied.id]],
        )
        self.env.invalidate_all()
        self.migrate()
        self.assertEqual((draft | copied).mapped("auto_post"), ["no", "no"])
        self.assertIn("billed once", str(copied.message_ids[:1].body))
