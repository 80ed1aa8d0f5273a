"""`pelton produce`: training samples from files to the `samples` topic."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.declared import choices
from cli.options import json_option, kafka_options
from cli.sending import readable, send_files, show

if TYPE_CHECKING:
    from cli.record_files import FileReader
    from schemas.sample import Sample, Task
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", callback=readable)
@click.option("--task", type=click.Choice(choices("schemas.sample", "Task")), help="Task of every sample, instead of what its fields say.")
@click.option("--skip-bad", is_flag=True, help="Pass over bad lines, and count them, rather than stop at the first.")
@json_option
@kafka_options
def produce(settings: KafkaSettings, files: tuple[Path, ...], task: str | None, skip_bad: bool, as_json: bool) -> None:
    """Send training samples from JSONL or CSV FILEs (`-` reads JSONL from standard input).

    A JSONL line is one sample, a JSON object; a CSV file has a header of the sample's fields, and `|` between the values of a
    list. A sample without a sample_id gets a hash of its content, so that sending a file twice trains on it once.

    A sample's fields say its task: chosen and rejected preference, an answer qa, a label classification, nothing of these generation. Its
    own `task` wins over that; with --task, a sample that lacks what the task needs is a bad line.
    """
    readers = [sample_reader(path, task, skip_bad) for path in files]
    show(send_files(settings, settings.topics.samples, readers, stamped), "sample", len(files), as_json)


def sample_reader(path: Path, task: str | None, skip_bad: bool | None) -> FileReader[Sample]:
    """What reads the samples of one file, each of a task where one is given."""
    from cli.record_files import FileReader
    from schemas.sample import Sample, Task

    change = functools.partial(of_task, task=Task(task)) if task else None
    return FileReader(path, Sample, skip_bad, check=says_something, change=change)


def of_task(sample: Sample, task: Task) -> Sample:
    """The sample with its task said, which then wins over what its fields say.

    An id that is a hash of the content changes only where the fields would make another task of it: with or without its task said, a sample
    is one sample, and of another task it is another.

    Raises:
        BadRecord: it says another task itself, or lacks what this one needs.
    """
    from schemas.errors import BadRecord, DeadLetterReason
    from streams.curriculum.task_detector import content_of, detect_task

    if sample.task not in (None, task):
        raise BadRecord(DeadLetterReason.INVALID, f"its `task` is {sample.task.value}, and --task says {task.value}")
    content_of(sample, task)
    fields = sample.model_dump(exclude_unset=True, exclude={"sample_id"})
    is_hash = type(sample).model_validate(fields).sample_id == sample.sample_id
    if is_hash and detect_task(sample) is not task:
        return type(sample).model_validate(fields | {"task": task})
    return sample.model_copy(update={"task": task})


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
