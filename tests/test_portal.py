from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import HttpCase, JsonRpcException, tagged
from odoo.tools import mute_logger

from odoo.addons.portal.controllers.portal import CustomerPortal

from .common import TrtcCommon

LIST = "/my/trtc/statements"


class PortalCase(TrtcCommon, HttpCase):
    """Two customers with one settled day each, and portal users of both."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.statement = cls.make_statement(cls.application, "2024-10-01")
        cls.user = cls.make_portal_user(cls.customer)
        cls.other_customer = cls.env["res.partner"].create(
            {"name": "Stranger Ltd.", "is_company": True}
        )
        cls.other_account = cls.make_account(partner_id=cls.other_customer.id)
        cls.other_application = cls.make_application(cls.other_account)
        cls.other_statement = cls.make_statement(cls.other_application, "2024-10-02")
        cls.stranger = cls.make_portal_user(cls.other_customer)

    @classmethod
    def make_statement(cls, application, day, quantity=61):
        cls.usage("av_hd", quantity, day, application)
        return cls.settle(day, application.account_id)

    @classmethod
    def make_portal_user(cls, customer):
        contact = cls.env["res.partner"].create(
            {"name": "Contact", "parent_id": customer.id, "email": "contact@example.com"}
        )
        return cls.make_user("portal", partner_id=contact.id)

    def login(self, user):
        self.authenticate(user.login, f"{user.login}-password" if user else None)

    def open(self, url=LIST):
        response = self.url_open(url, allow_redirects=False)
        response.text_in_one = " ".join(response.text.split())
        return response

    def assert_refused(self, url):
        """Check that an address leads back home and shows nothing of the statement."""
        response = self.open(url)
        self.assertEqual(response.status_code, 303, url)
        self.assertEqual(response.headers["Location"].rstrip("/").rsplit("/", 1)[-1], "my")
        self.assertNotIn(self.statement.name, response.text)

    def get_counter(self):
        params = {"counters": ["trtc_statement_count"]}
        return self.make_jsonrpc_request("/my/counters", params)["trtc_statement_count"]


@tagged("post_install", "-at_install")
class TestIsolation(PortalCase):
    def test_stranger_cannot_list_it(self):
        self.login(self.stranger)
        for query in (
            "",
            "?filterby=open",
            "?filterby=nonsense",
            "?sortby=amount",
            "?month=2024-10",
            "?date_begin=2024-10-01&date_end=2024-10-01",
        ):
            response = self.open(LIST + query)
            self.assertEqual(response.status_code, 200)
            self.assertNotIn(self.statement.name, response.text, query)
            self.assertNotIn(self.account.name, response.text, query)
        self.assertIn(self.other_statement.name, self.open().text)

    def test_stranger_cannot_turn_the_page_to_it(self):
        with patch.object(CustomerPortal, "_items_per_page", 1):
            self.login(self.stranger)
            for page in (1, 2, 3):
                response = self.open(f"{LIST}/page/{page}")
                self.assertNotIn(self.statement.name, response.text)

    def test_stranger_cannot_count_it(self):
        self.make_statement(self.application, "2024-10-03")
        self.login(self.stranger)
        self.assertEqual(self.get_counter(), 1)

    def test_stranger_cannot_open_it_by_id(self):
        self.login(self.stranger)
        self.assert_refused(f"{LIST}/{self.statement.id}")

    def test_stranger_cannot_open_it_by_a_wrong_token(self):
        self.statement._portal_ensure_token()
        token = self.other_statement._portal_ensure_token()
        self.login(self.stranger)
        for wrong in (token, "", "False", "None", "0"):
            self.assert_refused(f"{LIST}/{self.statement.id}?access_token={wrong}")

    def test_stranger_cannot_open_it_while_it_has_no_token(self):
        self.assertFalse(self.statement.access_token)
        self.login(self.stranger)
        for wrong in ("", "False", "None"):
            self.assert_refused(f"{LIST}/{self.statement.id}?access_token={wrong}")

    def test_stranger_cannot_download_it(self):
        self.login(self.stranger)
        for kind in ("pdf", "html", "text"):
            self.assert_refused(f"{LIST}/{self.statement.id}?report_type={kind}&download=true")

    @mute_logger("odoo.http")
    def test_stranger_cannot_print_it_by_the_report_route(self):
        self.login(self.stranger)
        name = "trtc_billing.report_statement"
        response = self.open(f"/report/html/{name}/{self.statement.id}")
        self.assertNotIn(self.account.uin, response.text)
        self.assertNotEqual(response.status_code, 200)

    @mute_logger("odoo.http")
    def test_stranger_cannot_read_it_by_rpc(self):
        self.login(self.stranger)
        for model, record in (
            ("trtc.statement", self.statement),
            ("trtc.statement.line", self.statement.line_ids),
            ("trtc.account", self.account),
            ("trtc.application", self.application),
        ):
            call = {"model": model, "kwargs": {}}
            found = self.make_jsonrpc_request(
                f"/web/dataset/call_kw/{model}/search",
                {**call, "method": "search", "args": [[("id", "=", record.id)]]},
            )
            self.assertEqual(found, [], model)
            with self.assertRaises(JsonRpcException):
                self.make_jsonrpc_request(
                    f"/web/dataset/call_kw/{model}/read",
                    {**call, "method": "read", "args": [record.ids, ["display_name"]]},
                )

    def test_customer_reads_ids_of_rules(self):
        line = self.statement.line_ids
        self.assertTrue(line.trace)
        shown = line.with_user(self.user)
        with self.assertRaises(AccessError):
            shown.read(["trace"])
        self.assertNotIn("trace", shown.fields_get())
        shown.env.invalidate_all()
        self.assertIn("Billed", shown.explanation)

    def test_customer_reads_what_is_decided_about_invoices(self):
        """Only staff needs to know; annex and pages show none of it."""
        for model, names in (
            ("account.move", ["trtc_hold", "trtc_hold_reason", "trtc_reopens"]),
            ("account.move.line", ["trtc_distribution"]),
            (
                "trtc.account",
                [
                    "auto_send",
                    "auto_post",
                    "invoice_journal_id",
                    "payment_term_id",
                    "invoice_grouping",
                    "invoice_date_rule",
                    "invoice_sections",
                ],
            ),
        ):
            records = self.env[model].with_user(self.user)
            shown = records.fields_get()
            for name in names:
                with self.subTest(model=model, name=name):
                    self.assertNotIn(name, shown)
                    with self.assertRaises(AccessError):
                        records.search_read([], [name])
        account = self.account.with_user(self.user)
        self.assertTrue(account.name)
        with self.assertRaises(AccessError):
            account.read(["auto_post"])

    def test_visitor_needs_the_token(self):
        self.statement._portal_ensure_token()
        self.login(self.env["res.users"])
        self.assert_refused(f"{LIST}/{self.statement.id}")
        self.assert_refused(f"{LIST}/{self.statement.id}?access_token=wrong")
        self.assertIn("/web/login", self.open().headers["Location"])

    def test_bill_of_another_company_stays_closed(self):
        """The customer of two companies has a portal user of one of them."""
        company = self.env["res.company"].create({"name": "Another company"})
        self.env.user.company_ids |= company
        env = self.env(context={"allowed_company_ids": [company.id]})
        account = self.make_account(company_id=company.id).with_env(env)
        application = self.make_application(account)
        self.ingest(self.record("av_hd", 61, "2024-10-05", application), env=env)
        statement = account.settle("2024-10-05")
        self.assertTrue(statement)
        self.login(self.user)
        self.assertNotIn(statement.name, self.open().text)
        self.assert_refused(f"{LIST}/{statement.id}")

    def test_token_of_a_bill_does_not_open_its_invoice(self):
        """A link to one day's statement would give away the bill of the month."""
        move = self.invoice("2024-10-31", self.account)
        move.action_post()
        token = self.statement._portal_ensure_token()
        self.login(self.env["res.users"])
        response = self.open(f"{LIST}/{self.statement.id}?access_token={token}")
        self.assertIn(move.name, response.text)
        self.assertNotIn(f"/my/invoices/{move.id}", response.text)
        self.assertNotIn("/page/", response.text)

    def test_draft_invoice_is_not_shown(self):
        """What the accountant may still change is not yet a bill."""
        move = self.invoice("2024-10-31", self.account)
        move.name = "DRAFT/0815"
        self.login(self.user)
        for url in (LIST, f"{LIST}/{self.statement.id}"):
            response = self.open(url)
            self.assertNotIn(move.name, response.text)
            self.assertIn("Not invoiced yet", response.text)

    def test_employee_without_rights_is_sent_home(self):
        user = self.make_user("employee")
        self.login(user)
        self.assert_refused(LIST)
        self.assert_refused(f"{LIST}/{self.statement.id}")
        self.assertEqual(self.get_counter(), 0)


