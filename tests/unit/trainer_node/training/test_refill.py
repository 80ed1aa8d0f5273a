"""Prompts whose answers all earned the same are left out of a step, and others are asked in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.sample import Task
from schemas.training_sample import Objective
from streams.kafka.consumer import Record
from tests.unit.trainer_node.training.one_step import gradient_of, same_gradient
from tests.unit.trainer_node.training.test_rl import GROUPS, NEW_TOKENS, SIZE, Run, same
from trainer_node.config import TrainConfig
from trainer_node.data.batch import WaitingSample
from trainer_node.data.tokenization import format_prompt

ANSWERS = 2


@pytest.fixture
def config(tiny_model: Path) -> TrainConfig:
    return TrainConfig(
        model=str(tiny_model), bits=32, trainer="grpo", batch_size=SIZE, lora_r=8, max_new_tokens=NEW_TOKENS, max_seq=64, lr=1e-2,
        num_generations=ANSWERS, beta=0.1,
    )  # fmt: skip


@pytest.fixture
def prompts(make_sample) -> list[Any]:
    texts = [f"what is {'a ' * (n % 3)}{n}?" for n in range(SIZE * 2)]
    return [make_sample(f"p{n}", text, None, objective=Objective.PROMPT, task=Task.RLHF_GRPO) for n, text in enumerate(texts)]


class Refilled(Run):
    """A run whose step is given further prompts; those in `flat` earn the same whatever is answered."""

    def __init__(self, kind: Any, config: TrainConfig, prompts: list[Any], folder: Path, further: list[Any], flat: set[str]) -> None:
        super().__init__(kind, config, prompts, folder, steps=1, judge=self.by_name)
        self.flat, self.waiting, self.wanted = flat, list(further), []
        vars(self.source.hooks)["further"] = self.further

    def gradient(self) -> dict[str, Any]:
        """Of the step."""
        seen: dict[str, Any] = {}

        def keep() -> dict[str, Any]:
            seen.update(gradient_of(self.loaded.model))
            return self.trainer.undo_bad_step()

        self.before_optimizer = keep
        self.trainer.args.max_grad_norm = 0
        self.train()
        return seen

    def by_name(self, step: int, prompts: list[Any], texts: list[str]) -> list[float | None]:
        self.given += [prompt.sample_id for prompt in prompts[::ANSWERS] if prompt.sample_id not in self.given]
        return [0.5 if prompt.sample_id in self.flat else (0.9, 0.1)[number % 2] for number, prompt in enumerate(prompts)]

    def judge(self, step: int, prompts: list[Any], texts: list[str]) -> list[float | None]:
        self.told.clear()
        self.judged += [prompt.sample_id for prompt in prompts[::ANSWERS]]
        return self.judge_answers(step, prompts, texts)

    def further(self, wanted: int) -> list[WaitingSample]:
        self.wanted.append(wanted)
        chosen, self.waiting = self.waiting[:wanted], self.waiting[wanted:]
        items = [
            WaitingSample(Record("t", 0, 100, None, b"", (), 0), one, format_prompt(one, self.loaded.tokenizer, 64, NEW_TOKENS))
            for one in chosen
        ]
        self.source._chosen.items.extend(items)
        return items


@pytest.mark.parametrize("kind", GROUPS)
@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_step_is_that_of_the_prompts_with_spread_and_of_those_asked_in_the_place_of_the_others(
    config, prompts, tmp_path, kind, accumulation
):
    config = config.model_copy(update={"refill": 3, "accumulation": accumulation})
    run = Refilled(kind, config, prompts[:4], tmp_path, further=prompts[4:], flat={"p1", "p2", "p4"})
    trained = run.gradient()
    assert run.wanted == [2, 1], "two lack, then one of the two that came; then the step has as many as it began with"
    assert run.source.left_out() == {"p1", "p2", "p4"}
    plain = config.model_copy(update={"refill": 0})
    wanted = Refilled(kind, plain, [prompts[0], prompts[3], prompts[5], prompts[6]], tmp_path, further=[], flat=set())
    same_gradient(trained, wanted.gradient(), atol=1e-5)
    assert (wanted.wanted, wanted.source.left_out()) == ([], frozenset())


@pytest.mark.parametrize(("refill", "waiting", "asked"), [(1, 4, 1), (3, 2, 2), (9, 4, 4)], ids=["bound", "dry", "all flat"])
def test_no_more_is_asked_than_may_be_and_a_step_without_any_spread_leaves_the_weights(config, prompts, tmp_path, refill, waiting, asked):
    everyone = {prompt.sample_id for prompt in prompts}
    config = config.model_copy(update={"refill": refill})
    run = Refilled(GROUPS[0], config, prompts[:4], tmp_path, further=prompts[4 : 4 + waiting], flat=everyone)
    before = run.weights()
    run.train()
    assert same(run.weights(), before)
    assert len(run.judged) == SIZE + asked
    assert run.source.left_out() == set(run.judged)
