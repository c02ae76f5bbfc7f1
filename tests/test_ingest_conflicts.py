from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .test_ingest import IngestCommon


@tagged("post_install", "-at_install")
class TestOneIdInOneRequest(IngestCommon):
    def send(self, *quantities, **more):
        """Send records of one id with these quantities in one request."""
        records = [
            self.record("av_hd", quantity, "2024-10-01", **{"id": "fact", **more})
            for quantity in quantities
        ]
        return self.ingest(*records, check=False)

    def test_one_id_with_different_content_is_refused_with_all_its_records(self):
        """A spreadsheet shortens three ids to one: two of three facts were lost unsaid."""
        result = self.send(60, 120, 180, id="2.02609E+14")
        self.assert_result(result, rejected=3)
        self.assertFalse(self.stored("2.02609E+14"))
        for index, rejection in enumerate(result["rejected"]):
            self.assertEqual((rejection["index"], rejection["id"]), (index, "2.02609E+14"))
            self.assertIn(
                "The id 2.02609E+14 stands in records 0, 1 and 2 with different content",
                rejection["error"],
            )
            self.assertIn("format their column as text", rejection["error"])

    def test_the_same_record_twice_stays_a_duplicate(self):
        self.assert_result(self.send(60, 60, "60.0"), accepted=1, duplicate=2)

    def test_a_record_that_is_the_same_as_one_of_two_is_refused_with_them(self):
        result = self.send(60, 90, 60)
        self.assert_result(result, rejected=3)
        self.assertIn("records 0, 1 and 2", result["rejected"][2]["error"])

    def test_ids_that_only_look_different_are_one(self):
        first = self.record("av_hd", 60, "2024-10-01", id="re\u0301sume\u0301-1")
        second = {**first, "id": "r\xe9sum\xe9-1\u200b", "quantity": 90}
        self.assert_result(self.ingest(first, second, check=False), rejected=2)

    def test_the_other_records_of_the_request_are_taken_in(self):
        good = [self.record("av_hd", 60, "2024-10-01") for _number in range(2)]
        records = [
            good[0],
            self.record("av_hd", 60, "2024-10-01", id="fact"),
            self.record("av_hd", 60, "2024-10-01", sdkappid="x"),
            self.record("av_hd", 61, "2024-10-01", id="fact"),
            good[1],
        ]
        result = self.ingest(*records, check=False)
        self.assert_result(result, accepted=2, rejected=3)
        self.assertEqual([one["index"] for one in result["rejected"]], [1, 2, 3])
        self.assertIn("records 1 and 3", result["rejected"][0]["error"])

    def test_a_known_fact_stays_as_it_is(self):
        usage = self.usage("av_hd", 60, "2024-10-01", id="fact")
        self.assert_result(self.send(60, 90), rejected=2)
        self.assertEqual(self.stored("fact"), usage)
        self.assertEqual(usage.state, "current")

    def test_a_record_that_cannot_be_read_is_rejected_alone(self):
        self.assert_result(self.send(60, "sixty"), accepted=1, rejected=1)

    def test_a_fact_of_another_unit_is_the_same(self):
        first = self.record("av_hd", 60, "2024-10-01", id="fact")
        result = self.ingest(first, {**first, "quantity": 1, "unit": "min"})
        self.assert_result(result, accepted=1, duplicate=1)

    def test_lines_of_a_file_are_named_by_their_numbers(self):
        records = [self.record("av_hd", n, "2024-10-01", id="fact") for n in range(1, 4)]
        result = self.env["trtc.usage"].sudo()._ingest(records, "csv", lines=[2, 5, 9])
        self.assert_result(result, rejected=3)
        self.assertIn("The id fact stands on lines 2, 5 and 9", result["rejected"][0]["error"])
        self.assertEqual([one["index"] for one in result["rejected"]], [0, 1, 2])

    def test_a_thousand_records_of_one_id_do_not_make_a_page_of_each_sentence(self):
        result = self.send(*range(1, 1001))
        self.assert_result(result, rejected=1000)
        error = result["rejected"][999]["error"]
        self.assertIn("and 950 more", error)
        self.assertLess(len(error), 500)

    def test_the_sentence_can_be_read_in_the_preview_of_an_import(self):
        records = [self.record("av_hd", n, "2024-10-01", id="fact") for n in (1, 2)]
        rejected = []
        self.env["trtc.usage"].sudo()._read_facts(records, rejected, lines=[2, 3])
        self.assertEqual(len(rejected), 2)
        self.assertIn("lines 2 and 3", rejected[0]["error"])


