"""Supervised fine-tuning and classification on the stream: TRL's SFTTrainer, whose loss also says what every sample cost."""

from __future__ import annotations

from typing import Any

import torch
from trl import SFTConfig, SFTTrainer

from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind
from trainer_node.training.base import StreamTrainer
from trainer_node.training.evaluation import supervised
from trainer_node.training.losses import mean_over_tokens, sample_losses, token_losses
from trainer_node.training.spec import TrainerSpec, Upstream
from trainer_node.training.step_loader import StepLoader


class StreamSFTTrainer(StreamTrainer[StepLoader], SFTTrainer):
    """L = Σ_samples Σ_tokens nll / N, with N the target tokens of the whole optimizer step, over all micro-batches and ranks."""

    config_class = SFTConfig

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:  # noqa: ARG002
        """Mean token loss over the optimizer step; each sample's own loss goes to the source."""
        nll, mask = token_losses(model, inputs)
        with self.source.hooks.gil_window():
            of_samples = sample_losses(nll, mask)
        self.source.note(*of_samples)
        loss = self._share(nll.sum())
        return (loss, {"nll": nll}) if return_outputs else loss

    def _share(self, total: torch.Tensor) -> torch.Tensor:
        """Sum over this rank's tokens to its share of the step's mean (DDP averages gradients over ranks)."""
        processes: int = self.accelerator.num_processes
        return total / max(1, self.source.target_tokens) * processes


def arguments(_: TrainConfig) -> dict[str, Any]:
    """Samples come as tokens, cut to size and in batches."""
    return {"max_length": None, "packing": False, "padding_free": False, "dataset_kwargs": {"skip_prepare_dataset": True}}


def source(config: TrainConfig, upstream: Upstream) -> StepLoader:
    """Samples, whose tokens all weigh the same."""
    return StepLoader(
        upstream.next_batch, config.accumulation, upstream.pad_token_id, upstream.group, upstream.hooks, mean=mean_over_tokens
    )


SPEC = TrainerSpec(
    kind=TrainerKind.SFT,
    trainer=StreamSFTTrainer,
    columns={"input_ids": [0, 1], "labels": [0, 1]},
    arguments=arguments,
    source=source,
    measure=supervised,
)
