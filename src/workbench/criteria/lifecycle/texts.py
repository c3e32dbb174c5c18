"""The canonical text of a criterion: what is approved, to the character."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from workbench.chain import canonical_json
from workbench.criteria.lifecycle.states import LifecycleError
from workbench.scorer.criteria import CriteriaSet, Criterion


@dataclass(frozen=True)
class Text:
    """Everything about one criterion that can change what it does or what an officer reads.

    Parameters
    ----------
    canonical
        JSON with sorted keys and no spaces, ASCII only: the criterion, the lists that it names with their entries, and
        the set's ``points`` where the criterion has points. What has its default is left out, so that a key which a
        later version adds voids no approval; comments and the order of keys in the TOML do not count.

    Examples
    --------
    >>> heavy = {"id": "heavy", "title": "Heavy", "when": "net_mass_kg > 9", "lane": "red"}
    >>> texts(CriteriaSet.from_dict({"criterion": [heavy]}))["heavy"].canonical
    '{"criterion":[{"id":"heavy","lane":"red","title":"Heavy","when":"net_mass_kg > 9"}]}'
    """

    canonical: str

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the text, in hexadecimal digits."""
        return hashlib.sha256(self.canonical.encode("ascii")).hexdigest()

    @cached_property
    def criterion(self) -> dict[str, Any]:
        """The criterion's keys and values."""
        content: dict[str, Any] = json.loads(self.canonical)["criterion"][0]
        return content

    def changed_keys(self, other: Text) -> list[str]:
        """Return the keys in which two texts of a criterion differ; lists and the set's points by these names."""
        mine, others = self._parts(), other._parts()
        return sorted(name for name in {**mine, **others} if mine.get(name) != others.get(name))

    def _parts(self) -> dict[str, Any]:
        return self.criterion | {
            f"[{name}]": part for name, part in json.loads(self.canonical).items() if name != "criterion"
        }


def texts(criteria: CriteriaSet) -> dict[str, Text]:
    """Return the text of every criterion by its id.

    Raises
    ------
    LifecycleError
        Two criteria have the same id, so that nobody could say which of them was approved.
    """
    counts = Counter(one.id for one in criteria.criteria)
    if repeated := sorted(name for name, count in counts.items() if count > 1):
        raise LifecycleError(f"The set has more than one criterion {', '.join(repeated)}. Give each its own id.")
    return {one.id: Text(canonical_json(part_of(criteria, (one,)).to_dict())) for one in criteria.criteria}


def part_of(criteria: CriteriaSet, chosen: tuple[Criterion, ...]) -> CriteriaSet:
    """Return the set of the `chosen` criteria with the lists that they name, and with the points that they count to."""
    lists = {name: entries for name, entries in criteria.lists.items() if any(_names(one, name) for one in chosen)}
    points = criteria.points if any(one.points for one in chosen) else {}
    return replace(criteria, criteria=chosen, lists=lists, points=points)


def _names(criterion: Criterion, name: str) -> bool:
    # A list is always named by a literal; a text that happens to be equal only makes the approval cover more.
    return "'" + name.replace("'", "''") + "'" in criterion.when
