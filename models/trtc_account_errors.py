from markupsafe import Markup
from psycopg2 import IntegrityError

from odoo import fields, models
from odoo.exceptions import UserError

#: What a run was doing when it failed.
STEPS = [("settle", "Settling"), ("invoice", "Invoicing")]


class TrtcAccount(models.Model):
    # A room of its own: what fails for one account stops no other, and parks it.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    billing_error = fields.Text(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Why the last run could not bill this account.",
    )
    parked_since = fields.Datetime(
        readonly=True,
        copy=False,
        index="btree_not_null",
        groups="base.group_user",
        help="Automatic runs leave a parked account out until a run that somebody starts succeeds.",
    )
    parked_step = fields.Selection(
        STEPS, string="Failed While", readonly=True, copy=False, groups="base.group_user"
    )
    parked_until = fields.Date(
        string="Failed Until",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="The day until which the run was to go.",
    )
    # The one activity about a parked account; archived once it is done.
    parked_activity_id = fields.Many2one(
        "mail.activity",
        readonly=True,
        copy=False,
        ondelete="set null",
        groups="base.group_user",
    )

    # === ACTION === #

    def action_try_again(self):
        """Run once more what failed, and tell how it went."""
        self._check_one()
        until = self.sudo().parked_until or self.company_id._trtc_last_ended_day()
        run = self.env["trtc.billing.run"]._start(self, until, self.sudo().parked_step or "invoice")
        return run._get_outcome({"type": "ir.actions.client", "tag": "soft_reload"})

    # === BUSINESS === #

    def _attempt(self, errors, work):
        """Return what some work for this account gives; if it fails, undo it and keep why.

        :param list errors: the error is added to it; nothing is returned then
        :param work: a function without arguments
        """
        try:
            # What is written when the savepoint ends is part of the attempt.
            with self.env.cr.savepoint():
                return work()
        except UserError as error:
            errors.append(self._keep_billing_error(error, "settle"))
        except IntegrityError as error:
            errors.append(self._keep_billing_error(self._get_broken_rule(error), "settle"))
        return None

    def _keep_billing_error(self, error, step="invoice"):
        """Park the account for an error; return the error."""
        self._park(str(error), step)
        return error

    def _park(self, error, step, until=None):
        """Let automatic runs leave this account out, and tell why.

        One activity is open at a time; without anybody who may see the account, the
        chatter alone says it.

        :param str error: a sentence for people
        :param step: see :data:`STEPS`
        :param until: the day until which the run was to go, if known
        """
        self.ensure_one()
        is_new = not self.parked_since or self.billing_error != error
        self.write(
            {
                "billing_error": error,
                "settle_attempts": 0,
                "invoice_attempts": 0,
                "parked_since": self.parked_since or fields.Datetime.now(),
                "parked_step": step,
                "parked_until": until,
            }
        )
        if is_new:
            self.message_post(body=self.env._("Not billed: %(error)s", error=error))
        user = self._get_user_to_notify()
        activity = self.parked_activity_id.filtered("active")
        note = self._get_parked_note(activity.user_id or user)
        if activity:
            activity.note = note
        elif user:
            self.parked_activity_id = self.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=self.with_context(lang=user.lang).env._("This account is not billed"),
                note=note,
                date_deadline=self.company_id._trtc_today(),
                user_id=user.id,
            )

    def _get_parked_note(self, user):
        """Return, in the language of a user, why this account is parked and what to do."""
        self = self.with_context(lang=user.lang or self.env.lang)
        return Markup("<p>{error}</p><p>{to_do}</p>").format(
            error=self.billing_error,
            to_do=self.env._(
                "Automatic runs leave the account out. Mend what the message names, then press "
                "Try Again on the account, or run Billing / Settle and Invoice for it."
            ),
        )

    def _unpark(self, step):
        """End the parking of these accounts after a run that succeeded.

        :param step: what the run did last, which includes what comes before it
        """
        parked = self.filtered("parked_since")
        if step == "settle":
            parked = parked.filtered(lambda account: account.parked_step == step)
        for account in parked:
            activity = account.parked_activity_id.filtered("active")
            account.write(
                {
                    "billing_error": False,
                    "parked_since": False,
                    "parked_step": False,
                    "parked_until": False,
                    "parked_activity_id": False,
                }
            )
            told = account.env._(
                "The account could be billed again: automatic runs include it from now on."
            )
            if activity:
                activity.action_feedback(feedback=told)
            else:
                account.message_post(body=told)

    def _get_broken_rule(self, error):
        """Return what a user is told of a rule of the database that a run would break."""
        table = error.diag.table_name
        names = [name for name, model in self.env.registry.items() if model._table == table]
        rule = self.env[names[0] if names else self._name]._sql_error_to_message(error)
        return UserError(
            self.env._(
                "A rule of the books would be broken, so nothing was changed: %(rule)s Tell your "
                "administrator.",
                # What follows on further lines is the content of a row.
                rule=rule.partition("\n")[0],
            )
        )

    def _get_unexpected_error(self, error):
        """Return what a user is told of an error that nobody foresaw."""
        if isinstance(error, MemoryError):
            return self.env._(
                "The memory that the server allows was not enough, so nothing was changed. Let "
                "your administrator raise limit_memory_hard, or bill until an earlier day."
            )
        return self.env._(
            "Something unexpected stopped the run (%(kind)s: %(error)s), so nothing was changed. "
            "Tell your administrator: the log of the server says where.",
            kind=type(error).__name__,
            error=str(error).strip().partition("\n")[0] or "-",
        )
