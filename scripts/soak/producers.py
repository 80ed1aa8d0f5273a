"""Who sends in a soak: a producer of each kind of sample, an inference server, a corrector of facts, and one whose records are bad."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from demo.countries import facts
from schemas.fact import Fact
from schemas.model_output import ModelOutput
from schemas.sample import Sample, Split, Task
from schemas.turns import Turn
from scripts.soak.plan import Plan
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings

Make = Callable[[int, random.Random], Sample]
AGAIN_EVERY = 10
"""Every tenth sample is sent twice, as a producer does that heard no answer: it is to be trained once."""
OUTPUTS_PER_S = 1.0
FACTS_EVERY_S = 5.0
ACKNOWLEDGED_S = 120.0
"""How long the end waits for acknowledgements."""


def _words(draw: random.Random, most: int = 30) -> str:
    return " ".join("".join(draw.choices("abcdefghij", k=draw.randint(1, 5))) for _ in range(draw.randint(1, most)))


def question(number: int, draw: random.Random) -> Sample:
    """A question with its answer, by a producer who names its samples."""
    return Sample(sample_id=f"qa-{number}", prompt=f"what is {_words(draw)}?", answer=_words(draw))


def text(number: int, draw: random.Random) -> Sample:
    """Plain text, whose id is a hash."""
    return Sample(text=f"{number}. {_words(draw, 60)}")


def labelled(number: int, draw: random.Random) -> Sample:
    """A text with its class."""
    return Sample(sample_id=f"label-{number}", text=f"{_words(draw)} {number}", label=draw.choice("xyz"), label_set=("x", "y", "z"))


def conversation(number: int, draw: random.Random) -> Sample:
    """Several turns."""
    turns = [
        Turn(role=role, content=_words(draw, 15)) for _ in range(draw.randint(1, 4)) for role in ("user", "assistant")
    ]  # fmt: skip
    return Sample(sample_id=f"talk-{number}", messages=tuple(turns))


def pair(number: int, draw: random.Random) -> Sample:
    """A preference."""
    return Sample(
        sample_id=f"pair-{number}", prompt=f"which of {_words(draw)}?", chosen=f"yes {_words(draw)}", rejected=f"no {_words(draw)}"
    )


def prompt(number: int, draw: random.Random) -> Sample:
    """A prompt to learn from by its rewards."""
    fact = draw.choice(_capitals())
    return Sample(sample_id=f"prompt-{number}", prompt=f"What is the capital of {fact.subject}?", gold=(fact.object,), task=Task.RLHF_GRPO)


def held_out(number: int, draw: random.Random) -> Sample:
    """A question to measure by."""
    return Sample(sample_id=f"held-{number}", prompt=f"what is {_words(draw)}?", answer=_words(draw), split=Split.VALIDATION)


KINDS: dict[str, tuple[Make, float]] = {
    "qa": (question, 3),
    "text": (text, 2),
    "classification": (labelled, 2),
    "conversation": (conversation, 2),
    "preference": (pair, 1),
    "prompt": (prompt, 0.5),
    "validation": (held_out, 0.1),
}
"""Each kind, and its share of all that is sent."""
BAD = (
    b"no json at all", b"{", b"", b"[]", b'{"schema_version": "9.0", "prompt": "p", "answer": "a"}', b'{"prompt": 7}', b"\xff\xfe\x00",
    b'{"schema_version": "1.1", "sample_id": "bad"}', b'{"schema_version": "\xc2\xb2", "prompt": "p", "answer": "a"}',
)  # fmt: skip
"""What the broken producer sends, in turn."""


def _capitals() -> list[Fact]:
    if not _CAPITALS:
        _CAPITALS.extend(fact for fact in facts() if fact.predicate == "capital")
    return _CAPITALS


_CAPITALS: list[Fact] = []


class Producers:
    """All that send, each in a thread of its own with a producer of its own, until `stop`."""

    def __init__(self, settings: KafkaSettings, plan: Plan) -> None:
        self.settings = settings
        self.plan = plan
        self.sent: dict[str, str] = {}
        """Kind of each good sample that the broker has acknowledged, by its id."""
        self.outputs: set[str] = set()
        """Ids of the outputs that were sent."""
        self.repeated = 0
        self.errors: list[str] = []
        self._stopping = threading.Event()
        share = sum(weight for _, weight in KINDS.values())
        rates = {kind: plan.samples_per_s * weight / share for kind, (_, weight) in KINDS.items()}
        work = [(self._samples, kind, rate) for kind, rate in rates.items()] + [(self._outputs,), (self._corrections,)]
        self._threads = [threading.Thread(target=self._guarded, args=one, daemon=True) for one in work]

    def send_facts(self) -> int:
        """What the graph knows before anything else is sent."""
        with Producer(self.settings, waits_for_broker=True) as producer:
            known = facts()
            for fact in known:
                producer.send(self.settings.topics.facts, fact.fact_id, fact)
        return len(known)

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop, and wait until all that was sent is acknowledged; not for ever, since a broker that was given up never does."""
        self._stopping.set()
        deadline = time.monotonic() + ACKNOWLEDGED_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.errors.append(f"what {thread.name} sent was not acknowledged within {ACKNOWLEDGED_S:.0f} s")

    def counts(self) -> dict[str, int]:
        """Samples sent, by kind."""
        return dict(Counter(self.sent.values()))

    def _guarded(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001 - it is told in the result, and fails the soak
            self.errors.append(f"{work.__name__}{arguments}: {type(error).__name__}: {error}")

    def _ticks(self, every_s: float) -> Iterator[int]:
        number, due = 0, time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            yield number
            number, due = number + 1, due + every_s

    def _samples(self, kind: str, rate: float) -> None:
        draw, make = random.Random(f"{self.plan.seed} {kind}"), KINDS[kind][0]
        topic = self.settings.topics.samples
        headers = [("producer", kind.encode())]
        with Producer(self.settings, waits_for_broker=True) as producer:
            for number in self._ticks(1 / rate):
                sample = make(number, draw)
                for _ in range(1 + (number % AGAIN_EVERY == AGAIN_EVERY - 1)):
                    producer.send(topic, sample.sample_id, sample, headers)
                self.repeated += number % AGAIN_EVERY == AGAIN_EVERY - 1
                self.sent[sample.sample_id] = kind  # leaving this block waits until it is acknowledged
            producer.flush(timeout=600)

    def _outputs(self) -> None:
        """An inference server: a right and a wrong answer to each question."""
        draw = random.Random(f"{self.plan.seed} outputs")
        with Producer(self.settings, waits_for_broker=True) as producer:
            for number in self._ticks(1 / OUTPUTS_PER_S):
                fact, wrong = draw.choice(_capitals()), draw.choice(_capitals())
                said = fact if number % 2 else wrong
                output = ModelOutput(
                    output_id=f"out-{number}",
                    prompt_id=f"asked-{number // 2}-{fact.subject}",
                    prompt=f"What is the capital of {fact.subject}?",
                    completion=f"The capital of {fact.subject} is {said.object}. {_words(draw)} {number}.",
                    model_version="elsewhere/1",
                )
                producer.send(self.settings.topics.outputs, output.prompt_id, output)
                self.outputs.add(output.output_id)
            producer.flush(timeout=600)

    def _corrections(self) -> None:
        """A fact is said again now and then, so that the graph's version moves."""
        draw = random.Random(f"{self.plan.seed} facts")
        with Producer(self.settings, waits_for_broker=True) as producer:
            for _ in self._ticks(FACTS_EVERY_S):
                fact = draw.choice(_capitals())
                producer.send(self.settings.topics.facts, fact.fact_id, fact)
            producer.flush(timeout=600)

    def send_bad(self) -> None:
        """One producer goes mad: many bad records in one go."""
        with Producer(self.settings, waits_for_broker=True) as producer:
            for number in range(self.plan.bad_records):
                value = BAD[number % len(BAD)]
                producer.send_bytes(self.settings.topics.samples.name, f"bad-{number}".encode(), value, [("producer", b"mad")])
            producer.flush(timeout=600)
