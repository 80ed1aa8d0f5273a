"""GRPO and PPO learn from the stream's prompts, in their order, and never from a reward that did not come."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import trl

from schemas.errors import BadRecord, ConfigError
from schemas.sample import Task
from schemas.training_sample import Objective
from streams.kafka.consumer import Record
from tests.unit.trainer_node.training.one_step import gradient_by, gradient_of, log_probs, same_gradient
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.data.tokenization import PromptExample, format_prompt
from trainer_node.kinds import TrainerKind
from trainer_node.models.adapters import load_adapter, load_reference
from trainer_node.models.restore import fits, load_for_training, save_for_resume
from trainer_node.training.callbacks import StepCallback
from trainer_node.training.factory import build_trainer, trainer_class
from trainer_node.training.ppo import PPOTrainer, with_pad
from trainer_node.training.prompt_loader import PromptLoader

SIZE = 4
NEW_TOKENS = 6


@pytest.mark.parametrize(("task", "wanted"), [("rlhf_grpo", trl.GRPOTrainer), ("rlhf_ppo", PPOTrainer)])
def test_each_rl_task_gets_its_trl_trainer(task: str, wanted: type):
    assert issubclass(trainer_class(task), wanted)


@pytest.fixture
def config(tiny_model: Path) -> TrainConfig:
    return TrainConfig(
        model=str(tiny_model), bits=32, trainer=TrainerKind.GRPO, batch_size=SIZE, lora_r=8, max_new_tokens=NEW_TOKENS, max_seq=64, lr=1e-2
    )


@pytest.fixture
def prompts(make_sample) -> list[Any]:
    return [
        make_sample(f"p{n}", f"what is {'a ' * (n % 3)}{n}?", None, objective=Objective.PROMPT, task=Task.RLHF_GRPO)
        for n in range(SIZE * 2)
    ]


def digits(step: int, prompts: list[Any], texts: list[str]) -> list[float | None]:
    """A reward that is easily learnt: the share of digits."""
    return [sum(letter.isdigit() for letter in text) / len(text) if text else 0.0 for text in texts]


class Run:
    """A trainer over prompts, with a judge of the test's own."""

    def __init__(self, kind: TrainerKind, config: TrainConfig, prompts: list[Any], folder: Path, steps: int, judge: Any = digits) -> None:
        self.config = config.model_copy(update={"trainer": kind})
        self.prompts, self.steps, self.size = prompts, steps, config.batch_size
        self.loaded = load_for_training(self.config, None)
        self.given: list[str] = []
        self.judged: list[str] = []
        self.rewards: list[list[float | None]] = []
        self.undone: list[dict[str, BadRecord]] = []
        self.unrewarded: list[frozenset[str]] = []
        self.losses: list[float | None] = []
        self.step = 0
        self.after_step: Callable[[], Any] = lambda: None
        self._judge = judge
        self.trainer = build_trainer(kind, self.loaded, self.config, folder, [StepCallback(self._before, self._after)])
        grpo = kind is TrainerKind.GRPO
        self._per_prompt = config.num_generations if grpo else 1
        sizes = (config.accumulation, config.num_generations) if grpo else ()
        self.loader = PromptLoader(self.next_batch, self.judge, *sizes)
        self.trainer.feed_from(self.loader)

    def next_batch(self) -> StepBatch | None:
        if self.step == self.steps:
            return None
        chosen = [self.prompts[(self.step * self.size + n) % len(self.prompts)] for n in range(min(self.size, len(self.prompts)))]
        self.step += 1
        self.given += [sample.sample_id for sample in chosen]
        items = [
            WaitingSample(Record("t", 0, n, None, b"", (), 0), sample, format_prompt(sample, self.loaded.tokenizer, 64, NEW_TOKENS))
            for n, sample in enumerate(chosen)
        ]
        return StepBatch(self.step, 1, Objective.PROMPT, items)

    def judge(self, step: int, prompts: list[Any], texts: list[str]) -> list[float | None]:
        assert step == self.step
        self.judged += [prompt.sample_id for prompt in prompts[:: self._per_prompt]]
        self.rewards.append(self._judge(step, prompts, texts))
        return self.rewards[-1]

    def _before(self) -> None:
        self.undone.append(self.trainer.undo_bad_step())

    def _after(self) -> None:
        self.unrewarded.append(self.loader.unrewarded())
        self.losses.append(self.loader.step_loss())
        self.after_step()

    def train(self, **how: Any) -> Run:
        self.trainer.train(**how)
        assert self.judged == self.given, "the prompts are answered in the order given"
        return self

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: weight.detach().clone() for name, weight in self.loaded.model.named_parameters() if weight.requires_grad}

    def mean_rewards(self, first: int, last: int) -> float:
        rewards = [reward for step in self.rewards[first:last] for reward in step if reward is not None]
        return sum(rewards) / len(rewards)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(weight, other[name]) for name, weight in one.items())


