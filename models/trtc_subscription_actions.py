from odoo import api, fields, models
from odoo.exceptions import UserError

from ..rating import periods


class TrtcSubscription(models.Model):
    # A room of its own: what the buttons of a subscription do.
    _inherit = "trtc.subscription"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    is_trial = fields.Boolean(compute="_compute_is_trial")

    # === COMPUTE === #

    @api.depends("edition_id.trial_days")
    def _compute_is_trial(self):
        for subscription in self:
            subscription.is_trial = subscription.edition_id.trial_days > 0

    # === ACTION === #

    def action_stop_renewal(self):
        """Let these subscriptions end with the term that runs, or is paid for."""
        for subscription in self:
            subscription._check_goes_on()
            last = subscription._get_last_day_of_term()
            if not subscription.date_end or subscription.date_end > last:
                subscription.date_end = last

    def action_renew(self):
        """Let these subscriptions renew, as long as they have not ended."""
        for subscription in self:
            subscription._check_goes_on()
            if subscription.is_trial:
                raise UserError(
                    self.env._("A trial does not renew: buy an edition from the day after it.")
                )
            subscription.date_end = False

    def action_upgrade(self):
        """Open the wizard that upgrades this subscription."""
        self._check_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("trtc_billing.trtc_subscribe_action")
        action["name"] = self.env._("Upgrade")
        action["context"] = {
            "default_application_id": self.application_id.id,
            "default_subscription_id": self.id,
        }
        return action

    def action_refund(self):
        """Settle what is over, and show what would come back."""
        self._check_one()
        self.check_access("write")
        self.account_id.settle(self.company_id._trtc_last_ended_day())
        action = self.env["ir.actions.act_window"]._for_xml_id("trtc_billing.trtc_refund_action")
        action["context"] = {"default_subscription_id": self.id}
        return action

    # === BUSINESS === #

    def _check_goes_on(self):
        """Raise if this subscription has ended, so that its renewal cannot change."""
        self.check_access("write")
        if self.state in ("ended", "refunded"):
            raise UserError(
                self.env._(
                    "%(subscription)s has ended. Buy the edition again instead.",
                    subscription=self.display_name,
                )
            )

    def _get_last_day_of_term(self):
        """Return the last day of the term that holds today, or that is paid for."""
        self.ensure_one()
        day = max(self.company_id._trtc_today(), self.date_start)
        last = periods.anchored_period(day, self.date_anchor or self.date_start)[2]
        return max(last, self.paid_until or last)
