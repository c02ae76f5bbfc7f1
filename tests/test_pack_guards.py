from datetime import date
from decimal import Decimal
from functools import partial

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import TrtcCommon

DAY = date(2024, 10, 7)


class SoldPackCase(TrtcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls.make_user("manager")

    def _sell(self, minutes=25_000):
        return self.account.with_user(self.manager)._sell_pack(minutes, DAY)

    def _use(self, minutes, day=DAY):
        return self.usage("av_audio", minutes, day, unit="min")


@tagged("post_install", "-at_install")
class TestRefundedPack(SoldPackCase):
    """What is taken back covers nothing further, and still says what it was."""

    @freeze_time("2024-10-09 04:00:00")
    def test_a_refunded_pack_goes_on_covering_later_days(self):
        record = self.record("av_audio", 10_000, DAY, unit="min")
        pack = self._sell()
        self.ingest(record)
        self.settle("2024-10-08")
        pack._refund(date(2024, 10, 9))
        self.assertEqual(str(pack.date_end), "2024-10-08")
        self.ingest({**record, "quantity": "4000"})
        self._use(500, "2024-10-08")
        self._use(500, "2024-10-09")
        with freeze_time("2024-11-02 04:00:00"):
            self._use(500, "2024-10-20")
            self.settle("2024-10-31")
        self.assertEqual(self.total("pack_quantity"), 4_500)
        self.assertEqual(self.total("billable_quantity"), 1_000)
        self.assert_books()

    def test_a_pack_that_is_refunded_on_its_first_day_ends_before_it_begins(self):
        with freeze_time("2024-10-07 04:00:00"):
            pack = self._sell()
            pack._refund(DAY)
        self.assertEqual((pack.date_start, pack.date_end, pack.state), (DAY, DAY, "refunded"))

    @freeze_time("2024-10-09 04:00:00")
    def test_a_refunded_pack_held_nothing(self):
        unused, used = self._sell(), self._sell(50_000)
        self._use(10_000)
        self.settle("2024-10-08")
        for pack in (unused, used):
            pack._refund(date(2024, 10, 9))
        figures = [(b.minutes, b.drawn, b.left) for b in (unused | used)._get_balances().values()]
        self.assertEqual(figures, [(25_000, 10_000, 0), (50_000, 0, 0)])
        self.assertEqual((unused | used).mapped("minutes_sold"), [25_000, 50_000])

    @freeze_time("2024-10-09 04:00:00")
    def test_the_balance_of_a_refunded_pack_is_alerted(self):
        self.account.user_id = self.manager
        pack = self._sell()
        self._use(10_000)
        self.settle("2024-10-08")
        pack._refund(date(2024, 10, 9))
        self._use(5)
        self.settle("2024-10-08")
        pack._check_balance()
        self.assertFalse(pack.activity_ids)


@tagged("post_install", "-at_install")
class TestPackGuards(SoldPackCase):
    """What a manager cannot write on packs, over no way."""

    def test_a_sold_pack_is_rewritten(self):
        pack = self._sell()
        other = self.make_account()
        for vals in (
            {"minutes": 1_000_000},
            {"date_start": "2024-01-01"},
            {"date_end": "2099-12-31"},
            {"account_id": other.id},
            {"application_id": self.application.id},
            {"kind": "promo"},
            {"ratio_table_id": self.env.ref("trtc_billing.ratio_1_4_15").id},
        ):
            with self.assertRaisesRegex(UserError, "Refund it"), self.env.cr.savepoint():
                pack.write(vals)
        pack.write({"name": "Renamed", "alert_percent": 10})
        with freeze_time("2024-10-09 04:00:00"):
            pack._refund(date(2024, 10, 9))
        self.assertFalse(pack.fee_id)
        with self.assertRaisesRegex(UserError, "Refund it"):
            pack.minutes = 25_000

    def test_the_books_of_a_pack_are_written_by_hand(self):
        packs = self.env["trtc.minute.pack"].with_user(self.manager)
        pack = packs.browse(self.make_pack(100, "2024-10-01", "2024-10-31").id)
        product = self.env.ref("trtc_billing.product_pack")
        fee = self.env["trtc.fee"].sudo()
        fee = fee.create(self.account._prepare_fee("pack", product, Decimal(9), DAY, DAY))
        values = {
            "name": "Forged",
            "account_id": self.account.id,
            "minutes": 100,
            "date_start": "2024-10-01",
            "date_end": "2024-10-31",
        }
        for name, value in (
            ("refunded", True),
            ("alerted", True),
            ("minutes_drawn", 50),
            ("minutes_sold", 50),
            ("fee_id", fee.id),
        ):
            with self.subTest(name=name):
                by_default = packs.with_context(**{f"default_{name}": value})
                for forge in (
                    partial(pack.write, {name: value}),
                    partial(packs.create, {**values, name: value}),
                    partial(by_default.create, values),
                ):
                    if forge.func == by_default.create:
                        self.assertFalse(forge()[name], "a default says nothing of it")
                        continue
                    with (
                        self.assertRaisesRegex(UserError, "cannot be entered"),
                        self.env.cr.savepoint(),
                    ):
                        forge()
        for kind in ("free", "edition"):
            with self.assertRaisesRegex(UserError, "cannot be entered"):
                packs.create({**values, "kind": kind})
        for kind in ("prepaid", "promo"):
            packs.create({**values, "kind": kind})

    def test_a_caller_claims_that_days_need_no_settling(self):
        self._use(10)
        self.settle("2024-10-31")
        packs = self.env["trtc.minute.pack"].with_context(trtc_rating=True)
        packs.create(
            {
                "name": "Silent",
                "account_id": self.account.id,
                "minutes": 100,
                "date_start": "2024-10-01",
                "date_end": "2024-10-31",
            }
        )
        self.settle("2024-10-31")
        self.assertEqual(self.total("pack_quantity"), 10)

    @freeze_time("2024-11-01 04:00:00")
    def test_states_are_searched_by_the_day_of_another_company(self):
        # 20:00 of the day before over there.
        other = self.env["res.company"].create(
            {"name": "West", "trtc_billing_tz": "America/Anchorage"}
        )
        account = self.make_account(company_id=other.id)
        packs = self.make_pack(9, "2024-10-01", "2024-10-31") | self.make_pack(
            9, "2024-10-01", "2024-10-31", account.sudo()
        )
        for company in (self.env.company, other):
            found = packs.sudo().with_company(company)
            for state in ("running", "expired"):
                self.assertEqual(
                    found.search([("id", "in", packs.ids), ("state", "=", state)]),
                    found.filtered(lambda pack, state=state: pack.state == state),
                )
        self.assertEqual(packs.sudo().mapped("state"), ["expired", "running"])


@tagged("post_install", "-at_install")
class TestSharedItem(SoldPackCase):
    """An item is shared: what one company changes reaches the statements of another."""

    def test_a_user_of_another_company_changes_how_usage_is_metered(self):
        company = self.env["res.company"].create({"name": "Other"})
        stranger = self.make_user("manager", company)
        item = self.item("av_audio")
        changes = (
            {"free_quantity": 5},
            {"free_scope": "application"},
            {"block_size": 1},
            {"pack_ratio": 3},
            {"free_pack_ratio": 3},
            {"feature_id": self.feature("terminal_screenshot").id},
            {"product_id": self.item("av_hd").product_id.id},
            {"robot_item_id": self.item("av_hd").id},
            # Minutes are drawn in this order.
            {"sequence": 7},
        )
        self._use(10)
        self.settle("2024-10-31")
        for vals in changes:
            with (
                self.assertRaisesRegex(AccessError, "companies that you have no access to"),
                self.env.cr.savepoint(),
            ):
                item.with_user(stranger).write(vals)
        item.with_user(self.manager).free_quantity = 2
        stranger.company_ids = [Command.link(self.env.company.id)]
        item.with_user(stranger).free_quantity = 3