# --- learning ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accumulation", [1, 2])
def test_grpo_earns_more_and_more(config, prompts, tmp_path, accumulation):
    config = config.model_copy(update={"accumulation": accumulation, "num_generations": 8, "beta": 0.02})
    run = Run(TrainerKind.GRPO, config, prompts, tmp_path, steps=25).train()
    assert run.mean_rewards(20, 25) > 2 * run.mean_rewards(0, 5)
    assert len(run.losses) == 25
    assert not any(run.undone)


def test_ppo_earns_more_and_more(config, prompts, tmp_path):
    config = config.model_copy(update={"beta": 0.001, "accumulation": 2, "batch_size": 16})
    run = Run(TrainerKind.PPO, config, prompts * 2, tmp_path, steps=25).train()
    assert run.mean_rewards(20, 25) > 2 * run.mean_rewards(0, 5)


@pytest.mark.parametrize("kind", [TrainerKind.GRPO, TrainerKind.PPO])
def test_only_the_policy_is_trained_and_the_reference_stays(config, prompts, tmp_path, kind):
    run = Run(kind, config, prompts, tmp_path, steps=0)
    before = {name: weight.detach().clone() for name, weight in run.loaded.model.named_parameters()}
    run.steps = 2
    run.train()
    changed = {name for name, weight in run.loaded.model.named_parameters() if not torch.equal(weight, before[name])}
    assert changed
    assert all(".default." in name for name in changed)
    assert any(".ref." in name for name in before)


# --- rewards that do not come -------------------------------------------------------------------------------------------------


