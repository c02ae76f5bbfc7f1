import json
from datetime import datetime, timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .test_ingest import IngestCommon


@tagged("post_install", "-at_install")
class TestIngestRejected(IngestCommon):
    def test_each_mistake_is_told_with_its_field_and_place(self):
        good = self.record("av_hd", 60, "2024-10-01")
        mistakes = [
            ("id", {"id": None}, "The field id is missing"),
            ("id", {"id": ""}, "The field id is missing"),
            ("id", {"id": 1.5}, "id must be text or a whole number, not 1.5"),
            ("id", {"id": "x" * 257}, "id is longer than 256 characters"),
            ("sdkappid", {"sdkappid": None}, "The field sdkappid is missing"),
            ("sdkappid", {"sdkappid": [1]}, "sdkappid must be text or a whole number"),
            ("item", {"item": " "}, "The field item is missing"),
            ("quantity", {"quantity": None}, "The field quantity is missing"),
            ("quantity", {"quantity": "ten"}, "quantity must be a number such as"),
            ("quantity", {"quantity": "1_000"}, "quantity must be a number such as"),
            ("quantity", {"quantity": True}, "quantity must be a number such as"),
            ("quantity", {"quantity": "NaN"}, "quantity must be a finite number, not NaN"),
            ("quantity", {"quantity": float("inf")}, "quantity must be a finite number"),
            ("quantity", {"quantity": -1}, "quantity cannot be negative (-1)"),
            ("quantity", {"quantity": "1e12"}, "quantity is too large (1e12)"),
            ("quantity", {"quantity": "9e11", "unit": "h"}, "quantity is too large"),
            ("start", {"start": None}, "The field start is missing"),
            ("start", {"start": "01.10.2024"}, "start must be a date like 2024-10-01"),
            ("start", {"start": "9999-12-31T23:00:00Z"}, "start must be a date like"),
            ("start", {"start": "1024-10-01"}, "between 2000-01-01 and 2100-01-01, not at 1024"),
            ("end", {"end": "2204-10-01"}, "end must lie between 2000-01-01"),
            ("end", {"end": "later"}, "end must be a date like 2024-10-01"),
            ("end", {"end": "2024-09-30"}, "end (2024-09-30) lies before start"),
            ("unit", {"unit": 7.5}, "unit must be text or a whole number"),
            ("unit", {"unit": "parsec"}, "The unit parsec is not known"),
            ("unit", {"unit": "sheet"}, "The unit sheet does not measure what"),
            ("tags", {"tags": ["room"]}, "tags must be a flat object of texts"),
            ("tags", {"tags": {"room": 7}}, "tags must be a flat object of texts"),
            ("tags", {"tags": {"room": "\x00"}}, "tags must be a flat object of texts"),
            ("tags", {"tags": {"room": "\ud800"}}, "tags must be a flat object of texts"),
            ("tags", {"tags": {"room": "x" * 5000}}, "at most 64 tags of 4096 characters"),
            ("item", {"item": "\ud800"}, "item must be text or a whole number"),
            ("colour", {"colour": "red"}, "colour is no field of a usage record"),
        ]
        records = []
        for number, (_field, change, _sentence) in enumerate(mistakes):
            records.append(self.record("av_hd", 60, "2024-10-01", id=f"good-{number}"))
            records.append({**good, "id": f"bad-{number}", **change})
        result = self.ingest(*records, check=False)
        self.assert_result(result, rejected=len(mistakes), accepted=len(mistakes))
        for number, (field, change, sentence) in enumerate(mistakes):
            rejection = result["rejected"][number]
            with self.subTest(change=ascii(change)):
                self.assertEqual(set(rejection), {"index", "id", "error"})
                self.assertEqual(rejection["index"], 2 * number + 1)
                self.assertIn(sentence, rejection["error"])
                self.assertIn(field, rejection["error"])
                self.assertTrue(rejection["error"].endswith("."), rejection["error"])
                if "id" not in change:
                    self.assertEqual(rejection["id"], f"bad-{number}")
        json.dumps(result, allow_nan=False)

    def test_what_is_no_record_at_all_is_rejected_alone(self):
        records = [None, "text", 7, [], self.record("av_hd", 60, "2024-10-01"), {}]
        result = self.ingest(*records, check=False)
        self.assert_result(result, rejected=5, accepted=1)
        self.assertEqual([r["index"] for r in result["rejected"]], [0, 1, 2, 3, 5])
        self.assertIn("must be an object", result["rejected"][0]["error"])

    def test_rejections_come_in_the_order_of_the_records(self):
        """Units are checked after everything else; that must not show."""
        records = [
            self.record("av_hd", 60, "2024-10-01", unit="sheet"),
            self.record("av_hd", -1, "2024-10-01"),
            self.record("av_hd", 60, "2024-10-01", unit="parsec"),
        ]
        result = self.ingest(*records, check=False)
        self.assertEqual([r["index"] for r in result["rejected"]], [0, 1, 2])

    def test_a_rejected_restatement_leaves_the_fact_in_force(self):
        usage = self.usage("av_hd", 60, "2024-10-01", id="fact")
        self.ingest(self.record("av_hd", -60, "2024-10-01", id="fact"), check=False)
        self.assertEqual(self.stored("fact"), usage)
        self.assertEqual(usage.state, "current")

    def test_a_message_does_not_repeat_a_megabyte(self):
        result = self.ingest(
            self.record("av_hd", "x" * 10**6, "2024-10-01"),
            self.record("av_hd", 1, "2024-10-01", **{"f" * 10**6: 1}),
            check=False,
        )
        for rejection in result["rejected"]:
            self.assertLess(len(rejection["error"]), 400)

    def test_records_that_are_no_list_are_refused_as_a_whole(self):
        for records in ({"id": "a"}, "text", None, 7):
            with self.assertRaisesRegex(UserError, "must be a list"):
                self.env["trtc.usage"].ingest(records)

    def test_a_source_that_is_no_name_is_refused_as_a_whole(self):
        for source in ("", None, 1.5, "x" * 257, "a\x00"):
            with self.assertRaises(UserError):
                self.env["trtc.usage"].ingest([], source)

    def test_the_result_is_plain_data(self):
        result = self.ingest(
            self.record("av_hd", 60, "2024-10-01"),
            self.record("av_hd", 60, "2024-10-01", sdkappid="1499999999"),
            {"id": ["no", "text"]},
            check=False,
        )
        self.assertEqual(json.loads(json.dumps(result)), result)
        self.assertIsNone(result["rejected"][0]["id"])


