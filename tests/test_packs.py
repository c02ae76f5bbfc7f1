from datetime import date

from freezegun import freeze_time
from psycopg2.errors import CheckViolation, ExclusionViolation, UniqueViolation

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.markers import SETTLING
from .common import TrtcCommon


class PackCase(TrtcCommon):
    """An account without free minutes, whose packs are made by hand."""

    def _use(self, minutes, day, item="av_hd", application=None):
        return self.usage(item, minutes, day, application, unit="min")

    def _assert_left(self, pack, minutes):
        self.assertEqual(pack.minutes_left, minutes)
        drawn = sum(pack.draw_ids.mapped("minutes"))
        self.assertEqual(pack.minutes - drawn, minutes, "the ledger misses minutes")


@tagged("post_install", "-at_install")
class TestDrawDown(PackCase):
    """Which pack covers what, and that no minute is drawn twice or lost."""

    # === ORDER === #

    def test_free_minutes_come_before_every_pack(self):
        self.account.free_policy_id = self.env.ref("trtc_billing.free_policy_2023")
        narrow = self.make_pack(400, "2024-10-01", "2024-10-02", application=self.application)
        self._use(2_550, "2024-10-01")
        self.settle("2024-10-31")
        line = self.lines()
        self.assertEqual((line.free_quantity, line.pack_quantity), (2_500, 50))
        self._assert_left(narrow, 200)
        self.assert_books()

    def test_the_pack_of_an_application_comes_before_one_of_the_account(self):
        wide = self.make_pack(400, "2024-10-01", "2024-10-02")
        narrow = self.make_pack(400, "2024-10-01", "2024-12-31", application=self.application)
        self._use(150, "2024-10-01")
        self.settle("2024-10-31")
        self._assert_left(narrow, 0)
        self._assert_left(wide, 200)

    def test_the_pack_that_expires_first_comes_first(self):
        late = self.make_pack(400, "2024-09-01", "2024-12-31")
        early = self.make_pack(400, "2024-10-01", "2024-11-30")
        self._use(50, "2024-10-01")
        self.settle("2024-10-31")
        self._assert_left(early, 200)
        self._assert_left(late, 400)

    def test_a_pack_of_another_application_is_drawn(self):
        other = self.make_application()
        pack = self.make_pack(400, "2024-10-01", "2024-10-31", application=other)
        self._use(50, "2024-10-01")
        self.settle("2024-10-31")
        self._assert_left(pack, 400)
        self.assertEqual(self.total("billable_quantity"), 50)

    # === DATES === #

    def test_a_pack_serves_from_midnight_of_its_first_day_to_that_of_its_last(self):
        pack = self.make_pack(400, "2024-10-02", "2024-10-03")
        for moment in (
            "2024-10-01T23:59:59+08:00",
            "2024-10-02T00:00:00+08:00",
            "2024-10-03T23:59:59+08:00",
            "2024-10-04T00:00:00+08:00",
        ):
            self.usage("av_hd", 60, moment)
        self.settle("2024-10-31")
        self.assertEqual(
            [(str(draw.date), draw.minutes) for draw in pack.draw_ids.sorted("date")],
            [("2024-10-02", 4), ("2024-10-03", 4)],
        )
        self.assertEqual(self.total("billable_quantity"), 2)

    def test_a_pack_bought_today_covers_today_and_never_yesterday(self):
        self._use(10, "2024-10-01")
        self._use(10, "2024-10-02")
        self.settle("2024-10-31")
        self.invoice("2024-10-31").action_post()
        pack = self.make_pack(400, "2024-10-02", "2025-10-31")
        adjustment = self.settle("2024-10-31")
        self._assert_left(pack, 360)
        self.assertEqual(adjustment.line_ids.mapped("date"), [date(2024, 10, 2)])
        self.assertEqual(adjustment.line_ids.pack_quantity, 10)
        self.assertEqual(adjustment.line_ids.amount, -0.0399)
        self.assert_books()

    def test_what_is_left_lapses(self):
        pack = self.make_pack(400, "2024-10-01", "2024-10-31")
        self._use(10, "2024-11-01")
        self.settle("2024-11-30")
        self._assert_left(pack, 400)
        self.assertEqual(pack.state, "expired")

    # === RATIOS AND WHOLE UNITS === #

    def test_seven_minutes_left_at_ratio_four(self):
        pack = self.make_pack(7, "2024-10-01", "2024-10-31")
        self._use(5, "2024-10-01")
        self.settle("2024-10-01")
        self._assert_left(pack, 3)
        self.assertEqual(self.total("billable_quantity"), 4)
        self._use(9, "2024-10-02", "av_audio")
        self.settle("2024-10-31")
        self._assert_left(pack, 0)
        self.assertEqual(self.total("pack_quantity", item="av_audio"), 3)
        self.assert_books()

    def test_live_audience_takes_half_a_minute(self):
        pack = self.make_pack(10, "2024-10-01", "2024-10-31")
        self._use(3, "2024-10-01", "live_audio")
        self._use(1, "2024-10-01", "live_fhd")
        self.settle("2024-10-31")
        self._assert_left(pack, 4)
        self.assertEqual(self.total("pack_quantity"), 4)

    def test_an_old_pack_goes_by_its_own_ratios(self):
        table = self.env.ref("trtc_billing.ratio_1_4_15")
        pack = self.make_pack(150, "2024-10-01", "2024-10-31", ratio_table_id=table.id)
        self._use(10, "2024-10-01", "av_fhd")
        self._use(10, "2024-10-01", "av_2k")
        self.settle("2024-10-31")
        self._assert_left(pack, 0)
        self.assertEqual(self.total("pack_quantity", item="av_2k"), 0)

    def test_recording_and_transcoding_draw_no_pack(self):
        pack = self.make_pack(400, "2024-10-01", "2024-10-31")
        self._use(10, "2024-10-01", "rec_hd")
        self._use(10, "2024-10-01", "mix_h264_hd")
        self.settle("2024-10-31")
        self._assert_left(pack, 400)

    # === ONCE === #

    def test_a5_rounding_draws_twice(self):
        pack = self.make_pack(100, "2024-10-01", "2024-10-31")
        drawn = []
        for seconds in (30, 20, 40):
            self.usage("av_audio", seconds, "2024-10-01")
            self.settle("2024-10-31")
            drawn.append(100 - pack.minutes_left)
        self.assertEqual(drawn, [1, 1, 2], "deducted 1, 0 and 1")
        self.assert_books()

    def test_usage_restated_after_posting_keeps_what_it_drew(self):
        pack = self.make_pack(100, "2024-10-01", "2024-10-31")
        record = self.record("av_audio", 120, "2024-10-01", unit="min")
        self.ingest(record)
        self.invoice("2024-10-31").action_post()
        self._assert_left(pack, 0)
        self.ingest({**record, "quantity": "40"})
        self.settle("2024-10-31")
        self._assert_left(pack, 60)
        self.assertEqual(self.total("amount"), 0)
        credit = self.invoice("2024-11-30")
        self.assertEqual((credit.move_type, credit.amount_untaxed), ("out_refund", 0.02))
        self.assert_books()

    def test_late_usage_moves_minutes_to_another_pack_without_a_trace(self):
        early = self.make_pack(40, "2024-10-01", "2024-10-10")
        late = self.make_pack(400, "2024-10-01", "2024-10-31")
        self._use(10, "2024-10-05")
        self.settle("2024-10-31")
        self._assert_left(early, 0)
        self._use(10, "2024-10-03")
        adjustment = self.settle("2024-10-31")
        self._assert_left(early, 0)
        self._assert_left(late, 360)
        moved = adjustment.line_ids.filtered(lambda line: line.date == date(2024, 10, 5))
        self.assertFalse(moved.quantity or moved.pack_quantity or moved.amount)
        self.assertEqual(
            {draw.pack_id: draw.minutes for draw in moved.draw_ids}, {early: -40, late: 40}
        )
        self.assertIn("other packs cover the usage now", moved.explanation)
        self.assert_books()

    def test_more_is_drawn_than_the_pack_holds(self):
        pack = self.make_pack(100, "2024-10-01", "2024-10-31")
        self._use(10, "2024-10-01")
        self.settle("2024-10-31")
        line = self.lines()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.env.cr.savepoint(),
        ):
            self.env["trtc.pack.draw"].sudo().with_context(trtc_settling=SETTLING).create(
                {
                    "pack_id": pack.id,
                    "statement_line_id": self._make_line(line).id,
                    "units": 20,
                    "minutes": 80,
                }
            )
            self.env.flush_all()

    def _make_line(self, line):
        """Return another statement line, as a run that went wrong might write it."""
        return line.sudo().with_context(trtc_settling=SETTLING).create(
            {
                "statement_id": line.statement_id.id,
                "application_id": line.application_id.id,
                "item_id": line.item_id.id,
                "date": "2024-10-09",
                "status": "billable",
                "kind": "usage",
            }
        )

    def test_two_runs_grant_a_cycle_twice(self):
        vals = {
            "name": "Free minutes",
            "account_id": self.account.id,
            "kind": "free",
            "minutes": 100,
            "date_start": "2024-10-01",
            "date_end": "2024-10-31",
        }
        self.env["trtc.minute.pack"].sudo().create(vals)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(ExclusionViolation),
            self.env.cr.savepoint(),
        ):
            self.env["trtc.minute.pack"].sudo().create({**vals, "date_start": "2024-10-31"})

    # === WHAT STAYS === #

    def test_a_pack_that_was_drawn_is_moved_shrunk_or_deleted(self):
        pack = self.make_pack(100, "2024-10-01", "2024-10-31")
        self._use(10, "2024-10-01")
        self.settle("2024-10-31")
        for vals in ({"kind": "prepaid"}, {"application_id": self.application.id}):
            with self.assertRaisesRegex(UserError, "stay as they are"), self.env.cr.savepoint():
                pack.write(vals)
        with self.assertRaisesRegex(ValidationError, "cannot hold fewer"), self.env.cr.savepoint():
            pack.minutes = 39
        with self.assertRaisesRegex(UserError, "cannot be deleted"), self.env.cr.savepoint():
            pack.unlink()
        with self.assertRaisesRegex(UserError, "stays as it was settled"):
            pack.draw_ids.sudo().write({"minutes": 0})
        with self.assertRaisesRegex(UserError, "stays as it was settled"), self.env.cr.savepoint():
            pack.draw_ids.sudo().unlink()

    def test_a_pack_that_is_archived_goes_on_covering(self):
        pack = self.make_pack(100, "2024-10-01", "2024-10-31")
        self._use(10, "2024-10-01")
        self.settle("2024-10-31")
        pack.active = False
        self.settle("2024-10-31")
        self._assert_left(pack, 100)
        self.assertEqual(self.total("billable_quantity"), 10)
        self.assert_books()

    def test_a_pack_of_an_application_of_another_account(self):
        stranger = self.make_application(self.make_account())
        with self.assertRaisesRegex(ValidationError, "does not belong to"):
            self.make_pack(10, "2024-10-01", "2024-10-31", application=stranger)


