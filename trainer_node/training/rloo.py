"""REINFORCE leave-one-out on the stream: TRL's RLOOTrainer, its prompts from the feed, its rewards from the feedback node."""

from __future__ import annotations

import logging
from typing import Any

from trl import RLOOConfig, RLOOTrainer

from trainer_node.kinds import TrainerKind
from trainer_node.training.groups import GroupTrainer, completions_at_once, group_arguments, group_source
from trainer_node.training.spec import TrainerSpec

# TRL warns of each completion without a reward, with the prompt's text; the reward client has counted it already.
logging.getLogger("trl.trainer.rloo_trainer").setLevel(logging.ERROR)


class StreamRLOOTrainer(GroupTrainer, RLOOTrainer):
    """RLOO (Ahmadian et al. 2024, eq. 8): -log π(y|x)·(R(y, x) - mean of R over the other answers to x), averaged over the answers y.

    R is the reward less β·log(π(y|x) / ref(y|x)): the KL term is part of the reward of a whole answer, not of its tokens. A step is taken
    once on its answers, so the ratio of old and new probabilities is 1 and nothing is clipped.

    A completion without a reward is in neither the others' baseline, the average nor the KL term. TRL leaves it out of the first and the
    last; here out of the average, too.
    """

    config_class = RLOOConfig

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """A masked completion has log-probability 0; so must its old one be, or their ratio may overflow, and 0 times that is no number."""
        output = super()._generate_and_score_completions(inputs)
        output["old_logps"] = output["old_logps"] * self.rewarded
        output["rewarded"] = self.accelerator.gather(self.rewarded.sum()).sum()
        return output

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """TRL's mean over the rows of a micro-batch, as this rank's share of the mean over the step's rewarded completions."""
        mean = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        rows, rewarded = len(inputs["completion_mask"]), inputs["rewarded"].clamp(min=1)
        loss = mean * rows / rewarded * self.accelerator.num_processes
        self.source.note(loss.item())
        return loss * self.current_gradient_accumulation_steps  # by which Transformers divides it


SPEC = TrainerSpec(
    kind=TrainerKind.RLOO,
    trainer=StreamRLOOTrainer,
    columns={"prompt": "a"},
    arguments=group_arguments,
    source=group_source,
    rows_at_once=completions_at_once,
)
