"""The desk: one widget on which a criterion is edited, answered, tuned and saved.

The page asks by setting a trait (`draft`, `page_asked`, ...) and the kernel answers by setting its partner. The page
keeps one question of a kind open at a time and then asks the newest, so that edits never queue up here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

from workbench.criteria_lab.answers import Answers
from workbench.criteria_lab.drafts import NEW, criterion_of, form_of
from workbench.criteria_lab.frontier import frontier_of
from workbench.criteria_lab.hits import KINDS, Order, hits_page, written
from workbench.criteria_lab.saving import save_draft
from workbench.criteria_lab.session import Session, days
from workbench.criteria_lab.static import answers_html
from workbench.criteria_lab.view import status_of, view_of
from workbench.errors import SelectivityError
from workbench.scorer.criteria import Criterion
from workbench.scorer.expressions import Fault, RefusedCriterionError
from workbench.scorer.schema import Lane

_SCRIPTS = ("dom.js", "editor.js", "results.js", "tuning.js", "hits.js", "desk.js")
_HINT = "Ctrl+Space offers columns, profiles, functions, lists and parameters. A name after a colon is a parameter."


def _asset(*names: str) -> str:
    folder = files("workbench.criteria_lab") / "assets"
    return "\n".join((folder / name).read_text("utf-8") for name in names)


class Desk(anywidget.AnyWidget):
    """The criteria desk of a session.

    Parameters
    ----------
    session
        Run, period and set to work on.
    opened
        The criterion that is shown first.
    """

    _esm = _asset(*_SCRIPTS)
    _css = _asset("desk.css")

    facts = traitlets.Dict().tag(sync=True)
    criteria: Any = traitlets.List().tag(sync=True)
    opened = traitlets.Unicode().tag(sync=True)
    draft = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    page_asked = traitlets.Dict().tag(sync=True)
    page = traitlets.Dict().tag(sync=True)
    sweep_asked = traitlets.Dict().tag(sync=True)
    frontier = traitlets.Dict().tag(sync=True)
    save_asked = traitlets.Dict().tag(sync=True)
    saved = traitlets.Dict().tag(sync=True)
    period_asked = traitlets.Dict().tag(sync=True)
    period = traitlets.Dict().tag(sync=True)

    def __init__(self, session: Session, opened: Criterion = NEW) -> None:
        self.session, self.first = session, opened
        self.answers: Answers | None = None
        base = opened.id if opened in session.present.criteria else ""
        super().__init__(facts=_facts(session), criteria=_forms(session), opened=base, period=_period(session))
        handlers: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
            "draft": ("answer", self._answer),
            "page_asked": ("page", self._page),
            "sweep_asked": ("frontier", self._sweep),
            "save_asked": ("saved", self._save),
            "period_asked": ("period", self._choose_period),
        }
        for question, (reply, handle) in handlers.items():
            self.observe(_replier(self, reply, handle), question)

    def _answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            criterion = criterion_of(asked, self.session.present)
            answers = self.session.answer(criterion)
        except RefusedCriterionError as error:
            return _refused(error.faults)
        except SelectivityError as error:
            return _refused([Fault("failed", str(error))])
        self.answers = answers
        shown = None if answers.figures is None else asdict(view_of(answers.figures))
        hits = None if shown is None else self._page(asked.get("page", {}))
        faults = [_told(fault) for fault in answers.faults]
        return {"status": status_of(answers), "faults": faults, "view": shown, "hits": hits}

    def _page(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        assert self.answers is not None  # a page is asked for after an answer
        criterion = self.answers.criterion
        reads, order = self.session.reads(criterion), Order.of(asked)
        page = hits_page(self.session.evidence, criterion.id, self.answers.hit, reads, order)
        return {**written(page), "reason": f"Reason shown to the officer: {criterion.stated_reason()}"}

    def _sweep(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return frontier_of(criterion_of(asked, self.session.present), self.session.evidence)
        except RefusedCriterionError:
            # The answer to the same draft says what and where.
            return {"points": [], "note": "The condition has faults."}
        except SelectivityError as error:
            return {"points": [], "note": str(error)}

    def _save(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            criterion = criterion_of(asked, self.session.present)
            done = save_draft(self.session, criterion, base=str(asked["base"]))
        except SelectivityError as error:
            return {"saved": False, "message": str(error), "base": asked["base"], "command": ""}
        self.session = self.session.reread()
        self.criteria = _forms(self.session)
        return {"saved": True, "message": done.message, "base": criterion.id, "command": done.command}

    def _choose_period(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            self.session = self.session.between(str(asked["start"]), str(asked["end"]))
        except SelectivityError as error:
            return _period(self.session) | {"fault": str(error)}
        return _period(self.session)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        if not isinstance(bundle, tuple):
            return bundle
        data, metadata = bundle
        return {**data, "text/html": answers_html(self.session, self.first)}, metadata


def _replier(
    desk: Desk, reply: str, handle: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Callable[[Mapping[str, Any]], None]:
    def replied(change: Mapping[str, Any]) -> None:
        asked = change["new"]
        setattr(desk, reply, {**handle(asked), "serial": asked.get("serial")})

    return replied


def _facts(session: Session) -> dict[str, Any]:
    return {
        "title": "Criteria lab",
        "source": f"Run {session.run.path.name}: {session.history.rows.height:,} items",
        "file": f"to {session.criteria_file}",
        "hint": _HINT,
        "vocabulary": [asdict(word) for word in session.words],
        "lanes": [str(lane) for lane in Lane],
        "kinds": list(KINDS.items()),
    }


def _forms(session: Session) -> list[dict[str, Any]]:
    return [form_of(NEW), *(form_of(criterion, criterion.id) for criterion in session.present.criteria)]


def _period(session: Session) -> dict[str, Any]:
    chosen, (start, end), (first, last) = session.evidence.whole, days(session.period), days(session.history)
    text = (
        f"{chosen.items:,} items in {chosen.declarations:,} declarations; {chosen.controlled:,} controlled, "
        f"{chosen.violations:,} violations found"
    )
    return {"start": start, "end": end, "first": first, "last": last, "text": text, "fault": ""}


def _told(fault: Fault) -> dict[str, Any]:
    names = ("message", "line", "column", "suggestion", "code", "warning")
    told = {name: getattr(fault, name) for name in names}
    # A file would state the value; here there is a field for it.
    return told | {"suggestion": "give it one under Parameters"} if fault.code == "unknown_parameter" else told


def _refused(faults: Any) -> dict[str, Any]:
    told = [_told(fault) for fault in faults]
    return {"status": f"{len(told)} to mend before it can be evaluated.", "faults": told, "view": None, "hits": None}
