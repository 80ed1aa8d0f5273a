"""Tokens per second trained from Kafka against the same batches from RAM, and the share of step time spent waiting for data.

One trainer, one run: blocks of steps whose batches come from the feed (fetched, decoded, tokenised, chosen, journalled and accounted for as
in any run) take turns with blocks that train the batches of the newest such block again, from memory, in the order
Kafka, RAM, RAM, Kafka. So a drift of the machine, and who comes first, favour neither side. The texts on the bands repeat with every
block, so that all blocks of both sides hold the same batches (the result says whether they did), and no side meets a shape first: those are
met while warming up. The reader's thread works in Kafka's blocks only, and each band has more than the feed ever holds, so that as much is
read in the blocks measured as is trained in them, once a run is long enough to turn over what the feed holds (some 256 samples a band; on a
CPU it is not: there the reader only waits). The ratio is that of the times of all blocks, since a band is refilled in bursts that
fall into some blocks; beside it stand the median and the quartiles over pairs of neighbours, and the same by this process's processor
time (on a CPU shared with others the one that means something). The wait is all that the training thread spends on getting a batch.

Not in the ratio, since both sides do it: publishing the losses (`bench_sample_losses`). Checkpoints are left out (`bench_checkpoint`).

`--parts` measures instead what each part of the way costs its thread, in processor time of a step from Kafka (each measurement costs a
little itself: no ratio is taken then).

A run takes the place of an earlier one of its kind in the file; one to be kept beside it is given a `state` by hand, which says of what
it was.

Run: `python benchmarks/bench_feed.py [--model default|135m|1b] [--parts] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SHAPES = {"tiny": (64, 128, 2, 4, 2, 512), "135m": (576, 1536, 30, 9, 3, 49152), "1b": (2048, 8192, 16, 32, 8, 49152)}
"""hidden, intermediate, layers, heads, key-value heads, vocabulary."""
SEED = 11
WORDS = ["the", "stream", "turns", "a", "wheel", "and", "stone", "that", "grinds", "what", "fields", "have", "given", "this", "year"]


def random_model(shape: str, folder: Path) -> Path:
    """A Llama of this shape with random weights, with the default model's tokenizer if that is here, else a tiny one of 49152 entries."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.models.tiny import build

    build(folder / "tiny")
    hidden, wide, layers, heads, kv, vocabulary = SHAPES[shape]
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=wide, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=kv, max_position_embeddings=2048, pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder / "tiny")
    return folder / "tiny"


def text(number: int) -> str:
    """Words of real length: 30 to 90 by number, always the same."""
    words = WORDS
    return " ".join(words[(number + n) % len(words)] for n in range(30 + number * 7 % 60))


