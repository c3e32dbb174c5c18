"""Thompson sampling on profiles: rates drawn from what is known of importer and product; the unknown is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from workbench.scorer.schema import DERIVED
from workbench.simulation.policies.arm import Ranking, Round, Turn
from workbench.simulation.policies.priors import STRENGTH, base_rate, smoothed
from workbench.simulation.policies.registry import register
from workbench.simulation.policy import Counts, Situation, Values

_IMPORTER = ("importer_id",)
_HEADING = ("hs6",)
_PRODUCT = ("hs6", "origin_country_code")


@register
class Thompson(Ranking):
    """By a rate drawn from the posterior of the importer and of the product: the less is known, the wider it is drawn.

    The rate of a good is the mean of two draws: of its importer, Beta(m c + v, m (1 - c) + n - v) with v violations in
    n controls, m = 5 and c the base rate; and of its product, HS6 by origin, with c the smoothed rate of its HS6. A
    group's goods share its draw. Neither half alone is right everywhere: in the Korean set the importer tells nothing,
    in others nearly all; a mean keeps what one half knows when the other knows nothing, which a product of odds does
    not, because an unknown group's draw may be all but 0.

    Sources: Thompson (1933), Biometrika 25; Chapelle and Li (2011), An empirical evaluation of Thompson sampling.
    """

    name: ClassVar[str] = "thompson"
    turn: Turn = Turn.DRAWN

    def wish(self, this: Round) -> Values:
        """Return the drawn rate, in [0, 1]."""
        posteriors = this.once(f"arm:{self.name}", lambda: self._posteriors(this.situation))
        drawn = [
            this.lots.generator(f"arm:{self.name}:{half}", this.draw).beta(one.a, one.b)[one.group]
            for half, one in posteriors.items()
        ]
        mean: Values = np.mean(drawn, axis=0)
        return mean

    def _posteriors(self, situation: Situation) -> dict[str, Posterior]:
        prior = base_rate(situation.labels)
        by_heading = smoothed(*situation.learner.group_counts(_HEADING), prior)
        return {
            "importer": Posterior.of(situation, _IMPORTER, prior),
            "product": Posterior.of(situation, _PRODUCT, by_heading),
        }


@dataclass(frozen=True)
class Posterior:
    """What is believed of the rate of each group: a Beta distribution.

    Parameters
    ----------
    group
        Number of each of the goods' group, shape (n,), in the order of the groups' names.
    a, b
        Parameters of each group.
    """

    group: Counts
    a: Values
    b: Values

    @classmethod
    def of(cls, situation: Situation, columns: tuple[str, ...], centre: Values | float) -> Posterior:
        """Return the posterior of the groups by `columns`, whose prior has the mean `centre`, the same in a group."""
        violations, labels = situation.learner.group_counts(columns)
        group = groups(situation.goods, columns)
        _, first = np.unique(group, return_index=True)
        a = STRENGTH * centre + violations
        b = STRENGTH * (1.0 - centre) + labels - violations
        return cls(group, a[first], b[first])


def groups(goods: pl.DataFrame, columns: tuple[str, ...]) -> Counts:
    """Return the number of each of the goods' group by `columns`, shape (n,), in the order of the groups' names.

    >>> groups(pl.DataFrame({"importer_id": ["I2", None, "I1", "I2"]}), ("importer_id",)).tolist()
    [2, 0, 1, 2]
    """
    derived = [DERIVED[name][1].alias(name) for name in columns if name not in goods.columns]
    parts = [pl.format("[{}]", pl.col(name).cast(pl.String)).fill_null("") for name in columns]
    names = goods.with_columns(derived).select(pl.concat_str(parts)).to_series()
    return names.rank("dense").cast(pl.Int64).to_numpy() - 1
