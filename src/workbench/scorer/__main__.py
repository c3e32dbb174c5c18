"""Score a file from the command line: ``python -m selectivity_scorer INPUT --out OUT.parquet``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from .batch import NOTHING_READ, BatchSummary, score_file
from .bundle import ScoringBundle
from .errors import SelectivityError
from .keys import KEY_VARIABLE, given_key

BUNDLED = Path(__file__).parent / "bundle"
"""Where the wheel carries its bundle."""


_OWN_KEY = (
    "Drawn with the bundle's own key: who holds the bundle can foresee the lots; give --key-file (or set "
    f"{KEY_VARIABLE})."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; a user's mistake is told in a sentence and exits with 2."""
    parser = argparse.ArgumentParser("selectivity_scorer", description="Decide every row of a file of declarations.")
    parser.add_argument(
        "input", help="CSV (plain or .gz) or Parquet: file, folder or quoted glob, the source's raw columns"
    )
    parser.add_argument("--out", required=True, help="Parquet file to write")
    parser.add_argument("--hits", metavar="FILE", help="Parquet file to write every hit of every criterion into")
    parser.add_argument(
        "--counters",
        metavar="FILE",
        help="JSON file of hits passed over, read if it is there and written after the decisions: forced selection "
        "goes on from the file before (default: each file starts at zero); scoring a file twice counts it twice",
    )
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="file of one line with the key of the draws, 64 hexadecimal digits, in place of the bundle's own "
        f"(default: the environment's {KEY_VARIABLE}, else the bundle's own)",
    )
    parser.add_argument("--bundle", default=str(BUNDLED), help="bundle directory (default: the one in this package)")
    parser.add_argument("--no-reasons", action="store_true", help="leave the reasons out: much faster")
    parser.add_argument(
        "--as-of",
        type=datetime.fromisoformat,
        default=None,
        metavar="MOMENT",
        help="later lodgements go to quarantine (default: the end of today)",
    )
    given = parser.parse_args(arguments)
    try:
        key = given_key(given.key_file)
        bundle = ScoringBundle.load(given.bundle)
        summary = score_file(
            bundle,
            given.input,
            given.out,
            reasons=not given.no_reasons,
            hits=given.hits,
            counters=given.counters,
            key=key,
            as_of=given.as_of or end_of_today(),
        )
    except SelectivityError as error:
        print(f"selectivity_scorer: {error}", file=sys.stderr)
        return error.exit_code
    print(describe(summary, given.out))
    return NOTHING_READ if summary.nothing_read else 0


def end_of_today() -> datetime:
    """Return midnight after today by this machine's clock: the last moment that is not in the future anywhere on it."""
    now = datetime.now()
    return datetime(now.year, now.month, now.day) + timedelta(days=1)


def describe(summary: BatchSummary, target: str | Path) -> str:
    """Return what a batch did as a few lines for people."""
    lanes = ", ".join(f"{lane} {rows:,}" for lane, rows in summary.lanes.items())
    text = f"{summary.rows:,} rows decided into {target}: {lanes}."
    if summary.quarantined:
        codes = ", ".join(f"{code} {rows:,}" for code, rows in summary.quarantined.items())
        text += f"\n{sum(summary.quarantined.values()):,} of them could not be read: {codes}."
    if summary.not_evaluable:
        criteria = ", ".join(f"{criterion} {rows:,}" for criterion, rows in summary.not_evaluable.items())
        text += f"\nNot evaluable for a missing value: {criteria}."
    if summary.own_key:
        text += f"\n{_OWN_KEY}"
    return text


if __name__ == "__main__":
    sys.exit(main())
