from datetime import timedelta

from odoo import api, fields, models


class TrtcSuspension(models.Model):
    """Days on which an application may use nothing, whatever its edition unlocks.

    Rating does not look at suspensions: sessions that run go on, and all usage that is
    reported is billed.  What a suspension changes is the answer of ``is_unlocked``.
    """

    _name = "trtc.suspension"
    _description = "TRTC Suspension"
    _inherit = ["trtc.given", "trtc.entered"]
    _order = "date_start desc, id desc"
    _check_company_auto = True

    # === FIELDS === #

    application_id = fields.Many2one(
        "trtc.application", required=True, ondelete="cascade", index=True, check_company=True
    )
    account_id = fields.Many2one(related="application_id.account_id", store=True, index=True)
    company_id = fields.Many2one(related="application_id.company_id", store=True)
    reason = fields.Selection(
        [
            ("free_minutes", "Free minutes used up"),
            ("arrears", "Arrears"),
            ("violation", "Violation of terms"),
            ("other", "Other"),
        ],
        required=True,
    )
    date_start = fields.Date(
        string="From", required=True, help="The first day of the suspension, in billing time."
    )
    date_end = fields.Date(string="To", help="The last day; empty: still suspended.")
    note = fields.Text()
    user_id = fields.Many2one(
        "res.users",
        string="Suspended By",
        required=True,
        readonly=True,
        default=lambda self: self.env.user,
    )

    _dates_ordered = models.Constraint(
        "CHECK (date_end IS NULL OR date_end >= date_start)",
        "A suspension cannot end before it starts.",
    )
    _open_once = models.UniqueIndex(
        "(application_id, reason) WHERE date_end IS NULL",
        "The application is suspended for this reason already.",
    )

    # === COMPUTE === #

    @api.depends("application_id.display_name", "reason", "date_start")
    def _compute_display_name(self):
        for suspension in self:
            suspension.display_name = self.env._(
                "%(application)s: %(reason)s from %(date)s",
                application=suspension.application_id.name or "",
                reason=suspension._get_reason_label(),
                date=fields.Date.to_string(suspension.date_start) or "",
            )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        suspensions = super().create(vals_list)
        for suspension in suspensions:
            suspension._post(
                self.env._(
                    "Suspended %(days)s. Reason: %(reason)s. %(note)s",
                    **suspension._get_message_values(),
                )
            )
            suspension.sudo().application_id._on_suspended(suspension.sudo())
        return suspensions

    def write(self, vals):
        dates = {suspension: (suspension.date_start, suspension.date_end) for suspension in self}
        result = super().write(vals)
        # A new one is inserted before what is written gets to the database: without this
        # the unique index would find the old one open still.
        self.flush_recordset(["date_end"])
        if "application_id" in vals:
            # Rules are checked before only, when the company was still the old one.
            self.check_access("write")
        for suspension, before in dates.items():
            if before == (suspension.date_start, suspension.date_end):
                continue
            suspension._post(
                self.env._(
                    "Suspended %(days)s now. Reason then: %(reason)s.",
                    **suspension._get_message_values(),
                )
            )
            if suspension.date_end and not before[1]:
                suspension.sudo().application_id._on_resumed(suspension.sudo())
        return result

    def unlink(self):
        for suspension in self:
            suspension._post(
                self.env._(
                    "Not suspended any more %(days)s. Reason then: %(reason)s.",
                    **suspension._get_message_values(),
                )
            )
        gone = [
            (suspension.application_id, suspension)
            for suspension in self.sudo()
            if not suspension.date_end
        ]
        for application, suspension in gone:
            application._on_resumed(suspension)
        return super().unlink()

    # === BUSINESS === #

    def _holds_on(self, day):
        """Tell whether one of these suspensions holds on a day."""
        return any(
            suspension.date_start
            and suspension.date_start <= day
            and (not suspension.date_end or suspension.date_end >= day)
            for suspension in self
        )

    def _end_before(self, day):
        """End these suspensions so that none holds on a day or later.

        One that would not have begun by then is deleted.
        """
        begun = self.filtered(lambda suspension: suspension.date_start < day)
        (self - begun).unlink()
        begun.write({"date_end": day - timedelta(days=1)})

    # === TOOLING === #

    def _get_reason_label(self):
        labels = dict(self._fields["reason"]._description_selection(self.env))
        return labels.get(self.reason, "")

    def _get_message_values(self):
        """Return what messages about this suspension say."""
        self.ensure_one()
        days = (
            self.env._("from %(start)s to %(end)s", start=self.date_start, end=self.date_end)
            if self.date_end
            else self.env._("from %(start)s on", start=self.date_start)
        )
        return {"days": days, "reason": self._get_reason_label(), "note": self.note or ""}

    def _post(self, body):
        self.application_id.sudo().message_post(body=body.strip())
