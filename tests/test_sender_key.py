import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase, tagged

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestSenderKey(TrtcCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sender = cls.make_user("api_sender")
        cls.admin = cls.env.ref("base.user_admin")
        # Who makes a key of a user sees that user.
        cls.admin.company_ids += cls.sender.company_id

    def _wizard(self, user=None, **vals):
        wizard = self.env["trtc.sender.key"].with_user(user or self.admin)
        return wizard.create({"user_id": self.sender.id, **vals})

    def test_a_feed_cannot_be_set_up_without_logging_in_as_it(self):
        key = self._wizard()._make_key()
        record = {
            "id": "1",
            "sdkappid": self.application.sdkappid,
            "item": "av_hd",
            "quantity": 60,
            "start": "2024-10-01",
        }
        answer = self.url_open(
            "/json/2/trtc.usage/ingest",
            data=json.dumps({"records": [record]}),
            headers={"Authorization": f"bearer {key}", "Content-Type": "application/json"},
        )
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.json()["accepted"] + answer.json()["unassigned"], 1)

    def test_a_manager_makes_a_key_of_another_user(self):
        with self.assertRaises(AccessError):
            self._wizard(self.make_user("manager"))

    def test_a_key_is_made_for_a_user_with_other_rights(self):
        with self.assertRaises(UserError):
            self._wizard(user_id=self.make_user("accountant").id)._make_key()

    def test_a_key_in_a_program_opens_more_than_the_feed(self):
        for group in ("trtc_billing.group_user", "base.group_system", "base.group_erp_manager"):
            sender = self.make_user("api_sender")
            sender.group_ids += self.env.ref(group)
            with self.subTest(group=group), self.assertRaises(UserError):
                self._wizard(user_id=sender.id)._make_key()

    def test_a_key_opens_what_an_employee_or_a_customer_may(self):
        """An employee with the group of a feed had a key in a program that reads the rest too."""
        for role in ("employee", "portal"):
            sender = self.make_user(role)
            sender.group_ids += self.env.ref("trtc_billing.group_api_sender")
            with self.subTest(role=role), self.assertRaisesRegex(UserError, "more than send"):
                self._wizard(user_id=sender.id)._make_key()

    def test_a_key_is_born_expired(self):
        with self.assertRaises(ValidationError):
            self._wizard(date_end=fields.Date.today() - timedelta(days=1))
