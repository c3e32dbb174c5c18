"""The canonical tables: every column with its type, unit, role and meaning.

A column's *role* says when its value is known, and the role decides who may read it:

- ``IDENTITY`` keys a row and is never a feature;
- ``LODGEMENT`` is known when the declaration is lodged: features and criteria read these only;
- ``DECISION`` is written by selectivity, after lodgement and before the control;
- ``OUTCOME`` is known after the control: labels, never features.

Nothing else in the workbench keeps a list of column names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import polars as pl


class Role(StrEnum):
    """When a column's value is known (see the module's text)."""

    IDENTITY = "identity"
    LODGEMENT = "lodgement"
    DECISION = "decision"
    OUTCOME = "outcome"


class Lane(StrEnum):
    """The lanes of selectivity, in ascending order of severity."""

    GREEN = "green"
    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def severity(self) -> int:
        """Rank of the lane: 0 for green up to 4 for red; a declaration gets the most severe of its lanes.

        >>> Lane.RED.severity > Lane.YELLOW.severity
        True
        """
        return list(Lane).index(self)


@dataclass(frozen=True)
class Column:
    """One canonical column.

    Parameters
    ----------
    name
        The column's name; it carries its unit (``net_mass_kg``).
    dtype
        Polars type of the canonical table.
    role
        When the value is known.
    meaning
        One sentence for people.
    unit
        Unit of a quantity, ``None`` for codes, names and dates.
    required
        Whether a source must map it; the others become null columns.
    """

    name: str
    dtype: pl.DataType
    role: Role
    meaning: str
    unit: str | None = None
    required: bool = False


_TEXT, _DECIMAL, _WHOLE, _TIME = pl.String(), pl.Float64(), pl.Int32(), pl.Datetime("us")


def _columns(role: Role, *rows: tuple[str, pl.DataType, str] | tuple[str, pl.DataType, str, str]) -> list[Column]:
    return [
        Column(row[0], row[1], role, row[2], row[3] if len(row) == 4 else None, row[0] in _REQUIRED) for row in rows
    ]


_REQUIRED = {"declaration_id", "lodged_at", "hs_code", "origin_country_code", "customs_value_usd", "net_mass_kg"}

KEY = ("declaration_id", "item_no")

OFFICER = "officer"
"""Cause of a lane that an officer chose: no draw, so that no probability speaks of it."""

_ALL = [
    *_columns(
        Role.IDENTITY,
        ("declaration_id", _TEXT, "number of the declaration, as the declarant's office gave it"),
        ("item_no", _WHOLE, "goods line within the declaration, from 1"),
    ),
    *_columns(
        Role.LODGEMENT,
        ("lodged_at", _TIME, "moment of lodgement, local time of the office"),
        ("flow", _TEXT, "import, export or transit"),
        ("office_id", _TEXT, "customs office of lodgement"),
        ("declarant_id", _TEXT, "who lodges"),
        ("importer_id", _TEXT, "who buys"),
        ("seller_id", _TEXT, "who sells"),
        ("carrier_id", _TEXT, "who carries"),
        ("regime_code", _TEXT, "customs regime: why the goods move"),
        ("process_code", _TEXT, "how the declaration is processed (paperless, paper)"),
        ("use_code", _TEXT, "declared use of the goods"),
        ("payment_code", _TEXT, "method of payment"),
        ("transport_mode_code", _TEXT, "mode of transport at the border"),
        ("hs_code", _TEXT, "Harmonized System code, 6 to 12 digits, leading zeros kept"),
        ("origin_country_code", _TEXT, "declared country of origin, ISO 3166 alpha-2"),
        ("departure_country_code", _TEXT, "country of departure, ISO 3166 alpha-2"),
        ("origin_mark_code", _TEXT, "how the origin is marked on the goods"),
        ("preference_code", _TEXT, "tariff preference or type of duty claimed"),
        ("duty_rate", _DECIMAL, "declared ad valorem duty rate", "share"),
        ("net_mass_kg", _DECIMAL, "declared net mass", "kg"),
        ("gross_mass_kg", _DECIMAL, "declared gross mass", "kg"),
        ("quantity", _DECIMAL, "declared quantity in the supplementary unit", "quantity_unit_code"),
        ("quantity_unit_code", _TEXT, "supplementary unit of quantity"),
        ("package_count", _WHOLE, "declared number of packages", "packages"),
        ("container_count", _WHOLE, "containers that carry the item; 0 for loose cargo", "containers"),
        ("customs_value_usd", _DECIMAL, "declared customs value", "USD"),
        ("goods_description", _TEXT, "goods in the declarant's words: text by strangers"),
    ),
    *_columns(
        Role.DECISION,
        ("lane", pl.Enum([str(lane) for lane in Lane]), "lane that the declaration was given"),
        ("cause", _TEXT, "what gave the lane: criterion, points, officer, random, model, lot, quarantine, none"),
        ("inclusion_probability", _DECIMAL, "probability of being controlled under the policy in force", "share"),
    ),
    *_columns(
        Role.OUTCOME,
        ("violation", pl.Int8(), "1 if the control found a violation, 0 if it found none, null if nobody looked"),
        ("critical_violation", pl.Int8(), "1 if the violation found was critical"),
        ("violation_kind", _TEXT, "kind of the violation found"),
        ("recovered_duty_usd", _DECIMAL, "duty recovered through the control", "USD"),
        ("label_known_at", _TIME, "moment at which the result of the control was recorded"),
    ),
]

SCHEMA: dict[str, Column] = {column.name: column for column in _ALL}
"""Every canonical column by name, in the order of the tables."""

DECISION_TYPES: dict[str, pl.DataType] = {
    "declaration_id": _TEXT,
    "item_no": _WHOLE,
    "score": _DECIMAL,
    "expected_recovery": _DECIMAL,
    "lane": SCHEMA["lane"].dtype,
    "cause": _TEXT,
    "inclusion_probability": _DECIMAL,
    "would_be_lane": SCHEMA["lane"].dtype,
    "would_be_cause": _TEXT,
    "random_stratum": _TEXT,
    "criteria_probability": _DECIMAL,
    "model_probability": _DECIMAL,
    "random_probability": _DECIMAL,
    "full_control_probability": _DECIMAL,
    "reasons": _TEXT,
}
"""Type of each column of the decisions table, which a scorer writes, in the table's order.

