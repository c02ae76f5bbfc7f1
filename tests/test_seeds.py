from decimal import Decimal

from odoo.tests import tagged

from .common import TrtcCommon

UNLOCKING = {"trial", "flagship", "flagship_plus", "enterprise"}


@tagged("post_install", "-at_install")
class TestSeeds(TrtcCommon):
    """What the two seed documents say, as posted invoices."""

    def _post(self, until, accounts=None):
        moves = self.invoice(until, accounts)
        moves.action_post()
        return moves

    # === CLOUD SLICING === #

    def test_a_month_of_audio_slicing_costs_other_than_the_published_example(self):
        for day in range(1, 26):
            self.usage("slice_audio", 40, f"2024-10-{day:02}", unit="min")
        move = self._post("2024-10-31")
        self.assertEqual(move.state, "posted")
        self.assertEqual(move.amount_untaxed, 1.49)
        line = move.invoice_line_ids
        self.assertEqual((line.quantity, line.price_unit), (1000, 0.00149))
        self.assert_books()

    def test_video_slicing_is_billed_at_the_audio_price(self):
        self.usage("slice_video", 1000, "2024-10-15", unit="min")
        self.assertEqual(self._post("2024-10-31").amount_untaxed, 2.49)

    def test_slicing_without_an_edition_is_locked(self):
        self.usage("slice_audio", 60, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.lines().mapped("status"), ["billable"])

    def test_a_failed_storage_makes_the_bill_smaller(self):
        other = self.make_account()
        stored = self.make_application(other)
        self.usage("slice_audio", 3601, "2024-10-01", tags={"storage": "failed"})
        self.usage("slice_audio", 3601, "2024-10-01", stored, tags={"storage": "ok"})
        moves = self._post("2024-10-31")
        self.assertEqual(moves.mapped("amount_untaxed"), [0.09, 0.09])
        self.assertEqual(self.total("amount"), self.total("amount", of=other))

    def test_robots_of_a_feed_that_reports_them_are_billed_twice(self):
        self.usage("slice_audio", 600, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.lines().item_id.code, "slice_audio")

    def test_a_derived_robot_hides_in_the_duration_of_users(self):
        self.account.derive_robots_from = "2024-10-02"
        for day in ("2024-10-01", "2024-10-02"):
            self.usage("slice_audio", 90, day)
            self.usage("av_audio", 50, day)
        self.settle("2024-10-31")
        first = self.lines(day="2024-10-01")
        self.assertEqual(set(first.mapped("kind")), {"usage"}, "a day before the switch")
        second = self.lines(day="2024-10-02").sorted("id")
        self.assertEqual(
            {(line.item_id.code, line.kind): line.billable_quantity for line in second},
            # 50 s of users are 1 min; with the robot's 90 s they are 140 s: 3 min
            {
                ("slice_audio", "usage"): 2,
                ("av_audio", "usage"): 1,
                ("av_audio", "robot"): 2,
            },
        )
        move = self.invoice("2024-10-31")
        robots = move.invoice_line_ids.filtered(lambda line: line.trtc_kind == "robot")
        self.assertEqual((len(robots), robots.quantity, robots.price_unit), (1, 2, 0.00099))
        self.assert_books()

    def test_robots_derived_later_are_forgotten_in_settled_days(self):
        self.usage("rec_hd", 600, "2024-10-01")
        self.settle("2024-10-31")
        self.account.derive_robots_from = "2024-10-01"
        adjustment = self.settle("2024-10-31")
        self.assertTrue(adjustment.is_adjustment)
        self.assertEqual(adjustment.line_ids.kind, "robot")
        self.assertEqual(adjustment.line_ids.item_id.code, "av_hd")
        self.assertEqual(adjustment.line_ids.billable_quantity, 10)
        self.account.derive_robots_from = False
        taken_back = self.settle("2024-10-31")
        self.assertEqual(taken_back.line_ids.billable_quantity, -10)
        self.assert_books()

    # === TERMINAL SCREENSHOTS === #

    def _shoot(self, *sheets, application=None):
        self.subscribe(application or self.application, "trial", "2024-01-01")
        for number, quantity in enumerate(sheets, start=1):
            self.usage("screenshot_terminal", quantity, f"2024-10-{number:02}", application)

    def test_free_screenshots_are_charged(self):
        self._shoot(5000, 3000)
        self.assertFalse(self.invoice("2024-10-31"))
        self.assertEqual(self.total("free_quantity"), 8)
        self.assertEqual(self.total("amount"), 0)
        self.assertEqual(self.account.application_ids.account_id.statement_count, 1)
        self.assertEqual(self.lines().statement_id.state, "free")

    def test_screenshots_follow_the_slip_of_the_example_instead_of_the_rule(self):
        self._shoot(10000, 12000)
        move = self._post("2024-10-31")
        self.assertEqual(move.amount_untaxed, 0.36)
        self.assertEqual(self.total("quantity"), 22)
        self.assertEqual(self.total("billable_quantity"), 12)
        self.assert_books()

    def test_blocks_of_ten_thousand_miss_the_printed_figure(self):
        self.item("screenshot_terminal").block_size = 10000
        self._shoot(22000)
        move = self._post("2024-10-31")
        self.assertEqual(move.amount_untaxed, 0.60)
        self.assertEqual(self.total("billable_quantity"), 20)

    def test_a_begun_thousand_is_free(self):
        self._shoot(10001)
        self.assertEqual(self._post("2024-10-31").amount_untaxed, 0.03)

    def test_free_screenshots_are_given_to_each_application(self):
        others = [self.make_application() for _n in range(2)]
        # Sent in the wrong order: the free ones still go by SDKAppID.
        self._shoot(9999, application=others[1])
        self._shoot(4500, application=others[0])
        self._shoot(1500, 1501)
        move = self._post("2024-10-31")
        self.assertEqual(
            [
                (
                    self.total("quantity", application=app),
                    self.total("free_quantity", application=app),
                )
                for app in (self.application, *others)
            ],
            [(4, 4), (5, 5), (10, 1)],
        )
        self.assertEqual(move.amount_untaxed, 0.27)
        self.assert_books()

    def test_short_sdkappids_come_after_longer_ones_because_of_their_first_digit(self):
        short = self.make_application(sdkappid="9")
        self._shoot(8000)
        self._shoot(8000, application=short)
        self.settle("2024-10-31")
        self.assertEqual(self.total("free_quantity", application=short), 8)
        self.assertEqual(self.total("free_quantity", application=self.application), 2)

    def test_late_screenshots_get_the_free_quota_again(self):
        self._shoot(8000)
        self.settle("2024-10-31")
        self.usage("screenshot_terminal", 14000, "2024-10-20")
        adjustment = self.settle("2024-10-31")
        self.assertTrue(adjustment.is_adjustment)
        self.assertEqual(self.total("free_quantity"), 10)
        self.assertEqual(self.total("amount"), Decimal("0.36"))
        self.assert_books()

    def test_a_late_sdkappid_keeps_the_order_of_arrival(self):
        later = self.make_application()
        self._shoot(9000, application=later)
        self.settle("2024-10-31")
        self.assertEqual(self.total("free_quantity", application=later), 9)
        self._shoot(4000)
        self.settle("2024-10-31")
        self.assertEqual(self.total("free_quantity", application=self.application), 4)
        self.assertEqual(self.total("free_quantity", application=later), 6)
        self.assertEqual(self.total("amount"), Decimal("0.09"))
        self.assert_books()

    def test_a_wrong_edition_takes_screenshots(self):
        applications = {}
        for edition in self.env["trtc.edition"].search([]):
            application = self.make_application()
            applications[edition.code] = application
            self.subscribe(application, edition.code, "2024-01-01")
            self.usage("screenshot_terminal", 1000, "2024-10-01", application)
        none = self.make_application()
        self.usage("screenshot_terminal", 1000, "2024-10-01", none)
        self.settle("2024-10-31")
        billable = {
            code
            for code, application in applications.items()
            if self.lines(application=application).status == "billable"
        }
        self.assertEqual(billable, UNLOCKING)
        self.assertEqual(self.lines(application=none).status, "locked")
        self.assert_books()

    # === CONTRACTS === #

    def test_the_list_price_beats_the_contract(self):
        self.account.pricelist_id = self.make_pricelist(
            {"screenshot_terminal": "0.02"}, base=self.pricelist_usd
        )
        self._shoot(22000)
        self.usage("av_hd", 1000, "2024-10-01", unit="min")
        move = self._post("2024-10-31")
        # 12 x 0.02 by contract, 1,000 x 0.00399 by the list that it falls back on
        self.assertEqual(move.amount_untaxed, 0.24 + 3.99)
        names = {line.item_id.code: line.trace["price_rule"]["pricelist"] for line in self.lines()}
        self.assertEqual(names["screenshot_terminal"], self.account.pricelist_id.name)
        self.assert_books()

    # === RELAY === #

    def test_bandwidth_peaks_of_different_instants_add_up(self):
        other = self.make_application()
        for application, clock, kbps in (
            (self.application, "03T10:00", 3000),
            (other, "03T10:00", 2500),
            (self.application, "03T10:05", 5000),
            (other, "17T22:00", 4999),
        ):
            self.usage("relay_bandwidth", kbps, f"2024-10-{clock}:00+08:00", application)
        self.assertFalse(self.settle("2024-10-30"))
        move = self._post("2024-10-31")
        line = self.lines()
        self.assertFalse(line.application_id)
        self.assertEqual((line.quantity, line.amount), (5500, 104.445))
        self.assertEqual(move.amount_untaxed, 104.45)
        self.assert_books()

    def test_a_sample_in_another_offset_is_another_instant(self):
        other = self.make_application()
        self.usage("relay_bandwidth", 2, "2024-10-03T10:00:00+08:00", unit="mbps")
        self.usage("relay_bandwidth", 1, "2024-10-03T02:00:00Z", other, unit="mbps")
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity"), 3000)

    def test_relay_by_duration_is_off_the_published_example(self):
        self.usage("relay_duration", 7200, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("0.3588"))
        self.assertEqual(self._post("2024-10-31").amount_untaxed, 0.36)

    # === PRICES THAT ARE MISSING === #

    def test_an_item_without_a_price_is_billed_at_nothing(self):
        self.account.pricelist_id = self.pricelist_cny
        self.usage("slice_audio", 600, "2024-10-01")
        self.usage("av_hd", 600, "2024-10-01")
        move = self.invoice("2024-10-31")
        self.assertEqual(move.invoice_line_ids.trtc_item_id.code, "av_hd")
        line = self.lines(item="slice_audio")
        self.assertEqual((line.status, line.quantity, line.amount), ("unpriced", 10, 0))
        self.assertTrue(line.is_pending)
        self.assertFalse(line.invoice_line_ids)
        self.assertEqual(line.statement_id.state, "pending")
        self.assert_books()

    def test_usage_that_waits_for_a_price_is_forgotten(self):
        contract = self.make_pricelist({"av_hd": 1})
        self.account.pricelist_id = contract
        self.usage("slice_audio", 600, "2024-10-01")
        self.settle("2024-10-31")
        self.assertFalse(self.settle("2024-10-31"))
        self.env["product.pricelist.item"].create(
            {
                "pricelist_id": contract.id,
                "applied_on": "0_product_variant",
                "product_id": self.item("slice_audio").product_id.id,
                "compute_price": "fixed",
                "fixed_price": 0.5,
            }
        )
        move = self._post("2024-10-31")
        self.assertEqual(move.amount_untaxed, 5)
        self.assertFalse(self.lines(is_pending=True))
        self.assertEqual(self.lines().statement_id.sorted("id").mapped("state"), ["free", "posted"])
        self.assert_books()

    def test_another_pricelist_leaves_usage_waiting_for_a_price(self):
        self.account.pricelist_id = self.make_pricelist({"av_hd": 1})
        self.usage("slice_audio", 600, "2024-10-01")
        self.settle("2024-10-31")
        self.account.pricelist_id = self.pricelist_usd
        # It holds for days to come; for the day that waits a manager says so.
        self.account.pricelist_history_ids[-1:].date_start = "2024-10-01"
        self.assertTrue(self.settle("2024-10-31"))
        self.assertEqual(self.total("amount"), Decimal("0.0149"))
        self.assert_books()
