"""The register: every declaration that was decided, on which day and how. It is read off the days, which are the truth.

A table beside them could disagree with them after a crash.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from workbench.daily.desk import Desk
from workbench.scorer.schema import DECISION_TYPES, KEY, SCHEMA

DECIDED_ON = "decided_on"

DRAWN = "is_drawn"
"""Whether the random arm drew the declaration, whatever else then raised it; null in quarantine."""

PLACE = {
    DECIDED_ON: pl.Date(),
    "lodged_at": SCHEMA["lodged_at"].dtype,
    "office_id": SCHEMA["office_id"].dtype,
    "regime_code": SCHEMA["regime_code"].dtype,
}
"""Columns of a day's decisions beside those that every scorer writes."""

COLUMNS = (*KEY, *PLACE, *(name for name in DECISION_TYPES if name not in KEY), DRAWN)
"""Columns of a day's decisions, in order."""


def decisions(desk: Desk, first: date | None = None, last: date | None = None) -> pl.LazyFrame:
    """Return the decisions of the days from `first` to `last`, both included; of all days where none is given."""
    days = [day for day in desk.days() if (first or day) <= day <= (last or day)]
    files = [desk.day_folder(day) / "decisions.parquet" for day in days]
    types = {**PLACE, **DECISION_TYPES, DRAWN: pl.Boolean()}
    nothing = pl.LazyFrame(schema={name: types[name] for name in COLUMNS})
    return pl.scan_parquet(files) if files else nothing


def decided(desk: Desk, numbers: pl.Series) -> pl.DataFrame:
    """Return key, day, lane and whether the arm drew it, of what was decided of the declarations `numbers`."""
    wanted = numbers.drop_nulls().unique().alias("declaration_id").to_frame().lazy()
    register = decisions(desk).select(*KEY, DECIDED_ON, "lane", DRAWN)
    return register.join(wanted, on="declaration_id", how="semi").collect()
