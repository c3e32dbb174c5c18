"""Validation: every row of a canonical table is either good to be decided or set aside with its reason.

No row is dropped, repaired or judged by its neighbours: what a row is told alone, it is told in any batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from ..schema import KEY, SCHEMA, empty
from .checks import Check, Severity, declaration_checks, unparsed_name
from .mapping import Canonical

FLAGS = "flags"
"""Column of warning codes, joined by commas; empty for a row without any."""

ROW_NO = "row_no"
"""Column with the position of a row in its raw table, from 1."""

_SHOWN = 5


@dataclass(frozen=True)
class Sample:
    """One row that a finding is about: its key, its position from 1, and the values found."""

    declaration_id: str | None
    item_no: int | None
    row_no: int
    found: str


@dataclass(frozen=True)
class Finding:
    """One kind of fault in a table.

    Parameters
    ----------
    code, severity
        What is wrong, and whether it sets rows aside or flags them.
    count
        Number of rows that have the fault.
    expected
        What would have been right.
    first
        Up to five of the rows, those with the smallest keys, so that another order of rows shows the same.
    """

    code: str
    severity: Severity
    count: int
    expected: str
    first: tuple[Sample, ...]

    def sentence(self) -> str:
        """Return the finding as one sentence with an example.

        >>> sample = Sample("A1", 1, 7, "net_mass_kg=-2.0")
        >>> Finding("negative_mass", Severity.ERROR, 3, "0 kg or more", (sample,)).sentence()
        'negative_mass: 3 row(s), first A1/1 (row 7): found net_mass_kg=-2.0, expected 0 kg or more'
        """
        text = f"{self.code}: {self.count} row(s)"
        if self.first:
            row = self.first[0]
            text += f", first {row.declaration_id}/{row.item_no} (row {row.row_no}): found {row.found}"
        return f"{text}, expected {self.expected}"


@dataclass(frozen=True)
class Validated:
    """A canonical table parted into what can be decided and what is set aside: ``valid`` + ``quarantined`` = read.

    Parameters
    ----------
    valid
        Canonical columns, ``flags`` and ``row_no`` of the rows without an error, in the order read.
    quarantined
        ``row_no``, key, ``code`` (the first error in the order of the checks), ``found`` and ``expected`` of the
        others, in the order read.
    findings
        Every kind of fault found, errors first.
    """

    valid: pl.DataFrame
    quarantined: pl.DataFrame
    findings: tuple[Finding, ...]


def validate(
    canonical: Canonical, *, as_of: datetime | None = None, duplicates: pl.DataFrame | None = None
) -> Validated:
    """Check every row of a canonical table.

    Parameters
    ----------
    canonical
        What :meth:`workbench.scorer.intake.mapping.Mapping.apply` gave.
    as_of
        Moment (local time, without zone) after which a lodgement lies in the future. ``None`` checks no future: the
        clock of the machine is never asked.
    duplicates
        Keys that occur more than once in the whole table of which `canonical` is one chunk, from
        :func:`duplicate_keys`; without it they are looked for in `canonical` itself.

    Examples
    --------
    >>> from workbench.scorer.schema import Role, empty, names
    >>> columns = names(Role.IDENTITY, Role.LODGEMENT)
    >>> row = {"declaration_id": "A1", "item_no": 1, "lodged_at": datetime(2024, 12, 31), "hs_code": "010129",
    ...        "origin_country_code": "VN", "customs_value_usd": 0.0, "net_mass_kg": -1.0}
    >>> table = pl.concat([empty(columns), pl.DataFrame([row])], how="diagonal_relaxed")
    >>> result = validate(Canonical(table, {}))
    >>> result.quarantined["code"].to_list(), [finding.code for finding in result.findings]
    (['negative_mass'], ['negative_mass', 'zero_value'])
    """
    keyed = canonical.frame.with_columns(duplicate=is_duplicate_key(canonical.frame, duplicates))
    checks = declaration_checks(canonical.unparsed.keys(), as_of)
    return apply_checks(Canonical(keyed, canonical.unparsed), checks, canonical.frame.columns)


def apply_checks(canonical: Canonical, checks: Sequence[Check], columns: Sequence[str]) -> Validated:
    """Part a table by any list of checks, in their order of precedence; the valid rows keep `columns`."""
    beside = [values.alias(unparsed_name(name)) for name, values in canonical.unparsed.items()]
    frame = canonical.frame.with_columns(beside).with_row_index(ROW_NO, offset=1)
    faults = frame.select(check.fails.fill_null(False).alias(check.code) for check in checks)
    met = [check for check in checks if faults[check.code].any()]
    errors = [check for check in met if check.severity is Severity.ERROR]
    warnings = [check for check in met if check.severity is Severity.WARNING]
    findings = tuple(_finding(check, frame, faults[check.code]) for check in met)
    valid, quarantined = _parted(frame.with_columns(_flags(faults, warnings)), faults, errors)
    return Validated(valid.select(*columns, FLAGS, ROW_NO), quarantined, findings)


def duplicate_keys(keys: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the keys that occur more than once over all chunks, one row each.

    Parameters
    ----------
    keys
        ``declaration_id`` and ``item_no`` of each chunk (:meth:`workbench.scorer.intake.mapping.Mapping.apply_keys`).

    Examples
    --------
    >>> one, two = (pl.DataFrame({"declaration_id": names, "item_no": [1, 1]}) for names in (["A", "B"], ["C", "A"]))
    >>> duplicate_keys([one, two]).rows()
    [('A', 1)]
    """
    table = pl.concat(
        [empty(KEY), *(chunk.select(pl.col(name).cast(SCHEMA[name].dtype) for name in KEY) for chunk in keys)]
    )
    return table.filter(is_duplicate_key(table)).unique().sort(KEY)


