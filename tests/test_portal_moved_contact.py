from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .test_portal import LIST, PortalCase

PACKS = "/my/trtc/packs"


class MovedCase(PortalCase):
    """The account of a customer is kept by a contact, who goes to another company."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.contact = cls.env["res.partner"].create(
            {"name": "Wanderer", "parent_id": cls.customer.id, "email": "wanderer@example.com"}
        )
        cls.account.partner_id = cls.contact
        cls.pack = cls.make_pack(300, "2024-10-05", "2024-12-31", name="Old present")
        cls.usage("av_audio", 100, "2024-10-07", unit="min")
        cls.covered = cls.settle("2024-10-07", cls.account)

    def leave(self):
        """Let the contact move to the other customer."""
        self.contact.parent_id = self.other_customer
        self.env.invalidate_all()

    def move(self, day="2024-10-20"):
        """Let a manager move the account after the contact."""
        with freeze_time(f"{day} 12:00:00"):
            self.account.with_user(self.make_user("manager")).action_move_customer()
        self.env.invalidate_all()

    def seen(self, user, model):
        return self.env[model].with_user(user).search([])


@tagged("post_install", "-at_install")
class TestMovedContact(MovedCase):
    def assert_settled_stays(self):
        """Check that both customers see on all ways what they saw before the move."""
        settled = self.statement | self.covered
        for model, records in (
            ("trtc.statement", settled),
            ("trtc.statement.line", settled.line_ids),
            ("trtc.pack.draw", settled.line_ids.draw_ids),
        ):
            self.assertLessEqual(records, self.seen(self.user, model), model)
            self.assertFalse(records & self.seen(self.stranger, model), model)
        for operator in ("child_of", "in"):
            domain = [("partner_id", operator, self.contact.ids)]
            self.assertFalse(self.env["trtc.statement"].with_user(self.stranger).search(domain))
        self.login(self.user)
        self.assertIn(self.statement.name, self.open().text)
        self.assertEqual(self.get_counter(), len(self.seen(self.user, "trtc.statement")))
        self.assertEqual(self.open(f"{LIST}/{self.statement.id}").status_code, 200)
        self.assertEqual(self.open(f"{LIST}/{self.statement.id}/lines.csv").status_code, 200)
        self.login(self.stranger)
        self.assertNotIn(self.statement.name, self.open().text)
        for tail in ("", "/page/1", "?report_type=html", "/lines.csv"):
            self.assert_refused(f"{LIST}/{self.statement.id}{tail}")
        self.login(self.env["res.users"])
        token = self.statement._portal_ensure_token()
        page = self.open(f"{LIST}/{self.statement.id}?access_token={token}")
        self.assertEqual(page.status_code, 200)

    def test_a_moved_contact_takes_what_was_settled_along(self):
        """The statements of a company were read by the next employer of its contact."""
        self.leave()
        self.assertEqual(self.account.commercial_partner_id, self.customer)
        self.assert_settled_stays()
        self.assertEqual(self.seen(self.user, "trtc.minute.pack"), self.pack)
        self.assertFalse(self.seen(self.stranger, "trtc.minute.pack"))

    def test_a_moved_account_takes_what_was_settled_along(self):
        self.leave()
        self.move()
        self.assertEqual(self.account.commercial_partner_id, self.other_customer)
        self.assert_settled_stays()

    def test_a_statement_is_printed_with_another_companys_address(self):
        self.leave()
        self.assertEqual(self.statement._get_printed_contact(), self.customer)

    def test_invoices_of_the_account_follow_the_contact(self):
        """Later drafts went to the other company, or contradicted themselves when posted."""
        self.leave()
        move = self.invoice("2024-10-31", self.account)
        self.assertEqual(move.partner_id, self.customer)
        move.action_post()
        self.assertEqual(move.state, "posted")
        self.assertFalse(self.account.parked_since)
        self.assertIn("Stranger Ltd.", self.account.customer_hint)

    def test_a_draft_follows_the_contact(self):
        move = self.invoice("2024-10-31", self.account)
        self.assertEqual(move.partner_id, self.contact)
        self.leave()
        with self.assertRaisesRegex(UserError, "belongs to Stranger Ltd. now"):
            move.action_post()
        move.partner_id = self.customer
        move.action_post()

    def test_a_posted_invoice_is_read_by_the_next_employer(self):
        """Its annex shows the usage of the customer of its time."""
        move = self.invoice("2024-10-31", self.account)
        move.action_post()
        other = self.invoice("2024-10-31", self.other_account)
        other.action_post()
        plain = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.other_customer.id,
                "invoice_line_ids": [(0, 0, {"name": "Plain", "price_unit": 1})],
            }
        )
        plain.action_post()
        self.leave()
        for model, of in (("account.move", "ids"), ("account.move.line", "line_ids.ids")):
            own = move.ids if of == "ids" else move.invoice_line_ids.ids
            theirs = (other | plain).ids if of == "ids" else other.invoice_line_ids.ids
            self.assertLessEqual(set(own), set(self.seen(self.user, model).ids))
            self.assertFalse(set(own) & set(self.seen(self.stranger, model).ids))
            self.assertLessEqual(set(theirs), set(self.seen(self.stranger, model).ids))
        self.assertIn(move, self.seen(self.make_user("accountant"), "account.move"))

    def test_arrears_of_the_former_customer_are_told_to_the_new_one(self):
        move = self.invoice("2024-10-31", self.account)
        move.invoice_date = "2024-11-01"
        move.invoice_date_due = "2024-11-02"
        move.action_post()
        self.assertIn(self.account, self.account._get_arrears())
        self.leave()
        self.move("2024-11-20")
        self.assertFalse(self.account._get_arrears())
        accounts = self.env["trtc.account"].with_user(self.stranger)
        self.assertFalse(accounts._get_portal_arrears())

    def test_the_salesperson_does_not_hear_of_it(self):
        salesperson = self.make_user("accountant", email="sales@example.com")
        self.account.user_id = salesperson
        self.leave()
        message = self.account.message_ids[0]
        self.assertIn("Wanderer belongs to Stranger Ltd. now", message.body)
        self.assertEqual(message.partner_ids, salesperson.partner_id)


@tagged("post_install", "-at_install")
class TestMovedAccount(MovedCase):
    def test_an_account_moves_without_a_manager(self):
        self.leave()
        for role in ("reader", "operator", "accountant"):
            account = self.account.with_user(self.make_user(role))
            with self.assertRaises(AccessError):
                account.action_move_customer()
        with self.assertRaises(AccessError):
            self.account.with_user(self.stranger).action_move_customer()

    def test_an_account_moves_though_its_contact_stays(self):
        with self.assertRaisesRegex(UserError, "nothing to move"):
            self.account.action_move_customer()

    def test_a_settled_account_takes_a_contact_of_its_customer(self):
        self.leave()
        other = self.env["res.partner"].create({"name": "Heir", "parent_id": self.customer.id})
        self.account.with_user(self.make_user("manager")).partner_id = other
        self.assertFalse(self.account.customer_hint)
        self.assertEqual(self.account.commercial_partner_id, self.customer)

    def test_the_new_customer_pays_for_what_was_settled_before(self):
        """Each invoice goes to whom its usage was settled for."""
        self.usage("av_hd", 6000, "2024-10-19")
        self.leave()
        self.move("2024-10-20")
        self.usage("av_hd", 12000, "2024-10-21")
        moves = self.invoice("2024-10-31", self.account)
        by_customer = {move.commercial_partner_id: move for move in moves}
        self.assertEqual(set(by_customer), {self.customer, self.other_customer})
        for customer, move in by_customer.items():
            lines = move.trtc_allocation_ids.statement_line_id
            self.assertEqual(lines.commercial_partner_id, customer)
        self.assertEqual(
            by_customer[self.other_customer].trtc_allocation_ids.statement_line_id.mapped("date"),
            self.lines(day="2024-10-21").mapped("date"),
        )
        # A second run changes nothing; drafts of both are brought up to date.
        self.assertFalse(self.account.create_invoices("2024-10-31"))
        self.usage("av_hd", 600, "2024-10-19")
        self.usage("av_hd", 600, "2024-10-21")
        again = self.invoice("2024-10-31", self.account)
        self.assertEqual(again, moves)
        moves.action_post()
        self.assert_books()

    def test_late_usage_of_old_days_is_settled_for_the_new_customer(self):
        self.leave()
        self.move("2024-10-20")
        self.usage("av_hd", 600, "2024-10-01")
        self.usage("av_hd", 600, "2024-10-15")
        self.usage("av_hd", 600, "2024-10-21")
        statements = self.settle("2024-10-31", self.account)
        found = {
            (str(one.date_from), one.is_adjustment): one.commercial_partner_id
            for one in statements
        }
        self.assertEqual(
            found,
            {
                ("2024-10-01", True): self.customer,
                ("2024-10-15", False): self.customer,
                ("2024-10-21", False): self.other_customer,
            },
        )

    def test_one_adjustment_shows_both_customers(self):
        self.usage("av_hd", 6000, "2024-10-19")
        self.leave()
        self.move("2024-10-20")
        self.usage("av_hd", 12000, "2024-10-21")
        self.settle("2024-10-31", self.account)
        self.usage("av_hd", 600, "2024-10-19")
        self.usage("av_hd", 600, "2024-10-21")
        adjustments = self.settle("2024-10-31", self.account)
        self.assertEqual(
            adjustments.sorted("revision").mapped("commercial_partner_id"),
            self.customer | self.other_customer,
        )
        self.assertEqual(len(adjustments), 2)

    def test_what_is_credited_is_billed_again_to_the_new_customer(self):
        move = self.invoice("2024-10-31", self.account)
        move.action_post()
        self.leave()
        self.move("2024-11-20")
        wizard = self.env["trtc.credit"].create(
            {"move_id": move.id, "reason": "Wrong", "reopens": "again", "whole": True}
        )
        credit = self.env["account.move"].browse(wizard.action_credit()["res_id"])
        credit.action_post()
        self.assertEqual(credit.commercial_partner_id, self.customer)
        again = self.account.create_invoices("2024-11-30")
        self.assertEqual(again.partner_id, self.customer)
        again.action_post()
        self.assert_books()

    def test_both_customers_see_the_minutes_of_each_other(self):
        """Minutes that last go on; each sees what the own usage drew."""
        self.leave()
        self.move("2024-10-20")
        self.usage("av_audio", 50, "2024-10-21", unit="min")
        self.settle("2024-10-21", self.account)
        self.assertFalse(self.seen(self.user, "trtc.minute.pack"))
        self.assertEqual(self.seen(self.stranger, "trtc.minute.pack") & self.pack, self.pack)
        balance = self.pack._get_balances()[self.pack]
        self.assertEqual(tuple(map(int, balance)), (200, 50, 150))
        [row] = self.pack._get_ledger()
        self.assertEqual((int(row.minutes), int(row.left)), (50, 150))
        self.assertEqual(self.pack._count_ledger(), 1)
        self.login(self.stranger)
        page = self.open(f"{PACKS}/{self.pack.id}")
        self.assertIn("50 used", page.text_in_one)
        self.assertNotIn(self.covered.name, page.text)
        self.assertNotIn(self.covered.name, self.open(f"{PACKS}/{self.pack.id}/ledger.csv").text)

    def test_a_refund_goes_to_the_new_customer(self):
        product = self.item("av_hd").product_id
        first, last = self.statement.date_from, self.statement.date_to
        vals = self.account._prepare_fee("pack", product, 10, first, last)
        fee = self.env["trtc.fee"].sudo().create(vals)
        self.leave()
        self.move()
        later = date(2024, 10, 21)
        vals = self.account._prepare_fee("refund", product, -10, later, later, refund_of_id=fee.id)
        refund = self.env["trtc.fee"].sudo().create(vals)
        vals = self.account._prepare_fee("pack", product, 10, later, later)
        other = self.env["trtc.fee"].sudo().create(vals)
        self.assertEqual((fee | refund).commercial_partner_id, self.customer)
        self.assertEqual(other.commercial_partner_id, self.other_customer)

    def test_a_client_says_for_whom_it_bills(self):
        """No value that a client can send stands for a former customer."""
        account = self.account.with_context(trtc_customer=self.other_customer.id)
        self.assertEqual(account._get_billed_customer(), self.customer)


@tagged("post_install", "-at_install")
class TestKeptContacts(MovedCase):
    def test_a_customer_of_statements_is_deleted(self):
        for partner in (self.contact, self.customer):
            with self.assertRaisesRegex(UserError, "archive the contact instead"):
                partner.unlink()
        self.contact.active = False
        self.assertEqual(self.seen(self.user, "trtc.statement"), self.statement | self.covered)

    def test_merged_contacts_hand_statements_over(self):
        """Merging two contacts of two companies is no decision about their accounts."""
        heir = self.env["res.partner"].create(
            {"name": "Heir", "parent_id": self.other_customer.id, "email": "heir@example.com"}
        )
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (self.contact | heir).ids, heir, extra_checks=False
        )
        self.env.invalidate_all()
        self.assertEqual(self.account.partner_id, heir)
        self.assertEqual(self.account.commercial_partner_id, self.customer)
        self.assertTrue(self.account.customer_hint)
        self.assertEqual(self.seen(self.user, "trtc.statement"), self.statement | self.covered)
        self.assertEqual(self.seen(self.stranger, "trtc.statement"), self.other_statement)

    def test_merged_customers_lose_their_statements(self):
        """Two records of one company become one: all that either had is its."""
        twin = self.env["res.partner"].create({"name": "Twin", "is_company": True})
        user = self.make_portal_user(twin)
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (self.customer | twin).ids, twin, extra_checks=False
        )
        self.env.invalidate_all()
        self.assertEqual(self.account.commercial_partner_id, twin)
        self.assertEqual(self.seen(user, "trtc.statement"), self.statement | self.covered)
