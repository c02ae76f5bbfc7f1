from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..facts import (
    TEXT_LIMIT,
    FactError,
    fingerprint,
    read_moment,
    read_quantity,
    read_record,
    read_tags,
    read_text,
    shown_id,
)
from ..periods import billing_day, day_start

RECORD = {
    "id": "a",
    "sdkappid": 1400000001,
    "item": "av_hd",
    "quantity": "60",
    "start": "2024-10-01",
}


def reason(read, *args):
    with pytest.raises(FactError) as caught:
        read(*args)
    str(caught.value)  # a reason that cannot be shown is none
    return caught.value.reason


# === Quantities === #


@pytest.mark.parametrize(
    "written, quantity",
    [
        ("61.5", "61.5"),
        (" 60 ", "60"),
        ("+60", "60"),
        ("1e3", "1000"),
        ("060", "60"),
        (0, "0"),
        ("-0", "0"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (0.1, "0.1"),
        (1e-10, "0"),
        ("0.0000000005", "0.000000001"),
        (10**12 - 1, "999999999999"),
        (1e11, "100000000000"),
        ("999999999999.999999999", "999999999999.999999999"),
        ("1e-999999", "0"),
        ("١٢", "12"),
        ("１２", "12"),
        (Decimal("7.25"), "7.25"),
    ],
)
def test_a_number_is_taken_for_what_it_says(written, quantity):
    found = read_quantity(written)
    assert found == Decimal(quantity)
    assert not found.is_signed()


@pytest.mark.parametrize(
    "written, expected",
    [
        (None, "missing"),
        ("", "missing"),
        ("   ", "missing"),
        ("1_000", "not_number"),
        ("1,000", "not_number"),
        ("1,5", "not_number"),
        ("1 000", "not_number"),
        ("0x10", "not_number"),
        ("60s", "not_number"),
        ("½", "not_number"),
        ("²", "not_number"),
        ("--1", "not_number"),
        (True, "not_number"),
        (False, "not_number"),
        ([60], "not_number"),
        ({"value": 60}, "not_number"),
        (60j, "not_number"),
        ("NaN", "not_finite"),
        ("sNaN", "not_finite"),
        ("-nan", "not_finite"),
        ("Infinity", "not_finite"),
        ("-Inf", "not_finite"),
        (float("nan"), "not_finite"),
        (float("inf"), "not_finite"),
        (-1, "negative"),
        ("-0.000000001", "negative"),
        (-1e-300, "negative"),
        ("1e12", "too_large"),
        (10**12, "too_large"),
        ("1e999999", "too_large"),
        pytest.param(10**5000, "too_large", id="10**5000"),
    ],
)
def test_what_is_no_usable_number_is_refused(written, expected):
    assert reason(read_quantity, written) == expected


@given(st.floats(0, 1e11, allow_nan=False))
def test_a_float_means_its_shortest_decimal_form(number):
    assert abs(read_quantity(number) - Decimal(repr(number))) <= Decimal("5e-10")


@given(st.decimals(0, 10**11, places=9, allow_nan=False))
def test_a_decimal_text_loses_nothing(number):
    assert read_quantity(str(number)) == number


# === Texts === #


@pytest.mark.parametrize(
    "value, expected",
    [
        (None, "missing"),
        ("", "missing"),
        (" \t\n", "missing"),
        (True, "not_text"),
        (1.5, "not_text"),
        (["a"], "not_text"),
        ({}, "not_text"),
        ("a\x00b", "control"),
        pytest.param("\ud800", "not_text", id="lone-surrogate"),
        ("x" * (TEXT_LIMIT + 1), "too_long"),
        pytest.param(10**5000, "too_long", id="10**5000"),
    ],
)
def test_what_is_no_usable_text_is_refused(value, expected):
    assert reason(read_text, "id", value) == expected


def test_an_identifier_is_stripped_and_otherwise_kept():
    assert read_text("id", "  Ünïcode 编号 ") == "Ünïcode 编号"
    assert read_text("sdkappid", 1400000001) == "1400000001"
    assert read_text("id", "x" * TEXT_LIMIT) == "x" * TEXT_LIMIT
    assert read_text("id", "007") == "007"


# === Moments === #


@pytest.mark.parametrize(
    "written, utc",
    [
        ("2024-10-01", "2024-09-30T16:00:00"),
        ("2024-10-01T00:00", "2024-09-30T16:00:00"),
        ("2024-10-01 08:30:00", "2024-10-01T00:30:00"),
        ("2024-10-01T00:00:00Z", "2024-10-01T00:00:00"),
        ("2024-10-01T00:00:00z", "2024-10-01T00:00:00"),
        ("2024-10-01T00:00:00+08:00", "2024-09-30T16:00:00"),
        ("2024-10-01T00:00:00-05:30", "2024-10-01T05:30:00"),
        (" 2024-10-01 ", "2024-09-30T16:00:00"),
        (date(2024, 10, 1), "2024-09-30T16:00:00"),
        (datetime(2024, 10, 1), "2024-09-30T16:00:00"),
        (datetime(2024, 10, 1, tzinfo=timezone.utc), "2024-10-01T00:00:00"),
    ],
)
def test_a_moment_without_offset_is_billing_time(written, utc):
    found = read_moment("start", written)
    assert found.isoformat() == f"{utc}+00:00"
    assert found.utcoffset() == timedelta(0)


def test_another_billing_zone_moves_what_has_no_offset_only():
    zone = "America/New_York"
    assert read_moment("start", "2024-10-01", zone).hour == 4
    assert read_moment("start", "2024-10-01T00:00Z", zone).hour == 0


@pytest.mark.parametrize(
    "written, expected",
    [
        (None, "missing"),
        ("", "missing"),
        ("yesterday", "not_moment"),
        ("01/10/2024", "not_moment"),
        ("2024-13-01", "not_moment"),
        ("2024-02-30", "not_moment"),
        ("2024-10-01T25:00", "not_moment"),
        (1727740800, "not_moment"),
        (1727740800.5, "not_moment"),
        (True, "not_moment"),
        (["2024-10-01"], "not_moment"),
        ("0001-01-01", "not_moment"),
        ("9999-12-31T23:59:59-12:00", "not_moment"),
        ("9999-12-31T16:00:00Z", "not_moment"),
    ],
)
def test_what_is_no_usable_moment_is_refused(written, expected):
    """The last one is no day in UTC+8: the year 10000 does not exist here."""
    assert reason(read_moment, "start", written) == expected


@pytest.mark.parametrize(
    "written", ["1999-12-31", "0024-10-01", "1999-12-31T15:59:59Z", "2100-01-01", "2204-10-01"]
)
@pytest.mark.parametrize("field", ["start", "end"])
def test_a_slip_in_the_year_does_not_open_a_period_of_another_century(field, written):
    assert reason(read_moment, field, written) == "not_plausible"


def test_the_first_and_last_plausible_moments_are_of_the_billing_zone():
    assert read_moment("start", "2000-01-01").year == 1999
    assert read_moment("start", "2099-12-31T23:59:59").year == 2099


# === Tags === #


def test_tags_are_flat_texts_in_one_order():
    assert read_tags({"b": "2", "a": "1"}) == {"a": "1", "b": "2"}
    assert list(read_tags('{"b": "2", "a": "1"}')) == ["a", "b"]
    assert read_tags({"房间": "七"}) == {"房间": "七"}
    for nothing in (None, "", {}):
        assert read_tags(nothing) == {}


@pytest.mark.parametrize(
    "written",
    [
        "room 7",
        "[]",
        "null",
        '"text"',
        [["room", "7"]],
        {"room": 7},
        {"room": None},
        {"room": {"floor": "1"}},
        {7: "room"},
        0,
        False,
        {"room": "a\x00b"},
        {"a\x00b": "room"},
        pytest.param({"room": "\ud800"}, id="lone-surrogate"),
        pytest.param('{"room": "\\ud800"}', id="escaped-surrogate"),
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_what_are_no_usable_tags_is_refused(written):
    assert reason(read_tags, written) == "not_tags"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({str(number): "" for number in range(65)}, id="65 pairs"),
        pytest.param({"room": "x" * 4093}, id="4,097 characters"),
        pytest.param('{"room": "' + "x" * 10**6 + '"}', id="a megabyte of JSON"),
    ],
)
def test_tags_do_not_smuggle_a_document_into_each_record(written):
    assert reason(read_tags, written) == "too_many_tags"


def test_tags_up_to_the_limits_are_kept():
    assert len(read_tags({str(number): "" for number in range(64)})) == 64
    assert read_tags({"room": "x" * 4092})


# === Ids of refused records === #


@pytest.mark.parametrize(
    "value, expected",
    [
        ("a", "a"),
        ("编号", "编号"),
        ("x" * 256, "x" * 256),
        (7, 7),
        (-(10**255), -(10**255)),
        (None, None),
        (True, None),
        (1.5, None),
        ([1], None),
        ({}, None),
        pytest.param("a\ud800", "a\\ud800", id="lone-surrogate"),
        ("a\x00b", "a\\x00b"),
        pytest.param("x" * 257, "x" * 79 + "…", id="257 characters"),
        pytest.param(10**256, "1" + "0" * 78 + "…", id="10**256"),
        pytest.param(10**5000, "int", id="10**5000"),
    ],
)
def test_a_refused_id_is_told_in_a_form_that_can_be_sent(value, expected):
    found = shown_id(value)
    assert (found, type(found)) == (expected, type(expected))


# === Records === #


def test_a_record_is_read_whole():
    fact = read_record({**RECORD, "end": "2024-10-01T01:00", "unit": "min", "tags": {"a": "b"}})
    assert fact == {
        "id": "a",
        "sdkappid": "1400000001",
        "item": "av_hd",
        "quantity": 60,
        "unit": "min",
        "start": datetime(2024, 9, 30, 16, tzinfo=timezone.utc),
        "end": datetime(2024, 9, 30, 17, tzinfo=timezone.utc),
        "tags": {"a": "b"},
    }


@pytest.mark.parametrize("name", sorted(RECORD))
def test_a_missing_field_is_named(name):
    with pytest.raises(FactError) as caught:
        read_record({key: value for key, value in RECORD.items() if key != name})
    assert (caught.value.field, caught.value.reason) == (name, "missing")


@pytest.mark.parametrize(
    "change, field, expected",
    [
        ({"quantitiy": 1}, "quantitiy", "unknown_field"),
        ({7: 1}, "7", "unknown_field"),
        ({"end": "2024-09-30"}, "end", "end_before_start"),
        ({"end": "soon"}, "end", "not_moment"),
        ({"end": "2204-10-01"}, "end", "not_plausible"),
        ({"unit": ["s"]}, "unit", "not_text"),
        ({"tags": "x"}, "tags", "not_tags"),
    ],
)
def test_a_misspelt_or_impossible_field_is_never_ignored(change, field, expected):
    with pytest.raises(FactError) as caught:
        read_record({**RECORD, **change})
    assert (caught.value.field, caught.value.reason) == (field, expected)


@pytest.mark.parametrize("record", [None, [], "record", 7, [RECORD]])
def test_what_is_no_record_is_refused(record):
    assert reason(read_record, record) == "not_record"


def test_an_end_at_the_start_is_a_moment_not_a_mistake():
    fact = read_record({**RECORD, "end": "2024-10-01"})
    assert fact["end"] == fact["start"]


@pytest.mark.parametrize(
    "same",
    [
        {"quantity": 60},
        {"quantity": 60.0},
        {"quantity": "60.000"},
        {"quantity": "6e1"},
        {"sdkappid": "1400000001"},
        {"sdkappid": " 1400000001 "},
        {"start": "2024-10-01T00:00:00+08:00"},
        {"start": "2024-09-30T16:00:00Z"},
        {"tags": {}},
        {"tags": None, "end": None, "unit": ""},
    ],
)
def test_the_same_fact_written_otherwise_is_a_duplicate(same):
    assert fingerprint(read_record({**RECORD, **same})) == fingerprint(read_record(RECORD))


@pytest.mark.parametrize(
    "other",
    [
        {"id": "b"},
        {"quantity": "60.000000001"},
        {"sdkappid": 1400000002},
        {"item": "av_fhd"},
        {"start": "2024-10-01T00:00:01"},
        {"end": "2024-10-01"},
        {"unit": "s"},
        {"tags": {"room": "7"}},
    ],
)
def test_any_change_of_a_fact_shows(other):
    assert fingerprint(read_record({**RECORD, **other})) != fingerprint(read_record(RECORD))


def test_tags_in_another_order_are_the_same_fact():
    one = read_record({**RECORD, "tags": {"a": "1", "b": "2"}})
    two = read_record({**RECORD, "tags": {"b": "2", "a": "1"}})
    assert fingerprint(one) == fingerprint(two)


# === CLOCKS THAT ARE SET === #


@pytest.mark.parametrize(
    "zone, written, expected",
    [
        ("America/New_York", "2025-11-02T01:30:00", "doubled"),
        ("America/New_York", "2025-11-02T01:00:00", "doubled"),
        ("America/New_York", "2025-03-09T02:30:00", "skipped"),
        ("America/New_York", "2025-03-09T02:00", "skipped"),
        ("Australia/Lord_Howe", "2025-04-06T01:45:00", "doubled"),
        ("Australia/Lord_Howe", "2025-10-05T02:15:00", "skipped"),
        ("America/Havana", "2024-11-03T00:30:00", "doubled"),
        ("America/Havana", "2024-11-03T00:00:00", "doubled"),
        ("America/Sao_Paulo", "2018-11-04T00:00:00", "skipped"),
        ("Pacific/Apia", "2011-12-30T12:00:00", "skipped"),
        ("Pacific/Apia", "2011-12-30", "skipped"),
    ],
)
def test_a_local_time_that_comes_twice_or_never_is_refused(zone, written, expected):
    assert reason(read_moment, "start", written, zone) == expected
    if "T" in written:
        for aware in (f"{written}-05:00", f"{written}Z"):
            assert read_moment("start", aware, zone)
        naive = datetime.fromisoformat(written)
        assert reason(read_moment, "start", naive, zone) == expected
        assert reason(read_moment, "start", naive.replace(fold=1), zone) == expected


@pytest.mark.parametrize(
    "zone, day, expected",
    [
        ("America/New_York", "2025-11-02", "2025-11-02T04:00:00+00:00"),
        # Midnight comes twice: the first one.
        ("America/Havana", "2024-11-03", "2024-11-03T04:00:00+00:00"),
        # Midnight is skipped: the moment of the jump.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00+00:00"),
        ("Asia/Beirut", "2024-03-31", "2024-03-30T22:00:00+00:00"),
        # From 23:30 to 00:30: the day begins half an hour late.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00+00:00"),
        ("America/St_Johns", "2010-03-14", "2010-03-14T03:30:00+00:00"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00+00:00"),
    ],
)
def test_a_day_begins_with_its_first_moment_that_exists(zone, day, expected):
    assert day_start(date.fromisoformat(day), zone).isoformat() == expected


@given(
    st.sampled_from(sorted(available_timezones())),
    st.dates(date(2000, 1, 2), date(2099, 12, 30)),
)
def test_the_moment_before_a_day_is_of_another_day(zone, day):
    start = day_start(day, zone)
    if billing_day(start, zone) == day:
        assert read_moment("start", day.isoformat(), zone) == start
        assert billing_day(start - timedelta(seconds=1), zone) != day
    else:
        assert reason(read_moment, "start", day.isoformat(), zone) == "skipped"


def test_usage_of_the_future_is_refused():
    latest = datetime(2024, 10, 2, tzinfo=timezone.utc)
    assert read_record({**RECORD, "start": "2024-10-02T00:00:00Z"}, latest=latest)
    record = {**RECORD, "start": "2024-10-02T00:00:01Z"}
    with pytest.raises(FactError) as caught:
        read_record(record, latest=latest)
    assert (caught.value.field, caught.value.reason) == ("start", "in_future")
