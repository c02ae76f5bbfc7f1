from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from ..hooks import MODULE, WAITING, post_init_hook, pre_init_hook
from ..tools import leaving
from .common import TrtcCommon


@tagged("post_install", "-at_install")
class TestLeaving(TrtcCommon):
    """What stays when the module is uninstalled, and what becomes of it afterwards."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.usage("av_hd", 600_000, "2024-10-01")
        cls.move = cls.invoice("2024-10-31")
        cls.move.action_post()
        cls.product = cls.item("av_hd").product_id
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.addCleanup(setattr, self.env.registry, "trtc_left_over", frozenset())

    def get_kept(self, model):
        self.env.flush_all()
        return self.env[model].browse(leaving.get_kept(self.env, MODULE)[model])

    def load(self, record, **values):
        """Install a record of a data file once more."""
        name = record.get_external_id()[record.id]
        self.assertTrue(name.startswith(f"{MODULE}."))
        record._load_records([{"xml_id": name, "values": values, "noupdate": True}])
        self.env.flush_all()

    def leave(self):
        """Let the registry be as it is while the module is installed again."""
        self.env.flush_all()
        leaving.rename(self.env, MODULE, WAITING, "product.product", self.product.ids)
        pre_init_hook(self.env)
        self.env.invalidate_all()

    # === WHAT STAYS === #

    def test_a_product_on_an_invoice_stays_with_its_unit_and_category(self):
        """A product without its category books on other accounts ever after."""
        self.assertEqual(self.get_kept("product.product"), self.product)
        self.assertEqual(self.get_kept("product.template"), self.product.product_tmpl_id)
        self.assertLessEqual(
            self.product.categ_id | self.product.categ_id.parent_id,
            self.get_kept("product.category"),
        )
        units = self.get_kept("uom.uom")
        self.assertLessEqual(self.product.uom_id | self.product.uom_id.relative_uom_id, units)
        self.assertNotIn(self.env.ref("trtc_billing.uom_mbps"), units)
        self.assertFalse(self.get_kept("product.pricelist"))

    def test_a_pricelist_that_a_contract_is_based_on_stays_with_its_prices(self):
        """The contract would go on without prices."""
        contract = self.make_pricelist({"av_4k": 1}, base=self.pricelist_cny)
        lists = self.get_kept("product.pricelist")
        self.assertEqual(lists, self.pricelist_cny)
        self.assertLessEqual(self.pricelist_cny.item_ids, self.get_kept("product.pricelist.item"))
        products = self.get_kept("product.product")
        self.assertLessEqual(contract.item_ids.product_id, products)
        self.assertLessEqual(self.pricelist_cny.item_ids.product_id, products)

    def test_a_pricelist_of_a_customer_or_with_own_prices_stays(self):
        self.customer.property_product_pricelist = self.pricelist_cny
        self.price_editions(self.pricelist_usd, {"pro": 100})
        self.assertLessEqual(
            self.pricelist_cny | self.pricelist_usd, self.get_kept("product.pricelist")
        )
        self.assertIn(self.edition("pro").fee_product_id, self.get_kept("product.product"))

    def test_a_unit_that_a_product_of_others_has_stays(self):
        unit = self.env.ref("trtc_billing.uom_mbps")
        self.env["product.product"].create({"name": "Line", "uom_id": unit.id})
        self.assertLessEqual(unit | unit.relative_uom_id, self.get_kept("uom.uom"))

    # === WHAT GOES === #

    def test_own_tables_are_emptied_and_invoices_stay(self):
        """TRUNCATE ... CASCADE would empty the journal items as well."""
        count = self.env["account.move.line"].search_count([])
        total = self.move.amount_total
        self.env.flush_all()
        leaving.empty(self.env)
        self.env.invalidate_all()
        for model in ("trtc.usage", "trtc.statement.line", "trtc.allocation", "trtc.account"):
            self.assertFalse(self.env[model].search_count([]), model)
        self.assertEqual(self.env["account.move.line"].search_count([]), count)
        self.assertEqual((self.move.state, self.move.amount_total), ("posted", total))
        self.assertFalse(self.move.trtc_account_id)
        # What guards settled figures finds nothing left to guard.
        self.pricelist_usd.item_ids.unlink()

    # === INSTALLED AGAIN === #

    def test_a_product_on_an_invoice_is_not_written_again(self):
        """Its unit may not be written, not even as it is: the installation failed."""
        self.product.name = "Video"
        # As lines of characters, whose product counts thousands of them.
        unit = self.env.ref("trtc_billing.uom_second")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move_line SET product_uom_id = %s WHERE product_id = %s",
            [unit.id, self.product.id],
        )
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.load(self.product, uom_id=self.product.uom_id.id)
        self.leave()
        self.load(self.product, uom_id=self.product.uom_id.id, name="Shipped")
        self.assertEqual(self.product.name, "Video")

    def test_what_was_kept_has_its_name_again_and_is_not_doubled(self):
        external = self.product.get_external_id()[self.product.id]
        leaving.rename(self.env, MODULE, WAITING, "product.product", self.product.ids)
        self.env.registry.clear_cache()
        self.assertFalse(self.env.ref(external, raise_if_not_found=False))
        pre_init_hook(self.env)
        self.assertEqual(self.env.ref(external), self.product)
        self.assertIn(("product.product", self.product.id), self.env.registry.trtc_left_over)
        self.load(self.product, name="Shipped")
        self.assertEqual(self.item("av_hd").product_id, self.product)

    def test_what_lacks_a_category_gets_it_and_what_is_archived_serves_again(self):
        """Versions before this one were uninstalled without their categories."""
        category = self.product.categ_id
        self.product.write({"categ_id": False, "active": False})
        self.leave()
        self.load(self.product, categ_id=category.id)
        self.assertTrue(self.product.active)
        self.assertEqual(self.product.categ_id, category)

    def test_a_unit_gets_its_word_and_its_size_again(self):
        """The column of the word went with the module; a day of 24 minutes bills 60 times less."""
        unit = self.env.ref("trtc_billing.uom_hour")
        word, name = unit.trtc_code, unit.name
        self.leave()
        self.env.cr.execute(
            "UPDATE uom_uom SET trtc_code = NULL, relative_factor = 10 WHERE id = %s", [unit.id]
        )
        self.env.invalidate_all()
        minute = self.env.ref("trtc_billing.uom_minute")
        self.load(unit, name="x", trtc_code=word, relative_factor=60, relative_uom_id=minute.id)
        self.assertEqual((unit.trtc_code, unit.relative_factor), (word, 60))
        self.assertEqual(unit.name, name)

    def test_nothing_is_left_over_but_while_the_module_is_installed(self):
        self.leave()
        post_init_hook(self.env)
        self.assertFalse(self.env.registry.trtc_left_over)
        category = self.product.categ_id
        self.load(category, name="Shipped")
        self.assertEqual(category.name, "Shipped")

    def test_a_client_does_not_claim_that_something_is_left_over(self):
        keys = {"trtc_left_over": [["product.category", self.product.categ_id.id]]}
        category = self.product.categ_id.with_context(**keys, install_module=MODULE)
        self.load(category, name="Shipped")
        self.assertEqual(category.name, "Shipped")

    def test_a_price_that_was_deleted_before_stays_deleted(self):
        """Of two rules for a product the newer one wins: the contract's price was replaced."""
        rule = self.pricelist_usd.item_ids.filtered(lambda one: one.product_id == self.product)[:1]
        vals = {
            "pricelist_id": self.pricelist_usd.id,
            "applied_on": "0_product_variant",
            "product_id": self.product.id,
            "compute_price": "fixed",
            "fixed_price": 9,
        }
        name = rule.get_external_id()[rule.id]
        self.assertTrue(name)
        self.leave()
        left = self.env.registry.trtc_left_over - {("product.pricelist.item", rule.id)}
        self.env.registry.trtc_left_over = left
        leaving.empty(self.env)
        self.env.invalidate_all()
        own = self.env["product.pricelist.item"].create(vals)
        post_init_hook(self.env)
        self.assertFalse(rule.exists())
        self.assertTrue(own.exists(), "the user's own price stays")
        self.pricelist_usd.write({"item_ids": [Command.delete(own.id)]})
