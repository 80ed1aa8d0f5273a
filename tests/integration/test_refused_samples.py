"""A run over files says which of their samples were dead-lettered, by which node and why."""

from __future__ import annotations

from cli.refused_samples import RefusedSamples
from schemas.errors import BadRecord, DeadLetterReason
from streams.kafka.consumer import Record
from streams.kafka.dead_letters import DeadLetterWriter
from streams.kafka.producer import Producer
from trainer_node.config import TrainConfig


def test_dead_letters_of_this_run_are_counted_by_node_and_reason_with_the_first_of_each(settings):
    record = Record(settings.topics.samples.name, 0, 0, b"k", b"{}", (), 0)
    long, empty = BadRecord(DeadLetterReason.TOO_LONG, "9 tokens"), BadRecord(DeadLetterReason.UNTRAINABLE, "it is empty")
    with Producer(settings) as producer:
        writers = {
            (stage, run): DeadLetterWriter(producer, settings, stage, run)
            for stage, run in (("trainer", "mine"), ("trainer", "other"), ("curriculum", None), ("feedback", None))
        }
        writers[("trainer", "mine")].put(record, long, sample_id="before")
        producer.flush()
        refused = RefusedSamples(settings, "mine")
        for number in range(3):
            writers[("trainer", "mine")].put(record, long, sample_id=f"long-{number}")
        writers[("curriculum", None)].put(record, empty)
        writers[("trainer", "other")].put(record, empty)
        writers[("feedback", None)].put(record, empty)
        producer.flush()
    assert refused.told() == []
    refused.look()
    told = [
        "3 dead-lettered as too_long by the trainer, the first long-0: 9 tokens",
        "1 dead-lettered as untrainable by the curriculum, the first a record: it is empty",
    ]
    assert refused.told() == told
    assert refused.why_nothing(4, TrainConfig()) == f"of 4 samples, {'; '.join(told)}; see `pelton dead-letters list`"


def test_a_run_to_which_nothing_came_says_what_its_trainer_trains_on(settings):
    refused = RefusedSamples(settings, "mine")
    refused.look()
    why = refused.why_nothing(4, TrainConfig())
    assert why == "none of 4 samples is for --trainer auto, which trains on sft and preference samples that are not held out"