def grpo_gradient(run: Run, rows: list[tuple[list[int], list[int]]], rewards: list[float | None]) -> dict[str, torch.Tensor]:
    """The gradient of a step's prompts and completions, by the formulas and without TRL.

    Loss: Σ_rows Σ_tokens ratio·(-A + β·k3) / tokens, with A = (r - mean) / (std + 1e-4) over the rows of its prompt that have a reward,
    ratio = 1 at its first use (its gradient is that of the log-probability) and k3 = exp(ref - p) - (ref - p) - 1 (its factor ratio makes
    the gradient that of the reverse KL). Probabilities are those of the sampling temperature.
    """
    model, generations = run.loaded.model, run.config.num_generations
    kept = [row for row, reward in enumerate(rewards) if reward is not None]
    tokens = sum(len(rows[row][1]) for row in kept)
    total = torch.zeros((), device=model.device)
    for row in kept:
        group = [rewards[other] for other in kept if other // generations == row // generations]
        values = torch.tensor(group, dtype=torch.float64)
        advantage = float((rewards[row] - values.mean()) / (values.std() + 1e-4)) if len(group) > 1 else 0.0
        new = log_probs(model, *rows[row], run.config.temperature)
        with torch.no_grad():
            model.set_adapter("ref")
            ref = log_probs(model, *rows[row], run.config.temperature)
            model.set_adapter("default")
        ratio = torch.exp(new - new.detach())
        k3 = torch.exp(ref - new) - (ref - new) - 1
        total = total + (ratio * (run.config.beta * k3 - advantage)).sum() / tokens
    return gradient_by(model, total)


def rows_of(inputs: dict[str, torch.Tensor], eos: int) -> list[tuple[list[int], list[int]]]:
    """Prompt and completion of each row of a micro-batch, without padding; a completion ends with its first EOS, or is whole."""
    found = []
    for prompt, mask, completion in zip(*(inputs[name].tolist() for name in ("prompt_ids", "prompt_mask", "completion_ids")), strict=True):
        length = completion.index(eos) + 1 if eos in completion else len(completion)
        found.append(([token for token, real in zip(prompt, mask, strict=True) if real], completion[:length]))
    return found


def grpo_gradients(config: TrainConfig, prompts: list[Any], folder: Path, missing: list[int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The gradient of a step in which some completions have no reward: as trained, and by the formulas."""
    rewards: list[float | None] = [0.1, 0.9, 0.4, 0.6, 0.3, 0.2, 0.8, 0.5] * (SIZE // 2)
    for row in missing:
        rewards[row] = None
    config = config.model_copy(update={"beta": 0.3, "accumulation": 2})
    run = Run(TrainerKind.GRPO, config, prompts, folder, steps=1, judge=lambda *_: rewards)
    with torch.no_grad():  # away from the reference, so that the KL term has a gradient
        for name, weight in run.loaded.model.named_parameters():
            if "lora_B.default" in name:
                weight.add_(0.01)
    rows: list[tuple[list[int], list[int]]] = []
    trained: dict[str, torch.Tensor] = {}
    compute_loss = run.trainer.compute_loss

    def watched(model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
        rows.extend(rows_of(inputs, run.loaded.tokenizer.eos_token_id))
        return compute_loss(model, inputs, *rest, **more)

    def gradients() -> dict[str, BadRecord]:
        trained.update(gradient_of(run.loaded.model))
        run.trainer.optimizer.zero_grad(set_to_none=True)
        return {}

    run.trainer.compute_loss = watched
    run.trainer.args.max_grad_norm = 0
    run.trainer.undo_bad_step = gradients
    run.train()
    wanted = grpo_gradient(run, rows, rewards)
    assert wanted.keys() == trained.keys()
    return trained, wanted


@pytest.mark.parametrize(
    "missing", [[1], [0, 5], [4, 5, 6, 7], [0, 1, 2]], ids=["one", "one of two prompts", "a whole group", "all but one"]
)
def test_a_grpo_completion_without_a_reward_is_in_no_part_of_the_gradient(config, prompts, tmp_path, missing):
    """The gradient is that of the batch without it: advantages, normaliser and KL."""
    trained, wanted = grpo_gradients(config, prompts, tmp_path, missing)
    same_gradient(trained, wanted, atol=1e-5)


def test_the_temperature_at_which_grpo_samples_is_that_of_its_gradient(config, prompts, tmp_path):
    trained, wanted = grpo_gradients(config.model_copy(update={"temperature": 0.5}), prompts, tmp_path, [])
    same_gradient(trained, wanted, atol=1e-5)


def test_a_ppo_completion_without_a_reward_is_no_part_of_the_round(config, prompts, tmp_path):
    """The weights are those of a round that never had it."""
    four = Run(TrainerKind.PPO, config, prompts[:4], tmp_path, steps=1, judge=lambda *_: [0.1, None, 0.9, 0.4])
    recorded: list[Any] = []
    generate = four.loaded.model.generate
    four.loaded.model.generate = lambda **how: recorded.append(generate(**how)) or recorded[-1]
    four.train()
    three = Run(TrainerKind.PPO, config, [prompts[0], prompts[2], prompts[3]], tmp_path, steps=1, judge=lambda *_: [0.1, 0.9, 0.4])
    answers, kept = recorded[0], [0, 2, 3]
    answers.sequences, answers.scores = answers.sequences[kept], tuple(score[kept] for score in answers.scores)
    three.loaded.model.generate = lambda **_: answers
    three.train()
    assert four.unrewarded == [frozenset({"p1"})]
    for name, weight in three.weights().items():
        torch.testing.assert_close(four.weights()[name], weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [TrainerKind.GRPO, TrainerKind.PPO])
def test_a_step_without_any_reward_leaves_the_weights_as_they_were(config, prompts, tmp_path, kind):
    """AdamW would move them by the momentum of the steps before."""

    def judge(step: int, prompts: list[Any], texts: list[str]) -> list[float | None]:
        return digits(step, prompts, texts) if step < 3 else [None] * len(texts)

    run = Run(kind, config, prompts, tmp_path, steps=3, judge=judge)
    after: list[dict[str, torch.Tensor]] = []
    run.after_step = lambda: after.append(run.weights())
    run.train()
    assert not same(after[0], after[1])
    assert same(after[1], after[2])
    assert run.unrewarded == [frozenset(), frozenset(), frozenset({"p0", "p1", "p2", "p3"})]
    assert run.losses[2] is None


@pytest.mark.parametrize("kind", [TrainerKind.GRPO, TrainerKind.PPO])
def test_a_step_whose_loss_is_not_a_number_is_undone(config, prompts, tmp_path, kind):
    run = Run(kind, config, prompts, tmp_path, steps=2, judge=lambda step, *_: [0.5, 1.0] * (rows // 2))
    rows = SIZE * (config.num_generations if kind is TrainerKind.GRPO else 1)
    after: list[dict[str, torch.Tensor]] = []
    embedding = run.loaded.model.get_input_embeddings().weight

    def break_it() -> None:
        after.append(run.weights())
        with torch.no_grad():
            embedding.fill_(float("nan"))

    run.after_step = break_it
    run.train()
    assert [sorted(step) for step in run.undone] == [[], ["p4", "p5", "p6", "p7"]]
    assert {reason.reason.value for reason in run.undone[1].values()} == {"nan_loss"}
    assert same(after[0], after[1])
    assert all(weight.isfinite().all() for weight in after[1].values())


# --- resuming -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [TrainerKind.GRPO, TrainerKind.PPO])
def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(config, prompts, tmp_path, kind):
    unbroken = Run(kind, config, prompts, tmp_path, steps=4)
    saved = tmp_path / "saved"
    unbroken.after_step = lambda: unbroken.step == 2 and save_for_resume(unbroken.trainer, unbroken.loaded, saved)
    unbroken.train()
    assert fits(saved, kind)
    resumed = Run(kind, config, prompts, tmp_path, steps=4)
    resumed.step = 2
    load_adapter(resumed.loaded.model, saved)
    load_reference(resumed.loaded.model, saved)
    resumed.train(resume_from_checkpoint=str(saved))
    assert same(resumed.weights(), unbroken.weights())


# --- prompts ------------------------------------------------------------------------------------------------------------------


def test_a_prompt_is_asked_as_the_model_will_be_asked_and_is_never_cut(make_sample, tokenizer):
    example = format_prompt(make_sample(prompt="what is a?"), tokenizer, 64, 8)
    assert example == PromptExample(tokenizer("<user>what is a?<eos><assistant>", add_special_tokens=False)["input_ids"])
    with pytest.raises(BadRecord, match=r"too_long: .* and 60 for the answer; max_seq is 64"):
        format_prompt(make_sample(prompt="what is a?"), tokenizer, 64, 60)
    with pytest.raises(BadRecord, match="the prompt is empty"):
        format_prompt(make_sample(prompt=" "), tokenizer, 64, 8)


# --- settings -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trainer": "ppo", "lora_r": 0}, "--trainer ppo compares with the model it began with"),
        ({"trainer": "grpo", "lora_r": 0}, "set lora_r above 0, or beta to 0"),
        ({"trainer": "dpo", "beta": 0}, "beta must be above 0 for --trainer dpo"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_line(settings: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        TrainConfig.load(**settings)


def test_ppo_pads_with_a_token_that_no_prompt_has(tokenizer):
    """TRL's PPO tells padding by the token's id: with EOS as the padding, it would not see where a turn ends."""
    assert with_pad(tokenizer).pad_token == "<pad>"
    shared = copy.deepcopy(tokenizer)
    shared.pad_token = "<eos>"
    assert with_pad(shared).pad_token == "<pad>"
    assert shared.pad_token == "<eos>", "the tokenizer of the run is left as it was"
