"""A step that raises in one of two real processes, in the midst of what both do together. Half a minute each: `make test-faults-heavy`."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import AutoTokenizer

from schemas.sample import Split, Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from tests.faults.runs import ALL_THERE_ONCE, HEAVY, account, sample
from tests.integration.test_rl_stream import JudgeThread, by_length
from tests.integration.test_trainer_stream import POISON, dead_lettered, poisoned, send
from tests.integration.test_two_processes import ONE_BAND, REWARDED, start_two

pytestmark = HEAVY


def as_prompt(one: TrainingSample) -> TrainingSample:
    """What is to be said stands in the question, and what is poison there more often than an answer has it by chance."""
    turns = (Turn(role="user", content=f"say {one.completion}".replace(POISON, POISON * 4)),)
    return one.model_copy(update={"objective": Objective.PROMPT, "completion": None, "task": Task.RLHF_GRPO, "prompt": turns})


@pytest.mark.parametrize("how", ["grpo", "ppo", "backward", "sharded"])
def test_a_step_that_raises_in_the_midst_of_what_processes_do_together_ends_all_with_a_line_and_the_next_start_takes_it_apart(
    settings, new_run, tiny_model, how
):
    """Eight samples a step, four at each process, and one of each that raises: in the midst of an exchange, so nobody can agree on it."""
    guilty, is_rl = {2, 13}, how in ("grpo", "ppo")
    made = [poisoned(number) if number in guilty else sample(number) for number in range(16)]
    if is_rl:
        made = [as_prompt(one) for one in made]
    send(settings, made)
    bad = AutoTokenizer.from_pretrained(tiny_model)(POISON)["input_ids"][0]
    config = REWARDED | {"trainer": how} if is_rl else ONE_BAND
    run = new_run("together", **config | {"batch_size": 4, "checkpoint_steps": 1})
    orders: dict[str, Any] = {"raise_on_token": bad, "raises_backward": how == "backward", "sharded": how == "sharded"}
    orders |= {"raises_at": 4} if is_rl else {}
    with JudgeThread(settings, by_length):
        for _ in guilty:
            children = start_two(run, **orders)
            assert [child.wait() for child in children] == [1, 1]
            told = [line for child in children for line in child.log.splitlines() if line.startswith("error: StepRaised: ")]
            assert told
            assert all("raised IndexError: index out of range in self in process" in line for line in told)
        for child in start_two(run, **orders):
            child.succeed()
    reason = ("untrainable", "its step raised IndexError: index out of range in self")
    assert dead_lettered(settings) == {f"poison{number}": reason for number in guilty}
    trained = run.trained(objective="prompt" if is_rl else "sft")
    assert account(trained, [one.sample_id for number, one in enumerate(made) if number not in guilty]) == ALL_THERE_ONCE


@pytest.mark.parametrize("sharded", [False, True], ids=["whole", "sharded"])
def test_measuring_and_answering_that_raise_are_told_and_end_no_training_of_two_processes(settings, new_run, tiny_model, sharded):
    held_out = poisoned(100).model_copy(update={"split": Split.VALIDATION})
    samples = send(settings, [held_out, *(sample(number) for number in range(16))])
    send(settings, [as_prompt(poisoned(101))])
    bad = AutoTokenizer.from_pretrained(tiny_model)(POISON)["input_ids"][0]
    run = new_run(
        "beside",
        **ONE_BAND | {"batch_size": 4, "pace_steps": 1, "held_out_prompts": 1, "reward_timeout_s": 0.0},
    )
    children = start_two(run, raise_on_token=bad, sharded=sharded)
    for child in children:
        child.succeed()
    for what in ("the evaluation at step 2", "answering the held-out prompts (before)", "answering the held-out prompts (after)"):
        assert f"{what} failed, and is left out: IndexError: index out of range in self" in children[0].log
    assert account(run.trained(), [one for one in samples if one != held_out.sample_id]) == ALL_THERE_ONCE
