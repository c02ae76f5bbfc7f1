from datetime import timedelta
from decimal import Decimal

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..rating import prices
from ..rating.periods import day_start


class ProductPricelist(models.Model):
    _inherit = "product.pricelist"

    # === FIELDS === #

    trtc_graduated = fields.Boolean(
        string="Graduated TRTC Prices",
        help="With volume steps (rules with a minimum quantity): bill each slice of a "
        "month's usage at the price of its own step. Otherwise the step that the "
        "month's usage reaches prices all of it.",
    )

    # === CRUD === #

    def write(self, vals):
        if "currency_id" in vals:
            self._trtc_check_currency(vals["currency_id"])
        return super().write(vals)

    # === TOOLING === #

    def _trtc_check_currency(self, currency_id):
        """Raise if settled accounts would change currency."""
        changed = self.filtered(lambda pricelist: pricelist.currency_id.id != currency_id)
        statements = self.env["trtc.statement"].sudo()
        settled = statements.search(
            [
                "|",
                ("account_id.pricelist_id", "in", changed.ids),
                ("account_id.pricelist_history_ids.pricelist_id", "in", changed.ids),
            ],
            limit=1,
        )
        if settled:
            visible = settled.account_id.sudo(False)._filtered_access("read")
            raise UserError(
                self.env._(
                    "%(account)s was settled at the prices of this list: its currency cannot "
                    "change any more. Make a new pricelist instead.",
                    account=visible.display_name or self.env._("An account of another company"),
                )
            )

    def _trtc_mode(self):
        """Return how steps apply: a mode of :mod:`rating.prices`."""
        return prices.GRADUATED if self.trtc_graduated else prices.VOLUME

    def _trtc_price_moment(self, day, zone):
        """Return the moment (naive UTC) whose rules price a billing day.

        It is the last second of the day, so that a rule which starts in the
        course of a day holds from that day on.
        """
        end = day_start(day + timedelta(days=1), zone) - timedelta(seconds=1)
        return end.replace(tzinfo=None)

    def _trtc_price_steps(self, items, day):
        """Return the price steps that hold for billing items on a day.

        :param items: ``trtc.item`` records
        :param date day: a billing day of the current company
        :return: {item: [Step]}, prices per billing unit in the currency of the
            pricelist; no step where no rule applies, or where a rule refers to a
            price that nobody ever entered, so that nothing is free by accident
        """
        self.ensure_one()
        moment = self._trtc_price_moment(day, self.env.company._trtc_get_zone())
        steps = {item: [] for item in items}
        for start in self._trtc_step_starts(items.product_id, moment):
            found = self._compute_price_rule(
                items.product_id, float(start), date=moment
            )
            for item in items:
                price, rule_id = found[item.product_id.id]
                rule = self.env["product.pricelist.item"].browse(rule_id)
                if not rule or not (price or rule._trtc_is_free(item.product_id, start, moment)):
                    continue
                size = item.product_id.uom_id._trtc_ratio(item.uom_id)
                price = prices.exact(Decimal(repr(price)) / size, prices.PRICE_QUANTUM)
                known = steps[item]
                if known and (known[-1].price, known[-1].rule) == (price, rule):
                    continue
                known.append(prices.Step(start * size, price, rule))
        return steps

    def _trtc_get_price(self, product, quantity, day):
        """Return the price of one unit of a product on a billing day, or None.

        :param Decimal quantity: how many units are bought; decides the step that holds
        """
        self.ensure_one()
        moment = self._trtc_price_moment(day, self.env.company._trtc_get_zone())
        price, rule_id = self._compute_price_rule(product, float(quantity), date=moment)[product.id]
        rule = self.env["product.pricelist.item"].browse(rule_id)
        if not rule or not (price or rule._trtc_is_free(product, quantity, moment)):
            return None
        return prices.exact(price, prices.PRICE_QUANTUM)

    def _trtc_step_starts(self, products, moment):
        """Return the quantities, ascending, at which prices may change."""
        rules = self._get_applicable_rules(products, moment)
        starts = {Decimal(0)}
        seen = self
        while rules:
            starts.update(Decimal(repr(rule.min_quantity)) for rule in rules)
            bases = rules.filtered(lambda rule: rule.base == "pricelist")
            bases = bases.base_pricelist_id - seen
            seen |= bases
            rules = rules.browse().union(
                *(base._get_applicable_rules(products, moment) for base in bases)
            )
        return sorted(start for start in starts if start >= 0)

    def _trtc_has_steps(self):
        """Tell whether a month's usage may change the price of its earlier days."""
        self.ensure_one()
        rules = self.env["product.pricelist.item"].with_context(active_test=False)
        items = self.env["trtc.item"].with_context(active_test=False)
        products = items.search_fetch([], ["product_id"]).product_id
        # Steps of what is no billing item, such as minute packs, do not count.
        steps = Domain("min_quantity", ">", 0) & (
            Domain("product_id", "in", products.ids)
            | Domain("product_tmpl_id", "in", products.product_tmpl_id.ids)
            | Domain("applied_on", "in", ("2_product_category", "3_global"))
        )
        lists, seen = self, self.browse()
        while lists:
            domain = Domain("pricelist_id", "in", lists.ids)
            if rules.search_count(domain & steps, limit=1):
                return True
            seen |= lists
            bases = rules.search(domain & Domain("base", "=", "pricelist"))
            lists = bases.base_pricelist_id - seen
        return False
