from decimal import ROUND_HALF_UP, Decimal

from odoo import Command, api, models

from ..rating import prices
from .account_move_line_left import DUST
from .exact import QUANTITY_DIGITS, Exact
from .figures import show_figure, show_money

ONE = Decimal(1)
#: What a statement line's quantity may miss of the exact one by being kept to nine decimals.
QUANTITY_DUST = Decimal(5).scaleb(-QUANTITY_DIGITS[1] - 1)
#: Prices of one unit that differ by less than this part of them are one price.
SAME_PRICE = Decimal("1e-7")


class AccountMoveLine(models.Model):
    # A room of its own: how a line says an exact quantity in the decimals that Odoo keeps.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_ratio = Exact(
        string="TRTC Units per Billing Unit",
        digits=(40, 24),
        readonly=True,
        copy=False,
        help="How much of this line's quantity is one billing unit: 1,000 where thousands of "
        "sheets are billed in sheets. Empty: its quantity is in billing units.",
    )

    # === BUSINESS === #

    @api.model
    def _trtc_get_step(self):
        """Return the smallest quantity that invoice lines tell apart, as a Decimal."""
        digits = self._fields["quantity"].get_digits(self.env)
        return ONE.scaleb(-digits[1]) if digits else QUANTITY_DUST * 2

    def _trtc_get_ratio(self):
        """Return how much of this line's quantity is one billing unit, as a Decimal."""
        self.ensure_one()
        # Most lines are in billing units: no need to ask the database for all decimals.
        return Decimal(repr(self.trtc_ratio)) if self.trtc_ratio else ONE

    @api.model
    def _trtc_prepare_figures(self, uom, quantity, price, usage_uom=None, currency=None, count=1):
        """Return the values by which a line says an exact quantity and its price.

        In the billing unit, where the decimals of quantities can hold it; else in a smaller
        unit of the same kind, the usage unit before others. Where there is none, quantity
        and price are adapted to each other so that they come to the exact amount.

        :param uom: the billing unit
        :param Decimal quantity: in billing units
        :param Decimal price: of one billing unit
        :param usage_uom: the unit that usage is metered in
        :param currency: that of the invoice
        :param int count: how many statement lines add up to the quantity
        """
        step = self._trtc_get_step()
        vals = {
            "product_uom_id": uom.id,
            "quantity": float(quantity),
            "price_unit": float(price),
            "trtc_ratio": 0,
        }
        if quantity == quantity.quantize(step):
            return vals
        for unit in self._trtc_get_smaller_units(uom, usage_uom):
            ratio = uom._trtc_ratio(unit)
            fitted = (quantity * ratio).quantize(step, ROUND_HALF_UP)
            # Thirds of a unit are kept to nine decimals, each by itself.
            spare = min(count * ratio * QUANTITY_DUST, step / 10)
            if fitted and abs(quantity * ratio - fitted) <= spare:
                return {
                    "product_uom_id": unit.id,
                    "quantity": float(fitted),
                    "price_unit": self._trtc_get_unit_price(
                        quantity, price, fitted, ratio, currency
                    ),
                    "trtc_ratio": ratio,
                }
        return {**vals, **self._trtc_prepare_near_figures(quantity, price)}

    @api.model
    def _trtc_prepare_near_figures(self, quantity, price):
        """Return such values with the nearest quantity that can be held, and a price for it."""
        step = self._trtc_get_step()
        near = quantity.quantize(step, ROUND_HALF_UP) or step.copy_sign(quantity)
        if near == quantity:
            return {"quantity": float(quantity), "price_unit": float(price), "trtc_ratio": 0}
        return {
            "quantity": float(near),
            "price_unit": float(quantity * price / near),
            "trtc_ratio": near / quantity,
        }

    @api.model
    def _trtc_get_unit_price(self, quantity, price, fitted, ratio, currency):
        """Return the price of a smaller unit, as a float that comes to the exact amount."""
        amount = quantity * price
        exact = float(price / ratio)
        if abs(Decimal(repr(exact)) * fitted - amount) < DUST / 10 and (
            not currency
            or currency.round(exact * float(fitted))
            == float(prices.round_money(amount, Decimal(repr(currency.rounding))))
        ):
            return exact
        return float(amount / fitted)

    @api.model
    def _trtc_get_smaller_units(self, uom, usage_uom=None):
        """Return the units that measure the same as another one and are smaller.

        The usage unit comes first, then the largest ones.
        """
        units = uom.browse(uom._trtc_get_smaller_ids())
        first = usage_uom if usage_uom and usage_uom in units else units.browse()
        return first + (units - first)

    def _trtc_get_billing_unit(self):
        """Return (the unit that this line's ledger counts in, the unit that is metered)."""
        self.ensure_one()
        line = self.sudo()
        if line.trtc_item_id:
            return line.trtc_item_id.uom_id, line.trtc_item_id.usage_uom_id
        return line.trtc_fee_id.uom_id or line.product_uom_id, None

    def _trtc_has_other_unit(self, vals):
        """Tell whether a plan of this line has another unit or price of a unit than it has."""
        self.ensure_one()
        return (
            vals.get("product_uom_id", self.product_uom_id.id) != self.product_uom_id.id
            or vals.get("price_unit", self.price_unit) != self.price_unit
            or float(vals.get("trtc_ratio") or 0) != self.trtc_ratio
        )

    def _trtc_says(self, quantity):
        """Tell whether this line's quantity is a given one, as far as its decimals go.

        :param Decimal quantity: in billing units, with the sign of the line
        """
        self.ensure_one()
        step = self._trtc_get_step()
        shown = Decimal(repr(self.quantity)).quantize(step, ROUND_HALF_UP)
        return (quantity * self._trtc_get_ratio()).quantize(step, ROUND_HALF_UP) == shown

    def _trtc_has_price(self, price):
        """Tell whether the price of this line is a given one, of a billing unit."""
        self.ensure_one()
        own, price = self._trtc_get_ratio() * Decimal(repr(self.price_unit)), Decimal(repr(price))
        spare = SAME_PRICE * abs(price) if self.trtc_ratio else prices.PRICE_QUANTUM / 2
        return abs(own - price) <= spare

    def _trtc_prepare_part(self, quantity, amount, count=1):
        """Return the values by which a line takes back a part of this one, or all of it.

        In the unit and at the price of this one, where its decimals can hold the part.

        :param Decimal quantity: in billing units, with the sign of the line to be
        :param Decimal amount: likewise
        :param int count: how many statement lines or rows add up to the quantity
        """
        self.ensure_one()
        ratio, step = self._trtc_get_ratio(), self._trtc_get_step()
        fitted = (quantity * ratio).quantize(step, ROUND_HALF_UP)
        # What was credited before was kept to nine decimals as well.
        spare = min(2 * count * ratio * QUANTITY_DUST, step / 10) if self.trtc_ratio else 0
        same_price = abs(amount - quantity * self._trtc_get_net_price()) < DUST
        if fitted and abs(quantity * ratio - fitted) <= spare:
            vals = {
                "product_uom_id": self.product_uom_id.id,
                "quantity": float(fitted),
                "trtc_ratio": self.trtc_ratio,
            }
            if same_price:
                return {**vals, "price_unit": self.price_unit, "discount": self.discount}
            # A part of the price was credited before.
            return {**vals, "price_unit": float(amount / fitted), "discount": 0}
        uom, usage_uom = self._trtc_get_billing_unit()
        figures = self._trtc_prepare_figures(
            uom, quantity, amount / quantity, usage_uom, self.currency_id, count
        )
        return {**figures, "discount": 0}

    @api.model
    def _trtc_add_exact_note(self, name, uom, quantity, price, currency):
        """Return the text of a line whose quantity its decimals cannot hold."""
        return self.env._(
            "%(name)s\nExactly %(quantity)s %(unit)s at %(price)s",
            name=name,
            quantity=show_figure(self.env, quantity),
            unit=uom.with_env(self.env).name,
            price=show_money(self.env, price, currency),
        )

    # === TAXES === #

    def _get_computed_taxes(self):
        taxes = super()._get_computed_taxes()
        if taxes and self._trtc_is_without_unit():
            return taxes._trtc_filter_shares(self.product_id)
        return taxes

    def _trtc_is_without_unit(self):
        """Tell whether this line was added for an amount alone: no unit is billed with it."""
        self.ensure_one()
        fee = self.sudo().trtc_fee_id
        return self.trtc_is_rounding or (fee.refund_of_id or fee).kind == "commitment"

    def _trtc_keep_taxes(self, vals):
        """Return the values to write on this line so that its taxes stay as they are.

        Core sets those of the product again where the unit changes.
        """
        self.ensure_one()
        if vals.get("product_uom_id", self.product_uom_id.id) == self.product_uom_id.id:
            return {name: value for name, value in vals.items() if name != "product_uom_id"}
        return {**vals, "tax_ids": [Command.set(self.tax_ids.ids)]}

    def _trtc_keep_unit_taxes(self):
        """Let lines in smaller units go back to billing units where a tax is one per unit.

        A thousand sheets that bear a tax of 1.00 bear no 1,000.00 as single sheets.
        """
        for line in self.filtered("trtc_ratio"):
            taxes = line.tax_ids
            uom, _usage_uom = line._trtc_get_billing_unit()
            if line.product_uom_id == uom or taxes == taxes._trtc_filter_shares(line.product_id):
                continue
            ratio = line._trtc_get_ratio()
            quantity = Decimal(repr(line.quantity)) / ratio
            price = Decimal(repr(line.price_unit)) * ratio
            lang = line.partner_id.lang or self.env.lang
            name = line.with_context(lang=lang)._trtc_add_exact_note(
                line.name, uom, quantity, price, line.currency_id
            )
            line.move_id.write(
                {
                    "invoice_line_ids": [
                        Command.update(
                            line.id,
                            {
                                "product_uom_id": uom.id,
                                "name": name,
                                "trtc_name": name,
                                "tax_ids": [Command.set(taxes.ids)],
                                **self._trtc_prepare_near_figures(quantity, price),
                            },
                        )
                    ]
                }
            )
