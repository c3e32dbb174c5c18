"""Histories: every row knows what was known when it was lodged, and nothing else."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from workbench.cli.opening import past, programme
from workbench.config import FeaturesConfig
from workbench.criteria.history import History, open_history, profiles_used, read_tables, train_as_of
from workbench.criteria.history.table import FOUND
from workbench.errors import ConfigError, SourceError
from workbench.evaluation import Refusal
from workbench.features import fit_features
from workbench.scorer.criteria import CriteriaSet
from workbench.scorer.expressions import RefusedCriterionError
from workbench.scorer.schema import KEY
from workbench.stages.folder import MEASURED
from workbench.stages.past import open_past
from workbench.synthetic.world import Tables
from workbench.timeline import as_of, start_of

CONFIG = FeaturesConfig(
    folds=4,
    rates=(("importer_id",), ("hs6", "origin_country_code")),
    prices=(("hs6",), ("hs6", "origin_country_code")),
    quantities=(("hs4",),),
    frequencies=(("importer_id",),),
)
PROFILES = ("importer_hit_rate", "hs6_origin_median_unit_value_usd_per_kg", "importer_declarations")


@pytest.fixture(scope="module")
def first(small_world: Tables) -> datetime:
    return small_world.declarations["lodged_at"].min().replace(day=1, hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def months(first: datetime) -> list[datetime]:
    return [(first + timedelta(days=31 * number)).replace(day=1) for number in range(7)]


@pytest.fixture(scope="module")
def whole(small_world: Tables, months: list[datetime]) -> History:
    return History.build(small_world.declarations, small_world.outcomes, CONFIG, start=months[0], end=months[6])


def test_profiles_are_those_of_features_fitted_at_the_start_of_each_month(small_world, months, whole):
    for start, end in pairwise(months[1:]):
        fitted = fit_features(as_of(small_world.declarations, small_world.outcomes, start), CONFIG).features
        part = whole.between(start, end).rows
        expected = fitted.profiles(fitted.read(part), fitted.profile_types)
        assert_frame_equal(part.select(expected.columns), expected, check_exact=True)


def test_what_happens_later_changes_no_row_that_was_lodged_before(small_world, months, whole):
    start, end = months[3], months[4]
    known = pl.col("label_known_at") < start
    found = ("violation", "critical_violation", "violation_kind", "recovered_duty_usd", "label_known_at")
    outcomes = small_world.outcomes.with_columns(pl.when(known).then(pl.col(name)).alias(name) for name in found)
    declarations = small_world.declarations.filter(pl.col("lodged_at") < end)
    assert outcomes["violation"].count() < small_world.outcomes["violation"].count()
    then = History.build(declarations, outcomes, CONFIG, start=start, end=end)
    now = whole.between(start, end)
    assert then.columns == now.columns
    assert_frame_equal(then.rows.select(*KEY, *then.columns), now.rows.select(*KEY, *now.columns), check_exact=True)


def test_the_first_window_has_no_past_and_its_criteria_are_not_evaluable(whole, months):
    early = whole.between(months[0], months[1])
    criterion = {"id": "rated", "title": "", "when": "importer_hit_rate > 0.1", "lane": "red"}
    hits = early.hits(CriteriaSet.from_dict({"criterion": [criterion]}))
    assert hits.not_evaluable == {"rated": early.rows.height}
    assert early.rows.select(pl.col(PROFILES).count()).row(0) == (0, 0, 0)


def test_without_a_known_label_prices_are_learnt_and_hit_rates_are_not(small_world, months):
    unlabelled = small_world.outcomes.clear()
    history = History.build(small_world.declarations, unlabelled, CONFIG, start=months[2], end=months[3])
    assert history.rows["importer_hit_rate"].count() == 0
    assert history.rows["hs6_median_unit_value_usd_per_kg"].count() > history.rows.height / 2
    assert history.labelled.is_empty()


def test_only_the_profiles_that_are_used_are_learnt_and_they_are_the_same(small_world, months, whole):
    period = {"start": months[2], "end": months[4]}
    few = History.build(small_world.declarations, small_world.outcomes, CONFIG, **period, used=PROFILES)
    assert set(PROFILES) <= set(few.columns)
    assert "hs4_median_net_mass_kg_per_quantity" not in few.columns
    assert_frame_equal(few.rows.select(PROFILES), whole.between(**period).rows.select(PROFILES), check_exact=True)


def test_a_shorter_period_is_a_part_of_the_longer_one(small_world, months, whole):
    start, end = months[2] + timedelta(days=9), months[4] - timedelta(days=3)
    built = History.build(small_world.declarations, small_world.outcomes, CONFIG, start=start, end=end)
    assert_frame_equal(built.rows, whole.between(start, end).rows, check_exact=True)


def test_the_order_of_rows_changes_nothing(small_world, months, whole):
    declarations = small_world.declarations.sample(fraction=1.0, shuffle=True, seed=3)
    start, end = months[4], months[5]
    shuffled = History.build(declarations, small_world.outcomes.reverse(), CONFIG, start=start, end=end)
    assert_frame_equal(shuffled.rows, whole.between(start, end).rows, check_exact=True)


def test_a_shorter_refresh_knows_more(small_world, months):
    period = {"start": months[1], "end": months[2], "used": ["importer_declarations"]}
    monthly = History.build(small_world.declarations, small_world.outcomes, CONFIG, **period)
    daily = History.build(small_world.declarations, small_world.outcomes, CONFIG, **period, refresh="1d")
    seen = [history.rows["importer_declarations"] for history in (monthly, daily)]
    assert (seen[1] >= seen[0]).all()
    assert seen[1].sum() > seen[0].sum()


def test_no_criterion_reads_what_was_found(whole):
    assert not set(FOUND) & set(whole.columns)
    assert "score" not in whole.columns
    peeking = {"id": "peek", "title": "", "when": "violation = 1", "lane": "red"}
    with pytest.raises(RefusedCriterionError, match="violation"):
        whole.hits(CriteriaSet.from_dict({"criterion": [peeking]}))


def test_labels_are_kept_with_the_moment_they_were_known(small_world, whole):
    assert whole.labelled.height == small_world.outcomes["violation"].count()
    assert whole.labelled["label_known_at"].null_count() == 0


def test_only_rows_that_the_model_had_not_seen_have_its_score(trained_run):
    declarations, outcomes = trained_run.read("declarations"), trained_run.read("outcomes")
    judge_from = start_of(declarations, "judge")
    model, last = trained_run.read_model(MEASURED), declarations["lodged_at"].max() + timedelta(days=1)
    history = History.build(
        declarations,
        outcomes,
        trained_run.pipeline.features,
        start=judge_from - timedelta(days=20),
        end=last,
        model=model,
        model_from=judge_from,
        used=[],
    )
    scored = history.rows.filter(pl.col("score").is_not_null())
    assert history.score_from == judge_from
    assert scored.height == declarations.filter(pl.col("lodged_at") >= judge_from).height
    judged = trained_run.read("judged").select(*KEY, judged="score")
    both = scored.join(judged, on=list(KEY))
    assert both.height == judged.height
    assert both["score"].equals(both["judged"].alias("score"))


def test_a_model_without_the_moment_of_its_knowledge_is_refused(small_world, months, trained_run):
    model = trained_run.read_model(MEASURED)
    with pytest.raises(ConfigError, match="moment"):
        History.build(
            small_world.declarations, small_world.outcomes, CONFIG, start=months[1], end=months[2], model=model
        )


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"end": datetime(2020, 1, 1)}, ConfigError, "ends on 2019-12-31, before it starts on"),
        ({"start": datetime(2035, 1, 1), "end": datetime(2036, 1, 1)}, SourceError, "No declaration was lodged"),
        ({"refresh": "a fortnight"}, ConfigError, "'1mo'"),
    ],
)
def test_an_impossible_period_is_refused(small_world, months, change, error, words):
    given = {"start": months[1], "end": months[2], "used": []} | change
    with pytest.raises(error, match=words):
        History.build(small_world.declarations, small_world.outcomes, CONFIG, **given)


def strangers(outcomes: pl.DataFrame) -> pl.DataFrame:
    return outcomes.with_columns(declaration_id="OTHER-" + pl.col("declaration_id"))


def test_outcomes_of_other_declarations_are_refused_with_a_key_of_both(small_world, months):
    given = {"start": months[1], "end": months[2], "used": []}
    other = strangers(small_world.outcomes)
    with pytest.raises(SourceError, match=rf"None of the {other.height:,} outcomes .*'OTHER-.*the first item is decl"):
        History.build(small_world.declarations, other, CONFIG, **given)
    some = pl.concat([other, small_world.outcomes.head(1)])
    assert History.build(small_world.declarations, some, CONFIG, **given).rows.height


def test_the_profiles_that_criteria_read_are_named():
    tables = [
        {"id": "a", "title": "", "when": "unit_value_usd_per_kg < hs6_median_unit_value_usd_per_kg", "lane": "red"},
        {"id": "b", "title": "", "when": "customs_value_usd > 9", "lane": "red", "flow": "import"},
    ]
    used = profiles_used(CriteriaSet.from_dict({"criterion": tables}), CONFIG)
    assert used == {"hs6_median_unit_value_usd_per_kg"}


@pytest.fixture(scope="module")
def files(small_world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for name in ("declarations", "outcomes"):
        (folder / name).mkdir()
        getattr(small_world, name).write_parquet(folder / name / "part.parquet")
    return folder


def test_a_history_opens_from_files(files, trained_run, months, small_world):
    history = open_history(files, trained_run.pipeline, start=months[1], end=months[3], used=())
    lodged = small_world.declarations.filter(pl.col("lodged_at").is_between(months[1], months[3], closed="left"))
    assert history.rows.height == lodged.height
    assert history.labelled.height > 0
    assert history.score_from is None


def test_files_without_labels_give_a_history_without_labels(files, trained_run):
    opened = read_tables(files / "declarations", trained_run.pipeline)
    assert opened.outcomes.is_empty()
    assert opened.quarantined == 0


def test_files_of_outcomes_that_match_nothing_are_refused(files, trained_run, small_world, tmp_path):
    other = tmp_path / "other.parquet"
    strangers(small_world.outcomes).write_parquet(other)
    with pytest.raises(SourceError, match="Give outcomes of the same source"):
        read_tables(files / "declarations", trained_run.pipeline, outcomes=other)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (None, date.max, "9999-12-31 is no day of declarations"),
        (date.min, None, "0001-01-01 is no day of declarations"),
        (date(2025, 6, 1), date(2025, 5, 1), "ends on 2025-05-01, before it starts on 2025-06-01"),
    ],
)
def test_days_that_are_no_period_are_refused_as_they_were_given(trained_run, start, end, words):
    with pytest.raises(ConfigError, match=words):
        open_past(trained_run.path, start=start, end=end)


def test_a_run_is_read_by_its_own_pipeline_and_no_other(trained_run):
    with pytest.raises(ConfigError, match="has its own pipeline"):
        open_past(trained_run.path, trained_run.pipeline)


def test_the_command_line_gives_a_run_no_pipeline_but_the_one_that_was_named(trained_run, tmp_path, monkeypatch):
    home = trained_run.path.parent
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "small.toml").symlink_to(home / "small.toml")
    monkeypatch.chdir(tmp_path)
    days = (datetime(2025, 3, 1), datetime(2025, 3, 2))
    given = {"tell": lambda *_: None, "criteria": [CriteriaSet()], "with_model": False}
    assert programme(home / "criteria.toml", None) is not None
    assert past(home / "criteria.toml", trained_run.path, None, None, days, **given).history.rows.height
    with pytest.raises(ConfigError, match="leave --pipeline out"):
        past(home / "criteria.toml", trained_run.path, home / "small.toml", None, days, **given)


def test_a_model_of_the_start_scores_the_period(files, trained_run, months):
    start, end = months[4], months[4] + timedelta(days=5)
    history = open_history(files, trained_run.pipeline, start=start, end=end, used=(), with_model=True)
    assert history.score_from == start
    assert history.rows["score"].is_between(0, 1, closed="none").all()


def test_too_few_labels_refuse_a_model_and_leave_the_history_without_scores(files, trained_run, small_world, months):
    refused = train_as_of(small_world.declarations, small_world.outcomes, months[0], trained_run.pipeline)
    assert isinstance(refused, Refusal)
    assert refused.code == "model_without_labels"
    history = open_history(files, trained_run.pipeline, end=months[1], used=(), with_model=True)
    assert history.rows["score"].count() == 0
