"""Usage of a period to charges: measure, free quantities, minutes drawn, prices.

The order of everything is canonical (by period, then item order, then SDKAppID),
whatever the order of arrival, so that the same usage always gives the same bill.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from .charges import BILLABLE, LOCKED, ROBOT, UNPRICED, USAGE, WAIVED, Charge
from .drawdown import draw
from .periods import DAY, MONTH, period_of
from .prices import VOLUME, amount, price_slices
from .quantities import billing_quantity, peak
from .quotas import allocate
from .unknown import UnknownRule

ZERO = Decimal(0)

APPLICATION = "application"
ACCOUNT = "account"
SUM = "sum"
PEAK = "peak"


class Aggregation(NamedTuple):
    """How usage of a period becomes one figure."""

    #: function of a list of (instant, usage)
    combine: object
    #: whether usage of one moment has to be told apart from that of another
    by_instant: bool = False


#: What is known; another addon enters its own.
AGGREGATIONS = {
    SUM: Aggregation(lambda samples: sum((usage for _instant, usage in samples), ZERO)),
    PEAK: Aggregation(peak, by_instant=True),
}
CYCLES = {DAY, MONTH}
SCOPES = {APPLICATION, ACCOUNT}


@dataclass(frozen=True)
class Rule:
    """The metering rule of a billing item; see ``trtc.item`` for each field."""

    code: str
    order: int = 0
    cycle: str = "day"
    scope: str = APPLICATION
    aggregation: str = SUM
    unit_size: Decimal = Decimal(60)
    block_size: Decimal = Decimal(60)
    free_quantity: Decimal = ZERO
    free_scope: str = ACCOUNT

    def check(self):
        """Raise for what nothing here computes, instead of computing something else.

        >>> Rule("shots").check()
        >>> Rule("relay_bandwidth", aggregation="p95").check()
        Traceback (most recent call last):
        ...
        rating.unknown.UnknownRule: relay_bandwidth: unknown aggregation 'p95'
        """
        for what, known in (
            ("aggregation", AGGREGATIONS),
            ("cycle", CYCLES),
            ("scope", SCOPES),
            ("free_scope", SCOPES),
        ):
            if getattr(self, what) not in known:
                raise UnknownRule(what, getattr(self, what), self.code)


class Meter(NamedTuple):
    """Usage of an item by an application on a day, in usage units.

    ``status`` is ``billable``, or ``locked`` or ``waived`` where the edition did
    not unlock the item's feature that day.  ``kind`` is ``robot`` for duration that
    is derived from a task.  ``instant`` tells samples of a peak apart.
    """

    item: str
    application: str
    day: date
    usage: Decimal
    status: str = BILLABLE
    kind: str = USAGE
    instant: object = None


def canonical(application):
    """Sort key of an SDKAppID: numbers as numbers, the account itself first."""
    text = application or ""
    return (len(text), text) if text.isdigit() else (0 if not text else 99, text)


def measure(rules, meters):
    """Return the charges for ``meters``, not yet priced, in canonical order.

    Usage is summed (or its peak taken) per period, scope and status, and rounded
    up once.  A robot's duration shares the rounding with the users' duration of
    the same item, and is the part that comes on top of it.

    :param rules: {item code: Rule}
    :param meters: iterable of Meter
    """
    groups, checked = defaultdict(list), set()
    for meter in meters:
        rule = rules[meter.item]
        if meter.item not in checked:
            rule.check()
            checked.add(meter.item)
        place = meter.application if rule.scope == APPLICATION else None
        period = period_of(meter.day, rule.cycle)
        groups[period, rule.order, meter.item, place, meter.status].append(meter)

    def order(group):
        period, position, item, place, status = group
        return period, position, item, canonical(place), status

    charges = []
    for group in sorted(groups, key=order):
        (period, _order, item, place, status), found = group, groups[group]
        rule = rules[item]
        summed = counted = ZERO
        for kind in (USAGE, ROBOT):
            usage = _aggregate(rule, [m for m in found if m.kind == kind])
            if not usage:
                continue
            # Cumulative: a robot is what it adds to the rounded users' duration.
            summed += usage
            rounded = billing_quantity(summed, rule.block_size, rule.unit_size)
            quantity, counted = rounded - counted, rounded
            charges.append(
                Charge(
                    period=period,
                    item=item,
                    application=place,
                    status=status,
                    kind=kind,
                    metered=usage,
                    quantity=quantity,
                    locked=quantity if status in (LOCKED, WAIVED) else ZERO,
                    billable=quantity if status == BILLABLE else ZERO,
                )
            )
    return charges


def _aggregate(rule, meters):
    if not meters:
        return ZERO
    known = AGGREGATIONS[rule.aggregation]
    return known.combine(
        [((known.by_instant and meter.instant) or meter.day, meter.usage) for meter in meters]
    )


def grant_free(rules, charges):
    """Take each item's own free quantity off, once per period and free scope."""
    granted = list(charges)
    pools = defaultdict(list)
    for index, charge in enumerate(granted):
        rule = rules[charge.item]
        if rule.free_quantity and charge.billable:
            place = charge.application if rule.free_scope == APPLICATION else None
            pools[charge.period, charge.item, place].append(index)
    for (_period, item, _place), indexes in pools.items():
        wants = [granted[index].billable for index in indexes]
        for index, free in zip(
            indexes, allocate(rules[item].free_quantity, wants), strict=True
        ):
            charge = granted[index]
            granted[index] = replace(
                charge, free=charge.free + free, billable=charge.billable - free
            )
    return granted


