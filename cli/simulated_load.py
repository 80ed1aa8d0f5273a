"""What `pelton simulate` sends and takes: samples at a rate, answers at once, and a trainer that computes nothing."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from kafka import KafkaConsumer, TopicPartition

from schemas.fact import Fact
from schemas.model_output import ModelOutput
from schemas.sample import Sample
from schemas.topics import Topic
from schemas.training_sample import Objective
from streams.kafka.consumer import make_consumer
from streams.kafka.producer import Producer

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

KNOWN = 200
"""Things that the graph knows."""
FILLING = " It is a large city with a long history, a harbour, a university and several museums that many people visit each year."
ONTOLOGY = """predicates:
  capital:
    functional: true
    nouns: [capital]
    phrases: ["{object} is the capital of {subject}", "the capital of {subject} is {object}"]
"""
TICK_S = 0.02
"""How often a paced sender sends what is due."""


def send_facts(settings: KafkaSettings) -> None:
    """What the judge and the curriculum know of the simulated world."""
    with Producer(settings) as producer:
        for number in range(KNOWN):
            fact = Fact(subject=f"Country{number}", predicate="capital", object=f"City{number}")
            producer.send(settings.topics.facts, fact.fact_id, fact)
        producer.flush()


def sample(number: int, name: str) -> Sample:
    """A question with an answer of two sentences; its id tells it from all others."""
    country = number % KNOWN
    answer = f"City{country} is the capital of Country{country}.{FILLING}"
    return Sample(sample_id=f"{name}-{number}", prompt=f"What is the capital of Country{country} in the year {number}?", answer=answer)


def answer(number: int, name: str) -> ModelOutput:
    """A model's answer to such a question; each third is wrong."""
    country = number % KNOWN
    said = f"City{country if number % 3 else country + 1} is the capital of Country{country}.{FILLING}"
    prompt = f"What is the capital of Country{country}?"
    return ModelOutput(prompt_id=f"{name}-{number}", prompt=prompt, completion=said, model_version="simulated/1")


def send_at_once(settings: KafkaSettings, topic: Topic, count: int, name: str) -> None:
    """As many records as fast as the broker takes them."""
    make = answer if topic == settings.topics.outputs else sample
    with Producer(settings) as producer:
        for number in range(count):
            key = f"{name}-{number}"
            producer.send(topic, key, make(number, name))
        producer.flush()


class Ends:
    """How many records topics have had, by their end offsets (nothing here writes in transactions)."""

    def __init__(self, settings: KafkaSettings, topics: list[Topic]) -> None:
        self._consumer = make_consumer(settings, purpose="ends")
        self._partitions = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]

    def count(self) -> int:
        """Of all partitions together."""
        return sum(self._consumer.end_offsets(self._partitions).values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._consumer.close()


class PacedSender:
    """Sends samples at a rate, from a thread of its own, and remembers when each was sent."""

    def __init__(self, settings: KafkaSettings, rate: float, seconds: float, name: str) -> None:
        self._settings, self._rate, self._seconds, self._name = settings, rate, seconds, name
        self.sent_at: dict[str, float] = {}
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the last one; raises what the thread raised."""
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            with Producer(self._settings) as producer:
                for number in self._due():
                    made = sample(number, self._name)
                    self.sent_at[made.sample_id] = time.monotonic()
                    producer.send(self._settings.topics.samples, made.sample_id, made)
                producer.flush()
        except BaseException as error:  # noqa: BLE001 - told by join
            self.error = error

    def _due(self) -> Iterator[int]:
        """Numbers, each at its time."""
        started, number = time.monotonic(), 0
        while (passed := time.monotonic() - started) < self._seconds:
            due = int(passed * self._rate)
            yield from range(number, due)
            number = max(number, due)
            time.sleep(TICK_S)


class StubTrainer:
    """Reads the bands, and every so many seconds takes a batch of what has come, as a trainer whose steps take that long does."""

    def __init__(self, settings: KafkaSettings, batch: int, step_s: float, sent_at: dict[str, float]) -> None:
        self._settings, self._batch, self._step_s, self._sent_at = settings, batch, step_s, sent_at
        self.waits: list[float] = []
        """Seconds from `produce` to the step that took a sample, of each."""
        self.waiting = 0
        """Samples that have come and that no step has taken."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stub-trainer", daemon=True)
        self._consumer = _at_the_end(settings)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step under way."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        held: deque[str] = deque()
        next_step = time.monotonic()
        while not self._stop.is_set():
            for records in self._consumer.poll(timeout_ms=int(1000 * min(0.05, self._step_s))).values():
                held.extend(record.key.decode() for record in records)
            now = time.monotonic()
            if held and now >= next_step:
                taken = [held.popleft() for _ in range(min(self._batch, len(held)))]
                self.waits += [now - self._sent_at[key] for key in taken if key in self._sent_at]
                next_step = max(next_step + self._step_s, now)
            self.waiting = len(held)


def _at_the_end(settings: KafkaSettings) -> KafkaConsumer:
    consumer = make_consumer(settings, purpose="stub-trainer")
    partitions = [
        TopicPartition(topic.name, number) for topic in settings.topics.bands(Objective.SFT) for number in range(topic.partitions)
    ]
    consumer.assign(partitions)
    for partition, end in consumer.end_offsets(partitions).items():
        consumer.seek(partition, end)
    return consumer
