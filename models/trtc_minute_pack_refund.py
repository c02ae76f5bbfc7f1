from decimal import Decimal
from typing import NamedTuple

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..rating import fees, prices
from .exact import QUANTITY_DIGITS, Exact
from .figures import show_figure, show_money


class PackRefund(NamedTuple):
    """What comes back for a pack; see :meth:`TrtcMinutePack._get_refund`."""

    paid: Decimal
    used: Decimal
    #: price of a minute at the step that the used minutes reach
    price: Decimal
    #: what was paid as a part of the list price
    discount: Decimal
    amount: Decimal


class TrtcMinutePack(models.Model):
    # A room of its own: prepaid minutes that are taken back.
    _inherit = "trtc.minute.pack"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    minutes_sold = Exact(
        digits=QUANTITY_DIGITS,
        readonly=True,
        copy=False,
        string="Sold",
        help="What a refunded pack held before what was left of it was taken back.",
    )

    # === ACTION === #

    def action_refund(self):
        """Settle what is over, and show what would come back."""
        self._check_one()
        self.check_access("write")
        self.account_id.settle(self.company_id._trtc_last_ended_day())
        action = self.env["ir.actions.act_window"]._for_xml_id("trtc_billing.trtc_refund_action")
        action["context"] = {"default_pack_id": self.id}
        return action

    # === BUSINESS === #

    def _get_refund(self):
        """Return the :class:`PackRefund` of this pack, by the minutes settled so far.

        Used minutes are charged at the price that buying just them would have had. An
        unused pack thereby comes back in full: within five days, as Tencent promises once
        per account, and later on as well, as its formula says.
        """
        self.ensure_one()
        fee, rounding = self.fee_id, Decimal(repr(self.account_id.currency_id.rounding))
        paid, used = Decimal(repr(fee.amount)), Decimal(repr(self.minutes_drawn))
        listed = Decimal(repr(fee.list_amount))
        discount = paid / listed if listed else Decimal(1)
        steps = self.account_id._get_pack_steps(fee.date_from)
        step = prices.step_at(used, steps)
        return PackRefund(
            paid=paid,
            used=used,
            price=step.price if step else Decimal(0),
            discount=discount,
            amount=fees.pack_refund(paid, used, steps, rounding, discount),
        )

    def _get_refund_obstacle(self, day):
        """Return why this pack cannot be refunded on a day, or nothing."""
        self.ensure_one()
        if self.refunded:
            return self.env._("This pack was refunded already.")
        if self.kind != "prepaid" or not self.fee_id:
            return self.env._("Only prepaid minutes that were sold can be refunded.")
        if self.fee_id._is_credited():
            return self.env._("A credit note takes back what was paid for it already.")
        if self.date_end < day:
            return self.env._(
                "The pack ended on %(date)s: what was left has lapsed.",
                date=format_date(self.env, self.date_end),
            )
        if not self._get_refund().amount:
            return self.env._("The minutes that were used cost what was paid: nothing is left.")
        return ""

    def _describe_refund(self):
        """Return in words how the amount of a refund comes to be."""
        refund, currency = self._get_refund(), self.fee_id.currency_id
        if not refund.used:
            return self.env._("No minute was used: all that was paid comes back.")
        parts = {
            "paid": show_money(self.env, refund.paid, currency),
            "used": show_figure(self.env, refund.used),
            "price": show_money(self.env, refund.price, currency),
            "amount": show_money(self.env, refund.amount, currency),
        }
        if refund.discount == 1:
            return self.env._("%(paid)s - %(used)s used minutes × %(price)s = %(amount)s", **parts)
        return self.env._(
            "%(paid)s - %(used)s used minutes × %(price)s × %(discount)s (price paid / list "
            "price) = %(amount)s",
            discount=show_figure(self.env, round(refund.discount, 6)),
            **parts,
        )

    def _refund(self, day):
        """Take this pack back; what was drawn stays covered. Return the refund, if any.

        A fee that no invoice holds yet is deleted where all of it comes back.

        :raise AccessError: for a user who may not change packs
        :raise UserError: where it cannot be refunded
        """
        self.ensure_one()
        self.check_access("write")
        obstacle = self._get_refund_obstacle(day)
        if obstacle:
            raise UserError(obstacle)
        refund = self._get_refund()
        charged = self.account_id._for_customer(self.fee_id.commercial_partner_id)
        in_words = self.with_context(lang=charged._get_customer_lang())
        # The rights are checked: fees are made by these methods only.
        return self.fee_id.sudo()._refund(
            refund.amount if refund.used else None, in_words._describe_refund()
        )

    def _withdraw(self):
        """Let these packs give no further minutes; what they covered stays covered.

        They end before today, so that minutes which restated usage gives back cover no later
        day.
        """
        for pack in self:
            pack._end_before(pack.company_id._trtc_today())
            pack.write(
                {
                    "minutes": pack.minutes_drawn,
                    "minutes_sold": pack.minutes_sold or pack.minutes,
                    "refunded": True,
                }
            )
