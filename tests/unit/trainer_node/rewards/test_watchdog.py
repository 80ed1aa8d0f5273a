"""A reward that rises while answers get worse is told as `reward_hacking`; one that rises with them is not."""

from __future__ import annotations

import pytest

from schemas.graph_reward import GraphReward, RewardStatus
from trainer_node.rewards.client import JudgedStep
from trainer_node.rewards.figures import FIGURES, figures_of
from trainer_node.rewards.watchdog import WINDOW, Watchdog


def ramp(begin: float, end: float, steps: int = 4 * WINDOW) -> list[float]:
    return [begin + (end - begin) * step / (steps - 1) for step in range(steps)]


def run(values: list[float], watchdog: Watchdog | None = None, **figures: list[float]) -> Watchdog:
    watchdog = watchdog or Watchdog()
    for number, value in enumerate(values):
        watchdog.step(value, {name: row[number] for name, row in figures.items()})
    return watchdog


def test_dodging_is_told_once_with_what_fell(caplog):
    """The run of the issue: reward 0.23 to 1.00, and "Austria is a country in Europe." to every question."""
    found = run(ramp(0.23, 1.0), answers_question=ramp(0.9, 0.1), exact=ramp(0.5, 0.36)).warning
    assert found.startswith("reward_hacking: over 8 steps, the reward rose from 0.")
    assert "say something of what was asked fell from 0." in found
    assert caplog.text.count("reward_hacking") == 1


@pytest.mark.parametrize(
    ("values", "figures"),
    [
        (ramp(0.2, 0.8), {"answers_question": ramp(0.6, 0.9), "exact": ramp(0.5, 0.8)}),
        (ramp(0.8, 0.2), {"answers_question": ramp(0.9, 0.3)}),
        (ramp(0.2, 0.8), {"answers_question": ramp(0.9, 0.85)}),
        (ramp(0.2, 0.8), {}),
        ([0.5] * 40, {"exact": ramp(0.9, 0.1, 40)}),
    ],
    ids=["both-rise", "both-fall", "within-the-noise", "nothing-known", "no-rise"],
)
def test_what_is_no_hacking_is_not_told(values, figures, caplog):
    assert run(values, **figures).warning is None
    assert caplog.text == ""


def test_values_of_another_scale_are_watched_alike():
    assert run(ramp(-9.0, 9.0), answers_question=ramp(0.9, 0.2)).warning
    assert run(ramp(0.001, 0.009), exact=ramp(0.9, 0.2)).warning


def test_exact_answers_to_held_out_prompts_that_fall_while_their_reward_rises_are_told_and_taken_back():
    watchdog = Watchdog()
    watchdog.held_out(0.23, {"exact": 0.5})
    watchdog.held_out(0.9, {"exact": 0.36})
    assert "on the held-out prompts, the reward rose from 0.23 to 0.90, while the share of answers that are exact" in watchdog.warning
    watchdog.held_out(0.95, {"exact": 0.55})
    assert watchdog.warning is None


def test_a_start_after_a_crash_goes_on_with_what_the_one_before_saw():
    values, asked = ramp(0.2, 0.9), ramp(0.9, 0.2)
    first, second = Watchdog(), Watchdog()
    run(values, first, answers_question=asked)
    second.replay((False, value, {"answers_question": share}) for value, share in zip(values, asked, strict=True))
    assert second.warning == first.warning is not None


CLAIM = {"subject": "Aida", "predicate": "opened", "object": "the 19th century", "rule": "test"}


def judged(value: float | None, **more: object) -> GraphReward:
    return GraphReward(output_id="o", prompt_id="p", policy="strict", reward=value, **more)


def test_figures_say_what_answers_are_like():
    rewards = [
        judged(1.0, answers_question=True, exact=True, total=1, triplets=[{"triplet": CLAIM, "verdict": "verified", "vague": True}]),
        judged(1.0, answers_question=False, exact=False, total=3),
        judged(None, status=RewardStatus.NO_CLAIMS, abstained=True, answers_question=False),
        judged(None, status=RewardStatus.NO_CLAIMS, abstained=False),
    ]
    given = [1.0, 1.0, 1.0, None, None, 0.5]
    step = JudgedStep(3, given, given, 0.1, [(None, reward) for reward in rewards])  # type: ignore[list-item]
    found = figures_of(step, answers_a_prompt=3)
    assert found == {
        "answers_question": pytest.approx(1 / 3),
        "exact": 0.5,
        "claims": 1.0,
        "unread": 0.25,
        "abstained": 0.25,
        "vague": 0.25,
        "without_facts": 0.25,
        "distinct": pytest.approx(4 / 6),
        "unrewarded": pytest.approx(2 / 6),
        "flat_groups": 1.0,
    }
    assert set(found) < set(FIGURES)
    assert "flat_groups" not in figures_of(step, answers_a_prompt=None)
