"""Of several processes, each gets its rows of every micro-batch; together they have the batch, once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.errors import PeltonError
from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.consumer import Record
from tests.unit.trainer_node.several import start
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepBatch, StepExamples, WaitingSample
from trainer_node.data.examples import IGNORED, AnyExample, Example, PairExample
from trainer_node.data.tokenization import prepare
from trainer_node.distributed.process_group import ALONE, ProcessGroup
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training
from trainer_node.training.factory import build_trainer
from trainer_node.training.step_loader import StepLoader
from trainer_node.training.taking_apart import ModelAtFault

pytestmark = pytest.mark.processes

PAD = 0


class Member(ProcessGroup):
    """One of several processes, to which rank 0 sends these steps."""

    def receive_step(self) -> StepExamples | None:
        return self.sent.pop(0)


def rows_of(examples: list[AnyExample], rank: int, size: int, accumulation: int) -> tuple[list[list[list[int]]], int]:
    """Labels with loss, by micro-batch and row, that one process is given; and the tokens that it divides by."""
    group = Member(rank, size)
    group.sent = [StepExamples(1, examples, [f"s{n}" for n in range(len(examples))]), None]
    loader = StepLoader(None, accumulation, PAD, group)
    parts = [[[label for label in row if label != IGNORED] for row in inputs["labels"].tolist()] for inputs in loader]
    return parts, loader.target_tokens


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize(("size", "accumulation"), [(2, 1), (2, 2), (3, 2), (4, 4)])
def test_the_processes_rows_are_the_batch_and_their_micro_batches_are_as_many(count, size, accumulation):
    examples = [Example([9, 10 + n, 10 + n], [IGNORED, 10 + n, 10 + n]) for n in range(count)]
    given = [rows_of(examples, rank, size, accumulation) for rank in range(size)]
    assert {len(parts) for parts, _ in given} == {accumulation}
    assert {tokens for _, tokens in given} == {2 * count}, "each divides by what all have"
    by_order = [row for part in range(accumulation) for parts, _ in given for row in parts[part] if row]
    assert by_order == [[10 + n, 10 + n] for n in range(count)], "in the batch's order, part by part and rank by rank"


def test_a_process_without_a_pair_of_its_own_gets_one_without_loss():
    pair = PairExample([9, 9], [5, 5], [6])
    parts, tokens = rows_of([pair], 1, 2, 1)
    assert parts == [[[], []]]
    assert tokens == 3


def sft(model: str, folder: Path, group: ProcessGroup = ALONE) -> Any:
    """A trainer over an endless stream of one step."""
    config = TrainConfig(model=model, backend="hf", bits=32, lora_r=2, trainer="sft", max_seq=64)
    loaded = load_for_training(config, None)
    turns = (Turn(role="user", content="what is a?"),)
    sample = TrainingSample(sample_id="s", objective=Objective.SFT, task=Task.QA, band=0, prompt=turns, completion="b.")
    item = WaitingSample(Record("t", 0, 0, None, b"", (), 0), sample, prepare(sample, loaded.tokenizer, config))
    trainer = build_trainer(TrainerKind.SFT, loaded, config, folder, [])
    batch = StepBatch(1, 1, Objective.SFT, [item, item])
    trainer.feed_from(StepLoader(None if group.rank else lambda: batch, 1, PAD, group))
    return trainer


def lose_the_other(rank: int, job: tuple[str, Path]) -> None:
    """One of two processes; the second is gone when the first averages its gradients."""
    model, folder = job
    trainer = sft(model, folder, ProcessGroup.join())
    if rank == 1:
        trainer.model.register_forward_pre_hook(lambda *_: os._exit(0))
    try:
        trainer.train()
    except PeltonError as error:
        (folder / "told").write_text(str(error))
    os._exit(0)  # a group whose other end is gone may hang while it is taken down


def test_a_process_lost_inside_a_step_is_told_in_one_line(tmp_path, tiny_model):
    start(lose_the_other, (str(tiny_model), tmp_path), 2)
    told = (tmp_path / "told").read_text()
    assert told.startswith("another process of this training is gone")
    assert "\n" not in told


def test_another_error_in_a_step_is_not_taken_for_a_lost_process(tmp_path, tiny_model):
    trainer = sft(str(tiny_model), tmp_path)
    trainer.model.register_forward_pre_hook(lambda *_: torch.ones(2) @ torch.ones(3))
    with pytest.raises(ModelAtFault, match="size"):
        trainer.train()
