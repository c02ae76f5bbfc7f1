from contextlib import suppress

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import TrtcCommon

SENTENCE = "used by companies that you have no access to. Ask somebody with access to all"


class SharedCase(TrtcCommon):
    """Two companies with a manager each, one of whom may see both, and shipped lists."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.other = cls.setup_other_company(name="Other Ltd.")["company"]
        cls.env.user.company_ids |= cls.other
        cls.other_account = cls.make_account(
            company_id=cls.other.id, name="Secret Customer", uin="299999999999"
        )
        cls.manager = cls.make_user("manager")
        cls.everybody = cls.make_user("manager")
        cls.everybody.company_ids |= cls.other
        groups = cls.env.ref("product.group_product_manager") | cls.env.ref(
            "account.group_account_manager"
        )
        (cls.manager | cls.everybody).group_ids |= groups
        cls.rule = cls.pricelist_usd.item_ids[0]
        cls.product = cls.item("av_hd").product_id

    def assert_shared(self, records, change, message=SENTENCE):
        """Check that a change is refused to one manager, and open to one of all companies."""
        with self.subTest(records=records):
            with self.assertRaisesRegex(AccessError, message) as caught, self.env.cr.savepoint():
                change(records.with_user(self.manager))
                self.env.flush_all()
            for word in (self.other.name, self.other_account.name, self.other_account.uin):
                self.assertNotIn(word, str(caught.exception))
            self.env.invalidate_all()
            savepoint = self.env.cr.savepoint()
            change(records.with_user(self.everybody))
            self.env.flush_all()
            savepoint.rollback()
            self.env.invalidate_all()

    def use(self, application, *days):
        company = application.company_id
        records = [self.record("av_hd", 61, day, application) for day in days]
        self.ingest(*records, env=self.env["trtc.usage"].with_company(company).env)

    def assert_shared_values(self, records, *values):
        for vals in values:
            self.assert_shared(records, lambda found, vals=vals: found.write(vals))


@tagged("post_install", "-at_install")
class TestShared(SharedCase):
    """What one company changes does not change what customers of another pay."""

    def test_prices_of_a_list_of_several_companies_stay(self):
        own = self.make_pricelist({"av_hd": 1}).item_ids
        price = {
            "applied_on": "0_product_variant",
            "product_id": self.product.id,
            "compute_price": "fixed",
            "fixed_price": 0.1,
        }
        self.assert_shared_values(
            self.rule,
            {"fixed_price": 7},
            {"date_end": "2030-01-01 00:00:00"},
            {"min_quantity": 100},
            {"pricelist_id": own.pricelist_id.id},
        )
        self.assert_shared_values(own, {"pricelist_id": self.pricelist_usd.id})
        self.assert_shared(self.rule, lambda rule: rule.unlink())
        self.assert_shared(self.rule, lambda rule: rule.copy())
        self.assert_shared(
            self.pricelist_usd,
            lambda pricelist: pricelist.env["product.pricelist.item"].create(
                {"pricelist_id": pricelist.id, **price}
            ),
        )
        self.assert_shared_values(
            self.pricelist_usd,
            {"item_ids": [Command.create(price)]},
            {"item_ids": [Command.delete(self.rule.id)]},
            {"trtc_graduated": True},
            {"active": False},
        )
        empty = self.make_pricelist({})
        self.other_account.pricelist_id = empty
        self.assert_shared_values(
            empty, {"active": False}, {"currency_id": self.pricelist_cny.currency_id.id}
        )

    def test_change_price_is_no_way_around(self):
        def change(rule):
            wizard = rule.env["trtc.price.change"].create(
                {"rule_id": rule.id, "date_start": "2099-01-01", "fixed_price": 7}
            )
            wizard.action_change()

        self.assert_shared(self.rule, change)

    def test_prices_that_lists_of_other_companies_are_based_on_stay(self):
        base = self.make_pricelist({"av_hd": 1})
        middle = self.make_pricelist({}, base=base)
        contract = self.make_pricelist({}, base=middle)
        self.assert_open(base.item_ids, {"fixed_price": 2})
        self.other_account.pricelist_id = contract
        for pricelist in (base, middle, contract):
            self.assert_shared_values(pricelist, {"active": False})
        self.assert_shared_values(base.item_ids, {"fixed_price": 2})
        self.other_account.pricelist_id = self.pricelist_usd
        self.other_account.pricelist_history_ids = [
            Command.create({"pricelist_id": contract.id, "date_start": False}),
            Command.create({"pricelist_id": self.pricelist_usd.id, "date_start": "2024-10-01"}),
        ]
        self.assert_shared_values(base.item_ids, {"fixed_price": 2})

    def assert_open(self, records, *values):
        for vals in values:
            with self.subTest(records=records, vals=vals):
                self.assertTrue(records.with_user(self.manager).write(vals))

    def test_the_catalogue_of_several_companies_stays(self):
        item, feature = self.item("screenshot_terminal"), self.feature("terminal_screenshot")
        edition, free = self.edition("pro"), self.env["trtc.free.policy"].search([])[:1]
        table = self.env["trtc.ratio.table"].search([("line_ids", "!=", False)])[:1]
        self.assert_shared_values(
            item, {"active": False}, {"free_quantity": 7}, {"feature_id": False}, {"sequence": 1}
        )
        self.assert_shared_values(
            feature, {"every_edition": True}, {"edition_ids": [Command.link(edition.id)]}
        )
        application = self.make_application(self.other_account)
        self.subscribe(application, "pro", "2024-10-01")
        self.other_account.free_policy_id = free
        self.other_account.free_from = "2024-10-01"
        free.ratio_table_id = table
        self.assert_shared_values(
            edition, {"feature_ids": [Command.clear()]}, {"included_minutes": 7}, {"active": False}
        )
        self.assert_shared(edition, lambda found: found.set_unlocked(feature.id, True))
        self.assert_shared_values(
            free, {"active": False}, {"when_used_up": "suspend"}, {"ratio_table_id": False}
        )
        self.assert_shared_values(table.line_ids[0], {"ratio": 7})
        self.assert_shared(table.line_ids[0], lambda line: line.unlink())
        self.assert_shared_values(table, {"active": False}, {"line_ids": [Command.clear()]})

    def test_products_of_several_companies_stay(self):
        foreign = self.env["account.tax"].search(
            [("company_id", "=", self.other.id), ("type_tax_use", "=", "sale")], limit=1
        )
        own = self.env["account.tax"].search(
            [("company_id", "=", self.company.id), ("type_tax_use", "=", "sale")], limit=1
        )
        self.product.taxes_id = foreign
        more = foreign.copy({"name": "One More"})
        for record in (self.product, self.product.product_tmpl_id):
            self.assert_shared_values(
                record,
                {"list_price": 7},
                {"active": False},
                {"categ_id": self.item("screenshot_terminal").product_id.categ_id.id},
            )
            found = record.with_user(self.manager)
            for command in (Command.link(more.id), Command.set(more.ids)):
                with self.assertRaises(AccessError), self.env.cr.savepoint():
                    found.write({"taxes_id": [command]})
            found.write({"taxes_id": [Command.link(own.id)]})
            self.assertLessEqual(foreign | own, record.sudo().taxes_id)
            for command in (Command.unlink(foreign.id), Command.clear(), Command.set(own.ids)):
                # What is not seen stays; Odoo itself may refuse to hear of it.
                with suppress(AccessError), self.env.cr.savepoint():
                    found.write({"taxes_id": [command]})
                    self.env.flush_all()
                self.env.invalidate_all()
                self.assertIn(foreign, record.sudo().taxes_id)

    def test_names_and_what_is_a_companys_own_are_open(self):
        self.assert_open(self.pricelist_usd, {"name": "International"})
        self.assert_open(self.item("av_hd").product_id, {"name": "High Definition"})
        self.assert_open(self.edition("pro"), {"name": "Professional"})
        self.assert_open(self.feature("terminal_screenshot"), {"name": "Slices"})
        self.assert_open(self.env["trtc.free.policy"].search([])[:1], {"name": "Free"})
        contract = self.make_pricelist({"av_hd": 1}, company_id=self.company.id)
        self.account.pricelist_id = contract
        self.assert_open(contract, {"trtc_graduated": True}, {"active": False})
        self.assert_open(contract.item_ids, {"fixed_price": 2})
        own = self.env["product.product"].create({"name": "Chair"})
        self.assert_open(own, {"list_price": 7}, {"company_id": self.company.id})

    def test_a_list_that_other_companies_are_billed_by_gets_no_company(self):
        """One company made a shipped list its own, and the others could bill no more."""
        based = self.make_pricelist({}, base=self.pricelist_cny)
        self.other_account.pricelist_id = self.make_pricelist({}, base=based)
        for pricelist in (based, self.other_account.pricelist_id):
            for user in (self.manager, self.everybody, self.env.user):
                with self.assertRaises(UserError) as caught, self.env.cr.savepoint():
                    pricelist.with_user(user).company_id = self.company
                self.assertNotIn(self.other_account.uin, str(caught.exception))
        self.account.pricelist_id = own = self.make_pricelist({"av_hd": 1})
        self.assert_open(own, {"company_id": self.company.id})

    def test_a_product_that_other_companies_are_billed_by_gets_no_company(self):
        pack = self.env.ref("trtc_billing.product_pack")
        rounding = self.env.ref("trtc_billing.product_rounding")
        for product in (self.product, pack, rounding, self.product.product_tmpl_id):
            for user in (self.manager, self.everybody, self.env.user):
                with (
                    self.assertRaises(UserError) as caught,
                    self.env.cr.savepoint(),
                ):
                    product.with_user(user).company_id = self.company
                self.assertNotIn(self.other_account.uin, str(caught.exception))
        self.other_account.unlink()
        self.assert_open(self.product, {"company_id": self.company.id})

    def test_one_company_alone_notices_nothing(self):
        self.other_account.unlink()
        self.assert_open(self.rule, {"fixed_price": 7})
        self.assert_open(self.item("av_hd"), {"active": False})
        self.assert_open(self.feature("terminal_screenshot"), {"every_edition": True})
        self.assert_open(self.pricelist_usd, {"active": False})
        self.assert_open(self.product, {"list_price": 7})

    def test_asking_takes_as_many_queries_whatever_the_others_have(self):
        def count_queries():
            self.env.flush_all()
            self.env.invalidate_all()
            pricelist = self.pricelist_usd.with_user(self.manager)
            (self.env.user | self.manager).mapped("company_ids")
            pricelist.mapped("name")
            before = self.env.cr.sql_log_count
            with self.assertRaises(AccessError):
                pricelist._trtc_check_shared()
            return self.env.cr.sql_log_count - before

        count_queries()
        few = count_queries()
        for _number in range(20):
            self.make_account(company_id=self.other.id)
        self.assertEqual(count_queries(), few)


@tagged("post_install", "-at_install")
class TestNothingIsTold(SharedCase):
    """A sentence names what its reader may see, and nothing else."""

    def test_a_settled_account_of_another_company_is_not_named(self):
        application = self.make_application(self.other_account)
        contract = self.make_pricelist({"av_hd": 1})
        self.other_account.pricelist_id = contract
        self.use(application, "2024-10-01")
        self.settle("2024-10-01", self.other_account)
        euro = self.env.ref("base.EUR")
        euro.active = True
        with self.assertRaises(UserError) as caught:
            contract.with_user(self.manager).currency_id = euro
        self.assertNotIn(self.other_account.name, str(caught.exception))
        self.assertNotIn(self.other_account.uin, str(caught.exception))
        with self.assertRaisesRegex(UserError, "Secret Customer"):
            contract.with_user(self.everybody).with_context(
                allowed_company_ids=[self.company.id, self.other.id]
            ).currency_id = euro

    def test_lines_of_another_company_are_not_counted(self):
        contract = self.make_pricelist({"av_hd": 1})
        for account in (self.account, self.other_account):
            account.pricelist_id = contract
        self.use(self.application, "2024-10-01")
        other = self.make_application(self.other_account)
        self.use(other, "2024-10-01", "2024-10-02", "2024-10-05")
        self.settle("2024-10-31", self.account | self.other_account)
        wizard = (
            self.env["trtc.price.change"]
            .with_user(self.manager)
            .create({"rule_id": contract.item_ids.id, "date_start": "2024-10-01", "fixed_price": 7})
        )
        self.assertEqual((wizard.settled_lines, wizard.settled_days), (1, 1))
        self.assertEqual(str(wizard.settled_to), "2024-10-01")
        with self.assertRaisesRegex(AccessError, SENTENCE):
            wizard.action_change()
        # One who may see both companies, and looks at one of them.
        wizard = (
            self.env["trtc.price.change"]
            .with_user(self.everybody)
            .create({"rule_id": contract.item_ids.id, "date_start": "2024-10-01", "fixed_price": 7})
            .with_context(allowed_company_ids=self.company.ids)
        )
        self.assertEqual((wizard.settled_lines, wizard.settled_days), (1, 1))
        with self.assertRaisesRegex(UserError, "^1 lines of settled days .* and others that"):
            wizard.action_change()
        wizard.date_start = "2024-10-02"
        self.assertFalse(wizard.settled_lines or wizard.settled_from)
        with self.assertRaisesRegex(UserError, "^Settled days of accounts that you do not see"):
            wizard.action_change()
        wizard = (
            wizard.with_user(self.everybody)
            .with_context(allowed_company_ids=[self.company.id, self.other.id])
            .create({"rule_id": contract.item_ids.id, "date_start": "2024-10-01", "fixed_price": 7})
        )
        self.assertEqual(wizard.settled_lines, 4)
        with self.assertRaisesRegex(UserError, "^4 lines of settled days from 2024-10-01"):
            wizard.action_change()
