"""The engine of simulations: what a week counts, who has seats, what is known when, and going on after a kill."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from workbench.config import FeaturesConfig, ModelConfig, SimulationConfig, load_pipeline
from workbench.errors import ConfigError, LabelError, ParameterError, RunDirectoryError, SchemaError, SourceError
from workbench.scorer.schema import KEY, Role, empty, names
from workbench.simulation import course
from workbench.simulation import run as run_module
from workbench.simulation.checkpoints import weeks_kept
from workbench.simulation.choosing import PolicyError, check_choice
from workbench.simulation.knowledge import Knowledge
from workbench.simulation.learner import KnownLearner
from workbench.simulation.masking import Mask
from workbench.simulation.metrics import ARM_COLUMNS, WEEK_COLUMNS, arms_found, week_found, with_cumulative
from workbench.simulation.plans import rate_of_week, seats_of_week
from workbench.simulation.policies.arm import Ranking, Round
from workbench.simulation.policies.mixture import Mixture
from workbench.simulation.policy import Choice, Policy, Situation
from workbench.simulation.recorded import RecordedWorld, recorded_world
from workbench.simulation.run import simulate_policy
from workbench.simulation.settings import PLANS, Learning, Settings
from workbench.simulation.world import Start, Week

MONDAY = datetime(2025, 1, 6)
WEEKS, A_DAY = 9, 8
SIXTH = 6
"""Week of the calendar that is the third one simulated after a start of two."""
LEARNING = Learning(
    FeaturesConfig(
        folds=3,
        smoothing=2.0,
        rates=(("hs6",), ("importer_id",)),
        prices=(("hs6",),),
        frequencies=(("importer_id",),),
        numbers=("customs_value_usd",),
        calendar=False,
    ),
    ModelConfig(rounds=400, parameters={"max_depth": 2, "min_child_weight": 0.1}, recovery_rounds=3),
    SimulationConfig(rounds=8, checkpoint_weeks=2),
)
SETTINGS = Settings(LEARNING, rate=0.2, start_weeks=2)


def records(*, weeks: int = WEEKS, seed: int = 3, revenue: bool = True) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make declarations of whole weeks, in which one heading in four is bad, and what a control of each would find."""
    draw = np.random.default_rng(seed)
    count = weeks * 7 * A_DAY
    lodged = [MONDAY + timedelta(days=row // A_DAY, hours=9) for row in range(count)]
    heading = draw.integers(0, 8, count)
    violation = (draw.random(count) < np.where(heading % 4 == 0, 0.8, 0.05)).astype(np.int8)
    goods = pl.DataFrame(
        {
            "declaration_id": [f"D{row:05d}" for row in range(count)],
            "item_no": pl.Series([1] * count, dtype=pl.Int32),
            "lodged_at": pl.Series(lodged, dtype=pl.Datetime("us")),
            "hs_code": [f"1000{code}0" for code in heading],
            "importer_id": [f"I{one}" for one in draw.integers(0, 20, count)],
            "customs_value_usd": draw.lognormal(8, 1, count),
            "net_mass_kg": draw.lognormal(5, 1, count),
        }
    )
    declarations = pl.concat([empty(names(Role.IDENTITY, Role.LODGEMENT)), goods], how="diagonal")
    duty = np.where(violation == 1, draw.lognormal(7, 1, count), 0.0) if revenue else [None] * count
    outcomes = goods.select(
        *KEY,
        violation=pl.Series(violation),
        recovered_duty_usd=pl.Series(duty, dtype=pl.Float64),
        label_known_at="lodged_at",
    )
    return declarations, outcomes


def world(start_weeks: int = 2, **changes: Any) -> RecordedWorld:
    return RecordedWorld.of(*records(), start_weeks=start_weeks, **changes)


@dataclass
class Greedy(Policy):
    """The highest scores but for one seat by lot; counts what it learns."""

    name: ClassVar[str] = "greedy"
    learnt: int = 0
    seen: list[Situation] = field(default_factory=list)

    def choose(self, situation: Situation, seats: int) -> Choice:
        self.seen.append(situation)
        count = min(seats, situation.goods.height)
        order = np.argsort(-situation.learner.score, kind="stable")
        lots = situation.lots("one")[order[count - 1 :]]
        places = np.append(order[: count - 1], order[count - 1 + np.argmin(lots)])
        probability = np.full(situation.goods.height, 1.0 / len(lots))
        probability[order[: count - 1]] = 1.0
        return Choice(places, ("model",) * (count - 1) + ("random",), probability)

    def learn(self, results: pl.DataFrame) -> None:
        self.learnt += results.height

    @property
    def state(self) -> Mapping[str, Any]:
        return {"learnt": self.learnt}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.learnt = state["learnt"]

    def told(self) -> Mapping[str, float]:
        return {"learnt": self.learnt}


def run(
    policy: Policy | None = None, settings: Settings = SETTINGS, records_: RecordedWorld | None = None, **more: Any
):
    return simulate_policy(records_ or world(settings.start_weeks), policy or Greedy(), settings, name="mine", **more)


# ---------------------------------------------------------------- metrics


def truth(violation: list[int | None], duty: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"violation": pl.Series(violation, dtype=pl.Int8), "recovered_duty_usd": pl.Series(duty, dtype=pl.Float64)}
    )


def test_a_worked_week():
    """Of 10 goods 3 are chosen: 2 of 4 violations, 50 of 150 USD; the best three would have been 3 and 140 USD."""
    week = truth([1, 1, 1, 1, *[0] * 6], [10.0, 40.0, 90.0, 10.0, *[0.0] * 6])
    found = week_found(week, np.array([1, 0, 9]))
    assert (found["goods"], found["controls"], found["violations_found"], found["violations"]) == (10, 3, 2, 4)
    assert (found["duty_found_usd"], found["duty_usd"]) == (50.0, 150.0)
    shares = [found[name] for name in ("precision", "recall", "revenue")]
    assert shares == pytest.approx([2 / 3, 2 / 4, 50 / 150])
    upper = [found[f"upper_{name}"] for name in ("precision", "recall", "revenue")]
    assert upper == pytest.approx([1.0, 3 / 4, 140 / 150])
    normalised = [found[f"normalised_{name}"] for name in ("precision", "recall", "revenue")]
    assert normalised == pytest.approx([2 / 3, 2 / 3, 50 / 140])


def test_more_seats_than_violations_bound_the_precision():
    found = week_found(truth([1, 0, 0, 0], [5.0, 0.0, 0.0, 0.0]), np.array([0, 1]))
    assert (found["precision"], found["upper_precision"], found["normalised_precision"]) == (0.5, 0.5, 1.0)
    assert (found["recall"], found["upper_recall"], found["upper_revenue"]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("week", "places", "null", "defined"),
    [
        pytest.param(truth([], []), [], "all", {"goods": 0, "controls": 0, "violations": 0}, id="no declarations"),
        pytest.param(
            truth([0, 0], [0.0, 0.0]),
            [1],
            ["recall", "upper_recall", "normalised_precision", "revenue", "upper_revenue", "normalised_revenue"],
            {"precision": 0.0, "upper_precision": 0.0, "duty_usd": 0.0},
            id="no violation",
        ),
        pytest.param(
            truth([1, 0], [3.0, 0.0]),
            [],
            ["precision", "upper_precision", "normalised_precision", "normalised_recall", "normalised_revenue"],
            {"recall": 0.0, "upper_recall": 0.0, "revenue": 0.0, "violations": 1},
            id="no seats",
        ),
        pytest.param(
            truth([1, 0], [None, None]),
            [0],
            ["revenue", "upper_revenue", "normalised_revenue", "duty_usd", "duty_found_usd"],
            {"precision": 1.0, "recall": 1.0},
            id="no revenue in the source",
        ),
        pytest.param(
            truth([None, None], [None, None]),
            [0],
            ["precision", "recall", "revenue"],
            {"goods_unknown": 2, "controls": 1, "controls_unknown": 1, "violations": 0},
            id="nothing known",
        ),
    ],
)
def test_what_is_divided_by_nothing_is_null(week, places, null, defined):
    found = week_found(week, np.array(places, dtype=np.int64))
    shares = [name for name in found if "precision" in name or "recall" in name or "revenue" in name]
    assert all(found[name] is None for name in (shares if null == "all" else null))
    assert {name: found[name] for name in defined} == defined


def test_goods_whose_truth_is_unknown_use_up_seats_and_count_in_no_share():
    found = week_found(truth([1, None, 0, 1], [8.0, None, 0.0, 2.0]), np.array([0, 1]))
    assert (found["controls"], found["controls_unknown"], found["precision"]) == (2, 1, 1.0)
    assert (found["recall"], found["revenue"]) == (0.5, 0.8)


WEEK_OF_GOODS = st.lists(
    st.tuples(st.sampled_from([0, 1, None]), st.floats(0, 1e6), st.booleans()), min_size=1, max_size=30
)


@hypothesis_settings(deadline=None)
@given(WEEK_OF_GOODS)
def test_shares_lie_in_bounds_and_no_choice_beats_the_upper_bound(rows):
    week = truth([y for y, _, _ in rows], [r if y == 1 else 0.0 for y, r, _ in rows])
    found = week_found(week, np.flatnonzero([chosen for _, _, chosen in rows]))
    for name in ("precision", "recall", "revenue"):
        value, upper, normalised = (found[f"{prefix}{name}"] for prefix in ("", "upper_", "normalised_"))
        assert value is None or 0 <= value <= upper * (1 + 1e-12) <= 1 + 1e-9
        assert normalised is None or 0 <= normalised <= 1 + 1e-9
    pair = found["normalised_precision"], found["normalised_recall"]
    assert None in pair or math.isclose(*pair)


@hypothesis_settings(deadline=None)
@given(WEEK_OF_GOODS)
def test_precision_over_all_goods_is_the_base_rate(rows):
    week = truth([y for y, _, _ in rows], [r for _, r, _ in rows])
    assert week_found(week, np.arange(len(rows)))["precision"] == week["violation"].mean()


def test_arms_add_up_to_the_week():
    week = truth([1, 0, 1, None], [4.0, 0.0, 6.0, None])
    arms = arms_found(week, np.array([0, 2, 3]), ["model", "random", "random"])
    assert [(row["arm"], row["controls"], row["controls_unknown"], row["violations_found"]) for row in arms] == [
        ("model", 1, 0, 1),
        ("random", 2, 1, 1),
    ]
    assert sum(row["duty_found_usd"] for row in arms) == 10.0
    assert arms_found(week, np.array([], dtype=np.int64), []) == []


def test_cumulative_figures_are_ratios_of_sums():
    rows = [
        {"week": 0, "controls": 2, "violations_found": 2, "violations": 4, "precision": 1.0},
        {"week": 1, "controls": 0, "violations_found": 0, "violations": 0, "precision": None},
        {"week": 2, "controls": 8, "violations_found": 4, "violations": 6, "precision": 0.5},
    ]
    who = {"policy": "p", "replication": 0, "controls_unknown": 0, "duty_found_usd": None, "duty_usd": None}
    table = with_cumulative(pl.DataFrame([row | who for row in reversed(rows)]))
    assert table["week"].to_list() == [0, 1, 2]
    assert table["cumulative_precision"].to_list() == [1.0, 1.0, 0.6]
    assert table["cumulative_recall"].to_list() == [0.5, 0.5, 0.6]
    assert table["mean_precision"].to_list() == [1.0, 1.0, 0.75]
    assert table["cumulative_revenue"].null_count() == 3


# ---------------------------------------------------------------- plans, seats, settings, masks


@pytest.mark.parametrize(
    ("plan", "rates"),
    [
        ("direct", [0.1] * 12),
        ("linear", [round(1 - 0.9 * week / 11, 6) for week in range(12)]),
        ("fast", [round(1 - 0.1 * week, 6) for week in range(10)] + [0.1, 0.1]),
    ],
)
def test_plans(plan, rates):
    settings = replace(SETTINGS, plan=plan, rate=0.1)
    assert [round(rate_of_week(settings, week, 12), 6) for week in range(12)] == rates


@hypothesis_settings(deadline=None)
@given(st.sampled_from(PLANS), st.integers(1, 40), st.floats(0, 1), st.floats(0, 1))
def test_a_plan_never_rises_and_ends_at_the_target(plan, weeks, one, other):
    settings = replace(SETTINGS, plan=plan, rate=min(one, other), start_rate=max(one, other))
    rates = [rate_of_week(settings, week, weeks) for week in range(weeks)]
    assert rates[-1] == settings.rate
    assert all(0 <= later <= before + 1e-12 <= 1 + 1e-9 for before, later in pairwise(rates))


@hypothesis_settings(deadline=None)
@given(st.floats(0, 1), st.integers(0, 5_000), st.integers(0, 100))
def test_seats_are_a_rounding_of_rate_times_goods(rate, goods, week):
    seats = seats_of_week(rate, goods, b"key", week)
    assert 0 <= seats <= goods
    assert abs(seats - rate * goods) < 1 + 1e-6


def test_fractions_of_seats_even_out():
    seats = [seats_of_week(0.1, 4, b"key", week) for week in range(2_000)]
    assert set(seats) == {0, 1}
    assert sum(seats) == pytest.approx(800, abs=3 * math.sqrt(2_000 * 0.24))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 1.2}, r"rate is 1.2; expected a share"),
        ({"rate": float("nan")}, r"rate is nan; expected a share"),
        ({"rate": 0.3, "start_rate": 0.2}, r"start_rate is 0.2; expected at least the rate, 0.3"),
        ({"plan": "liner"}, r"Unknown plan 'liner' .did you mean 'linear'.*direct, linear, fast"),
        ({"weeks": 0}, r"weeks is 0; expected 1 or more"),
        ({"start_weeks": 0}, r"start_weeks is 0; expected 1 or more"),
        ({"replication": -1}, r"replication is -1"),
        ({"mask": "randm:0.1"}, r"Unknown mask 'randm:0.1'"),
    ],
)
def test_settings_that_cannot_be_are_named(change, message):
    with pytest.raises(ParameterError, match=message):
        replace(SETTINGS, **change)


