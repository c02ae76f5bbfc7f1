from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestFreeMinutes(TrtcCommon):
    """Free minutes of dated policies: who gets how many, when, and for what."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy = cls.env.ref("trtc_billing.free_policy_2023")
        cls.account.free_policy_id = cls.policy

    def _use(self, minutes, day, item="av_hd", application=None):
        return self.usage(item, minutes, day, application, unit="min")

    def _free(self, **which):
        return self.total("free_quantity", **which)

    def _packs(self):
        packs = self.env["trtc.minute.pack"].search(
            [("account_id", "=", self.account.id)], order="date_start"
        )
        return [(str(pack.date_start), str(pack.date_end), pack.minutes_left) for pack in packs]

    # === DEFAULT === #

    def test_a_new_account_gets_the_newest_rule_that_could_be_read(self):
        account = self.env["trtc.account"].create(
            {"name": "New", "uin": "200000099999", "partner_id": self.customer.id}
        )
        self.assertEqual(account.free_policy_id, self.policy)
        self.assertEqual(self.policy.minutes, 10_000)

    def test_an_account_without_a_policy_is_billed_from_the_first_minute(self):
        self.account.free_policy_id = False
        self._use(100, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 100)
        self.assertFalse(self._packs())

    # === RATIOS === #

    def test_the_2023_ratios(self):
        for item, ratio in {
            "av_audio": 1, "av_hd": 4, "av_fhd": 9, "av_2k": 16, "av_4k": 36,
            "rec_audio": 1, "rec_hd": 4, "rec_fhd": 9, "rec_2k": 16, "rec_4k": 36,
        }.items():  # fmt: skip
            self._use(10, "2024-10-01", item)
            self.settle("2024-10-01")
            draw = self.lines(item=item).draw_ids
            self.assertEqual((item, draw.units, draw.minutes), (item, 10, 10 * ratio))
        self.assertEqual(self._packs(), [("2024-10-01", "2024-10-31", 10_000 - 2 * 660)])
        self.assert_books()

    def test_the_1_to_1_era_takes_calls_before_recording(self):
        self.account.free_policy_id = self.env.ref("trtc_billing.free_policy_2021")
        self._use(6_000, "2024-10-01", "rec_hd")
        self._use(7_000, "2024-10-01", "av_hd")
        self.settle("2024-10-31")
        self.assertEqual(self._free(item="av_hd"), 7_000)
        self.assertEqual(self._free(item="rec_hd"), 3_000)
        self.assertEqual(self.total("billable_quantity"), 3_000)
        self.assert_books()

    def test_transcoding_draws_only_where_the_overview_of_2022_is_followed(self):
        self._use(10, "2024-10-01", "mix_h264_hd")
        self.settle("2024-10-31")
        self.assertEqual(self._free(), 0)
        other = self.make_account(
            free_policy_id=self.env.ref("trtc_billing.free_policy_2021_mix").id
        )
        self._use(10, "2024-10-01", "mix_h264_hd", self.make_application(other))
        self.settle("2024-10-31")
        self.assertEqual(self._free(of=other), 10)

    def test_what_is_not_verified_draws_nothing(self):
        newest = self.env.ref("trtc_billing.free_policy_2025")
        self.assertFalse(newest.active)
        self.account.write({"free_policy_id": newest.id, "free_from": "2024-10-01"})
        self._use(10, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self._free(), 0)

    # === SCOPE AND ORDER === #

    def test_applications_of_an_account_share_the_free_minutes_by_sdkappid(self):
        second = self.make_application()
        self._use(2_000, "2024-10-01", application=second)
        self._use(2_000, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self._free(application=self.application), 2_000)
        self.assertEqual(self._free(application=second), 500)
        self.assert_books()

    def test_late_usage_of_an_early_day_takes_free_minutes_from_later_days(self):
        self._use(2_000, "2024-10-20")
        self.settle("2024-10-31")
        self.assertEqual(self._free(), 2_000)
        self._use(1_000, "2024-10-05")
        adjustments = self.settle("2024-10-31")
        self.assertEqual(self._free(day="2024-10-05"), 1_000)
        self.assertEqual(self._free(day="2024-10-20"), 1_500)
        moved = adjustments.line_ids.filtered(lambda line: line.date == date(2024, 10, 20))
        self.assertEqual((moved.free_quantity, moved.billable_quantity), (-500, 500))
        self.assertIn("covered 2,000 before and cover 1,500 now", moved.explanation)
        self.assertIn("usage, minutes or settings of this or an earlier day", moved.explanation)
        self.assertNotIn("own free quantity", moved.explanation)
        self.assertFalse(self.settle("2024-10-31"))
        self.assert_books()

    def test_restated_usage_leaves_free_minutes_with_nobody(self):
        record = self.record("av_hd", 3_000, "2024-10-05", unit="min")
        self.ingest(record)
        self._use(1_000, "2024-10-06")
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 1_500)
        self.ingest({**record, "quantity": "100"})
        self.settle("2024-10-31")
        self.assertEqual(self._free(), 1_100)
        self.assertEqual(self.total("billable_quantity"), 0)
        self.assertEqual(self._packs(), [("2024-10-01", "2024-10-31", 5_600)])
        self.assert_books()

    def test_settling_day_by_day_gives_another_bill(self):
        for number in range(1, 11):
            self._use(300, f"2024-10-{number:02}")
        self.settle("2024-10-31")
        other = self.make_account(free_policy_id=self.policy.id)
        application = self.make_application(other)
        for number in (3, 1, 2, 7, 10, 9, 4, 8, 6, 5):
            self._use(300, f"2024-10-{number:02}", application=application)
            self.settle("2024-10-31", other)
        for day in range(1, 11):
            of_day = {"day": f"2024-10-{day:02}"}
            self.assertEqual(self._free(**of_day), self._free(of=other, **of_day))
        self.assertEqual(self.total("amount"), self.total("amount", of=other))
        self.assert_books()

    def test_locked_usage_takes_free_minutes(self):
        self.item("rec_hd").feature_id = self.feature("terminal_screenshot")
        self._use(100, "2024-10-01", "rec_hd")
        self.settle("2024-10-31")
        self.assertEqual(self.lines().status, "locked")
        self.assertFalse(self.lines().draw_ids)

    # === CYCLES === #

    def test_p3_a_cycle_lasts_until_the_day_before_the_day_received(self):
        self.account.free_from = "2022-11-15"
        self._use(10, "2022-11-14")
        self._use(10, "2022-11-15")
        self._use(10, "2022-12-14")
        self._use(10, "2022-12-15")
        self.settle("2022-12-31")
        self.assertEqual(self._free(day="2022-11-14"), 0)
        self.assertEqual(
            self._packs(),
            [("2022-11-15", "2022-12-14", 9_920), ("2022-12-15", "2023-01-14", 9_960)],
        )

    def test_the_31st_and_29_february(self):
        self.account.free_from = "2024-01-31"
        for day in ("2024-02-28", "2024-02-29", "2024-03-30", "2024-03-31"):
            self._use(10, day)
        self.settle("2024-04-30")
        self.assertEqual(
            self._packs(),
            [
                ("2024-01-31", "2024-02-28", 9_960),
                ("2024-02-29", "2024-03-30", 9_920),
                ("2024-03-31", "2024-04-29", 9_960),
            ],
        )

    def test_calendar_months_do_not_roll_over(self):
        self._use(1_000, "2024-10-31")
        self._use(4_000, "2024-11-01")
        self.settle("2024-11-30")
        self.assertEqual(self._free(day="2024-10-31"), 1_000)
        self.assertEqual(self._free(day="2024-11-01"), 2_500)

    def test_a_minute_before_midnight_in_billing_time_belongs_to_the_old_cycle(self):
        self.usage("av_hd", 60, "2024-10-31T15:59:00+00:00")
        self.usage("av_hd", 60, "2024-10-31T16:00:00+00:00")
        self.settle("2024-11-30")
        self.assertEqual(
            self._packs(),
            [("2024-10-01", "2024-10-31", 9_996), ("2024-11-01", "2024-11-30", 9_996)],
        )

    def test_a_package_of_the_china_site_is_granted_once(self):
        self.account.write(
            {
                "free_policy_id": self.env.ref("trtc_billing.free_policy_china_2019").id,
                "free_from": "2020-05-01",
            }
        )
        self._use(9_990, "2020-05-01", "av_fhd")
        self._use(20, "2021-05-31")
        self._use(20, "2021-06-01")
        self.settle("2021-06-30")
        self.assertEqual(self._packs(), [("2020-05-01", "2021-05-31", 0)])
        self.assertEqual(self._free(day="2021-05-31"), 10)
        self.assertEqual(self._free(day="2021-06-01"), 0)

    def test_no_cycle_after_the_last_month_granted(self):
        policy = self.policy.copy({"months_max": 2})
        self.account.write({"free_policy_id": policy.id, "free_from": "2024-01-10"})
        for day in ("2024-02-10", "2024-03-09", "2024-03-10"):
            self._use(10, day)
        self.settle("2024-03-31")
        self.assertEqual(self._packs(), [("2024-02-10", "2024-03-09", 9_920)])

    def test_a_limited_policy_without_its_first_day(self):
        policy = self.policy.copy({"months_max": 12})
        with self.assertRaisesRegex(ValidationError, "Free Minutes Since"):
            self.account.free_policy_id = policy

    def test_a_policy_that_needs_an_edition(self):
        self.account.free_policy_id = self.policy.copy({"requires_edition": True})
        self._use(10, "2024-09-01")
        self._use(10, "2024-10-01")
        self.subscribe(self.application, "trial", "2024-10-30")
        self.settle("2024-10-31")
        self.assertEqual(self._free(day="2024-09-01"), 0)
        self.assertEqual(self._free(day="2024-10-01"), 10)

    # === CHANGE OF POLICY === #

    def test_a_policy_reaches_back_into_settled_months_unasked(self):
        self.account.free_policy_id = False
        self._use(100, "2024-09-30")
        self._use(100, "2024-10-01")
        self.settle("2024-10-31")
        with self.assertRaisesRegex(UserError, "from which day"), self.env.cr.savepoint():
            self.account.free_policy_id = self.policy
        self.env.invalidate_all()
        self.account.write({"free_policy_id": self.policy.id, "free_from": "2024-10-01"})
        self.settle("2024-10-31")
        self.assertEqual(self._free(day="2024-09-30"), 0)
        self.assertEqual(self._free(day="2024-10-01"), 100)
        self.assert_books()

    def test_granted_minutes_vanish_with_a_new_policy(self):
        self._use(100, "2024-10-01")
        self.settle("2024-10-31")
        self.account.write(
            {
                "free_policy_id": self.env.ref("trtc_billing.free_policy_2021").id,
                "free_from": "2024-10-15",
            }
        )
        self._use(100, "2024-10-20")
        self._use(100, "2024-11-01")
        self.settle("2024-11-30")
        self.assertEqual(
            self._packs(),
            [("2024-10-01", "2024-10-31", 9_200), ("2024-11-01", "2024-11-30", 9_900)],
        )
        self.assert_books()

    def test_the_cycle_after_a_switch_of_policies_is_left_out(self):
        self._use(100, "2024-10-05")
        self.settle("2024-10-31")
        new = self.policy.copy({"minutes": 8_000})
        self.account.write({"free_policy_id": new.id, "free_from": "2024-10-15"})
        for day in ("2024-10-20", "2024-11-10", "2024-11-14", "2024-11-15"):
            self._use(100, day)
        self.settle("2024-11-30")
        self.assertEqual(
            self._packs(),
            [
                ("2024-10-01", "2024-10-31", 9_200),
                ("2024-11-01", "2024-11-14", 7_200),
                ("2024-11-15", "2024-12-14", 7_600),
            ],
        )
        self.assert_books()

    def test_a_package_is_granted_on_either_side_of_what_was_granted(self):
        self._use(100, "2024-11-05")
        self.settle("2024-11-30")
        once = self.policy.copy({"cycle": "once"})
        self.account.write({"free_policy_id": once.id, "free_from": "2024-10-01"})
        for day in ("2024-10-20", "2024-12-05"):
            self._use(100, day)
            self.settle("2024-12-31")
        self.assertEqual(
            self._packs(),
            [("2024-10-01", "2024-10-31", 9_600), ("2024-11-01", "2024-11-30", 9_600)],
        )

    def test_a_granted_policy_is_rewritten(self):
        self._use(100, "2024-10-01")
        self.settle("2024-10-31")
        for vals in ({"minutes": 1}, {"cycle": "calendar"}, {"months_max": 3}):
            with self.assertRaisesRegex(UserError, "Make a new policy"), self.env.cr.savepoint():
                self.policy.write(vals)

    # === USED UP === #

    @freeze_time("2024-11-10 12:00:00")
    def test_used_up_minutes_suspend_the_application_until_a_pack_is_bought(self):
        policy = self.policy.copy({"when_used_up": "suspend"})
        self.account.write({"free_policy_id": policy.id, "free_from": "2024-10-01"})
        self.subscribe(self.application, "trial", "2024-10-01")
        self._use(2_600, "2024-11-05")
        self.assertTrue(self.application.is_unlocked("calls", "2024-11-06"))
        self.settle("2024-11-09")
        self.assertTrue(self.application.is_unlocked("calls", "2024-11-05"))
        self.assertFalse(self.application.is_unlocked("calls", "2024-11-06"))
        self.assertEqual(self.total("billable_quantity"), 100, "what was used is billed")
        self.settle("2024-11-09")
        self.assertEqual(len(self.application.suspension_ids), 1)
        self.application._resume("free_minutes")
        self.assertTrue(self.application.is_unlocked("calls", "2024-11-10"))

    def test_usage_of_the_day_after_the_last_free_minute_goes_on_for_ever(self):
        policy = self.policy.copy({"when_used_up": "suspend"})
        self.account.write({"free_policy_id": policy.id, "free_from": "2024-10-01"})
        self._use(2_500, "2024-10-05")
        self.settle("2024-10-05")
        self.assertFalse(self.application.suspension_ids, "used up to the minute")
        self._use(1, "2024-10-06")
        self.settle("2024-10-06")
        self.assertEqual(self.application.suspension_ids.date_start, date(2024, 10, 7))

    def test_an_edition_that_comes_late_grants_the_cycle(self):
        self.account.free_policy_id = self.policy.copy({"requires_edition": True})
        self._use(10, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self._free(), 0)
        self.subscribe(self.application, "trial", "2024-10-30")
        self.settle("2024-10-31")
        self.assertEqual(self._free(), 10)
        self.assert_books()

    def test_pay_as_you_go_suspends_nobody(self):
        self._use(2_600, "2024-10-05")
        self.settle("2024-10-31")
        self.assertFalse(self.application.suspension_ids)

    # === EXPLANATION === #

    def test_why_12345_minutes_became_1234(self):
        self.account.free_policy_id = self.policy.copy({"minutes": 11_111 * 4})
        self._use(12_345, "2024-10-01")
        self.settle("2024-10-31")
        line = self.lines()
        self.assertEqual(line.billable_quantity, 1_234)
        self.assertEqual(
            line.explanation,
            "Usage in this period: 740,700 s. Rounded up to whole blocks of 60 s: 12,345 min. "
            "Covered by the free minutes of 10/01/2024 to 10/31/2024: 11,111 min, each of which "
            "takes 4 minutes, so 44,444 minutes. Billed: 1,234 min at 0.00399 USD each = "
            "4.92366 USD (pricelist TRTC International (USD)).",
        )

    def test_an_items_own_free_quantity_comes_before_free_minutes(self):
        self.item("av_hd").write({"free_quantity": 5, "free_scope": "application"})
        self._use(20, "2024-10-01")
        self.settle("2024-10-31")
        line = self.lines()
        self.assertEqual((line.free_quantity, line.draw_ids.units), (20, 15))
        self.assertIn("Of these 5 min free (5 min per application and day).", line.explanation)
        self.assert_books()

    def test_a_table_of_ratios_changes_under_granted_minutes(self):
        table = self.env["trtc.ratio.table"].create(
            {
                "name": "Two",
                "line_ids": [Command.create({"item_id": self.item("av_hd").id, "ratio": 2})],
            }
        )
        self.account.free_policy_id = self.policy.copy({"ratio_table_id": table.id})
        self._use(6_000, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self._free(), 5_000)
        table.line_ids.ratio = 4
        self.settle("2024-10-31")
        self.assertEqual(self._free(), 2_500)
        self.assert_books()

    def test_minutes_cover_an_item_that_is_settled_by_month(self):
        with self.assertRaisesRegex(ValidationError, "cannot draw minutes"):
            self.item("screenshot_terminal").pack_ratio = 1
