"""Every line of a file of usage is a row; none is guessed, none is lost."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .. import usage_file
from ..encodings import LINE_LIMIT, FileError, find_encoding
from ..usage_file import (
    check_kind,
    count_rows,
    find_delimiter,
    find_mark,
    open_table,
    read_rows,
    split,
    write_rejected,
)

HEADER = "id,sdkappid,item,quantity,start,tags"
RECORD = {"sdkappid": "14", "item": "av_hd", "quantity": "60", "start": "2024-10-01"}


def read(text, mark=None):
    """Return (header, rows) of a file, with everything found in it."""
    content = text if isinstance(text, bytes) else text.encode()
    check_kind(content)
    encoding = find_encoding(content)
    delimiter = find_delimiter(content, encoding)
    mark = mark or find_mark(content, encoding, delimiter)[0]
    header, lines = open_table(content, encoding, delimiter)
    return header, list(read_rows(header, lines, delimiter, mark))


def records(text, mark=None):
    return [row.record for row in read(text, mark)[1]]


def quantities(text, mark=None):
    return [Decimal(record["quantity"]) for record in records(text, mark)]


def errors(text, mark=None):
    return [row.error and row.error.reason for row in read(text, mark)[1]]


def lines(*quantities, delimiter=";"):
    rows = [delimiter.join(("a", "14", "av_hd", one, "2024-10-01")) for one in quantities]
    return "\n".join((HEADER.replace(",", delimiter), *rows))


def refuse(text):
    with pytest.raises(FileError) as caught:
        read(text)
    return caught.value


# === Header === #


@pytest.mark.parametrize(
    "head",
    [
        HEADER,
        "\ufeff" + HEADER,
        "ID,SDKAppID,Item,Quantity,Start ,Tags",
        " id , sdkappid,\u00a0item,quantity\u200b,start,tags",
        HEADER + ",,,",
        '"id","sdkappid","item","quantity","start","tags"',
        "\n\n" + HEADER,
        "Usage of October\n" + HEADER,
        "Usage of October,,,,,\nprinted,2024-11-01,,,,\n,,,,,\n" + HEADER,
        "sep=,\n" + HEADER,
        '"sep=,"\n' + HEADER,
        "ｉｄ,sdkappid,item,quantity,start,tags",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_header_is_found_however_a_spreadsheet_wrote_it(head, delimiter):
    """Capitals, a title, a blank line or an empty column were refused as missing columns."""
    text = f"{head}\na,14,av_hd,60,2024-10-01,,,\n,,,,,,,,\n".replace(",", delimiter)
    header, [row] = read(text)
    assert header.names == HEADER.split(",")
    assert row.record == {"id": "a", **RECORD}
    assert row.line == head.count("\n") + 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_text_of_a_spreadsheet_is_read(encoding):
    text = f"{HEADER}\nZürich,14,av_hd,60,2024-10-01,\n区,14,av_hd,60,2024-10-01,\n"
    content = text.replace(",", "\t").replace("\n", "\r\n").encode(encoding)
    assert [record["id"] for record in records(content)] == ["Zürich", "区"]


def test_the_first_line_may_say_the_delimiter():
    content = b"sep=;\nid,x;sdkappid\n"
    assert find_delimiter(content, "utf-8-sig") == ";"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,14,av_hd,60,2024-10-01,\nb,14,av_hd,60,2024-10-01,", "a, 14, av_hd, 60, 2024-10-01"),
        ("id,sdkappid\na,14", "id, sdkappid"),
        ("id,sdkappid,item,quantity,start,tag\n", "id, sdkappid, item, quantity, start, tag"),
        (HEADER + ",quantity\n", HEADER.replace(",", ", ") + ", quantity"),
        ("", ""),
        ("sep=,\nx,y\n", "x, y"),
        ("x\n" * 20 + HEADER, "x"),
        # A record is no title, even in front of the header
        (f"a,14,av_hd,60,2024-10-01,\n{HEADER}\n", "a, 14, av_hd, 60, 2024-10-01"),
    ],
)
def test_a_file_without_its_columns_is_refused(text, found):
    error = refuse(text)
    assert (error.reason, error.values["found"]) == ("header", found)


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"\xd0\xcf\x11\xe0rest"])
def test_a_workbook_is_called_one(content):
    assert refuse(content).reason == "workbook"


# === Rows === #


def test_a_stray_quotation_mark_costs_its_own_line_and_no_other():
    """Two of four rows vanished inside one cell, and the import said "rejected 0"."""
    text = f"""{HEADER}
