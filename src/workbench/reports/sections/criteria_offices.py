"""What the criteria of a set cost the offices: controls asked for, against capacity where there is any."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.evaluation.tables import MISSING
from workbench.reports.figures import Axis, Bar, BarChart, Reference
from workbench.reports.page import Figure
from workbench.reports.sections import criteria_tables
from workbench.reports.sections.cells import Row, percent

_SHOWN = 12


def offices(found: Row) -> Figure | None:
    """Return the controls asked for by office, against capacity where there is any; ``None`` without offices."""
    rows = [row for row in found["capacity"] if row["office_id"] != MISSING and row["expected_controls"]]
    if not rows:
        return None
    limited = [row for row in rows if row["capacity_per_day"]]
    return _against_capacity(rows, limited) if limited else _asked(rows)


def _against_capacity(rows: Sequence[Row], limited: Sequence[Row]) -> Figure:
    used = sorted(limited, key=lambda row: (-_used(row), row["office_id"], row["lane"]))
    over = sum(_used(row) > 1 for row in used)
    title = f"Criteria alone ask for more than capacity at {over} of {len(used)} offices and lanes"
    bars = tuple(Bar(f"{row['office_id']} {row['lane']}", _used(row)) for row in used[:_SHOWN])
    unlimited = [row for row in rows if row not in limited]
    return Figure(
        title if over else "What criteria ask for fits the capacity of every office",
        BarChart(
            bars,
            Axis("Controls that criteria ask for, share of capacity", "share", 0),
            (Reference("Capacity", 1.0),),
        ),
        criteria_tables.offices([*used, *unlimited]),
        f"The most is asked of {bars[0].label}: {percent(_used(used[0]), 2)} of its capacity on a mean day.",
        f"{_busiest(used)}Mean over days with lodgements, before model and lot take their part.",
    )


def _asked(rows: Sequence[Row]) -> Figure:
    busiest = sorted(rows, key=lambda row: (-row["mean_per_day"], row["office_id"], row["lane"]))
    bars = tuple(Bar(f"{row['office_id']} {row['lane']}", row["mean_per_day"]) for row in busiest[:_SHOWN])
    return Figure(
        "Controls that criteria ask for, by office",
        BarChart(bars, Axis("Controls a day", "number", 1)),
        criteria_tables.offices(busiest),
        f"The most is asked of {bars[0].label}.",
        f"{_busiest(rows)}The programme states no capacity for these lanes.",
    )


def _used(row: Row) -> float:
    share: float = row["mean_per_day"] / row["capacity_per_day"]
    return share


def _busiest(rows: Sequence[object]) -> str:
    return f"The {_SHOWN} busiest of {len(rows)}. " if len(rows) > _SHOWN else ""
