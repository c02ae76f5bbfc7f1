"""Reading a file of usage records: header, rows and numbers, each line by itself.

Every line behind the header that holds anything becomes a row: one that cannot be read is a
row too, with the reason. A quotation mark too many therefore costs its own line and no other.
"""

import csv
import re
import unicodedata
from itertools import islice
from typing import NamedTuple

from . import numerals, texts
from .encodings import LINE_LIMIT, FileError, read_lines
from .facts import OPTIONAL, REQUIRED, shown
from .sheets import BLANKS, from_sheet, write_table

DELIMITERS = (",", ";", "\t")
#: The last column of a table of rejected rows, which can be corrected and read again. It says
#: the decimal mark too, where the numbers that showed it are not among the rejected ones.
REASON = "reason"
REASONS = {
    "reason (decimal point)": numerals.POINT,
    "reason (decimal comma)": numerals.COMMA,
    REASON: None,
}
#: More columns than this are no usage records, whatever their names.
COLUMN_LIMIT = 20
#: Among how many lines that are not blank the header is looked for
HEADER_LIMIT = 10
#: The most rows of one file: they are taken in together or not at all.
ROW_LIMIT = 300_000

_KNOWN = {*REQUIRED, *OPTIONAL, REASON}
_SEPARATOR = re.compile(r'"?sep=(.?)[\s"]*', re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INVISIBLE = str.maketrans("", "", "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e")
#: Fields that are no free text: a quotation mark in them has strayed there.
_PLAIN_FIELDS = tuple(name for name in (*REQUIRED, *OPTIONAL) if name != "tags")
#: What facts do not clean: ids and codes are cleaned for all senders there.
_CLEANED_FIELDS = ("start", "end", "unit")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class RowError(NamedTuple):
    """Why a row cannot be read as a record: a ``reason``, and ``values`` for its sentence.

    ``too_long``, ``quotation``, ``surplus``, ``control``, ``stray_quote``, ``other_mark``,
    ``not_number``
    """

    reason: str
    values: dict


class Row(NamedTuple):
    """A row as it stands in the file, and the record that it states, or an error."""

    line: int
    cells: list
    record: dict | None
    error: RowError | None = None


class Header(NamedTuple):
    """The names of the columns in order, "" where there is none, and the line they stand in.

    ``mark`` is the decimal mark that the header states, or None.
    """

    names: list
    line: int
    mark: str | None = None

    @property
    def is_returned(self):
        """Whether the file is one of rejected rows."""
        return REASON in self.names


def split(text, delimiter):
    """Return the cells of a line, or None where its quotation marks do not match.

    >>> split('a,"b,c"', ","), split('a,"b', ","), split('a,"b"c', ",")
    (['a', 'b,c'], None, None)
    """
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None


def read_names(text, delimiter):
    """Return the names of columns that a line holds, in the form that is compared.

    >>> read_names("\\ufeffID; SDKAppID ;;Start;;;", ";")
    ['id', 'sdkappid', '', 'start']
    """
    cells = split(text, delimiter) or text.split(delimiter)
    names = [_read_name(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _read_name(cell):
    # What is out of bounds is the name of no column, in whatever form.
    if texts.is_bounded(cell):
        cell = unicodedata.normalize("NFKC", cell)
    return cell.translate(_INVISIBLE).strip(BLANKS + "'\"").casefold()


def find_delimiter(content, encoding):
    """Return the delimiter under which a line near the beginning names the columns.

    A first line ``sep=;`` says so itself. Without any evidence: the most frequent one.
    """
    lines = _read_beginning(content, encoding)
    if lines and (stated := _get_stated(lines[0].text)) in DELIMITERS:
        return stated
    lines = [line.text for line in lines if _get_stated(line.text) is None] or [""]

    def count(delimiter):
        return max(len(_KNOWN.intersection(read_names(text, delimiter))) for text in lines)

    return max(DELIMITERS, key=lambda delimiter: (count(delimiter), lines[0].count(delimiter)))


def _read_beginning(content, encoding):
    try:
        return list(islice(read_lines(content, encoding), HEADER_LIMIT))
    except FileError:  # a wrong choice, or damage, which reading tells
        return list(islice(read_lines(content[: 1 << 12], "latin-1"), HEADER_LIMIT))


def _get_stated(text):
    """Return the sign of a line such as ``sep=;``, or None."""
    match = _SEPARATOR.fullmatch(text)
    return match and match[1]


def check_kind(content):
    """Refuse files that spreadsheet programs write and that are no text.

    :raise FileError: for a workbook
    """
    if content.startswith(_WORKBOOKS):
        raise FileError("workbook")


def open_table(content, encoding, delimiter):
    """Return (:class:`Header`, iterator of the lines behind it) of a file.

    Titles before the header are passed over: lines that hold fewer cells than a record.

    :raise FileError: where the file is no table of usage records
    """
    lines = read_lines(content, encoding, delimiter)
    first = None
    for line in islice(lines, HEADER_LIMIT):
        if _get_stated(line.text) is not None:
            continue
        if not line.is_whole:
            raise FileError("long_header", line=line.number, limit=LINE_LIMIT)
        names = read_names(line.text, delimiter)
        first = first or Header(names, line.number)
        if set(REQUIRED) <= set(names):
            mark = next((REASONS[name] for name in names if name in REASONS), None)
            names = [REASON if name in REASONS else name for name in names]
            _check_header(names, line.number)
            return Header(names, line.number, mark), lines
        if len(_KNOWN.intersection(names)) > 1 or sum(map(bool, names)) >= len(REQUIRED):
            first = Header(names, line.number)
            break
    first = first or Header([], 1)
    _check_header(first.names, first.line)
    raise AssertionError("A header without required columns was not refused")


def _check_header(names, line):
    if len(names) > COLUMN_LIMIT:
        raise FileError("many_columns", line=line, count=len(names), limit=COLUMN_LIMIT)
    named = [name for name in names if name]
    if not set(REQUIRED) <= set(named) <= _KNOWN or len(set(named)) < len(named):
        raise FileError("header", line=line, found=", ".join(named)[:200])


def read_rows(header, lines, delimiter, mark):
    """Yield a :class:`Row` of each line, read with a decimal mark.

    :raise FileError: where there are more of them than one file may have
    """
    for count, line in enumerate(lines, start=1):
        if count > ROW_LIMIT:
            raise FileError("many_rows", limit=ROW_LIMIT)
        yield _read_row(header, line, delimiter, mark)


def count_rows(lines, count=0):
    """Return how many rows there are: those counted before, and the lines that are left.

    :raise FileError: where they are more than one file may have
    """
    left = ROW_LIMIT - count
    count += sum(1 for _line in islice(lines, left + 1))
    if count > ROW_LIMIT:
        raise FileError("many_rows", limit=ROW_LIMIT)
    return count


def _read_row(header, line, delimiter, mark):
    cells, error = _read_cells(header, line, delimiter)
    if error:
        return Row(line.number, cells, None, error)
    record = {
        name: cell
        for name, cell in zip(header.names, cells, strict=False)
        if name and name != REASON and cell.strip(BLANKS)
    }
    error = _find_stray(record, line.text, delimiter) or _clean(record, mark)
    return Row(line.number, cells, None if error else record, error)


def _read_cells(header, line, delimiter):
    """Return (cells of a line as they were meant, error or None)."""
    if not line.is_whole:
        return [shown(line.text)], RowError("too_long", {"limit": LINE_LIMIT})
    cells = split(line.text, delimiter)
    if cells is None:
        return line.text.split(delimiter), RowError("quotation", {})
    if "'" in line.text:
        cells = [from_sheet(cell, header.is_returned) for cell in cells]
    width = len(header.names)
    if len(cells) <= width and "" not in header.names:
        return cells, None
    # A cell without a column is not dropped: 1,000 may be two cells.
    unnamed = (
        number
        for number, cell in enumerate(cells, start=1)
        if (number > width or not header.names[number - 1]) and cell.strip(BLANKS)
    )
    if number := next(unnamed, None):
        return cells, RowError("surplus", {"number": number, "width": width})
    return cells, None


def _find_stray(record, text, delimiter):
    """Return an error where a cell holds what has strayed there, or None."""
    has_quotes = '"' in text
    if not has_quotes and not _CONTROLS.search(text.replace(delimiter, "")):
        return None
    for name in _PLAIN_FIELDS:
        text = record.get(name, "").strip(BLANKS)
        if _CONTROLS.search(text):
            return RowError("control", {"field": name, "value": _show_controls(text)})
        if '"' in _unwrap(text):
            return RowError("stray_quote", {"field": name, "value": shown(text)})
    return None


def _clean(record, mark):
    """Bring the cells of a record into the form of facts; return an error or None."""
    for name in _CLEANED_FIELDS:
        if name in record:
            record[name] = _unwrap(record[name].strip(BLANKS))
    if "quantity" in record:
        return _read_number(record, mark)
    return None


def _unwrap(text):
    """Return what stands in ``="..."``, as spreadsheets write a text that looks like a number."""
    text = text.removeprefix("'") if text[:3] == "'=\"" else text
    return text[2:-1] if text[:2] == '="' and text[-1:] == '"' and len(text) > 3 else text


def _show_controls(text):
    return shown(_CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text))


def _read_number(record, mark):
    text = record["quantity"]
    number = numerals.read_numeral(text, mark)
    if number is not None:
        record["quantity"] = number
        return None
    other = numerals.POINT if mark == numerals.COMMA else numerals.COMMA
    if numerals.read_numeral(text, other) is not None:
        return RowError("other_mark", {"value": shown(text), "mark": mark})
    # Words are told by the reader of facts; it must not see what it could take for a number.
    if not texts.is_bounded(text) or numerals.is_numeral(unicodedata.normalize("NFKC", text)):
        return RowError("not_number", {"value": shown(text), "mark": mark})
    return None


def find_mark(content, encoding, delimiter):
    """Return (decimal mark, None) of a file, or (None, :class:`numerals.Doubt`).

    A file that cannot be read at all has a point: reading it tells what is wrong.
    """
    try:
        header, lines = open_table(content, encoding, delimiter)
        if header.mark:
            return header.mark, None
        return numerals.find_mark(_read_quantities(header, lines, delimiter))
    except FileError:
        return numerals.POINT, None


def _read_quantities(header, lines, delimiter):
    column = header.names.index("quantity")
    for line in islice(lines, ROW_LIMIT):
        cells, error = _read_cells(header, line, delimiter)
        if not error and column < len(cells):
            yield line.number, cells[column].strip(BLANKS)


def write_rejected(header, rows, delimiter, mark):
    """Return rejected rows as a table of the same form, which can be corrected and read again.

    Cells without a column stand behind the reason, so that they are refused again. Numbers are
    written so that they say without the rest of the file what they said with it.

    :param list rows: pairs of a :class:`Row` and the sentence that says what is wrong
    """
    names = [name for name in header.names if name != REASON]
    width = len(header.names)
    table = []
    for row, sentence in rows:
        cells = row.cells + [""] * (width - len(row.cells))
        known = [
            numerals.write_numeral(cell, mark) if name == "quantity" else cell
            for name, cell in zip(header.names, cells, strict=False)
            if name != REASON
        ]
        table.append([*known, sentence, *cells[width:]])
    column = names.index("quantity")
    alone, _doubt = numerals.find_mark((0, cells[column]) for cells in table)
    reason = REASON if alone == mark else _get_reason(mark)
    return write_table([[*names, reason], *table], delimiter)


def _get_reason(mark):
    return next(name for name, stated in REASONS.items() if stated == mark)
