"""Supervised training follows the gradient of the mean loss over all target tokens of a step, and says what every sample cost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from tests.models import chat
from tests.unit.trainer_node.training.one_step import OneStep, gradient_by, log_probs, move, same_gradient
from trainer_node.config import TrainConfig
from trainer_node.data.examples import IGNORED, Example
from trainer_node.data.tokenization import format_supervised
from trainer_node.kinds import TrainerKind
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.restore import load_for_training


@pytest.fixture
def config(tiny_model: Path) -> TrainConfig:
    return TrainConfig(model=str(tiny_model), bits=32, trainer=TrainerKind.SFT, batch_size=5, lora_r=4)


@pytest.fixture
def examples(make_sample, tokenizer) -> list[Example]:
    pairs = [("what is a?", "b."), ("what is the capital of c?", "d e f g h."), ("x", "yes"), ("", "no, 1 2 3"), ("y z", "1")]
    return [format_supervised(make_sample(prompt=prompt, completion=completion), tokenizer, 64) for prompt, completion in pairs]


def nll(model, example: Example) -> torch.Tensor:
    """Of each target token."""
    first = next(at for at, label in enumerate(example.labels) if label >= 0 and at > 0)
    return -log_probs(model, example.input_ids[:first], example.input_ids[first:])


@pytest.mark.parametrize("accumulation", [1, 3, 7])
def test_the_gradient_is_that_of_the_mean_over_all_target_tokens(config, examples, tmp_path, accumulation):
    loaded = load_for_training(config, None)
    move(loaded.model, "default", 0.05, seed=1)
    step = OneStep(TrainerKind.SFT, loaded, config.model_copy(update={"accumulation": accumulation}), tmp_path, examples)
    losses = [nll(loaded.model, example) for example in examples]
    wanted = gradient_by(loaded.model, torch.cat(losses).mean())
    same_gradient(step.run().gradient, wanted)
    assert [loss.tokens for loss in step.source.losses] == [len(loss) for loss in losses]
    for noted, loss in zip(step.source.losses, losses, strict=True):
        assert noted.loss == pytest.approx(loss.mean().item(), rel=1e-4)
    assert step.source.step_loss() == pytest.approx(torch.cat(losses).mean().item(), rel=1e-4)
    assert step.source.unrewarded() == frozenset()


TALKS = [
    [("system", "be kind"), ("user", "what is a?"), ("assistant", "b."), ("user", "and c?"), ("assistant", "d e f, yes.")],
    [("user", "x"), ("assistant", "y z.\n\n1 2 3")],
    [("user", "what is the capital of c?"), ("assistant", "no"), ("user", "?"), ("assistant", "0"), ("user", "y?"), ("assistant", "a")],
]


@pytest.mark.parametrize("name", ["qwen3_instruct_2507_training", "llama3_training", "phi3_training"])
def test_the_loss_of_conversations_is_that_of_trls_own_trainer_on_the_same_batch(name, tmp_path):
    """TRL's `assistant_only_loss` learns what the template marks; ours learns the same tokens, with the same loss and gradient."""
    from datasets import Dataset
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import SFTConfig, SFTTrainer

    tokenizer = chat.tokenizer(name)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), initializer_range=0.2, **shape))
    rows = Dataset.from_list([{"messages": [{"role": role, "content": text} for role, text in talk]} for talk in TALKS])
    settings = {"report_to": [], "use_cpu": True, "bf16": False, "max_length": None, "gradient_checkpointing": False}
    args = SFTConfig(output_dir=str(tmp_path / "trl"), assistant_only_loss=True, **settings)
    theirs = SFTTrainer(model=model, args=args, train_dataset=rows, processing_class=tokenizer)
    batch = theirs.data_collator(list(theirs.train_dataset))
    wanted_loss = theirs.compute_loss(model, batch)
    wanted = gradient_by(model, wanted_loss)

    samples = [conversation([Turn(role=role, content=text) for role, text in talk]) for talk in TALKS]
    examples = [format_supervised(sample, tokenizer, 512) for sample in samples]
    config = TrainConfig(bits=32, trainer=TrainerKind.SFT, batch_size=3, lora_r=0)
    step = OneStep(TrainerKind.SFT, LoadedModel(model, tokenizer, "hf", "cpu", 32), config, tmp_path / "ours", examples)
    model.zero_grad()
    same_gradient(step.run().gradient, wanted)
    assert step.source.target_tokens == int((batch["labels"][:, 1:] != IGNORED).sum())
    assert step.source.step_loss() == pytest.approx(wanted_loss.item(), rel=1e-5)


def conversation(turns: list[Turn]) -> TrainingSample:
    return TrainingSample(sample_id="c", objective=Objective.SFT, task=Task.QA, band=0, messages=tuple(turns))


def test_a_loss_can_be_had_with_the_losses_of_its_tokens(config, examples, tmp_path):
    step = OneStep(TrainerKind.SFT, load_for_training(config, None), config, tmp_path, examples)
    inputs = next(iter(step.source))
    loss, outputs = step.trainer.compute_loss(step.loaded.model, inputs, return_outputs=True)
    assert (outputs["nll"].sum() / step.source.target_tokens).item() == pytest.approx(loss.item())
    assert torch.equal(step.trainer.compute_loss(step.loaded.model, inputs), loss)
