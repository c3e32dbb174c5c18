"""Report: what the run's numbers say, put as a page for a manager."""

from __future__ import annotations

from typing import Any

import polars as pl

from workbench import __version__
from workbench.reports.html import figure_files, write_report
from workbench.reports.page import Page
from workbench.reports.sections import basis, chance, criteria, criteria_words, decided, past, ranking, trust
from workbench.reports.sections.cells import period
from workbench.scorer.files import write_text_atomically
from workbench.stages.folder import FINAL, JSON_FILES, MEASURED, RunFolder

_EXAMPLES = 12


def report(run: RunFolder) -> Page:
    """Build the page of a run that has decided, and write ``report.html``, ``report.json`` and ``figures/``."""
    page = build(run)
    write_report(page, run.path)
    folder = run.path / "figures"
    folder.mkdir(exist_ok=True)
    for name, svg in figure_files(page).items():
        write_text_atomically(svg, folder / name)
    return page


def build(run: RunFolder) -> Page:
    """Build the page from what the stages wrote."""
    metrics, read = run.read_json("metrics"), run.read_json("data")
    training, selection = run.read_json("training"), run.read_json("selection")
    programme, judged = run.pipeline.programme, read["parts"]["judge"]
    backtest = _backtest(run)
    sections = [
        ranking.ranking(metrics),
        trust.comparison(metrics),
        trust.repeats(metrics),
        trust.calibration(metrics),
        None if backtest is None else criteria.section(backtest, backtest["states"]),
        chance.section(metrics["history"]),
        past.history(metrics["history"]),
        trust.groups(metrics["slices"]),
        decided.reasons(_examples(run.read("reasons"))),
        decided.decisions(selection),
        decided.criteria(selection),
        basis.data(read, _findings(run.read("findings"))),
    ]
    models = (("Measured model", training[MEASURED]), ("Exported model", training[FINAL]))
    return Page(
        title=programme.title,
        subtitle=_subtitle(judged, generated=run.pipeline.source.generate is not None),
        question=programme.question,
        answer=ranking.answer(metrics),
        key_figures=tuple(ranking.key_figures(metrics, read)),
        sections=tuple(section for section in sections if section is not None),
        next_steps=(
            *basis.next_steps(metrics, read, selection, run.pipeline.selection.random_share),
            *([] if backtest is None else criteria_words.next_steps(backtest)),
        ),
        facts=tuple(basis.facts(read, run.path.name, __version__, run.pipeline.fingerprint, models)),
        definitions=(*basis.DEFINITIONS, *([] if backtest is None else criteria.DEFINITIONS)),
    )


def _backtest(run: RunFolder) -> dict[str, Any] | None:
    """Return what the criteria found, ``None`` for a programme without criteria."""
    return run.read_json("backtest") if (run.path / JSON_FILES["backtest"]).is_file() else None


def _subtitle(judged: dict[str, Any], *, generated: bool) -> str:
    days = period(judged["first"], judged["last"])
    warning = "Generated data: no statement about real trade. " if generated else ""
    return f"{warning}Judged on {days}; trained on what was known before"


def _examples(reasons: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the strongest told reason of the highest scores, each kind of sentence once."""
    told = reasons.filter(pl.col("sentence") != "").unique(["declaration_id", "item_no"], maintain_order=True)
    return told.unique("subject", maintain_order=True).head(_EXAMPLES).to_dicts()


def _findings(findings: pl.DataFrame) -> list[dict[str, Any]]:
    counted = findings.group_by("code", "severity", "expected").agg(pl.col("rows").sum())
    return counted.sort("severity", "rows", "code", descending=[False, True, False]).to_dicts()
