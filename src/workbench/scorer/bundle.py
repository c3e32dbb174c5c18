"""The scoring bundle: a directory that holds everything a decision needs, checked before anything in it is opened.

``manifest.json`` names every other file with its SHA-256 and size. Loading goes: protocol, list of files, sizes and
hashes, and only then the parsers, because XGBoost's and Parquet's readers are not safe on changed bytes. Last, the
golden rows are scored and must come out as they did at export.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as Table
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from .criteria import CriteriaSet
from .errors import BundleError
from .frames import Frame, like, to_polars
from .intake.mapping import Mapping
from .lanes.policy import SelectionPolicy
from .risk.riskmodel import RiskModel
from .scorer import DECISIONS, Scorer

PROTOCOL = 3
"""Number of the bundle's layout and of the order of resolution; what was released under a number stays readable.

Nothing was released under 1, in which each lane took criteria, random arm and model before the next lane was filled,
nor under 2, in which the random arm was drawn before the top-up.
"""

_UNRELEASED = (1, 2)

MANIFEST = "manifest.json"
GOLDEN_INPUT, GOLDEN_DECISIONS = "golden/input.parquet", "golden/decisions.parquet"


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    Parameters
    ----------
    protocol
        Number of the layout.
    programme
        Name of the selection problem.
    version
        Version of the bundle, the same as its wheel's.
    trained_as_of
        Moment of knowledge of the model, ISO 8601.
    facts
        Anything else for people and audits: data period, fingerprints, library versions, metrics.
    files
        SHA-256 and size in bytes of every file, by path relative to the bundle.
    """

    protocol: int
    programme: str
    version: str
    trained_as_of: str
    facts: dict[str, Any]
    files: dict[str, dict[str, Any]]

    @classmethod
    def from_bytes(cls, content: bytes) -> Manifest:
        """Read a manifest; refuse another protocol by name."""
        try:
            data = json.loads(content)
            found = data["protocol"]
            manifest = cls(**data) if type(found) is int and found == PROTOCOL else None
            if manifest is not None and not all(isinstance(entry, dict) for entry in manifest.files.values()):
                raise TypeError("'files' is no table of files")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BundleError(f"{MANIFEST} is not readable ({error}). Export or copy the bundle again.") from None
        if manifest is None:
            raise BundleError(f"The bundle has protocol {found!r}; this scorer reads {PROTOCOL}. {_remedy(found)}")
        return manifest

    def to_bytes(self) -> bytes:
        """Return the manifest as JSON, the same bytes for the same content."""
        return (json.dumps(self.__dict__, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode()


def _remedy(protocol: object) -> str:
    if type(protocol) is int and protocol in _UNRELEASED:
        return (
            f"Lanes were filled otherwise under {protocol}: export the run again with `workbench export RUN --out NEW`."
        )
    return "Install its scorer."


def file_entry(content: bytes) -> dict[str, Any]:
    """Return the manifest's entry of a file."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


@dataclass(frozen=True)
class ScoringBundle:
    """A loaded bundle: its manifest and its scorer."""

    manifest: Manifest
    scorer: Scorer

    @classmethod
    def load(cls, folder: str | Path, *, replay: bool = True) -> ScoringBundle:
        """Check and load a bundle.

        Parameters
        ----------
        folder
            The bundle's directory.
        replay
            Score the golden rows and compare; leave it on unless the same bundle was just replayed.

        Raises
        ------
        BundleError
            A file is missing, was added or changed, or the golden rows come out otherwise.
        """
        root = Path(folder)
        manifest, contents = _checked_contents(root)
        try:
            bundle = cls(manifest, _scorer(contents))
            if replay:
                bundle.replay(_table(contents, GOLDEN_INPUT), _table(contents, GOLDEN_DECISIONS))
        except _UNREADABLE as error:
            raise BundleError(
                f"The bundle's content is not what an export writes ({type(error).__name__}: {error}). Export it again."
            ) from None
        return bundle

    def score(self, raw: Frame, *, reasons: bool = True, as_of: datetime | None = None) -> Frame:
        """Decide every row of a raw pandas, Polars or Arrow table and give back a table of that kind.

        See `Scorer.score` for the parameters and the columns.
        """
        return like(raw, self.scorer.score(to_polars(raw), reasons=reasons, as_of=as_of))

    def replay(self, golden: pl.DataFrame, expected: pl.DataFrame) -> None:
        """Score the golden rows; raise BundleError at the first column that differs, naming rows.

        Reasons are left out: a later scorer may word them better, and words decide nothing.
        """
        if tuple(expected.columns) != DECISIONS or not expected.height:
            raise BundleError(
                f"{GOLDEN_DECISIONS} holds no golden decisions, so nothing proves the scorer. Export again."
            )
        found = self.score(golden, reasons=False)
        for name in expected.drop("reasons").columns:
            differs = found[name].ne_missing(expected[name])
            if differs.any():
                rows = found["declaration_id"].filter(differs).head(3).to_list()
                raise BundleError(
                    f"The golden rows do not come out as at export: {name!r} differs for {rows}. This scorer or its "
                    f"libraries are not the exporting one's; install the versions that {MANIFEST} names."
                )


_UNREADABLE = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What readers raise on content that passed its hash and is still no bundle: somebody hashed it anew."""


def _checked_contents(root: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Read every file once and check it; later steps see these bytes, never the disk again."""
    if not (root / MANIFEST).is_file():
        raise BundleError(f"{root} holds no {MANIFEST}, so it is no bundle. Give the directory that the export wrote.")
    manifest = Manifest.from_bytes((root / MANIFEST).read_bytes())
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} - {MANIFEST}
    if odd := sorted(found.symmetric_difference(manifest.files)):
        state = ", ".join(f"{name} ({'not in the manifest' if name in found else 'missing'})" for name in odd[:5])
        raise BundleError(f"The bundle's files are not those of its manifest: {state}. Copy the bundle again.")
    contents = {}
    for name, entry in manifest.files.items():
        content = (root / name).read_bytes()
        if file_entry(content) != entry:
            raise BundleError(
                f"{name} was changed after export: its hash is not the manifest's. Copy the bundle again."
            )
        contents[name] = content
    return manifest, contents


def _scorer(contents: Table[str, bytes]) -> Scorer:
    model_files = {
        name.removeprefix("model/"): content for name, content in contents.items() if name.startswith("model/")
    }
    tables = {
        name.removesuffix(".parquet"): pl.read_parquet(content)
        for name, content in model_files.items()
        if name.endswith(".parquet")
    }
    return Scorer(
        mapping=Mapping.from_dict(_json(contents, "mapping.json")),
        model=RiskModel.from_files(_json(contents, "model/model.json"), model_files, tables),
        criteria=CriteriaSet.from_dict(_json(contents, "criteria.json")),
        policy=SelectionPolicy.from_dict(_json(contents, "policy.json")),
    )


def _json(contents: Table[str, bytes], name: str) -> Any:
    try:
        return json.loads(contents[name])
    except (KeyError, ValueError) as error:
        raise BundleError(f"{name} is missing or is not JSON ({error}). Export the bundle again.") from None


def _table(contents: Table[str, bytes], name: str) -> pl.DataFrame:
    if name not in contents:
        raise BundleError(f"{name} is missing: a bundle without golden rows cannot be trusted. Export it again.")
    return pl.read_parquet(contents[name])
