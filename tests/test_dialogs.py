from odoo.exceptions import AccessError
from odoo.tests import tagged

from .prepayment import PrepaymentCommon


@tagged("post_install", "-at_install")
class TestDialogs(PrepaymentCommon):
    """What somebody typed into a dialog is nobody else's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.theirs = cls.setup_other_company(name="Theirs")["company"]
        cls.manager = cls.make_user("manager")
        cls.colleague = cls.make_user("manager")
        cls.stranger = cls.make_user("manager", cls.theirs)

    def transient(self):
        """Return the names of the transient models of this module."""
        return sorted(
            name
            for name, model in self.env.registry.items()
            if model._transient and model._original_module == "trtc_billing"
        )

    def test_a_dialog_is_open_to_everybody(self):
        names = self.transient()
        self.assertGreaterEqual(len(names), 11)
        for name in names:
            rule = self.env["ir.rule"].sudo().search([("model_id.model", "=", name)])
            with self.subTest(model=name):
                self.assertEqual(len(rule), 1)
                self.assertFalse(rule.groups)
                self.assertEqual(rule.domain_force, '[("create_uid", "=", user.id)]')
                for operation in ("read", "write", "create", "unlink"):
                    self.assertTrue(rule[f"perm_{operation}"], operation)

    def open_dialogs(self):
        """Return one record of each dialog of a manager, with the lines of a proposal."""
        subscription = self.subscribe(self.application, "pro", "2024-10-01", "2024-10-31")
        self.bill("2024-10-01")
        rule = self.pricelist.item_ids.filtered("fixed_price")[:1]
        vals = {
            "trtc.decide": {"reason": "Agreed"},
            "trtc.price.change": {"rule_id": rule.id, "date_start": "2024-11-01"},
            "trtc.recognise": {"date": "2024-10-31"},
            "trtc.refund": {"subscription_id": subscription.id},
            "trtc.run": {},
            "trtc.sell.pack": {"account_id": self.account.id},
            "trtc.settings": {},
            "trtc.subscribe": {
                "application_id": self.application.id,
                "edition_id": self.edition("flagship").id,
            },
            "trtc.suspend": {"application_ids": self.application.ids, "reason": "other"},
        }
        dialogs = [self.env[name].with_user(self.manager).create(one) for name, one in vals.items()]
        lines = dialogs[2].line_ids
        self.assertTrue(lines)
        return [*dialogs, lines]

    def test_another_manager_reads_and_changes_an_open_dialog(self):
        changes = {
            "trtc.refund": {"amount": 1000},
            "trtc.price.change": {"fixed_price": 0},
            "trtc.decide": {"outcome": "waive"},
        }
        for dialog in self.open_dialogs():
            dialog.read()
            for user in (self.colleague, self.stranger):
                with self.subTest(model=dialog._name, user=user.login):
                    other = dialog.with_user(user)
                    other.env.invalidate_all()
                    self.assertFalse(other.search([]))
                    with self.assertRaises(AccessError):
                        other.read()
                    with self.assertRaises(AccessError):
                        other.write(changes.get(dialog._name, {"display_name": "Mine"}))
                    with self.assertRaises(AccessError):
                        other.unlink()
            self.assertTrue(dialog.exists())

    def test_a_proposal_changes_to_the_company_that_is_chosen_meanwhile(self):
        fee = self.sell("2024-10-01", "2024-10-31")
        both = self.company | self.theirs
        self.accountant.company_ids = both
        wizard = self.env["trtc.recognise"].with_user(self.accountant)
        wizard = wizard.with_context(allowed_company_ids=self.company.ids)
        wizard = wizard.create({"date": "2024-10-31"})
        other = wizard.with_context(allowed_company_ids=(self.theirs | self.company).ids)
        other.env.invalidate_all()
        self.assertEqual(other.company_id, self.company)
        self.assertFalse(other.is_off)
        self.assertEqual(other.line_ids.fee_id, fee)
        move = self.env["account.move"].browse(other.action_propose()["res_id"])
        self.assertEqual(move.company_id, self.company)

    def test_a_proposal_is_opened_for_a_company_of_others(self):
        self.sell("2024-10-01", "2024-10-31")
        stranger = self.make_user("accountant", self.theirs)
        wizard = self.env["trtc.recognise"].with_user(stranger)
        vals = {"date": "2024-10-31", "company_id": self.company.id}
        with self.assertRaises(AccessError):
            wizard.create(vals).flush_recordset()
        with self.assertRaises(AccessError):
            wizard.new(vals).line_ids  # noqa: B018
        mine = wizard.create({"date": "2024-10-31"})
        with self.assertRaises(AccessError):
            mine.write({"company_id": self.company.id})
            mine.action_propose()

    def test_settings_are_saved_to_the_company_that_is_chosen_meanwhile(self):
        self.manager.company_ids = self.company | self.theirs
        settings = self.env["trtc.settings"].with_user(self.manager)
        settings = settings.with_context(allowed_company_ids=self.theirs.ids)
        wizard = settings.create({"billing_tz": "Europe/Berlin"})
        wizard.with_context(allowed_company_ids=self.company.ids).action_save()
        self.assertEqual(self.theirs.trtc_billing_tz, "Europe/Berlin")
        self.assertEqual(self.company.trtc_billing_tz, "Asia/Shanghai")
        wizard = self.env["trtc.settings"].with_user(self.stranger)
        wizard = wizard.create({"billing_tz": "Europe/Paris"})
        with self.assertRaises(AccessError):
            wizard.company_id = self.company
        wizard.sudo().company_id = self.company
        with self.assertRaises(AccessError):
            wizard.action_save()

    def test_the_name_of_a_draft_that_is_replaced_is_said_twice(self):
        self.sell("2024-10-01", "2024-10-31")
        draft = self.propose("2024-10-31", post=False)
        wizard = self.env["trtc.recognise"].with_user(self.accountant)
        replaced = wizard.create({"date": "2024-10-31"}).replaced
        self.assertEqual(replaced, draft.display_name)
        self.assertEqual(replaced.count("Prepayments"), 1)
