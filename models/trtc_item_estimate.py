from decimal import Decimal

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ..rating import charges as rating
from ..rating import engine, facts, periods, texts
from ..rating.unknown import UnknownRule
from .price_book import PriceBook

#: The most entries of one estimate: more than there are billing items.
ENTRY_LIMIT = 500
#: The largest id that the database can hold.
ID_LIMIT = 2**31


class TrtcItem(models.Model):
    _inherit = "trtc.item"

    # === BUSINESS === #

    @api.model
    def estimate(self, usages, on=None, pricelist_id=None, edition=None):
        """Price the usage of one application in one month; nothing is stored.

        The rating is that of billing, with each item's usage taken as one period.

        :param list[dict] usages: ``item`` (code), ``quantity``, optionally ``unit``
        :param on: date or ISO string whose prices hold; default today
        :param int pricelist_id: default the shipped international list
        :param str edition: code of the edition; without it every feature counts as
            unlocked
        :return: {"lines": [{"item", "name", "status", "quantity", "unit",
            "free_quantity", "billable_quantity", "price_unit", "amount"}],
            "amount_untaxed" (exact), "currency"}
        :raise UserError: naming the entry or argument that cannot be read
        """
        self.check_access("read")
        self._check_estimate_entries(usages)
        pricelist = self._get_estimate_pricelist(pricelist_id)
        held = self._get_estimate_edition(edition)
        day = self._get_estimate_day(on)
        items, rules = self.sudo()._get_rules()
        units = self.env["trtc.usage"].sudo()._get_units()
        meters = [
            self._get_estimate_meter(index, usage, items, units, held, day)
            for index, usage in enumerate(usages)
        ]
        book = PriceBook()
        used = self.sudo().union(*(items[meter.item] for meter in meters))

        def steps_for(code, at):
            return book.get_steps(pricelist, used, at)[items[code]]

        try:
            charges = engine.rate(rules, meters, steps_for, pricelist._trtc_mode())
        except UnknownRule as error:
            raise UserError(self._get_unknown_message(error)) from None
        return {
            "lines": [self._prepare_estimate_line(items[c.item], c) for c in charges],
            "amount_untaxed": float(sum((c.amount for c in charges), Decimal(0))),
            "currency": pricelist.currency_id.name,
        }

    def _check_estimate_entries(self, usages):
        if not isinstance(usages, (list, tuple)):
            raise UserError(
                self.env._(
                    "usages must be a list of entries such as "
                    '[{"item": "av_hd", "quantity": 3600}].'
                )
            )
        if len(usages) > ENTRY_LIMIT:
            raise UserError(
                self.env._(
                    "An estimate takes at most %(limit)s entries, not %(count)s: add up the "
                    "usage of each billing item.",
                    limit=ENTRY_LIMIT,
                    count=len(usages),
                )
            )

    def _get_estimate_day(self, on):
        """Return the billing day whose prices hold."""
        # A customer may ask, and reads no settings.
        company = self.env.company.sudo()
        if on in (None, False, ""):
            return company._trtc_today()
        zone = company._trtc_get_zone()
        return periods.billing_day(self._read_estimate(facts.read_moment, "on", on, zone), zone)

    def _read_estimate(self, read, *args):
        """Return what a reader of facts reads, or say what is wrong."""
        try:
            return read(*args)
        except facts.FactError as error:
            message = self.env["trtc.usage"]._get_fact_message(error)
            raise UserError(message) from None

    def _get_estimate_pricelist(self, pricelist_id):
        """Return the pricelist to estimate with, if the user may see its prices."""
        lists = self.env["product.pricelist"].sudo()
        shipped = lists.union(
            *(
                self.env.ref(f"trtc_billing.{name}", raise_if_not_found=False) or lists
                for name in ("pricelist_usd", "pricelist_cny")
            )
        )
        if pricelist_id in (None, False):
            pricelist = shipped[:1]
        elif type(pricelist_id) is int and 0 < pricelist_id < ID_LIMIT:
            pricelist = lists.browse(pricelist_id).exists()
        else:
            pricelist = lists
        if not pricelist:
            raise UserError(
                self.env._(
                    "There is no pricelist %(id)s: choose another one.",
                    id=facts.shown(pricelist_id),
                )
            )
        if self.env.user._is_internal():
            pricelist.sudo(False).check_access("read")
        elif pricelist not in shipped | self._get_own_pricelists():
            raise AccessError(
                self.env._("This pricelist is not yours: leave it out or choose your own.")
            )
        return pricelist

    def _get_own_pricelists(self):
        """Return the pricelists of the accounts that the user may see."""
        every = [("active", "in", (True, False))]
        return self.env["trtc.account"].search(every).sudo().pricelist_id

    def _get_estimate_edition(self, edition):
        """Return the edition with a code; None for no code."""
        if edition in (None, False, ""):
            return None
        edition = self._read_estimate(facts.read_text, "edition", edition)
        found = self.env["trtc.edition"].sudo().search([("code", "=", edition)])
        if not found:
            raise UserError(self.env._("There is no edition with the code %(code)s.", code=edition))
        return found

    def _get_estimate_meter(self, index, usage, items, units, edition, day):
        """Return the :class:`Meter` of one entry, or say what is wrong with it."""
        usage_model = self.env["trtc.usage"].sudo()
        try:
            if not isinstance(usage, dict):
                raise facts.FactError("usage", "not_record", usage)
            word = facts.read_word("item", usage.get("item"))
            quantity = facts.read_quantity(usage.get("quantity"))
            code = next((code for code in items if texts.fold(code) == word), None)
            if not code:
                raise facts.FactError("item", "unknown_item", word)
            word = usage.get("unit")
            word = facts.read_word("unit", word) if word not in (None, "") else None
            fact = {"quantity": quantity, "unit": word}
            fact = usage_model._convert(fact, items[code], units)
        except facts.FactError as error:
            raise UserError(
                self.env._(
                    "Entry %(index)s: %(error)s",
                    index=index,
                    error=usage_model._get_fact_message(error),
                )
            ) from None
        feature = items[code].feature_id
        locked = edition is not None and feature and not edition._unlocks(feature)
        return engine.Meter(
            item=code,
            application="0",
            day=day,
            usage=fact["quantity"],
            status=rating.LOCKED if locked else rating.BILLABLE,
        )

    def _prepare_estimate_line(self, item, charge):
        return {
            "item": item.code,
            "name": item.name,
            "status": charge.status,
            "quantity": float(charge.quantity),
            "unit": item.uom_id.name,
            "free_quantity": float(charge.free),
            "billable_quantity": float(charge.billable),
            "price_unit": float(charge.price),
            "amount": float(charge.amount),
        }
