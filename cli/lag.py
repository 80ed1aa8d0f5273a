"""`pelton lag`: how far consumer groups are behind, and what that means."""

from __future__ import annotations

import json
import signal
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.logs import as_node, log_option
from cli.options import Finite, json_option, kafka_options
from cli.terminal import say
from schemas.printable import escaped

if TYPE_CHECKING:
    from streams.kafka.lag_watch import Judged, LagWatch
    from streams.kafka.settings import KafkaSettings

WATCH_SECONDS = 0.5
"""Between two looks of --watch."""
LINES_SECONDS = 5.0
"""Between two tables where they are written one below the other."""
EXIT_BEHIND = 1


@click.command()
@click.option("--group", "groups", multiple=True, metavar="NAME", help="Only this group, living or not; may be repeated.")
@click.option("--all", "dead", is_flag=True, help="Groups of runs of which no node lives, too.")
@click.option(
    "--window", "window_s", type=Finite(0, 86400), metavar="SECONDS",
    help="Judge a group's state from so many seconds. [default: 5, with --watch 60, with --serve 300; 0 for one look]",
)  # fmt: skip
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C; where this is no terminal, a table every 5 seconds, with its time.")
@click.option("--max-lag", type=click.IntRange(min=0), metavar="N", help="Exit with 1 where a group is further behind; ends --watch, too.")
@click.option(
    "--max-seconds", type=Finite(0), metavar="SECONDS", help="Exit with 1 where a group's oldest unread record is older; ends --watch, too."
)
@click.option(
    "--strict", is_flag=True, help="Exit with 1 where a group is in STALL, STOP or REWIND, or has lost records; ends --watch, too."
)
@click.option("--serve", is_flag=True, help="Export lag to Prometheus, under kafka_exporter's names, until stopped.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), metavar="PORT", help="Where --serve listens. [default: 9750, or the next]")
@click.option("--metrics-host", default="127.0.0.1", show_default=True, metavar="HOST", help="Address of --serve.")
@json_option
@log_option()
@kafka_options
def lag(
    settings: KafkaSettings, groups: tuple[str, ...], dead: bool, window_s: float | None, watch: bool, serve: bool, **given: Any
) -> None:
    """Show how far consumer groups are behind on our topics, in offsets and seconds, and what that means.

    The states are Burrow's: OK; WARN, it reads and the lag does not shrink; STALL, it commits nothing; STOP, nobody reads as this
    group; REWIND, it went back. CLOSED is a band that the trainer's pacing has not opened: that lag is meant. Groups of runs of which no
    node lives are shown with --all. Transaction markers count as offsets; what the log no longer holds counts as lost. The trainer's own
    position is in its checkpoint (`pelton checkpoints`); the offsets it commits follow it.

    Exit code 1 says that a threshold is passed (--max-lag, --max-seconds, --strict); closed bands pass none.
    """
    from streams.kafka.lag_watch import LagWatch

    if serve:
        _serve(settings, groups, dead, 300.0 if window_s is None else window_s, given["metrics_port"], given["metrics_host"])
        return
    as_json = given["as_json"]
    with LagWatch(settings, groups, dead, window_s if window_s is not None else 60.0 if watch else 5.0) as watched:
        if watch:
            behind = follow(watched, as_json, given)
        else:
            rows = watched.over_window()
            say(as_line(rows) if as_json else as_text(rows, watched.hidden), lines=True)
            behind = passed(rows, given)
    if behind:
        if not as_json:
            say(f"behind: {behind}", fg="red", err=True)
        sys.exit(EXIT_BEHIND)


def follow(watched: LagWatch, as_json: bool, limits: dict[str, Any]) -> str | None:
    """Until Ctrl-C, or until a threshold is passed: a table that is redrawn, tables one below the other, or a JSON array a line.

    Returns:
        Which threshold is passed.
    """
    if as_json or not sys.stdout.isatty():
        while True:
            rows = watched.look()
            stamp = datetime.now().astimezone().isoformat(timespec="seconds")
            say(as_line(rows) if as_json else f"{stamp}\n{as_text(rows, watched.hidden)}\n", lines=True)
            if behind := passed(rows, limits):
                return behind
            time.sleep(WATCH_SECONDS if as_json else LINES_SECONDS)
    from rich.live import Live
    from rich.text import Text

    rows = watched.look()
    with Live(Text(as_text(rows, watched.hidden)), auto_refresh=False, vertical_overflow="visible") as live:
        while not (behind := passed(rows, limits)):
            time.sleep(WATCH_SECONDS)
            rows = watched.look()
            live.update(Text(as_text(rows, watched.hidden)), refresh=True)
        return behind


def passed(rows: list[Judged], limits: dict[str, Any]) -> str | None:
    """The first group that is past a threshold, in words; None where none is."""
    from streams.kafka.lag_words import AT_FAULT, Word

    for row in rows:
        where = f"{row.lag.group} on {row.lag.topic}:{row.lag.partition}"
        if limits["strict"] and row.lag.lost:
            return f"{where} has lost {row.lag.lost} offsets to retention"
        if row.word is Word.CLOSED:
            continue
        if limits["strict"] and row.word in AT_FAULT:
            return f"{where} is in {row.word.value}"
        if limits["max_lag"] is not None and row.lag.lag > limits["max_lag"]:
            return f"{where} is {row.lag.lag} offsets behind"
        if limits["max_seconds"] is not None and row.seconds is not None and row.seconds > limits["max_seconds"]:
            return f"{where} is {row.seconds:.0f} s behind"
    return None


def as_line(rows: list[Judged]) -> str:
    """For programs."""
    return json.dumps([row.as_dict() for row in rows])


def as_text(rows: list[Judged], hidden: int = 0) -> str:
    """For a person: one line a partition, and the total."""
    more = f"\n{hidden} groups of runs of which no node lives are left out; --all shows them" if hidden else ""
    if not rows:
        return f"no group has committed on our topics yet{more}"
    names = [(escaped(row.lag.group), escaped(row.lag.topic)) for row in rows]
    group, topic = (max(len(pair[number]) for pair in names) for number in (0, 1))
    lines = [
        f"{'group':{group}}  {'topic':{topic}}  {'part':>4}  {'committed':>9}  {'end':>9}  {'lag':>9}  {'seconds':>8}  {'trend':>9}  state"
    ]
    for row, (of, on) in zip(rows, names, strict=True):
        one = row.lag
        committed = "-" if one.committed is None else one.committed
        seconds = "-" if row.seconds is None else f"{row.seconds:.0f}"
        state = row.word.value + (f", {one.lost} lost" if one.lost else "")
        lines.append(
            f"{of:{group}}  {on:{topic}}  {one.partition:4}  {committed:>9}  {one.end:9}  {one.lag:9}  {seconds:>8}"
            f"  {row.trend:>9}  {state}"
        )
    total = sum(row.lag.lag for row in rows)
    return "\n".join([*lines, f"{'total':{group + topic + 2}}  {'':4}  {'':9}  {'':9}  {total:9}"]) + more


def _serve(settings: KafkaSettings, groups: tuple[str, ...], dead: bool, window_s: float, port: int | None, host: str) -> None:
    from streams.kafka.connection import name_clients
    from streams.lag_exporter import LagExporter, serve

    as_node("lag", None)
    name_clients("lag")
    exporter = LagExporter(settings, groups, dead, window_s)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: exporter.stop())
    serve(exporter, port, host)
