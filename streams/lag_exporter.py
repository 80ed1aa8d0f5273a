"""Lag for Prometheus, under kafka_exporter's names, and in seconds: `pelton lag --serve`.

As kafka_exporter does, `kafka_consumergroup_lag` counts from what was committed, also where the log no longer holds it, and is -1 on a
partition where a group has committed nothing while it has elsewhere. While the broker is away there are no series: an old value would
keep an alert firing, or silent.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from schemas.errors import BrokerError
from streams import metrics
from streams.kafka.lag_watch import Judged, LagWatch

if TYPE_CHECKING:
    from kafka import TopicPartition

    from streams.kafka.settings import KafkaSettings

EVERY_S = 5.0
"""Between two looks at the broker."""

logger = logging.getLogger(__name__)


class LagExporter(Collector):
    """Looks at the broker on the thread that calls `run`, and tells what it saw last to whoever asks."""

    def __init__(self, settings: KafkaSettings, groups: tuple[str, ...] = (), dead: bool = False, window_s: float = 300.0) -> None:
        """See `LagWatch`. A window of minutes: what is told here wakes somebody."""
        self._settings = settings
        self._watched = (groups, dead, window_s)
        self._stop = threading.Event()
        self._seen: _Seen | None = None
        self._alive: dict[str, float] = {}
        self._why = "the broker has not been asked yet"
        topics = settings.topics
        self._retention = {topic.name: topic.retention_ms / 1000 for topic in topics if topic.retention_ms > 0}

    def run(self, every_s: float = EVERY_S) -> None:
        """Look until `stop`; a broker that is away is waited for."""
        while not self._stop.is_set():
            try:
                groups, dead, window_s = self._watched
                with LagWatch(self._settings, groups, dead, window_s, self._alive) as watch:
                    while True:
                        metrics.BROKER_UP.labels("lag").set(1)
                        self._seen = _Seen(watch.look(), dict(watch.begin), dict(watch.end))
                        if self._stop.wait(every_s):
                            return
            except BrokerError as error:
                metrics.BROKER_UP.labels("lag").set(0)
                self._seen, self._why = None, str(error)
                logger.warning("lag: %s; trying again", error)
                self._stop.wait(every_s)

    def stop(self) -> None:
        """End `run`. May be called from any thread, and by a signal's handler."""
        self._stop.set()

    def waiting_for(self) -> str | None:
        """What keeps it from telling anything, for `/readyz`."""
        return self._why if self._seen is None else None

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The families, from the last look."""
        seen = self._seen
        return list(_families(seen, self._retention)) if seen is not None else []


class _Seen:
    """One look."""

    def __init__(self, rows: list[Judged], begin: dict[TopicPartition, int], end: dict[TopicPartition, int]) -> None:
        self.rows, self.begin, self.end = rows, begin, end


def _families(seen: _Seen, retention: dict[str, float]) -> Iterator[GaugeMetricFamily]:
    rows = [((row.lag.group, row.lag.topic, str(row.lag.partition)), row) for row in seen.rows]
    yield _family(metrics.GROUP_OFFSET, [(of, -1 if row.lag.committed is None else row.lag.committed) for of, row in rows])
    yield _family(metrics.GROUP_LAG, [(of, _lag(row)) for of, row in rows])
    sums: dict[tuple[str, ...], float] = {}
    for (group, topic, _), row in rows:
        sums[group, topic] = sums.get((group, topic), 0) + max(0, _lag(row))
    yield _family(metrics.GROUP_LAG_SUM, sums.items())
    yield _family(metrics.GROUP_MEMBERS, {(row.lag.group,): row.members for _, row in rows}.items())
    yield _family(metrics.GROUP_SECONDS, [(of, row.seconds) for of, row in rows if row.seconds is not None])
    yield _family(metrics.GROUP_STATUS, [((*of, row.word.value), 1) for of, row in rows])
    yield _family(metrics.TOPIC_END, [((tp.topic, str(tp.partition)), end) for tp, end in seen.end.items()])
    yield _family(metrics.TOPIC_BEGIN, [((tp.topic, str(tp.partition)), begin) for tp, begin in seen.begin.items()])
    topics = {tp.topic for tp in seen.end}
    yield _family(metrics.TOPIC_RETENTION, [((topic,), kept) for topic, kept in retention.items() if topic in topics])


def _lag(row: Judged) -> int:
    return -1 if row.lag.committed is None else row.lag.end - row.lag.committed


def _family(declared: metrics.Family, samples: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(declared.name, declared.text, labels=declared.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def serve(exporter: LagExporter, port: int | None, host: str) -> None:
    """Serve what the exporter sees until it is stopped.

    Raises:
        ConfigError: the metrics port is taken.
    """
    registry = metrics.registry_of("lag")
    registry.register(exporter)
    with metrics.start_metrics("lag", port, host, exporter.waiting_for, registry=registry) as server:
        server.announce(None)
        exporter.run()