def is_duplicate_key(frame: pl.DataFrame, duplicates: pl.DataFrame | None = None) -> pl.Series:
    """Tell of each row whether its key is among `duplicates`, or without them, whether another row shares it."""
    keys = frame.select(KEY)
    none = pl.select(pl.repeat(False, frame.height)).to_series()
    if duplicates is not None:
        if duplicates.is_empty():
            return none
        marked = keys.join(duplicates.select(*KEY, shared=True), on=KEY, how="left", maintain_order="left")
        return marked["shared"].fill_null(False)
    # Equal keys have equal hashes, so different hashes prove in one cheap pass that all keys differ.
    hashes = keys.select(pl.col(KEY[0]).hash() * 31 + pl.col(KEY[1]).hash()).to_series()
    if hashes.n_unique() == frame.height:
        return none
    return keys.select(pl.struct(KEY).is_duplicated() & pl.all_horizontal(pl.col(KEY).is_not_null())).to_series()


def _flags(faults: pl.DataFrame, warnings: list[Check]) -> pl.Series:
    """Join the codes of each row's warnings through a bit mask: texts are built once for each combination."""
    if not warnings:
        return pl.select(pl.repeat("", faults.height, dtype=pl.String)).to_series().alias(FLAGS)
    bits = faults.select(
        pl.sum_horizontal(pl.col(check.code).cast(pl.UInt32) * (1 << bit) for bit, check in enumerate(warnings))
    ).to_series()
    met = bits.unique().to_list()
    texts = [",".join(check.code for bit, check in enumerate(warnings) if mask >> bit & 1) for mask in met]
    return bits.replace_strict(met, texts, return_dtype=pl.String).alias(FLAGS)


def _parted(frame: pl.DataFrame, faults: pl.DataFrame, errors: list[Check]) -> tuple[pl.DataFrame, pl.DataFrame]:
    if not errors:
        return frame, _set_aside(frame.clear(), errors)
    is_bad = faults.select(pl.any_horizontal(check.code for check in errors)).to_series()
    first_code = pl.coalesce(pl.when(check.code).then(pl.lit(check.code)) for check in errors)
    bad = frame.filter(is_bad).with_columns(faults.filter(is_bad).select(first_code.alias("code")).to_series())
    return frame.filter(~is_bad), _set_aside(bad, errors)


def _set_aside(bad: pl.DataFrame, errors: list[Check]) -> pl.DataFrame:
    """Say of each row in quarantine what was found and what was expected under its code."""
    text = pl.lit(None, dtype=pl.String)
    code = pl.col("code") if errors else text
    found, expected = text, text
    for check in errors:
        found = pl.when(code == check.code).then(_found(check, bad.columns)).otherwise(found)
        expected = pl.when(code == check.code).then(pl.lit(check.expected)).otherwise(expected)
    return bad.select(ROW_NO, *KEY, code.alias("code"), found.alias("found"), expected.alias("expected"))


def _finding(check: Check, frame: pl.DataFrame, fails: pl.Series) -> Finding:
    beside = [unparsed_name(name) for name in check.reads if unparsed_name(name) in frame.columns]
    rows = frame.select(dict.fromkeys([*KEY, ROW_NO, *check.reads, *beside]).keys()).filter(fails)
    shown = _smallest(rows).select(*KEY, ROW_NO, _found(check, rows.columns).alias("found"))
    first = tuple(Sample(**row) for row in shown.sort(*KEY, "found", ROW_NO).head(_SHOWN).iter_rows(named=True))
    return Finding(check.code, check.severity, rows.height, check.expected, first)


def _smallest(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows whose key comes first, all of those that share the last place; null keys come first."""
    place = pl.col(KEY[0])
    unnamed = rows.filter(place.is_null())
    named = rows.filter(place.is_not_null())
    if unnamed.height >= _SHOWN or named.is_empty():
        return unnamed
    last = named.select(place.bottom_k(_SHOWN).max()).item()
    return pl.concat([unnamed, named.filter(place <= last)])


def _found(check: Check, columns: list[str]) -> pl.Expr:
    """Write the values that a check read: ``column=value``, the raw text where it could not be read."""
    texts = []
    for name in check.reads:
        value = pl.col(name).cast(pl.String)
        if unparsed_name(name) in columns:
            value = pl.coalesce(pl.col(unparsed_name(name)), value)
        texts.append(pl.concat_str(pl.lit(f"{name}="), value))
    found = pl.concat_str(texts, separator=", ", ignore_nulls=True)
    return pl.when(found != "").then(found).otherwise(pl.lit("nothing"))
