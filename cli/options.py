"""Options that many commands share, and how their values become settings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")


def kafka_options(command: Command) -> Command:
    """Add `--bootstrap-servers --topic-prefix --config`; the command gets one argument, `settings`, a `KafkaSettings`."""

    @click.option("--bootstrap-servers", metavar="HOST:PORT", help="Broker [env: KAFKA_BOOTSTRAP_SERVERS; default 127.0.0.1:9092].")
    @click.option("--topic-prefix", metavar="TEXT", help="Put before every topic's name [env: PELTON_TOPIC_PREFIX; default pelton.].")
    @click.option("--config", type=click.Path(dir_okay=False), metavar="YAML", help="File with a `kafka:` section.")
    @functools.wraps(command)
    def with_settings(*args: Any, bootstrap_servers: str | None, topic_prefix: str | None, config: str | None, **kwargs: Any) -> Any:
        from streams.kafka.settings import KafkaSettings  # pydantic, and the catalogue of topics: not for --help

        settings = KafkaSettings.load(config, bootstrap_servers=bootstrap_servers, topic_prefix=topic_prefix)
        return command(*args, settings=settings, **kwargs)

    return with_settings  # type: ignore[return-value]
