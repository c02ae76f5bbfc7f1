from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestUnitsGuard(TrtcCommon):
    """What usage was metered and priced in stays what it was.

    A minute of 3,600 seconds, one late record of 60 s, and a settled month was rated again
    times 60.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.usage("av_hd", 600, "2024-10-10", unit="min")
        cls.settle("2024-10-31")
        for name in ("second", "minute", "hour", "thousand_minutes", "sheet", "kbps", "char"):
            setattr(cls, name, cls.env.ref(f"trtc_billing.uom_{name}"))
        cls.clerk = cls.make_user("employee")
        cls.clerk.group_ids += cls.quick_ref("product.group_product_manager")
        cls.boss = cls.make_user("manager")
        cls.boss.group_ids += cls.quick_ref("base.group_system")

    def refused(self, change, *words, error=UserError):
        with self.assertRaises(error) as refused, self.env.cr.savepoint():
            change()
            self.env.flush_all()
        self.env.invalidate_all()
        message = str(refused.exception)
        for word in words:
            self.assertIn(word, message)
        self.assertNotIn("foreign key", message)
        self.assertNotIn("constraint", message)

    def assert_kept(self):
        self.usage("av_hd", 60, "2024-10-10")
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity", item="av_hd"), 601)
        self.assertEqual(self.minute.factor, 60)
        self.assert_books()

    # === WHAT IS REFUSED === #

    def test_a_late_record_re_rates_a_month_times_sixty(self):
        for user in (self.clerk, self.boss, self.env.ref("base.user_root")):
            minute = self.minute.with_user(user)
            with self.subTest(user=user.login):
                self.refused(lambda minute=minute: minute.write({"relative_factor": 1}), "min")
                self.refused(lambda minute=minute: minute.sudo().write({"relative_factor": 1}))
                self.refused(lambda minute=minute: minute.write({"factor": 1}))
                self.refused(lambda minute=minute: minute.write({"parent_path": "1/"}))
                self.refused(
                    lambda minute=minute: minute.write({"relative_uom_id": self.hour.id}), "min"
                )
        self.assert_kept()

    def test_a_unit_is_the_reference_of_another_one(self):
        """The seconds are what the minutes of every item derive from."""
        self.refused(
            lambda: self.second.write(
                {"relative_uom_id": self.sheet.id, "relative_factor": 60}
            ),
            "s",
            "billing item",
        )
        base = self.env["uom.uom"].create({"name": "tick"})
        between = self.env["uom.uom"].create(
            {"name": "tock", "relative_uom_id": base.id, "relative_factor": 5}
        )
        leaf = self.env["uom.uom"].create(
            {"name": "clock", "relative_uom_id": between.id, "relative_factor": 5}
        )
        between.relative_factor = 4
        self.item("relay_duration").copy(
            {
                "code": "clocked",
                "usage_uom_id": leaf.id,
                "uom_id": leaf.id,
                "product_id": self.env["product.product"]
                .create({"name": "Clocked", "uom_id": leaf.id})
                .id,
            }
        )
        for unit in (base, between, leaf):
            with self.subTest(unit=unit.name):
                self.refused(lambda unit=unit: unit.write({"relative_factor": 7}), "clocked")
                self.refused(unit.unlink, "clocked")
                self.refused(lambda unit=unit: unit.write({"active": False}), "clocked")

    def test_a_unit_is_moved_through_another_one(self):
        other = self.env["uom.uom"].create({"name": "moment"})
        command = Command.link(self.minute.id)
        self.refused(lambda: other.write({"related_uom_ids": [command]}), "min")
        self.refused(
            lambda: self.env["uom.uom"].create({"name": "x", "related_uom_ids": [command]}), "min"
        )
        command = Command.update(self.minute.id, {"relative_factor": 2})
        self.refused(lambda: self.second.write({"related_uom_ids": [command]}), "min")
        self.assert_kept()

    def test_a_file_of_units_is_loaded(self):
        result = self.env["uom.uom"].load(
            [".id", "relative_factor"], [[str(self.minute.id), "3600"]]
        )
        self.assertFalse(result["ids"])
        self.assertIn("min", result["messages"][0]["message"])
        self.assert_kept()

    def test_the_word_of_usage_records_moves_to_another_unit(self):
        self.refused(lambda: self.minute.write({"trtc_code": "h2"}), "min")
        self.refused(lambda: self.minute.write({"trtc_code": False}), "min")
        sentence = 'You cannot change the "Usage Record Word" of the unit h: '
        self.refused(lambda: self.hour.write({"trtc_code": False}), sentence)
        self.refused(lambda: self.hour.write({"relative_factor": 61}))
        self.thousand_minutes.trtc_code = "kmin"
        self.assertEqual(self.usage("av_hd", 1, "2024-10-11", unit="kmin").quantity, 60_000)
        self.refused(lambda: self.thousand_minutes.write({"trtc_code": False}), "kmin")

    def test_a_unit_in_use_is_archived_or_deleted(self):
        """Archived, its word was unknown, and all usage was refused."""
        for unit in (self.minute, self.second, self.sheet, self.kbps, self.hour, self.char):
            with self.subTest(unit=unit.name):
                self.refused(lambda unit=unit: unit.write({"active": False}), unit.name)
                self.refused(unit.unlink, unit.name)
                self.refused(unit.with_context(_force_unlink=True).unlink, unit.name)
        self.assert_kept()

    def test_a_unit_for_usage_records_is_below_zero(self):
        vals = {
            "name": "odd",
            "relative_factor": -60,
            "relative_uom_id": self.second.id,
            "trtc_code": "odd",
        }
        units = self.env["uom.uom"]
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(IntegrityError, "trtc_factor_above_zero"),
            self.env.cr.savepoint(),
        ):
            units.create(vals)
            self.env.flush_all()
        unit = units.create({**vals, "relative_factor": 30})
        for factor in (float("nan"), float("inf")):
            self.refused(
                lambda factor=factor: units.create({**vals, "relative_factor": factor}), "number"
            )
            self.refused(lambda factor=factor: unit.write({"relative_factor": factor}), "number")

    def test_the_product_of_an_item_is_priced_in_another_unit(self):
        product = self.item("av_hd").product_id
        for record in (product, product.product_tmpl_id):
            self.refused(
                lambda record=record: record.write({"uom_id": self.thousand_minutes.id}),
                "av_hd",
                "min",
            )
        self.assert_kept()

    def test_the_product_of_an_item_is_measured_in_something_else(self):
        """Rating ended in a traceback."""
        product = self.item("av_2k").product_id
        self.refused(
            lambda: product.write({"uom_id": self.sheet.id}), "av_2k", error=ValidationError
        )
        pack = self.env.ref("trtc_billing.product_pack")
        self.refused(lambda: pack.write({"uom_id": self.sheet.id}), "min")

    # === WHAT IS ALLOWED === #

    def test_units_that_nothing_depends_on_are_guarded(self):
        unit = self.env["uom.uom"].create(
            {"name": "fortnight", "relative_uom_id": self.hour.id, "relative_factor": 100}
        )
        unit.write({"relative_factor": 336, "name": "two weeks"})
        unit.relative_uom_id = self.sheet
        unit.active = False
        unit.unlink()
        mine = self.minute.copy({"name": "my minute"})
        mine.relative_factor = 61
        self.assertFalse(mine.trtc_code)
        dozen = self.env.ref("uom.product_uom_dozen")
        dozen.relative_factor = 13
        apart = self.env["uom.uom"].create({"name": "apart", "trtc_code": "apart"})
        apart.trtc_code = "aside"
        apart.unlink()
        self.assert_kept()

    def test_what_stays_the_same_is_guarded(self):
        self.minute.write(
            {
                "name": "minute",
                "relative_factor": 60,
                "relative_uom_id": self.second.id,
                "trtc_code": "min",
                "active": True,
            }
        )
        product = self.item("av_hd").product_id
        product.write({"uom_id": product.uom_id.id, "name": "HD"})
        self.item("av_4k").product_id.uom_id = self.thousand_minutes
        self.assert_kept()
