from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..rating import periods
from .markers import SETTLING


class Former:
    """In the context of an account: it is billed as what it was, to a former customer.

    A class of its own, so that no caller from outside can claim it.
    """

    __slots__ = ("partner",)

    def __init__(self, partner):
        self.partner = partner


class TrtcAccountCustomer(models.Model):
    """Whom an account was billed to before, until a day.

    What was settled until that day stays with that customer, and so does what is corrected
    in those days later.
    """

    _name = "trtc.account.customer"
    _description = "TRTC Former Customer of an Account"
    _inherit = ["trtc.sealed"]
    _order = "account_id, date_end, id"

    # === FIELDS === #

    account_id = fields.Many2one(
        "trtc.account", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True)
    commercial_partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        readonly=True,
        ondelete="restrict",
        index=True,
    )
    date_end = fields.Date(
        string="Until", required=True, readonly=True, help="The last day, in billing time."
    )

    # === COMPUTE === #

    @api.depends("account_id.name", "commercial_partner_id.name", "date_end")
    def _compute_display_name(self):
        for former in self:
            former.display_name = self.env._(
                "%(account)s: %(customer)s until %(day)s",
                account=former.account_id.name or "",
                customer=former.commercial_partner_id.name or "",
                day=former.date_end or "",
            )

    # === TOOLING === #

    def _get_seal_message(self):
        return self.env._(
            "The former customers of an account are recorded when the account moves. They cannot "
            "be changed."
        )