@tagged("post_install", "-at_install")
class TestPortal(PortalCase):
    def test_customer_finds_the_own_bill(self):
        self.login(self.user)
        self.assertEqual(self.get_counter(), 1)
        self.assertIn("Your TRTC bills", self.open("/my/home").text)
        page = self.open()
        self.assertIn(self.statement.name, page.text)
        self.assertNotIn(self.other_statement.name, page.text)
        page = self.open(f"{LIST}/{self.statement.id}")
        self.assertEqual(page.status_code, 200)
        self.assertIn(self.statement.line_ids.explanation, page.text_in_one)
        self.assertIn("0.00399", page.text)
        self.assertIn("0.00798", page.text)
        self.assertIn("61", page.text)

    def test_colleague_finds_it_too(self):
        self.login(self.make_portal_user(self.customer))
        self.assertIn(self.statement.name, self.open().text)
        self.assertEqual(self.open(f"{LIST}/{self.statement.id}").status_code, 200)

    def test_token_opens_page_and_download_without_login(self):
        token = self.statement._portal_ensure_token()
        self.login(self.env["res.users"])
        url = f"{LIST}/{self.statement.id}?access_token={token}"
        page = self.open(url)
        self.assertEqual(page.status_code, 200)
        self.assertIn(self.statement.name, page.text)
        self.assertIn(f"access_token={token}", page.text)
        download = self.open(f"{url}&report_type=pdf&download=true")
        self.assertEqual(download.status_code, 200)
        self.assertEqual(download.headers["Content-Type"], "application/pdf")
        self.assertIn("attachment", download.headers["Content-Disposition"])

    def test_download_needs_no_token_after_login(self):
        self.login(self.user)
        download = self.open(f"{LIST}/{self.statement.id}?report_type=pdf&download=true")
        self.assertEqual(download.status_code, 200)
        self.assertFalse(self.statement.access_token)

    def test_bill_outlives_its_account(self):
        """Archiving account and application must not take paid bills away."""
        self.account.active = False
        self.application.active = False
        self.login(self.user)
        self.assertIn(self.account.name, self.open().text)
        page = self.open(f"{LIST}/{self.statement.id}")
        self.assertIn(self.application.name, page.text)

    def test_customer_without_bills_is_told_so(self):
        partner = self.env["res.partner"].create({"name": "New", "is_company": True})
        self.login(self.make_portal_user(partner))
        self.assertEqual(self.get_counter(), 0)
        page = self.open()
        self.assertEqual(page.status_code, 200)
        self.assertIn("There are no TRTC bills for you yet", page.text_in_one)

    def test_nonsense_in_the_address_is_no_error(self):
        self.login(self.user)
        for query in (
            "?sortby=nonsense",
            "?filterby=nonsense",
            "?month=2024-13",
            "?month=nonsense",
            "?date_begin=nonsense&date_end=2024-99-99",
            "?date_begin=0001-01-01&date_end=9999-12-31",
            "/page/99",
            "/page/0",
        ):
            page = self.open(LIST + query)
            self.assertEqual(page.status_code, 200, query)
            self.assertIn(self.statement.name, page.text, query)
        for number in (0, 99999999):
            self.assert_refused(f"{LIST}/{number}")

    def test_filters_find_what_they_name(self):
        november = self.make_statement(self.application, "2024-11-05")
        self.invoice("2024-10-31", self.account).action_post()
        self.login(self.user)
        for query, found, other in (
            ("?month=2024-10", self.statement, november),
            ("?month=2024-11", november, self.statement),
            ("?date_begin=2024-11-01", november, self.statement),
            ("?date_end=2024-10-31", self.statement, november),
            ("?filterby=posted", self.statement, november),
            ("?filterby=open", november, self.statement),
        ):
            text = self.open(LIST + query).text
            self.assertIn(found.name, text, query)
            self.assertNotIn(f">{other.name}<", text, query)
        for query in ("?filterby=paid", "?filterby=adjustments", "?filterby=pending"):
            text = self.open(LIST + query).text_in_one
            self.assertIn("Nothing matches these filters", text, query)

    def test_pager_shows_each_bill_once(self):
        days = ("2024-10-03", "2024-10-04", "2024-10-05", "2024-10-06")
        names = {self.make_statement(self.application, day).name for day in days}
        names.add(self.statement.name)
        self.login(self.user)
        for order in ("newest", "oldest", "name", "amount"):
            with patch.object(CustomerPortal, "_items_per_page", 2):
                pages = [
                    self.open(f"{LIST}/page/{page}?sortby={order}").text for page in (1, 2, 3)
                ]
            found = [name for page in pages for name in names if f">{name}<" in page]
            self.assertCountEqual(found, names, order)

    def test_invoice_and_payment_state_are_shown(self):
        move = self.invoice("2024-10-31", self.account)
        move.action_post()
        self.login(self.user)
        for url in (LIST, f"{LIST}/{self.statement.id}"):
            page = self.open(url)
            self.assertIn(move.name, page.text)
            self.assertIn(f'href="/my/invoices/{move.id}"', page.text)
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=move.ids
        )
        register.create({})._create_payments()
        label = "Paid" if move.payment_state == "paid" else "Processing Payment"
        self.assertIn(label, self.open(f"{LIST}/{self.statement.id}").text)
        self.assertEqual(self.open(f"/my/invoices/{move.id}").status_code, 200)

    def test_usage_under_review_is_said_to_be(self):
        self.usage("screenshot_terminal", 22000, "2024-10-07")
        statement = self.settle("2024-10-31", self.account).filtered(
            lambda statement: statement.cycle == "month"
        )
        self.login(self.user)
        page = self.open(f"{LIST}/{statement.id}")
        self.assertIn("A part of this usage is under review", page.text_in_one)
        self.assertIn("October 2024", page.text)

    def test_statement_leads_to_its_adjustment(self):
        self.usage("av_hd", 600, "2024-10-01")
        [adjustment] = self.settle("2024-10-01", self.account)
        self.login(self.user)
        page = self.open(f"{LIST}/{self.statement.id}")
        self.assertIn(f'href="{LIST}/{adjustment.id}"', page.text)
        self.assertIn("corrects periods that were settled before", self.open(
            f"{LIST}/{adjustment.id}"
        ).text_in_one)

    def test_figures_come_in_the_readers_format(self):
        self.env["res.lang"]._activate_lang("de_DE")
        statement = self.make_statement(self.application, "2024-10-08", 7200000)
        self.user.lang = "de_DE"
        self.login(self.user)
        # The address gets the language in front.
        page = self.url_open(f"{LIST}/{statement.id}")
        self.assertIn(">0,00399<", page.text)
        self.assertIn(">7.200.000<", page.text)
        self.assertIn("478,80", page.text)

    def test_queries_do_not_grow_with_the_list(self):
        """A query per row makes the list of a customer of years slow."""

        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(self.open().status_code, 200)
            return self.env.cr.sql_log_count - before

        self.make_statement(self.application, "2024-10-03")
        self.invoice("2024-10-31", self.account).action_post()
        self.login(self.user)
        count()
        small = count()
        for day in range(1, 11):
            self.make_statement(self.application, f"2024-11-{day:02}")
        self.invoice("2024-11-30", self.account).action_post()
        count()
        self.assertLessEqual(count(), small)
