from datetime import date
from decimal import Decimal

from psycopg2.errors import UniqueViolation

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import TrtcCommon

DAY = date(2025, 10, 7)

#: {item code: USD per published unit}, DOMAIN.md 1.1, 1.5 and 5.1 to 5.5
PER_THOUSAND_MINUTES = {
    "av_audio": "0.99",
    "av_hd": "3.99",
    "av_fhd": "8.99",
    "av_2k": "15.99",
    "av_4k": "35.99",
    "live_audio": "0.50",
    "live_hd": "2.00",
    "live_fhd": "4.50",
    "live_2k": "8.00",
    "live_4k": "18.00",
    "rec_audio": "1.49",
    "rec_hd": "5.99",
    "rec_fhd": "13.49",
    "rec_2k": "23.99",
    "rec_4k": "53.99",
    "page_rec_hd": "14",
    "page_rec_fhd": "28",
    "mix_audio": "1.99",
    "mix_h264_hd": "5.99",
    "mix_h264_fhd": "13.99",
    "mix_h264_2k": "25.99",
    "mix_h264_4k": "69.99",
    "mix_h265_hd": "17.99",
    "mix_h265_fhd": "37.99",
    "mix_h265_2k": "69.99",
    "mix_h265_4k": "189.99",
    "relay_duration": "2.99",
}
PER_MINUTE = {
    "slice_audio": "0.00149",
    "slice_video": "0.00249",
    "ai_conversation": "0.01",
    "ai_stt": "0.02",
    "ai_translation": "0.016",
}
PER_MBPS = {"relay_bandwidth": "18.99"}
PER_THOUSAND_SHEETS = {"screenshot_terminal": "0.03"}
PER_THOUSAND_CHARS = {"ai_tts": "0.06"}

TIMED = {*PER_THOUSAND_MINUTES, *PER_MINUTE}
ALL = TIMED | {*PER_MBPS, *PER_THOUSAND_SHEETS, *PER_THOUSAND_CHARS}

#: CNY per 1,000 minutes that a readable Tencent page states, DOMAIN.md 1.2
VERIFIED_CNY = {"av_audio": "7.00", "av_hd": "28.00"}

EVERY_EDITION = {"calls", "cloud_recording", "mix_transcoding", "relay", "cloud_slicing"}


