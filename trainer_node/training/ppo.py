"""Proximal policy optimisation on the stream: TRL's PPOTrainer, one round for each of the feed's batches.

TRL's `train()` wants a dataset with a length, shuffles it, asks a reward model and cannot resume. Here each call trains one round: the
feed's prompts, in order, with answers that were given and judged beforehand. Answers without a reward are no part of the round.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # that PPO is experimental in TRL is known; its version is pinned

from trl.experimental.ppo import PPOConfig, PPOTrainer
from trl.experimental.ppo.ppo_trainer import forward

from schemas.errors import BadRecord, ConfigError
from trainer_node.config import TrainConfig
from trainer_node.data.examples import AnyExample
from trainer_node.data.tokenization import prompt_tokens
from trainer_node.kinds import TrainerKind
from trainer_node.models.adapters import add_reference
from trainer_node.models.engine import Answer
from trainer_node.models.generation import as_prompt
from trainer_node.models.restore import VALUE_HEAD
from trainer_node.training.base import StreamTrainer
from trainer_node.training.groups import learning_rate
from trainer_node.training.prompt_loader import PromptLoader, PromptRow
from trainer_node.training.sampler import Sampler
from trainer_node.training.sampling_gap import padded
from trainer_node.training.spec import ENDLESS_STEPS, TrainerSpec, Upstream
from trainer_node.training.taking_apart import Passes

LAMBDA = 1.0
"""Of the advantage estimate: with one reward at a short answer's end, what an answer earns counts alike for all of its tokens. Below 1 a
token counts for more the nearer it is to the end, and whitening turns that into a sign (ADR 6)."""
HEAD_RATE = 8.0
"""How much faster than the LoRA the value head learns: a factor of its output, to which Adam is blind. A power of two, to lose no bit."""
ROWS_AT_ONCE = 16
"""Answers whose scores are computed together."""


class ValueModel(nn.Module):
    """What TRL takes for a value model: a linear head on the policy's own last hidden states, through which no gradient flows back.

    A value model with a backbone of its own would be a second copy of the model (docs/adr/0006-ppo-by-rounds.md).
    """

    base_model_prefix = "features"

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self._policy = (policy,)  # in a tuple: its weights are not this module's
        base = policy.get_base_model()
        self.head = nn.Linear(base.config.hidden_size, 1, device=base.device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @torch.no_grad()
    def features(self, **inputs: Any) -> Any:
        """The policy's backbone, without its head over the vocabulary; last hidden states are (rows, length, hidden)."""
        return self._policy[0].get_base_model().base_model(**inputs)

    def score(self, hidden: torch.Tensor) -> torch.Tensor:
        """Value of each position: (rows, length, hidden) to (rows, length, 1), float32."""
        values: torch.Tensor = HEAD_RATE * self.head(hidden.to(self.head.weight.dtype))
        return values


class JudgedRewards(nn.Module):
    """What TRL takes for a reward model: it gives each row of the round the reward that the feedback node gave it."""

    base_model_prefix = "given"

    def __init__(self) -> None:
        super().__init__()
        self.rewards = torch.zeros(0)
        self.score = nn.Identity()

    def given(self, input_ids: torch.Tensor, **_: Any) -> Any:
        """The rewards, at every position: `hidden_states[-1]` is (rows, length, 1)."""
        rows, length = input_ids.shape
        return SimpleNamespace(hidden_states=(self.rewards.to(input_ids.device).view(rows, 1, 1).expand(rows, length, 1),))


@dataclass(frozen=True)
class Round:
    """The answers of a round at one process."""

    queries: torch.Tensor
    """Prompts, padded on the left: (rows, width)."""
    sequences: torch.Tensor
    """Prompts and answers: (rows, length)."""
    scores: list[torch.Tensor]
    """Of each new token: (rows, vocabulary)."""
    rewards: list[float | None]
    """None has no place in what is trained on: `rows` takes the others."""

    def rows(self, kept: list[int]) -> Round:
        """Some of the answers."""
        rewards = [self.rewards[row] for row in kept]
        return Round(self.queries[kept], self.sequences[kept], [score[kept] for score in self.scores], rewards)

    def to(self, device: Any) -> Round:
        """The same answers on another device."""
        return Round(self.queries.to(device), self.sequences.to(device), [score.to(device) for score in self.scores], self.rewards)


