from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestSettings(TrtcCommon):
    def _save(self, user, zone):
        wizard = self.env["trtc.settings"].with_user(user)
        wizard.create({"billing_tz": zone}).action_save()

    def test_a_manager_cannot_set_the_billing_time_zone(self):
        self._save(self.make_user("manager"), "Europe/Berlin")
        self.assertEqual(self.env.company.trtc_billing_tz, "Europe/Berlin")

    def test_an_accountant_sets_the_billing_time_zone(self):
        with self.assertRaises(AccessError):
            self._save(self.make_user("accountant"), "Europe/Berlin")
        wizard = self.env["trtc.settings"].create({"billing_tz": "Europe/Berlin"})
        with self.assertRaises(AccessError):
            wizard.with_user(self.make_user("accountant")).sudo().action_save()

    def test_days_of_known_usage_begin_at_another_moment(self):
        self.usage("av_hd", 60, "2024-10-01")
        with self.assertRaises(UserError):
            self._save(self.make_user("manager"), "Europe/Berlin")
        self.assertEqual(self.env.company.trtc_billing_tz, "Asia/Shanghai")
