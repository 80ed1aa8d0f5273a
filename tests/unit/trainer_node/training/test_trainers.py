"""Each task gets its TRL trainer, and each trainer really learns from the stream, in the order given."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import trl

from schemas.sample import Task
from schemas.training_sample import Objective
from streams.kafka.consumer import Record
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.data.tokenization import format_rlhf, format_supervised
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training
from trainer_node.training.batch_source import StepHooks
from trainer_node.training.callbacks import StepCallback
from trainer_node.training.factory import build_source, build_trainer, trainer_class
from trainer_node.training.step_loader import StepLoader


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        ("generation", trl.SFTTrainer),
        ("qa", trl.SFTTrainer),
        ("classification", trl.SFTTrainer),
        ("preference", trl.DPOTrainer),
    ],
)
def test_each_task_gets_its_trl_trainer(task: str, wanted: type):
    assert issubclass(trainer_class(task), wanted)


class Steps:
    """Batches of a list of samples, over and over; remembers what was asked for and what it cost."""

    def __init__(self, samples: list[Any], prepare: Any, objective: Objective, steps: int, size: int = 4) -> None:
        self.items = [WaitingSample(Record("t", 0, n, None, b"", (), 0), sample, prepare(sample)) for n, sample in enumerate(samples)]
        self.objective, self.steps, self.size = objective, steps, size
        self.order: list[str] = []
        self.losses: list[float] = []
        self.step = 0

    def next_batch(self) -> StepBatch | None:
        if self.step == self.steps:
            return None
        start = self.step * self.size
        items = [self.items[(start + n) % len(self.items)] for n in range(self.size)]
        self.step += 1
        self.order += [item.sample.sample_id for item in items]
        return StepBatch(self.step, 1, self.objective, items)


def train(kind: TrainerKind, steps: Steps, config: TrainConfig, tmp_path: Path) -> Any:
    loaded = load_for_training(config, None)
    trained: list[str] = []

    def after() -> None:
        trained.extend(source.batch.sample_ids)
        steps.losses.append(source.step_loss())

    trainer = build_trainer(kind, loaded, config, tmp_path, [StepCallback(lambda: trainer.undo_bad_step(), after)])
    source = build_source(kind, config, loaded.tokenizer.pad_token_id, steps.next_batch, None)
    trainer.feed_from(source)
    trainer.train()
    assert trained == steps.order, "the order trained is the order given"
    return trainer


@pytest.fixture
def config(tiny_model: Path) -> TrainConfig:
    return TrainConfig(model=str(tiny_model), bits=32, batch_size=4, lr=3e-2, lora_r=8)


@pytest.mark.parametrize("accumulation", [1, 2, 4])
def test_sft_learns_from_the_stream_in_its_order(config, make_sample, tokenizer, tmp_path, accumulation):
    samples = [make_sample(f"s{n}", f"what is {n}?", f"{n}{n}.") for n in range(8)]
    steps = Steps(samples, lambda sample: format_supervised(sample, tokenizer, 64), Objective.SFT, steps=30)
    train(TrainerKind.SFT, steps, config.model_copy(update={"accumulation": accumulation}), tmp_path)
    assert steps.losses[-1] < 0.6 * steps.losses[0]


@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_gil_window_is_open_in_each_wait_for_the_device_and_in_no_pass(config, make_sample, tokenizer, tmp_path, accumulation):
    samples = [make_sample(f"s{n}", f"what is {n}?", f"{n}{n}.") for n in range(8)]
    steps = Steps(samples, lambda sample: format_supervised(sample, tokenizer, 64), Objective.SFT, steps=3)
    config = config.model_copy(update={"accumulation": accumulation})
    loaded, given, passes = load_for_training(config, None), [], []

    @contextmanager
    def window():
        given.append(True)
        yield
        given[-1] = False

    loaded.model.register_forward_pre_hook(lambda *_: passes.append(any(given)))
    loaded.model.get_input_embeddings().weight.requires_grad_(True).register_hook(lambda _: passes.append(any(given)))
    trainer = build_trainer(TrainerKind.SFT, loaded, config, tmp_path, [])
    hooks = StepHooks(gil_window=window)
    loader = StepLoader(steps.next_batch, config.accumulation, loaded.tokenizer.pad_token_id, hooks=hooks)
    trainer.feed_from(loader)
    trainer.train()
    micro_batches = 3 * accumulation
    assert len(given) == 2 * micro_batches, "for the samples' losses, and for the step's"
    assert passes == [False] * 2 * micro_batches, "forward and backward"


def test_classification_learns_its_labels(config, make_sample, tokenizer, tmp_path):
    samples = [
        make_sample(f"c{n}", f"{n} {n}", "yes" if n % 2 else "no", task=Task.CLASSIFICATION, label_set=("yes", "no")) for n in range(8)
    ]
    steps = Steps(samples, lambda sample: format_supervised(sample, tokenizer, 128), Objective.SFT, steps=20)
    train(TrainerKind.SFT, steps, config, tmp_path)
    assert steps.losses[-1] < 0.6 * steps.losses[0]


def test_dpo_prefers_the_chosen_side_more_and_more(config, make_sample, tokenizer, tmp_path):
    samples = [
        make_sample(f"p{n}", f"what is {n}?", None, chosen=f"{n}.", rejected="no", objective=Objective.PREFERENCE, task=Task.PREFERENCE)
        for n in range(8)
    ]
    steps = Steps(samples, lambda sample: format_rlhf(sample, tokenizer, 64), Objective.PREFERENCE, steps=15)
    train(TrainerKind.DPO, steps, config.model_copy(update={"dpo_lr": config.lr}), tmp_path)
    assert steps.losses[0] == pytest.approx(0.6931, abs=1e-3), "policy and reference begin equal: -log σ(0)"
    assert steps.losses[-1] < 0.3


def test_a_step_without_a_finite_loss_leaves_the_weights_as_they_were(config, make_sample, tokenizer, tmp_path):
    samples = [make_sample(f"s{n}") for n in range(4)]
    steps = Steps(samples, lambda sample: format_supervised(sample, tokenizer, 64), Objective.SFT, steps=1)
    loaded = load_for_training(config, None)
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight.fill_(float("nan"))
    before = {name: weight.clone() for name, weight in loaded.model.named_parameters() if weight.requires_grad}
    undone: list[dict[str, Any]] = []
    trainer = build_trainer(
        TrainerKind.SFT, loaded, config, tmp_path, [StepCallback(lambda: undone.append(trainer.undo_bad_step()), lambda: None)]
    )
    trainer.feed_from(StepLoader(steps.next_batch, 1, tokenizer.pad_token_id))
    trainer.train()
    assert set(undone[0]) == {"s0", "s1", "s2", "s3"}
    after = dict(loaded.model.named_parameters())
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
