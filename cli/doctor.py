"""`pelton doctor`: what stands between this machine and a run, a line each, with what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import json_option, kafka_options
from cli.terminal import say, styled

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

SIGNS = {"ok": ("✓", "green"), "note": ("!", "yellow"), "bad": ("✗", "red")}


@click.command()
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    default="runs",
    show_default=True,
    metavar="DIR",
    help="Where runs are, or would be, kept.",
)
@json_option
@kafka_options
def doctor(settings: KafkaSettings, run_dir: Path, as_json: bool) -> None:
    """Look at packages, disk, GPU, broker, topics, clocks and groups, and say what to do. Changes nothing.

    Exit code 1 where something is wrong.
    """
    from cli.diagnoses import BAD, looks

    found = []
    for finding in looks(settings, run_dir):
        found.append(finding)
        if not as_json:
            sign, colour = SIGNS[finding.level]
            todo = f" → {finding.todo}" if finding.todo else ""
            say(styled(sign, fg=colour), f" {finding.area:9} {finding.told}{todo}")
    if as_json:
        say(json.dumps([asdict(finding) for finding in found]))
    if any(finding.level == BAD for finding in found):
        sys.exit(1)
