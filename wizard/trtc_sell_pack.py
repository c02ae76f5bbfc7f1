from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import format_date

from ..models.exact import PRICE_DIGITS


class TrtcSellPack(models.TransientModel):
    """Sell minutes to an account, after a look at what they cost.

    What is shown is computed where it is written: ``_get_pack_offer`` of the account.
    """

    _name = "trtc.sell.pack"
    _description = "Sell TRTC Minutes"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    account_id = fields.Many2one("trtc.account", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="account_id.currency_id")
    application_id = fields.Many2one(
        "trtc.application",
        string="Only for Application",
        domain="[('account_id', '=', account_id)]",
        ondelete="cascade",
    )
    kind = fields.Selection(
        [("prepaid", "Prepaid"), ("promo", "Promotional")], required=True, default="prepaid"
    )
    size = fields.Selection(
        [
            ("25000", "25,000 min"),
            ("250000", "250,000 min"),
            ("1000000", "1,000,000 min"),
            ("3000000", "3,000,000 min"),
            ("custom", "Another quantity"),
        ],
        required=True,
        default="25000",
    )
    minutes = fields.Integer(compute="_compute_minutes", store=True, readonly=False)
    date_start = fields.Date(
        string="From",
        required=True,
        default=lambda self: self.env.company._trtc_today(),
        help="The pack covers usage from 00:00 of this day on, in billing time.",
    )
    date_end = fields.Date(string="Valid Until", compute="_compute_preview")
    has_price = fields.Boolean(compute="_compute_preview")
    list_price = fields.Float(
        string="Price per 1,000 min", digits=PRICE_DIGITS, compute="_compute_preview"
    )
    list_amount = fields.Monetary(string="List Price", compute="_compute_preview")
    amount = fields.Monetary(
        string="Price",
        compute="_compute_amount",
        store=True,
        readonly=False,
        help="Without taxes.",
    )
    item_ids = fields.Many2many(
        "trtc.item",
        string="Covers",
        compute="_compute_preview",
        help="The billing items with a ratio for packs; others are billed as ever.",
    )
    settled = fields.Char(compute="_compute_preview")
    obstacle = fields.Char(compute="_compute_preview")

    # === COMPUTE === #

    @api.depends("size")
    def _compute_minutes(self):
        for wizard in self:
            if wizard.size and wizard.size != "custom":
                wizard.minutes = int(wizard.size)

    @api.depends("account_id", "minutes", "date_start", "kind")
    def _compute_preview(self):
        for wizard in self:
            offer, account = wizard._get_offer(), wizard.account_id._origin
            wizard.has_price = bool(offer and offer.amount is not None)
            wizard.date_end = offer and offer.last
            wizard.list_price = (wizard.has_price and offer.price) or 0
            wizard.list_amount = (wizard.has_price and offer.amount) or 0
            ratios = self.env["trtc.item"]._get_default_ratios(free=False)
            wizard.item_ids = self.env["trtc.item"].union(*ratios)
            wizard.settled = offer and wizard._get_settled_hint()
            wizard.obstacle = False
            if offer and wizard.kind == "prepaid" and not wizard.has_price:
                wizard.obstacle = account._get_missing_pack_price(wizard.date_start)

    @api.depends("account_id", "minutes", "date_start", "kind")
    def _compute_amount(self):
        for wizard in self:
            if wizard.kind == "prepaid":
                offer = wizard._get_offer()
                wizard.amount = (offer and offer.amount) or 0

    def _get_offer(self):
        if not (self.account_id and self.date_start and self.minutes > 0):
            return None
        return self.account_id._origin._get_pack_offer(self.minutes, self.date_start)

    def _get_settled_hint(self):
        """Return what a first day in the past leads to, or nothing."""
        open_from = self.account_id._origin._get_first_unsettled_day()
        if not open_from or self.date_start >= open_from:
            return False
        return self.env._(
            "Days from %(date)s on are settled already: the next settlement covers their usage "
            "by these minutes, and adjusts what was billed.",
            date=format_date(self.env, self.date_start),
        )

    # === ACTION === #

    def action_sell(self):
        """Sell the minutes; open the pack."""
        self._check_one()
        pack = self.account_id._sell_pack(
            self.minutes,
            self.date_start,
            application=self.application_id,
            kind=self.kind,
            amount=Decimal(repr(self.amount)),
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Minute Pack"),
            "res_model": "trtc.minute.pack",
            "res_id": pack.id,
            "view_mode": "form",
            "views": [(False, "form")],
        }
