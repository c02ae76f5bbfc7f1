"""What upgrades, refunds and parts of a prepaid term come to (DOMAIN.md 4.4)."""

from decimal import ROUND_FLOOR, Decimal

from .prices import amount, round_money, step_at

ZERO = Decimal(0)


def remaining_days(day, first, last):
    """Return (remaining days, total days) of a term on the day of an upgrade.

    Both the day itself and the last day count: on the first day all remain, as they do
    before it; after the last day none is left.

    >>> from datetime import date
    >>> remaining_days(date(2024, 10, 16), date(2024, 10, 1), date(2024, 10, 30))
    (15, 30)
    """
    total = (last - first).days + 1
    return min(max((last - day).days + 1, 0), total), total


def elapsed_days(day, first, last):
    """Return (elapsed days, total days) of a service period at the end of a day.

    >>> from datetime import date
    >>> elapsed_days(date(2024, 10, 31), date(2024, 10, 16), date(2024, 11, 15))
    (16, 31)
    """
    total = (last - first).days + 1
    return min(max((day - first).days + 1, 0), total), total


def upgrade_price(list_price, current_price, remaining, total, rounding):
    """Return what an upgrade costs, rounded half up to the currency.

    ``(price of the new edition - price of the current one) x remaining / total``.
    The current edition counts with what was paid for it: its list price in the normal
    case, its discounted price where it was bought at a discount.  Never negative.

    >>> upgrade_price(Decimal(300), Decimal(100), 15, 30, Decimal("0.01")) == 100
    True
    """
    price = (list_price - current_price) * remaining / total
    return round_money(max(price, ZERO), rounding)


def upgrade_minutes(new, current, remaining, total):
    """Return the minutes that an upgrade adds: whole ones, a begun one is left out.

    >>> upgrade_minutes(Decimal(1000), Decimal(100), 10, 31)
    Decimal('290')
    """
    minutes = (new - current) * remaining / total
    return max(minutes, ZERO).to_integral_value(ROUND_FLOOR)


def pack_refund(paid, used, steps, rounding, discount=Decimal(1)):
    """Return what comes back for a prepaid pack that was used in part, never below zero.

    ``paid - used minutes x price of the step that the used minutes reach x discount``
    (product/647, refunds of minute packs).

    :param Decimal paid: what was paid for the pack
    :param Decimal used: minutes drawn from it
    :param steps: price steps per minute
    :param Decimal discount: what was paid as a part of the list price

    >>> from .prices import Step
    >>> steps = [Step(ZERO, Decimal("0.007")), Step(Decimal(25000), Decimal("0.00672"))]
    >>> pack_refund(Decimal(168), Decimal(10000), steps, Decimal("0.01"))
    Decimal('98.00')
    >>> pack_refund(Decimal(168), Decimal(25000), steps, Decimal("0.01"))
    Decimal('0.00')
    """
    step = step_at(used, steps)
    price = step.price if step else ZERO
    return round_money(max(paid - amount(used, price) * discount, ZERO), rounding)


def part(whole, share, total, rounding):
    """Return a share of an amount, rounded; all of it where the share is the total.

    >>> part(Decimal(100), 1, 3, Decimal("0.01"))
    Decimal('33.33')
    >>> part(Decimal(100), 3, 3, Decimal("0.01")) == 100
    True
    """
    return round_money(whole * share / total, rounding) if total else round_money(whole, rounding)