``would_be_lane`` and ``would_be_cause`` are what a declaration would have without the random arm; ``random_stratum`` is
``office|regime|would-be lane``. The probabilities are those of :mod:`.lanes.probabilities`. Null in quarantine, but for
the key, the lane, the cause and ``inclusion_probability``, which is 1.
"""

DERIVED: dict[str, tuple[str, pl.Expr]] = {
    "hs6": ("first six digits of the HS code: the worldwide subheading", pl.col("hs_code").str.slice(0, 6)),
    "hs4": ("first four digits of the HS code: the heading", pl.col("hs_code").str.slice(0, 4)),
    "hs2": ("first two digits of the HS code: the chapter", pl.col("hs_code").str.slice(0, 2)),
    # A zero or missing mass has no unit value: null, never infinity, so that no comparison is true by accident.
    "unit_value_usd_per_kg": (
        "declared customs value per kilogram of net mass",
        pl.when(pl.col("net_mass_kg") > 0).then(pl.col("customs_value_usd") / pl.col("net_mass_kg")),
    ),
    "unit_value_usd_per_quantity": (
        "declared customs value per supplementary unit",
        pl.when(pl.col("quantity") > 0).then(pl.col("customs_value_usd") / pl.col("quantity")),
    ),
    "net_mass_kg_per_quantity": (
        "declared net mass per supplementary unit",
        pl.when(pl.col("quantity") > 0).then(pl.col("net_mass_kg") / pl.col("quantity")),
    ),
    "declared_duty_usd": (
        "customs value times the declared duty rate",
        pl.col("customs_value_usd") * pl.col("duty_rate"),
    ),
}
"""Columns computed from one row's lodgement columns, known at lodgement: meaning and expression by name."""


def names(*roles: Role) -> list[str]:
    """Return the names of the columns of `roles`, in the schema's order.

    >>> names(Role.IDENTITY)
    ['declaration_id', 'item_no']
    """
    return [column.name for column in SCHEMA.values() if column.role in roles]


def known_at_lodgement() -> list[str]:
    """Return every column that features and criteria may read: lodgement columns and those derived from them."""
    return [*names(Role.LODGEMENT), *DERIVED]


def lodgement_types() -> dict[str, pl.DataType]:
    """Return the type of every column of :func:`known_at_lodgement`."""
    given = {name: SCHEMA[name].dtype for name in names(Role.LODGEMENT)}
    return dict(derive(pl.DataFrame(schema=given)).schema)


def empty(columns: Iterable[str]) -> pl.DataFrame:
    """Return a table without rows that has `columns` with their canonical types."""
    return pl.DataFrame(schema={name: SCHEMA[name].dtype for name in columns})


def derive(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of :data:`DERIVED` to a canonical table; rows and their order are unchanged.

    >>> derive(empty(["hs_code", "net_mass_kg", "customs_value_usd", "quantity", "duty_rate"])).columns[-1]
    'declared_duty_usd'
    """
    return frame.with_columns(**{name: expression for name, (_, expression) in DERIVED.items()})
