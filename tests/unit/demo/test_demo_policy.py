"""The demo of reinforcement begins with a model that guesses, and shows by the step how it did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from demo.policy import ROUNDS, SPLITS_SHOWN, asked, guessing_model, prompts, rise
from schemas.sample import Split
from trainer_node.commit.history import SAMPLE, History
from trainer_node.models.generation import answer, as_prompt
from trainer_node.models.restore import load_for_asking


def test_each_question_is_put_once_a_round_and_asked_before_and_after():
    made = prompts(4)
    assert len({sample.sample_id for sample in made}) == len(made) == 4 * (ROUNDS + 1)
    assert set(Counter(sample.prompt for sample in made).values()) == {ROUNDS + 1}
    assert [sample.split for sample in made[:4]] == [Split.VALIDATION] * 4
    assert [sample.prompt for sample in made[4:8]] == [sample.prompt for sample in made[8:12]]


def test_the_model_answers_with_a_capital_whichever(tmp_path: Path):
    loaded = load_for_asking(str(guessing_model(tmp_path / "m", 4)), bits=32)
    questions = [as_prompt(sample.prompt) for sample in prompts(4)[:4]]
    drawn = Counter(answer(loaded.model, loaded.tokenizer, questions * 16, 12, temperature=1.0))
    named = sum(drawn[f"{capital}."] for capital in asked(4).values())
    assert named >= 48, drawn
    assert all(drawn[f"{capital}."] for capital in asked(4).values()), "and none of them alone"


def test_the_rise_is_shown_in_parts_of_the_steps(tmp_path: Path):
    history = History(tmp_path, 1, 0)
    for step in range(1, 61):
        history.add(SAMPLE, {"answers_exact": step / 60, "answers_value": step / 30 - 1, "answers_kl": 0.1}, step, "prompt")
    history.close()
    found = rise(tmp_path)
    assert [step for step, _, _ in found] == [10 * (n + 1) for n in range(SPLITS_SHOWN)]
    assert [right for _, right, _ in found] == sorted(right for _, right, _ in found)
    assert found[0][1] < 0.15 < 0.85 < found[-1][1]
