import csv
import io
from decimal import Decimal
from unittest.mock import patch

from odoo.tests import tagged

from ..controllers.portal import TrtcPortal
from ..report import account_move_annex, trtc_statement_document, trtc_statement_pages
from .test_portal import LIST, PortalCase

ITEMS = ("av_audio", "av_hd", "slice_audio")


class LongCase(PortalCase):
    """A statement of many applications, of three lines each."""

    @classmethod
    def make_long(cls, applications, day="2024-10-09"):
        # An application of spreadsheet fame among them.
        made = [cls.application]
        made += [cls.make_application(name=f"App {n}") for n in range(applications - 1)]
        cls.ingest(
            *(
                cls.record(item, 61 + number, day, application)
                for number, application in enumerate(made)
                for item in ITEMS
            )
        )
        return cls.settle(day, cls.account)

    def count_lines(self, text):
        return text.count('class="o_trtc_line"')

    def read_lines(self, url):
        response = self.open(url)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Content-Type"], "text/csv; charset=utf-8")
        self.assertIn("attachment", response.headers["Content-Disposition"])
        self.assertTrue(response.content.startswith(b"\xef\xbb\xbf"))
        return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


@tagged("post_install", "-at_install")
class TestPages(LongCase):
    def test_a_page_shows_thousands_of_lines(self):
        statement = self.make_long(40)
        self.login(self.user)
        texts = []
        for page in (1, 2, 3, 99, 0):
            texts.append(self.open(f"{LIST}/{statement.id}/page/{page}").text_in_one)
        self.assertEqual([self.count_lines(text) for text in texts], [50, 50, 20, 20, 50])
        self.assertIn("Lines 51 to 100 of 120", texts[1])
        self.assertIn("All 120 lines", texts[2])
        self.assertIn("(continued)", texts[1])
        for text in texts:
            self.assertIn(f"{statement.amount_untaxed:.5f}".rstrip("0"), text)
        shown = [line for text in texts[:3] for line in statement.line_ids if
                 line.explanation in text]
        self.assertEqual(len(set(shown)), 120)

    def test_a_short_statement_has_pages(self):
        self.login(self.user)
        text = self.open(f"{LIST}/{self.statement.id}").text_in_one
        self.assertNotIn("o_trtc_summary", text)
        self.assertNotIn("Lines 1 to", text)
        self.assertEqual(self.count_lines(text), 1)

    def test_lines_are_left_out_or_told_twice(self):
        statement = self.make_long(25)
        document = [statement._get_document_values(20, offset) for offset in range(0, 80, 20)]
        lines = [line.id for one in document for line in one["lines"]]
        self.assertCountEqual(lines, statement.line_ids.ids)
        exact = statement.line_ids._get_exact_amounts()
        total = sum((amount for _q, _p, amount in exact.values()), Decimal(0))
        self.assertEqual(document[0]["total"], total)
        self.assertEqual(sum(one.amount for one in document[0]["sums"]), total)
        self.assertEqual(sum(one.count for one in document[0]["sums"]), 75)
        groups = {}
        for one in document:
            groups.update({group["application"]: group["amount"] for group in one["groups"]})
        self.assertEqual(sum(groups.values()), total)
        order = [group["application"].sdkappid for one in document for group in one["groups"]]
        self.assertEqual(order, sorted(order, key=lambda number: (len(number), number)))

    def test_a_longer_statement_costs_the_page_queries(self):
        """What is not shown is neither read nor explained."""
        few, many = self.make_long(25), self.make_long(100, "2024-10-10")
        self.login(self.user)
        counts, explained = [], []
        lines_class = self.env.registry["trtc.statement.line"]
        original = lines_class._get_sentences

        def counting(lines, *args):
            explained[-1] += 1
            return original(lines, *args)

        explained.append(0)
        self.open(f"{LIST}/{few.id}")
        with patch.object(lines_class, "_get_sentences", counting):
            for statement in (few, many):
                explained.append(0)
                self.env.invalidate_all()
                before = self.cr.sql_log_count
                self.open(f"{LIST}/{statement.id}")
                counts.append(self.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 3)
        self.assertEqual(explained[1:], [50, 50])

    def test_a_link_opens_all_pages_and_the_file(self):
        statement = self.make_long(20)
        token = statement._portal_ensure_token()
        self.login(self.env["res.users"])
        page = self.open(f"{LIST}/{statement.id}?access_token={token}")
        self.assertIn(f"/page/2?access_token={token}", page.text)
        self.assertIn(f"/lines.csv?access_token={token}", page.text)
        page = self.open(f"{LIST}/{statement.id}/page/2?access_token={token}")
        self.assertEqual(self.count_lines(page.text), 10)
        rows = self.read_lines(f"{LIST}/{statement.id}/lines.csv?access_token={token}")
        self.assertEqual(len(rows), 60)
        for wrong in ("", "?access_token=wrong"):
            self.assert_refused(f"{LIST}/{statement.id}/lines.csv{wrong}")
            self.assert_refused(f"{LIST}/{statement.id}/page/2{wrong}")

    def test_nonsense_in_the_address_is_an_error(self):
        self.login(self.user)
        for tail in (
            "?page=999999999",
            "?page=x",
            "?page=-1",
            "/page/999999999",
            "?report_type=nonsense",
            "?sortby=nonsense",
        ):
            response = self.open(f"{LIST}/{self.statement.id}{tail}")
            self.assertEqual(response.status_code, 200, tail)
            self.assertIn(self.statement.name, response.text, tail)
        for tail in ("?page=999999999", "?page=x", "?month=2024-10-01-01", "?date_end=%00"):
            self.assertEqual(self.open(LIST + tail).status_code, 200, tail)


