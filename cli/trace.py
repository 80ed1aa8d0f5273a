"""`pelton trace`: follow one sample through the topics and into the weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import json_option, kafka_options
from cli.terminal import say, zoned

if TYPE_CHECKING:
    from cli.tracing import Story
    from streams.kafka.settings import KafkaSettings

EXIT_UNKNOWN = 1


@click.command()
@click.argument("sample_id", metavar="SAMPLE_ID")
@click.option(
    "--run-dir", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR", help="The run whose ledger to look in."
)
@json_option
@kafka_options
def trace(settings: KafkaSettings, sample_id: str, run_dir: Path | None, as_json: bool) -> None:
    """Say where a sample is: received, in a band, behind how many others, trained at which step, in which models, or dead-lettered and why.

    Without --run-dir, what is trained is told from the losses topic, and what waits from the offsets that trainers have committed.
    """
    from cli.tracing import follow

    story = follow(settings, sample_id, run_dir)
    if as_json:
        say(json.dumps(story))
    else:
        for line in as_text(story):
            say(line)
    if not story["found"]:
        raise SystemExit(EXIT_UNKNOWN)


def as_text(story: Story) -> list[str]:
    """One line an event, in the order of a sample's life."""
    if not story["found"]:
        others = story["dead_letters_without_id"]
        may_be = f", or it is one of {others} dead letters whose id could not be read (`pelton dead-letters list`)" if others else ""
        return [f"{story['sample_id']}: on no topic and in no ledger; it was never sent, or retention removed it{may_be}"]
    lines = [story["sample_id"]]
    lines += [f"  received   {row['position']} at {_when(row['time'])}{_by(row)}" for row in story["received"]]
    lines += [_band(row) for row in story["banded"]]
    lines += [f"  waiting    {row['position']}: {row['behind']} records before it ({row['seen_by']})" for row in story["waiting"]]
    lines += [f"  trained    pass {row['pass']}, step {row['step']}, {row['position']}" for row in story["trained"]]
    lines += [f"  skipped    {row['position']}: {row['why']}" for row in story["skipped"]]
    lines += [f"  loss       pass {row['pass']}, step {row['step']}: {row['loss']:.4f} nats ({row['run_id']})" for row in story["losses"]]
    lines += [f"  variant    {row['sample_id']} ({row['origin']}), {row['position']}" for row in story["variants"]]
    lines += [f"  checkpoint {name}" for name in story["checkpoints"]]
    lines += [f"  model      {row['version']} ({row['path']})" for row in story["models"]]
    lines += [f"  dead       {row['position']}: {row['reason']}, at the {row['stage']}: {row['error']}" for row in story["dead_letters"]]
    return lines


def _band(row: dict[str, Any]) -> str:
    difficulty = row["difficulty"]
    terms = (
        f", d {difficulty['score']:.3f} = h {difficulty['h']:.2f}, l {difficulty['l']:.2f}, c {difficulty['c']:.2f}" if difficulty else ""
    )
    return f"  banded     {row['position']} at {_when(row['time'])}: {row['objective']}, band {row['band']}{terms}"


def _by(row: dict[str, Any]) -> str:
    return f", from the {row['origin']}" if row["origin"] else ""


def _when(stamp: int) -> str:
    return zoned(stamp / 1000)
