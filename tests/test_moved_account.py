from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from .accrual import AccrualCommon
from .test_portal_moved_contact import MovedCase

MONTHLY = "usage of monthly items this month"
COMMITMENT = "minimum commitment this month"


@tagged("post_install", "-at_install")
class TestMonthOfMove(MovedCase):
    """What is billed for a whole month has one customer in it."""

    def assert_stays(self, day, reason, earliest):
        """Check that the account cannot move on a day, and that the refusal names one."""
        text = f"{reason}.* Move the account on the first day of a month: on {earliest}"
        with self.assertRaisesRegex(UserError, text):
            self.move(day)
        self.assertEqual(self.account.commercial_partner_id, self.customer)
        self.assertFalse(self.account.former_customer_ids)

    def test_the_new_customer_pays_for_screenshots_of_the_former_one(self):
        self.subscribe(self.application, "flagship", "2024-10-01")
        self.usage("screenshot_terminal", 15_000, "2024-10-05")
        self.leave()
        self.assert_stays("2024-10-06", MONTHLY, "11/01/2024")
        self.assert_stays("2024-10-31", MONTHLY, "11/01/2024")
        # What is used today is the new customer's already.
        self.usage("screenshot_terminal", 16_000, "2024-11-01")
        self.move("2024-11-01")
        self.settle("2024-11-30", self.account)
        lines = self.lines(item="screenshot_terminal")
        self.assertEqual(
            {(str(line.date), line.commercial_partner_id) for line in lines},
            {("2024-10-31", self.customer), ("2024-11-30", self.other_customer)},
        )
        self.assert_books()

    def test_the_first_day_is_that_of_another_time_zone(self):
        self.usage("relay_bandwidth", 500, "2024-10-05", unit="kbps")
        self.leave()
        with freeze_time("2024-10-31 15:30"), self.assertRaisesRegex(UserError, MONTHLY):
            self.account.action_move_customer()
        with freeze_time("2024-10-31 16:30"):  # 00:30 in Shanghai
            self.account.action_move_customer()
        self.assertEqual(str(self.account.former_customer_ids.date_end), "2024-10-31")

    def test_usage_that_counts_no_more_holds_an_account(self):
        usage = self.usage("screenshot_terminal", 15_000, "2024-10-05")
        nothing = self.record("screenshot_terminal", 0, "2024-10-05")
        self.ingest({**nothing, "id": usage.external_id})
        self.leave()
        self.move("2024-10-20")
        self.assertEqual(self.account.commercial_partner_id, self.other_customer)

    def test_a_month_before_that_is_not_settled_goes_to_the_new_customer(self):
        self.subscribe(self.application, "flagship", "2024-10-01")
        self.usage("screenshot_terminal", 15_000, "2024-10-05")
        self.assertFalse(self.lines(item="screenshot_terminal"))
        self.leave()
        self.move("2024-11-03")
        line = self.lines(item="screenshot_terminal")
        self.assertEqual(line.commercial_partner_id, self.customer)

    def test_the_new_customer_makes_up_for_the_former_ones_minimum(self):
        self.env["trtc.commitment"].create(
            {"account_id": self.account.id, "amount": 50, "date_start": "2024-10-01"}
        )
        self.leave()
        self.assert_stays("2024-10-20", COMMITMENT, "11/01/2024")
        self.assert_stays("2024-11-02", COMMITMENT, "12/01/2024")
        self.move("2024-11-01")
        self.settle("2024-11-30", self.account)
        self.usage("av_hd", 6000, "2024-10-19")
        self.settle("2024-11-30", self.account)
        fees = self.env["trtc.fee"].search([("kind", "=", "commitment")])
        self.assertEqual(len(fees), 3)
        for fee in fees:
            former = fee.date_to < self.date("2024-11-01")
            customer = self.customer if former else self.other_customer
            self.assertEqual(fee.commercial_partner_id, customer)

    def test_a_commitment_that_has_ended_holds_an_account(self):
        self.env["trtc.commitment"].create(
            {
                "account_id": self.account.id,
                "amount": 50,
                "date_start": "2024-10-01",
                "date_end": "2024-10-31",
            }
        )
        self.leave()
        self.move("2024-11-02")
        fee = self.env["trtc.fee"].search([("kind", "=", "commitment")])
        self.assertEqual(fee.commercial_partner_id, self.customer)

    def test_the_button_does_not_say_so(self):
        view = self.env.ref("trtc_billing.trtc_account_view_form")
        self.assertIn("moves on the first day of a month only", view.arch)

    # === ANOTHER CONTACT === #

    def test_another_contact_of_the_customer_is_a_move(self):
        self.usage("screenshot_terminal", 15_000, "2024-10-05")
        other = self.env["res.partner"].create({"name": "Heir", "parent_id": self.customer.id})
        with freeze_time("2024-10-20 12:00:00"):
            self.account.with_user(self.make_user("manager")).partner_id = other
        self.assertEqual(self.account.commercial_partner_id, self.customer)
        self.assertFalse(self.account.former_customer_ids)

    def test_a_contact_that_is_written_again_moves_the_account(self):
        """A client wrote back all that it had read: the account moved, and nothing was settled."""
        account = self.make_account(partner_id=self.contact.id)
        self.usage("av_hd", 60, "2024-10-05", self.make_application(account))
        self.leave()
        both = (self.account | account).with_user(self.make_user("manager"))
        both.write({"partner_id": self.contact.id, "invoice_sections": True})
        self.assertEqual((self.account | account).commercial_partner_id, self.customer)
        self.assertEqual((self.account | account).mapped("invoice_sections"), [True, True])

    def test_an_account_with_fees_takes_another_customer(self):
        """The fee was the former customer's, whom nothing billed it to any more."""
        account = self.make_account(partner_id=self.contact.id)
        product = self.item("av_hd").product_id
        day = self.date("2024-10-05")
        self.env["trtc.fee"].sudo().create(account._prepare_fee("pack", product, 10, day, day))
        for one in (self.account, account):
            with self.assertRaisesRegex(UserError, "its customer cannot change any more"):
                one.with_user(self.make_user("manager")).partner_id = self.other_customer

    def test_minutes_stay_with_a_customer_that_was_chosen_by_mistake(self):
        account = self.make_account(partner_id=self.customer.id)
        pack = self.make_pack(300, "2024-10-05", "2024-12-31", account)
        account.with_user(self.make_user("manager")).partner_id = self.other_customer
        self.assertEqual(pack.commercial_partner_id, self.other_customer)
        self.assertFalse(account.former_customer_ids)

    # === TOOLING === #

    @staticmethod
    def date(day):
        return AccrualCommon.date(day)