a,14,av_hd,60,2024-10-01,
"b,14,av_hd,60,2024-10-01,
c,14,av_hd,60,2024-10-01,
d"",14,av_hd,60,2024-10-01,
e,14,av_hd,60,2024-10-01,"{{""a"": ""b""}}"
f,14,av_hd,60,2024-10-01,"x
"g",14,av_hd,60,2024-10-01,
"h"x,14,av_hd,60,2024-10-01,"""
    _header, rows = read(text)
    assert [row.line for row in rows] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert [row.error and row.error.reason for row in rows] == [
        None, "quotation", None, "stray_quote", None, "quotation", None, "quotation",
    ]  # fmt: skip


@given(st.lists(st.text(st.sampled_from("ab,\"\n\r {}='\u200b"), max_size=12), max_size=6))
def test_every_line_behind_the_header_is_a_row(texts):
    text = "\n".join(texts)
    _header, rows = read(f"{HEADER}\n{text}")
    nothing = usage_file.BLANKS + '",'
    expected = [
        number for number, line in enumerate(text.split("\n"), start=2) if line.strip(nothing)
    ]
    assert [row.line for row in rows] == expected
    assert all((row.record is None) == (row.error is not None) for row in rows)


@pytest.mark.parametrize("sign", ["\t", "\r", "\x00", "\x0b", "\x1f", "\x7f", "\x85"])
@pytest.mark.parametrize("column", ["id", "sdkappid", "item", "quantity", "start"])
def test_control_characters_are_refused(sign, column):
    names = HEADER.split(",")
    cells = ["a", "1400", "av_hd", "6000", "2024-10-01", ""]
    cells[names.index(column)] = f"a{sign}b"
    [row] = read(f"{HEADER}\n" + ",".join(f'"{cell}"' for cell in cells) + "\n")[1]
    assert row.error.reason == "control"
    assert row.error.values == {"field": column, "value": f"a\\x{ord(sign):02x}b"}


def test_cells_reach_the_reader_of_facts_as_they_are():
    """What an id means is decided there, for all senders."""
    text = f'{HEADER}\n="007",\u200b14\u00a0,\'av_hd,="60",="2024-10-01",'
    assert records(text) == [
        {
            "id": '="007"',
            "sdkappid": "\u200b14\u00a0",
            "item": "'av_hd",
            "quantity": "60",
            "start": "2024-10-01",
        }
    ]


def test_a_cell_without_a_column_refuses_its_row():
    """1,000 without quotation marks are two cells: 1 would be taken for it."""
    text = "id,sdkappid,item,start,quantity\na,14,av_hd,2024-10-01,1,000\n"
    assert errors(text) == ["surplus"]
    assert errors(text.replace(",000", ", ,")) == [None]
    assert errors("id,,sdkappid,item,quantity,start\na,x,14,av_hd,60,2024-10-01\n") == ["surplus"]
    assert errors("id,,sdkappid,item,quantity,start\na,,14,av_hd,60,2024-10-01\n") == [None]


def test_a_line_that_is_too_long_is_a_row_with_its_beginning():
    text = f"{HEADER}\na,14,av_hd,60,2024-10-01,\nb,{'x' * LINE_LIMIT},1\nc,14,av_hd,60,2024-10-01,"
    _header, rows = read(text)
    assert [row.error and row.error.reason for row in rows] == [None, "too_long", None]
    assert len(rows[1].cells) == 1 and len(rows[1].cells[0]) < 100


def test_a_file_of_too_many_rows_is_refused(monkeypatch):
    monkeypatch.setattr(usage_file, "ROW_LIMIT", 3)
    text = lines("60", "60", "60")
    assert len(records(text)) == 3
    assert refuse(text + "\na;;;;").reason == "many_rows"
    _header, rest = open_table((text + "\na;;;;").encode(), "utf-8-sig", ";")
    with pytest.raises(FileError):
        count_rows(rest)


# === Numbers === #


def test_numbers_are_read_by_the_mark_that_the_file_shows():
    """Three of these were refused, and the fourth was taken as 1.234."""
    found = records(lines("60,5", "1.234,5", "1.234", "12.345.678", "1 234,5"))
    assert [record["quantity"] for record in found] == [
        "60.5", "1234.5", "1234", "12345678", "1234.5",
    ]  # fmt: skip


def test_a_number_that_contradicts_the_mark_refuses_its_row():
    text = lines("1.234", "1.5", "1.234.5")
    assert errors(text, ",") == [None, "other_mark", "not_number"]
    assert errors(text, ".") == [None, None, "not_number"]
    # Whoever reads facts never sees what it could take for a number
    assert errors(lines("1․234", "5²"), ",") == ["not_number", "not_number"]


def test_words_are_left_to_the_reader_of_facts():
    assert records(lines("many", "NaN"))[0]["quantity"] == "many"


def test_rows_that_cannot_be_read_show_no_mark():
    text = lines("1.234", '"60,5')
    assert find_mark(text.encode(), "utf-8-sig", ";")[0] is None


# === Rejected rows === #


def returned(text, wrong, mark=None):
    """Return the file of the rows that are wrong, as a spreadsheet would get it."""
    header, rows = read(text, mark)
    rejected = [(row, "Line: wrong") for row in rows if row.error or row.line in wrong]
    content = text.encode()
    delimiter = find_delimiter(content, "utf-8-sig")
    mark = mark or find_mark(content, "utf-8-sig", delimiter)[0]
    return write_rejected(header, rejected, delimiter, mark)


@pytest.mark.parametrize("mark", [".", ","])
def test_a_rejected_file_is_read_as_the_file_that_it_comes_from(mark):
    """The rows that showed the decimal mark were accepted and are not in it."""
    text = lines("1.234", "1,234", "60", "-7", "1 234")
    again = returned(text, {2, 3, 4, 5, 6}, mark)
    assert quantities(again) == quantities(text, mark)
    one = returned(text, {2}, mark)
    assert quantities(one) == quantities(text, mark)[:1]
    # Where its own numbers do not show the mark, the file says it.
    assert ("decimal comma" in one) == (mark == ",")


def test_a_number_that_contradicts_stays_refused_until_it_is_corrected():
    text = lines("60,5", "1.234,5", "1.5")
    again = returned(text, {4}, ",")
    assert errors(again) == ["other_mark"]
    assert records(again.replace("1.5", "1,5"))[0]["quantity"] == "1.5"


def test_what_could_not_be_read_is_not_readable_for_being_returned():
    """With proper quotation marks, a broken line would be accepted with an id of its own."""
    text = f"""{HEADER}
