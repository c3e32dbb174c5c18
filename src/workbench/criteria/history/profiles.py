"""Profile columns as they stood at each lodgement: learnt anew at the start of every window, from its past only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from workbench.config import FeaturesConfig
from workbench.errors import ConfigError
from workbench.features import learners as learners_of
from workbench.features.learners import Learner
from workbench.features.past import Past
from workbench.features.profiles import HitRate
from workbench.progress import Tell
from workbench.scorer.risk.lookups import Codes, KeySpace, Values, profile_name
from workbench.timeline import before, known_labels, since_or_undated

_ONE_FOLD_OF = 2
_NO_LABEL = -1


@dataclass(frozen=True)
class _Window:
    """Consecutive rows that are judged by what was known at `moment`; rows before `first` make up their past."""

    moment: datetime
    past_rows: int
    first: int
    last: int


@dataclass(frozen=True)
class _PastOfWindow(Past):
    """The past of one window, whose codes are the first rows of codes worked out once for all windows.

    The vocabulary has values of the future too; it only numbers the groups, and a group without a past is in no lookup.
    """

    all_codes: Mapping[str, Codes]

    @cached_property
    def codes(self) -> Mapping[str, Codes]:
        """Codes of the key columns."""
        return {name: codes[: self.frame.height] for name, codes in self.all_codes.items()}

    @cached_property
    def folds(self) -> npt.NDArray[np.int64]:
        """One fold for all: no row of the past is judged here, so nothing is left out of anything."""
        return np.zeros(self.frame.height, dtype=np.int64)


def needed_learners(config: FeaturesConfig, used: Iterable[str] | None) -> list[Learner]:
    """Return the learners of `config` that the columns `used` need; all of them for ``None``."""
    every = learners_of(config)
    if used is None:
        return every
    wanted = set(used)
    return [one for one in every if wanted & set(_profiles(one, None))]


def _profiles(learner: Learner, used: set[str] | None) -> dict[str, str]:
    """Return the name of each of the learner's profile columns that is `used`, with the value that it holds."""
    names = {profile_name(learner.columns, value): value for value in learner.values}
    return {name: value for name, value in names.items() if used is None or name in used}


def as_of_profiles(
    rows: pl.DataFrame,
    config: FeaturesConfig,
    start: datetime,
    *,
    refresh: str,
    used: Iterable[str] | None = None,
    tell: Tell | None = None,
) -> pl.DataFrame:
    """Return the profile columns of every row lodged from `start` on.

    Parameters
    ----------
    rows
        Derived canonical declarations in order of time, with ``violation`` and ``label_known_at``: the period and all
        of its past.
    config
        The pipeline's [features].
    start
        First moment of the period.
    refresh
        Length of a window in Polars' words: ``1mo``, ``1w``, ``1d``, ``1q``; windows are those of the calendar.
    used
        Profile columns wanted; ``None`` for all.
    tell
        Told the rows done after each window.

    Returns
    -------
    polars.DataFrame
        One Float64 column a profile, one row a declaration item of the period; null where no past, or no label in
        it, told anything, and where a group has too few rows.
    """
    wanted = None if used is None else set(used)
    learners = needed_learners(config, wanted)
    windows = list(_windows(rows.select("lodged_at"), start, refresh))
    first = windows[0].first if windows else rows.height
    values = {name: np.full(rows.height - first, np.nan) for one in learners for name in _profiles(one, wanted)}
    known = _KnownTable.of(rows, learners)
    for window in windows:
        known.fill(values, first, window, learners)
        if tell:
            tell("profiles", window.last - first)
    return pl.DataFrame(values, nan_to_null=True, schema=dict.fromkeys(values, pl.Float64))


@dataclass(frozen=True)
class _KnownTable:
    """Everything lodged up to the end of the period, ready to be cut at the start of each window."""

    rows: pl.DataFrame
    labels: pl.DataFrame
    space: KeySpace
    codes: Mapping[str, Codes]

    @classmethod
    def of(cls, rows: pl.DataFrame, learners: Sequence[Learner]) -> _KnownTable:
        space = KeySpace.learn(rows, {name for one in learners for name in one.columns})
        labels = rows.select("violation", "label_known_at").with_row_index("row")
        return cls(rows, labels.filter(pl.col("violation").is_not_null()), space, space.codes(rows))

    def past_of(self, window: _Window) -> _PastOfWindow:
        known = known_labels(self.labels, window.moment).filter(pl.col("row") < window.past_rows)
        violation = np.full(window.past_rows, _NO_LABEL, dtype=np.int8)
        violation[known["row"].to_numpy()] = known["violation"].to_numpy()
        labels = pl.Series("violation", violation).replace(_NO_LABEL, None)
        frame = self.rows.head(window.past_rows).with_columns(labels)
        return _PastOfWindow(frame, self.space, _ONE_FOLD_OF, self.codes)

    def fill(self, values: Mapping[str, Values], offset: int, window: _Window, learners: Iterable[Learner]) -> None:
        """Write the profiles of the window's rows into `values`, whose first row is row `offset` of the table."""
        past = self.past_of(window)
        codes = {name: column[window.first : window.last] for name, column in self.codes.items()}
        for learner in learners:
            if not past.frame.height or (isinstance(learner, HitRate) and not past.labelled.any()):
                continue  # nothing was known to learn from: not even a prior
            lookup, _ = learner.learn(past)
            places = lookup.rows(self.space.keys(codes, learner.columns))
            for name, value in _profiles(learner, set(values)).items():
                values[name][window.first - offset : window.last - offset] = lookup.take(places, value)


def _windows(lodged: pl.DataFrame, start: datetime, refresh: str) -> Iterator[_Window]:
    """Yield the windows that hold rows, in order; `lodged` is in order of time."""
    later = lodged.filter(since_or_undated(lodged["lodged_at"], start))
    try:
        moments = later["lodged_at"].dt.truncate(refresh)
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise ConfigError(f"refresh is {refresh!r} ({error}); give a length such as '1mo', '1w' or '1d'.") from None
    first = lodged.height - later.height
    for moment, count in moments.value_counts(sort=False).sort("lodged_at").iter_rows():
        yield _Window(moment, before(lodged, moment).height, first, first + count)
        first += count