@tagged("post_install", "-at_install")
class TestLinesFile(LongCase):
    def test_the_file_has_other_lines_than_the_statement(self):
        self.application.name = '=HYPERLINK("http://evil")'
        statement = self.make_long(3)
        self.login(self.user)
        rows = self.read_lines(f"{LIST}/{statement.id}/lines.csv")
        self.assertEqual(len(rows), 9)
        exact = statement.line_ids._get_exact_amounts()
        self.assertEqual(
            sum(Decimal(row["Amount"]) for row in rows),
            sum((amount for _q, _p, amount in exact.values()), Decimal(0)),
        )
        first = rows[0]
        self.assertEqual(first["Day"], "2024-10-09")
        self.assertEqual(first["Currency"], "USD")
        self.assertIn("'=HYPERLINK", {row["Application"][:11] for row in rows})

    def test_a_long_file_is_cut(self):
        """It is read in pieces; all of them arrive."""
        statement = self.make_long(10)
        rows = list(statement._iterate_lines(size=7))
        self.assertEqual(len(rows), 30)
        self.assertEqual(rows, list(statement._iterate_lines()))

    def test_a_stranger_downloads_the_lines(self):
        self.login(self.stranger)
        self.assert_refused(f"{LIST}/{self.statement.id}/lines.csv")


