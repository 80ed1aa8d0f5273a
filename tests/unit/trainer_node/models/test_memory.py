"""A step that does not fit into memory is told in one line that names it, its size and the settings to change: real allocations fail."""

from __future__ import annotations

import contextlib
import gc
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.errors import UserError
from schemas.sample import Task
from schemas.training_sample import Objective
from streams.kafka.consumer import Record
from tests.models.tiny import build
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.data.tokenization import format_prompt, format_rlhf, format_supervised
from trainer_node.kinds import TrainerKind
from trainer_node.models.generation import answer
from trainer_node.models.out_of_memory import out_of_memory
from trainer_node.models.restore import load_for_training
from trainer_node.training.factory import build_source, build_trainer

ROOM = 64 << 20
"""Bytes that the step may still take; it wants several times that."""
SAMPLES = 32
LONG = "a " * 900


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """What this process may still allocate is ROOM, and nothing that the tests before have freed is left to be used again.

    The limit is on address space, and the allocator gives little of that back: without the blocks, a step fits into what an
    earlier test has left behind.
    """
    gc.collect()
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = address_space() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        blocks = [*all_free(16 << 20), *all_free(1 << 20)]
        resource.setrlimit(resource.RLIMIT_AS, (limit + ROOM, before[1]))
        yield
        del blocks
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def address_space() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def all_free(size: int) -> Iterator[torch.Tensor]:
    """Blocks of this many bytes, until there is no room for another."""
    with contextlib.suppress(RuntimeError, MemoryError):
        while True:
            yield torch.empty(size, dtype=torch.uint8)


def every_second(step: int, prompts: list[Any], texts: list[str]) -> list[float | None]:
    return [0.5 + index % 2 for index in range(len(texts))]


def run_out(kind: TrainerKind, objective: Objective, samples: list[Any], prepare: Any, model: Path, folder: Path, **config: Any) -> str:
    settings = TrainConfig(model=str(model), trainer=kind, bits=32, batch_size=SAMPLES, lora_r=4, max_new_tokens=8, max_seq=1024, **config)
    loaded = load_for_training(settings, None)
    trainer = build_trainer(kind, loaded, settings, folder, [])
    items = [
        WaitingSample(Record("t", 0, number, None, b"", (), 0), sample, prepare(sample, loaded.tokenizer))
        for number, sample in enumerate(samples)
    ]
    batches = iter([StepBatch(7, 1, objective, items)])
    trainer.feed_from(build_source(kind, settings, loaded.tokenizer.pad_token_id, lambda: next(batches, None), every_second))
    with little_memory(), pytest.raises(UserError) as error:
        trainer.train()
    return str(error.value)


def test_sft_names_step_sequences_and_length(make_sample, tiny_model, tmp_path):
    samples = [make_sample(f"s{n}", LONG, "b.") for n in range(2 * SAMPLES)]
    told = run_out(
        TrainerKind.SFT, Objective.SFT, samples, lambda s, t: format_supervised(s, t, 1024), tiny_model, tmp_path, accumulation=2
    )
    assert told.startswith("out of memory in step 7: 64 sequences of up to 9")
    assert (
        "tokens, in 2 micro-batches. Nothing is lost: lower --batch-size, raise --accumulation or lower --max-seq, and start the run again;"
        in told
    )


def test_dpo_counts_both_sides(make_sample, tiny_model, tmp_path):
    samples = [make_sample(f"p{n}", LONG, None, chosen="b", rejected="c", objective=Objective.PREFERENCE) for n in range(SAMPLES)]
    told = run_out(TrainerKind.DPO, Objective.PREFERENCE, samples, lambda s, t: format_rlhf(s, t, 1024), tiny_model, tmp_path)
    assert told.startswith("out of memory in step 7: 64 sequences of up to 9")
    assert "lower --batch-size" in told


@pytest.mark.parametrize(("kind", "completions"), [(TrainerKind.GRPO, 128), (TrainerKind.PPO, 128)])
def test_grpo_and_ppo_name_completions_and_their_own_settings(make_sample, tiny_model, tmp_path, kind, completions):
    samples = [make_sample(f"p{n}", LONG, None, objective=Objective.PROMPT, task=Task.RLHF_GRPO) for n in range(SAMPLES)]
    told = run_out(kind, Objective.PROMPT, samples, lambda s, t: format_prompt(s, t, 1024, 8), tiny_model, tmp_path)
    assert told.startswith(f"out of memory in step 7: {completions} completions of up to 9")
    assert "lower --batch-size" in told
    assert "--max-new-tokens, or raise --accumulation, and start the run again" in told
    assert "--num-generations" in told


def test_any_other_error_is_not_taken_for_a_lack_of_memory():
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"))
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_answers_that_do_not_fit_are_told_in_one_line_too(tmp_path, make_sample):
    loaded = load_for_training(TrainConfig(model=str(build(tmp_path / "model", hidden=512)), bits=32, lora_r=4), None)
    prompts = [make_sample(f"p{n}", LONG, None, objective=Objective.PROMPT) for n in range(SAMPLES)]
    with little_memory(), pytest.raises(UserError, match=r"^out of memory while 32 prompts of up to \d+ tokens .* lower --max-new-tokens"):
        answer(loaded.model, loaded.tokenizer, prompts, 8)
    assert loaded.model.training, "training may go on"
