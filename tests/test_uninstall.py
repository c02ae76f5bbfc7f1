import csv
import io
import zipfile
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import ROLES, TrtcCommon

URL = "/trtc_billing/export.zip"
EXPORT = "odoo.addons.trtc_billing.models.trtc_export"


class UninstallCommon(TrtcCommon):
    """Usage of two companies, an invoice and its credit note."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.name = '=HYPERLINK("http://example.com")'
        cls.usage("av_hd", 600_000, "2024-10-01")
        cls.move = cls.invoice("2024-10-31")
        cls.move.action_post()
        cls.credit = cls.move._reverse_moves(cancel=True)
        cls.other = cls.setup_other_company(name="Other")["company"]
        elsewhere = cls.env["trtc.account"].create(
            {
                "name": "Elsewhere",
                "uin": "7",
                "partner_id": cls.customer.id,
                "company_id": cls.other.id,
                "pricelist_id": cls.pricelist_usd.id,
            }
        )
        application = cls.make_application(elsewhere)
        records = [cls.record("av_hd", 60, "2024-10-01", application) for _number in range(3)]
        cls.env["trtc.usage"].with_company(cls.other).ingest(records, "test")
        # May uninstall and has no right to anything of ours, in one company alone.
        cls.admin = new_test_user(
            cls.env,
            login="admin_of_system",
            password="admin_of_system",
            groups="base.group_system",
            company_id=cls.company_data["company"].id,
        )
        cls.make_users()

    def read_zip(self, content):
        """Return {model: [row as a dict]}."""
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            self.assertFalse(archive.testzip())
            return {
                name.removesuffix(".csv"): list(
                    csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig")))
                )
                for name in archive.namelist()
            }

    def export(self, user=None):
        file = io.BytesIO()
        self.env["trtc.export"].with_user(user or self.admin)._write_zip(file)
        return self.read_zip(file.getvalue())


@tagged("post_install", "-at_install")
class TestUninstallDialog(UninstallCommon):
    def open(self, user, name="trtc_billing"):
        module = self.env["ir.module.module"].search([("name", "=", name)])
        dialog = self.env["base.module.uninstall"].with_user(user)
        return dialog.create({"module_ids": module.ids})

    def test_the_dialog_says_what_each_company_loses(self):
        """Who uninstalls an application to try something has lost a year of usage."""
        dialog = self.open(self.admin)
        self.assertTrue(dialog.trtc_is_lost)
        for word in (self.company_data["company"].name, "Other", "TRTC Usage", "TRTC Statement"):
            self.assertIn(word, dialog.trtc_loss)
        count = self.env["trtc.usage"].search_count([("company_id", "=", self.other.id)])
        self.assertEqual(count, 3)
        self.assertIn(f'<td class="text-end">{count}</td>', dialog.trtc_loss)

    def test_a_name_of_a_company_is_text_in_the_dialog(self):
        self.other.name = "<b>Other</b>"
        self.assertIn("&lt;b&gt;Other", self.open(self.admin).trtc_loss)

    def test_a_module_that_this_one_needs_takes_it_along(self):
        self.assertTrue(self.open(self.admin, "account").trtc_is_lost)

    def test_another_module_loses_nothing_of_ours(self):
        dialog = self.open(self.admin, "portal_rating")
        other = self.env["ir.module.module"].search(
            [("state", "=", "installed"), ("name", "=", "base_import")]
        )
        dialog.module_ids = other
        self.assertFalse(dialog.trtc_is_lost)
        self.assertFalse(dialog.trtc_loss)

    def test_nobody_else_reads_the_counts_of_other_companies(self):
        dialog = self.open(self.admin)
        for role in ROLES:
            user = getattr(self, f"user_{role}")
            with self.subTest(role=role), self.assertRaises(AccessError):
                dialog.with_user(user).read(["trtc_loss"])
            with self.subTest(role=role), self.assertRaises(AccessError):
                dialog.new({"module_ids": dialog.module_ids.ids}).with_user(
                    user
                )._trtc_show_loss()

    def test_the_dialog_shows_it(self):
        arch = self.open(self.admin).get_view(view_type="form")["arch"]
        self.assertIn("trtc_loss", arch)
        self.assertIn("action_trtc_export", arch)


@tagged("post_install", "-at_install")
class TestExport(UninstallCommon):
    def test_everything_of_all_companies_is_in_the_export(self):
        found = self.export()
        for model in ("trtc.usage", "trtc.statement", "trtc.statement.line", "trtc.allocation"):
            ids = self.env[model].with_context(active_test=False).search([]).ids
            self.assertEqual([int(row["id"]) for row in found[model]], sorted(ids), model)
        companies = {row["company_id.name"] for row in found["trtc.usage"]}
        self.assertLessEqual({self.company_data["company"].name, "Other"}, companies)

    def test_what_is_uninstalled_is_exported_model_by_model(self):
        found = self.export()
        for model in ("trtc.decision", "trtc.fee", "trtc.minute.pack", "trtc.pack.draw"):
            self.assertIn(model, found)

    def test_a_cell_is_no_formula(self):
        """A customer's name could open a page on the computer of who opens the file."""
        rows = self.export()["trtc.account"]
        names = {row["partner_id.name"] for row in rows}
        self.assertIn("'" + self.customer.name, names)
        self.assertFalse([name for name in names if name.startswith("=")])

    def test_a_negative_figure_stays_a_number(self):
        rows = self.export()["trtc.allocation"]
        amounts = [row["amount"] for row in rows if float(row["amount"]) < 0]
        self.assertTrue(amounts)

    def test_large_tables_are_read_piece_by_piece(self):
        whole = self.export()
        with self.patched_rows(2):
            self.assertEqual(self.export(), whole)

    def patched_rows(self, rows):
        return patch(f"{EXPORT}.ROWS", rows)

    def test_nobody_else_exports(self):
        for role in ROLES:
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.export(getattr(self, f"user_{role}"))


@tagged("post_install", "-at_install")
class TestExportDownload(UninstallCommon, HttpCase):
    def test_an_administrator_downloads_it(self):
        self.authenticate(self.admin.login, self.admin.login)
        response = self.url_open(URL)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Content-Type"], "application/zip")
        self.assertRegex(response.headers["Content-Disposition"], r"trtc_billing-[\d-]+\.zip")
        self.assertEqual(self.read_zip(response.content), self.export())

    @mute_logger("odoo.http")
    def test_others_find_nothing_there(self):
        for role in ROLES:
            user = getattr(self, f"user_{role}")
            with self.subTest(role=role):
                self.authenticate(user.login, f"{user.login}-password")
                self.assertEqual(self.url_open(URL).status_code, 404)
        self.authenticate(None, None)
        self.assertNotEqual(
            self.url_open(URL, allow_redirects=False).headers.get("Content-Type"),
            "application/zip",
        )
