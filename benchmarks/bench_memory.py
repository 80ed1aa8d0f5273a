"""The trainer's memory over 200,000 samples: flat, since the backlog waits in Kafka and every memory of the past is bounded.

A stub stands in for model and optimizer (this measures the data path, not torch): the real consumer thread, feed, journal, ledger and
checkpoint store work on an embedded broker; the "weights" are 100 kB of zeros. Resident memory is read at every 10,000 samples. Flat
means: from a quarter of the run on (the memory of ids has then reached its horizon), it does not grow by more than 10 %.

Run: `python benchmarks/bench_memory.py` (writes `benchmarks/results/bench_memory.json`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
HORIZON = 40_000
FILES = (
    "adapter_model.safetensors", "rng_state.pth",
    "objectives/sft/optimizer.pt", "objectives/sft/scheduler.pt", "objectives/sft/trainer_state.json",
)  # fmt: skip


def run(settings: Any, folder: Path, count: int) -> list[dict[str, float]]:
    """Feed `count` samples through, checkpointing every 50 batches of 64."""
    from schemas.training_sample import Objective
    from streams.kafka.dead_letters import Breaker, DeadLetterWriter
    from streams.kafka.producer import Producer
    from trainer_node.commit.fencing import Fence
    from trainer_node.commit.journal import Journal
    from trainer_node.commit.ledger import Ledger
    from trainer_node.commit.manifest import RunState
    from trainer_node.commit.store import START, CheckpointStore
    from trainer_node.data.decoding import Decoded, decoded, with_example
    from trainer_node.intake.consumer_thread import ConsumerThread
    from trainer_node.intake.feed import Feed
    from trainer_node.intake.feed_settings import FeedSettings

    def unpack(records: list[Any]) -> list[Decoded]:
        ids = lambda sample: list((sample.completion or "").encode())  # noqa: E731 - as many as a tokenizer would give
        return [with_example(decoded(record), ids) for record in records]

    fence = Fence(folder)
    journal, ledger, reader = Journal(folder / "journal", fence.epoch), Ledger(folder / "ledger"), ConsumerThread(settings, unpack)
    store = CheckpointStore(folder, fence, journal, ledger)
    with Producer(settings) as producer:
        letters = DeadLetterWriter(producer, settings, "trainer", "bench", Breaker())
        bands = {Objective.SFT: [topic.name for topic in settings.topics.bands("sft")]}
        feed = Feed(FeedSettings("bench", 64, 0.2, HORIZON), reader, bands, letters, journal, ledger)
        journal.take_over(START)
        feed.begin(None, [])
        readings, serial = [], 0
        while batch := feed.next_batch(feed.drained, fence.check):
            feed.trained(batch)
            if batch.step % 50 == 0:
                serial += 1
                fields = {"run_id": "bench", "step": batch.step, "serial": serial, "config_hash": "", "base_model": "stub"}
                state = RunState(**fields, feed=feed.snapshot())
                store.commit(lambda state=state: state, _weights, lambda: None, lambda found: None)
            if feed.cursor.samples_trained // 10_000 > len(readings):
                readings.append({"samples": feed.cursor.samples_trained, "rss_mb": round(psutil.Process().memory_info().rss / 1e6, 1)})
        reader.close()
        journal.close()
    assert feed.cursor.samples_trained == count
    return readings


def _weights(folder: Path) -> None:
    for name in FILES:
        (folder / name).write_bytes(bytes(20_000))


def main() -> None:
    """Measure, print, write."""
    from benchmarks.record import Record
    from benchmarks.trainer_runs import broker_with_samples

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200_000)
    options = parser.parse_args()
    record = Record("bench_memory", options, {})
    with tempfile.TemporaryDirectory() as folder, broker_with_samples(Path(folder) / "broker", options.samples) as settings:
        started = time.monotonic()
        readings = run(settings, Path(folder) / "run", options.samples)
        seconds = time.monotonic() - started
    settled = [reading["rss_mb"] for reading in readings[len(readings) // 4 :]]
    growth = max(settled) / settled[0] - 1
    result = {
        "samples": options.samples,
        "seconds": round(seconds, 1),
        "repeat_horizon": HORIZON,
        "readings": readings,
        "growth_after_a_quarter": round(growth, 4),
        "flat": growth <= 0.10,
    }
    record.write(result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
