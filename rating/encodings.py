"""The text of a file: its encoding, found or asked for, and its lines, read one by one.

A file is never decoded as a whole: what is read costs, whatever its size, a chunk and a line.
"""

import codecs
import io
import re
from itertools import islice
from typing import NamedTuple

from .sheets import BLANKS

UTF_8, GB18030, WINDOWS = "utf-8-sig", "gb18030", "cp1252"
UTF_16_LE, UTF_16_BE = "utf-16-le", "utf-16-be"
#: How many bytes are decoded at a time
CHUNK = 1 << 16
#: The longest line in characters: more than the longest record, however it is escaped
LINE_LIMIT = 1 << 16
#: How many runs of bytes beyond ASCII are weighed: a file is in one encoding.
RUN_LIMIT = 1000

_SIGNATURES = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF16_LE, UTF_16_LE),
    (codecs.BOM_UTF16_BE, UTF_16_BE),
)
_RUN = re.compile(rb"[\x80-\xff]+")
_BEFORE, _AFTER = re.compile(rb"[A-Za-z]*\Z"), re.compile(rb"[A-Za-z]*")
_LONG = re.compile("[\u0800-\ufffc\U00010000-\U0010ffff]")
#: How much of the words around a run is looked at
_AROUND = 24
#: Signs of Windows-1252 that stand alone or in a row in Western texts
_WESTERN_SIGNS = set("€…‘’“”–—™\xa0¡£§¨©ª«®°±²³´µ·º»¼½¾¿")


class FileError(ValueError):
    """A file that cannot be read as a whole: a ``reason``, and ``values`` for its sentence."""

    def __init__(self, reason, **values):
        self.reason = reason
        self.values = values
        super().__init__(f"{reason}: {values}")


class Line(NamedTuple):
    """A line of a file, numbered as editors do; one that is too long has its beginning only."""

    number: int
    text: str
    is_whole: bool = True


def read_lines(content, encoding, delimiter=""):
    """Yield the lines of a file that hold anything but blanks, quotes and delimiters.

    A carriage return ends a line only in a file whose first line ends so.

    >>> list(read_lines(b"a\\r\\n\\r\\n ;\\nb;", "utf-8-sig", ";"))
    [Line(number=1, text='a', is_whole=True), Line(number=4, text='b;', is_whole=True)]

    :raise FileError: where bytes are no text in this encoding
    """
    nothing = BLANKS + '"' + delimiter
    number, rest = 1, ""
    is_cut = is_solid = False  # of a line that is too long: only its beginning is kept
    for text in _read_text(content, encoding):
        if is_cut:
            tail, newline, text = text.partition("\n")
            is_solid = is_solid or bool(tail.strip(nothing))
            if not newline:
                continue
            if is_solid:
                yield Line(number, rest, False)
            number, rest, is_cut = number + 1, "", False
        text = rest + text
        if text.strip(nothing):
            *lines, rest = text.split("\n")
            for line in lines:
                if line.strip(nothing):
                    yield _make_line(number, line)
                number += 1
        else:
            number += text.count("\n")
            rest = text[text.rfind("\n") + 1 :]
        if len(rest) > LINE_LIMIT:
            is_cut, is_solid, rest = True, bool(rest.strip(nothing)), rest[:LINE_LIMIT]
    if is_cut and is_solid:
        yield Line(number, rest, False)
    elif not is_cut and rest.strip(nothing):
        yield _make_line(number, rest)


def _make_line(number, text):
    if len(text) > LINE_LIMIT:
        return Line(number, text[:LINE_LIMIT], False)
    return Line(number, text.rstrip("\r"))


def _read_text(content, encoding):
    """Yield a file's text in chunks, without its signature; lines end in a line feed."""
    # The signature is taken off below: positions of errors count from the first byte.
    decoder = codecs.getincrementaldecoder("utf-8" if encoding == UTF_8 else encoding)()
    newlines = None
    is_first = True
    for start in range(0, len(content), CHUNK):
        chunk = content[start : start + CHUNK]
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, start + CHUNK >= len(content))
        except UnicodeDecodeError as error:
            position = start - pending + error.start + 1
            raise FileError("not_text", encoding=encoding, position=position) from None
        if is_first and text:
            is_first = False
            text = text.removeprefix("\ufeff")
            end = re.search(r"[\r\n]", text)
            # The last sign of a chunk may be half of what ends the line.
            if end and end.group() == "\r" and text[end.end() : end.end() + 1] not in ("\n", ""):
                newlines = io.IncrementalNewlineDecoder(None, translate=True)
        if newlines:
            text = newlines.decode(text, final=start + CHUNK >= len(content))
        yield text


