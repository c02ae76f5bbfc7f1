from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class TrtcSubscribe(models.TransientModel):
    """Buy, try or upgrade an edition, after a look at what it comes to.

    What is shown is computed where it is written: ``_get_plan`` of the application,
    ``_get_upgrades`` of the subscription.
    """

    _name = "trtc.subscribe"
    _description = "Buy or Upgrade a TRTC Edition"
    _inherit = ["trtc.given", "trtc.entered"]
    _check_company_auto = True

    # === FIELDS === #

    subscription_id = fields.Many2one(
        "trtc.subscription", readonly=True, ondelete="cascade", help="Upgrade this one."
    )
    application_id = fields.Many2one("trtc.application", required=True, ondelete="cascade")
    account_id = fields.Many2one(related="application_id.account_id")
    currency_id = fields.Many2one(related="account_id.currency_id")
    allowed_edition_ids = fields.Many2many("trtc.edition", compute="_compute_allowed_edition_ids")
    edition_id = fields.Many2one(
        "trtc.edition", required=True, domain="[('id', 'in', allowed_edition_ids)]"
    )
    date_start = fields.Date(
        string="First Day", required=True, default=lambda self: self.env.company._trtc_today()
    )
    renew = fields.Boolean(
        string="Renew Automatically",
        default=True,
        help="At the list price of each renewal, until somebody stops it. Otherwise the "
        "edition ends with the first term.",
    )
    price = fields.Monetary(
        compute="_compute_price",
        store=True,
        readonly=False,
        help="For the first term, without taxes. Renewals are billed at the list price.",
    )
    without_fee = fields.Boolean(
        string="Subscribe without billing the fee",
        help="The edition unlocks its features. No fee is billed, and no minutes are included.",
    )
    is_trial = fields.Boolean(compute="_compute_preview")
    has_fee = fields.Boolean(compute="_compute_preview")
    lacks_price = fields.Boolean(compute="_compute_preview")
    missing_price = fields.Char(compute="_compute_preview")
    list_price = fields.Monetary(compute="_compute_preview")
    term_start = fields.Date(compute="_compute_preview")
    term_end = fields.Date(string="Term", compute="_compute_preview")
    date_end = fields.Date(string="Ends On", compute="_compute_preview")
    minutes = fields.Float(string="Included Minutes", digits=(24, 9), compute="_compute_preview")
    formula = fields.Char(compute="_compute_preview")
    feature_ids = fields.Many2many(
        "trtc.feature", string="Unlocks in Addition", compute="_compute_preview"
    )
    consequence = fields.Char(compute="_compute_preview")
    settled = fields.Char(compute="_compute_preview")
    obstacle = fields.Char(compute="_compute_preview")

    # === COMPUTE === #

    @api.depends("subscription_id")
    def _compute_allowed_edition_ids(self):
        editions = self.env["trtc.edition"].search([("active", "=", True)])
        for wizard in self:
            current = wizard.subscription_id.edition_id
            wizard.allowed_edition_ids = editions.filtered(
                lambda edition, current=current: (
                    not current or (edition.sequence > current.sequence and edition.fee_product_id)
                )
            )

    @api.depends("application_id", "edition_id", "date_start", "renew", "subscription_id")
    def _compute_preview(self):
        for wizard in self:
            wizard.update(dict.fromkeys(self._get_preview_fields(), False))
            edition, day = wizard.edition_id._origin, wizard.date_start
            if not (wizard.application_id and edition and day):
                continue
            application = wizard.application_id._origin
            wizard.is_trial = bool(edition.trial_days) and not wizard.subscription_id
            wizard.has_fee = bool(edition.fee_product_id) and not wizard.is_trial
            wizard.feature_ids = edition.feature_ids - application._get_edition(day).feature_ids
            wizard.settled = wizard._get_settled_hint(application.account_id, day)
            if wizard.subscription_id:
                wizard._preview_upgrade(edition, day)
            else:
                wizard._preview_plan(application, edition, day)

    @api.model
    def _get_preview_fields(self):
        return [name for name, field in self._fields.items() if field.compute == "_compute_preview"]

    def _preview_plan(self, application, edition, day):
        """Show what buying or trying the edition comes to."""
        plan = application._get_plan(edition, day, self.renew)
        self.obstacle = plan.obstacle
        self.term_start, self.term_end, self.date_end = plan.first, plan.last, plan.date_end
        self.lacks_price = self.has_fee and plan.list_price is None
        self.missing_price = self.lacks_price and application._get_missing_price(edition, day)
        self.list_price = plan.list_price or 0
        self.minutes = plan.minutes
        if plan.ends and not plan.obstacle:
            self.consequence = self.env._(
                "%(running)s, which the application holds now, ends the day before.",
                running=plan.ends.edition_id.name,
            )

    def _preview_upgrade(self, edition, day):
        """Show what upgrading to the edition comes to."""
        subscription = self.subscription_id._origin
        try:
            upgrades = subscription._get_upgrades(edition, day)
        except UserError as error:
            self.obstacle = str(error)
            return
        self.term_start, self.term_end = upgrades[0].first, upgrades[-1].last
        self.date_end = subscription.date_end
        self.list_price = upgrades[0].list_price
        self.minutes = sum(upgrade.minutes for upgrade in upgrades)
        self.formula = "; ".join(map(subscription._describe_upgrade, upgrades))
        values = {
            "current": subscription.edition_id.name,
            "date": format_date(self.env, upgrades[-1].last),
        }
        if subscription.company_id.trtc_upgrade_keeps_minutes:
            self.consequence = self.env._(
                "%(current)s ends the day before; what is left of its minutes stays until "
                "%(date)s.",
                **values,
            )
        else:
            self.consequence = self.env._(
                "%(current)s ends the day before, and what is left of its minutes lapses.",
                **values,
            )

    def _get_settled_hint(self, account, day):
        """Return what a first day in the past leads to, or nothing."""
        open_from = account._get_first_unsettled_day()
        if not open_from or day >= open_from:
            return False
        return self.env._(
            "Days from %(date)s on are settled already: the next settlement adjusts them by the "
            "difference.",
            date=format_date(self.env, day),
        )

    @api.depends("application_id", "edition_id", "date_start", "subscription_id")
    def _compute_price(self):
        for wizard in self:
            wizard.price = wizard._get_price()

    def _get_price(self):
        """Return the price of the first term as the pricelist has it."""
        edition, day = self.edition_id._origin, self.date_start
        if not (self.application_id and edition and day):
            return 0
        if not self.subscription_id:
            return self.application_id._origin._get_plan(edition, day).list_price or 0
        try:
            upgrades = self.subscription_id._origin._get_upgrades(edition, day)
            return sum(upgrade.price for upgrade in upgrades)
        except UserError:
            return 0

    # === ACTION === #

    def action_subscribe(self):
        """Write what was shown; open the subscription."""
        self._check_one()
        subscription = self._upgrade() if self.subscription_id else self._subscribe()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Subscription"),
            "res_model": "trtc.subscription",
            "res_id": subscription.id,
            "view_mode": "form",
            "views": [(False, "form")],
        }

    # === BUSINESS === #

    def _upgrade(self):
        self.subscription_id.check_access("write")
        # The rights are checked: fees are made by these methods only.
        subscription = self.subscription_id.sudo()._upgrade(self.edition_id, self.date_start)
        return subscription.with_env(self.env)

    def _subscribe(self):
        if self.lacks_price and not self.without_fee:
            raise UserError(
                self.env._(
                    '%(reason)s Add a rule for it, or tick "Subscribe without billing the fee".',
                    reason=self.missing_price,
                )
            )
        billed = self.has_fee and not self.lacks_price
        return self.application_id._subscribe(
            self.edition_id,
            self.date_start,
            renew=self.renew,
            price=Decimal(repr(self.price)) if billed else None,
            bill=billed,
        )
