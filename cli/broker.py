"""`pelton broker`: a Kafka broker on this machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import topic_prefix_option
from cli.terminal import say

if TYPE_CHECKING:
    from streams.kafka.broker import Broker


@click.command()
@click.option("--port", type=click.IntRange(1, 65000), default=9092, show_default=True, help="Port of the first node.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), default="runs/broker", show_default=True, help="Its log.")
@click.option("--brokers", type=click.Choice(["1", "3"]), default="1", show_default=True, help="Nodes of the cluster.")
@topic_prefix_option
def broker(port: int, data_dir: Path, brokers: str, topic_prefix: str | None) -> None:
    """Run Apache Kafka here until Ctrl-C, with our topics made. What it holds survives a restart.

    It is fetched into the cache when first needed.
    """
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    running = start(port, data_dir, int(brokers), topic_prefix)
    try:
        say(f"broker ({running.kind}) at {running.bootstrap_servers}; its log: {running.log_path}")
        say(f"export KAFKA_BOOTSTRAP_SERVERS={running.bootstrap_servers}")
        wait(running, stopping)
    finally:
        running.stop()
    say("stopped")


def start(port: int, data_dir: Path, nodes: int, topic_prefix: str | None) -> Broker:
    """Start it and make the topics."""
    from streams.kafka.admin import create_topics
    from streams.kafka.broker import open_broker
    from streams.kafka.settings import KafkaSettings

    # Of the environment only what is Pelton's own: credentials for another broker do not concern this one.
    environ = {name: value for name, value in os.environ.items() if name.startswith("PELTON_")}
    settings = KafkaSettings.load(environ=environ, topic_prefix=topic_prefix)

    def fetching(name: str) -> None:
        say(f"fetching {name}", err=True)

    running = open_broker(settings, data_dir, port=port, brokers=nodes, progress=fetching, environ=environ)
    try:
        mine = settings.model_copy(update={"bootstrap_servers": running.bootstrap_servers})
        create_topics(mine, mine.topics, replication=nodes).raise_if_wrong()
    except BaseException:
        running.stop()
        raise
    return running


def wait(running: Broker, stopping: threading.Event) -> None:
    """Until a signal; an end of the broker's own (killed, say) is an error, but no mistake of a user's: it may be started again."""
    from schemas.errors import PeltonError

    while not stopping.wait(timeout=0.5):
        if not running.alive():
            raise PeltonError(f"the broker stopped by itself; its log: {running.log_path}")
