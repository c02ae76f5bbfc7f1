from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import RedirectWarning, UserError
from odoo.tools import format_date, is_html_empty

from .markers import is_preview


class AccountMove(models.Model):
    # A room of its own: how generated invoices are dated, posted and sent.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_invoice_date = fields.Date(
        readonly=True,
        copy=False,
        help="The invoice date as generated: it tells whether somebody chose another one.",
    )
    trtc_date_reason = fields.Text(
        string="Reason of the Date",
        readonly=True,
        copy=False,
        help="Why the invoice is not dated by the rule of its account, in the customer's language.",
    )

    # === CRUD === #

    def _post(self, soft=True):
        generated = self.filtered("trtc_account_id").sudo()
        for move, day in generated._trtc_date().items():
            if not day:
                raise UserError(move._trtc_get_locked_reason())
        generated._trtc_fit_rates()
        generated._trtc_check_rates()
        generated._trtc_fit_due_date()
        posted = self.browse()
        # What has no date yet is issued today: on the billing day, whoever posts it and where.
        by_company = self.grouped(lambda move: move in generated and move.company_id)
        for company, moves in by_company.items():
            timed = company._trtc_in_billing_time(moves) if company else moves
            posted |= super(AccountMove, timed)._post(soft).with_env(self.env)
        for move in generated:
            if move.state == "posted":
                move._trtc_release()
        (generated & posted.sudo())._trtc_queue_sending()
        return posted

    # === BUSINESS === #

    def _trtc_get_accounts(self):
        """Return the accounts whose usage or fees these invoices bill."""
        groups = self.env["trtc.allocation"].sudo()._read_group(
            [("move_id", "in", self.ids), ("released", "=", False)], ["account_id"]
        )
        return self.env["trtc.account"].browse(account.id for (account,) in groups)

    # === DATES === #

    def _trtc_fit_due_date(self):
        """Let no invoice be due before the day of its issue.

        Without payment terms core keeps the day on which the draft was made.
        """
        for move in self.filtered(lambda move: move.state == "draft"):
            issue = move.invoice_date or move.company_id._trtc_today()
            due = move.invoice_date_due
            if move.invoice_payment_term_id or not due or due >= issue:
                continue
            move.invoice_date_due = issue
            if due != move.company_id._trtc_get_day(move.create_date):
                move.message_post(
                    body=self.env._(
                        "Due on %(issue)s instead of %(due)s: no invoice is due before the day of "
                        "its issue.",
                        issue=format_date(self.env, issue),
                        due=format_date(self.env, due),
                    )
                )

    @api.model
    def _trtc_create_or_refresh(self, bills):
        moves = super()._trtc_create_or_refresh(bills)
        moves._trtc_date()
        return moves

    def _trtc_date(self):
        """Date generated drafts by the rule of their accounts, past locked days.

        Odoo itself would move the accounting date away from the invoice date on posting,
        and say nothing.  A date that somebody chose by hand stays; then the chatter says what
        Odoo makes of it.

        :return: {draft: the day on which it is booked, False where no day is open}
        """
        days = {}
        for move in self.filtered(lambda move: move.trtc_account_id and move.state == "draft"):
            move = move.company_id._trtc_in_billing_time(move)
            account = move.trtc_account_id
            is_chosen = move.invoice_date and move.invoice_date != move.trtc_invoice_date
            wanted = move.invoice_date if is_chosen else move._trtc_get_wanted_date()
            dating = account._get_dating(wanted, move._affect_tax_report(), move.journal_id)
            days[move] = dating.date
            if not dating.date:
                move._trtc_hold(move._trtc_get_locked_reason())
            elif (
                move.trtc_hold and not account.auto_post and not move._trtc_get_rate_obstacle()
            ):
                # Nothing else holds what a person posts.
                move._trtc_release()
            if is_chosen:
                move._trtc_note_locks(dating)
            elif dating.date:
                # Without locks, what is dated on the day of issue stays open until then.
                move._trtc_set_date(dating.date if dating.locks or wanted else False, dating)
        return days

    def _trtc_get_wanted_date(self):
        """Return the day that the account's rule gives to this draft; False: that of posting.

        What takes back or replaces another invoice, or bills again what a credit note took
        back, is dated when it is issued.
        """
        self.ensure_one()
        lines = self.invoice_line_ids
        if self.reversed_entry_id or lines.trtc_origin_line_id:
            return False
        if any(lines.mapped("trtc_is_rebill")):
            return False
        account = self.trtc_account_id.with_company(self.company_id)
        return account._get_invoice_date((self.trtc_date_from, self.trtc_date_to))

    def _trtc_set_date(self, day, dating):
        """Give this draft its date; where a lock moved it, write the reason on it."""
        self.ensure_one()
        reason = self._trtc_get_date_reason(dating) if dating.locks else False
        if (self.trtc_invoice_date, self.trtc_date_reason) == (day, reason):
            return
        self.write(
            {
                "invoice_date": day,
                "trtc_invoice_date": day,
                "trtc_date_reason": reason,
                "narration": self._trtc_replace_reason(self.trtc_date_reason, reason),
            }
        )
        if dating.locks:
            self._trtc_note_locks(dating)

    def _trtc_get_date_reason(self, dating):
        """Return the sentence that tells a customer or auditor why a date was moved."""
        self = self.with_context(lang=self.partner_id.lang or self.env.lang)
        return self.env._(
            "This invoice is dated %(date)s, the first open day: our books are closed until "
            "%(locked)s, which holds the day that it would carry otherwise, %(wanted)s.",
            date=format_date(self.env, dating.date),
            locked=format_date(self.env, dating.locks[-1][0]),
            wanted=format_date(self.env, dating.wanted),
        )

    def _trtc_replace_reason(self, old, new):
        """Return the narration of this invoice with another reason in place of an old one."""
        narration = self.narration or Markup()
        if old:
            narration = narration.replace(self._trtc_show_reason(old), Markup())
        if new:
            narration += self._trtc_show_reason(new)
        return False if is_html_empty(narration) else narration

    @api.model
    def _trtc_show_reason(self, reason):
        return Markup("<p>%s</p>") % reason

    def _trtc_note_locks(self, dating):
        """Say in the chatter which locks the date violates, and what becomes of it."""
        self.ensure_one()
        if not dating.locks or not dating.date:
            return
        day = self._get_accounting_date(dating.wanted, self._affect_tax_report(), dating.locks)
        if self.invoice_date == dating.date:
            day = dating.date
        self.message_post(
            body=self.env._(
                "%(wanted)s is locked: %(locks)s. The first open day is %(date)s; the invoice is "
                "booked on %(day)s.",
                wanted=format_date(self.env, dating.wanted),
                locks=self.env["res.company"]._format_lock_dates(dating.locks),
                date=format_date(self.env, dating.date),
                day=format_date(self.env, day),
            )
        )

    # === POSTING === #

    def _trtc_is_in_grace(self):
        """Tell whether usage that comes late is still expected for this draft."""
        self.ensure_one()
        if not self.trtc_date_to:
            return False
        account = self.trtc_account_id
        return self.company_id._trtc_today() <= account._get_grace_end(self.trtc_date_to)

    def _trtc_is_frozen(self):
        """Tell whether late usage leaves this draft alone, as if it were posted."""
        self.ensure_one()
        return (
            bool(self.trtc_date_to)
            and self.company_id.trtc_late_usage == "freeze"
            and not self._trtc_is_in_grace()
        )

    def _trtc_is_open(self):
        """Tell whether a run may bring this draft up to date."""
        self.ensure_one()
        return (
            not self.reversed_entry_id
            and not self._trtc_is_frozen()
            and self._trtc_is_refreshable()
        )

    def _trtc_auto_post(self):
        """Post these drafts; one that cannot be posted stays one and says why.

        A draft that another run holds is left to it.

        :return: those that are posted now
        """
        if is_preview(self.env):
            return self.browse()
        for move in self.try_lock_for_update():
            if move._trtc_hold_without_rate():
                continue
            try:
                with self.env.cr.savepoint():
                    move._trtc_complete_distribution()
                    # As core's own button does: mandatory analytic plans are asked.
                    move.with_context(validate_analytic=True).action_post()
            except (UserError, RedirectWarning) as error:
                reason = error.args[0] if isinstance(error, RedirectWarning) else str(error)
                move._trtc_hold(
                    self.env._("Not posted automatically: %(error)s", error=reason)
                )
        return self.filtered(lambda move: move.state == "posted")

    def _trtc_complete_distribution(self):
        """Let lines that lack a plan have what was entered for it since they were made."""
        self.ensure_one()
        lines = self.invoice_line_ids
        lacking = lines.filtered("has_invalid_analytics")
        rounding = lines.filtered("trtc_is_rounding")
        (lacking - rounding)._trtc_complete_distribution()
        (lacking & rounding)._trtc_follow_distribution((lines - rounding)._trtc_get_largest())

    def _trtc_keep_drafts(self):
        """Tell once why these drafts are not posted, though their grace is over."""
        if is_preview(self.env):
            return
        for move in self.try_lock_for_update():
            if move._trtc_hold_without_rate():
                continue
            reason = move._trtc_get_change()
            if move.trtc_hold != reason:
                move._trtc_hold(reason)
                move._trtc_remind(
                    self.env._(
                        "Check and post the draft of %(account)s",
                        account=move.trtc_account_id.display_name,
                    ),
                    reason,
                )

    def _trtc_get_change(self):
        """Return what sets this draft apart from what was generated, and what to do."""
        self.ensure_one()
        account = self._trtc_get_billed_account()
        values = {
            "partner": account._get_invoice_partner().display_name,
            "currency": account.currency_id.name,
        }
        if self.partner_id != account._get_invoice_partner():
            return self.env._(
                "Not posted automatically: invoices of the account go to %(partner)s now. Post "
                "this draft by hand, or delete it and run Settle and Invoice again.",
                **values,
            )
        if self.currency_id != account.currency_id:
            return self.env._(
                "Not posted automatically: the account is billed in %(currency)s now. Post this "
                "draft by hand, or delete it and run Settle and Invoice again.",
                **values,
            )
        if self.is_move_sent:
            return self.env._(
                "Not posted automatically: the draft was sent to the customer already. Check it "
                "and post it by hand."
            )
        return self.env._(
            "Not posted automatically: the draft was changed by hand. Check it and post it by "
            "hand, or delete it and run Settle and Invoice again."
        )

    def _trtc_get_locked_reason(self):
        """Return why this draft cannot be posted on any day until today, and what to do."""
        account = self.trtc_account_id.with_company(self.company_id)
        dating = account._get_dating(False, self._affect_tax_report(), self.journal_id)
        values = {"locks": self.env["res.company"]._format_lock_dates(dating.locks)}
        if account.auto_post:
            return self.env._(
                "Today is locked as well: %(locks)s. Change the lock date, or wait until it is "
                "over; the next run posts the invoice then.",
                **values,
            )
        return self.env._(
            "Today is locked as well: %(locks)s. Change the lock date, or wait until it is over; "
            "then post the invoice.",
            **values,
        )

    # === SENDING === #

    def _trtc_queue_sending(self):
        """Have Odoo's own scheduled action send these posted invoices, each once."""
        if is_preview(self.env):
            return
        sender, queued = self.env["account.move.send"], self.browse()
        for move in self.filtered("trtc_account_id.auto_send"):
            if move.is_move_sent or move.sending_data or move.state != "posted":
                continue
            methods = sender._get_default_sending_methods(move)
            if reason := move._trtc_get_unsendable_reason(methods):
                move._trtc_keep_unsent(reason)
            else:
                queued |= move
        if queued:
            queued.sending_data = {
                "author_user_id": self.env.user.id,
                "author_partner_id": self.env.user.partner_id.id,
            }
            self.env.ref("account.ir_cron_account_move_send").sudo()._trigger()

    def _trtc_get_unsendable_reason(self, methods):
        """Return why this invoice cannot be sent, or none.

        :param set methods: the customer's sending methods
        """
        self.ensure_one()
        if "email" in methods and not self.partner_id.email:
            return self.env._(
                "Not sent: %(partner)s has no e-mail address. Enter one and send the invoice.",
                partner=self.partner_id.display_name,
            )
        if methods <= {"manual"}:
            return self.env._(
                "Not sent: %(partner)s gets invoices by hand. Send it, or change the sending "
                "method of the customer.",
                partner=self.partner_id.display_name,
            )
        return None

    def _trtc_keep_unsent(self, reason):
        """Leave a posted invoice unsent; the salesperson, or who posted it, hears of it."""
        self.ensure_one()
        self._trtc_hold(reason)
        self._trtc_remind(self.env._("Send %(invoice)s", invoice=self.name), reason)

    def _trtc_remind(self, summary, note):
        """Give the salesperson, or who runs this, something to do about an invoice."""
        self.ensure_one()
        user = self.trtc_account_id.user_id
        if not (user.active and self.with_user(user).has_access("read")):
            user = self.env.user
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=summary,
            note=note,
            date_deadline=self.company_id._trtc_today(),
            user_id=user.id,
        )
