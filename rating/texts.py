"""One form of a word, however it was typed, pasted or exported.

Two texts that a reader cannot tell apart are one: composed and decomposed letters,
and what no screen shows (zero-width signs, byte order marks, marks of direction).
Identifiers keep their letters; words of a vocabulary (item codes, units, sources)
are compared without regard to case and width.
"""

import re
import unicodedata

#: Format characters of Unicode that are seen all the same.
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
#: What is not seen although Unicode does not call it a format character.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
#: Blanks at which no line breaks: what spreadsheets and web pages put between digits.
_STUCK = re.compile("[\u00a0\u2007\u202f]")
#: The full-width forms of what stands on a keyboard.
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_FORMULA = re.compile(r'=\s*"(.*)"', re.DOTALL)
_WHOLE = re.compile(r"([0-9]+)\.0+")
#: The longest text that is brought into its one form: what people mean is far shorter.
RAW_LIMIT = 1024
#: The most marks (accents ...) on one letter, the number of Unicode's stream-safe texts. Python
#: sorts the marks of a letter in quadratic time.
MARKS_LIMIT = 30
_SHORTENED = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+")


class TooLong(ValueError):
    """A text that is not brought into its one form, as that could take minutes."""


def is_bounded(text):
    """Tell whether a text is brought into its one form in little time.

    >>> is_bounded("re\\u0301sum\\u200be\\u0301"), is_bounded("x" * 1025)
    (True, False)
    >>> is_bounded("a" + "\\u0301" * 31), is_bounded("a" + "\\u0301\\u200b" * 31)
    (False, False)
    """
    if len(text) > RAW_LIMIT:
        return False
    if len(text) <= MARKS_LIMIT or text.isascii():
        return True
    marks = 0
    for sign in text:
        # Some signs stand for nothing but marks; what is not seen leaves marks around it joined.
        for part in unicodedata.normalize("NFKD", sign):
            if unicodedata.combining(part):
                marks += 1
            elif not is_unseen(part):
                marks = 0
        if marks > MARKS_LIMIT:
            return False
    return True


def _check_length(text):
    if len(text) > RAW_LIMIT:
        raise TooLong(f"{len(text)} characters, {RAW_LIMIT} at most")


def is_unseen(sign):
    """Tell whether a character leaves no trace on a screen.

    >>> is_unseen("\\u200b"), is_unseen("\\ufeff"), is_unseen("\\ufe0f"), is_unseen("a")
    (True, True, True, False)
    """
    if sign in _UNSEEN or "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef":
        return True
    return unicodedata.category(sign) == "Cf" and sign not in _SEEN


def _is_blank(sign):
    return sign in "\t\r\n" or unicodedata.category(sign) in ("Zs", "Zl", "Zp")


def _strip(text):
    first, end = 0, len(text)
    while first < end and _is_blank(text[first]):
        first += 1
    while first < end and _is_blank(text[end - 1]):
        end -= 1
    return text[first:end]


def _settle(text, change):
    """Apply a change until nothing changes any more: removing a sign lets others join."""
    while True:
        changed = change(text)
        if changed == text:
            return text
        text = changed


def clean(text):
    """Return the one form of an identifier: NFC, without what is not seen, stripped.

    :raise TooLong: for more than :data:`RAW_LIMIT` characters beyond ASCII

    >>> clean(" \\ufeffre\\u0301sum\\u200be\\u0301 7 ") == "r\\xe9sum\\xe9 7"
    True
    """
    if text.isascii():
        return text.strip(" \t\r\n")
    _check_length(text)
    return _settle(text, _clean_once)


def _clean_once(text):
    text = unicodedata.normalize("NFC", text)
    return _strip("".join(sign for sign in text if not is_unseen(sign)))


def fold(text):
    """Return the one form of a word of a vocabulary: as :func:`clean`, in NFKC and small
    letters, with single blanks.

    :raise TooLong: for more than :data:`RAW_LIMIT` characters beyond ASCII

    >>> fold(" \\uff21V_Hd"), fold("Feed\\u00a0  ONE "), fold("feed one")
    ('av_hd', 'feed one', 'feed one')
    """
    if text.isascii() and "  " not in text:
        return text.strip(" \t\r\n").lower()
    _check_length(text)
    return _settle(text, _fold_once)


def _fold_once(text):
    text = unicodedata.normalize("NFKC", _clean_once(text)).casefold()
    return re.sub(" {2,}", " ", _clean_once(unicodedata.normalize("NFKC", text)))


def has_control(text):
    """Tell whether a text holds a control character.

    >>> has_control("a\\tb"), has_control("a\\x00"), has_control("a b")
    (True, True, False)
    """
    if text.isprintable():
        return False
    return any(unicodedata.category(sign) == "Cc" for sign in text)


def show_control(sign):
    """Return a character as it is, or the code of one that would break a line.

    >>> show_control("a"), show_control("\\n")
    ('a', '\\\\n')
    """
    return sign.encode("unicode_escape").decode() if has_control(sign) else sign


def bare_number(text):
    """Return a whole number as its digits, without what programs wrap around it.

    >>> bare_number("1400000002.0"), bare_number("'1400000002"), bare_number('="1400000002"')
    ('1400000002', '1400000002', '1400000002')
    >>> bare_number("\\uff11\\uff14\\u00a000"), bare_number("1.4E+09")
    ('1400', '1.4E+09')
    """
    if text.isascii() and text.isdigit():
        return text
    text = clean(_STUCK.sub("", text)).translate(_NARROW)
    formula = _FORMULA.fullmatch(text)
    text = _strip(formula[1] if formula else text)
    text = _strip(text.lstrip("'\u2018\u2019"))
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def is_shortened(text):
    """Tell whether a text is a number that a spreadsheet shortened.

    >>> is_shortened("1.4E+09"), is_shortened("1400000002")
    (True, False)
    """
    return bool(_SHORTENED.fullmatch(text))
