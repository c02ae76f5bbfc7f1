"""Draw-down of minute pools, on pools and usage that nobody thought of."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..charges import Charge, total
from ..drawdown import FREE, PACK, Pool, draw, draw_units
from ..engine import Meter
from ..prices import GRADUATED, Step
from . import oracle_drawdown
from .drawdown_cases import (
    RATIOS,
    RULES,
    WHOLE,
    ZERO,
    any_metered,
    drawn,
    many_pools,
    metered,
    pool_lists,
    pool_plans,
    rated,
)

fewer = settings(max_examples=60)

# === Oracle === #


@given(st.lists(metered, min_size=4, max_size=12), many_pools)
def test_draws_agree_with_taking_unit_by_unit(meters, pools):
    items = {code: (RULES[code].scope, RULES[code].free_quantity) for code in WHOLE}
    expected, left = oracle_drawdown.draw_down(items, meters, pools)
    found = {}
    for charge in rated(meters, pools):
        key = charge.period[0], charge.item, charge.application, charge.status
        known = found.setdefault(
            key, dict.fromkeys(("quantity", "free", "pack", "locked", "billable"), 0)
        )
        for name in known:
            known[name] += getattr(charge, name)
    assert found == {
        key: {
            "quantity": one["quantity"],
            "free": one["own"] + one["free"],
            "pack": one["pack"],
            "locked": one["locked"],
            "billable": one["billable"],
        }
        for key, one in expected.items()
    }
    draws = total(replace(c, kind="usage") for c in rated(meters, pools))
    assert {
        (period[0], item, application, status): charge.draws
        for (period, item, application, status, *_), charge in draws.items()
    } == {key: one["draws"] for key, one in expected.items()}
    spent = drawn(rated(meters, pools))
    assert {pool.key: pool.minutes - spent.get(pool.key, 0) for pool in pools} == left


@fewer
@given(st.lists(metered, min_size=2, max_size=8), many_pools, st.data())
def test_the_order_of_arrival_never_moves_a_minute(meters, pools, data):
    arrival = data.draw(st.permutations(meters))
    bought = data.draw(st.permutations(pools))
    assert rated(arrival, bought) == rated(meters, pools)


# === Conservation === #


@fewer
@given(st.lists(any_metered, max_size=10), pool_lists)
def test_no_unit_is_lost_between_free_pack_locked_and_billable(meters, pools):
    plain = rated(meters, [])
    assert [c.quantity for c in rated(meters, pools)] == [c.quantity for c in plain]
    for charge, undrawn in zip(rated(meters, pools), plain, strict=True):
        parts = charge.free, charge.pack, charge.locked, charge.billable
        assert charge.quantity == sum(parts)
        assert min(parts) >= 0
        # What is free without any pool is the item's own free quantity
        units = sum(units for units, _minutes in charge.draws.values())
        assert charge.free - undrawn.free + charge.pack == units


@fewer
@given(st.lists(any_metered, max_size=10), pool_lists)
def test_a_pool_never_gives_more_than_it_holds(meters, pools):
    charges = rated(meters, pools)
    holds = {pool.key: pool for pool in pools}
    for charge in charges:
        for key, (units, minutes) in charge.draws.items():
            assert units > 0
            assert minutes == units * holds[key].ratios[charge.item]
    for key, minutes in drawn(charges).items():
        assert minutes <= holds[key].minutes


@fewer
@given(st.lists(any_metered, max_size=10), pool_lists)
def test_nothing_is_drawn_where_a_pool_does_not_reach(meters, pools):
    holds = {pool.key: pool for pool in pools}
    for charge in rated(meters, pools):
        assert charge.status == "billable" or not charge.draws
        free = {key for key in charge.draws if holds[key].kind == FREE}
        assert bool(charge.pack) == bool(set(charge.draws) - free)
        for key in charge.draws:
            pool = holds[key]
            assert pool.first <= charge.period[0] <= pool.last
            assert pool.application in (None, charge.application)
            assert charge.item in pool.ratios


@fewer
@given(st.lists(any_metered, max_size=10), pool_lists)
def test_a_unit_is_covered_by_one_pool_or_billed_whole(meters, pools):
    """Only the part of a unit with which usage ends is drawn, or billed, as a part."""
    for charge in rated(meters, pools):
        units = [units for units, _minutes in charge.draws.values()]
        broken = [figure for figure in (*units, charge.billable) if figure % 1]
        assert len(broken) <= (charge.item == "exact")


@fewer
@given(st.lists(metered, min_size=2, max_size=10), many_pools)
def test_nobody_pays_while_a_pool_could_cover_a_unit(meters, pools):
    charges = rated(meters, pools)
    spent = drawn(charges)
    for charge in charges:
        if charge.billable:
            for pool in pools:
                if pool.serves(charge):
                    left = pool.minutes - spent.get(pool.key, 0)
                    assert left < pool.ratios[charge.item]


@fewer
@given(st.lists(metered, max_size=10), pool_lists, pool_plans)
def test_one_more_pool_never_makes_a_minute_disappear(meters, pools, plan):
    """Quantities stay; units only move between the columns of the same line."""
    more = [*pools, replace(plan, key=99)]
    for before, after in zip(rated(meters, pools), rated(meters, more), strict=True):
        assert (before.key, before.metered, before.quantity, before.locked) == (
            after.key, after.metered, after.quantity, after.locked,
        )  # fmt: skip


@fewer
@given(
    st.integers(0, 50), st.integers(0, 200).map(lambda n: Decimal(n) / 2), st.sampled_from(RATIOS)
)
def test_units_covered_are_all_that_the_minutes_suffice_for(want, left, ratio):
    units, ratio = draw_units(Decimal(want), left, Decimal(ratio)), Decimal(ratio)
    assert units * ratio <= left
    assert units == want or (units + 1) * ratio > left


# === Single accidents === #

DAY = date(2024, 10, 7)
HD = {"video": Decimal(4)}
AUDIO = {"record": Decimal(1)}


def used(units, item="record", application="10", day=DAY, **more):
    return Charge(
        (day, day), item, application, quantity=Decimal(units), billable=Decimal(units), **more
    )


def pool(key, minutes, ratios=None, first=DAY, last=DAY, **more):
    return Pool(key, Decimal(minutes), first, last, ratios or AUDIO, **more)


@pytest.mark.parametrize(
    "first, second",
    [
        # free before a pack, though it is wider, expires later and began later
        (
            {"kind": FREE, "first": date(2024, 10, 7), "last": date(2024, 10, 31)},
            {"kind": PACK, "first": date(2024, 10, 1), "last": date(2024, 10, 8),
             "application": "10"},
        ),
        # the application's own before the account's, though it expires later
        (
            {"application": "10", "first": date(2024, 10, 7), "last": date(2024, 11, 6)},
            {"application": None, "first": date(2024, 10, 1), "last": date(2024, 10, 8)},
        ),
        # what expires first, though it was bought later
        (
            {"first": date(2024, 10, 7), "last": date(2024, 10, 8)},
            {"first": date(2024, 10, 1), "last": date(2024, 10, 9)},
        ),
        # what began first
        (
            {"first": date(2024, 10, 1), "last": date(2024, 10, 9)},
            {"first": date(2024, 10, 2), "last": date(2024, 10, 9)},
        ),
    ],
)  # fmt: skip
def test_pools_are_drawn_from_in_the_documented_order(first, second):
    pools = [pool(8, 5, **second), pool(9, 5, **first)]
    (charge,) = draw([used(7)], pools)
    assert {key: units for key, (units, _minutes) in charge.draws.items()} == {9: 5, 8: 2}


def test_of_two_pools_that_are_alike_the_smaller_key_comes_first():
    for pools in ([pool(1, 5), pool(2, 5)], [pool(2, 5), pool(1, 5)]):
        (charge,) = draw([used(3)], pools)
        assert list(charge.draws) == [1]


def test_what_covers_no_unit_stays_for_usage_of_a_smaller_ratio():
    mixed = [pool(1, 7, {**HD, **AUDIO})]
    video, voice = draw([used(5, "video"), used(5)], mixed)
    assert (video.pack, video.billable) == (1, 4)
    assert (voice.pack, voice.billable) == (3, 2)


def test_a_unit_is_not_put_together_from_two_pools():
    (charge,) = draw([used(1, "video")], [pool(1, 2, HD), pool(2, 2, HD)])
    assert (charge.billable, charge.draws) == (1, {})


def test_a_pool_that_is_too_small_for_a_unit_does_not_block_the_next_one():
    (charge,) = draw([used(2, "video")], [pool(1, 3, HD), pool(2, 8, HD)])
    assert charge.draws == {2: (2, 8)}


def test_a_pool_serves_its_first_and_its_last_day_and_no_other():
    days = [date(2024, 10, day) for day in (6, 7, 8, 9)]
    window = pool(1, 99, first=date(2024, 10, 7), last=date(2024, 10, 8))
    charges = draw([used(1, day=day) for day in days], [window])
    assert [charge.pack for charge in charges] == [0, 1, 1, 0]


def test_usage_of_a_month_draws_only_from_a_pool_that_lasts_all_of_it():
    month = date(2024, 10, 1), date(2024, 10, 31)
    charge = replace(used(3), period=month)
    for first, last, units in [
        (date(2024, 10, 1), date(2024, 10, 31), 3),
        (date(2024, 10, 2), date(2024, 11, 1), 0),
        (date(2024, 9, 15), date(2024, 10, 14), 0),
    ]:
        (found,) = draw([charge], [pool(1, 99, first=first, last=last)])
        assert found.pack == units


def test_an_account_wide_item_does_not_draw_from_the_pool_of_one_application():
    (charge,) = draw([used(3, application=None)], [pool(1, 99, application="10")])
    assert not charge.draws
    (charge,) = draw([used(3, application=None)], [pool(1, 99)])
    assert charge.pack == 3


@pytest.mark.parametrize("ratio", ["0", "-1"])
def test_an_item_without_a_ratio_is_not_given_away_without_end(ratio):
    (charge,) = draw([used(3)], [pool(1, 1, {"record": Decimal(ratio)})])
    assert (charge.billable, charge.draws) == (3, {})


def test_a_pool_that_was_cut_below_what_it_gave_gives_nothing_more():
    (charge,) = draw([used(3)], [pool(1, -5)])
    assert (charge.billable, charge.draws) == (3, {})


@pytest.mark.parametrize("status", ["locked", "waived"])
def test_usage_that_is_not_billed_draws_no_minutes(status):
    seconds = Meter("record", "10", DAY, Decimal(600), status)
    (charge,) = rated([seconds], [pool(1, 99)])
    assert (charge.locked, charge.draws) == (10, {})


def test_minutes_are_drawn_before_the_price_step_is_chosen():
    def steps(_code, _day):
        return [Step(ZERO, Decimal(3)), Step(Decimal(10), Decimal(2))]

    seconds = Meter("record", "10", DAY, Decimal(720))
    (charge,) = rated([seconds], [pool(1, 5)], steps)
    assert (charge.billable, charge.price, charge.amount) == (7, 3, 21)


def test_what_was_drawn_is_told_once_when_a_charge_has_several_prices():
    def steps(_code, _day):
        return [Step(ZERO, Decimal(3)), Step(Decimal(2), Decimal(2)), Step(Decimal(4), ZERO)]

    seconds = Meter("record", "10", DAY, Decimal(720))
    charges = rated([seconds], [pool(1, 5)], steps, GRADUATED)
    assert [charge.billable for charge in charges] == [2, 2, 3]
    assert [(charge.pack, charge.draws) for charge in charges] == [
        (5, {1: (5, 5)}), (0, {}), (0, {}),
    ]  # fmt: skip
