from datetime import date

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL


class TrtcSubscription(models.Model):
    _name = "trtc.subscription"
    _description = "TRTC Subscription"
    _order = "date_start desc, id desc"
    _inherit = ["mail.thread"]
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

    # === CONSTRAINT === #

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

    def unlink(self):
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