@tagged("post_install", "-at_install")
class TestUsageSource(IngestCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    def sources(self):
        return self.env["trtc.usage.source"].search([("company_id", "=", self.env.company.id)])

    def refuse(self, name="feed"):
        return self.env["trtc.usage.source"].create({"name": name, "restating": "refuse"})

    # === ONE SENDER === #

    def test_a_source_is_entered_with_its_first_facts(self):
        self.ingest(source="nothing yet")
        self.ingest(self.record("av_hd", -1, "2024-10-01"), source="refused", check=False)
        self.assertFalse(self.sources())
        self.ingest(self.record("av_hd", 60, "2024-10-01"), source=" Feed ")
        self.assertRecordValues(
            self.sources(),
            [{"name": "Feed", "key": "feed", "restating": "replace", "spellings": ["Feed"]}],
        )
        self.ingest(self.record("av_hd", 60, "2024-10-01"), source="FEED")
        self.assertEqual(len(self.sources()), 1)

    def test_capitals_blanks_and_width_of_a_source_make_no_difference(self):
        """A feed that is set up anew with a capital sent everything a second time."""
        record = self.record("av_hd", 60, "2024-10-01")
        self.ingest(record, source="My Feed")
        for source in (
            "my feed",
            " MY  FEED ",
            "My\u00a0Feed",
            "\uff2d\uff39 feed",
            "My Feed\u200b",
        ):
            with self.subTest(source=ascii(source)):
                self.assert_result(self.ingest(record, source=source), duplicate=1)
        self.assert_result(self.ingest({**record, "quantity": 90}, source="MY FEED"), restated=1)
        self.assertEqual(set(self.stored(record["id"]).mapped("source")), {"My Feed"})
        self.assert_result(self.ingest(record, source="other feed"), accepted=1)

    def test_the_source_of_another_company_is_another_one(self):
        self.ingest(self.record("av_hd", 60, "2024-10-01"), source="Feed")
        other = self.setup_other_company(name="Other")["company"]
        self.env.user.company_ids |= other
        usage = self.env["trtc.usage"].with_context(allowed_company_ids=other.ids)
        usage.ingest([self.record("av_hd", 60, "2024-10-01")], "FEED")
        found = self.env["trtc.usage.source"].search([("company_id", "=", other.id)])
        self.assertEqual(found.name, "FEED")

    def test_an_id_that_came_under_another_spelling_is_known(self):
        """Rows of before the update carry the spelling of their day."""
        first, second = (self.usage("av_hd", 60, "2024-10-01", source="feed") for _n in range(2))
        self.env.cr.execute("UPDATE trtc_usage SET source = 'FEED' WHERE id = %s", [second.id])
        self.env.cr.execute(
            "UPDATE trtc_usage_source SET spellings = '[\"feed\", \"FEED\"]' WHERE key = 'feed'"
        )
        self.env.invalidate_all()
        for usage in (first, second):
            record = self.record("av_hd", 60, "2024-10-01", id=usage.external_id)
            self.assert_result(self.ingest(record, source="Feed"), duplicate=1)
            self.assert_result(self.ingest({**record, "quantity": 7}, source="Feed"), restated=1)
            self.assertEqual(usage.state, "superseded")
        self.assertEqual(self.stored(second.external_id, state="current").source, "feed")

    def test_a_fact_that_counts_twice_under_two_spellings_is_restated_once_for_both(self):
        first = self.usage("av_hd", 60, "2024-10-01", source="feed", id="fact")
        second = self.usage("av_hd", 60, "2024-10-01", source="other", id="fact")
        self.env.cr.execute("UPDATE trtc_usage SET source = 'FEED' WHERE id = %s", [second.id])
        self.env.cr.execute(
            "UPDATE trtc_usage_source SET spellings = '[\"feed\", \"FEED\"]' WHERE key = 'feed'"
        )
        self.env.invalidate_all()
        new = self.usage("av_hd", 90, "2024-10-01", source="feed", id="fact")
        self.assertEqual((first | second).superseded_by_id, new)
        self.assertEqual((first | second).mapped("state"), ["superseded"] * 2)

    # === RESTATING === #

    def test_a_source_may_refuse_other_content_under_a_known_id(self):
        self.refuse("Feed")
        record = self.record("av_hd", 60, "2024-10-01", id="fact")
        self.assert_result(self.ingest(record, source="feed"), accepted=1)
        self.assert_result(self.ingest(record, source="feed"), duplicate=1)
        other = self.record("av_hd", 60, "2024-10-01")
        result = self.ingest({**record, "quantity": 90}, other, source="FEED", check=False)
        self.assert_result(result, accepted=1, rejected=1)
        self.assertEqual((result["rejected"][0]["index"], result["rejected"][0]["id"]), (0, "fact"))
        self.assertIn("The id fact is known with other content", result["rejected"][0]["error"])
        self.assertIn("source Feed", result["rejected"][0]["error"])
        self.assertEqual(self.quantity(self.stored("fact")), 60)

    def test_a_source_that_allows_it_again_replaces(self):
        source = self.refuse()
        self.usage("av_hd", 60, "2024-10-01", source="feed", id="fact")
        source.restating = "replace"
        record = self.record("av_hd", 90, "2024-10-01", id="fact")
        self.assert_result(self.ingest(record, source="feed"), restated=1)

    # === THE LIST === #

    def test_a_source_keeps_its_ids(self):
        self.usage("av_hd", 60, "2024-10-01", source="feed")
        source = self.sources()
        source.name = "Feed"
        self.assertEqual((source.name, source.spellings), ("Feed", ["feed", "Feed"]))
        for change in ({"name": "other"}, {"key": "other"}, {"spellings": []}):
            with self.assertRaises(UserError):
                source.write(change)
        with self.assertRaisesRegex(UserError, "(?i)cannot delete feed"):
            source.unlink()
        with self.assertRaisesRegex(UserError, "(?i)cannot delete feed"):
            source.with_context(_force_unlink=True).unlink()
        self.refuse("mistyped").unlink()

    def test_a_second_source_of_that_name_is_refused(self):
        self.refuse("feed")
        with self.assertRaisesRegex(ValidationError, "There is a source feed"):
            self.refuse("FEED ")

    def test_what_is_no_name_is_refused_with_a_sentence(self):
        for name in ("x" * 300, "a\tb", " \u200b"):
            with self.assertRaises(ValidationError):
                self.refuse(name)

    def test_a_copy_is_another_source(self):
        self.assertEqual(self.refuse("feed").copy().key, "feed (copy)")

    def test_what_is_wrong_with_a_source_is_said_by_the_database(self):
        """A source without a name answered with the name of a constraint."""
        sources = self.env["trtc.usage.source"].with_user(self.user_manager)
        for vals, sentence in (
            ({"restating": "refuse"}, r"TRTC Usage Source: enter a value for Name\.$"),
            ({"name": "a", "restating": "x"}, "x is none of the choices"),
            ({"name": "a", "company_id": 2**31 - 1}, "there is no such record"),
        ):
            with self.subTest(vals=vals), self.assertRaisesRegex(UserError, sentence):
                sources.create(vals)
        source = sources.create({"name": "feed"})
        for vals, sentence in (
            ({"name": False}, "Name cannot be empty"),
            ({"restating": "x"}, "x is none of the choices"),
            ({"restating": False}, "cannot be empty"),
        ):
            with self.subTest(vals=vals), self.assertRaisesRegex(UserError, sentence):
                source.write(vals)

    def test_the_values_of_a_caller_are_changed(self):
        vals = {"name": " Feed "}
        self.env["trtc.usage.source"].create(vals)
        self.assertEqual(vals, {"name": " Feed "})

    def test_operators_read_and_managers_edit_sources(self):
        self.usage("av_hd", 60, "2024-10-01", source="feed")
        source = self.sources()
        self.assertEqual(source.with_user(self.user_operator).restating, "replace")
        source.with_user(self.user_manager).restating = "refuse"
        with self.assertRaises(UserError):
            source.with_user(self.user_operator).restating = "replace"
        for role in ("reader", "accountant", "portal", "api_sender", "employee"):
            with self.assertRaises(UserError):
                source.with_user(getattr(self, f"user_{role}")).read(["name"])

    def test_the_manager_of_one_company_does_not_see_sources_of_another(self):
        self.usage("av_hd", 60, "2024-10-01", source="feed")
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self.make_user("manager", company=other)
        self.assertFalse(self.env["trtc.usage.source"].with_user(stranger).search([]))
        with self.assertRaises(UserError):
            self.sources().with_user(stranger).restating = "refuse"

    def test_the_api_sender_enters_a_source(self):
        env = self.env(user=self.user_api_sender)
        result = self.ingest(self.record("av_hd", 60, "2024-10-01"), source="fresh", env=env)
        self.assert_result(result, accepted=1)
        self.assertEqual(self.sources().mapped("name"), ["fresh"])
