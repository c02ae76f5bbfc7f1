from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .test_terms import TermsCase


@tagged("post_install", "-at_install")
class TestPaidTerms(TermsCase):
    """What is paid for a term is credited once, and by hand nothing of it is changed."""

    def _start(self, edition="standard", until="2024-10-01", start="2024-10-01"):
        subscription = self.subscribe(self.application, edition, start)
        self.settle(until)
        return subscription

    # === UPGRADES === #

    def test_an_upgrade_of_a_term_that_is_over_bills_the_next_one_twice(self):
        subscription = self._start(until="2024-11-05")
        pro = subscription.sudo()._upgrade(self.edition("pro"), date(2024, 10, 17))
        self.settle("2024-11-29")
        self.assertEqual(
            self._get_fees(),
            [
                ("term", "2024-10-01", "2024-10-31", 100),
                ("upgrade", "2024-10-17", "2024-10-31", 96.77),
                ("term", "2024-11-01", "2024-11-30", 100),
                ("upgrade", "2024-11-01", "2024-11-30", 200),
            ],
        )
        self.assertEqual(sorted(pro.pack_ids.mapped("minutes")), [1_451, 3_000])
        with self.assertRaisesRegex(UserError, "An upgraded term cannot be refunded"):
            pro._refund(date(2024, 11, 2))

    def test_only_the_newest_of_two_paid_terms_is_refunded(self):
        subscription = self._start(until="2024-10-31").sudo()
        with self.assertRaisesRegex(UserError, "only its newest term, from 11/01/2024"):
            subscription._refund(date(2024, 10, 31))

    def test_an_upgraded_subscription_is_upgraded_or_refunded_again(self):
        self.price_editions(self.pricelist_usd, {"flagship": 900})
        subscription = self._start().sudo()
        subscription._upgrade(self.edition("pro"), date(2024, 10, 20))
        with self.assertRaisesRegex(UserError, "is upgraded from 10/20/2024 on already"):
            subscription._upgrade(self.edition("flagship"), date(2024, 10, 10))
        with self.assertRaisesRegex(UserError, "no paid term"):
            subscription._upgrade(self.edition("flagship"), date(2024, 10, 25))
        with self.assertRaisesRegex(UserError, "is upgraded from"):
            subscription._refund(date(2024, 10, 2))

    def test_a_second_upgrade_credits_a_price_that_was_never_paid(self):
        self.price_editions(self.pricelist_usd, {"flagship": 900})
        pro = self._start().sudo()._upgrade(self.edition("pro"), date(2024, 10, 1))
        rule = self.env["product.pricelist.item"].search(
            [
                ("pricelist_id", "=", self.pricelist_usd.id),
                ("product_id", "=", self.edition("pro").fee_product_id.id),
            ]
        )
        rule.fixed_price = 600
        pro._upgrade(self.edition("flagship"), date(2024, 10, 1))
        amounts = [amount for *_rest, amount in self._get_fees()]
        self.assertEqual(sum(amounts), 900)

    def test_minutes_are_granted_beside_those_that_an_edition_included_before(self):
        subscription = self._start().sudo()
        self.edition("standard").included_minutes = 0
        pro = subscription._upgrade(self.edition("pro"), date(2024, 10, 1))
        self.assertEqual(sorted(pro.pack_ids.mapped("minutes")), [1_000, 3_000])

    def test_a_refunded_term_is_credited_to_an_upgrade(self):
        subscription = self._start().sudo()
        self.invoice("2024-10-01").action_post()
        subscription._refund(date(2024, 10, 1))
        with self.assertRaisesRegex(UserError, "no paid term"):
            subscription._upgrade(self.edition("pro"), date(2024, 10, 1))

    # === DECISIONS === #

    def _shoot(self, day="2024-10-10"):
        self.usage("screenshot_terminal", 22_000, day)
        self.settle("2024-10-31")
        return self.env["trtc.decide"].create(
            {
                "line_ids": [Command.set(self.lines(status="locked").ids)],
                "outcome": "upgrade",
                "reason": "Agreed",
            }
        )

    def test_a_decision_for_a_lower_edition_bills_both(self):
        self._start("pro", until="2024-10-15")
        self.edition("lite").feature_ids += self.feature("terminal_screenshot")
        wizard = self._shoot()
        wizard.edition_id = self.edition("lite")
        with self.assertRaisesRegex(UserError, "only be upgraded to a higher edition"):
            wizard.action_decide()

    # === REFUNDS === #

    def test_a_credited_invoice_is_refunded_once_more(self):
        subscription = self._start().sudo()
        move = self.invoice("2024-10-01")
        move.action_post()
        move._reverse_moves(cancel=True)
        with self.assertRaisesRegex(UserError, "was credited already"):
            subscription._refund(date(2024, 10, 2))

    def test_late_usage_before_a_settled_day_is_forgotten_by_a_refund(self):
        subscription = self._start().sudo()
        self._use(5, "2024-10-03", "mix_audio")
        self.settle("2024-10-03")
        self._use(5, "2024-10-02")
        with self.assertRaisesRegex(UserError, "not settled yet"):
            subscription._refund(date(2024, 10, 4))

    # === BY HAND === #

    def test_a_paid_subscription_is_typed_over(self):
        subscription = self._start()
        other = self.make_application()
        for vals in (
            {"edition_id": self.edition("pro").id},
            {"date_start": "2024-10-05"},
            {"date_anchor": "2024-10-05"},
            {"application_id": other.id},
        ):
            with self.assertRaisesRegex(UserError, "stay as they are"), self.env.cr.savepoint():
                subscription.write(vals)
        with self.assertRaisesRegex(UserError, "cannot end before"), self.env.cr.savepoint():
            subscription.date_end = "2024-10-20"
        subscription.write(
            {
                "edition_id": subscription.edition_id.id,
                "date_start": "2024-10-01",
                "date_end": "2024-10-31",
            }
        )

    @freeze_time("2024-12-10 12:00:00")
    def test_a_subscription_that_ended_is_opened_again_and_bills_the_gap(self):
        subscription = self._start()
        subscription.date_end = "2024-10-31"
        with self.assertRaisesRegex(UserError, "has ended"):
            subscription.date_end = False

    @freeze_time("2024-12-10 12:00:00")
    def test_a_fee_that_is_switched_on_bills_the_past(self):
        subscription = self.subscribe(self.application, "standard", "2024-06-05")
        subscription.bill_fee = False
        self.settle("2024-12-09")
        self.assertFalse(self._get_fees())
        subscription.bill_fee = True
        self.settle("2024-12-09")
        self.assertEqual(self._get_fees(), [("term", "2024-12-05", "2025-01-04", 100)])
