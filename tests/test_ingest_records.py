from datetime import date, datetime, timedelta
from decimal import Decimal

from odoo.tests import tagged

from .test_ingest import IngestCommon


@tagged("post_install", "-at_install")
class TestIngestRecords(IngestCommon):
    def test_a_fact_is_kept_with_everything_that_was_sent(self):
        usage = self.usage(
            "av_hd",
            "61.5",
            "2024-10-01T23:59:59",
            end="2024-10-02T00:30:00",
            tags={"room": "7", "区域": "东"},
        )
        self.assertRecordValues(
            usage,
            [
                {
                    "company_id": self.env.company.id,
                    "application_id": self.application.id,
                    "account_id": self.account.id,
                    "sdkappid": self.application.sdkappid,
                    "item_id": self.item("av_hd").id,
                    "item_code": "av_hd",
                    "source": "test",
                    "date": date(2024, 10, 1),
                    "start": datetime(2024, 10, 1, 15, 59, 59),
                    "end": datetime(2024, 10, 1, 16, 30),
                    "tags": {"room": "7", "区域": "东"},
                    "tags_text": "room=7, 区域=东",
                    "state": "current",
                    "create_uid": self.env.uid,
                }
            ],
        )
        self.assertEqual(self.quantity(usage), Decimal("61.5"))
        self.assertLess(abs(usage.create_date - datetime.now()), timedelta(hours=1))

    def test_usage_can_be_found_by_its_tags(self):
        usage = self.usage("av_hd", 60, "2024-10-01", tags={"room": "lecture-7"})
        self.usage("av_hd", 60, "2024-10-01", tags={"room": "lecture-8"})
        found = self.env["trtc.usage"].search([("tags_text", "ilike", "lecture-7")])
        self.assertEqual(found, usage)

    def test_a_sdkappid_may_be_a_number(self):
        record = self.record("av_hd", 60, "2024-10-01", sdkappid=int(self.application.sdkappid))
        self.assert_result(self.ingest(record), accepted=1)
        self.assertEqual(self.stored(record["id"]).application_id, self.application)

    def test_an_archived_application_is_still_billed(self):
        self.application.active = False
        self.assert_result(self.ingest(self.record("av_hd", 60, "2024-10-01")), accepted=1)

    def test_a_long_fraction_loses_no_digit(self):
        usage = self.usage("av_hd", "999999999999.123456789", "2024-10-01")
        self.assertEqual(self.quantity(usage), Decimal("999999999999.123456789"))

    def test_floats_are_not_added_up_as_floats(self):
        """Ten times 0.1 s are one second, and 60 times that is one minute, not two."""
        self.ingest(*(self.record("av_hd", 0.1, "2024-10-01") for _n in range(600)))
        self.settle("2024-10-31")
        self.assertEqual(self.total("metered_quantity"), 60)
        self.assertEqual(self.total("quantity"), 1)

    def test_minutes_and_hours_become_seconds(self):
        for unit, quantity, seconds in (
            ("s", "90", 90),
            ("min", "1.5", 90),
            ("h", "0.025", 90),
            ("h", "0.1", 360),
        ):
            usage = self.usage("av_hd", quantity, "2024-10-01", unit=unit)
            self.assertEqual(self.quantity(usage), seconds, unit)
            self.assertEqual(usage.unit, unit)

    def test_a_third_of_an_hour_is_not_rounded_to_cents(self):
        usage = self.usage("av_hd", "0.333333333", "2024-10-01", unit="h")
        self.assertEqual(self.quantity(usage), Decimal("1199.9999988"))

    def test_each_family_of_units_converts(self):
        for item, unit, quantity, expected in (
            ("ai_tts", "kchar", "1.234", 1234),
            ("ai_tts", "char", 12, 12),
            ("relay_bandwidth", "mbps", "2.5", 2500),
            ("relay_bandwidth", "kbps", 2500, 2500),
            ("screenshot_terminal", "ksheet", 22, 22000),
            ("screenshot_terminal", "sheet", 22000, 22000),
        ):
            usage = self.usage(item, quantity, "2024-10-01", unit=unit)
            self.assertEqual(self.quantity(usage), expected, (item, unit))

    def test_without_a_unit_the_usage_unit_of_the_item_is_meant(self):
        self.assertEqual(self.quantity(self.usage("av_hd", 90, "2024-10-01")), 90)
        self.assertEqual(self.quantity(self.usage("relay_bandwidth", 90, "2024-10-01")), 90)

    def test_the_last_hours_of_a_utc_day_are_the_next_billing_day(self):
        for start, day in (
            ("2024-10-31T15:59:59Z", date(2024, 10, 31)),
            ("2024-10-31T16:00:00Z", date(2024, 11, 1)),
            ("2024-10-31T23:59:59", date(2024, 10, 31)),
            ("2024-11-01", date(2024, 11, 1)),
            ("2024-10-31T23:59:59-05:00", date(2024, 11, 1)),
        ):
            self.assertEqual(self.usage("av_hd", 60, start).date, day, start)

    def test_the_billing_zone_of_the_company_decides_the_day(self):
        self.env.company.trtc_billing_tz = "America/New_York"
        usage = self.usage("av_hd", 60, "2024-10-31T23:00:00")
        self.assertEqual(usage.date, date(2024, 10, 31))
        self.assertEqual(usage.start, datetime(2024, 11, 1, 3))
        usage = self.usage("av_hd", 60, "2024-11-01T03:00:00Z")
        self.assertEqual(usage.date, date(2024, 10, 31))

    def test_a_record_that_ends_on_the_next_day_counts_on_the_day_of_its_start(self):
        usage = self.usage("av_hd", 7200, "2024-10-31T23:00:00", end="2024-11-01T01:00:00")
        self.assertEqual(usage.date, date(2024, 10, 31))

    def test_python_dates_are_taken_as_well_as_texts(self):
        usage = self.usage("av_hd", 60, "2024-10-01")
        for start in (date(2024, 10, 1), datetime(2024, 10, 1)):
            record = self.record("av_hd", 60, "2024-10-01", id=usage.external_id, start=start)
            self.assert_result(self.ingest(record), duplicate=1)

    def test_an_empty_batch_is_no_error(self):
        self.assert_result(self.ingest())

    def test_usage_is_noted_for_settlement_in_the_period_of_its_item(self):
        self.usage("av_hd", 60, "2024-10-07")
        self.usage("screenshot_terminal", 60, "2024-10-07")
        self.assertEqual(
            self.notes(),
            {
                (self.account, "day", date(2024, 10, 7), date(2024, 10, 7)),
                (self.account, "month", date(2024, 10, 1), date(2024, 10, 31)),
            },
        )


