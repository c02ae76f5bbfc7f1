from decimal import Decimal
from typing import NamedTuple

from odoo import models
from odoo.exceptions import UserError

from ..rating import periods, prices
from .figures import show_figure


class Offer(NamedTuple):
    """What so many prepaid minutes cost; see :meth:`TrtcAccount._get_pack_offer`.

    Without a price in the pricelist, ``price_unit`` (of one minute), ``price`` (of one unit
    of the product) and ``amount`` are None.
    """

    first: object
    last: object
    minutes: Decimal
    price: Decimal
    price_unit: Decimal
    amount: Decimal


class TrtcAccount(models.Model):
    # A room of its own: minutes that are sold.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_pack_offer(self, minutes, day):
        """Return the :class:`Offer` of prepaid minutes from a day on.

        The step that the whole quantity reaches prices all of it, also where the pricelist
        graduates the prices of usage.
        """
        self.ensure_one()
        product, _unit, size = self._get_pack_product()
        minutes = Decimal(minutes)
        price = self._get_fee_price(product, day, minutes / size)
        price_unit = amount = None
        if price is not None:
            price_unit = prices.exact(price / size, prices.PRICE_QUANTUM)
            amount = self._round_fee(minutes * price_unit)
        return Offer(day, periods.year_term(day), minutes, price, price_unit, amount)

    def _get_pack_product(self):
        """Return (product of prepaid minutes, unit of a minute, minutes per product unit)."""
        product = self.env.ref("trtc_billing.product_pack")
        unit = self.env.ref("trtc_billing.uom_minute")
        return product, unit, product.uom_id._trtc_ratio(unit)

    def _get_pack_steps(self, day):
        """Return the price steps of prepaid minutes on a day, per minute."""
        self.ensure_one()
        product, _unit, size = self._get_pack_product()
        pricelist = self._get_pricelist(day).with_company(self.company_id)
        moment = pricelist._trtc_price_moment(day, self.company_id._trtc_get_zone())
        steps = []
        for start in pricelist._trtc_step_starts(product, moment):
            price = pricelist._trtc_get_price(product, start, day)
            if price is not None:
                price = prices.exact(price / size, prices.PRICE_QUANTUM)
                steps.append(prices.Step(start * size, price))
        return steps

    def _sell_pack(self, minutes, day, application=None, kind="prepaid", amount=None):
        """Sell minutes to this account; return the pack.

        It serves from 00:00 of the day on, and applications that were suspended for want of
        minutes go on.

        :param minutes: a whole number of them
        :param date day: the day of purchase
        :param application: the only ``trtc.application`` that may use them; default all
        :param str kind: ``prepaid`` or ``promo``
        :param Decimal amount: the agreed price; default that of the pricelist, which
            promotional minutes do not have
        :raise AccessError: for a user who may not create packs
        :raise UserError: without a price
        """
        self.ensure_one()
        packs = self.env["trtc.minute.pack"]
        packs.check_access("create")
        self.check_access("write")
        offer = self._get_pack_offer(minutes, day)
        amount = self._get_pack_amount(offer, kind, amount)
        fee = self.env["trtc.fee"]
        if amount:
            # The rights are checked: fees are made by these methods only.
            vals = self._prepare_pack_fee(offer, application, kind, amount)
            fee = fee.sudo().create(vals).sudo(False)
        # A pack with a fee is made by these methods only, too.
        pack = packs.sudo().create(
            {
                "name": self._get_pack_name(offer, kind),
                "account_id": self.id,
                "application_id": application.id if application else False,
                "kind": kind,
                "minutes": offer.minutes,
                "date_start": offer.first,
                "date_end": offer.last,
                "fee_id": fee.id,
            }
        )
        (application or self.application_ids)._resume("free_minutes", day)
        return pack.sudo(self.env.su)

    def _get_pack_amount(self, offer, kind, amount):
        """Return what a pack is sold for, rounded; raise where that cannot be."""
        if offer.minutes <= 0 or offer.minutes != offer.minutes.to_integral_value():
            raise UserError(self.env._("Minutes are sold in whole numbers, one at least."))
        if kind == "prepaid" and offer.amount is None:
            raise UserError(self._get_missing_pack_price(offer.first))
        if kind == "promo" and amount is None:
            raise UserError(self.env._("Enter the price of the promotional minutes."))
        amount = offer.amount if amount is None else self._round_fee(amount)
        if amount < 0:
            raise UserError(self.env._("A price cannot be negative."))
        return amount

    def _get_missing_pack_price(self, day):
        return self.env._(
            "The pricelist %(pricelist)s has no price for the product %(product)s: prepaid "
            "minutes are not sold at it. Add a rule first.",
            pricelist=self._get_pricelist(day).name,
            product=self._get_pack_product()[0].display_name,
        )

    def _get_pack_name(self, offer, kind):
        """Return the name of a pack, in the customer's language."""
        env = self.with_context(lang=self._get_customer_lang()).env
        minutes = show_figure(env, offer.minutes)
        if kind == "promo":
            return env._("%(minutes)s promotional minutes", minutes=minutes)
        return env._("%(minutes)s prepaid minutes", minutes=minutes)

    def _prepare_pack_fee(self, offer, application, kind, amount):
        """Return the values of the fee of a pack: minutes at the price of a minute."""
        product, unit, _size = self._get_pack_product()
        agreed = amount != offer.amount
        price = prices.exact(amount / offer.minutes, prices.PRICE_QUANTUM)
        return self._prepare_fee(
            "pack",
            product,
            amount,
            offer.first,
            offer.last,
            name=self._get_pack_name(offer, kind),
            application_id=application.id if application else False,
            quantity=offer.minutes,
            uom_id=unit.id,
            price_unit=price if agreed else offer.price_unit,
            list_amount=amount if offer.amount is None else offer.amount,
        )
