"""The chart beside the sliders: what each setting of a criterion's parameters would cost and find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.criteria.sweep import FLATTERS, WORTHWHILE, Sweep, sweep
from workbench.criteria_lab.evidence import Evidence
from workbench.reports.numbers import point_text
from workbench.scorer.criteria import Criterion

_SETTINGS = 36
_SWEPT_AT_ONCE = 2


def frontier_of(criterion: Criterion, evidence: Evidence) -> dict[str, Any]:
    """Sweep a criterion's numeric parameters, the first two of them, over their ranges.

    Parameters
    ----------
    criterion
        The criterion; see :func:`~workbench.criteria.sweep.sweep` for what is done without a range.
    evidence
        The period's declarations.

    Returns
    -------
    dict
        ``points`` (values, x, y, text, frontier, current, suggested), ``x_label``, ``y_label`` and a ``note`` that says
        how to read them; without numeric parameters no points.

    Raises
    ------
    RefusedCriterionError
        The criterion has a fault.
    """
    numeric = [name for name, value in criterion.parameters.items() if not isinstance(value, str)]
    if not numeric:
        return {"points": [], "note": "No parameter is a number: there is nothing to sweep."}
    swept = numeric[:_SWEPT_AT_ONCE]
    # The set's own hits are not asked for here: only its lists matter to the condition.
    found = sweep(
        criterion,
        evidence.history,
        criteria=replace(evidence.present, criteria=()),
        points=_SETTINGS,
        parameters=swept,
    )
    points = [_point(row, swept, found) for row in found.table.iter_rows(named=True)]
    return {
        "points": points,
        "note": _note(found, swept, numeric),
        "x_label": "Controls expected in the period",
        "y_label": "Violations found",
    }


def _point(row: Mapping[str, Any], swept: list[str], found: Sweep) -> dict[str, Any]:
    values = {name: row[f":{name}"] for name in swept}
    return {
        "values": values,
        "x": row["expected_controls"],
        "y": row["known_violations"],
        "text": _told(values, row),
        "frontier": row["best_for_violations"],
        "current": row["current"],
        "suggested": values == found.suggested,
    }


def _told(values: Mapping[str, float], row: Mapping[str, Any]) -> str:
    controls = point_text(row["expected_controls"], "count")
    found = f"violations in {row['known_violations']:,} of {row['labelled_hits']:,} controlled hits"
    duty = row["known_recovered_duty_usd"]
    recovered = f", {point_text(duty, 'usd')} recovered" if duty else ""
    return f"{_written(values)}: {controls} controls expected, {found}{recovered}"


def _written(values: Mapping[str, float]) -> str:
    return ", ".join(f":{name} = {value:g}" for name, value in values.items())


def _note(found: Sweep, swept: list[str], numeric: list[str]) -> str:
    parts = [
        "On the line: settings that no other beats. The ring is the present one; choose a point to take its setting."
    ]
    if kept := numeric[len(swept) :]:
        parts.append(f"{', '.join(f':{name}' for name in kept)} kept as set.")
    if found.suggested is not None:
        beyond = f"most violations beyond {WORTHWHILE:g} times the rate of all controls, by lower bound"
        parts.append(f"Suggested (square): {_written(found.suggested)}, {beyond}. {FLATTERS}")
    parts.append("Violations are known for controlled goods only.")
    return " ".join(parts)
