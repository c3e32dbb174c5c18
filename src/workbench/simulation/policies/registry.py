"""The registry: which arms and policies there are, for help, for messages and for `--policy`."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TypeVar

from workbench.errors import ParameterError
from workbench.simulation.policies.arm import Arm
from workbench.simulation.policies.blend import Blend
from workbench.simulation.policy import Policy, first_sentence

GROUP = "workbench.policies"
"""Entry points of installed packages that register more; every process of a simulation reads them."""

_HOME = "workbench.simulation.policies"
_BUILT_IN = ("adaptive", "criteria", "diversity", "drift_share", "entropy", "importer", "lot", "model", "thompson")
_NAME = re.compile(r"[a-z][a-z0-9-]*")

_ARMS: dict[str, type[Arm]] = {}
_POLICIES: dict[str, type[Policy]] = {}

Kind = TypeVar("Kind", bound=type[Arm] | type[Policy])


def register(kind: Kind) -> Kind:
    """Make an arm or a policy known by its `name`; use it as a decorator of the class.

    Parameters
    ----------
    kind
        A class that is made without arguments: a subclass of :class:`.arm.Arm`, which mixtures may use, or of
        :class:`~workbench.simulation.policy.Policy`, which chooses all seats itself. The first sentence of its
        docstring is its help.

    Raises
    ------
    ParameterError
        Its name is not made of small letters, digits and dashes, or something else has that name.
    """
    name = getattr(kind, "name", "")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ParameterError(
            f"{kind.__qualname__} cannot be registered: its name is {name!r}; expected small letters, digits and "
            "dashes, a letter first."
        )
    there = _ARMS.get(name) or _POLICIES.get(name)
    if there is not None and (there.__module__, there.__qualname__) != (kind.__module__, kind.__qualname__):
        raise ParameterError(
            f"{kind.__qualname__} cannot be registered as {name!r}: {there.__module__}.{there.__qualname__} has "
            "that name. Give it another."
        )
    if issubclass(kind, Arm):
        _ARMS[name] = kind
    else:
        _POLICIES[name] = kind
    return kind


def arms() -> dict[str, type[Arm]]:
    """Return every arm by name, in order of the names."""
    _load()
    return dict(sorted(_ARMS.items()))


def policies() -> dict[str, type[Policy]]:
    """Return every policy that chooses all seats itself, by name."""
    _load()
    return dict(sorted(_POLICIES.items()))


def explores(arm: str) -> bool:
    """Return whether what an arm chose, by its name in the table of arms, was chosen in order to learn.

    What is no registered arm (seats that nobody had a use for, an arm of a policy from elsewhere) is taken for such.

    >>> explores("random"), explores("model"), explores("lot")
    (True, False, True)
    """
    kinds: dict[str, type[Arm]] = {**arms(), Blend.name: Blend}
    kind = kinds.get(arm)
    return kind is None or kind.explores


def described() -> dict[str, str]:
    """Return one sentence about every arm and policy by name, for help texts.

    >>> described()["model"]
    "By the model's score, the highest first: what is known is used, nothing new is looked for."
    """
    kinds: dict[str, type[Arm] | type[Policy]] = {**arms(), **policies()}
    return {name: first_sentence(kind) for name, kind in kinds.items()}


@cache
def _load() -> None:
    for module in _BUILT_IN:
        import_module(f"{_HOME}.{module}")
    for point in entry_points(group=GROUP):
        register(point.load())
