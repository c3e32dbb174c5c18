"""Commands for the daily secrets of the random arm: commit ahead, seal, reveal, verify."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.scorer.lanes.policy import SelectionPolicy

app = typer.Typer(
    help="Daily secrets of the random arm: commit to them ahead, reveal them after, verify any day.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Chain = Annotated[Path, typer.Option(help="The public file of commitments, seals and keys (JSON lines).")]
Keys = Annotated[Path, typer.Option(help="Folder of the daily secrets; never publish it.")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day, YYYY-MM-DD.")]
Decisions = Annotated[Path, typer.Option(help="File of the day's decisions, as the daily cycle writes it.")]
InForce = Annotated[
    Path | None,
    typer.Option(
        "--pipeline", help="Pipeline whose [selection] was in force. Default: policy.json beside the decisions."
    ),
]
Trial = Annotated[str, typer.Option(metavar="NAME", help="Name of a trial: its commitments may come after the day.")]


@app.command()
def new(
    days: Annotated[
        int, typer.Option(help="How many days ahead of today to commit to; with --from, how many days from it on.")
    ],
    keys: Keys,
    chain: Chain,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            help="First day. Default: every day from tomorrow on that is not committed to yet.",
        ),
    ] = None,
    programme: Annotated[str, typer.Option(help="The selection problem; needed for a new public file.")] = "",
    trial: Trial = "",
) -> None:
    """Make the secrets of days to come and publish a commitment to each; called again it tops up to so many days ahead.

    Example: workbench random new --days 90 --programme declarations --keys /srv/secrets --chain public/arm.jsonl
    """
    from workbench import random_arm

    start = first.date() if first else None
    print(random_arm.commit(chain, keys, days, first=start, programme=programme, trial=trial).describe())


@app.command()
def seal(date: Day, decisions: Decisions, chain: Chain, pipeline: InForce = None) -> None:
    """Publish the hashes of a day's decisions and policy before its key is known; `workbench daily` does it by itself.

    Example: workbench random seal --date 2026-03-01 --decisions decisions.parquet --chain public/arm.jsonl
    """
    from workbench import random_arm

    print(random_arm.seal(chain, date.date(), decisions, _policy(decisions, pipeline)).describe())


@app.command()
def reveal(date: Day, keys: Keys, chain: Chain) -> None:
    """Publish the key of a day that has ended and was sealed, so that everybody can draw it again.

    Example: workbench random reveal --date 2026-03-01 --keys /srv/secrets --chain public/arm.jsonl
    """
    from workbench import random_arm

    print(random_arm.reveal(chain, keys, date.date()).describe())


@app.command()
def verify(
    date: Day,
    decisions: Decisions,
    chain: Chain,
    pipeline: InForce = None,
    key: Annotated[Path | None, typer.Option(help="File of the day's key, before it is revealed.")] = None,
    head: Annotated[
        list[str] | None, typer.Option(help="Hash of a head that was kept elsewhere; repeatable.", metavar="SHA256")
    ] = None,
    trial: Trial = "",
    changed: Annotated[
        bool, typer.Option("--changed", help="Draw from decisions too that are not sealed, to name what differs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False,
) -> None:
    """Check commitment, seal and key, and draw the day again from its decisions; exits 1 if something does not hold.

    Example: workbench random verify --date 2026-03-01 --decisions days/2026-03-01/decisions.parquet
    --chain public/arm.jsonl
    """
    from workbench import random_arm

    found = random_arm.verify(
        decisions,
        chain,
        date.date(),
        _policy(decisions, pipeline),
        key_file=key,
        published=head or (),
        trial=trial,
        open_changed=changed,
    )
    print(json.dumps(found.to_dict(), indent=1) if as_json else found.describe())
    if not found.ok:
        raise typer.Exit(1)


def _policy(decisions: Path, pipeline: Path | None) -> SelectionPolicy:
    """Return the policy that was in force, without a key."""
    from workbench import random_arm
    from workbench.config import load_pipeline
    from workbench.selection import policy

    if pipeline is None:
        return random_arm.policy_beside(decisions)
    return policy(load_pipeline(pipeline, without_inputs=True).selection, bytes(32))


@app.command()
def status(
    chain: Chain,
    keys: Annotated[Path | None, typer.Option(help="Folder of the secrets, to look for missing ones.")] = None,
) -> None:
    """Say where the public file stands; exits 1 if it does not verify or a secret is missing.

    Example: workbench random status --chain public/arm.jsonl --keys /srv/secrets
    """
    from workbench import random_arm

    found = random_arm.status(chain, keys)
    print(found.describe())
    if not found.ok:
        raise typer.Exit(1)
