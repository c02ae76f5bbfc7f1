from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..rating import fees, periods
from .figures import show_figure

#: A monthly package comes back in full until this day, the day of purchase being the first.
REFUND_DAYS = 5


class Upgrade(NamedTuple):
    """What an upgrade comes to; see :meth:`TrtcSubscription._get_upgrades`."""

    #: the fee that paid the term
    fee: object
    first: object
    last: object
    remaining: int
    total: int
    #: list price of the new edition, price of the current one, for the whole term
    list_price: Decimal
    current_price: Decimal
    price: Decimal
    minutes: Decimal


class TrtcSubscription(models.Model):
    # A room of its own: terms, their fees and minutes.
    _inherit = "trtc.subscription"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_next_term(self):
        """Return (first day, last day) of the next monthly term to open, or None."""
        self.ensure_one()
        first = self.date_start
        if self.paid_until:
            first = periods.next_day(self.paid_until)
        elif self.fee_from:
            first = self.fee_from
        if self.refunded or (self.date_end and first > self.date_end):
            return None
        return first, periods.month_term(first, self.date_anchor or self.date_start)

    def _open_terms(self, limit):
        """Make the fee and the pack of every term that begins until a day.

        A term without a price waits: it is billed once there is one. Renewals are
        charged at the price that the pricelist has on the day of the renewal.
        """
        self.ensure_one()
        while (term := self._get_next_term()) and term[0] <= limit:
            price = self._get_list_price(self.edition_id, term[0])
            if price is None:
                self._notify_missing_fee(term[0])
                return
            self._create_term(term, price)

    def _get_list_price(self, edition, day):
        """Return the price of a month of an edition on a day, or None."""
        return self.account_id._get_edition_price(edition, day)

    def _create_term(self, term, list_price, price=None):
        """Make the fee and the pack of one term; return the fee.

        :param tuple term: (first day, last day)
        :param Decimal price: what is paid, where it is not the list price
        """
        self.ensure_one()
        fee = self.env["trtc.fee"].create(self._prepare_term(term, list_price, price))
        self._create_pack(fee, self.edition_id, Decimal(repr(self.edition_id.included_minutes)))
        self.application_id._resume("free_minutes", term[0])
        return fee

    def _prepare_term(self, term, list_price, price=None):
        """Return the values of the fee of a term."""
        account = self.account_id
        translated = self.with_context(lang=account._get_customer_lang(term[0]))
        return account._prepare_fee(
            "term",
            self.edition_id.fee_product_id,
            list_price if price is None else price,
            *term,
            name=translated.env._(
                "Edition %(edition)s, %(application)s",
                edition=translated.edition_id.name,
                application=self.application_id.display_name,
            ),
            application_id=self.application_id.id,
            subscription_id=self.id,
            list_amount=list_price,
        )

    def _create_pack(self, fee, edition, minutes):
        """Make the pack of the minutes that a fee includes, if any."""
        if minutes <= 0:
            return self.env["trtc.minute.pack"]
        return self.env["trtc.minute.pack"].create(
            {
                "name": self.env._("Minutes of the edition %(edition)s", edition=edition.name),
                "account_id": self.account_id.id,
                "application_id": self.application_id.id,
                "kind": "edition",
                "minutes": minutes,
                "date_start": fee.date_from,
                "date_end": fee.date_to,
                "fee_id": fee.id,
            }
        )

    def _notify_missing_fee(self, day):
        """Say, once, that a term cannot be billed for want of a price."""
        self.ensure_one()
        account = self.account_id
        summary = self.env._("No fee price: %(edition)s", edition=self.edition_id.name)
        if not account.user_id or account.activity_ids.filtered(lambda a: a.summary == summary):
            return
        account.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=summary,
            date_deadline=account.company_id._trtc_today(),
            note=self.env._(
                "The pricelist %(pricelist)s has no price for the fee of the edition "
                "%(edition)s: %(subscription)s is not billed from %(date)s on, and its included "
                "minutes are not granted. Add a rule for the product %(product)s; the next run "
                "then bills all terms since.",
                pricelist=account.pricelist_id.name,
                edition=self.edition_id.name,
                subscription=self.display_name,
                date=format_date(self.env, day),
                product=self.edition_id.fee_product_id.display_name,
            ),
            user_id=account.user_id.id,
        )

    # === UPGRADE === #

    def _get_upgrades(self, edition, day):
        """Return an :class:`Upgrade` for each paid term from a day on, the oldest first.

        :raise UserError: where Tencent's rules or missing prices do not allow it
        """
        self.ensure_one()
        if edition.sequence <= self.edition_id.sequence:
            raise UserError(
                self.env._(
                    "%(current)s can only be upgraded to a higher edition, and %(new)s is none. "
                    "Let the subscription end, and buy the other edition then.",
                    current=self.edition_id.name,
                    new=edition.name,
                )
            )
        obstacle = self._get_term_obstacle(day)
        if obstacle:
            raise UserError(obstacle)
        # Terms that are paid in advance are upgraded as well, each for all of its days.
        later = self._get_paid_fees().filtered(lambda fee: fee.date_from > day)
        days = [day, *sorted(set(later.mapped("date_from")))]
        return [self._get_upgrade(edition, first, self._get_fee_at(first)) for first in days]

    def _get_upgrade(self, edition, day, fee):
        """Return the :class:`Upgrade` of the term that a fee paid, from a day on."""
        first = periods.anchored_period(fee.date_to, self.date_anchor or self.date_start)[1]
        remaining, total = fees.remaining_days(day, first, fee.date_to)
        list_price = self._get_list_price(edition, day)
        if list_price is None:
            raise UserError(
                self.env._(
                    "The pricelist %(pricelist)s has no price for the fee of the edition "
                    "%(edition)s: add it first.",
                    pricelist=self.account_id.pricelist_id.name,
                    edition=edition.name,
                )
            )
        # What was paid for a whole term: its list price then, or less where it was cheaper.
        is_term = fee.kind == "term"
        current = Decimal(repr(fee.amount if is_term else fee.list_amount))
        granted = sum(fee.pack_ids.mapped("minutes")) if is_term else None
        included = self.edition_id.included_minutes if granted is None else granted
        rounding = Decimal(repr(self.account_id.currency_id.rounding))
        return Upgrade(
            fee=fee,
            first=day,
            last=fee.date_to,
            remaining=remaining,
            total=total,
            list_price=list_price,
            current_price=current,
            price=fees.upgrade_price(list_price, current, remaining, total, rounding),
            minutes=fees.upgrade_minutes(
                Decimal(repr(edition.included_minutes)),
                Decimal(repr(included)),
                remaining,
                total,
            ),
        )

    def _get_paid_fees(self):
        """Return the fees of the terms of this subscription, upgrades included."""
        return self.fee_ids.filtered(lambda fee: fee.kind in ("term", "upgrade"))

    def _get_fee_at(self, day):
        """Return the fee of the paid term in which this subscription holds on a day, or none."""
        if self.refunded or (self.date_end and self.date_end < day):
            return self.env["trtc.fee"]
        paid = self._get_paid_fees().filtered(lambda fee: fee.date_from <= day <= fee.date_to)
        return paid.sorted("id")[-1:]

    def _get_term_obstacle(self, day):
        """Return why there is no term on a day that could be upgraded or refunded."""
        self.ensure_one()
        fee = self._get_fee_at(day)
        if not fee:
            return self.env._(
                "%(subscription)s has no paid term on %(date)s that could be upgraded or "
                "refunded: buy the edition instead.",
                subscription=self.display_name,
                date=format_date(self.env, day),
            )
        if self.upgrade_ids:
            return self.env._(
                "%(subscription)s is upgraded from %(date)s on already.",
                subscription=self.display_name,
                date=format_date(self.env, self.upgrade_ids[:1].date_start),
            )
        return ""

    def _upgrade(self, edition, day):
        """Let the application hold a higher edition from a day on; return the subscription.

        The new edition unlocks at once. The term keeps its last day and renews at the
        price of the new edition.
        """
        self.ensure_one()
        upgrades = self._get_upgrades(edition, day)
        subscription = self
        if day > self.date_start:
            date_end = self.date_end
            self.write({"date_end": day - timedelta(days=1)})
            subscription = self.create(
                {
                    "application_id": self.application_id.id,
                    "edition_id": edition.id,
                    "date_start": day,
                    "date_end": date_end,
                    "date_anchor": self.date_anchor or self.date_start,
                    "upgraded_from_id": self.id,
                }
            )
        else:
            self.edition_id = edition
        for upgrade in upgrades:
            fee = self.env["trtc.fee"].create(subscription._prepare_upgrade(upgrade))
            subscription._create_pack(fee, edition, upgrade.minutes)
            if not self.company_id.trtc_upgrade_keeps_minutes:
                upgrade.fee.pack_ids._end_before(day)
        subscription.application_id._resume("free_minutes", day)
        return subscription

    def _prepare_upgrade(self, upgrade):
        """Return the values of the fee of an upgrade to the edition that this one is now."""
        translated = self.with_context(lang=self.account_id._get_customer_lang(upgrade.first))
        term = upgrade.first, upgrade.last
        return {
            **self._prepare_term(term, upgrade.list_price, upgrade.price),
            "kind": "upgrade",
            "name": translated.env._(
                "Upgrade to edition %(edition)s, %(application)s",
                edition=translated.edition_id.name,
                application=self.application_id.display_name,
            ),
            "explanation": translated._describe_upgrade(upgrade),
        }

    def _describe_upgrade(self, upgrade):
        """Return in words how the price of an upgrade comes to be."""
        decimals = self.account_id.currency_id.decimal_places
        return self.env._(
            "(%(new)s - %(current)s) × %(remaining)s of %(total)s days = %(price)s",
            new=show_figure(self.env, upgrade.list_price, decimals),
            current=show_figure(self.env, upgrade.current_price, decimals),
            remaining=upgrade.remaining,
            total=upgrade.total,
            price=show_figure(self.env, upgrade.price, decimals),
        )

    # === REFUND === #

    def _get_refund_obstacle(self, day):
        """Return why the current term cannot be refunded on a day, or nothing."""
        self.ensure_one()
        obstacle = self._get_term_obstacle(day)
        if obstacle:
            return obstacle
        fee = self._get_fee_at(day)
        if fee.date_to < self.paid_until:
            return self.env._(
                "%(subscription)s is paid until %(last)s: only its newest term, from %(first)s "
                "on, can be refunded.",
                subscription=self.display_name,
                last=format_date(self.env, self.paid_until),
                first=format_date(self.env, periods.next_day(fee.date_to)),
            )
        if fee._is_credited():
            return self.env._(
                "%(invoice)s, which bills this term, was credited already.",
                invoice=fee.move_id.display_name,
            )
        if fee.kind == "upgrade":
            # Alone it would take the edition away, and keep what was paid for the term.
            return self.env._("An upgraded term cannot be refunded.")
        last = fee.date_from + timedelta(days=REFUND_DAYS - 1)
        if day > last:
            return self.env._(
                "A term can be refunded within %(days)s days, here until %(date)s.",
                days=REFUND_DAYS,
                date=format_date(self.env, last),
            )
        if fee.pack_ids.filtered("minutes_drawn"):
            return self.env._("Included minutes were used already.")
        if self._has_unsettled_usage(fee):
            return self.env._(
                "The application has usage since %(date)s that is not settled yet, so included "
                "minutes may be used already. Settle it first.",
                date=format_date(self.env, fee.date_from),
            )
        if self.application_id.suspension_ids.filtered(
            lambda s: s.reason == "violation" and not s.date_end
        ):
            return self.env._("The application is suspended for a violation of terms.")
        return ""

    def _has_unsettled_usage(self, fee):
        """Tell whether usage since a term began may yet draw from its included minutes."""
        ratios = fee.pack_ids[:1]._get_ratios() if fee.pack_ids else ()
        items = self.env["trtc.item"].union(*ratios)
        notes = self.env["trtc.settlement.note"].sudo().search(
            [
                ("account_id", "=", self.account_id.id),
                ("item_id", "in", items.ids),
                ("date_to", ">=", fee.date_from),
            ]
        )
        return bool(
            self.env["trtc.usage"]
            .sudo()
            .search_count(
                [
                    ("application_id", "=", self.application_id.id),
                    ("item_id", "in", items.ids),
                    ("state", "=", "current"),
                    ("is_held", "=", False),
                    ("date", "in", notes.mapped("date_to")),
                    ("quantity", ">", 0),
                ],
                limit=1,
            )
        )

    def _refund(self, day):
        """Take the current term back; the edition holds until the day before.

        :raise UserError: where Tencent's rules do not allow it
        """
        self.ensure_one()
        obstacle = self._get_refund_obstacle(day)
        if obstacle:
            raise UserError(obstacle)
        refunds = self._get_fee_at(day)._refund()
        self.write(
            {"refunded": True, "date_end": max(day - timedelta(days=1), self.date_start)}
        )
        return refunds
