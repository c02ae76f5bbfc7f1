"""Properties of rating as a whole, on usage that nobody thought of."""

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..charges import MEASURES, Charge, difference, total
from ..engine import Meter, Rule, canonical, rate
from ..prices import GRADUATED, VOLUME, Step
from . import oracle

RULES = {
    rule.code: rule
    for rule in (
        Rule("minutes", order=10),
        Rule("shots", 20, "month", unit_size=Decimal(10), block_size=Decimal(10),
             free_quantity=Decimal(4)),
        Rule("quota", 30, "day", unit_size=Decimal(1), block_size=Decimal(1),
             free_quantity=Decimal(7), free_scope="application"),
        Rule("packed", 40, "month", unit_size=Decimal(10), block_size=Decimal(50)),
        Rule("tasks", 50, "day", "account", unit_size=Decimal(7), block_size=Decimal(7)),
        Rule("bandwidth", 60, "month", "account", "peak", Decimal(1), Decimal(1)),
    )
}  # fmt: skip
STEPS = {
    "minutes": [(0, "0.00399")],
    "shots": [(0, "0.03"), (5, "0.02"), (9, "0.011")],
    "quota": [(0, "1"), (3, "0.5")],
    "packed": [(0, "0.3")],
    "tasks": [(2, "0.7")],
    "bandwidth": [(0, "0.01899"), (40, "0.015")],
}
PRICES = {
    code: [Step(Decimal(start), Decimal(price), f"{code} from {start}") for start, price in steps]
    for code, steps in STEPS.items()
}
ORACLE_STEPS = {
    code: [(start, Decimal(price)) for start, price in steps] for code, steps in STEPS.items()
}
SUMMED = [code for code, rule in RULES.items() if rule.aggregation == "sum"]

days = st.dates(date(2024, 9, 29), date(2024, 10, 3))
usages = st.one_of(st.integers(0, 130).map(Decimal), st.decimals(0, 130, places=3, allow_nan=False))
applications = st.sampled_from(["9", "10", "1400000001", "1400000002"])


def summed_meters(items, statuses):
    return st.builds(
        Meter,
        item=st.sampled_from(items),
        application=applications,
        day=days,
        usage=usages,
        status=statuses,
        kind=st.sampled_from(["usage", "usage", "robot"]),
    )


def meters_of(statuses):
    return st.one_of(
        summed_meters(SUMMED, statuses),
        st.builds(
            lambda day, minute, **values: Meter(
                day=day, instant=datetime(day.year, day.month, day.day, 12, minute), **values
            ),
            item=st.just("bandwidth"),
            application=applications,
            day=days,
            minute=st.sampled_from([0, 5]),
            usage=usages,
            status=statuses,
        ),
    )


metered = meters_of(st.sampled_from(["billable", "billable", "billable", "locked", "waived"]))
modes = st.sampled_from([VOLUME, GRADUATED])


def steps_for(code, _day):
    return PRICES[code]


def rated(meters, mode=VOLUME, prices=steps_for):
    return rate(RULES, meters, prices, mode)


def figures(charges):
    """Return {key: measures} of charges, those that came to nothing left out."""
    return {
        key: {name: getattr(charge, name) for name in MEASURES}
        for key, charge in total(charges).items()
        if not charge.is_zero
    }


# === Split invariance === #


@given(st.lists(metered, max_size=12), modes, st.data())
def test_settling_in_pieces_bills_what_settling_at_once_does(meters, mode, data):
    arrival = data.draw(st.permutations(meters))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(meters)), max_size=4)))
    settled = []
    for end in [*cuts, len(arrival)]:
        settled += difference(rated(arrival[:end], mode), settled)
    assert figures(settled) == figures(rated(meters, mode))


@given(st.lists(metered, min_size=1, max_size=8), modes, st.data())
def test_restated_usage_leaves_no_trace_of_what_it_replaced(meters, mode, data):
    replacement = data.draw(metered)
    index = data.draw(st.integers(0, len(meters) - 1))
    settled = difference(rated(meters, mode), [])
    restated = [*meters[:index], replacement, *meters[index + 1 :]]
    settled += difference(rated(restated, mode), settled)
    assert figures(settled) == figures(rated(restated, mode))


@given(st.lists(metered, max_size=8), modes, modes)
def test_a_changed_price_bills_the_difference_and_no_unit_twice(meters, before, after):
    def dearer(code, day):
        return [step._replace(price=step.price + Decimal("0.1")) for step in steps_for(code, day)]

    settled = difference(rated(meters, before), [])
    settled += difference(rated(meters, after, dearer), settled)
    assert figures(settled) == figures(rated(meters, after, dearer))


