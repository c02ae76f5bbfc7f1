"""A draw-down that is slow, obvious, and shares no code with the one that it judges.

It walks over the days; on each day over the items, and for each item over the
applications.  It gives every single unit away by itself: it asks all pools which of
them could pay for this unit, strikes out the less preferred ones reason by reason
until one is left, and takes the unit's minutes from it.
"""

from decimal import Decimal


def units_of(seconds):
    """Count minutes, a begun one included."""
    count = 0
    while seconds > 0:
        seconds -= 60
        count += 1
    return count


def able(pool, left, item, application, day):
    """Tell whether a pool can pay for one more unit."""
    if item not in pool.ratios:
        return False
    if day < pool.first or day > pool.last:
        return False
    if pool.application is not None and pool.application != application:
        return False
    return left[pool.key] >= pool.ratios[item]


def preferred(pools):
    """Return the one of some pools that is drawn from before the others."""
    pools = [pool for pool in pools if pool.kind == "free"] or pools
    pools = [pool for pool in pools if pool.application is not None] or pools
    soonest = min(pool.last for pool in pools)
    pools = [pool for pool in pools if pool.last == soonest]
    oldest = min(pool.first for pool in pools)
    pools = [pool for pool in pools if pool.first == oldest]
    smallest = min(pool.key for pool in pools)
    (pool,) = [pool for pool in pools if pool.key == smallest]
    return pool


def draw_down(items, meters, pools):
    """Return ({(day, item, application, status): figures}, {pool key: minutes left}).

    :param items: item codes in their order, as {code: (scope, free units per day)}
    :param meters: usage in seconds; ``application`` a number as text
    """
    left = {pool.key: pool.minutes for pool in pools}
    used = {}
    for day in sorted({meter.day for meter in meters}):
        for code, (scope, gift) in items.items():
            here = [meter for meter in meters if (meter.day, meter.item) == (day, code)]
            places = {int(meter.application) if scope == "application" else 0 for meter in here}
            for place in sorted(places):
                application = str(place) if place else None
                for status in ("billable", "locked", "waived"):
                    seconds = sum(
                        meter.usage
                        for meter in here
                        if meter.status == status and place in (0, int(meter.application))
                    )
                    if not seconds:
                        continue
                    count = units_of(seconds)
                    figures = {
                        "quantity": count, "own": 0, "free": 0, "pack": 0,
                        "locked": 0, "billable": 0, "draws": {},
                    }  # fmt: skip
                    used[day, code, application, status] = figures
                    for _unit in range(count):
                        if status != "billable":
                            figures["locked"] += 1
                        elif gift > 0:
                            gift -= 1
                            figures["own"] += 1
                        else:
                            pay(figures, pools, left, code, application, day)
    return used, left


def pay(figures, pools, left, item, application, day):
    """Let one pool pay for one unit, or bill it."""
    candidates = [pool for pool in pools if able(pool, left, item, application, day)]
    if not candidates:
        figures["billable"] += 1
        return
    pool = preferred(candidates)
    minutes = pool.ratios[item]
    left[pool.key] -= minutes
    figures["free" if pool.kind == "free" else "pack"] += 1
    units, spent = figures["draws"].get(pool.key, (0, Decimal(0)))
    figures["draws"][pool.key] = units + 1, spent + minutes
