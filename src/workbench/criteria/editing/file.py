"""A criteria file: cut into its tables, of which one is written anew."""

from __future__ import annotations

import codecs
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.criteria.editing.tables import as_written, changed_keys, new_table, updated_table, written_keys
from workbench.criteria.lifecycle.journal import read
from workbench.criteria.lifecycle.places import without_links
from workbench.criteria.lifecycle.states import LifecycleError
from workbench.criteria.lifecycle.texts import Text, texts
from workbench.errors import CriterionError, did_you_mean
from workbench.scorer.criteria import CriteriaSet, Criterion
from workbench.scorer.files import write_bytes_atomically


@dataclass(frozen=True)
class Edited:
    """A change that was written.

    Parameters
    ----------
    path
        The criteria file.
    criterion
        Id of the criterion.
    keys
        Keys, and parameters as ``parameters.NAME``, that are new or have another value; none where nothing changed.
    is_new
        Whether the criterion was added.
    standing
        What the journal knows of the text that stands there now, and what follows for runs.
    """

    path: Path
    criterion: str
    keys: tuple[str, ...]
    is_new: bool = False
    standing: str = ""

    def describe(self) -> str:
        """Say what was written and what it means for the criterion."""
        if not self.keys:
            return f"{self.path}: {self.criterion} stands there already; nothing was written."
        what = "added" if self.is_new else f"changed ({', '.join(self.keys)})"
        return f"{self.path}: {self.criterion} {what}. {self.standing}"


class CriteriaFile:
    """A criteria file as text, cut into its tables, and as a set; a change is checked before it is written."""

    def __init__(self, path: Path, *, may_be_new: bool = False) -> None:
        path = without_links(path)
        self.path = path
        try:
            content = b"" if may_be_new and not path.exists() else path.read_bytes()
            self.mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
            self.text = content.removeprefix(self.mark).decode("utf-8")
            self.blocks = _blocks(self.text)
            self.criteria = CriteriaSet.from_dict(tomllib.loads(self.text))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise CriterionError(f"The criteria file {path} cannot be read: {error}. Give a TOML file.") from None
        except CriterionError as error:
            raise CriterionError(f"The criteria file {path} has faults; mend them first:\n{error}") from None
        self.known = {one.id: one for one in self.criteria.criteria}
        self.places = [number for number, block in enumerate(self.blocks) if _HEADER.match(block)]
        if len(self.places) != len(self.criteria.criteria):
            raise CriterionError(f"{path} holds its criteria in a plain array. Write each as a [[criterion]] table.")

    def criterion(self, name: str) -> Criterion:
        """Return a criterion of the file; refuse an unknown id with the nearest one."""
        if name not in self.known:
            known = ", ".join(self.known) or "none"
            raise CriterionError(
                f"{self.path} has no criterion {name!r}{did_you_mean(name, self.known)}. It has: {known}."
            )
        return self.known[name]

    def append(self, criterion: Criterion, comment: str) -> Edited:
        """Add a table after the last criterion, in front of the comments of what follows."""
        place = self.places[-1] if self.places else len(self.blocks) - 1
        body, tail = _body_and_tail(self.blocks[place]) if self.places else (self.blocks[place], "")
        before = f"{body.rstrip()}\n\n" if body.strip() else ""
        text = self._write(criterion, place, f"{before}{new_table(criterion, comment)}{tail}")
        standing = _standing(self.path, criterion.id, text)
        return Edited(self.path, criterion.id, tuple(written_keys(criterion)), is_new=True, standing=standing)

    def replace(self, before: Criterion, after: Criterion) -> Edited:
        """Write what differs between two versions of a criterion into its table."""
        after = as_written(before, after)
        changed = changed_keys(before, after)
        if not changed:
            return Edited(self.path, after.id, ())
        place = self.places[list(self.known).index(before.id)]
        body, tail = _body_and_tail(self.blocks[place])
        text = self._write(after, place, updated_table(body, before, after) + tail)
        return Edited(self.path, after.id, changed, standing=_standing(self.path, after.id, text))

    def _write(self, criterion: Criterion, place: int, block: str) -> Text:
        """Put the block in its place where the file then says what was meant and nothing else has changed."""
        ending = "\r\n" if "\r\n" in self.text else "\n"
        block = block.replace("\r\n", "\n").replace("\n", ending)
        text = "".join([*self.blocks[:place], block, *self.blocks[place + 1 :]])
        try:
            found = CriteriaSet.from_dict(tomllib.loads(text))
        except (tomllib.TOMLDecodeError, CriterionError) as error:
            raise CriterionError(
                f"{self.path} was left as it is: {criterion.id!r} cannot be written: {error}"
            ) from None
        meant = CriteriaSet(tuple({**self.known, criterion.id: criterion}.values()), *_rest(self.criteria))
        written = texts(found)
        if written != texts(meant) or _rest(found) != _rest(self.criteria):
            raise CriterionError(
                f"{self.path} was left as it is: writing {criterion.id!r} there would change something else too. Write "
                "it by hand."
            )
        write_bytes_atomically(self.mark + text.encode("utf-8"), self.path)
        return written[criterion.id]


def _standing(file: Path, name: str, text: Text) -> str:
    """Say where the text that was written stands, and that runs stop where another one of it is in production."""
    try:
        ledger = read(file).ledger
    except LifecycleError as error:
        return f"It is a draft now. Its journal cannot be read: {error}"
    own, before = ledger.of(name, text.sha256), ledger.in_production(datetime.now(UTC).date()).get(name)
    if own is not None:
        where = f"The journal knows this text: it is {own.state.value} since line {own.last.seq}."
    else:
        where = "It is a draft now; earlier approvals are void." if ledger.texts_of(name) else "It is a draft."
    if before is None or before.text == text:
        return where
    return (
        f"{where} The text it replaces is {before.state.value} since line {before.last.seq}: no run starts until the "
        "new one is approved, the old one restored, or the criterion retired."
    )


def _rest(criteria: CriteriaSet) -> tuple[Any, Any]:
    return criteria.lists, criteria.points


_HEADER = re.compile(r"[ \t]*\[\[[ \t]*[\"']?criterion[\"']?[ \t]*\]\]")
_TABLE = re.compile(r"[ \t]*\[")
_PART = re.compile(r"[ \t]*\[{1,2}[ \t]*[\"']?criterion[\"']?[ \t]*\.")


def _blocks(text: str) -> list[str]:
    """Cut a file in front of each table; sub-tables of a criterion stay with it. Joined, they are the file again.

    Only the block that changes is parsed and written anew: a writer of TOML may space the others differently.
    """
    blocks = [""]
    for line in text.splitlines(keepends=True):
        if _TABLE.match(line) and not _PART.match(line) and _is_complete(blocks[-1]):
            blocks.append("")
        blocks[-1] += line
    return blocks


def _is_complete(block: str) -> bool:
    """Say whether a table may start after `block`: it does not within a text or an array of several lines."""
    try:
        tomllib.loads(block)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _body_and_tail(block: str) -> tuple[str, str]:
    """Part the lines at the end that are blank or comments: they belong to what follows."""
    lines = block.splitlines(keepends=True)
    count = len(lines)
    while count and (not lines[count - 1].strip() or lines[count - 1].lstrip().startswith("#")):
        count -= 1
    return "".join(lines[:count]), "".join(lines[count:])