@given(st.lists(metered, max_size=8), modes)
def test_settling_again_bills_nothing(meters, mode):
    settled = difference(rated(meters, mode), [])
    assert difference(rated(meters, mode), settled) == []


@given(st.lists(metered, max_size=8), modes)
def test_usage_taken_back_altogether_leaves_a_bill_of_nothing(meters, mode):
    settled = difference(rated(meters, mode), [])
    settled += difference([], settled)
    assert figures(settled) == {}


@given(st.lists(metered, max_size=10), modes, st.data())
def test_the_order_of_arrival_never_shows_on_the_bill(meters, mode, data):
    arrival = data.draw(st.permutations(meters))
    assert rated(arrival, mode) == rated(meters, mode)


# === Conservation === #


@given(st.lists(metered, max_size=12), modes)
def test_no_unit_is_lost_between_free_locked_and_billable(meters, mode):
    for charge in rated(meters, mode):
        parts = charge.free + charge.pack + charge.locked + charge.billable
        assert charge.quantity == parts
        assert min(charge.quantity, charge.free, charge.locked, charge.billable) >= 0


@given(st.lists(metered, max_size=12), modes)
def test_metered_on_the_bill_is_the_usage_received(meters, mode):
    received, billed = defaultdict(Decimal), defaultdict(Decimal)
    for meter in meters:
        if meter.item in SUMMED:
            received[meter.item, meter.day.month, meter.kind] += meter.usage
    for charge in rated(meters, mode):
        if charge.item in SUMMED:
            billed[charge.item, charge.period[0].month, charge.kind] += charge.metered
    assert {k: v for k, v in billed.items() if v} == {k: v for k, v in received.items() if v}


@given(st.lists(metered, max_size=12), modes)
def test_rounding_adds_less_than_one_block_and_takes_nothing(meters, mode):
    sums = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for charge in rated(meters, mode):
        status = "billable" if charge.status == "unpriced" else charge.status
        group = sums[charge.period, charge.item, charge.application, status]
        group[0] += charge.metered
        group[1] += charge.quantity
    for (_period, item, *_rest), (usage, quantity) in sums.items():
        rule = RULES[item]
        excess = quantity * rule.unit_size - usage
        assert 0 <= excess < rule.block_size


@given(st.lists(metered, max_size=12), modes)
def test_locked_or_waived_usage_is_never_charged(meters, mode):
    for charge in rated(meters, mode):
        if charge.status in ("locked", "waived"):
            assert (charge.amount, charge.billable, charge.free) == (0, 0, 0)
            assert charge.locked == charge.quantity


@given(st.lists(metered, max_size=12), modes)
def test_amount_is_quantity_times_price_on_every_line(meters, mode):
    for charge in rated(meters, mode):
        assert charge.amount == charge.billable * charge.price


# === Oracle === #


def assert_agrees(meters, mode):
    expected = oracle.rate(RULES, meters, ORACLE_STEPS, graduated=mode == GRADUATED)
    found = defaultdict(lambda: defaultdict(Decimal))
    for charge in rated(meters, mode):
        status = "billable" if charge.status == "unpriced" else charge.status
        sums = found[charge.period, charge.item, int(charge.application or 0), status]
        for name in ("metered", "quantity", "free", "billable", "amount"):
            sums[name] += getattr(charge, name)
    found = {key: dict(sums) for key, sums in found.items() if sums["metered"]}
    assert found == expected


@given(st.lists(metered, max_size=12))
def test_volume_prices_agree_with_counting_unit_by_unit(meters):
    assert_agrees(meters, VOLUME)


@given(st.lists(metered, max_size=12))
def test_graduated_prices_agree_with_counting_unit_by_unit(meters):
    assert_agrees(meters, GRADUATED)


@given(st.lists(summed_meters(["minutes"], st.just("billable")), max_size=12), modes)
def test_flat_prices_are_the_same_in_both_modes(meters, mode):
    assert_agrees(meters, mode)
    assert figures(rated(meters, VOLUME)) == figures(rated(meters, GRADUATED))


@given(st.lists(metered, max_size=12))
def test_no_line_is_priced_where_the_price_list_says_nothing(meters):
    """``tasks`` has its first step at 2 units: one unit alone has no price."""
    for charge in rated(meters, GRADUATED):
        if charge.status == "unpriced":
            assert charge.item == "tasks"
            assert (charge.price, charge.amount) == (0, 0)
            assert charge.billable > 0


# === Free quantities === #


@given(st.lists(metered, max_size=14), modes)
def test_more_than_the_free_quantity_is_never_given(meters, mode):
    given_away = defaultdict(Decimal)
    for charge in rated(meters, mode):
        rule = RULES[charge.item]
        place = charge.application if rule.free_scope == "application" else None
        given_away[charge.period, charge.item, place] += charge.free
    for (_period, item, _place), free in given_away.items():
        assert free <= RULES[item].free_quantity


