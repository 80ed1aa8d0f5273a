"""What the loss of each sample costs, as a share of the training step.

One trainer, one run, three sides that take turns on the same batch: `none` trains with the summed loss alone (cross-entropy reduced at
once, nothing noted), `losses` is the step as Pelton takes it (token losses before reduction, each sample's mean brought to the host), and
`published` sends each of them to `losses` of a live broker besides. A step's time runs from one batch to the next, the optimizer included.
The order of the sides changes with every batch; a ratio is that of two steps on the same batch. Besides the wall clock, the processor time
of this process is kept: on a CPU shared with others it is the one that means something (on a GPU it is not: take the wall clock there).

Run: `python benchmarks/bench_sample_losses.py [--device cpu|cuda] [--steps N]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SEED = 11
SIDES = ("none", "losses", "published")
WARM_UP = 2
"""Batches that are not counted."""


def clocks() -> dict[str, float]:
    """Both, in seconds."""
    return {"wall_s": time.perf_counter(), "cpu_s": time.process_time()}


class Turns:
    """Hands out each batch once for every side, in changing order, and times the steps."""

    def __init__(self, batches: list[Any], synchronize: Callable[[], None], limit_s: float) -> None:
        self.batches, self.synchronize = batches, synchronize
        self._until = time.monotonic() + limit_s
        self.side = SIDES[0]
        self.batch: Any = None
        self.times: list[dict[str, dict[str, float]]] = []
        self._steps = self._walk()

    def _walk(self) -> Iterator[tuple[int, str, Any]]:
        for number, batch in enumerate(self.batches):
            if time.monotonic() > self._until:
                return
            for turn in range(len(SIDES)):
                yield number, SIDES[(turn + number) % len(SIDES)], batch

    def next_batch(self) -> Any:
        """Called between two steps."""
        self.synchronize()
        now = clocks()
        if self.times:
            self.times[-1][self.side] = {name: now[name] - self._started[name] for name in now}
        number, self.side, self.batch = next(self._steps, (0, "", None))
        if self.batch is not None and number == len(self.times):
            self.times.append({})
        self._started = clocks()
        return self.batch


def summed_loss(trainer: Any, inputs: dict[str, Any]) -> Any:
    """The step's loss with no sample's own: as `StreamSFTTrainer.compute_loss`, reduced at once."""
    import torch.nn.functional as F  # noqa: N812

    from trainer_node.data.examples import IGNORED
    from trainer_node.training.losses import _takes_fast_path, token_losses

    if _takes_fast_path(trainer.model):
        return trainer._share(token_losses(trainer.model, inputs)[0].sum())
    inputs = dict(inputs)
    targets = inputs.pop("labels")[:, 1:]
    columns = (targets != IGNORED).any(0).nonzero().flatten()
    logits = trainer.model(**inputs, logits_to_keep=columns, use_cache=False).logits
    total = F.cross_entropy(logits.float().flatten(0, 1), targets[:, columns].flatten(), ignore_index=IGNORED, reduction="sum")
    return trainer._share(total)


def measure(device: str, model: str, steps: int, batch_size: int, limit_s: float) -> dict[str, Any]:
    """Train in turns."""
    import trainer_node  # noqa: F401, I001 - before torch: it says how threads wait
    import torch

    from streams.kafka.admin import create_topics
    from streams.kafka.broker import open_broker
    from streams.kafka.producer import Producer
    from streams.kafka.settings import KafkaSettings
    from trainer_node.training.callbacks import StepCallback
    from trainer_node.config import TrainConfig
    from trainer_node.kinds import TrainerKind
    from trainer_node.training.factory import build_trainer
    from trainer_node.models.adapters import add_lora
    from trainer_node.models.loader import load_model
    from trainer_node.training.step_loader import StepLoader
    from trainer_node.models.gguf import model_source

    config = TrainConfig(model=model, batch_size=batch_size, trainer="sft", seed=SEED)
    loaded = add_lora(load_model(model_source(model), bits=None, max_seq=config.max_seq, device=device), seed=SEED)
    loaded.model.train()
    turns = Turns(
        batches(loaded.tokenizer, steps + WARM_UP, batch_size), torch.cuda.synchronize if device == "cuda" else lambda: None, limit_s
    )
    with tempfile.TemporaryDirectory() as folder:
        broker = open_broker(KafkaSettings(), Path(folder) / "broker", environ={})
        try:
            settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
            create_topics(settings, settings.topics).raise_if_wrong()
            with Producer(settings) as producer:
                after = StepCallback(
                    lambda: None, lambda: publish(settings, producer, turns.batch, stream.losses) if turns.side == "published" else None
                )
                trainer = build_trainer(TrainerKind.SFT, loaded, config, Path(folder), [after])
                stream = StepLoader(turns.next_batch, 1, loaded.tokenizer.pad_token_id)
                trainer.feed_from(stream)
                own = trainer.compute_loss
                trainer.compute_loss = lambda wrapped, inputs, *rest, **more: (
                    summed_loss(trainer, inputs) if turns.side == "none" else own(wrapped, inputs, *rest, **more)
                )
                trainer.train()
        finally:
            broker.stop()
    return {"broker": broker.kind, "batch_size": batch_size, "model": model, "steps": turns.times[WARM_UP:]}


def publish(settings: Any, producer: Any, turns: Turns, source: Any) -> None:
    """As the node does after a step, when it is that side's turn."""
    from schemas.sample_loss import SampleLoss

    if turns.side != "published":
        return
    batch = turns.batch
    for item, (loss, tokens) in zip(batch.items, source.losses, strict=True):
        sample_id = item.sample.sample_id
        event = SampleLoss(
            event_id=f"bench/1/{sample_id}", run_id="bench", pass_number=1, step=batch.step, sample_id=sample_id,
            loss=loss, tokens=tokens, sample=item.sample, trained_at=time.time(),
        )  # fmt: skip
        producer.send(settings.topics.losses, sample_id, event)


