"""What every detector of drift keeps, whatever it looks at."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from workbench.drift.concerns import concerns
from workbench.drift.detectors import MEASURED, Detector, Subject, detectors
from workbench.drift.measures import MEASURES
from workbench.drift.thresholds import SUBJECT
from workbench.drift.weeks import DIMENSIONS, Weeks
from workbench.scorer.schema import known_at_lodgement

BASELINE = 8
ALL = [pytest.param(one, id=one.code) for one in detectors(seed=3)]


@pytest.fixture(scope="module")
def tables(small_world) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Six months of declarations with a score, and what controls found."""
    draws = np.random.default_rng(0).beta(1, 8, small_world.declarations.height)
    return small_world.declarations.with_columns(score=pl.Series(draws)), small_world.outcomes


@pytest.fixture(scope="module")
def weeks(tables) -> Weeks:
    return Weeks.of(*tables, baseline=BASELINE)


@pytest.fixture(scope="module")
def measured(weeks) -> dict[str, pl.DataFrame]:
    return {one.code: one.measure(weeks) for one in detectors(seed=3)}


def alike(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    first, second = (table.sort("week", *SUBJECT) for table in (one, other))
    return first.drop("statistic", "size", "usual").equals(second.drop("statistic", "size", "usual")) and all(
        np.allclose(first[name].to_numpy(), second[name].to_numpy(), equal_nan=True)
        for name in ("statistic", "size", "usual")
    )


def test_codes_differ_and_say_that_it_is_drift() -> None:
    codes = [one.code for one in detectors()]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith("drift.") for code in codes)


@pytest.mark.parametrize("detector", ALL)
def test_a_detector_measures_weeks_that_have_enough_before_them(detector: Detector, weeks, measured) -> None:
    table = measured[detector.code]
    assert table.schema == MEASURED
    assert table.height > 0
    assert BASELINE <= table["week"].min() <= table["week"].max() < weeks.count
    assert table.select("week", *SUBJECT).is_duplicated().any() is False
    assert table["statistic"].is_finite().all()
    assert (table["size"] > 0).all()
    assert (table["rows"] > 0).all()


@pytest.mark.parametrize("detector", ALL)
def test_subjects_are_columns_known_at_lodgement_or_named(detector: Detector, measured) -> None:
    table = measured[detector.code]
    columns = {
        *known_at_lodgement(),
        *MEASURES,
        "score",
        "all columns",
        "random arm",
        "controlled goods",
        "all methods",
    }
    columns |= {"criterion", "officer", "random"}
    assert set(table["subject"]) <= columns
    assert set(table["dimension"]) <= {"", *DIMENSIONS, "violation_kind"}
    assert ((table["dimension"] == "") == (table["group"] == "")).all()


@pytest.mark.parametrize("detector", ALL)
def test_order_of_rows_changes_nothing(detector: Detector, tables, measured) -> None:
    rng = np.random.default_rng(1)
    shuffled = [table[rng.permutation(table.height)] for table in tables]
    assert alike(detector.measure(Weeks.of(*shuffled, baseline=BASELINE)), measured[detector.code])


@pytest.mark.parametrize("detector", ALL)
def test_later_weeks_change_nothing(detector: Detector, weeks, measured) -> None:
    until = weeks.count - 4
    assert alike(detector.measure(weeks.until(until)), measured[detector.code].filter(pl.col("week") < until))


@pytest.mark.parametrize("detector", ALL)
def test_only_the_weeks_that_were_asked_for_are_measured(detector: Detector, weeks, measured) -> None:
    since = weeks.count - 3
    assert alike(detector.measure(weeks, since), measured[detector.code].filter(pl.col("week") >= since))


@pytest.mark.parametrize("detector", ALL)
def test_nothing_is_measured_of_nothing(detector: Detector, weeks) -> None:
    empty = Weeks(weeks.goods.clear(), weeks.results.clear(), weeks.start, weeks.count, BASELINE)
    assert detector.measure(empty).is_empty()


@pytest.mark.parametrize("detector", ALL)
def test_parts_of_a_change_add_up_to_it(detector: Detector, weeks, measured) -> None:
    row = measured[detector.code].sort("week", *SUBJECT).row(-1, named=True)
    subject = Subject(row["subject"], row["dimension"], row["group"])
    marks = detector.marks(weeks, subject, row["week"])
    assert len(marks.before) == len(marks.before_marks)
    assert len(marks.current) == len(marks.current_marks) > 0
    assert set(marks.before.columns) >= set(DIMENSIONS)
    assert np.isfinite(marks.current_marks).all()
    shown = concerns(marks)
    assert all(one.dimension in DIMENSIONS and one.share >= 0.05 for one in shown)


@pytest.mark.parametrize("detector", ALL)
def test_a_finding_can_be_told(detector: Detector, measured) -> None:
    for name, dimension, group in measured[detector.code].select(SUBJECT).unique().rows()[:5]:
        subject = Subject(name, dimension, group)
        assert detector.sentence(subject)[0].isupper()
        assert not detector.sentence(subject).endswith(".")
        assert detector.advice(subject)[0].isupper()
        assert detector.advice(subject).endswith(".")


@pytest.mark.parametrize("detector", ALL)
def test_residuals_are_about_centred_where_nothing_drifts(detector: Detector, measured) -> None:
    for _, rows in measured[detector.code].group_by(SUBJECT):
        centre = detector.scale.centre(rows)
        residuals = detector.scale.residual(rows, centre)
        assert np.isfinite(residuals).all()
        assert detector.scale.floor(rows) > 0
        if rows.height >= 10 and (rows["statistic"] * rows["size"]).mean() > 2:
            assert abs(residuals.mean()) < 1.0
            above = detector.scale.statistic(3.0, rows, centre)
            assert (above > detector.scale.statistic(0.0, rows, centre)).all()
