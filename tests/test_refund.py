from datetime import date, timedelta
from decimal import Decimal

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import TrtcCommon

DAY = date(2024, 10, 7)


class RefundCase(TrtcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls.make_user("manager")

    def _open(self, record):
        """Return the wizard as the button on a subscription or pack opens it."""
        action = record.with_user(self.manager).action_refund()
        wizard = self.env["trtc.refund"].with_user(self.manager)
        return Form(wizard.with_context(**action["context"]))

    def _refund(self, record):
        with self._open(record) as form:
            pass
        form.record.action_refund()
        return form.record

    def _use(self, minutes, day=DAY, application=None):
        self.usage("av_audio", minutes, day, application, unit="min")


@tagged("post_install", "-at_install")
class TestRefundOfTerms(RefundCase):
    """A month of an edition: all of it within five days, if no minute was used."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.price_editions(cls.pricelist_usd, {"standard": 100, "pro": 300})
        cls.edition("standard").included_minutes = 1_000

    def _buy(self):
        application = self.application.with_user(self.manager)
        return application._subscribe(self.edition("standard"), DAY)

    @freeze_time("2024-10-11 04:00:00")
    def test_a_term_that_no_invoice_holds_leaves_a_fee(self):
        subscription = self._buy()
        self.assertEqual(self._open(subscription).amount, 100)
        self._refund(subscription)
        self.assertFalse(self.account.fee_ids)
        self.assertEqual(subscription.state, "refunded")
        self.assertEqual(str(subscription.date_end), "2024-10-10")
        self.assertFalse(self.application.is_unlocked("speech_to_text", "2024-10-11"))
        self.assertFalse(any(self.account.pack_ids.mapped("minutes_left")))
        with freeze_time("2024-12-01 04:00:00"):
            self.settle("2024-11-30")
        self.assertFalse(self.account.fee_ids)

    def test_features_lock_on_another_day_than_is_said(self):
        for now, words, unlocked in (
            (DAY, "again after today", True),
            (DAY + timedelta(days=1), "again from today on", False),
        ):
            self.application = self.make_application()
            with freeze_time(f"{DAY} 04:00:00"):
                subscription = self._buy()
            with self.subTest(now=now), freeze_time(f"{now} 04:00:00"):
                self.assertIn(words, self._open(subscription).consequence)
                self._refund(subscription)
                feature = self.edition("standard").feature_ids[:1].code
                self.assertIs(self.application.is_unlocked(feature), unlocked)

    @freeze_time("2024-10-11 04:00:00")
    def test_an_invoiced_term_comes_back_by_editing_the_invoice(self):
        subscription = self._buy()
        move = self.invoice("2024-10-10")
        move.action_post()
        self._refund(subscription)
        self.assertEqual(self.account.fee_ids.sorted("id").mapped("amount"), [100, -100])
        self.assertEqual(move.amount_untaxed, 100)
        credit = self.invoice("2024-10-10")
        self.assertEqual((credit.move_type, credit.amount_untaxed), ("out_refund", 100))

    @freeze_time("2024-10-12 04:00:00")
    def test_a_term_comes_back_on_the_sixth_day(self):
        subscription = self._buy()
        form = self._open(subscription)
        self.assertIn("within 5 days", form.obstacle)
        wizard = form.save()
        with self.assertRaisesRegex(UserError, "within 5 days"):
            wizard.action_refund()
        self.assertEqual(len(self.account.fee_ids), 1)

    @freeze_time("2024-10-09 04:00:00")
    def test_used_minutes_come_back_as_the_run_was_not_there_yet(self):
        subscription = self._buy()
        self._use(1)
        # The button settles what is over: nobody has run a settlement.
        self.assertIn("were used already", self._open(subscription).obstacle)

    @freeze_time("2024-10-09 04:00:00")
    def test_usage_of_today_is_overlooked(self):
        subscription = self._buy()
        self._use(1, "2024-10-09")
        self.assertIn("not settled yet", self._open(subscription).obstacle)

    @freeze_time("2024-10-09 04:00:00")
    def test_usage_that_comes_in_while_the_wizard_is_open_is_overlooked(self):
        subscription = self._buy()
        with self._open(subscription) as form:
            self.assertFalse(form.obstacle)
        self._use(1)
        with self.assertRaisesRegex(UserError, "were used already"):
            form.record.action_refund()
        self.assertFalse(subscription.refunded)

    @freeze_time("2024-10-09 04:00:00")
    def test_an_upgrade_comes_back_and_the_term_before_it_is_lost(self):
        for day in (DAY, date(2024, 10, 9)):
            self.application = self.make_application()
            subscription = self._buy()
            upgraded = subscription.sudo()._upgrade(self.edition("pro"), day)
            with self.subTest(day=day):
                self.assertIn("upgraded term", self._open(upgraded).obstacle)

    @freeze_time("2024-10-09 04:00:00")
    def test_a_term_is_refunded_twice(self):
        subscription = self._buy()
        self.invoice("2024-10-08")
        self._refund(subscription)
        form = self._open(subscription)
        self.assertTrue(form.obstacle)
        with self.assertRaises(UserError):
            form.save().action_refund()
        self.assertEqual(sum(self.account.fee_ids.mapped("amount")), 0)


@tagged("post_install", "-at_install")
class TestRefundOfPacks(RefundCase):
    """Prepaid minutes: what was paid, less the used ones at the price of buying just them."""

    def _sell(self, minutes=25_000, account=None, **vals):
        account = account or self.account
        return account.with_user(self.manager)._sell_pack(minutes, DAY, **vals)

    def _settle_used(self, minutes, application=None):
        self._use(minutes, application=application)
        self.settle(DAY)

    def test_used_minutes_come_back_at_the_price_of_the_pack(self):
        # 24.00 - 10,000 x 0.00099; 227.00 - 30,000 x 0.00096; 2,416.00 - 300,000 x 0.000908
        for minutes, used, expected in (
            (25_000, 10_000, "14.10"),
            (250_000, 30_000, "198.20"),
            (3_000_000, 300_000, "2143.60"),
        ):
            with self.subTest(minutes=minutes):
                account = self.make_account()
                pack = self._sell(minutes, account=account)
                self._settle_used(used, self.make_application(account))
                self.assertEqual(pack.minutes_drawn, used)
                self.assertEqual(pack._get_refund().amount, Decimal(expected))

    def test_the_documented_prices_of_the_china_site(self):
        self.account.pricelist_id = self.pricelist_cny
        pack = self._sell(250_000)
        self._settle_used(24_999)
        self.assertEqual(pack._get_refund().price, Decimal("0.007"))
        self.assertEqual(pack._get_refund().amount, Decimal("1413.01"))
        self._use(1, "2024-10-08")
        self.settle("2024-10-08")
        self.assertEqual(pack._get_refund().price, Decimal("0.00672"))
        self.assertEqual(pack._get_refund().amount, Decimal("1420.00"))

    def test_a_discount_comes_back_as_if_it_had_been_paid(self):
        pack = self._sell(amount=Decimal(12))
        self._settle_used(10_000)
        refund = pack._get_refund()
        self.assertEqual(refund.discount, Decimal("0.5"))
        self.assertEqual(refund.amount, Decimal("7.05"))
        self.assertIn("0.5", pack._describe_refund())

    def test_a_price_of_today_is_taken_instead_of_that_of_the_purchase(self):
        pack = self._sell()
        self._settle_used(10_000)
        rules = self.pricelist_usd.item_ids.filtered(
            lambda rule: rule.product_id == self.env.ref("trtc_billing.product_pack")
        )
        rules.write({"date_end": "2024-12-01 00:00:00"})
        with freeze_time("2024-12-20 04:00:00"):
            self.assertEqual(pack._get_refund().amount, Decimal("14.10"))

    def test_an_unused_pack_does_not_come_back_in_full(self):
        for days in (0, 4, 5, 200):
            with self.subTest(days=days):
                pack = self._sell()
                with freeze_time(f"{DAY + timedelta(days=days)} 04:00:00"):
                    self.assertEqual(self._open(pack).amount, 24)
                    self._refund(pack)
                self.assertEqual(pack.state, "refunded")
                self.assertFalse(self.account.fee_ids)

    @freeze_time("2024-10-09 04:00:00")
    def test_the_wizard_gives_back_something_else_than_it_shows(self):
        pack = self._sell()
        self.invoice("2024-10-08").action_post()
        self._use(10_000)
        with self._open(pack) as form:
            self.assertEqual((form.paid, form.amount), (24, 14.1))
            self.assertIn("10,000 used minutes", form.explanation)
        form.record.action_refund()
        refund = self.account.fee_ids.filtered("refund_of_id")
        self.assertEqual(refund.amount, -14.1)
        self.assertEqual(refund.explanation, form.explanation, "the customer is not told why")
        self.assertIn(form.explanation, self.account._prepare_fee_line(refund, 1)["name"])
        self.assertEqual((pack.state, pack.minutes_left), ("refunded", 0))
        self.assertEqual(pack.minutes_drawn, 10_000)
        # What was drawn stays covered, what comes later is billed.
        self._use(5, "2024-10-08")
        self.settle("2024-10-08")
        self.assertEqual(self.total("pack_quantity"), 10_000)
        self.assertEqual(self.total("billable_quantity"), 5)
        self.assert_books()

    @freeze_time("2024-10-09 04:00:00")
    def test_usage_that_comes_in_while_the_wizard_is_open_is_overlooked(self):
        pack = self._sell()
        with self._open(pack) as form:
            self.assertEqual(form.amount, 24)
        self._use(10_000)
        with self.assertRaisesRegex(UserError, "14.10"):
            form.record.action_refund()
        self.assertFalse(pack.refunded)

    @freeze_time("2024-10-09 04:00:00")
    def test_more_comes_back_than_was_paid(self):
        pack = self._sell()
        self._use(25_000)
        form = self._open(pack)
        self.assertIn("nothing is left", form.obstacle)
        with self.assertRaises(UserError):
            form.save().action_refund()

    def test_a_pack_that_was_not_sold_or_has_ended_comes_back(self):
        given = self.make_pack(1_000, "2024-10-01", "2024-10-31")
        promo = self._sell(kind="promo", amount=Decimal(9))
        for pack in (given, promo):
            self.assertIn("Only prepaid minutes", pack._get_refund_obstacle(DAY))
        pack = self._sell()
        self.assertIn("has lapsed", pack._get_refund_obstacle(date(2025, 11, 1)))
        self.assertFalse(pack._get_refund_obstacle(date(2025, 10, 31)))

    @freeze_time("2024-10-09 04:00:00")
    def test_a_pack_is_refunded_twice(self):
        pack = self._sell()
        self.invoice("2024-10-08")
        self._refund(pack)
        form = self._open(pack)
        self.assertIn("refunded already", form.obstacle)
        with self.assertRaises(UserError):
            form.save().action_refund()
        self.assertEqual(sum(self.account.fee_ids.mapped("amount")), 0)

    @freeze_time("2024-10-09 04:00:00")
    def test_who_may_refund(self):
        pack = self._sell()
        for role in ("reader", "operator", "accountant", "portal"):
            vals = {"partner_id": self.customer.id} if role == "portal" else {}
            user = self.make_user(role, **vals)
            with self.subTest(role=role):
                for call in (
                    pack.with_user(user).action_refund,
                    lambda user=user: pack.with_user(user)._refund(DAY),
                    lambda user=user: (
                        self.env["trtc.refund"].with_user(user).create({"pack_id": pack.id})
                    ),
                ):
                    with self.assertRaises(AccessError):
                        call()
        self.assertFalse(pack.refunded)
        self._refund(pack)
        self.assertTrue(pack.refunded)
