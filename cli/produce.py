"""`pelton produce`: training samples from files to the `samples` topic."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import json_option, kafka_options
from cli.sending import readable, send_files, show

if TYPE_CHECKING:
    from schemas.sample import Sample
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", callback=readable)
@click.option("--skip-bad", is_flag=True, help="Pass over bad lines, and count them, rather than stop at the first.")
@json_option
@kafka_options
def produce(settings: KafkaSettings, files: tuple[Path, ...], skip_bad: bool, as_json: bool) -> None:
    """Send training samples from JSONL or CSV FILEs (`-` reads JSONL from standard input).

    A JSONL line is one sample, a JSON object; a CSV file has a header of the sample's fields, and `|` between the values of a
    list. A sample without a sample_id gets a hash of its content, so that sending a file twice trains on it once.
    """
    from cli.record_files import FileReader
    from schemas.sample import Sample

    readers = [FileReader(path, Sample, skip_bad, check=says_something) for path in files]
    show(send_files(settings, settings.topics.samples, readers, stamped), "sample", len(files), as_json)


def stamped(sample: Sample) -> tuple[str, Sample]:
    """Its key, and the sample with the time at which it is sent."""
    if sample.produced_at is None:
        sample = sample.model_copy(update={"produced_at": time.time()})
    return sample.sample_id, sample


def says_something(sample: Sample) -> str | None:
    """Why a sample cannot be one, though its JSON is fine: misspelt field names leave it empty."""
    if sample.prompt or sample.text:
        return None
    return "neither `prompt` nor `text` is set"