def test_keys_differ_by_seed_and_replication_only():
    keys = {replace(SETTINGS, seed=seed, replication=one).key for seed in (1, 2) for one in range(3)}
    assert len(keys) == 6
    assert replace(SETTINGS, rate=0.5, mask="natural").key == SETTINGS.key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imprter:0.1", r"Unknown mask 'imprter:0.1' .did you mean 'importer'"),
        ("random", r"'random' lacks its share"),
        ("natural:0.1", r"'natural:0.1' takes no share"),
        ("random:0", r"share '0'; expected a number in .0, 1."),
        ("random:ten", r"share 'ten'"),
        ("random:nan", r"share 'nan'"),
    ],
)
def test_masks_that_cannot_be_read_are_named(text, message):
    with pytest.raises(ParameterError, match=message):
        Mask.parse(text)


@pytest.fixture(scope="module")
def start() -> Start:
    whole = world(6).start()
    looked_at = pl.int_range(pl.len()) % 3 == 0
    return Start(whole.goods, whole.outcomes.with_columns(controlled=looked_at))


def test_masks_leave_what_they_say(start):
    importers = start.goods.select(*KEY, "importer_id")
    left = {text: Mask.parse(text).known(start, b"k") for text in ("none", "natural", "random:0.3", "importer:0.3")}
    assert_frame_equal(left["none"], start.outcomes)
    assert left["natural"].height == start.outcomes["controlled"].sum()
    assert left["random:0.3"].height == pytest.approx(0.3 * start.goods.height, rel=0.35)
    known = left["importer:0.3"].join(importers, on=list(KEY))["importer_id"].unique()
    of_those = importers.filter(pl.col("importer_id").is_in(known.implode()))
    assert 0 < len(known) < importers["importer_id"].n_unique()
    assert left["importer:0.3"].height == of_those.height


