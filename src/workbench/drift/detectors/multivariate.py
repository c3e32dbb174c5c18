"""All columns together: how well a classifier tells a week's goods from those of the weeks before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from workbench.drift.arrays import Ints
from workbench.drift.detectors.base import LEAST_ROWS, Detector, Marks, Subject, measured
from workbench.drift.domain import GROUP, domain_margins
from workbench.drift.measures import watched
from workbench.drift.scales import Level, Scale
from workbench.drift.statistics import domain_auc
from workbench.drift.weeks import DIMENSIONS, Weeks

_ALL = Subject("all columns")
# Names of parties come and go, which another detector watches; finer codes would only slow the classifier down.
_LEFT_OUT = ("importer_id", "seller_id", "declarant_id", "carrier_id", "hs_code", "hs6", "hs4")
_MOST_ROWS = 6_000


@dataclass(frozen=True)
class DomainClassifier(Detector):
    """Watches how columns hang together too, which no single column shows.

    Parameters
    ----------
    code
        Code of its findings.
    seed
        Of the folds, and of the sample of goods from before: as many as the week has, at most 6,000 of either.
    """

    code: str = "drift.multivariate.auc"
    seed: int = 0
    scale: ClassVar[Scale] = Level()

    def measure(self, weeks: Weeks, since: int = 0) -> pl.DataFrame:
        """Return the area under the ROC curve for each week; 0.5 for weeks alike."""
        rows = []
        for week in range(max(since, weeks.baseline), weeks.count):
            before, current = (self._goods(weeks, part) for part in self._samples(weeks, week))
            n, m = before.height, current.height
            if min(n, m) >= LEAST_ROWS:
                auc, size = domain_auc(before, current, self.seed), 12 * n * m / (n + m + 1)
                rows.append({"week": week, "subject": _ALL.name, "statistic": auc, "size": size, "rows": m})
        return measured(rows)

    def marks(self, weeks: Weeks, subject: Subject, week: int) -> Marks:
        """Mark each row by the probability that it is of the week, as the classifier sees it."""
        places = self._samples(weeks, week)
        split = len(places[0])
        both = self._goods(weeks, np.concatenate(places))
        mark = 1 / (1 + np.exp(-domain_margins(both, np.arange(both.height) >= split, self.seed)))
        rows = [weeks.goods[part].select(*DIMENSIONS) for part in places]
        return Marks(rows[0], rows[1], mark[:split], mark[split:])

    def sentence(self, subject: Subject) -> str:
        """Say that goods can be told apart."""
        return "A classifier tells the goods of the week from those of the weeks before, by all columns together"

    def advice(self, subject: Subject) -> str:
        """Say where to look."""
        return "Look at the columns that moved in the same weeks; if none did, at how two of them hang together."

    def _samples(self, weeks: Weeks, week: int) -> tuple[Ints, Ints]:
        """Return the places of the goods from before and of the week that the classifier is shown, both in order."""
        edges = weeks.edges(weeks.goods)
        before = np.arange(edges[week - weeks.baseline], edges[week])
        current = np.arange(edges[week], edges[week + 1])
        rng, most = np.random.default_rng([self.seed, week]), min(len(current), _MOST_ROWS)
        before, current = (np.sort(rng.permutation(part)[:most]) for part in (before, current))
        return before, current

    def _goods(self, weeks: Weeks, places: Ints) -> pl.DataFrame:
        columns = [name for name in watched(weeks.goods) if name not in _LEFT_OUT]
        return weeks.goods.select(GROUP, *columns)[places]