@tagged("post_install", "-at_install")
class TestCatalogue(TrtcCommon):
    def prices(self, pricelist):
        """Return {item code: steps of price per billing unit} on a day."""
        items = self.env["trtc.item"].search([])
        steps = pricelist._trtc_price_steps(items, DAY)
        return {item.code: [(s.start, s.price) for s in found] for item, found in steps.items()}

    def assert_rule(self, codes, usage_unit, unit, **rule):
        expected = {"usage": usage_unit, "billing": unit, **rule}
        for code in sorted(codes):
            item = self.item(code)
            found = {
                "usage": item.usage_uom_id.trtc_code,
                "billing": item.uom_id.trtc_code,
                **{name: item[name] for name in rule},
            }
            self.assertEqual(found, expected, code)

    # === Items === #

    def test_no_item_code_is_missing_or_misspelt(self):
        shipped = self.env["ir.model.data"].search(
            [("module", "=", "trtc_billing"), ("model", "=", "trtc.item")]
        )
        items = self.env["trtc.item"].browse(shipped.mapped("res_id"))
        self.assertEqual(set(items.mapped("code")), ALL)
        self.assertEqual(len(ALL), 35)
        self.assertTrue(all(items.mapped("active")))

    def test_durations_are_metered_in_seconds_per_application_and_day(self):
        self.assert_rule(
            TIMED,
            "s",
            "min",
            cycle="day",
            scope="application",
            aggregation="sum",
            block_size=60,
            free_quantity=0,
        )

    def test_screenshots_are_counted_in_thousands_with_ten_free_per_account(self):
        self.assert_rule(
            PER_THOUSAND_SHEETS,
            "sheet",
            "ksheet",
            cycle="month",
            scope="application",
            aggregation="sum",
            block_size=1000,
            free_quantity=10,
            free_scope="account",
        )

    def test_relay_bandwidth_is_the_peak_of_the_account_in_a_month(self):
        self.assert_rule(
            PER_MBPS,
            "kbps",
            "kbps",
            cycle="month",
            scope="account",
            aggregation="peak",
            block_size=1,
            free_quantity=0,
        )

    def test_speech_is_counted_in_characters_per_application_and_day(self):
        self.assert_rule(
            PER_THOUSAND_CHARS,
            "char",
            "char",
            cycle="day",
            scope="application",
            aggregation="sum",
            block_size=1,
        )

    def test_the_order_of_draw_down_is_the_order_of_the_document(self):
        items = self.env["trtc.item"].search([("code", "in", list(ALL))])
        codes = items.mapped("code")
        self.assertEqual(len(set(items.mapped("sequence"))), len(items), "two items tie")
        audio_to_4k = [f"av_{name}" for name in ("audio", "hd", "fhd", "2k", "4k")]
        self.assertEqual([code for code in codes if code.startswith("av_")], audio_to_4k)
        self.assertLess(codes.index("av_4k"), codes.index("rec_audio"))

    def test_units_convert_without_a_rounding_error(self):
        """Core's minute is 0.0166667 hours: 3,600 s would not be 60 min."""
        for code in sorted(ALL):
            item = self.item(code)
            size = item._get_unit_size()
            self.assertEqual(size, size.to_integral_value(), code)
            product_size = item.product_id.uom_id._trtc_ratio(item.uom_id)
            self.assertEqual(product_size, product_size.to_integral_value(), code)
        hour, second = (
            self.env.ref("trtc_billing.uom_hour"),
            self.env.ref("trtc_billing.uom_second"),
        )
        self.assertEqual(hour._trtc_ratio(second), 3600)

    def test_robots_are_billed_at_the_same_category(self):
        for name in ("audio", "hd", "fhd", "2k", "4k"):
            self.assertEqual(self.item(f"rec_{name}").robot_item_id, self.item(f"av_{name}"))
        self.assertEqual(self.item("slice_audio").robot_item_id, self.item("av_audio"))

    def test_paid_features_are_tied_to_their_items(self):
        features = {
            "screenshot_terminal": "terminal_screenshot",
            "slice_audio": "cloud_slicing",
            "slice_video": "cloud_slicing",
            "ai_stt": "speech_to_text",
            "ai_translation": "translation",
            "ai_tts": "text_to_speech",
            "ai_conversation": "ai_conversation",
        }
        for code, feature in features.items():
            self.assertEqual(self.item(code).feature_id.code, feature)
        self.assertFalse(
            self.item("av_hd").feature_id and not self.item("av_hd").feature_id.every_edition
        )

    # === Prices === #

    def test_every_price_in_usd_is_the_published_one(self):
        minute = Decimal(1)
        expected = {}
        for published, units in (
            (PER_THOUSAND_MINUTES, 1000 * minute),
            (PER_MINUTE, minute),
            (PER_MBPS, Decimal(1000)),  # billed per kbps
            (PER_THOUSAND_SHEETS, Decimal(1)),  # billed per 1,000 sheets
            (PER_THOUSAND_CHARS, Decimal(1000)),
        ):
            for code, price in published.items():
                expected[code] = [(Decimal(0), Decimal(price) / units)]
        self.assertEqual(
            {code: steps for code, steps in self.prices(self.pricelist_usd).items() if code in ALL},
            expected,
        )
        self.assertEqual(self.pricelist_usd.currency_id.name, "USD")

    def test_unverified_prices_do_not_ship_in_cny(self):
        """No FHD, 2K, 4K, recording, transcoding, relay: third parties or superseded."""
        found = self.prices(self.pricelist_cny)
        self.assertEqual(
            {code: steps for code, steps in found.items() if steps},
            {code: [(0, Decimal(price) / 1000)] for code, price in VERIFIED_CNY.items()},
        )
        self.assertEqual(self.pricelist_cny.currency_id.name, "CNY")

    def test_no_product_has_a_list_price_that_could_be_billed_by_accident(self):
        items = self.env["trtc.item"].search([("code", "in", list(ALL))])
        self.assertEqual(set(items.product_id.mapped("list_price")), {0})
        self.assertEqual(len(items.product_id), len(items), "two items share a product")

    def test_the_shipped_price_lists_belong_to_every_company(self):
        self.assertFalse((self.pricelist_usd | self.pricelist_cny).company_id)

    def test_usage_without_a_price_is_shown_not_billed_at_zero(self):
        account = self.make_account(pricelist_id=self.pricelist_cny.id)
        application = self.make_application(account)
        self.usage("av_fhd", 600, "2024-10-01", application)
        self.settle("2024-10-31")
        line = self.lines(of=account)
        self.assertEqual((line.status, line.is_pending), ("unpriced", True))
        self.assertEqual(line.amount, 0)

    # === Guards === #

    def test_a_code_exists_once(self):
        item = self.item("av_hd")
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.env.cr.savepoint(),
        ):
            item.copy({"code": "av_hd"})

    def test_units_that_do_not_convert_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "do not measure the same thing"):
            self.item("av_hd").copy(
                {"code": "other", "usage_uom_id": self.env.ref("trtc_billing.uom_sheet").id}
            )

    def test_a_settled_item_keeps_how_it_is_metered(self):
        self.usage("av_hd", 60, "2024-10-01")
        self.settle("2024-10-31")
        for vals in ({"cycle": "month"}, {"scope": "account"}, {"aggregation": "peak"}):
            with self.assertRaisesRegex(UserError, "has usage already"):
                self.item("av_hd").write(vals)
        self.item("av_hd").write({"sequence": 21})


