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

    Where midnight is skipped or comes twice that is the first moment of the day that
    exists; a zone that leaves a day out altogether begins it with the next one.

    >>> from datetime import date
    >>> day_start(date(2024, 11, 1)).isoformat()
    '2024-10-31T16:00:00+00:00'
    >>> day_start(date(2018, 11, 4), "America/Sao_Paulo").isoformat()
    '2018-11-04T03:00:00+00:00'
    """
    start = datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
    if read_clock(start) == "skipped":
        return _get_jump(start)
    return start.astimezone(timezone.utc)


def read_clock(local):
    """Tell whether the clocks of its zone show a local time twice or never.

    :return: "doubled", "skipped", or "" for a time that they show once

    >>> zone = ZoneInfo("America/New_York")
    >>> read_clock(datetime(2025, 11, 2, 1, 30, tzinfo=zone))
    'doubled'
    >>> read_clock(datetime(2025, 3, 9, 2, 30, tzinfo=zone))
    'skipped'
    """
    first, second = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    if first == second:
        return ""
    return "doubled" if first > second else "skipped"


def _get_jump(local):
    """Return the moment, in UTC, at which the clocks skip a local time."""
    zone, before = local.tzinfo, local.replace(fold=0).utcoffset()
    # Read by the clock of after and of before, a skipped time lies on both sides of the jump.
    low = local.replace(fold=1).astimezone(timezone.utc)
    high = local.replace(fold=0).astimezone(timezone.utc)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


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


def add_months(day, months):
    """Return the same day of a later month, or that month's last day.

    >>> from datetime import date
    >>> add_months(date(2024, 1, 31), 1), add_months(date(2024, 1, 31), 2)
    (datetime.date(2024, 2, 29), datetime.date(2024, 3, 31))
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1]))


def anchored_period(day, anchor):
    """Return (number, first day, last day) of the monthly cycle around ``day``.

    Cycles begin on the day of the month on which the first one began, or on the last
    day of a month that has no such day; number 0 begins on ``anchor``
    (DOMAIN.md section 2: received 2022-11-15, good until 2022-12-14).

    >>> from datetime import date
    >>> anchored_period(date(2022, 11, 20), date(2022, 11, 15))
    (0, datetime.date(2022, 11, 15), datetime.date(2022, 12, 14))
    >>> anchored_period(date(2024, 3, 30), date(2024, 1, 31))
    (1, datetime.date(2024, 2, 29), datetime.date(2024, 3, 30))
    """
    number = (day.year - anchor.year) * 12 + day.month - anchor.month
    if add_months(anchor, number) > day:
        number -= 1
    first = add_months(anchor, number)
    return number, first, add_months(anchor, number + 1) - timedelta(days=1)


def month_term(start, anchor=None):
    """Return the last day of a monthly term: the day before the same day next month.

    :param anchor: the day on which the first term began, if not on ``start``

    >>> from datetime import date
    >>> month_term(date(2024, 10, 15)), month_term(date(2024, 2, 29), date(2024, 1, 31))
    (datetime.date(2024, 11, 14), datetime.date(2024, 3, 30))
    """
    return anchored_period(start, anchor or start)[2]


def year_term(start):
    """Return the last day of a prepaid pack: the last of the same month next year.

    DOMAIN.md 3.1: bought 2021-05-01, good until 2022-05-31.

    >>> from datetime import date
    >>> year_term(date(2021, 5, 1)), year_term(date(2024, 2, 29))
    (datetime.date(2022, 5, 31), datetime.date(2025, 2, 28))
    """
    return period_of(add_months(start, 12), MONTH)[1]


def gap_around(day, period, spans):
    """Return the part of a period around a day that some spans of days leave free.

    :param spans: [(first day, last day)], none of them around the day

    >>> from datetime import date
    >>> october = date(2024, 10, 1), date(2024, 10, 31)
    >>> gap_around(date(2024, 10, 9), october, [(date(2024, 9, 15), date(2024, 10, 4))])
    (datetime.date(2024, 10, 5), datetime.date(2024, 10, 31))
    >>> gap_around(date(2024, 10, 9), october, [(date(2024, 10, 20), date(2024, 11, 19))])
    (datetime.date(2024, 10, 1), datetime.date(2024, 10, 19))
    """
    first, last = period
    before = [end + timedelta(days=1) for _start, end in spans if end < day]
    after = [start - timedelta(days=1) for start, _end in spans if start > day]
    return max([first, *before]), min([last, *after])


def next_day(day):
    """Return the day after a day."""
    return day + timedelta(days=1)


def months_of(period):
    """Return the first days of the months that a period of days touches.

    >>> from datetime import date
    >>> [day.month for day in months_of((date(2024, 12, 31), date(2025, 2, 1)))]
    [12, 1, 2]
    """
    first, last = period
    months, month = [], first.replace(day=1)
    while month <= last:
        months.append(month)
        month = add_months(month, 1)
    return months
