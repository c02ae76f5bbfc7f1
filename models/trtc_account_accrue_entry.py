from odoo import models
from odoo.exceptions import UserError

from ..rating import prices


class TrtcAccount(models.Model):
    # A room of its own: where revenue of an account is accrued.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_accrual_places(self, product):
        """Return (income account, taxes) of what an invoice of a product would have.

        :raise UserError: where the product has no income account
        """
        self.ensure_one()
        company = self.company_id
        partner = self._get_invoice_partner()
        delivery = partner.browse(partner.address_get(["delivery"])["delivery"])
        positions = self.env["account.fiscal.position"].with_company(company)
        position = positions._get_fiscal_position(partner, delivery=delivery)
        accounts = product.with_company(company).product_tmpl_id.get_product_accounts(position)
        if not accounts["income"]:
            raise UserError(
                self.env._(
                    "%(product)s has no income account: set one on it or on its category.",
                    product=product.display_name,
                )
            )
        taxes = product.taxes_id._filter_taxes_by_company(company)
        return accounts["income"], position.map_tax(taxes)

    def _get_amount_without_taxes(self, amount, taxes):
        """Return the part of an exact amount that is revenue, where prices include taxes."""
        self.ensure_one()
        if not any(tax.price_include for tax in taxes.flatten_taxes_hierarchy()):
            return amount
        company = self.company_id
        base_line = taxes._prepare_base_line_for_taxes_computation(
            None,
            price_unit=float(amount),
            quantity=1.0,
            tax_ids=taxes,
            currency_id=self.currency_id,
            partner_id=self._get_invoice_partner(),
        )
        taxes._add_tax_details_in_base_line(base_line, company, rounding_method="round_globally")
        raw = base_line["tax_details"]["raw_total_excluded_currency"]
        return prices.exact(raw, prices.AMOUNT_QUANTUM)
