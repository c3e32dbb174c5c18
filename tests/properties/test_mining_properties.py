"""Properties of mining: round thresholds, honest bounds, and conditions that mean what the language makes of them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.criteria.mining.bounds import lower_bound, strictness
from workbench.criteria.mining.choice import Chooser
from workbench.criteria.mining.conditions import MOST_CONDITIONS, Codes, Differ, Threshold, rule
from workbench.criteria.mining.evidence import beta_binomial
from workbench.criteria.mining.quantities import quantities
from workbench.criteria.mining.rounding import Scale, neighbourhood, rounded
from workbench.criteria.mining.sample import Sample
from workbench.scorer.expressions import Expression

COLUMNS = {
    "net_mass_kg": pl.Float64(),
    "gross_mass_kg": pl.Float64(),
    "unit_value_usd_per_kg": pl.Float64(),
    "hs6_median_unit_value_usd_per_kg": pl.Float64(),
    "package_count": pl.Int32(),
    "origin_country_code": pl.String(),
    "departure_country_code": pl.String(),
}
NUMBERS = quantities(COLUMNS)
values = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.5, float("nan"), float("inf")]), st.floats(1e-6, 100))
codes = st.one_of(st.none(), st.sampled_from(["CN", "VN", "O'Brien"]))


@st.composite
def frames(draw):
    height = draw(st.integers(1, 12))
    cells = {name: values if dtype == pl.Float64() else codes for name, dtype in COLUMNS.items()}
    cells["package_count"] = st.one_of(st.none(), st.integers(0, 5))
    table = {name: draw(st.lists(cell, min_size=height, max_size=height)) for name, cell in cells.items()}
    return pl.DataFrame(table, schema=COLUMNS)


thresholds = st.builds(Threshold, st.sampled_from(NUMBERS), st.booleans(), st.sampled_from([0.05, 1.0, 2.5, 1e6]))
one_of_codes = st.builds(
    Codes,
    st.just("origin_country_code"),
    st.lists(st.sampled_from(["CN", "VN", "O'Brien"]), min_size=1, max_size=3, unique=True).map(tuple),
    st.booleans(),
)
differ = st.builds(Differ, st.just("origin_country_code"), st.just("departure_country_code"), st.booleans())
conditions = st.one_of(thresholds, one_of_codes, differ)


@settings(deadline=None)
@given(frames(), conditions)
def test_a_condition_hits_what_its_text_hits(frame, condition):
    text = Expression.parse(condition.text, COLUMNS)
    written = frame.select(hit=text.to_polars())["hit"].to_list()
    assert frame.select(hit=condition.mask)["hit"].to_list() == written


@given(st.lists(conditions, min_size=1, max_size=MOST_CONDITIONS))
def test_a_rule_has_no_condition_twice_and_one_order(parts):
    one = rule(*parts)
    assert one == rule(*reversed(one))
    assert len({part.text for part in one}) == len(one) <= len(parts)


@given(st.floats(1e-6, 1e9), st.sampled_from(list(Scale)))
def test_rounded_numbers_stay_and_lie_near(value, scale):
    once = rounded(value, scale)
    assert rounded(once, scale) == once
    if value >= 1 or scale is not Scale.COUNT:
        assert 0.6 <= once / value <= 1.6
    low, high = neighbourhood(once, scale)
    assert low <= once <= high


@given(st.integers(1, 500), st.integers(1, 500), st.floats(0.1, 5))
def test_a_lower_bound_lies_below_the_rate_and_falls_with_strictness(found, more, z):
    rate = found / (found + more)
    trials, successes = np.array([found + more], dtype=float), np.array([found], dtype=float)
    bound = float(lower_bound(successes, trials, z)[0])
    assert 0 <= bound <= rate
    assert float(lower_bound(successes, trials, z + 1)[0]) <= bound


@given(st.lists(conditions, min_size=2, max_size=4))
def test_every_further_condition_makes_a_rule_stricter(parts):
    one, distinct = rule(*parts), {"origin_country_code": 40}
    for at in range(len(one)):
        assert strictness(one[:at] + one[at + 1 :], distinct) < strictness(one, distinct)


@given(st.floats(0.5, 200), st.floats(0.5, 200), st.integers(0, 300))
def test_a_predictive_interval_holds_95_percent(a, b, trials):
    low, high = beta_binomial(a, b, trials)
    assert 0 <= low <= high <= trials
    rng = np.random.default_rng(7)
    drawn = rng.binomial(trials, rng.beta(a, b, 4_000))
    assert np.mean((drawn >= low) & (drawn <= high)) >= 0.935


@pytest.fixture(scope="module")
def sample() -> Sample:
    """4,000 labelled rows: heavy goods from one country violate; everything else hardly ever."""
    rng = np.random.default_rng(6)
    mass, origin = rng.uniform(0, 100, 4_000), rng.choice(["AA", "BB", "CC"], 4_000)
    violation = rng.random(4_000) < np.where((mass >= 50) & (origin == "AA"), 0.5, 0.01)
    frame = pl.DataFrame(
        {
            "net_mass_kg": mass,
            "origin_country_code": origin,
            "payment_code": rng.choice(["TT", "LC"], 4_000),
            "violation": pl.Series(violation.astype(np.int8)),
            "violation_kind": pl.Series([None] * 4_000, dtype=pl.String),
        }
    )
    return Sample.of(frame, np.zeros(4_000, dtype=bool), least=5)


HEAVY = Threshold(NUMBERS[0], below=False, value=50.0)
FROM_AA, BY_TRANSFER = Codes("origin_country_code", ("AA",)), Codes("payment_code", ("TT",))


def test_a_condition_that_adds_nothing_is_dropped(sample):
    sample.prepare([HEAVY, FROM_AA, BY_TRANSFER])
    chosen = Chooser(sample, least=20).choose([rule(HEAVY, FROM_AA, BY_TRANSFER)], 5)
    assert chosen == [rule(HEAVY, FROM_AA)]


def test_what_is_covered_or_too_small_is_not_chosen(sample):
    sample.prepare([HEAVY, FROM_AA])
    both = rule(HEAVY, FROM_AA)
    hit = ((sample.frame["net_mass_kg"] >= 50) & (sample.frame["origin_country_code"] == "AA")).to_numpy()
    covered = Sample.of(sample.frame, hit, least=5)
    covered.prepare([HEAVY, FROM_AA])
    assert Chooser(covered, least=20).choose([both], 5) == []
    assert Chooser(sample, least=int(hit.sum()) + 1).choose([both], 5) == []
    assert Chooser(sample, least=int(hit.sum())).choose([both], 5) == [both]


def test_a_rule_and_its_like_are_one_proposal(sample):
    like = Threshold(NUMBERS[0], below=False, value=51.0)
    sample.prepare([HEAVY, like, FROM_AA])
    assert len(Chooser(sample, least=20).choose([rule(HEAVY, FROM_AA), rule(like, FROM_AA)], 5)) == 1
