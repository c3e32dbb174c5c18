"""What feature learners read: the past as arrays, with folds, so that no training row sees its own label or price."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.scorer.risk.featureset import FeatureInput
from workbench.scorer.risk.lookups import Codes, KeySpace, Values

_DENSE_KEYS_A_ROW = 8


@dataclass(frozen=True)
class Groups:
    """The groups that one cross forms in the past: distinct keys, and each row's place among them."""

    keys: Codes
    places: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of groups."""
        return len(self.keys)


@dataclass(frozen=True)
class Past:
    """Everything lodged before one moment, with the labels known by then.

    Parameters
    ----------
    frame
        Derived canonical table with ``violation`` (null where no label was known), in canonical order.
    space
        Vocabularies of all key columns.
    fold_count
        Number of folds; all items of a declaration lie in one fold, so they cannot tell on one another.
    """

    frame: pl.DataFrame
    space: KeySpace
    fold_count: int

    @cached_property
    def codes(self) -> Mapping[str, Codes]:
        """Codes of the key columns, a row a declaration item."""
        return self.space.codes(self.frame)

    @cached_property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """Mask of the rows whose label was known: these train the model."""
        return self.frame["violation"].is_not_null().to_numpy()

    @cached_property
    def labels(self) -> Values:
        """Labels of the labelled rows, 0.0 or 1.0."""
        return self.frame["violation"].drop_nulls().cast(pl.Float64).to_numpy()

    @cached_property
    def folds(self) -> npt.NDArray[np.int64]:
        """Fold of every row: a checksum of the declaration's number, the same whatever else is in the table."""
        checksums = [zlib.crc32(number.encode()) for number in self.frame["declaration_id"].to_list()]
        return np.asarray(checksums, dtype=np.int64) % self.fold_count

    @cached_property
    def _groups(self) -> dict[tuple[str, ...], Groups]:
        return {}

    def groups(self, columns: Sequence[str]) -> Groups:
        """Return the groups that `columns` form among all rows; learners that share a cross share the work."""
        cross = tuple(columns)
        if cross not in self._groups:
            keys = self.space.keys(self.codes, cross)
            self._groups[cross] = _grouped(keys, self.space.cardinality(cross))
        return self._groups[cross]

    def training_input(self, values: Mapping[tuple[str, str], Values]) -> FeatureInput:
        """Return what recipes read for the labelled rows; lookups answer with the out-of-fold `values` given."""
        codes = {name: code[self.labelled] for name, code in self.codes.items()}
        return FeatureInput(self.frame.filter(self.labelled), codes, lambda lookup, value: values[lookup, value])


def _grouped(keys: Codes, cardinality: int) -> Groups:
    """Return the distinct keys in ascending order and each row's place among them."""
    if cardinality > _DENSE_KEYS_A_ROW * len(keys):
        return Groups(*np.unique(keys, return_inverse=True))
    # A small key space is marked and counted off, which takes no sort.
    seen = np.zeros(cardinality, dtype=bool)
    seen[keys] = True
    found = np.flatnonzero(seen)
    place = np.empty(cardinality, dtype=np.int64)
    place[found] = np.arange(len(found))
    return Groups(found, place[keys])
