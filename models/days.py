from datetime import date, datetime, timedelta

from odoo.exceptions import UserError

#: The first day that anybody can mean, and the last one that has a next one.
FIRST, LAST = date(1970, 1, 1), date.max - timedelta(days=1)


def read_day(env, value):
    """Return the day that a caller from outside names.

    :param value: a date, or a text like 2026-10-31
    :raise UserError: for anything else, and for days that nobody can mean
    """
    day = None
    if isinstance(value, datetime):
        day = value.date()
    elif isinstance(value, date):
        day = value
    elif isinstance(value, str) and len(value) == len("2026-10-31"):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
    if day is None or day < FIRST:
        raise UserError(
            env._("%(day)s is no day: it is written like 2026-10-31.", day=repr(value)[:40])
        )
    return min(day, LAST)
