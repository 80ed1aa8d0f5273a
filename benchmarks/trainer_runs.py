"""What the benchmarks of the trainer share: a broker with samples on its band topics, and what this machine is."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from schemas.sample import Task
from schemas.training_sample import BANDS, ChatMessage, TrainingSample
from streams.kafka.admin import create_topics
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("torch", "transformers", "trl", "peft", "kafka-python", "pyarrow")


@contextlib.contextmanager
def broker_with_samples(folder: Path, count: int) -> Iterator[KafkaSettings]:
    """An embedded Kafka with so many samples, spread over the bands of `sft`."""
    broker = EmbeddedBroker(folder)
    broker.start()
    try:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        create_topics(settings, settings.topics).raise_if_wrong()
        with Producer(settings) as producer:
            for number in range(count):
                made = sample(number)
                producer.send(settings.topics.band("sft", made.band), made.sample_id, made)
        yield settings
    finally:
        broker.stop()


def sample(number: int) -> TrainingSample:
    """The sample of a number: always the same."""
    return TrainingSample(
        sample_id=f"{number:016x}",
        objective="sft",
        task=Task.QA,
        band=number % BANDS,
        prompt=(ChatMessage(role="user", content=f"What is {number} plus {number % 7}?"),),
        completion=f"{number} plus {number % 7} is {number + number % 7}.",
    )


def here() -> dict[str, Any]:
    """Versions and hardware."""
    return {
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "hardware": {"machine": platform.machine(), "cpus": os.cpu_count(), "load_average_at_end": [round(x, 1) for x in os.getloadavg()]},
    }


def keep(path: Path, result: dict[str, Any], key: Callable[[dict[str, Any]], object]) -> None:
    """Add a run to a file of runs, in the place of an earlier one of the same `key`."""
    stored = json.loads(path.read_text()) if path.exists() else {"runs": []}
    stored["runs"] = [*[run for run in stored["runs"] if key(run) != key(result)], result]
    path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def write(name: str, result: dict[str, Any]) -> None:
    """Keep a result beside the others."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
