"""Whether the intervals cover the truth: simulated periods of the generator's world, decided by the real selection.

In each period criteria, model and the random arm select with a key of the period's own, full controls and checks of
documents reveal what each would find, and every estimate is compared with the truth of the period. Counts and lifts
take periods that are random draws of one world's declarations. Amounts take a new world each period: in one world a
single consignment can be worth a tenth of all duty, and whether periods hold it decides over their coverage.

With n periods the coverage found has a Monte Carlo error of sqrt(.95 x .05 / n): 1.5 points at 200 periods, 1.3 at 300.
Seeds are fixed. ``pytest -s`` prints the table of docs/decisions/0025.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import polars as pl
import pytest

from workbench.estimates import TARGET, ControlRecord, Revenue, compliance, lifts, policy_value, target_from_ranking
from workbench.estimates.strata import Strata
from workbench.evaluation import Estimate, Refusal
from workbench.scorer.lanes.policy import LaneLimit, SelectionPolicy
from workbench.scorer.lanes.selection import CANDIDATE_TYPES, select
from workbench.scorer.schema import KEY, Lane
from workbench.synthetic import SCHEMES, WorldConfig, simulate_world
from workbench.synthetic.outcomes import DETECTION

LEAST, MOST = 0.92, 0.98
BIAS = 3.0


@dataclass(frozen=True)
class Setting:
    """A world and a policy: declarations of a period, share of violating ones, share of the arm, results missing."""

    declarations: int
    violation_rate: float
    random_share: float
    periods: int
    target_share: float = 0.20
    missing: float = 0.0
    new_worlds: bool = False


SETTINGS = {
    # About 30 findings by lot a period, 10 of them in the goods of the target policy.
    "usual": Setting(9_000, 0.05, 0.10, periods=200),
    # About 6 findings by lot a period, and a tenth of the results not recorded.
    "sparse": Setting(12_000, 0.015, 0.05, periods=300, missing=0.10),
    # Violations are common: the interval is that of a share, not of a count.
    "dense": Setting(8_000, 0.20, 0.06, periods=300),
    "amounts": Setting(10_000, 0.05, 0.06, periods=200, target_share=0.5, new_worlds=True),
}


class World:
    """The generator's goods, and what each control of them would find, by item and by declaration."""

    def __init__(self, violation_rate: float, rows: int, seed: int, is_new: bool = False) -> None:
        rng = np.random.default_rng(seed)
        made = simulate_world(rows=rows, months=6, seed=seed, config=WorldConfig(violation_rate=violation_rate))
        goods, truth = made.declarations.sort(KEY), made.truth.sort(KEY)
        scheme = truth["scheme"].replace_strict({name: n for n, name in enumerate(SCHEMES)}, default=-1).to_numpy()
        self.starts = np.flatnonzero(np.diff(goods["declaration_id"].rle_id().to_numpy(), prepend=-1))
        self.sizes = np.diff(self.starts, append=goods.height)
        self.of = np.repeat(np.arange(len(self.starts)), self.sizes)
        worst = np.maximum.reduceat(scheme, self.starts)
        amount = truth["duty_evaded_usd"].to_numpy() * rng.uniform(0.75, 1.0, goods.height)
        self.found = {}
        for lane in ("red", "yellow"):
            seen = rng.random(len(worst)) < np.append(DETECTION[lane], 0.0)[worst]
            self.found[lane] = (seen[self.of] & (scheme >= 0)).astype(float)
        self.amount = {lane: found * np.round(amount, 2) for lane, found in self.found.items()}
        self.items = goods.select(*KEY, "office_id", "regime_code", "lodged_at")
        self.first = self.items[self.starts]
        violates = worst >= 0
        self.score = rng.normal(size=len(worst)) + 1.2 * violates
        self.other = 0.7 * self.score + rng.normal(size=len(worst))
        self.flagged = rng.random(len(worst)) < np.where(violates, 0.05, 0.01)
        # What a model of before would expect, learnt on one half of the world; periods come from the other.
        by_score = np.digitize(self.score, np.linspace(-2, 3, 21))
        half, count = np.arange(len(worst)) % 2 == 0, np.add.reduceat(self.found["red"], self.starts)
        mean = np.bincount(by_score[half], count[half], 22) / np.maximum(np.bincount(by_score[half], minlength=22), 1)
        self.expected = (mean[by_score] / self.sizes)[self.of]
        self.open = np.flatnonzero(is_new | ~half)

    def lift_of_criteria(self) -> float:
        """Return the truth that the lift of criteria estimates: a rate over all the goods that periods come from."""
        is_open = np.isin(self.of, self.open)
        return self.found["red"][is_open & self.flagged[self.of]].mean() / self.found["red"][is_open].mean()


