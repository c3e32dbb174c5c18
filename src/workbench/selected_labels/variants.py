"""Variants: ways to train where only what was controlled has a label, each a training set made of the same past."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from workbench.model import effective_size, trimmed
from workbench.scorer.risk.featureset import Matrix
from workbench.scorer.risk.lookups import Values

Flags = npt.NDArray[np.bool_]

_BANDS = 20
_MOST_WEIGHT = 20.0


@dataclass(frozen=True)
class TrainingSet:
    """What a variant trains on: a matrix, labels and what each of its rows counts."""

    matrix: Matrix
    labels: Values
    weights: Values

    @property
    def effective_size(self) -> float:
        """Return the size of an equally weighted set that would be as sure."""
        return effective_size(self.weights)


@dataclass(frozen=True)
class Ground:
    """The past that all variants make their training sets of; n labelled rows, m without a label.

    Parameters
    ----------
    matrix, labels
        Features (n, each row's own fold left out) and labels of what was controlled.
    inclusion
        Probability with which each labelled row had been selected, in (0, 1].
    in_arm
        Which of them the random arm had drawn.
    unlabelled
        Features of goods without a label (m rows): a sample, of which each stands for `stands_for`.
    stands_for
        Goods without a label that each row of the sample stands for, 1 or more.
    guessed
        Score of each of them by a model trained on the labelled rows alone, in (0, 1).
    propensity
        Probability of having been controlled, learnt from the goods themselves, for each labelled row; for services
        that did not record how they selected.
    seed
        Seed of what is drawn.
    """

    matrix: Matrix
    labels: Values
    inclusion: Values
    in_arm: Flags
    unlabelled: Matrix
    stands_for: float
    guessed: Values
    propensity: Values
    seed: int


class Variant(ABC):
    """A way to make a training set.

    Attributes
    ----------
    name
        What tables call it.
    told
        What it does, in a sentence.
    source
        Who described it.
    """

    name: ClassVar[str]
    told: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def training_set(self, ground: Ground) -> TrainingSet:
        """Make the training set."""


class AsFound(Variant):
    """Controlled goods, each counting the same."""

    name = "as found"
    told = "Controlled goods only, each counting the same."
    source = "what most systems do"

    def training_set(self, ground: Ground) -> TrainingSet:
        """Make the training set."""
        return TrainingSet(ground.matrix, ground.labels, np.ones(len(ground.labels)))


class InclusionWeights(Variant):
    """Controlled goods, each standing for all that had as little chance of being controlled."""

    name = "inclusion weights"
    told = "Controlled goods, each counting 1 / the recorded probability of its control."
    source = "Zadrozny 2004"

    def training_set(self, ground: Ground) -> TrainingSet:
        """Make the training set."""
        return TrainingSet(ground.matrix, ground.labels, trimmed(1.0 / ground.inclusion, _MOST_WEIGHT))


class LearntPropensity(Variant):
    """As inclusion weights, with probabilities learnt from who was controlled."""

    name = "learnt propensity"
    told = "Controlled goods, each counting 1 / a probability of control learnt from the goods themselves."
    source = "augmentation: Hsia 1978; Banasik and Crook 2005"

    def training_set(self, ground: Ground) -> TrainingSet:
        """Make the training set."""
        return TrainingSet(ground.matrix, ground.labels, trimmed(1.0 / ground.propensity, _MOST_WEIGHT))


class RandomArmOnly(Variant):
    """The random arm alone: unbiased, and small."""

    name = "random arm only"
    told = "Only what the random arm had drawn: unbiased, and few."
    source = "Hand and Henley 1993"

    def training_set(self, ground: Ground) -> TrainingSet:
        """Make the training set."""
        drawn = ground.in_arm
        return TrainingSet(ground.matrix[drawn], ground.labels[drawn], np.ones(int(drawn.sum())))


class AllOthersClean(Variant):
    """Whatever was not controlled is taken for clean."""

    name = "all others clean"
    told = "Controlled goods, and everything else as if it had been found clean."
    source = "often done, seldom stated"

    def training_set(self, ground: Ground) -> TrainingSet:
        """Make the training set."""
        return _with_unlabelled(ground, np.zeros(len(ground.guessed)), np.full(len(ground.guessed), ground.stands_for))


class Fuzzy(Variant):
    """Each of the others twice, as a violation and as clean, counting what the first model guesses."""

    name = "fuzzy augmentation"
    told = "Controlled goods, and all others twice: as violation and as clean, by the first model's guess."
    source = "Siddiqi 2006"

    def training_set(self, ground: Ground) -> TrainingSet:
        """Make the training set."""
        both = np.concatenate([np.ones_like(ground.guessed), np.zeros_like(ground.guessed)])
        counts = np.concatenate([ground.guessed, 1.0 - ground.guessed]) * ground.stands_for
        twice = Ground(**{**vars(ground), "unlabelled": np.vstack([ground.unlabelled, ground.unlabelled])})
        return _with_unlabelled(twice, both, counts)


class Parcelling(Variant):
    """Others by band of the first model's score, of each band as many drawn to be violations as that model guesses."""

    name = "parcelling"
    told = "Controlled goods, and all others with labels drawn at the first model's mean guess in their band of scores."
    source = "Siddiqi 2006"

    def training_set(self, ground: Ground) -> TrainingSet:
        """Make the training set."""
        order = np.argsort(ground.guessed, kind="stable")
        labels, rng = np.zeros(len(order)), np.random.default_rng(ground.seed)
        for band in np.array_split(order, _BANDS):
            labels[band] = rng.random(len(band)) < ground.guessed[band].mean() if len(band) else 0.0
        return _with_unlabelled(ground, labels, np.full(len(labels), ground.stands_for))


class HardCut(Variant):
    """The most suspicious of the others are taken for violations: the first model teaches the second."""

    name = "hard cut"
    told = "Controlled goods, and of all others the most suspicious as violations, at the random arm's rate."
    source = "self-training: Crook and Banasik 2004"

    def training_set(self, ground: Ground) -> TrainingSet:
        """Make the training set."""
        drawn = ground.in_arm
        rate = float(ground.labels[drawn].mean()) if drawn.any() else float(ground.guessed.mean())
        taken = round(rate * len(ground.guessed))
        labels = np.zeros(len(ground.guessed))
        labels[np.argsort(-ground.guessed, kind="stable")[:taken]] = 1.0
        return _with_unlabelled(ground, labels, np.full(len(labels), ground.stands_for))


VARIANTS: tuple[type[Variant], ...] = (
    AsFound,
    InclusionWeights,
    LearntPropensity,
    RandomArmOnly,
    AllOthersClean,
    Fuzzy,
    Parcelling,
    HardCut,
)
"""All variants, the one that others are compared with first."""


def _with_unlabelled(ground: Ground, labels: Values, weights: Values) -> TrainingSet:
    return TrainingSet(
        np.vstack([ground.matrix, ground.unlabelled]),
        np.concatenate([ground.labels, labels]),
        np.concatenate([np.ones(len(ground.labels)), weights]),
    )
