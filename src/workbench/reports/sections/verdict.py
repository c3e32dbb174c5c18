"""The verdict on the model: the answer's caveats and the first next step follow from the same comparisons."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.reports.sections.cells import SHARE, Row, at, percent

FEW_VIOLATIONS = 20
"""Below so many known violations no rate says anything."""

_WEAK_AUC = 0.7
_MOSTLY = 0.5


def caveats(metrics: Row) -> Iterator[str]:
    """Yield what the reader must know before believing the answer, two sentences at most."""
    if too_few(metrics):
        found = metrics["ranking"]["violations"]
        number = f"{found} violation was" if found == 1 else f"{found} violations were"
        yield f"Only {number} recorded in the judged period: too few to judge the model."
        return
    if repeated_share(metrics) > _MOSTLY and (auc := weak_on_first_time(metrics)) is not None:
        yield (
            f"{percent(repeated_share(metrics), 2)} of these goods repeat consignments of the learning period; on "
            f"first-time goods the ranking is weak (AUC {auc:.2f})."
        )
    if not beats_controls(metrics):
        yield "The model is not shown to find more than today's controls."
    elif not beats_others(metrics):
        other = metrics["difference_to_best"]["method"]
        yield f"The model is not shown to rank better than the best other method, {other}."


def first_step(metrics: Row) -> str:
    """Return whether the model may fill lanes, with the figures that say so."""
    if too_few(metrics):
        return "Too few violations to judge the model: take a longer period."
    if not beats_controls(metrics):
        return (
            f"Do not let the model fill lanes yet: at {percent(SHARE)} controlled it is not surely better than today's "
            f"controls ({_hit_rates(metrics)}). Record the results of more controls."
        )
    model, other, name = _average_precisions(metrics)
    if not beats_others(metrics):
        return (
            f"The model is not shown to be better than {name} (average precision {model} against {other}): prefer the "
            "simpler of the two, or judge on a longer period."
        )
    return (
        "Let the model fill lanes: it ranks better than every other method tried (average precision "
        f"{model} against {other} for {name})."
    )


def too_few(metrics: Row) -> bool:
    """Return whether the judged period holds too few violations for any verdict."""
    return bool(metrics["ranking"]["violations"] < FEW_VIOLATIONS)


def beats_controls(metrics: Row) -> bool:
    """Return whether the whole interval of the hit rate lies above that of all controls."""
    low = at(metrics, "precision")["low_95"]
    return low is not None and low > metrics["ranking"]["base_rate"]


def beats_others(metrics: Row) -> bool:
    """Return whether the whole interval of the difference to the best other method lies above 0."""
    low = metrics["difference_to_best"]["low_95"]
    return low is not None and low > 0


def repeated_share(metrics: Row) -> float:
    """Return the share of the judged goods that repeat a consignment of the learning period."""
    seen, new = (metrics["repeats"][name]["labelled"] for name in ("seen before", "first time"))
    return float(seen / max(seen + new, 1))


def weak_on_first_time(metrics: Row) -> float | None:
    """Return the AUC on goods that repeat nothing, if it is low; ``None`` else, or where it is not known."""
    auc = metrics["repeats"]["first time"]["auc"]
    return auc if auc is not None and auc < _WEAK_AUC else None


def _hit_rates(metrics: Row) -> str:
    found, base = at(metrics, "precision"), metrics["ranking"]["base_rate"]
    if found["value"] is None or found["low_95"] is None:
        return f"no hit rate of the model is known, theirs is {percent(base)}"
    interval = f"{percent(found['low_95'])} to {percent(found['high_95'])}"
    return f"hit rate {percent(found['value'])}, {interval}, against {percent(base)}"


def _average_precisions(metrics: Row) -> tuple[str, str, str]:
    """Return the model's figure, the best other method's and its name, with the decimals that tell them apart."""
    name = metrics["difference_to_best"]["method"]
    model, other = metrics["average_precision"], best_other(metrics)["average_precision"]
    digits = next((n for n in range(3, 6) if f"{model:.{n}f}" != f"{other:.{n}f}"), 3)
    return f"{model:.{digits}f}", f"{other:.{digits}f}", name


def best_other(metrics: Row) -> Row:
    """Return the row of the other method that ranks best."""
    name = metrics["difference_to_best"]["method"]
    found: Row = next(row for row in metrics["baselines"] if row["method"] == name)
    return found
