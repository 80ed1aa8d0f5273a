"""`pelton lag`: how far consumer groups are behind."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cli.options import json_option, kafka_options
from cli.terminal import say
from schemas.printable import shown_id

if TYPE_CHECKING:
    from streams.kafka.lag import Lag, LagReader
    from streams.kafka.settings import KafkaSettings

WATCH_SECONDS = 0.5


@click.command()
@click.option("--group", "groups", multiple=True, metavar="NAME", help="Only this group; may be repeated.")
@click.option("--watch", is_flag=True, help="Go on, twice a second, until Ctrl-C.")
@json_option
@kafka_options
def lag(settings: KafkaSettings, groups: tuple[str, ...], watch: bool, as_json: bool) -> None:
    """Show, for every group that has committed on our topics, how many offsets it is behind on each partition.

    Transaction markers count as offsets. The trainer's own position is in its checkpoint (`pelton checkpoints`); the offsets
    it commits follow it.
    """
    from streams.kafka.lag import LagReader

    with LagReader(settings) as reader:
        if watch:
            follow(reader, groups, as_json)
        elif as_json:
            say(json.dumps([row.as_dict() for row in read(reader, groups)]))
        else:
            say(as_text(read(reader, groups)), lines=True)


def read(reader: LagReader, groups: tuple[str, ...]) -> list[Lag]:
    """Rows of the groups named, or of all."""
    return [row for group in groups or reader.groups() for row in reader.rows(group)]


def follow(reader: LagReader, groups: tuple[str, ...], as_json: bool) -> None:
    """Until Ctrl-C: a table that is redrawn, or a JSON array a line."""
    if as_json:
        while True:
            say(json.dumps([row.as_dict() for row in read(reader, groups)]))
            time.sleep(WATCH_SECONDS)
    from rich.live import Live

    with Live(as_text(read(reader, groups)), auto_refresh=False, vertical_overflow="visible") as live:
        while True:
            time.sleep(WATCH_SECONDS)
            live.update(as_text(read(reader, groups)), refresh=True)


def as_text(rows: list[Lag]) -> str:
    """For a person: one line a partition, and the total."""
    if not rows:
        return "no group has committed on our topics yet"
    rows = [replace(row, group=shown_id(row.group)) for row in rows]  # any client may name its group so that a terminal obeys it
    group, topic = (max(len(getattr(row, name)) for row in rows) for name in ("group", "topic"))
    lines = [f"{'group':{group}}  {'topic':{topic}}  partition  committed         end         lag"]
    for row in rows:
        committed = "-" if row.committed is None else row.committed
        lines.append(f"{row.group:{group}}  {row.topic:{topic}}  {row.partition:9}  {committed:>9}  {row.end:10}  {row.lag:10}")
    total = sum(row.lag for row in rows)
    return "\n".join([*lines, f"{'total':{group + topic + 2}}  {'':9}  {'':9}  {'':10}  {total:10}"])
