"""What trainers share that answer each prompt several times, and compare the rewards of such a group of answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import pad

from schemas.errors import BadRecord
from trainer_node.config import TrainConfig
from trainer_node.data.examples import AnyExample
from trainer_node.models.engine import Answer
from trainer_node.models.fsdp import is_sharded
from trainer_node.training.base import StreamTrainer
from trainer_node.training.batch_source import BatchSource
from trainer_node.training.cutting import least_padding
from trainer_node.training.prompt_loader import PromptLoader, PromptRow
from trainer_node.training.sampler import Sampler
from trainer_node.training.sampling_gap import padded
from trainer_node.training.spec import Upstream

OF_A_ROW = ("completion_mask", "advantages")
"""What makes a row count in a loss."""


class GroupTrainer(StreamTrainer[PromptLoader]):
    """Mixed in before TRL's GRPOTrainer or RLOOTrainer, which make a step's answers, have them rewarded and compute advantages.

    A completion without a reward has no tokens in `completion_mask`. Whatever else of it a loss counts, the subclass leaves out.
    """

    smaller = "lower --batch-size, --num-generations or --max-new-tokens, or raise --accumulation"
    args: Any
    model: Any
    accelerator: Any
    processing_class: Any
    _metrics: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._parts: list[dict[str, Any]] = []
        self._rows: list[PromptRow] = []
        self._log_probabilities: list[list[float]] = []
        self._part: dict[str, Any] = {}
        self._is_flat = False
        self.rewarded = torch.zeros(0, dtype=torch.bool)
        """Which of this rank's completions of the step have a reward: (rows,)."""
        super().__init__(*args, **kwargs | {"reward_funcs": self.graph_reward})
        policy, settings = self.accelerator.unwrap_model(self.model), self.args
        self.sampler = Sampler(policy, self.processing_class, settings.seed, settings.temperature, settings.max_completion_length)
        """Answers a step's prompts."""

    def graph_reward(self, completions: list[str], index: list[int | None], **_: Any) -> list[float | None]:
        """TRL's reward function: what the feedback node says; None where it says nothing."""
        rewards = self.source.reward(index, completions)
        self.rewarded = torch.tensor([reward is not None for reward in rewards], device=self.accelerator.device)
        return rewards

    def _tokenize_prompts(self, prompts: list[list[int]]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """Prompts come from the feed as token ids, under the template that all our trainers use."""
        return prompts, None, {}

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Answers of the whole step with the step's first micro-batch; then the rows of each, in order."""
        if inputs["part"] == 0:
            self.gap.begin()
            self._rows, self._is_flat = inputs["rows"], False
            self._metrics["train"].clear()  # nobody logs them, and the stream has no end
            self._parts = split_rows(self._with_totals(self._answered_step(inputs["rows"])), self.args.gradient_accumulation_steps)
        self._part = self._parts[inputs["part"]]
        return self._part

    def _answered_step(self, rows: list[PromptRow]) -> dict[str, Any]:
        """A step's answers with their advantages. With `refill`, prompts whose answers all earned the same are left out, and others are
        asked in their place (dynamic sampling, Yu et al. 2025, section 3.2), as long as there are any and the step may."""
        source, asked, outputs = self.source, list(rows), [self._generate_and_score_completions(rows)]
        if not source.refills:
            return outputs[0]
        own = {row["index"] for row in rows}
        while more := source.further(len(own) - len({row["index"] for row in asked if not source.is_flat(row["index"])})):
            asked, self._rows = asked + more, more
            outputs.append(self._generate_and_score_completions(more))
        return self._of_spread([not source.is_flat(row["index"]) for row in asked], joined(outputs))

    def _of_spread(self, kept: list[bool], step: dict[str, Any]) -> dict[str, Any]:
        """The rows that are kept; where there are none, rows without any loss."""
        rows = torch.tensor([row for row, is_kept in enumerate(kept) if is_kept], device=self.accelerator.device)
        self._is_flat = not len(rows)
        if self._is_flat:
            return step | {name: torch.zeros_like(step[name]) for name in OF_A_ROW}
        return {name: value[rows] if isinstance(value, torch.Tensor) and value.dim() else value for name, value in step.items()}

    def _with_totals(self, step: dict[str, Any]) -> dict[str, Any]:
        """A step with what its loss is divided by."""
        return step

    def _sampled(self) -> list[list[int]]:
        """The step's answers at this rank, as token ids.

        Sharded weights come together for each pass through the model, and all ranks must make it: so each makes the answers of all, alike
        and at one pace, and keeps its own.
        """
        batch, rows = self.source.batch, self._rows
        assert batch is not None
        if not is_sharded(self.model):
            return self._noted(self.sampler(rows, batch, self._answered))
        by_rank = self.source.group.gather(rows)
        before = sum(len(of_a_rank) for of_a_rank in by_rank[: self.source.group.rank])
        answers = self.sampler([row for of_a_rank in by_rank for row in of_a_rank], batch)
        return self._noted(answers[before : before + len(rows)])

    def _noted(self, answers: list[Answer]) -> list[list[int]]:
        self._log_probabilities = [answer.log_probabilities for answer in answers]
        return [answer.tokens for answer in answers]

    def _answered(self, row: PromptRow, answer: Answer) -> None:
        """An answer is complete: judged as the text that TRL will make of it."""
        self.source.answered(row["index"], self.processing_class.batch_decode([answer.tokens], skip_special_tokens=True)[0])

    def _generate_and_score_completions(self, inputs: list[Any]) -> dict[str, Any]:
        """TRL's, with completions without a reward masked: TRL gives them no advantage, but counts them."""
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)  # type: ignore[misc]
        mask = output["completion_mask"]
        output["sampled"] = padded(self._log_probabilities, mask.shape[1], mask.device)
        output["completion_mask"] = mask * self.rewarded.unsqueeze(1)
        return output

    def _get_per_token_logps_and_entropies(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        """TRL's, from logits of 32 bits: in bfloat16 each log-probability is off by up to 0.02, and a sum over an answer by whole units."""

        def in_32_bits(**inputs: Any) -> Any:
            output = model(**inputs)
            output.logits = output.logits.float()
            return output

        found = super()._get_per_token_logps_and_entropies(in_32_bits, *args, **kwargs)  # type: ignore[misc]
        if torch.is_grad_enabled():  # the pass that trains; the reference's has no gradient
            self.gap.add(self._part["sampled"], found[0], self._part["completion_mask"])
        return found

    def answer_figures(self) -> dict[str, float]:
        """Tokens an answer; where there is a reference, the mean KL to it that TRL has noted."""
        kl = [value for value in self._metrics["train"].get("kl", []) if value is not None]
        return {"tokens": self.sampler.tokens_an_answer, **({"kl": sum(kl) / len(kl)} if kl else {})}

    def undo_bad_step(self) -> dict[str, BadRecord]:
        """As everywhere; and a step without any reward, or without spread, leaves the weights alone: AdamW would move them by momentum."""
        if self.source.step_loss() is None or self._is_flat:
            self._drop_gradients()
        return super().undo_bad_step()

    def _size_of(self, examples: Sequence[AnyExample]) -> str:
        longest = max(len(example) for example in examples) + self.args.max_completion_length
        return f"{len(examples) * int(self.args.num_generations or 1)} completions of up to {longest} tokens with their prompts"


def split_rows(step: dict[str, Any], parts: int) -> list[dict[str, Any]]:
    """Rows of a step in `parts` micro-batches with as little padding as can be; one that would be empty gets a row without any loss.

    Rows of like length go together, and each micro-batch is as wide as its own longest prompt and answer.
    """
    lengths = (step["prompt_mask"].sum(1) + step["completion_mask"].sum(1)).cpu()
    order = lengths.argsort(stable=True)
    ends = least_padding(lengths[order].tolist(), parts)
    pieces = []
    for start, end in zip([0, *ends], ends, strict=False):
        indices = order[start:end]
        chosen = indices if len(indices) else torch.zeros(1, dtype=torch.long)
        piece = {name: value[chosen] if isinstance(value, torch.Tensor) and value.dim() else value for name, value in step.items()}
        if not len(indices):
            piece |= {name: torch.zeros_like(piece[name]) for name in OF_A_ROW if name in piece}
        pieces.append(narrowed(piece))
    return pieces


def joined(outputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows of several outputs as one: prompts padded on the left, what is of an answer's tokens on the right; of totals the first."""
    if len(outputs) == 1:
        return outputs[0]
    whole: dict[str, Any] = {}
    for name, first in outputs[0].items():
        parts = [output[name] for output in outputs]
        if not isinstance(first, torch.Tensor) or not first.dim():
            whole[name] = first
            continue
        if first.dim() == 2:
            wide = max(part.shape[1] for part in parts)
            at_left = name.startswith("prompt_")
            parts = [pad(part, (wide - part.shape[1], 0) if at_left else (0, wide - part.shape[1])) for part in parts]
        whole[name] = torch.cat(parts)
    return whole


def narrowed(piece: dict[str, Any]) -> dict[str, Any]:
    """A micro-batch without the columns that are padding in all of its rows: prompts are padded on the left, answers on the right."""
    prompt, answer = (max(1, int(piece[name].sum(1).max())) for name in ("prompt_mask", "completion_mask"))
    wide = piece["completion_mask"].shape[1]
    narrow = {}
    for name, value in piece.items():
        if name in ("prompt_ids", "prompt_mask"):
            narrow[name] = value[:, -prompt:]
        elif isinstance(value, torch.Tensor) and value.dim() == 2 and value.shape[1] == wide:
            narrow[name] = value[:, :answer]
        else:
            narrow[name] = value
    return narrow


def group_arguments(config: TrainConfig) -> dict[str, Any]:
    """TRL's settings that GRPO and RLOO have alike."""
    return {
        "beta": config.beta,
        "num_generations": config.num_generations,
        "max_completion_length": config.max_new_tokens,
        "temperature": config.temperature,
        "shuffle_dataset": False,
        "generation_kwargs": {"remove_invalid_values": True},  # weights that are no numbers show in the loss, not as a crash of the sampler
    }


def group_source(config: TrainConfig, upstream: Upstream) -> BatchSource[Any]:
    """Each prompt several times; all of a step's answers are made and judged before its first micro-batch."""
    return PromptLoader(
        upstream.next_batch, upstream.rewards_of, config.accumulation, config.num_generations, upstream.group, upstream.hooks, config.refill
    )


def learning_rate(config: TrainConfig) -> float:
    """The run's; beside SFT and DPO a twentieth of it, as for DPO. A rate of its own wins."""
    return config.rl_lr or (config.lr / 20 if config.trainer.is_sequence else config.lr)


def completions_at_once(config: TrainConfig) -> int:
    """Each prompt is answered several times, and a group is not to be cut."""
    return -(-config.batch_size // config.accumulation) * config.num_generations
