"""Tokens per second trained from Kafka against the same batches from RAM, and the share of step time spent waiting for data.

One trainer, one run, interleaved: blocks of steps whose batches come from the feed (fetched, chosen, tokenised and journalled as in
any run) alternate with blocks that train the batches of the block before again, from memory.
So both sides train the same tokens, under the same
conditions, and only where the batch comes from differs. A block's time runs from the end of the step before it to the end of its last step.

Run: `python benchmarks/bench_feed.py [--model default|135m|1b] [--out FILE]`. On a machine without the broker's jars, `--broker fallback`
(noida-db, in memory) may serve; the result says which did.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SHAPES = {"135m": (576, 1536, 30, 9, 3, 49152), "1b": (2048, 8192, 16, 32, 8, 49152)}
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
    """Batches for the trainer: a block from the feed, then the same block from memory, and so on; times each block."""

    from_feed: Any
    block: int
    rounds: int
    warm_up: int
    held: list[Any] = field(default_factory=list)
    blocks: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    waited: float = 0.0
    _started: float = 0.0

    @property
    def side(self) -> str:
        return "ram" if (self.steps // self.block) % 2 else "kafka"

    def next_batch(self) -> Any:
        """Called between two steps."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        if self.steps and self.steps % self.block == 0:
            self._close_block(now)
        if self.steps >= 2 * self.block * (self.rounds + self.warm_up):
            return None
        if self.steps % self.block == 0:
            self._started, self.waited, self.tokens = now, 0.0, 0
        batch = self._take()
        self.waited += time.perf_counter() - now
        self.tokens += sum(len(item.example.input_ids) for item in batch.items)
        self.steps += 1
        return batch

    def _take(self) -> Any:
        if self.side == "ram":
            return self.held[self.steps % self.block]
        if self.steps % self.block == 0:
            self.held = []
        batch = self.from_feed()
        self.held.append(batch)
        return batch

    def _close_block(self, now: float) -> None:
        side = "kafka" if (self.steps // self.block) % 2 else "ram"
        seconds = now - self._started
        if self.steps > 2 * self.block * self.warm_up:
            self.blocks.append({"side": side, "seconds": seconds, "tokens": self.tokens, "wait_s": self.waited})


def measure(model: str, broker_kind: str, block: int, rounds: int, batch_size: int) -> dict[str, Any]:
    """Train alternately from both and compare."""
    from streams.kafka.broker import open_broker
    from streams.kafka.settings import KafkaSettings
    from trainer_node.config import TrainConfig
    from trainer_node.node import TrainerNode
    from trainer_node.options import RunOptions

    warm_up = 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = model if model == "default" else str(random_model(model, folder))
        broker = open_broker(KafkaSettings(), folder / "broker", kind=broker_kind, environ={})  # type: ignore[arg-type]
        try:
            settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
            produce(settings, (rounds + warm_up + 1) * block * batch_size)
            bits: Any = None if model == "default" else 16
            config = TrainConfig(
                model=source, batch_size=batch_size, checkpoint_steps=10**6, max_seq=512, pace_steps=1, backend="hf", bits=bits
            )
            node = TrainerNode(settings, config, RunOptions("bench-feed", folder / "run"))
            blocks = Alternating(node._next_batch, block, rounds, warm_up)
            node._next_batch = blocks.next_batch  # type: ignore[method-assign]
            node._step_done = lambda: node._publish_losses(node._stream.batch)  # type: ignore[method-assign, assignment, arg-type]
            node.run()
        finally:
            broker.stop()
        return {"model": model, "broker": broker.kind, "block_steps": block, "batch_size": batch_size, "blocks": blocks.blocks}


def produce(settings: Any, count: int) -> None:
    """Texts straight to the bands."""
    from schemas.sample import Task
    from schemas.training_sample import BANDS, TrainingSample
    from streams.kafka.admin import create_topics
    from streams.kafka.producer import Producer

    create_topics(settings, settings.topics).raise_if_wrong()
    with Producer(settings) as producer:
        for number in range(count):
            band = number % BANDS
            made = TrainingSample(sample_id=f"s{number}", objective="sft", task=Task.GENERATION, band=band, completion=text(number))
            producer.send(settings.topics.band("sft", band), made.sample_id, made)


def summary(run: dict[str, Any]) -> dict[str, float]:
    """Medians over blocks."""
    rate = {side: [b["tokens"] / b["seconds"] for b in run["blocks"] if b["side"] == side] for side in ("kafka", "ram")}
    pairs = [kafka / ram for kafka, ram in zip(rate["kafka"], rate["ram"], strict=True)]
    waits = [b["wait_s"] / b["seconds"] for b in run["blocks"] if b["side"] == "kafka"]
    return {
        "tokens_per_s_kafka": round(statistics.median(rate["kafka"]), 1),
        "tokens_per_s_ram": round(statistics.median(rate["ram"]), 1),
        "ratio": round(statistics.median(pairs), 4),
        "ratio_min": round(min(pairs), 4),
        "ratio_max": round(max(pairs), 4),
        "wait_share": round(statistics.median(waits), 5),
    }


def main() -> None:
    """Measure, print, and keep the raw blocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["default", *SHAPES], default="default")
    parser.add_argument("--broker", choices=["auto", "apache", "fallback"], default="auto")
    parser.add_argument("--block", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "bench_feed.json")
    arguments = parser.parse_args()
    from benchmarks.trainer_runs import here

    run = measure(arguments.model, arguments.broker, arguments.block, arguments.rounds, arguments.batch_size)
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    result = {"device": device, "summary": summary(run), "seed": SEED, **here(), "raw": run}
    stored = json.loads(arguments.out.read_text()) if arguments.out.exists() else {"runs": []}
    stored["runs"] = [*[r for r in stored["runs"] if (r["device"], r["raw"]["model"]) != (device, arguments.model)], result]
    arguments.out.write_text(json.dumps(stored, indent=1) + "\n")
    print(device, arguments.model, json.dumps(result["summary"]))


if __name__ == "__main__":
    main()
