"""`pelton forget`: leave a sample out from now on, and say what still holds it, and for how long."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import json_option, kafka_options, sign_option
from cli.terminal import say
from schemas.printable import shown_id

if TYPE_CHECKING:
    from cli.forgetting import Holder
    from streams.kafka.settings import KafkaSettings

EXIT_UNKNOWN = 1


@click.command()
@click.argument("sample_id", metavar="SAMPLE_ID")
@click.option(
    "--run-dir",
    "run_dirs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    metavar="DIR",
    help="A run in whose ledger, checkpoints and reports to look; may be repeated.",
)
@click.option("--why", metavar="TEXT", help="What to keep beside the mark.")
@click.option("--dry-run", is_flag=True, help="Say what holds it, and change nothing.")
@click.option(
    "--delete-records",
    is_flag=True,
    help="Have the broker delete its records now, where all before them in the partition is read by every group: these go, too.",
)
@json_option
@sign_option
@kafka_options
def forget(
    settings: KafkaSettings,
    sample_id: str,
    run_dirs: tuple[Path, ...],
    why: str | None,
    dry_run: bool,
    delete_records: bool,
    as_json: bool,
) -> None:
    """Leave SAMPLE_ID, and what was made of it, out of every later pass; say which topics, ledgers, checkpoints, reports and models hold
    it.

    The mark stands on the `forgotten` topic: workers and trainers see it within half a minute. Weights that were trained on the sample
    stay as they are: docs/security.md says what remains, and for how long. Exit code 1 where nothing holds it.
    """
    from cli.forgetting import delete, holders, mark

    found, ids = holders(settings, sample_id, run_dirs)
    deleted = delete(settings, found) if delete_records and not dry_run else []
    if not dry_run:
        mark(settings, sorted(ids), why)
    if as_json:
        rows = [vars(holder) for holder in found]
        say(json.dumps({"sample_id": sample_id, "forgotten": [] if dry_run else sorted(ids), "held_by": rows, "deleted": deleted}))
    else:
        tell(sample_id, found, ids, deleted, dry_run)
    if not found:
        raise SystemExit(EXIT_UNKNOWN)


def tell(sample_id: str, found: list[Holder], ids: set[str], deleted: list[str], dry_run: bool) -> None:
    """One line a place that holds it."""
    say(f"{shown_id(sample_id)}: " + ("held by" if found else "on no topic, and in no run that was named"))
    for holder in found:
        until = "" if holder.until is None else f", until {time.strftime('%Y-%m-%d %H:%M', time.localtime(holder.until))} by retention"
        say(f"  {holder.kind:10} {shown_id(holder.place)}{until}: {holder.remedy}")
    for line in deleted:
        say(f"  {line}")
    others = len(ids) - 1
    also = f" and {others} made of it" if others else ""
    say("a dry run: nothing was changed" if dry_run else f"left out from now on: the sample{also}; nodes see it within half a minute")
