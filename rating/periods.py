"""Billing time: days and months of a time zone, half open, kept in UTC.

All settlement dates of Tencent Cloud International are those of UTC+8
(DOMAIN.md section 6); a company may choose another zone.
"""

from calendar import monthrange
from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

DAY = "day"
MONTH = "month"

#: The zone of Tencent Cloud International's own bills.
DEFAULT_ZONE = "Asia/Shanghai"


def billing_day(moment, zone=DEFAULT_ZONE):
    """Return the billing day that an aware ``moment`` belongs to.

    >>> billing_day(datetime(2024, 10, 31, 15, 59, 59, tzinfo=timezone.utc))
    datetime.date(2024, 10, 31)
    >>> billing_day(datetime(2024, 10, 31, 16, 0, tzinfo=timezone.utc))
    datetime.date(2024, 11, 1)
    """
    return moment.astimezone(ZoneInfo(zone)).date()


def day_start(day, zone=DEFAULT_ZONE):
    """Return the moment, in UTC, at which a billing day begins.

    >>> from datetime import date
    >>> day_start(date(2024, 11, 1)).isoformat()
    '2024-10-31T16:00:00+00:00'
    """
    start = datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
    return start.astimezone(timezone.utc)


def period_of(day, cycle):
    """Return (first day, last day), both inclusive, of the period around ``day``.

    >>> from datetime import date
    >>> period_of(date(2024, 2, 10), MONTH)
    (datetime.date(2024, 2, 1), datetime.date(2024, 2, 29))
    >>> period_of(date(2024, 2, 10), DAY)
    (datetime.date(2024, 2, 10), datetime.date(2024, 2, 10))
    """
    if cycle == DAY:
        return day, day
    if cycle == MONTH:
        last = monthrange(day.year, day.month)[1]
        return day.replace(day=1), day.replace(day=last)
    raise ValueError(f"unknown cycle: {cycle!r}")


def last_ended(until, cycle):
    """Return the last day of the newest period that ended on or before ``until``.

    >>> from datetime import date
    >>> last_ended(date(2024, 10, 30), MONTH)
    datetime.date(2024, 9, 30)
    >>> last_ended(date(2024, 10, 31), MONTH)
    datetime.date(2024, 10, 31)
    >>> last_ended(date(2024, 10, 30), DAY)
    datetime.date(2024, 10, 30)
    """
    first, last = period_of(until, cycle)
    return last if last <= until else first - timedelta(days=1)


def days_of(period):
    """Return the days of a period, given as (first day, last day), both inclusive.

    >>> from datetime import date
    >>> [day.day for day in days_of((date(2024, 2, 28), date(2024, 3, 1)))]
    [28, 29, 1]
    """
    first, last = period
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
