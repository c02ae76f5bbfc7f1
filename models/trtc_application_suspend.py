from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain


class TrtcApplication(models.Model):
    # A room of its own: suspending an application, and letting it go on.
    _inherit = "trtc.application"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    # For the staff: why a customer was suspended is not told in the portal.
    suspension_ids = fields.One2many(
        "trtc.suspension", "application_id", groups="trtc_billing.group_user"
    )
    is_suspended = fields.Boolean(
        string="Suspended",
        compute="_compute_is_suspended",
        compute_sudo=True,
        search="_search_is_suspended",
        help="Today, in billing time. A suspended application may use no feature; usage "
        "that is reported all the same is billed.",
    )

    # === COMPUTE === #

    @api.depends("suspension_ids.date_start", "suspension_ids.date_end", "company_id")
    def _compute_is_suspended(self):
        for application in self:
            company = application.company_id or self.env.company
            application.is_suspended = application._is_suspended_on(company._trtc_today())

    def _search_is_suspended(self, operator, value):
        if operator != "in":
            return NotImplemented
        # Each company has days of its own: at one moment there are two of them at most.
        companies = self.env["res.company"].sudo().search_fetch([], ["trtc_billing_tz"])
        holding = Domain.OR(
            Domain(
                [
                    ("company_id", "in", [company.id for company in found]),
                    ("date_start", "<=", today),
                    "|",
                    ("date_end", "=", False),
                    ("date_end", ">=", today),
                ]
            )
            for today, found in companies.grouped(lambda company: company._trtc_today()).items()
        )
        # With all rights, as the field is computed; the applications keep their own rules.
        suspended = self.env["trtc.suspension"].sudo()._search(holding)
        return [
            (
                "id",
                "in" if True in value else "not in",
                suspended.subselect("application_id"),
            )
        ]

    # === ACTION === #

    def action_resume(self):
        """End every suspension of these applications: from today on they may go on."""
        self._resume()

    # === BUSINESS === #

    def _is_suspended_on(self, day):
        self.ensure_one()
        return self.sudo().suspension_ids._holds_on(day)

    def _suspend(self, reason, day, note=""):
        """Suspend these applications from a day on; safe to repeat.

        Where a suspension for the same reason is open, it stays, and begins on ``day``
        if it would have begun later.

        :param str reason: a value of ``trtc.suspension.reason``
        :param day: the first day, a date or ISO string
        :return: the open suspensions for this reason, one per application
        :raise AccessError: for a user who is no accountant
        """
        day = fields.Date.to_date(day)
        self._check_may_suspend()
        # The rights are checked: an accountant writes suspensions by these methods only.
        suspensions = self.env["trtc.suspension"].sudo()
        for application in self.sudo():
            known = application.suspension_ids.filtered(
                lambda suspension: suspension.reason == reason and not suspension.date_end
            )
            if not known:
                known = suspensions.create(
                    {
                        "application_id": application.id,
                        "reason": reason,
                        "date_start": day,
                        "note": note,
                        "user_id": self.env.uid,
                    }
                )
            elif known.date_start > day:
                known.date_start = day
            suspensions |= known
        return suspensions.sudo(self.env.su)

    def _resume(self, reason=None, day=None):
        """End suspensions so that none holds on ``day`` or later; safe to repeat.

        Their last day is the one before; a suspension that would not have begun by then
        is deleted.

        :param str reason: end those for this reason only; default all
        :param day: a date or ISO string; default today, in billing time
        :raise AccessError: for a user who is no accountant
        """
        self._check_may_suspend()
        for application in self.sudo():
            first = fields.Date.to_date(day) or application.company_id._trtc_today()
            running = application.suspension_ids.filtered(
                lambda suspension, first=first: (not reason or suspension.reason == reason)
                and (not suspension.date_end or suspension.date_end >= first)
            )
            running._end_before(first)

    def _on_suspended(self, suspension):
        """Called for extensions that provision applications; does nothing.

        :param suspension: the new ``trtc.suspension``; its first day may lie ahead
        """

    def _on_resumed(self, suspension):
        """Called for extensions that provision applications; does nothing.

        Another suspension may still hold: ``is_suspended`` and ``is_unlocked`` know.

        :param suspension: the ``trtc.suspension`` that was given a last day or is about
            to be deleted
        """

    # === TOOLING === #

    def _check_may_suspend(self):
        """Raise unless the user may suspend and resume these applications."""
        if not self.env.su and not self.env.user.has_group("trtc_billing.group_accountant"):
            raise AccessError(
                self.env._(
                    "Suspending applications takes the group "
                    '"TRTC Billing / Accountant". Ask your administrator for it.'
                )
            )
        self.check_access("read")