def test_masks_hang_on_the_key_and_not_on_the_order_of_outcomes(start):
    mask = Mask.parse("random:0.3")
    shuffled = Start(start.goods, start.outcomes.sample(fraction=1.0, shuffle=True, seed=1))
    assert_frame_equal(mask.known(start, b"k"), mask.known(shuffled, b"k"))
    assert not mask.known(start, b"k").equals(mask.known(start, b"other"))


def test_a_start_without_a_known_truth_is_left_unknown(start):
    unknown = Start(start.goods, start.outcomes.with_columns(violation=pl.lit(None, pl.Int8)))
    assert Mask.parse("none").known(unknown, b"k").is_empty()


# ---------------------------------------------------------------- recorded worlds


def test_weeks_are_seven_days_and_lose_nothing():
    declarations, outcomes = records()
    made = RecordedWorld.of(declarations.sample(fraction=1.0, shuffle=True, seed=1), outcomes, start_weeks=3)
    weeks = [made.week(number) for number in range(made.weeks)]
    assert made.weeks == WEEKS - 3
    assert [week.start for week in weeks] == [MONDAY + timedelta(weeks=3 + number) for number in range(6)]
    assert all(week.end - week.start == timedelta(weeks=1) for week in weeks)
    together = pl.concat([made.start().goods, *(week.goods for week in weeks)])
    assert together["declaration_id"].to_list() == declarations["declaration_id"].to_list()
    assert all(week.truth.select(KEY).equals(week.goods.select(KEY)) for week in weeks)


def test_a_last_week_cut_short_is_a_week():
    declarations, outcomes = records()
    made = RecordedWorld.of(declarations.head(-5 * A_DAY), outcomes, start_weeks=2)
    assert made.weeks == WEEKS - 2
    assert made.week(made.weeks - 1).goods.height == 2 * A_DAY


