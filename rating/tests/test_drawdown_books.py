"""Draw-down settled in pieces: the books come out as if settled at once."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..charges import Charge, difference, total
from ..drawdown import FREE, Pool
from ..engine import Meter
from ..prices import GRADUATED, VOLUME, Step
from .drawdown_cases import (
    FIRST,
    LAST,
    ZERO,
    any_metered,
    drawn,
    figures,
    many_pools,
    numbered,
    pool_lists,
    pool_plans,
    rated,
    steps_for,
    usage_of,
)

DAYS = [FIRST + timedelta(number) for number in range((LAST - FIRST).days + 1)]
fewer = settings(max_examples=60)
plan_lists = st.lists(pool_plans, min_size=1, max_size=4)


class Ledger:
    """What the books do: settle in pieces, keep the differences, edit nothing.

    A run rates all usage of its *window* again: the days from the first touched one
    on, as far as they are due or settled already.  A pool then holds what the days
    before the window left of it.
    """

    def __init__(self, steps=steps_for, mode=VOLUME):
        self.rating = steps, mode
        self.usage = {}
        self.pools = {}
        self.touched = set()
        self.settled = set()
        self.lines = []

    def receive(self, number, meter):
        """Take usage in; usage of the same number replaces what was there."""
        for known in (self.usage.get(number), meter):
            if known:
                self.touched.add(known.day)
        self.usage[number] = meter

    def put_pool(self, pool):
        self.pools[pool.key] = pool
        self.touch_days_of(pool)

    def take_pool(self, key):
        self.touch_days_of(self.pools.pop(key))

    def touch_days_of(self, pool):
        self.touched.update(day for day in self.settled if pool.first <= day <= pool.last)

    def get_window(self, touched):
        """Return the first and the last day to rate again."""
        return min(touched), LAST

    def settle(self, until):
        """Settle what was touched until a day; return the new lines."""
        touched = {day for day in self.touched if day <= until}
        if not touched:
            return []
        start, end = self.get_window(touched)
        due = {meter.day for meter in self.usage.values() if meter.day <= until}
        window = {day for day in due | self.settled if start <= day <= end}
        earlier = drawn(line for line in self.lines if line.period[0] < start)
        pools = [
            replace(pool, minutes=pool.minutes - earlier.get(pool.key, 0))
            for pool in self.pools.values()
        ]
        meters = [meter for meter in self.usage.values() if meter.day in window]
        before = [line for line in self.lines if line.period[0] in window]
        lines = difference(rated(meters, pools, *self.rating), before)
        self.lines += lines
        self.settled |= window
        self.touched -= touched
        return lines

    def assert_complete(self):
        """Settle what is left; the books must be those of one rating of the whole."""
        self.settle(LAST)
        at_once = rated(self.usage.values(), self.pools.values(), *self.rating)
        assert figures(self.lines) == figures(at_once)
        for key, minutes in drawn(self.lines).items():
            assert 0 < minutes <= self.pools[key].minutes
        assert self.settle(LAST) == []


class MonthLedger(Ledger):
    """As prices have steps, a day may change the price of its whole month."""

    def get_window(self, touched):
        return min(touched).replace(day=1), LAST


class ShortLedger(Ledger):
    """Days are left out that no pack, nor a row of packs that overlap, can reach."""

    def get_window(self, touched):
        end = max(touched)
        for pool in sorted(self.pools.values(), key=lambda pool: pool.first):
            if pool.last >= min(touched) and pool.first <= end:
                end = max(end, pool.last)
        return min(touched), end


ledgers = st.sampled_from([Ledger, ShortLedger])


def stepped(code, _day):
    prices = [(0, "0.3"), (3, "0.2"), (15, "0.1")]
    return [Step(Decimal(start), Decimal(price)) for start, price in prices]


def run(data, ledger, meters):
    """Let usage arrive in any order, some of it restated, with settlements between."""
    arrival = data.draw(st.permutations(list(enumerate(meters))))
    for number, meter in arrival:
        # A number of its own, or the one of a fact that it replaces
        number = data.draw(st.sampled_from([number, number, number, 0]))
        ledger.receive(number, meter)
        ledger.settle(data.draw(st.sampled_from([FIRST, *DAYS])))


# === Split invariance === #


@settings(max_examples=100)
@given(st.lists(any_metered, min_size=2, max_size=8), many_pools, ledgers, st.data())
def test_a_month_in_pieces_draws_and_bills_what_the_whole_does(meters, pools, kind, data):
    ledger = kind()
    for pool in pools:
        ledger.put_pool(pool)
    run(data, ledger, meters)
    ledger.assert_complete()


@fewer
@given(
    st.lists(usage_of(["video", "record"]), min_size=4, max_size=8),
    pool_lists,
    st.sampled_from([VOLUME, GRADUATED]),
    st.data(),
)
def test_a_month_in_pieces_with_price_steps_bills_what_the_whole_does(meters, pools, mode, data):
    ledger = MonthLedger(stepped, mode)
    for pool in pools:
        ledger.put_pool(pool)
    run(data, ledger, meters)
    ledger.assert_complete()


@fewer
@given(st.lists(any_metered, min_size=2, max_size=6), plan_lists, ledgers, st.data())
def test_pools_that_come_and_go_late_leave_the_same_books(meters, plans, kind, data):
    """Bought, cut, widened or withdrawn after the days they serve were settled."""
    ledger = kind()
    run(data, ledger, meters)
    for pool in numbered(plans):
        pool = replace(pool, key=data.draw(st.integers(1, 3)))
        if pool.key in ledger.pools:
            ledger.take_pool(pool.key)
        if data.draw(st.sampled_from([True, True, False])):
            ledger.put_pool(pool)
        ledger.settle(data.draw(st.sampled_from(DAYS)))
    ledger.assert_complete()


@fewer
@given(st.lists(any_metered, min_size=2, max_size=8), pool_lists)
def test_a_pool_withdrawn_leaves_no_draw_behind(meters, pools):
    ledger = Ledger()
    for number, meter in enumerate(meters):
        ledger.receive(number, meter)
    ledger.settle(LAST)
    without = figures(ledger.lines)
    for pool in pools:
        ledger.put_pool(pool)
    ledger.settle(LAST)
    for pool in pools:
        ledger.take_pool(pool.key)
    ledger.settle(LAST)
    assert figures(ledger.lines) == without
    assert all(not charge.draws for charge in total(ledger.lines).values())


@fewer
@given(st.lists(any_metered, min_size=2, max_size=8), pool_lists, pool_plans)
def test_a_pool_bought_late_changes_nothing_before_the_day_it_begins(meters, pools, plan):
    bought = replace(plan, key=99)
    ledger = Ledger()
    for pool in pools:
        ledger.put_pool(pool)
    for number, meter in enumerate(meters):
        ledger.receive(number, meter)
    ledger.settle(LAST)
    ledger.put_pool(bought)
    assert all(line.period[0] >= bought.first for line in ledger.settle(LAST))
    ledger.assert_complete()


# === Single accidents === #

DAY = date(2024, 10, 1)
RATIO = {"record": Decimal(1)}


def pool(key, minutes, first=DAY, last=LAST, **more):
    return Pool(key, Decimal(minutes), first, last, RATIO, **more)


def spoke(seconds, day=DAY, application="10"):
    return Meter("record", application, day, Decimal(seconds))


def opened(*meters, pools=()):
    """Return a ledger in which some usage is settled."""
    ledger = Ledger()
    for found in pools:
        ledger.put_pool(found)
    for number, meter in enumerate(meters):
        ledger.receive(number, meter)
    ledger.settle(LAST)
    return ledger


def moved(lines):
    return [(line.period[0].day, line.pack, line.billable, line.draws) for line in lines]


def test_rounding_never_draws_a_minute_twice():
    """DOMAIN.md A5: 30 s, 20 s and 40 s in three windows of a day draw 1, 0 and 1."""
    ledger, draws = opened(pools=[pool(1, 100)]), []
    for number, seconds in enumerate([30, 20, 40]):
        ledger.receive(number, spoke(seconds))
        draws.append(drawn(ledger.settle(LAST)).get(1, 0))
    assert draws == [1, 0, 1]


def test_a_pack_draws_from_midnight_of_the_purchase_day_and_never_the_day_before():
    ledger = opened(spoke(120, date(2024, 9, 30)), spoke(180), spoke(60, date(2024, 10, 2)))
    ledger.put_pool(pool(1, 100))
    assert moved(ledger.settle(LAST)) == [
        (1, 3, -3, {1: (3, 3)}),
        (2, 1, -1, {1: (1, 1)}),
    ]


def test_late_usage_takes_the_minutes_of_a_later_day_and_shows_both_sides():
    ledger = opened(spoke(180, date(2024, 10, 2)), pools=[pool(1, 3)])
    ledger.receive("late", spoke(120))
    lines = sorted(ledger.settle(LAST), key=lambda line: line.period)
    assert moved(lines) == [
        (1, 2, 0, {1: (2, 2)}),
        (2, -2, 2, {1: (-2, -2)}),
    ]


def test_late_usage_of_a_smaller_sdkappid_is_served_before_the_larger_one():
    ledger = opened(spoke(180), pools=[pool(1, 3)])
    ledger.receive("late", spoke(60, application="9"))
    lines = ledger.settle(LAST)
    assert {line.application: (line.pack, line.billable) for line in lines} == {
        "9": (1, 0),
        "10": (-1, 1),
    }


def test_usage_taken_back_gives_its_minutes_to_the_next_day():
    ledger = opened(spoke(180), spoke(60, date(2024, 10, 2)), pools=[pool(1, 3)])
    ledger.receive(0, spoke(0))
    lines = sorted(ledger.settle(LAST), key=lambda line: line.period)
    assert moved(lines) == [
        (1, -3, 0, {1: (-3, -3)}),
        (2, 1, -1, {1: (1, 1)}),
    ]


def test_a_pool_in_the_place_of_another_is_a_change_though_no_quantity_is():
    """The narrower pool is bought later: the same minutes now come from it."""
    ledger = opened(spoke(180), pools=[pool(1, 10)])
    ledger.put_pool(pool(2, 10, application="10"))
    (line,) = ledger.settle(LAST)
    assert (line.quantity, line.pack, line.billable, line.amount) == (0, 0, 0, 0)
    assert line.draws == {1: (-3, -3), 2: (3, 3)}
    assert not line.is_zero
    (charge,) = total(ledger.lines).values()
    assert charge.draws == {2: (3, 3)}


def test_free_minutes_in_the_place_of_a_pack_move_the_units_too():
    ledger = opened(spoke(180), pools=[pool(1, 10)])
    ledger.put_pool(pool(2, 2, kind=FREE))
    (line,) = ledger.settle(LAST)
    assert (line.free, line.pack, line.draws) == (2, -2, {1: (-2, -2), 2: (2, 2)})


@pytest.mark.parametrize("figures", [(Decimal(2), Decimal(8)), (ZERO, ZERO)])
def test_the_same_draws_twice_are_no_difference(figures):
    charge = Charge((DAY, DAY), "record", "10", quantity=Decimal(2), draws={1: figures})
    assert difference([charge], [charge]) == []
    (back,) = difference([], [charge])
    assert back.draws == ({1: (-2, -8)} if any(figures) else {})
