"""What can be wrong with a declaration: every check with its code, severity and the values expected.

A check looks at its own row only. The exception is ``duplicate_key``, which is about two rows by nature.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import polars as pl

from ..errors import ConfigError
from ..schema import KEY, SCHEMA, Role, names
from .countries import COUNTRY_CODES


class Severity(StrEnum):
    """What a finding does to the row: an error sets it aside, a warning flags it and keeps it."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Check:
    """One fault that a row can have.

    Parameters
    ----------
    code
        Name of the fault; decisions carry it as cause ``quarantine:<code>``, flags as it stands.
    severity
        Error or warning.
    fails
        Boolean expression over canonical columns, true where the row has the fault; null counts as false.
    reads
        Columns whose values show what was found.
    expected
        What would have been right, in words that end the sentence "expected ...".
    """

    code: str
    severity: Severity
    fails: pl.Expr
    reads: tuple[str, ...]
    expected: str


PLAUSIBLE_UNIT_VALUE_USD_PER_KG = (0.001, 1_000_000.0)
"""Outside these bounds a unit value is more likely a wrong unit or currency than a price."""

HIGHEST_AMOUNT = 1e15
"""No declaration has a mass, value or quantity beyond it; a larger number is a fault of the sender."""

HIGHEST_RECOVERY_USD = 1e12
"""No control recovers more than a country collects; one larger number would rule every total and every model."""

HIGHEST_DUTY_RATE = 10.0
"""1,000 %: above the highest ad valorem rate of the public Korean sample, 754.3 %."""

ROUNDING_KG, ROUNDING_SHARE = 0.5, 0.01
"""A quantity in kilograms may differ from the net mass by rounding to whole kilograms, or by one percent."""

KILOGRAM_UNITS = ("KGM", "KG", "kg")
"""Codes of the kilogram as a supplementary unit (KGM is UN/ECE Recommendation 20)."""

FLOWS = ("import", "export", "transit")

# Chapters 01 to 97 without 77, which is reserved; [0-9] because \d would accept the digits of other scripts.
_HS_CODE = r"^(?:0[1-9]|[1-6][0-9]|7[0-689]|8[0-9]|9[0-7])[0-9]{4,10}$"

# Control and format characters, and every space but the plain one, which the mapping takes off at both ends.
_INVISIBLE = r"[\p{Cc}\p{Cf}\p{Z}&&[^ ]]"

_FLOATS = tuple(name for name in names(Role.LODGEMENT) if SCHEMA[name].dtype.is_float())
_NUMBERS = tuple(name for name in names(Role.LODGEMENT) if SCHEMA[name].dtype.is_numeric())
_TEXTS = tuple(name for name in names(Role.LODGEMENT) if SCHEMA[name].dtype == pl.String and name != "hs_code")
_COUNTRIES = ("origin_country_code", "departure_country_code")


def unparsed_name(column: str) -> str:
    """Return the name under which the unreadable raw text of `column` stands beside it during validation."""
    return f"unparsed:{column}"


def declaration_checks(unparsed: Collection[str], as_of: datetime | None) -> list[Check]:
    """Return the checks in order of precedence: an erroneous row is set aside under its first code.

    Parameters
    ----------
    unparsed
        Canonical columns in which some raw value could not be read.
    as_of
        Moment after which nothing can have been lodged; without it dates in the future are not looked for.

    Raises
    ------
    ConfigError
        If `as_of` has a time zone: lodgement is local time of the office.
    """
    if as_of is not None and as_of.tzinfo is not None:
        raise ConfigError(f"as_of {as_of} has a time zone; give the local time of the offices, without a zone.")
    return [*_errors(unparsed, as_of), *_warnings(unparsed)]