@tagged("post_install", "-at_install")
class TestAlert(PackCase):
    """The salesperson hears of a low balance, once for each time that it falls."""

    @freeze_time("2024-11-05 12:00:00")
    def test_a_low_balance_is_told_with_every_run(self):
        self.account.user_id = self.env.user
        pack = self.make_pack(1_000, "2024-10-01", "2024-12-31", alert_percent=20)
        self._use(790, "2024-10-01", "av_audio")
        self.settle("2024-10-31")
        self.assertFalse(pack.activity_ids)
        record = self.record("av_audio", 10, "2024-10-02", unit="min")
        self.ingest(record)
        self.settle("2024-10-31")
        self.assertEqual(pack.activity_ids.summary, f"Low balance: {pack.name}")
        self._use(10, "2024-10-03", "av_audio")
        self.settle("2024-10-31")
        self.assertEqual(len(pack.activity_ids), 1)
        self.ingest({**record, "quantity": "0"})
        self.settle("2024-10-31")
        self.assertEqual(pack.percent_left, 20)
        self.assertEqual(len(pack.activity_ids), 1, "it did not rise above 20 %")

    def test_a_balance_that_rose_and_fell_again_is_told_again(self):
        self.account.user_id = self.env.user
        pack = self.make_pack(100, "2024-10-01", "2024-12-31", alert_percent=50)
        record = self.record("av_audio", 60, "2024-10-02", unit="min")
        for minutes, alerts in ((60, 1), (10, 1), (70, 2)):
            self.ingest({**record, "quantity": str(minutes)})
            self.settle("2024-10-31")
            self.assertEqual(len(pack.activity_ids), alerts)

    def test_a_pack_without_alert(self):
        self.account.user_id = self.env.user
        pack = self.make_pack(100, "2024-10-01", "2024-12-31", alert_percent=0)
        self._use(100, "2024-10-02", "av_audio")
        self.settle("2024-10-31")
        self.assertFalse(pack.activity_ids)


