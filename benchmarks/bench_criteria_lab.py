"""From an edit on the criteria desk to the answer that is sent to the page: one JSON line.

``python benchmarks/bench_criteria_lab.py [--rows 500000] [--criteria 50] [--runs 5]``

An edit sets the widget's trait; the answer is there when its trait is set and written as JSON: figures, overlap with
the cached set, comparison with the model, a page of hits. `sweep_s` is the chart beside the sliders, asked for after
half a second without typing. Typing pauses and the browser's drawing are not counted.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

from workbench.criteria.history import History
from workbench.criteria_lab.desk import Desk
from workbench.criteria_lab.drafts import NEW, form_of
from workbench.criteria_lab.evidence import Evidence
from workbench.criteria_lab.session import Session
from workbench.scorer.criteria import CriteriaSet
from workbench.stages.folder import RunFolder
from workload import ROOT, options, pipeline, report, scratch, trained, world

EDITS = (
    "customs_value_usd > {n}000",
    "unit_value_usd_per_kg < 0.{n} * hs6_origin_median_unit_value_usd_per_kg AND duty_rate > 0.02",
    "hs_code LIKE '85%' AND origin_country_code <> departure_country_code AND net_mass_kg > {n}",
    "importer_hit_rate > 0.0{n} OR importer_declarations < {n}",
    "LOWER(goods_description) LIKE '%part%' AND customs_value_usd / NULLIF(package_count, 0) > {n}",
    "REGEXP_LIKE(goods_description, '[a-z]+ .*s') AND gross_mass_kg < 1.0{n} * net_mass_kg",
)

TUNED = replace(
    NEW,
    when="unit_value_usd_per_kg < :ratio * hs6_origin_median_unit_value_usd_per_kg",
    parameters={"ratio": 0.5},
    ranges={"ratio": (0.1, 0.9)},
)


def shipped_set(count: int) -> CriteriaSet:
    """Return the shipped criteria, over and over under other ids, until there are `count` of them."""
    shipped = CriteriaSet.from_toml(ROOT / "data" / "criteria" / "declarations.toml")
    repeated = [replace(one, id=f"{one.id}-{turn}") for turn in range(count) for one in shipped.criteria]
    return replace(shipped, criteria=tuple(repeated[:count]))


def opened(folder: Path, rows: int, criteria: int) -> tuple[Session, float]:
    """Return a session on `rows` generated items, and the seconds that its evidence took."""
    made, config = world(folder, rows), pipeline()
    model = trained(made, rows * 7 // 10)
    lodged = made.declarations["lodged_at"]
    start = time.perf_counter()
    history = History.build(
        made.declarations,
        made.outcomes,
        config.features,
        start=lodged.min(),
        end=lodged.max(),
        model=model.model,
        model_from=model.as_of,
    )
    present = shipped_set(criteria)
    session = Session(RunFolder(folder), folder / "criteria.toml", present, history, Evidence(history, present))
    return session, time.perf_counter() - start


def main() -> None:
    """Time a first edit and then edits of several kinds, each different from the one before."""
    given = options(__doc__, rows=500_000, criteria=50, runs=5)
    with scratch() as name:
        session, open_s = opened(Path(name), given.rows, given.criteria)
        desk = Desk(session)
        seconds, sizes = [], []
        for serial in range(given.runs * len(EDITS)):
            when = EDITS[serial % len(EDITS)].format(n=1 + serial % 9)
            start = time.perf_counter()
            desk.draft = form_of(NEW) | {"when": when, "serial": serial, "page": {"sort": "customs_value_usd"}}
            payload = json.dumps(desk.answer)
            seconds.append(time.perf_counter() - start)
            sizes.append(len(payload))
            assert desk.answer["view"], desk.answer["faults"]
        start = time.perf_counter()
        desk.sweep_asked = form_of(TUNED) | {"serial": 1}
        sweep_s = time.perf_counter() - start
        assert desk.frontier["points"]
    ordered = sorted(seconds[1:])
    report(
        "criteria_lab",
        rows=given.rows,
        criteria=given.criteria,
        edits=len(seconds),
        first_edit_s=seconds[0],
        median_edit_s=ordered[len(ordered) // 2],
        slowest_edit_s=ordered[-1],
        sweep_s=sweep_s,
        payload_kb=max(sizes) / 1024,
        open_s=open_s,
    )


if __name__ == "__main__":
    main()
