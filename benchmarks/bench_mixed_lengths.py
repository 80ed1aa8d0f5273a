"""What it brings that a step's samples lie by length and are cut into micro-batches where the least is padded.

Our SFT trainer, as the trainer node builds it, takes the same steps of samples of mixed lengths in three ways, in turn: in the order of
their arrival in micro-batches of equal size; by length in micro-batches of equal size; by length and cut by `least_padding`, as the feed
and the trainer do it. Lengths are drawn from a log-normal, as those of conversations are (`--median` tokens, `--sigma`), and, as a second
set, one sample of 600 tokens stands among short ones. The weights hardly move (a rate of 1e-30), so the losses must be equal. Cost is
processor time of all threads, which other work on the machine changes less than the clock; tokens are counted with their padding.

Run: `python benchmarks/bench_mixed_lengths.py` (writes `benchmarks/results/bench_mixed_lengths.json`).
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
LONGEST = 600
WAYS = ("arrival", "by length", "by length, cut")


def lengths_of(name: str, count: int, options: argparse.Namespace, draw: random.Random) -> list[int]:
    """Tokens of each sample of a step, in the order of arrival."""
    if name == "one long":
        found = [draw.randint(30, 50) for _ in range(count - 1)] + [LONGEST]
    else:
        found = [min(LONGEST, max(12, round(draw.lognormvariate(0, options.sigma) * options.median))) for _ in range(count)]
    draw.shuffle(found)
    return found


def computed(lengths: list[int], way: str, parts: int) -> int:
    """Tokens that a step computes, padding included."""
    from trainer_node.training.cutting import equal_cuts, least_padding

    ordered = lengths if way == WAYS[0] else sorted(lengths)
    ends = least_padding(ordered, parts) if way == WAYS[2] else equal_cuts(len(ordered), parts)
    return sum((end - start) * max(ordered[start:end]) for start, end in zip([0, *ends], ends, strict=False))


class Bench:
    """One trainer, stepped in several ways."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        from trainer_node.config import TrainConfig
        from trainer_node.kinds import TrainerKind
        from trainer_node.models.restore import load_for_training
        from trainer_node.training.callbacks import StepCallback
        from trainer_node.training.factory import build_source, ready_trainer

        self.config = TrainConfig(
            model=options.model, trainer=TrainerKind.SFT, batch_size=options.batch, accumulation=options.accumulation, lr=1e-30,
            max_seq=LONGEST, bits=options.bits,
        )  # fmt: skip
        self.loaded = load_for_training(self.config, None)
        callback = StepCallback(lambda: self.trainer.undo_bad_step(), lambda: None)
        self.trainer: Any = ready_trainer(TrainerKind.SFT, self.loaded, self.config, folder, [callback], None)
        self._source = lambda batches: build_source(
            TrainerKind.SFT, self.config, self.loaded.tokenizer.pad_token_id, lambda: next(batches, None), None
        )

    def step(self, number: int, lengths: list[int], way: str) -> tuple[float, float]:
        """Seconds of processor time, and the step's loss."""
        from trainer_node.training import cutting, step_loader

        step_loader.least_padding = cutting.least_padding if way == WAYS[2] else lambda found, parts: cutting.equal_cuts(len(found), parts)
        examples = [self._example(length, random.Random(f"{number}/{place}")) for place, length in enumerate(lengths)]
        ordered = examples if way == WAYS[0] else sorted(examples, key=len)
        batches = self._batches(number, ordered)
        source = self._source(batches)
        self.trainer.feed_from(source)
        began = time.process_time()
        self.trainer.train()
        return time.process_time() - began, source.step_loss()

    def _example(self, length: int, draw: random.Random) -> Any:
        from trainer_node.data.examples import Example

        tokens = [draw.randrange(1000, 20_000) for _ in range(length)]
        return Example(tokens, [-100] * (length // 2) + tokens[length // 2 :])

    def _batches(self, number: int, examples: list[Any]) -> Iterator[Any]:
        from schemas.sample import Task
        from schemas.training_sample import Objective, TrainingSample
        from streams.kafka.consumer import Record
        from trainer_node.data.batch import StepBatch, WaitingSample

        items = []
        for place, example in enumerate(examples):
            sample = TrainingSample(sample_id=f"{number}-{place}", objective=Objective.SFT, task=Task.GENERATION, band=0, completion="a")
            items.append(WaitingSample(Record("bench", 0, place, None, b"", (), 0), sample, example))
        yield StepBatch(number, 1, Objective.SFT, items)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--bits", type=int, default=32)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--accumulation", type=int, default=4)
    parser.add_argument("--median", type=float, default=80.0)
    parser.add_argument("--sigma", type=float, default=0.9)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=25)
    options = parser.parse_args()
    from benchmarks.record import Record

    record, draw, results = Record("bench_mixed_lengths", options, {"lengths": options.seed}), random.Random(options.seed), {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        for way in WAYS:
            bench.step(0, [40] * (options.batch - 1) + [LONGEST], way)
        for name in ("log-normal", "one long"):
            rounds = []
            for number in range(1, options.rounds + 1):
                lengths = lengths_of(name, options.batch, options, draw)
                found = {way: bench.step(number, lengths, way) for way in draw.sample(WAYS, len(WAYS))}
                losses = [loss for _, loss in found.values()]
                assert max(losses) - min(losses) < 1e-4, losses
                seconds = {way: round(found[way][0], 3) for way in WAYS}
                tokens = {way: computed(lengths, way, options.accumulation) for way in WAYS}
                rounds.append({"lengths": lengths, "processor_s": seconds, "tokens": tokens, "losses": losses})
                print(name, sum(lengths), tokens, seconds, flush=True)
            ratios = {way: [one["processor_s"][WAYS[0]] / one["processor_s"][way] for one in rounds] for way in WAYS[1:]}
            results[name] = {"rounds": rounds, "times as cheap": {way: round(statistics.median(all_), 2) for way, all_ in ratios.items()}}
            print(name, results[name]["times as cheap"], flush=True)
    record.write({"sets": results})


if __name__ == "__main__":
    main()
