from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .schedule import ScheduleCase


@tagged("post_install", "-at_install")
class TestParking(ScheduleCase):
    """An account that cannot be billed waits for a person."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.make_user("accountant")
        cls.account.user_id = cls.accountant
        cls.record_1 = cls.usage("av_hd", 60_000, "2024-10-01")

    def park(self, at="2024-10-10T08:00:00"):
        with self.failing(self.account):
            self.run_cron("settle", at)

    def activities(self):
        return self.account.activity_ids.filtered(lambda one: one.user_id == self.accountant)

    def run_by_hand(self, action="action_settle", until="2024-10-31"):
        wizard = self.env["trtc.run"].with_user(self.accountant).create({"until": until})
        wizard.account_ids = self.account
        return getattr(wizard, action)()

    def test_a_failing_account_is_forgotten(self):
        self.park()
        self.assertEqual(self.activities().summary, "This account is not billed")
        self.assertIn("No income account.", self.activities().note)
        bodies = " ".join(map(str, self.account.message_ids.mapped("body")))
        self.assertIn("Not billed: No income account.", bodies)

    def test_each_failure_leaves_an_activity(self):
        self.park()
        since = self.account.parked_since
        with self.failing(self.account, UserError("No journal.")):
            action = self.run_by_hand()
        self.assertEqual(len(self.activities()), 1)
        self.assertIn("No journal.", self.activities().note)
        self.assertEqual(self.account.billing_error, "No journal.")
        count = len(self.account.message_ids)
        with self.failing(self.account, UserError("No journal.")):
            self.run_by_hand()
        self.assertEqual(len(self.account.message_ids), count, "said once")
        self.assertEqual(self.account.parked_since, since)
        self.assertIn("No journal.", action["params"]["message"])

    def test_an_account_without_a_salesperson_says_nothing(self):
        self.account.user_id = False
        self.park()
        self.assertFalse(self.account.activity_ids)
        self.assertIn("No income account.", str(self.account.message_ids[0].body))

    def test_a_parked_account_stays_so_after_a_run_that_succeeds(self):
        self.park()
        activity = self.activities()
        self.run_by_hand()
        self.assertFalse(self.account.parked_since)
        self.assertFalse(self.account.billing_error)
        self.assertFalse(activity.active)
        self.assertIn("could be billed again", str(self.account.message_ids[0].body))
        self.usage("av_hd", 60_000, "2024-10-02")
        self.run_cron("settle", "2024-10-11T08:00:00")
        self.assertEqual(self.total("metered_quantity"), 120_000)

    def test_settling_alone_ends_the_parking_of_a_failed_invoice(self):
        with self.failing(self.account, method="_get_bills"):
            self.run_cron("invoice", "2024-11-01T08:00:00")
        self.usage("av_hd", 60_000, "2024-10-02")
        self.run_by_hand()
        self.assertTrue(self.account.parked_since)
        self.run_by_hand("action_invoice")
        self.assertFalse(self.account.parked_since)
        self.assertEqual(self.account.invoice_count, 1)

    def test_an_account_with_nothing_left_to_do_is_parked_for_ever(self):
        with self.failing(self.account, method="_get_bills"):
            self.run_cron("invoice", "2024-11-01T08:00:00")
        self.ingest({**self.record("av_hd", 0, "2024-10-01"), "id": self.record_1.external_id})
        self.account.settle("2024-10-31")
        self.run_by_hand("action_invoice")
        self.assertFalse(self.account.parked_since)

    def test_a_run_over_the_api_leaves_an_account_parked(self):
        self.park()
        self.account.with_user(self.accountant).settle("2024-10-31")
        self.assertFalse(self.account.parked_since)
        with self.failing(self.account, method="_get_bills"):
            self.run_cron("invoice", "2024-11-01T08:00:00")
        self.assertTrue(self.account.parked_since)
        self.account.with_user(self.accountant).create_invoices("2024-10-31")
        self.assertFalse(self.account.parked_since)

    def test_an_accountant_cannot_try_again(self):
        self.park()
        account = self.account.with_user(self.accountant)
        with self.failing(self.account):
            action = account.action_try_again()
        self.assertEqual(action["params"]["title"], "Not billed")
        self.assertEqual(account.action_try_again()["tag"], "soft_reload")
        self.assertFalse(account.parked_since)
        # What failed is what is tried: usage after that day is left to the schedule.
        self.assertEqual(str(self.runs()[0].until), "2024-10-09")
        self.assertEqual(self.runs()[0].what, "settle")

    def test_a_reader_bills_by_trying_again(self):
        self.park()
        for role in ("reader", "operator"):
            with self.assertRaises(AccessError):
                self.account.with_user(self.make_user(role)).action_try_again()
        self.assertFalse(self.lines())

    def test_a_customer_reads_why_the_account_is_not_billed(self):
        self.park()
        contact = self.env["res.partner"].create({"name": "C", "parent_id": self.customer.id})
        portal = self.make_user("portal", partner_id=contact.id)
        account = self.account.with_user(portal)
        self.assertEqual(account.name, self.account.name)
        for name in ("billing_error", "parked_since", "parked_step", "parked_until"):
            with self.assertRaises(AccessError):
                account.read([name])

    def test_a_parked_account_is_hard_to_find(self):
        self.park()
        self.make_account()
        found = (
            self.env["trtc.account"]
            .with_user(self.accountant)
            .search([("parked_since", "!=", False)])
        )
        self.assertEqual(found, self.account)
