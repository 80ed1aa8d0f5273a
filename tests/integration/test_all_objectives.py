"""A run without end: samples, pairs and prompts on one stream, killed in the middle, and the account is exact."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from safetensors.torch import load_file

from schemas.graph_reward import GraphReward, RewardStatus
from schemas.model_output import ModelOutput
from schemas.sample import Split, Task
from schemas.training_sample import BANDS, Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.admin import create_topics, delete_topics
from streams.kafka.consumer import make_consumer
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, PATIENCE, Run, account, produce, same_weights, sample
from tests.models.tiny import build
from trainer_node.commit.held_out_file import feed_of
from trainer_node.commit.manifest import checkpoints

CONFIG: dict[str, Any] = {
    "trainer": "auto", "rl": "ppo", "batch_size": 4, "linger_s": 0.2, "checkpoint_steps": 3, "checkpoint_every": 5, "pace_steps": 1,
    "lora_r": 4, "max_new_tokens": 6, "num_generations": 2, "reference_steps": 4, "eval_every": 2,
    "keep_checkpoints": 50,
}  # fmt: skip


@pytest.fixture
def run(settings: KafkaSettings, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    os.environ["OMP_NUM_THREADS"] = "1"
    create_topics(settings, settings.topics).raise_if_wrong()
    made = Run(settings, tmp_path, build(tmp_path_factory.mktemp("tiny")), **CONFIG)
    yield made
    made.close()
    delete_topics(settings, settings.topics)


@pytest.fixture
def judge(settings: KafkaSettings, run: Run) -> Iterator[None]:
    """Gives each answer the share of its characters that are no spaces."""
    over = threading.Event()

    def work() -> None:
        consumer = make_consumer(settings)
        topic = settings.topics.outputs
        consumer.assign([TopicPartition(topic.name, number) for number in range(topic.partitions)])
        with Producer(settings) as producer:
            while not over.is_set():
                for records in consumer.poll(timeout_ms=100).values():
                    for record in records:
                        producer.send(settings.topics.rewards, record.key.decode(), reward_of(ModelOutput.decode(record.value)))
                producer.flush()
        consumer.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


def reward_of(output: ModelOutput) -> GraphReward:
    return GraphReward(
        reward_id=f"{output.output_id}@1", output_id=output.output_id, prompt_id=output.prompt_id, run_id=output.run_id,
        model_version=output.model_version, reward=len(output.completion) % 5 / 4, status=RewardStatus.OK, policy="strict",
        total=1, verified=1, contradicted=0, unknown=0, graph_version=1,
    )  # fmt: skip


def send(settings: KafkaSettings, made: list[TrainingSample]) -> list[str]:
    with Producer(settings) as producer:
        for one in made:
            producer.send(settings.topics.band(one.objective, one.band), one.sample_id, one)
    return [one.sample_id for one in made]


def prompts(first: int, count: int) -> list[TrainingSample]:
    turns = {n: (Turn(role="user", content=f"what is {n}?"),) for n in range(first, first + count)}
    task = {"objective": Objective.PROMPT, "task": Task.RLHF_GRPO}
    return [TrainingSample(sample_id=f"q{n}", band=n % BANDS, prompt=turn, **task) for n, turn in turns.items()]


def wait_until(told: Callable[[], bool], why: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not told():
        assert time.monotonic() < deadline, why
        time.sleep(0.2)


def test_all_objectives_are_trained_on_one_stream_killed_in_the_middle_and_each_record_once(settings, run, judge):
    wanted = {"sft": produce(settings, 24), "preference": produce(settings, 16, Objective.PREFERENCE)}
    wanted["prompt"] = send(settings, prompts(0, 8))
    held_out = send(settings, [sample(n, band=n % BANDS, sample_id=f"v{n}", split=Split.VALIDATION) for n in range(10)])
    child = run.start(("batch", 9), until_consumed=False)
    child.wait_for("waiting")
    child.kill()
    wanted["sft"] += produce(settings, 8, first=100)
    wanted["preference"] += produce(settings, 8, Objective.PREFERENCE, first=100)
    wanted["prompt"] += send(settings, prompts(100, 4))
    child = run.start(until_consumed=False)

    def all_there() -> bool:
        return all(len(run.trained(objective=name)) >= len(ids) for name, ids in wanted.items())

    wait_until(all_there, "a stream that has fallen idle is committed")
    wait_until(lambda: "val_metric_sft" in run.newest.manifest.metrics, "and measured, without flags, also by the second start")
    assert run.newest.manifest.feed.of(Objective.SFT).early_stopping.last is not None
    child.signal(signal.SIGTERM)
    child.succeed()
    manifest = run.newest.manifest
    for name, ids in wanted.items():
        assert account(run.trained(objective=name), ids) == ALL_THERE_ONCE, name
    assert manifest.trainers == {Objective.SFT: "sft", Objective.PREFERENCE: "dpo", Objective.PROMPT: "ppo"}
    steps = {objective: stood.steps for objective, stood in manifest.feed.objectives.items()}
    assert sum(steps.values()) == manifest.step
    assert {sample.sample_id for sample in feed_of(run.newest).held_out.validation} == set(held_out)
    assert manifest.reference_step is not None
    assert {"val_metric_sft", "training_loss_preference"} <= manifest.metrics.keys()
    renewed = [one for one in checkpoints(run.folder) if one.manifest.reference_step == one.manifest.step > 0]
    assert renewed, "every few steps DPO and the KL terms compare with the model as a commit found it"
    for one in renewed:
        policy, reference = (load_file(one.path / name / "adapter_model.safetensors") for name in (".", "ref"))
        assert same_weights(policy, reference)