@tagged("post_install", "-at_install")
class TestPrintedSums(LongCase):
    def print(self, statement):
        html, _type = self.env["ir.actions.report"]._render_qweb_html(
            "trtc_billing.report_statement", statement.ids
        )
        return " ".join(html.decode().split())

    def limit(self, number):
        self.startPatcher(patch.object(trtc_statement_document, "PRINTED_LINES", number))
        for module in (trtc_statement_document, account_move_annex):
            self.startPatcher(patch.object(module, "PRINTED_SUMS", number))

    def test_a_pdf_lists_thousands_of_lines(self):
        statement = self.make_long(4)
        self.assertEqual(self.print(statement).count("o_trtc_explained"), 12)
        self.limit(11)
        # Each application and item has one line: what they come to is as long.
        text = self.print(statement)
        self.assertNotIn("o_trtc_explained", text)
        self.assertIn("This statement has 12 lines", text)
        self.assertIn(f"{LIST}/{statement.id}", text)
        self.assertEqual(text.count("Recording") + text.count("licing"), text.count("licing"))
        self.assertNotIn(self.application.sdkappid, text)
        self.assertIn("All lines", text)

    def test_a_pdf_of_many_days_sums_up_less_than_it_could(self):
        for day in range(1, 5):
            self.usage("av_audio", 60, f"2024-09-0{day}")
        self.settle("2024-09-30")
        for day in range(1, 5):
            self.usage("av_audio", 600, f"2024-09-0{day}")
        adjustment = self.settle("2024-09-30")
        self.assertTrue(adjustment.is_adjustment)
        self.limit(3)
        text = self.print(adjustment)
        self.assertIn(self.application.sdkappid, text)
        self.assertIn("o_trtc_days", text)

    def test_an_annex_lists_thousands_of_applications(self):
        self.make_long(4)
        move = self.invoice("2024-10-31", self.account)
        whole = move._trtc_get_annex()
        self.assertFalse(whole["is_summary"])
        self.limit(5)
        annex = move._trtc_get_annex()
        self.assertTrue(annex["is_summary"])
        [group] = annex["usage"]
        self.assertFalse(group["application"])
        self.assertEqual(group["account"], self.account)
        self.assertEqual(len(group["rows"]), 3)
        for name in ("exact_total", "rounding", "changes", "other", "total"):
            self.assertEqual(annex[name], whole[name], name)
        html, _type = self.env["ir.actions.report"]._render_qweb_html(
            "account.account_invoices", move.ids
        )
        self.assertIn("too many applications to list them", " ".join(html.decode().split()))

    def test_an_annex_of_many_accounts_lists_them(self):
        accounts = self.account | self.make_account()
        accounts.invoice_grouping = "customer"
        self.make_application(accounts[1])
        for account in accounts:
            for item in ITEMS:
                self.usage(item, 600, "2024-10-12", account.application_ids[:1])
        move = self.invoice("2024-10-31", accounts)
        self.assertEqual(len(move), 1)
        self.limit(4)
        [group] = move._trtc_get_annex()["usage"]
        self.assertFalse(group["account"] or group["application"])
        self.limit(0)
        self.assertEqual(len(move._trtc_get_annex()["usage"]), 1)

    def test_an_adjustment_names_thousands_of_draws(self):
        self.make_pack(100000, "2024-09-01", "2024-12-31")
        for day in range(1, 5):
            self.usage("av_audio", 600, f"2024-09-0{day}")
        self.settle("2024-09-30")
        for day in range(1, 5):
            self.usage("av_audio", 60 * day, f"2024-09-0{day}")
        adjustment = self.settle("2024-09-30")
        [move] = adjustment._get_moves()
        self.assertEqual(len(move["draws"]), 4)
        self.startPatcher(patch.object(trtc_statement_pages, "MOVES_SHOWN", 3))
        [summed] = adjustment._get_moves()
        self.assertEqual(len(summed["draws"]), 1)
        self.assertEqual(summed["minutes"], move["minutes"])
        self.assertIn("All days", self.print(adjustment))
        self.login(self.user)
        self.assertIn("All days", self.open(f"{LIST}/{adjustment.id}").text)


@tagged("post_install", "-at_install")
class TestListSizes(LongCase):
    def test_a_step_of_pages_is_chosen_by_the_client(self):
        self.assertEqual(TrtcPortal._trtc_lines_per_page, 50)
        statement = self.make_long(20)
        self.login(self.user)
        for tail in ("?step=1000", "?limit=1000", "?_trtc_lines_per_page=1000"):
            text = self.open(f"{LIST}/{statement.id}{tail}").text
            self.assertEqual(self.count_lines(text), 50, tail)
