"""What is believed of a group before any control: the base rate, worth a few controls."""

from __future__ import annotations

import polars as pl

from workbench.simulation.policy import Values

STRENGTH = 5.0
"""Controls that the prior is worth: five of a group's own weigh as much."""


def base_rate(labels: pl.DataFrame) -> float:
    """Return the rate of violations among known labels, never 0 or 1: one violation in two controls is added.

    >>> base_rate(pl.DataFrame({"violation": [1, 0, 0, 0]}))
    0.3333333333333333
    >>> base_rate(pl.DataFrame({"violation": []}, schema={"violation": pl.Int8}))
    0.5
    """
    return (float(labels["violation"].sum()) + 1.0) / (labels.height + 2.0)


def smoothed(violations: Values, labels: Values, prior: Values | float) -> Values:
    """Return the mean of each group's posterior, shape (n,): its own rate drawn towards `prior`.

    Source: Micci-Barreca (2001), SIGKDD Explorations 3(1).
    """
    rate: Values = (violations + STRENGTH * prior) / (labels + STRENGTH)
    return rate
