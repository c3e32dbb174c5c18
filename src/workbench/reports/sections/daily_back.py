"""What came back to the daily cycle: results and re-routings, those refused with the reason, and files not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workbench.reports.page import Section, Table
from workbench.reports.sections.cells import Row, Spec, counted, day, laid_out, table
from workbench.reports.sections.daily_words import rerouting_reason, result_reason


def came_back(found: Row) -> Section:
    """Return the section on what came back."""
    back = found["came_back"]
    text = [
        f"Results of the goods of these days: {found['results']:,}. Taken in since the first of them, of goods of any "
        f"day: {back['results']:,}, {back['corrections']:,} of them corrections of earlier ones.",
        f"Re-routings by officers: {back['reroutings']:,} recorded, {sum(back['refused'].values()):,} refused.",
        _controls(found["controls"]),
    ]
    if not back["rejected"]:
        text.append("No result was set aside.")
    return Section("What came back", tuple(text), tuple(_refused(found)))


def _controls(controls: Row) -> str:
    """Say how many controls wait for a result, and how many will never have one."""
    told = f"Controls: {counted(controls['declarations'], 'declaration')}; without all results yet: "
    told += f"{controls['waiting']:,}"
    if controls["waiting"]:
        told += f", the oldest of {day(controls['waiting_since'])}"
    return f"{told}. Released by an officer, so that no result will come: {controls['released']:,}."


def _refused(found: Row) -> Iterator[Table]:
    back = found["came_back"]
    if back["rejected"]:
        yield _reasons("Results set aside, by reason", back["rejected"], result_reason)
    if back["refused"]:
        yield _reasons("Re-routings refused, by reason", back["refused"], rerouting_reason)
    files = [{"file": file} for file in (*back["rejected_files"], *back["refused_files"])]
    if files:
        yield table("Where they lie, each with its reason", files, file=("File in the desk's folder", "text"))
    if found["unread"]:
        columns: dict[str, Spec] = {"file": ("File in the desk's folder", "text"), "why": ("Why", "text")}
        unread = table("Files that could not be read", found["unread"], **columns, last=("Last on", "date"))
        yield laid_out(unread, under=("why",))


def _reasons(caption: str, codes: Row, words: Callable[[str], str]) -> Table:
    rows = [{"reason": words(code), "count": count} for code, count in codes.items()]
    return table(caption, rows, reason=("Reason", "text"), count=("Rows", "count"))
