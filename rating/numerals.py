"""Numbers as people and spreadsheets write them: which sign is the decimal mark.

``60,5`` has a comma for a decimal mark and ``1.5`` a point, whoever reads them. ``1.234`` is
one thousand two hundred and thirty-four to one reader and a little more than one to the other:
it is not read before the other numbers of its file, or a person, have said which.
"""

import re
import unicodedata
from typing import NamedTuple

POINT, COMMA = ".", ","
MARKS = (POINT, COMMA)

_COMMON = {
    **dict.fromkeys(map(ord, "\u2019\u02bc\u2032\u0060\u00b4\uff07"), "'"),
    **dict.fromkeys(map(ord, "\u2212\u2012\u2013\uff0d"), "-"),
    **{0xFF10 + digit: str(digit) for digit in range(10)},
    **dict(zip(map(ord, "\uff0c\uff0e\uff0b\uff1d\uff02"), ',.+="', strict=True)),
}
#: Digits, and what stands between, before and behind them in a written number
_NUMERAL = re.compile(r"[+-]? ?[\d.,' ]*\d[\d.,' ]*(?:[eE][+-]?\d{1,3})?")


#: A longer text is no number: looking for one in it would take its length squared.
LENGTH_LIMIT = 1024


class Doubt(NamedTuple):
    """Why a file does not say which decimal mark it has.

    ``point`` and ``comma`` are (line, text) that only fit the one or the other; ``unsure``
    one that fits both, with another value. None where there is none.
    """

    point: tuple | None
    comma: tuple | None
    unsure: tuple | None


def plain(text):
    """Return a number in common signs, without what spreadsheets put around it.

    >>> plain('="60,5"'), plain("'\\uff16\\uff10"), plain("1\\u202f234,5\\u200b")
    ('60,5', '60', '1 234,5')
    """
    text = text.translate(_COMMON)
    if not text.isascii():
        text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    text = text.strip()
    if text[:2] == '="' and text[-1:] == '"':
        text = text[2:-1]
    return " ".join(text.strip().removeprefix("'").split())


def _pattern(mark):
    other = COMMA if mark == POINT else POINT
    grouped = rf"[1-9]\d{{0,2}}(?P<sign>[{other} '])\d{{3}}(?:(?P=sign)\d{{3}})*"
    fraction = rf"(?:[{mark}]\d*)?"
    return re.compile(
        rf"[+-]? ?(?:{grouped}{fraction}|(?:\d+{fraction}|[{mark}]\d+)(?:[eE][+-]?\d{{1,3}})?)"
    )


_PATTERNS = {mark: _pattern(mark) for mark in MARKS}


def read_numeral(text, mark):
    """Return a number with a point and without grouping marks, or None if it is none.

    >>> read_numeral("1.234,5", COMMA), read_numeral("1'234.5", POINT)
    ('1234.5', '1234.5')
    >>> read_numeral("1.234", COMMA), read_numeral("1.234", POINT), read_numeral("0.125", COMMA)
    ('1234', '1.234', None)
    """
    if text.isdecimal():
        return text
    if len(text) > LENGTH_LIMIT:
        return None
    text = plain(text)
    match = _PATTERNS[mark].fullmatch(text)
    if not match:
        return None
    for sign in " '" + (COMMA if mark == POINT else POINT):
        text = text.replace(sign, "")
    return text.replace(mark, POINT)


def is_numeral(text):
    """Tell whether a text is digits and marks, be they in good order or not.

    >>> is_numeral("12.345.6"), is_numeral("1E+05"), is_numeral("many"), is_numeral("")
    (True, True, False, False)
    """
    return len(text) <= LENGTH_LIMIT and bool(_NUMERAL.fullmatch(plain(text)))


def get_mark(text):
    """Return the one mark that a number fits, "?" if both with another value, else "".

    >>> [get_mark(text) for text in ("60", "1.5", "60,5", "1.234", "1,234", "1,234.5", "x")]
    ['', '.', ',', '?', '?', '.', '']
    >>> [get_mark(text) for text in ("12.345.678", "0.125", "1234.567", "1.234E+03", "1 234")]
    [',', '.', '.', '.', '']
    """
    if text.isdecimal():
        return ""
    point, comma = (read_numeral(text, mark) for mark in MARKS)
    if point == comma:
        return ""
    if point is None:
        return COMMA
    return POINT if comma is None else "?"


def find_mark(numerals):
    """Return (the decimal mark of (line, text) pairs, None), or (None, :class:`Doubt`).

    >>> find_mark([(2, "1.234"), (3, "60,5")])
    (',', None)
    >>> find_mark([(2, "60"), (3, "1.234")])
    (None, Doubt(point=None, comma=None, unsure=(3, '1.234')))
    """
    first = {}
    for line, text in numerals:
        mark = get_mark(text)
        if mark and mark not in first:
            first[mark] = line, text
    if POINT in first and COMMA in first or "?" in first and len(first) == 1:
        return None, Doubt(first.get(POINT), first.get(COMMA), first.get("?"))
    return COMMA if COMMA in first else POINT, None


def write_numeral(text, mark):
    """Return a number so that, alone in a file, it still says what it said in its own.

    >>> write_numeral("1.234", COMMA), write_numeral("1.234", POINT), write_numeral("60,5", COMMA)
    ('1234', '1.2340', '60,5')
    >>> write_numeral("many", POINT), write_numeral("1.5", COMMA)
    ('many', '1.5')
    """
    if get_mark(text) != "?":
        return text
    number = read_numeral(text, mark)
    if get_mark(number):
        number += "0"
    return number.replace(POINT, mark)
