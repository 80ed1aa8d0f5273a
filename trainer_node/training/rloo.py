"""REINFORCE leave-one-out on the stream: TRL's RLOOTrainer, its prompts from the feed, its rewards from the feedback node."""

from __future__ import annotations

import logging
from typing import Any

import torch
from trl import RLOOConfig, RLOOTrainer

from trainer_node.kinds import TrainerKind
from trainer_node.training.groups import GroupTrainer, completions_at_once, group_arguments, group_source, learning_rate
from trainer_node.training.spec import TrainerSpec

# TRL warns of each completion without a reward, with the prompt's text; the reward client has counted it already.
logging.getLogger("trl.trainer.rloo_trainer").setLevel(logging.ERROR)


class StreamRLOOTrainer(GroupTrainer, RLOOTrainer):
    """RLOO (Ahmadian et al. 2024, eq. 8): -log π(y|x)·(R(y, x) - mean of R over the other answers to x), averaged over the answers y.

    R is the reward less β·log(π(y|x) / ref(y|x)): the KL term is part of the reward of a whole answer, not of its tokens. A step is taken
    once on its answers, so the ratio of old and new probabilities is 1 and nothing is clipped.

    A completion without a reward is in neither the others' baseline, the average nor the KL term. TRL leaves it out of the first and the
    last; here out of the average, too.

    The loss is our own for the sake of that ratio: TRL takes it between two passes over the model, which on 16 bits differ by some
    hundredths a token. Over a long answer that is a random weight, and beyond 0.2 the answer is clipped away.
    """

    config_class = RLOOConfig

    def _generate_single_turn(self, *_: Any, **__: Any) -> Any:
        """Token ids of the answers."""
        return self._sampled()

    def _with_totals(self, step: dict[str, Any]) -> dict[str, Any]:
        """The number of the step's rewarded completions, on all ranks; others have no tokens."""
        return step | {"rewarded": self.accelerator.gather(step["completion_mask"].any(1).sum()).sum()}

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:  # noqa: ARG002
        """The sum over a micro-batch, as this rank's share of the mean over the step's rewarded completions."""
        mask = inputs["completion_mask"]
        tokens = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        seen = torch.cat([inputs["prompt_mask"], mask], dim=1)
        log_probabilities = (self._get_per_token_logps_and_entropies(model, tokens, seen, mask.size(1))[0] * mask).sum(1)
        ratio = torch.exp(log_probabilities - log_probabilities.detach())
        rewarded = inputs["rewarded"].clamp(min=1)
        loss = -(ratio * inputs["advantages"]).sum() / rewarded * self.accelerator.num_processes
        self.source.note(loss.item())
        return loss * self.current_gradient_accumulation_steps  # by which Transformers divides it


SPEC = TrainerSpec(
    kind=TrainerKind.RLOO,
    trainer=StreamRLOOTrainer,
    columns={"prompt": "a"},
    arguments=group_arguments,
    source=group_source,
    rows_at_once=completions_at_once,
    learning_rate=learning_rate,
)
