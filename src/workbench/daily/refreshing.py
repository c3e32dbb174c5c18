"""Refreshing: profiles learnt anew from what is known by now, under the same trees.

The trees read features by place and some columns as codes. Recipes, calibration and trees stay as they are; so do the
vocabularies of columns that trees read as codes. Everything else that was learnt from the past is learnt again: rates,
quartiles, counts, and the vocabularies of columns that only form groups, so that a new importer gets a profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from workbench.bundle import bundle_files, write_bundle
from workbench.config import FeaturesConfig
from workbench.daily.bundles import has_history
from workbench.daily.desk import Desk
from workbench.daily.incoming import end_of
from workbench.daily.ledger import DeskError, Ledger, Line
from workbench.daily.outcomes import known
from workbench.daily.steps import begin
from workbench.errors import BundleError, LabelError
from workbench.features import learners
from workbench.features.past import Past
from workbench.scorer.bundle import GOLDEN_INPUT, MANIFEST, Manifest, ScoringBundle
from workbench.scorer.risk.featureset import FeatureSet
from workbench.scorer.risk.lookups import UNSEEN, KeySpace, Lookup
from workbench.scorer.schema import derive
from workbench.timeline import as_of

REFRESH = "refresh"
_AS_OF = "refreshed_as_of"


@dataclass(frozen=True)
class Refreshed:
    """What a refresh came to.

    Parameters
    ----------
    day
        Profiles know what was recorded by the end of this day.
    version, before
        Version of the bundle now in force, and of the one before.
    labels
        Labels that the profiles know.
    was_done
        Whether an earlier call had done it: then this one changed nothing.
    """

    day: date
    version: str
    before: str
    labels: int
    was_done: bool

    def describe(self) -> str:
        """Say it in a sentence."""
        if self.was_done:
            return f"Profiles were refreshed as of the end of {self.day} before; nothing was changed."
        return (
            f"Profiles know {self.labels:,} labels recorded by the end of {self.day}. Bundle {self.version} is in "
            f"force, with the trees of {self.before}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return {**self.__dict__, "day": self.day.isoformat()}


def refresh(desk: Desk, day: date, *, now: datetime | None = None) -> Refreshed:
    """Learn the profiles anew as of the end of a day and put them in force under the same trees.

    Parameters
    ----------
    desk
        The desk; it has a history.
    day
        Labels recorded by its end are known.
    now
        The present, with time zone.

    Raises
    ------
    DeskError
        The desk has no history, the day is not over, profiles of a later day are in force, or something of the desk was
        changed by hand.
    LabelError
        No label is known.
    BundleError
        The pipeline's features are not those of the bundle.
    """
    moment = desk.clock(now)
    with desk.locked():
        begin(desk, moment)
        ledger = desk.ledger()
        if (done := next((one for one in refreshes(ledger) if one.name == day.isoformat()), None)) is not None:
            return Refreshed(day, done.detail["bundle"], done.detail["before"], done.detail["labels"], was_done=True)
        _check(desk, day, moment)
        past = as_of(*known(desk, end_of(day)), end_of(day))
        before = desk.bundle()
        scorer = before.scorer
        features = refreshed_features(scorer.model.features, past, desk.pipeline.features)
        model = replace(scorer.model, features=features)
        labels = int(past["violation"].count())
        files = bundle_files(
            replace(scorer, model=model),
            programme=desk.programme,
            trained_as_of=before.manifest.trained_as_of,
            golden=golden_rows(desk),
            facts=before.manifest.facts | {_AS_OF: end_of(day).isoformat(), "labels_of_profiles": labels},
        )
        version = put(desk, files)
        detail = {"bundle": version, "before": before.manifest.version, "labels": labels}
        ledger.with_line(REFRESH, day.isoformat(), detail, moment)
        return Refreshed(day, version, before.manifest.version, labels, was_done=False)


def _check(desk: Desk, day: date, now: datetime) -> None:
    if not has_history(desk):
        raise DeskError(
            f"{desk.path} has no history: profiles would forget what the model learnt from. Make the desk with --run."
        )
    check_over(day, now)
    lines = [line for line in refreshes(desk.ledger()) if line.name > day.isoformat()]
    if lines:
        raise DeskError(f"Profiles as of {lines[-1].name} are in force, which is later than {day}. Give a later day.")


def check_over(day: date, now: datetime) -> None:
    """Refuse a day that is not over by the programme's clock: what it teaches is not all known yet.

    Raises
    ------
    DeskError
        It is not over.
    """
    if day >= now.date():
        raise DeskError(f"{day} is not over; nobody knows yet all that it teaches. Give a day before {now.date()}.")


def refreshes(ledger: Ledger) -> list[Line]:
    """Return the refreshes since a bundle was last adopted, whose profiles are its own."""
    adopted = max((line.number for line in ledger.of("adopt")), default=0)
    return [line for line in ledger.of(REFRESH) if line.number > adopted]


def profiles_as_of(manifest: Manifest) -> str:
    """Return the moment until which the profiles of a bundle know results: its training's where none was refreshed."""
    return str(manifest.facts.get(_AS_OF, manifest.trained_as_of))


