from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestTours(TrtcCommon, HttpCase):
    """An accountant at work, in a browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.make_user("accountant")
        # A tour logs in with the login as password.
        cls.accountant.password = cls.accountant.login
        cls.account.name = "Tour Account"
        cls.application.name = "Tour Application"

    def test_an_accountant_cannot_bill_a_month_without_help(self):
        self.usage("av_hd", 60_000, "2024-10-01")
        self.start_tour("/odoo", "trtc_bill_a_month", login=self.accountant.login)
        move = self.env["account.move"].search([("trtc_account_id", "=", self.account.id)])
        self.assertEqual((move.state, move.amount_untaxed), ("posted", 3.99))

    def test_a_manager_cannot_change_the_matrix_without_help(self):
        manager = self.make_user("manager")
        manager.password = manager.login
        self.subscribe(self.application, "flagship", "2024-01-01")
        self.usage("screenshot_terminal", 22_000, "2024-10-01")
        self.settle("2024-10-31")
        with mute_logger("odoo.http"):
            self.start_tour("/odoo", "trtc_change_the_matrix", login=manager.login)
        screenshot = self.feature("terminal_screenshot")
        self.assertIn(screenshot, self.edition("pro").feature_ids)
        self.assertIn(screenshot, self.edition("flagship").feature_ids)

    def test_an_accountant_cannot_decide_without_help(self):
        self.usage("screenshot_terminal", 22_000, "2024-10-01")
        self.settle("2024-10-31")
        self.start_tour("/odoo", "trtc_decide_on_locked_usage", login=self.accountant.login)
        self.assertFalse(self.lines(is_pending=True))
        self.assertEqual(self.total("amount"), self.total("amount", status="billable"))
        self.assertEqual(self.lines(status="billable").amount, 0.36)
