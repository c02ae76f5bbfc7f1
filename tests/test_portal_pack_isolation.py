from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import JsonRpcException, tagged
from odoo.tools import mute_logger

from odoo.addons.portal.controllers.portal import CustomerPortal

from .test_portal_packs import PACKS, STATEMENTS, PackCase

STAFF_FIELDS = (
    "alert_percent",
    "alerted",
    "fee_id",
    "message_ids",
    "policy_id",
    "ratio_table_id",
    "subscription_id",
    "website_message_ids",
)


@tagged("post_install", "-at_install")
class TestPackIsolation(PackCase):
    def test_stranger_cannot_list_it(self):
        self.login(self.stranger)
        for query in (
            "",
            "?filterby=running",
            "?filterby=nonsense",
            "?sortby=minutes",
            "?kind=promo",
            "?kind=promo&filterby=running&sortby=ending",
        ):
            response = self.open(PACKS + query)
            self.assertEqual(response.status_code, 200)
            self.assertNotIn(self.pack.name, response.text, query)
            self.assertNotIn(self.account.name, response.text, query)
            self.assertIn(self.other_pack.name, response.text, query)

    def test_stranger_cannot_turn_the_page_to_it(self):
        self.login(self.stranger)
        with patch.object(CustomerPortal, "_items_per_page", 1):
            for page in (1, 2, 3):
                self.assertNotIn(self.pack.name, self.open(f"{PACKS}/page/{page}").text)

    def test_stranger_cannot_count_it(self):
        self.make_pack(self.account)
        self.login(self.stranger)
        self.assertEqual(self.get_counter(), 1)

    def test_stranger_cannot_open_or_download_it(self):
        token = self.other_statement._portal_ensure_token()
        self.login(self.stranger)
        for tail in ("", "/page/2", "?sortby=oldest", "/ledger.csv"):
            for number in (self.pack.id, 0, 99999999):
                self.assert_refused(f"{PACKS}/{number}{tail}")
        for wrong in (token, "", "False", "None", "0"):
            self.assert_refused(f"{PACKS}/{self.pack.id}?access_token={wrong}")
            self.assert_refused(f"{PACKS}/{self.pack.id}/ledger.csv?access_token={wrong}")

    def test_visitor_is_asked_to_log_in(self):
        self.login(self.env["res.users"])
        for tail in ("", f"/{self.pack.id}", f"/{self.pack.id}/ledger.csv"):
            response = self.open(PACKS + tail)
            self.assertIn("/web/login", response.headers["Location"], tail)

    @mute_logger("odoo.http")
    def test_stranger_cannot_read_it_by_rpc(self):
        self.login(self.stranger)
        for model, record in (
            ("trtc.minute.pack", self.pack),
            ("trtc.pack.draw", self.pack.draw_ids),
        ):
            self.assertEqual(self.call(model, "search", [("id", "in", record.ids)]), [])
            self.assertEqual(self.call(model, "search_count", []), 1)
            with self.assertRaises(JsonRpcException):
                self.call(model, "read", record.ids, ["display_name"])
        for method in ("_get_ledger", "_get_balances"):
            with self.assertRaises(JsonRpcException):
                self.call("trtc.minute.pack", method, self.pack.ids)

    def test_sums_do_not_leak_what_rows_do_not_show(self):
        packs = self.env["trtc.minute.pack"].with_user(self.stranger)
        self.make_pack(self.account, minutes=7)
        [(total,)] = packs._read_group([], [], ["minutes:sum"])
        self.assertEqual(total, 1000)
        draws = self.env["trtc.pack.draw"].with_user(self.stranger)
        [(total,)] = draws._read_group([], [], ["minutes:sum"])
        self.assertEqual(total, 100)

    def test_pack_of_another_company_stays_closed(self):
        """The customer of two companies has a portal user of one of them."""
        company = self.env["res.company"].create({"name": "Another company"})
        self.env.user.company_ids |= company
        env = self.env(context={"allowed_company_ids": [company.id]})
        account = self.make_account(company_id=company.id).with_env(env)
        pack = self.make_pack(account, name="Elsewhere")
        self.login(self.user)
        self.assertNotIn(pack.name, self.open().text)
        self.assertEqual(self.get_counter(), 1)
        self.assert_refused(f"{PACKS}/{pack.id}")
        self.assert_refused(f"{PACKS}/{pack.id}/ledger.csv")

    def test_employee_without_rights_is_sent_home(self):
        self.login(self.make_user("employee"))
        for tail in ("", f"/{self.pack.id}", f"/{self.pack.id}/ledger.csv"):
            self.assert_refused(PACKS + tail)
        self.assertEqual(self.get_counter(), 0)

    def test_who_reads_all_packs_does_not_find_them_among_the_own(self):
        """The list under /my is that of the own company, also for a reader of all."""
        self.login(self.make_user("reader"))
        self.assertNotIn(self.pack.name, self.open().text)
        self.assertEqual(self.get_counter(), 0)
        self.assertIn(self.pack.name, self.open(f"{PACKS}/{self.pack.id}").text)

    def test_token_of_a_statement_opens_no_pack(self):
        """A link to one day's statement would give away every minute of the year."""
        token = self.drawn._portal_ensure_token()
        for user in (self.env["res.users"], self.stranger):
            self.login(user)
            response = self.open(f"{STATEMENTS}/{self.drawn.id}?access_token={token}")
            self.assertEqual(response.status_code, 200)
            self.assertIn("the pack &#34;Own present&#34;", response.text_in_one)
            self.assertNotIn(f"{PACKS}/", response.text)

    def test_customer_cannot_ask_what_staff_set(self):
        """A search by the alert or the fee answers what no page shows."""
        packs = self.env["trtc.minute.pack"].with_user(self.user)
        for field in STAFF_FIELDS:
            with self.subTest(field=field):
                with self.assertRaises(AccessError):
                    packs.search([(field, "!=", False)])
                with self.assertRaises(AccessError):
                    packs.browse(self.pack.id).read([field])
                with self.assertRaises(AccessError):
                    packs._read_group([], [field])
                if packs._fields[field].store:
                    with self.assertRaises(AccessError):
                        packs.search([], order=field)
        draws = self.env["trtc.pack.draw"].with_user(self.user)
        for path in ("pack_id.fee_id", "pack_id.alert_percent", "pack_id.message_ids.body"):
            with self.subTest(path=path), self.assertRaises(AccessError):
                draws.search([(path, "!=", False)])

    def test_customer_reads_the_own_ledger_by_rpc(self):
        pack = self.env["trtc.minute.pack"].with_user(self.user).search([])
        self.assertEqual(pack, self.pack)
        shown = ["name", "kind", "minutes", "minutes_drawn", "minutes_left", "percent_left"]
        [values] = pack.read([*shown, "date_start", "date_end", "state", "draw_count"])
        self.assertEqual((values["minutes_left"], values["state"]), (900, "running"))
        [draw] = pack.draw_ids.read(["date", "item_id", "application_id", "units", "minutes"])
        self.assertEqual((draw["units"], draw["minutes"]), (100, 100))

    def test_customer_cannot_change_anything(self):
        for record in (self.pack, self.pack.draw_ids):
            for operation in ("write", "create", "unlink"):
                with self.assertRaises(AccessError):
                    record.with_user(self.user).check_access(operation)
