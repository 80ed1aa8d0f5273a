"""What a run measures is in Prometheus' gauges under the run's name, and in W&B where that was asked for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import wandb
from prometheus_client import REGISTRY

from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.training_sample import Objective
from streams.kafka.embedded import free_port
from tests.models.messages import EXAMPLES
from tests.models.wandb_file import artifacts, config, history, whole
from trainer_node.run.monitor import Monitor, gpu_vram_bytes
from trainer_node.run.wandb_log import WandbLog


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


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_CONSOLE", "off")


ANSWER = ModelOutput(prompt_id="p", prompt="Capital of Poland?", completion="Warsaw.", model_version="a-run/7")


def test_w_and_b_gets_it_all_offline_without_an_account_as_one_run_over_several_starts(tmp_path: Path, no_account: None, with_gpu: None):
    reward = next(one for one in EXAMPLES if isinstance(one, GraphReward))
    for start in range(2):
        monitor = Monitor("a-run", tmp_path, "a-project", {"alpha": 32})
        measure(monitor)
        monitor.answered(7, [(ANSWER, reward), (ANSWER, None)])
        monitor.close()
        assert wandb.run is None
        files = sorted(tmp_path.glob("wandb/offline-run-*-a-run*/run-a-run.wandb"))
        assert len(files) == start + 1
        time.sleep(1.1)  # the folders are named by the second
    for file in files:
        rows = {name: value for row in history(whole(file)) for name, value in row.items()}
        assert {name: rows[name] for name in monitor.values} == monitor.values
        assert (rows["learning_rate"], rows["_step"]) == (1e-4, 7)
        assert config(file)["alpha"] == 32
        assert rows["judged_answers.nrows"] == 2
        (table,) = (file.parent / "files").glob(rows["judged_answers.path"])
        assert json.loads(table.read_text())["data"] == [
            [7, "Capital of Poland?", "Warsaw.", 1.0, 1, 0, 0, 12],
            [7, "Capital of Poland?", "Warsaw.", None, None, None, None, None],
        ]


def test_the_newest_checkpoint_is_an_artifact(tmp_path: Path, no_account: None):
    folder = tmp_path / "e000001-s00000007-c000001"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    log = WandbLog("with-weights", tmp_path, "a-project", {})
    log.checkpoint(folder, 7)
    log.close()
    (file,) = tmp_path.glob("wandb/offline-run-*/run-with-weights.wandb")
    assert artifacts(whole(file))[0] == ("checkpoint-with-weights", "model", ["manifest.json"])


def test_a_key_without_a_network_is_told_and_all_is_kept_offline(tmp_path: Path, no_account: None, monkeypatch, caplog):
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{free_port()}")
    log = WandbLog("no-network", tmp_path, "a-project", {})
    log.log({"training_loss": 1.5}, 1)
    log.close()
    assert "cannot be reached" in caplog.text
    (file,) = tmp_path.glob("wandb/offline-run-*/run-no-network.wandb")
    assert history(whole(file))[0]["training_loss"] == 1.5


def test_a_failure_after_the_start_is_told_once_and_training_goes_on(tmp_path: Path, no_account: None, monkeypatch, caplog):
    log = WandbLog("failing", tmp_path, "a-project", {})
    run = wandb.run
    monkeypatch.setattr(run, "log", lambda *args, **kwargs: 1 / 0)
    for step in range(3):
        log.log({"training_loss": 1.5}, step)
    log.close()
    run.finish()
    assert caplog.text.count("nothing more is sent there, and training goes on") == 1
