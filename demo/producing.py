"""What the demo sends, and when: questions and what is measured by at once, facts as far as the plan has room for them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.dataset import Broken, Record, fact_of
from demo.plan import SLOWEST, HeldBack, Speed, left_out, plan
from demo.policy import prompts
from demo.session import Session
from schemas.sample import Sample, Split
from streams.kafka.producer import Producer

FIRST = 3
"""One in so many of the facts that are asked for is sent at once, so that there is something to measure a step by."""


class DemoProducer:
    """Sends a first part, measures how fast it is trained, and sends what fits; then the file says that producers have closed."""

    def __init__(self, session: Session, closed: Path) -> None:
        self._session, self._closed = session, closed
        self._first: tuple[Sample, ...]
        data = session.dataset
        if session.options.rl:
            self._first, self._waiting = (), []
            return
        self._waiting = [*data.wanted, *data.further[: session.options.further]]
        first = [sample for sample in data.wanted if sample in data.duplicates]
        first += [sample for sample in data.wanted if sample not in first][: -(-len(data.wanted) // FIRST) - len(first)]
        self._first = (*first, *data.texts, *data.labelled, *data.preferences)
        self._waiting = [sample for sample in self._waiting if sample not in first]
        self._speed = Speed(len(self._first) - len(data.preferences))

    def send_facts(self) -> None:
        """To `facts`, which the judge knows the world by."""
        with Producer(self._session.settings) as producer:
            for fact in self._session.dataset.facts:
                producer.send(self._session.settings.topics.facts, fact.fact_id, fact)

    def send_first(self) -> None:
        """All but what the plan is to decide about."""
        data = self._session.dataset
        if self._session.options.rl:
            samples = prompts(self._session.options.countries)
            self._send([Record(sample.sample_id.encode(), sample.encode()) for sample in samples])
            self._session.facts_sent |= {fact_of(sample.sample_id) for sample in samples if sample.split is Split.VALIDATION}
            self._closed.touch()
            return
        entries: list[Sample | Broken] = [*self._first, *data.duplicates, *data.validation, *data.asked, *data.broken]
        self._send(data.shuffled(entries))
        self._note(self._first)

    @property
    def has_closed(self) -> bool:
        """Whether all is sent."""
        return self._closed.exists()

    def look(self, metrics: Mapping[str, float]) -> None:
        """Once the trainer's speed is known, or must do without: send the rest of what is to be trained, and close."""
        if self.has_closed:
            return
        self._speed.look(metrics)
        elapsed, promise = time.monotonic() - self._session.started, self._session.options.seconds
        if self._speed.seconds is None and elapsed < SLOWEST * promise:
            return
        held = self._held_back()
        planned = plan(held, self._speed.seconds, elapsed, promise)
        samples, prompts = self._waiting[: planned.samples], self._session.dataset.sampled[: planned.prompts]
        self._send(self._session.dataset.shuffled([*samples, *prompts]))
        self._note(samples)
        wanted = len([sample for sample in self._session.dataset.wanted if sample in self._waiting])
        self._session.left_out = left_out(self._waiting, planned, held, wanted)
        self._closed.touch()

    def _held_back(self) -> HeldBack:
        data, options = self._session.dataset, self._session.options
        return HeldBack(
            sent=len(self._first) - len(data.preferences),
            samples=len(self._waiting),
            prompts=len(data.sampled),
            asked=len(data.asked),
            pairs=len(data.preferences),
            passes=options.epochs,
            answers=options.answers,
        )

    def _note(self, samples: Sequence[Sample]) -> None:
        self._session.facts_sent |= {fact_of(sample.sample_id) for sample in samples if sample.answer}

    def _send(self, records: Sequence[Record]) -> None:
        with Producer(self._session.settings) as producer:
            for record in records:
                producer.send_bytes(self._session.settings.topics.samples.name, record.key, record.value)
