from contextlib import suppress

from requests import HTTPError

from odoo.exceptions import AccessError, UserError
from odoo.tests import JsonRpcException, tagged
from odoo.tools import mute_logger

from .test_portal import PortalCase

SECRET = "They pay late, raise the price"


class ChatterCase(PortalCase):
    """What the staff writes about a customer, and the portal user of that customer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.make_user("accountant", email="accountant@example.com")
        cls.pack = cls.make_pack(100, "2024-10-01", "2024-12-31")
        cls.records = [cls.account, cls.application, cls.statement, cls.pack]

    def follow(self, record):
        """Let the customer follow a record, by whatever accident."""
        record.sudo()._message_subscribe(self.user.partner_id.ids)
        self.assertIn(self.user.partner_id, record.sudo().message_partner_ids)

    def send(self, record, **vals):
        """Send a message to followers, as the button of the chatter does."""
        vals = {"message_type": "comment", "subtype_xmlid": "mail.mt_comment", **vals}
        return record.with_user(self.accountant).message_post(body=SECRET, **vals)


@tagged("post_install", "-at_install")
class TestChatter(ChatterCase):
    def test_a_message_of_the_staff_is_found_by_the_customer(self):
        """"Send message" on a statement was read by the customer, by id, search and token."""
        for record in self.records:
            self.follow(record)
            message = self.send(record)
            with self.subTest(model=record._name):
                messages = self.env["mail.message"].with_user(self.user)
                for domain in (
                    [("body", "ilike", "late")],
                    [("id", "=", message.id)],
                    [("model", "=", record._name), ("res_id", "=", record.id)],
                ):
                    self.assertFalse(messages.search(domain) & message)
                    self.assertFalse(messages.search_count([*domain, ("id", "=", message.id)]))
                with self.assertRaises(AccessError):
                    messages.browse(message.id).read(["body"])
                with self.assertRaises(AccessError):
                    record.with_user(self.user).read(["message_ids"])

    def test_a_message_marked_as_public_is_found(self):
        """Anybody of the staff may mark a message so; it stays the staff's."""
        for record in self.records:
            message = self.send(record)
            message.sudo().write({"is_internal": False})
            self.env.invalidate_all()
            messages = self.env["mail.message"].with_user(self.user)
            self.assertFalse(messages.search([("id", "=", message.id)]), record)
            with self.assertRaises(AccessError):
                messages.browse(message.id).read(["body"])

    def test_a_message_reaches_customers_who_follow(self):
        for record in self.records:
            self.follow(record)
            colleague = self.make_user("reader", email="reader@example.com")
            record.sudo()._message_subscribe(colleague.partner_id.ids)
            message = self.send(record)
            self.assertTrue(message.is_internal)
            self.assertEqual(message.sudo().notified_partner_ids, colleague.partner_id)
            mails = self.env["mail.mail"].sudo().search([("mail_message_id", "=", message.id)])
            self.assertNotIn(self.user.partner_id, mails.recipient_ids)

    def test_a_message_is_sent_to_the_customer_by_mistake(self):
        """The composer proposed the customer; who is added by hand is refused."""
        for record in self.records:
            staff = record.with_user(self.accountant)
            self.assertEqual(staff._message_get_suggested_recipients(), [])
            for vals in (
                {"partner_ids": self.user.partner_id.ids},
                {"partner_ids": self.customer.ids},
                {"outgoing_email_to": "someone@example.com"},
            ):
                with self.assertRaisesRegex(UserError, "Only staff can read"):
                    self.send(record, **vals)
            with self.assertRaisesRegex(UserError, "Only staff can read"):
                staff.message_notify(body=SECRET, partner_ids=self.customer.ids)
            with self.assertRaisesRegex(UserError, "Only staff can read"):
                staff.with_context(trtc_to_customer=True).message_post(
                    body=SECRET, partner_ids=self.customer.ids
                )

    def test_a_composer_makes_the_message_public(self):
        wizard = self.env["mail.compose.message"].with_user(self.accountant)
        for record in self.records:
            wizard.create(
                {
                    "model": record._name,
                    "res_ids": str(record.ids),
                    "body": SECRET,
                    "subtype_is_log": False,
                }
            ).action_send_mail()
            self.assertTrue(record.message_ids[0].is_internal)
            self.assertIn("late", record.message_ids[0].body)

    def test_an_attachment_of_the_staff_is_read(self):
        for record in self.records:
            attachment = self.env["ir.attachment"].with_user(self.accountant).sudo().create(
                {"name": "Note", "raw": b"secret", "res_model": record._name, "res_id": record.id}
            )
            theirs = self.env["ir.attachment"].with_user(self.user)
            self.assertFalse(theirs.search([("id", "=", attachment.id)]), record)
            for domain in ([("res_model", "=", record._name)], [("name", "=", "Note")]):
                # Core lets the portal search by id alone, and else refuses.
                with suppress(AccessError):
                    self.assertFalse(theirs.search(domain))
            with self.assertRaises(AccessError):
                theirs.browse(attachment.id).read(["name", "raw"])

    def test_a_customer_writes_into_the_chatter(self):
        for record in self.records:
            with self.assertRaises(AccessError):
                record.with_user(self.user).message_post(body="Hello")

    def test_a_reminder_reaches_nobody(self):
        """What the module writes to a customer does arrive, to whom it is addressed."""
        template = self.env["mail.template"].create(
            {
                "name": "Reminder",
                "model_id": self.env["ir.model"]._get("trtc.account").id,
                "subject": "Please pay",
                "body_html": "<p>Please pay</p>",
            }
        )
        self.follow(self.account)
        message = self.account._post_template(template, self.account, self.customer)
        self.assertEqual(message.sudo().notified_partner_ids, self.customer)


@tagged("post_install", "-at_install")
class TestChatterRoutes(ChatterCase):
    def fetch(self, route, record, **more):
        params = {"thread_model": record._name, "thread_id": record.id, **more}
        try:
            return str(self.make_jsonrpc_request(route, params))
        except (JsonRpcException, HTTPError) as error:
            return f"refused: {error}"

    @mute_logger("odoo.http")
    def test_a_route_of_the_chatter_shows_it(self):
        for record in self.records:
            message = self.send(record)
            for public in (False, True):
                message.sudo().is_internal = not public
                self.login(self.user)
                for route in ("/mail/chatter_fetch", "/mail/thread/messages", "/mail/thread/data"):
                    more = {"request_list": ["messages"]} if route.endswith("data") else {}
                    text = self.fetch(route, record, **more)
                    self.assertNotIn("pay late", text, (route, record, public))

    @mute_logger("odoo.http")
    def test_a_link_shows_it(self):
        message = self.send(self.statement)
        token = self.statement._portal_ensure_token()
        for user in (self.user, self.stranger, self.env["res.users"]):
            for public in (False, True):
                message.sudo().is_internal = not public
                self.login(user)
                for more in ({"token": token}, {"access_token": token}):
                    text = self.fetch("/mail/chatter_fetch", self.statement, **more)
                    self.assertNotIn("pay late", text)

    @mute_logger("odoo.http")
    def test_a_link_lets_customers_write(self):
        token = self.statement._portal_ensure_token()
        before = self.statement.message_ids
        for user in (self.user, self.env["res.users"]):
            self.login(user)
            text = self.fetch(
                "/mail/message/post",
                self.statement,
                post_data={"body": "Hello", "message_type": "comment"},
                token=token,
            )
            self.assertIn("refused", text)
        self.env.invalidate_all()
        self.assertEqual(self.statement.message_ids, before)
