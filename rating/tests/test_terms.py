"""Terms of packs and editions: dates that bite, and what a part of a term costs."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..fees import pack_refund, part, remaining_days, upgrade_minutes, upgrade_price
from ..periods import add_months, anchored_period, month_term, year_term
from ..prices import Step, round_money

ZERO = Decimal(0)
CENT = Decimal("0.01")
YEN = Decimal(1)

days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
fewer = settings(max_examples=80)
#: Months in which days are missing come up too seldom by themselves
biting = st.builds(
    lambda year, month, back: add_months(date(year, month, 1), 1) - timedelta(days=back),
    st.integers(2019, 2029),
    st.integers(1, 12),
    st.integers(1, 4),
)
any_day = st.one_of(days, biting)
cents = st.integers(0, 10**7).map(lambda number: number * CENT)
minutes = st.integers(0, 2_000_000).map(Decimal)
ONE_DAY = timedelta(days=1)


# === Dates that bite === #


@pytest.mark.parametrize(
    "start, months, expected",
    [
        (date(2023, 1, 29), 1, date(2023, 2, 28)),
        (date(2023, 1, 30), 1, date(2023, 2, 28)),
        (date(2024, 1, 30), 1, date(2024, 2, 29)),
        (date(2024, 1, 31), 3, date(2024, 4, 30)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2023, 12, 31), 1, date(2024, 1, 31)),
        (date(2023, 12, 31), 2, date(2024, 2, 29)),
        (date(2024, 1, 31), -1, date(2023, 12, 31)),
        (date(2024, 3, 31), -1, date(2024, 2, 29)),
        (date(2024, 3, 31), -13, date(2023, 2, 28)),
        (date(2024, 3, 31), 0, date(2024, 3, 31)),
    ],
)
def test_a_month_without_that_day_gives_its_last_one(start, months, expected):
    assert add_months(start, months) == expected


def test_free_minutes_received_on_the_15th_end_on_the_14th():
    """DOMAIN.md P3."""
    received = date(2022, 11, 15)
    assert month_term(received) == date(2022, 12, 14)
    assert anchored_period(date(2022, 12, 14), received) == (0, received, date(2022, 12, 14))
    assert anchored_period(date(2022, 12, 15), received)[:2] == (1, date(2022, 12, 15))


@pytest.mark.parametrize(
    "anchor, starts",
    [
        (date(2023, 1, 29), ["01-29", "02-28", "03-29", "04-29"]),
        (date(2023, 1, 30), ["01-30", "02-28", "03-30", "04-30"]),
        (date(2023, 1, 31), ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30"]),
        (date(2024, 1, 29), ["01-29", "02-29", "03-29"]),
        (date(2024, 1, 31), ["01-31", "02-29", "03-31"]),
        (date(2024, 2, 29), ["02-29", "03-29", "04-29"]),
    ],
)
def test_a_short_month_does_not_shift_the_cycles_after_it(anchor, starts):
    day, found = anchor, []
    for number in range(len(starts)):
        cycle, first, last = anchored_period(day, anchor)
        assert cycle == number
        assert month_term(first, anchor) == last
        found.append(f"{first:%m-%d}")
        day = last + ONE_DAY
    assert found == starts


@pytest.mark.parametrize(
    "start, end",
    [
        (date(2023, 12, 1), date(2023, 12, 31)),
        (date(2023, 12, 2), date(2024, 1, 1)),
        (date(2023, 12, 31), date(2024, 1, 30)),
        (date(2024, 1, 31), date(2024, 2, 28)),
        (date(2024, 2, 1), date(2024, 2, 29)),
        (date(2024, 2, 29), date(2024, 3, 28)),
    ],
)
def test_a_month_ends_on_the_day_before_the_same_day_next_month(start, end):
    assert month_term(start) == end


@pytest.mark.parametrize(
    "start, end",
    [
        (date(2021, 5, 1), date(2022, 5, 31)),
        (date(2020, 5, 1), date(2021, 5, 31)),
        (date(2021, 5, 31), date(2022, 5, 31)),
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(2023, 2, 28), date(2024, 2, 29)),
        (date(2023, 12, 31), date(2024, 12, 31)),
        (date(2024, 1, 1), date(2025, 1, 31)),
    ],
)
def test_a_prepaid_pack_lasts_to_the_end_of_the_same_month_next_year(start, end):
    assert year_term(start) == end


# === Cycles tile the days === #


@fewer
@given(any_day, any_day)
def test_each_day_is_in_one_cycle_whether_before_or_after_the_anchor(anchor, day):
    number, first, last = anchored_period(day, anchor)
    assert first <= day <= last
    assert (number >= 0) == (day >= anchor)
    assert 28 <= (last - first).days + 1 <= 31
    assert anchored_period(first, anchor) == anchored_period(last, anchor) == (number, first, last)


@fewer
@given(any_day, any_day)
def test_cycles_follow_each_other_without_gap_or_overlap(anchor, day):
    number, first, last = anchored_period(day, anchor)
    assert anchored_period(last + ONE_DAY, anchor)[:2] == (number + 1, last + ONE_DAY)
    previous = anchored_period(first - ONE_DAY, anchor)
    assert (previous[0], previous[2]) == (number - 1, first - ONE_DAY)


@fewer
@given(any_day)
def test_cycle_number_zero_begins_on_the_anchor(anchor):
    assert anchored_period(anchor, anchor)[:2] == (0, anchor)


@fewer
@given(any_day, st.integers(-40, 40))
def test_a_cycle_begins_on_the_anchors_day_of_the_month_where_there_is_one(anchor, months):
    first = add_months(anchor, months)
    assert anchored_period(first, anchor)[:2] == (months, first)
    next_month = (first + ONE_DAY).month != first.month
    assert first.day == anchor.day or (first.day < anchor.day and next_month)


@fewer
@given(any_day)
def test_a_pack_is_good_for_a_year_and_up_to_a_month(start):
    end = year_term(start)
    assert (end + ONE_DAY).day == 1
    assert (end.year, end.month) == (start.year + 1, start.month)
    assert add_months(start, 12) <= end


# === Upgrades === #

TERM = date(2024, 11, 1), date(2024, 11, 30)


@pytest.mark.parametrize(
    "day, remaining",
    [
        (date(2024, 11, 1), 30),
        (date(2024, 11, 2), 29),
        (date(2024, 11, 21), 10),
        (date(2024, 11, 30), 1),
        (date(2024, 12, 1), 0),
        # Outside of the term
        (date(2024, 12, 7), 0),
        (date(2024, 10, 20), 30),
    ],
)
def test_the_day_of_the_upgrade_counts_as_remaining(day, remaining):
    assert remaining_days(day, *TERM) == (remaining, 30)


def test_an_upgrade_costs_list_less_list_for_the_remaining_days():
    assert upgrade_price(Decimal(400), Decimal(100), 10, 30, CENT) == 100


def test_an_upgrade_of_an_edition_bought_at_a_discount_counts_what_was_paid():
    assert upgrade_price(Decimal(400), Decimal(70), 10, 30, CENT) == 110
    assert upgrade_price(Decimal(400), Decimal(80), 10, 30, CENT) == Decimal("106.67")


def test_an_upgrade_is_rounded_half_up_and_once():
    assert upgrade_price(Decimal("100.01"), Decimal(100), 15, 30, CENT) == CENT
    assert upgrade_price(Decimal(1000), Decimal(1), 15, 30, YEN) == 500


def test_an_upgrade_adds_the_minutes_of_the_remaining_days():
    assert upgrade_minutes(Decimal(80_000), Decimal(20_000), 10, 30) == 20_000
    assert upgrade_minutes(Decimal(80_000), Decimal(20_000), 30, 30) == 60_000
    assert upgrade_minutes(Decimal(1000), ZERO, 1, 31) == 32


def test_what_would_be_a_downgrade_pays_nothing_back():
    assert upgrade_price(Decimal(100), Decimal(400), 10, 30, CENT) == 0
    assert upgrade_minutes(Decimal(20_000), Decimal(80_000), 10, 30) == 0


@fewer
@given(
    st.tuples(cents, cents),
    st.tuples(minutes, minutes),
    any_day,
    st.integers(-9, 40),
    st.sampled_from([CENT, YEN]),
)
def test_an_upgrade_is_never_negative_nor_above_a_whole_term(prices, holds, start, age, unit):
    """Not even on a day outside of the term."""
    (new, old), (more, less) = prices, holds
    day = start + age * ONE_DAY
    remaining, whole = remaining_days(day, start, month_term(start))
    assert 0 <= remaining <= whole
    price = upgrade_price(new, old, remaining, whole, unit)
    assert 0 <= price <= round_money(max(new - old, ZERO), unit)
    added = upgrade_minutes(more, less, remaining, whole)
    assert 0 <= added <= max(more - less, 0)
    assert added % 1 == 0


# === Refunds === #

#: Own round numbers: from 0, from 1,000 and from 10,000 minutes on
STEPS = [
    Step(Decimal(10_000), Decimal("0.005")),
    Step(ZERO, Decimal("0.010")),
    Step(Decimal(1000), Decimal("0.008")),
]


@pytest.mark.parametrize(
    "paid, used, discount, refund",
    [
        (100, 0, "1", "100.00"),
        (100, 500, "1", "95.00"),
        (100, 999, "1", "90.01"),
        (100, 1000, "1", "92.00"),  # the step of all that was used, not slice by slice
        (100, 5000, "1", "60.00"),
        (50, 5000, "0.5", "30.00"),
        (100, 10_000, "1", "50.00"),
        (100, 20_000, "1", "0.00"),
        (100, 90_000, "1", "0.00"),  # never below zero
        (0, 500, "1", "0.00"),
    ],
)
def test_a_pack_used_in_part_pays_back_what_is_left_of_its_price(paid, used, discount, refund):
    found = pack_refund(Decimal(paid), Decimal(used), STEPS, CENT, Decimal(discount))
    assert found == Decimal(refund)


@pytest.mark.parametrize(
    "paid, used, refund",
    [
        ("168", "24999", "0.00"),  # 174.99 at the first step
        ("1588", "25000", "1420.00"),
        ("1588", "249999", "0.00"),  # 1,679.99
        ("5968", "250000", "4380.00"),
        ("16888", "1000000", "10920.00"),
        ("16888", "3000000", "0.00"),
    ],
)
def test_a_refund_goes_by_the_step_that_the_used_minutes_reach(paid, used, refund):
    """The tiers of the China site, DOMAIN.md 4.4."""
    tiers = ["0.007", "0.00672", "0.006352", "0.005968", "0.00562934"]
    starts = [0, 25_000, 250_000, 1_000_000, 3_000_000]
    steps = [
        Step(Decimal(start), Decimal(price)) for start, price in zip(starts, tiers, strict=True)
    ]
    assert pack_refund(Decimal(paid), Decimal(used), steps, CENT) == Decimal(refund)


def test_a_refund_without_any_price_of_used_minutes_is_what_was_paid():
    assert pack_refund(Decimal(100), Decimal(7), [], CENT) == 100


@fewer
@given(cents, minutes, st.integers(0, 100).map(lambda percent: percent * CENT))
def test_a_refund_is_never_negative_and_never_more_than_was_paid(paid, used, discount):
    assert 0 <= pack_refund(paid, used, STEPS, CENT, discount) <= paid


# === Parts of a term === #


@fewer
@given(
    cents,
    st.integers(1, 31),
    st.lists(st.integers(0, 31), max_size=6),
    st.sampled_from([CENT, YEN]),
)
def test_parts_taken_cumulatively_sum_up_to_the_whole(whole, total, cuts, rounding):
    cuts = sorted([0, *(cut for cut in cuts if cut < total), total])
    parts = [
        part(whole, end, total, rounding) - part(whole, start, total, rounding)
        for start, end in pairwise(cuts)
    ]
    assert sum(parts) == round_money(whole, rounding)
    assert all(found >= 0 for found in parts)


@fewer
@given(cents, st.integers(0, 31), st.integers(1, 31))
def test_a_part_is_off_by_no_more_than_half_a_rounding_step(whole, share, total):
    assert abs(part(whole, share, total, CENT) * total - whole * share) <= CENT / 2 * total


@fewer
@given(cents, st.integers(0, 31), st.integers(1, 31))
def test_a_part_of_a_credit_mirrors_the_part_of_the_charge(whole, share, total):
    assert part(-whole, share, total, CENT) == -part(whole, share, total, CENT)


def test_a_term_of_no_days_is_charged_whole():
    assert part(Decimal("9.90"), 0, 0, CENT) == Decimal("9.90")
