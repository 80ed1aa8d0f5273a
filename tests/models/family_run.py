"""A family's tiny model through what a run does to one: trained, gone on with, exported, asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from tests.models.checkpoints import commit
from tests.models.families import build_family
from trainer_node.config import TrainConfig
from trainer_node.models.export import Exported, export_merged
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.restore import load_for_training
from trainer_node.training.losses import collate, token_losses

IDS = torch.arange(4, 60).view(2, 28)


class FamilyRun:
    """A family's model on disk, and a run of it."""

    def __init__(self, family: str, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.model = build_family(family, folder / "base")
        self.config = TrainConfig(model=str(self.model), bits=32, lora_r=4, **settings)

    def new(self) -> LoadedModel:
        return load_for_training(self.config, None)

    def commit(self, loaded: LoadedModel) -> Path:
        (path,) = commit(self.folder / "run", [loaded], self.model)
        return path

    def resume(self, checkpoint: Path) -> LoadedModel:
        return load_for_training(self.config, checkpoint)

    def export(self, checkpoint: Path) -> Exported:
        return export_merged(checkpoint, self.folder / "out")


def train(loaded: LoadedModel, steps: int = 3, rate: float = 1e-2) -> list[float]:
    """Losses of some steps on one batch; each step reaches every weight of the adapter but, in the first, A, whose gradient B zeroes."""
    from trainer_node.data.tokenization import format_supervised

    samples = [sample(number) for number in range(4)]
    batch = collate([format_supervised(one, loaded.tokenizer, 64) for one in samples], loaded.tokenizer.pad_token_id)
    weights = [weight for weight in loaded.model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate)
    losses = []
    for _ in range(steps):
        nll, mask = token_losses(loaded.model, {name: tensor.to(loaded.device) for name, tensor in batch.inputs().items()})
        loss = nll.sum() / mask.sum()
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
    return losses


def sample(number: int) -> TrainingSample:
    return TrainingSample(
        sample_id=f"s{number}", objective=Objective.SFT, task=Task.QA, band=0, completion=f"{number}{number}.",
        prompt=(Turn(role="user", content=f"what is {number}?"),),
    )  # fmt: skip


def without_gradient(model: Any) -> list[str]:
    """Trained weights that a pass leaves without a gradient."""
    for _, weight in model.named_parameters():
        if weight.requires_grad:
            weight.data.add_(0.01)
    model(input_ids=IDS, labels=IDS).loss.backward()
    return [
        name for name, weight in model.named_parameters() if weight.requires_grad and not (weight.grad is not None and weight.grad.any())
    ]


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model.eval()(input_ids=IDS).logits  # type: ignore[no-any-return]