def test_a_week_without_declarations_stays_in_its_place():
    declarations, outcomes = records()
    hole = declarations.filter(pl.col("lodged_at").dt.week() != SIXTH)
    made = RecordedWorld.of(hole, outcomes, start_weeks=2)
    assert [made.week(number).goods.height for number in range(4)] == [7 * A_DAY, 7 * A_DAY, 0, 7 * A_DAY]


def test_too_short_records_and_records_without_labels_are_refused():
    declarations, outcomes = records()
    with pytest.raises(LabelError, match=r"span 9 week\(s\), 2025-01-06 to .* the start takes 9: no week is left"):
        RecordedWorld.of(declarations, outcomes, start_weeks=9)
    with pytest.raises(LabelError, match=r"None of the 504 declaration items has a known label"):
        RecordedWorld.of(declarations, outcomes.head(0), start_weeks=2)


def test_a_delay_moves_every_label():
    late, soon = world(delay_days=10), world()
    moved = late.week(0).truth["label_known_at"] - soon.week(0).truth["label_known_at"]
    assert set(moved) == {timedelta(days=10)}


KCS_LIKE = """
[programme]
name = "small"
title = "Small"
unit = "item"
question = "?"
[source]
mapping = "m.toml"
{tables}
[features]
rates = [["hs6"]]
[model]
rounds = 5
[selection]
[[selection.capacity]]
lane = "red"
share = 0.05
[simulation]
rounds = 6
label_delay_days = 3
[[steps]]
notebook = "10_prepare"
"""
MAPPING = """
name = "m"
[columns]
declaration_id = "id"
item_no = { constant = 1 }
lodged_at = { column = "day", format = "%Y-%m-%d" }
hs_code = "hs"
origin_country_code = "from"
customs_value_usd = { column = "value", unit = "USD" }
net_mass_kg = { column = "mass", unit = "kg" }
[outcomes]
violation = "bad"
label_known_at = { column = "day", format = "%Y-%m-%d", plus_days = 0 }
"""


@pytest.fixture
def pipeline(tmp_path) -> Callable[..., Any]:
    """Write three tables of two weeks each and a pipeline that streams them; `last` names the third table's file."""

    def make(last: str = "c.csv"):
        for number, name in enumerate("abc"):
            rows = [
                f"{name}{row},{(MONDAY + timedelta(days=14 * number + row)).date()},100100,CN,10,5,{row % 2}"
                for row in range(14)
            ]
            (tmp_path / f"{name}.csv").write_text("\n".join(["id,day,hs,from,value,mass,bad", *rows]))
        tables = "\n".join(
            f'[[source.tables]]\npart = "{part}"\npath = "{path}"\noptional = true'
            for part, path in (("learn", "b.csv"), ("judge", "a.csv"), ("decide", last))
        )
        (tmp_path / "m.toml").write_text(MAPPING)
        (tmp_path / "p.toml").write_text(KCS_LIKE.format(tables=tables))
        return load_pipeline(tmp_path / "p.toml")

    return make


def test_every_table_of_a_pipeline_is_streamed_in_order_of_date(pipeline):
    one = pipeline()
    made = recorded_world(one, Settings(Learning.of(one), start_weeks=1))
    assert (made.goods.height, made.weeks) == (42, 5)
    assert made.goods["declaration_id"].str.head(1).unique(maintain_order=True).to_list() == ["a", "b", "c"]
    assert made.truth["violation"].null_count() == 0
    first = made.week(0)
    assert (first.truth["label_known_at"] - first.goods["lodged_at"]).unique().to_list() == [timedelta(days=3)]


def test_an_optional_table_that_is_not_given_is_passed_over(pipeline):
    one = pipeline(last="")
    assert recorded_world(one, Settings(Learning.of(one), start_weeks=1)).goods.height == 28


def test_an_item_in_two_tables_is_refused(pipeline):
    one = pipeline(last="a.csv")
    with pytest.raises(SourceError, match=r"14 declaration items stand in more than one table, for example a0/1"):
        recorded_world(one, Settings(Learning.of(one), start_weeks=1))


def test_a_generated_source_has_no_records():
    shipped = load_pipeline(Path(__file__).parents[1] / "pipelines" / "declarations.toml")
    with pytest.raises(ConfigError, match="generates its declarations and has no records to replay"):
        recorded_world(shipped, Settings(Learning.of(shipped)))


# ---------------------------------------------------------------- what is known when


def known_after(made: RecordedWorld, week: int) -> Knowledge:
    """Return the knowledge once everything of the start and of the weeks before `week` was controlled."""
    knowledge = Knowledge.of(made.start(), made.start().outcomes)
    for number in range(week):
        one = made.week(number)
        count = one.goods.height
        whole = Choice(np.arange(count)[::-1].copy(), ("all",) * count, np.ones(count))
        knowledge = knowledge.after(one, whole)
    return knowledge


@pytest.mark.parametrize(("delay_days", "weeks_known"), [(0, 3), (6, 2), (14, 1)])
def test_labels_are_known_from_the_week_after_they_were_recorded(delay_days, weeks_known):
    made = world(2, delay_days=delay_days)
    labels = known_after(made, 3).labels(made.week(3).start)
    # What was lodged on the last six days of a week is recorded too late for the next one, with six days of delay.
    whole_weeks = labels.filter(pl.col("week") >= 0).group_by("week").len().filter(pl.col("len") == 7 * A_DAY)
    assert whole_weeks.height == weeks_known
    assert labels["week"].is_sorted()


def test_new_labels_are_told_once():
    made = world(2, delay_days=6)
    knowledge, moments = known_after(made, 4), [made.week(number).start for number in range(5)]
    told = [knowledge.new_labels(moment, since) for since, moment in zip([None, *moments], moments, strict=False)]
    together = pl.concat(told)
    assert together.select(KEY).n_unique() == together.height
    assert_frame_equal(together.sort(KEY), knowledge.labels(moments[-1]).sort(KEY))


