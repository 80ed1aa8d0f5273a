"""Where a trainer's batches come from: each rank gets its part of every step, and all know what all of them have found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from streams.kafka.consumer import Record
from trainer_node.data.batch import StepBatch, StepExamples, WaitingSample
from trainer_node.data.examples import IGNORED, Example, PairExample, PromptExample
from trainer_node.distributed.process_group import ProcessGroup
from trainer_node.training.batch_source import ExampleLoss, StepHooks
from trainer_node.training.losses import mean_over_samples
from trainer_node.training.prompt_loader import PromptLoader
from trainer_node.training.step_loader import StepLoader

PAD = 0


@dataclass
class Beside(ProcessGroup):
    """A process beside another, whose part the test plays: `others` is what that one has, each time that they gather."""

    size: int = 2
    others: list[Any] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)

    def gather(self, mine: Any) -> list[Any]:
        return [mine, self.others.pop(0)] if self.rank == 0 else [self.others.pop(0), mine]

    def send(self, command: Any, *content: Any) -> None:
        self.sent.append((str(command), *content))

    def next_command(self) -> Any:
        return self.others.pop(0)


def batch_of(examples: Sequence[Any], step: int = 7) -> StepBatch:
    items = [
        WaitingSample(
            Record("t", 0, number, None, b"", (), 0),
            TrainingSample(sample_id=f"s{number}", objective=Objective.SFT, task=Task.QA, band=0, completion="a"),
            example,
        )
        for number, example in enumerate(examples)
    ]
    return StepBatch(step, 1, Objective.SFT, items)


def plain(*lengths: int) -> list[Example]:
    """Examples that can be told by their length; all but the first token of each is learnt."""
    return [Example([length] * length, [IGNORED] + [length] * (length - 1)) for length in lengths]


def rows(inputs: dict[str, torch.Tensor]) -> list[int]:
    """The lengths of a micro-batch's rows; below zero where nothing of one is learnt."""
    real = inputs["attention_mask"].sum(-1).tolist()
    return [
        length if any(label != IGNORED for label in labels) else -length
        for length, labels in zip(real, inputs["labels"].tolist(), strict=True)
    ]


def loader(source: type, batches: list[Any], *args: Any, **more: Any) -> Any:
    waiting = iter([*batches, None])
    return source(lambda: next(waiting), *args, **more)


# --- samples with a loss of their own ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accumulation", "rank", "size", "wanted"),
    [
        (1, 0, 1, [[2, 3, 4, 5, 6]]),
        (2, 0, 1, [[2, 3, 4], [5, 6]]),
        (2, 0, 2, [[2, 3], [5]]),
        (2, 1, 2, [[4], [6]]),
        (6, 0, 1, [[2], [3], [4], [5], [6], [-2]]),
        (1, 2, 3, [[6]]),
    ],
)
def test_each_rank_gets_its_rows_of_every_micro_batch(accumulation, rank, size, wanted):
    source = loader(StepLoader, [batch_of(plain(2, 3, 4, 5, 6))], accumulation, PAD, Beside(rank, size))
    assert [rows(inputs) for inputs in source] == wanted
    assert source.target_tokens == 1 + 2 + 3 + 4 + 5, "of the whole step"


def test_pairs_go_through_as_their_two_sides():
    source = loader(StepLoader, [batch_of([PairExample([1, 2], [3], [4, 5]), PairExample([6], [7, 8, 9], [1])])], 1, PAD)
    assert next(iter(source))["input_ids"].tolist() == [[0, 1, 2, 3], [6, 7, 8, 9], [1, 2, 4, 5], [0, 0, 6, 1]]
    assert source.target_tokens == 1 + 2 + 3 + 1


def test_rows_are_padded_with_the_tokenizer_s_own_token():
    source = loader(StepLoader, [batch_of(plain(2, 3))], 1, 9)
    assert next(iter(source))["input_ids"].tolist() == [[9, 2, 2], [3, 3, 3]]