def decided(world: World, at: np.ndarray, setting: Setting, period: int) -> pl.DataFrame:
    """Let the real selection decide the declarations `at`, with a key of the period's own."""
    first = world.first[at]
    flagged = world.flagged[at]
    candidates = first.select("declaration_id", "office_id", "regime_code").with_columns(
        lodged_on=first["lodged_at"].dt.truncate("2w").dt.date(),
        score=pl.Series(world.score[at]),
        proposed_severity=pl.Series(np.where(flagged, Lane.RED.severity, 0)),
        proposed_cause=pl.Series(np.where(flagged, "criterion:flagged", None).tolist(), dtype=pl.String),
        priority=pl.lit(0),
        criteria_probability=pl.Series(flagged.astype(float)),
        severity_if_drawn=pl.Series(np.where(flagged, Lane.RED.severity, 0)),
        priority_if_drawn=pl.lit(0),
    )
    limits = (LaneLimit(Lane.RED, 0.05 + setting.random_share), LaneLimit(Lane.YELLOW, 0.3))
    policy = SelectionPolicy(
        limits=limits,
        model_lanes=(Lane.RED, Lane.YELLOW),
        random_share=setting.random_share,
        random_lane=Lane.RED,
        fallback_lane=Lane.YELLOW,
        key=period.to_bytes(32, "big"),
    )
    return select(candidates.select(pl.col(name).cast(kind) for name, kind in CANDIDATE_TYPES.items()), policy)


class Period:
    """One period: the decided record with what controls revealed, and the truth."""

    def __init__(self, world: World, setting: Setting, number: int) -> None:
        rng = np.random.default_rng([7, number])
        at = np.sort(rng.choice(world.open, setting.declarations, replace=False))
        decisions = decided(world, at, setting, number)
        chosen = np.zeros(len(world.starts), dtype=bool)
        chosen[at] = True
        rows = np.flatnonzero(chosen[world.of])
        of = np.repeat(np.arange(len(at)), world.sizes[at])
        lane = decisions["lane"].cast(pl.String).to_numpy()
        lane_known = np.where(rng.random(len(at)) < setting.missing, "green", lane)[of]
        looked = [lane_known == name for name in ("red", "yellow")]
        results = [
            np.select(looked, [given["red"][rows], given["yellow"][rows]], np.nan)
            for given in (world.found, world.amount)
        ]
        carried = ("lane", "cause", "would_be_lane", "random_probability", "full_control_probability")
        table = world.items[rows].with_columns(
            *(decisions[name].gather(of) for name in carried),
            violation=pl.Series(results[0]).fill_nan(None),
            recovered_duty_usd=pl.Series(results[1]).fill_nan(None),
            other=pl.Series(world.other[at][of]),
            expected=pl.Series(world.expected[rows]),
        )
        self.table = target_from_ranking(table, setting.target_share, score="other")
        self.record = ControlRecord.from_decisions(self.table)
        self.violations, self.duty = world.found["red"][rows], world.amount["red"][rows]
        self.target = self.table[TARGET].to_numpy()


def estimates_of(period: Period, lift: float) -> Iterator[tuple[str, Estimate | Refusal, float]]:
    """Yield every estimate of a period beside its truth."""
    found = compliance(period.record)
    violations, duty, target = period.violations, period.duty, period.target
    yield "violations", found.violations, violations.sum()
    # What is missing is missing at random here, so the sample alone covers; the interval given holds more than that.
    alike = found.violation_rate if found.nonresponse is None else found.nonresponse.like_others
    yield "rate", alike, violations.mean()
    yield "undetected", found.undetected, max(violations.sum() - found.found, 0.0)
    yield from amounts_of(found.revenue, duty.sum())
    value = policy_value(period.record, TARGET, predictions="expected")
    if isinstance(value, Refusal):
        yield "ips", value, 0.0
    else:
        yield "ips", value.ips, target @ violations
        yield "snips", value.snips, target @ violations
        yield "doubly robust", value.doubly_robust, target @ violations
    value = policy_value(period.record, TARGET, "recovered_duty_usd")
    yield "duty by ips", value if isinstance(value, Refusal) else value.ips, target @ duty
    row = lifts(period.table, alike).filter(pl.col("method") == "criterion").row(0, named=True)
    yield "lift", Estimate(row["lift"], row["low_95"], row["high_95"]), lift


