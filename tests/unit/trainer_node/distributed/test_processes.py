"""Of several processes, each gets its rows of every micro-batch; together they have the batch, once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from schemas.errors import PeltonError
from schemas.training_sample import Objective
from streams.kafka.consumer import Record
from tests.unit.trainer_node.several import start
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.data.tokenization import IGNORED, Example, PairExample
from trainer_node.distributed.process_group import Processes
from trainer_node.training.trainers import StepLoader, StreamTrainer

PAD = 0


def rows_of(examples: list[Example], rank: int, size: int, accumulation: int, make_sample) -> tuple[list[list[list[int]]], int]:
    """Labels with loss, by micro-batch and row, that one process is given; and the tokens that it divides by."""
    items = [WaitingSample(Record("t", 0, n, None, b"", (), 0), make_sample(f"s{n}"), example) for n, example in enumerate(examples)]
    batches = iter([StepBatch(1, 1, Objective.SFT, items), None])
    loader = StepLoader(lambda: next(batches), accumulation, PAD, Processes(rank, size))
    parts = [[[label for label in row if label != IGNORED] for row in inputs["labels"].tolist()] for inputs in loader]
    return parts, loader.target_tokens


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize(("size", "accumulation"), [(2, 1), (2, 2), (3, 2), (4, 4)])
def test_the_processes_rows_are_the_batch_and_their_micro_batches_are_as_many(make_sample, count, size, accumulation):
    examples = [Example([9, 10 + n, 10 + n], [IGNORED, 10 + n, 10 + n]) for n in range(count)]
    given = [rows_of(examples, rank, size, accumulation, make_sample) for rank in range(size)]
    assert {len(parts) for parts, _ in given} == {accumulation}
    assert {tokens for _, tokens in given} == {2 * count}, "each divides by what all have"
    by_order = [row for part in range(accumulation) for parts, _ in given for row in parts[part] if row]
    assert by_order == [[10 + n, 10 + n] for n in range(count)], "in the batch's order, part by part and rank by rank"


def test_a_process_without_a_pair_of_its_own_gets_one_without_loss(make_sample):
    pair = PairExample([9, 9], [5, 5], [6])
    parts, tokens = rows_of([pair], 1, 2, 1, make_sample)  # type: ignore[list-item]
    assert parts == [[[], []]]
    assert tokens == 3


def backward_while_the_other_dies(rank: int, folder: Path) -> None:
    """One of two processes; the second is gone when the first averages its gradients."""
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 1))
    loss = model(torch.ones(1, 4)).sum()
    if rank == 1:
        os._exit(0)
    trainer = object.__new__(StreamTrainer)
    trainer._train_steps = loss.backward
    try:
        trainer.train()
    except PeltonError as error:
        (folder / "told").write_text(str(error))
    os._exit(0)  # a group whose other end is gone may hang while it is taken down


def test_a_process_lost_inside_a_backward_pass_is_told_in_one_line(tmp_path):
    start(backward_while_the_other_dies, tmp_path, processes=2)
    told = (tmp_path / "told").read_text()
    assert told.startswith("another process of this training is gone")
    assert "\n" not in told


def test_another_error_in_a_step_is_not_taken_for_a_lost_process():
    trainer = object.__new__(StreamTrainer)
    trainer._train_steps = lambda: torch.ones(2) @ torch.ones(3)
    with pytest.raises(RuntimeError, match="size"):
        trainer.train()
