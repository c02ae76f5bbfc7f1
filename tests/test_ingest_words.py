from datetime import datetime, timezone
from unittest.mock import patch

from psycopg2.errors import UniqueViolation

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..models import trtc_usage_ingest
from ..rating import facts
from .test_ingest import IngestCommon

#: Ways in which programs wrap one SDKAppID.
WRITTEN = (
    "{}.0",
    "{}.000",
    "'{}",
    '="{}"',
    "\ufeff{}",
    "{}\u200b",
    "{}\u00a0",
    " {}\t",
    "\u202a{}\u202c",
)


def to_full_width(text):
    return "".join(chr(ord(sign) + 0xFEE0) for sign in text)


@tagged("post_install", "-at_install")
class TestIngestWords(IngestCommon):
    def ways(self, number):
        """Return ways in which one SDKAppID is written."""
        half = len(number) // 2
        return [
            *(way.format(number) for way in WRITTEN),
            to_full_width(number),
            number[:half] + "\u200d" + number[half:],
            number[:half] + "\u00a0" + number[half:],
            int(number),
            float(number),
        ]

    # === SDKAPPID === #

    def test_an_sdkappid_is_read_however_a_program_wrapped_it(self):
        """1400000002.0 was kept as unassigned for ever."""
        for written in self.ways(self.application.sdkappid):
            with self.subTest(written=ascii(written)):
                record = self.record("av_hd", 60, "2024-10-01", sdkappid=written)
                self.assert_result(self.ingest(record), accepted=1)
                usage = self.stored(record["id"])
                self.assertEqual(usage.application_id, self.application)
                self.assertEqual(usage.sdkappid, self.application.sdkappid)

    def test_what_cannot_be_an_sdkappid_is_refused_with_a_sentence(self):
        for written, sentence in (
            ("1.4E+09", "a spreadsheet shortened it. Format the column as text"),
            ("1,4e9", "a spreadsheet shortened it"),
            ("my-app", "my-app is no SDKAppID"),
            ("1400000002.5", "1400000002.5 is no SDKAppID"),
            ("14000000021", "is no SDKAppID"),
            ("4294967296", "is no SDKAppID"),
            (4294967296, "is no SDKAppID"),
            ("0", "is no SDKAppID"),
            ("-1400000002", "is no SDKAppID"),
            ("1400 000002", "is no SDKAppID"),
            ("\u0661\u0664", "is no SDKAppID"),
            (10**5000, "sdkappid is longer than"),
            (1.5, "sdkappid must be text or a whole number"),
            (float("inf"), "sdkappid must be text or a whole number"),
            ("=1+1", "is no SDKAppID"),
        ):
            with self.subTest(written=shown(written)):
                record = self.record("av_hd", 60, "2024-10-01", sdkappid=written)
                result = self.ingest(record, check=False)
                self.assert_result(result, rejected=1)
                self.assertIn(sentence, result["rejected"][0]["error"])
                self.assertIn("sdkappid", result["rejected"][0]["error"])

    def test_the_largest_sdkappid_is_kept_as_unassigned(self):
        record = self.record("av_hd", 60, "2024-10-01", sdkappid="4294967295")
        self.assert_result(self.ingest(record), unassigned=1)

    def test_an_application_is_created_with_the_digits_of_its_sdkappid(self):
        for number, written in enumerate(self.ways("1488888880")):
            digits = str(1488888880 + number)
            written = self.ways(digits)[number]
            with self.subTest(written=ascii(written)):
                self.assertEqual(self.make_application(sdkappid=written).sdkappid, digits)
        application = self.make_application()
        application.sdkappid = "'1477777777"
        self.assertEqual(application.sdkappid, "1477777777")

    def test_an_application_is_not_created_with_what_is_no_sdkappid(self):
        for written in ("1.4E+09", "14a", "14000000021", "a\x00", "0"):
            with self.subTest(written=ascii(written)):
                with self.assertRaisesRegex(ValidationError, "SDKAppID"):
                    self.make_application(sdkappid=written)
                with self.assertRaisesRegex(ValidationError, "SDKAppID"):
                    self.application.sdkappid = written

    def test_applications_are_loaded_from_a_file_with_clean_sdkappids(self):
        self.make_users()
        fields = ["name", "sdkappid", "account_id/.id"]
        rows = [["One", '="1466666661"', str(self.account.id)]]
        model = self.env["trtc.application"].with_user(self.user_manager)
        result = model.load(fields, rows)
        self.assertFalse(result["messages"])
        self.assertEqual(model.browse(result["ids"]).sdkappid, "1466666661")
        result = model.load(fields, [["Two", "1.4E+09", str(self.account.id)]])
        self.assertFalse(result["ids"])
        self.assertIn("a spreadsheet shortened it", result["messages"][0]["message"])

    def test_an_application_of_before_keeps_its_odd_sdkappid(self):
        application = self.make_application()
        odd = "00001400000777"
        self.env.cr.execute(
            SQL("UPDATE trtc_application SET sdkappid = %s WHERE id = %s", odd, application.id)
        )
        self.env.invalidate_all()
        application.write({"name": "Renamed", "sdkappid": odd})
        self.assertEqual(application.sdkappid, odd)
        known = self.record("av_hd", 60, "2024-10-01", sdkappid=odd)
        unknown = self.record("av_hd", 60, "2024-10-01", sdkappid="00001400000778")
        result = self.ingest(known, unknown, check=False)
        self.assert_result(result, accepted=1, rejected=1)
        self.assertEqual(self.stored(known["id"]).application_id, application)

    # === WORDS === #

    def test_item_codes_and_units_are_read_without_regard_to_case_and_width(self):
        for item, unit in (
            ("AV_HD", "MIN"),
            (to_full_width("av_hd"), "Min "),
            ("av_hd\u200b", "min"),
        ):
            with self.subTest(item=ascii(item)):
                usage = self.usage(item, 1, "2024-10-01", unit=unit)
                self.assertEqual((usage.item_id, usage.unit), (self.item("av_hd"), "min"))
                self.assertEqual(self.quantity(usage), 60)

    def test_a_code_in_capitals_finds_its_item_later(self):
        usage = self.usage("New_Item", 60, "2024-10-01")
        self.assertFalse(usage.item_id)
        item = self.item("av_hd").copy({"code": "NEW_item"})
        self.assertEqual(usage.item_id, item)

    def test_codes_that_usage_records_cannot_tell_apart_are_refused(self):
        for code in ("AV_HD", to_full_width("av_hd")):
            with (
                self.assertRaisesRegex(ValidationError, "too much like av_hd"),
                self.env.cr.savepoint(),
            ):
                self.item("av_audio").copy({"code": code})
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.env.cr.savepoint(),
        ):
            self.item("av_audio").copy({"code": "av_hd\u200b"})
        with self.assertRaisesRegex(ValidationError, "control character"):
            self.item("av_audio").copy({"code": "a\tb"})

    def test_an_estimate_reads_codes_as_intake_does(self):
        usages = [{"item": "AV_HD", "quantity": 60, "unit": "S"}]
        estimate = self.env["trtc.item"].estimate(usages)
        self.assertEqual(estimate["lines"][0]["item"], "av_hd")

    def test_the_same_fact_in_any_form_is_one(self):
        record = self.record("av_hd", 60, "2024-10-01", id="r\xe9sum\xe9 7")
        self.ingest(record)
        again = [
            {**record, "id": "re\u0301sume\u0301 7"},
            {**record, "id": "\ufeffr\xe9sum\xe9 7 "},
            {**record, "item": "AV_Hd"},
            {**record, "sdkappid": f"'{record['sdkappid']}"},
            {**record, "unit": "S"},
        ]
        self.assert_result(self.ingest(*again), duplicate=len(again))

    # === CONTROL CHARACTERS === #

    def test_control_characters_are_refused_with_the_field(self):
        for sign in ("\t", "\n", "\x00", "\x07", "\x1f", "\x7f", "\x85"):
            for field in ("id", "sdkappid", "item", "unit"):
                with self.subTest(sign=ascii(sign), field=field):
                    record = self.record("av_hd", 60, "2024-10-01")
                    record[field] = f"1{sign}4"
                    result = self.ingest(record, check=False)
                    self.assert_result(result, rejected=1)
                    error = result["rejected"][0]["error"]
                    self.assertIn(f"{field} contains a control character", error)
                    self.assertTrue(error.isprintable(), error)
            with self.assertRaisesRegex(UserError, "source contains a control character"):
                self.env["trtc.usage"].ingest([], f"a{sign}b")

    # === BEFORE === #

    def store_as_before(self, **change):
        """Store a fact as 19.0.3.1.0 did: stripped, in whatever form it was sent."""
        record = self.record("av_hd", 60, "2024-10-01", **change)
        fact = facts.read_record(record)
        usage = self.usage("av_hd", 60, "2024-10-01")
        before = {
            **fact,
            "id": str(record["id"]).strip(),
            "sdkappid": str(record["sdkappid"]).strip(),
            "item": record["item"].strip(),
        }
        self.env.cr.execute(
            SQL(
                "UPDATE trtc_usage SET external_id = %s, fingerprint = %s WHERE id = %s",
                before["id"],
                facts.fingerprint(before),
                usage.id,
            )
        )
        self.env.invalidate_all()
        return record, usage

    def test_a_fact_of_before_is_recognised_in_the_form_of_its_day(self):
        for change in (
            {"id": "zero\u200bwidth"},
            {"id": "de\u0301composed"},
            {"id": "plain", "sdkappid": f" {self.application.sdkappid}"},
        ):
            with self.subTest(change=ascii(change)):
                record, usage = self.store_as_before(**change)
                self.assert_result(self.ingest(record), duplicate=1)
                self.assert_result(self.ingest({**record, "quantity": 90}), restated=1)
                self.assertEqual(usage.state, "superseded")

    def test_a_fact_of_before_is_recognised_in_its_composed_form(self):
        record, _usage = self.store_as_before(id="de\u0301composed")
        self.assert_result(self.ingest({**record, "id": "d\xe9composed"}), duplicate=1)

    # === HOLES === #

    def test_what_no_record_can_hold_is_refused_with_a_sentence(self):
        deep = []
        for _level in range(5000):
            deep = [deep]
        for change in (
            {"id": deep},
            {"sdkappid": deep},
            {"quantity": deep},
            {"start": deep},
            {"tags": deep},
            {"tags": {"a": deep}},
            {"unit": {"a": deep}},
            {"quantity": 10**5000},
            {"start": 10**5000},
            {"id": 10**5000},
            {7: 1},
            {(): 1},
        ):
            record = {**self.record("av_hd", 60, "2024-10-01"), **change}
            result = self.ingest(record, deep, check=False)
            self.assert_result(result, rejected=2)
            for rejection in result["rejected"]:
                self.assertLess(len(rejection["error"]), 500)

    def test_a_call_takes_a_limited_number_of_records(self):
        limit = trtc_usage_ingest.RECORD_LIMIT
        self.assertEqual(limit, 100_000)
        record = self.record("av_hd", 60, "2024-10-01")
        with self.assertRaisesRegex(UserError, "at most 100000 usage records, not 100001"):
            self.env["trtc.usage"].ingest([record] * (limit + 1))
        self.assertFalse(self.stored(record["id"]))
        result = self.env["trtc.usage"].sudo()._ingest([record] * (limit + 1), "csv")
        self.assert_result(result, accepted=1, duplicate=limit)

    def test_a_call_takes_a_limited_amount_of_tags(self):
        """Twenty thousand records with tags of 3.7 KB took half a minute and 1.4 GB."""
        self.assertEqual(trtc_usage_ingest.TAGS_TEXT_LIMIT, 32_000_000)
        records = [
            {**self.record("av_hd", 60, "2024-10-01"), "tags": {"room": "x" * 6}},
            {**self.record("av_hd", 60, "2024-10-01"), "tags": '{"room": "x"}'},
            {**self.record("av_hd", 60, "2024-10-01"), "tags": [1]},
            self.record("av_hd", 60, "2024-10-01"),
        ]
        usage = self.env["trtc.usage"].with_user(self.make_user("api_sender"))
        with (
            patch.object(trtc_usage_ingest, "TAGS_TEXT_LIMIT", 22),
            patch.object(type(usage), "_ingest") as _ingest,
            self.assertRaisesRegex(UserError, "at most 22 characters in all, not 23"),
        ):
            usage.ingest(records, "new sender")
        _ingest.assert_not_called()
        self.assertFalse(self.stored(records[3]["id"]))
        with patch.object(trtc_usage_ingest, "TAGS_TEXT_LIMIT", 23):
            self.assert_result(usage.ingest(records, "new sender"), accepted=3, rejected=1)

    # === CLOCKS === #

    def test_a_local_time_that_comes_twice_or_never_is_refused(self):
        """Two peak samples of 01:30 added up in the night when the clocks are set back."""
        self.env.company.trtc_billing_tz = "America/New_York"
        for start, sentence in (
            ("2025-11-02T01:30:00", "comes twice in the billing time zone"),
            ("2025-03-09T02:30:00", "does not exist in the billing time zone"),
        ):
            for field in ("start", "end"):
                change = {"start": "2025-01-01", field: start}
                record = {**self.record("av_hd", 60, "2025-01-01"), **change}
                result = self.ingest(record, check=False)
                self.assert_result(result, rejected=1)
                self.assertIn(sentence, result["rejected"][0]["error"])
                self.assertIn("give the offset", result["rejected"][0]["error"])
                self.assertIn(field, result["rejected"][0]["error"])
        first = self.usage("av_hd", 60, "2025-11-02T01:30:00-04:00")
        second = self.usage("av_hd", 60, "2025-11-02T01:30:00-05:00")
        self.assertEqual((second.start - first.start).total_seconds(), 3600)

    def test_a_day_without_midnight_begins_with_its_first_moment(self):
        self.env.company.trtc_billing_tz = "America/Sao_Paulo"
        usage = self.usage("av_hd", 60, "2018-11-04")
        self.assertEqual(usage.start, datetime(2018, 11, 4, 3, 0))
        self.assertEqual(usage.date.isoformat(), "2018-11-04")
        moment = usage.start.replace(tzinfo=timezone.utc)
        self.assertEqual(moment.isoformat(), "2018-11-04T03:00:00+00:00")


def shown(value):
    return ascii(facts.shown(value))
