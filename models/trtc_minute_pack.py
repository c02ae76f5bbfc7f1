from datetime import date, timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, float_compare, format_date

from ..rating import drawdown
from .exact import QUANTITY_DIGITS, Exact
from .figures import show_figure
from .markers import RATING

#: What decides how usage draws: a change lets the days concerned be settled again.
DRAWING_FIELDS = {"minutes", "date_start", "date_end", "ratio_table_id", "active"}
#: With minutes drawn these stay as they are.
FIXED_FIELDS = {"account_id", "application_id", "kind", "policy_id", "fee_id"}


class TrtcMinutePack(models.Model):
    """Minutes that usage draws down before it is billed."""

    _name = "trtc.minute.pack"
    _description = "TRTC Minute Pack"
    _order = "date_start desc, id desc"
    _inherit = ["trtc.given", "trtc.kept", "trtc.entered", "trtc.thread", "mail.activity.mixin"]
    _check_company_auto = True

    # === FIELDS === #

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    account_id = fields.Many2one(
        "trtc.account", required=True, ondelete="restrict", index=True, check_company=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    commercial_partner_id = fields.Many2one(
        "res.partner",
        compute="_compute_commercial_partner_id",
        store=True,
        precompute=True,
        index=True,
        ondelete="restrict",
    )
    application_id = fields.Many2one(
        "trtc.application",
        ondelete="restrict",
        index="btree_not_null",
        check_company=True,
        domain="[('account_id', '=', account_id)]",
        help="The only application whose usage draws from this pack. Empty: all of the account.",
    )
    kind = fields.Selection(
        [
            ("free", "Free minutes"),
            ("edition", "Included in an edition"),
            ("prepaid", "Prepaid"),
            ("promo", "Promotional"),
        ],
        required=True,
        default="promo",
    )
    minutes = Exact(required=True, digits=QUANTITY_DIGITS, tracking=True)
    minutes_drawn = Exact(
        digits=QUANTITY_DIGITS, compute="_compute_minutes_drawn", store=True, string="Drawn"
    )
    minutes_left = Exact(
        digits=QUANTITY_DIGITS, compute="_compute_minutes_left", string="Left"
    )
    percent_left = fields.Float(compute="_compute_minutes_left", string="Left (%)")
    date_start = fields.Date(
        required=True,
        tracking=True,
        default=lambda self: self.env.company._trtc_today(),
        help="The first day whose usage draws: all of it, from 00:00 in billing time.",
    )
    date_end = fields.Date(
        required=True, tracking=True, help="The last day; what is left then lapses."
    )
    ratio_table_id = fields.Many2one(
        "trtc.ratio.table",
        string="Deduction Ratios",
        ondelete="restrict",
        groups="base.group_user",
        help="Empty: the ratios of the billing items.",
    )
    policy_id = fields.Many2one(
        "trtc.free.policy", readonly=True, ondelete="restrict", groups="base.group_user"
    )
    fee_id = fields.Many2one(
        "trtc.fee",
        readonly=True,
        copy=False,
        ondelete="restrict",
        groups="base.group_user",
        help="The fee that paid for the pack.",
    )
    subscription_id = fields.Many2one(
        related="fee_id.subscription_id", store=True, index=True, groups="base.group_user"
    )
    draw_ids = fields.One2many("trtc.pack.draw", "pack_id", readonly=True)
    draw_count = fields.Integer(compute="_compute_draw_count")
    state = fields.Selection(
        [
            ("future", "Not in Use"),
            ("running", "In Use"),
            ("used", "Run Out"),
            ("expired", "Expired"),
            ("refunded", "Refunded"),
        ],
        compute="_compute_state",
        search="_search_state",
        # What day it is says the company, whose settings are not for customers.
        compute_sudo=True,
    )
    refunded = fields.Boolean(readonly=True, copy=False)
    alert_percent = fields.Integer(
        string="Alert at (%)",
        default=20,
        groups="base.group_user",
        help="The salesperson is told when so many percent are left; once each time that the "
        "balance falls below. 0: never.",
    )
    alerted = fields.Boolean(readonly=True, copy=False, groups="base.group_user")
    # Notes of the staff: a customer could search by what they say.
    message_ids = fields.One2many(groups="base.group_user")
    website_message_ids = fields.One2many(groups="base.group_user")

    _dates_ordered = models.Constraint(
        "CHECK (date_end >= date_start)", "A pack cannot end before it starts."
    )
    _drawn_within = models.Constraint(
        "CHECK (minutes >= 0 AND coalesce(minutes_drawn, 0) >= 0"
        " AND coalesce(minutes_drawn, 0) <= minutes)",
        "No more minutes can be drawn from a pack than it holds.",
    )
    _alert_is_percent = models.Constraint(
        "CHECK (alert_percent >= 0 AND alert_percent <= 99)",
        "The alert is a whole percentage from 0 to 99.",
    )
    _fee_once = models.UniqueIndex(
        "(fee_id) WHERE fee_id IS NOT NULL", "A fee pays for one pack only."
    )
    # Two cycles of free minutes never overlap: no run grants a cycle twice.
    _free_once = models.Constraint(
        "EXCLUDE USING gist (int4range(account_id, account_id, '[]'::text) WITH &&,"
        " daterange(date_start, date_end, '[]'::text) WITH &&)"
        " WHERE (kind = 'free')",
        "The account has free minutes on these days already.",
    )

    # === COMPUTE === #

    @api.depends("account_id")
    def _compute_commercial_partner_id(self):
        for pack in self:
            account, last = pack.account_id, pack.date_end or date.max
            pack.commercial_partner_id = account._get_customer_on(last) if account else False

    @api.depends("draw_ids.minutes")
    def _compute_minutes_drawn(self):
        groups = self.env["trtc.pack.draw"]._read_group(
            [("pack_id", "in", self.ids)], ["pack_id"], ["minutes:sum"]
        )
        drawn = {pack.id: minutes for pack, minutes in groups}
        for pack in self:
            pack.minutes_drawn = drawn.get(pack._origin.id, 0.0)

    @api.depends("minutes", "minutes_drawn")
    def _compute_minutes_left(self):
        for pack in self:
            pack.minutes_left = pack.minutes - pack.minutes_drawn
            pack.percent_left = 100 * pack.minutes_left / pack.minutes if pack.minutes else 0

    def _compute_draw_count(self):
        groups = self.env["trtc.pack.draw"]._read_group(
            [("pack_id", "in", self.ids)], ["pack_id"], ["__count"]
        )
        counts = {pack.id: count for pack, count in groups}
        for pack in self:
            pack.draw_count = counts.get(pack.id, 0)

    @api.depends("date_start", "date_end", "minutes", "minutes_drawn", "refunded")
    def _compute_state(self):
        for pack in self:
            today = (pack.company_id or self.env.company)._trtc_today()
            if pack.refunded:
                pack.state = "refunded"
            elif pack.date_end and pack.date_end < today:
                pack.state = "expired"
            elif float_compare(pack.minutes_left, 0, precision_digits=9) <= 0:
                pack.state = "used"
            elif pack.date_start and pack.date_start > today:
                pack.state = "future"
            else:
                pack.state = "running"

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        self.flush_model()
        known = dict(self._fields["state"].selection)
        # Each company has days of its own.
        companies = self.env["res.company"].sudo().with_context(active_test=False)
        companies = companies.search_fetch([], ["trtc_billing_tz"])
        query = SQL(
            """(
                SELECT pack.id FROM trtc_minute_pack pack
                  JOIN unnest(%(companies)s::int[], %(days)s::date[]) AS today(company_id, day)
                    ON today.company_id = pack.company_id
                 WHERE CASE WHEN pack.refunded THEN 'refunded'
                            WHEN pack.date_end < today.day THEN 'expired'
                            WHEN coalesce(pack.minutes_drawn, 0) >= pack.minutes THEN 'used'
                            WHEN pack.date_start > today.day THEN 'future'
                            ELSE 'running' END = ANY(%(states)s)
            )""",
            companies=companies.ids,
            days=[company._trtc_today() for company in companies],
            states=[one for one in value if isinstance(one, str) and one in known],
        )
        return [("id", "in", query)]

    # === CONSTRAINT === #

    @api.constrains("account_id", "application_id")
    def _check_application(self):
        for pack in self:
            if pack.application_id and pack.application_id.account_id != pack.account_id:
                raise ValidationError(
                    self.env._(
                        "%(application)s does not belong to %(account)s: choose an application "
                        "of the pack's own account.",
                        application=pack.application_id.display_name,
                        account=pack.account_id.display_name,
                    )
                )

    @api.constrains("minutes")
    def _check_minutes(self):
        for pack in self:
            if float_compare(pack.minutes, pack.minutes_drawn, precision_digits=9) < 0:
                raise ValidationError(
                    self.env._(
                        "%(drawn)s minutes of %(pack)s are drawn already: it cannot hold fewer.",
                        drawn=show_figure(self.env, pack.minutes_drawn),
                        pack=pack.display_name,
                    )
                )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        packs = super().create(vals_list)
        # What grants them rates their days.
        if self.env.context.get("trtc_rating") is not RATING:
            packs._note_for_settlement()
        return packs

    def write(self, vals):
        self.check_access("write")
        drawn = self.filtered("minutes_drawn")
        if drawn and FIXED_FIELDS & set(vals):
            raise UserError(
                self.env._(
                    "Minutes of %(pack)s are drawn already: its account, application and kind "
                    "stay as they are.",
                    pack=drawn[0].display_name,
                )
            )
        changes = DRAWING_FIELDS & set(vals) or FIXED_FIELDS & set(vals)
        if changes:
            self._note_for_settlement()
        result = super().write(vals)
        if "account_id" in vals:
            # Rules are checked before only, when the company was still the old one.
            self.check_access("write")
        if changes:
            self._note_for_settlement()
        return result

    def _check_deletable(self):
        super()._check_deletable()
        for pack in self:
            if pack.sudo().draw_ids or pack.fee_id:
                raise UserError(
                    self.env._(
                        "%(pack)s was sold or drawn from: it cannot be deleted. Archive it to "
                        "let it serve no further; what it covered is then settled again.",
                        pack=pack.display_name,
                    )
                )

    # === ACTION === #

    def action_open_draws(self):
        return self.account_id._action_open("trtc_pack_draw_action", [("pack_id", "in", self.ids)])

    # === BUSINESS === #

    def _get_customer_name(self):
        """Return the name of this pack as a sentence for customers takes it."""
        self.ensure_one()
        span = {
            "first": format_date(self.env, self.date_start),
            "last": format_date(self.env, self.date_end),
        }
        if self.kind == "free":
            return self.env._("the free minutes of %(first)s to %(last)s", **span)
        return self.env._(
            "the pack \"%(name)s\" of %(first)s to %(last)s", name=self.name, **span
        )

    def _get_order(self):
        """Return the sort key of the order in which usage turns to packs; see rating."""
        self.ensure_one()
        return (
            self.kind != "free", not self.application_id, self.date_end, self.date_start, self.id
        )  # fmt: skip

    def _get_ratios(self):
        """Return {item: minutes per billing unit} of the items that draw from this pack."""
        self.ensure_one()
        table = self.ratio_table_id or self.policy_id.ratio_table_id
        if table:
            return table._get_ratios()
        return self.env["trtc.item"]._get_default_ratios(free=self.kind == "free")

    def _get_pool(self, drawn):
        """Return this pack as rating takes it.

        :param Decimal drawn: minutes drawn before the days that are to rate
        """
        self.ensure_one()
        return drawdown.Pool(
            key=self.id,
            minutes=Decimal(repr(self.minutes)) - drawn,
            first=self.date_start,
            last=self.date_end,
            ratios={item.code: ratio for item, ratio in self._get_ratios().items()},
            kind=drawdown.FREE if self.kind == "free" else drawdown.PACK,
            application=self.application_id.sdkappid or None,
        )

    def _end_before(self, day):
        """Let what is left of these packs lapse before a day."""
        for pack in self.filtered(lambda pack: pack.date_end >= day):
            # Also for who may not shorten what was sold: an upgrade or a refund does.
            pack.sudo().date_end = max(day - timedelta(days=1), pack.date_start)

    def _note_for_settlement(self):
        """Have the usage that may draw from these packs settled again."""
        notes = self.env["trtc.settlement.note"].sudo()
        for pack in self.sudo():
            notes._note_items(
                pack.account_id,
                pack.application_id,
                self.env["trtc.item"].union(*pack._get_ratios()),
                pack.date_start,
                pack.date_end,
            )

    def _follow_customer(self):
        """Give packs that have not expired to the customer to whom their account moved."""
        self._compute_commercial_partner_id()

    def _check_balance(self):
        """Tell the salesperson of packs whose balance fell below the alert, once."""
        for pack in self:
            low = pack.alert_percent and pack.percent_left <= pack.alert_percent
            if low and not pack.alerted and not pack.refunded:
                pack.sudo().alerted = True
                pack._send_alert()
            elif not low and pack.alerted:
                pack.sudo().alerted = False

    def _send_alert(self):
        """Tell that the balance of this pack is low."""
        self.ensure_one()
        text = self.env._(
            "%(left)s of %(minutes)s minutes are left (%(percent)s %%), until %(date)s.",
            left=show_figure(self.env, self.minutes_left),
            minutes=show_figure(self.env, self.minutes),
            percent=show_figure(self.env, round(self.percent_left, 1)),
            date=format_date(self.env, self.date_end),
        )
        self.message_post(body=text)
        if self.account_id.user_id:
            self.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=self.env._("Low balance: %(pack)s", pack=self.name),
                note=text,
                date_deadline=self.company_id._trtc_today(),
                user_id=self.account_id.user_id.id,
            )
