"""How a failure to reach or use the broker is told: one line that names the address and what to do."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient

from schemas.errors import BrokerError

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

BOOTSTRAP_TIMEOUT_MS = 10_000
"""How long a client waits for a first answer, in milliseconds, before it says that the broker is away."""
PROBE_SECONDS = 2.0
"""How long `listens` waits for a connection."""
PATIENCE_SECONDS = 30.0
"""How long a passing refusal (a coordinator or leader not yet chosen) is borne."""

PURPOSES = {"KafkaProducer": "producer", "KafkaConsumer": "reader", "KafkaAdminClient": "admin"}
"""What a client is for that does not say so."""
_name = "pelton"

T = TypeVar("T")
logger = logging.getLogger(__name__)


@contextmanager
def broker_errors(settings: KafkaSettings, doing: str) -> Iterator[None]:
    """Turn kafka-python's errors into a `BrokerError` that says what was being done."""
    try:
        yield
    except KafkaError as error:
        raise BrokerError(explain(settings, doing, error)) from error


def explain(settings: KafkaSettings, doing: str, error: BaseException) -> str:
    """One line for a person. kafka-python reports wrong credentials in the same words as a broker that is away: tell them apart."""
    detail = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, KafkaConnectionError) and "bootstrap" not in detail.lower():
        return f"{doing}: {detail} (broker {settings.bootstrap_servers})"
    where = f"{settings.bootstrap_servers} ({settings.security_protocol})"
    if not any(listens(address) for address in settings.servers):
        return f"{doing}: no broker answers at {where}; start one with `pelton broker`, or set KAFKA_BOOTSTRAP_SERVERS"
    suspects = ["KAFKA_SECURITY_PROTOCOL"]
    suspects += ["user, password and KAFKA_SASL_MECHANISM"] if settings.is_sasl else []
    suspects += ["KAFKA_SSL_CAFILE"] if settings.is_tls else []
    return (
        f"{doing}: something listens at {where}, and does not answer us: it may still be starting (try again in a moment), or speak"
        f" otherwise; check {' and '.join(suspects)}"
    )


def listens(address: str, timeout_s: float = PROBE_SECONDS) -> bool:
    """Whether anything accepts connections at `host:port`, or `[host]:port` for IPv6; asks for `timeout_s` at most."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.removeprefix("[").removesuffix("]"), int(port)), timeout_s).close()
    except OSError:
        return False
    return True


def name_clients(*parts: str | None) -> None:
    """How this process is called at the broker from now on: its node, and its run where it has one. Kafka's tools and quotas go by it."""
    global _name
    _name = ".".join(["pelton", *(part for part in parts if part)])


def client_id(purpose: str) -> str:
    """The id of a client of this process: `pelton.curriculum.nightly.facts`."""
    return f"{_name}.{purpose}"


def connect(kind: Callable[..., T], purpose: str | None = None, **options: Any) -> T:
    """A kafka-python client of this kind. One that finds no broker is closed: by itself it would leave a thread behind at every try.

    Args:
        kind: of client.
        purpose: what it is for; its id is made of this and the process's name.
        options: kafka-python's.
    """
    options.setdefault("client_id", client_id(purpose or PURPOSES.get(getattr(kind, "__name__", ""), "client")))
    made: list[KafkaNetClient] = []

    def remembered(**inner: Any) -> KafkaNetClient:
        made.append(KafkaNetClient(**inner))
        # Its consumers and producers take this option and do not hand it on (3.0.12): a missing topic was made, with the broker's defaults.
        made[-1].cluster.config["allow_auto_create_topics"] = False
        return made[-1]

    try:
        return kind(**options, kafka_client=remembered)
    except BaseException:
        for client in made:
            client.close()
        raise


@contextmanager
def open_admin(settings: KafkaSettings, doing: str) -> Iterator[KafkaAdminClient]:
    """An admin client for the length of a block, with errors told by `broker_errors`."""
    with broker_errors(settings, doing):
        client = connect(KafkaAdminClient, **settings.client_options(), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS)
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
            logger.debug("asking again: %s", error)
            time.sleep(0.1)
