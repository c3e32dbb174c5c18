"""Back-test: what the programme's criteria would have found on the judging part, beside the model that never saw it."""

from __future__ import annotations

import polars as pl

from workbench.criteria.backtest import Backtest, backtest
from workbench.criteria.history import History
from workbench.criteria.lifecycle import audit
from workbench.scorer.criteria import CriteriaSet
from workbench.selection import limits
from workbench.stages.folder import RunFolder
from workbench.stages.past import history_of
from workbench.timeline import start_of, whole_days


def backtest_criteria(run: RunFolder) -> Backtest | None:
    """Back-test all criteria of the programme's file, whatever their state, and write ``backtest.json``.

    Parameters
    ----------
    run
        A run that has been trained.

    Returns
    -------
    Backtest or None
        ``None``, and no file, where the programme has no criterion.

    Raises
    ------
    CriterionError
        The criteria do not fit the columns, or one failed on some row; it is named.
    """
    path = run.pipeline.criteria.path
    if not path:
        return None
    file = run.pipeline.resolve(path)
    criteria = CriteriaSet.from_toml(file)
    if not criteria.criteria:
        return None
    history, bounds = judged_history(run, criteria), limits(run.pipeline.selection)
    # Outcomes are those of learnt and judged goods: the random arm is the one that the rest of the report speaks of.
    found = backtest(criteria, history, limits=bounds, longer=run.read("outcomes"))
    states = {one.id: one.state.value for one in audit(file).criteria}
    run.write_json("backtest", {**found.to_dict(), "states": states})
    return found


def judged_history(run: RunFolder, criteria: CriteriaSet) -> History:
    """Return the judging part as known at lodgement, scored by the model that never saw it."""
    declarations = run.read("declarations")
    _, midnight = whole_days(declarations.filter(pl.col("part") == "judge"))
    # The first lodgement to decide may come days later, and the period would seem to last until then.
    end = min(midnight, start_of(declarations, "decide") or midnight)
    return history_of(run, start=start_of(declarations, "judge"), end=end, criteria=[criteria])
