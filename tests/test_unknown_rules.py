from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL

from ..rating import engine
from .accrual import AccrualCommon

#: What another addon may add a choice to, and nothing here computes
FIELDS = ("aggregation", "cycle", "scope", "free_scope")


@tagged("post_install", "-at_install")
class TestUnknownRules(AccrualCommon):
    """What rating does not know is an error that names it; it was summed, or graduated."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.unknown = cls.item("av_hd")
        cls.other = cls.make_account(pricelist_id=cls.pricelist.id)
        cls.other_application = cls.make_application(cls.other)

    def give(self, **vals):
        """Let an item have choices that this module does not know, as another addon could."""
        self.env.flush_all()
        for name, value in vals.items():
            selection = [*self.unknown._fields[name].selection, (value, value)]
            self.startPatcher(patch.object(self.unknown._fields[name], "selection", selection))
            self.env.execute_query(
                SQL(
                    "UPDATE trtc_item SET %s = %s WHERE id = %s RETURNING id",
                    SQL.identifier(name),
                    value,
                    self.unknown.id,
                )
            )
        self.env.invalidate_all()

    def use_both(self):
        self.usage("av_hd", 60, "2024-10-05")
        self.usage("av_2k", 60, "2024-10-05", self.other_application)

    def test_usage_is_billed_by_a_guess(self):
        self.use_both()
        for name in FIELDS:
            with self.subTest(field=name), self.env.cr.savepoint() as savepoint:
                self.give(**{name: "p95"})
                self.settle("2024-10-31")
                error = self.account.billing_error or ""
                self.assertIn("av_hd", error)
                self.assertIn("p95", error)
                self.assertIn(self.unknown._fields[name].string, error)
                self.assertTrue(self.account.parked_since)
                self.assertFalse(self.lines())
                self.assertTrue(self.lines(of=self.other), "the other account goes on")
                with self.assertRaisesRegex(UserError, "p95"), self.env.cr.savepoint():
                    self.account.settle("2024-10-31")
                savepoint.rollback()
                self.env.invalidate_all()

    def test_an_estimate_guesses(self):
        entry = [{"item": "av_hd", "quantity": 60}]
        for name in FIELDS:
            with self.subTest(field=name), self.env.cr.savepoint() as savepoint:
                self.give(**{name: "p95"})
                with self.assertRaisesRegex(UserError, "av_hd.*p95"):
                    self.env["trtc.item"].estimate(entry)
                self.assertEqual(
                    len(self.env["trtc.item"].estimate([{**entry[0], "item": "av_2k"}])["lines"]),
                    1,
                    "others are estimated",
                )
                savepoint.rollback()
                self.env.invalidate_all()

    def test_an_accrual_guesses(self):
        self.use_both()
        self.give(aggregation="p95")
        with self.assertRaisesRegex(UserError, "av_hd.*p95"), self.env.cr.savepoint():
            self.account._get_unbilled(self.date("2024-10-31"))

    def test_the_check_of_the_books_guesses(self):
        self.use_both()
        self.settle("2024-10-31")
        for name in FIELDS:
            with self.subTest(field=name), self.env.cr.savepoint() as savepoint:
                self.give(**{name: "p95"})
                check = self.env["trtc.books.check"]._check_books(
                    self.env.company, self.date("2024-10-01"), self.date("2024-10-31")
                )
                messages = check.difference_ids.filtered(
                    lambda one: one.account_id == self.account
                ).mapped("message")
                self.assertTrue(any("p95" in message for message in messages), messages)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_price_model_is_graduated_by_default(self):
        self.use_both()
        cls = self.registry["product.pricelist"]
        self.startPatcher(patch.object(cls, "_trtc_mode", lambda _list: "tiered"))
        self.settle("2024-10-31")
        self.assertIn("tiered", self.account.billing_error)
        self.assertFalse(self.lines())
        with self.assertRaisesRegex(UserError, "tiered"), self.env.cr.savepoint():
            self.env["trtc.item"].estimate([{"item": "av_hd", "quantity": 60}])
        with self.assertRaisesRegex(UserError, "tiered"), self.env.cr.savepoint():
            self.account._get_unbilled(self.date("2024-10-31"))

    def test_an_addon_brings_an_aggregation_of_its_own(self):
        """It enters what it means, and is told moments apart where it asks for that."""
        lowest = engine.Aggregation(lambda samples: min(usage for _at, usage in samples), True)
        with patch.dict(engine.AGGREGATIONS, lowest=lowest):
            self.give(aggregation="lowest")
            for minutes, hour in ((7, "10"), (3, "11"), (5, "12")):
                self.usage("av_hd", minutes * 60, f"2024-10-05T{hour}:00:00+08:00")
            self.settle("2024-10-31")
            self.assertEqual(self.total("quantity"), 3)
