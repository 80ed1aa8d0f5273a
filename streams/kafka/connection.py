"""How a failure to reach or use the broker is told: one line that names the address and what to do."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from schemas.errors import BrokerError

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

BOOTSTRAP_TIMEOUT_MS = 10_000
"""How long a client waits for a first answer, in milliseconds, before it says that the broker is away."""
PATIENCE_SECONDS = 30.0
"""How long a passing refusal (a coordinator or leader not yet chosen) is borne."""

T = TypeVar("T")
log = logging.getLogger(__name__)


@contextmanager
def broker_errors(settings: KafkaSettings, doing: str) -> Iterator[None]:
    """Turn kafka-python's errors into a `BrokerError` that says what was being done."""
    try:
        yield
    except KafkaError as error:
        raise BrokerError(explain(settings, doing, error)) from error


def explain(settings: KafkaSettings, doing: str, error: BaseException) -> str:
    """One line for a person. kafka-python reports wrong credentials in the same words as a broker that is away."""
    detail = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KafkaConnectionError) or "bootstrap" in detail.lower():
        return (
            f"{doing}: no broker answers at {settings.bootstrap_servers} ({settings.security_protocol}); "
            "start one with `pelton broker`, or set KAFKA_BOOTSTRAP_SERVERS"
        )
    return f"{doing}: {detail} (broker {settings.bootstrap_servers})"


@contextmanager
def open_admin(settings: KafkaSettings, doing: str) -> Iterator[KafkaAdminClient]:
    """An admin client for the length of a block, with errors told by `broker_errors`."""
    with broker_errors(settings, doing):
        client = KafkaAdminClient(**settings.client_options(), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS)
        try:
            yield client
        finally:
            client.close()


def patiently(call: Callable[[], T]) -> T:
    """Ask again while the broker gives a passing refusal, as it does right after a start, a topic's making, or a leader's death."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except KafkaError as error:
            if not error.retriable or isinstance(error, KafkaTimeoutError) or time.monotonic() > deadline:
                raise
            log.debug("asking again: %s", error)
            time.sleep(0.1)