def outcome_checks(unparsed: Collection[str]) -> list[Check]:
    """Return the checks of outcomes, in order of precedence; all are errors: a doubtful label teaches nothing.

    They read, beside the outcome columns, ``lodged_at`` of the declaration (null if there is none), ``quarantined``
    (whether the declaration was set aside), ``repeated`` and ``contradicted`` (another row of the same key says the
    same, or something else).
    """
    violation, critical, kind = pl.col("violation"), pl.col("critical_violation"), pl.col("violation_kind")
    recovered, known_at, lodged_at = pl.col("recovered_duty_usd"), pl.col("label_known_at"), pl.col("lodged_at")
    found_something = (critical == 1).fill_null(False) | (recovered > 0).fill_null(False) | kind.is_not_null()
    nobody_looked = violation.is_null() & (critical.is_not_null() | found_something)
    impossible = _any(
        [~violation.is_in([0, 1]), ~critical.is_in([0, 1]), ~pl.col("inclusion_probability").is_between(0, 1)]
    )
    contradictory = pl.col("contradicted") | nobody_looked | ((violation == 0) & found_something)
    times, labels = ("lodged_at", "label_known_at"), ("violation", "critical_violation")
    told = (*labels, "violation_kind", "recovered_duty_usd")
    return [
        _error("missing_key", _any([pl.col(name).is_null() for name in KEY]), KEY, "a declaration and item number"),
        _error("quarantined_declaration", pl.col("quarantined"), KEY, "a declaration that was not set aside"),
        _error("unknown_declaration", lodged_at.is_null(), KEY, "a key that the declarations have"),
        _error("repeated_label", pl.col("repeated"), KEY, "each result once; the first is kept"),
        _error("unparsable_label", _unparsed(unparsed, unparsed), tuple(unparsed), "values that the mapping describes"),
        _error(
            "impossible_label", impossible, (*labels, "inclusion_probability"), "labels 0 or 1, a share from 0 to 1"
        ),
        _error("contradictory_label", contradictory, told, "one result, and a violation wherever something was found"),
        _error(
            "not_finite",
            ~(recovered.abs() < HIGHEST_RECOVERY_USD),
            ("recovered_duty_usd",),
            f"a finite number below {HIGHEST_RECOVERY_USD:.0e} USD",
        ),
        _error("negative_value", recovered < 0, ("recovered_duty_usd",), "0 USD or more"),
        _error(
            "missing_label_date", violation.is_not_null() & known_at.is_null(), times, "when the result was recorded"
        ),
        # A source that records days only has midnight as its moment: days are compared.
        _error("result_before_lodgement", known_at.dt.date() < lodged_at.dt.date(), times, "a result after lodgement"),
    ]


def _errors(unparsed: Collection[str], as_of: datetime | None) -> list[Check]:
    mass = ("net_mass_kg", "gross_mass_kg")
    numbers = tuple(name for name in _NUMBERS if name in unparsed)
    amounts = ("customs_value_usd", "quantity", "package_count", "container_count")
    checks = [
        _error("missing_key", _any([pl.col(name).is_null() for name in KEY]), KEY, "a declaration and item number"),
        _error(
            "invisible_key",
            pl.col("declaration_id").str.contains(_INVISIBLE),
            KEY,
            "a number that looks like no other: without tabs, no-break spaces and characters of no width",
        ),
        _error("duplicate_key", pl.col("duplicate"), KEY, "each key once; which of the rows is right is unknown"),
        _error("unparsable_date", _unparsed(unparsed, ("lodged_at",)), ("lodged_at",), "the mapping's date format"),
        _error("missing_date", pl.col("lodged_at").is_null(), ("lodged_at",), "the moment of lodgement"),
        _error("unparsable_number", _unparsed(unparsed, _NUMBERS), numbers, "a number as the mapping describes it"),
        _error(
            "not_finite",
            _any([~(pl.col(name).abs() < HIGHEST_AMOUNT) for name in _FLOATS]),
            _FLOATS,
            f"finite numbers below {HIGHEST_AMOUNT:.0e}",
        ),
        _error("negative_mass", _any([pl.col(name) < 0 for name in mass]), mass, "0 kg or more"),
        _error("negative_value", _any([pl.col(name) < 0 for name in amounts]), amounts, "0 or more"),
        _error("negative_rate", pl.col("duty_rate") < 0, ("duty_rate",), "a share of 0 or more"),
        _error("impossible_hs", _impossible_hs(unparsed), ("hs_code",), _HS_EXPECTED),
        _error("missing_hs", pl.col("hs_code").is_null(), ("hs_code",), _HS_EXPECTED),
    ]
    if as_of is not None:
        future = _error("future_date", pl.col("lodged_at") > as_of, ("lodged_at",), f"lodgement by {as_of}")
        checks.insert(5, future)
    return checks