def learner(made: RecordedWorld, knowledge: Knowledge, week: int, learning: Learning = LEARNING) -> KnownLearner:
    one = made.week(week)
    return KnownLearner(learning, knowledge.as_of(one.start), one.goods)


@hypothesis_settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_labels_that_are_not_yet_known_change_no_score(seed):
    made = world(2, delay_days=9)
    knowledge, moment = known_after(made, 4), made.week(4).start
    late = ~knowledge.controls["declaration_id"].is_in(knowledge.labels(moment)["declaration_id"].implode())
    shuffled = np.random.default_rng(seed).permutation(late.sum())
    told = knowledge.controls["violation"].to_numpy().copy()
    told[late.to_numpy()] = 1 - told[late.to_numpy()][shuffled]
    other = Knowledge(knowledge.goods, knowledge.controls.with_columns(violation=pl.Series(told)))
    assert late.sum() > 0
    assert not other.controls.equals(knowledge.controls)
    one, two = learner(made, knowledge, 4), learner(made, other, 4)
    assert np.array_equal(one.score, two.score)
    assert np.array_equal(one.expected_recovery, two.expected_recovery)
    assert all(map(np.array_equal, one.group_counts(("hs6",)), two.group_counts(("hs6",))))


def test_goods_of_the_future_and_the_order_of_the_week_change_no_score():
    made = world()
    now, later = known_after(made, 3), known_after(made, 6)
    one, two = learner(made, now, 3), learner(made, later, 3)
    assert np.array_equal(one.score, two.score)
    turned = KnownLearner(LEARNING, now.as_of(made.week(3).start), made.week(3).goods.reverse())
    assert np.array_equal(one.score, turned.score[::-1])


def test_the_learner_finds_what_is_there():
    made = world()
    found = learner(made, known_after(made, 5), 5)
    bad = made.week(5).goods["hs_code"].is_in(["100000", "100040"]).to_numpy()
    assert found.score[bad].min() > found.score[~bad].max()
    assert ((found.score > 0) & (found.score < 1)).all()
    assert found.leaves.shape == (len(bad), LEARNING.simulation.rounds)
    assert found.leaves.dtype == np.int32
    assert (found.expected_recovery[bad] > 100).all()
    violations, labels = found.group_counts(("hs6", "importer_id"))
    assert ((violations <= labels) & (violations >= 0)).all()


def test_counts_of_a_group_are_those_of_the_known_labels():
    made = world()
    past = known_after(made, 2).as_of(made.week(2).start)
    violations, labels = learner(made, known_after(made, 2), 2).group_counts(("importer_id",))
    first = made.week(2).goods["importer_id"][0]
    own = past.filter(pl.col("importer_id") == first)["violation"]
    assert (violations[0], labels[0]) == (own.sum(), own.count())
    # Columns without any value form one group: nulls are equal here.
    assert set(learner(made, known_after(made, 2), 2).group_counts(("office_id",))[1]) == {past["violation"].count()}
    with pytest.raises(SchemaError, match=r"'violation'"):
        learner(made, known_after(made, 2), 2).group_counts(("violation",))


@pytest.mark.parametrize("known", [pl.lit(value=False), pl.col("violation") == 0], ids=["no label", "one class"])
def test_until_both_classes_are_known_all_have_the_prior(known):
    made = world()
    start = made.start()
    nothing = learner(made, Knowledge.of(start, start.outcomes.filter(known)), 0)
    count = made.week(0).goods.height
    assert len(nothing.score) == count
    assert len(set(nothing.score)) == 1
    assert 0 < nothing.score[0] <= 0.5
    assert nothing.leaves.shape == (count, 0)
    assert np.isnan(nothing.expected_recovery).all()


def test_without_revenue_nothing_is_expected_to_be_recovered():
    made = RecordedWorld.of(*records(revenue=False), start_weeks=2)
    assert np.isnan(learner(made, known_after(made, 2), 2).expected_recovery).all()
    assert run(records_=made).weeks["revenue"].null_count() == made.weeks


def test_weights_by_inclusion_change_what_is_learnt():
    weighted = replace(LEARNING, simulation=LEARNING.simulation.model_copy(update={"weights": "inclusion"}))
    made = world()
    knowledge = known_after(made, 2)
    rare = pl.when(pl.col("violation") == 1).then(0.05).otherwise(1.0)
    unequal = Knowledge(knowledge.goods, knowledge.controls.with_columns(probability=rare))
    plain, heavy = learner(made, unequal, 2), learner(made, unequal, 2, weighted)
    assert heavy.score.mean() > plain.score.mean()
    assert np.array_equal(learner(made, knowledge, 2, weighted).score, learner(made, knowledge, 2).score)


CRITERIA = """
[[criterion]]
id = "heading"
title = "Heading 1000.00"
when = "hs_code = '100000'"
lane = "red"
hit_percentage = 10
[[criterion]]
id = "known-bad"
title = "Bad so far"
when = "hs6_hit_rate > 0.4"
lane = "yellow"
[[criterion]]
id = "never"
title = "Selects none"
when = "customs_value_usd > 0"
lane = "red"
hit_percentage = 0
points = 5
[points]
blue = 5
"""


def test_criteria_propose_by_columns_and_profiles_known_then(tmp_path):
    file = tmp_path / "criteria.toml"
    file.write_text(CRITERIA)
    learning = replace(LEARNING, criteria=file)
    made = world()
    severity = learner(made, known_after(made, 3), 3, learning).criteria
    by_code = dict(zip(made.week(3).goods["hs_code"], severity, strict=True))
    assert (by_code["100000"], by_code["100040"], by_code["100010"]) == (4.0, 2.0, 1.0)
    nothing_known = learner(made, Knowledge.of(made.start(), made.start().outcomes.head(0)), 0, learning).criteria
    assert set(nothing_known) == {4.0, 1.0}
    assert set(learner(made, known_after(made, 3), 3).criteria) == {0.0}