@given(st.lists(metered, max_size=14), modes)
def test_nobody_pays_while_free_units_are_left(meters, mode):
    pools = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for charge in rated(meters, mode):
        rule = RULES[charge.item]
        place = charge.application if rule.free_scope == "application" else None
        pool = pools[charge.period, charge.item, place]
        pool[0] += charge.free
        pool[1] += charge.billable
    for (_period, item, _place), (free, billable) in pools.items():
        if billable and RULES[item].free_quantity:
            assert free == RULES[item].free_quantity


@given(st.lists(meters_of(st.just("billable")), max_size=14))
def test_free_units_go_to_the_smallest_sdkappid_first(meters):
    """Whoever pays anything leaves nothing free for those after."""
    shots = [charge for charge in rated(meters) if charge.item == "shots"]
    shots.sort(key=lambda charge: (charge.period, int(charge.application)))
    paying = set()
    for charge in shots:
        if charge.period in paying:
            assert not charge.free
        if charge.billable:
            paying.add(charge.period)


def test_sdkappids_are_ordered_as_numbers_not_as_text():
    assert sorted(["1400000001", "10", "9", None], key=canonical) == [
        None,
        "9",
        "10",
        "1400000001",
    ]


# === Single accidents === #


def one(item, usage, application="1400000001", day=date(2024, 10, 7), **more):
    return Meter(item, application, day, Decimal(usage), **more)


def test_a_minute_is_rounded_up_per_application_not_per_record():
    charges = rated([one("minutes", 30), one("minutes", 20), one("minutes", 10)])
    assert [charge.quantity for charge in charges] == [1]


def test_a_minute_is_rounded_up_per_day_not_per_month():
    charges = rated([one("minutes", 30), one("minutes", 30, day=date(2024, 10, 8))])
    assert [charge.quantity for charge in charges] == [1, 1]


def test_an_account_wide_item_is_rounded_up_once_for_all_applications():
    charges = rated([one("tasks", 3), one("tasks", 4, "1400000002")])
    assert [(charge.application, charge.quantity) for charge in charges] == [(None, 1)]


def test_a_robot_is_billed_what_it_adds_to_the_rounded_minutes():
    charges = rated([one("minutes", 30), one("minutes", 45, kind="robot")])
    assert [(charge.kind, charge.quantity) for charge in charges] == [("usage", 1), ("robot", 1)]


def test_locked_usage_does_not_fill_up_a_billable_minute():
    charges = rated([one("minutes", 30), one("minutes", 20, status="locked")])
    assert sorted((charge.status, charge.quantity) for charge in charges) == [
        ("billable", 1),
        ("locked", 1),
    ]


def test_usage_without_a_price_says_so():
    (charge,) = rated([one("tasks", 7)])
    assert (charge.status, charge.billable, charge.amount) == ("unpriced", 1, 0)


def test_bandwidth_is_the_peak_of_one_instant_over_all_applications():
    noon, later = datetime(2024, 10, 7, 12), datetime(2024, 10, 7, 13)
    charges = rated(
        [
            one("bandwidth", 20, instant=noon),
            one("bandwidth", 25, "1400000002", instant=noon),
            one("bandwidth", 40, instant=later),
        ]
    )
    assert [(charge.application, charge.quantity) for charge in charges] == [(None, 45)]


def test_a_second_settlement_of_a_moved_unit_shows_both_sides():
    """The price of a unit changed its step: taken back at the old, charged at the new."""
    settled = rated([one("shots", 80)])
    more = difference(rated([one("shots", 80), one("shots", 10)]), settled)
    assert [(charge.price, charge.billable) for charge in more] == [
        (Decimal("0.03"), Decimal(-4)),
        (Decimal("0.02"), Decimal(5)),
    ]


def test_difference_remembers_what_was_and_what_is():
    settled = rated([one("minutes", 60)])
    (change,) = difference(rated([one("minutes", 61)]), settled)
    assert (change.trace["was"]["quantity"], change.trace["now"]["quantity"]) == ("1", "2")


@pytest.mark.parametrize("price", ["0.10", "0.1", "1E-1"])
def test_one_price_written_in_two_ways_is_one_price(price):
    day = date(2024, 10, 1), date(2024, 10, 1)
    old = Charge(day, "minutes", "9", price=Decimal("0.100000000000"), quantity=Decimal(2))
    new = Charge(day, "minutes", "9", price=Decimal(price), quantity=Decimal(2))
    assert difference([new], [old]) == []
