"""A rating that is slow, obvious, and shares no code with the one that it judges.

It counts blocks by taking them off one by one, gives free units away one by one,
and prices each billed unit by itself.
"""

from calendar import monthrange
from collections import defaultdict
from decimal import Decimal


def period(day, cycle):
    if cycle == "day":
        return day, day
    return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])


def blocks(usage, size):
    """Count the blocks that usage fills, a begun one included."""
    counted = 0
    while usage > 0:
        usage -= size
        counted += 1
    return counted


def unit_price(index, total, steps, graduated):
    """Return the price of the unit with ``index`` (0, 1 ...) out of ``total`` units."""
    position = index if graduated else total
    price = None
    for start, candidate in sorted(steps):
        if start <= position:
            price = candidate
    return price


def aggregate(rule, meters):
    if rule.aggregation == "sum":
        return sum((meter.usage for meter in meters), Decimal(0))
    instants = defaultdict(Decimal)
    for meter in meters:
        instants[meter.instant or meter.day] += meter.usage
    return max(instants.values(), default=Decimal(0))


def rate(rules, meters, steps, graduated=False):
    """Return {(period, item, application, status): figures}, empty ones left out.

    :param steps: {item: [(start, price)]}; units are whole
    """
    groups = defaultdict(list)
    for meter in meters:
        rule = rules[meter.item]
        place = int(meter.application) if rule.scope == "application" else 0
        span = period(meter.day, rule.cycle)
        groups[meter.item, span, place, meter.status].append(meter)

    charged = {}
    pools, priced = {}, defaultdict(list)
    for (code, span, place, status), found in sorted(groups.items(), key=str_key):
        rule = rules[code]
        usage = aggregate(rule, found)
        count = blocks(usage, rule.block_size) * rule.block_size / rule.unit_size
        figures = {"metered": usage, "quantity": count, "free": 0, "billable": 0, "amount": 0}
        charged[span, code, place, status] = figures
        if status != "billable":
            continue
        pool = span, code, place if rule.free_scope == "application" else None
        left = pools.setdefault(pool, int(rule.free_quantity))
        month = code, span[0].replace(day=1)
        for _unit in range(int(count)):
            if left:
                left -= 1
                figures["free"] += 1
            else:
                figures["billable"] += 1
                priced[month].append(figures)
        pools[pool] = left
    for (code, _month), units in priced.items():
        for index, figures in enumerate(units):
            price = unit_price(index, len(units), steps[code], graduated)
            figures["amount"] += price or 0
    return {key: figures for key, figures in charged.items() if figures["metered"]}


def str_key(group):
    (code, span, place, status), _found = group
    return code, span, place, status
