"""The controlled goods that rules are chosen on, and which of them a rule hits, as bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.criteria.mining.conditions import Condition, Rule

Bits = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

OTHER_KINDS = "other"
_BITS = 64


@dataclass(frozen=True)
class Sample:
    """Rows with a result, what was found, and what the present set covers already.

    Parameters
    ----------
    frame
        Labelled rows, with every column that criteria may read.
    targets
        What to look for, by name: for each kind of violation the rows where it was found.
    violations
        Rows where any violation was found.
    covered
        Rows that the present criteria hit.
    """

    frame: pl.DataFrame
    targets: Mapping[str, Bools]
    violations: Bools
    covered: Bools
    _bits: dict[Condition, Bits] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, frame: pl.DataFrame, covered: Bools, *, least: int) -> Sample:
        """Take labelled rows; kinds of violation found fewer than `least` times are looked for together.

        Kinds are looked for apart because a rare one drowns among the frequent: a rule that finds most of it adds
        little to the number of all violations.
        """
        found = frame["violation"].to_numpy() == 1
        kinds = frame["violation_kind"].fill_null(OTHER_KINDS).to_numpy()
        counts = {str(kind): int((found & (kinds == kind)).sum()) for kind in sorted(set(kinds[found]))}
        targets = {kind: found & (kinds == kind) for kind, count in counts.items() if count >= least}
        rest = found & ~np.isin(kinds, list(targets))
        if rest.sum() >= least or not targets:
            targets[OTHER_KINDS] = targets.get(OTHER_KINDS, False) | rest
        return cls(frame, targets, found, covered)

    def prepare(self, conditions: Iterable[Condition]) -> None:
        """Evaluate conditions that rules will be made of, all in one pass."""
        new = [condition for condition in dict.fromkeys(conditions) if condition not in self._bits]
        for first in range(0, len(new), _BITS):
            part = new[first : first + _BITS]
            masks = self.frame.lazy().select(one.mask.fill_null(False).alias(str(n)) for n, one in enumerate(part))
            for condition, mask in zip(part, masks.collect(), strict=True):
                self._bits[condition] = packed(mask.to_numpy())

    def bits(self, rule: Rule) -> Bits:
        """Return the rows that the rule hits; its conditions have been prepared."""
        first, *others = (self._bits[condition] for condition in rule)
        for other in others:
            first = first & other
        return first


def packed(mask: Bools) -> Bits:
    """Return a mask as bits, 64 a number; the last ones are zero.

    >>> packed(np.array([True, False, True])).tolist()
    [5]
    """
    padded = np.zeros(-(-len(mask) // _BITS) * _BITS, dtype=np.bool_)
    padded[: len(mask)] = mask
    bits: Bits = np.packbits(padded, bitorder="little").view(np.uint64)
    return bits


def count(bits: Bits) -> int:
    """Return how many bits are set."""
    return int(np.bitwise_count(bits).sum())