def micro_batches(rows: list[int], most: int) -> int:
    """The largest number of micro-batches, up to `most`, that each process can cut its rows into, all but its last of one size."""
    return next(parts for parts in range(min(most, *rows), 0, -1) if all(-(-count // -(-count // parts)) == parts for count in rows))


class StreamPPOTrainer(StreamTrainer[PromptLoader], PPOTrainer):
    """PPO (Schulman et al. 2017) with the KL to the reference as a reward of each token (Ziegler et al. 2019).

    The commit unit is a round: a batch of prompts, `num_generations` completions each, `num_ppo_epochs` passes over them.
    """

    config_class = PPOConfig
    args: Any
    model: Any
    optimizer: Any
    processing_class: Any
    reward_model: Any
    dataloader: Any
    lr_scheduler: Any

    def __init__(self, *, model: Any, processing_class: Any, callbacks: list[Any], **kwargs: Any) -> None:
        add_reference(model)
        self._step_callbacks = callbacks  # called once for a round, not by TRL
        self._before_round: dict[str, Any] | None = None
        self._metrics: dict[str, float] = {}
        self._accumulation = kwargs["args"].gradient_accumulation_steps
        super().__init__(
            model=model,
            processing_class=with_pad(processing_class),
            ref_model=None,
            reward_model=JudgedRewards(),  # type: ignore[arg-type]  # a module is enough
            value_model=ValueModel(model),  # type: ignore[arg-type]
            **kwargs,
        )
        self.accelerator.print = lambda *_, **__: None  # standard output belongs to the command
        self.is_fsdp_xla_v1_enabled = False  # Transformers asks for it on a resume; TRL's PPO does not say
        self.args.num_total_batches = 1
        policy = self._unwrapped.policy
        self.sampler = Sampler(policy, self.processing_class, self.args.seed, self.args.temperature, self.args.response_length)
        """Answers a round's prompts."""
        if self._unwrapped is not self.model:
            vars(self.model)["policy"] = self._unwrapped.policy  # TRL asks DDP's wrapper for it, which hands on no attributes

    def _train_steps(self, resume_from_checkpoint: str | None = None) -> None:
        """Rounds until the stream ends.

        Args:
            resume_from_checkpoint: folder of a checkpoint; adapters are loaded by the caller.
        """
        if resume_from_checkpoint:
            self._resume(Path(resume_from_checkpoint))
        gc.freeze()  # TRL collects garbage twice a round; what is loaded by now is none, and looking at it takes a second
        for micro_batch in self.source:
            undo = functools.partial(self._restore, copy.deepcopy(self.lr_scheduler.state_dict()))
            passes = Passes(lambda part: self._round(part["rows"]), undo, self.plain_tokens(), self.model, exchanges=True)
            self.apart.guarded(self.source, passes, micro_batch)
            assert self.source.batch is not None
            self.state.global_step = self.source.batch.step
            for callback in self._step_callbacks:
                callback.on_pre_optimizer_step(self.args, self.state, self.control)
                callback.on_step_end(self.args, self.state, self.control)

    def _round(self, rows: list[PromptRow]) -> None:
        queries, answers = self._answer(rows)
        texts = self._texts(answers.sequences[:, queries.shape[1] :])
        rewards = self.source.reward([row["index"] for row in rows], texts)
        kept = [index for index, reward in enumerate(rewards) if reward is not None]
        mine = Round(queries, answers.sequences, list(answers.scores), rewards).rows(kept)
        counts = self.source.group.gather(len(kept))
        if not any(counts):
            return
        if not all(counts):
            lender = next(rank for rank, count in enumerate(counts) if count)
            mine, counts = self._lent(mine, lender), [count or counts[lender] for count in counts]
        self._before_round = self._state()
        self._train_on(mine, micro_batches(counts, self._accumulation))
        self.source.note(self._metrics["loss/policy_avg"] + self.args.vf_coef * self._metrics["loss/value_avg"])
        if not self._finite():
            self.source.mark_bad()

    def _lent(self, mine: Round, lender: int) -> Round:
        """A process none of whose answers has a reward trains on a copy of another's: all must take the same steps, and the advantages of
        one answer alone are whitened away."""
        offer = mine.to("cpu") if self.source.group.rank == lender else None
        lent = self.source.group.gather(offer)[lender]
        return mine if mine.rewards or lent is None else lent.to(self.accelerator.device)

    def _answer(self, rows: list[PromptRow]) -> tuple[torch.Tensor, Any]:
        """Prompts, padded on the left, and what the policy samples for them: `sequences` (rows, length), `scores` of each new token."""
        pad, device = self.processing_class.pad_token_id, self.accelerator.device
        assert self.source.batch is not None
        answers = self.sampler(rows, self.source.batch, self._answered)
        width, longest = max(len(row["prompt"]) for row in rows), max(len(answer.tokens) for answer in answers)
        queries = torch.tensor([[pad] * (width - len(row["prompt"])) + row["prompt"] for row in rows], device=device)
        new = torch.tensor([answer.tokens + [pad] * (longest - len(answer.tokens)) for answer in answers], device=device)
        sequences = torch.cat([queries, new], dim=1)
        scores = self._scores(sequences, width)
        self._measure_gap([answer.log_probabilities for answer in answers], new, scores)
        return queries, SimpleNamespace(sequences=sequences, scores=scores)

    def _measure_gap(self, sampled: list[list[float]], new: torch.Tensor, scores: list[torch.Tensor]) -> None:
        taken = [score.gather(1, tokens[:, None])[:, 0] - score.logsumexp(1) for score, tokens in zip(scores, new.unbind(1), strict=True)]
        mask = torch.tensor([[place < len(row) for place in range(new.shape[1])] for row in sampled], device=new.device)
        self.gap.begin()
        self.gap.add(padded(sampled, new.shape[1], new.device), torch.stack(taken, dim=1), mask)

    @torch.no_grad()
    def _scores(self, sequences: torch.Tensor, width: int) -> list[torch.Tensor]:
        """Logits of each new token at the sampling temperature, (rows, vocabulary) float32, by the forward pass that trains.

        Not the sampler's own: with a cache, 16 bits round otherwise, and the ratio of old and new probabilities would not begin at 1.
        """
        policy = self._unwrapped.policy
        policy.eval()
        pad = self.processing_class.pad_token_id
        parts = [forward(policy, part, pad)["logits"][:, width - 1 : -1].float() for part in sequences.split(ROWS_AT_ONCE)]
        policy.train()
        return list((torch.cat(parts) / (self.args.temperature + 1e-7)).unbind(1))  # as TRL divides by it

    def _answered(self, row: PromptRow, answer: Answer) -> None:
        self.source.answered(row["index"], self._texts([answer.tokens])[0])

    def _texts(self, responses: torch.Tensor | list[list[int]]) -> list[str]:
        return [text.strip() for text in self.processing_class.batch_decode(responses, skip_special_tokens=True)]

    def _train_on(self, mine: Round, parts: int) -> None:
        """One call of TRL's `train()`: its sampling gives the answers that were judged."""
        rows, args = len(mine.rewards), self.args
        self.reward_model.rewards = torch.tensor(mine.rewards, dtype=torch.float32)
        args.per_device_train_batch_size, args.gradient_accumulation_steps = -(-rows // parts), parts
        args.local_rollout_forward_batch_size = args.batch_size = args.local_batch_size = args.local_mini_batch_size = rows
        self.accelerator.gradient_accumulation_steps = args.gradient_accumulation_steps
        self.accelerator.step = 0
        self.dataloader = [{"input_ids": mine.queries}]
        with _generating(self._unwrapped.policy, mine):
            PPOTrainer.train(self)  # type: ignore[no-untyped-call]
        self.accelerator.gradient_accumulation_steps = 1  # all trainers of a process share it, and Transformers' divide by themselves

    # --- undoing and resuming ------------------------------------------------------------------------------------------------

    def _trained(self) -> dict[str, torch.Tensor]:
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    def _state(self) -> dict[str, Any]:
        weights = {name: weight.detach().clone() for name, weight in self._trained().items()}
        return {"weights": weights, "optimizer": copy.deepcopy(self.optimizer.state_dict())}

    def _finite(self) -> bool:
        return all(bool(weight.isfinite().all()) for weight in self._trained().values())

    def undo_bad_step(self) -> dict[str, BadRecord]:
        """A round takes several optimizer steps: if one of them made weights that are no numbers, all of them are undone."""
        if self.source.bad:
            self._restore()
        self._before_round = None
        return super().undo_bad_step()

    def _restore(self, schedule: Any = None) -> None:
        """Weights and optimizer as they were before the round, and the schedule, where it is given."""
        before, self._before_round = self._before_round, None
        if before is not None:
            with torch.no_grad():
                for name, weight in self._trained().items():
                    weight.copy_(before["weights"][name])
            self.optimizer.load_state_dict(before["optimizer"])
        self._drop_gradients()
        if schedule is not None:
            self.lr_scheduler.load_state_dict(schedule)

    def save_own(self, folder: Path) -> None:
        """The value head, as a plain linear one."""
        save_file({name: HEAD_RATE * weight for name, weight in self._value_head().state_dict().items()}, folder / VALUE_HEAD)

    def _resume(self, folder: Path) -> None:
        self._value_head().load_state_dict({name: weight / HEAD_RATE for name, weight in load_file(folder / VALUE_HEAD).items()})
        self._load_optimizer_and_scheduler(str(folder))
        self._load_rng_state(str(folder))

    def _value_head(self) -> nn.Module:
        head: nn.Module = self._unwrapped.value_model.head
        return head

    @property
    def _unwrapped(self) -> Any:
        """Policy and value model, without DDP around them."""
        return self.accelerator.unwrap_model(self.model)

    def answer_figures(self) -> dict[str, float]:
        """Tokens an answer, and the KL of an answer to the reference."""
        kl = self._metrics.get("objective/kl")
        return {"tokens": self.sampler.tokens_an_answer, **({"kl": kl} if kl is not None else {})}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:  # noqa: ARG002 - Transformers' signature
        """What TRL says of a round; the node reports it."""
        self._metrics = logs

    smaller = "lower --batch-size, --num-generations or --max-new-tokens, or raise --accumulation"

    def _size_of(self, examples: Sequence[AnyExample]) -> str:
        longest = max(len(example) for example in examples) + self.args.response_length
        return f"{len(examples) * self.source.generations} completions of up to {longest} tokens with their prompts"


@contextlib.contextmanager
def _generating(policy: Any, answers: Any) -> Iterator[None]:
    """In this block the policy generates these answers: TRL samples within its `train()`, ours are sampled and judged by then."""
    policy.generate = lambda **_: answers  # shadows the class's method
    try:
        yield
    finally:
        del policy.generate


def with_pad(tokenizer: Any) -> Any:
    """A copy whose padding token is no other token of a prompt or an answer: TRL's PPO tells padding by its id alone.

    Raises:
        ConfigError: every special token of this tokenizer has a use.
    """
    used = {tokenizer.eos_token_id, *prompt_tokens(as_prompt("?"), tokenizer)}
    special = [number for number, token in sorted(tokenizer.added_tokens_decoder.items()) if token.special]
    free = [number for number in (tokenizer.pad_token_id, tokenizer.unk_token_id, *special) if number is not None and number not in used]
    if not free:
        raise ConfigError("PPO needs a padding token that is neither EOS nor part of the chat template: this tokenizer has none; use grpo")
    padded = copy.deepcopy(tokenizer)
    padded.pad_token = tokenizer.convert_ids_to_tokens(free[0])
    return padded


def arguments(config: TrainConfig) -> dict[str, Any]:
    """The policy's adapter is trained, and the adapter `ref` is what it is compared with."""
    return {
        "total_episodes": ENDLESS_STEPS,
        "kl_coef": config.beta,
        "lam": LAMBDA,
        "num_ppo_epochs": config.ppo_epochs,
        "response_length": config.max_new_tokens,
        "temperature": config.temperature,
        "stop_token": "eos",
        "num_sample_generations": 0,
        "model_adapter_name": "default",
        "ref_adapter_name": "ref",
    }


def source(config: TrainConfig, upstream: Upstream) -> PromptLoader:
    """Each prompt several times, all of a round together."""
    answers = config.num_generations
    return PromptLoader(upstream.next_batch, upstream.rewards_of, generations=answers, group=upstream.group, hooks=upstream.hooks)


SPEC = TrainerSpec(
    kind=TrainerKind.PPO,
    trainer=StreamPPOTrainer,
    columns={"input_ids": [0, 1]},
    arguments=arguments,
    source=source,
    learning_rate=learning_rate,
    has_value_head=True,
)