def amounts_of(revenue: Revenue | Refusal, duty: float) -> Iterator[tuple[str, Estimate | Refusal, float]]:
    if isinstance(revenue, Refusal):
        yield "revenue", revenue, duty
    else:
        yield "revenue", revenue.recoverable_usd, duty
        yield "revenue gap", revenue.gap_usd, max(duty - revenue.found_usd, 0.0)


@dataclass
class Tally:
    """What became of one estimate over all periods."""

    covered: list[bool] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    refused: int = 0

    def add(self, estimate: Estimate | Refusal, truth: float) -> None:
        if isinstance(estimate, Refusal):
            self.refused += 1
            return
        self.covered.append(estimate.low_95 <= truth <= estimate.high_95)
        self.errors.append(estimate.value - truth)

    @property
    def coverage(self) -> float:
        return float(np.mean(self.covered))

    @property
    def bias(self) -> float:
        """Mean error over its Monte Carlo error."""
        return float(np.mean(self.errors) / (np.std(self.errors) / np.sqrt(len(self.errors))))


@cache
def tallies(name: str) -> dict[str, Tally]:
    """Simulate all periods of a setting, and print how often each interval covers the truth."""
    setting, found = SETTINGS[name], defaultdict(Tally)
    shared = None if setting.new_worlds else World(setting.violation_rate, 500_000, seed=29)
    for number in range(setting.periods):
        world = shared or World(
            setting.violation_rate, round(1.7 * setting.declarations), seed=1000 + number, is_new=True
        )
        lift = world.lift_of_criteria()
        for what, estimate, truth in estimates_of(Period(world, setting, number), lift):
            found[what].add(estimate, truth)
    for what, tally in found.items():
        if tally.covered:
            print(f"{name:8s}{what:14s}{tally.coverage:.3f} of {len(tally.covered)}, bias {tally.bias:+.1f} errors")
    return found


COUNTS = ("violations", "rate", "undetected")
VALUES = ("ips", "snips", "doubly robust")


@pytest.mark.parametrize("what", [*COUNTS, *VALUES, "lift"])
def test_intervals_cover_the_truth(what):
    tally = tallies("usual")[what]
    assert len(tally.covered) == SETTINGS["usual"].periods
    assert LEAST <= tally.coverage <= MOST


@pytest.mark.parametrize("what", [*COUNTS, "ips"])
def test_estimates_are_unbiased(what):
    assert abs(tallies("usual")[what].bias) < BIAS


@pytest.mark.slow
@pytest.mark.parametrize("what", [*COUNTS, "lift"])
def test_intervals_cover_the_truth_on_few_findings_with_results_missing(what):
    tally = tallies("sparse")[what]
    assert tally.coverage >= LEAST
    assert what == "lift" or abs(tally.bias) < BIAS


@pytest.mark.slow
@pytest.mark.parametrize("what", ["rate", "lift"])
def test_of_results_missing_at_random_the_sample_alone_is_not_too_wide(what):
    assert tallies("sparse")[what].coverage <= MOST


@pytest.mark.slow
@pytest.mark.parametrize("what", [*COUNTS, *VALUES, "lift"])
def test_intervals_cover_the_truth_where_violations_are_common(what):
    assert LEAST <= tallies("dense")[what].coverage <= MOST


@pytest.mark.slow
@pytest.mark.parametrize("what", ["revenue", "revenue gap", "duty by ips"])
def test_intervals_of_amounts_cover_the_truth(what):
    tally = tallies("amounts")[what]
    assert len(tally.covered) > 0.95 * SETTINGS["amounts"].periods
    assert LEAST <= tally.coverage <= MOST


