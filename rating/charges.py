"""Charges, and the difference between two ratings of the same usage.

Cumulative rating (DESIGN.md, invariant 3): what is settled now is the rating of
the whole period so far minus what was settled before.  Late usage, restated
usage, a changed price and a changed edition thereby become one mechanism.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

ZERO = Decimal(0)

USAGE = "usage"
ROBOT = "robot"

BILLABLE = "billable"
LOCKED = "locked"
WAIVED = "waived"
UNPRICED = "unpriced"

#: The figures that add up; everything else on a charge says what they are of.
MEASURES = (
    "metered",
    "quantity",
    "free",
    "pack",
    "locked",
    "billable",
    "amount",
)


@dataclass(frozen=True)
class Charge:
    """One rated figure: so much of an item, for an application and a period.

    ``metered`` is in usage units, the other quantities in billing units; ``amount``
    in the currency of the price list, to 8 decimals.  For each charge::

        quantity == free + pack + locked + billable

    ``draws`` says which pools ``pack`` and a part of ``free`` were drawn from, as
    {pool: (units, minutes)}; see :mod:`.drawdown`.
    """

    period: tuple[date, date]
    item: str
    application: str | None
    status: str = BILLABLE
    kind: str = USAGE
    price: Decimal = ZERO
    metered: Decimal = ZERO
    quantity: Decimal = ZERO
    free: Decimal = ZERO
    pack: Decimal = ZERO
    locked: Decimal = ZERO
    billable: Decimal = ZERO
    amount: Decimal = ZERO
    draws: dict = field(default_factory=dict, hash=False)
    trace: dict = field(default_factory=dict, compare=False, hash=False)

    @property
    def key(self):
        """What two ratings must have in common to be compared."""
        price = self.price.normalize()
        return self.period, self.item, self.application, self.status, self.kind, price

    @property
    def is_zero(self):
        return not self.draws and not any(getattr(self, name) for name in MEASURES)

    def plus(self, other, sign=1):
        """Return this charge with the figures of ``other`` added (or taken off)."""
        return replace(
            self,
            **{
                name: getattr(self, name) + sign * getattr(other, name)
                for name in MEASURES
            },
            draws=_add_draws(self.draws, other.draws, sign),
        )


def _add_draws(draws, others, sign):
    """Return the draws of two charges, added up per pool; what cancels is left out."""
    sums = {key: tuple(figures) for key, figures in draws.items()}
    for key, figures in others.items():
        known = sums.get(key, (ZERO, ZERO))
        sums[key] = tuple(one + sign * two for one, two in zip(known, figures, strict=True))
    return {key: figures for key, figures in sums.items() if any(figures)}


def total(charges):
    """Return {key: charge}, charges of one key added up."""
    sums = {}
    for charge in charges:
        known = sums.get(charge.key)
        sums[charge.key] = known.plus(charge) if known else charge
    return sums


def difference(new, settled):
    """Return the charges that lead from what was settled to the new rating.

    A figure that is as it was leaves nothing; a changed price leaves both sides,
    the old one taken back and the new one charged.

    >>> from datetime import date
    >>> day = (date(2024, 10, 1), date(2024, 10, 1))
    >>> old = Charge(day, "av_hd", "1400000001", price=Decimal("0.004"),
    ...              quantity=Decimal(5), billable=Decimal(5), amount=Decimal("0.020"))
    >>> new = replace(old, price=Decimal("0.003"), amount=Decimal("0.015"))
    >>> [(c.quantity, c.price, c.amount) for c in difference([new], [old])]
    [(Decimal('-5'), Decimal('0.004'), Decimal('-0.020')), \
(Decimal('5'), Decimal('0.003'), Decimal('0.015'))]
    >>> difference([old], [old])
    []
    """
    sums = total(new)
    for key, was in total(settled).items():
        now = sums.get(key) or replace(was, **dict.fromkeys(MEASURES, ZERO), draws={})
        trace = {**now.trace, "was": _figures(was), "now": _figures(now)}
        sums[key] = replace(now.plus(was, sign=-1), trace=trace)
    changed = [charge for charge in sums.values() if not charge.is_zero]
    return sorted(changed, key=lambda charge: (charge.amount > 0, *map(str, charge.key)))


def _figures(charge):
    return {name: format(getattr(charge, name).normalize(), "f") for name in MEASURES}
