"""Two processes train one stream: every sample or prompt once, the losses of one with the same global batch, none lost with either."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from schemas.model_output import ModelOutput
from schemas.sample_loss import SampleLoss
from schemas.training_sample import Objective
from streams.kafka.consumer import Record, make_consumer
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, PATIENCE, Child, Run, account, produce, sample
from tests.integration.test_rl_stream import JudgeThread, by_length, send_prompts
from tests.integration.test_trainer_stream import POISON, dead_lettered, poisoned, send
from tests.models.tiny import build
from tests.unit.trainer_node.several import free_port

ROOT = Path(__file__).parents[2]
REWARDED: dict[str, Any] = {
    "batch_size": 16, "accumulation": 2, "checkpoint_steps": 2, "max_new_tokens": 4, "num_generations": 2, "ppo_epochs": 1,
}  # fmt: skip
ONE_BAND: dict[str, Any] = {"accumulation": 2, "lora_r": 4, "pace_steps": 100, "checkpoint_steps": 100}


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny"))


class Training(Run):
    """A run whose incarnations are `pelton train` under torchrun, or on its own."""

    def launch(self, processes: int, *flags: str) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.flags(processes) | {"run-id": self.name, "run-dir": self.folder}
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        alone = [sys.executable, "-m"]
        together = [sys.executable, "-m", *self.launcher(processes), "-m"]
        command = [*(together if processes > 1 else alone), "cli.main", "train", "--model", self.config["model"], "--until-consumed"]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environ = os.environ | self.settings.to_environ() | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        devices = processes if self.on_gpus and processes > 1 else 0
        environ |= {"CUDA_VISIBLE_DEVICES": ",".join(str(number) for number in range(devices))}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen([*self.where, *command, *words, *flags], cwd=ROOT, env=environ, stdout=log, stderr=log)

    def flags(self, processes: int) -> dict[str, Any]:
        settings = {"lora-r": 2, "lr": 1e-2, "batch-size": 16 // processes, "accumulation": 2, "linger-s": 0.2, "checkpoint-steps": 2}
        return settings | {"pace-steps": 3, "max-seq": 64, "bits": 32, **self.more}

    where: tuple[str, ...] = ()
    """Words before the command line, which say where it is run."""
    on_gpus = False
    """Whether several processes take a GPU each; one alone computes on the CPU."""

    def launcher(self, processes: int) -> list[str]:
        return ["torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]

    @property
    def more(self) -> dict[str, Any]:
        return {"trainer": self.config["trainer"]} | self.rl

    @property
    def rl(self) -> dict[str, Any]:
        of_both = {"max-new-tokens": 4}
        return {"grpo": of_both | {"num-generations": 2}, "ppo": of_both | {"ppo-epochs": 1}}.get(self.config["trainer"], {})

    def log_text(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-5000:]

    def succeed(self, processes: int) -> None:
        assert self.launch(processes).wait(PATIENCE) == 0, self.log_text()

    def succeed_alone(self) -> str:
        """As `succeed(1)`, without a command line and its imports where there is no GPU to keep from it; what it has logged."""
        if torch.cuda.is_available():
            self.succeed(1)
            return self.log_text()
        log = self.finish(config={name.replace("-", "_"): value for name, value in self.flags(1).items()}).log
        self.close()
        return log


def losses_of(settings: KafkaSettings, run_id: str) -> dict[str, SampleLoss]:
    """What a run published, by event; a repeat must say the same."""
    from kafka import TopicPartition

    found: dict[str, SampleLoss] = {}
    consumer = make_consumer(settings)
    topic = settings.topics.losses
    partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    while any(consumer.position(tp) < end for tp, end in ends.items()):
        for batch in consumer.poll(timeout_ms=200).values():
            for raw in batch:
                event = SampleLoss.decode(Record.of(raw).value)
                if event.run_id == run_id:
                    found[event.sample_id] = event
    consumer.close()
    return found


@pytest.fixture
def new_training(settings: KafkaSettings, tmp_path: Path, tiny_model: Path) -> Any:
    return lambda name, trainer="sft": Training(settings, tmp_path, tiny_model, name, trainer=trainer)


def test_two_processes_train_what_one_does_with_the_same_global_batch(settings, new_training):
    """70 samples and 70 pairs in batches of 16: the last batch is partial, and one process has fewer rows of it than the other."""
    sent = {objective: produce(settings, 70, objective) for objective in (Objective.SFT, Objective.PREFERENCE)}
    one, two = new_training("one", "auto"), new_training("two", "auto")
    one.succeed_alone()
    two.succeed(2)
    for objective, samples in sent.items():
        assert account(two.trained(objective=objective.value), samples) == ALL_THERE_ONCE
        assert two.trained(objective=objective.value) == one.trained(objective=objective.value), "in the same order"
    alone, together = losses_of(settings, "one"), losses_of(settings, "two")
    assert set(alone) == set(together) == {sample_id for samples in sent.values() for sample_id in samples}
    assert {event.tokens for event in together.values()} == {event.tokens for event in alone.values()}
    for sample_id, event in alone.items():
        assert together[sample_id].loss == pytest.approx(event.loss, rel=2e-3, abs=2e-4)
        assert together[sample_id].step == event.step
    assert sorted(path.name for path in two.newest.path.glob("rng_state_*.pth")) == ["rng_state_0.pth", "rng_state_1.pth"]
    assert len(list(two.folder.glob("trainer-*.json"))) == 1, "one process speaks for the run"


@pytest.fixture
def new_run(settings: KafkaSettings, tmp_path: Path, tiny_model: Path) -> Iterator[Callable[..., Run]]:
    """Runs without torchrun and its imports; their processes end with the test."""
    runs: list[Run] = []

    def make(name: str, **config: Any) -> Run:
        runs.append(Run(settings, tmp_path, tiny_model, name, **config))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


def start_two(run: Run, **orders: Any) -> list[Child]:
    """Both processes of a training."""
    port = free_port()
    return [run.start(rank=rank, processes=2, port=port, **orders) for rank in (0, 1)]


def test_of_a_step_that_raises_in_either_of_two_processes_the_guilty_samples_are_dead_lettered_and_the_others_trained_as_in_one(
    settings, new_run, tiny_model
):
    """Steps of eight in two micro-batches: it raises in the last one at rank 0, in the first at rank 1, in one of each, in both at once.

    Where the model is at fault both end, and say so.
    """
    guilty = {5, 10, 17, 23, 25, 26}
    made = [poisoned(number) if number in guilty else sample(number) for number in range(36)]
    send(settings, made)
    bad = AutoTokenizer.from_pretrained(tiny_model)(POISON)["input_ids"][0]
    one, two = new_run("one", batch_size=8, **ONE_BAND), new_run("two", batch_size=4, **ONE_BAND)
    for child in start_two(two, raise_on_token=-1):
        assert child.wait() == 1
        assert "the model or what runs it is at fault, not the data" in child.log
    assert dead_lettered(settings) == {}
    for child in start_two(two, raise_on_token=bad):
        child.succeed()
    put_away = dead_lettered(settings)
    assert put_away == {f"poison{number}": ("untrainable", "its step raised IndexError: index out of range in self") for number in guilty}
    assert account(two.trained(), [one.sample_id for one in made if one.sample_id not in put_away]) == ALL_THERE_ONCE
    one.finish(raise_on_token=bad)
    assert two.trained() == one.trained(), "in the same order"
    alone, together = losses_of(settings, "one"), losses_of(settings, "two")
    assert set(alone) == set(together)
    for sample_id, event in alone.items():
        assert together[sample_id].loss == pytest.approx(event.loss, rel=2e-3, abs=2e-4)


def test_sigkill_of_either_process_and_sigterm_to_the_launcher_lose_nothing(settings, new_training):
    samples = produce(settings, 1000)
    run = new_training("stopped")
    run.config |= {"batch_size": 8, "accumulation": 2, "checkpoint_steps": 2}
    for rank in (0, 1):
        children = start_two(run)
        for _ in range(2):
            children[0].wait_for("commit", 9)
        children[rank].kill()
        assert children[1 - rank].wait() == 1
        assert "another process of this training is gone" in children[1 - rank].log
        assert run.newest.manifest.epoch == rank + 1
    launcher = run.launch(2)
    until_checkpoints(run, launcher, epoch=3)
    told = len((run.folder / "log").read_bytes())
    launcher.terminate()
    launcher.wait(PATIENCE)
    assert [path.name for path in run.folder.glob("trainer-*.json")] == ["trainer-e000003.json"], (
        "it ended by itself, and wrote its summary"
    )
    assert b"is gone" not in (run.folder / "log").read_bytes()[told:], "each waited for the other"
    assert len(run.trained()) < len(samples), "it was stopped in the middle"
    for child in start_two(run):
        child.succeed()
    run.close()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    assert run.newest.manifest.epoch == 4


@pytest.mark.parametrize(("trainer", "rank"), [("grpo", 1), ("ppo", 0)])
def test_two_processes_train_each_prompt_once_on_its_rewards_and_sigkill_of_either_loses_none(new_run, settings, trainer, rank):
    """50 prompts in steps of 16; killed when the answers of the third step are out and no reward of theirs is back. One goes on alone."""
    prompts = send_prompts(settings, 50)
    run = new_run("rewarded", trainer=trainer, **REWARDED)
    asked, killed = threading.Event(), threading.Event()

    def reward(output: ModelOutput) -> float:
        if output.model_version.endswith("/2"):
            asked.set()
            assert killed.wait(PATIENCE)
        return by_length(output)

    with JudgeThread(settings, reward) as judge:
        children = start_two(run, config={"batch_size": 8})
        assert asked.wait(PATIENCE), children[0].log
        children[rank].kill()
        killed.set()
        assert children[1 - rank].wait() == 1
        assert "another process of this training is gone" in children[1 - rank].log
        run.finish()
    assert account(run.trained(objective="prompt"), prompts) == ALL_THERE_ONCE
    assert {output.prompt_id for output in judge.outputs} == set(prompts), "those of both processes are judged"
    assert run.newest.manifest.epoch == 2
    assert run.newest.manifest.metrics["reward_avg"] > 0


def until_checkpoints(run: Training, launcher: subprocess.Popen[bytes], epoch: int) -> None:
    """Wait until this incarnation has trained: it has made checkpoints of its own."""
    until = time.monotonic() + PATIENCE
    while len(list((run.folder / "checkpoints").glob(f"e{epoch:06d}-s*"))) < 2:
        assert launcher.poll() is None, run.log_text()
        assert time.monotonic() < until, run.log_text()
        time.sleep(0.02)