@tagged("post_install", "-at_install")
class TestPackRights(PackCase):
    def test_who_reads_and_who_makes_packs(self):
        self.make_users()
        pack = self.make_pack(100, "2024-10-01", "2024-12-31")
        for role, reads, makes in (
            ("reader", True, False),
            ("operator", True, False),
            ("accountant", True, False),
            ("manager", True, True),
            ("api_sender", False, False),
            ("employee", False, False),
        ):
            packs = self.env["trtc.minute.pack"].with_user(getattr(self, f"user_{role}"))
            self.assertEqual(packs.has_access("read"), reads, role)
            self.assertEqual(packs.has_access("create"), makes, role)
            self.assertEqual(pack.with_user(packs.env.user).has_access("unlink"), makes, role)
            self.assertFalse(
                self.env["trtc.pack.draw"].with_user(packs.env.user).has_access("create"), role
            )

    def test_a_customer_sees_the_packs_of_another(self):
        self.make_users()
        own = self.make_pack(100, "2024-10-01", "2024-12-31")
        stranger = self.env["res.partner"].create({"name": "Stranger", "is_company": True})
        foreign = self.make_pack(
            100, "2024-10-01", "2024-12-31", account=self.make_account(partner_id=stranger.id)
        )
        packs = self.env["trtc.minute.pack"].with_user(self.user_portal)
        self.assertEqual(packs.search([]), own)
        self.assertFalse(foreign.with_user(self.user_portal).has_access("read"))

    def test_a_pack_of_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        manager = self.make_user("manager")
        pack = self.make_pack(
            100, "2024-10-01", "2024-12-31", account=self.make_account(company_id=other.id)
        )
        self.assertFalse(pack.with_user(manager).has_access("read"))

    def test_a_table_has_two_ratios_for_an_item(self):
        table = self.env.ref("trtc_billing.ratio_2025")
        table.line_ids = [Command.create({"item_id": self.item("av_hd").id, "ratio": 4})]
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.env.cr.savepoint(),
        ):
            table.line_ids = [Command.create({"item_id": self.item("av_hd").id, "ratio": 9})]
