"""What may be changed in a criteria file: parameters within their ranges, and a criterion as a whole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from workbench.criteria.editing.file import CriteriaFile, Edited
from workbench.errors import CriterionError, did_you_mean
from workbench.scorer.criteria import Criterion
from workbench.scorer.expressions.terms import Value


def set_parameters(path: str | Path, criterion_id: str, values: Mapping[str, Value]) -> Edited:
    """Write values of a criterion's parameters into its file; ``{ value = ..., range = [...] }`` keeps its form.

    Parameters
    ----------
    path
        The criteria file.
    criterion_id
        The criterion.
    values
        New value by name, in the unit of the parameter; a whole number stays whole where the new value is.

    Raises
    ------
    CriterionError
        The criterion or a parameter is unknown, a value is of another type or outside the stated range, or the file
        could not be changed without changing something else: nothing is written.
    """
    file = CriteriaFile(Path(path))
    criterion = file.criterion(criterion_id)
    fitting = {name: _fitting(criterion, name, value) for name, value in values.items()}
    parameters = dict(criterion.parameters) | fitting
    return file.replace(criterion, replace(criterion, parameters=parameters))


def append_criterion(path: str | Path, criterion: Criterion, comment: str = "") -> Edited:
    """Add a criterion after the others, with `comment` as its first lines.

    Raises
    ------
    CriterionError
        The file holds a criterion of this id, or could not be changed without changing something else.
    """
    file = CriteriaFile(Path(path))
    if criterion.id in file.known:
        raise CriterionError(f"{path} holds a criterion {criterion.id!r}. Replace it, or give the new one another id.")
    return file.append(criterion, comment)


def replace_criterion(path: str | Path, criterion: Criterion) -> Edited:
    """Write a criterion over the one of the same id; only keys whose value differs are touched.

    Raises
    ------
    CriterionError
        The file holds no criterion of this id, or could not be changed without changing something else.
    """
    file = CriteriaFile(Path(path))
    return file.replace(file.criterion(criterion.id), criterion)


def save_draft(path: str | Path, criterion: Criterion, comment: str = "") -> Edited:
    """Add a criterion, or replace the one of the same id; `comment` is written where it is added.

    A file that does not exist is made.

    Raises
    ------
    CriterionError
        The file could not be changed without changing something else: nothing is written.
    """
    file = CriteriaFile(Path(path), may_be_new=True)
    if criterion.id in file.known:
        return file.replace(file.known[criterion.id], criterion)
    return file.append(criterion, comment)


def _fitting(criterion: Criterion, name: str, value: Value) -> Value:
    """Return a parameter's new value in the type of its present one; refuse what the criterion does not allow."""
    if name not in criterion.parameters:
        known = ", ".join(criterion.parameters) or "none"
        hint = did_you_mean(name, criterion.parameters)
        raise CriterionError(f"The criterion {criterion.id!r} has no parameter {name!r}{hint}. It has: {known}.")
    present = criterion.parameters[name]
    if isinstance(present, str) or isinstance(value, str | bool):
        if type(value) is not type(present):
            kind = "a text" if isinstance(present, str) else "a number"
            raise CriterionError(f"The parameter {name!r} of {criterion.id!r} is {kind}; found {value!r}.")
        return value
    low, high = criterion.ranges.get(name, (-math.inf, math.inf))
    if not low <= value <= high or math.isinf(value):
        raise CriterionError(
            f"The parameter {name!r} of {criterion.id!r} goes from {low:g} to {high:g}; found {value:g}. Take a value "
            "in the range, or change the range in the file."
        )
    return int(value) if isinstance(present, int) and float(value).is_integer() else float(value)
