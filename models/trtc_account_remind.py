import logging
from datetime import timedelta

from psycopg2 import IntegrityError, OperationalError

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .thread import TO_CUSTOMER

_logger = logging.getLogger(__name__)


class TrtcAccount(models.Model):
    # A room of its own: what follows from arrears, step by step.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    def write(self, vals):
        result = super().write(vals)
        if vals.get("arrears_exempt"):
            # What was suspended goes on at once. Reminders are left to the scheduled action:
            # a tick that is taken back by mistake has sent nothing.
            self.sudo()._follow_arrears()
        return result

    # === STEPS === #

    def _get_arrears_step(self, arrears, episode):
        """Return what is to do for this account now, or None.

        :param arrears: :class:`Arrears` or None
        :param episode: the open ``trtc.arrears``, or none
        :return: ``begin``, ``remind``, ``suspend``, ``resume``, or how the episode ends:
            ``settled``, ``exempt``, ``off``
        """
        self.ensure_one()
        company = self.company_id
        if not episode:
            return "begin" if self._is_to_remind(arrears) else None
        if self.arrears_exempt:
            return "exempt"
        if company.trtc_arrears_policy == "none":
            return "off"
        # The invoices of the reminder count: what falls due later has a reminder of its own.
        named = arrears and arrears.only(episode.move_ids.ids)
        if not named or self._is_small(named):
            return "settled"
        if not episode.reminded_at:
            may = episode.partner_id.email and not self._is_covered(arrears)
            return "remind" if may else None
        deadline = episode._get_deadline()
        over = deadline and deadline <= self.env.cr.now() and not self._is_covered(arrears)
        if over and not episode.suspended_at:
            return "suspend"
        if episode.suspended_at and not over:
            return "resume"
        return None

    def _is_to_remind(self, arrears):
        """Tell whether a new episode begins."""
        company = self.company_id
        if not arrears or self.arrears_exempt or company.trtc_arrears_policy == "none":
            return False
        return (
            self._get_reminder_day(arrears) < company._trtc_today()
            and not self._is_small(arrears)
            and not self._is_covered(arrears)
        )

    def _get_reminder_day(self, arrears):
        """Return the last day on which the customer is not reminded yet."""
        return arrears.since + timedelta(days=self.company_id.trtc_arrears_days)

    def _is_small(self, arrears):
        """Tell whether so little is overdue that nothing follows."""
        company = self.company_id
        return company.currency_id.compare_amounts(
            arrears.get_residual(), company.trtc_arrears_minimum
        ) < 0  # fmt: skip

    def _is_covered(self, arrears):
        """Tell whether credits that are not reconciled yet would pay what is overdue.

        All that is overdue of the customer: a credit pays one account once.

        Nobody is reminded or suspended for what the accountant has still to reconcile.
        """
        currency = self.company_id.currency_id
        owed = max(float(arrears.customer_residual), arrears.get_residual())
        return currency.compare_amounts(float(arrears.credit), owed) >= 0

    def _get_next_step(self, arrears, episode):
        """Return in words, for the staff, what happens next and when; False without arrears."""
        if not arrears:
            return False
        company = self.company_id
        if self.arrears_exempt:
            return self.env._("Nothing follows: the arrears of this account are handled elsewhere.")
        if company.trtc_arrears_policy == "none":
            return self.env._("Nothing follows: the settings of TRTC Billing send no reminders.")
        if self._is_small(arrears):
            return self.env._("Nothing follows: it is less than the minimum in the settings.")
        if not episode or not episode.reminded_at:
            return self._get_step_before_reminder(arrears, episode)
        return self._get_step_after_reminder(arrears, episode.with_env(self.env))

    def _get_step_before_reminder(self, arrears, episode):
        """Return in words what happens to a customer who was not reminded yet."""
        if self._is_covered(arrears):
            return self.env._(
                "Nothing follows: credits of the customer cover it. Reconcile them with the "
                "invoices."
            )
        if episode and not episode.partner_id.email:
            return self.env._(
                "%(partner)s has no e-mail address: not reminded, and therefore not suspended. "
                "Enter one, and the reminder follows.",
                partner=episode.partner_id.display_name,
            )
        day = self._get_reminder_day(arrears)
        if day < self.company_id._trtc_today():
            return self.env._("The customer is reminded with the next hourly run.")
        return self.env._(
            "The customer is reminded after %(date)s.", date=format_date(self.env, day)
        )

    def _get_step_after_reminder(self, arrears, episode):
        """Return in words what happens to a customer who was reminded."""
        values = {"reminded": episode._show_moment(episode.reminded_at)}
        if not episode._get_deadline():
            return self.env._("Reminded on %(reminded)s. Nothing else follows.", **values)
        if episode.suspended_at and episode._is_suspended():
            return self.env._(
                "Reminded on %(reminded)s, suspended since %(suspended)s. The applications go "
                "on as soon as it is paid.",
                suspended=episode._show_moment(episode.suspended_at),
                **values,
            )
        if self._is_covered(arrears):
            return self.env._(
                "Reminded on %(reminded)s. Not suspended, as credits of the customer cover it: "
                "reconcile them with the invoices.",
                **values,
            )
        return self.env._(
            "Reminded on %(reminded)s. The applications are suspended after %(deadline)s "
            "unless it is paid.",
            deadline=episode._show_deadline(),
            **values,
        )

    # === RUN === #

    @api.model
    def _cron_follow_arrears(self, limit=500):
        """Remind, suspend and resume: hourly, account by account.

        :param int limit: accounts of one run; the rest comes with the next one
        """
        accounts = self.search([("active", "in", (True, False))])._filter_arrears_to_follow()
        progress = self.env["ir.cron"]
        progress._commit_progress(remaining=len(accounts))
        for account in accounts[:limit]:
            try:
                if account._lock_for_billing():
                    account._follow_arrears_safely()
            except OperationalError:
                # Somebody booked on it meanwhile: the next run looks at it again.
                self.env.cr.rollback()
            if not progress._commit_progress(1):
                break

    def _filter_arrears_to_follow(self):
        """Return those accounts for which there is a step to do, the oldest debt first."""
        found, episodes = self._get_arrears(), self._get_open_episodes()
        none = self.env["trtc.arrears"]
        # An account that is exempt or paid has an episode, but owes nothing.
        accounts = self.browse(dict.fromkeys(a.id for a in (*episodes, *found)))
        return accounts.filtered(
            lambda account: account._get_arrears_step(
                found.get(account), episodes.get(account, none)
            )
        ).sorted(lambda account: (account in found and str(found[account].since), account.id))

    def _follow_arrears(self):
        """Do all steps that these accounts wait for."""
        for account in self._filter_arrears_to_follow():
            account = account.company_id._trtc_in_billing_time(account)
            # An episode that ends may be followed by one for other invoices.
            for _number in range(4):
                arrears = account._get_arrears().get(account)
                none = self.env["trtc.arrears"]
                episode = account._get_open_episodes().get(account, none)
                step = account._get_arrears_step(arrears, episode)
                if not step:
                    break
                if step == "begin":
                    episode._begin(account, arrears)
                else:
                    episode._get_work(step)()

    def _follow_arrears_safely(self):
        """Follow the arrears of this account; if that fails, undo it and keep why.

        What provisions applications may fail in any way: it stops neither a payment nor the
        other accounts of a run, and the next run tries again.
        """
        try:
            with self.env.cr.savepoint():
                self._follow_arrears()
        except OperationalError:
            # Another transaction was faster: that is for whoever began this one.
            raise
        except IntegrityError as error:
            self._keep_arrears_error(self._get_broken_rule(error))
        except Exception as error:  # pylint: disable=broad-exception-caught
            if not isinstance(error, UserError):
                _logger.warning("Arrears of %s were not followed up", self, exc_info=True)
            self._keep_arrears_error(error)

    def _keep_arrears_error(self, error):
        """Write on the account, once a day, why its arrears were not followed up."""
        intro = self.env._("Arrears were not followed up, the next run tries again:")
        known = self.env["mail.message"].search_count(
            [
                ("model", "=", self._name),
                ("res_id", "=", self.id),
                ("date", ">", self.env.cr.now() - timedelta(days=1)),
                ("body", "ilike", intro),
            ],
            limit=1,
        )
        if not known:
            self.message_post(
                body=self.env._("%(intro)s %(error)s", intro=intro, error=str(error))
            )

    # === MESSAGES === #

    def _post_template(self, template, record, partner):
        """Post what a template says of a record in the chatter, to a partner by e-mail.

        In the language of the partner, as the template's own language field says.
        """
        values = template.sudo()._generate_template(
            record.ids, ("subject", "body_html", "email_from")
        )[record.id]
        return self.with_context(trtc_to_customer=TO_CUSTOMER).message_post(
            body=values["body_html"],
            subject=values["subject"],
            email_from=values.get("email_from") or None,
            partner_ids=partner.ids,
            subtype_xmlid="mail.mt_comment",
            email_layout_xmlid="mail.mail_notification_light",
            force_email_lang=partner.lang,
        )
