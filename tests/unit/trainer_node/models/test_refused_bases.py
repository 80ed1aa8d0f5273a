"""What a base lacks, or what a LoRA cannot go on, is known and told in one line before a broker or a worker is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import ConfigError
from tests.models.checkpoints import commit
from tests.models.families import build_family
from tests.models.tiny import build
from trainer_node.config import TrainConfig
from trainer_node.models.export import export_adapter
from trainer_node.models.loader import load_model
from trainer_node.models.placement import is_installed
from trainer_node.models.restore import load_for_training
from trainer_node.options import RunOptions
from trainer_node.run.claim import check_before_starting

QUANTISED = {
    "bitsandbytes": {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "optimum": {"quant_method": "gptq", "bits": 4, "group_size": 128},
    "gptqmodel": {"quant_method": "awq", "bits": 4, "group_size": 128},
    "compressed_tensors": {"quant_method": "compressed-tensors", "config_groups": {}, "format": "int-quantized"},
}
"""By the library that reads such weights."""


def start(model: Path, run_dir: Path, **settings: Any) -> None:
    config = TrainConfig.model_validate({"model": str(model), "bits": 32, "lora_r": 2} | settings)
    check_before_starting(config, RunOptions(run_id="r", run_dir=run_dir))


def refused(model: Path, run_dir: Path, **settings: Any) -> str:
    with pytest.raises(ConfigError) as error:
        start(model, run_dir, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("library", QUANTISED)
def test_weights_that_need_a_library_which_is_not_here_are_refused_by_its_name(library, tmp_path):
    if is_installed(library):
        pytest.skip(f"{library} is installed")
    base = build(tmp_path / "base")
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    (base / "config.json").write_text(json.dumps(config | {"quantization_config": QUANTISED[library]}), encoding="utf-8")
    told = refused(base, tmp_path / "run")
    assert told.startswith(f"model {base} needs a library that is not installed: ")
    assert library.replace("_", "-") in told
    with pytest.raises(ConfigError, match="needs a library that is not installed"):
        load_model(base, bits=32, device="cpu")


def test_an_adapter_is_no_model_and_its_base_is_named(tmp_path):
    base = build(tmp_path / "base")
    (checkpoint,) = commit(tmp_path / "run", [load_for_training(TrainConfig(model=str(base), bits=32, lora_r=2), None)], base)
    export_adapter(checkpoint, tmp_path / "adapter")
    assert f"{tmp_path / 'adapter'} holds an adapter and no whole model: give its base ({base})" in refused(
        tmp_path / "adapter", tmp_path / "b"
    )


@pytest.mark.parametrize(("family", "name"), [("llama", "mlp"), ("llama", "norm"), ("mamba", "conv1d")])
def test_a_name_that_carries_no_lora_is_refused_before_anything_starts(family, name, tmp_path):
    base = build_family(family, tmp_path / "base")
    assert f"carries a LoRA by the name {name};" in refused(base, tmp_path / "run", lora_targets=name)
    start(base, tmp_path / "run", lora_targets=name, lora_r=0)
    start(base, tmp_path / "run")


def test_a_run_of_all_weights_goes_on_though_its_base_is_no_longer_whole(tmp_path):
    base = build(tmp_path / "base")
    commit(tmp_path / "run", [load_for_training(TrainConfig(model=str(base), bits=32, lora_r=0), None)], base)
    (base / "model.safetensors").write_bytes(b"torn")
    start(base, tmp_path / "run", lora_r=0)
    assert str(base) in refused(base, tmp_path / "other", lora_r=0), "a new run needs it"
