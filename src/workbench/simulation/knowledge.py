"""What a simulation knows and when: all goods lodged so far, and the results of all controls, recorded or still to be.

Labels leave it through `timeline` alone, as of the start of a week.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from workbench.scorer.schema import KEY
from workbench.timeline import as_of, known_labels

from .policy import Choice, Values
from .world import Start, Week

START_ARM = "start"
"""Arm of the labels of before the simulation."""

CONTROLS: dict[str, pl.DataType] = {
    "declaration_id": pl.String(),
    "item_no": pl.Int32(),
    "week": pl.Int64(),
    "arm": pl.String(),
    "probability": pl.Float64(),
    "violation": pl.Int8(),
    "recovered_duty_usd": pl.Float64(),
    "label_known_at": pl.Datetime("us"),
}
"""Columns of the controls done, one row each; ``violation`` null where the source does not know the truth."""

LABELS = tuple(name for name in CONTROLS if name != "label_known_at")
"""Columns of `Situation.labels`."""


@dataclass(frozen=True)
class Knowledge:
    """Goods and controls up to a moment.

    Parameters
    ----------
    goods
        Everything lodged, in canonical order.
    controls
        The columns of `CONTROLS` of everything controlled, in the order of the goods.
    """

    goods: pl.DataFrame
    controls: pl.DataFrame

    @classmethod
    def of(cls, start: Start, known: pl.DataFrame) -> Knowledge:
        """Return what is known before the first week; `known` are the outcomes that the mask leaves."""
        return cls(start.goods, _controls(known, -1, [START_ARM] * known.height, np.ones(known.height)))

    def after(self, week: Week, choice: Choice) -> Knowledge:
        """Return what is known once a week's choice was controlled; results count from their ``label_known_at`` on."""
        order = np.argsort(choice.places, kind="stable")
        places, arms = choice.places[order], [choice.arms[place] for place in order]
        controls = _controls(week.truth[places], week.number, arms, choice.probability[places])
        goods = self.goods if week.goods.is_empty() else pl.concat([self.goods, week.goods])
        return Knowledge(goods, pl.concat([self.controls, controls]))

    def labels(self, moment: datetime) -> pl.DataFrame:
        """Return the columns of `LABELS` of every result recorded before `moment`."""
        return known_labels(self.controls, moment).select(LABELS)

    def new_labels(self, moment: datetime, since: datetime | None) -> pl.DataFrame:
        """Return those labels that were not yet known at the earlier moment `since`; all for ``None``."""
        labels = self.labels(moment)
        if since is None:
            return labels
        return labels.join(self.labels(since), on=list(KEY), how="anti", maintain_order="left")

    def as_of(self, moment: datetime) -> pl.DataFrame:
        """Return the goods lodged before `moment` with what was known about them then.

        ``violation``, ``recovered_duty_usd``, ``cause`` (the arm) and ``inclusion_probability`` are null where no label
        was known.
        """
        return as_of(self.goods, self.controls.rename({"arm": "cause", "probability": "inclusion_probability"}), moment)


def _controls(truth: pl.DataFrame, week: int, arms: list[str], probability: Values) -> pl.DataFrame:
    done = truth.with_columns(
        week=pl.lit(week), arm=pl.Series(arms, dtype=pl.String), probability=pl.Series(probability, dtype=pl.Float64)
    )
    return done.select(pl.col(name).cast(dtype) for name, dtype in CONTROLS.items())
