from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import SQL

from .test_portal import PortalCase

#: {model: what pages and documents for customers show, sort or filter by}
SHOWN = {
    "trtc.account": "name uin active partner_id commercial_partner_id currency_id",
    "trtc.application": "name sdkappid active account_id commercial_partner_id",
    "trtc.item": "code name active sequence usage_uom_id uom_id",
    "trtc.statement": "name account_id partner_id commercial_partner_id currency_id cycle "
    "date_from date_to revision is_adjustment line_ids amount_untaxed state access_url",
    "trtc.statement.line": "statement_id account_id commercial_partner_id currency_id cycle "
    "is_adjustment application_id sdkappid item_id usage_uom_id uom_id date status kind "
    "metered_quantity quantity free_quantity pack_quantity locked_quantity billable_quantity "
    "price_unit amount explanation draw_ids is_pending",
    "trtc.minute.pack": "name active account_id commercial_partner_id application_id kind "
    "minutes minutes_drawn minutes_left percent_left date_start date_end draw_ids draw_count "
    "state refunded",
    "trtc.pack.draw": "pack_id statement_line_id statement_id commercial_partner_id date "
    "item_id application_id uom_id units minutes",
}


@tagged("post_install", "-at_install")
class TestHiddenFields(PortalCase):
    """What customers do not see they cannot guess by searching, sorting or grouping."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_pack(100, "2024-10-01", "2024-12-31")

    def assert_refused_all(self, model, field):
        """Check that a field says nothing on any way."""
        with self.subTest(model=model._name, field=field.name):
            self.assertNotIn(field.name, model.fields_get())
            with self.assertRaises(AccessError):
                model.search_read([], [field.name], limit=1)
            for operator, value in (("!=", False), ("=", False)):
                with self.assertRaises(AccessError):
                    model.search([(field.name, operator, value)], limit=1)
            if field.store and field.column_type:
                with self.assertRaises(AccessError):
                    model.search([], order=f"{field.name} desc", limit=1)
                for name in (field.name, f"{field.name}:month"):
                    if (":" in name) != (field.type in ("date", "datetime")):
                        continue
                    # Core groups by no analytic distribution of ours, whoever asks.
                    if name != "analytic_distribution":
                        with self.assertRaises(AccessError):
                            model._read_group([], [name], ["__count"])
                with self.assertRaises(AccessError):
                    model._read_group([], [], [f"{field.name}:count"])

    def test_a_hidden_field_of_ours_is_found(self):
        readable = {
            name
            for name in self.env.registry
            if name.startswith("trtc.")
            and not self.env[name]._abstract
            and self.env[name].with_user(self.user).has_access("read")
        }
        self.assertEqual(readable, set(SHOWN))
        for name, shown in SHOWN.items():
            model = self.env[name].with_user(self.user)
            names = {"id", "display_name", *shown.split()}
            self.assertLessEqual(names, set(model._fields))
            for field in model._fields.values():
                if field.name not in names:
                    self.assert_refused_all(model, field)
            self.assertEqual(set(model.fields_get()), names)

    def test_a_shown_field_is_refused(self):
        for name, shown in SHOWN.items():
            records = self.env[name].with_user(self.user).search([], limit=5)
            self.assertTrue(records or name == "trtc.pack.draw", name)
            records.read(["display_name", *shown.split()])

    def test_a_field_of_ours_on_odoos_models_is_found(self):
        seen = 0
        for name in self.env.registry:
            model = self.env[name].with_user(self.user)
            if name.startswith("trtc.") or model._abstract or not model.has_access("read"):
                continue
            for field in model._fields.values():
                if field.name.startswith("trtc_") or field._module == "trtc_billing":
                    seen += 1
                    self.assert_refused_all(model, field)
        self.assertGreater(seen, 20)

    def test_settings_of_the_company_are_found_through_others(self):
        for name, path, value in (
            ("res.users", "company_id.trtc_arrears_policy", "suspend"),
            ("account.move", "company_id.trtc_grace_days", 3),
            ("account.move.line", "move_id.trtc_account_ids", 1),
            ("trtc.statement", "account_id.pricelist_id.name", "x"),
            ("trtc.statement", "account_id.user_id.login", "x"),
            ("trtc.statement", "line_ids.trace", "x"),
            ("trtc.statement.line", "item_id.product_id.name", "x"),
            ("trtc.statement.line", "statement_id.account_id.is_in_arrears", True),
        ):
            model = self.env[name].with_user(self.user)
            with self.subTest(path=path), self.assertRaises(AccessError):
                model.search([(path, "in", [value])])
        with self.assertRaises(AccessError):
            self.env["trtc.statement"].with_user(self.user).search(
                [("account_id", "any", [("is_in_arrears", "=", True)])]
            )

    def test_a_search_of_another_addon_by_a_query_ends_in_a_traceback(self):
        """Code of the server may hand over a query or SQL where a client hands over a domain."""
        partners = self.env["res.partner"].with_user(self.user)._search([("id", "!=", 0)])
        for name, field in (("account.move", "partner_id"), ("trtc.statement", "partner_id")):
            model = self.env[name].with_user(self.user)
            plain = model.search([(field, "any", [("id", "!=", 0)])])
            self.assertTrue(plain or name == "account.move")
            for value in (partners, SQL("SELECT id FROM res_partner")):
                with self.subTest(model=name, value=type(value).__name__):
                    self.assertEqual(model.search([(field, "any", value)]), plain)
                    self.assertFalse(model.search([(field, "not any", value)]))

    def test_the_staff_and_programs_lose_fields(self):
        self.account.with_user(self.make_user("reader")).read()
        company = self.env.company.with_user(self.make_user("api_sender"))
        self.assertTrue(company.trtc_billing_tz)
