"""What `pelton export` writes is read by vLLM's own reader of adapters as it is, and served by vLLM's engine with the checkpoint's answers.

It is vLLM's build for a CPU, beside Pelton's own torch and Transformers, in one process. Not run here: a GPU, with its kernels for
adapters, half precision, graphs and several devices; serving an adapter of experts, whose kernels are Triton's; the HTTP server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from scripts import readers
from tests.models.family_run import FamilyRun, train
from tests.readers.exported import NEW_TOKENS, PROMPTS, loaded_from
from trainer_node.config import TrainConfig
from trainer_node.models.export import export_adapter
from trainer_node.models.gguf import default_model

pytestmark = [pytest.mark.skipif(not os.environ.get("PELTON_TEST_READERS"), reason="by `make test-readers`"), pytest.mark.timeout(1800)]
PREFIX = "base_model.model."
"""Before the names of a model's own layers, where PEFT has wrapped it."""


@pytest.fixture(scope="module")
def exported(checkpoint: Path) -> Path:
    export_adapter(checkpoint, checkpoint.parent / "adapter")
    return checkpoint.parent / "adapter"


def read(what: str, folder: Path, **wanted: Any) -> dict[str, Any]:
    """What vLLM makes of an export. It sends no figures of its use, and keeps what it writes in the folder."""
    asked = folder / "asked.json"
    asked.write_text(json.dumps({"prompts": PROMPTS, "new_tokens": NEW_TOKENS} | wanted), encoding="utf-8")
    settings = {
        "PYTHONPATH": str(readers.vllm_folder()), "HF_HUB_OFFLINE": "1", "VLLM_TARGET_DEVICE": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1", "VLLM_CACHE_ROOT": str(folder), "VLLM_CONFIG_ROOT": str(folder),
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__).with_name("read_vllm.py")), what, str(asked)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=900, env=os.environ | settings)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def layers_of(model: Any) -> dict[str, Any]:
    """The layers that have an adapter, by the names that they have in their base."""
    return {name.removeprefix(PREFIX): module for name, module in model.named_modules() if "default" in getattr(module, "lora_A", {})}


def read_as_trained(checkpoint: Path, exported: Path, folder: Path) -> dict[str, Any]:
    """What vLLM's reader has of an adapter, once it is found to be what Pelton has of the checkpoint."""
    model = loaded_from(checkpoint).model
    ours = layers_of(model)
    linear = sorted({name.rsplit(".", 1)[-1] for name in ours})
    found = read("adapter", folder, path=str(exported), linear=linear, weights=str(folder / "read.safetensors"))
    wanted = {
        name: {"rank": layer.r["default"], "alpha": layer.lora_alpha["default"], "scale": layer.scaling["default"]}
        for name, layer in ours.items()
    }
    assert found["layers"] == wanted
    assert found["rank"] == model.peft_config["default"].r
    assert sorted(map(tuple, found["names"].values())) == sorted((name, is_a) for name in ours for is_a in (False, True))
    theirs = load_file(folder / "read.safetensors")
    assert len(theirs) == 2 * len(ours) > 0
    for name, layer in ours.items():
        for part, own in (("lora_a", layer.lora_A), ("lora_b", layer.lora_B)):
            assert torch.equal(theirs[f"{name}.{part}"], own["default"].weight), (name, part)
    return found


def test_vllms_reader_knows_every_name_in_the_adapter_and_has_each_weight_rank_and_scale_as_trained(checkpoint, exported, tmp_path):
    found = read_as_trained(checkpoint, exported, tmp_path)
    assert TrainConfig(model="any").lora_r <= found["default_rank"], "what vLLM takes without --max-lora-rank"


def test_vllms_reader_has_each_weight_of_an_adapter_of_experts(tmp_path):
    run = FamilyRun("qwen3_moe", tmp_path)
    loaded = run.new()
    train(loaded)
    checkpoint = run.commit(loaded)
    export_adapter(checkpoint, tmp_path / "adapter")
    found = read_as_trained(checkpoint, tmp_path / "adapter", tmp_path)
    assert {"model.layers.0.mlp.experts", "model.layers.0.mlp.experts.base_layer"} < set(found["layers"])


def test_vllm_answers_as_pelton_with_the_adapter_beside_its_base_and_otherwise_without(exported, ours, tmp_path):
    found = read("serve", tmp_path, path=str(default_model()), adapter=str(exported))
    assert found["answers"] == ours["answers"]
    assert found["without"] != ours["answers"]


def test_vllm_answers_as_pelton_from_merged_weights(merged, ours, tmp_path):
    assert read("serve", tmp_path, path=str(merged))["answers"] == ours["answers"]
