from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..rating import facts
from .days import read_day


class TrtcApplication(models.Model):
    _name = "trtc.application"
    _description = "TRTC Application"
    _order = "account_id, sdkappid, id"
    _inherit = [
        "trtc.given",
        "trtc.entered",
        "trtc.thread",
        "mail.activity.mixin",
        "analytic.mixin",
    ]
    _rec_names_search = ["name", "sdkappid"]
    _check_company_auto = True

    # === FIELDS === #

    name = fields.Char(required=True, tracking=True)
    sdkappid = fields.Char(
        string="SDKAppID", required=True, copy=False, tracking=True, index=True
    )
    active = fields.Boolean(default=True)
    account_id = fields.Many2one(
        "trtc.account",
        required=True,
        ondelete="restrict",
        index=True,
        tracking=True,
        check_company=True,
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    commercial_partner_id = fields.Many2one(
        related="account_id.commercial_partner_id", store=True
    )
    subscription_ids = fields.One2many("trtc.subscription", "application_id")
    edition_id = fields.Many2one(
        "trtc.edition",
        string="Edition Today",
        compute="_compute_edition_id",
        compute_sudo=True,
        search="_search_edition_id",
        help="The edition of the subscription that holds today, in billing time.",
    )
    # What the company books where is none of a customer's business.
    analytic_distribution = fields.Json(groups="base.group_user")
    distribution_analytic_account_ids = fields.Many2many(groups="base.group_user")
    # Notes of the staff: a customer could search by what they say.
    message_ids = fields.One2many(groups="base.group_user")
    website_message_ids = fields.One2many(groups="base.group_user")
    usage_count = fields.Integer(
        compute="_compute_usage_count",
        help="Usage records that statements count: not those that were replaced, wait for a "
        "decision, or were ignored.",
    )
    line_count = fields.Integer(string="Statement Lines", compute="_compute_line_count")

    _sdkappid_uniq = models.Constraint(
        "UNIQUE (company_id, sdkappid)",
        "There is already an application with this SDKAppID in the company.",
    )

    # === COMPUTE === #

    @api.depends("name", "sdkappid")
    def _compute_display_name(self):
        for application in self:
            application.display_name = (
                f"{application.name} ({application.sdkappid})"
                if application.sdkappid
                else application.name
            )

    @api.depends(
        "subscription_ids.edition_id",
        "subscription_ids.date_start",
        "subscription_ids.date_end",
        "company_id",
    )
    def _compute_edition_id(self):
        for application in self:
            company = application.company_id or self.env.company
            application.edition_id = application._get_edition(company._trtc_today())

    def _search_edition_id(self, operator, value):
        if operator not in ("in", "any", "any!"):
            return NotImplemented
        today = self.env.company._trtc_today()
        running = [
            ("date_start", "<=", today),
            "|",
            ("date_end", "=", False),
            ("date_end", ">=", today),
        ]
        if operator != "in":
            return [("subscription_ids", "any", [("edition_id", operator, value), *running])]
        domain = [("subscription_ids", "any", [("edition_id", "in", value), *running])]
        if False in value:
            domain = ["|", ("subscription_ids", "not any", running), *domain]
        return domain

    def _compute_usage_count(self):
        groups = self.env["trtc.usage"]._read_group(
            [("application_id", "in", self.ids), *self.env["trtc.usage"]._get_counted_domain()],
            ["application_id"],
            ["__count"],
        )
        counts = {application.id: count for application, count in groups}
        for application in self:
            application.usage_count = counts.get(application.id, 0)

    def _compute_line_count(self):
        groups = self.env["trtc.statement.line"]._read_group(
            [("application_id", "in", self.ids)], ["application_id"], ["__count"]
        )
        counts = {application.id: count for application, count in groups}
        for application in self:
            application.line_count = counts.get(application.id, 0)

    # === CONSTRAINT === #

    @api.constrains("sdkappid")
    def _check_sdkappid(self):
        for application in self:
            if not (application.sdkappid.isascii() and application.sdkappid.isdigit()):
                raise ValidationError(
                    self.env._(
                        "%(sdkappid)s is no SDKAppID: it consists of digits only, for "
                        "instance 1400000001.",
                        sdkappid=application.sdkappid,
                    )
                )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        applications = super().create([self._clean_sdkappid(vals) for vals in vals_list])
        self.env["trtc.usage"].sudo()._adopt()
        return applications

    def write(self, vals):
        self.check_access("write")
        vals = self._clean_sdkappid(vals)
        if {"sdkappid", "account_id"} & set(vals):
            self._check_no_usage(vals)
        result = super().write(vals)
        if "account_id" in vals:
            # Rules are checked before only, when the company was still the old one.
            self.check_access("write")
        if "sdkappid" in vals:
            self.env["trtc.usage"].sudo()._adopt()
        return result

    def _clean_sdkappid(self, vals):
        """Return values with the SDKAppID as its digits, as usage records are read.

        An application that is there keeps its SDKAppID, even if it looks like none.

        :raise ValidationError: for what is no SDKAppID
        """
        if not vals.get("sdkappid"):
            return vals
        known = set(self.mapped("sdkappid"))
        try:
            return {**vals, "sdkappid": facts.read_sdkappid(vals["sdkappid"], known=known)}
        except facts.FactError as error:
            label = self._fields["sdkappid"]._description_string(self.env)
            error.field = label
            raise ValidationError(self.env["trtc.usage"]._get_fact_message(error)) from None

    def _check_no_usage(self, vals):
        for application in self:
            same = all(
                application._fields[name].convert_to_write(application[name], application)
                == vals[name]
                for name in ("sdkappid", "account_id")
                if name in vals
            )
            if not same and application._has_usage():
                raise UserError(
                    self.env._(
                        "%(application)s has usage already: neither its SDKAppID nor its "
                        "account can change any more.",
                        application=application.display_name,
                    )
                )

    def _has_usage(self):
        domain = [("application_id", "in", self.ids)]
        return any(
            self.env[model].sudo().search_count(domain, limit=1)
            for model in ("trtc.usage", "trtc.statement.line")
        )

    # === ACTION === #

    def action_open_usage(self):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "trtc_billing.trtc_usage_action"
        )
        action["domain"] = [("application_id", "in", self.ids)]
        action["context"] = {"search_default_counted": 1}
        return action

    def action_open_lines(self):
        return self.account_id._action_open(
            "trtc_statement_line_action", [("application_id", "in", self.ids)]
        )

    # === BUSINESS === #

    def is_unlocked(self, feature_code, on=None):
        """Tell whether this application may use a feature on a day.

        It may if its edition of that day unlocks the feature and it is not suspended.

        :param str feature_code: code of a ``trtc.feature``
        :param on: a date or ISO string; default today, in billing time
        :rtype: bool
        :raise UserError: if there is no such feature or no such day
        """
        self._check_one()
        feature = self.env["trtc.feature"].sudo()
        if isinstance(feature_code, str) and feature_code.isprintable():
            feature = feature.search([("code", "=", feature_code)])
        if not feature:
            raise UserError(
                self.env._(
                    "There is no feature with the code %(code)s. The codes are listed "
                    "under TRTC Billing / Configuration / Editions / Features.",
                    code=repr(feature_code)[:100],
                )
            )
        application = self.sudo()
        if on in (None, False, ""):
            day = application.company_id._trtc_today()
        else:
            day = read_day(self.env, on)
        return not application._is_suspended_on(day) and application._unlocks(feature, day)

    def _unlocks(self, feature, day):
        """Tell whether the edition that holds on ``day`` unlocks ``feature``.

        Suspensions are not looked at: what was used all the same is billed.
        """
        return self._get_edition(day)._unlocks(feature)

    def _get_edition(self, day):
        """Return the edition that this application holds on ``day``, or none."""
        return self._get_subscription(day).edition_id

    def _get_subscription(self, day):
        """Return the subscription that holds on ``day``, or none."""
        self.ensure_one()
        return self.subscription_ids.filtered(
            lambda subscription: subscription.date_start
            and subscription.date_start <= day
            and (not subscription.date_end or subscription.date_end >= day)
        )[:1]

    def _start_edition(self, edition, day):
        """Let these applications hold ``edition`` from ``day`` on.

        The subscription that runs on that day ends the day before, and the new one ends
        when that one would have ended; one that starts on the day changes its edition; a
        later one stays and bounds the new one. A subscription whose term is paid is upgraded:
        see ``_upgrade`` there, which says why if the edition is no higher one.
        """
        for application in self:
            subscriptions = application.subscription_ids.sorted("date_start")
            paid = subscriptions.filtered(lambda s: s._get_fee_at(day))
            if paid:
                paid._upgrade(edition, day)
                continue
            starting = subscriptions.filtered(lambda s: s.date_start == day)
            if starting:
                starting.edition_id = edition
                continue
            running = subscriptions.filtered(
                lambda s: s.date_start < day and (not s.date_end or s.date_end >= day)
            )
            later = subscriptions.filtered(lambda s: s.date_start > day)[:1]
            # Before it is cut: what was sold until a day is not sold for ever.
            date_end = running.date_end or (later and later.date_start - timedelta(days=1))
            running.date_end = day - timedelta(days=1)
            self.env["trtc.subscription"].create(
                {
                    "application_id": application.id,
                    "edition_id": edition.id,
                    "date_start": day,
                    "date_end": date_end,
                }
            )

    def _has_minutes(self, day):
        """Tell whether minutes other than free ones are left for usage on a day."""
        packs = self.env["trtc.minute.pack"].search(
            [
                ("account_id", "=", self.account_id.id),
                ("application_id", "in", [self.id, False]),
                ("kind", "!=", "free"),
                ("date_start", "<=", day),
                ("date_end", ">=", day),
            ]
        )
        return any(pack.minutes_left > 0 for pack in packs)

    def _note_for_settlement(self, date_from, date_to=None, only_locked_items=False):
        """Have the usage of these applications on some days settled again.

        :param bool only_locked_items: leave out items that need no feature
        """
        self.env["trtc.settlement.note"].sudo()._note_usage(
            self, date_from, date_to, only_locked_items
        )