"b,14,av_hd,60,2024-10-01,
a,14,av_hd,60,2024-10-01,,x
c,14,av_hd,60,2024-10-01,"{{""a"": ""b""}}
"""
    assert errors(text) == ["quotation", "surplus", "quotation"]
    again = returned(text, ())
    first, second, third = read(again)[1]
    assert (first.error.reason, second.error.reason) == ("stray_quote", "surplus")
    assert third.error or third.record["tags"].startswith('"')
    assert second.cells[:6] == ["a", "14", "av_hd", "60", "2024-10-01", ""]


@given(
    st.lists(
        st.tuples(
            st.text(st.sampled_from("ab=+-@';,\u00a0区"), min_size=1, max_size=6),
            st.sampled_from(["60", "1.5", "-1", "many", "0.125"]),
            st.text(st.sampled_from('ab=-"{};,'), max_size=6),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([",", ";", "\t"]),
)
def test_rejected_rows_come_back_as_they_were(rows, delimiter):
    output = io.StringIO()
    writer = csv.writer(output, delimiter=delimiter)
    writer.writerow(HEADER.split(","))
    for external_id, quantity, tags in rows:
        writer.writerow([external_id, "14", "av_hd", quantity, "2024-10-01", tags])
    first = records(output.getvalue())
    again = returned(output.getvalue(), range(100))
    assert records(again) == first
    assert returned(again, range(100)) == again


def test_a_line_of_quotes_is_split_in_bounded_time():
    assert split('"' * LINE_LIMIT, ",") is not None
