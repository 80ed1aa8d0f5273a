"""What the demo sends, and when: questions and what is measured by at once, facts as far as the plan has room for them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.dataset import Broken, Record, fact_of
from demo.plan import HeldBack, Planner, left_out
from demo.policy import prompts
from demo.session import Session
from schemas.sample import Sample, Split
from streams.kafka.producer import Producer

FIRST = 3
"""One in so many of the facts that are asked for is sent at once, so that there is something to measure a step by."""


class DemoProducer:
    """Sends a first part, then tranches of what fits by how fast it is trained; then the file says that producers have closed."""

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
        self._planner = Planner(self._held_back(), session.options.seconds)

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

    def look(self, metrics: Mapping[str, float]) -> str | None:
        """Send what the plan has room for by now; behind the last of it, close, and return what is left out, if anything is."""
        planned = None if self.has_closed else self._planner.look(metrics, time.monotonic() - self._session.started)
        if planned is None:
            return None
        data = self._session.dataset
        samples = [self._waiting[place] for place in planned.places]
        self._waiting = [sample for sample in self._waiting if sample not in samples]
        self._send(data.shuffled([*samples, *data.sampled[: planned.prompts]]))
        self._note(samples)
        if planned.is_last:
            asked = len([sample for sample in data.wanted if sample in self._waiting])
            fewer = max(0, len(data.sampled) - planned.prompts)
            self._session.left_out = left_out(asked, len(self._waiting) - asked, fewer, planned, self._session.options.seconds)
            self._closed.touch()
        return self._session.left_out

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
