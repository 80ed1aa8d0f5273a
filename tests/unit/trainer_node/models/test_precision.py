"""Whoever reads a checkpoint takes the arithmetic it was trained in, and says where that cannot be."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from schemas.errors import CheckpointError, ConfigError
from tests.models.checkpoints import commit
from tests.models.family_run import logits, train
from trainer_node.commit.manifest import Manifest, read_manifest
from trainer_node.commit.provenance import Precision
from trainer_node.config import TrainConfig
from trainer_node.models import placement
from trainer_node.models.export import export_merged
from trainer_node.models.precision import reading, recorded_precision
from trainer_node.models.restore import load_for_asking, load_for_training, swap_adapter

NF4 = Precision(bits=4, dtype="bfloat16", quantization="nf4", backend="hf")


@pytest.fixture(scope="module", params=[16, 32])
def checkpoint(request: pytest.FixtureRequest, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained in these bits, whatever this machine would take by itself."""
    loaded = load_for_training(TrainConfig(model=str(tiny_model), bits=request.param, lora_r=4), None)
    train(loaded)
    (path,) = commit(tmp_path_factory.mktemp("run"), [loaded], tiny_model)
    return path


@pytest.fixture(params=[True, False], ids=["with bfloat16", "without"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose own choice would be 16 bits, or 32."""
    monkeypatch.setattr(placement, "cpu_has_bfloat16", lambda: request.param)


@pytest.mark.usefixtures("machine")
def test_every_reader_takes_the_recorded_precision(checkpoint, tiny_model, tmp_path, caplog):
    recorded = read_manifest(checkpoint)[0].precision
    assert recorded is not None
    config = TrainConfig(model=str(tiny_model), lora_r=4)  # bits are not said
    asked, resumed = load_for_asking(str(checkpoint)), load_for_training(config, checkpoint)
    for loaded in (asked, resumed):
        assert loaded.precision == recorded
        assert str(loaded.model.get_base_model().dtype) == f"torch.{recorded.dtype}"
        adapter = [weight for name, weight in loaded.model.named_parameters() if "lora_" in name]
        assert {weight.dtype for weight in adapter} == {torch.float32}, "an adapter is kept in float32 beside any base"
    assert logits(asked.model).equal(logits(resumed.model))
    swap_adapter(asked, checkpoint)
    exported = export_merged(checkpoint, tmp_path / "out")
    assert exported.dtype == recorded.dtype
    assert exported.fidelity.kl < (0.002 if recorded.bits == 16 else 1e-6)
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        assert {str(file.get_tensor(name).dtype) for name in file.keys()} == {f"torch.{recorded.dtype}"}  # noqa: SIM118 - it is no mapping
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING and "bits" in record.getMessage()]


def test_other_bits_are_taken_where_they_are_asked_for_and_that_is_said(checkpoint, caplog):
    recorded = read_manifest(checkpoint)[0].precision
    assert recorded is not None
    other = 48 - recorded.bits
    loaded = load_for_asking(str(checkpoint), other)
    assert loaded.bits == other
    assert f"was trained at {recorded.bits} bits; read at {other} its answers differ" in caplog.text
    with pytest.raises(CheckpointError, match=f"trained at {recorded.bits} bits in {recorded.dtype}, and the model is at {other}"):
        swap_adapter(loaded, checkpoint)


def test_what_this_machine_cannot_do_is_said_when_asking_and_refused_when_training(caplog):
    read = reading("c", NF4, None)
    assert (read.bits, read.dtype) == (16, "bfloat16")
    assert "checkpoint c was trained at 4 bits; read at 16 its answers differ" in caplog.text
    with pytest.raises(ConfigError, match=r"trained at 4 bits .*give --bits to go on in other ones"):
        reading("c", NF4, None, strict=True)
    assert reading("c", NF4, 16, strict=True).bits == 16
    caplog.clear()
    assert reading("c", NF4.model_copy(update={"backend": "unsloth"}), 16).backend == "hf"
    assert "trained by unsloth: backend unsloth cannot run here" in caplog.text


def test_an_adapter_on_a_quantised_base_is_not_merged_where_the_base_is_not_known(checkpoint, tmp_path):
    path = rewritten(checkpoint, tmp_path, NF4)
    with pytest.raises(ConfigError, match="trained on a base of 4 bits, which cpu cannot hold"):
        export_merged(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def rewritten(checkpoint: Path, folder: Path, precision: Precision) -> Path:
    """The same checkpoint, as if it had been trained in another precision."""
    import shutil

    run_dir = folder / "run"
    shutil.copytree(checkpoint.parent.parent, run_dir)
    path = run_dir / "checkpoints" / checkpoint.name
    manifest = read_manifest(path)[0].model_copy(update={"precision": precision})
    (path / "manifest.json").write_text(manifest.sealed(), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("settings", "found"), [({"bits": 16}, (16, "bfloat16")), ({"bits": 32}, (32, "float32")), ({}, None), (None, None)]
)
def test_an_older_checkpoint_is_read_in_the_bits_that_its_settings_name(checkpoint, settings, found):
    document: dict[str, Any] = json.loads((checkpoint / "manifest.json").read_text(encoding="utf-8"))
    del document["checksum"], document["precision"]
    recorded = recorded_precision(Manifest.model_validate(document | {"settings": settings}))
    assert (recorded and (recorded.bits, recorded.dtype)) == found
