"""Sharded weights, by accelerate's launcher and the file in the docs: all that is true of two processes with whole weights stays so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.model_output import ModelOutput
from schemas.sample import Split, Task
from schemas.training_sample import Objective
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, PATIENCE, account, produce, sample
from tests.integration.test_rl_stream import JudgeThread, by_length, send_prompts
from tests.integration.test_two_processes import ROOT, Training, losses_of, until_checkpoints
from tests.models.tiny import build

TWO_GPUS = [pytest.mark.gpu, pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two CUDA devices")]
pytestmark = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=TWO_GPUS)])
FILE = next(block for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/several_gpus.md").read_text(), re.S) if "FSDP" in block)


class Sharded(Training):
    """A run whose incarnations of two processes hold a shard of the weights each; one process holds them whole."""

    file: Path
    settings_given: dict[str, Any]

    def launcher(self, processes: int) -> list[str]:
        return ["accelerate.commands.launch", "--config_file", str(self.file), "--num_processes", str(processes)]

    @property
    def more(self) -> dict[str, Any]:
        asks = {"reward-timeout-s": 0} if "held-out-prompts" in self.settings_given else {}
        return super().more | {"backend": "hf"} | asks | self.settings_given


@pytest.fixture
def new_training(settings: KafkaSettings, tmp_path: Path, device: str) -> Any:
    def new(name: str, trainer: str, recompute: bool = False, **given: Any) -> Sharded:
        run = Sharded(settings, tmp_path, build(tmp_path / "tiny"), name, trainer=trainer)
        run.file, run.settings_given = tmp_path / "fsdp.yaml", {key.replace("_", "-"): value for key, value in given.items()}
        run.file.write_text(
            FILE.replace("fsdp_activation_checkpointing: false", f"fsdp_activation_checkpointing: {str(recompute).lower()}")
        )
        run.on_gpus = device == "cuda"
        return run

    return new


def hold_out(settings: KafkaSettings) -> None:
    """Validation samples with and without labels, and prompts to ask."""
    held_out = [sample(number, sample_id=f"v{number}", split=Split.VALIDATION) for number in range(900, 905)]
    labelled = {"task": Task.CLASSIFICATION, "label_set": ("yes", "no"), "split": Split.VALIDATION, "completion": "yes"}
    held_out += [sample(number, sample_id=f"v{number}").model_copy(update=labelled) for number in range(905, 910)]
    prompts = [
        sample(number, sample_id=f"p{number}").model_copy(update={"objective": Objective.PROMPT, "completion": None}) for number in range(3)
    ]
    with Producer(settings) as producer:
        for one in held_out:
            producer.send(settings.topics.band(Objective.SFT, 0), one.sample_id, one)
        for one in prompts:
            producer.send(settings.topics.band(Objective.PROMPT, 0), one.sample_id, one)


def answers_of(settings: KafkaSettings, run_id: str) -> dict[tuple[str, str | None], str]:
    outputs = [ModelOutput.decode(record.value) for record in read_range(settings, settings.topics.outputs.name)]
    return {(output.prompt_id, output.phase): output.completion for output in outputs if output.run_id == run_id}


def test_processes_with_sharded_weights_do_what_one_does_with_all(settings, new_training):
    """Losses, evaluations in the middle and at the end, and answers before and after; the last batch is partial."""
    hold_out(settings)
    samples = produce(settings, 70)
    given = {"eval_steps": 2, "held_out_prompts": 3, "patience": 0}
    one, two = new_training("one", "sft", **given), new_training("two", "sft", **given)
    assert "weights are sharded" not in one.succeed_alone()
    two.succeed(2)
    assert "weights are sharded" in two.log_text()
    assert account(two.trained(objective="sft"), samples) == ALL_THERE_ONCE
    alone, together = losses_of(settings, "one"), losses_of(settings, "two")
    assert set(alone) == set(together) == set(samples)
    for sample_id, event in alone.items():
        assert together[sample_id].loss == pytest.approx(event.loss, rel=2e-3, abs=2e-4)
        assert together[sample_id].step == event.step
    measured, again = one.newest.manifest.metrics, dict(two.newest.manifest.metrics)
    again.pop("gpu_vram_bytes", None)  # one process computes on the CPU
    assert "val_metric" in measured
    assert again == pytest.approx(measured, rel=5e-3, abs=5e-4)
    answers = answers_of(settings, "two")
    assert len(answers) == 6
    assert answers == answers_of(settings, "one")
    files = {path.name for path in one.newest.path.iterdir()} - {"rng_state.pth"}
    assert {path.name for path in two.newest.path.iterdir()} == files | {"rng_state_0.pth", "rng_state_1.pth"}
    assert {name: weight.shape for name, weight in two.weights().items()} == {name: weight.shape for name, weight in one.weights().items()}


def test_a_run_goes_on_from_sharded_to_whole_weights_and_back(settings, new_training):
    """Stopped with shards, then with whole weights, and ended with shards: every loss as if one process had trained without a stop.

    With shards, activations are computed twice.
    """
    samples = produce(settings, 240, Objective.PREFERENCE)
    whole, run = new_training("whole", "dpo"), new_training("changing", "dpo", recompute=True)
    whole.succeed_alone()
    for epoch, processes in enumerate((2, 1), 1):
        launcher = run.launch(processes)
        until_checkpoints(run, launcher, epoch)
        launcher.terminate()
        launcher.wait(PATIENCE)
        assert run.newest.manifest.epoch == epoch
    assert len(run.trained(objective="preference")) < len(samples), "it was stopped in the middle"
    run.succeed(2)
    assert account(run.trained(objective="preference"), samples) == ALL_THERE_ONCE
    assert run.trained(objective="preference") == whole.trained(objective="preference"), "in the same order"
    expected, found = losses_of(settings, "whole"), losses_of(settings, "changing")
    for sample_id, event in expected.items():
        assert found[sample_id].loss == pytest.approx(event.loss, rel=1e-2, abs=1e-3)


def test_processes_with_sharded_weights_train_each_prompt_once_on_its_rewards(settings, new_training):
    """Two whole steps and a partial one."""
    prompts = send_prompts(settings, 35)
    run = new_training("rewarded", "grpo", reward_timeout_s=60)
    with JudgeThread(settings, by_length):
        run.succeed(2)
    assert "weights are sharded" in run.log_text()
    assert account(run.trained(objective="prompt"), prompts) == ALL_THERE_ONCE
    assert run.newest.manifest.metrics["reward_avg"] > 0
