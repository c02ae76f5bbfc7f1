from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .arrears import ArrearsCommon

LIST = "/my/trtc/statements"


@tagged("post_install", "-at_install")
class TestArrearsPortal(ArrearsCommon, HttpCase):
    """What a customer in arrears reads in the portal."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.today = cls.company._trtc_today()
        late = fields.Date.subtract(cls.today, days=3)
        cls.invoice_1.button_draft()
        cls.invoice_1.invoice_date_due = late
        cls.invoice_1.action_post()
        cls.late = late
        cls.portal = cls.make_user("portal", partner_id=cls.make_contact(cls.customer).id)
        cls.stranger_company = cls.env["res.partner"].create(
            {"name": "Stranger Ltd.", "is_company": True}
        )
        contact = cls.make_contact(cls.stranger_company)
        cls.stranger = cls.make_user("portal", partner_id=contact.id)

    @classmethod
    def make_contact(cls, customer):
        return cls.env["res.partner"].create({"name": "Contact", "parent_id": customer.id})

    def open(self, user):
        self.authenticate(user.login, f"{user.login}-password")
        return " ".join(self.url_open(LIST).text.split())

    def test_the_customer_learns_nothing(self):
        page = self.open(self.portal)
        self.assertIn("overdue since", page)
        self.assertIn("Please pay the overdue invoices", page)
        self.account.sudo()._follow_arrears()
        page = self.open(self.portal)
        self.assertIn("are suspended until they are", page)
        self.assertIn(self.account.name, page)
        self.episodes().reminded_at = fields.Datetime.subtract(fields.Datetime.now(), hours=25)
        self.account.sudo()._follow_arrears()
        self.assertIn("The applications of this account are suspended", self.open(self.portal))

    def test_a_stranger_learns_of_it(self):
        self.account.sudo()._follow_arrears()
        self.assertNotIn("overdue since", self.open(self.stranger))

    def test_the_customer_of_a_reseller_is_asked_for_money(self):
        self.account.arrears_exempt = True
        self.assertNotIn("overdue since", self.open(self.portal))

    def test_who_paid_is_asked_for_money(self):
        self.account.sudo()._follow_arrears()
        self.pay(self.invoice_1, moment=f"{self.today} 06:00:00")
        self.assertNotIn("overdue since", self.open(self.portal))


@tagged("post_install", "-at_install")
class TestArrearsSettings(ArrearsCommon):
    """Who decides what follows from overdue invoices."""

    def test_a_manager_cannot_set_the_policy(self):
        manager = self.make_user("manager")
        settings = self.env["trtc.settings"].with_user(manager).create({})
        self.assertEqual(settings.arrears_policy, "suspend")
        settings.write(
            {
                "arrears_policy": "remind",
                "arrears_days": 3,
                "arrears_grace_hours": 48,
                "arrears_minimum": 5,
                "offer_amount": 2000,
                "offer_currency_id": self.env.ref("base.EUR").id,
            }
        )
        settings.action_save()
        company = self.company
        self.assertEqual(
            (
                company.trtc_arrears_policy,
                company.trtc_arrears_days,
                company.trtc_arrears_grace_hours,
                company.trtc_arrears_minimum,
                company.trtc_offer_amount,
                company.trtc_offer_currency_id,
            ),
            ("remind", 3, 48, 5, 2000, self.env.ref("base.EUR")),
        )
        with self.assertRaises(AccessError):
            self.env["trtc.settings"].with_user(self.accountant).create({})

    def test_a_reminder_before_the_due_date(self):
        with (
            self.assertRaises(CheckViolation),
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(),
        ):
            self.company.trtc_arrears_days = -1
            self.company.flush_recordset()

    def test_a_deleted_template_begins_the_grace(self):
        self.env.ref("trtc_billing.mail_template_arrears").unlink()
        with self.assertRaisesRegex(UserError, "Update the module"):
            self.run_at("2024-11-11 00:00:00")
