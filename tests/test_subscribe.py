from datetime import date
from decimal import Decimal

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from .common import TrtcCommon

DAY = date(2024, 10, 16)


@tagged("post_install", "-at_install")
class TestSubscribe(TrtcCommon):
    """Buying, trying and upgrading an edition: Standard 100 USD, Pro 300 USD a month."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls.make_user("manager")
        cls.price_editions(cls.pricelist_usd, {"standard": 100, "pro": 300})
        cls.edition("standard").included_minutes = 1_000
        cls.edition("pro").included_minutes = 4_000
        cls.edition("trial").write({"trial_days": 7, "trial_max_application": 2})

    def _buy(self, code, day=DAY, application=None, **vals):
        application = (application or self.application).with_user(self.manager)
        return application._subscribe(self.edition(code), day, **vals)

    def _open(self, **values):
        """Return the wizard as a button of the application or subscription opens it."""
        context = {f"default_{name}": value for name, value in values.items()}
        context.setdefault("default_application_id", self.application.id)
        wizard = self.env["trtc.subscribe"].with_user(self.manager)
        return Form(wizard.with_context(**context))

    def _confirm(self, form):
        action = form.record.action_subscribe()
        return self.env["trtc.subscription"].browse(action["res_id"])

    def _get_term(self, form):
        return [str(form.term_start), str(form.term_end)]

    def _plan(self, code, day=DAY, **vals):
        return self.application._get_plan(self.edition(code), day, **vals)

    # === BUY === #

    def test_the_first_term_waits_for_a_run(self):
        subscription = self._buy("standard")
        fee = subscription.fee_ids
        self.assertEqual((fee.kind, fee.amount, fee.list_amount), ("term", 100, 100))
        self.assertEqual((str(fee.date_from), str(fee.date_to)), ("2024-10-16", "2024-11-15"))
        self.assertEqual(subscription.pack_ids.minutes, 1_000)
        self.assertFalse(subscription.date_end)
        self.settle("2024-10-31")
        self.assertEqual(subscription.fee_ids, fee)

    def test_an_edition_without_renewal_goes_on(self):
        subscription = self._buy("standard", renew=False)
        self.assertEqual(str(subscription.date_end), "2024-11-15")
        self.settle("2024-12-31")
        self.assertEqual(len(subscription.fee_ids), 1)

    def test_a_discount_is_given_with_every_renewal(self):
        subscription = self._buy("standard", price=Decimal("79.995"))
        self.assertEqual(subscription.fee_ids.amount, 80)
        self.assertEqual(subscription.fee_ids.list_amount, 100)
        self.settle("2024-11-30")
        self.assertEqual(subscription.fee_ids.sorted("id").mapped("amount"), [80, 100])
        with self.assertRaisesRegex(UserError, "negative"):
            self._buy("standard", application=self.make_application(), price=Decimal(-1))

    def test_an_edition_without_a_price_is_sold(self):
        with self.assertRaisesRegex(UserError, "has no price for the product"):
            self._buy("flagship")
        self.assertFalse(self.application.subscription_ids)
        subscription = self._buy("flagship", bill=False)
        self.assertFalse(subscription.bill_fee)
        self.price_editions(self.pricelist_usd, {"flagship": 900})
        self.settle("2024-12-31")
        self.assertFalse(subscription.fee_ids | subscription.pack_ids.fee_id)

    def test_an_edition_without_a_fee_is_billed_once_it_has_one(self):
        subscription = self._buy("entry")
        self.assertFalse(subscription.bill_fee)
        self.assertFalse(subscription.fee_ids)

    def test_a_purchase_for_settled_days_leaves_them_locked(self):
        self.usage("ai_stt", 600, DAY)
        self.settle("2024-10-31")
        self.assertTrue(self.lines(is_pending=True))
        self._buy("standard")
        self.settle("2024-10-31")
        self.assertFalse(self.lines(is_pending=True))
        self.assert_books()

    def test_an_application_without_minutes_stays_suspended_after_the_purchase(self):
        self.application._suspend("free_minutes", "2024-10-05")
        with freeze_time(f"{DAY} 04:00:00"):
            self._buy("standard")
            self.assertFalse(self.application.is_suspended)

    # === TRIAL === #

    def test_a_trial_costs_something_or_stays(self):
        subscription = self._buy("trial")
        self.assertEqual(str(subscription.date_end), "2024-10-22")
        self.assertFalse(subscription.bill_fee)
        self.assertFalse(subscription.fee_ids)

    def test_a_third_trial(self):
        self._buy("trial")
        self._buy("trial", date(2024, 10, 23))
        with self.assertRaisesRegex(ValidationError, "2 times already"), self.env.cr.savepoint():
            self._buy("trial", date(2024, 10, 30))
        self._buy("trial", application=self.make_application())

    def test_a_trial_keeps_its_edition_from_being_bought(self):
        trial = self._buy("trial", date(2024, 10, 10))
        self.assertEqual(self._plan("pro").ends, trial)
        self._buy("pro")
        self.assertEqual(str(trial.date_end), "2024-10-15")
        self.assertTrue(self.application._get_edition(date(2024, 10, 15)).trial_days)
        self.assertEqual(self.application._get_edition(DAY), self.edition("pro"))

    # === WHAT RUNS ALREADY === #

    def test_a_paid_term_is_cut_off(self):
        running = self._buy("standard", date(2024, 10, 1))
        cases = {"pro": "upgrade that subscription", "lite": "no way down", "standard": "no way"}
        for code, sentence in cases.items():
            with self.subTest(code=code):
                self.assertIn(sentence, self._plan(code).obstacle)
                with self.assertRaisesRegex(UserError, sentence):
                    self._buy(code, bill=code != "lite")
        self.assertFalse(running.date_end)
        self.assertEqual(self.application.subscription_ids, running)

    def test_an_edition_is_bought_for_the_first_day_of_another(self):
        self._buy("entry")
        self.assertIn("begins on this very day", self._plan("pro").obstacle)
        self.assertFalse(self._plan("pro", date(2024, 10, 17)).obstacle)

    def test_a_planned_edition_is_pushed_aside(self):
        self._buy("pro", date(2024, 11, 20))
        self.assertIn("is planned from", self._plan("standard").obstacle)
        self.assertFalse(self._plan("standard", renew=False).obstacle)
        self._buy("standard", renew=False)

    # === RENEWAL === #

    @freeze_time(f"{DAY} 04:00:00")
    def test_a_stopped_subscription_loses_the_days_that_are_paid(self):
        subscription = self._buy("standard", date(2024, 10, 1))
        subscription.action_stop_renewal()
        self.assertEqual(str(subscription.date_end), "2024-10-31")
        subscription.action_renew()
        self.assertFalse(subscription.date_end)
        with freeze_time("2024-11-10 04:00:00"):
            # The run that bills November has not come yet: the month is used all the same.
            subscription.action_stop_renewal()
            self.assertEqual(str(subscription.date_end), "2024-11-30")
            subscription.date_end = "2024-11-20"
            subscription.action_stop_renewal()
            self.assertEqual(str(subscription.date_end), "2024-11-20")

    @freeze_time(f"{DAY} 04:00:00")
    def test_what_has_ended_or_was_a_trial_renews(self):
        ended = self._buy("standard", date(2024, 9, 1), renew=False)
        for action in (ended.action_renew, ended.action_stop_renewal):
            with self.assertRaisesRegex(UserError, "has ended"):
                action()
        with self.assertRaisesRegex(UserError, "does not renew"):
            self._buy("trial").action_renew()

    # === UPGRADE === #

    def test_an_upgrade_on_the_first_day_fails(self):
        subscription = self._buy("standard")
        upgraded = subscription.sudo()._upgrade(self.edition("pro"), DAY)
        self.assertEqual(upgraded, subscription)
        self.assertEqual(subscription.edition_id, self.edition("pro"))
        self.assertEqual(subscription.fee_ids.sorted("id").mapped("amount"), [100, 200])
        self.settle("2024-11-30")
        self.assertEqual(subscription.fee_ids.sorted("id").mapped("amount"), [100, 200, 300])

    @freeze_time(f"{DAY} 04:00:00")
    def test_the_wizard_upgrades_at_another_price_than_it_shows(self):
        old = self._buy("standard", date(2024, 10, 1))
        with self._open(subscription_id=old.id) as form:
            form.edition_id = self.edition("pro")
            self.assertEqual(form.formula, "(300.00 - 100.00) × 16 of 31 days = 103.23")
            self.assertEqual((form.price, form.minutes), (103.23, 1_548))
            self.assertEqual(self._get_term(form), ["2024-10-16", "2024-10-31"])
            self.assertIn("stays until", form.consequence)
            self.assertFalse(form.obstacle)
        new = self._confirm(form)
        self.assertEqual(new.fee_ids.amount, 103.23)
        self.assertEqual(new.pack_ids.minutes, 1_548)
        self.assertEqual((new.upgraded_from_id, str(old.date_end)), (old, "2024-10-15"))
        self.assertIn("16 of 31 days = 103.23", new.fee_ids.explanation)

    @freeze_time(f"{DAY} 04:00:00")
    def test_a_lower_or_unpriced_edition_is_offered_as_an_upgrade(self):
        old = self._buy("standard", date(2024, 10, 1))
        form = self._open(subscription_id=old.id)
        offered = form.allowed_edition_ids[:].mapped("code")
        self.assertFalse({"trial", "entry", "lite", "basic", "standard"} & set(offered))
        form.edition_id = self.edition("flagship")
        self.assertIn("has no price for the fee of the edition Flagship", form.obstacle)
        form.edition_id = self.edition("pro")
        form.date_start = date(2024, 11, 1)
        self.assertIn("no paid term", form.obstacle)

    # === WIZARD === #

    @freeze_time(f"{DAY} 16:30:00")
    def test_the_wizard_sells_something_else_than_it_shows(self):
        self._buy("trial", date(2024, 10, 14))
        with self._open() as form:
            form.edition_id = self.edition("standard")
            # 16:30 UTC is the next day already in billing time.
            self.assertEqual(self._get_term(form), ["2024-10-17", "2024-11-16"])
            self.assertEqual((form.list_price, form.price, form.minutes), (100, 100, 1_000))
            self.assertEqual(
                set(form.feature_ids[:].mapped("code")),
                set(self.edition("standard").feature_ids.mapped("code")),
            )
            self.assertIn("Trial, which the application holds now", form.consequence)
            form.renew = False
            self.assertEqual(str(form.date_end), "2024-11-16")
            form.price = 80
        subscription = self._confirm(form)
        self.assertEqual(subscription.fee_ids.amount, 80)
        self.assertEqual(str(subscription.date_end), "2024-11-16")

    @freeze_time(f"{DAY} 04:00:00")
    def test_the_fee_is_left_out_without_a_tick(self):
        with self._open() as form:
            form.edition_id = self.edition("flagship")
            self.assertTrue(form.lacks_price)
        with self.assertRaisesRegex(UserError, "or tick"):
            form.record.action_subscribe()
        form.record.without_fee = True
        self.assertFalse(self._confirm(form).bill_fee)

    @freeze_time("2024-11-01 04:00:00")
    def test_a_purchase_for_settled_days_goes_unmentioned(self):
        self.usage("av_audio", 600, DAY)
        self.settle("2024-10-31")
        form = self._open()
        form.edition_id = self.edition("standard")
        self.assertFalse(form.settled)
        form.date_start = DAY
        self.assertIn("are settled already", form.settled)

    # === RIGHTS === #

    def test_who_may_buy_and_upgrade(self):
        running = self._buy("standard", application=self.make_application())
        for role in ("reader", "operator", "accountant", "portal"):
            vals = {"partner_id": self.customer.id} if role == "portal" else {}
            user = self.make_user(role, **vals)
            with self.subTest(role=role):
                with self.assertRaises(AccessError):
                    self.application.with_user(user)._subscribe(self.edition("pro"), DAY)
                with self.assertRaises(AccessError):
                    self.env["trtc.subscribe"].with_user(user).create(
                        {"application_id": self.application.id}
                    )
                for name in ("action_stop_renewal", "action_renew", "action_refund"):
                    with self.assertRaises(AccessError):
                        getattr(running.with_user(user), name)()
        self.assertFalse(self.application.subscription_ids)

    def test_a_reader_cannot_open_a_subscription_without_a_price(self):
        subscription = self.subscribe(self.application, "flagship", DAY)
        reader = self.make_user("reader")
        self.assertIn("has no price", subscription.with_user(reader).fee_warning)