@dataclass
class Alternating:
    """Batches for the trainer: blocks from the feed and from memory in turns, each timed from its first batch to the next block's."""

    training: Any
    """The `TrainingLoop` whose batches these are."""
    from_feed: Callable[[], Any]
    """Its own next batch."""
    block: int
    rounds: int
    warm_up: int
    held: list[Any] = field(default_factory=list)
    blocks: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    waited: float = 0.0
    _started: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        self._reading = threading.Event()
        self._reading.set()

    def read_in_turns(self, reader: Any) -> None:
        """Let the reader's thread rest while blocks come from memory."""
        poll = reader._poll

        def when_its_turn(consumer: Any) -> bool:
            self._reading.wait()
            return bool(poll(consumer))

        reader._poll = when_its_turn

    def side(self, step: int) -> str:
        """Which side a step is of."""
        return ("kafka", "ram", "ram", "kafka")[step // self.block % 4]

    def counts(self) -> bool:
        """Whether this is a step from Kafka, past the warm-up."""
        return self.steps > 2 * self.block * self.warm_up and self.side(self.steps - 1) == "kafka"

    def next_batch(self) -> Any:
        """Called between two steps."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        if self.steps % self.block == 0:
            if self.steps:
                self._close_block(now)
            if self.steps >= 2 * self.block * (self.rounds + self.warm_up):
                self._reading.set()
                return None
            (self._reading.set if self.side(self.steps) == "kafka" else self._reading.clear)()
            self._started, self.waited, self.tokens = (now, time.process_time()), 0.0, []
        batch = self._take()
        self.waited += time.perf_counter() - now
        self.tokens += [len(item.example.input_ids) for item in batch.items]
        self.steps += 1
        return batch

    def meanwhile(self) -> None:
        """In a step; from memory there is nothing to do for the next batch."""
        if self.side(self.steps - 1) == "kafka":
            self.training.run.feed.intake()

    def step_done(self, batch: Any) -> None:
        """After a step: what its samples cost is told; what came from the log is accounted for."""
        training = self.training
        training.publish_losses(batch, training.trainers.source(batch.objective).losses)
        if self.side(self.steps - 1) == "kafka":
            training.run.claim.journal.sync()
            training.run.feed.trained(batch)

    def _take(self) -> Any:
        if self.side(self.steps) == "ram":
            return self.held[self.steps % self.block]
        if self.steps % self.block == 0:
            self.held = []
        batch = self.from_feed()
        self.held.append(batch)
        return batch

    def _close_block(self, now: float) -> None:
        if self.steps > 2 * self.block * self.warm_up:
            self.blocks.append(
                {
                    "side": self.side(self.steps - 1),
                    "seconds": now - self._started[0],
                    "cpu_s": time.process_time() - self._started[1],
                    "tokens": sum(self.tokens),
                    "wait_s": self.waited,
                    "lengths": f"{hash(tuple(self.tokens)) & 0xFFFFFFFF:08x}",
                }
            )


def parts() -> dict[str, tuple[type, str]]:
    """What is measured with `--parts`: the class and the method."""
    from kafka import KafkaConsumer

    from trainer_node.data.decoding import Decoder
    from trainer_node.intake.choice import Choice
    from trainer_node.intake.consumer_thread import ConsumerThread
    from trainer_node.intake.feed import Feed

    return {
        "taking in": (Feed, "intake"),
        "choosing": (Choice, "pick"),
        "journalling": (Feed, "_take"),
        "accounting": (Feed, "trained"),
        "reader: polling": (KafkaConsumer, "poll"),
        "reader: decoding, tokenising and preparing": (Decoder, "__call__"),
        "reader: positions": (ConsumerThread, "_note_positions"),
        "reader: pauses": (ConsumerThread, "_apply_pauses"),
    }


def timed(turns: Callable[[], bool]) -> Counter[str]:
    """Processor seconds of each part's own thread from now on, while `turns` says so."""
    spent: Counter[str] = Counter()

    def measured(name: str, method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.thread_time()
            try:
                return method(*args, **kwargs)
            finally:
                spent[name] += (time.thread_time() - started) * turns()

        return call

    for name, (owner, method) in parts().items():
        setattr(owner, method, measured(name, getattr(owner, method)))
    return spent


def in_turns(run: Any, block: int, rounds: int, warm_up: int) -> Alternating:
    """The run's training, its batches from the feed and from memory in turns."""
    from trainer_node.run.loop import TrainingLoop

    class InTurns(TrainingLoop):
        def next_batch(self) -> Any:
            return turns.next_batch()

        def step_done(self, batch: Any) -> None:
            turns.step_done(batch)

    training = InTurns(run, lambda: turns.meanwhile())
    turns = Alternating(training, lambda: TrainingLoop.next_batch(training), block, rounds, warm_up)
    return turns


def measure(model: str, block: int, rounds: int, batch_size: int, by_parts: bool) -> dict[str, Any]:
    """Train alternately from both and compare."""
    from streams.kafka.broker import open_broker
    from streams.kafka.settings import KafkaSettings
    from trainer_node.config import TrainConfig
    from trainer_node.distributed.process_group import ALONE
    from trainer_node.options import RunOptions, Timings
    from trainer_node.run.context import open_run

    warm_up = 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = model if model == "default" else str(random_model(model, folder))
        broker = open_broker(KafkaSettings(), folder / "broker", environ={})
        try:
            settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
            produce(settings, rounds + warm_up + 1, block, batch_size)
            config = TrainConfig(model=source, batch_size=batch_size, checkpoint_steps=10**6, max_seq=512, pace_steps=1, backend="hf")
            with contextlib.ExitStack() as stack:
                options = RunOptions("bench-feed", folder / "run")
                run = open_run(stack, settings, config, options, ALONE, threading.Event(), Timings())
                turns = in_turns(run, block, rounds, warm_up)
                spent = timed(turns.counts) if by_parts else Counter()
                turns.read_in_turns(run.consumer)
                turns.training.train()
                loaded = {"backend": run.loaded.backend, "bits": run.loaded.bits}
        finally:
            broker.stop()
        steps = sum(b["side"] == "kafka" for b in turns.blocks) * block
        costs = {name: round(seconds / steps * 1e3, 3) for name, seconds in spent.items()}
        described = {"model": model, **loaded, "broker": broker.kind, "block_steps": block, "batch_size": batch_size}
        measured = {"full_collection_s": full_collection()} | ({"parts_ms_a_step": costs} if by_parts else {})
        return described | measured | {"blocks": turns.blocks}


def full_collection() -> dict[str, float]:
    """Seconds that Python's garbage collector takes to walk through everything: as the trainer spares it, and as it would be else."""
    found: dict[str, float] = {}
    for name in ("spared", "else"):
        if name == "else":
            gc.unfreeze()
        gc.collect()
        started = time.perf_counter()
        gc.collect()
        found[name] = round(time.perf_counter() - started, 4)
    return found


def produce(settings: Any, blocks: int, block: int, batch_size: int) -> None:
    """Texts straight to the bands, for so many blocks of steps; each band's repeat with every block."""
    from schemas.sample import Task
    from schemas.training_sample import BANDS, TrainingSample
    from streams.kafka.admin import create_topics
    from streams.kafka.producer import Producer
    from trainer_node.intake.backlog import WAITING_LIMIT
    from trainer_node.intake.flow_control import QUEUED_RECORDS

    create_topics(settings, settings.topics).raise_if_wrong()
    opening = BANDS * batch_size  # while bands open one by one, the first give more
    ahead = WAITING_LIMIT + QUEUED_RECORDS  # what is read before it is trained
    with Producer(settings) as producer:
        share = -(-batch_size // BANDS)  # all bands are drained evenly
        for band in range(BANDS):
            for number in range(share * block * blocks + opening + ahead):
                words = text(number % max(1, share * block) * BANDS + band)
                made = TrainingSample(
                    sample_id=f"s{band}-{number}", objective="sft", task=Task.GENERATION, band=band, completion=words
                )  # fmt: skip
                producer.send(settings.topics.band("sft", band), made.sample_id, made)


def summary(run: dict[str, Any]) -> dict[str, Any]:
    """Ratios of all blocks together and by pairs, by the wall clock and by the processor's; the wait is of all of them together."""
    sides = {side: [b for b in run["blocks"] if b["side"] == side] for side in ("kafka", "ram")}
    found: dict[str, Any] = {
        f"tokens_per_s_{side}": round(statistics.median(b["tokens"] / b["seconds"] for b in blocks), 1) for side, blocks in sides.items()
    }
    for name, clock in (("ratio", "seconds"), ("cpu_ratio", "cpu_s")):
        pairs = [ram[clock] / kafka[clock] for kafka, ram in zip(sides["kafka"], sides["ram"], strict=True)]
        low, _, high = statistics.quantiles(pairs, n=4)
        whole = sum(b[clock] for b in sides["ram"]) / sum(b[clock] for b in sides["kafka"])
        found |= {name: round(whole, 4), f"{name}_median": round(statistics.median(pairs), 4)}
        found[f"{name}_quartiles"] = [round(low, 4), round(high, 4)]
        found[f"{name}_range"] = [round(min(pairs), 4), round(max(pairs), 4)]
    waits = {part: sum(b[part] for b in sides["kafka"]) for part in ("wait_s", "seconds")}
    return found | {
        "wait_share": round(waits["wait_s"] / waits["seconds"], 5),
        "same_batches": len({b["lengths"] for b in run["blocks"]}) == 1,
    }


def main() -> None:
    """Measure, print, and keep the raw blocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["default", *SHAPES], default="default")
    parser.add_argument("--block", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=6, help="pairs of blocks; even, so that each side comes first as often")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--parts", action="store_true", help="what each part costs its thread, instead of the ratio")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    from benchmarks.record import Record

    record = Record("bench_feed", arguments, {"weights": SEED})
    run = measure(arguments.model, arguments.block, arguments.rounds, arguments.batch_size, arguments.parts)
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    found = (
        {"parts_ms_a_step": run["parts_ms_a_step"]} if arguments.parts else summary(run) | {"full_collection_s": run["full_collection_s"]}
    )
    result = {"device": device, "parts": arguments.parts, "summary": found, "raw": run}
    record.keep(result, lambda run: (run["device"], run["raw"]["model"], run["raw"]["batch_size"], run["parts"], run.get("state")))
    print(device, arguments.model, json.dumps(result["summary"]))


if __name__ == "__main__":
    main()