def test_losses_are_noted_by_micro_batch_without_rows_that_only_fill_it_up():
    source = loader(StepLoader, [batch_of(plain(2, 3, 4))] * 2, 2, PAD)
    steps = iter(source)
    assert (source.batch, source.step_loss(), source.losses) == (None, None, [])
    next(steps)
    source.note([1.0, 2.0], [1, 3])
    next(steps)
    source.note([5.0, 9.0], [2, 0])
    assert source.losses == [ExampleLoss(1.0, 1), ExampleLoss(2.0, 3), ExampleLoss(5.0, 2)]
    assert source.step_loss() == pytest.approx((1.0 + 6.0 + 10.0) / 6)
    source.agree()
    assert source.losses == [ExampleLoss(1.0, 1), ExampleLoss(2.0, 3), ExampleLoss(5.0, 2)]
    assert source.unrewarded() == frozenset()
    next(steps)
    assert (source.losses, source.step_loss()) == ([], None), "of the step before"


def test_what_a_step_minimises_is_what_its_trainer_says():
    source = loader(StepLoader, [batch_of(plain(2, 3))], 1, PAD, mean=mean_over_samples)
    next(iter(source))
    source.note([1.0, 2.0], [1, 3])
    assert source.step_loss() == 1.5


def test_ranks_agree_on_the_losses_of_the_whole_step_in_its_order():
    group = Beside(1, 2)
    source = loader(StepLoader, [batch_of(plain(2, 3, 4, 5))], 2, PAD, group)
    for number, _ in enumerate(source):
        source.note([10.0 + number], [2])
    group.others = [(False, [[ExampleLoss(1.0, 1)], [ExampleLoss(2.0, 1)]])]
    source.agree()
    assert [loss.loss for loss in source.losses] == [1.0, 10.0, 2.0, 11.0]
    assert not source.bad


def test_ranks_that_have_noted_of_different_micro_batches_are_no_step():
    group = Beside(0, 2, others=[(False, [[], []])])
    source = loader(StepLoader, [batch_of(plain(2, 3))], 1, PAD, group)
    next(iter(source))
    source.note([1.0], [1])
    with pytest.raises(ValueError, match="zip"):
        source.agree()


@pytest.mark.parametrize(("mine", "other", "bad"), [(False, False, False), (True, False, True), (False, True, True)])
@pytest.mark.parametrize("kind", [StepLoader, PromptLoader])
def test_what_is_bad_for_one_rank_is_bad_for_all_until_the_next_step(kind, mine, other, bad):
    group = Beside(0, 2, others=[(other, [] if kind is StepLoader else None)])
    sizes = (1, PAD) if kind is StepLoader else (lambda *_: [], 1, 1)
    examples = plain(2, 3) if kind is StepLoader else [PromptExample([1])]
    source = loader(kind, [batch_of(examples)] * 2, *sizes, group=group)
    steps = iter(source)
    next(steps)
    if mine:
        source.mark_bad()
    assert source.bad is mine
    source.agree()
    assert source.bad is bad
    next(steps)
    assert source.bad is False


def test_rank_0_tells_the_others_of_each_step_and_of_the_end():
    group = Beside(0, 2)
    source = loader(StepLoader, [batch_of(plain(2, 3))], 1, PAD, group)
    for _ in source:
        assert source.batch == StepExamples(7, plain(2, 3), ["s0", "s1"])
    assert group.sent == [("step", StepExamples(7, plain(2, 3), ["s0", "s1"])), ("step", None)]


def test_another_rank_trains_on_what_rank_0_tells_it():
    from trainer_node.distributed.process_group import Command, Message

    group = Beside(1, 2, others=[Message(Command.STEP, (StepExamples(3, plain(2, 3), ["a", "b"]),)), Message(Command.STEP, (None,))])
    source = StepLoader(None, 1, PAD, group)
    assert [rows(inputs) for inputs in source] == [[3]]
    assert source.batch.step == 3


def test_without_hooks_a_step_has_nothing_beside_it():
    hooks = loader(StepLoader, [], 1, PAD).hooks
    assert hooks == StepHooks()
    assert hooks.meanwhile() is None
    with hooks.gil_window():
        pass


# --- prompts -----------------------------------------------------------------------------------------------------------------------


def prompts(count: int) -> list[PromptExample]:
    return [PromptExample([number, number]) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("rank", "size", "generations", "wanted"),
    [
        (0, 1, 1, [(1, 0), (2, 1), (3, 2)]),
        (0, 1, 2, [(1, 0), (1, 0), (2, 1), (2, 1), (3, 2), (3, 2)]),
        (0, 2, 1, [(1, 0), (2, 1)]),
        (1, 2, 2, [(3, 2), (3, 2), (3, None), (3, None)]),
        (3, 4, 1, [(3, None)]),
    ],
)
def test_each_rank_answers_its_own_run_of_the_prompts_and_all_have_as_many(rank, size, generations, wanted):
    source = loader(PromptLoader, [batch_of(prompts(3))], None, 2, generations, Beside(rank, size))
    parts = list(source)
    assert [part["part"] for part in parts] == [0, 1]
    for part in parts:
        assert [(row["prompt"][0], row["index"]) for row in part["rows"]] == wanted
        assert all(len(row["prompt"]) == 2 for row in part["rows"])


