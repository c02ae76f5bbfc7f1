"""From usage to billing quantities: aggregate, then round up, once.

DOMAIN.md 1.4: seconds are summed per SDKAppID, category and day, divided by 60
and rounded *up* to whole minutes.  Seed 000: sheets are summed per SDKAppID and
month, "with any shortage rounded up to one thousand".  Both are one rule: whole
blocks of usage, counted in billing units.
"""

from collections import defaultdict
from decimal import ROUND_CEILING, Decimal

from .facts import QUANTITY_QUANTUM
from .prices import exact

ZERO = Decimal(0)


def billing_quantity(usage, block_size, unit_size):
    """Return the billing units for ``usage``, rounded up to whole blocks.

    :param Decimal usage: in usage units (seconds, sheets ...), not negative
    :param Decimal block_size: usage units that are billed as a whole
    :param Decimal unit_size: usage units in one billing unit

    >>> billing_quantity(Decimal(59), Decimal(60), Decimal(60))
    Decimal('1')
    >>> billing_quantity(Decimal(61), Decimal(60), Decimal(60))
    Decimal('2')
    >>> billing_quantity(Decimal(22000), Decimal(10000), Decimal(1000))
    Decimal('30')
    >>> billing_quantity(Decimal(61), Decimal(1), Decimal(60))
    Decimal('1.016666667')
    """
    if usage < 0:
        raise ValueError(f"usage is never negative: {usage}")
    if block_size <= 0 or unit_size <= 0:
        raise ValueError("block size and unit size are above zero")
    blocks = (usage / block_size).to_integral_value(ROUND_CEILING)
    # To the digits that are kept: what is settled must compare equal to it later.
    quantity = exact(blocks * block_size / unit_size, QUANTITY_QUANTUM)
    whole = quantity.to_integral_value()
    return whole if whole == quantity else quantity.normalize()


def peak(samples):
    """Return the peak of samples taken at the same instants on several places.

    Values of one instant add up (the bandwidth of all applications of an account,
    DOMAIN.md 5.3); the largest instant counts.

    :param samples: iterable of (instant, value)

    >>> peak([("10:00", Decimal(2)), ("10:00", Decimal(3)), ("10:05", Decimal(4))])
    Decimal('5')
    >>> peak([])
    Decimal('0')
    """
    instants = defaultdict(Decimal)
    for instant, value in samples:
        instants[instant] += value
    return max(instants.values(), default=ZERO)
