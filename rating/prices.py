"""What so many units cost: flat, by volume, graduated.

A price list gives *steps*: from a quantity on, a unit price.  One step is a flat
price.  With several, ``VOLUME`` prices every unit at the step which the total
reaches (Odoo's meaning of a minimum quantity), ``GRADUATED`` prices each slice at
its own step.
"""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import NamedTuple

from .unknown import UnknownRule

VOLUME = "volume"
GRADUATED = "graduated"

#: What is known of how steps apply.
MODES = {VOLUME, GRADUATED}

#: Statement amounts keep 8 decimals, as the provider's own bills do (DOMAIN.md 1.4).
AMOUNT_QUANTUM = Decimal("1e-8")
#: Unit prices keep 12: enough for a percentage of a price per single unit.
PRICE_QUANTUM = Decimal("1e-12")


class Step(NamedTuple):
    """A unit price that holds from a quantity on; ``rule`` names its origin."""

    start: Decimal
    price: Decimal
    rule: object = None


class Slice(NamedTuple):
    """A part of a quantity, at one unit price."""

    quantity: Decimal
    price: Decimal
    rule: object = None


def exact(value, quantum):
    """Return ``value`` as a Decimal, rounded half up to ``quantum``.

    A float is taken at its shortest decimal form, so that 0.00399 * 0.9, which
    Python prints as 0.0035910000000000004, is what its author meant:

    >>> exact(0.00399 * 0.9, PRICE_QUANTUM).normalize()
    Decimal('0.003591')
    """
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    with localcontext() as context:
        context.prec = 60
        return number.quantize(quantum, rounding=ROUND_HALF_UP)


def amount(quantity, price):
    """Return what a quantity costs, to 8 decimals, half up.

    >>> amount(Decimal(60), Decimal("0.00399"))
    Decimal('0.23940000')
    """
    return exact(quantity * price, AMOUNT_QUANTUM)


def step_at(total, steps):
    """Return the step that a total quantity reaches, or None below the first.

    >>> step_at(Decimal(5), [Step(Decimal(0), Decimal(3)), Step(Decimal(5), Decimal(2))])
    Step(start=Decimal('5'), price=Decimal('2'), rule=None)
    """
    reached = [step for step in steps if step.start <= total]
    return max(reached, key=lambda step: step.start) if reached else None


def price_slices(before, quantity, total, steps, mode=VOLUME):
    """Cut ``quantity`` into slices, each with one unit price.

    :param Decimal before: units of the same total that come before this quantity
    :param Decimal quantity: units to price
    :param Decimal total: all units that share the steps, this quantity among them
    :param list[Step] steps: steps with different starts
    :param mode: ``VOLUME`` or ``GRADUATED``
    :return: slices that add up to ``quantity``; one of price None for a part
        that no step covers

    >>> steps = [Step(Decimal(0), Decimal("0.03")), Step(Decimal(100), Decimal("0.02"))]
    >>> [(s.quantity, s.price)
    ...  for s in price_slices(Decimal(80), Decimal(50), Decimal(130), steps, GRADUATED)]
    [(Decimal('20'), Decimal('0.03')), (Decimal('30'), Decimal('0.02'))]
    >>> [(s.quantity, s.price)
    ...  for s in price_slices(Decimal(80), Decimal(50), Decimal(130), steps, VOLUME)]
    [(Decimal('50'), Decimal('0.02'))]
    >>> price_slices(Decimal(80), Decimal(50), Decimal(130), steps, "tiered")
    Traceback (most recent call last):
    ...
    rating.unknown.UnknownRule: unknown mode 'tiered'
    """
    if mode not in MODES:
        raise UnknownRule("mode", mode)
    if mode == VOLUME or quantity == 0:
        step = step_at(total if mode == VOLUME else before, steps)
        return [Slice(quantity, step and step.price, step and step.rule)]
    ordered = sorted(steps, key=lambda step: step.start)
    if not ordered or ordered[0].start > 0:
        ordered.insert(0, Step(Decimal(0), None))
    ends = [step.start for step in ordered[1:]] + [None]
    slices = []
    for step, end in zip(ordered, ends, strict=True):
        first = max(before, step.start)
        last = before + quantity if end is None else min(before + quantity, end)
        if last > first:
            slices.append(Slice(last - first, step.price, step.rule))
    return slices


def round_money(value, rounding):
    """Return an exact amount rounded half up to a currency's smallest step.

    >>> round_money(Decimal("4.1364"), Decimal("0.01"))
    Decimal('4.14')
    >>> round_money(Decimal("-0.005"), Decimal("0.01"))
    Decimal('-0.01')
    >>> round_money(Decimal("2.5"), Decimal("1"))
    Decimal('3')
    """
    with localcontext() as context:
        context.prec = 60
        steps = (value / rounding).to_integral_value(ROUND_HALF_UP)
        return steps * rounding
