"""One optimizer step of a trainer over given examples, and the gradient with which its optimizer would act."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepExamples, Suspicion
from trainer_node.kinds import TrainerKind
from trainer_node.models.loaded import LoadedModel
from trainer_node.training.callbacks import StepCallback
from trainer_node.training.factory import build_source, build_trainer

Gradient = dict[str, torch.Tensor]
"""Of each trained weight, by name."""


class Given:
    """What the feed would hand out for step 1."""

    step = 1

    def __init__(self, examples: list[Any], suspicion: Suspicion | None = None) -> None:
        self.items = [SimpleNamespace(sample=None) for _ in examples]
        self._examples = StepExamples(1, examples, [f"s{number}" for number in range(len(examples))], suspicion=suspicion)

    def examples(self) -> StepExamples:
        return self._examples


class OneStep:
    """A trainer of a kind and its source; `gradient` is known after `run`, unclipped."""

    def __init__(
        self,
        kind: TrainerKind,
        loaded: LoadedModel,
        config: TrainConfig,
        folder: Path,
        examples: list[Any],
        rewards: Any = None,
        suspicion: Suspicion | None = None,
    ):
        self.loaded = loaded
        self.gradient: Gradient = {}
        self.trainer = build_trainer(kind, loaded, config, folder, [StepCallback(self._keep_gradient, lambda: None)])
        self.trainer.args.max_grad_norm = 0
        batches = iter([Given(examples, suspicion), None])
        self.source = build_source(kind, config, loaded.tokenizer.pad_token_id, lambda: next(batches), rewards)  # type: ignore[arg-type]
        self.trainer.feed_from(self.source)

    def run(self) -> OneStep:
        self.trainer.train()
        return self

    def _keep_gradient(self) -> None:
        self.trainer.undo_bad_step()
        self.gradient = gradient_of(self.loaded.model)


def gradient_of(model: Any) -> Gradient:
    """A copy of what has been gathered."""
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def gradient_by(model: Any, loss: torch.Tensor) -> Gradient:
    """The gradient of a loss, and of nothing before it."""
    model.zero_grad()
    loss.backward()
    return gradient_of(model)


def move(model: Any, adapter: str, by: float, seed: int) -> None:
    """Take an adapter away from where it began, where its half B is zero and half of the gradients with it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if f".{adapter}." in name:
                weight.add_(by * torch.randn(weight.shape, generator=generator))


def log_probs(model: Any, prompt: list[int], completion: list[int], temperature: float = 1.0) -> torch.Tensor:
    """log π of each token of a completion after its prompt, the plain way: one row, no padding."""
    logits = model(input_ids=torch.tensor([prompt + completion], device=model.device)).logits[0, len(prompt) - 1 : -1].float()
    return torch.log_softmax(logits / temperature, -1)[range(len(completion)), completion]


def same_gradient(found: Gradient, wanted: Gradient, rtol: float = 2e-3, atol: float = 1e-6) -> None:
    """Assert that two gradients are one."""
    assert found.keys() == wanted.keys()
    assert any(gradient.abs().max() > 100 * atol for gradient in wanted.values()), "there is something to compare"
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=rtol, atol=atol, msg=lambda text, name=name: f"{name}: {text}")
