"""All columns together: how well a classifier tells a week's goods from those of the weeks before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.drift.detectors.base import LEAST_ROWS, Detector, Marks, Subject, measured
from workbench.drift.domain import GROUP, auc_of, domain_margins
from workbench.drift.measures import watched
from workbench.drift.scales import Level, Scale
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
            before, current = self._samples(weeks, week)
            n, m = len(before), len(current)
            if min(n, m) >= LEAST_ROWS:
                auc = auc_of(np.arange(n + m) >= n, self._margins(weeks, before, current))
                size = 12 * n * m / (n + m + 1)
                rows.append({"week": week, "subject": _ALL.name, "statistic": auc, "size": size, "rows": m})
        return measured(rows)

    def marks(self, weeks: Weeks, subject: Subject, week: int) -> Marks:
        """Mark each row by the probability that it is of the week, as the classifier sees it."""
        before, current = self._samples(weeks, week)
        mark = 1 / (1 + np.exp(-self._margins(weeks, before, current)))
        rows = [weeks.goods[part].select(*DIMENSIONS) for part in (before, current)]
        return Marks(rows[0], rows[1], mark[: len(before)], mark[len(before) :])

    def sentence(self, subject: Subject) -> str:
        """Say that goods can be told apart."""
        return "A classifier tells the goods of the week from those of the weeks before, by all columns together"

    def advice(self, subject: Subject) -> str:
        """Say where to look."""
        return "Look at the columns that moved in the same weeks; if none did, at how two of them hang together."

    def _samples(self, weeks: Weeks, week: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the places of the goods from before and of the week that the classifier is shown, both in order."""
        edges = weeks.edges(weeks.goods)
        before = np.arange(edges[week - weeks.baseline], edges[week])
        current = np.arange(edges[week], edges[week + 1])
        rng, most = np.random.default_rng([self.seed, week]), min(len(current), _MOST_ROWS)
        before, current = (np.sort(rng.permutation(part)[:most]) for part in (before, current))
        return before, current

    def _margins(
        self, weeks: Weeks, before: npt.NDArray[np.int64], current: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        columns = [name for name in watched(weeks.goods) if name not in _LEFT_OUT]
        both = weeks.goods.select(GROUP, *columns)[np.concatenate([before, current])]
        return domain_margins(both, np.arange(both.height) >= len(before), self.seed)
