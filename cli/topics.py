"""`pelton topics`: make, check and list the topics of the catalogue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from cli.options import Group, json_option, kafka_options
from cli.terminal import say, styled

if TYPE_CHECKING:
    from streams.kafka.admin import TopicReport
    from streams.kafka.settings import KafkaSettings

COLOURS = {"created": "green", "altered": "green", "ok": "green", "risky": "yellow", "wrong": "red", "missing": "red"}


@click.group(cls=Group)
def topics() -> None:
    """Make, check and list the topics."""


@topics.command()
@click.option(
    "--replication", type=click.IntRange(min=1), metavar="N", help="Copies of each topic. [default: replication_factor of the settings, 1]"
)
@json_option
@kafka_options
def create(settings: KafkaSettings, replication: int | None, as_json: bool) -> None:
    """Make the topics that are missing, and check those that are there. Exit code 1 where one is wrong.

    Of a topic that is there only one setting is changed: that the broker's clock tells the age of its records.
    """
    from streams.kafka.admin import create_topics

    show_report(create_topics(settings, settings.topics, replication), as_json)


@topics.command()
@json_option
@kafka_options
def check(settings: KafkaSettings, as_json: bool) -> None:
    """Compare the broker's topics with what they must be. Exit code 1 where one is missing or wrong.

    Says also where the broker forgets what groups have committed sooner than its topics forget records.
    """
    from streams.kafka.admin import check_topics, offsets_retention

    if (told := offsets_retention(settings)) is not None:
        say(told, fg="yellow", err=True)
    show_report(check_topics(settings, settings.topics), as_json)


@topics.command("list")
@json_option
@kafka_options
def list_topics(settings: KafkaSettings, as_json: bool) -> None:
    """List the topics: what each holds, who writes and reads it, and how many offsets it keeps."""
    rows = list_rows(settings)
    if as_json:
        say(json.dumps(rows))
        return
    width = max(len(row["topic"]) for row in rows)
    say(f"{'topic':{width}}  partitions  offsets kept  holds")
    for row in rows:
        kept = "missing" if row["offsets"] is None else row["offsets"]
        holds = f"{row['value']} by {row['key']}: {row['written_by']} -> {row['read_by']}"
        say(f"{row['topic']:{width}}  {row['partitions']:10}  {kept:>12}  {holds}")


def list_rows(settings: KafkaSettings) -> list[dict[str, Any]]:
    """One row a topic of the catalogue; `offsets` is None where the broker does not have it."""
    from streams.kafka.admin import beginning_offsets, check_topics, end_offsets

    catalogue = list(settings.topics)
    there = {state.name for state in check_topics(settings, catalogue).topics if state.state != "missing"}
    kept = dict.fromkeys(there, 0)
    begin = beginning_offsets(settings, there)
    for tp, end in end_offsets(settings, there).items():
        kept[tp.topic] += end - begin[tp]
    return [
        {
            "topic": topic.name,
            "key": topic.key,
            "value": topic.value.__name__,
            "partitions": topic.partitions,
            "offsets": kept.get(topic.name),
            "written_by": topic.written_by,
            "read_by": topic.read_by,
        }
        for topic in catalogue
    ]


def show_report(report: TopicReport, as_json: bool) -> None:
    """Print one line a topic; exit code 1 where one is missing or wrong."""
    if as_json:
        say(json.dumps([{"topic": t.name, "state": t.state, "problems": t.problems} for t in report.topics]))
    else:
        for topic in report.topics:
            problems = "" if topic.state == "missing" else "; ".join(topic.problems)
            say(styled(f"{topic.state:8}", fg=COLOURS[topic.state]), f" {topic.name}  {problems}".rstrip())
    if not report.ok:
        click.get_current_context().exit(1)