@tagged("post_install", "-at_install")
class TestEditionMatrix(TrtcCommon):
    def unlocking(self, feature_code):
        feature = self.feature(feature_code)
        editions = self.env["trtc.edition"].search([])
        return {edition.code for edition in editions if edition._unlocks(feature)}

    def test_no_edition_is_missing(self):
        shipped = self.env["trtc.edition"].search([]).mapped("code")
        self.assertEqual(
            shipped,
            [
                "trial",
                "entry",
                "lite",
                "basic",
                "standard",
                "exclusive",
                "exclusive_plus",
                "pro",
                "flagship",
                "flagship_plus",
                "enterprise",
            ],
        )

    def test_exactly_four_editions_unlock_terminal_screenshots(self):
        """Seed 000: "Other versions are unable to unlock this feature"; Pro among them."""
        self.assertEqual(
            self.unlocking("terminal_screenshot"),
            {"trial", "flagship", "flagship_plus", "enterprise"},
        )

    def test_any_edition_and_none_unlock_slicing(self):
        """Seed 000: "Any version of TRTC can unlock the audio slicing feature"."""
        editions = set(self.env["trtc.edition"].search([]).mapped("code"))
        self.assertEqual(self.unlocking("cloud_slicing"), editions)
        self.assertTrue(self.env["trtc.edition"]._unlocks(self.feature("cloud_slicing")))

    def test_what_no_edition_is_needed_for_is_what_the_documents_say(self):
        every = self.env["trtc.feature"].search([("every_edition", "=", True)])
        self.assertEqual(set(every.mapped("code")), EVERY_EDITION)

    def test_speech_and_ai_need_lite_or_above(self):
        for code in ("speech_to_text", "translation", "text_to_speech", "ai_conversation"):
            self.assertEqual(self.unlocking(code), {"lite", "standard", "pro"}, code)

    def test_what_is_not_verified_ships_off(self):
        for code in ("page_recording", "private_encryption"):
            self.assertEqual(self.unlocking(code), set(), code)
            self.assertFalse(self.feature(code).item_ids, "usage would be locked on a guess")
