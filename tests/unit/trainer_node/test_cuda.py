"""On a CUDA device: models load, every trainer learns, a sample has its own loss, and a run goes on from its checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from schemas.sample import Task
from schemas.training_sample import Objective
from tests.models.tiny import build
from tests.unit.trainer_node.test_rl import Run
from tests.unit.trainer_node.test_trainers import Steps, train
from trainer_node import losses
from trainer_node.callbacks import StepCallback
from trainer_node.config import TrainConfig, TrainerKind
from trainer_node.evaluation import choose_labels
from trainer_node.factory import build_trainer
from trainer_node.formats import format_rlhf, format_supervised, prompt_tokens, with_choices
from trainer_node.loader import load_model
from trainer_node.trainers import StepLoader
from trainer_node.weights import load_adapter, load_for_training, save_for_resume

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    model = build(tmp_path / "model", hidden=128)
    return TrainConfig(model=str(model), backend="hf", bits=16, batch_size=4, lr=1e-2, lora_r=16)


@pytest.fixture(params=["hf", "unsloth"])
def backend(request) -> str:
    if request.param == "unsloth":
        pytest.importorskip("unsloth")
    return request.param


def questions(make_sample) -> list:
    return [make_sample(f"s{n}", f"what is {n}?" + " yes" * n, f"{n}{n}.") for n in range(8)]


def test_sft_learns_by_the_fast_path(config, make_sample, tokenizer, tmp_path):
    steps = Steps(questions(make_sample), lambda sample: format_supervised(sample, tokenizer, 64), Objective.SFT, steps=30)
    trainer = train(TrainerKind.SFT, steps, config, tmp_path)
    assert hasattr(trainer.model.get_base_model(), "pelton_fast")
    assert trainer.model_wrapped is trainer.model, "one process trains on one GPU, however many it sees"
    assert steps.losses[-1] < 0.6 * steps.losses[0]


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_a_model_loads_onto_the_device_in_the_bits_asked_for(config, tokenizer, backend, bits):
    loaded = load_model(config.model, bits=bits, max_seq=64, backend=backend)
    assert (loaded.backend, loaded.bits, loaded.model.device.type) == (backend, bits, "cuda")
    kind = {4: "Linear4bit", 8: "Linear8bitLt", 16: "Linear"}[bits]
    assert type(loaded.model.model.layers[0].mlp.up_proj).__name__ == kind
    ids = torch.tensor([tokenizer("what is 1?")["input_ids"]], device="cuda")
    assert loaded.model(input_ids=ids).logits.isfinite().all()


def test_dpo_learns(config, make_sample, tokenizer, tmp_path):
    pairs = [
        make_sample(f"p{n}", f"what is {n}?", None, chosen=f"{n}.", rejected="no", objective=Objective.PREFERENCE, task=Task.PREFERENCE)
        for n in range(8)
    ]
    steps = Steps(pairs, lambda sample: format_rlhf(sample, tokenizer, 64), Objective.PREFERENCE, steps=15)
    train(TrainerKind.DPO, steps, config.model_copy(update={"dpo_lr": config.lr}), tmp_path)
    assert steps.losses[-1] < 0.6 * steps.losses[0]


def test_the_fast_path_gives_each_sample_the_loss_of_the_ordinary_one(config, make_sample, tokenizer, monkeypatch):
    loaded = load_for_training(config, None)
    examples = [format_supervised(sample, tokenizer, 64) for sample in questions(make_sample)]
    inputs = {name: tensor.cuda() for name, tensor in losses.collate(examples, tokenizer.pad_token_id).inputs().items()}
    fast, tokens = losses.sample_losses(*losses.token_losses(loaded.model, inputs))
    monkeypatch.setattr(losses, "_takes_fast_path", lambda model: False)
    with torch.no_grad():
        ordinary, same_tokens = losses.sample_losses(*losses.token_losses(loaded.model, inputs))
    assert tokens == same_tokens
    assert fast == pytest.approx(ordinary, rel=0.02)


def test_each_sample_has_the_same_loss_on_unsloth_which_gives_no_logits(config, make_sample, tokenizer):
    pytest.importorskip("unsloth")
    examples = [format_supervised(sample, tokenizer, 64) for sample in questions(make_sample)]
    found = []
    for backend in ("unsloth", "hf"):
        loaded = load_for_training(config.model_copy(update={"backend": backend}), None)
        inputs = {name: tensor.cuda() for name, tensor in losses.collate(examples, tokenizer.pad_token_id).inputs().items()}
        found.append(losses.sample_losses(*losses.token_losses(loaded.model, inputs)))
    (one, tokens), (other, same_tokens) = found
    assert tokens == same_tokens
    assert one == pytest.approx(other, rel=0.02)


def test_the_likeliest_label_is_the_same_on_both_backends(config, make_sample, tokenizer):
    pytest.importorskip("unsloth")
    labels = ("yes", "no", "0 1 2")
    samples = [make_sample(f"c{n}", f"{n} {n}", "yes", task=Task.CLASSIFICATION, label_set=labels) for n in range(8)]
    prompts = [prompt_tokens(with_choices(sample), tokenizer) for sample in samples]
    chosen = []
    for backend in ("unsloth", "hf"):
        loaded = load_for_training(config.model_copy(update={"backend": backend}), None)
        chosen.append(choose_labels(loaded.model.eval(), loaded.tokenizer, samples, prompts))
    agreed = sum(one == other for one, other in zip(*chosen, strict=True))
    assert agreed >= 7, "a near tie may fall either way in bfloat16"


@pytest.mark.parametrize(("kind", "settings"), [("grpo", {"num_generations": 8, "beta": 0.02}), ("ppo", {"beta": 0.001, "batch_size": 16})])
def test_rewards_grow(config, make_sample, tmp_path, kind, settings):
    prompts = [make_sample(f"p{n}", f"what is {n}?", None, objective=Objective.PROMPT, task=Task.RLHF_GRPO) for n in range(16)]
    config = config.model_copy(update={"max_seq": 64, "max_new_tokens": 6} | settings)
    run = Run(TrainerKind(kind), config, prompts, tmp_path, steps=25).train()
    assert run.mean_rewards(20, 25) > 1.5 * run.mean_rewards(0, 5)


def test_a_run_goes_on_from_its_checkpoint_with_the_losses_of_an_unbroken_one(config, make_sample, tokenizer, tmp_path):
    steps = Steps(questions(make_sample), lambda sample: format_supervised(sample, tokenizer, 64), Objective.SFT, steps=12)
    saved = tmp_path / "saved"

    def run(first: int) -> list[float]:
        steps.step, seen = first, []
        loaded = load_for_training(config, None)
        if first:
            load_adapter(loaded.model, saved)

        def after() -> None:
            seen.append(loader.step_loss())
            if steps.step == 6 and not first:
                save_for_resume(trainer, loaded, saved)

        trainer = build_trainer(TrainerKind.SFT, loaded, config, tmp_path, [StepCallback(lambda: None, after)])
        loader = StepLoader(steps.next_batch, config.accumulation, loaded.tokenizer.pad_token_id)
        trainer.feed_from(loader)
        trainer.train(resume_from_checkpoint=str(saved) if first else None)
        return seen

    unbroken = run(0)
    assert unbroken[-1] < 0.8 * unbroken[6]
    assert run(6) == pytest.approx(unbroken[6:], rel=0.01)
