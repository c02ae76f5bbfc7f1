import unicodedata
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..rating import texts
from .common import TrtcCommon

DAY = "2024-10-07"
A1 = [
    {"item": "av_hd", "quantity": 60, "unit": "min"},
    {"item": "av_2k", "quantity": "240", "unit": "min"},
    {"item": "av_audio", "quantity": 3600},
]
SHEETS = [{"item": "screenshot_terminal", "quantity": 22000}]


@tagged("post_install", "-at_install")
class TestEstimate(TrtcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    def estimate(self, usages, on=DAY, user=None, **more):
        items = self.env["trtc.item"].with_user(user or self.env.user)
        return items.estimate(usages, on=on, **more)

    def assert_refused(self, pattern, *usages, **more):
        with self.assertRaisesRegex(UserError, pattern):
            self.estimate(*(usages or (A1,)), **more)

    # === FIGURES === #

    def test_the_published_example_is_estimated_as_it_is_billed(self):
        result = self.estimate(A1)
        self.assertEqual((result["amount_untaxed"], result["currency"]), (4.1364, "USD"))
        amounts = {line["item"]: line["amount"] for line in result["lines"]}
        self.assertEqual(amounts, {"av_hd": 0.2394, "av_2k": 3.8376, "av_audio": 0.0594})

    def test_screenshots_are_rounded_up_and_ten_thousand_are_free(self):
        result = self.estimate(SHEETS)
        self.assertEqual(result["amount_untaxed"], 0.36)
        (line,) = result["lines"]
        self.assertEqual(line["status"], "billable")
        self.assertEqual(
            (line["quantity"], line["free_quantity"], line["billable_quantity"]), (22, 10, 12)
        )
        self.assertEqual(line["price_unit"], 0.03)

    def test_what_the_edition_does_not_unlock_is_not_promised_a_price(self):
        result = self.estimate(SHEETS, edition="pro")
        self.assertEqual(result["amount_untaxed"], 0)
        self.assertEqual(result["lines"][0]["status"], "locked")
        self.assertEqual(self.estimate(SHEETS, edition="flagship")["amount_untaxed"], 0.36)

    def test_no_usage_costs_nothing(self):
        result = self.estimate([])
        self.assertEqual((result["lines"], result["amount_untaxed"]), ([], 0))

    def test_nothing_is_stored(self):
        before = (
            self.env["trtc.usage"].search_count([]),
            self.env["trtc.statement"].search_count([]),
        )
        self.estimate(A1)
        after = self.env["trtc.usage"].search_count([]), self.env["trtc.statement"].search_count([])
        self.assertEqual(before, after)

    # === ARGUMENTS === #

    def test_a_long_estimate_takes_as_many_queries_as_a_short_one(self):
        def count_queries(entries):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.estimate(entries)
            return self.env.cr.sql_log_count - before

        count_queries(A1)
        self.assertEqual(count_queries(A1), count_queries(A1 * 100))

    def test_an_endless_list_is_refused_before_it_is_read(self):
        self.assertTrue(self.estimate(A1[:1] * 500)["lines"])
        self.assert_refused("at most 500 entries, not 501", A1[:1] * 501)

    def test_usages_that_are_no_list_are_refused_with_a_sentence(self):
        for usages in (None, {"item": "av_hd"}, "av_hd", 7):
            self.assert_refused("usages must be a list", usages)

    def test_a_day_that_is_none_is_refused_with_a_sentence(self):
        for on in ("tomorrow", "2024-13-01", "2024-10-01 x", 20241001, ["2024-10-01"], {}, True):
            self.assert_refused("^on must be a date like", on=on)
        self.assert_refused("^on must lie between", on="1024-10-01")
        self.assertTrue(self.estimate(A1, on=None)["lines"])

    def test_a_pricelist_that_is_none_is_refused_with_a_sentence(self):
        for wrong in ("one", "1", -1, 1.5, True, [1], {}, 2**31, 10**30, 2**31 - 1):
            self.assert_refused("There is no pricelist", pricelist_id=wrong)

    def test_an_edition_that_is_none_is_refused_with_a_sentence(self):
        self.assert_refused("no edition with the code gold", edition="gold")
        for edition in (["pro"], {"code": "pro"}, 1.5, True):
            self.assert_refused("edition must be text", edition=edition)
        self.assert_refused("edition contains a control character", edition="\x00")

    def test_a_heap_of_accents_costs_a_customer_nothing(self):
        """One argument of 40,000 accents kept a worker busy for seconds, ten times as many
        for minutes."""
        heap = "a" + "\u0315" * 20_000 + "\u0300" * 20_000
        marks = "a" + "\u0315\u0300" * 40
        with patch.object(texts, "unicodedata", wraps=unicodedata) as watched:
            for text, sentence in ((heap, "longer than 256"), (marks, "more than 30 accents")):
                for usages, more in (
                    ([], {"edition": text}),
                    ([{"item": text, "quantity": 1}], {}),
                    ([{"item": "av_hd", "quantity": 1, "unit": text}], {}),
                ):
                    self.assert_refused(sentence, usages, user=self.user_portal, **more)
                with self.assertRaisesRegex(UserError, sentence):
                    self.env["trtc.usage"].with_user(self.user_api_sender).ingest([], text)
                with self.assertRaisesRegex(UserError, "no feature"):
                    self.application.with_user(self.user_portal).is_unlocked(text)
        long = [call for call in watched.normalize.mock_calls if len(call.args[1]) > 30]
        self.assertFalse(long)

    def test_a_bad_entry_is_named_with_its_place(self):
        for change, sentence in (
            ({"unit": ["min"]}, "unit must be text"),
            ({"unit": {}}, "unit must be text"),
            ({"unit": True}, "unit must be text"),
            ({"unit": "parsec"}, "unit parsec is not known"),
            ({"unit": "sheet"}, "does not measure"),
            ({"item": "hologram"}, "billing item hologram is not known"),
            ({"item": ["av_hd"]}, "item must be text"),
            ({"quantity": None}, "quantity is missing"),
            ({"quantity": "1e12"}, "quantity is too large"),
            ({"quantity": -1}, "quantity cannot be negative"),
        ):
            with self.subTest(change=change):
                self.assert_refused(f"^Entry 1: .*{sentence}", [A1[0], {**A1[0], **change}])
        self.assert_refused("^Entry 0: .*must be an object", ["av_hd"])

    # === PRICELISTS === #

    def test_a_customer_does_not_read_the_prices_of_another(self):
        foreign = self.make_pricelist({"av_hd": "0.5"})
        own = self.make_pricelist({"av_hd": "0.25"})
        self.account.pricelist_id = own
        usages = [{"item": "av_hd", "quantity": 60}]
        with self.assertRaisesRegex(AccessError, "not yours"):
            self.estimate(usages, user=self.user_portal, pricelist_id=foreign.id)
        result = self.estimate(usages, user=self.user_portal, pricelist_id=own.id)
        today = self.estimate(usages, on=None, user=self.user_portal, pricelist_id=own.id)
        self.assertEqual(today, result)
        self.assertEqual(result["amount_untaxed"], 0.25)
        shipped = self.estimate(usages, user=self.user_portal, pricelist_id=self.pricelist_cny.id)
        self.assertEqual(shipped["currency"], "CNY")
        result = self.estimate(usages, user=self.user_manager, pricelist_id=foreign.id)
        self.assertEqual(result["amount_untaxed"], 0.5)
