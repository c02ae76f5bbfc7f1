from datetime import date

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..rating import periods


class TrtcSubscription(models.Model):
    _name = "trtc.subscription"
    _description = "TRTC Subscription"
    _order = "date_start desc, id desc"
    _inherit = ["trtc.given", "trtc.kept", "trtc.entered", "trtc.thread"]
    _check_company_auto = True

    # === FIELDS === #

    application_id = fields.Many2one(
        "trtc.application", required=True, ondelete="restrict", index=True, check_company=True
    )
    account_id = fields.Many2one(related="application_id.account_id", store=True)
    company_id = fields.Many2one(related="application_id.company_id", store=True)
    edition_id = fields.Many2one(
        "trtc.edition", required=True, ondelete="restrict", tracking=True
    )
    date_start = fields.Date(required=True, tracking=True)
    date_end = fields.Date(
        tracking=True, help="The last day on which the edition holds; empty: open."
    )
    date_anchor = fields.Date(
        string="Terms Since",
        readonly=True,
        copy=False,
        help="Terms begin on this day of each month; empty: on the day of the start.",
    )
    bill_fee = fields.Boolean(
        string="Bill Monthly Fee",
        default=True,
        tracking=True,
        help="Bill the fee of the edition for each monthly term, in advance, and grant the "
        "minutes that it includes. While the subscription is open it renews by itself.",
    )
    fee_from = fields.Date(
        string="Billed From",
        readonly=True,
        copy=False,
        help="The first term whose fee is billed, where it was billed elsewhere before.",
    )
    refunded = fields.Boolean(readonly=True, copy=False, tracking=True)
    upgraded_from_id = fields.Many2one(
        "trtc.subscription", readonly=True, copy=False, ondelete="restrict"
    )
    upgrade_ids = fields.One2many("trtc.subscription", "upgraded_from_id", readonly=True)
    fee_ids = fields.One2many("trtc.fee", "subscription_id", readonly=True)
    pack_ids = fields.One2many("trtc.minute.pack", "subscription_id", readonly=True)
    paid_until = fields.Date(
        compute="_compute_paid_until", help="The last day of the newest term with a fee."
    )
    state = fields.Selection(
        [
            ("future", "Not Started"),
            ("running", "Running"),
            ("ended", "Ended"),
            ("refunded", "Refunded"),
        ],
        compute="_compute_state",
        search="_search_state",
    )
    fee_warning = fields.Char(compute="_compute_fee_warning")
    # Notes of the staff.
    message_ids = fields.One2many(groups="base.group_user")
    website_message_ids = fields.One2many(groups="base.group_user")

    _dates_ordered = models.Constraint(
        "CHECK (date_end IS NULL OR date_end >= date_start)",
        "A subscription cannot end before it starts.",
    )
    # Two ranges that are gist-indexable as they are need no extension. Deferred, so that
    # the check below, which names the other subscription, comes first.
    _no_overlap = models.Constraint(
        "EXCLUDE USING gist (int4range(application_id, application_id, '[]'::text) WITH &&,"
        " daterange(date_start, date_end, '[]'::text) WITH &&)"
        " DEFERRABLE INITIALLY DEFERRED",
        "An application can hold one edition at a time only: end the running "
        "subscription before another one starts.",
    )

    # === COMPUTE === #

    @api.depends("application_id.display_name", "edition_id.name", "date_start")
    def _compute_display_name(self):
        for subscription in self:
            subscription.display_name = self.env._(
                "%(application)s: %(edition)s from %(date)s",
                application=subscription.application_id.name or "",
                edition=subscription.edition_id.name or "",
                date=fields.Date.to_string(subscription.date_start) or "",
            )

    @api.depends("fee_ids.date_to", "fee_ids.kind")
    def _compute_paid_until(self):
        for subscription in self:
            paid = subscription.fee_ids.filtered(lambda fee: fee.kind in ("term", "upgrade"))
            subscription.paid_until = max(paid.mapped("date_to"), default=False)

    @api.depends("date_start", "date_end", "refunded")
    def _compute_state(self):
        for subscription in self:
            today = (subscription.company_id or self.env.company)._trtc_today()
            if subscription.refunded:
                subscription.state = "refunded"
            elif subscription.date_end and subscription.date_end < today:
                subscription.state = "ended"
            elif subscription.date_start and subscription.date_start > today:
                subscription.state = "future"
            else:
                subscription.state = "running"

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        # Each company has days of its own.
        companies = self.env["res.company"].sudo().with_context(active_test=False)
        companies = companies.search_fetch([], ["trtc_billing_tz"])
        found = Domain.FALSE
        for today, of_day in companies.grouped(lambda company: company._trtc_today()).items():
            kept = Domain("refunded", "=", False)
            ended, future = Domain("date_end", "<", today), Domain("date_start", ">", today)
            states = {
                "refunded": ~kept,
                "ended": kept & ended,
                "future": kept & future & ~ended,
                "running": kept & ~ended & ~future,
            }
            chosen = Domain.OR(states[state] for state in value if state in states)
            found |= Domain("company_id", "in", of_day.ids) & chosen
        return found

    @api.depends("bill_fee", "edition_id", "date_start", "application_id", "fee_ids")
    def _compute_fee_warning(self):
        for subscription in self:
            subscription.fee_warning = subscription._get_fee_warning()

    def _get_fee_warning(self):
        """Return why the next term of this subscription will not be billed, or nothing."""
        product = self.edition_id.fee_product_id
        if not (self.bill_fee and product and self.account_id and self.date_start):
            return False
        term = self._get_next_term()
        if not term or self._get_list_price(self.edition_id, term[0]) is not None:
            return False
        return self.env._(
            "The pricelist %(pricelist)s has no price for the product %(product)s: the fee is "
            "not billed, and its included minutes are not granted, until there is one.",
            pricelist=self.account_id.pricelist_id.name,
            product=product.display_name,
        )

    # === CONSTRAINT === #

    @api.constrains("application_id", "edition_id")
    def _check_trials(self):
        for subscription in self.filtered("edition_id.trial_days"):
            edition, application = subscription.edition_id, subscription.application_id
            for limit, domain, place in (
                (
                    edition.trial_max_application,
                    [("application_id", "=", application.id)],
                    application.display_name,
                ),
                (
                    edition.trial_max_account,
                    [("account_id", "=", application.account_id.id)],
                    application.account_id.display_name,
                ),
            ):
                domain += [("edition_id", "=", edition.id)]
                if limit and self.search_count(domain) > limit:
                    raise ValidationError(
                        self.env._(
                            "%(place)s had the trial %(edition)s %(count)s times already, which "
                            "is as often as it may.",
                            place=place,
                            edition=edition.name,
                            count=limit,
                        )
                    )

    @api.constrains("application_id", "date_start", "date_end")
    def _check_no_overlap(self):
        for subscription in self:
            other = self.search(
                [
                    ("id", "!=", subscription.id),
                    ("application_id", "=", subscription.application_id.id),
                    ("date_start", "<=", subscription.date_end or date.max),
                    "|",
                    ("date_end", "=", False),
                    ("date_end", ">=", subscription.date_start),
                ],
                limit=1,
            )
            if other:
                # Constraints run with all rights, their message is for the user.
                other.application_id.sudo(False).check_access("read")
                raise ValidationError(
                    self.env._(
                        "%(application)s already holds the edition %(edition)s from "
                        "%(start)s to %(end)s. End that subscription first.",
                        application=subscription.application_id.display_name,
                        edition=other.edition_id.name,
                        start=other.date_start,
                        end=other.date_end or self.env._("open end"),
                    )
                )
        # What another transaction subscribes at the same time only the database sees.
        constraint = SQL.identifier("trtc_subscription_no_overlap")
        self.env.cr.execute(SQL("SET CONSTRAINTS %s IMMEDIATE", constraint))
        self.env.cr.execute(SQL("SET CONSTRAINTS %s DEFERRED", constraint))

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        subscriptions = super().create(vals_list)
        for subscription in subscriptions:
            subscription._note_changed_rights()
        return subscriptions

    def write(self, vals):
        changes = {"application_id", "edition_id", "date_start", "date_end"} & set(vals)
        if not self.env.su:
            for subscription in self:
                subscription._check_paid_terms(vals)
        if vals.get("bill_fee"):
            for subscription in self.filtered(lambda s: not s.bill_fee and not s.fee_ids):
                # The user may change it, and this follows.
                subscription.sudo().fee_from = subscription._get_first_day_to_bill()
        if changes:
            for subscription in self:
                subscription._note_changed_rights()
        result = super().write(vals)
        if "application_id" in vals:
            # Rules are checked before only, when the company was still the old one.
            self.check_access("write")
        if changes:
            for subscription in self:
                subscription._note_changed_rights()
        return result

    def _check_paid_terms(self, vals):
        """Raise if a change by hand would contradict the terms that are paid."""
        if not self.sudo().fee_ids:
            return
        for name in {"application_id", "edition_id", "date_start", "date_anchor"} & set(vals):
            field = self._fields[name]
            if field.convert_to_cache(vals[name], self) == field.convert_to_cache(self[name], self):
                continue
            raise UserError(
                self.env._(
                    "Terms of %(subscription)s are paid: its application, edition and first day "
                    "stay as they are. Use Upgrade, Stop Renewal or Refund.",
                    subscription=self.display_name,
                )
            )
        if "date_end" not in vals:
            return
        date_end = fields.Date.to_date(vals["date_end"])
        if date_end and date_end < self.paid_until:
            raise UserError(
                self.env._(
                    "%(subscription)s is paid until %(date)s and cannot end before. Use Stop "
                    "Renewal, or Refund.",
                    subscription=self.display_name,
                    date=self.paid_until,
                )
            )
        if self.state in ("ended", "refunded") and date_end != self.date_end:
            raise UserError(
                self.env._(
                    "%(subscription)s has ended: buy the edition again instead.",
                    subscription=self.display_name,
                )
            )

    def _get_first_day_to_bill(self):
        """Return the first day of the term that holds today: older ones were billed elsewhere."""
        today = self.company_id._trtc_today()
        if self.date_start >= today:
            return self.date_start
        return periods.anchored_period(today, self.date_anchor or self.date_start)[1]

    def _check_deletable(self):
        super()._check_deletable()
        for subscription in self:
            if subscription.sudo().fee_ids:
                raise UserError(
                    self.env._(
                        "%(subscription)s has fees: end or refund it instead of deleting it.",
                        subscription=subscription.display_name,
                    )
                )

    def unlink(self):
        self.check_access("unlink")
        for subscription in self:
            subscription._note_changed_rights()
        return super().unlink()

    # === BUSINESS === #

    def _note_changed_rights(self):
        """Have usage on the days of this subscription settled again."""
        self.ensure_one()
        self.application_id._note_for_settlement(
            self.date_start, self.date_end, only_locked_items=True
        )
        account = self.sudo().account_id
        if account.free_policy_id.requires_edition:
            # An edition on any day of a cycle grants its free minutes.
            cycle = account.free_policy_id._get_cycle(self.date_start, account.free_from)
            account._note_drawing_usage(cycle and cycle[0] or self.date_start)
