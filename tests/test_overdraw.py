from unittest.mock import patch

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import TrtcCommon


class OverdrawCase(TrtcCommon):
    """A pack that is drawn to the last minute on the 20th."""

    def _use(self, minutes, day, item="av_audio", application=None):
        return self.usage(item, minutes, day, application, unit="min")

    def _draw_all(self, item="av_audio", minutes=100, **vals):
        pack = self.make_pack(100, "2024-10-01", "2024-10-31", **vals)
        self._use(minutes, "2024-10-20", item)
        self.settle("2024-10-31")
        self.assertEqual(pack.minutes_left, 0)
        return pack

    def _make_table(self, *codes):
        return self.env["trtc.ratio.table"].create(
            {
                "name": "Few",
                "line_ids": [
                    Command.create({"item_id": self.item(code).id, "ratio": 1}) for code in codes
                ],
            }
        )


@tagged("post_install", "-at_install")
class TestOverdraw(OverdrawCase):
    """More is drawn than a pack holds, as a run does not see what is drawn elsewhere."""

    def _assert_drawn(self, pack, **by_day):
        """Check how much of a pack the days of October draw."""
        drawn = {}
        for draw in pack.draw_ids:
            drawn[draw.date.day] = drawn.get(draw.date.day, 0) + draw.minutes
        self.assertEqual(
            {f"day_{day}": minutes for day, minutes in drawn.items() if minutes}, by_day
        )
        self.assert_books()

    def test_a_pack_that_was_shortened_is_drawn_twice(self):
        pack = self._draw_all()
        pack.date_end = "2024-10-10"
        self._use(60, "2024-10-05")
        self.settle("2024-10-10")
        self._assert_drawn(pack, day_5=60)
        self.settle("2024-10-31")
        self._assert_drawn(pack, day_5=60)
        self.assertEqual(self.total("billable_quantity"), 100)

    def test_an_item_that_left_the_table_goes_on_holding_minutes(self):
        table = self._make_table("av_audio", "av_hd")
        pack = self._draw_all("av_hd", ratio_table_id=table.id)
        table.line_ids.filtered(lambda line: line.item_id.code == "av_hd").unlink()
        self._use(60, "2024-10-05")
        self.settle("2024-10-19")
        self._assert_drawn(pack, day_5=60)

    def test_a_table_that_was_emptied_goes_on_covering(self):
        table = self._make_table("av_audio")
        pack = self._draw_all(ratio_table_id=table.id)
        table.line_ids.unlink()
        self.settle("2024-10-31")
        self._assert_drawn(pack)
        self.assertEqual(self.total("billable_quantity"), 100)

    def test_an_item_whose_ratio_became_nothing_stops_every_later_run(self):
        pack = self._draw_all("av_hd", 25)
        self.item("av_hd").pack_ratio = 0
        self._use(60, "2024-10-05")
        self.settle("2024-10-10")
        self._assert_drawn(pack, day_5=60)
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 25)
        self.assert_books()

    def test_a_changed_ratio_of_an_item_waits_for_late_usage(self):
        pack = self._draw_all("av_hd", 25)
        with_table = self.make_account()
        other = self.make_pack(
            100, "2024-10-01", "2024-10-31", with_table, ratio_table_id=self._make_table("av_hd").id
        )
        self._use(25, "2024-10-20", "av_hd", self.make_application(with_table))
        self.settle("2024-10-31")
        self.item("av_hd").pack_ratio = 2
        self.assertEqual(self.settle("2024-10-31").account_id, self.account)
        self.assertEqual((pack.minutes_left, other.minutes_left), (50, 75))
        self.item("av_hd").write({"pack_ratio": 2, "free_pack_ratio": 3})
        self.assertFalse(self.settle("2024-10-31"), "nothing of it concerns packs")
        self.assert_books()

    def test_a_pack_that_was_archived_is_drawn_twice(self):
        pack = self._draw_all()
        pack.active = False
        self._use(60, "2024-10-05")
        self.settle("2024-10-10")
        pack.active = True
        self._use(10, "2024-10-06")
        self.settle("2024-10-10")
        self._assert_drawn(pack, day_5=60, day_6=10, day_20=30)

    def test_a_pack_that_begins_later_keeps_what_earlier_days_drew(self):
        pack = self._draw_all()
        self._use(30, "2024-10-25")
        pack.date_start = "2024-10-21"
        self.settle("2024-10-31")
        self._assert_drawn(pack, day_25=30)


@tagged("post_install", "-at_install")
class TestOneAccountFails(OverdrawCase):
    """One account that cannot be billed keeps all others from it."""

    def setUp(self):
        super().setUp()
        self.other = self.make_account()
        self.other_application = self.make_application(self.other)

    @mute_logger("odoo.sql_db")
    def test_a_broken_rule_of_the_database_stops_the_run(self):
        pack = self._draw_all()
        self._use(60, "2024-10-05")
        self._use(60, "2024-10-05", application=self.other_application)
        accounts = type(self.env["trtc.account"])

        def overdraw(account, window):
            return [pack._get_pool(0) for pack in account._get_packs()]

        with (
            patch.object(accounts, "_extend_for_pools", lambda self, window: window),
            patch.object(accounts, "_get_pools", overdraw),
        ):
            statements = self.settle("2024-10-31")
        self.assertEqual(statements.account_id, self.other)
        self.assertEqual(pack.minutes_left, 0)
        told = self.account.message_ids[0].body
        self.assertIn("Not billed: A rule of the books would be broken", told)
        self.assertIn("No more minutes can be drawn from a pack than it holds.", told)
        self.settle("2024-10-31")
        self.assertEqual(self.total("pack_quantity"), 100)
        self.assert_books()

    def test_a_term_that_cannot_be_opened_stops_all_invoices(self):
        self.price_editions(self.pricelist_usd, {"pro": 100})
        for application in (self.application, self.other_application):
            self.subscribe(application, "pro", "2024-10-01")
            self._use(60, "2024-10-05", application=application)
        with self._failing_terms():
            self.settle("2024-10-31")
            moves = self.env["trtc.account"].create_invoices("2024-10-31")
        self.assertEqual(moves.trtc_account_id, self.other)
        self.assertIn("Not billed: no terms", self.account.message_ids[0].body)
        with self._failing_terms(), self.assertRaisesRegex(UserError, "no terms"):
            self.account.create_invoices("2024-10-31")

    def _failing_terms(self):
        accounts, broken = type(self.env["trtc.account"]), self.account
        failure = UserError("no terms")  # pylint: disable=translation-required
        original = accounts._open_terms

        def open_terms(account, until):
            original(account, until)
            if account == broken:
                raise failure

        return patch.object(accounts, "_open_terms", open_terms)
