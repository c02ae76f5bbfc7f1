from datetime import timedelta
from functools import partial

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, format_datetime


class TrtcArrears(models.Model):
    """One time that an account was in arrears: from the reminder until it is settled.

    An account has one open episode at most, and each sends one reminder, so nobody is
    reminded or suspended twice of the same invoices.  Whether an account owes something is
    never stored: it follows from its invoices (``trtc.account._get_arrears``).
    """

    _name = "trtc.arrears"
    _description = "TRTC Arrears"
    _inherit = ["trtc.given", "trtc.made"]
    _order = "id desc"
    _check_company_auto = True

    # === FIELDS === #

    account_id = fields.Many2one(
        "trtc.account", required=True, ondelete="cascade", index=True, check_company=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    partner_id = fields.Many2one(
        "res.partner", required=True, string="Reminded Partner", ondelete="restrict"
    )
    currency_id = fields.Many2one("res.currency", required=True)
    move_ids = fields.Many2many(
        "account.move", string="Invoices", help="The invoices that the reminder names."
    )
    date_due = fields.Date(string="Due Since", required=True)
    amount = fields.Monetary(help="What was overdue when the customer was reminded.")
    reminded_at = fields.Datetime(
        string="Reminded", help="Empty: the customer had no e-mail address."
    )
    suspended_at = fields.Datetime(string="Suspended")
    closed_at = fields.Datetime(string="Closed")
    outcome = fields.Selection(
        [
            ("settled", "No longer overdue"),
            ("exempt", "Account made exempt"),
            ("off", "Reminders switched off"),
        ]
    )
    suspension_ids = fields.One2many("trtc.suspension", "arrears_id")
    activity_id = fields.Many2one("mail.activity", ondelete="set null")

    _open_once = models.UniqueIndex(
        "(account_id) WHERE closed_at IS NULL",
        "The account was reminded of its arrears already.",
    )

    # === COMPUTE === #

    @api.depends("account_id.display_name", "date_due")
    def _compute_display_name(self):
        for arrears in self:
            arrears.display_name = self.env._(
                "%(account)s: due since %(date)s",
                account=arrears.account_id.name or "",
                date=format_date(self.env, arrears.date_due) if arrears.date_due else "",
            )

    # === BUSINESS === #

    def _get_deadline(self):
        """Return the moment after which the applications are suspended, or None.

        The hours of grace run from the reminder on; without a reminder there is no end.
        """
        self.ensure_one()
        if not self.reminded_at or self.company_id.trtc_arrears_policy != "suspend":
            return None
        return self.reminded_at + timedelta(hours=self.company_id.trtc_arrears_grace_hours)

    def _show_deadline(self):
        """Return the deadline in billing time, in the language of the context, or nothing."""
        deadline = self._get_deadline()
        return deadline and self._show_moment(deadline)

    def _show_moment(self, moment):
        zone = self.company_id._trtc_get_zone()
        shown = format_datetime(self.env, moment, tz=zone, dt_format="short")
        return self.env._("%(moment)s (%(zone)s)", moment=shown, zone=zone)

    def _remind(self):
        """Send the one reminder of this episode; the hours of grace begin.

        Where another account of the same customer reminded of the same invoices already,
        that reminder counts.  A partner without an e-mail address is not reminded.
        """
        self.ensure_one()
        earlier = self.search(
            [
                ("company_id", "=", self.company_id.id),
                ("partner_id", "=", self.partner_id.id),
                ("closed_at", "=", False),
                ("reminded_at", "!=", False),
                ("move_ids", "in", self.move_ids.ids),
            ],
            order="reminded_at",
        ).filtered(lambda other: self.move_ids <= other.move_ids)[:1]
        if earlier:
            self.reminded_at = earlier.reminded_at
            self.account_id.message_post(
                body=self.env._(
                    "The customer was reminded of these invoices with the account %(account)s.",
                    account=earlier.account_id.display_name,
                )
            )
        elif self.partner_id.email:
            self.reminded_at = self.env.cr.now()
            self._send_reminder()
        self._hand_over()

    def _send_reminder(self):
        """Post the reminder in the account's chatter, to the partner of its invoices."""
        template = self.env.ref("trtc_billing.mail_template_arrears", raise_if_not_found=False)
        if not template:
            raise UserError(
                self.env._(
                    "The e-mail template for reminders of overdue TRTC invoices was deleted. "
                    "Update the module TRTC Billing to have it back."
                )
            )
        self.account_id._post_template(template, self, self.partner_id)

    def _hand_over(self):
        """Give the salesperson one activity about this episode."""
        account = self.account_id
        user = account._get_user_to_notify()
        if not user or self.activity_id.active:
            return
        lang = self.with_context(lang=user.lang or self.env.lang)
        if self.reminded_at:
            summary = lang.env._("Overdue TRTC invoices: the customer was reminded")
        else:
            summary = lang.env._("Overdue TRTC invoices: no e-mail address to remind")
        self.activity_id = account.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=summary,
            note=lang._get_note(),
            date_deadline=account.company_id._trtc_today(),
            user_id=user.id,
        )

    def _get_note(self):
        """Return in words what is owed and what happens next, for the staff."""
        account = self.account_id.with_env(self.env)
        return self.env._(
            "%(invoices)s: due since %(date)s. %(next)s",
            invoices=", ".join(self.move_ids.mapped("name")),
            date=format_date(self.env, self.date_due),
            next=account._get_next_step(account._get_arrears().get(account), self),
        )

    def _suspend_applications(self):
        """Suspend the applications of the account that are not suspended for arrears yet."""
        self.ensure_one()
        self.suspended_at = self.env.cr.now()
        account = self.account_id.with_context(active_test=False)
        self._suspend_these(account.application_ids)
        activity = self.activity_id.filtered("active")
        if activity:
            user = activity.user_id
            activity.note = self.with_context(lang=user.lang or self.env.lang)._get_note()

    def _suspend_these(self, applications):
        """Suspend applications from today on, as this episode does.

        A suspension for arrears that somebody made by hand stays that person's.
        """
        suspensions = applications.suspension_ids.filtered(
            lambda one: one.reason == "arrears" and not one.date_end
        )
        new = applications - suspensions.application_id
        note = self.env._(
            "Overdue: %(invoices)s", invoices=", ".join(self.move_ids.mapped("name"))
        )
        made = new._suspend("arrears", self.company_id._trtc_today(), note)
        made.arrears_id = self

    def _is_suspended(self):
        """Tell whether an application is still suspended by this episode."""
        self.ensure_one()
        today = self.company_id._trtc_today()
        return any(not one.date_end or one.date_end >= today for one in self.suspension_ids)

    def _resume_applications(self):
        """End the suspensions of this episode, and no others."""
        self.ensure_one()
        self.suspended_at = False
        today = self.company_id._trtc_today()
        self.suspension_ids.filtered(
            lambda one: not one.date_end or one.date_end >= today
        )._end_before(today)

    def _close(self, outcome):
        """End this episode: the applications that it suspended go on."""
        self.ensure_one()
        suspended_at = self.suspended_at
        self._resume_applications()
        self.write(
            {
                "suspended_at": suspended_at,
                "closed_at": self.env.cr.now(),
                "outcome": outcome,
            }
        )
        labels = dict(self._fields["outcome"]._description_selection(self.env))
        text = self.env._("Arrears closed: %(reason)s.", reason=labels[outcome])
        if self.activity_id.active:
            self.activity_id.action_feedback(feedback=text)
        self.account_id.message_post(body=text)

    @api.model
    def _begin(self, account, arrears):
        """Open an episode for an account, and remind the customer.

        :param arrears: what :meth:`trtc.account._get_arrears` says of the account
        """
        episode = self.create(
            {
                "account_id": account.id,
                "partner_id": account._get_invoice_partner().id,
                "currency_id": account.currency_id.id,
                "move_ids": [Command.set(arrears.move_ids)],
                "date_due": arrears.since,
                "amount": account._get_owed(arrears),
            }
        )
        episode._remind()
        return episode

    def _get_work(self, step):
        """Return the function, without arguments, that does a step of this episode."""
        return {
            "remind": self._remind,
            "suspend": self._suspend_applications,
            "resume": self._resume_applications,
        }.get(step) or partial(self._close, step)
