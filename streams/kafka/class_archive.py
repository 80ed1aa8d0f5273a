"""An archive of Kafka's classes as a JVM has them once they are loaded: a broker that starts on it loads none of them anew.

It is for one Java and one set of jars, and is made once, by a broker that starts and stops for it (`pelton fetch`). Without it a broker
starts as ever, and Java passes over one that does not fit.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from streams.kafka.admin import create_topics
from streams.kafka.distribution import archive_of, cached_classpath, find_java
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.settings import KafkaSettings

ENDED_BY_SIGTERM = 143
"""What a JVM ends with that has stopped in order, its archive written."""


def archive_classes() -> bool:
    """Make the archive where it is not there; whether it is there now. Kafka is in the cache.

    Raises:
        BrokerError: the broker that is started for it does not start.
    """
    jars = cached_classpath()
    assert jars is not None, "it was fetched"
    target = archive_of(find_java(), jars)
    if target.is_file():
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".classes-", dir=target.parent) as folder:
        made = Path(folder) / target.name
        broker = EmbeddedBroker(Path(folder) / "broker")
        broker.jvm = (f"-XX:ArchiveClassesAtExit={made}",)
        broker.start()
        try:
            settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
            create_topics(settings, settings.topics).raise_if_wrong()
            (process,) = broker.processes
        finally:
            broker.stop()
        if process.returncode == ENDED_BY_SIGTERM and made.is_file():
            made.replace(target)
    return target.is_file()
