from datetime import datetime, timezone
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..rating.periods import billing_day, day_start
from .given import check_one
from .markers import WATCHED, ForcedPrices
from .price_watch import PriceWatch
from .product_pricelist_guard import TICK

#: What decides which products a rule prices.
SCOPE_FIELDS = {"applied_on", "categ_id", "product_tmpl_id", "product_id"}
#: What decides which price it gives, where and when.
PRICE_FIELDS = SCOPE_FIELDS | {
    "base",
    "base_pricelist_id",
    "compute_price",
    "date_end",
    "date_start",
    "fixed_price",
    "min_quantity",
    "percent_price",
    "price_discount",
    "price_markup",
    "price_max_margin",
    "price_min_margin",
    "price_round",
    "price_surcharge",
    "pricelist_id",
}


class ProductPricelistItem(models.Model):
    _inherit = "product.pricelist.item"

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        if self._trtc_is_watched():
            return super().create(vals_list)
        lists = self._trtc_get_new_lists(vals_list)
        moments = [
            [fields.Datetime.to_datetime(vals.get(name)) for vals in vals_list]
            for name in ("date_start", "date_end")
        ]
        watch = PriceWatch(lists, None, *self._trtc_get_range(*moments))
        rules = super().create(vals_list)
        if watch:
            rules._trtc_answer_for(watch, "", is_new=True)
        return rules

    def write(self, vals):
        changed = PRICE_FIELDS & set(vals)
        if not changed or self._trtc_is_watched():
            return super().write(vals)
        lists = self.pricelist_id | self.pricelist_id.browse(vals.get("pricelist_id") or ())
        moments = [
            [
                *self.mapped(name),
                *([fields.Datetime.to_datetime(vals[name])] if name in vals else ()),
            ]
            for name in ("date_start", "date_end")
        ]
        rules = None if changed & SCOPE_FIELDS else self
        watch = PriceWatch(lists, rules, *self._trtc_get_range(*moments))
        before = self._trtc_describe() if watch else ""
        result = super().write(vals)
        if watch:
            self._trtc_answer_for(watch, before)
        return result

    def unlink(self):
        if self._trtc_is_watched():
            return super().unlink()
        moments = self.mapped("date_start"), self.mapped("date_end")
        watch = PriceWatch(self.pricelist_id, self, *self._trtc_get_range(*moments))
        if not watch:
            return super().unlink()
        lists, names, before = self.pricelist_id, self._trtc_get_names(), self._trtc_describe()
        result = super().unlink()
        lists._trtc_answer_for(
            watch.get_altered(), self._trtc_get_refusal(lists, names), f"{before} → —"
        )
        return result

    # === ACTION === #

    def action_trtc_change_price(self):
        """Open the wizard that lets another price begin."""
        check_one(self)
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "trtc_billing.trtc_price_change_action"
        )
        action["context"] = {"default_rule_id": self.id}
        return action

    # === BUSINESS === #

    def _trtc_change_price(self, day, vals, reason="", force=False):
        """Let another price begin with a billing day of the company.

        The rule ends the moment before, and a successor begins.  A newer rule for the same
        products that would have come before this one still does: the successor leaves its
        time out.  A rule that begins with this very day takes the new price itself.

        :param dict vals: the values that change
        :param str reason: kept in the pricelist's chatter
        :param bool force: adjust settled days
        :raise UserError: if the rule does not hold on that day, or if the day reaches into
            settled ones without ``force``
        """
        self.ensure_one()
        start = day_start(day, self.env.company._trtc_get_zone()).replace(tzinfo=None)
        self._trtc_check_holds(day)
        watch = PriceWatch(self.pricelist_id, self, start, self.date_end or None)
        before = self._trtc_describe()
        rule = self.with_context(trtc_watched=WATCHED)
        successors = rule
        if self.date_start and self.date_start >= start:
            rule.write(vals)
        else:
            spans = self._trtc_get_free_spans(start)
            rule.write({"date_end": start - TICK})
            dates = [{"date_start": first, "date_end": last} for first, last in spans]
            successors = rule.browse().union(*(rule.copy({**vals, **span}) for span in dates))
        pricelist, altered = self.pricelist_id, watch.get_altered() if watch else set()
        change = f"{before} → {successors._trtc_describe()}"
        forced = ForcedPrices(reason) if force else None
        pricelist.with_context(trtc_force_prices=forced)._trtc_answer_for(
            altered, self._trtc_get_refusal(pricelist, self._trtc_get_names()), change
        )
        if not altered:
            pricelist.message_post(
                body=self.env._(
                    "Another price from %(day)s: %(change)s. Reason: %(reason)s",
                    day=day,
                    change=change,
                    reason=reason or self.env._("not given"),
                )
            )
        return successors.with_env(self.env)

    def _trtc_check_holds(self, day):
        """Raise unless this rule holds on a billing day of the company."""
        moment = self.pricelist_id._trtc_price_moment(day, self.env.company._trtc_get_zone())
        if self.date_start and self.date_start > moment:
            raise UserError(
                self.env._(
                    'The rule "%(rule)s" begins on %(day)s only: choose that day or a later one.',
                    rule=self.name,
                    day=self._trtc_get_day(self.date_start),
                )
            )
        if self.date_end and self.date_end < moment:
            raise UserError(
                self.env._(
                    'The rule "%(rule)s" ends on %(day)s: choose a day before, or change the '
                    "price of the rule that follows it.",
                    rule=self.name,
                    day=self._trtc_get_day(self.date_end),
                )
            )

    def _trtc_get_free_spans(self, start):
        """Return [(first, last moment)] of this rule from a moment on, without newer rules.

        Of two rules for the same products the newer one holds; a successor is newer than
        all of them and would push aside, say, a promotion that was entered before.
        """
        newer = self.search(
            [
                ("id", ">", self.id),
                ("min_quantity", "=", self.min_quantity),
                *(
                    (name, "=", self[name].id if self._fields[name].relational else self[name])
                    for name in sorted(SCOPE_FIELDS | {"pricelist_id"})
                ),
            ]
        )
        spans = []
        for rule in newer.sorted(lambda rule: rule.date_start or datetime.min):
            if start and rule.date_start and rule.date_start > start:
                spans.append((start, rule.date_start - TICK))
            if start and not (rule.date_end and rule.date_end < start):
                start = rule.date_end and rule.date_end + TICK
        if start:
            spans.append((start, self.date_end))
        end = self.date_end
        spans = [(first, min(last, end) if last and end else last or end) for first, last in spans]
        spans = [(first, last) for first, last in spans if not last or first < last]
        if not spans:
            raise UserError(
                self.env._(
                    'A newer rule for the same products comes before "%(rule)s" on all of these '
                    "days: change the price of that one.",
                    rule=self.name,
                )
            )
        return spans

    def _trtc_answer_for(self, watch, before, is_new=False):
        """Answer for what a change of these rules altered; see the pricelist."""
        altered = watch.get_altered()
        if altered:
            lists = self.pricelist_id
            lists._trtc_answer_for(
                altered,
                self._trtc_get_refusal(lists, self._trtc_get_names(), is_new),
                f"{before or '—'} → {self._trtc_describe()}",
            )

    def _trtc_get_refusal(self, lists, names, is_new=False):
        """Return the function that says why a change of rules is refused."""
        names = {"rule": names, "pricelist": ", ".join(lists.mapped("name"))}
        if is_new:
            return lambda **days: self.env._(
                "Days of %(account)s from %(first)s to %(last)s are settled and the new rule "
                '"%(rule)s" of %(pricelist)s would change their price: let it begin later, or '
                'use the button "Change Price" on the rule that holds.',
                **names,
                **days,
            )
        return lambda **days: self.env._(
            "Days of %(account)s from %(first)s to %(last)s are settled at the price of the rule "
            '"%(rule)s" of %(pricelist)s: use the button "Change Price" on the rule, which lets '
            "another price begin on a later day.",
            **names,
            **days,
        )

    # === TOOLING === #

    def _trtc_is_watched(self):
        return self.env.context.get("trtc_watched") is WATCHED

    @api.model
    def _trtc_get_new_lists(self, vals_list):
        """Return the pricelists of rules that are about to be created."""
        ids = {vals["pricelist_id"] for vals in vals_list if "pricelist_id" in vals}
        if any("pricelist_id" not in vals for vals in vals_list):
            ids.add(self.default_get(["pricelist_id"]).get("pricelist_id"))
        return self.env["product.pricelist"].browse(sorted(ids - {None, False}))

    @api.model
    def _trtc_get_range(self, starts, ends):
        """Return (first, last moment) of ranges; None where one of them is open."""
        return (
            min(starts) if starts and all(starts) else None,
            max(ends) if ends and all(ends) else None,
        )

    def _trtc_filter_items(self, items):
        """Return those billing items that one of these rules applies to."""
        return items.filtered(
            lambda item: any(
                rule._is_applicable_for(item.product_id, rule.min_quantity) for rule in self
            )
        )

    def _trtc_get_day(self, moment):
        """Return the billing day of the company that a moment (naive UTC) belongs to."""
        aware = fields.Datetime.to_datetime(moment).replace(tzinfo=timezone.utc)
        return billing_day(aware, self.env.company._trtc_get_zone())

    def _trtc_get_names(self):
        names = [rule.name for rule in self[:3]]
        return ", ".join([*names, "…"] if len(self) > 3 else names)

    def _trtc_get_price_text(self):
        """Return the price of this rule in words; a fixed one with all its decimals."""
        self.ensure_one()
        if self.compute_price != "fixed":
            return self.price
        return f"{Decimal(repr(self.fixed_price)):f} {self.currency_id.name}"

    def _trtc_describe(self):
        """Return in words what these rules say."""
        texts = []
        for rule in self:
            parts = [rule._trtc_get_price_text()]
            if rule.min_quantity:
                parts.append(self.env._("from a quantity of %(least)s", least=rule.min_quantity))
            if rule.date_start:
                day = self._trtc_get_day(rule.date_start)
                parts.append(self.env._("since %(day)s", day=day))
            if rule.date_end:
                day = self._trtc_get_day(rule.date_end)
                parts.append(self.env._("until %(day)s", day=day))
            texts.append(f"{rule.name}: {', '.join(parts)}")
        return "; ".join(texts)

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
        rule_id = self.base_pricelist_id._get_product_rule(product, float(quantity), date=moment)
        return self.browse(rule_id)._trtc_is_free(product, quantity, moment)
