from lxml import etree

from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from .forms import STAFF, FormsCommon

#: Kinds of view that show records one by one.
KINDS = ("list", "kanban", "form")


@tagged("post_install", "-at_install")
class TestEveryView(FormsCommon):
    """Every list and form of every menu opens, with what it shows, for whoever sees the menu."""

    def get_actions(self, user):
        """Return {menu: action} of the windows that a user finds in the app."""
        root = self.env.ref("trtc_billing.trtc_menu_root")
        visible = self.env["ir.ui.menu"].with_user(user)._visible_menu_ids()
        menus = self.env["ir.ui.menu"].search([("id", "child_of", root.id)])
        return {
            menu: menu.action
            for menu in menus
            if menu.id in visible and menu.action and menu.action._name == "ir.actions.act_window"
        }

    def get_spec(self, model, element):
        """Return what a client asks for to show a view: fields, and those of lists within."""
        spec = {}
        for node in element.iterfind(".//field"):
            if next(node.iterancestors("field"), None) not in (None, *element.iterancestors()):
                continue
            spec[node.get("name")] = one = {}
            field = model._fields[node.get("name")]
            if field.relational:
                one["fields"] = {"display_name": {}}
                for inner in (inner for kind in KINDS for inner in node.iterfind(kind)):
                    one["fields"].update(self.get_inner(field, inner))
        return spec

    def get_inner(self, field, inner):
        """Return the spec of a list within a form."""
        alone = etree.fromstring(etree.tostring(inner))
        return self.get_spec(self.env[field.comodel_name], alone)

    def test_a_view_of_a_menu_does_not_open(self):
        seen = {}
        for role in STAFF:
            user = getattr(self, f"user_{role}")
            for menu, action in self.get_actions(user).items():
                label = f"{menu.complete_name} as {role}"
                model = self.env[action.res_model].with_user(user)
                views = self.attempt(f"{label}: views", model.get_views, action.views)
                for kind, view in (views or {"views": {}})["views"].items():
                    if kind not in KINDS or model._transient:
                        continue
                    spec = self.get_spec(model, etree.fromstring(view["arch"]))
                    domain = safe_eval(action.domain or "[]", {"uid": user.id})
                    if kind == "form":
                        found = model.search(domain, limit=2)
                        self.attempt(f"{label}: {kind} of {found}", found.web_read, spec)
                    else:
                        found = self.attempt(
                            f"{label}: {kind}", model.web_search_read, domain, spec, 0, 3
                        )
                        found = found and found["records"]
                    seen[menu, kind] = bool(found)
        self.assert_no_faults()
        # The scene has something in nearly each of them: what is empty proves nothing.
        empty = sorted({menu.complete_name for (menu, _kind), found in seen.items() if not found})
        self.assertEqual(empty, [])
        self.assertGreater(len(seen), 40)