class TrtcAccount(models.Model):
    # Whom an account is billed to, and what becomes of it when a contact moves.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    # Chosen with the contact. Where the contact belongs later is no reason to bill, and to
    # show what was billed to, somebody else.
    commercial_partner_id = fields.Many2one(
        "res.partner",
        compute="_compute_commercial_partner_id",
        store=True,
        precompute=True,
        index=True,
        ondelete="restrict",
    )
    former_customer_ids = fields.One2many(
        "trtc.account.customer", "account_id", readonly=True, groups="base.group_user"
    )
    customer_hint = fields.Text(
        compute="_compute_customer_hint", compute_sudo=True, groups="base.group_user"
    )

    # === COMPUTE === #

    @api.depends("partner_id")
    def _compute_commercial_partner_id(self):
        for account in self:
            account.commercial_partner_id = account.partner_id.commercial_partner_id

    @api.depends_context("lang")
    @api.depends("partner_id.commercial_partner_id", "commercial_partner_id")
    def _compute_customer_hint(self):
        for account in self:
            account.customer_hint = account._is_contact_away() and self.env._(
                "%(contact)s belongs to %(other)s now. The account is still billed to "
                "%(customer)s. A manager moves it to %(other)s, or chooses a contact of "
                "%(customer)s as its customer.",
                contact=account.partner_id.name or account.partner_id.display_name,
                other=account.partner_id.commercial_partner_id.display_name,
                customer=account.commercial_partner_id.display_name,
            )

    # === CRUD === #

    def write(self, vals):
        if "partner_id" not in vals:
            return super().write(vals)
        # The contact that an account has is no choice of where that contact belongs by now.
        same = self.filtered(lambda account: account.partner_id.id == vals["partner_id"])
        if same:
            others = {name: value for name, value in vals.items() if name != "partner_id"}
            super(TrtcAccount, same).write(others)
        before = {account: account.commercial_partner_id for account in self - same}
        result = super(TrtcAccount, self - same).write(vals)
        changed = (self - same).filtered(lambda one: one.commercial_partner_id != before[one])
        changed.sudo().with_context(active_test=False).pack_ids._follow_customer()
        return result

    # === ACTION === #

    def action_move_customer(self):
        """Bill these accounts from today on to the company to which their contact belongs.

        :raise UserError: where a month that is billed as a whole would have two customers
        """
        self.check_access("write")
        for account in self:
            if not account._is_contact_away():
                raise UserError(
                    self.env._(
                        "The contact of %(account)s belongs to its customer: there is nothing to "
                        "move.",
                        account=account.display_name,
                    )
                )
            account.sudo()._move_to_customer(account.partner_id.commercial_partner_id)

    # === BUSINESS === #

    def _tell_of_moved_contact(self):
        """Tell the salesperson, in the chatter too, that the contact left the customer."""
        self.ensure_one()
        user = self._get_user_to_notify()
        self.message_post(
            body=self.with_context(lang=user.lang or self.env.lang).customer_hint,
            partner_ids=user.partner_id.ids,
        )

    def _is_contact_away(self):
        """Tell whether the contact of this account belongs to another company by now."""
        self.ensure_one()
        contact, customer = self.partner_id.commercial_partner_id, self.commercial_partner_id
        return bool(contact and customer and contact != customer)

    def _move_to_customer(self, customer):
        """Bill this account to another customer, from today on.

        What ended before is settled first, for whom it was used; it is invoiced to them,
        too. Remaining minutes stay with the account.
        """
        self.ensure_one()
        if not self._lock_for_billing():
            raise UserError(
                self.env._(
                    "A run is billing %(account)s just now. Try again when it has ended.",
                    account=self.display_name,
                )
            )
        obstacle = self._get_move_obstacle()
        if obstacle:
            raise UserError(obstacle)
        last = self.company_id._trtc_last_ended_day()
        self.settle(last)
        before = self.commercial_partner_id
        self.env["trtc.account.customer"].with_context(trtc_settling=SETTLING).create(
            {
                "account_id": self.id,
                "commercial_partner_id": before.id,
                "date_end": self.company_id._trtc_today() - timedelta(days=1),
            }
        )
        self.commercial_partner_id = customer
        packs = self.with_context(active_test=False).pack_ids
        packs._follow_customer()
        self.message_post(
            body=self.env._(
                "Moved from %(before)s to %(customer)s. What was settled until %(day)s stays with "
                "%(before)s and is invoiced there. Remaining minutes stay with the account.",
                before=before.display_name,
                customer=customer.display_name,
                day=last,
            )
        )

    def _get_move_obstacle(self):
        """Return why this account cannot move today, or nothing.

        What is billed for whole months has one customer in each of them. On the first day
        of a month nothing of it is the former customer's.
        """
        self.ensure_one()
        today = self.company_id._trtc_today()
        first, last = periods.period_of(today, periods.MONTH)
        if today == first:
            return False
        values = {
            "account": self.display_name,
            "day": format_date(self.env, periods.next_day(last)),
        }
        if self._has_monthly_usage(first):
            return self.env._(
                "%(account)s has usage of monthly items this month, which is billed to one "
                "customer. Move the account on the first day of a month: on %(day)s at the "
                "earliest.",
                **values,
            )
        if self.commitment_ids.filtered(
            lambda one: one.date_start <= today <= (one.date_end or today)
        ):
            return self.env._(
                "%(account)s has a minimum commitment this month, which is billed to one "
                "customer. Move the account on the first day of a month: on %(day)s at the "
                "earliest.",
                **values,
            )
        return False

    def _has_monthly_usage(self, day):
        """Tell whether usage of monthly items from a day on is in force, or may come into it."""
        return bool(
            self.env["trtc.usage"].search_count(
                [
                    ("account_id", "=", self.id),
                    ("state", "=", "current"),
                    ("review", "!=", "ignore"),
                    ("item_id.cycle", "=", "month"),
                    ("quantity", "!=", 0),
                    ("date", ">=", day),
                ],
                limit=1,
            )
        )

    def _get_customer_on(self, day):
        """Return whom usage of a period is settled for that ends on a day."""
        self.ensure_one()
        former = self.former_customer_ids.filtered(lambda one: one.date_end >= day)
        former = former.sorted(lambda one: (one.date_end, one.id))[:1]
        return former.commercial_partner_id or self.commercial_partner_id

    def _split_by_customer(self, found):
        """Return periods in lists, each of what is settled for one customer."""
        by_customer = defaultdict(list)
        for period in found:
            by_customer[self._get_customer_on(period[1])].append(period)
        return by_customer.values()

    def _for_customer(self, customer):
        """Return this account as it is billed to the current or a former customer."""
        self.ensure_one()
        if customer == self.commercial_partner_id:
            return self.with_context(trtc_customer=None) if self._get_former() else self
        return self.with_context(trtc_customer=Former(customer))

    def _get_former(self):
        """Return the former customer whom this account is billed to, or none."""
        former = self.env.context.get("trtc_customer")
        return former.partner if isinstance(former, Former) else self.env["res.partner"]

    def _get_billed_customer(self):
        """Return the customer whom invoices of this account bill."""
        self.ensure_one()
        return self._get_former() or self.commercial_partner_id

    def _get_addressee(self):
        """Return the contact whom invoices and letters of this account are for.

        One who belongs to another company by now gets none.
        """
        self.ensure_one()
        if self._get_former() or self._is_contact_away():
            return self._get_billed_customer()
        return self.partner_id

    def _get_as_billed(self, customers):
        """Return this locked account as it is billed to each former one of some customers."""
        self.ensure_one()
        return [self._for_customer(one) for one in customers - self.commercial_partner_id]

    def _get_customer_lang(self, day=None):
        """Return the language of whom documents of this account are for.

        :param date day: the last day of what they are about, which may be a former customer's
        """
        self.ensure_one()
        account = self._for_customer(self._get_customer_on(day)) if day else self
        return account._get_addressee().lang or self.env.lang
