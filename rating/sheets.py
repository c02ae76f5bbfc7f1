"""Cells, tables and names of files that leave for a spreadsheet, and cells that come back."""

import csv
import io
import re
import unicodedata
from decimal import Decimal

#: What the eye takes for nothing: white space, and marks without width.
BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + (
    "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
#: What spreadsheets take for the beginning of a formula; the last four are full-width.
SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_AHEAD = rf"(?=[{re.escape(BLANKS)}\"']*[{SIGNS}])"
#: Where a cell begins, or would begin if a spreadsheet split it at another separator.
_PLACES = re.compile(rf"(^(?='*[\t\r\n])|(?:^|[,;|\t\r\n]){_AHEAD})('?)")
_START = re.compile(rf"'(?:{_AHEAD}|(?=[\t\r\n]))")

#: The longest name of a file in bytes: file systems take 255, and browsers add " (1)".
NAME_LIMIT = 200


def to_sheet(cell):
    """Return a text that no spreadsheet takes for a formula, wherever it splits it.

    >>> to_sheet("=1+1"), to_sheet("\\u00a0-5"), to_sheet("a;=1+1"), to_sheet("2024-10-01")
    ("'=1+1", "'\\xa0-5", "a;'=1+1", '2024-10-01')
    """
    return _PLACES.sub(r"\1'\2", cell)


def from_sheet(cell, inside=True):
    """Undo :func:`to_sheet`.

    :param bool inside: whether the text comes from a table of ours. If not, an apostrophe
        behind a separator is the sender's own; one in front of the cell is a spreadsheet's.

    >>> from_sheet("'=1+1"), from_sheet("a;'=1+1"), from_sheet("a;'=1+1", inside=False)
    ('=1+1', 'a;=1+1', "a;'=1+1")
    """
    if "'" not in cell:
        return cell
    if inside:
        return _PLACES.sub(r"\1", cell)
    return cell[1:] if _START.match(cell) else cell


def write_table(rows, delimiter=","):
    """Return rows as CSV text: texts are made harmless, numbers stay numbers.

    >>> write_table([["Name", "Left"], ["-5", Decimal("-5.00")], [None, 7]])
    "Name,Left\\r\\n'-5,-5.00\\r\\n,7\\r\\n"
    """
    output = io.StringIO()
    writer = csv.writer(output, delimiter=delimiter, lineterminator="\r\n")
    for row in rows:
        writer.writerow(map(to_cell, row))
    return output.getvalue()


def to_cell(cell):
    """Return what stands in a cell of a table: a text is made harmless, a number stays one.

    >>> to_cell("=1+1"), to_cell(Decimal("-5.00")), to_cell(None), to_cell(7)
    ("'=1+1", '-5.00', '', 7)
    """
    if cell is None:
        return ""
    if isinstance(cell, Decimal):  # as programs read it: no exponent, no grouping
        return f"{cell:f}"
    return cell if isinstance(cell, int) else to_sheet(str(cell))


def safe_name(name, ending=None, fallback="file"):
    """Return the name of a file that is a name: no path, nothing hidden, not too long.

    :param str ending: what the name shall end in; default: what it ends in

    >>> safe_name("../../etc/pass\\x00wd.csv"), safe_name("a\\\\b:c.csv"), safe_name(" .. ")
    ('etc-passwd.csv', 'a-b-c.csv', 'file')
    >>> safe_name("cod\\u202evsc.exe"), len(safe_name("x" * 500 + ".csv"))
    ('codvsc.exe', 200)
    >>> safe_name("STMT/1", ending=".pdf"), safe_name("..", ending="-rejected.csv")
    ('STMT-1.pdf', 'file-rejected.csv')
    """
    text = "".join(sign for sign in str(name or "") if unicodedata.category(sign)[0] != "C")
    text = re.sub(r'[/\\:*?"<>|\u2044\u2215\uff0f\uff3c]+', "-", text)
    text = re.sub(r"\.{2,}", ".", text)
    text = text.lstrip(" .-").rstrip(" .")
    if ending is None:
        text, ending = _split_name(text)
    room = NAME_LIMIT - len(ending.encode())
    text = text.encode()[:room].decode(errors="ignore").strip(" .")
    return f"{text or fallback}{ending}"


def _split_name(name):
    """Return (stem, ending with its point) of a name."""
    stem, point, ending = name.rpartition(".")
    return (stem, point + ending) if point and len(ending.encode()) <= 20 else (name, "")