# ---------------------------------------------------------------- the choice


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(np.array([0]), ("a",), np.ones(5)), "it chose 1 goods, expected 2"),
        (Choice(np.array([0, 1, 2]), ("a",) * 3, np.ones(5)), "it chose 3 goods, expected 2"),
        (Choice(np.array([1, 1]), ("a",) * 2, np.ones(5)), "more than once"),
        (Choice(np.array([0, 5]), ("a",) * 2, np.ones(5)), "whole numbers from 0 to 4"),
        (Choice(np.array([-1, 0]), ("a",) * 2, np.ones(5)), "whole numbers from 0 to 4"),
        (Choice(np.array([0.0, 1.0]), ("a",) * 2, np.ones(5)), "whole numbers"),
        (Choice(np.array([0, 1]), ("a",), np.ones(5)), "named 1 arms for 2 goods"),
        (Choice(np.array([0, 1]), ("a",) * 2, np.ones(4)), "gave 4 probabilities, expected 5"),
        (Choice(np.array([0, 1]), ("a",) * 2, np.full(5, 1.5)), r"not all in \[0, 1\]"),
        (Choice(np.array([0, 1]), ("a",) * 2, np.full(5, np.nan)), r"not all in \[0, 1\]"),
        (Choice(np.array([0, 1]), ("a",) * 2, np.array([1.0, 0, 1, 1, 1])), "chose have the probability 0"),
        (None, "answered with NoneType, expected a Choice"),
        (Choice([0, 1], ("a",) * 2, np.ones(5)), "not both arrays of numbers in one dimension"),
        (Choice(np.array([[0], [1]]), ("a",) * 2, np.ones(5)), "not both arrays of numbers in one dimension"),
        (Choice(np.array([True, False]), ("a",) * 2, np.ones(5)), "not both arrays of numbers in one dimension"),
        (Choice(np.array([0, 1]), ("a",) * 2, np.array(["1"] * 5)), "not both arrays of numbers in one dimension"),
        (Choice(np.array([0, 1]), "aa", np.ones(5)), "its arms are not a tuple of names"),
        (Choice(np.array([0, 1]), (None, None), np.ones(5)), "its arms are not a tuple of names"),
    ],
)
def test_a_choice_that_breaks_the_contract_is_named(choice, message):
    with pytest.raises(PolicyError, match=rf"Policy 'mine' broke .* week 7: .*{message}"):
        check_choice(choice, policy="mine", week=7, goods=5, seats=2)


def test_all_goods_are_chosen_where_there_are_more_seats():
    check_choice(Choice(np.arange(3), ("a",) * 3, np.ones(3)), policy="mine", week=0, goods=3, seats=9)


class Idle(Policy):
    """Chooses nothing, which is against the contract wherever there are seats."""

    name: ClassVar[str] = "idle"

    def choose(self, situation: Situation, seats: int) -> Choice:
        return Choice(np.empty(0, dtype=np.int64), (), np.zeros(situation.goods.height))


def test_a_policy_that_breaks_the_contract_stops_the_simulation():
    with pytest.raises(PolicyError, match=r"Policy 'mine' .* in week 0: it chose 0 goods"):
        run(Idle())


@dataclass
class Telling(Greedy):
    """Greedy with something of the test's to tell or to remember."""

    says: Any = 0.0
    remembers: Any = 0.0

    def told(self) -> Mapping[str, float]:
        return {"x": self.says}

    @property
    def state(self) -> Mapping[str, Any]:
        return {"x": self.remembers}


@pytest.mark.parametrize("number", [math.nan, math.inf, "y", None])
def test_what_a_policy_tells_is_a_number(number):
    with pytest.raises(PolicyError, match=r"Policy 'mine' told of week 0 what is no finite number: x"):
        run(Telling(says=number))


@pytest.mark.parametrize("memory", [math.nan, {1}, np.int64(3), pl.DataFrame()])
def test_what_a_policy_remembers_is_plain_json(tmp_path, memory):
    with pytest.raises(PolicyError, match=r"Policy 'mine' cannot be kept after week 0: its state is not made of plain"):
        run(Telling(remembers=memory), folder=tmp_path)


class Wishful(Ranking):
    """A ranking whose wish is the test's."""

    name: ClassVar[str] = "wishful"

    def __init__(self, wish: Any) -> None:
        self._given = wish

    def wish(self, this: Round) -> Any:
        return self._given


@pytest.mark.parametrize(
    ("wish", "found"), [(np.ones(3), r"float64 of shape \(3,\)"), (np.array(["a"] * 56), "<U1"), ([1.0] * 56, "list")]
)
def test_a_ranking_that_breaks_the_contract_is_named(wish, found):
    with pytest.raises(PolicyError, match=rf"The arm 'wishful' broke .* in week 0: its wish is {found}.*of 56 numbers"):
        run(Mixture(Wishful(wish)))


# ---------------------------------------------------------------- the loop


def test_a_simulation_counts_what_it_did():
    policy = Greedy()
    found = run(policy)
    assert list(found.weeks.schema.items())[: len(WEEK_COLUMNS)] == list(WEEK_COLUMNS.items())
    assert dict(found.arms.schema) == ARM_COLUMNS
    assert found.weeks["week"].to_list() == list(range(WEEKS - 2))
    assert (found.weeks["controls"] == found.weeks["seats"]).all()
    assert found.weeks["goods"].sum() == (WEEKS - 2) * 7 * A_DAY
    by_week = found.arms.group_by("week").agg(pl.col("controls", "violations_found").sum()).sort("week")
    assert_frame_equal(by_week, found.weeks.select("week", "controls", "violations_found"))
    controls = found.weeks["controls"].to_list()
    known = 2 * 7 * A_DAY + np.cumsum([0, *controls[:-1]])
    assert found.weeks["labels_known"].to_list() == known.tolist() == found.weeks["told:learnt"].to_list()
    assert "7 weeks" in found.describe()
    assert found.to_dict()["controls"] == sum(controls)


