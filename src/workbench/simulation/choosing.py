"""A policy's answers, checked against the contract before anything is controlled, counted or kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from workbench.errors import SelectivityError

from .policy import Choice


class PolicyError(SelectivityError):
    """A policy answered with what its contract does not allow; it is named, and the simulation stops."""

    exit_code = 3


def check_choice(choice: Any, *, policy: str, week: int, goods: int, seats: int) -> None:
    """Refuse a choice that breaks the contract of :class:`Choice`.

    Parameters
    ----------
    choice
        What the policy answered.
    policy, week
        Who and when, for the message.
    goods, seats
        Number of the week's goods and of controls.

    Raises
    ------
    PolicyError
        Names the policy, the week and every fault.

    Examples
    --------
    >>> twice = Choice(np.array([0, 0]), ("model", "model"), np.ones(3))
    >>> check_choice(twice, policy="mine", week=4, goods=3, seats=2)
    Traceback (most recent call last):
    ...
    workbench.simulation.choosing.PolicyError: Policy 'mine' broke the contract of a choice in week 4: it chose goods \
more than once. See workbench.simulation.policy.Choice.
    """
    if faults := list(_faults(choice, goods, min(seats, goods))):
        raise PolicyError(
            f"Policy {policy!r} broke the contract of a choice in week {week}: {'; '.join(faults)}. "
            "See workbench.simulation.policy.Choice."
        )


def check_told(told: Mapping[str, Any], *, policy: str, week: int) -> None:
    """Refuse what a policy tells of a week where it is no finite number; errors as :func:`check_choice`."""
    wrong = [name for name, number in told.items() if not (isinstance(number, Real) and isfinite(number))]
    if wrong:
        raise PolicyError(f"Policy {policy!r} told of week {week} what is no finite number: {', '.join(wrong)}.")


def check_state(state: Mapping[str, Any], *, policy: str, week: int) -> None:
    """Refuse a state that is not made of plain JSON values; errors as :func:`check_choice`."""
    try:
        json.dumps(dict(state), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PolicyError(
            f"Policy {policy!r} cannot be kept after week {week}: its state is not made of plain JSON values ({error})."
        ) from None


def _faults(choice: Any, goods: int, wanted: int) -> Iterator[str]:
    if not isinstance(choice, Choice):
        yield f"it answered with {type(choice).__name__}, expected a Choice"
    elif not (_is_array(choice.places) and _is_array(choice.probability)):
        yield "its places and its probabilities are not both arrays of numbers in one dimension"
    else:
        yield from _faults_of_places(choice, goods, wanted)
        yield from _faults_of_arms(choice)
        yield from _faults_of_probability(choice, goods)


def _is_array(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iuf"


def _faults_of_places(choice: Choice, goods: int, wanted: int) -> Iterator[str]:
    places = choice.places
    if len(places) != wanted:
        yield f"it chose {len(places)} goods, expected {wanted}"
    if len(np.unique(places)) < len(places):
        yield "it chose goods more than once"
    if not _are_rows(choice, goods):
        yield f"its places are not all whole numbers from 0 to {goods - 1}"


def _are_rows(choice: Choice, goods: int) -> bool:
    places = choice.places
    return places.dtype.kind in "iu" and bool(((places >= 0) & (places < goods)).all())


def _faults_of_arms(choice: Choice) -> Iterator[str]:
    if not (isinstance(choice.arms, tuple) and all(isinstance(arm, str) for arm in choice.arms)):
        yield "its arms are not a tuple of names"
    elif len(choice.arms) != len(choice.places):
        yield f"it named {len(choice.arms)} arms for {len(choice.places)} goods"


def _faults_of_probability(choice: Choice, goods: int) -> Iterator[str]:
    probability = choice.probability
    if len(probability) != goods:
        yield f"it gave {len(probability)} probabilities, expected {goods}"
    elif not bool(((probability >= 0) & (probability <= 1)).all()):
        yield "its probabilities are not all in [0, 1]"
    elif _are_rows(choice, goods) and not bool((probability[choice.places] > 0).all()):
        yield "goods that it chose have the probability 0"
