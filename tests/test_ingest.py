from decimal import Decimal

from psycopg2.errors import CheckViolation, UniqueViolation

from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .common import TrtcCommon

COUNTS = ("accepted", "duplicate", "restated", "unassigned")


class IngestCommon(TrtcCommon):
    def assert_result(self, result, rejected=0, **counts):
        expected = {**dict.fromkeys(COUNTS, 0), **counts}
        self.assertEqual({name: result[name] for name in COUNTS}, expected)
        self.assertEqual(len(result["rejected"]), rejected, result["rejected"])
        self.assertEqual(set(result), {*COUNTS, "rejected"})

    def stored(self, external_id, **equal):
        domain = [("external_id", "=", external_id)]
        domain += [(name, "=", value) for name, value in equal.items()]
        return self.env["trtc.usage"].search(domain, order="id")

    def quantity(self, usage):
        """Return the exact quantity that the database holds."""
        usage.ensure_one()
        query = SQL("SELECT quantity::text FROM trtc_usage WHERE id = %s", usage.id)
        return Decimal(self.env.execute_query(query)[0][0])

    def notes(self):
        notes = self.env["trtc.settlement.note"].sudo().search([])
        return {(note.account_id, note.cycle, note.date_from, note.date_to) for note in notes}


@tagged("post_install", "-at_install")
class TestIngestOnce(IngestCommon):
    def test_the_same_fact_sent_twice_counts_once(self):
        record = self.record("av_hd", 60, "2024-10-01")
        self.assert_result(self.ingest(record), accepted=1)
        before = self.stored(record["id"]).read()
        self.assert_result(self.ingest(record), duplicate=1)
        self.assertEqual(self.stored(record["id"]).read(), before)

    def test_the_same_fact_twice_in_one_batch_counts_once(self):
        record = self.record("av_hd", 60, "2024-10-01")
        self.assert_result(self.ingest(record, dict(record)), accepted=1, duplicate=1)
        self.assertEqual(len(self.stored(record["id"])), 1)

    def test_the_same_fact_written_otherwise_counts_once(self):
        record = self.record("av_hd", 60, "2024-10-01T08:00:00", tags={"a": "1", "b": "2"})
        self.ingest(record)
        again = [
            {**record, "quantity": "60.000"},
            {**record, "quantity": "1", "unit": "min"},
            {**record, "quantity": 60.0, "unit": "s"},
            {**record, "sdkappid": int(record["sdkappid"])},
            {**record, "start": "2024-10-01T00:00:00Z"},
            {**record, "tags": {"b": "2", "a": "1"}},
            {**record, "end": None, "unit": ""},
        ]
        self.assert_result(self.ingest(*again), duplicate=len(again))

    def test_a_duplicate_makes_nothing_be_settled_again(self):
        record = self.record("av_hd", 60, "2024-10-01")
        self.ingest(record)
        self.settle("2024-10-31")
        self.assertFalse(self.notes())
        self.ingest(record)
        self.assertFalse(self.notes())

    def test_other_content_under_the_same_id_replaces_and_keeps_the_old_fact(self):
        old = self.usage("av_hd", 60, "2024-10-01", id="fact")
        result = self.ingest(self.record("av_hd", 90, "2024-10-01", id="fact"))
        self.assert_result(result, restated=1)
        new = self.stored("fact", state="current")
        self.assertEqual(len(self.stored("fact")), 2)
        self.assertEqual((old.state, old.superseded_by_id), ("superseded", new))
        self.assertEqual((self.quantity(old), self.quantity(new)), (60, 90))

    def test_a_chain_of_restatements_leads_to_the_fact_in_force(self):
        for quantity in (10, 20, 30):
            self.ingest(self.record("av_hd", quantity, "2024-10-01", id="fact"))
        first, second, third = self.stored("fact")
        self.assertEqual(first.superseded_by_id, second)
        self.assertEqual(second.superseded_by_id, third)
        self.assertFalse(third.superseded_by_id)
        self.assertEqual((first + second + third).mapped("state")[2], "current")

    def test_a_fact_that_goes_back_to_what_it_was_is_restated_twice(self):
        for quantity, counts in ((10, "accepted"), (20, "restated"), (10, "restated")):
            result = self.ingest(self.record("av_hd", quantity, "2024-10-01", id="fact"))
            self.assert_result(result, **{counts: 1})
        self.assertEqual(self.quantity(self.stored("fact", state="current")), 10)

    def test_a_restated_fact_is_settled_by_the_difference(self):
        self.usage("av_hd", 600, "2024-10-01", id="fact")
        self.settle("2024-10-31")
        self.usage("av_hd", 60, "2024-10-01", id="fact")
        adjustment = self.settle("2024-10-31")
        self.assertTrue(adjustment.is_adjustment)
        self.assertEqual(self.total("quantity", of=adjustment), -9)
        self.assertEqual(self.total("quantity"), 1)
        self.assert_books()

    def test_a_fact_that_moves_to_another_account_leaves_the_first_one(self):
        other = self.make_application(self.make_account())
        self.usage("av_hd", 600, "2024-10-01", id="fact")
        self.settle("2024-10-31")
        self.usage("av_hd", 600, "2024-10-01", other, id="fact")
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity"), 0)
        self.assertEqual(self.total("quantity", of=other.account_id), 10)
        self.assert_books()

    def test_a_fact_that_moves_to_another_day_leaves_the_first_one(self):
        self.usage("av_hd", 600, "2024-09-30", id="fact")
        self.settle("2024-10-31")
        self.usage("av_hd", 600, "2024-10-01", id="fact")
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity", day="2024-09-30"), 0)
        self.assertEqual(self.total("quantity", day="2024-10-01"), 10)
        self.assert_books()

    def test_a_fact_is_taken_back_by_a_quantity_of_zero(self):
        self.usage("av_hd", 600, "2024-10-01", id="fact")
        self.settle("2024-10-31")
        self.assert_result(
            self.ingest(self.record("av_hd", 0, "2024-10-01", id="fact")), restated=1
        )
        self.settle("2024-10-31")
        self.assertEqual((self.total("quantity"), self.total("amount")), (0, 0))
        self.assert_books()

    def test_the_same_id_from_another_source_is_another_fact(self):
        record = self.record("av_hd", 60, "2024-10-01")
        for source in ("feed-a", "feed-b", "feed a"):
            self.assert_result(self.ingest(record, source=source), accepted=1)
        self.assertEqual(self.stored(record["id"]).mapped("source"), ["feed-a", "feed-b", "feed a"])

    def test_the_same_id_in_another_company_is_another_fact(self):
        record = self.record("av_hd", 60, "2024-10-01")
        self.ingest(record)
        other = self.setup_other_company(name="Other")["company"]
        self.env.user.company_ids |= other
        env = self.env(context={**self.env.context, "allowed_company_ids": other.ids})
        # The application belongs to the first company: unknown in the other one
        self.assert_result(self.ingest(record, env=env), unassigned=1)
        self.assertEqual(self.stored(record["id"]).company_id, self.env.company | other)
        self.settle("2024-10-31")
        self.assertEqual(self.total("metered_quantity"), 60)

    def test_an_id_is_what_its_digits_say(self):
        self.ingest(self.record("av_hd", 60, "2024-10-01", id=42))
        again = self.record("av_hd", 60, "2024-10-01", id=" 42 ")
        self.assert_result(self.ingest(again), duplicate=1)

    def test_the_database_itself_refuses_a_second_fact_in_force(self):
        usage = self.usage("av_hd", 60, "2024-10-01")
        copy = SQL(
            """
            INSERT INTO trtc_usage (company_id, source, external_id, sdkappid, item_code,
                                    quantity, date, start, state, fingerprint)
            SELECT company_id, source, external_id, sdkappid, item_code,
                   quantity, date, start, 'current', 'other'
              FROM trtc_usage WHERE id = %s
            """,
            usage.id,
        )
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(copy)

    def test_the_database_itself_refuses_negative_usage(self):
        usage = self.usage("av_hd", 60, "2024-10-01")
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(SQL("UPDATE trtc_usage SET quantity = -1 WHERE id = %s", usage.id))
