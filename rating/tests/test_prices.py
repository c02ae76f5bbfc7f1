from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..prices import (
    GRADUATED,
    PRICE_QUANTUM,
    VOLUME,
    Step,
    amount,
    exact,
    price_slices,
    round_money,
    step_at,
)
from ..quotas import allocate
from . import oracle

steps = st.dictionaries(
    st.integers(0, 30), st.integers(0, 999).map(lambda n: Decimal(n) / 1000), max_size=4
)


def as_steps(prices):
    return [Step(Decimal(start), price) for start, price in prices.items()]


@given(steps, st.integers(0, 25), st.integers(0, 25), st.integers(0, 10))
def test_slices_cost_what_single_units_do(prices, before, quantity, after):
    """Both modes, against pricing each unit by itself."""
    whole = before + quantity + after
    for mode in (VOLUME, GRADUATED):
        slices = price_slices(
            Decimal(before), Decimal(quantity), Decimal(whole), as_steps(prices), mode
        )
        units = [
            oracle.unit_price(index, whole, prices.items(), mode == GRADUATED)
            for index in range(before, before + quantity)
        ]
        assert sum(part.quantity for part in slices) == quantity
        assert sum(part.quantity * (part.price or 0) for part in slices) == sum(
            price or 0 for price in units
        )
        free = sum(part.quantity for part in slices if part.price is None)
        assert free == units.count(None)


@given(steps, st.lists(st.integers(0, 12), max_size=6))
def test_graduated_slices_do_not_depend_on_where_usage_is_cut(prices, parts):
    whole = Decimal(sum(parts))
    at_once = price_slices(Decimal(0), whole, whole, as_steps(prices), GRADUATED)
    before, cost = Decimal(0), Decimal(0)
    for part in parts:
        for found in price_slices(before, Decimal(part), whole, as_steps(prices), GRADUATED):
            cost += found.quantity * (found.price or 0)
        before += part
    assert cost == sum(part.quantity * (part.price or 0) for part in at_once)


def test_a_step_holds_from_its_own_quantity_on():
    known = as_steps({0: Decimal(3), 5: Decimal(2)})
    assert step_at(Decimal("4.999"), known).price == 3
    assert step_at(Decimal(5), known).price == 2
    assert step_at(Decimal(5), reversed(known)).price == 2


def test_below_the_first_step_there_is_no_price():
    assert step_at(Decimal(1), as_steps({2: Decimal(3)})) is None
    assert step_at(Decimal(1), []) is None
    (part,) = price_slices(Decimal(0), Decimal(1), Decimal(1), [], GRADUATED)
    assert (part.quantity, part.price) == (1, None)


def test_a_quantity_of_nothing_is_still_one_slice():
    """So that a period that was all free has a line that says so."""
    for mode in (VOLUME, GRADUATED):
        parts = price_slices(Decimal(0), Decimal(0), Decimal(0), as_steps({0: Decimal(1)}), mode)
        assert [part.quantity for part in parts] == [0]


@pytest.mark.parametrize(
    "written, price",
    [
        (0.00399 * 0.9, "0.003591"),
        (0.1 + 0.2, "0.3"),
        (1e-10, "0.0000000001"),
        (5e-13, "0.000000000001"),
        (4.9e-13, "0"),
        (1e22, "10000000000000000000000"),
    ],
)
def test_a_float_price_is_what_its_author_meant(written, price):
    assert exact(written, PRICE_QUANTUM) == Decimal(price)


def test_a_half_is_rounded_up_not_to_even():
    assert amount(Decimal(1), Decimal("0.000000005")) == Decimal("0.00000001")
    assert amount(Decimal(1), Decimal("0.000000025")) == Decimal("0.00000003")
    cent = Decimal("0.01")
    assert round_money(Decimal("0.125"), cent) == Decimal("0.13")
    assert round_money(Decimal("0.135"), cent) == Decimal("0.14")
    assert round_money(Decimal("0.12499999"), cent) == Decimal("0.12")
    assert round_money(Decimal("1234.5"), Decimal(1)) == 1235
    assert round_money(Decimal("0.07"), Decimal("0.05")) == Decimal("0.05")


def test_a_credit_is_the_mirror_of_its_invoice():
    for text in ("0.005", "4.1364", "2.675", "0.004"):
        value, cent = Decimal(text), Decimal("0.01")
        assert round_money(-value, cent) == -round_money(value, cent)


@given(st.integers(0, 40).map(Decimal), st.lists(st.integers(0, 15).map(Decimal), max_size=6))
def test_a_free_quantity_is_given_in_order_and_to_the_last_unit(quota, wants):
    given_away = allocate(quota, wants)
    assert sum(given_away) == min(quota, sum(wants))
    for index, (part, want) in enumerate(zip(given_away, wants, strict=True)):
        assert 0 <= part <= want
        if part < want:
            assert not any(given_away[index + 1 :])


def test_a_negative_free_quantity_gives_nothing():
    assert allocate(Decimal(-5), [Decimal(3)]) == [0]
