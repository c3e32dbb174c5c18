"""Mixtures: a main arm, and others with fixed shares of the seats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from workbench.simulation.policies.arm import Arm
from workbench.simulation.policies.chain import Chain
from workbench.simulation.policies.lots import Lots
from workbench.simulation.policies.seats import allocations, drawn
from workbench.simulation.policy import Choice, Policy, Situation, first_sentence


class Mixture(Policy):
    """A main arm with all seats, or with those that the shares of others leave: ``model+criteria:0.2+random:0.1``.

    Arms with a share choose before the main arm, lots after it; see :class:`.chain.Chain`. A share that makes half a
    seat is one seat every other week, by lot.

    Parameters
    ----------
    main
        Takes the rest of the seats.
    others
        Other arms with their shares, each in (0, 1), together below 1.
    """

    name: ClassVar[str] = "mixture"

    def __init__(self, main: Arm, others: Sequence[tuple[Arm, float]] = ()) -> None:
        self._chain = Chain(main, [arm for arm, _ in others])
        self._share = {arm.name: share for arm, share in others}
        self._share[main.name] = 1.0 - sum(self._share.values())

    @property
    def text(self) -> str:
        """The policy as the command line writes it; names its rows in all tables."""
        main = self._chain.main
        others = [f"{arm.text}:{self._share[arm.name]:g}" for arm in self._chain.arms if arm is not main]
        return "+".join([main.text, *others])

    def explain(self) -> str:
        """Return what each arm chooses by, and its share of the seats."""
        parts = [(self._share[arm.name], first_sentence(type(arm))) for arm in self._chain.arms]
        return parts[0][1] if len(parts) == 1 else " ".join(f"{100 * share:g} %: {said}" for share, said in parts)

    def choose(self, situation: Situation, seats: int) -> Choice:
        """Let the arms choose in turn; the probability counts every way to round their seats."""
        lots = Lots(situation)
        shares = tuple(self._share[arm.name] for arm in self._chain.arms)
        ways = allocations(shares, min(seats, situation.goods.height))
        return self._chain.choose(situation, lots, ways, drawn(ways, lots.number("seats")))
