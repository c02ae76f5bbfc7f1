from odoo import models

#: Amounts of taxes that are a share of the price, whatever the quantity.
SHARES = ("percent", "division")
#: How far apart two prices are that tell whether a formula gives a share of them.
FAR = 1000


class AccountTax(models.Model):
    _inherit = "account.tax"

    # === BUSINESS === #

    def _trtc_filter_shares(self, product):
        """Return those of these taxes that are a share of the price.

        What an amount per unit, or a formula, takes besides, belongs to units that are sold:
        a line that stands for none bears no such tax. Of a group the shares are left.

        :param product: the product of the line
        """
        shares = self.browse()
        for tax in self:
            if tax.amount_type == "group":
                children = tax.children_tax_ids
                kept = children._trtc_filter_shares(product)
                # The group itself, where it may stay: its taxes are shown as one.
                shares |= tax if kept == children else kept
            elif tax._trtc_is_share(product):
                shares |= tax
        return shares

    def _trtc_is_share(self, product):
        """Tell whether this tax, which is no group, is a share of the price."""
        self.ensure_one()
        if self.amount_type in SHARES:
            return True
        if self.amount_type == "fixed":
            return not self.amount
        # A formula: nothing of nothing, and a thousand times as much of a thousand times.
        nothing, little, much = (
            self._trtc_get_amount(price, product) for price in (0.0, 1.0, 1.0 * FAR)
        )
        return not nothing and abs(little * FAR - much) < abs(much) * 1e-9 + 1e-9

    def _trtc_get_amount(self, price, product):
        """Return what this tax alone takes of one unit at a price, not rounded."""
        details = self._get_tax_details(
            price, 1.0, rounding_method="round_globally", product=product
        )
        return sum(data["tax_amount"] for data in details["taxes_data"][:1])
