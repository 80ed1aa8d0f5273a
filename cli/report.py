"""`pelton report`: one page about a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import kafka_options
from cli.terminal import say

if TYPE_CHECKING:
    from reports.folder import RunFolder
    from reports.from_topics import FromTopics
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="RUN")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="The page. [default: RUN/report.html]"
)
@click.option("--no-topics", is_flag=True, help="From the run's folder alone, without its broker.")
@kafka_options
def report(settings: KafkaSettings, run: Path, output: Path | None, no_topics: bool) -> None:
    """Write a page about a run, finished or not, to send to another: RUN is its folder.

    It holds curves, curriculum, what became of the records, evaluations before and after, settings and versions; and answers with their
    claims and dead letters where the run's broker answers. A run that had a broker of its own has it started again for that.
    """
    from reports.folder import load_run
    from reports.from_topics import FromTopics
    from reports.of_run import report_data
    from reports.page import write_report

    found = load_run(run)
    topics = FromTopics(missing="--no-topics was given") if no_topics else topics_of(settings, found)
    path = write_report(output or run / "report.html", report_data(found, topics))
    if topics.missing and not no_topics:
        say(f"without answers and dead letters: {topics.missing}", fg="yellow", err=True)
    say(str(path))


def topics_of(settings: KafkaSettings, run: RunFolder) -> FromTopics:
    """What the run's topics have of it: on the broker that is named, else on that of its newest start, else on its own, started again."""
    from reports.from_topics import FromTopics, read_topics
    from schemas.errors import PeltonError

    try:
        with broker_of(settings, run) as mine:
            return read_topics(mine, run.run_id)
    except PeltonError as error:
        return FromTopics(missing=str(error))


@contextlib.contextmanager
def broker_of(settings: KafkaSettings, run: RunFolder) -> Iterator[KafkaSettings]:
    """Settings for the broker that has the run's topics."""
    from streams.kafka.connection import listens
    from streams.kafka.embedded import EmbeddedBroker
    from streams.kafka.settings import KafkaSettings

    if "bootstrap_servers" in settings.model_fields_set:
        yield settings
        return
    known: dict[str, Any] = {**run.start.get("kafka", {}), **settings.model_dump(exclude_unset=True)}
    mine = KafkaSettings(**{name: value for name, value in known.items() if value is not None})
    folder = next((path / "broker" for path in (run.path, run.path.parent) if (path / "broker").is_dir()), None)
    if any(listens(server) for server in mine.servers) or folder is None:
        yield mine
        return
    broker = EmbeddedBroker(folder)
    broker.start()
    try:
        yield mine.model_copy(update={"bootstrap_servers": broker.bootstrap_servers})
    finally:
        broker.stop()
