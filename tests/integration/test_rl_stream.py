"""GRPO, RLOO and PPO over a live broker: prompts from the band topics, outputs out, rewards in, and what a late reward and a crash do."""

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.graph_reward import GraphReward, RewardStatus
from schemas.model_output import ModelOutput
from schemas.sample import Split, Task
from schemas.training_sample import BANDS, Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.consumer import Record, make_consumer, read_range
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, Run, account
from tests.integration.worker_process import WorkerProcess
from tests.models.tiny import build
from trainer_node.commit.history import read_history
from trainer_node.rewards.client import RewardClient

CONFIG: dict[str, Any] = {
    "lora_r": 2, "lr": 1e-2, "batch_size": 4, "linger_s": 0.2, "checkpoint_steps": 2, "pace_steps": 2, "max_seq": 64, "bits": 32,
    "max_new_tokens": 4, "num_generations": 2, "ppo_epochs": 1, "reward_timeout_s": 30.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    return build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def new_run(settings: KafkaSettings, tmp_path: Path, tiny_model: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def make(trainer: str, **config: Any) -> Run:
        runs.append(Run(settings, tmp_path, tiny_model, f"run-{trainer}", **CONFIG | {"trainer": trainer} | config))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


def send_prompts(settings: KafkaSettings, count: int) -> list[str]:
    """Prompts over all bands; their ids."""
    made = [prompt_of(number) for number in range(count)]
    with Producer(settings) as producer:
        for prompt in made:
            producer.send(settings.topics.band(Objective.PROMPT, prompt.band), prompt.sample_id, prompt)
    return [prompt.sample_id for prompt in made]


def prompt_of(number: int) -> TrainingSample:
    turns, band = (Turn(role="user", content=f"what is {number}?"),), (number * 7) % BANDS
    return TrainingSample(sample_id=f"p{number}", objective=Objective.PROMPT, task=Task.RLHF_GRPO, band=band, prompt=turns)


class JudgeThread:
    """Stands where the feedback node does: gives each output on `outputs` a reward, or None, or no answer at all.

    It is somebody else's judge, who says what he can know and no more (docs/rewards.md).
    """

    def __init__(self, settings: KafkaSettings, reward: Callable[[ModelOutput], float | str | None]) -> None:
        self.outputs: list[ModelOutput] = []
        self._settings, self._reward = settings, reward
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        from kafka import TopicPartition

        consumer = make_consumer(self._settings)
        topic = self._settings.topics.outputs
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        with Producer(self._settings) as producer:
            while not self._done.is_set():
                for batch in consumer.poll(timeout_ms=50).values():
                    for raw in batch:
                        self._answer(producer, ModelOutput.decode(Record.of(raw).value))
        consumer.close()

    def _answer(self, producer: Producer, output: ModelOutput) -> None:
        self.outputs.append(output)
        value = self._reward(output)
        if isinstance(value, str):
            return
        said = {"output_id": output.output_id, "prompt_id": output.prompt_id, "policy": "my-judge", "reward": value}
        producer.send_bytes(self._settings.topics.rewards.name, output.prompt_id.encode(), json.dumps(said).encode())
        producer.flush()

    def __enter__(self) -> JudgeThread:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def by_length(output: ModelOutput) -> float:
    return 1 / (1 + len(output.completion))


def outcomes(run: Run) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in run.rows():
        found.setdefault(row.outcome.value, []).append(row.sample_id)
    return {outcome: sorted(ids) for outcome, ids in found.items()}


@pytest.mark.parametrize("trainer", ["grpo", "rloo", "ppo"])
def test_prompts_are_trained_in_the_curriculums_order_with_rewards_off_the_log(settings, new_run, trainer):
    prompts = send_prompts(settings, 20)
    run = new_run(trainer)
    with JudgeThread(settings, by_length) as judge:
        child = run.finish()
    assert account(run.trained(objective="prompt"), prompts) == ALL_THERE_ONCE
    order = [sample_id for _, (_, _, ids) in child.batches for sample_id in ids]
    assert order == run.trained(objective="prompt"), "trained in the order chosen"
    assert {(int(sample_id[1:]) * 7) % BANDS for sample_id in order[:4]} == {0}, "the easiest band first"
    assert len(child.batches) == len({output.model_version for output in judge.outputs}), "each step's outputs name the step before it"
    assert {output.phase for output in judge.outputs} == {"train"}
    assert run.newest.manifest.metrics["reward_avg"] > 0
    assert {row.offset for row in run.rows()} <= set(range(20)), "each with its place on the log"


@pytest.mark.parametrize("trainer", ["grpo", "ppo"])
def test_a_prompt_without_any_reward_is_told_apart_from_one_trained_on(settings, new_run, trainer):
    """Late: p0, whose reward never comes. Judged without a value: p5."""
    prompts = send_prompts(settings, 8)

    def reward(output: ModelOutput) -> float | str | None:
        return "late" if output.prompt_id == "p0" else None if output.prompt_id == "p5" else by_length(output)

    run = new_run(trainer, reward_timeout_s=3.0)
    with JudgeThread(settings, reward):
        run.finish()
    assert outcomes(run) == {"trained": sorted(set(prompts) - {"p0", "p5"}), "unrewarded": ["p0", "p5"]}
    summary = json.loads((run.folder / "trainer-e000001.json").read_text())
    assert summary["rewards_late"] >= 1
    assert summary["samples_trained"] == 6


def test_after_sigkill_between_outputs_and_rewards_each_prompt_is_trained_once(settings, new_run):
    prompts = send_prompts(settings, 20)
    run = new_run("ppo")
    asked = threading.Event()

    def reward(output: ModelOutput) -> float | str:
        if output.model_version.endswith("/3") and not asked.is_set():
            asked.set()
            return "killed first"
        return by_length(output)

    with JudgeThread(settings, reward):
        child = run.start()
        assert asked.wait(120), child.log[-3000:]
        child.kill()
        run.finish()
    assert account(run.trained(objective="prompt"), prompts) == ALL_THERE_ONCE
    assert run.newest.manifest.epoch == 2


def test_after_sigkill_a_step_asks_the_prompts_again_that_it_had_asked_in_the_place_of_others(settings, new_run):
    """The first four prompts of step 2 teach nothing. Killed when the first of those asked in their place is answered."""
    prompts = send_prompts(settings, 20)
    run = new_run("grpo", refill=3, curriculum="off", pace_steps=None)
    asked, of_the_step = threading.Event(), dict[str, None]()

    def reward(output: ModelOutput) -> float | str:
        if not output.model_version.endswith("/1"):
            return zlib.crc32(output.output_id.encode()) / 2**32
        of_the_step[output.prompt_id] = None
        if output.prompt_id in list(of_the_step)[: CONFIG["batch_size"]]:
            return 0.5
        if not asked.is_set():
            asked.set()
            return "killed first"
        return zlib.crc32(output.output_id.encode()) / 2**32

    with JudgeThread(settings, reward):
        child = run.start()
        assert asked.wait(120), child.log[-3000:]
        child.kill()
        before = list(of_the_step)
        run.finish()
    found = outcomes(run)
    assert account([*found["trained"], *found["no_spread"]], prompts) == ALL_THERE_ONCE
    assert {*before[: CONFIG["batch_size"]]} <= {*found["no_spread"]}
    assert {row.step for row in run.rows() if row.sample_id in before} == {2}, "those asked in their place are asked in it again"
    summary = json.loads((run.folder / "trainer-e000002.json").read_text())
    assert summary["refilled_prompts"] >= len(before) - CONFIG["batch_size"]


def test_sigterm_while_rewards_are_awaited_finishes_the_step(settings, new_run):
    """A reward that had not come yet is waited for: the step is in the checkpoint, and nothing counts as unrewarded. (A first step would be
    left where it stands.)"""
    prompts = send_prompts(settings, 12)
    run = new_run("grpo")
    asked, told = threading.Event(), threading.Event()

    def reward(output: ModelOutput) -> float:
        if output.model_version.endswith("/1"):
            asked.set()
            assert told.wait(60)
        return by_length(output)

    with JudgeThread(settings, reward):
        child = run.start()
        assert asked.wait(120), child.log[-3000:]
        child.signal(15)
        told.set()
        child.succeed()
        assert len(run.trained(objective="prompt")) == 8
        run.finish()
    assert account(run.trained(objective="prompt"), prompts) == ALL_THERE_ONCE


def test_validation_prompts_are_asked_and_never_trained_on(settings, new_run):
    prompts = send_prompts(settings, 8)
    with Producer(settings) as producer:
        turns = (Turn(role="user", content="what is a?"),)
        held_out = TrainingSample(
            sample_id="held", objective=Objective.PROMPT, task=Task.RLHF_GRPO, band=4, prompt=turns, split=Split.VALIDATION
        )
        producer.send(settings.topics.band(Objective.PROMPT, 4), "held", held_out)
    run = new_run("grpo", held_out_prompts=1, watch_steps=1)
    with JudgeThread(settings, by_length) as judge:
        run.finish()
    assert outcomes(run) == {"trained": sorted(prompts), "prompt": ["held"]}
    asked = [(output.phase, output.model_version) for output in judge.outputs if output.prompt_id == "held"]
    assert asked == [("before", "run-grpo/0"), ("during", "run-grpo/1"), ("during", "run-grpo/2"), ("after", "run-grpo/2")]
    names = {row["name"] for row in read_history(run.folder).to_pylist()}
    assert {"answers_value", "answers_tokens", "answers_kl", "answers_flat_groups", "held_out_value"} <= names
    assert json.loads((run.folder / "trainer-e000001.json").read_text())["metrics"]["reward_hacking"] == 0.0


def test_the_feedback_node_judges_what_the_trainer_says(settings, new_run, tmp_path):
    """The real judge: a model of a few thousand weights makes no claims, and its operator says what that is worth."""
    prompts = send_prompts(settings, 8)
    run = new_run("grpo", reward_timeout_s=90.0)
    with WorkerProcess("feedback", settings, tmp_path, "--policy", "strict", "--no-claims", "0.5").ready():
        assert run.start().wait() in (0, 2), "2 where all of these rewards were the same"
    assert outcomes(run) == {"trained": sorted(prompts)}
    rewards = [GraphReward.decode(record.value) for record in read_range(settings, settings.topics.rewards.name)]
    assert len(rewards) == 16
    silent = [reward.reward for reward in rewards if reward.status is RewardStatus.NO_CLAIMS]
    assert set(silent) == {0.5}
    assert len(silent) > 12, "now and then its letters look like a claim, which is judged"
    last = [reward.reward for reward in rewards if reward.model_version == "run-grpo/1"]
    assert len(last) == 8
    assert run.newest.manifest.metrics["reward_avg"] == sum(last) / 8, "of the last step"


def test_a_run_that_had_nothing_to_learn_from_rewards_ends_with_the_reason_and_not_with_success(settings, new_run):
    none = new_run("grpo").start()
    assert none.wait() == 2
    assert "error: UserError: no prompt came that could be trained on" in none.log
    prompts = send_prompts(settings, 4)
    run = new_run("grpo")
    with JudgeThread(settings, lambda output: 0.0):
        same = run.start()
        assert same.wait() == 2
    assert "taught nothing: all were 0" in same.log
    assert account(run.trained(objective="prompt"), prompts) == ALL_THERE_ONCE, "and what was trained is kept"


def test_an_answer_is_judged_while_others_are_still_made_and_no_answer_is_sent_twice(settings):
    prompts = [prompt_of(0), prompt_of(1)]
    with Producer(settings) as producer, JudgeThread(settings, by_length) as judge:
        client = RewardClient(settings, producer, "run", 60.0, threading.Event())
        for step in (1, 2):
            client.answered(step, prompts[0], "early")
            producer.flush()
            while len(judge.outputs) < 2 * step - 1:
                time.sleep(0.05)
            asked = [prompts[0], prompts[0], prompts[1]]
            assert client.rewards_of(step, asked, ["early", "early", "late one"]) == [1 / 6, 1 / 6, 1 / 9]
        client.close()
    said = [(output.model_version, output.completion) for output in judge.outputs]
    assert said == [("run/0", "early"), ("run/0", "late one"), ("run/1", "early"), ("run/1", "late one")]
