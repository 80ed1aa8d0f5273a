"""What a model answers to a step's prompts while it trains, and what the feedback node says to that.

A reward that is late or failed is None, never a zero; the trainers leave its completion out of the gradient.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from schemas.errors import PeltonError
from schemas.model_output import ModelOutput
from schemas.training_sample import TrainingSample
from trainer_node.data.batch import StepBatch
from trainer_node.data.tokenization import PromptExample
from trainer_node.distributed.process_group import ALONE, Processes
from trainer_node.rewards.client import RewardClient

SILENT_LIMIT = 3
"""Steps in a row without any reward in time after which the node stops: nobody is there to judge."""
JudgeStep = Callable[[int, list[TrainingSample], list[str]], list[float | None]]
"""Rewards of a step's completions; see `Judge`."""


class PromptLoader:
    """One optimizer step's prompts after another, straight from the feed; of several processes, each answers its own of them.

    Attributes:
        batch: the prompts of the step being trained.
        rewards: rewards of each prompt's completions, by sample id, as far as they were judged; of all processes.
        meanwhile, while_the_device_works: as of `StepLoader`; in GRPO only.
        losses: always empty: the loss of a policy gradient says nothing of a sample, and its scale is no one else's.
    """

    def __init__(
        self,
        next_batch: Callable[[], StepBatch | None],
        judge: JudgeStep | None,
        accumulation: int = 1,
        generations: int = 1,
        processes: Processes = ALONE,
    ) -> None:
        self._next = next_batch
        self._judge = judge
        self.processes = processes
        self._accumulation = accumulation
        self._generations = generations
        self.on_end: Callable[[], None] = lambda: None
        self.meanwhile: Callable[[], None] = lambda: None
        self.while_the_device_works: Callable[[], AbstractContextManager[None]] = nullcontext
        self.batch: StepBatch | None = None
        self.rewards: dict[str, list[float | None]] = {}
        self.losses: list[tuple[float, int]] = []
        self.bad = False
        self._loss: float | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while (batch := self._next()) is not None:
            self.batch, self.rewards, self.bad, self._loss = batch, {}, False, None
            mine = [prompt for prompt in self._mine(batch) for _ in range(self._generations)]
            for part in range(self._accumulation):
                yield {"rows": mine, "part": part}
        self.on_end()

    def _mine(self, batch: StepBatch) -> list[dict[str, Any]]:
        """This process's run of the prompts. All have as many: a prompt added only to fill a run up has no sample, and gets no reward."""
        prompts = [{"prompt": cast(PromptExample, item.example).prompt_ids, "sample": item.sample} for item in batch.items]
        size = -(-len(prompts) // self.processes.size)
        filled = prompts + [prompts[-1] | {"sample": None}] * (size * self.processes.size - len(prompts))
        return filled[size * self.processes.rank :][:size]

    def reward(self, samples: list[TrainingSample | None], completions: list[str]) -> list[float | None]:
        """Rewards of this process's completions, each with its prompt's sample; all processes call it, and all know all rewards then.

        The first process asks for them, of all together.
        """
        asked = [(sample, text) for sample, text in zip(samples, completions, strict=True) if sample is not None]
        by_process = self.processes.gather(asked)
        everyone = [pair for part in by_process for pair in part]
        rewards = self.processes.found_by_first(lambda: self._ask(everyone))
        for (sample, _), reward in zip(everyone, rewards, strict=True):
            self.rewards.setdefault(sample.sample_id, []).append(reward)
        mine = iter(rewards[sum(len(part) for part in by_process[: self.processes.rank]) :])
        return [next(mine) if sample is not None else None for sample in samples]

    def _ask(self, asked: list[tuple[TrainingSample, str]]) -> list[float | None]:
        assert self.batch is not None
        assert self._judge is not None
        return self._judge(self.batch.step, [sample for sample, _ in asked], [text for _, text in asked])

    def agree(self) -> None:
        """Before the optimizer acts: what any process found bad is bad for all, and the step's loss is the mean of theirs."""
        everyone = self.processes.gather((self.bad, self._loss))
        self.bad = any(bad for bad, _ in everyone)
        losses = [loss for _, loss in everyone if loss is not None]
        self._loss = sum(losses) / len(losses) if losses else None

    def note(self, loss: float) -> None:
        """Take the loss of a micro-batch, already divided by this process's share of what the whole step has."""
        self._loss = loss + (self._loss or 0.0)

    def step_loss(self) -> float | None:
        """The step's loss; None where it had no reward, and so none."""
        return self._loss if len(self.unrewarded()) < len(self.rewards) else None

    def unrewarded(self) -> frozenset[str]:
        """Ids of prompts none of whose completions has a reward."""
        return frozenset(sample_id for sample_id, rewards in self.rewards.items() if all(reward is None for reward in rewards))


class Judge:
    """Sends the completions of a step to the feedback node and waits for the rewards."""

    def __init__(self, client: RewardClient, run_id: str, timeout_s: float, tell: Callable[[int, list[float]], None]) -> None:
        self._client = client
        self._run_id = run_id
        self._timeout_s = timeout_s
        self._tell = tell
        self._silent = 0

    def __call__(self, step: int, prompts: list[TrainingSample], completions: list[str]) -> list[float | None]:
        """Reward of each completion, in order.

        Args:
            step: the optimizer step they are for; the model that answered had taken one less.
            prompts: each completion's prompt.
            completions: the answers. Those of one prompt that say the same are one output and share its reward.

        Raises:
            PeltonError: SILENT_LIMIT steps in a row without any reward in time.
        """
        outputs = model_outputs(prompts, completions, self._run_id, step - 1, "train")
        once = {output.output_id: output for output in outputs}
        judged = self._client.judge(list(once.values()), self._timeout_s, finish=True)
        self._silent = self._silent + 1 if all(reward is None for reward in judged.values()) else 0
        if self._silent >= SILENT_LIMIT:
            raise PeltonError(
                f"no reward came for {SILENT_LIMIT} steps, each {self._timeout_s:.0f} s long: is `pelton worker feedback` running?"
                " Start it, then this run again: it goes on from its newest checkpoint"
            )
        rewards = [reward.reward if (reward := judged[output.output_id]) is not None else None for output in outputs]
        self._tell(step, [reward for reward in rewards if reward is not None])
        return rewards


def model_outputs(prompts: list[TrainingSample], completions: list[str], run_id: str, step: int, phase: str) -> list[ModelOutput]:
    """Answers of the model that has taken `step` optimizer steps, as the feedback node takes them."""
    return [
        ModelOutput(
            prompt_id=prompt.sample_id,
            prompt=prompt.prompt[-1].content if prompt.prompt else "",
            completion=completion,
            model_version=f"{run_id}/{step}",
            run_id=run_id,
            phase=phase,
            task=prompt.task,
            gold=prompt.gold,
            created_at=time.time(),
        )
        for prompt, completion in zip(prompts, completions, strict=True)
    ]
