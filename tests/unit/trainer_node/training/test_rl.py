"""GRPO, RLOO and PPO learn from the stream's prompts, in their order, and never from a reward that did not come."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import trl

from schemas.errors import BadRecord
from schemas.sample import Task
from schemas.training_sample import Objective
from streams.kafka.consumer import Record
from tests.unit.trainer_node.training.one_step import gradient_by, gradient_of, log_probs, same_gradient
from trainer_node.commit.manifest import own_folder
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.data.examples import PromptExample
from trainer_node.data.tokenization import format_prompt
from trainer_node.kinds import TrainerKind
from trainer_node.models.adapters import load_adapter, load_reference
from trainer_node.models.engine import Answer
from trainer_node.models.generation import answer
from trainer_node.models.random_state import load_random_state
from trainer_node.models.restore import load_for_training, save_for_resume
from trainer_node.training.batch_source import StepHooks
from trainer_node.training.callbacks import StepCallback
from trainer_node.training.factory import build_source, build_trainer, fits, trainer_class
from trainer_node.training.ppo import PPOTrainer, with_pad
from trainer_node.training.sampler import Sampler

SIZE = 4
NEW_TOKENS = 6


GROUPS = [TrainerKind.GRPO, TrainerKind.RLOO]
"""They compare the answers to one prompt with each other."""
KINDS = [*GROUPS, TrainerKind.PPO]


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
        self.told: list[tuple[str, str]] = []
        self.rewards: list[list[float | None]] = []
        self.undone: list[dict[str, BadRecord]] = []
        self.unrewarded: list[frozenset[str]] = []
        self.losses: list[float | None] = []
        self.step = 0
        self.after_step: Callable[[], Any] = lambda: None
        self.before_optimizer: Callable[[], dict[str, BadRecord]] = lambda: self.trainer.undo_bad_step()
        self.judge_answers = judge
        callback = StepCallback(lambda: self.undone.append(self.before_optimizer()), self.note)
        self.trainer: Any = build_trainer(kind, self.loaded, self.config, folder, [callback])
        hooks = StepHooks(answered=lambda step, prompt, text: self.told.append((prompt.sample_id, text)))
        self.source = build_source(kind, self.config, self.loaded.tokenizer.pad_token_id, self.next_batch, self.judge, hooks=hooks)
        self.trainer.feed_from(self.source)

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

    def judge(self, step: int, prompts: Sequence[Any], texts: Sequence[str]) -> list[float | None]:
        assert step == self.step
        told, self.told = self.told, []
        assert sorted(told) == sorted((prompt.sample_id, text) for prompt, text in zip(prompts, texts, strict=True)), (
            "each is told as it ends"
        )
        answers = len(prompts) // len(self.source.batch.examples)
        self.judged += [prompt.sample_id for prompt in prompts[::answers]]
        self.rewards.append(self.judge_answers(step, prompts, texts))
        return self.rewards[-1]

    def note(self) -> None:
        self.unrewarded.append(self.source.unrewarded())
        self.losses.append(self.source.step_loss())
        self.after_step()

    def train(self, **how: Any) -> Run:
        self.trainer.train(**how)
        assert self.judged == self.given, "the prompts are answered in the order given"
        return self

    def answered(self) -> list[tuple[list[int], list[int]]]:
        """From now on: prompt and completion of each answer, as token ids, as the model gives them."""
        own, found = self.trainer.sampler, []

        def sampler(rows: Any, batch: Any, *finished: Any) -> Any:
            answers = own(rows, batch, *finished)
            found.extend((row["prompt"], answer.tokens) for row, answer in zip(rows, answers, strict=True))
            return answers

        self.trainer.sampler = sampler
        return found

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: weight.detach().clone() for name, weight in self.loaded.model.named_parameters() if weight.requires_grad}

    def mean_rewards(self, first: int, last: int) -> float:
        rewards = [reward for step in self.rewards[first:last] for reward in step if reward is not None]
        return sum(rewards) / len(rewards)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(weight, other[name]) for name, weight in one.items())


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_is_done_again_draws_the_answers_it_drew(config, prompts, tmp_path, kind):
    """By seed, step, prompt and completion: the random state and what was answered before do not matter."""
    config = config.model_copy(update={"lr": 0.0, "temperature": 1.5})
    first, again, other = (Run(kind, config, prompts, tmp_path / str(n), steps=2) for n in range(3))
    drawn = [run.answered() for run in (first, again, other)]
    first.train()
    torch.manual_seed(999)
    again.step = 1
    again.train()
    half = len(drawn[0]) // 2
    assert drawn[0][half:] == drawn[1], "step 2 alone, after step 1 or not"
    assert [answer for _, answer in drawn[0][:half]] != [answer for _, answer in drawn[1]]
    other.trainer.sampler = Sampler(other.loaded.model, other.loaded.tokenizer, 5, 1.5, config.max_new_tokens)
    found = other.answered()
    other.train()
    assert found[half:] != drawn[1], "another seed draws others"
    if kind in GROUPS:
        sets = [{tuple(answer) for _, answer in drawn[0][n : n + config.num_generations]} for n in range(0, half, config.num_generations)]
        assert all(len(answers) > 1 for answers in sets), "the answers of one prompt are drawn apart"


# --- learning ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "accumulation"), [(TrainerKind.GRPO, 1), (TrainerKind.GRPO, 2), (TrainerKind.RLOO, 2)])
def test_what_compares_answers_earns_more_and_more(config, prompts, tmp_path, kind, accumulation):
    config = config.model_copy(update={"accumulation": accumulation, "num_generations": 8, "beta": 0.02})
    run = Run(kind, config, prompts, tmp_path, steps=15).train()
    assert run.mean_rewards(10, 15) > 2 * run.mean_rewards(0, 5)
    assert len(run.losses) == 15
    assert not any(run.undone)


def test_ppo_earns_more_and_more(config, prompts, tmp_path):
    config = config.model_copy(update={"beta": 0.001, "accumulation": 2, "batch_size": 16})
    run = Run(TrainerKind.PPO, config, prompts * 2, tmp_path, steps=25).train()
    assert run.mean_rewards(20, 25) > 2 * run.mean_rewards(0, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_at_a_temperature_near_zero_the_answers_learnt_from_are_the_likeliest(config, prompts, tmp_path, kind):
    texts: list[str] = []

    def judge(step: int, prompts: list[Any], found: list[str]) -> list[float | None]:
        texts.extend(found)
        return digits(step, prompts, found)

    run = Run(kind, config.model_copy(update={"temperature": 1e-3}), prompts, tmp_path, steps=1, judge=judge)
    greedy = answer(run.loaded.model, run.loaded.tokenizer, prompts[:SIZE], NEW_TOKENS)
    run.train()
    answers = len(texts) // SIZE
    assert [text.strip() for text in texts] == [text for text in greedy for _ in range(answers)]


@pytest.mark.parametrize("kind", KINDS)
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


class Rows(NamedTuple):
    """Log-probabilities of each row's tokens: as trained (with a gradient), as sampled (the same without one), and the reference's."""

    trained: list[torch.Tensor]
    sampled: list[torch.Tensor]
    reference: list[torch.Tensor]


def grpo_loss(rows: Rows, groups: list[list[float]], own: list[int], beta: float) -> torch.Tensor:
    """Σ_rows Σ_tokens ratio·(-A + β·k3) / tokens (Shao et al. 2024, eq. 3; Yu et al. 2025, eq. 8).

    A = (r - mean) / (std + 1e-4) over the rows of its prompt; ratio = 1 at its first use (its gradient is that of the log-probability);
    k3 = exp(ref - p) - (ref - p) - 1 (its factor ratio makes the gradient that of the reverse KL).
    """
    tokens = sum(len(row) for row in rows.trained)
    total = torch.zeros(())
    for row, reference, group, index in zip(rows.trained, rows.reference, groups, own, strict=True):
        rewards = torch.tensor(group, dtype=torch.float64)
        advantage = float((rewards[index] - rewards.mean()) / (rewards.std() + 1e-4)) if len(group) > 1 else 0.0
        k3 = torch.exp(reference - row) - (reference - row) - 1
        total = total + (torch.exp(row - row.detach()) * (beta * k3 - advantage)).sum().cpu() / tokens
    return total


def rloo_loss(rows: Rows, groups: list[list[float]], own: list[int], beta: float) -> torch.Tensor:
    """-Σ_rows log π(row)·(R - mean of the others' R) / rows, R = r - β·log(π/ref) (Ahmadian et al. 2024, eq. 8).

    π in R is as sampled, in the reference's own arithmetic: on a GPU's 16 bits a pass with a gradient is rounded otherwise.
    """
    penalties = [beta * float((row - reference).sum()) for row, reference in zip(rows.sampled, rows.reference, strict=True)]
    total = torch.zeros(())
    for place, (row, group, index) in enumerate(zip(rows.trained, groups, own, strict=True)):
        first = place - index
        returns = [reward - penalties[first + other] for other, reward in enumerate(group)]
        others = returns[:index] + returns[index + 1 :]
        advantage = returns[index] - sum(others) / len(others) if others else 0.0
        total = total - advantage * row.sum().cpu() / len(rows.trained)
    return total


LOSSES = {TrainerKind.GRPO: grpo_loss, TrainerKind.RLOO: rloo_loss}


def formula_gradient(run: Run, answers: list[tuple[list[int], list[int]]], rewards: list[float | None]) -> dict[str, torch.Tensor]:
    """The gradient of a step by the formulas and without TRL, as if the answers without a reward had never been.

    Probabilities are those of the sampling temperature.
    """
    model, size = run.loaded.model, run.config.num_generations
    kept = [row for row, reward in enumerate(rewards) if reward is not None]
    members = [[other for other in kept if other // size == row // size] for row in kept]
    groups = [[rewards[other] for other in group] for group in members]
    own = [group.index(row) for group, row in zip(members, kept, strict=True)]
    with torch.no_grad():
        model.set_adapter("ref")
        reference = [log_probs(model, *answers[row], run.config.temperature) for row in kept]
        model.set_adapter("default")
        sampled = [log_probs(model, *answers[row], run.config.temperature) for row in kept]
    trained = [log_probs(model, *answers[row], run.config.temperature) for row in kept]
    return gradient_by(model, LOSSES[run.config.trainer](Rows(trained, sampled, reference), groups, own, run.config.beta))


def gradients(
    kind: TrainerKind, config: TrainConfig, prompts: list[Any], folder: Path, missing: list[int]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The gradient of a step in which some completions have no reward: as trained, and by the formulas."""
    count = min(config.batch_size, len(prompts)) * config.num_generations
    rewards: list[float | None] = ([0.1, 0.9, 0.4, 0.6, 0.3, 0.2, 0.8, 0.5] * count)[:count]
    for row in missing:
        rewards[row] = None
    run = Run(kind, config.model_copy(update={"beta": 0.3}), prompts, folder, steps=1, judge=lambda *_: rewards)
    with torch.no_grad():  # away from the reference, so that the KL term has a gradient
        for name, weight in run.loaded.model.named_parameters():
            if "lora_B.default" in name:
                weight.add_(0.01)
    answers, seen = run.answered(), {}

    def keep_gradient() -> dict[str, BadRecord]:
        seen.update(gradient_of(run.loaded.model))
        run.trainer.optimizer.zero_grad(set_to_none=True)
        return {}

    run.before_optimizer = keep_gradient
    run.trainer.args.max_grad_norm = 0
    run.train()
    return seen, formula_gradient(run, answers, rewards)


@pytest.mark.parametrize("kind", GROUPS)
@pytest.mark.parametrize(
    "missing", [[], [1], [0, 5], [4, 5, 6, 7], [0, 1, 2]], ids=["none", "one", "one of two prompts", "a whole group", "all but one"]
)
def test_a_completion_without_a_reward_is_in_no_part_of_the_gradient(config, prompts, tmp_path, kind, missing):
    """The gradient is that of the batch without it: what it is compared with, average and KL."""
    trained, wanted = gradients(kind, config.model_copy(update={"accumulation": 2}), prompts, tmp_path, missing)
    same_gradient(trained, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", GROUPS)
def test_the_temperature_at_which_answers_are_sampled_is_that_of_their_gradient(config, prompts, tmp_path, kind):
    trained, wanted = gradients(kind, config.model_copy(update={"temperature": 0.5}), prompts, tmp_path, [])
    same_gradient(trained, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", GROUPS)
def test_a_long_and_unlikely_completion_without_a_reward_adds_nothing_either(config, prompts, tmp_path, kind):
    """e to its log-probability's negative is more than a float32 holds."""
    trained, wanted = gradients(kind, config.model_copy(update={"max_new_tokens": 40}), prompts, tmp_path, [1, 6])
    same_gradient(trained, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", GROUPS)
def test_fewer_completions_than_micro_batches_have_the_gradient_of_those_there_are(config, prompts, tmp_path, kind):
    config = config.model_copy(update={"num_generations": 2, "accumulation": 4})
    trained, wanted = gradients(kind, config, prompts[:1], tmp_path, [])
    same_gradient(trained, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", [TrainerKind.GRPO, TrainerKind.RLOO, TrainerKind.PPO])
def test_a_step_says_how_far_its_answers_are_from_what_is_trained_on_them(config, prompts, tmp_path, kind):
    """In 32 bits hardly at all; a sampler that has other weights is seen."""
    run = Run(kind, config.model_copy(update={"temperature": 0.7, "accumulation": 2}), prompts, tmp_path, steps=2)
    found = []
    run.after_step = lambda: found.append(run.trainer.sampling_gap())
    own = run.trainer.sampler

    def stale(rows: Any, batch: Any, finished: Any) -> Any:
        answers = own(rows, batch, finished)
        return answers if batch.step == 1 else [Answer(one.tokens, [value - 1.0 for value in one.log_probabilities]) for one in answers]

    run.trainer.sampler = stale
    run.train()
    assert found[0].nats < 1e-4
    assert found[0].outside == 0.0
    assert found[1].nats == pytest.approx(1.0, abs=1e-4)
    assert found[1].outside == 1.0


def test_a_ppo_completion_without_a_reward_is_no_part_of_the_round(config, prompts, tmp_path):
    """The weights are those of a round that never had it."""
    config = config.model_copy(update={"num_generations": 2})
    rewards = [0.1, 0.3, 0.9, 0.4, 0.2, 0.7]
    four = Run(TrainerKind.PPO, config, prompts[:4], tmp_path, steps=1, judge=lambda *_: [*rewards[:2], None, None, *rewards[2:]])
    own, recorded = four.trainer.sampler, []
    four.trainer.sampler = lambda rows, batch, *finished: recorded.extend(own(rows, batch, *finished)) or recorded
    four.train()
    three = Run(TrainerKind.PPO, config, [prompts[0], prompts[2], prompts[3]], tmp_path, steps=1, judge=lambda *_: rewards)

    def sampler(rows: Any, batch: Any, finished: Any) -> list[Any]:
        given = [*recorded[:2], *recorded[4:]]
        for row, one in zip(rows, given, strict=True):
            finished(row, one)
        return given

    three.trainer.sampler = sampler
    three.train()
    assert four.unrewarded == [frozenset({"p1"})]
    for name, weight in three.weights().items():
        torch.testing.assert_close(four.weights()[name], weight, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_whose_loss_is_not_a_number_is_undone(config, prompts, tmp_path, kind):
    run = Run(kind, config, prompts, tmp_path, steps=2, judge=lambda step, *_: [0.5, 1.0] * (rows // 2))
    rows = SIZE * config.num_generations
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(config, prompts, tmp_path, kind):
    unbroken = Run(kind, config, prompts, tmp_path, steps=4)
    saved = tmp_path / "saved"
    unbroken.after_step = lambda: unbroken.step == 2 and save_for_resume({Objective.PROMPT: unbroken.trainer}, unbroken.loaded, saved)
    unbroken.train()
    own = own_folder(saved, Objective.PROMPT)
    assert fits(own, kind)
    resumed = Run(kind, config, prompts, tmp_path, steps=4)
    resumed.step = 2
    load_adapter(resumed.loaded.model, saved)
    load_reference(resumed.loaded.model, saved)
    load_random_state(saved, 0, 1)
    resumed.train(resume_from_checkpoint=str(own))
    assert same(resumed.weights(), unbroken.weights())


# --- prompts ------------------------------------------------------------------------------------------------------------------


def test_a_prompt_is_asked_as_the_model_will_be_asked_and_is_never_cut(make_sample, tokenizer):
    example = format_prompt(make_sample(prompt="what is a?"), tokenizer, 64, 8)
    assert example == PromptExample(tokenizer("<user>what is a?<eos><assistant>", add_special_tokens=False)["input_ids"])
    with pytest.raises(BadRecord, match=r"too_long: .* and 60 for the answer; max_seq is 64"):
        format_prompt(make_sample(prompt="what is a?"), tokenizer, 64, 60)
    with pytest.raises(BadRecord, match="the prompt is empty"):
        format_prompt(make_sample(prompt=" "), tokenizer, 64, 8)


# --- padding -------------------------------------------------------------------------------------------------------------------


def test_ppo_pads_with_a_token_that_no_prompt_has(tokenizer):
    """TRL's PPO tells padding by the token's id: with EOS as the padding, it would not see where a turn ends."""
    assert with_pad(tokenizer).pad_token == "<pad>"
    shared = copy.deepcopy(tokenizer)
    shared.pad_token = "<eos>"
    assert with_pad(shared).pad_token == "<pad>"
    assert shared.pad_token == "<eos>", "the tokenizer of the run is left as it was"
