"""The risk model: what each label counts, trees, calibration, and training in the order of time."""

from .boosters import grow, grow_recovery
from .calibrating import calibrate
from .training import Training, earlier_and_later, stop_early, train, train_again
from .weights import effective_size, inclusion_probability, label_weights, trimmed

__all__ = [
    "Training",
    "calibrate",
    "earlier_and_later",
    "effective_size",
    "grow",
    "grow_recovery",
    "inclusion_probability",
    "label_weights",
    "stop_early",
    "train",
    "train_again",
    "trimmed",
]
