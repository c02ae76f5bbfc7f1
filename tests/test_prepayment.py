from datetime import date
from decimal import Decimal
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from .prepayment import PrepaymentCommon


@tagged("post_install", "-at_install")
class TestDeferral(PrepaymentCommon):
    """Where the invoice books what is paid in advance."""

    def test_off_until_set_an_edition_is_deferred(self):
        self.company.trtc_deferred_account_id = False
        fee = self.sell("2024-10-01", "2024-10-31")
        self.assertEqual(fee.move_id.invoice_line_ids.account_id, self.income)
        self.assertFalse(self.propose("2024-10-31"))
        wizard = self.env["trtc.recognise"].with_user(self.accountant).create({})
        self.assertTrue(wizard.is_off)
        # What was revenue at once stays revenue.
        self.company.trtc_deferred_account_id = self.deferred
        self.assertFalse(self.propose("2024-10-31"))
        self.assertEqual(self.balance(self.income), 100)

    def test_prepaid_fees_are_revenue_at_once(self):
        fee = self.sell("2024-10-01", "2024-10-31")
        pack, _pack = self.sell_pack(1000, 50, "2024-10-01", "2025-09-30")
        for one in fee | pack:
            self.assertEqual(one.move_id.invoice_line_ids.account_id, self.deferred)
        self.assertEqual(self.balance(), 150)
        self.assertEqual(self.balance(self.income), 0)

    def test_usage_and_commitments_are_deferred(self):
        self.env["trtc.commitment"].create(
            {"account_id": self.account.id, "amount": 100, "date_start": "2024-10-01",
             "date_end": "2024-10-31"}
        )  # fmt: skip
        self.usage("av_hd", 60_000, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.assertEqual(len(move.invoice_line_ids.trtc_fee_id), 1)
        self.assertEqual(move.invoice_line_ids.account_id, self.income)

    def test_the_fiscal_position_of_the_customer_is_ignored(self):
        abroad = self.make_liability("TRTC2")
        abroad_income = self.env["account.account"].create(
            {"name": "Export", "code": "TRTC3", "account_type": "income"}
        )
        self.customer.property_account_position_id = self.env["account.fiscal.position"].create(
            {
                "name": "Export",
                "account_ids": [
                    Command.create({"account_src_id": src.id, "account_dest_id": dest.id})
                    for src, dest in ((self.deferred, abroad), (self.income, abroad_income))
                ],
            }
        )
        fee = self.sell("2024-10-01", "2024-10-31")
        self.assertEqual(fee.move_id.invoice_line_ids.account_id, abroad)
        move = self.propose("2024-10-31")
        self.assertEqual(move.line_ids.account_id, abroad | abroad_income)
        self.assertEqual(move.line_ids.partner_id, self.customer)
        self.assertEqual(self.balance(abroad), 0)

    def test_a_refund_leaves_the_account_of_its_original_open(self):
        other = self.make_liability("TRTC4")
        fee = self.sell("2024-10-01", "2024-10-31")
        self.company.trtc_deferred_account_id = other
        with freeze_time("2024-10-03 04:00"):
            fee.sudo()._refund()
            move = self.account.create_invoices("2024-10-02")
        self.assertEqual(move.move_type, "out_refund")
        self.assertEqual(move.invoice_line_ids.account_id, self.deferred)
        move.action_post()
        self.assertEqual(self.balance(), 0)
        self.assertFalse(self.propose("2024-10-31"))

    def test_a_refund_of_what_was_revenue_is_deferred(self):
        self.company.trtc_deferred_account_id = False
        fee = self.sell("2024-10-01", "2024-10-31")
        self.company.trtc_deferred_account_id = self.deferred
        with freeze_time("2024-10-03 04:00"):
            fee.sudo()._refund()
            move = self.account.create_invoices("2024-10-02")
        self.assertEqual(move.invoice_line_ids.account_id, self.income)
        move.action_post()
        self.assertFalse(self.propose("2024-10-31"))

    def test_settings_take_any_account(self):
        with self.assertRaises(ValidationError):
            self.company.trtc_deferred_account_id = self.income
        with self.assertRaises(ValidationError):
            self.company.trtc_deferred_journal_id = self.company_data["default_journal_sale"]
        theirs = self.setup_other_company(name="Theirs")["company"]
        account = self.make_liability("TRTC5", company_ids=[Command.set(theirs.ids)])
        with self.assertRaises(UserError):
            self.company.trtc_deferred_account_id = account

    def test_a_manager_needs_an_administrator_to_set_the_accounts(self):
        self.company.trtc_deferred_account_id = False
        journal = self.company_data["default_journal_misc"].copy({"name": "Deferrals"})
        settings = self.env["trtc.settings"].with_user(self.make_user("manager"))
        settings.create(
            {"deferred_account_id": self.deferred.id, "deferred_journal_id": journal.id}
        ).action_save()
        self.assertEqual(self.company.trtc_deferred_account_id, self.deferred)
        self.sell("2024-10-01", "2024-10-31")
        self.assertEqual(self.propose("2024-10-31").journal_id, journal)
        # Saving something else leaves them alone.
        settings.create({"billing_tz": "Asia/Tokyo"})
        self.assertEqual(self.company.trtc_deferred_journal_id, journal)


@tagged("post_install", "-at_install")
class TestRecognition(PrepaymentCommon):
    """What is earned of it, when, and once."""

    # === BY TIME === #

    def test_a_term_over_two_months_misses_a_cent(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        october = self.propose("2024-10-31")
        self.assertEqual(self.recognised(fee), 51.61)  # 100 x 16 / 31
        november = self.propose("2024-11-30")
        self.assertEqual(self.recognised(fee), 100)
        self.assertEqual(november.amount_total, 48.39)
        self.assertEqual((str(october.date), str(november.date)), ("2024-10-31", "2024-11-30"))
        self.assertEqual((self.balance(), self.balance(self.income)), (0, 100))
        self.assertEqual(self.balance(self.income, "2024-10-31"), 51.61)
        self.assertFalse(self.propose("2024-12-31"))

    def test_a_daily_close_adds_up_to_something_else(self):
        fee = self.sell("2024-10-01", "2024-10-31")
        for day in range(1, 32):
            self.propose(f"2024-10-{day:02}")
        self.assertEqual(self.recognised(fee), 100)
        self.assertEqual(self.balance(), 0)

    def test_an_upgrade_is_recognised_with_the_term_before_it(self):
        self.set_price(162, "flagship")
        fee = self.sell("2024-10-01", "2024-10-31")
        upgraded = fee.subscription_id.sudo()._upgrade(self.edition("flagship"), date(2024, 10, 22))
        upgrade = upgraded.fee_ids
        self.assertEqual(upgrade.amount, 20)  # (162 - 100) x 10 / 31
        self.bill("2024-10-22")
        self.propose("2024-10-26")
        self.assertEqual(self.recognised(upgrade), 10)
        self.propose("2024-10-31")
        self.assertEqual((self.recognised(fee), self.recognised(upgrade)), (100, 20))

    def test_an_entry_does_not_say_what_it_is(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        move = self.propose("2024-10-31", post=False)
        self.assertEqual((move.state, move.move_type), ("draft", "entry"))
        self.assertEqual(move.line_ids.partner_id, self.customer)
        self.assertFalse(move.line_ids.tax_ids)
        for line in move.line_ids:
            self.assertIn(fee.name, line.name)
            self.assertIn("10/16/2024", line.name)
        debit = move.line_ids.filtered("debit")
        self.assertEqual((debit.account_id, debit.debit), (self.deferred, 51.61))
        self.assertEqual((move.line_ids - debit).account_id, self.income)

    # === PACKS === #

    def test_a_pack_is_revenue_before_it_is_drawn(self):
        fee, pack = self.sell_pack(1000, 50, "2024-10-01", "2025-09-30")
        self.assertFalse(self.propose("2024-10-31"))
        self.draw(300, "2024-11-05")
        self.draw(100, "2024-12-02")
        self.assertEqual(pack.minutes_drawn, 400)
        self.propose("2024-11-30")
        self.assertEqual(self.recognised(fee), 15)
        self.assertEqual(self.preview("2024-12-31"), [(fee, 50, 15, 5, "drawn")])

    def test_a_pack_that_lapsed_stays_a_liability_for_ever(self):
        fee, _pack = self.sell_pack(3000, 100, "2023-10-01", "2024-09-30")
        self.draw(1000, "2023-10-05")
        self.propose("2024-09-29")
        self.assertEqual(self.recognised(fee), 33.33)
        self.assertEqual(self.preview("2024-09-30"), [(fee, 100, 33.33, 66.67, "lapsed")])
        self.propose("2024-09-30")
        self.assertEqual((self.balance(), self.balance(self.income)), (0, 100))

    def test_an_archived_pack_stays_a_liability_for_ever(self):
        fee, pack = self.sell_pack(1000, 100, "2023-10-01", "2024-09-30")
        pack.active = False
        self.propose("2024-09-30")
        self.assertEqual(self.recognised(fee), 100)

    def test_usage_that_was_restated_stays_recognised(self):
        fee, _pack = self.sell_pack(1000, 50, "2024-10-01", "2025-09-30")
        usage = self.usage("av_audio", 600, "2024-10-05", unit="min")
        self.settle("2024-10-31")
        posted = self.propose("2024-10-31")
        record = self.record("av_audio", 200, "2024-10-05", unit="min")
        self.ingest({**record, "id": usage.external_id})
        self.settle("2024-10-31")
        self.assertEqual(self.preview("2024-11-30"), [(fee, 50, 30, -20, "drawn")])
        correction = self.propose("2024-11-30")
        self.assertEqual(posted.state, "posted")
        self.assertEqual(posted.amount_total, 30)
        debit = correction.line_ids.filtered("debit")
        self.assertEqual((debit.account_id, debit.debit), (self.income, 20))
        self.assertEqual((self.balance(), self.balance(self.income)), (40, 10))

    def test_a_refunded_pack_is_recognised_in_full(self):
        fee, pack = self.sell_pack(1000, 50, "2024-10-01", "2025-09-30")
        self.draw(300, "2024-10-05")
        self.draw(100, "2024-11-05")
        self.propose("2024-10-31")
        self.assertEqual(self.recognised(fee), 15)
        with freeze_time("2024-11-20 04:00"):
            refund = fee.sudo()._refund(Decimal(28))
            # As soon as it is made, before it is posted.
            self.assertEqual(refund.amount, -28)
            move = self.account.create_invoices("2024-11-19")
        self.assertEqual(pack.state, "refunded")
        # 22 were used: three quarters of them until the fifth.
        self.assertEqual(self.preview("2024-11-04"), [(fee, 22, 15, 1.5, "drawn")])
        self.assertEqual(self.preview("2024-11-30"), [(fee, 22, 15, 7, "refund")])
        move.action_post()
        self.assertEqual(self.preview("2024-11-30"), [(fee, 22, 15, 7, "refund")])
        self.propose("2024-11-30")
        self.assertEqual((self.balance(), self.balance(self.income)), (0, 22))
        self.assertFalse(self.propose("2025-09-30"))

    def test_a_refunded_term_stays_recognised(self):
        fee = self.sell("2024-10-01", "2024-10-31")
        self.propose("2024-10-02")
        self.assertEqual(self.recognised(fee), 6.45)
        with freeze_time("2024-10-03 04:00"):
            fee.subscription_id.sudo()._refund(date(2024, 10, 3))
            self.account.create_invoices("2024-10-02").action_post()
        self.propose("2024-10-31")
        self.assertEqual(self.recognised(fee), 0)
        self.assertEqual((self.balance(), self.balance(self.income)), (0, 0))

    # === LOCKS AND RIGHTS === #

    def test_an_entry_slips_past_a_lock_date(self):
        self.sell("2024-10-16", "2024-11-15")
        self.company.fiscalyear_lock_date = "2024-10-31"
        with self.assertRaisesRegex(UserError, "Lock.*Choose a later day"):
            self.propose("2024-10-31")
        self.assertEqual(str(self.propose("2024-11-01").date), "2024-11-01")

    def test_a_product_without_an_income_account_breaks_the_run(self):
        fee = self.sell("2024-10-01", "2024-10-31")
        accounts = {"income": self.env["account.account"], "expense": False}
        template = type(self.env["product.template"])
        with (
            patch.object(template, "get_product_accounts", lambda self, fiscal_pos=None: accounts),
            self.assertRaisesRegex(UserError, "no income account"),
        ):
            self.propose("2024-10-31")
        self.assertEqual(self.recognised(fee), 0)

    def test_who_is_no_accountant_recognises_revenue(self):
        fee = self.sell("2024-10-01", "2024-10-31")
        wizard = self.env["trtc.recognise"].create({"date": "2024-10-31"})
        for role in ("reader", "operator", "portal", "api_sender", "employee"):
            user = self.make_user(role)
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.propose("2024-10-31", user)
            with self.subTest(role=role), self.assertRaises(AccessError):
                wizard.with_user(user).sudo().action_propose()
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.env["trtc.recognition"].with_user(user).search([])
        self.assertFalse(fee.recognition_ids)
        self.propose("2024-10-31")
        recognition = fee.recognition_ids.with_user(self.accountant)
        self.assertEqual(recognition.amount, 100)
        for change in (recognition.unlink, lambda: recognition.write({"number": 5})):
            with self.assertRaises(AccessError):
                change()

    def test_a_company_recognises_for_another(self):
        self.sell("2024-10-01", "2024-10-31")
        theirs = self.setup_other_company(name="Theirs")["company"]
        stranger = self.make_user("accountant", theirs)
        self.assertFalse(self.propose("2024-10-31", stranger))
        self.propose("2024-10-31")
        self.assertFalse(self.env["trtc.recognition"].with_user(stranger).search([]))

    def test_the_form_shows_other_than_what_is_booked(self):
        fee = self.sell("2024-10-16", "2024-11-15")
        form = Form(self.env["trtc.recognise"].with_user(self.accountant))
        form.date = "2024-10-31"
        self.assertEqual(form.amount_total, 51.61)
        self.assertEqual([line["due"] for line in form.line_ids._records], [51.61])
        action = form.save().action_propose()
        move = self.env["account.move"].browse(action["res_id"])
        self.assertEqual(move.amount_total, 51.61)
        again = Form(self.env["trtc.recognise"].with_user(self.accountant))
        again.date = "2024-10-31"
        self.assertIn("10/31/2024", again.replaced)
        self.assertEqual(again.amount_total, 51.61)
        # The way from the fee to the entry
        found = self.env["trtc.recognition"].search(
            fee.with_user(self.accountant).action_open_recognitions()["domain"]
        )
        self.assertEqual(found.action_open_entry()["res_id"], move.id)

    def test_an_operator_cannot_read_fees(self):
        fee = self.sell("2024-10-01", "2024-10-31")
        self.propose("2024-10-31")
        self.assertTrue(fee.with_user(self.make_user("operator")).read())

    def test_the_default_is_not_the_month_before(self):
        with freeze_time("2024-11-05 04:00"):
            wizard = self.env["trtc.recognise"].with_user(self.accountant).create({})
        self.assertEqual(str(wizard.date), "2024-10-31")

    def test_usage_that_is_not_settled_is_forgotten(self):
        self.sell_pack(1000, 50, "2024-10-01", "2025-09-30")
        self.usage("av_audio", 600, "2024-10-05", unit="min")
        wizard = self.env["trtc.recognise"].with_user(self.accountant)
        self.assertEqual(wizard.create({"date": "2024-10-31"}).unsettled_count, 1)
        self.settle("2024-10-31")
        self.assertEqual(wizard.create({"date": "2024-10-31"}).unsettled_count, 0)