def test_the_model_does_better_than_its_base_rate():
    found = run()
    base = found.weeks["violations"].sum() / found.weeks["goods"].sum()
    assert found.precision > 2 * base


def test_a_situation_shows_what_was_known_and_no_more():
    policy = Greedy()
    run(policy, replace(SETTINGS, mask="random:0.5"))
    for number, seen in enumerate(policy.seen):
        assert (seen.week, seen.goods.columns) == (number, seen.past.columns)
        assert not {"violation", "label_known_at"} & {*seen.goods.columns}
        assert seen.past.height == (2 + number) * 7 * A_DAY
        assert seen.labels["violation"].null_count() == 0
        assert set(seen.labels["arm"]) <= {"start", "model", "random"}
        assert seen.labels.join(seen.goods, on=list(KEY), how="semi").is_empty()
        assert (seen.labels.filter(pl.col("week") == -1)["arm"] == "start").all()
        assert seen.labels["probability"].is_between(0, 1, closed="right").all()


def test_all_policies_have_the_same_seats():
    one, two = run(Greedy()), run(First())
    assert one.weeks["seats"].to_list() == two.weeks["seats"].to_list()


@dataclass
class First(Policy):
    """The first goods of the week."""

    name: ClassVar[str] = "first"

    def choose(self, situation: Situation, seats: int) -> Choice:
        probability = np.zeros(situation.goods.height)
        probability[:seats] = 1.0
        return Choice(np.arange(seats), ("first",) * seats, probability)


def test_goods_whose_truth_is_unknown_are_controlled_and_reveal_nothing():
    declarations, outcomes = records()
    half = outcomes.with_columns(violation=pl.when(pl.int_range(pl.len()) % 2 == 0).then("violation").otherwise(None))
    made = RecordedWorld.of(declarations, half, start_weeks=2)
    policy = Greedy()
    found = run(policy, records_=made)
    told = found.weeks.select(pl.col("goods_unknown", "controls_unknown", "controls", "labels_known"))
    assert (told["goods_unknown"] == 7 * A_DAY / 2).all()
    assert told["controls_unknown"].sum() > 0
    known = np.cumsum([7 * A_DAY, *(told["controls"] - told["controls_unknown"])[:-1]])
    assert told["labels_known"].to_list() == known.tolist()


def test_no_capacity_is_a_defined_simulation():
    policy = Greedy()
    found = run(policy, replace(SETTINGS, rate=0.0))
    assert found.weeks["controls"].sum() == 0
    assert found.weeks["recall"].to_list() == [0.0] * (WEEKS - 2)
    assert found.precision is None
    assert policy.seen == []
    assert policy.learnt == 2 * 7 * A_DAY
    assert found.arms.is_empty()
    assert "no precision" in found.describe()


def test_a_week_without_declarations_is_a_row():
    declarations, outcomes = records()
    made = RecordedWorld.of(declarations.filter(pl.col("lodged_at").dt.week() != SIXTH), outcomes, start_weeks=2)
    found = run(records_=made)
    empty_week = found.weeks.row(2, named=True)
    assert (empty_week["goods"], empty_week["seats"], empty_week["controls"]) == (0, 0, 0)
    assert empty_week["precision"] is empty_week["told:learnt"] is None
    assert found.weeks["goods"].to_list()[3] == 7 * A_DAY


def test_everything_may_be_controlled():
    found = run(First(), replace(SETTINGS, rate=1.0))
    assert (found.weeks["recall"] == 1.0).all()
    assert (found.weeks["normalised_precision"] == 1.0).all()


def test_more_weeks_than_there_are_is_refused():
    assert run(settings=replace(SETTINGS, weeks=3)).weeks.height == 3
    with pytest.raises(ParameterError, match="weeks is 99; the data have 7 after the start"):
        run(settings=replace(SETTINGS, weeks=99))


def test_progress_is_told():
    told = []
    run(tell=lambda phase, done: told.append((phase, done)))
    assert told == [("mine", done) for done in range(WEEKS - 2 + 1)]


# ---------------------------------------------------------------- going on after a kill


class KilledError(Exception):
    """The process ends here."""


@dataclass
class Mortal(Greedy):
    """Greedy that is killed in one week."""

    dies_in: int = 0

    def choose(self, situation: Situation, seats: int) -> Choice:
        if situation.week == self.dies_in:
            raise KilledError
        return super().choose(situation, seats)


@dataclass
class Reacting:
    """Records whose traders remember how many of them were controlled."""

    records: RecordedWorld
    remembered: int = 0

    @property
    def fingerprint(self) -> str:
        return self.records.fingerprint

    @property
    def weeks(self) -> int:
        return self.records.weeks

    def start(self) -> Start:
        return self.records.start()

    def week(self, number: int) -> Week:
        week = self.records.week(number)
        honest = pl.when(pl.int_range(pl.len()) % 7 < self.remembered % 7).then(0).otherwise("violation")
        return replace(week, truth=week.truth.with_columns(violation=honest.cast(pl.Int8)))

    def controlled(self, week: Week, places: np.ndarray) -> None:
        self.remembered += int(places.sum())

    @property
    def state(self) -> Mapping[str, Any]:
        return {"remembered": self.remembered}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.remembered = state["remembered"]


@pytest.mark.parametrize("dies_in", [0, 3, 6])
def test_a_killed_simulation_goes_on_as_if_it_had_not_been(tmp_path, dies_in):
    settings = replace(SETTINGS, mask="importer:0.5", plan="fast", start_rate=0.5)
    made = world(2, delay_days=4)
    whole = run(Greedy(), settings, Reacting(made))
    with pytest.raises(KilledError):
        run(Mortal(dies_in=dies_in), settings, Reacting(made), folder=tmp_path)
    resumed = Greedy()
    again = run(resumed, settings, Reacting(made), folder=tmp_path)
    assert len(resumed.seen) == made.weeks - dies_in // 2 * 2
    assert again.weeks.equals(whole.weeks)
    assert again.arms.equals(whole.arms)
    assert again.weeks.schema == whole.weeks.schema