def test_by_default_each_prompt_is_answered_once_in_one_micro_batch():
    assert [(part["part"], len(part["rows"])) for part in loader(PromptLoader, [batch_of(prompts(3))], None)] == [(0, 3)]


def test_what_is_no_prompt_is_not_answered():
    with pytest.raises(AssertionError, match="only a prompt is answered"):
        next(iter(loader(PromptLoader, [batch_of(plain(2))], None)))


def test_rank_0_asks_for_the_rewards_of_all_ranks_and_each_gets_its_own():
    asked: list[Any] = []

    def rewards_of(step: int, samples: Sequence[TrainingSample], texts: Sequence[str]) -> list[float | None]:
        asked.append((step, [sample.sample_id for sample in samples], list(texts)))
        return [0.1, None, 0.3, None]

    group = Beside(0, 2, others=[[(2, "c"), (2, "d")]])
    source = loader(PromptLoader, [batch_of(prompts(3))], rewards_of, 1, 1, group)
    next(iter(source))
    assert source.reward([0, None, 1], ["a", "filling", "b"]) == [0.1, None, None]
    assert asked == [(7, ["s0", "s1", "s2", "s2"], ["a", "b", "c", "d"])]
    assert group.sent[-1] == ("result", [0.1, None, 0.3, None])
    assert source.unrewarded() == {"s1"}


def test_another_rank_gets_its_rewards_from_rank_0_and_knows_all():
    from trainer_node.distributed.process_group import Command, Message

    step = Message(Command.STEP, (StepExamples(7, prompts(3), ["a", "b", "c"]),))
    group = Beside(1, 2, others=[step, [(0, "x"), (1, "y")], Message(Command.RESULT, ([None, 0.2, 0.3],))])
    source = PromptLoader(None, None, 1, 1, group)
    next(iter(source))
    assert source.reward([2, None], ["z", "filling"]) == [0.3, None]
    assert source.unrewarded() == {"a"}
    group.others = [(False, 1.0)]
    source.note(3.0)
    source.agree()
    assert source.step_loss() == 2.0


def test_a_prompt_is_unrewarded_only_where_none_of_its_answers_has_a_reward():
    source = loader(PromptLoader, [batch_of(prompts(3))] * 2, lambda *_: [None, 0.0, None, None, 0.4, None], 1, 2)
    assert source.unrewarded() == frozenset()
    steps = iter(source)
    next(steps)
    assert source.unrewarded() == frozenset(), "not yet judged"
    source.reward([0, 0, 1, 1, 2, 2], list("abcdef"))
    assert source.unrewarded() == {"s1"}
    next(steps)
    assert source.unrewarded() == frozenset()


def test_the_loss_of_a_step_is_the_sum_of_its_micro_batches_and_the_mean_of_its_ranks():
    group = Beside(0, 2, others=[[], (False, None)])
    source = loader(PromptLoader, [batch_of(prompts(1))] * 2, lambda *_: [0.5], 2, 1, group)
    steps = iter(source)
    assert source.step_loss() is None
    next(steps)
    source.note(1.0)
    assert source.step_loss() is None, "without a reward there is no loss"
    source.reward([0], ["a"])
    source.note(0.5)
    assert source.step_loss() == 1.5
    source.agree()
    assert source.step_loss() == 1.5, "a rank without rewards has no say"
    group.others = [(False, 0.5)]
    source.agree()
    assert source.step_loss() == 1.0
    assert source.losses == []
    next(steps)
    next(steps)
    assert source.step_loss() is None
    group.others = [(False, None)]
    source.agree()
    assert source.step_loss() is None


def test_a_step_without_any_reward_has_no_loss():
    source = loader(PromptLoader, [batch_of(prompts(2))], lambda *_: [None, None])
    next(iter(source))
    source.note(1.0)
    source.reward([0, 1], ["a", "b"])
    assert source.step_loss() is None