def price(charges, steps_for, mode=VOLUME):
    """Return the charges priced; a charge over several steps becomes several.

    The quantity that decides the step is what is billable of the item over all
    applications in the calendar month so far.

    :param charges: in canonical order, all of the month for items with steps
    :param steps_for: ``steps_for(item, day) -> list[Step]``, the prices in force
    :param mode: ``volume`` or ``graduated``, or a function that gives it for a day
    """
    mode_for = mode if callable(mode) else lambda _day: mode
    totals = defaultdict(Decimal)
    for charge in charges:
        totals[_volume_key(charge)] += charge.billable
    before = defaultdict(Decimal)
    priced = []
    for charge in charges:
        key = _volume_key(charge)
        steps = steps_for(charge.item, charge.period[1])
        steps_mode = mode_for(charge.period[1])
        slices = price_slices(before[key], charge.billable, totals[key], steps, steps_mode)
        before[key] += charge.billable
        rest = charge.quantity - charge.billable
        for index, (quantity, unit_price, rule) in enumerate(slices):
            first = index == 0
            priced.append(
                replace(
                    charge,
                    status=_status(charge, quantity, unit_price),
                    price=unit_price or ZERO,
                    metered=charge.metered if first else ZERO,
                    quantity=quantity + (rest if first else ZERO),
                    free=charge.free if first else ZERO,
                    pack=charge.pack if first else ZERO,
                    locked=charge.locked if first else ZERO,
                    billable=quantity,
                    amount=amount(quantity, unit_price) if unit_price else ZERO,
                    draws=charge.draws if first else {},
                    trace={**charge.trace, "rule": rule},
                )
            )
    return priced


def _volume_key(charge):
    return charge.item, period_of(charge.period[0], "month")


def _status(charge, quantity, unit_price):
    missing = unit_price is None and quantity and charge.status == BILLABLE
    return UNPRICED if missing else charge.status


def rate(rules, meters, steps_for, mode=VOLUME, pools=()):
    """Rate usage: measure, free quantities, minutes drawn from pools, prices.

    >>> from datetime import date
    >>> from decimal import Decimal
    >>> from .prices import Step
    >>> shots = Rule("shots", cycle="month", unit_size=Decimal(1000),
    ...              block_size=Decimal(1000), free_quantity=Decimal(10))
    >>> used = [Meter("shots", "1400000001", date(2024, 10, 7), Decimal(22000))]
    >>> charge, = rate({"shots": shots}, used,
    ...                lambda item, day: [Step(Decimal(0), Decimal("0.03"))])
    >>> charge.quantity, charge.free, charge.billable, charge.amount
    (Decimal('22'), Decimal('10'), Decimal('12'), Decimal('0.36000000'))
    """
    charges = draw(grant_free(rules, measure(rules, meters)), pools)
    return price(charges, steps_for, mode)
