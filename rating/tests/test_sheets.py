"""What leaves in a file is no formula and no path, and comes back as it was."""

import csv
import io
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .. import sheets
from ..sheets import from_sheet, safe_name, to_sheet, write_table

SIGNS = "=+-@＝＋－＠"
#: Texts made of what matters here
TEXTS = st.text(st.sampled_from(SIGNS + "'\" ,;|\t\r\n\u00a0\u200b\ufeffa1区"), max_size=12)


def is_formula(cell):
    """Tell whether a spreadsheet may take a cell for a formula, blanks and quotes aside."""
    return cell.lstrip(sheets.BLANKS + '"')[:1] in tuple(SIGNS)


@given(TEXTS)
def test_no_cell_is_a_formula_wherever_a_spreadsheet_splits_it(text):
    """A comma file opened where lists are separated by semicolons is split there."""
    for cell in re.split(r"[,;|\t\r\n]", to_sheet(text)):
        assert not is_formula(cell)
    assert not is_formula(to_sheet(text))


@given(TEXTS)
def test_what_comes_back_from_a_table_of_ours_is_what_left(text):
    assert from_sheet(to_sheet(text)) == text


@given(TEXTS.filter(lambda text: not text.startswith("'")))
def test_an_apostrophe_of_the_senders_own_stays_inside_a_text(text):
    assert from_sheet(f"a,'{text}", inside=False) == f"a,'{text}"
    assert from_sheet(text, inside=False) == text


@pytest.mark.parametrize(
    "cell", ["60", "2024-10-01", "av_hd", '{"room": "a-b"}', "a - b", "x=1", "", "'", "it's"]
)
def test_ordinary_cells_stay_as_they_are(cell):
    assert to_sheet(cell) == cell
    assert from_sheet(cell) == cell


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=4), max_size=4), st.sampled_from(",;\t"))
def test_a_table_can_be_read_again(table, delimiter):
    table = [[cell.replace("\r", "").replace("\n", "") for cell in row] for row in table]
    text = write_table(table, delimiter)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert [[from_sheet(cell) for cell in row] for row in rows] == table


def test_numbers_of_our_own_stay_numbers():
    """An amount of -5.00 as a text cannot be summed."""
    table = [[Decimal("-5.00"), -7, Decimal("1E+3"), Decimal("1e-9"), None, "-5.00"]]
    assert write_table(table) == "-5.00,-7,1000,0.000000001,,'-5.00\r\n"


@given(st.text(max_size=300) | st.text(st.sampled_from("./\\ \x00\n-:区a"), max_size=300))
def test_the_name_of_a_file_is_a_name_and_no_path(name):
    safe = safe_name(name)
    assert safe and safe == safe.strip(" .")
    assert not re.search(r'[/\\:*?"<>|\x00-\x1f\x7f-\x9f]', safe)
    assert ".." not in safe
    assert len(safe.encode()) <= sheets.NAME_LIMIT
    assert safe_name(safe) == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("october.csv", "october.csv"),
        ("Usage 2024-10 (华东).csv", "Usage 2024-10 (华东).csv"),
        ("C:\\fakepath\\october.csv", "C-fakepath-october.csv"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\r\nSet-Cookie: x.csv", "aSet-Cookie- x.csv"),
        ("STMT/2024/10", "STMT-2024-10"),
        ("a..b...csv", "a.b.csv"),
        ("x" * 999 + ".csv", "x" * 196 + ".csv"),
        ("区" * 99 + ".csv", "区" * 65 + ".csv"),
        ("", "file"),
        (None, "file"),
    ],
)
def test_names_stay_recognisable(name, safe):
    assert safe_name(name) == safe
