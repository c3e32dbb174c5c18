"""Batch scoring from a bundle directory or from an exported wheel, without installing the wheel."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath

from workbench.bundle import WHEEL_PACKAGE
from workbench.errors import BundleError
from workbench.scorer.bundle import ScoringBundle
from workbench.scorer.intake.reading import scan_chunks
from workbench.scorer.intake.validation import Finding, validate

_PREFIX = f"{WHEEL_PACKAGE}/bundle/"
_LARGEST_FILE = 2 << 30
_LOOKED_AT_ROWS = 10_000


@contextmanager
def open_bundle(path: Path) -> Iterator[ScoringBundle]:
    """Load a bundle from its directory, or from the wheel that carries it.

    Raises
    ------
    BundleError
        `path` is neither, or what it holds was changed after export.
    """
    if (path / "bundle" / "manifest.json").is_file() and not (path / "manifest.json").is_file():
        raise BundleError(f"{path} is no bundle but holds one. Did you mean {path / 'bundle'}?")
    if path.is_dir():
        yield ScoringBundle.load(path)
    elif path.suffix == ".whl" and path.is_file():
        with tempfile.TemporaryDirectory() as scratch:
            _unpack(path, Path(scratch))
            yield ScoringBundle.load(scratch)
    else:
        raise BundleError(f"{path} is neither a bundle directory nor a .whl file. Give what `workbench export` wrote.")


def first_finding(bundle: ScoringBundle, source: str | Path, as_of: datetime) -> Finding | None:
    """Return the first kind of fault among the first rows of an input, errors first, to say why none could be read."""
    mapping = bundle.scorer.mapping
    chunk = next(scan_chunks(source, _LOOKED_AT_ROWS, columns=mapping.raw_columns(), form=mapping.csv))
    return next(iter(validate(mapping.apply(chunk), as_of=as_of).findings), None)


def _unpack(wheel: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [info for info in archive.infolist() if info.filename.startswith(_PREFIX) and not info.is_dir()]
            for info in members:
                _unpack_one(archive, info, folder)
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        raise BundleError(f"{wheel} is not a readable wheel ({error}). Export or copy it again.") from None
    if not members:
        raise BundleError(f"{wheel} carries no bundle. Give a selectivity_scorer wheel that `workbench export` wrote.")


def _unpack_one(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path) -> None:
    inner = PurePosixPath(info.filename.removeprefix(_PREFIX))
    if inner.is_absolute() or ".." in inner.parts or info.file_size > _LARGEST_FILE:
        raise BundleError(f"{archive.filename} holds the unsafe entry {info.filename!r}. Do not use it; export again.")
    target = folder / inner
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(archive.read(info))
