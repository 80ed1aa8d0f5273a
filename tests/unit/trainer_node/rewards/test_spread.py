"""Rewards that teach nothing are noticed, and what they were is said."""

from __future__ import annotations

import logging

import pytest

from trainer_node.rewards.spread import WARN_AFTER, Spread


def after(steps: list[list[float | None]], answers: int | None = 2) -> Spread:
    spread = Spread(answers)
    for step, rewards in enumerate(steps):
        spread.saw(step, rewards)
    return spread


@pytest.mark.parametrize(
    ("rewards", "answers", "said"),
    [
        ([0.0, 0.0, None, 0.0], 2, "all were 0. Do the facts say"),
        ([1.0, 1.0, 1.0, 1.0], 2, "all were 1.0: there is nothing left to learn"),
        ([None, None, None, None], 2, "none came in time"),
        ([0.0, 0.0, 1.0, 1.0], 2, "all answers to a prompt earned the same"),
        ([1.0, None, 0.0, None], 2, "all answers to a prompt earned the same"),
        ([0.5, 0.5, 0.5], None, "all were 0.5"),
    ],
    ids=["zero", "one", "none", "equal-by-prompt", "single", "equal-in-a-step"],
)
def test_steps_without_a_difference_are_told_once_with_what_they_were(caplog, rewards, answers, said):
    caplog.set_level(logging.WARNING)
    after([rewards] * (WARN_AFTER - 1), answers)
    assert caplog.messages == []
    spread = after([rewards] * (2 * WARN_AFTER), answers)
    assert len(caplog.messages) == 1
    assert said in caplog.messages[0]
    assert said in str(spread.why_nothing(is_whole=True))


def test_a_single_difference_between_answers_that_are_compared_is_something(caplog):
    assert after([[0.0, 0.0]] * 20 + [[0.0, 1.0]]).why_nothing(is_whole=True) is None
    assert after([[0.0, 1.0]], answers=None).why_nothing(is_whole=True) is None
    caplog.clear()
    after([*[[0.0, 0.0]] * (WARN_AFTER - 1), [0.0, 1.0], *[[0.0, 0.0]] * (WARN_AFTER - 1)])
    assert caplog.messages == []


def test_a_few_steps_of_a_run_that_went_on_say_nothing_of_it():
    few, many = [[0.0, 0.0]] * (WARN_AFTER - 1), [[0.0, 0.0]] * WARN_AFTER
    assert after(few).why_nothing(is_whole=False) is None
    assert after(few).why_nothing(is_whole=True)
    assert after(many).why_nothing(is_whole=False)
    assert after([]).why_nothing(is_whole=True) is None


def test_where_it_is_known_otherwise_why_rewards_teach_nothing_that_is_said(caplog):
    spread = Spread(2, lambda: "the facts hold nothing")
    for step in range(WARN_AFTER):
        spread.saw(step, [-0.5, -0.5])
    assert "taught nothing: the facts hold nothing" in caplog.messages[0]
    assert str(spread.why_nothing(is_whole=True)).endswith("the facts hold nothing")