def batches(tokenizer: Any, count: int, size: int) -> list[Any]:
    """Texts of 30 to 90 words."""
    from benchmarks.bench_feed import text
    from schemas.sample import Task
    from schemas.training_sample import Objective, TrainingSample
    from streams.kafka.consumer import Record
    from trainer_node.data.batch import StepBatch, WaitingSample
    from trainer_node.data.tokenization import format_supervised

    made = []
    for step in range(count):
        numbers = range(step * size, (step + 1) * size)
        samples = [
            TrainingSample(sample_id=f"s{number}", objective="sft", task=Task.GENERATION, band=0, completion=text(number))
            for number in numbers
        ]
        items = [
            WaitingSample(Record("t", 0, number, None, b"", (), 0), sample, format_supervised(sample, tokenizer, 1024))
            for number, sample in zip(numbers, samples, strict=True)
        ]
        made.append(StepBatch(step + 1, 1, Objective.SFT, items))
    return made


def summary(run: dict[str, Any]) -> dict[str, Any]:
    """By clock: seconds of a step of `none`, and what the others cost over the same batch without, as a share of it."""
    found: dict[str, Any] = {}
    for clock in ("wall_s", "cpu_s"):
        found[clock] = {"none": round(statistics.median(step["none"][clock] for step in run["steps"]), 4)}
        for side in SIDES[1:]:
            shares = sorted(step[side][clock] / step["none"][clock] - 1 for step in run["steps"])
            low, middle, high = statistics.quantiles(shares, n=4)
            spread = {"quartiles": [round(low, 4), round(high, 4)], "range": [round(shares[0], 4), round(shares[-1], 4)]}
            found[clock][side] = {"cost": round(middle, 4), **spread}
    return found


def main() -> None:
    """Measure, print, and keep the raw steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--model", default="default")
    parser.add_argument("--steps", type=int, default=15, help="batches, each trained three times")
    parser.add_argument("--limit-s", type=float, default=600, help="no further batch is begun after so many seconds")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    from benchmarks.record import Record

    record = Record("bench_sample_losses", arguments, {"lora and run": SEED})
    run = measure(arguments.device, arguments.model, arguments.steps, arguments.batch_size, arguments.limit_s)
    import torch

    device = torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu"
    result = {"device": device, "aim": "at most 0.05", "summary": summary(run), "raw": run}
    record.keep(result, lambda run: (run["device"], run["raw"]["model"]))
    print(device, json.dumps(result["summary"]))


if __name__ == "__main__":
    main()
