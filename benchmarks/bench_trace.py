"""How long `pelton trace` looks for one sample, by the number of samples that a run has trained.

Everything that a run leaves is laid out as it leaves it, on a real broker: `samples`, the bands, `losses`, an announced model for each
checkpoint, and a ledger in as many segments as commits make of it. Then samples of all ages are looked for, one that waits, and one that is
nowhere. Told are the seconds by the clock, and those that the processor worked for the looking process: the clock's are of a machine that
may have other work.

Run: `python benchmarks/bench_trace.py` (writes `benchmarks/results/bench_trace.json`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
COMMIT_EVERY, BATCH = 1000, 10


def lay_out(settings: Any, run_dir: Path, count: int) -> None:
    """A run of `count` samples, all trained, in a pass of its own."""
    from schemas.sample import Sample, Task
    from schemas.sample_loss import SampleLoss
    from schemas.training_sample import BANDS, Objective, SourcePosition, TrainingSample
    from schemas.turns import Turn
    from streams.kafka.producer import Producer
    from trainer_node.commit.fencing import Fence
    from trainer_node.commit.journal import Journal
    from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome
    from trainer_node.commit.manifest import RunState
    from trainer_node.commit.state import FeedState, PartitionState, StreamPosition
    from trainer_node.commit.store import CheckpointStore
    from trainer_node.run.publisher import model_version

    def write(folder: Path) -> None:
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"):
            (folder / name).write_bytes(b"{}")

    fence, ledger, topics = Fence(run_dir), Ledger(run_dir / "ledger"), settings.topics
    store = CheckpointStore(run_dir, fence, Journal(run_dir / "journal", fence.epoch), ledger)
    offsets = [0] * BANDS
    with Producer(settings) as producer:
        for number in range(count):
            name, band, step = f"sample-{number:07d}", number % BANDS, number // BATCH + 1
            sent = producer.send(topics.samples, name, Sample(sample_id=name, prompt=f"what is {number}?", answer="it is."))
            source = SourcePosition(topic=topics.samples.name, partition=0, offset=0)
            if number % (count // 20) == 0:
                producer.flush()
                at = sent.get()
                source = SourcePosition(topic=at.topic, partition=at.partition, offset=at.offset)
            made = TrainingSample(
                sample_id=name, objective=Objective.SFT, task=Task.QA, band=band, completion="it is.", source=source,
                prompt=(Turn(role="user", content=f"what is {number}?"),),
            )  # fmt: skip
            producer.send(topics.band("sft", band), name, made)
            loss = SampleLoss(event_id=f"e-{number}", run_id="r", pass_number=1, step=step, sample_id=name, loss=1.0, tokens=3, sample=made)
            producer.send(topics.losses, name, loss)
            ledger.add(LedgerRow(topics.band("sft", band).name, 0, offsets[band], name, Outcome.TRAINED, 1, step))
            offsets[band] += 1
            if (number + 1) % COMMIT_EVERY == 0:
                producer.flush()
                partitions = {f"{topics.band('sft', one).name}:0": PartitionState(watermark=offsets[one]) for one in range(BANDS)}
                feed = FeedState(objective=Objective.SFT, step=step, position=StreamPosition(partitions=partitions))
                state = RunState(run_id="r", step=step, serial=step, config_hash="h", base_model="m", feed=feed)
                checkpoint = store.commit(lambda state=state: state, write, lambda: None, lambda _: None)  # type: ignore[misc]
                version = model_version(checkpoint)
                producer.send(topics.models, version.version, version)
        waiting = made.model_copy(update={"sample_id": "waits"})
        producer.send(topics.band("sft", 0), "waits", waiting)


def main() -> None:
    """Lay out, look, print, write."""
    from benchmarks.record import Record
    from cli.tracing import follow
    from streams.kafka.admin import create_topics
    from streams.kafka.embedded import EmbeddedBroker
    from streams.kafka.settings import KafkaSettings

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000, 100_000])
    options = parser.parse_args()
    record, runs = Record("bench_trace", options, {}), []
    for count in options.samples:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            broker = EmbeddedBroker(folder / "broker")
            broker.start()
            try:
                settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
                create_topics(settings, settings.topics).raise_if_wrong()
                (folder / "run").mkdir()
                lay_out(settings, folder / "run", count)
                seconds: dict[str, list[float]] = {"trained": [], "waiting": [], "nowhere": []}
                processor: dict[str, list[float]] = {kind: [] for kind in seconds}
                for kind, name in [("trained", f"sample-{at:07d}") for at in range(0, count, count // 20)] + [
                    *[("waiting", "waits")] * 3,
                    ("nowhere", "never-sent"),
                ]:
                    began, worked = time.perf_counter(), time.process_time()
                    story = follow(settings, name, folder / "run")
                    seconds[kind].append(round(time.perf_counter() - began, 3))
                    processor[kind].append(round(time.process_time() - worked, 3))
                    assert story["found"] is (kind != "nowhere"), name
                    assert kind != "trained" or (story["losses"] and story["models"] and story["received"]), story
            finally:
                broker.stop()
        runs.append(
            {
                "samples": count,
                "median_s": {kind: statistics.median(those) for kind, those in seconds.items()},
                "median_processor_s": {kind: statistics.median(those) for kind, those in processor.items()},
                "seconds": seconds,
            }
        )
        print(json.dumps(runs[-1]), flush=True)
    record.write({"runs": runs})


if __name__ == "__main__":
    main()
