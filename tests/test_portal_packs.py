import csv
import io
from unittest.mock import Mock, patch

from odoo.tests import tagged

from odoo.addons.portal.controllers.portal import CustomerPortal

from ..controllers.portal_packs import TrtcPackPortal
from .test_portal import PortalCase

PACKS = "/my/trtc/packs"
STATEMENTS = "/my/trtc/statements"


class PackCase(PortalCase):
    """Two customers with one pack each, of which a day of usage drew."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pack = cls.make_pack(cls.account, name="Own present")
        cls.other_pack = cls.make_pack(cls.other_account, name="Alien present")
        for application in (cls.application, cls.other_application):
            cls.usage("av_audio", 100, "2024-10-07", application, unit="min")
            cls.settle("2024-10-07", application.account_id)
        cls.drawn = cls.lines(item="av_audio").statement_id

    @classmethod
    def make_pack(cls, account, **vals):
        return cls.env["trtc.minute.pack"].create(
            {
                "name": "Pack",
                "account_id": account.id,
                "kind": "promo",
                "minutes": 1000,
                "date_start": "2024-10-05",
                "date_end": "2099-12-31",
                **vals,
            }
        )

    def open(self, url=PACKS):
        return super().open(url)

    def assert_refused(self, url):
        response = self.open(url)
        self.assertEqual(response.status_code, 303, url)
        self.assertEqual(response.headers["Location"].rstrip("/").rsplit("/", 1)[-1], "my")
        self.assertNotIn(self.pack.name, response.text)

    def get_counter(self):
        params = {"counters": ["trtc_pack_count"]}
        return self.make_jsonrpc_request("/my/counters", params)["trtc_pack_count"]

    def call(self, model, method, *args, **kwargs):
        return self.make_jsonrpc_request(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def read_csv(self, pack):
        response = self.open(f"{PACKS}/{pack.id}/ledger.csv")
        self.assertEqual(response.status_code, 200)
        return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


@tagged("post_install", "-at_install")
class TestPortalPacks(PackCase):
    def test_customer_finds_the_own_minutes(self):
        self.login(self.user)
        self.assertEqual(self.get_counter(), 1)
        self.assertIn("Your TRTC minutes", self.open("/my/home").text)
        page = self.open()
        self.assertIn(self.pack.name, page.text)
        self.assertIn(f'href="{PACKS}/{self.pack.id}"', page.text)
        page = self.open(f"{PACKS}/{self.pack.id}")
        self.assertIn("900 left", page.text_in_one)
        self.assertIn(f'href="{STATEMENTS}/{self.drawn.id}"', page.text)
        self.assertIn(self.application.name, page.text)

    def test_what_staff_note_is_not_shown(self):
        self.pack.message_post(body="Secret: give no discount")
        self.pack.alert_percent = 95
        self.pack._check_balance()
        self.assertTrue(self.pack.alerted)
        self.login(self.user)
        for url in (PACKS, f"{PACKS}/{self.pack.id}"):
            text = self.open(url).text
            self.assertNotIn("Secret", text)
            self.assertNotIn("minutes are left", text)

    def test_customer_without_minutes_is_told_so(self):
        partner = self.env["res.partner"].create({"name": "New", "is_company": True})
        self.login(self.make_portal_user(partner))
        self.assertEqual(self.get_counter(), 0)
        self.assertIn("You have no free or prepaid minutes yet", self.open().text_in_one)

    def test_pack_without_usage_is_said_to_be_so(self):
        pack = self.make_pack(self.account, date_start="2024-11-01")
        self.login(self.user)
        page = self.open(f"{PACKS}/{pack.id}")
        self.assertIn("No usage has drawn from these minutes yet", page.text_in_one)
        self.assertNotIn("Download CSV", page.text)
        self.assertEqual(self.read_csv(pack), [])

    def test_nonsense_in_the_address_is_no_error(self):
        self.login(self.user)
        for query in (
            "?sortby=nonsense", "?filterby=nonsense", "?kind=nonsense", "?kind=prepaid",
            "/page/99", "/page/0",
        ):  # fmt: skip
            page = self.open(PACKS + query)
            self.assertEqual(page.status_code, 200, query)
            self.assertIn(self.pack.name, page.text, query)
        for tail in ("?sortby=nonsense", "/page/99", "/page/0"):
            page = self.open(f"{PACKS}/{self.pack.id}{tail}")
            self.assertIn(self.drawn.name, page.text, tail)

    def test_filters_find_what_they_name(self):
        self.pack.active = False
        packs = {
            "running": self.make_pack(self.account, name="Running"),
            "future": self.make_pack(self.account, name="Future", date_start="2099-01-01"),
            "used": self.make_pack(self.account, name="Emptied", minutes=0),
            "expired": self.make_pack(self.account, name="Past", date_end="2024-10-06"),
            "refunded": self.make_pack(self.account, name="Returned"),
        }
        packs["running"].kind = "prepaid"
        packs["refunded"].sudo()._withdraw()
        self.login(self.user)
        for state, pack in packs.items():
            text = self.open(f"{PACKS}?filterby={state}").text
            found = [other.name for other in packs.values() if f">{other.name}<" in text]
            self.assertEqual(found, [pack.name], state)
        text = self.open(f"{PACKS}?kind=prepaid").text
        self.assertIn(">Running<", text)
        self.assertNotIn(">Future<", text)
        text = self.open(f"{PACKS}?kind=prepaid&filterby=expired").text_in_one
        self.assertIn("Nothing matches these filters", text)

    def test_pager_shows_each_pack_once(self):
        names = {self.pack.name, "Pack A", "Pack B", "Pack C", "Pack D"}
        for name in sorted(names - {self.pack.name}):
            self.make_pack(self.account, name=name)
        self.login(self.user)
        for order in ("newest", "ending", "name", "minutes"):
            with patch.object(CustomerPortal, "_items_per_page", 2):
                pages = [
                    self.open(f"{PACKS}/page/{page}?sortby={order}").text for page in (1, 2, 3)
                ]
            found = [name for page in pages for name in names if f">{name}<" in page]
            self.assertCountEqual(found, names, order)

    def test_pager_shows_each_row_of_a_ledger_once(self):
        names = {self.drawn.name}
        for day in ("2024-10-08", "2024-10-09", "2024-10-10", "2024-10-11"):
            self.usage("av_audio", 10, day, unit="min")
            names.add(self.settle(day, self.account).name)
        self.login(self.user)
        for query in ("", "?sortby=oldest"):
            with patch.object(TrtcPackPortal, "_trtc_ledger_rows_per_page", 2):
                pages = [
                    self.open(f"{PACKS}/{self.pack.id}/page/{page}{query}").text
                    for page in (1, 2, 3)
                ]
            found = [name for page in pages for name in names if f">{name}<" in page]
            self.assertCountEqual(found, names, query)
        self.assertEqual(len(self.read_csv(self.pack)), 5)

    def test_what_is_left_is_told_for_the_end_of_each_day(self):
        """A running balance in the order of the books goes below zero on the way."""
        self.usage("av_audio", 850, "2024-10-20", unit="min")
        self.settle("2024-10-20", self.account)
        self.usage("av_audio", 500, "2024-10-10", unit="min")
        self.usage("av_audio", 60, "2024-10-07", unit="min")
        self.settle("2024-10-20", self.account)
        ledger = self.pack._get_ledger(newest_first=False)
        self.assertEqual(
            [(row.draw.date.day, row.minutes, row.left) for row in ledger],
            [(7, 100, 840), (7, 60, 840), (10, 500, 340), (20, 850, 0), (20, -510, 0)],
        )
        self.assertEqual(ledger[::-1], self.pack._get_ledger())
        self.assertEqual(ledger[-1].left, self.pack.minutes_left)
        self.login(self.user)
        page = self.open(f"{PACKS}/{self.pack.id}")
        self.assertIn(">-510<", page.text)
        self.assertEqual(page.text.count(">840<"), 1)
        self.assertEqual(page.text.count(">Adjustment<"), 2)
        marked = [row for row in self.read_csv(self.pack) if row["Adjustment"]]
        self.assertEqual([row["Left at End of Day"] for row in marked], ["840", "0"])

    def test_figures_are_exact(self):
        """12,345,678.3 - 12,345,678 is 0.300000001 for who counts in binary."""
        self.pack.minutes = 12_345_678.3
        self.usage("av_audio", 12_345_578, "2024-10-08", unit="min")
        self.settle("2024-10-08", self.account)
        self.login(self.user)
        self.assertIn("0.3 left", self.open(f"{PACKS}/{self.pack.id}").text_in_one)
        self.assertIn(">0.3<", self.open().text)
        figures = [
            (row["Minutes Drawn"], row["Left at End of Day"]) for row in self.read_csv(self.pack)
        ]
        self.assertEqual(figures, [("100", "12345578.3"), ("12345578", "0.3")])

    def test_cells_of_the_download_are_no_formulas(self):
        """A name of =HYPERLINK(...) would run on the desk of the customer's accountant."""
        names = {
            '=HYPERLINK("https://e.example","x")': '\'=HYPERLINK("https://e.example","x")',
            "+1": "'+1",
            "-1": "'-1",
            "@sum": "'@sum",
            "＝1": "'＝1",
            "\u00a0=1": "'\u00a0=1",
            "\u200b-1": "'\u200b-1",
            # Where the desk splits at another sign, a cell would begin behind it.
            "\t=1": "'\t'=1",
            "a;=1+1;b": "a;'=1+1;b",
            'a,"+1"': 'a,\'"+1"',
        }
        for name, safe in names.items():
            self.application.name = name
            self.env.flush_all()
            self.login(self.user)
            [row] = self.read_csv(self.pack)
            self.assertEqual(row["Application"], safe)
            self.assertEqual((row["Item Code"], row["Minutes Drawn"]), ("av_audio", "100"))

    def test_numbers_of_the_download_stay_numbers_below_zero_too(self):
        """An apostrophe in front of a figure makes it a text that no sheet adds up."""
        with patch.object(type(self.pack), "_get_ledger", autospec=True) as get_ledger:
            draw = self.pack.draw_ids[:1].sudo()
            get_ledger.return_value = [Mock(draw=draw, units=-5.5, minutes=-7, left=-0.25)]
            self.login(self.user)
            [row] = self.read_csv(self.pack)
        figures = [row[name] for name in ("Units Covered", "Minutes Drawn", "Left at End of Day")]
        self.assertEqual(figures, ["-5.5", "-7", "-0.25"])

    def test_download_is_a_file(self):
        self.login(self.user)
        response = self.open(f"{PACKS}/{self.pack.id}/ledger.csv")
        self.assertIn("attachment", response.headers["Content-Disposition"])
        self.assertIn("trtc-minutes-2024-10-05-2099-12-31.csv", str(response.headers))
        self.assertTrue(response.headers["Content-Type"].startswith("text/csv"))

    def test_names_are_text_and_no_markup(self):
        self.pack.name = self.application.name = "<b>bold</b>"
        self.login(self.user)
        for url in (PACKS, f"{PACKS}/{self.pack.id}", f"{STATEMENTS}/{self.drawn.id}"):
            text = self.open(url).text
            self.assertNotIn("<b>bold", text, url)
            self.assertIn("&lt;b&gt;bold", text, url)

    def test_refunded_and_withdrawn_packs_say_so(self):
        self.pack.sudo()._withdraw()
        self.login(self.user)
        page = self.open(f"{PACKS}/{self.pack.id}")
        self.assertIn("These minutes were refunded", page.text_in_one)
        self.assertIn("100 used", page.text_in_one)
        self.pack.active = False
        self.assertNotIn(self.pack.name, self.open().text)
        self.assertIn("Withdrawn", self.open(f"{PACKS}/{self.pack.id}").text)

    def test_figures_come_in_the_readers_format(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.user.lang = "de_DE"
        self.pack.minutes = 1234567.5
        self.login(self.user)
        self.assertIn("1.234.467,5", self.url_open(f"{PACKS}/{self.pack.id}").text)

    def test_queries_do_not_grow_with_packs_and_rows(self):
        """A query per row makes the ledger of a busy customer slow."""

        def count(url):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(self.open(url).status_code, 200)
            return self.env.cr.sql_log_count - before

        urls = PACKS, f"{PACKS}/{self.pack.id}", f"{PACKS}/{self.pack.id}/ledger.csv"
        self.login(self.user)
        small = {url: count(url) and count(url) for url in urls}
        for day in range(10, 20):
            self.make_pack(self.account, name=f"Pack {day}")
            self.usage("av_audio", 10, f"2024-10-{day}", unit="min")
            self.usage("av_hd", 10, f"2024-10-{day}", unit="min")
        self.settle("2024-10-31", self.account)
        for url in urls:
            count(url)
            self.assertLessEqual(count(url), small[url], url)
