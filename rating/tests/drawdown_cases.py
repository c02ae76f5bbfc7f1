"""Pools, usage and rules for the property tests of draw-down."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from ..charges import MEASURES, total
from ..drawdown import FREE, PACK, Pool
from ..engine import Meter, Rule, rate
from ..prices import VOLUME, Step

ZERO = Decimal(0)
#: Neither the codes nor the applications sort as text the way they do on a bill.
RULES = {
    rule.code: rule
    for rule in (
        Rule("video", 10),
        Rule("audio", 20, free_quantity=Decimal(2)),
        Rule("record", 30),
        Rule("mix", 40, scope="account"),
        Rule("exact", 50, block_size=Decimal(1)),
    )
}
WHOLE = [code for code in RULES if code != "exact"]
RATIOS = ["0.5", "1", "4", "4.5", "9", "15", "36"]
APPLICATIONS = ["9", "10"]
FIRST, LAST = date(2024, 9, 30), date(2024, 10, 2)

days = st.dates(FIRST, LAST)


def steps_for(code, _day):
    return [Step(ZERO, Decimal("0.00399") if code == "audio" else Decimal("0.01899"))]


def usage_of(items):
    return st.builds(
        Meter,
        item=st.sampled_from(items),
        application=st.sampled_from(APPLICATIONS),
        day=days,
        usage=st.integers(0, 900).map(Decimal),
        status=st.sampled_from(["billable"] * 5 + ["locked", "waived"]),
        kind=st.sampled_from(["usage", "usage", "robot"]),
    )


def as_ratios(texts):
    return {code: Decimal(text) for code, text in zip(RULES, texts, strict=True) if text}


metered = usage_of(WHOLE)
any_metered = usage_of(list(RULES))
pool_plans = st.builds(
    lambda limits, **values: Pool(first=min(limits), last=max(limits), **values),
    # Most pools last long, so that usage has a choice
    limits=st.tuples(
        st.sampled_from([FIRST, date(2024, 9, 1), FIRST + timedelta(1), LAST]),
        st.sampled_from([LAST, date(2024, 10, 31), LAST - timedelta(1), FIRST]),
    ),
    key=st.just(0),
    minutes=st.integers(0, 160).map(lambda halves: Decimal(halves) / 2),
    ratios=st.tuples(*[st.sampled_from([None, *RATIOS])] * len(RULES)).map(as_ratios),
    kind=st.sampled_from([FREE, PACK, PACK]),
    application=st.sampled_from([None, None, *APPLICATIONS]),
)


def numbered(plans):
    return [replace(plan, key=number) for number, plan in enumerate(plans, 1)]


def pools_of(least, most):
    """Draw lists of pools, in any order of purchase."""
    return (
        st.lists(pool_plans, min_size=least, max_size=most).map(numbered).flatmap(st.permutations)
    )


pool_lists = pools_of(0, 5)
many_pools = pools_of(3, 6)


def rated(meters, pools, steps=steps_for, mode=VOLUME):
    return rate(RULES, meters, steps, mode, pools)


def figures(charges):
    """Return {key: (measures, draws)} of charges, those that came to nothing left out."""
    return {
        key: ({name: getattr(charge, name) for name in MEASURES}, charge.draws)
        for key, charge in total(charges).items()
        if not charge.is_zero
    }


def drawn(charges):
    """Return {pool key: minutes drawn}, zeros left out."""
    sums = defaultdict(Decimal)
    for charge in charges:
        for key, (_units, minutes) in charge.draws.items():
            sums[key] += minutes
    return {key: minutes for key, minutes in sums.items() if minutes}
