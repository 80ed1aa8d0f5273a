"""A model that this machine cannot load is refused from its files alone, before a run is claimed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from schemas.errors import ConfigError
from streams.kafka.settings import KafkaSettings
from tests.models.tiny import build
from trainer_node.config import TrainConfig
from trainer_node.models import fits
from trainer_node.models.fits import free_bytes, least_bytes, refuse_what_cannot_be_loaded
from trainer_node.options import RunOptions
from trainer_node.run.claim import check_before_claiming


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny"))


def test_what_weights_take_at_least_is_counted_from_the_headers_of_their_files(tmp_path):
    save_file({"a": torch.zeros(3, 5), "b": torch.zeros(7, dtype=torch.bfloat16)}, tmp_path / "model-1.safetensors", {"format": "pt"})
    save_file({"c": torch.zeros(10, dtype=torch.uint8)}, tmp_path / "model-2.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    assert [least_bytes(tmp_path, bits) for bits in (32, 16, 4)] == [22 * 4 + 10, 22 * 2 + 10, 7 + 3 + 10]
    assert least_bytes(tmp_path / "absent", 32) == 0


def test_a_model_that_does_not_fit_is_refused_with_what_it_takes_and_what_is_free(model, monkeypatch):
    monkeypatch.setattr(fits, "choose_device", lambda device: "cpu")
    needed = least_bytes(model, 32)
    monkeypatch.setattr(fits, "free_bytes", lambda device: needed)
    refuse_what_cannot_be_loaded("m", str(model), 32, "auto")
    monkeypatch.setattr(fits, "free_bytes", lambda device: needed - 1)
    with pytest.raises(ConfigError, match=r"^--model m takes at least 0\.0 GB at 32 bits, and 0\.0 GB are free on cpu: end what else uses"):
        refuse_what_cannot_be_loaded("m", str(model), 32, "auto")
    refuse_what_cannot_be_loaded("m", str(model), 32, "auto", counts_memory=False)
    assert free_bytes("cpu") > needed


@pytest.mark.parametrize(
    ("config", "option", "free", "told"),
    [
        ({"backend": "unsloth"}, {}, 0, "unsloth"),
        ({"bits": 32}, {}, 0, "GB are free"),
        ({"bits": 32}, {"vram_cap_gib": 8.0}, 1 << 50, "--vram-cap-gib has an effect on a CUDA device alone"),
    ],
    ids=["backend", "memory", "cap"],
)
def test_it_is_refused_before_the_broker_is_asked_and_the_run_claimed(model, tmp_path, monkeypatch, config, option, free, told):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(fits, "free_bytes", lambda device: free)
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(ConfigError, match=told):
        check_before_claiming(settings, TrainConfig(model=str(model), **config), RunOptions("r", tmp_path / "r", **option))
    assert not (tmp_path / "r").exists()
