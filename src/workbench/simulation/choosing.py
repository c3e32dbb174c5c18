"""A policy's answer, checked against the contract before anything is controlled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.errors import SelectivityError

from .policy import Choice


class PolicyError(SelectivityError):
    """A policy answered with what no choice may be; it is named, and the simulation stops."""

    exit_code = 3


def check_choice(choice: Choice, *, policy: str, week: int, goods: int, seats: int) -> None:
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


def _faults(choice: Choice, goods: int, wanted: int) -> Iterator[str]:
    places, probability = choice.places, choice.probability
    if len(places) != wanted:
        yield f"it chose {len(places)} goods, expected {wanted}"
    if len(choice.arms) != len(places):
        yield f"it named {len(choice.arms)} arms for {len(places)} goods"
    if len(np.unique(places)) < len(places):
        yield "it chose goods more than once"
    is_place = np.issubdtype(places.dtype, np.integer) and bool(((places >= 0) & (places < goods)).all())
    if not is_place:
        yield f"its places are not all whole numbers from 0 to {goods - 1}"
    if probability.shape != (goods,):
        yield f"its probabilities have the shape {probability.shape}, expected ({goods},)"
    elif not bool(((probability >= 0) & (probability <= 1)).all()):
        yield "its probabilities are not all in [0, 1]"
    elif is_place and not bool((probability[places] > 0).all()):
        yield "goods that it chose have the probability 0"
