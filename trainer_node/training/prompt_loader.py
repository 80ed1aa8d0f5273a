"""Batches of prompts that the model answers while it trains, and the rewards of its answers.

A reward that is late or failed is None, never a zero; the trainers leave its completion out of the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypedDict

from schemas.training_sample import TrainingSample
from trainer_node.data.batch import StepExamples
from trainer_node.data.examples import AnyExample, PromptExample
from trainer_node.distributed.process_group import ALONE, ProcessGroup
from trainer_node.rewards.figures import is_flat
from trainer_node.training.batch_source import BatchSource, ExampleLoss, NextBatch, StepHooks

RewardsOf = Callable[[int, Sequence[TrainingSample], Sequence[str]], list[float | None]]
"""Step, each completion's prompt, and the completions, to their rewards: `trainer_node.rewards.client.RewardClient.rewards_of`."""


class PromptRow(TypedDict):
    """One completion to be made."""

    prompt: list[int]
    """Token ids."""
    index: int | None
    """Of the prompt in the step's batch; None of one that only fills up a rank's share, and gets no reward."""


class PromptPart(TypedDict):
    """One micro-batch."""

    rows: list[PromptRow]
    """Those of the whole step at this rank: what is answered together is judged together."""
    part: int
    """Which of the step's micro-batches this is, from 0."""


