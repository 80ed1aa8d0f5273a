"""Group-relative policy optimisation on the stream: TRL's GRPOTrainer, its prompts from the feed, its rewards from the feedback node."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from trl import GRPOConfig, GRPOTrainer

from trainer_node.data.tokenization import AnyExample
from trainer_node.training.base import StreamTrainer
from trainer_node.training.prompt_loader import PromptLoader

# TRL warns of each completion without a reward, with the prompt's text; the reward client has counted it already.
logging.getLogger("trl.trainer.grpo_trainer").setLevel(logging.ERROR)


class StreamGRPOTrainer(StreamTrainer[PromptLoader], GRPOTrainer):
    """GRPO (Shao et al. 2024, eq. 3) with the token-level normaliser of DAPO (Yu et al. 2025, eq. 8).

    A step answers each of its prompts `num_generations` times; a completion's advantage is its reward against the others of its prompt.
    A completion without a reward is in neither the advantages, the normaliser nor the KL term.
    """

    config_class = GRPOConfig
    args: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._rewarded = torch.zeros(0, dtype=torch.bool)
        self._parts: list[dict[str, Any]] = []
        super().__init__(*args, **kwargs | {"reward_funcs": self.graph_reward})

    def graph_reward(self, completions: list[str], index: list[int | None], **_: Any) -> list[float | None]:
        """TRL's reward function: what the feedback node says; None where it says nothing."""
        rewards = self.source.reward(index, completions)
        self._rewarded = torch.tensor([reward is not None for reward in rewards], device=self.accelerator.device)
        return rewards

    def _tokenize_prompts(self, prompts: list[list[int]]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """Prompts come from the feed as token ids, under the template that all our trainers use."""
        return prompts, None, {}

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Answers of the whole step with the step's first micro-batch; then the rows of each, in order."""
        if inputs["part"] == 0:
            self._metrics["train"].clear()  # nobody logs them, and the stream has no end
            parts = self.args.gradient_accumulation_steps
            self._parts = split_rows(self._generate_and_score_completions(inputs["rows"]), parts)
        return self._parts[inputs["part"]]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's, with completions without a reward masked: TRL gives them no advantage, but leaves them in normaliser and KL."""
        output = super()._generate_and_score_completions(inputs)
        output["completion_mask"] = output["completion_mask"] * self._rewarded.unsqueeze(1)
        output["num_items_in_batch"] = self.accelerator.gather(output["completion_mask"].sum()).sum()
        return output

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """TRL's loss; its value goes to the source."""
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        self.source.note(loss.item())
        return loss

    def undo_bad_step(self) -> dict[str, Any]:
        """As everywhere; and a step without any reward leaves the weights as they are: AdamW would move them by momentum."""
        if self.source.step_loss() is None:
            self._drop_gradients()
        return super().undo_bad_step()

    smaller = "lower --batch-size, --num-generations or --max-new-tokens, or raise --accumulation"

    def _size_of(self, examples: Sequence[AnyExample]) -> str:
        longest = max(len(example) for example in examples) + self.args.max_completion_length
        return f"{len(examples) * int(self.args.num_generations or 1)} completions of up to {longest} tokens with their prompts"


def split_rows(step: dict[str, Any], parts: int) -> list[dict[str, Any]]:
    """Rows of a step, in order, in `parts` micro-batches of nearly equal size; one that would be empty gets a row without any loss."""
    rows = len(step["completion_mask"])
    pieces = []
    for indices in torch.arange(rows).tensor_split(parts):
        chosen = indices if len(indices) else torch.zeros(1, dtype=torch.long)
        piece = {name: value[chosen] if isinstance(value, torch.Tensor) and value.dim() else value for name, value in step.items()}
        if not len(indices):
            piece["completion_mask"] = torch.zeros_like(piece["completion_mask"])
        pieces.append(piece)
    return pieces
