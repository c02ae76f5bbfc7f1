"""Pricelists and products that customers of several companies are billed by."""

from odoo import Command, api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from .in_common import get_other_companies
from .product_pricelist_item import PRICE_FIELDS


class ProductPricelist(models.Model):
    _name = "product.pricelist"
    _inherit = ["product.pricelist", "trtc.shared"]

    # === CONSTRAINT === #

    @api.constrains("company_id")
    def _trtc_check_company(self):
        """Raise for a list that accounts of other companies are billed by."""
        for pricelist in self:
            company = pricelist.sudo().company_id
            if company and pricelist._trtc_get_roots(without=company.ids):
                raise ValidationError(
                    self.env._(
                        "Accounts of other companies are billed by %(pricelist)s: it cannot "
                        "belong to one company. Make a pricelist of its own for that company.",
                        pricelist=pricelist.display_name,
                    )
                )

    # === CRUD === #

    def unlink(self):
        # Before others say which days are settled.
        self.check_access("unlink")
        self._trtc_check_shared()
        return super().unlink()

    # === TOOLING === #

    @api.model
    def _trtc_get_shared_fields(self):
        return {
            *super()._trtc_get_shared_fields(),
            "active",
            "company_id",
            "currency_id",
            "trtc_graduated",
        }

    def _trtc_filter_used(self, companies):
        return self.sudo().browse(self._trtc_get_roots(companies))

    def _trtc_get_roots(self, companies=None, without=()):
        """Return the ids of those of these lists by which accounts are or were billed.

        Lists that are based on them count, directly or through others.

        :param companies: the ids of the companies of the accounts; default all
        :param without: ids of companies whose accounts do not count
        """
        for model in ("product.pricelist.item", "trtc.account", "trtc.account.pricelist"):
            self.env[model].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                WITH RECURSIVE above AS (
                    SELECT id AS root, id FROM product_pricelist WHERE id = ANY(%(lists)s)
                     UNION
                    SELECT above.root, rule.pricelist_id FROM product_pricelist_item rule
                      JOIN above ON rule.base_pricelist_id = above.id
                     WHERE rule.base = 'pricelist'
                )
                SELECT root FROM above
                 WHERE EXISTS (
                       SELECT FROM trtc_account
                        WHERE pricelist_id = above.id AND %(of_account)s)
                    OR EXISTS (
                       SELECT FROM trtc_account_pricelist
                        WHERE pricelist_id = above.id AND %(of_account)s)
                 GROUP BY root ORDER BY root
                """,
                lists=self.ids,
                of_account=SQL(
                    "company_id <> ALL(%s) AND (%s OR company_id = ANY(%s))",
                    list(without),
                    companies is None,
                    list(companies or ()),
                ),
            )
        )
        return [root for (root,) in rows]


class ProductPricelistItem(models.Model):
    _name = "product.pricelist.item"
    _inherit = ["product.pricelist.item", "trtc.shared"]

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        rules = super().create(vals_list)
        rules._trtc_check_shared()
        return rules

    def write(self, vals):
        result = super().write(vals)
        # It may have come to another list.
        if "pricelist_id" in vals:
            self._trtc_check_shared()
        return result

    # === TOOLING === #

    @api.model
    def _trtc_get_shared_fields(self):
        return super()._trtc_get_shared_fields() | PRICE_FIELDS

    def _trtc_filter_used(self, companies):
        used = self.pricelist_id._trtc_filter_used(companies)
        return self.sudo().filtered(lambda rule: rule.pricelist_id in used)


class ProductTemplate(models.Model):
    _name = "product.template"
    _inherit = ["product.template", "trtc.shared"]

    # === CONSTRAINT === #

    @api.constrains("company_id")
    def _trtc_check_company(self):
        """Raise for a product that accounts of other companies are billed by."""
        owned = self.sudo().filtered("company_id")._trtc_filter_billed()
        if not owned:
            return
        groups = (
            self.env["trtc.account"]
            .sudo()
            .with_context(active_test=False)
            ._read_group([], ["company_id"])
        )
        for template in owned:
            if any(template.company_id not in company.parent_ids for (company,) in groups):
                raise ValidationError(
                    self.env._(
                        "Accounts of other companies are billed by %(product)s: it cannot belong "
                        "to one company. Make another product, with a billing item for it.",
                        product=template.sudo(False).display_name,
                    )
                )

    # === CRUD === #

    def write(self, vals):
        if "taxes_id" not in vals or not get_other_companies(self.env):
            return super().write(vals)
        # What is in the cache may be what the user sees, or all there is.
        self.invalidate_recordset(["taxes_id"])
        before = self._trtc_get_other_taxes()
        self.invalidate_recordset(["taxes_id"])
        result = super().write(vals)
        self.invalidate_recordset(["taxes_id"])
        now = self._trtc_get_other_taxes() if before else {}
        if any(now[template] - taxes for template, taxes in before.items()):
            self._trtc_check_shared()
        for template, taxes in before.items():
            # Who replaces all taxes means those that are seen.
            if lost := taxes - now[template]:
                template.write({"taxes_id": [Command.link(tax.id) for tax in lost]})
        return result

    # === TOOLING === #

    @api.model
    def _trtc_get_shared_fields(self):
        return {
            *super()._trtc_get_shared_fields(),
            "active",
            "categ_id",
            "company_id",
            "list_price",
            "uom_id",
        }

    def _trtc_filter_used(self, companies):
        return self.sudo()._trtc_filter_billed()

    def _trtc_filter_billed(self):
        """Return those of these products that statements and fees are billed by."""
        ours = (
            self.env["ir.model.data"]
            .sudo()
            .search_fetch(
                [("module", "=", "trtc_billing"), ("model", "=", "product.product")], ["res_id"]
            )
        )
        every = self.env["product.product"].sudo().with_context(active_test=False)
        billed = every.browse(ours.mapped("res_id")).exists()
        for model, name in (("trtc.item", "product_id"), ("trtc.edition", "fee_product_id")):
            records = self.env[model].sudo().with_context(active_test=False)
            billed |= records.search([(f"{name}.product_tmpl_id", "in", self.ids)])[name]
        return self.filtered(lambda template: template in billed.product_tmpl_id)

    def _trtc_get_other_taxes(self):
        """Return {product, with all rights: taxes of companies that the user has no access to}.

        Of the products that such companies bill by.
        """
        companies = get_other_companies(self.env)
        if not companies:
            return {}
        own = self.env.user.company_ids
        return {
            template: template.taxes_id.filtered(lambda tax: tax.company_id not in own)
            for template in self._trtc_filter_used(companies)
        }


class ProductProduct(models.Model):
    _name = "product.product"
    _inherit = ["product.product", "trtc.shared"]

    # === TOOLING === #

    @api.model
    def _trtc_get_shared_fields(self):
        # The others are those of the template, which are written there.
        return {*super()._trtc_get_shared_fields(), "active"}

    def _trtc_filter_used(self, companies):
        used = self.product_tmpl_id._trtc_filter_used(companies)
        return self.sudo().filtered(lambda product: product.product_tmpl_id in used)