@tagged("post_install", "-at_install")
class TestIngestKept(IngestCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    def test_nobody_writes_deletes_or_makes_usage_by_hand(self):
        usage = self.usage("av_hd", 60, "2024-10-01")
        users = [self.user_operator, self.user_manager, self.env.ref("base.user_root")]
        for user in users:
            found = usage.with_user(user)
            with self.assertRaises(UserError):
                found.write({"quantity": 1})
            with self.assertRaises(UserError):
                found.unlink()
            with self.assertRaises(UserError):
                found.create({"external_id": "x"})
            with self.assertRaises(UserError):
                found.copy()
        with self.assertRaises(UserError):
            usage.sudo().write({"quantity": 1})
        with self.assertRaises(UserError):
            usage.sudo().unlink()
        with self.assertRaises(UserError):
            usage.sudo().create({"external_id": "x"})
        self.assertEqual(self.quantity(usage), 60)

    def test_only_who_may_send_usage_can(self):
        record = self.record("av_hd", 60, "2024-10-01")
        for user in (self.user_reader, self.user_accountant, self.user_employee, self.user_portal):
            with self.assertRaisesRegex(AccessError, "API Sender"):
                self.ingest(record, env=self.env(user=user))
        for role in ("operator", "api_sender", "manager"):
            user = getattr(self, f"user_{role}")
            record = self.record("av_hd", 60, "2024-10-01")
            self.assert_result(self.ingest(record, env=self.env(user=user)), accepted=1)
            self.assertEqual(self.stored(record["id"]).create_uid, user)

    def test_a_sender_cannot_slip_usage_into_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        record = self.record("av_hd", 60, "2024-10-01")
        for user in (self.user_api_sender, self.user_operator):
            usage = self.env["trtc.usage"].with_user(user)
            usage = usage.with_context(allowed_company_ids=other.ids)
            with self.assertRaises(AccessError):
                usage.ingest([record])
        self.assertFalse(self.stored(record["id"]).filtered(lambda u: u.company_id == other))

    def test_a_huge_batch_takes_as_many_queries_as_a_small_one(self):
        def send(count):
            records = [self.record("av_hd", n + 1, "2024-10-01") for n in range(count)]
            records += [self.record("av_hd", 1, "2024-10-01", sdkappid="1499999999")] * 2
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.ingest(*records)
            fresh = self.env.cr.sql_log_count - before
            before = self.env.cr.sql_log_count
            self.ingest(*({**record, "quantity": 7777} for record in records))
            return fresh, self.env.cr.sql_log_count - before

        send(1)
        small, large = send(10), send(2000)
        self.assertEqual(small, large)
        self.assertLess(max(large), 25)


@tagged("post_install", "-at_install")
class TestIngestHttp(IngestCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    def call(self, user, model, method, status=200, **arguments):
        keys = self.env["res.users.apikeys"].with_user(user).sudo()
        key = keys._generate("rpc", "test", datetime.now() + timedelta(hours=1))
        response = self.url_open(
            f"/json/2/{model}/{method}",
            data=json.dumps(arguments),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        )
        self.assertEqual(response.status_code, status, response.text)
        return response.json()

    def test_a_program_sends_usage_over_http(self):
        records = [
            self.record("av_hd", "61.5", "2024-10-01T08:30:00+08:00", tags={"room": "7"}),
            self.record("av_hd", 60, "2024-10-01", sdkappid=int(self.application.sdkappid)),
            self.record("av_hd", 60, "2024-10-01", sdkappid="1499999999"),
            self.record("av_hd", -1, "2024-10-01", id="bad"),
        ]
        user = self.user_api_sender
        result = self.call(user, "trtc.usage", "ingest", records=records, source="feed")
        self.assertEqual(result["rejected"][0]["index"], 3)
        self.assertEqual(result["rejected"][0]["id"], "bad")
        self.assertIn("quantity cannot be negative", result["rejected"][0]["error"])
        self.assert_result(result, accepted=2, unassigned=1, rejected=1)

        again = self.call(user, "trtc.usage", "ingest", records=records[:3], source="feed")
        self.assert_result(again, duplicate=3)
        default = self.call(user, "trtc.usage", "ingest", records=records[:1])
        self.assert_result(default, accepted=1)
        self.assertEqual(self.stored(records[0]["id"]).mapped("source"), ["feed", "api"])

    def test_one_bad_id_does_not_break_the_answer_for_the_others(self):
        """A lone surrogate cannot be sent back: the sender would never see the result."""
        told = {
            "\ud800": "\\ud800",
            "a\x00b": "a\\x00b",
            "x" * 300: "x" * 79 + "…",
            10**300: "1" + "0" * 78 + "…",
            True: None,
        }
        records = [self.record("av_hd", 60, "2024-10-01", id=value) for value in told]
        records.append(self.record("av_hd", -1, "2024-10-01", id=7))
        good = self.record("av_hd", 60, "2024-10-01")
        result = self.call(self.user_api_sender, "trtc.usage", "ingest", records=[*records, good])
        self.assert_result(result, accepted=1, rejected=6)
        self.assertEqual([r["id"] for r in result["rejected"]], [*told.values(), 7])

    @mute_logger("odoo.http")
    def test_a_wrong_call_is_answered_with_a_sentence(self):
        user = self.user_api_sender
        self.assertIn(
            "must be a list",
            self.call(user, "trtc.usage", "ingest", 422, records={"id": "a"})["message"],
        )
        self.call(user, "trtc.usage", "ingest", 422, facts=[])

    @mute_logger("odoo.http")
    def test_a_sender_can_do_nothing_else(self):
        self.usage("av_hd", 60, "2024-10-01")
        self.settle("2024-10-31")
        ids = {
            "trtc.usage": self.env["trtc.usage"].search([]).ids,
            "trtc.account": self.account.ids,
            "trtc.application": self.application.ids,
            "trtc.statement": self.lines().statement_id.ids,
            "trtc.statement.line": self.lines().ids,
            "trtc.item": self.item("av_hd").ids,
            "trtc.edition": self.edition("trial").ids,
            "res.partner": self.customer.ids,
        }
        user = self.user_api_sender
        # It refuses a change from everybody, whatever the rights.
        kept = {"trtc.usage": 422}
        for model, found in ids.items():
            with self.subTest(model=model):
                self.assertTrue(found)
                self.call(user, model, "search_read", 403, domain=[], fields=["id"])
                self.call(user, model, "read", 403, ids=found, fields=["display_name"])
                self.call(user, model, "write", kept.get(model, 403), ids=found, vals={})
                self.call(user, model, "unlink", 403, ids=found)
        for method in ("settle", "create_invoices"):
            self.call(user, "trtc.account", method, 403, until="2024-10-31")
        self.call(
            user,
            "trtc.application",
            "is_unlocked",
            403,
            ids=self.application.ids,
            feature_code="terminal_screenshot",
        )
        self.call(user, "trtc.usage", "_ingest", 403, records=[], source="x")
        self.call(user, "trtc.usage.import", "create", 403, vals_list=[{}])

    @mute_logger("odoo.http")
    def test_without_a_key_nothing_is_taken_in(self):
        response = self.url_open(
            "/json/2/trtc.usage/ingest",
            data=json.dumps({"records": [self.record("av_hd", 60, "2024-10-01")]}),
            headers={"Content-Type": "application/json"},
        )
        self.assertEqual(response.status_code, 401)

    @mute_logger("odoo.http")
    def test_a_reader_cannot_send_usage_over_http(self):
        records = [self.record("av_hd", 60, "2024-10-01")]
        for user in (self.user_reader, self.user_portal):
            self.call(user, "trtc.usage", "ingest", 403, records=records)
