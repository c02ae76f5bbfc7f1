from odoo import models


class ProductPricelistItem(models.Model):
    _inherit = "product.pricelist.item"

    # === TOOLING === #

    def _trtc_is_free(self, product, quantity, moment):
        """Tell whether this rule means a price of zero, instead of lacking a price.

        :param quantity: the quantity, in units of the product, that chose the rule
        :param moment: the moment, naive UTC, that chose it
        """
        if not self:
            return False
        if self.compute_price == "fixed":
            return True
        if self.compute_price == "percentage" and self.percent_price == 100:
            return True
        if self.base != "pricelist":
            return False
        rule_id = self.base_pricelist_id._get_product_rule(
            product, float(quantity), date=moment
        )
        return self.browse(rule_id)._trtc_is_free(product, quantity, moment)
