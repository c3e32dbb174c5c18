"""Declarations whose lane changes between two resolutions of the same rows, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.criteria.diff.changes import changed_fields
from workbench.criteria.history import History
from workbench.evaluation.tables import MISSING
from workbench.scorer.criteria import Criterion
from workbench.scorer.lanes.candidates import declarations_of
from workbench.scorer.lanes.resolution import Resolution

Flags = npt.NDArray[np.bool_]

REASONS = {
    "new_hit": "{} hits it now",
    "lost_hit": "{} no longer hits it",
    "redrawn": "{} selects other hits",
    "changed_lane": "{} proposes another lane",
    "points": "the sum of points changed",
    "room": "its place in the lane was freed or taken",
}
"""Why a declaration changes lane, by code; the braces stand for the criterion."""

_CRITERION = "criterion:"


@dataclass(frozen=True)
class Pair:
    """The same rows resolved with two sets, by the same policy and the same draws.

    Parameters
    ----------
    history
        The rows.
    before, after
        The resolutions; their declarations stand in the same order.
    """

    history: History
    before: Resolution
    after: Resolution

    @cached_property
    def declarations(self) -> pl.DataFrame:
        """One row a declaration: office, day, both would-be lanes and causes, and what is known of its items."""
        place, found = declarations_of(self.history.rows)
        amount = pl.col("recovered_duty_usd")
        known = self.history.rows.select("violation", amount).with_columns(place=pl.Series(place))
        summed = known.group_by("place").agg(
            labelled_items=pl.col("violation").count().cast(pl.Int64),
            known_violations=pl.col("violation").cast(pl.Int64).sum(),
            known_recovered_duty_usd=amount.sum() if known["recovered_duty_usd"].count() else pl.lit(None, pl.Float64),
        )
        return (
            found.select("declaration_id", pl.col("office_id").fill_null(MISSING), day="lodged_on")
            .with_columns(**_decided("before", self.before), **_decided("after", self.after))
            .hstack(summed.sort("place").drop("place"))
        )

    @cached_property
    def direction(self) -> pl.Expr:
        """Whether a declaration moves ``up``, ``down`` or stays the ``same``, by the severity of its lanes."""
        before, after = pl.col("lane_before").to_physical(), pl.col("lane_after").to_physical()
        up = pl.when(after > before).then(pl.lit("up"))
        return up.when(after < before).then(pl.lit("down")).otherwise(pl.lit("same"))

    def moves(self) -> pl.DataFrame:
        """Return the declarations that change lane, with the criterion behind it and the reason (see `Diff.moves`)."""
        table = self.declarations.with_columns(direction=self.direction).with_row_index("place")
        table = table.filter(pl.col("direction") != "same")
        told = [
            self._reason(*row) for row in table.select("place", "direction", "cause_before", "cause_after").iter_rows()
        ]
        names = {"because": pl.String, "criterion": pl.String}
        why = pl.DataFrame(told, schema=names, orient="row")
        sentence = [REASONS[code].format(name or "") for code, name in told]
        return table.drop("place").hstack(why).with_columns(reason=pl.Series(sentence, dtype=pl.String))

    def _reason(self, place: int, direction: str, was: str, now: str) -> tuple[str, str | None]:
        """Return code and criterion: what the more severe of the two lanes owes its being there, or not, to."""
        deciding = now if direction == "up" else was
        if deciding == "points":
            return "points", None
        if not deciding.startswith(_CRITERION):
            return "room", None
        name = deciding.removeprefix(_CRITERION)
        if self._hits(self.before, name)[place] != self._hits(self.after, name)[place]:
            return ("new_hit" if direction == "up" else "lost_hit"), name
        if self._selected(self.before, name)[place] != self._selected(self.after, name)[place]:
            return "redrawn", name
        changed = changed_fields(self._criteria["before"][name], self._criteria["after"][name])
        return ("changed_lane", name) if "lane" in changed else ("room", name)

    @cached_property
    def _criteria(self) -> Mapping[str, Mapping[str, Criterion]]:
        sides = {"before": self.before, "after": self.after}
        return {side: {one.id: one for one in given.criteria.criteria} for side, given in sides.items()}

    @cached_property
    def _places(self) -> dict[tuple[int, str, str], Flags]:
        return {}

    def _hits(self, side: Resolution, name: str) -> Flags:
        return self._marked(side, name, "hit")

    def _selected(self, side: Resolution, name: str) -> Flags:
        return self._marked(side, name, "selected")

    def _marked(self, side: Resolution, name: str, what: str) -> Flags:
        """Return which declarations a criterion hits or selects in one resolution; none where it is not in the set."""
        key = (id(side), name, what)
        if key not in self._places:
            marks = np.zeros(side.decisions.height, dtype=bool)
            for draw in side.draws:
                if draw.criterion.id == name and name not in side.criteria.shadow:
                    marks[draw.declarations if what == "hit" else draw.declarations[draw.selected]] = True
            self._places[key] = marks
        return self._places[key]


def _decided(side: str, resolution: Resolution) -> dict[str, pl.Series]:
    decisions = resolution.decisions
    return {f"lane_{side}": decisions["would_be_lane"], f"cause_{side}": decisions["would_be_cause"]}
