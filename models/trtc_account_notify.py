from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from odoo import fields, models
from odoo.tools import SQL

from ..rating import periods
from .figures import show_figure, show_money


class LockedUsage(NamedTuple):
    """Usage of one application and item that waits for a decision."""

    application: object
    item: object
    date_from: object
    date_to: object
    quantity: Decimal
    amount: Decimal
    is_new: bool


class TrtcAccount(models.Model):
    # A room of its own: who is told what about an account.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    # The one activity about locked usage; archived once it is done.
    locked_activity_id = fields.Many2one(
        "mail.activity",
        readonly=True,
        copy=False,
        ondelete="set null",
        groups="base.group_user",
    )

    # === BUSINESS === #

    def _notify_locked_usage(self, statements):
        """Tell the salesperson about locked usage that a settlement has brought.

        One activity per account is open at a time: it is brought up to date as long as
        usage waits, and done when none does any more. Without a salesperson who may see
        the account, new locked usage is written into the chatter. An activity that
        somebody has closed comes back with more usage only.

        :param statements: what was settled just now
        """
        if "locked" not in statements.line_ids.mapped("status"):
            # Whatever locks or unlocks usage leaves such a line.
            return
        for account in self.sudo():
            locked = account._get_locked_usage(statements)
            activity = account.locked_activity_id.filtered("active")
            if not locked:
                if activity:
                    activity.action_feedback(
                        feedback=account.env._("No usage waits for a decision any more.")
                    )
            elif activity:
                note = account._get_locked_note(locked, activity.user_id)
                if activity.note != note:
                    activity.note = note
            elif any(one.is_new for one in locked):
                account._announce_locked_usage(locked)

    def _announce_locked_usage(self, locked):
        """Give the salesperson something to do, or else leave a message."""
        user = self._get_user_to_notify()
        summary = self.with_context(lang=user.lang).env._("Decide on locked usage")
        note = self._get_locked_note(locked, user)
        self.locked_activity_id = self._tell(user, summary, note)

    def _tell(self, user, summary, note):
        """Give a user something to do, or without one leave a message.

        :return: the activity, or none
        """
        if not user:
            self.message_post(body=note)
            return self.env["mail.activity"]
        return self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=summary,
            note=note,
            date_deadline=self.company_id._trtc_today(),
            user_id=user.id,
        )

    def _get_user_to_notify(self):
        """Return the user who is told what needs a person, or none."""
        user = self.user_id
        sees = user.active and self.with_user(user).with_context(
            allowed_company_ids=user.company_ids.ids
        ).has_access("read")
        return user if sees else user.browse()

    def _get_locked_usage(self, statements):
        """Return [:class:`LockedUsage`] of this account, over all revisions.

        :param statements: those that make it new
        """
        lines = self.env["trtc.statement.line"]
        lines.flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT application_id, item_id, min(date), max(date),
                       sum(quantity)::text, sum(amount)::text, bool_or(is_new)
                  FROM (SELECT application_id, item_id, date,
                               sum(locked_quantity) AS quantity,
                               sum(locked_quantity * price_unit) AS amount,
                               bool_or(quantity > 0 AND statement_id = ANY(%(statements)s))
                                   AS is_new
                          FROM trtc_statement_line
                         WHERE account_id = %(account)s AND status = 'locked'
                         GROUP BY application_id, item_id, date
                        HAVING sum(locked_quantity) <> 0) AS locked
                 GROUP BY application_id, item_id
                 ORDER BY item_id, application_id
                """,
                account=self.id,
                statements=statements.ids,
            )
        )
        applications, items = self.env["trtc.application"], self.env["trtc.item"]
        return [
            LockedUsage(
                applications.browse(application_id),
                items.browse(item_id),
                periods.period_of(first, items.browse(item_id).cycle)[0],
                last,
                Decimal(quantity),
                Decimal(amount),
                is_new,
            )
            for application_id, item_id, first, last, quantity, amount, is_new in rows
        ]

    def _get_locked_note(self, locked, user):
        """Return, in the language of a user, what waits and what to do about it."""
        self = self.with_context(lang=user.lang or self.env.lang)
        action = self.env.ref("trtc_billing.trtc_statement_line_pending_action")
        lines = Markup().join(self._get_locked_note_line(one) for one in locked)
        return Markup(
            '<p>{intro}</p><ul>{lines}</ul><p>{to_do} <a href="{url}">{where}</a></p>'
        ).format(
            intro=self.env._(
                "This usage needs a feature that the edition of the application did not unlock:"
            ),
            lines=lines,
            to_do=self.env._("Bill it, waive it or unlock it by an edition:"),
            url=f"/odoo/{action.path}",
            where=self.env._("TRTC Billing / Billing / To Decide"),
        )

    def _get_locked_note_line(self, usage):
        item = usage.item.with_env(self.env)
        text = self.env._(
            "%(application)s: %(quantity)s × %(unit)s of %(item)s, %(date_from)s to %(date_to)s",
            application=usage.application.display_name or self.display_name,
            quantity=show_figure(self.env, usage.quantity),
            unit=item.uom_id.name,
            item=item.name,
            date_from=usage.date_from,
            date_to=usage.date_to,
        )
        if usage.amount:
            amount = self.currency_id.round(float(usage.amount))
            text = self.env._(
                "%(usage)s; worth %(amount)s before free quantities",
                usage=text,
                amount=show_money(self.env, amount, self.currency_id),
            )
        return Markup("<li>{text}</li>").format(text=text)
