from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..rating import periods


class Plan(NamedTuple):
    """What buying an edition comes to; see :meth:`TrtcApplication._get_plan`."""

    #: the first term, or the trial
    first: object
    last: object
    #: the last day of the subscription; None: it renews
    date_end: object
    #: None where the pricelist has no price, and for what has no fee
    list_price: Decimal
    minutes: Decimal
    #: the running subscription that ends the day before, if any
    ends: object
    #: why it cannot be bought so, or nothing
    obstacle: str


class TrtcApplication(models.Model):
    # A room of its own: buying an edition.
    _inherit = "trtc.application"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_plan(self, edition, day, renew=True):
        """Return the :class:`Plan` of buying an edition from a day on; writes nothing.

        :param bool renew: whether the subscription goes on after its first term
        """
        self.ensure_one()
        if edition.trial_days:
            last = day + timedelta(days=edition.trial_days - 1)
            list_price, renew = None, False
        else:
            last = periods.month_term(day)
            list_price = self.account_id._get_edition_price(edition, day)
        date_end = None if renew else last
        running = self._get_subscription(day)
        paid = list_price is not None
        return Plan(
            first=day,
            last=last,
            date_end=date_end,
            list_price=list_price,
            minutes=Decimal(repr(edition.included_minutes)) if paid else Decimal(0),
            ends=running,
            obstacle=self._get_subscribe_obstacle(edition, day, date_end, running),
        )

    def _get_subscribe_obstacle(self, edition, day, date_end, running):
        """Return why an edition cannot be bought for some days, or nothing.

        A trial, or an edition whose fee is not billed, ends when another one is bought; a
        term that is paid does not.

        :param running: the subscription that holds on the first day, if any
        """
        if fee := running and running._get_fee_at(day):
            values = {
                "running": running.edition_id.name,
                "date": format_date(self.env, fee.date_to),
                "new": edition.name,
            }
            if edition.sequence > running.edition_id.sequence:
                return self.env._(
                    "%(running)s is paid until %(date)s: upgrade that subscription to %(new)s "
                    "instead.",
                    **values,
                )
            return self.env._(
                "%(running)s is paid until %(date)s, and there is no way down: stop its renewal, "
                "and buy %(new)s for the day after.",
                **values,
            )
        if running.date_start == day:
            return self.env._(
                "%(running)s begins on this very day: choose a later first day.",
                running=running.edition_id.name,
            )
        later = self.subscription_ids.filtered(
            lambda s: s.date_start > day and (not date_end or s.date_start <= date_end)
        ).sorted("date_start")[:1]
        if later:
            return self.env._(
                "%(later)s is planned from %(date)s on: move or delete that subscription first.",
                later=later.edition_id.name,
                date=format_date(self.env, later.date_start),
            )
        return ""

    def _subscribe(self, edition, day, renew=True, price=None, bill=True):
        """Let this application hold an edition from a day on; return the subscription.

        The first term is charged, and its minutes are granted, at once. Later ones follow
        with the run that they begin before, at the list price.

        :param date day: the first day; it may lie in the past
        :param bool renew: whether it goes on after the first term; a trial never does
        :param Decimal price: what is paid for the first term; default the list price
        :param bool bill: whether the fee is billed at all
        :raise AccessError: for a user who may not create subscriptions
        :raise UserError: where another subscription, or a missing price, does not allow it
        """
        self.ensure_one()
        subscriptions = self.env["trtc.subscription"]
        subscriptions.check_access("create")
        plan = self._get_plan(edition, day, renew)
        if plan.obstacle:
            raise UserError(plan.obstacle)
        bill = bill and bool(edition.fee_product_id) and not edition.trial_days
        if bill and plan.list_price is None:
            raise UserError(self._get_missing_price(edition, day))
        if price is not None and price < 0:
            raise UserError(self.env._("A price cannot be negative."))
        plan.ends.date_end = day - timedelta(days=1)
        subscription = subscriptions.create(
            {
                "application_id": self.id,
                "edition_id": edition.id,
                "date_start": day,
                "date_end": plan.date_end,
                "bill_fee": bill,
            }
        )
        if bill:
            price = None if price is None else self.account_id._round_fee(price)
            # The rights are checked: fees are made by these methods only.
            subscription.sudo()._create_term((plan.first, plan.last), plan.list_price, price)
        return subscription

    def _get_missing_price(self, edition, day):
        return self.env._(
            "The pricelist %(pricelist)s has no price for the product %(product)s: the edition "
            "%(edition)s is not sold at it.",
            pricelist=self.account_id._get_pricelist(day).name,
            product=edition.fee_product_id.display_name,
            edition=edition.name,
        )
