"""The desk: one widget on which a criterion is edited, answered, tuned and saved.

The page asks by setting a trait (`draft`, `page_asked`, ...) and the kernel answers by setting its partner. The page
keeps one question of a kind open at a time and then asks the newest, so that edits never queue up here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

from workbench.criteria_lab.answers import Answers
from workbench.criteria_lab.drafts import NEW, criterion_of, form_of
from workbench.criteria_lab.frontier import frontier_of
from workbench.criteria_lab.hits import KINDS, Order, hits_page, written
from workbench.criteria_lab.messages import PAGE, PERIOD, MessageError, checked, form_in
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
    # What the page asks may be anything at all: `messages` looks at it, so that whatever came is answered.
    draft = traitlets.Any({}).tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    page_asked = traitlets.Any({}).tag(sync=True)
    page = traitlets.Dict().tag(sync=True)
    sweep_asked = traitlets.Any({}).tag(sync=True)
    frontier = traitlets.Dict().tag(sync=True)
    save_asked = traitlets.Any({}).tag(sync=True)
    saved = traitlets.Dict().tag(sync=True)
    period_asked = traitlets.Any({}).tag(sync=True)
    period = traitlets.Dict().tag(sync=True)

    def __init__(self, session: Session, opened: Criterion = NEW) -> None:
        self.session, self.first = session, opened
        self.answers: Answers | None = None
        base = opened.id if opened in session.present.criteria else ""
        super().__init__(facts=_facts(session), criteria=_forms(session), opened=base, period=_period(session))
        for name, question in _QUESTIONS.items():
            self.observe(_replier(self, question), name)

    def _answer(self, asked: Any) -> dict[str, Any]:
        asked = form_in(asked)
        criterion = criterion_of(asked, self.session.present)
        self.answers = answers = self.session.answer(criterion)
        shown = None if answers.figures is None else asdict(view_of(answers.figures))
        hits = None if shown is None else self._page(asked.get("page") or {})
        faults = [_told(fault) for fault in answers.faults]
        return {"status": status_of(answers), "faults": faults, "view": shown, "hits": hits}

    def _page(self, asked: Any) -> dict[str, Any]:
        asked = checked(asked, PAGE)
        if self.answers is None:
            raise MessageError("There are no hits to show yet: change the condition, and they are looked for.")
        criterion = self.answers.criterion
        reads, order = self.session.reads(criterion), Order.of(asked)
        page = hits_page(self.session.evidence, criterion.id, self.answers.hit, reads, order)
        return {**written(page), "reason": f"Reason shown to the officer: {criterion.stated_reason()}"}

    def _sweep(self, asked: Any) -> dict[str, Any]:
        return frontier_of(criterion_of(form_in(asked), self.session.present), self.session.evidence)

    def _save(self, asked: Any) -> dict[str, Any]:
        form = form_in(asked)
        criterion = criterion_of(form, self.session.present)
        done = save_draft(self.session, criterion, base=form["base"])
        self.session = self.session.reread()
        self.criteria = _forms(self.session)
        return {"saved": True, "message": done.message, "base": criterion.id, "command": done.command}

    def _choose_period(self, asked: Any) -> dict[str, Any]:
        days_asked = checked(asked, PERIOD)
        self.session = self.session.between(days_asked["start"], days_asked["end"])
        return _period(self.session)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        if not isinstance(bundle, tuple):
            return bundle
        data, metadata = bundle
        return {**data, "text/html": answers_html(self.session, self.first)}, metadata


@dataclass(frozen=True)
class _Question:
    """A question of the page: the trait that its answer goes to, how it is answered, and how a fault is told."""

    reply: str
    handle: Callable[[Desk, Any], dict[str, Any]]
    refuse: Callable[[Desk, SelectivityError], dict[str, Any]]


def _replier(desk: Desk, question: _Question) -> Callable[[Mapping[str, Any]], None]:
    def replied(change: Mapping[str, Any]) -> None:
        asked = change["new"]
        serial = asked.get("serial") if isinstance(asked, Mapping) else None
        setattr(desk, question.reply, {**_reply(desk, question, asked), "serial": serial})

    return replied


def _reply(desk: Desk, question: _Question, asked: Any) -> dict[str, Any]:
    try:
        return question.handle(desk, asked)
    except SelectivityError as error:
        return question.refuse(desk, error)
    except Exception as error:
        # A page that hears nothing waits in vain and tells the analyst nothing; the trace goes to the kernel's log.
        desk.log.exception("A question of the criteria desk failed")
        return question.refuse(desk, SelectivityError(f"This could not be answered ({error!r}); the log says where."))


def _refused_draft(_: Desk, error: SelectivityError) -> dict[str, Any]:
    faults = error.faults if isinstance(error, RefusedCriterionError) else [Fault("failed", str(error))]
    told = [_told(fault) for fault in faults]
    return {"status": f"{len(told)} to mend before it can be evaluated.", "faults": told, "view": None, "hits": None}


def _refused_page(_: Desk, error: SelectivityError) -> dict[str, Any]:
    return {"columns": [], "rows": [], "total": str(error), "page": 0, "pages": 1, "reason": ""}


def _refused_sweep(_: Desk, error: SelectivityError) -> dict[str, Any]:
    # The answer to the same draft says what is wrong with it, and where.
    refused = isinstance(error, RefusedCriterionError)
    return {"points": [], "note": "The condition has faults." if refused else str(error)}


def _refused_save(desk: Desk, error: SelectivityError) -> dict[str, Any]:
    asked = desk.save_asked
    base = asked.get("base", "") if isinstance(asked, Mapping) else ""
    return {"saved": False, "message": str(error), "base": base, "command": ""}


def _refused_period(desk: Desk, error: SelectivityError) -> dict[str, Any]:
    return _period(desk.session) | {"fault": str(error)}


_QUESTIONS: Mapping[str, _Question] = {
    "draft": _Question("answer", Desk._answer, _refused_draft),
    "page_asked": _Question("page", Desk._page, _refused_page),
    "sweep_asked": _Question("frontier", Desk._sweep, _refused_sweep),
    "save_asked": _Question("saved", Desk._save, _refused_save),
    "period_asked": _Question("period", Desk._choose_period, _refused_period),
}


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
