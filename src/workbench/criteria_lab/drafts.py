"""From what an analyst typed into a form to a criterion, and back; what is wrong with it is said, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.expressions import Fault, RefusedCriterionError

NEW = Criterion("new-criterion", "New criterion", "", "yellow")
"""What the form holds when nothing was written yet."""

_WRITTEN = ("id", "title", "lane", "reason", "when", "owner", "legal_basis", "instruction")
_TEXT = re.compile(r"'(?:[^']|'')*'")
_PARAMETER = re.compile(r":([A-Za-z_][A-Za-z0-9_]*)")


def parameters_in(when: str) -> list[str]:
    """Return the names of the parameters in a condition, in order of their first use.

    >>> parameters_in("duty_rate < :most AND hs_code LIKE ':no' OR duty_rate > :least * :most")
    ['most', 'least']
    """
    return list(dict.fromkeys(_PARAMETER.findall(_TEXT.sub("", when))))


def form_of(criterion: Criterion, base: str = "") -> dict[str, Any]:
    """Return the fields of the form for `criterion`; `base` is its id in the set, empty for a new one."""
    ranges = {name: criterion.ranges.get(name, (None, None)) for name in criterion.parameters}
    return {
        "base": base,
        "id": criterion.id,
        "title": criterion.title,
        "lane": criterion.lane,
        "hit_percentage": criterion.hit_percentage,
        "reason": criterion.reason,
        "owner": criterion.owner,
        "legal_basis": criterion.legal_basis,
        "instruction": criterion.instruction,
        "when": criterion.when.strip(),
        "parameters": [
            {"name": name, "value": value, "low": ranges[name][0], "high": ranges[name][1]}
            for name, value in criterion.parameters.items()
        ],
    }


def criterion_of(form: Mapping[str, Any], present: CriteriaSet) -> Criterion:
    """Return the criterion that a form describes.

    Parameters
    ----------
    form
        The fields of :func:`form_of`. What the form does not show (dates, offices, priority) stays as it is
        in the criterion ``base`` of `present`.
    present
        The set.

    Raises
    ------
    RefusedCriterionError
        A field holds what it cannot: no number, a parameter without a value, a range the wrong way round.

    Examples
    --------
    >>> form = form_of(NEW) | {"when": "net_mass_kg > 10", "hit_percentage": "30"}
    >>> criterion_of(form, CriteriaSet()).hit_percentage
    30
    """
    base = next((one for one in present.criteria if one.id == form["base"]), NEW)
    [table] = CriteriaSet((base,)).to_dict()["criterion"]
    written = {name: str(form[name]) for name in _WRITTEN}
    # The form shows a condition without the line breaks around it, which are a part of the text that was approved.
    if written["when"] == base.when.strip():
        written["when"] = base.when
    parameters = {one["name"]: _parameter(one) for one in form["parameters"] if one["value"] is not None}
    table |= written | {"hit_percentage": _percentage(form["hit_percentage"]), "parameters": parameters}
    [criterion] = CriteriaSet.from_dict({"criterion": [table]}).criteria
    return criterion


def _percentage(text: Any) -> float:
    try:
        number = float(text)
    except (TypeError, ValueError):
        message = f"The share of hits that is controlled is {text!r}; it is a number from 0 to 100."
        raise RefusedCriterionError([Fault("percentage", message, suggestion="100")]) from None
    return int(number) if number.is_integer() else number


def _parameter(one: Mapping[str, Any]) -> Any:
    bounds = [one.get("low"), one.get("high")]
    if isinstance(one["value"], str) or None in bounds:
        return one["value"]
    return {"value": one["value"], "range": bounds}
