"""A step that raises is taken apart: the guilty samples are left out, and the others trained as if they had been alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.errors import DeadLetterReason
from tests.unit.trainer_node.training.one_step import OneStep
from tests.unit.trainer_node.training.test_base import EXAMPLES, config_of
from trainer_node.commit.raised_step import RaisedStep
from trainer_node.data.batch import Suspicion
from trainer_node.data.examples import IGNORED, Example, PairExample, PromptExample
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training
from trainer_node.training.taking_apart import ModelAtFault

POISON = 300
GUILTY: dict[TrainerKind, Any] = {
    TrainerKind.SFT: Example([5, POISON, 7], [IGNORED, POISON, 7]),
    TrainerKind.DPO: PairExample([5, POISON], [6], [7]),
    TrainerKind.GRPO: PromptExample([5, POISON]),
    TrainerKind.PPO: PromptExample([5, POISON]),
}


def raise_on_poison(model: Any, args: Any, kwargs: Any) -> None:
    tokens = kwargs.get("input_ids", args[0] if args else None)
    if tokens is not None and bool((tokens == POISON).any()):
        raise ValueError("this token\nis too much")


def step_over(
    kind: TrainerKind,
    examples: list[Any],
    tiny_model: Path,
    folder: Path,
    asked: list[int] | None = None,
    suspicion: Suspicion | None = None,
    **more: Any,
) -> OneStep:
    config = config_of(kind, tiny_model, **{"batch_size": 4} | more)

    def rewards(step: int, samples: Any, texts: Any) -> list[float | None]:
        if asked is not None:
            asked.append(len(texts))
        return [(number % 3) / 2 for number in range(len(texts))]

    step = OneStep(kind, load_for_training(config, None), config, folder, examples, rewards, suspicion)
    step.loaded.model.get_input_embeddings().register_forward_pre_hook(raise_on_poison, with_kwargs=True)
    return step


def guilty_of(step: OneStep) -> dict[str, Any]:
    """Runs it; what it left out."""
    told: dict[str, Any] = {}
    undo = step.trainer.undo_bad_step
    step.trainer.undo_bad_step = lambda: told.update(undo()) or told
    step.run()
    return told


@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("kind", [TrainerKind.SFT, TrainerKind.DPO])
def test_the_others_are_trained_as_if_the_guilty_one_had_never_been_there(tiny_model, tmp_path, kind, accumulation):
    good = EXAMPLES[kind]
    clean = step_over(kind, good, tiny_model, tmp_path / "clean").run()
    step = step_over(kind, [good[0], GUILTY[kind], good[1]], tiny_model, tmp_path / "apart", accumulation=accumulation)
    random_state = torch.get_rng_state()
    told = guilty_of(step)
    assert torch.equal(torch.get_rng_state(), random_state), "without dropout nothing is random"
    assert {name: (bad.reason, bad.detail) for name, bad in told.items()} == {
        "s1": (DeadLetterReason.UNTRAINABLE, "its step raised ValueError: this token")
    }
    assert clean.gradient.keys() == step.gradient.keys()
    for name, gradient in clean.gradient.items():
        torch.testing.assert_close(step.gradient[name], gradient)
    assert [loss for loss, _ in step.source.losses] == pytest.approx([loss for loss, _ in clean.source.losses], rel=1e-4)


@pytest.mark.parametrize("kind", [TrainerKind.GRPO, TrainerKind.PPO])
def test_of_prompts_the_others_are_answered_anew_and_nobody_is_asked_what_a_trial_is_worth(tiny_model, tmp_path, kind):
    asked: list[int] = []
    good = EXAMPLES[kind]
    step = step_over(kind, [good[0], GUILTY[kind], good[1]], tiny_model, tmp_path, asked)
    assert set(guilty_of(step)) == {"s1"}
    assert asked == [4], "two of each"
    assert step.source.step_loss() is not None
    assert step.source.unrewarded() == frozenset()


def test_a_step_that_raises_though_each_of_its_samples_can_be_trained_alone_is_put_away_and_does_not_end_the_run(tiny_model, tmp_path):
    """One that comes to two micro-batches raises in the second: not what it holds, but that it is the third pass of its kind."""
    step = step_over(TrainerKind.SFT, EXAMPLES[TrainerKind.SFT], tiny_model, tmp_path)
    passes: list[int] = []

    def tire(model: Any, args: Any, kwargs: Any) -> None:
        passes.append(kwargs["input_ids"].shape[0])
        if passes[-1] > 1 or len(passes) == 5:
            raise RuntimeError("no more")

    step.loaded.model.register_forward_pre_hook(tire, with_kwargs=True)
    before = {name: weight.clone() for name, weight in step.loaded.model.named_parameters()}
    told = guilty_of(step)
    assert passes == [2, 1, 1, 1, 1, 1], "both, each, each again in the step, a plain sentence"
    why = "its step raised RuntimeError: no more, though each of its samples could be trained alone"
    assert {name: bad.detail for name, bad in told.items()} == {"s0": why, "s1": why}
    assert all(torch.equal(weight, before[name]) for name, weight in step.loaded.model.named_parameters())


def test_samples_of_a_step_that_ended_earlier_starts_are_tried_before_it_is_trained_and_those_accused_are_not(tiny_model, tmp_path):
    """As where one of several processes raised, of which one goes on alone."""
    good, seen = EXAMPLES[TrainerKind.SFT], []
    raised = RaisedStep(1, ["s0", "s1", "s2"], "ValueError: this token", 1, accused={"s2": "OSError: in one process"})
    examples = [good[0], GUILTY[TrainerKind.SFT], good[1]]
    step = step_over(TrainerKind.SFT, examples, tiny_model, tmp_path, suspicion=Suspicion(raised=raised))
    step.loaded.model.register_forward_pre_hook(lambda *_: seen.append(len(seen)))
    told = guilty_of(step)
    assert {name: bad.detail for name, bad in told.items()} == {
        "s1": "its step raised ValueError: this token",
        "s2": "its step raised OSError: in one process",
    }
    assert len(seen) == 3, "two are tried, one is trained"
    assert [tokens for _, tokens in step.source.losses] == [len(good[0].input_ids) - good[0].labels.count(IGNORED)]


def test_of_a_step_that_raised_though_each_of_its_samples_was_tried_only_its_own_are_put_away(tiny_model, tmp_path):
    raised = RaisedStep(1, ["s0", "s2"], "ValueError: together", 1, each_tried=True)
    good = EXAMPLES[TrainerKind.SFT]
    step = step_over(TrainerKind.SFT, [good[0], good[1], good[0]], tiny_model, tmp_path, suspicion=Suspicion(raised=raised))
    assert set(guilty_of(step)) == {"s0", "s2"}
    assert step.gradient, "the one that came beside them is trained"


@pytest.mark.parametrize("kind", list(GUILTY))
def test_where_all_of_a_batch_raise_and_a_plain_sentence_does_not_the_data_is_at_fault_and_nothing_is_learnt(tiny_model, tmp_path, kind):
    step = step_over(kind, [GUILTY[kind]], tiny_model, tmp_path)
    before = {name: weight.clone() for name, weight in step.loaded.model.named_parameters()}
    assert set(guilty_of(step)) == {"s0"}
    assert all(torch.equal(weight, before[name]) for name, weight in step.loaded.model.named_parameters())


def test_where_a_plain_sentence_raises_too_the_model_is_at_fault_and_a_later_start_finds_that_before_it_trains(tiny_model, tmp_path):
    seen: list[int] = []

    def refuse(model: Any, args: Any, kwargs: Any) -> None:
        seen.append(kwargs["input_ids"].shape[0])
        raise RuntimeError("no kernel image is available")

    for suspicion in (None, Suspicion(of_model=True)):
        step = step_over(TrainerKind.SFT, EXAMPLES[TrainerKind.SFT], tiny_model, tmp_path, suspicion=suspicion)
        step.loaded.model.register_forward_pre_hook(refuse, with_kwargs=True)
        with pytest.raises(ModelAtFault, match="no kernel image is available"):
            step.run()
    assert seen == [2, 1, 1, 1, 1], "the batch, each sample, the sentence; then the sentence alone"


def test_a_model_that_was_mended_trains_the_batch_that_it_could_not(tiny_model, tmp_path):
    suspicion = Suspicion(of_model=True)
    step = step_over(TrainerKind.SFT, EXAMPLES[TrainerKind.SFT], tiny_model, tmp_path / "suspect", suspicion=suspicion)
    clean = step_over(TrainerKind.SFT, EXAMPLES[TrainerKind.SFT], tiny_model, tmp_path / "clean").run()
    assert guilty_of(step) == {}
    for name, gradient in clean.gradient.items():
        torch.testing.assert_close(step.gradient[name], gradient)
