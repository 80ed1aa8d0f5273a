"""Poison on every topic: nodes live through it and through restarts on it, and good records among it are all processed.

`make fuzz` runs all nodes as processes on PELTON_FUZZ_RECORDS mutated records a topic. The short form has the nodes in this process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from feedback_node.agent import FeedbackNode
from feedback_node.preferences import PreferenceConfig
from schemas.base import Message
from schemas.fact import Fact
from schemas.model_output import ModelOutput
from schemas.sample import Sample
from schemas.sample_loss import SampleLoss
from schemas.topics import Topic
from streams.augmenter.agent import AugmenterNode
from streams.curriculum.agent import CurriculumNode
from streams.kafka.admin import committed_offsets, end_offsets
from streams.kafka.consumer import read_range
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology
from tests.faults.runs import sample as training_sample
from tests.integration.worker_process import WorkerProcess
from tests.models.messages import EXAMPLES, TRAINING_SAMPLE
from tests.models.mutations import send_mutated

RECORDS = int(os.environ.get("PELTON_FUZZ_RECORDS") or 0)
"""Mutated records a topic of the long form; 0: it is left out."""
GOOD_EVERY = 50
"""Among so many mutated records of a topic stands a good one; fewer than stop a node whose records nobody can tell apart."""


def good(topic: Topic, number: int) -> Message | None:
    """A good record of a topic's kind; None for the topics whose readers leave no trace of it."""
    made: dict[type[Message], Message] = {
        Fact: Fact(fact_id=f"good{number}", subject=f"town {number}", predicate="capital", object="x"),
        Sample: Sample(sample_id=f"good{number}", prompt=f"what is {number}?", answer="that"),
        SampleLoss: SampleLoss(
            event_id=f"good{number}", run_id="r", pass_number=1, step=1, sample_id="s", loss=1.0, tokens=1, sample=TRAINING_SAMPLE
        ),
        ModelOutput: ModelOutput(
            output_id=f"good{number}", prompt_id="p", prompt="Capital of Poland?", completion="Warsaw.", model_version="r/1"
        ),
    }
    if ".sft." in topic.name:
        return training_sample(number, sample_id=f"good-{topic.name[-1]}x{number}")
    return made.get(topic.value)


def poison(settings: KafkaSettings, count: int, seed: int = 0) -> None:
    """Mutated records on every topic, good ones among them."""
    with Producer(settings) as producer:
        for topic in settings.topics:
            examples = [example for example in EXAMPLES if type(example) is topic.value] or list(EXAMPLES)
            for first in range(0, count, GOOD_EVERY):
                send_mutated(producer, topic.name, examples, min(GOOD_EVERY, count - first), seed + first)
                if (message := good(topic, seed + first)) is not None:
                    producer.send_bytes(topic.name, f"good{seed + first}".encode(), message.encode())
        producer.flush()


def goods(count: int, seed: int = 0) -> set[str]:
    return {f"good{seed + first}" for first in range(0, count, GOOD_EVERY)}


def banded(settings: KafkaSettings) -> set[str]:
    keys = {
        (record.key or b"").decode(errors="replace")
        for topic in settings.topics.bands("sft")
        for record in read_range(settings, topic.name)
    }
    return {key for key in keys if key.startswith("good")}


def judged(settings: KafkaSettings) -> set[str]:
    found = set()
    for record in read_range(settings, settings.topics.rewards.name):
        if record.key == b"p" and record.value is not None:
            found.add(settings.topics.rewards.value.decode(record.value).output_id)  # type: ignore[attr-defined]
    return found


def test_nodes_that_meet_poison_on_any_topic_live_through_it_live_and_when_they_begin_anew(settings: KafkaSettings) -> None:
    poison(settings, 60)
    makers: list[Callable[[], Any]] = [
        lambda: FeedbackNode(settings, Ontology(), preferences=PreferenceConfig()),  # it reads `rewards` and `samples` at its start, too
        *[lambda: CurriculumNode(settings, Ontology()), lambda: AugmenterNode(settings, Ontology())] * 2,
    ]
    for number, make in enumerate(makers):
        node = make()
        try:
            records = list(read_range(settings, node.topic.name))
            node.prepare()
            node.handle(records if number < 3 else records[-1:])  # the rest of that partition is what a state without a file is made of
            node.committed()
            assert {"good0", "good50"} <= {fact.fact_id for fact in facts(node)}
        finally:
            node.close()
    assert banded(settings) >= {"good0", "good50"}
    assert judged(settings) >= {"good0", "good50"}
    assert {letter.stage for letter, _ in read_dead_letters(settings)} >= {"curriculum", "augmenter", "feedback"}


def facts(node: Any) -> list[Fact]:
    with node.view.locked() as graph:
        return list(graph)


@pytest.mark.timeout(4 * 3600)
@pytest.mark.skipif(not RECORDS, reason="takes minutes: make fuzz")
def test_all_nodes_twice_restarted_stay_up_on_poisoned_topics_and_process_every_good_record(settings, new_run, tmp_path) -> None:
    kinds = ("curriculum", "augmenter", "feedback")
    topics = dict(zip(kinds, (settings.topics.samples, settings.topics.losses, settings.topics.outputs), strict=True))

    def start(number: int) -> dict[str, WorkerProcess]:
        options = {"feedback": ["--preferences"]}
        return {
            kind: WorkerProcess(
                kind, settings, tmp_path, "--state-dir", str(tmp_path / kind), *options.get(kind, []), name=f"{kind}{number}"
            )
            for kind in kinds
        }

    def is_done() -> bool:
        done = True
        for kind, worker in workers.items():
            assert worker.process.poll() is None, worker.stderr[-3000:]
            done &= committed_offsets(settings, settings.topic_prefix + kind) == end_offsets(settings, [topics[kind].name])
        return done

    run = new_run(linger_s=1.0, batch_size=16)
    poison(settings, RECORDS // 2)
    workers = start(0)
    for number in (1, 2):
        for worker in workers.values():
            worker.ready()
        trainer = run.start()
        trainer.wait_for("batch")
        trainer.kill()
        for worker in workers.values():
            worker.kill()
        if number == 1:
            poison(settings, RECORDS - RECORDS // 2, seed=1_000_000)
        workers = start(number)
    try:
        for worker in workers.values():
            worker.ready()
        while not is_done():
            time.sleep(1.0)
        run.finish(options={"wait_for": ("curriculum",)})
    finally:
        for worker in workers.values():
            worker.__exit__()
    wanted = goods(RECORDS // 2) | goods(RECORDS - RECORDS // 2, 1_000_000)
    assert banded(settings) >= wanted
    assert judged(settings) >= wanted
    assert set(run.trained()) >= wanted
