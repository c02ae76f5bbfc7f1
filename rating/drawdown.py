"""Which minutes of which pool usage draws down.

A *pool* holds minutes: the free minutes of a cycle, a prepaid pack, minutes that
an edition includes.  A billing unit of an item costs as many of them as the item's
ratio says (an HD minute 4, a 4K minute 36 ...).

The order is canonical.  Usage comes by day, then item order, then SDKAppID,
whatever the order of arrival; for each usage the pools come in this order
(DOMAIN.md 3.2): free minutes first, then the narrower scope (one application before
the whole account), then the earlier expiry, then the earlier start.

**The rule of whole units.**  A billing unit is covered whole, by one pool, or not
at all.  Of 7 minutes an HD minute (ratio 4) takes 4; the 3 that are left cover no
further HD minute, but stay for usage of a smaller ratio.  So no unit is billed in
parts, no minute is drawn twice and none vanishes::

    units drawn × ratio == minutes drawn
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from .charges import BILLABLE

ZERO = Decimal(0)

FREE = "free"
PACK = "pack"


@dataclass(frozen=True)
class Pool:
    """Minutes that usage may draw down on some days.

    ``key`` is the caller's name of it; the earlier of two pools that are otherwise
    alike is the one with the smaller key.  ``ratios`` holds, per item code, the
    minutes that one billing unit costs; other items, and those of ratio 0, do not
    draw.  ``minutes`` is what is left at the beginning of what is rated;
    ``application`` is None for a pool of the whole account.
    """

    key: int
    minutes: Decimal
    first: date
    last: date
    ratios: Mapping[str, Decimal]
    kind: str = PACK
    application: str | None = None

    @property
    def order(self):
        """Sort key of the order in which usage turns to pools."""
        return self.kind != FREE, self.application is None, self.last, self.first, self.key

    def serves(self, charge):
        """Tell whether a charge may draw from this pool."""
        first, last = charge.period
        return (
            self.ratios.get(charge.item, ZERO) > 0
            and self.first <= first
            and last <= self.last
            and self.application in (None, charge.application)
        )


class Draw(NamedTuple):
    """What was drawn from a pool: billing units, and the minutes that they cost."""

    units: Decimal
    minutes: Decimal


def draw_units(want, left, ratio):
    """Return how many of the wanted units ``left`` minutes cover.

    >>> draw_units(Decimal(5), Decimal(7), Decimal(4))
    Decimal('1')
    >>> draw_units(Decimal("1.5"), Decimal(7), Decimal(4))
    Decimal('1.5')
    >>> draw_units(Decimal(5), Decimal(7), Decimal("0.5"))
    Decimal('5')
    """
    if want * ratio <= left:
        return want
    return (left / ratio).to_integral_value(ROUND_FLOOR)


def draw(charges, pools):
    """Let charges draw from pools; return the charges, in the same order.

    :param charges: in canonical order
    :param pools: iterable of Pool

    >>> day = date(2024, 10, 1), date(2024, 10, 1)
    >>> from .charges import Charge
    >>> used = Charge(day, "av_hd", "1", quantity=Decimal(5), billable=Decimal(5))
    >>> pool = Pool(7, Decimal(7), day[0], day[1], {"av_hd": Decimal(4)})
    >>> charge, = draw([used], [pool])
    >>> charge.pack, charge.billable, charge.draws
    (Decimal('1'), Decimal('4'), {7: Draw(units=Decimal('1'), minutes=Decimal('4'))})
    """
    ordered = sorted(pools, key=lambda pool: pool.order)
    left = {pool.key: pool.minutes for pool in ordered}
    drawn = []
    for charge in charges:
        if charge.status == BILLABLE and charge.billable > 0:
            for pool in ordered:
                if pool.serves(charge):
                    charge = _draw_from(pool, charge, left)
        drawn.append(charge)
    return drawn


def _draw_from(pool, charge, left):
    ratio = pool.ratios[charge.item]
    units = draw_units(charge.billable, left[pool.key], ratio)
    if units <= 0:
        return charge
    left[pool.key] -= units * ratio
    free = units if pool.kind == FREE else ZERO
    return replace(
        charge,
        free=charge.free + free,
        pack=charge.pack + units - free,
        billable=charge.billable - units,
        draws={**charge.draws, pool.key: Draw(units, units * ratio)},
    )
