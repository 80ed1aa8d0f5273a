"""`pelton produce`: training samples from files to the `samples` topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.declared import choices
from cli.options import json_option, kafka_options, reading_options, sign_option, source_name, there

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", callback=there)
@click.option("--task", type=click.Choice(choices("schemas.sample", "Task")), help="Task of every sample, instead of what its fields say.")
@reading_options()
@click.option(
    "--producer",
    metavar="NAME",
    callback=source_name,
    help="Who sends, for the header by which sources are told apart. [default: pelton-produce@ and this machine's name]",
)
@click.option("--dry-run", is_flag=True, help="Read everything, say what was found, and send nothing. Needs no broker.")
@click.option("--skip-bad", is_flag=True, help="Pass over bad rows, and count them, rather than stop at the first.")
@json_option
@sign_option
@kafka_options
def produce(
    settings: KafkaSettings,
    files: tuple[str, ...],
    task: str | None,
    shape: str | None,
    mapping: str | None,
    encoding: str | None,
    producer: str | None,
    dry_run: bool,
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Send training samples from FILEs: files, folders, patterns, data sets of the Hugging Face hub, or `-` for standard input.

    A FILE is JSON Lines, JSON, CSV of any separator, Parquet or Arrow, and may be packed (.gz, .zst). What it is, is found by what stands
    in it. Each row's shape is found by its columns: Alpaca, ShareGPT, messages, prompt and completion, chosen and rejected, SQuAD, Dolly,
    text and label, and others (docs/data.md). Columns that nothing is made of are named. A sample without a sample_id gets a hash of its
    content, so that sending a file twice trains on it once.

    What a row says decides its task: chosen and rejected preference, an answer qa, a label classification, gold alone a prompt, a text
    alone generation. Its own `task` wins over that; with --task, a row that lacks what the task needs is a bad row.
    """
    from cli.sample_reader import read_options, readers_of
    from cli.sending import dry_run as look
    from cli.sending import own_source, send_samples, show_samples

    readers = readers_of(files, read_options(task, shape, mapping, encoding, dry_run or skip_bad))
    summary = look(readers) if dry_run else send_samples(settings, readers, producer or own_source())
    show_samples(summary, as_json)
    if dry_run and not summary.read:
        raise click.exceptions.Exit(2)
