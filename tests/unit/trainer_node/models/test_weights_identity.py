"""A fingerprint of a base's weights is the same wherever they lie, and another for other weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trainer_node.models.identity import BLOCK, BLOCKS, weights_identity


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"vocab_size": 9}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * (BLOCK * BLOCKS * 2 // 256))
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    return folder


def test_a_copy_elsewhere_is_the_same_base(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "moved")
    assert weights_identity(str(tmp_path / "moved")) == weights_identity(str(model))


def test_what_is_no_weight_does_not_make_another(model: Path) -> None:
    before = weights_identity(str(model))
    (model / "tokenizer.json").write_text("[]", encoding="utf-8")
    assert weights_identity(str(model)) == before


@pytest.mark.parametrize("at", [0, BLOCK * BLOCKS * 2 - 1])
def test_other_weights_are_another(model: Path, at: int) -> None:
    before = weights_identity(str(model))
    with (model / "model.safetensors").open("r+b") as file:
        file.seek(at)
        file.write(b"?")
    assert weights_identity(str(model)) != before


def test_a_larger_vocabulary_or_one_file_more_is_another(model: Path) -> None:
    found = {weights_identity(str(model))}
    (model / "config.json").write_text('{"vocab_size": 10}', encoding="utf-8")
    found.add(weights_identity(str(model)))
    (model / "more.safetensors").write_bytes(b"x")
    assert len(found | {weights_identity(str(model))}) == 3


def test_the_same_model_saved_by_another_version_is_the_same(model: Path) -> None:
    before = weights_identity(str(model))
    saved = {"transformers_version": "9.9", "_name_or_path": "elsewhere", "dtype": "float16", "vocab_size": 9}
    (model / "config.json").write_text(json.dumps(saved, indent=4), encoding="utf-8")
    assert weights_identity(str(model)) == before


def test_a_single_file_has_one_whatever_it_is_called(tmp_path: Path) -> None:
    for name, content in (("a.gguf", b"1"), ("b.gguf", b"1"), ("c.gguf", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (weights_identity(str(tmp_path / name)) for name in ("a.gguf", "b.gguf", "c.gguf"))
    assert a == b != c


def test_a_name_on_a_hub_has_none() -> None:
    assert weights_identity("someone/some-model") is None