@tagged("post_install", "-at_install")
class TestIngestUnassigned(IngestCommon):
    def test_usage_of_an_unknown_application_is_kept_and_adopted_later(self):
        record = self.record("av_hd", 600, "2024-10-01", sdkappid="1499999999")
        self.assert_result(self.ingest(record), unassigned=1)
        usage = self.stored(record["id"])
        self.assertFalse(usage.application_id or usage.account_id)
        self.settle("2024-10-31")
        self.assertFalse(self.lines())

        application = self.make_application(sdkappid="1499999999")
        self.assertEqual(usage.application_id, application)
        self.assertEqual(usage.account_id, self.account)
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity"), 10)
        self.assert_books()

    def test_usage_is_adopted_when_a_mistyped_sdkappid_is_corrected(self):
        application = self.make_application(sdkappid="1499999998")
        usage = self.usage("av_hd", 600, "2024-10-01", sdkappid="1499999999")
        application.sdkappid = "1499999999"
        self.assertEqual(usage.application_id, application)

    def test_another_company_does_not_adopt_usage_by_the_number_alone(self):
        usage = self.usage("av_hd", 600, "2024-10-01", sdkappid="1499999999")
        other = self.setup_other_company(name="Other")["company"]
        self.env.user.company_ids |= other
        account = self.make_account(company_id=other.id)
        self.make_application(account, sdkappid="1499999999")
        self.assertFalse(usage.application_id)

    def test_superseded_usage_is_not_adopted(self):
        old = self.usage("av_hd", 600, "2024-10-01", sdkappid="1499999999", id="fact")
        new = self.usage("av_hd", 60, "2024-10-01", sdkappid="1499999999", id="fact")
        application = self.make_application(sdkappid="1499999999")
        self.assertEqual(new.application_id, application)
        self.assertFalse(old.application_id)
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity"), 1)

    def make_item(self, code="new_item"):
        known = self.item("av_hd")
        return self.env["trtc.item"].create(
            {
                "code": code,
                "product_id": known.product_id.id,
                "usage_uom_id": known.usage_uom_id.id,
                "uom_id": known.uom_id.id,
                "block_size": 60,
            }
        )

    def test_usage_of_an_unknown_item_is_kept_and_adopted_later(self):
        record = self.record("new_item", 10, "2024-10-01", unit="min")
        plain = self.record("new_item", 30, "2024-10-01")
        self.assert_result(self.ingest(record, plain), unassigned=2)
        item = self.make_item()
        usages = self.stored(record["id"]) | self.stored(plain["id"])
        self.assertEqual(usages.item_id, item)
        self.assertEqual(self.quantity(self.stored(record["id"])), 600)
        self.assertEqual(self.quantity(self.stored(plain["id"])), 30)
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity"), 11)
        self.assert_books()

    def test_adopted_usage_sent_again_is_a_duplicate(self):
        """Its unit could not be converted when it came first; it is the same fact."""
        records = [
            self.record("new_item", 10, "2024-10-01", unit="min"),
            self.record("new_item", 30, "2024-10-01", unit="s"),
            self.record("new_item", 30, "2024-10-01"),
        ]
        self.ingest(*records)
        self.make_item()
        self.assert_result(self.ingest(*records), duplicate=3)

    def test_usage_in_a_unit_that_a_new_item_is_not_metered_in_stays_unassigned(self):
        usage = self.usage("new_item", 10, "2024-10-01", unit="sheet")
        self.make_item()
        self.assertFalse(usage.item_id)
        self.assertEqual(self.quantity(usage), 10)

    def test_adoption_of_application_and_item_may_come_in_either_order(self):
        for code, sdkappid, first in (("one", "1499999997", 0), ("two", "1499999996", 1)):
            usage = self.usage(code, 60, "2024-10-01", sdkappid=sdkappid)
            steps = [
                lambda code=code: self.make_item(code),
                lambda sdkappid=sdkappid: self.make_application(sdkappid=sdkappid),
            ]
            steps[first]()
            steps[1 - first]()
            self.assertTrue(usage.item_id and usage.application_id)
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity"), 2)

    def test_an_unknown_unit_of_an_unknown_item_is_kept_not_lost(self):
        usage = self.usage("new_item", 10, "2024-10-01", unit="parsec")
        self.assertEqual((usage.unit, self.quantity(usage)), ("parsec", 10))

    def test_usage_is_unassigned_only_once(self):
        record = self.record("av_hd", 600, "2024-10-01", sdkappid="1499999999")
        self.ingest(record)
        self.assert_result(self.ingest(record), duplicate=1)
