from decimal import Decimal
from unittest.mock import patch

from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestAdoption(TrtcCommon):
    """What intake could not assign is assigned and billed once by a settlement.

    Another transaction that is not committed yet is played by an intake that finds
    nothing: the hooks of what is created have run before, and nothing else calls.
    """

    def _ingest_blindly(self, *records, blind_to=("trtc.application", "trtc.item")):
        """Ingest records while another transaction creates what they belong to."""
        Usage = type(self.env["trtc.usage"])
        look = Usage._get_by_word

        def find(usage, model, field, words):
            return {} if model in blind_to else look(usage, model, field, words)

        with patch.object(Usage, "_get_by_word", find):
            result = self.ingest(*records)
        self.assertEqual(result["unassigned"], len(records))

    def _make_item(self, code, unit, **vals):
        """Return a billing item like HD minutes, metered in another unit."""
        item = self.item("av_hd")
        return item.copy({"code": code, "usage_uom_id": unit.id, **vals})

    def _unit(self, word):
        return self.env["uom.uom"].search([("trtc_code", "=", word)]).ensure_one()

    def _assert_billed_once(self, minutes):
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), minutes)
        self.assertFalse(self.env["trtc.usage"].search([("account_id", "=", False)]))
        self.assertFalse(self.settle("2024-10-31"), "a second run finds nothing")
        self.assertEqual(self.total("billable_quantity"), minutes)
        self.assertEqual(len(self.invoice("2024-10-31")), 1)
        self.assertFalse(self.invoice("2024-11-30"))
        self.assert_books()

    # === WHAT INTAKE DOES NOT SEE === #

    def test_usage_misses_an_application_that_is_just_being_created(self):
        record = self.record("av_hd", 600, "2024-10-01")
        self._ingest_blindly(record, blind_to=("trtc.application",))
        self._assert_billed_once(10)

    def test_usage_misses_an_item_that_is_just_being_created(self):
        record = self.record("av_hd", 600, "2024-10-01")
        self._ingest_blindly(record, blind_to=("trtc.item",))
        self._assert_billed_once(10)

    def test_usage_misses_application_and_item_at_once(self):
        self._ingest_blindly(self.record("av_hd", 10, "2024-10-01", unit="min"))
        self._assert_billed_once(10)

    def test_usage_misses_the_corrected_code_of_an_item(self):
        item = self._make_item("mistyped", self._unit("s"))
        item.code = "corrected"
        self._ingest_blindly(self.record("corrected", 600, "2024-10-01"), blind_to=("trtc.item",))
        self._assert_billed_once(10)

    def test_a_corrected_code_finds_the_usage_that_waits_for_it(self):
        item = self._make_item("mistyped", self._unit("s"))
        self.assertEqual(self.ingest(self.record("corrected", 600, "2024-10-01"))["unassigned"], 1)
        item.code = "corrected"
        self._assert_billed_once(10)

    def test_usage_misses_a_word_for_a_unit_that_comes_later(self):
        usage = self.usage("new_item", 20, "2024-10-01", unit="halfmin")
        self._make_item("new_item", self._unit("s"))
        self.assertFalse(usage.item_id, "nobody knows how long a halfmin is")
        self.assertFalse(self.settle("2024-10-31"))
        self.env["uom.uom"].create(
            {
                "name": "Half a minute",
                "trtc_code": "halfmin",
                "relative_factor": 30,
                "relative_uom_id": self._unit("s").id,
            }
        )
        self._assert_billed_once(10)

    def test_late_adoption_of_a_settled_day_is_lost(self):
        self.usage("av_hd", 600, "2024-10-01")
        self.invoice("2024-10-31").action_post()
        record = self.record("av_hd", 90, "2024-10-01")
        self._ingest_blindly(record)
        adjustment = self.settle("2024-10-31")
        self.assertTrue(adjustment.is_adjustment)
        self.assertEqual(adjustment.line_ids.billable_quantity, 2)
        self.assertEqual(self.ingest(record)["duplicate"], 1)
        self.assert_books()

    # === CONVERSION === #

    def _adopt_minutes(self, seconds):
        """Adopt seconds for an item that is metered in minutes; return the usage."""
        usage = self.usage("new_item", seconds, "2024-10-01", unit="s")
        minute = self._unit("min")
        self._make_item("new_item", minute, block_size=1)
        self.assertTrue(usage.item_id)
        return usage

    def test_noise_of_a_conversion_bills_a_minute_too_much(self):
        usage = self._adopt_minutes(540)
        self.assertEqual(self._stored_quantity(usage), Decimal(9))
        self._assert_billed_once(9)

    def test_adopted_usage_has_more_digits_than_usage_that_was_assigned_at_once(self):
        adopted = self._adopt_minutes(100)
        direct = self.usage("new_item", 100, "2024-10-01", unit="s")
        self.assertEqual(self._stored_quantity(adopted), Decimal("1.666666667"))
        self.assertEqual(self._stored_quantity(direct), Decimal("1.666666667"))

    def _stored_quantity(self, usage):
        self.env.cr.execute("SELECT quantity::text FROM trtc_usage WHERE id = %s", [usage.id])
        return Decimal(self.env.cr.fetchone()[0])
