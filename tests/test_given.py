from odoo.tests import tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestGiven(TrtcCommon):
    """What a caller's context fills in where a record is made with all rights."""

    def test_a_default_of_another_addon_is_dropped(self):
        """Odoo's own credit note dialog lost the reason that another addon filled in."""
        dialog = self.env["account.move.reversal"].sudo()
        dialog = dialog.with_context(default_reason="Broken", default_trtc_reopens=False)
        values = dialog.default_get(["reason", "trtc_reopens"])
        self.assertEqual(values, {"reason": "Broken", "trtc_reopens": True})

    def test_a_default_of_a_caller_reaches_what_the_software_makes(self):
        applications = self.env["trtc.application"].with_context(default_name="Claimed")
        self.assertEqual(applications.sudo().default_get(["name"]), {})
        user = self.make_user("manager")
        mine = applications.with_user(user).default_get(["name"])
        self.assertEqual(mine, {"name": "Claimed"})
