"""Who gets how much of a free quantity."""

from decimal import Decimal


def allocate(quota, wants):
    """Give ``quota`` away in the order of ``wants``; return what each one got.

    What is given never exceeds the quota, and nobody gets more than wanted.

    >>> allocate(Decimal(10), [Decimal(4), Decimal(9), Decimal(2)])
    [Decimal('4'), Decimal('6'), Decimal('0')]
    """
    given = []
    left = max(quota, Decimal(0))
    for want in wants:
        part = min(want, left)
        left -= part
        given.append(part)
    return given
