"""New levels: goods of importers, HS codes and origins that the weeks before had not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from workbench.drift.arrays import Floats
from workbench.drift.detectors.base import LEAST_ROWS, Detector, Marks, Subject, measured, usual_rate
from workbench.drift.scales import Rate, Scale
from workbench.drift.weeks import DIMENSIONS, Weeks

_NAMES = {
    "importer_id": "importers",
    "seller_id": "sellers",
    "declarant_id": "declarants",
    "hs_code": "HS codes",
    "origin_country_code": "origins",
}

_LEAST_WEEKS = 4


@dataclass(frozen=True)
class NewLevels(Detector):
    """Watches the share of a week's goods whose party or code was not seen in the weeks before.

    New importers always come: it is set against the usual inflow, so both a wave of them and its end are found.
    """

    code: str = "drift.new_levels"
    scale: ClassVar[Scale] = Rate()

    def measure(self, weeks: Weeks, since: int = 0) -> pl.DataFrame:
        """Return the share of goods that are new in this sense, for each week and column.

        What is usual is the share of up to as many weeks before, each set against the weeks before itself; there have
        to be four.
        """
        rows = []
        for name in _NAMES:
            new, present = self._counts(weeks, name)
            for at in range(max(_LEAST_WEEKS, since - weeks.baseline), len(new)):
                past = slice(max(at - weeks.baseline, 0), at)
                if present[at] >= LEAST_ROWS and present[past].any():
                    told = {"week": weeks.baseline + at, "subject": name, "rows": int(present[at])}
                    usual = usual_rate(new[past], present[past])
                    rows.append({**told, "statistic": new[at] / present[at], "size": present[at], "usual": usual})
        return measured(rows)

    def marks(self, weeks: Weeks, subject: Subject, week: int) -> Marks:
        """Mark what is new; goods of before count by what was new in the week before them, by the same rule."""
        parts = [self._new(weeks, subject.name, at) for at in (week - 1, week)]
        return Marks(parts[0][0], parts[1][0], parts[0][1], parts[1][1])

    def sentence(self, subject: Subject) -> str:
        """Say what is new."""
        return f"The share of goods of {_NAMES[subject.name]} that the weeks before had not is unusual"

    def advice(self, subject: Subject) -> str:
        """Say what new levels mean for a model."""
        return (
            f"A model knows nothing of new {_NAMES[subject.name]} and gives them the prior: control some of them at "
            "random, and look at who stands behind them."
        )

    def _counts(self, weeks: Weeks, name: str) -> tuple[Floats, Floats]:
        """Return the goods that are new and those that have a value, by week from the first that has a past."""
        codes, levels = weeks.codes(name)
        edges = weeks.edges(weeks.goods)
        new, present = np.zeros(weeks.count - weeks.baseline), np.zeros(weeks.count - weeks.baseline)
        for at, week in enumerate(range(weeks.baseline, weeks.count)):
            known = np.bincount(codes[edges[week - weeks.baseline] : edges[week]], minlength=levels + 1) > 0
            known[0] = True
            current = codes[edges[week] : edges[week + 1]]
            new[at], present[at] = (~known[current]).sum(), (current > 0).sum()
        return new, present

    def _new(self, weeks: Weeks, name: str, week: int) -> tuple[pl.DataFrame, Floats]:
        current = weeks.cut(weeks.goods, week, week + 1)
        known = weeks.cut(weeks.goods, week - weeks.baseline, week)[name].unique()
        new = ~current[name].is_in(known.implode()) & current[name].is_not_null()
        return current.select(*DIMENSIONS), new.cast(pl.Float64).to_numpy()
