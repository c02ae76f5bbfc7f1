from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..rating import engine
from ..rating.unknown import UnknownRule
from .exact import QUANTITY_DIGITS, Exact

#: What usage and its settlement rest on: with usage in place these stay as they are.
METERING_FIELDS = ("code", "cycle", "scope", "aggregation", "usage_uom_id", "uom_id")

#: (cycle, scope, aggregation) of the items that minutes of packs can cover.
DRAWING = ("day", "application", "sum")


class TrtcItem(models.Model):
    _name = "trtc.item"
    _description = "TRTC Billing Item"
    _inherit = ["trtc.given", "trtc.catalogue"]
    _order = "sequence, id"
    _rec_names_search = ["name", "code"]

    # === FIELDS === #

    code = fields.Char(required=True, copy=False, help="The word that usage records use.")
    name = fields.Char(related="product_id.name", readonly=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(
        default=1000, help="The order in which free quantities are drawn down."
    )
    product_id = fields.Many2one(
        "product.product",
        required=True,
        ondelete="restrict",
        index=True,
        help="Gives name, taxes, income account, and the unit that prices are stated in.",
    )
    categ_id = fields.Many2one(related="product_id.categ_id", store=True, string="Family")
    feature_id = fields.Many2one(
        "trtc.feature",
        ondelete="restrict",
        index=True,
        help="The feature that an edition must unlock before this item may be used. "
        "Empty: every application may use it.",
    )
    usage_uom_id = fields.Many2one(
        "uom.uom", string="Usage Unit", required=True, ondelete="restrict"
    )
    uom_id = fields.Many2one(
        "uom.uom", string="Billing Unit", required=True, ondelete="restrict"
    )
    cycle = fields.Selection(
        [("day", "Day"), ("month", "Month")],
        required=True,
        default="day",
        help="The period over which usage is summed, rounded up and settled.",
    )
    scope = fields.Selection(
        [("application", "Application"), ("account", "Account")],
        required=True,
        default="application",
        help="Where usage is summed and rounded up.",
    )
    aggregation = fields.Selection(
        [("sum", "Sum"), ("peak", "Peak")], required=True, default="sum"
    )
    block_size = Exact(
        required=True,
        default=1,
        digits=QUANTITY_DIGITS,
        help="Usage units that are billed as a whole: 60 seconds, 1,000 sheets ... "
        "Usage is rounded up to whole blocks.",
    )
    free_quantity = Exact(
        digits=QUANTITY_DIGITS,
        help="Billing units that are free in each period of this item's cycle.",
    )
    free_scope = fields.Selection(
        [("application", "Each application"), ("account", "The account once")],
        required=True,
        default="account",
    )
    pack_ratio = Exact(
        digits=QUANTITY_DIGITS,
        copy=False,
        help="Minutes of a prepaid, included or promotional pack that one billing unit "
        "draws. 0: this item does not draw from packs.",
    )
    free_pack_ratio = Exact(
        string="Free Minutes Ratio",
        digits=QUANTITY_DIGITS,
        copy=False,
        help="Free minutes that one billing unit draws. 0: this item draws no free minutes.",
    )
    can_draw = fields.Boolean(
        compute="_compute_can_draw",
        search="_search_can_draw",
        help="Minutes cover items that are settled by day and application.",
    )
    robot_item_id = fields.Many2one(
        "trtc.item",
        ondelete="restrict",
        help="The item whose duration the robot of such a task uses, for accounts "
        "whose usage feed does not report robots.",
    )

    _code_uniq = models.Constraint(
        "UNIQUE (code)", "There is already a billing item with this code."
    )
    _block_above_zero = models.Constraint(
        "CHECK (block_size > 0)", "The block size must be above zero."
    )
    _free_not_negative = models.Constraint(
        "CHECK (free_quantity >= 0)", "The free quantity cannot be negative."
    )

    _ratios_not_negative = models.Constraint(
        "CHECK (coalesce(pack_ratio, 0) >= 0 AND coalesce(free_pack_ratio, 0) >= 0)",
        "A ratio cannot be negative.",
    )

    # === COMPUTE === #

    @api.depends("cycle", "scope", "aggregation")
    def _compute_can_draw(self):
        for item in self:
            item.can_draw = (item.cycle, item.scope, item.aggregation) == DRAWING

    def _search_can_draw(self, operator, value):
        if operator != "in":
            return NotImplemented
        names = ("cycle", "scope", "aggregation")
        pairs = zip(names, DRAWING, strict=True)
        domain = Domain.AND([(name, "=", wanted)] for name, wanted in pairs)
        return domain if True in value else ~domain

    # === CONSTRAINT === #

    @api.constrains("pack_ratio", "free_pack_ratio", "cycle", "scope", "aggregation")
    def _check_ratios(self):
        self.filtered(lambda item: item.pack_ratio or item.free_pack_ratio)._check_can_draw()

    def _check_can_draw(self):
        """Raise if minutes of packs cannot cover one of these items."""
        for item in self:
            if not item.can_draw:
                raise ValidationError(
                    self.env._(
                        "Billing item %(item)s cannot draw minutes: only items that are settled "
                        "by day, add up usage and are rounded up per application can.",
                        item=item.code,
                    )
                )

    @api.constrains("product_id", "usage_uom_id", "uom_id")
    def _check_units(self):
        for item in self:
            for unit in (item.uom_id, item.product_id.uom_id):
                if item.usage_uom_id._trtc_ratio(unit) is None:
                    raise ValidationError(
                        self.env._(
                            "Billing item %(item)s: the units %(one)s and %(other)s do not "
                            "measure the same thing. Choose units that convert.",
                            item=item.code,
                            one=item.usage_uom_id.name,
                            other=unit.name,
                        )
                    )

    @api.constrains("robot_item_id")
    def _check_robot_item(self):
        for item in self:
            robot = item.robot_item_id
            if robot and (robot.usage_uom_id, robot.cycle, robot.aggregation) != (
                item.usage_uom_id,
                item.cycle,
                "sum",
            ):
                raise ValidationError(
                    self.env._(
                        "Billing item %(item)s: its robot must be billed by an item of the "
                        "same usage unit and cycle that adds up usage.",
                        item=item.code,
                    )
                )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        items = super().create(vals_list)
        self.env["trtc.usage"].sudo()._adopt()
        return items

    def write(self, vals):
        self.check_access("write")
        changed = [name for name in METERING_FIELDS if name in vals]
        if changed and self._has_usage():
            raise UserError(
                self.env._(
                    "This billing item has usage already: its %(fields)s cannot change any "
                    "more. Create an item with another code for what is metered otherwise.",
                    fields=", ".join(self._fields[name].string for name in changed),
                )
            )
        ratios = self._get_own_ratios()
        result = super().write(vals)
        if "code" in vals:
            self.env["trtc.usage"].sudo()._adopt()
        for item, before in ratios.items():
            item._note_for_settlement(before)
        return result

    # === BUSINESS === #

    def _get_own_ratios(self):
        """Return {item: (minutes of a pack, free minutes)} that one billing unit draws."""
        return {item: (item.pack_ratio, item.free_pack_ratio) for item in self}

    def _note_for_settlement(self, before):
        """Have settled again what packs cover by a ratio of this item that has changed.

        :param before: its ratios as they were; see :meth:`_get_own_ratios`
        """
        ratios = zip((False, True), before, self._get_own_ratios()[self], strict=True)
        free = [is_free for is_free, one, two in ratios if one != two]
        if free:
            self.env["trtc.settlement.note"].sudo()._note_own_ratios(self, free)

    def _has_usage(self):
        domain = [("item_id", "in", self.ids)]
        return any(
            self.env[model].sudo().search_count(domain, limit=1)
            for model in ("trtc.usage", "trtc.statement.line")
        )

    def _get_rule(self):
        """Return the metering rule that the rating arithmetic works with."""
        self.ensure_one()
        return engine.Rule(
            code=self.code,
            order=self.sequence,
            cycle=self.cycle,
            scope=self.scope,
            aggregation=self.aggregation,
            unit_size=self._get_unit_size(),
            block_size=Decimal(repr(self.block_size)),
            free_quantity=Decimal(repr(self.free_quantity)),
            free_scope=self.free_scope,
        )

    def _check_metering(self):
        """Raise for an item whose metering rule names what rating does not know.

        Another addon may add a choice to a field; what it means has to be added to rating.
        """
        for item in self:
            try:
                item._get_rule().check()
            except UnknownRule as error:
                raise UserError(self._get_unknown_message(error)) from None

    @api.model
    def _get_unknown_message(self, error):
        """Return the sentence for a rule or price model that rating does not know."""
        if error.what == "mode":
            return self.env._(
                'The price model "%(value)s" is unknown: nothing is billed by it. Correct or '
                "remove the addon that defines it.",
                value=error.value,
            )
        return self.env._(
            'The billing item %(item)s has an unknown "%(field)s", "%(value)s": its usage is not '
            "billed. Correct the item, or the addon that defines this value.",
            item=error.item,
            field=self._fields[error.what]._description_string(self.env),
            value=error.value,
        )

    def _get_unit_size(self):
        """Return how many usage units one billing unit holds, as a Decimal."""
        return self.uom_id._trtc_ratio(self.usage_uom_id)

    @api.model
    def _get_default_ratios(self, free):
        """Return {item: minutes per billing unit} of the items that draw by default.

        :param bool free: whether from free minutes, or from packs
        """
        name = "free_pack_ratio" if free else "pack_ratio"
        items = self.with_context(active_test=False).search([(name, ">", 0)])
        return {item: Decimal(repr(item[name])) for item in items}

    @api.model
    def _get_rules(self):
        """Return ({code: item}, {code: Rule}) of every billing item."""
        items = {
            item.code: item for item in self.with_context(active_test=False).search([])
        }
        return items, {code: item._get_rule() for code, item in items.items()}