def is_readable(content, encoding):
    """Tell whether a file is text in an encoding."""
    try:
        for _text in _read_text(content, encoding):
            pass
    except FileError:
        return False
    return True


def find_encoding(content):
    """Return the encoding of a file; None where it could be either of two.

    >>> find_encoding("华东".encode("gb18030")), find_encoding("Zürich".encode("cp1252"))
    ('gb18030', 'cp1252')
    >>> find_encoding("id".encode("utf-16-le")), find_encoding("Zürich".encode())
    ('utf-16-le', 'utf-8-sig')
    """
    for signature, encoding in _SIGNATURES:
        if content.startswith(signature):
            return encoding
    head = content[:512]
    if b"\x00" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) * 4 >= len(head) // 2 and min(even, odd) * 8 <= max(even, odd):
            return UTF_16_LE if odd > even else UTF_16_BE
    if content.isascii() or is_readable(content, UTF_8) or _is_damaged_utf_8(content):
        return UTF_8
    readable = [encoding for encoding in (GB18030, WINDOWS) if is_readable(content, encoding)]
    if len(readable) < 2:
        return readable[0] if readable else UTF_8
    return _decide(content)


def _is_damaged_utf_8(content):
    """Tell whether most signs beyond ASCII are UTF-8, so that the others are damage."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    good = bad = 0
    for start in range(0, len(content), CHUNK):
        text = decoder.decode(content[start : start + CHUNK], start + CHUNK >= len(content))
        wrong = text.count("\ufffd")
        bad += wrong
        # Three bytes that fit each other do so by chance more rarely than two.
        good += len(text) - len(text.encode("ascii", "ignore")) - wrong
        good += len(_LONG.findall(text))
    return good >= bad * 4


def _decide(content):
    """Return the encoding that the bytes speak for, of the two that can read them all."""
    runs = islice(_RUN.finditer(content), RUN_LIMIT)
    votes = {_vote(*_get_word(content, run)) for run in runs} - {None}
    return votes.pop() if len(votes) == 1 else None


def _get_word(content, match):
    """Return the Latin letters before a run, the run, and the letters behind it."""
    start, end = match.span()
    before = _BEFORE.search(content[max(start - _AROUND, 0) : start]).group()
    after = _AFTER.match(content[end : end + _AROUND]).group()
    return before, content[start : min(end, start + LINE_LIMIT)], after


def _vote(before, run, after):
    """Return the encoding that a run of bytes beyond ASCII speaks for, if any.

    Chinese texts are pairs of such bytes, most of the common signs. Western ones are single
    letters inside words of Latin letters, where GB18030 would take a letter of the word for the
    second half of a sign.
    """
    pairs = [run[at : at + 2] for at in range(0, len(run) - 1, 2)]
    common = sum(0xB0 <= lead <= 0xD7 and trail >= 0xA1 for lead, trail in pairs)
    if len(pairs) > 1:
        return GB18030 if common * 2 >= len(pairs) else None
    word = (before + run + after).decode(WINDOWS)
    text = run.decode(WINDOWS)
    is_word = (
        bool(before or after)
        and all(sign.isalpha() or sign == "’" for sign in word)
        and (word.islower() or word.isupper() or word[1:].islower())
    )
    if not pairs:
        return WINDOWS if is_word else None
    [(lead, trail)] = pairs
    if is_word:
        return None if common else WINDOWS
    if len(run) == 2 and 0xB0 <= lead <= 0xF7 and trail >= 0xA1 and not set(text) <= _WESTERN_SIGNS:
        return GB18030
    return None


def get_readings(content):
    """Return (line, text as GB18030, text as Windows-1252) of the first word that differs.

    >>> get_readings(b"id\\nCR\\xc9\\xc9")
    (2, 'CR缮', 'CRÉÉ')
    """
    match = _RUN.search(content)
    if not match:
        return 1, "", ""
    word = b"".join(_get_word(content, match))[: 2 * _AROUND]
    readings = (word.decode(encoding, "replace") for encoding in (GB18030, WINDOWS))
    return content.count(b"\n", 0, match.start()) + 1, *readings
