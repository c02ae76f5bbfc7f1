"""The worked examples of the documents (DOMAIN.md section 8), to the last digit."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from ..charges import difference
from ..engine import Meter, Rule, rate
from ..periods import billing_day, day_start, period_of
from ..prices import Step, round_money
from ..quantities import billing_quantity
from ..resolution import aggregate, category

MINUTES = Rule("minutes")
APP = "1400000001"
DAY = date(2024, 10, 7)


def flat(price):
    return lambda _item, _day: [Step(Decimal(0), Decimal(price))]


def total_of(charges):
    return sum(charge.amount for charge in charges)


def screenshots(block):
    return Rule(
        "shots",
        cycle="month",
        unit_size=Decimal(1000),
        block_size=Decimal(block),
        free_quantity=Decimal(10),
    )


def test_s1_a_month_of_slicing_costs_1_49():
    """1,000 minutes over October; whole minutes a day, so that rounding adds none."""
    month = [date(2024, 10, 1) + timedelta(days=n) for n in range(31)]
    minutes = [32] * 30 + [40]
    meters = [
        Meter("minutes", APP, day, Decimal(count * 60))
        for day, count in zip(month, minutes, strict=True)
    ]
    charges = rate({"minutes": MINUTES}, meters, flat("0.00149"))
    assert len(charges) == 31
    assert total_of(charges) == Decimal("1.49")


@pytest.mark.parametrize(
    "sheets, block, billed, cost",
    [
        pytest.param(8000, 1000, 0, "0", id="S2"),
        pytest.param(10000, 1000, 0, "0", id="exactly-free"),
        pytest.param(10001, 1000, 1, "0.03", id="one-sheet-over"),
        pytest.param(22000, 1000, 12, "0.36", id="S3-by-the-rule"),
        pytest.param(22000, 10000, 20, "0.60", id="S3-as-printed"),
        pytest.param(21001, 1000, 12, "0.36", id="begun-thousand"),
    ],
)
def test_s2_s3_screenshots_take_ten_thousand_off_once(sheets, block, billed, cost):
    meters = [Meter("shots", APP, DAY, Decimal(sheets))]
    charges = rate({"shots": screenshots(block)}, meters, flat("0.03"))
    assert sum(charge.billable for charge in charges) == billed
    assert total_of(charges) == Decimal(cost)


def test_s3_screenshots_are_rounded_per_application_and_free_per_account():
    """11,500 and 10,500 sheets are 12 + 11 thousand; ten of them are free, once."""
    meters = [
        Meter("shots", "1400000002", DAY, Decimal(10500)),
        Meter("shots", APP, DAY, Decimal(11500)),
    ]
    charges = rate({"shots": screenshots(1000)}, meters, flat("0.03"))
    assert [(c.application, c.quantity, c.free, c.billable) for c in charges] == [
        (APP, 12, 10, 2),
        ("1400000002", 11, 0, 11),
    ]
    assert total_of(charges) == Decimal("0.39")


def test_a1_a_room_of_six_costs_4_1364():
    """What each user receives decides, the own screen and camera not among it."""
    cameras = {"A": (960, 720), "B": (640, 480), "C": (640, 480)}
    screen = (1920, 1080)
    received = {
        "A": [cameras["B"], cameras["C"]],
        "B": [cameras["A"], screen, cameras["C"]],
        "C": [cameras["A"], screen, cameras["B"]],
        "viewer 1": [*cameras.values(), screen],
        "viewer 2": [*cameras.values(), screen],
        "viewer 3": [],
    }
    pixels = {user: aggregate(streams) for user, streams in received.items()}
    assert pixels == {
        "A": 614_400,
        "B": 3_072_000,
        "C": 3_072_000,
        "viewer 1": 3_379_200,
        "viewer 2": 3_379_200,
        "viewer 3": 0,
    }
    prices = {"audio": "0.00099", "hd": "0.00399", "fhd": "0.00899", "2k": "0.01599"}
    rules = {code: Rule(code) for code in prices}
    meters = [Meter(category(count), APP, DAY, Decimal(3600)) for count in pixels.values()]
    charges = rate(rules, meters, lambda item, _day: flat(prices[item])(item, _day))
    assert {charge.item: (charge.quantity, charge.amount) for charge in charges} == {
        "hd": (60, Decimal("0.2394")),
        "2k": (240, Decimal("3.8376")),
        "audio": (60, Decimal("0.0594")),
    }
    assert total_of(charges) == Decimal("4.1364")
    assert round_money(total_of(charges), Decimal("0.01")) == Decimal("4.14")


def test_a3_two_streams_of_960x720_are_fhd():
    assert aggregate([(960, 720), (960, 720)]) == 1_382_400
    assert category(1_382_400) == "fhd"


def test_a5_packs_are_drawn_1_0_1_by_cumulative_differences():
    """Rounding each five-minute window would draw three minutes instead of two."""
    settled, drawn, meters = [], [], []
    for seconds in (30, 20, 40):
        meters.append(Meter("minutes", APP, DAY, Decimal(seconds)))
        change = difference(rate({"minutes": MINUTES}, meters, flat("0.00099")), settled)
        settled += change
        drawn.append(sum(charge.quantity for charge in change))
    assert drawn == [1, 0, 1]
    assert sum(charge.metered for charge in settled) == 90


def test_a6_what_is_video_is_not_audio_too():
    """50 min in the room, 15 of them with video: 35 min of audio."""
    stay, video = 50 * 60, 15 * 60
    meters = [
        Meter("audio", APP, DAY, Decimal(stay - video)),
        Meter("hd", APP, DAY, Decimal(video)),
    ]
    charges = rate({"audio": Rule("audio"), "hd": Rule("hd")}, meters, flat("0.007"))
    assert {charge.item: charge.quantity for charge in charges} == {"audio": 35, "hd": 15}


def test_l1_two_hours_of_relay_cost_0_3588():
    (charge,) = rate(
        {"minutes": MINUTES}, [Meter("minutes", APP, DAY, Decimal(7200))], flat("0.00299")
    )
    assert charge.amount == Decimal("0.3588")


@pytest.mark.parametrize(
    "seconds, minutes", [(0, 0), (1, 1), (59, 1), (60, 1), (61, 2), (119, 2), (120, 2)]
)
def test_a_begun_minute_is_a_whole_one(seconds, minutes):
    sixty = Decimal(60)
    assert billing_quantity(Decimal(seconds), sixty, sixty) == minutes


def test_a_billionth_of_a_second_over_is_a_minute_more():
    sixty = Decimal(60)
    assert billing_quantity(Decimal("60.000000001"), sixty, sixty) == 2


@pytest.mark.parametrize("usage, block, unit", [(-1, 60, 60), (1, 0, 60), (1, 60, 0), (1, -1, 60)])
def test_impossible_quantities_are_refused_not_rounded(usage, block, unit):
    with pytest.raises(ValueError):
        billing_quantity(Decimal(usage), Decimal(block), Decimal(unit))


@pytest.mark.parametrize(
    "moment, day",
    [
        ("2024-10-31T15:59:59+00:00", date(2024, 10, 31)),
        ("2024-10-31T16:00:00+00:00", date(2024, 11, 1)),
        ("2024-10-31T23:59:59.999999+08:00", date(2024, 10, 31)),
        ("2024-11-01T00:00:00+08:00", date(2024, 11, 1)),
        ("2024-12-31T16:00:00+00:00", date(2025, 1, 1)),
        ("2024-02-28T16:00:00+00:00", date(2024, 2, 29)),
    ],
)
def test_the_last_hours_of_a_utc_day_belong_to_the_next_billing_day(moment, day):
    assert billing_day(datetime.fromisoformat(moment)) == day


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "America/New_York", "Europe/Berlin"])
def test_a_billing_day_has_no_gap_and_no_overlap(zone):
    """Also where the clock changes: 2024-03-10, 2024-03-31, 2024-10-27, 2024-11-03."""
    second = timedelta(seconds=1)
    for day in [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]:
        start = day_start(day, zone)
        assert billing_day(start, zone) == day
        assert billing_day(start - second, zone) == day - timedelta(days=1)


def test_a_month_ends_on_its_own_last_day():
    assert period_of(date(2023, 2, 28), "month") == (date(2023, 2, 1), date(2023, 2, 28))
    assert period_of(date(2024, 12, 31), "month") == (date(2024, 12, 1), date(2024, 12, 31))
    with pytest.raises(ValueError):
        period_of(DAY, "year")
