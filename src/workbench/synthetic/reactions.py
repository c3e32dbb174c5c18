"""Reactions: what traders make of the controls that they see, and when a ring has been caught too often.

The economics is Becker's (1968, "Crime and Punishment", Journal of Political Economy 76): offences fall as the
perceived probability of being caught rises. Who reacts follows the World Customs Organization's four groups: the
"non-compliant when given the opportunity" weigh the risk, the "compliant with support" learn from a warning, the
"compliant" err as before and the "completely non-compliant" take any risk. No source gives the sizes: half-lives,
sensitivity and thresholds are assumptions, stated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from workbench.synthetic.changes import Refuges
from workbench.synthetic.config import RED_SHARE
from workbench.synthetic.draws import Bools, Floats, Ints

HALF_LIFE_WEEKS = 8.0  # of what traders remember of controls
WARNING_HALF_LIFE_WEEKS = 26.0  # of a finding, for those who need support
WARNED_FACTOR = 0.5  # a fresh warning halves the errors
# Before it saw anything a trader expects the physical controls that were usual; goods like its own weigh as much
# as the prior after so many goods, and its own goods as much as goods like them after so many.
USUAL_SHARE, PRIOR_GOODS, HEARSAY_GOODS = RED_SHARE, 40.0, 8.0
SUPPORT, OPPORTUNITY = 1, 2  # positions in GROUPS
RING_FINDINGS, RING_WEEKS = 3, 8  # so many findings within so many weeks make a ring move


@dataclass(frozen=True)
class Seen:
    """Goods of a week as traders look back on them; arrays have one element an item, positions unless said otherwise.

    Parameters
    ----------
    trader, ring
        Whose goods, and for which ring; -1 for a trader's own business.
    alike, regime
        Group of goods alike (same office and HS chapter), and regime.
    controlled, found
        Whether the item was controlled, and whether the control found a violation.
    """

    trader: Ints
    ring: Ints
    alike: Ints
    regime: Ints
    controlled: Bools
    found: Bools


@dataclass
class Memory:
    """What traders remember: counts of goods that fade with their half-lives, and whole ones of rings.

    Parameters
    ----------
    own_goods, own_controls
        Goods lodged and goods controlled, by trader.
    alike_goods, alike_controls
        The same by group of goods alike.
    regime_goods, regime_controls
        The same by regime.
    warnings
        Findings, by trader.
    ring_findings
        Findings by ring (rows) in each of the last :data:`RING_WEEKS` weeks, the latest last.
    ring_moves
        How often each ring has moved.
    refuges
        Where schemes have moved to.
    """

    own_goods: Floats
    own_controls: Floats
    alike_goods: Floats
    alike_controls: Floats
    regime_goods: Floats
    regime_controls: Floats
    warnings: Floats
    ring_findings: Floats
    ring_moves: Floats
    refuges: Refuges = field(default_factory=dict)

    @classmethod
    def blank(cls, *, traders: int, alike: int, regimes: int, rings: int) -> Memory:
        """Return the memory of a world in which nothing has happened yet."""
        return cls(
            own_goods=np.zeros(traders),
            own_controls=np.zeros(traders),
            alike_goods=np.zeros(alike),
            alike_controls=np.zeros(alike),
            regime_goods=np.zeros(regimes),
            regime_controls=np.zeros(regimes),
            warnings=np.zeros(traders),
            ring_findings=np.zeros((rings, RING_WEEKS)),
            ring_moves=np.zeros(rings),
        )

    def perceived(self, trader: Ints, alike: Ints) -> Floats:
        """Return the probability of control that each trader perceives for goods of the group, in (0, 1).

        A smoothed share of goods controlled: the trader's own, shrunk towards goods alike, and these towards
        :data:`USUAL_SHARE`.

        Examples
        --------
        >>> memory = Memory.blank(traders=1, alike=1, regimes=1, rings=1)
        >>> memory.perceived(np.array([0]), np.array([0])).tolist()
        [0.0501]
        >>> goods = np.zeros(20, dtype=np.int64)
        >>> memory.see(Seen(goods, goods - 1, goods, goods, controlled=goods == 0, found=goods > 0))
        >>> memory.perceived(np.array([0]), np.array([0])).round(2).tolist()
        [0.82]
        """
        like = _share(self.alike_controls, self.alike_goods)[alike]
        own_goods, own_controls = self.own_goods[trader], self.own_controls[trader]
        share: Floats = (own_controls + HEARSAY_GOODS * like) / (own_goods + HEARSAY_GOODS)
        return share

    def perceived_in_regimes(self) -> Floats:
        """Return the probability of control that is perceived in each regime, in (0, 1)."""
        return _share(self.regime_controls, self.regime_goods)

    def restraint(self, trader: Ints, alike: Ints, group: Ints, sensitivity: float) -> Floats:
        """Return what multiplies each trader's leaning to fraud: 1 where it does not react, less where it holds back.

        Parameters
        ----------
        trader, alike
            Positions; one element a declaration.
        group
            Position in ``GROUPS`` of each trader.
        sensitivity
            Decline of the logarithm of an opportunist's leaning for a perceived probability of control higher by 1;
            0 for traders whom controls do not deter.
        """
        deterred = np.exp(-sensitivity * (self.perceived(trader, alike) - USUAL_SHARE))
        warned = WARNED_FACTOR ** np.minimum(self.warnings[trader], 3.0)
        return np.where(group == OPPORTUNITY, deterred, np.where(group == SUPPORT, warned, 1.0))

    def see(self, seen: Seen) -> None:
        """Let a week pass: what was remembered fades, what was seen is added, rings caught too often move."""
        fading = 0.5 ** (1 / HALF_LIFE_WEEKS)
        for at, goods, controls in (
            (seen.trader, "own_goods", "own_controls"),
            (seen.alike, "alike_goods", "alike_controls"),
            (seen.regime, "regime_goods", "regime_controls"),
        ):
            setattr(self, goods, _faded(getattr(self, goods), fading, at))
            setattr(self, controls, _faded(getattr(self, controls), fading, at[seen.controlled]))
        caught = seen.controlled & seen.found
        self.warnings = _faded(self.warnings, 0.5 ** (1 / WARNING_HALF_LIFE_WEEKS), seen.trader[caught])
        self._catch(seen.ring[caught & (seen.ring >= 0)])

    def _catch(self, ring: Ints) -> None:
        latest = np.bincount(ring, minlength=len(self.ring_moves))
        self.ring_findings = np.column_stack([self.ring_findings[:, 1:], latest])
        moves = self.ring_findings.sum(axis=1) >= RING_FINDINGS
        self.ring_moves = self.ring_moves + moves
        self.ring_findings[moves] = 0

    @property
    def state(self) -> Mapping[str, Any]:
        """The memory as plain JSON values; floats are kept exactly."""
        refuges = {str(number): regime for number, regime in self.refuges.items()}
        return {name: getattr(self, name).tolist() for name in _COUNTS} | {"refuges": refuges}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Memory:
        """Return the memory that gave `state`."""
        refuges = {int(number): int(regime) for number, regime in state["refuges"].items()}
        return cls(**{name: np.array(state[name], dtype=np.float64) for name in _COUNTS}, refuges=refuges)


_COUNTS = tuple(each.name for each in fields(Memory) if each.name != "refuges")


def _share(controls: Floats, goods: Floats) -> Floats:
    share: Floats = (controls + PRIOR_GOODS * USUAL_SHARE) / (goods + PRIOR_GOODS)
    return share


def _faded(counts: Floats, factor: float, at: Ints) -> Floats:
    return counts * factor + np.bincount(at, minlength=len(counts))