def _warnings(unparsed: Collection[str]) -> list[Check]:
    net, gross, value = pl.col("net_mass_kg"), pl.col("gross_mass_kg"), pl.col("customs_value_usd")
    origin, rate = pl.col("origin_country_code"), pl.col("duty_rate")
    unit_value, (lowest, highest) = value / net, PLAUSIBLE_UNIT_VALUE_USD_PER_KG
    outlier = (net > 0) & (value > 0) & unit_value.is_finite() & ~unit_value.is_between(lowest, highest)
    unknown_code = _unparsed(unparsed, _TEXTS) | ~pl.col("flow").is_in(FLOWS)
    codes = tuple(name for name in _TEXTS if name in unparsed or name == "flow")
    worth = ("customs_value_usd", "net_mass_kg")
    masses = ("net_mass_kg", "gross_mass_kg", "quantity", "quantity_unit_code")
    return [
        _warning("missing_mass", net.is_null(), ("net_mass_kg",), "a declared net mass"),
        _warning("zero_mass", net == 0, ("net_mass_kg",), "more than 0 kg"),
        _warning("missing_value", value.is_null(), ("customs_value_usd",), "a declared customs value"),
        _warning("zero_value", value == 0, ("customs_value_usd",), "more than 0 USD"),
        _warning("missing_country", origin.is_null(), ("origin_country_code",), "a declared country of origin"),
        _warning("unknown_country", _unknown_country(), _COUNTRIES, "ISO 3166 alpha-2 codes, XK or EU"),
        _warning("unknown_code", unknown_code, codes, "codes that the mapping and the schema list"),
        _warning("unit_mismatch", (net > gross) | _quantity_differs(), masses, "one mass, net up to gross"),
        _warning("value_outlier", outlier, worth, f"{lowest:g} to {highest:,.0f} USD/kg"),
        _warning("rate_out_of_range", rate > HIGHEST_DUTY_RATE, ("duty_rate",), "a share from 0 to 10"),
    ]


_HS_EXPECTED = "6 to 12 digits in a chapter from 01 to 97, of the width that the mapping states"


def _error(code: str, fails: pl.Expr, reads: tuple[str, ...], expected: str) -> Check:
    return Check(code, Severity.ERROR, fails, reads, expected)


def _warning(code: str, fails: pl.Expr, reads: tuple[str, ...], expected: str) -> Check:
    return Check(code, Severity.WARNING, fails, reads, expected)


def _any(conditions: list[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(condition.fill_null(False) for condition in conditions)


def _unparsed(unparsed: Collection[str], columns: Collection[str]) -> pl.Expr:
    affected = [pl.col(unparsed_name(name)).is_not_null() for name in columns if name in unparsed]
    return _any(affected) if affected else pl.lit(False)


def _impossible_hs(unparsed: Collection[str]) -> pl.Expr:
    return _unparsed(unparsed, ("hs_code",)) | ~pl.col("hs_code").str.contains(_HS_CODE).fill_null(True)


def _unknown_country() -> pl.Expr:
    known = sorted(COUNTRY_CODES)
    return _any([~pl.col(name).is_in(known) for name in _COUNTRIES])


def _quantity_differs() -> pl.Expr:
    """Tell where a quantity stated in kilograms is another mass than the net mass."""
    net = pl.col("net_mass_kg")
    tolerance = ROUNDING_KG + ROUNDING_SHARE * net
    return pl.col("quantity_unit_code").is_in(KILOGRAM_UNITS) & ((pl.col("quantity") - net).abs() > tolerance)