@tagged("post_install", "-at_install")
class TestFormerCustomersInvoices(MovedCase):
    """What a former customer gets is written and paid as agreed with that customer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pack.sudo()._withdraw()
        cls.env.company.tax_calculation_rounding_method = "round_per_line"
        cls.env["res.lang"]._activate_lang("fr_FR")
        cls.account.pricelist_id = cls.make_pricelist(
            {"av_hd": 0.004, "live_hd": 0.004}, base=cls.pricelist_usd
        )

    def bill_both(self, day="2024-10-19"):
        """Let the account move after it was used, and be used; return {customer: invoice}."""
        for item in ("av_hd", "live_hd"):
            self.usage(item, 60, day)
        self.leave()
        self.move("2024-10-20")
        for item in ("av_hd", "live_hd"):
            self.usage(item, 60, "2024-10-21")
        fee = self.account._prepare_fee(
            "upgrade", self.item("av_hd").product_id, 10, *map(AccrualCommon.date, (day, day))
        )
        self.env["trtc.fee"].sudo().create(fee)
        moves = self.invoice("2024-10-31", self.account)
        return {move.commercial_partner_id: move for move in moves}

    def test_a_former_customer_reads_the_language_of_the_new_one(self):
        self.customer.lang = "fr_FR"
        moves = self.bill_both()
        texts = {
            customer: "\n".join(move.invoice_line_ids.mapped("name"))
            for customer, move in moves.items()
        }
        french, english = texts[self.customer], texts[self.other_customer]
        self.assertIn("19/10/2024 to 19/10/2024", french)  # the fee
        self.assertIn("exact total 10,", french)  # the rounding
        self.assertNotIn("10/19/2024", french)
        self.assertIn("10/21/2024", english)
        # So is what is billed to them again.
        move = moves[self.customer]
        move.action_post()
        wizard = self.env["trtc.credit"].create(
            {"move_id": move.id, "reason": "Wrong", "reopens": "again", "whole": True}
        )
        self.env["account.move"].browse(wizard.action_credit()["res_id"]).action_post()
        again = self.account.create_invoices("2024-10-31")
        self.assertEqual(again.commercial_partner_id, self.customer)
        lines = again.invoice_line_ids.filtered("trtc_is_rebill")
        self.assertEqual(len(lines), 4)
        for line in lines:
            self.assertRegex(line.name, r"\n[01][19]/10/2024")

    def test_a_credit_note_is_in_the_language_of_the_contact_that_left(self):
        self.customer.lang = "fr_FR"
        move = self.invoice("2024-10-31", self.account)
        move.action_post()
        self.assertEqual(move.partner_id, self.contact)
        self.leave()
        wizard = self.env["trtc.credit"].create({"move_id": move.id, "reason": "Outage"})
        wizard.line_ids.quantity = 1
        credit = self.env["account.move"].browse(wizard.action_credit()["res_id"])
        self.assertEqual(credit.partner_id, self.customer)
        names = credit.invoice_line_ids.filtered("trtc_item_id").mapped("name")
        self.assertIn("01/10/2024", "".join(names))

    def test_a_term_of_the_former_customers_days_waits_for_another_run(self):
        """It is charged by the run itself, after the run has asked whom there is to bill."""
        self.price_editions(self.account.pricelist_id, {"lite": 10})
        self.account.invoice_cycle = "day"
        self.invoice("2024-10-19", self.account)
        self.leave()
        self.move("2024-10-20")
        application = self.make_application(self.account)
        self.subscribe(application, "lite", "2024-10-10", "2024-11-09").bill_fee = True
        self.assertFalse(application.subscription_ids.fee_ids)
        moves = self.account.create_invoices("2024-10-31")
        fee = self.env["trtc.fee"].search([("application_id", "=", application.id)])
        self.assertEqual(fee.commercial_partner_id, self.customer)
        self.assertIn(fee.move_id, moves)
        self.assertEqual(fee.move_id.commercial_partner_id, self.customer)

    def test_a_former_customers_true_up_is_in_the_language_of_the_new_one(self):
        self.customer.lang = "fr_FR"
        commitment = self.env["trtc.commitment"].create(
            {"account_id": self.account.id, "amount": 50, "date_start": "2024-10-01"}
        )
        self.leave()
        self.move("2024-11-01")
        self.settle("2024-11-30", self.account)
        names = commitment.fee_ids.sorted("date_from").mapped("name")
        self.assertEqual(
            names, ["Minimum commitment, octobre 2024", "Minimum commitment, November 2024"]
        )

    def test_a_former_customer_has_the_payment_terms_of_the_new_one(self):
        fifteen = self.env.ref("account.account_payment_term_15days")
        later = self.env.ref("account.account_payment_term_45days")
        self.customer.property_payment_term_id = fifteen
        self.account.payment_term_id = later
        journal = self.company_data["default_journal_sale"].copy()
        self.account.invoice_journal_id = journal
        moves = self.bill_both()
        self.assertEqual(moves[self.customer].invoice_payment_term_id, fifteen)
        self.assertEqual(moves[self.other_customer].invoice_payment_term_id, later)
        self.assertEqual({move.journal_id for move in moves.values()}, {journal})


@tagged("post_install", "-at_install")
class TestMovedAccrual(MovedCase, AccrualCommon):
    """An accrual names the customer whom it will be invoiced to."""

    def test_an_accrual_names_the_new_customer_for_what_the_former_one_used(self):
        self.company.trtc_accrue_by_partner = True
        self.pack.sudo()._withdraw()
        day = self.date("2024-10-19")
        fee = self.account._prepare_fee("upgrade", self.item("av_hd").product_id, 10, day, day)
        self.env["trtc.fee"].sudo().create(fee)
        self.use(100, "2024-10-19")
        self.leave()
        self.move("2024-10-20")
        self.use(7, "2024-10-15")
        self.use(20, "2024-10-21")
        self.settle("2024-10-21", self.account)
        self.use(5, "2024-10-16")
        self.use(30, "2024-10-22")
        unbilled = self.account._get_unbilled(self.date("2024-10-31"))
        accrual = self.propose("2024-10-31", post=False)
        amounts = {}
        for line in accrual.line_ids.filtered(lambda line: line.account_id == self.account):
            amounts.setdefault((line.commercial_partner_id, line.kind), []).append(line.amount)
        sums = {key: round(sum(found), 6) for key, found in amounts.items()}
        former, new = self.customer, self.other_customer
        first = self.statement.line_ids.amount
        self.assertEqual(
            sums,
            {
                (former, "settled"): round(first + 107, 6),
                (former, "unsettled"): 5,
                (former, "fee"): 10,
                (new, "settled"): 20,
                (new, "unsettled"): 30,
            },
        )
        total = sum(one.amount for one in unbilled if one.kind in ("settled", "unsettled", "fee"))
        self.assertAlmostEqual(sum(sums.values()), float(total), 6)
        income = accrual.move_id.line_ids.filtered(lambda line: line.account_id == self.income)
        booked = {line.partner_id: line.credit - line.debit for line in income}
        for customer in former | new:
            expected = sum(
                line.amount for line in accrual.line_ids if line.commercial_partner_id == customer
            )
            self.assertAlmostEqual(booked[customer], expected, 2)
