"""Lookup tables: what was learnt from the past about a group, found again by the group's keys.

Everything learnt from data except the trees is a table of this shape, so scoring needs no fitted estimators:
a group is a combination of column values (an importer; an HS subheading from an origin), its key is one integer,
and a group never seen before answers with the table's defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..errors import BundleError, ConfigError, SchemaError

Codes = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

UNSEEN, MISSING, FIRST_CODE = 0, 1, 2
"""Codes of a value that training never saw and of a null; seen values count up from `FIRST_CODE`."""

_LARGEST_KEY = 2**63 - 1
_LARGEST_DENSE_INDEX = 4_000_000


@dataclass(frozen=True)
class Vocabulary:
    """The values of one column that training saw, in ascending order.

    Codes depend on the set of values only, never on the order of rows: `UNSEEN`, `MISSING`, then the values.
    """

    values: pl.Series

    @classmethod
    def learn(cls, column: pl.Series) -> Vocabulary:
        """Collect the distinct values of `column`; nulls are left out, they have a code of their own."""
        return cls(column.drop_nulls().unique().sort().alias("value"))

    @property
    def size(self) -> int:
        """Number of codes, `UNSEEN` and `MISSING` included."""
        return len(self.values) + FIRST_CODE

    @cached_property
    def _enum(self) -> pl.Enum:
        return pl.Enum(self.values)

    def codes(self, column: pl.Series) -> Codes:
        """Return the code of every row of `column`.

        >>> Vocabulary.learn(pl.Series(["JP", "CN"])).codes(pl.Series(["CN", None, "XX", "JP"])).tolist()
        [2, 1, 0, 3]
        """
        if column.dtype != self.values.dtype:
            raise SchemaError(
                f"Column {column.name!r} has type {column.dtype}; the model learnt it as {self.values.dtype}. "
                "Map it to its canonical type before scoring."
            )
        found = self._positions(column) + FIRST_CODE
        return np.where(column.is_null().to_numpy(), MISSING, np.where(found < FIRST_CODE, UNSEEN, found))

    def _positions(self, column: pl.Series) -> Codes:
        """Return each row's index in `values`, -FIRST_CODE where it is not there."""
        if column.dtype == pl.String:
            physical = column.cast(self._enum, strict=False).to_physical()
            return physical.cast(pl.Int64).fill_null(-FIRST_CODE).to_numpy()
        known, rows = self.values.to_numpy(), column.fill_null(np.nan if column.dtype.is_float() else 0).to_numpy()
        if not len(known):
            return np.full(len(column), -FIRST_CODE, dtype=np.int64)
        at = np.minimum(np.searchsorted(known, rows), len(known) - 1)
        return np.where(known[at] == rows, at, -FIRST_CODE)


@dataclass(frozen=True)
class KeySpace:
    """The vocabularies of all columns that form keys, and the arithmetic that makes one integer of several codes."""

    vocabularies: Mapping[str, Vocabulary]

    @classmethod
    def learn(cls, frame: pl.DataFrame, columns: Iterable[str]) -> KeySpace:
        """Learn the vocabulary of each of `columns` from a canonical table."""
        names = sorted(set(columns))
        if missing := [name for name in names if name not in frame.columns]:
            raise SchemaError.missing_columns(missing, frame.columns, "[features]")
        return cls({name: Vocabulary.learn(frame[name]) for name in names})

    def codes(self, frame: pl.DataFrame) -> dict[str, Codes]:
        """Return the codes of every key column of `frame`."""
        return {name: vocabulary.codes(frame[name]) for name, vocabulary in self.vocabularies.items()}

    def cardinality(self, columns: Sequence[str]) -> int:
        """Return how many keys the cross of `columns` can have; at most 2**63 - 1."""
        product = 1
        for name in columns:
            product *= self.vocabularies[name].size
        if product > _LARGEST_KEY:
            raise ConfigError(
                f"The cross {' x '.join(columns)} has {product:.1e} possible keys, more than 2**63. Use fewer columns."
            )
        return product

    def keys(self, codes: Mapping[str, Codes], columns: Sequence[str]) -> Codes:
        """Combine the codes of `columns` into one integer a row: mixed radix, so different groups never collide."""
        self.cardinality(columns)
        key = codes[columns[0]]
        for name in columns[1:]:
            key = key * self.vocabularies[name].size + codes[name]
        return key

    def to_tables(self) -> dict[str, pl.DataFrame]:
        """Return one table a vocabulary, for export."""
        return {name: vocabulary.values.to_frame("value") for name, vocabulary in self.vocabularies.items()}

    @classmethod
    def from_tables(cls, tables: Mapping[str, pl.DataFrame]) -> KeySpace:
        """Rebuild the key space from the tables that :meth:`to_tables` gave."""
        return cls({name: Vocabulary(table["value"]) for name, table in tables.items()})