@pytest.mark.slow
def test_over_the_lots_of_one_period_the_weights_are_unbiased():
    """Six hundred keys for the same goods: violations and duty, by both kinds of weights, and of another policy."""
    setting = Setting(4_000, 0.10, 0.06, periods=600)
    world = World(setting.violation_rate, 60_000, seed=29)
    at = np.sort(np.random.default_rng(3).choice(world.open, setting.declarations, replace=False))
    truth = [np.add.reduceat(given["red"], world.starts)[at] for given in (world.found, world.amount)]
    truth.append(truth[0] * (world.other[at] > 1.0))
    chosen = np.isin(world.of, at)
    goods, place = world.items.filter(pl.Series(chosen)), np.searchsorted(at, world.of[chosen])
    errors = []
    for key in range(setting.periods):
        decisions = decided(world, at, setting, key)[place]
        table = pl.concat([goods, decisions.drop("declaration_id")], how="horizontal")
        recorded = pl.when(pl.col("lane") == "red").then(pl.lit(0))
        strata = Strata.of(ControlRecord.from_decisions(table.with_columns(violation=recorded)))
        errors.append([weight @ one - one.sum() for one in truth for weight in (strata.weight, strata.inverse)])
    found = np.array(errors)
    assert np.all(np.abs(found.mean(axis=0)) < BIAS * found.std(axis=0) / np.sqrt(setting.periods))


HALF = 5_000


@dataclass(frozen=True)
class Shares:
    """Shares of two halves of the goods that the arm draws: halves of two offices, or mixed in one stratum."""

    drawn: tuple[float, float]
    violation_rate: float
    offices: tuple[str, str] = ("A", "B")
    without_amount: float = 0.0


SHARES = {
    "a fifth and a hundredth": Shares((0.20, 0.01), 0.02),
    "a fifth and a hundredth, more violations": Shares((0.20, 0.01), 0.05),
    "a tenth and a hundredth": Shares((0.10, 0.01), 0.02),
    "a fifth and a fiftieth": Shares((0.20, 0.02), 0.02),
    "mixed in one stratum": Shares((0.20, 0.01), 0.02, ("A", "A")),
    "mixed in one stratum, more violations": Shares((0.10, 0.01), 0.05, ("A", "A")),
    "alike, a tenth without an amount": Shares((0.10, 0.10), 0.05, without_amount=0.1),
}
LEAST_PERIODS = 200


def drawn_unequally(shares: Shares, number: int) -> tuple[pl.DataFrame, int, float]:
    """Return decided goods of which the arm drew other shares in each half, their violations and their duty."""
    rng = np.random.default_rng([25, number])
    violates = rng.random(2 * HALF) < shares.violation_rate
    amount = np.where(violates, rng.lognormal(6, 1, 2 * HALF), 0.0)
    lots = [rng.permutation(HALF) < share * HALF for share in shares.drawn]
    drawn, share = np.concatenate(lots), np.repeat(shares.drawn, HALF)
    is_priced = drawn & ~(violates & (rng.random(2 * HALF) < shares.without_amount))
    table = pl.DataFrame(
        {
            "declaration_id": [f"D{n:05}" for n in range(2 * HALF)],
            "item_no": 1,
            "office_id": np.repeat(shares.offices, HALF),
            "regime_code": "40",
            "would_be_lane": "green",
            "random_probability": share,
            "full_control_probability": share,
            "lane": np.where(drawn, "red", "green"),
            "cause": np.where(drawn, "random", "none"),
            "violation": pl.Series(np.where(drawn, violates, np.nan)).fill_nan(None),
            "recovered_duty_usd": pl.Series(np.where(is_priced, amount, np.nan)).fill_nan(None),
            "target": 1.0,
        }
    )
    return table, int(violates.sum()), float(amount.sum())


@cache
def tallies_of_shares(name: str) -> dict[str, Tally]:
    """Simulate all periods of unequal shares, and print how often each interval covers the truth."""
    found = defaultdict(Tally)
    for number in range(LEAST_PERIODS):
        table, violations, duty = drawn_unequally(SHARES[name], number)
        record = ControlRecord.from_decisions(table)
        measured, value = compliance(record), policy_value(record, "target")
        found["violations"].add(measured.violations, violations)
        for what in ("ips", "snips"):
            found[what].add(value if isinstance(value, Refusal) else getattr(value, what), violations)
        revenue = measured.revenue
        found["revenue"].add(revenue if isinstance(revenue, Refusal) else revenue.recoverable_usd, duty)
    for what, tally in found.items():
        if tally.covered:
            print(f"{name:42s}{what:14s}{tally.coverage:.3f} of {len(tally.covered)}, bias {tally.bias:+.1f} errors")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARES)
def test_intervals_cover_the_truth_where_shares_differ(name):
    """A half of which little was drawn often shows no violation: its results are no proof that there is none."""
    found = tallies_of_shares(name)
    for what in ("violations", "ips", "snips", "revenue"):
        assert LEAST <= found[what].coverage <= MOST, what
    assert abs(found["violations"].bias) < BIAS
