"""Our GRPO trainer as the trainer node builds it, stepped block by block on given prompts, for bench_rollout."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.consumer import Record
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.data.tokenization import prepare
from trainer_node.kinds import TrainerKind
from trainer_node.training.callbacks import StepCallback
from trainer_node.training.factory import build_source, ready_trainer


def stepping(
    loaded: Any,
    rows: list[list[dict[str, str]]],
    at_once: int,
    times: int,
    arguments: argparse.Namespace,
    folder: Path,
    reward: Callable[[str], float],
) -> Callable[[int], None]:
    """A function that trains one block of steps on the conversations `rows`, `at_once` a step, each answered `times` times."""
    config = TrainConfig(
        model="bench", trainer=TrainerKind.GRPO, batch_size=at_once, num_generations=times, max_new_tokens=arguments.new, lr=1e-6,
        beta=0.02, bits=arguments.bits,
    )  # fmt: skip
    callback = StepCallback(lambda: trainer.undo_bad_step(), lambda: None)
    trainer = ready_trainer(TrainerKind.GRPO, loaded, config, folder / "pelton", [callback], None)
    step = 0

    def judge(_step: int, _prompts: Sequence[Any], texts: Sequence[str]) -> list[float | None]:
        return [reward(text) for text in texts]

    def batches() -> Iterator[Any]:
        nonlocal step
        for _ in range(arguments.steps):
            step += 1
            chosen = [rows[(step * at_once + i) % len(rows)] for i in range(at_once)]
            samples = [_sample(f"{step}-{i}", row) for i, row in enumerate(chosen)]
            yield _batch(step, samples, loaded.tokenizer, config)

    def block(_: int) -> None:
        stream = batches()
        pad = loaded.tokenizer.pad_token_id
        trainer.feed_from(build_source(TrainerKind.GRPO, config, pad, lambda: next(stream, None), judge))
        trainer.train()

    return block


def _sample(name: str, row: list[dict[str, str]]) -> TrainingSample:
    turns = tuple(Turn(**turn) for turn in row)
    return TrainingSample(sample_id=name, objective=Objective.PROMPT, task=Task.RLHF_GRPO, band=0, prompt=turns)


def _batch(step: int, samples: list[TrainingSample], tokenizer: Any, config: TrainConfig) -> StepBatch:
    items = [
        WaitingSample(Record("bench", 0, place, None, b"", (), 0), sample, prepare(sample, tokenizer, config))
        for place, sample in enumerate(samples)
    ]
    return StepBatch(step, 1, Objective.PROMPT, items)