@dataclass(frozen=True)
class Lookup:
    """Values of the groups of one cross.

    Parameters
    ----------
    name
        Unique name of the table.
    columns
        The key columns, in the order in which :meth:`KeySpace.keys` combines them.
    table
        ``key`` (Int64, ascending, unique) and one Float64 column a value; NaN says that the value is not known.
    defaults
        What a group that is not in the table answers, by value name: the prior.
    """

    name: str
    columns: tuple[str, ...]
    table: pl.DataFrame
    defaults: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if set(self.table.columns) != {"key", *self.defaults} or self.table.schema["key"] != pl.Int64:
            raise BundleError(
                f"Lookup {self.name!r} has columns {self.table.columns}; expected 'key' (Int64) and "
                f"{list(self.defaults)}. Export the bundle again."
            )

    @cached_property
    def _columns_with_default(self) -> dict[str, Values]:
        # The default stands behind the last row, so one gather serves seen and unseen groups alike.
        return {
            name: np.append(self.table[name].to_numpy(), default).astype(np.float64)
            for name, default in self.defaults.items()
        }

    @cached_property
    def _dense_index(self) -> npt.NDArray[np.int32] | None:
        # Small key spaces are indexed directly: 20 times faster than a hash join and at most 16 MB.
        keys = self.table["key"].to_numpy()
        if len(keys) and keys[-1] >= _LARGEST_DENSE_INDEX:
            return None
        index = np.full(int(keys[-1]) + 2 if len(keys) else 1, len(keys), dtype=np.int32)
        index[keys] = np.arange(len(keys), dtype=np.int32)
        return index

    @cached_property
    def _hash_index(self) -> pl.DataFrame:
        return self.table.select("key").with_row_index("row")

    def rows(self, keys: Codes) -> Codes:
        """Return the row of the table for each key; ``len(table)``, the default's place, where it is not there."""
        if (dense := self._dense_index) is not None:
            found: Codes = dense[np.minimum(keys, len(dense) - 1)].astype(np.int64)
            return found
        joined = pl.DataFrame({"key": keys}).join(self._hash_index, on="key", how="left", maintain_order="left")
        return joined["row"].cast(pl.Int64).fill_null(len(self.table)).to_numpy()

    def take(self, rows: Codes, value: str) -> Values:
        """Return `value` for the rows that :meth:`rows` found."""
        taken: Values = self._columns_with_default[value][rows]
        return taken

    def to_dict(self) -> dict[str, Any]:
        """Return what a bundle's manifest keeps of the table beside its Parquet file."""
        return {"name": self.name, "columns": list(self.columns), "defaults": _jsonable(self.defaults)}


def _jsonable(defaults: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else float(value) for name, value in defaults.items()}


def profile_name(columns: Iterable[str], value: str) -> str:
    """Return the name of the profile column that holds `value` of the cross of `columns`.

    >>> profile_name(["hs6", "origin_country_code"], "hit_rate")
    'hs6_origin_hit_rate'
    """
    return f"{stem(columns)}_{value}"


def stem(columns: Iterable[str]) -> str:
    """Return the short name of a cross, as features and criteria use it.

    >>> stem(["hs6", "origin_country_code"]), stem(["importer_id"])
    ('hs6_origin', 'importer')
    """
    return "_".join(name.removesuffix("_id").removesuffix("_code").removesuffix("_country") for name in columns)
