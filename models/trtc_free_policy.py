from odoo import fields, models
from odoo.exceptions import UserError

from ..rating import periods
from .exact import QUANTITY_DIGITS, Exact


class TrtcFreePolicy(models.Model):
    """A rule of free minutes; Tencent changed it several times (DOMAIN.md section 2)."""

    _name = "trtc.free.policy"
    _description = "TRTC Free Minutes Policy"
    _inherit = ["trtc.given", "trtc.kept", "trtc.catalogue"]
    _order = "sequence, id"

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    minutes = Exact(
        required=True, digits=QUANTITY_DIGITS, help="Free minutes of each cycle."
    )
    cycle = fields.Selection(
        [
            ("calendar", "Calendar month"),
            ("anchored", "Month from the day received"),
            ("once", "Once, until the end of the same month next year"),
        ],
        required=True,
        default="anchored",
    )
    months_max = fields.Integer(
        string="Cycles at Most", help="How many cycles are granted; 0: without end."
    )
    requires_edition = fields.Boolean(
        help="A cycle is granted only if an application of the account holds an edition "
        "(the trial counts) on a day of it."
    )
    when_used_up = fields.Selection(
        [("payg", "Pay as you go"), ("suspend", "Suspend the applications")],
        required=True,
        default="payg",
        help="What happens to usage beyond the free minutes. An application that is "
        "suspended comes back when a pack or an edition is bought.",
    )
    ratio_table_id = fields.Many2one(
        "trtc.ratio.table",
        string="Deduction Ratios",
        ondelete="restrict",
        help="Which items draw, and how many minutes each unit costs. Empty: the free-minute "
        "ratios of the billing items.",
    )
    era = fields.Char(translate=True, help="When Tencent's rule was in force; for information.")
    source = fields.Char(help="The document that states the rule.")
    note = fields.Text(translate=True)

    _minutes_not_negative = models.Constraint(
        "CHECK (minutes >= 0)", "Free minutes cannot be negative."
    )
    _months_not_negative = models.Constraint(
        "CHECK (months_max >= 0)", "The number of cycles cannot be negative."
    )

    # === CRUD === #

    def write(self, vals):
        self.check_access("write")
        if {"minutes", "cycle", "months_max", "requires_edition"} & set(vals):
            self._check_not_granted()
        if "ratio_table_id" in vals:
            self._get_packs()._note_for_settlement()
        result = super().write(vals)
        if "ratio_table_id" in vals:
            self._get_packs()._note_for_settlement()
        return result

    def _check_deletable(self):
        super()._check_deletable()
        self._check_not_granted()

    def _check_not_granted(self):
        """Raise if minutes were granted by these policies."""
        granted = self._get_packs().policy_id[:1]
        if granted:
            raise UserError(
                self.env._(
                    "Minutes were granted by the policy %(policy)s: it stays as it was. Make a "
                    "new policy, and give it to the accounts from a day on.",
                    policy=granted.name,
                )
            )

    # === BUSINESS === #

    def _get_packs(self):
        return self.env["trtc.minute.pack"].sudo().search([("policy_id", "in", self.ids)])

    def _get_cycle(self, day, received):
        """Return (first day, last day) of the cycle that a day belongs to, or None.

        :param date day: a billing day
        :param received: the day on which the account received its first free minutes;
            without one the cycles are calendar months without a beginning
        """
        self.ensure_one()
        if not received:
            return periods.period_of(day, periods.MONTH)
        if day < received:
            return None
        if self.cycle == "once":
            last = periods.year_term(received)
            return (received, last) if day <= last else None
        if self.cycle == "anchored":
            number, first, last = periods.anchored_period(day, received)
        else:
            first, last = periods.period_of(day, periods.MONTH)
            number = (day.year - received.year) * 12 + day.month - received.month
            first = max(first, received)
        return None if self.months_max and number >= self.months_max else (first, last)

    def _has_granted(self, cycle, packs):
        """Tell whether the minutes of a cycle are among the packs that this policy granted.

        A part of the cycle may have been covered by another policy at that time.
        """
        self.ensure_one()
        if self.cycle == "once":
            return bool(packs)
        return any(
            cycle[0] <= pack.date_start and pack.date_end <= cycle[1] for pack in packs
        )

    def _needs_free_from(self):
        """Tell whether cycles cannot be told without the day received."""
        return bool(self) and (self.cycle == "once" or self.months_max > 0)
