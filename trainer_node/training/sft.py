"""Supervised fine-tuning and classification on the stream: TRL's SFTTrainer, whose loss also says what every sample cost."""

from __future__ import annotations

from typing import Any

import torch
from trl import SFTConfig, SFTTrainer

from trainer_node.training.base import StreamTrainer
from trainer_node.training.losses import sample_losses, token_losses
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
        return total / max(1, self.source.target_tokens) * self.accelerator.num_processes
