from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import freeze_time, tagged

from .test_portal import LIST, PortalCase
from .test_portal_fields import SHOWN

USAGES = [{"item": "av_hd", "quantity": 60, "unit": "min"}]
#: 2024-10-08 in the zone of the company, 2024-10-07 in UTC
NOW = "2024-10-07 17:00:00"


@tagged("post_install", "-at_install")
class TestDayOfCustomer(PortalCase):
    """The day of the company is the day of its customers, who may not read its settings."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.trtc_billing_tz = "Asia/Shanghai"
        cls.pack = cls.make_pack(100, "2024-10-01", "2024-12-31")
        cls.subscribe(cls.application, "pro", "2024-10-08")

    def as_customer(self, records):
        records.env.invalidate_all()
        return records.with_user(self.user)

    def test_a_customer_is_told_the_billing_day(self):
        """A day was read by the customer's rights, which do not reach to the time zone."""
        company = self.as_customer(self.env.company)
        with self.assertRaises(AccessError):
            company.read(["trtc_billing_tz"])
        with freeze_time(NOW):
            self.assertEqual(str(company._trtc_today()), "2024-10-08")
            self.assertEqual(str(company._trtc_last_ended_day()), "2024-10-07")
        moment = fields.Datetime.to_datetime(NOW)
        self.assertEqual(str(company._trtc_get_day(moment)), "2024-10-08")
        user = company._trtc_in_billing_time(company.env.user)
        self.assertEqual(user.env.context["tz"], "Asia/Shanghai")

    def test_a_customer_estimates(self):
        """Every estimate of a customer was refused: a field of the company was not his."""
        items = self.env["trtc.item"]
        own = self.make_pricelist({"av_hd": "0.25"})
        self.account.pricelist_id = own
        for more, amount in (
            ({}, 0.2394),
            ({"on": "2024-10-07"}, 0.2394),
            ({"on": "2024-10-07T00:00:00+08:00"}, 0.2394),
            ({"pricelist_id": own.id}, 15.0),
            ({"pricelist_id": own.id, "on": "2024-10-07"}, 15.0),
            ({"edition": "pro"}, 0.2394),
            ({"edition": "pro", "on": "2024-10-07", "pricelist_id": own.id}, 15.0),
        ):
            with self.subTest(**more):
                result = self.as_customer(items).estimate(USAGES, **more)
                self.assertEqual(result["amount_untaxed"], amount)

    def test_a_customer_asks_what_is_unlocked(self):
        application = self.application
        feature = self.edition("pro").feature_ids.filtered(
            lambda feature: not feature.every_edition
        )[0]
        with freeze_time(NOW):
            self.assertTrue(self.as_customer(application).is_unlocked(feature.code))
        with freeze_time("2024-10-07 15:00:00"):
            self.assertFalse(self.as_customer(application).is_unlocked(feature.code))
        self.assertTrue(self.as_customer(application).is_unlocked(feature.code, on="2024-10-08"))
        self.assertFalse(self.as_customer(application).is_unlocked(feature.code, on="2024-10-07"))

    def test_a_customer_reads_all_that_is_shown(self):
        for name, shown in SHOWN.items():
            with self.subTest(model=name):
                self.as_customer(self.env[name]).search([]).read(["display_name", *shown.split()])

    def test_a_customer_opens_every_page(self):
        move = self.account.create_invoices("2024-10-31")
        move.action_post()
        self.login(self.user)
        packs = "/my/trtc/packs"
        for url in (
            "/my",
            "/my/home",
            LIST,
            f"{LIST}/page/1",
            f"{LIST}?filterby=open",
            f"{LIST}/{self.statement.id}",
            f"{LIST}/{self.statement.id}/page/1",
            f"{LIST}/{self.statement.id}?report_type=html",
            f"{LIST}/{self.statement.id}/lines.csv",
            packs,
            f"{packs}/page/1",
            f"{packs}?filterby=active",
            f"{packs}/{self.pack.id}",
            f"{packs}/{self.pack.id}/page/1",
            f"{packs}/{self.pack.id}/ledger.csv",
            "/my/invoices",
            f"/my/invoices/{move.id}",
        ):
            with self.subTest(url=url):
                self.assertEqual(self.open(url).status_code, 200)
