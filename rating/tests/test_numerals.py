"""No number is taken that the rest of its file shows to be something else."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..numerals import (
    COMMA,
    MARKS,
    POINT,
    find_mark,
    get_mark,
    is_numeral,
    read_numeral,
    write_numeral,
)

NUMBERS = st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=3) | st.integers(
    0, 10**9
).map(Decimal)


def write(number, mark, grouping):
    """Write a number as a reader with this decimal mark does."""
    text = f"{number:,f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:,f}"
    return text.replace(",", "\0").replace(".", mark).replace("\0", grouping)


def find(*texts):
    return find_mark(list(enumerate(texts, start=2)))


@given(NUMBERS, st.sampled_from(MARKS), st.sampled_from(["", " ", "\u00a0", "\u202f", "'", "’"]))
def test_a_number_is_read_as_it_was_written(number, mark, grouping):
    assert Decimal(read_numeral(write(number, mark, grouping), mark)) == number


@given(NUMBERS, st.sampled_from(MARKS))
def test_a_number_grouped_with_the_other_mark_is_read_too(number, mark):
    other = POINT if mark == COMMA else COMMA
    assert Decimal(read_numeral(write(number, mark, other), mark)) == number


@given(st.lists(NUMBERS, min_size=1, max_size=6), st.sampled_from(MARKS), st.data())
def test_a_mark_that_is_found_is_the_one_that_was_meant(numbers, mark, data):
    """Of four rows, one was taken as 1.234 where the others showed 1,234."""
    other = POINT if mark == COMMA else COMMA
    groupings = st.sampled_from(["", " ", other])
    texts = [write(number, mark, data.draw(groupings)) for number in numbers]
    found, doubt = find(*texts)
    if doubt:
        assert all(get_mark(text) in ("", "?") for text in texts)
    else:
        assert [Decimal(read_numeral(text, found)) for text in texts] == numbers


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["60"], POINT),
        (["60", "0"], POINT),
        (["1.5", "1.234"], POINT),
        (["1.234", "0.125"], POINT),
        (["1.234", "1234.5"], POINT),
        (["1.234", "1,234.5"], POINT),
        (["60,5", "1.234,5", "1.234", "12.345.678"], COMMA),
        (["1.234", "12.345.678"], COMMA),
        (["1,234", "1,5"], COMMA),
        (["1 234,5", "1.234"], COMMA),
        (["1'234.5", "1,234"], POINT),
        (["1 234", "1'234"], POINT),
        (["many", ""], POINT),
        (["1.234E+03", "1.234"], POINT),
    ],
)
def test_numbers_of_one_reading_decide_for_the_others(texts, mark):
    assert find(*texts) == (mark, None)
    assert find(*reversed(texts)) == (mark, None)


@pytest.mark.parametrize("texts", [["1.234"], ["1,234", "60"], ["1.234", "1,234"], ["-1.234"]])
def test_numbers_of_two_readings_alone_are_doubtful(texts):
    mark, doubt = find(*texts)
    assert mark is None
    assert doubt.unsure == (2, texts[0])
    assert not doubt.point and not doubt.comma


def test_numbers_that_contradict_each_other_are_doubtful():
    assert find("60", "1.5", "60,5") == (None, ((3, "1.5"), (4, "60,5"), None))


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("1.234", "1.234", "1234"),
        ("1,234", "1234", "1.234"),
        ("60,5", None, "60.5"),
        ("12.345.678", None, "12345678"),
        ("1.234.5", None, None),
        ("1,23,456", None, None),
        ("1.234,567.8", None, None),
        ("1,234 567", None, None),
        ("0,125", None, "0.125"),
        (".5", ".5", None),
        ("60.", "60.", None),
        ("-1.234", "-1.234", "-1234"),
        ("−1,5", None, "-1.5"),
        ("+ 60", "+60", "+60"),
        ('="60,5"', None, "60.5"),
        ("'60", "60", "60"),
        ("６０，５", None, "60.5"),
        ("\u200b60\ufeff", "60", "60"),
        ("1.4E+09", "1.4E+09", None),
        ("1.234e5", "1.234e5", None),
        ("1 2", None, None),
        ("1_000", None, None),
        ("5²", None, None),
        ("1.234 s", None, None),
        ("Infinity", None, None),
        ("", None, None),
    ],
)
def test_each_form_has_its_readings(text, point, comma):
    assert (read_numeral(text, POINT), read_numeral(text, COMMA)) == (point, comma)


@given(st.text(st.sampled_from("0123456789.,' -+eE\u00a0"), max_size=12))
def test_what_is_read_is_a_number_for_python_and_in_good_order(text):
    for mark in MARKS:
        number = read_numeral(text, mark)
        if number is not None:
            assert is_numeral(text)
            assert Decimal(number).is_finite()
            digits = [sign for sign in text if sign.isdigit()]
            assert [sign for sign in number if sign.isdigit()] == digits


@given(NUMBERS, st.sampled_from(MARKS), st.sampled_from(["", " ", "other"]))
def test_a_number_written_alone_says_what_it_said(number, mark, grouping):
    """Of a rejected file only the doubtful rows may be left."""
    other = POINT if mark == COMMA else COMMA
    text = write(number, mark, grouping.replace("other", other))
    alone = write_numeral(text, mark)
    assert get_mark(alone) != "?"
    assert Decimal(read_numeral(alone, mark)) == number
