"""Drift events: changes planted in generated tables from a moment on, to be found again.

Each event is a frozen dataclass with its size as a dial. It gives new tables; those that it is given stay as they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from workbench.synthetic.config import GenerationError
from workbench.synthetic.draws import Bools, stream
from workbench.synthetic.falsified import drawn, in_chapter, made_fraudulent, made_honest, with_declared
from workbench.synthetic.world import Tables


@dataclass(frozen=True)
class DriftEvent(ABC):
    """A change that lasts.

    Parameters
    ----------
    since
        Moment of lodgement from which goods are changed.
    seed
        Of the draws that choose which goods, where only a share is changed.
    """

    since: datetime
    seed: int = 0

    @property
    def name(self) -> str:
        """The kind of event, for tables."""
        return type(self).__name__

    @abstractmethod
    def plant(self, tables: Tables) -> Tables:
        """Return the tables with the change; rows, keys and their order are as they were.

        Raises
        ------
        GenerationError
            The tables have nothing to change from that moment on.
        """

    def _rows(self, tables: Tables, among: pl.Expr | bool = True, share: float = 1.0) -> Bools:
        """Return which goods are changed: those of `among` from the moment on, a share of them by lot."""
        declarations = tables.declarations
        first = int(declarations["lodged_at"].search_sorted(self.since))
        chosen = declarations.select(pl.lit(among) if isinstance(among, bool) else among.fill_null(False)).to_series()
        rows = np.broadcast_to(chosen.to_numpy(), declarations.height) & (np.arange(declarations.height) >= first)
        rows &= stream(self.seed, self.name).random(len(rows)) < share
        if not rows.any():
            raise GenerationError(
                f"{self.name} changes nothing: no such goods are lodged from {self.since:%Y-%m-%d} on. Choose a group "
                "that trades then, an earlier moment, or a larger share."
            )
        return rows


@dataclass(frozen=True)
class PriceLevel(DriftEvent):
    """Declared values of a chapter are multiplied by `factor`: the market moved, or an undervaluation spread."""

    chapter: str = ""
    factor: float = 1.5

    def plant(self, tables: Tables) -> Tables:
        """Multiply customs values."""
        rows = self._rows(tables, in_chapter(self.chapter))
        return with_declared(tables, rows, customs_value_usd=(pl.col("customs_value_usd") * self.factor).round(2))


@dataclass(frozen=True)
class NewImporters(DriftEvent):
    """A share of all declarations is lodged for importers never seen before, `importers` of them."""

    share: float = 0.05
    importers: int = 60

    def plant(self, tables: Tables) -> Tables:
        """Give whole declarations to new importers."""
        number = tables.declarations["declaration_id"].rank("dense").to_numpy() - 1
        rng = stream(self.seed, self.name, 1)
        chosen = (rng.random(int(number.max()) + 1) < self.share)[number]
        who = pl.Series(rng.integers(0, self.importers, int(number.max()) + 1)[number]).cast(pl.String)
        return with_declared(tables, self._rows(tables) & chosen, importer_id=pl.lit("NEW" + who))


@dataclass(frozen=True)
class OriginMoves(DriftEvent):
    """A share of the goods declared as of one origin is declared as of another, and departs from there."""

    source: str = "CN"
    target: str = "MY"
    share: float = 0.2

    def plant(self, tables: Tables) -> Tables:
        """Change origin and departure."""
        rows = self._rows(tables, pl.col("origin_country_code") == self.source, self.share)
        told = dict.fromkeys(("origin_country_code", "departure_country_code"), pl.lit(self.target))
        return with_declared(tables, rows, **told)


@dataclass(frozen=True)
class RecordedOtherwise(DriftEvent):
    """An office records masses, or quantities, in another unit, times `factor`: 2.2046 for pounds."""

    office: str = ""
    what: str = "mass"
    factor: float = 2.2046

    def plant(self, tables: Tables) -> Tables:
        """Multiply net and gross mass, or quantity."""
        columns = ("net_mass_kg", "gross_mass_kg") if self.what == "mass" else ("quantity",)
        rows = self._rows(tables, pl.col("office_id") == self.office)
        return with_declared(tables, rows, **{name: (pl.col(name) * self.factor).round(2) for name in columns})


@dataclass(frozen=True)
class DutyRates(DriftEvent):
    """The duty rate of a chapter changes by `added`, a share; it does not fall below 0."""

    chapter: str = ""
    added: float = 0.05

    def plant(self, tables: Tables) -> Tables:
        """Add to the declared duty rate where duty is paid or could be."""
        rows = self._rows(tables, in_chapter(self.chapter) & pl.col("duty_rate").is_not_null())
        return with_declared(tables, rows, duty_rate=(pl.col("duty_rate") + self.added).clip(0.0, 2.0).round(4))


@dataclass(frozen=True)
class ValuesMissing(DriftEvent):
    """A share of the goods comes without a value in one column."""

    share: float = 0.03
    column: str = "customs_value_usd"

    def plant(self, tables: Tables) -> Tables:
        """Empty the column."""
        return with_declared(tables, self._rows(tables, share=self.share), **{self.column: pl.lit(None)})


@dataclass(frozen=True)
class ScoresOff(DriftEvent):
    """The odds of every score (a column ``score``) are multiplied by `factor`: an input of the model broke."""

    factor: float = 2.0

    def plant(self, tables: Tables) -> Tables:
        """Multiply odds."""
        if "score" not in tables.declarations.columns:
            raise GenerationError("The declarations have no column 'score' that could be off: add one first.")
        odds = self.factor * pl.col("score") / (1 - pl.col("score"))
        return with_declared(tables, self._rows(tables), score=odds / (1 + odds))


@dataclass(frozen=True)
class ViolationRate(DriftEvent):
    """Violations become `factor` times as frequent, in a chapter or everywhere; controls find them as before."""

    chapter: str = ""
    factor: float = 2.0

    def plant(self, tables: Tables) -> Tables:
        """Turn honest goods into undervalued ones, or violations into honest goods."""
        rows = self._rows(tables, in_chapter(self.chapter) if self.chapter else True)
        fraudulent = tables.truth["fraudulent"].to_numpy()
        if self.factor < 1:
            draws = stream(self.seed, self.name, 1).random(len(rows))
            return made_honest(tables, rows & fraudulent & (draws >= self.factor))
        extra = (self.factor - 1) * int((rows & fraudulent).sum())
        return made_fraudulent(tables, drawn(rows & ~fraudulent, extra, self.seed), self.seed)


@dataclass(frozen=True)
class SchemeMoves(DriftEvent):
    """The violations of one chapter end, and as many begin in another."""

    source: str = ""
    target: str = ""

    def plant(self, tables: Tables) -> Tables:
        """Move violations from chapter to chapter."""
        fraudulent = tables.truth["fraudulent"].to_numpy()
        ended = self._rows(tables, in_chapter(self.source)) & fraudulent
        open_to = self._rows(tables, in_chapter(self.target)) & ~fraudulent
        begun = drawn(open_to, float(ended.sum()), self.seed)
        return made_fraudulent(made_honest(tables, ended), begun, self.seed)


@dataclass(frozen=True)
class SchemeChanges(DriftEvent):
    """Who cheated by one scheme cheats by another: a share of one kind of violation is found as another kind."""

    source: str = "undervaluation"
    target: str = "undeclared_goods"
    share: float = 1.0

    def plant(self, tables: Tables) -> Tables:
        """Change the true scheme, and the kind of what was found."""
        chosen = tables.truth["scheme"] == self.source
        rows = self._rows(tables, share=self.share) & chosen.fill_null(False).to_numpy()
        at = pl.lit(pl.Series(rows))
        kind, found = pl.col("violation_kind"), at & pl.col("violation_kind").is_not_null()
        scheme = pl.when(at).then(pl.lit(self.target)).otherwise(pl.col("scheme"))
        return replace(
            tables,
            outcomes=tables.outcomes.with_columns(
                violation_kind=pl.when(found).then(pl.lit(self.target)).otherwise(kind)
            ),
            truth=tables.truth.with_columns(scheme=scheme),
        )
