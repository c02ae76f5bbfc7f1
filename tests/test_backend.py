from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestBackend(TrtcCommon):
    """What a user sees in the app can be opened, and leads on to what belongs to it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    def _get_actions(self, user):
        """Return {menu: action} of the entries of the app that a user sees."""
        root = self.env.ref("trtc_billing.trtc_menu_root")
        menus = self.env["ir.ui.menu"].search([("id", "child_of", root.id)])
        visible = self.env["ir.ui.menu"].with_user(user)._visible_menu_ids()
        return {menu: menu.action for menu in menus if menu.id in visible and menu.action}

    # === MENUS === #

    def test_menu_opens_what_its_user_may_not_read(self):
        self.usage("av_hd", 60, "2024-10-01")
        self.usage("screenshot_terminal", 22_000, "2024-10-01")
        self.invoice("2024-10-31")
        for role in ("reader", "operator", "accountant", "manager"):
            user = getattr(self, f"user_{role}")
            for menu, action in self._get_actions(user).items():
                if action._name != "ir.actions.act_window":
                    continue  # such as the matrix, which has a tour of its own
                with self.subTest(role=role, menu=menu.complete_name):
                    model = self.env[action.res_model].with_user(user)
                    views = model.get_views(action.views)
                    names = list(views["models"][action.res_model]["fields"])
                    if not model._transient:
                        domain = safe_eval(action.domain or "[]")
                        model.search(domain, limit=5).read(names)

    def test_menu_is_missing_where_it_is_needed(self):
        def names(role):
            actions = self._get_actions(getattr(self, f"user_{role}"))
            return {action.get_external_id()[action.id] for action in actions.values()}

        shared = {"trtc_billing.trtc_usage_action", "trtc_billing.trtc_statement_action"}
        files = "trtc_billing.trtc_usage_import_action"
        pending = "trtc_billing.trtc_statement_line_pending_action"
        catalogue = "trtc_billing.trtc_item_action"
        self.assertLessEqual(shared, names("reader"))
        self.assertFalse({files, pending, catalogue} & names("reader"))
        self.assertIn(files, names("operator"))
        self.assertFalse({pending, catalogue} & names("operator"))
        self.assertIn(pending, names("accountant"))
        self.assertFalse({files, catalogue} & names("accountant"))
        self.assertLessEqual({files, pending, catalogue}, names("manager"))
        self.assertFalse(names("employee"))

    # === WAY FROM USAGE TO INVOICE AND BACK === #

    def _follow(self, action):
        return self.env[action["res_model"]].search(action["domain"])

    def test_way_from_usage_to_invoice_is_broken(self):
        usage = self.usage("av_hd", 90_000, "2024-10-01")
        self.usage("av_hd", 90_000, "2024-10-02")
        move = self.invoice("2024-10-31")
        line = self.lines(day="2024-10-01")
        self.assertEqual(usage.line_count, 1)
        self.assertEqual(self._follow(usage.action_open_lines()), line)
        self.assertEqual(line.move_count, 1)
        self.assertEqual(self._follow(line.action_open_invoices()), move)
        self.assertEqual(line.statement_id.move_count, 1)
        self.assertEqual(self._follow(line.statement_id.action_open_invoices()), move)

        statements = self._follow(move.action_open_trtc_statements())
        self.assertEqual(statements, self.lines().statement_id)
        lines = self._follow(move.invoice_line_ids.action_open_trtc_lines())
        self.assertEqual(lines, self.lines())
        self.assertEqual(self._follow(line.action_open_usage()), usage)

    def test_way_from_usage_of_month_item_is_broken(self):
        usage = self.usage("screenshot_terminal", 22_000, "2024-10-05")
        self.settle("2024-10-31")
        self.assertEqual(self._follow(usage.action_open_lines()), self.lines())

    def test_superseded_or_unassigned_usage_points_to_lines(self):
        record = self.record("av_hd", 60, "2024-10-01")
        stray = {**self.record("av_hd", 60, "2024-10-01"), "sdkappid": "1499999999"}
        self.ingest(record, stray)
        old = self.env["trtc.usage"].search([("external_id", "=", record["id"])])
        self.ingest({**record, "quantity": 120})
        self.settle("2024-10-31")
        unassigned = self.env["trtc.usage"].search([("external_id", "=", stray["id"])])
        self.assertFalse(old.line_count)
        self.assertFalse(unassigned.line_count)
        action = self.env.ref("trtc_billing.trtc_usage_unassigned_action")
        self.assertIn(unassigned, self.env["trtc.usage"].search(safe_eval(action.domain)))

    # === DECISIONS === #

    def test_statement_decides_on_lines_of_another(self):
        self.usage("screenshot_terminal", 22_000, "2024-10-05")
        statement = self.settle("2024-10-31")
        action = statement.with_user(self.user_accountant).action_decide()
        wizard = self.env["trtc.decide"].with_context(
            **action["context"], active_model="trtc.statement", active_ids=statement.ids
        )
        self.assertEqual(wizard.new().line_ids.ids, self.lines(is_pending=True).ids)

    def test_wizard_takes_statement_ids_for_line_ids(self):
        self.usage("screenshot_terminal", 22_000, "2024-10-05")
        self.settle("2024-10-31")
        line = self.lines(is_pending=True)
        wizard = self.env["trtc.decide"].with_context(
            active_model="trtc.statement", active_ids=line.ids
        )
        self.assertFalse(wizard.new().line_ids)

    def test_wizard_offers_editions_that_do_not_unlock(self):
        self.usage("screenshot_terminal", 22_000, "2024-10-05")
        self.settle("2024-10-31")
        wizard = self.env["trtc.decide"].new({"line_ids": self.lines(is_pending=True).ids})
        self.assertEqual(
            set(wizard.allowed_edition_ids.mapped("code")),
            {"trial", "flagship", "flagship_plus", "enterprise"},
        )
