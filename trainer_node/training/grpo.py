"""Group-relative policy optimisation on the stream: TRL's GRPOTrainer, its prompts from the feed, its rewards from the feedback node."""

from __future__ import annotations

import logging
from typing import Any

from trl import GRPOConfig, GRPOTrainer

from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind
from trainer_node.training.groups import GroupTrainer, completions_at_once, group_arguments, group_source, learning_rate
from trainer_node.training.spec import TrainerSpec

# TRL warns of each completion without a reward, with the prompt's text; the reward client has counted it already.
logging.getLogger("trl.trainer.grpo_trainer").setLevel(logging.ERROR)


class StreamGRPOTrainer(GroupTrainer, GRPOTrainer):
    """GRPO (Shao et al. 2024, eq. 3) with the token-level normaliser of DAPO (Yu et al. 2025, eq. 8).

    A step answers each of its prompts `num_generations` times; a completion's advantage is its reward against the others of its prompt.
    A completion without a reward is in neither the advantages, the normaliser nor the KL term.
    """

    config_class = GRPOConfig

    def _generate_single_turn(self, *_: Any, **__: Any) -> Any:
        """Token ids of the answers; no log-probabilities, since TRL takes its own where it needs any."""
        return self._sampled(), None

    def _with_totals(self, step: dict[str, Any]) -> dict[str, Any]:
        """The normaliser is the tokens of the completions that have a reward, on all ranks."""
        return step | {"num_items_in_batch": self.accelerator.gather(step["completion_mask"].sum()).sum()}

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """TRL's loss; its value goes to the source."""
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        self.source.note(loss.item())
        return loss


def arguments(config: TrainConfig) -> dict[str, Any]:
    """DAPO's loss is the only one whose normaliser is what the whole step has, and so knows what was left out."""
    return group_arguments(config) | {"loss_type": "dapo"}


SPEC = TrainerSpec(
    kind=TrainerKind.GRPO,
    trainer=StreamGRPOTrainer,
    columns={"prompt": "a"},
    arguments=arguments,
    source=group_source,
    rows_at_once=completions_at_once,
    learning_rate=learning_rate,
)
