from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.exact import PRICE_DIGITS
from ..rating.periods import day_start

#: {kind of rule: the fields that say its price}
VALUES = {
    "fixed": ["fixed_price"],
    "percentage": ["percent_price"],
    "formula": ["price_discount", "price_surcharge"],
}


class TrtcPriceChange(models.TransientModel):
    """Let another price of a contract begin on a day.

    A day that is settled takes a reason and a tick: it leads to adjustments.
    """

    _name = "trtc.price.change"
    _description = "Change a Price of TRTC Services"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    rule_id = fields.Many2one(
        "product.pricelist.item", required=True, readonly=True, ondelete="cascade"
    )
    pricelist_id = fields.Many2one(related="rule_id.pricelist_id")
    currency_id = fields.Many2one(related="rule_id.currency_id")
    compute_price = fields.Selection(related="rule_id.compute_price")
    date_start = fields.Date(
        string="From",
        required=True,
        compute="_compute_date_start",
        store=True,
        readonly=False,
        help="The first billing day of the new price. The rule ends the moment before, and a "
        "new one begins.",
    )
    fixed_price = fields.Float(
        string="New Price",
        digits=PRICE_DIGITS,
        compute="_compute_fixed_price",
        store=True,
        readonly=False,
    )
    percent_price = fields.Float(
        string="New Discount (%)", compute="_compute_percent_price", store=True, readonly=False
    )
    price_discount = fields.Float(
        string="New Formula Discount (%)",
        compute="_compute_price_discount",
        store=True,
        readonly=False,
    )
    price_surcharge = fields.Float(
        string="New Extra Fee",
        digits=PRICE_DIGITS,
        compute="_compute_price_surcharge",
        store=True,
        readonly=False,
    )
    reason = fields.Char(help="Kept with the pricelist.")
    adjust_settled = fields.Boolean(
        help="The next settlement corrects the settled days by the difference, visibly."
    )
    old_price = fields.Char(compute="_compute_old_price")
    min_quantity = fields.Float(
        related="rule_id.min_quantity", help="The step: the rule holds from so many units on."
    )
    unit = fields.Char(compute="_compute_unit", help="What one unit of the price is.")
    account_ids = fields.Many2many(
        "trtc.account", string="Accounts Concerned", compute="_compute_preview"
    )
    settled_from = fields.Date(compute="_compute_preview")
    settled_to = fields.Date(compute="_compute_preview")
    settled_days = fields.Integer(compute="_compute_preview")
    settled_lines = fields.Integer(
        compute="_compute_preview", help="Lines of statements that are adjusted."
    )

    # === COMPUTE === #

    @api.depends("rule_id")
    def _compute_date_start(self):
        for wizard in self:
            rule, day = wizard.rule_id, self.env.company._trtc_today()
            if rule:
                accounts = wizard._get_accounts(day)
                day = rule.pricelist_id._trtc_get_first_open_day(accounts)
                if rule.date_start:
                    day = max(day, rule._trtc_get_day(rule.date_start))
            wizard.date_start = day

    # One method each: of those that share one, a caller would have to give all or none.

    @api.depends("rule_id")
    def _compute_fixed_price(self):
        for wizard in self:
            wizard.fixed_price = wizard.rule_id.fixed_price

    @api.depends("rule_id")
    def _compute_percent_price(self):
        for wizard in self:
            wizard.percent_price = wizard.rule_id.percent_price

    @api.depends("rule_id")
    def _compute_price_discount(self):
        for wizard in self:
            wizard.price_discount = wizard.rule_id.price_discount

    @api.depends("rule_id")
    def _compute_price_surcharge(self):
        for wizard in self:
            wizard.price_surcharge = wizard.rule_id.price_surcharge

    @api.depends("rule_id")
    def _compute_old_price(self):
        for wizard in self:
            wizard.old_price = wizard.rule_id and wizard.rule_id._trtc_get_price_text()

    @api.depends("rule_id")
    def _compute_unit(self):
        for wizard in self:
            rule = wizard.rule_id
            unit = rule.product_id.uom_id or rule.product_tmpl_id.uom_id
            wizard.unit = unit and self.env._("per %(unit)s", unit=unit.name)

    @api.depends("rule_id", "date_start")
    def _compute_preview(self):
        for wizard in self:
            settled = wizard._get_settled() if wizard.rule_id and wizard.date_start else {}
            settled = wizard._filter_visible(settled)
            days = {day for _account, _item, day in settled}
            accounts = self.env["trtc.account"].union(*(key[0] for key in settled))
            if wizard.rule_id and wizard.date_start:
                accounts |= wizard._get_accounts(wizard.date_start)
            wizard.account_ids = accounts.sudo(False)._filtered_access("read")
            wizard.settled_from = min(days, default=False)
            wizard.settled_to = max(days, default=False)
            wizard.settled_days = len(days)
            wizard.settled_lines = sum(settled.values())

    # === ACTION === #

    def action_change(self):
        """Change the price; say what is to be adjusted if the day reaches back."""
        self._check_one()
        self.check_access("write")
        self.rule_id._trtc_check_shared()
        if not (self.adjust_settled and (self.reason or "").strip()):
            self._check_nothing_settled()
        self.rule_id._trtc_change_price(
            self.date_start, self._get_new_values(), self.reason or "", self.adjust_settled
        )
        return {"type": "ir.actions.act_window_close"}

    # === BUSINESS === #

    def _check_nothing_settled(self):
        """Raise if settled days would be adjusted; lines are counted that the user may see."""
        settled = self._get_settled()
        visible = self._filter_visible(settled)
        if not settled:
            return
        if not visible:
            raise UserError(
                self.env._(
                    "Settled days of accounts that you do not see would be adjusted: choose a "
                    "later day, or select all companies that have this pricelist.",
                )
            )
        values = {
            "lines": sum(visible.values()),
            "first": min(day for _account, _item, day in visible),
            "last": max(day for _account, _item, day in visible),
        }
        if len(visible) < len(settled):
            raise UserError(
                self.env._(
                    "%(lines)s lines of settled days from %(first)s to %(last)s, and others that "
                    'you do not see, would be adjusted: give the reason and tick "Adjust settled '
                    'days", or choose a later day.',
                    **values,
                )
            )
        raise UserError(
            self.env._(
                "%(lines)s lines of settled days from %(first)s to %(last)s would be "
                'adjusted: give the reason and tick "Adjust settled days", or choose a '
                "later day.",
                **values,
            )
        )

    def _filter_visible(self, settled):
        """Return what is settled of the accounts that the user may read."""
        accounts = self.env["trtc.account"].union(*{account for account, _item, _day in settled})
        visible = set(accounts.sudo(False)._filtered_access("read").ids)
        return {key: count for key, count in settled.items() if key[0].id in visible}

    def _get_new_values(self):
        """Return the values of the new price, in the fields of the rule's own kind."""
        values = {name: self[name] for name in VALUES[self.compute_price]}
        if values.get("fixed_price", 0) < 0:
            raise UserError(self.env._("A price cannot be negative: enter zero or more."))
        if all(self.rule_id[name] == value for name, value in values.items()):
            raise UserError(self.env._("The new price is the old one: enter another."))
        return values

    def _get_rule(self):
        """Return the rule with the rights to see all that rests on it, if the user may see it."""
        rule = self.rule_id._origin
        rule.check_access("read")
        return rule.sudo()

    def _get_accounts(self, day):
        """Return the accounts that have usage priced by the rule on a day."""
        rule = self._get_rule()
        accounts, _lists = rule.pricelist_id._trtc_get_holders()
        items = self.env["trtc.item"].sudo().search([("active", "=", True)])
        products = rule._trtc_filter_items(items).product_id if accounts else []
        known = {}

        def concerned(account):
            pricelist = account._get_pricelist(day).with_company(account.company_id)
            if pricelist not in known:
                moment = pricelist._trtc_price_moment(day, account.company_id._trtc_get_zone())
                known[pricelist] = any(
                    pricelist._trtc_rests_on(rule, product, moment) for product in products
                )
            return known[pricelist]

        return accounts.filtered(concerned)

    def _get_settled(self):
        """Return {(account, item, day): lines} of settled days from the chosen one on."""
        rule = self._get_rule()
        zone = self.env.company._trtc_get_zone()
        start = day_start(self.date_start, zone).replace(tzinfo=None)
        days = rule.pricelist_id._trtc_get_settled_days(rule, start, rule.date_end or None)
        found = {}
        for (pricelist, company), keys in days.items():
            found.update(self._filter_resting(rule, pricelist.with_company(company), keys, start))
        return found

    def _filter_resting(self, rule, pricelist, keys, start):
        """Return those settled days, from a moment on, whose price rests on the rule."""
        zone = pricelist.env.company._trtc_get_zone()
        found = {}
        for span in pricelist._trtc_get_spans({day for _account, _item, day in keys}):
            moment = pricelist._trtc_price_moment(span[0], zone)
            span = {day for day in span if pricelist._trtc_price_moment(day, zone) >= start}
            inside = {key: count for key, count in keys.items() if key[2] in span}
            items = {item for _account, item, _day in inside}
            resting = {
                item for item in items if pricelist._trtc_rests_on(rule, item.product_id, moment)
            }
            found.update({key: count for key, count in inside.items() if key[1] in resting})
        return found