def golden_rows(desk: Desk) -> pl.DataFrame:
    """Return the raw golden rows of the bundle in force."""
    return pl.read_parquet(desk.bundle_folder() / GOLDEN_INPUT)


def put(desk: Desk, files: Mapping[str, bytes]) -> str:
    """Write a bundle to the desk and return its version; the same content is written once."""
    version = Manifest.from_bytes(files[MANIFEST]).version
    folder = desk.path / "bundles" / version
    if folder.exists():
        ScoringBundle.load(folder)
    else:
        write_bundle(files, folder)
    return version


def refreshed_features(old: FeatureSet, past: pl.DataFrame, config: FeaturesConfig) -> FeatureSet:
    """Learn the lookups of `old` anew.

    Parameters
    ----------
    old
        The features that the trees were grown on.
    past
        What `timeline.as_of` returned.
    config
        The [features] that `old` was learnt with.

    Returns
    -------
    FeatureSet
        The same recipes in the same order. A value that the trees never saw in a column of codes stays unseen, and a
        group with such a value has the prior.

    Raises
    ------
    BundleError
        `config` learns other lookups than `old` has.
    LabelError
        No label is known.
    """
    every = learners(config)
    wanted = {one.name: (tuple(one.columns), set(one.values)) for one in every}
    has = {name: (lookup.columns, set(lookup.defaults)) for name, lookup in old.lookups.items()}
    if odd := sorted(name for name in wanted.keys() | has.keys() if wanted.get(name) != has.get(name)):
        raise BundleError(
            f"The desk's [features] are not those of the bundle: {', '.join(odd[:5])} differ. Adopt a bundle that was "
            "trained with them."
        )
    if not past["violation"].count():
        raise LabelError("No label is known by then: there is nothing to learn profiles from. Give a later day.")
    derived = derive(past)
    space, frozen = _space(old, derived)
    table = Past(derived, space, config.folds)
    lookups = {one.name: _without_unseen(one.learn(table)[0], space, frozen) for one in every}
    return FeatureSet(space, lookups, old.recipes)


def _space(old: FeatureSet, derived: pl.DataFrame) -> tuple[KeySpace, frozenset[str]]:
    """Return the vocabularies, those of columns that trees read as codes being the old ones, and these columns."""
    frozen = frozenset(recipe.column for recipe in old.recipes if recipe.kind == "code")
    learnt = KeySpace.learn(derived, [name for name in old.space.vocabularies if name not in frozen])
    kept = {name: old.space.vocabularies[name] for name in frozen}
    return KeySpace(dict(sorted({**learnt.vocabularies, **kept}.items()))), frozen


def _without_unseen(lookup: Lookup, space: KeySpace, frozen: frozenset[str]) -> Lookup:
    """Drop the groups of values that the vocabulary does not know: they are many values under one code."""
    keys = lookup.table["key"].to_numpy()
    is_unseen = np.zeros(len(keys), dtype=bool)
    for name, codes in _codes(keys, lookup.columns, space).items():
        if name in frozen:
            is_unseen |= codes == UNSEEN
    return replace(lookup, table=lookup.table.filter(pl.Series(~is_unseen)))


def _codes(keys: Any, columns: Sequence[str], space: KeySpace) -> dict[str, Any]:
    """Take keys apart into the codes that they were combined from, the last column first."""
    codes = {}
    for name in reversed(columns):
        keys, codes[name] = np.divmod(keys, space.vocabularies[name].size)
    return codes