def test_a_finished_simulation_is_not_done_again(tmp_path):
    first = run(folder=tmp_path)
    policy = Greedy()
    again = run(policy, folder=tmp_path)
    assert policy.seen == []
    assert again.weeks.equals(first.weeks)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [({"rate": 0.3}, "settings"), ({"replication": 1}, "settings"), ({"mask": "random:0.5"}, "settings")],
)
def test_checkpoints_of_another_simulation_are_refused(tmp_path, change, named):
    run(settings=replace(SETTINGS, weeks=2), folder=tmp_path)
    with pytest.raises(
        RunDirectoryError, match=rf"is of another simulation: it has other {named}\. Give another folder"
    ):
        run(settings=replace(SETTINGS, weeks=2, **change), folder=tmp_path)


def other_worlds() -> dict[str, RecordedWorld]:
    """Return worlds that differ from `world()` in one value, all of them in weeks that were not yet simulated."""
    goods, outcomes = records()
    last = pl.int_range(pl.len()) == pl.len() - 1
    other = {
        "a label": (
            goods,
            outcomes.with_columns(violation=pl.when(last).then(1 - pl.col("violation")).otherwise("violation")),
        ),
        "a duty": (goods, outcomes.with_columns(recovered_duty_usd=pl.col("recovered_duty_usd") + last)),
        "a null": (goods, outcomes.with_columns(recovered_duty_usd=pl.when(~last).then("recovered_duty_usd"))),
        "a value": (goods.with_columns(customs_value_usd=pl.col("customs_value_usd") + last), outcomes),
        "an importer": (goods.with_columns(importer_id=pl.when(~last).then("importer_id")), outcomes),
        "one more": (pl.concat([goods, goods.tail(1).with_columns(declaration_id=pl.lit("D99999"))]), outcomes),
    }
    return {name: RecordedWorld.of(*tables, start_weeks=2) for name, tables in other.items()}


@pytest.mark.parametrize("name", ["a label", "a duty", "a null", "a value", "an importer", "one more"])
def test_a_simulation_does_not_go_on_with_other_data(tmp_path, name):
    with pytest.raises(KilledError):
        run(Mortal(dies_in=3), folder=tmp_path)
    with pytest.raises(RunDirectoryError, match="is of another simulation: it has other data"):
        run(records_=other_worlds()[name], folder=tmp_path)


def test_the_fingerprint_of_records_hangs_on_their_values_alone():
    goods, outcomes = records()
    shuffled = RecordedWorld.of(goods.sample(fraction=1.0, shuffle=True, seed=1), outcomes.reverse(), start_weeks=2)
    assert shuffled.fingerprint == world().fingerprint
    assert len({one.fingerprint for one in (world(), world(3), world(delay_days=1), *other_worlds().values())}) == 9


def damaged(name: str, new: Callable[[bytes], bytes]) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(new((folder / name).read_bytes()))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (damaged("state.json", lambda old: old[:20]), "state.json is not as it was written"),
        (damaged("state.json", lambda old: old.replace(b'"next_week": 2', b'"next_week": 1')), "state.json is not"),
        (damaged("state.json", lambda old: b"[]"), "state.json is not"),
        (damaged("goods.parquet", lambda old: old[:-9]), "goods.parquet is not as it was written"),
        (damaged("goods.parquet", lambda old: old[:200] + bytes([old[200] ^ 255]) + old[201:]), "goods.parquet is not"),
        (lambda folder: pl.DataFrame({"a": [1]}).write_parquet(folder / "weeks.parquet"), "weeks.parquet is not"),
        (lambda folder: (folder / "controls.parquet").unlink(), r"controls.parquet cannot be read \(No such file"),
        (damaged("sha256.json", lambda old: b"{}"), "state.json is not"),
        (damaged("sha256.json", lambda old: b"7"), "sha256.json is not"),
        (lambda folder: (folder.parent / "week-99999").write_text("x"), "week-99999 cannot be gone on from"),
    ],
)
def test_a_damaged_checkpoint_is_named_and_never_used(tmp_path, damage, named):
    run(settings=replace(SETTINGS, weeks=2), folder=tmp_path)
    (kept,) = (tmp_path / "checkpoints").iterdir()
    damage(kept)
    with pytest.raises(RunDirectoryError, match=rf"{named}.*Remove it to start this run again"):
        run(settings=replace(SETTINGS, weeks=2), folder=tmp_path)


def test_files_of_others_beside_checkpoints_are_left_alone(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "notes.txt").write_text("x")
    run(settings=replace(SETTINGS, weeks=3), folder=tmp_path)
    assert sorted(one.name for one in (tmp_path / "checkpoints").iterdir()) == ["notes.txt", "week-00003"]


def test_seconds_of_a_run_that_was_stopped_are_those_of_all_its_weeks(tmp_path, monkeypatch):
    clock = iter(range(1_000))
    monkeypatch.setattr(course.time, "perf_counter", lambda: float(next(clock)))
    with pytest.raises(KilledError):
        run(Mortal(dies_in=4), folder=tmp_path)
    assert run(folder=tmp_path).seconds == WEEKS - 2
    # All of it was done before.
    assert run(folder=tmp_path).seconds == WEEKS - 2


def test_the_first_week_and_slow_ones_are_kept_at_once(tmp_path, monkeypatch):
    slow = replace(SETTINGS, learning=replace(LEARNING, simulation=SimulationConfig(rounds=8, checkpoint_weeks=99)))
    kept: list[int] = []
    run(settings=slow, folder=tmp_path / "quick", tell=lambda _, done: kept.append(weeks_kept(tmp_path / "quick")))
    assert kept == [0, 1, 1, 1, 1, 1, 1, 7]
    monkeypatch.setattr(run_module, "_CHECKPOINT_SECONDS", 0.0)
    run(settings=slow, folder=tmp_path / "slow", tell=lambda _, done: kept.append(weeks_kept(tmp_path / "slow")))
    assert kept[8:] == list(range(8))