class PromptLoader(BatchSource[PromptPart]):
    """Each rank answers its own prompts of a step; rank 0 has the answers of all ranks judged."""

    def __init__(
        self,
        next_batch: NextBatch | None,
        rewards_of: RewardsOf | None,
        accumulation: int = 1,
        generations: int = 1,
        group: ProcessGroup = ALONE,
        hooks: StepHooks | None = None,
        refill: int = 0,
    ) -> None:
        """`rewards_of` is rank 0's; `refill` is how many further prompts a step may ask, of one process."""
        super().__init__(next_batch, group, hooks)
        self._rewards_of = rewards_of
        self._accumulation = accumulation
        self.generations = generations
        """How often each prompt is answered."""
        self._refill = refill
        self._left = 0
        self._rewards: list[list[float | None]] = []
        self._loss: float | None = None
        self.tried_at_once = 2 * group.size  # TRL takes no variance of a round that has one token in all, at any rank

    def _forget(self, batch: StepExamples) -> None:
        self._rewards, self._loss = [[] for _ in batch.examples], None

    def _micro_batches(self, batch: StepExamples) -> Iterator[PromptPart]:
        is_whole = len(self._numbers) == len(self.whole_batch.examples)
        self._left = self._refill if is_whole else 0  # a step that was taken apart makes do with what it has
        rows = [row for row in self._mine(batch.examples) for _ in range(self.generations)]
        for part in range(self._accumulation):
            yield {"rows": rows, "part": part}

    def _mine(self, examples: Sequence[AnyExample]) -> list[PromptRow]:
        """This rank's run of the prompts. All have as many: the last one is repeated, without an index, to fill the last runs up."""
        rows = [PromptRow(prompt=_prompt(example), index=index) for index, example in enumerate(examples)]
        size = -(-len(rows) // self.group.size)
        filling = PromptRow(prompt=rows[-1]["prompt"], index=None)
        filled = rows + [filling] * (size * self.group.size - len(rows))
        return filled[size * self.group.rank :][:size]

    @property
    def refills(self) -> bool:
        """Whether prompts whose answers all earned the same are left out of a step, for others where there are any."""
        return self._refill > 0 and not self._trying

    def further(self, wanted: int) -> list[PromptRow]:
        """Rows of further prompts of the step, which has them from then on; none where it has asked enough, or no more wait."""
        assert self._batch is not None
        whole = self.whole_batch
        items = self.hooks.further(min(wanted, self._left)) if min(wanted, self._left) > 0 and self.refills else ()
        first = len(self._batch.examples)
        for item in items:
            self._numbers.append(len(whole.examples))
            for step in (self._batch, whole):
                step.examples.append(item.example)
                step.sample_ids.append(item.sample.sample_id)
            self._rewards.append([])
        self._left -= len(items)
        rows = [PromptRow(prompt=_prompt(item.example), index=first + number) for number, item in enumerate(items)]
        return [row for row in rows for _ in range(self.generations)]

    def is_flat(self, index: int | None) -> bool:
        """Whether all answers to a prompt of the step that have a reward earned the same."""
        return index is not None and is_flat(reward for reward in self._rewards[index] if reward is not None)

    def answered(self, index: int | None, completion: str) -> None:
        """An answer of this rank is complete: said before `reward` is asked of all, where this rank alone asks."""
        if self._chosen is not None and index is not None and not self._trying and self.group.size == 1:
            self.hooks.answered(self._chosen.step, self._chosen.items[self._numbers[index]].sample, completion)

    def reward(self, indices: Sequence[int | None], completions: Sequence[str]) -> list[float | None]:
        """Rewards of this rank's completions, each with its row's index; every rank knows all rewards then.

        Collective. Blocks until rank 0 has the rewards of all ranks' completions, or has waited for them long enough; rank 0 alone asks.
        """
        asked = [(index, text) for index, text in zip(indices, completions, strict=True) if index is not None]
        by_rank = self.group.gather(asked)
        everyone = [pair for part in by_rank for pair in part]
        rewards = self.group.on_rank_0(lambda: self._ask(everyone))
        for (index, _), reward in zip(everyone, rewards, strict=True):
            self._rewards[index].append(reward)
        mine = iter(rewards[sum(len(part) for part in by_rank[: self.group.rank]) :])
        return [next(mine) if index is not None else None for index in indices]

    def _ask(self, asked: list[tuple[int, str]]) -> list[float | None]:
        if self._trying:  # nobody is asked what an answer is worth from which nothing is learnt
            return [float(number % 2) for number in range(len(asked))]
        assert self._chosen is not None
        assert self._rewards_of is not None
        prompts = [self._chosen.items[self._numbers[index]].sample for index, _ in asked]
        return self._rewards_of(self._chosen.step, prompts, [text for _, text in asked])

    def note(self, loss: float) -> None:
        """Take the loss of a micro-batch, already divided by this rank's share of what the whole step has."""
        self._loss = loss + (self._loss or 0.0)

    def agree(self) -> None:
        """What any rank found bad is bad for all, and the step's loss is the mean of theirs."""
        everyone = self.group.gather((self._bad, self._loss))
        self._bad = any(bad for bad, _ in everyone)
        losses = [loss for _, loss in everyone if loss is not None]
        self._loss = sum(losses) / len(losses) if losses else None

    def step_loss(self) -> float | None:
        """The step's loss; None where it had no reward, and so none."""
        return self._loss if any(reward is not None for rewards in self._rewards for reward in rewards) else None

    @property
    def losses(self) -> list[ExampleLoss]:
        """None: the loss of a policy gradient says nothing of a sample, and its scale is no one else's."""
        return []

    def unrewarded(self) -> frozenset[str]:
        """Ids of prompts none of whose completions has a reward."""
        if self._batch is None:
            return frozenset()
        judged = zip(self._batch.sample_ids, self._rewards, strict=True)
        return frozenset(sample_id for sample_id, rewards in judged if rewards and all(reward is None for reward in rewards))

    def left_out(self) -> frozenset[str]:
        """Ids of prompts whose answers all earned the same, where such are left out."""
        if self._batch is None or not self.refills:
            return frozenset()
        return frozenset(
            sample_id for index, sample_id in enumerate(self._batch.sample_ids) if self._rewards[index] and self.is_flat(index)
        )


def _prompt(example: AnyExample) -> list[int]:
    assert isinstance(example, PromptExample), "only a prompt is answered"
    return example.prompt_ids
