"""What a run measures is in Prometheus' gauges under the run's name, and in W&B where that was asked for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import wandb
from prometheus_client import REGISTRY

from schemas.training_sample import Objective
from trainer_node.run.monitor import Monitor, gpu_vram_bytes


def gauge(name: str, run_id: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"run_id": run_id, **labels})


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that has 5 GiB reserved."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 5 << 30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(total_memory=100 << 30))


def measure(monitor: Monitor) -> None:
    monitor.step(7, 2.5, 1e-4, Objective.SFT)
    monitor.evaluated(7, 0.75, {"val_accuracy": 0.75, "val_f1": 0.5}, Objective.SFT)
    monitor.rewarded(7, [1.0, None, 0.8], seconds=1.5)


def test_what_is_measured_is_in_the_gauges_under_the_run_s_name(tmp_path: Path, with_gpu: None):
    monitor = Monitor("gauges", tmp_path, None, {}, vram_cap_gib=20)
    measure(monitor)
    names = ("pelton_training_step", "gpu_vram_bytes", "reward_avg")
    assert [gauge(name, "gauges") for name in names] == [7, 5 << 30, 0.9]
    assert [gauge(name, "gauges", objective="sft") for name in ("training_loss", "val_metric")] == [2.5, 0.75]
    assert [gauge("pelton_val_score", "gauges", objective="sft", score=name) for name in ("val_accuracy", "val_f1")] == [0.75, 0.5]
    assert monitor.values == {
        "training_loss": 2.5,
        "training_loss_sft": 2.5,
        "gpu_vram_bytes": 5 << 30,
        "val_metric": 0.75,
        "val_metric_sft": 0.75,
        "val_accuracy": 0.75,
        "val_accuracy_sft": 0.75,
        "val_f1": 0.5,
        "val_f1_sft": 0.5,
        "reward_avg": 0.9,
    }
    assert gauge("pelton_gpu_vram_cap_bytes", "gauges") == 20 * 2**30
    assert gauge("pelton_reward_wait_seconds_sum", "gauges") == 1.5
    monitor.close()
    assert [gauge(name, "gauges") for name in names] == [None] * 3, "an old value keeps no alert firing"


def test_without_a_device_nothing_is_said_of_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monitor = Monitor("no-device", tmp_path, None, {})
    monitor.step(1, 2.5, 1e-4, Objective.SFT)
    assert gpu_vram_bytes() is None
    assert gauge("gpu_vram_bytes", "no-device") is None
    assert monitor.values == {"training_loss": 2.5, "training_loss_sft": 2.5}


def test_w_and_b_gets_the_same_with_the_run_s_settings_and_without_an_account_it_stays_in_the_run_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_gpu: None
):
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_CONSOLE", "off")
    monitor = Monitor("a-run", tmp_path, "a-project", {"alpha": 32})
    try:
        measure(monitor)
        monitor.step(8, 2.5, 1e-4, Objective.SFT)  # W&B takes in all of a step when the next one begins
        run = wandb.run
        assert run is not None
        assert (run.project, run.id, run.name, dict(run.config), run.offline) == ("a-project", "a-run", "a-run", {"alpha": 32}, True)
        said = {name: value for name, value in dict(run.summary).items() if not name.startswith("_")}
        assert said == monitor.values | {"learning_rate": 1e-4, "learning_rate_sft": 1e-4}
        assert run.step == 8
    finally:
        monitor.close()
    assert wandb.run is None
    assert list(tmp_path.glob("wandb/offline-run-*-a-run/run-a-run.wandb"))
