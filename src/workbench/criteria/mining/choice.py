"""Choice of rules: pruned, refined and taken greedily for what each adds, by lower bounds and never by means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.criteria.mining.bounds import LIFTS, Floats, lower_bound, strictness
from workbench.criteria.mining.conditions import MOST_CONDITIONS, Condition, Rule, rule
from workbench.criteria.mining.sample import Bits, Sample, packed

MOST_ALIKE = 0.8
"""Two rules whose hits share this much (Jaccard) are one proposal."""

_MOST_RULES = 3_000
_REFINED = 60
_POOL = 200
# Rules judged at once: what is in memory beside their bits does not grow with their number.
_BLOCK = 256


@dataclass(frozen=True)
class Chooser:
    """Judges rules on a sample.

    Parameters
    ----------
    sample
        What rules are judged on; their conditions have been prepared.
    least
        Labelled rows that a rule has to add.
    lift
        How many times the odds of a kind of violation among all controlled goods a rule has to reach.
    """

    sample: Sample
    least: int
    lift: float = LIFTS[0]

    @cached_property
    def _targets(self) -> npt.NDArray[np.uint64]:
        return np.stack([packed(target) for target in self.sample.targets.values()])

    @cached_property
    def _found(self) -> Floats:
        found: Floats = np.bitwise_count(self._targets).sum(axis=1, dtype=np.float64)
        return found

    @cached_property
    def _floor(self) -> Floats:
        odds = self._found / np.maximum(self.sample.frame.height - self._found, 1)
        floor: Floats = self.lift * odds / (1 + self.lift * odds)
        return floor

    def choose(self, rules: Iterable[Rule], most: int) -> list[Rule]:
        """Return at most `most` rules, the one that adds most first; what has less lift comes after what has more."""
        candidates, fresh = list(dict.fromkeys(rules)), packed(~self.sample.covered)
        chosen: list[Rule] = []
        for lift in LIFTS:
            added = replace(self, lift=lift)._chosen(candidates, fresh, most - len(chosen))
            chosen += added
            for one in added:
                fresh = fresh & ~self.sample.bits(one)
        return chosen

    def _chosen(self, candidates: Sequence[Rule], fresh: Bits, most: int) -> list[Rule]:
        kept = self._best(candidates, fresh)
        kept = list(dict.fromkeys(self._pruned(one, fresh) for one in kept))
        kept = list(dict.fromkeys([*kept, *self._refined(kept, fresh)]))
        return self._greedy(kept, fresh, most)

    def _gains(self, hits: Bits, fresh: Bits, z: Floats) -> Floats:
        """Return what each rule (row) adds of each target (column): the share of all that is known of it.

        Counted are violations by lower bound, beyond those that as many controls find at `lift` times the odds
        of all controlled goods.
        """
        blocks = range(0, max(len(hits), 1), _BLOCK)
        return np.concatenate([self._block(hits[at : at + _BLOCK] & fresh, z[at : at + _BLOCK]) for at in blocks])

    def _block(self, new: Bits, z: Floats) -> Floats:
        controls = np.bitwise_count(new).sum(axis=1, dtype=np.float64)
        found = np.stack([np.bitwise_count(new & one).sum(axis=1, dtype=np.float64) for one in self._targets], axis=1)
        surplus = (lower_bound(found, controls[:, None], z[:, None]) - self._floor) * controls[:, None]
        gains: Floats = np.maximum(surplus, 0) / np.maximum(self._found, 1)
        return np.where((controls >= self.least)[:, None], gains, 0.0)

    def _best(self, rules: Sequence[Rule], fresh: Bits) -> list[Rule]:
        """Return the rules that add most, for each target as many."""
        parts = [rules[first : first + _BLOCK] for first in range(0, len(rules), _BLOCK)]
        gains = np.concatenate([self._gains(self._stack(part), fresh, self._z(part)) for part in parts])
        each = _MOST_RULES // gains.shape[1]
        places = {int(at) for column in gains.T for at in np.argsort(-column, kind="stable")[:each] if column[at] > 0}
        return [rules[at] for at in sorted(places)]

    def _z(self, rules: Sequence[Rule]) -> Floats:
        return np.array([strictness(one, self._distinct) for one in rules])

    @cached_property
    def _distinct(self) -> dict[str, int]:
        texts = self.sample.frame.select(pl.col(pl.String).n_unique())
        return dict(zip(texts.columns, texts.row(0), strict=True))

    def _stack(self, rules: Sequence[Rule]) -> Bits:
        return np.stack([self.sample.bits(one) for one in rules])

    def _pruned(self, one: Rule, fresh: Bits) -> Rule:
        """Return the rule without the conditions that its lower bound does not need."""
        target = int(self._gains(self._stack([one]), fresh, self._z([one]))[0].argmax())
        while len(one) > 1:
            shorter = [one[:at] + one[at + 1 :] for at in range(len(one))]
            bounds = self._bounds([one, *shorter], fresh, target)
            best = int(bounds[1:].argmax())
            if bounds[1 + best] < bounds[0]:
                break
            one = shorter[best]
        return one

    def _bounds(self, rules: Sequence[Rule], fresh: Bits, target: int) -> Floats:
        new = self._stack(rules) & fresh
        found = np.bitwise_count(new & self._targets[target]).sum(axis=1, dtype=np.float64)
        return lower_bound(found, np.bitwise_count(new).sum(axis=1, dtype=np.float64), self._z(rules))

    def _refined(self, rules: Sequence[Rule], fresh: Bits) -> list[Rule]:
        """Return the best rules with one more condition of another good rule, where that adds more."""
        if not rules:
            return []
        gains = self._gains(self._stack(rules), fresh, self._z(rules))
        found: list[Rule] = []
        for target in range(gains.shape[1]):
            order = [int(at) for at in np.argsort(-gains[:, target], kind="stable") if gains[at, target] > 0]
            pool = list(dict.fromkeys(part for at in order for part in rules[at]))[:_POOL]
            for at in order[:_REFINED]:
                found += self._extended(rules[at], pool, fresh, target, gains[at, target])
        return found

    def _extended(self, one: Rule, pool: Sequence[Condition], fresh: Bits, target: int, gain: float) -> list[Rule]:
        if len(one) >= MOST_CONDITIONS:
            return []
        longer = [longer for part in pool if (longer := rule(*one, part)) != one and len(longer) <= MOST_CONDITIONS]
        if not longer:
            return []
        gains = self._gains(self._stack(longer), fresh, self._z(longer))[:, target]
        return [longer[at] for at in np.argsort(-gains, kind="stable")[:3] if gains[at] > gain]

    def _greedy(self, rules: Sequence[Rule], fresh: Bits, most: int) -> list[Rule]:
        chosen: list[Rule] = []
        hits = self._stack(rules) if rules else np.empty((0, len(fresh)), dtype=np.uint64)
        z = self._z(rules)
        open_to = np.ones(len(rules), dtype=bool)
        while open_to.any() and len(chosen) < most:
            gains = np.where(open_to, self._gains(hits, fresh, z).sum(axis=1), 0.0)
            best = int(gains.argmax())
            if gains[best] <= 0:
                break
            chosen.append(rules[best])
            fresh = fresh & ~hits[best]
            open_to &= (gains > 0) & (_jaccard(hits, hits[best]) < MOST_ALIKE)
        return chosen


def _jaccard(hits: Bits, one: Bits) -> Floats:
    both = np.bitwise_count(hits & one).sum(axis=1, dtype=np.float64)
    either = np.bitwise_count(hits | one).sum(axis=1, dtype=np.float64)
    shares: Floats = both / np.maximum(either, 1)
    return shares
