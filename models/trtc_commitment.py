from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

from ..rating import periods
from .exact import AMOUNT_DIGITS, Exact


class TrtcCommitment(models.Model):
    """What a customer agreed to use at least, in money, each month."""

    _name = "trtc.commitment"
    _description = "TRTC Minimum Commitment"
    _inherit = ["trtc.given", "trtc.kept", "trtc.entered"]
    _order = "account_id, date_start desc"
    _check_company_auto = True

    # === FIELDS === #

    account_id = fields.Many2one(
        "trtc.account", required=True, ondelete="restrict", index=True, check_company=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="account_id.currency_id")
    amount = Exact(
        string="Per Month",
        required=True,
        digits=AMOUNT_DIGITS,
        help="Without taxes. Where the usage of a month comes to less, a line on the invoice "
        "makes up for the difference.",
    )
    date_start = fields.Date(required=True, help="The first day of a month.")
    date_end = fields.Date(help="The last day of a month; empty: open.")
    fee_ids = fields.One2many("trtc.fee", "commitment_id", readonly=True)
    hint = fields.Char(compute="_compute_hint")

    _amount_not_negative = models.Constraint(
        "CHECK (amount >= 0)", "A minimum commitment cannot be negative."
    )
    _dates_ordered = models.Constraint(
        "CHECK (date_end IS NULL OR date_end >= date_start)",
        "A minimum commitment cannot end before it starts.",
    )
    _no_overlap = models.Constraint(
        "EXCLUDE USING gist (int4range(account_id, account_id, '[]'::text) WITH &&,"
        " daterange(date_start, date_end, '[]'::text) WITH &&)",
        "An account has one minimum commitment at a time: end the other one first.",
    )

    # === COMPUTE === #

    @api.depends("account_id", "date_start")
    def _compute_display_name(self):
        for commitment in self:
            commitment.display_name = self.env._(
                "Minimum commitment of %(account)s from %(date)s",
                account=commitment.account_id.display_name or "",
                date=commitment.date_start or "",
            )

    @api.depends("account_id", "amount", "date_start", "date_end")
    def _compute_hint(self):
        for commitment in self:
            commitment.hint = commitment._get_hint()

    def _get_hint(self):
        """Return which settled months the next run charges something for, or nothing."""
        account = self.account_id._origin
        open_from = account and account._get_first_unsettled_day()
        if not (open_from and self.date_start):
            return False
        # A month whose first days are settled and that is over: the rest had no usage.
        last = min(
            periods.last_ended(account.company_id._trtc_last_ended_day(), periods.MONTH),
            periods.period_of(open_from - timedelta(days=1), periods.MONTH)[1],
            self.date_end or date.max,
        )
        if self.date_start > last:
            return False
        used = account._get_usage_by_month(self.date_start, last)
        charged = self._origin._get_charged_by_month() if self._origin else {}
        months = [
            format_date(self.env, first, date_format="MMMM yyyy")
            for first in periods.months_of((self.date_start, last))
            if account._get_true_up(self, used.get(first, 0)) != charged.get(first, 0)
        ]
        if not months:
            return False
        if len(months) == 1:
            return self.env._(
                "%(month)s is settled already: the next run charges what it misses.",
                month=months[0],
            )
        return self.env._(
            "%(first)s to %(last)s are settled already: the next run charges what they miss.",
            first=months[0],
            last=months[-1],
        )

    # === CONSTRAINT === #

    @api.constrains("date_start", "date_end")
    def _check_whole_months(self):
        for commitment in self:
            first, _last = periods.period_of(commitment.date_start, periods.MONTH)
            end = commitment.date_end
            if commitment.date_start != first or (
                end and end != periods.period_of(end, periods.MONTH)[1]
            ):
                raise ValidationError(
                    self.env._(
                        "A minimum commitment holds for whole months: from the first day of a "
                        "month to the last day of a month."
                    )
                )

    @api.constrains("date_end")
    def _check_charged_months(self):
        for commitment in self:
            charged = commitment.sudo().fee_ids.mapped("date_to")
            if commitment.date_end and charged and commitment.date_end < max(charged):
                raise ValidationError(
                    self.env._(
                        "%(commitment)s was charged until %(month)s already: it can end with "
                        "that month at the earliest.",
                        commitment=commitment.display_name,
                        month=format_date(self.env, max(charged), date_format="MMMM yyyy"),
                    )
                )

    # === CRUD === #

    def _check_deletable(self):
        super()._check_deletable()
        charged = self.sudo().filtered("fee_ids")
        if charged:
            raise UserError(
                self.env._(
                    "Months of %(commitment)s are settled already: it cannot be deleted. End it "
                    "with the last day of a month instead.",
                    commitment=charged[0].display_name,
                )
            )

    def write(self, vals):
        self.check_access("write")
        settled = self.sudo().filtered("fee_ids")
        if settled and {"account_id", "amount", "date_start"} & set(vals):
            raise UserError(
                self.env._(
                    "Months of %(commitment)s are settled already. End it, and make a new one "
                    "from a later month on.",
                    commitment=settled[0].display_name,
                )
            )
        return super().write(vals)

    # === BUSINESS === #

    def _get_charged_by_month(self):
        """Return {first day of a month: exact amount charged for it so far}."""
        self.ensure_one()
        charged = defaultdict(Decimal)
        for fee in self.fee_ids:
            charged[fee.date_from] += Decimal(repr(fee.amount))
        return charged
