from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import TrtcCommon

CODE = "terminal_screenshot"


@tagged("post_install", "-at_install")
class TestMatrix(TrtcCommon):
    """The matrix edition × feature, and usage that rests on it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls.make_user("manager")
        cls.accountant = cls.make_user("accountant")
        cls.screenshot = cls.feature(CODE)
        cls.flagship = cls.edition("flagship").with_user(cls.manager)

    def _shoot(self, day="2024-10-10", application=None, sheets=22_000):
        return self.usage("screenshot_terminal", sheets, day, application)

    def _settle_on(self, edition="flagship"):
        """Let settled, billable usage rest on an edition."""
        self.subscribe(self.application, edition, "2024-01-01")
        self._shoot()
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 12)

    def _refused(self):
        return self.assertRaisesRegex(UserError, "settled as billable already")

    def _decide(self, outcome, **vals):
        return self.env["trtc.decision"].create(
            {
                "application_id": self.application.id,
                "item_id": self.item("screenshot_terminal").id,
                "date_from": "2024-10-01",
                "date_to": "2024-10-31",
                "outcome": outcome,
                "reason": "As agreed",
                **vals,
            }
        )

    # === WHAT IS SHOWN === #

    def test_the_matrix_shows_another_cell_than_is_unlocked(self):
        self.edition("entry").active = False
        matrix = self.env["trtc.edition"].with_user(self.make_user("reader")).get_matrix()
        self.assertFalse(matrix["can_edit"])
        editions = {row["id"]: row["code"] for row in matrix["editions"]}
        ranked = self.env["trtc.edition"].search([], order="sequence, id").mapped("code")
        self.assertEqual(list(editions.values()), ranked)
        self.assertNotIn("entry", ranked)
        for row in matrix["features"]:
            for edition_id, code in editions.items():
                application = self.make_application()
                self.subscribe(application, code, "2024-10-01")
                self.assertIs(
                    application.is_unlocked(row["code"], "2024-10-01"),
                    row["every_edition"] or edition_id in row["edition_ids"],
                    f"{row['code']} in {code}",
                )

    def test_a_click_is_saved_twice_or_never(self):
        pro = self.edition("pro").with_user(self.manager)
        self.assertTrue(pro.get_matrix()["can_edit"])
        for unlocked in (True, True, False, False):
            pro.set_unlocked(self.screenshot.id, unlocked)
            self.assertIs(self.screenshot in pro.feature_ids, unlocked)
        self.assertIn(self.feature("stream_ingest"), pro.feature_ids)

    def test_a_program_is_told_that_nothing_was_done(self):
        """An answer of null is taken for done."""
        pro = self.edition("pro").with_user(self.manager)
        wrong = (
            (pro, 999_999_999, True, "no feature with the id 999999999"),
            (pro, "12", True, "no feature with the id '12'"),
            (pro, [12], True, "no feature"),
            (pro, True, True, "no feature"),
            (pro, False, True, "no feature"),
            (pro, self.screenshot.id, "false", "neither true nor false"),
            (pro, self.feature("calls").id, True, "Every edition unlocks"),
            (pro, self.feature("calls").id, False, "Every edition unlocks"),
            (pro.browse(), self.screenshot.id, True, "Name the edition"),
        )
        for edition, feature_id, unlocked, message in wrong:
            with self.subTest(feature=feature_id), self.assertRaisesRegex(UserError, message):
                edition.set_unlocked(feature_id, unlocked)
        self.assertNotIn(self.screenshot, pro.feature_ids)

    def test_somebody_changes_the_matrix_without_the_right_to(self):
        self.make_users()
        for role in ("reader", "operator", "accountant"):
            edition = self.edition("pro").with_user(getattr(self, f"user_{role}"))
            self.assertFalse(edition.get_matrix()["can_edit"])
            with self.subTest(role=role), self.assertRaises(AccessError):
                edition.set_unlocked(self.screenshot.id, True)
        for role in ("api_sender", "portal", "employee"):
            edition = self.edition("pro").with_user(getattr(self, f"user_{role}"))
            with self.subTest(role=role):
                with self.assertRaises(AccessError):
                    edition.get_matrix()
                with self.assertRaises(AccessError):
                    edition.set_unlocked(self.screenshot.id, True)
        self.assertNotIn(self.screenshot, self.edition("pro").feature_ids)

    # === A TICK IS TAKEN AWAY === #

    def test_an_unticked_cell_takes_back_what_is_on_invoices(self):
        self._settle_on()
        self.invoice("2024-10-31").action_post()
        feature = self.screenshot.with_user(self.manager)
        removals = {
            "the matrix": lambda: self.flagship.set_unlocked(self.screenshot.id, False),
            "the edition": lambda: self.flagship.write({"feature_ids": [Command.clear()]}),
            "the feature": lambda: feature.write(
                {"edition_ids": [Command.unlink(self.flagship.id)]}
            ),
        }
        for name, remove in removals.items():
            with self.subTest(by=name), self._refused(), self.env.cr.savepoint():
                remove()
            self.env.invalidate_all()
        self.assertTrue(self.application.is_unlocked(CODE, "2024-10-10"))
        self._shoot("2024-10-11", sheets=1000)
        self.settle("2024-10-31")
        self.assertEqual(self.total("locked_quantity"), 0)
        self.assert_books()

    def test_a_feature_of_every_edition_is_taken_from_those_who_used_it(self):
        self.usage("slice_audio", 600, "2024-10-10")
        self.settle("2024-10-31")
        slicing = self.feature("cloud_slicing").with_user(self.manager)
        with self._refused(), self.env.cr.savepoint():
            slicing.every_edition = False
        self.subscribe(self.application, "lite", "2024-10-01")
        slicing.write({"every_edition": False, "edition_ids": self.edition("lite").ids})
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 10)
        self.assertFalse(self.application.is_unlocked("cloud_slicing", "2024-09-30"))

    def test_an_archived_edition_loses_what_its_holders_used(self):
        self._settle_on()
        self.flagship.active = False
        # Without the archived ones in sight, a write leaves them alone
        self.screenshot.edition_ids = [Command.clear()]
        self.env.invalidate_all()
        self.assertTrue(self.application.is_unlocked(CODE, "2024-10-10"))
        feature = self.screenshot.with_context(active_test=False)
        with self._refused(), self.env.cr.savepoint():
            feature.edition_ids = [Command.clear()]

    def test_an_item_needs_a_feature_that_its_users_do_not_have(self):
        self.usage("av_hd", 600, "2024-10-10")
        self.settle("2024-10-31")
        item = self.item("av_hd").with_user(self.manager)
        with self._refused(), self.env.cr.savepoint():
            item.feature_id = self.screenshot
        item.invalidate_recordset()
        item.feature_id = self.feature("calls")
        self.subscribe(self.application, "flagship", "2024-01-01")
        item.feature_id = self.screenshot
        self.settle("2024-10-31")
        self.assertEqual(self.total("locked_quantity"), 0)

    def test_usage_of_a_month_and_of_the_account_is_forgotten(self):
        """Peaks of relay: the line of a month has no application."""
        self.usage("relay_bandwidth", 1000, "2024-10-05T10:00:00+08:00")
        self.item("relay_bandwidth").feature_id = self.screenshot
        self.subscribe(self.application, "flagship", "2024-10-01", "2024-10-05")
        self.settle("2024-10-31")
        self.assertEqual(self.lines().mapped("status"), ["billable"])
        with self._refused(), self.env.cr.savepoint():
            self.flagship.set_unlocked(self.screenshot.id, False)

    def test_a_tick_that_nothing_rests_on_cannot_be_taken_away(self):
        """Usage under another edition, restated to nothing, or of another feature."""
        self._settle_on("enterprise")
        self.flagship.set_unlocked(self.screenshot.id, False)
        self.flagship.set_unlocked(self.screenshot.id, True)
        other = self.make_application()
        self.subscribe(other, "flagship", "2024-01-01")
        usage = self._shoot("2024-10-10", other)
        self.usage("av_hd", 60, "2024-10-10", other)
        self.settle("2024-10-31")
        record = self.record("screenshot_terminal", 0, "2024-10-10", other, id=usage.external_id)
        self.ingest(record)
        self.settle("2024-10-31")
        self.flagship.set_unlocked(self.screenshot.id, False)
        self.assert_books()

    def test_usage_of_days_without_the_edition_holds_the_tick(self):
        """A month under enterprise first, then under flagship, without usage there."""
        self.subscribe(self.application, "enterprise", "2024-10-01", "2024-10-15")
        self.subscribe(self.application, "flagship", "2024-10-16")
        self._shoot("2024-10-15")
        self.settle("2024-10-31")
        self.flagship.set_unlocked(self.screenshot.id, False)
        with self._refused(), self.env.cr.savepoint():
            self.edition("enterprise").set_unlocked(self.screenshot.id, False)

    def test_usage_that_is_locked_anyway_holds_the_tick(self):
        """Half of a month under pro is locked, and flagship is held later only."""
        self.subscribe(self.application, "pro", "2024-10-01", "2024-10-15")
        self.subscribe(self.application, "enterprise", "2024-10-16", "2024-10-31")
        self.subscribe(self.application, "flagship", "2024-11-01")
        self._shoot("2024-10-15")
        self._shoot("2024-10-16")
        self.settle("2024-10-31")
        self.assertEqual(set(self.lines().mapped("status")), {"locked", "billable"})
        self.flagship.set_unlocked(self.screenshot.id, False)
        self.assert_books()

    def test_usage_that_was_decided_holds_the_tick(self):
        self._settle_on()
        self._decide("bill")
        self.flagship.set_unlocked(self.screenshot.id, False)
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 12)
        self.assert_books()

    def test_a_settlement_of_that_moment_bills_by_the_matrix_of_before(self):
        """Another transaction works the notes off while the tick is taken away."""
        self.subscribe(self.application, "flagship", "2024-01-01")
        self._shoot()
        notes = self.env["trtc.settlement.note"].sudo()
        notes.search([])._work_off()
        self.flagship.set_unlocked(self.screenshot.id, False)
        note = notes.search([("account_id", "=", self.account.id)])
        self.assertEqual(str(note.date_to), "2024-10-31")
        self.settle("2024-10-31")
        self.assertEqual(self.lines().mapped("status"), ["locked"])

    # === A TICK IS SET === #

    def test_a_new_tick_bills_what_was_waived(self):
        """A promise to a customer, and the manager who knows nothing of it."""
        self.subscribe(self.application, "pro", "2024-01-01")
        self._shoot()
        self.settle("2024-10-31")
        decision = self._decide("waive")
        self.settle("2024-10-31")
        self.edition("pro").set_unlocked(self.screenshot.id, True)
        self._shoot("2024-10-11", sheets=1000)
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 0)
        self.assertEqual(self.total("quantity", status="waived"), 23)
        self.item("screenshot_terminal").feature_id = False
        self._shoot("2024-10-11", sheets=1000)
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity", status="waived"), 24)
        decision.unlink()
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 14)
        self.assert_books()

    def test_a_new_tick_touches_days_that_it_is_not_about(self):
        self.subscribe(self.application, "pro", "2024-01-01")
        self.usage("av_hd", 600, "2024-10-10")
        self._shoot()
        self.settle("2024-10-31")
        self.account.pricelist_id = self.make_pricelist({"av_hd": 1}, base=self.pricelist_usd)
        self.edition("pro").set_unlocked(self.screenshot.id, True)
        adjustment = self.settle("2024-10-31")
        self.assertEqual(adjustment.line_ids.item_id.code, "screenshot_terminal")
