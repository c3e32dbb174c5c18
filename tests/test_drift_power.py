"""What drift detectors promise: material events are found within four weeks, and a calm year stays nearly silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from workbench.drift.detectors import detectors
from workbench.drift.monitor import check, watch
from workbench.drift.thresholds import Thresholds, learn_thresholds
from workbench.drift.weeks import Weeks
from workbench.synthetic.config import SchemeChange, WorldConfig
from workbench.synthetic.drift_events import (
    DriftEvent,
    DutyRates,
    NewImporters,
    OriginMoves,
    PriceLevel,
    RecordedOtherwise,
    SchemeChanges,
    ScoresOff,
    ValuesMissing,
    ViolationRate,
)
from workbench.synthetic.world import Tables, simulate_world

pytestmark = pytest.mark.slow

REFERENCE, CHECKED, LEAD = 65, 4, 26
DETECTORS = detectors(seed=17)
# Two schemes of the generated world begin late in it: without them nothing drifts but trade itself, which grows, has
# seasons and takes in new traders all the time.
CALM = WorldConfig(
    violation_rate=0.10,
    random_arm_rate=0.04,
    events=(SchemeChange(0, "false_origin", 0.0), SchemeChange(0, "short_weight", 0.0)),
)


def world(rows: int, months: int, seed: int, config: WorldConfig = CALM) -> Tables:
    """A calm world with a score that knows something of the truth."""
    tables = simulate_world(rows=rows, months=months, seed=seed, config=config)
    rng = np.random.default_rng(seed)
    margin = 1.6 * (1.6 * tables.truth["fraudulent"].to_numpy() + rng.normal(size=tables.truth.height)) - 4.2
    return replace(tables, declarations=tables.declarations.with_columns(score=pl.Series(1 / (1 + np.exp(-margin)))))


@dataclass(frozen=True)
class Watched:
    """The last weeks of a world, thresholds learnt on those before, and the moment at which events begin."""

    tables: Tables
    thresholds: Thresholds
    since: datetime
    seed: int


def watched(seed: int) -> Watched:
    tables = world(200_000 * 19 // 12, 19, seed)
    weeks = Weeks.of(tables.declarations, tables.outcomes)
    since = weeks.moment(weeks.count - CHECKED)
    first = weeks.moment(weeks.count - CHECKED - LEAD)
    recent = (tables.declarations["lodged_at"] >= first).to_numpy()
    part = Tables(*(table.filter(recent) for table in (tables.declarations, tables.outcomes, tables.truth)))
    return Watched(part, learn_thresholds(weeks.until(REFERENCE), DETECTORS), since, seed)


def material(one: Watched) -> Iterator[DriftEvent]:
    """Yield the smallest events that are promised to be found at 3,800 goods a week, one or more of every kind."""
    chapters = one.tables.declarations["hs_code"].str.slice(0, 2).value_counts(sort=True)["hs_code"].to_list()
    offices = one.tables.declarations["office_id"].value_counts(sort=True)["office_id"].to_list()
    told = {"since": one.since, "seed": one.seed}
    for chapter in chapters[:3]:
        yield PriceLevel(**told, chapter=chapter, factor=1.5)
        yield PriceLevel(**told, chapter=chapter, factor=0.6)
    for chapter in (*chapters[:3], chapters[8]):
        yield DutyRates(**told, chapter=chapter, added=0.05)
    for office in (*offices[:2], offices[8], offices[12]):
        yield RecordedOtherwise(**told, office=office, what="mass", factor=2.2046)
        yield RecordedOtherwise(**told, office=office, what="quantity", factor=1 / 12)
    yield NewImporters(**told, share=0.08)
    yield NewImporters(**told, share=0.08, importers=8)
    yield OriginMoves(**told, source="CN", target="MY", share=0.25)
    yield OriginMoves(**told, source="CN", target="KH", share=0.25)
    yield OriginMoves(**told, source="KR", target="TH", share=0.6)
    yield ValuesMissing(**told, share=0.01)
    yield ValuesMissing(**told, share=0.01, column="net_mass_kg")
    yield ValuesMissing(**told, share=0.02, column="origin_country_code")
    yield ScoresOff(**told, factor=1.6)
    yield ScoresOff(**told, factor=0.6)
    yield ViolationRate(**told, factor=2.0)
    yield ViolationRate(**told, factor=0.4)
    yield ViolationRate(**told, chapter=chapters[0], factor=4.0)
    yield SchemeChanges(**told, source="undervaluation", target="undeclared_goods")
    yield SchemeChanges(**told, source="misclassification", target="undervaluation")


def found(one: Watched, event: DriftEvent) -> bool:
    tables = event.plant(one.tables)
    weeks = Weeks.of(tables.declarations, tables.outcomes)
    return bool(check(weeks, DETECTORS, one.thresholds, last=CHECKED).findings)


def test_material_events_are_found_within_four_weeks() -> None:
    planted, missed = Counter(), []
    for seed in (1, 2):
        one = watched(seed)
        assert not check(
            Weeks.of(one.tables.declarations, one.tables.outcomes), DETECTORS, one.thresholds, last=4
        ).findings
        for event in material(one):
            planted[event.name] += 1
            if not found(one, event):
                missed.append(event)
    total = sum(planted.values())
    assert total >= 60
    assert len(planted) == 9
    assert len(missed) / total <= 0.05, missed
    for name, count in Counter(event.name for event in missed).items():
        assert count < planted[name], f"{name} is never found"


def test_calm_years_raise_no_more_findings_than_stated() -> None:
    years = 20
    findings = Counter()
    for seed in range(years):
        # With so few goods, violations have to be frequent for the random arm to be watched.
        tables = world(50_000 * 28 // 12, 28, seed, replace(CALM, violation_rate=0.25))
        weeks = Weeks.of(tables.declarations, tables.outcomes)
        weeks = weeks.until(REFERENCE + 52)
        report = watch(weeks, DETECTORS, reference_weeks=REFERENCE, false_alarms_per_year=1.0)
        assert (report.weeks, report.thresholds.refused) == (52, ())
        findings.update(one.code for one in report.findings)
    assert findings.total() / years <= 1.0, findings
    assert max(findings.values(), default=0) <= years / 4, findings
