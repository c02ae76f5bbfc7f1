from datetime import date
from decimal import Decimal

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import TrtcCommon

DAY = date(2024, 10, 7)


@tagged("post_install", "-at_install")
class TestPackSale(TrtcCommon):
    """Minutes that are sold: their price, their fee, what they cover."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls.make_user("manager")

    def _sell(self, minutes, day=DAY, account=None, **vals):
        account = (account or self.account).with_user(self.manager)
        return account._sell_pack(minutes, day, **vals)

    def _open(self, **vals):
        """Return the wizard as the button on the account opens it, at noon of the day."""
        wizard = self.env["trtc.sell.pack"].with_user(self.manager)
        return Form(wizard.with_context(default_account_id=self.account.id, **vals))

    # === PRICE === #

    def test_the_listed_sizes_do_not_come_to_the_listed_prices(self):
        for pricelist, sums in (
            (self.pricelist_usd, ("24", "227", "856", "2416", "272.4", "9.9")),
            (self.pricelist_cny, ("168", "1588", "5968", "16888", "1905.6", "70")),
        ):
            account = self.make_account(pricelist_id=pricelist.id)
            sizes = (25_000, 250_000, 1_000_000, 3_000_000, 300_000, 10_000)
            for minutes, expected in zip(sizes, sums, strict=True):
                with self.subTest(minutes=minutes, currency=pricelist.currency_id.name):
                    offer = account._get_pack_offer(minutes, DAY)
                    self.assertEqual(offer.amount, Decimal(expected))
                    fee = self._sell(minutes, account=account).fee_id
                    self.assertEqual(Decimal(repr(fee.amount)), Decimal(expected))

    def test_a_minute_is_priced_inexactly(self):
        fee = self._sell(3_000_000).fee_id
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT quantity::text, price_unit::text FROM trtc_fee WHERE id = %s", [fee.id]
        )
        quantity, price = map(Decimal, self.env.cr.fetchone())
        self.assertEqual((quantity, price), (3_000_000, Decimal("0.00080533333")))
        self.assertEqual(fee.uom_id, self.env.ref("trtc_billing.uom_minute"))

    def test_graduated_prices_of_usage_cut_a_pack_into_slices(self):
        self.pricelist_usd.trtc_graduated = True
        self.assertEqual(self._sell(300_000).fee_id.amount, 272.4)

    def test_a_pack_is_sold_at_a_guess_where_the_pricelist_has_no_price(self):
        account = self.make_account(pricelist_id=self.make_pricelist({"av_hd": 4}).id)
        with self.assertRaisesRegex(UserError, "has no price for the product"):
            self._sell(25_000, account=account)
        self.assertFalse(account.fee_ids | account.pack_ids.fee_id)
        self.assertFalse(account.pack_ids)
        self.account = account
        with freeze_time(f"{DAY} 04:00:00"), self._open() as form:
            self.assertIn("has no price for the product", form.obstacle)

    def test_a_contract_price_is_left_aside(self):
        contract = self.make_pricelist({}, base=self.pricelist_usd)
        contract.item_ids = [
            Command.create(
                {
                    "applied_on": "0_product_variant",
                    "product_id": self.env.ref("trtc_billing.product_pack").id,
                    "compute_price": "fixed",
                    "fixed_price": 0.5,
                    "min_quantity": 25,
                }
            )
        ]
        account = self.make_account(pricelist_id=contract.id)
        self.assertEqual(self._sell(25_000, account=account).fee_id.amount, 12.5)

    def test_broken_or_no_minutes_are_sold(self):
        for minutes in (0, -1, "0.5"):
            with self.subTest(minutes=minutes), self.assertRaises(UserError):
                self._sell(minutes)

    # === WHAT IS SOLD === #

    def test_a_pack_ends_before_the_end_of_the_month_next_year(self):
        pack = self._sell(25_000, date(2021, 5, 1))
        self.assertEqual(str(pack.date_end), "2022-05-31")
        self.assertEqual((pack.kind, pack.minutes), ("prepaid", 25_000))
        fee = pack.fee_id
        self.assertEqual((fee.date_from, fee.date_to), (pack.date_start, pack.date_end))

    def test_a_pack_comes_on_no_invoice_or_on_two(self):
        self._sell(3_000_000)
        self.usage("av_hd", 60, DAY)
        moves = self.invoice("2024-10-31")
        self.assertEqual(moves.amount_untaxed, 2416)
        line = moves.invoice_line_ids.filtered("trtc_fee_id")
        self.assertEqual(line.quantity, 3_000_000)
        self.assertEqual(line.product_uom_id, self.env.ref("trtc_billing.uom_minute"))
        self.assertFalse(self.invoice("2024-10-31"))

    def test_a_pack_bought_for_past_days_covers_nothing_of_them(self):
        self.usage("av_audio", 600, DAY)
        self.usage("av_audio", 600, "2024-10-06")
        self.settle("2024-10-31")
        pack = self._sell(25_000)
        self.settle("2024-10-31")
        self.assertEqual(pack.minutes_drawn, 10)
        self.assertEqual(self.total("pack_quantity", day="2024-10-06"), 0)
        self.assertEqual(self.total("billable_quantity", day=DAY), 0)
        self.assert_books()

    def test_a_pack_for_an_application_serves_all(self):
        other = self.make_application()
        pack = self._sell(25_000, application=self.application)
        self.usage("av_audio", 600, DAY)
        self.usage("av_audio", 600, DAY, other)
        self.settle("2024-10-31")
        self.assertEqual(pack.draw_ids.application_id, self.application)
        self.assertEqual(pack.fee_id.application_id, self.application)

    def test_an_application_without_minutes_stays_suspended_after_the_purchase(self):
        other = self.make_application()
        (self.application | other)._suspend("free_minutes", "2024-10-05")
        self.application._suspend("arrears", "2024-10-05")
        with freeze_time(f"{DAY} 04:00:00"):
            self._sell(25_000)
            self.assertFalse(other.is_suspended)
            self.assertTrue(self.application.is_suspended)

    # === PROMOTION === #

    def test_promotional_minutes_take_the_list_price(self):
        with self.assertRaisesRegex(UserError, "Enter the price"):
            self._sell(50_000, kind="promo")
        pack = self._sell(50_000, kind="promo", amount=Decimal("9.9"))
        self.assertEqual((pack.kind, pack.fee_id.amount), ("promo", 9.9))
        self.assertEqual(pack.fee_id.list_amount, 48)
        self.assertFalse(pack.application_id)

    def test_an_agreed_price_that_no_minute_divides_is_billed_otherwise(self):
        self._sell(30_000, kind="promo", amount=Decimal("10"))
        self.assertEqual(self.invoice("2024-10-31").amount_untaxed, 10)

    def test_minutes_for_nothing_leave_a_fee(self):
        pack = self._sell(1_000, kind="promo", amount=Decimal(0))
        self.assertFalse(pack.fee_id)
        self.assertEqual(pack.minutes_left, 1_000)
        with self.assertRaisesRegex(UserError, "negative"):
            self._sell(1_000, kind="promo", amount=Decimal(-1))

    # === WIZARD === #

    @freeze_time(f"{DAY} 16:30:00")
    def test_the_wizard_sells_something_else_than_it_shows(self):
        with self._open() as form:
            # 16:30 UTC is the next day already in billing time.
            self.assertEqual(str(form.date_start), "2024-10-08")
            self.assertEqual((form.amount, str(form.date_end)), (24, "2025-10-31"))
            form.size = "3000000"
            self.assertEqual((form.minutes, form.amount), (3_000_000, 2416))
            form.size = "custom"
            form.minutes = 300_000
            self.assertEqual((form.list_price, form.amount), (0.908, 272.4))
            self.assertFalse(form.settled)
        action = form.record.action_sell()
        pack = self.env["trtc.minute.pack"].browse(action["res_id"])
        self.assertEqual((pack.minutes, pack.fee_id.amount), (300_000, 272.4))
        self.assertEqual(str(pack.date_start), "2024-10-08")

    @freeze_time("2024-11-01 04:00:00")
    def test_a_purchase_for_settled_days_goes_unmentioned(self):
        self.usage("av_audio", 600, DAY)
        self.settle("2024-10-31")
        with self._open() as form:
            self.assertFalse(form.settled)
            form.date_start = DAY
            self.assertIn("are settled already", form.settled)

    @freeze_time(f"{DAY} 04:00:00")
    def test_the_price_of_prepaid_minutes_becomes_that_of_promotional_ones(self):
        with self._open() as form:
            form.kind = "promo"
            form.amount = 9.9
            form.size = "custom"
            form.minutes = 26_000
            self.assertEqual(form.amount, 9.9)
        pack = self.env["trtc.minute.pack"].browse(form.record.action_sell()["res_id"])
        self.assertEqual((pack.minutes, pack.fee_id.amount), (26_000, 9.9))

    # === RIGHTS === #

    def test_who_may_sell(self):
        for role in ("reader", "operator", "accountant", "portal"):
            vals = {"partner_id": self.customer.id} if role == "portal" else {}
            user = self.make_user(role, **vals)
            with self.subTest(role=role):
                with self.assertRaises(AccessError):
                    self.account.with_user(user)._sell_pack(25_000, DAY)
                with self.assertRaises(AccessError):
                    self.env["trtc.sell.pack"].with_user(user).create(
                        {"account_id": self.account.id}
                    )
        self.assertFalse(self.account.pack_ids | self.account.fee_ids.pack_ids)
        self.assertTrue(self._sell(25_000).fee_id)

    def test_minutes_are_sold_to_an_account_of_another_company(self):
        company = self.env["res.company"].create({"name": "Another Company"})
        account = self.make_account(company_id=company.id)
        with self.assertRaises(AccessError):
            self._sell(25_000, account=account)
