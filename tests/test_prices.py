from decimal import Decimal

from odoo import Command
from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestPrices(TrtcCommon):
    """Pricelists of core price usage: dates, steps, percentages, lists upon lists."""

    def _contract(self, *rules, **vals):
        """Give the account a contract with rules; each a dict, for av_hd by default."""
        contract = self.make_pricelist({}, **vals)
        product = self.item("av_hd").product_id
        contract.item_ids = [
            Command.create(
                {
                    "applied_on": "0_product_variant",
                    "product_id": product.id,
                    "compute_price": "fixed",
                    **rule,
                }
            )
            for rule in rules
        ]
        self.account.pricelist_id = contract
        return contract

    def _use(self, **minutes_by_day):
        """Send minutes of av_hd: ``_use(d01=60, d20=10)`` in October 2024."""
        for day, minutes in minutes_by_day.items():
            self.usage("av_hd", minutes, f"2024-10-{day[1:]}", unit="min")

    def _prices(self, day):
        """Return the net {price: quantity} of a day over all revisions."""
        net = {}
        for line in self.lines(day=f"2024-10-{day}"):
            net[line.price_unit] = net.get(line.price_unit, 0) + line.billable_quantity
        return {price: quantity for price, quantity in net.items() if quantity}

    # === DATES === #

    def test_a_new_price_in_mid_month_prices_the_whole_month(self):
        self._contract(
            {"fixed_price": 0.5, "date_end": "2024-10-15 15:59:59"},
            {"fixed_price": 0.4, "date_start": "2024-10-15 16:00:00"},
        )
        self._use(d15=10, d16=10)
        self.settle("2024-10-31")
        self.assertEqual(self._prices("15"), {0.5: 10})
        self.assertEqual(self._prices("16"), {0.4: 10})
        move = self.invoice("2024-10-31")
        self.assertEqual(sorted(move.invoice_line_ids.mapped("price_unit")), [0.4, 0.5])
        self.assertEqual(move.amount_untaxed, 9)
        self.assert_books()

    def test_a_price_that_starts_at_noon_holds_from_the_next_day_only(self):
        self._contract(
            {"fixed_price": 0.5},
            {"fixed_price": 0.4, "date_start": "2024-10-16 04:00:00"},  # noon in Shanghai
        )
        self._use(d15=10, d16=10)
        self.settle("2024-10-31")
        self.assertEqual(self._prices("15"), {0.5: 10})
        self.assertEqual(self._prices("16"), {0.4: 10})

    def test_the_last_second_of_a_day_in_utc_takes_the_price_of_tomorrow(self):
        self._contract(
            {"fixed_price": 0.5},
            {"fixed_price": 0.4, "date_start": "2024-10-15 16:00:00"},
        )
        self.usage("av_hd", 60, "2024-10-15T15:59:59Z")
        self.usage("av_hd", 60, "2024-10-15T16:00:00Z")
        self.settle("2024-10-31")
        self.assertEqual(self._prices("15"), {0.5: 1})
        self.assertEqual(self._prices("16"), {0.4: 1})

    def test_a_company_takes_prices_by_the_clock_of_another_one(self):
        self._contract(
            {"fixed_price": 0.5},
            # An hour after midnight in Shanghai, the middle of the 15th in New York
            {"fixed_price": 0.4, "date_start": "2024-10-15 17:00:00"},
        )
        west = self.env["res.company"].create(
            {"name": "West", "trtc_billing_tz": "America/New_York"}
        )
        there = self.make_account(company_id=west.id, pricelist_id=self.account.pricelist_id.id)
        record = self.record("av_hd", 60, "2024-10-15", self.make_application(there))
        self.env["trtc.usage"].with_company(west).ingest([record], "test")
        self._use(d15=10)
        both = (self.account | there).with_context(
            allowed_company_ids=(self.env.company | west).ids
        )
        both.settle("2024-10-31")
        self.assertEqual(self.lines().price_unit, 0.5)
        self.assertEqual(self.lines(of=there).price_unit, 0.4)

    def test_a_contract_that_ended_still_prices_usage(self):
        self._contract({"fixed_price": 0.5, "date_end": "2024-10-15 15:59:59"})
        self._use(d15=10, d16=10)
        self.settle("2024-10-31")
        self.assertEqual(self.lines(day="2024-10-16").status, "unpriced")
        self.assertEqual(self.total("amount"), 5)

    def test_a_monthly_item_takes_the_price_of_its_first_day(self):
        self.subscribe(self.application, "trial", "2024-01-01")
        product = self.item("screenshot_terminal").product_id
        self._contract(
            {"product_id": product.id, "fixed_price": 1},
            {"product_id": product.id, "fixed_price": 2, "date_start": "2024-10-20 00:00:00"},
        )
        self.usage("screenshot_terminal", 11_000, "2024-10-02")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 2)

    # === STEPS === #

    def test_a_step_that_is_crossed_prices_later_days_only(self):
        self._contract({"fixed_price": 0.5}, {"fixed_price": 0.3, "min_quantity": 100})
        self._use(d01=60)
        self.settle("2024-10-10")
        self.assertEqual(self.total("amount"), 30)
        self._use(d15=39)
        self.settle("2024-10-20")
        self.assertEqual(self.total("amount"), Decimal("49.5"))
        self._use(d25=1)
        new = self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 30)
        self.assertEqual(
            sorted(new.mapped(lambda s: (s.is_adjustment, s.amount_untaxed))),
            [(False, 0.3), (True, -19.8)],
        )
        self.assertEqual(self._prices("01"), {0.3: 60})
        move = self.invoice("2024-10-31")
        self.assertEqual(move.invoice_line_ids.mapped("quantity"), [100])
        self.assertEqual(move.amount_untaxed, 30)
        self.assert_books()

    def test_a_step_counts_the_usage_of_another_month(self):
        self._contract({"fixed_price": 0.5}, {"fixed_price": 0.3, "min_quantity": 100})
        self._use(d31=60)
        self.usage("av_hd", 60, "2024-11-01", unit="min")
        self.settle("2024-11-30")
        self.assertEqual(set(self.lines().mapped("price_unit")), {0.5})

    def test_a_step_counts_each_application_by_itself(self):
        self._contract({"fixed_price": 0.5}, {"fixed_price": 0.3, "min_quantity": 100})
        self._use(d01=60)
        self.usage("av_hd", 60, "2024-10-01", self.make_application(), unit="min")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 36)

    def test_a_correction_falls_below_a_step_without_the_other_days(self):
        self._contract({"fixed_price": 0.5}, {"fixed_price": 0.3, "min_quantity": 100})
        record = self.record("av_hd", 60, "2024-10-20", unit="min")
        self._use(d01=60)
        self.ingest(record)
        self.invoice("2024-10-31").action_post()
        self.assertEqual(self.total("amount"), 36)
        self.ingest({**record, "quantity": 30})
        move = self.invoice("2024-10-31")
        self.assertEqual(self.total("amount"), 45)
        self.assertEqual((move.move_type, move.amount_untaxed), ("out_invoice", 9))
        self.assert_books()

    def test_graduated_prices_are_those_of_the_last_step(self):
        contract = self._contract(
            {"fixed_price": 0.5},
            {"fixed_price": 0.3, "min_quantity": 100},
            {"fixed_price": 0.1, "min_quantity": 200},
            trtc_graduated=True,
        )
        self.assertTrue(contract.trtc_graduated)
        self._use(d01=60, d02=60, d03=100)
        self.settle("2024-10-02")
        self.settle("2024-10-31")
        # 100 x 0.5 + 100 x 0.3 + 20 x 0.1
        self.assertEqual(self.total("amount"), 82)
        self.assertEqual(self._prices("02"), {0.5: 40, 0.3: 20})
        self.assertEqual(self._prices("03"), {0.3: 80, 0.1: 20})
        move = self.invoice("2024-10-31")
        self.assertEqual(
            {line.price_unit: line.quantity for line in move.invoice_line_ids},
            {0.5: 100, 0.3: 100, 0.1: 20},
        )
        self.assert_books()

    def test_late_usage_takes_the_cheapest_graduated_step(self):
        self._contract(
            {"fixed_price": 0.5},
            {"fixed_price": 0.1, "min_quantity": 100},
            trtc_graduated=True,
        )
        self._use(d10=100, d20=50)
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 55)
        self._use(d05=50)
        self.settle("2024-10-31")
        self.assertEqual(self._prices("05"), {0.5: 50})
        self.assertEqual(self._prices("10"), {0.5: 50, 0.1: 50})
        self.assertEqual(self.total("amount"), 60)
        self.assert_books()

    def test_steps_of_the_unit_of_the_price_are_read_in_billing_units(self):
        product = self.item("relay_bandwidth").product_id
        self._contract(
            {"product_id": product.id, "fixed_price": 20},
            {"product_id": product.id, "fixed_price": 10, "min_quantity": 5},  # Mbps
        )
        self.usage("relay_bandwidth", 4999, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("99.98"))
        self.usage("relay_bandwidth", 5000, "2024-10-02")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 50)
        self.assert_books()

    def test_below_the_first_step_usage_is_free(self):
        self._contract({"fixed_price": 0.3, "min_quantity": 100})
        self._use(d01=60)
        self.settle("2024-10-31")
        self.assertEqual(self.lines().mapped("status"), ["unpriced"])
        self._use(d02=60)
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 36)
        self.assertFalse(self.lines(is_pending=True))
        self.assert_books()

    # === OTHER RULES === #

    def test_a_percentage_off_the_list_is_off_nothing(self):
        self._contract(
            {
                "applied_on": "3_global",
                "compute_price": "percentage",
                "base": "pricelist",
                "base_pricelist_id": self.pricelist_usd.id,
                "percent_price": 15,
            }
        )
        self._use(d01=1000)
        self.usage("slice_audio", 100, "2024-10-01", unit="min")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount", item="av_hd"), Decimal("3.3915"))
        self.assertEqual(self.total("price_unit", item="slice_audio"), Decimal("0.0012665"))

    def test_a_percentage_off_a_product_without_a_price_bills_nothing(self):
        """The products' own price is zero: a discount on it is no price."""
        self._contract(
            {"applied_on": "3_global", "compute_price": "percentage", "percent_price": 15}
        )
        self._use(d01=1000)
        self.settle("2024-10-31")
        self.assertEqual(self.lines().status, "unpriced")

    def test_a_fallback_on_a_list_without_a_price_bills_nothing(self):
        """What the list below does not price, the contract above it does not either."""
        self.account.pricelist_id = self.make_pricelist({"av_2k": 1}, base=self.pricelist_cny)
        self.usage("slice_audio", 60, "2024-10-01")
        self._use(d01=10)
        self.settle("2024-10-31")
        self.assertEqual(self.lines(item="av_hd").status, "billable")
        self.assertEqual(self.lines(item="slice_audio").status, "unpriced")

    def test_a_gift_by_contract_waits_for_a_price(self):
        self._contract(
            {
                "compute_price": "percentage",
                "base": "pricelist",
                "base_pricelist_id": self.pricelist_usd.id,
                "percent_price": 100,
            }
        )
        self._use(d01=10)
        self.settle("2024-10-31")
        self.assertEqual((self.lines().status, self.lines().amount), ("billable", 0))

    def test_a_list_upon_a_list_upon_a_list_loses_its_steps(self):
        ground = self.make_pricelist({"av_hd": [(0, "0.5"), (100, "0.3")]})
        middle = self.make_pricelist({"av_2k": 1}, base=ground)
        self.account.pricelist_id = self.make_pricelist({"av_4k": 2}, base=middle)
        self._use(d01=60)
        self.settle("2024-10-10")
        self.assertEqual(self.total("amount"), 30)
        self._use(d20=60)
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), 36)
        self.assert_books()

    def test_a_price_of_a_category_is_not_found(self):
        category = self.item("av_hd").product_id.categ_id
        self._contract(
            {
                "applied_on": "2_product_category",
                "product_id": False,
                "categ_id": category.id,
                "fixed_price": 0.25,
            }
        )
        self._use(d01=10)
        self.usage("slice_audio", 60, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("2.5"))
        self.assertEqual(self.lines(item="slice_audio").status, "unpriced")

    def test_a_rule_of_another_product_prices_this_one(self):
        self._contract({"product_id": self.item("av_2k").product_id.id, "fixed_price": 9})
        self._use(d01=10)
        self.settle("2024-10-31")
        self.assertEqual(self.lines().status, "unpriced")

    def test_a_price_of_zero_by_contract_waits_for_a_price(self):
        self._contract({"fixed_price": 0})
        self._use(d01=10)
        self.settle("2024-10-31")
        self.assertEqual((self.lines().status, self.lines().amount), ("billable", 0))
        self.assertFalse(self.lines().is_pending)
        self.assertFalse(self.invoice("2024-10-31"))
        self.assertEqual(self.lines().statement_id.state, "free")

    def test_texts_are_priced_per_character(self):
        self.subscribe(self.application, "lite", "2024-01-01")
        self.usage("ai_tts", 250, "2024-10-01")
        self.settle("2024-10-31")
        self.assertEqual(self.total("amount"), Decimal("0.015"))
        self.assertEqual(self.invoice("2024-10-31").amount_untaxed, 0.02)
