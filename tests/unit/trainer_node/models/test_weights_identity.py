"""A fingerprint of a base's weights is the same wherever they lie, and another for other weights."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from trainer_node.models import file_hashes
from trainer_node.models.identity import same_weights, weights_identity
from trainer_node.models.old_identity import BLOCK, BLOCKS

SIZE = BLOCK * BLOCKS * 2
OLD, OLD_FILE = "7ef6767944c25e91", "da93b6dc4eb3536b"
"""What was made of the model below with CONFIG and a stray file, and of a file with an x in it, before whole files were read."""
CONFIG = '{"vocab_size": 9, "rope_theta": 5.0, "rope_parameters": {"rope_theta": 5.0}, "dtype": "float16"}'
LINEAR = {"rope_type": "linear", "factor": 8.0}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELTON_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"vocab_size": 9}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * (SIZE // 256))
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    return folder


def written_at(file: Path, seconds: int) -> None:
    os.utime(file, (seconds, seconds))


def with_config(folder: Path, **config: object) -> str | None:
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return weights_identity(str(folder))


def in_parts(folder: Path) -> Path:
    """The same in two files and an index."""
    (folder / "model.safetensors").unlink()
    for name in ("a.safetensors", "b.safetensors"):
        (folder / name).write_bytes(name.encode())
    index = {"weight_map": {"one": "a.safetensors", "two": "b.safetensors", "three": "a.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def test_a_copy_elsewhere_is_the_same_base(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "moved")
    assert weights_identity(str(tmp_path / "moved")) == weights_identity(str(model))


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("name", ["tokenizer.json", "training_args.bin", "pytorch_model.bin", "more.safetensors", "x.gguf"])
def test_what_is_not_loaded_does_not_make_another(name: str, parts: bool, model: Path) -> None:
    folder = in_parts(model) if parts else model
    before = weights_identity(str(folder))
    (folder / name).write_bytes(b"[]")
    assert weights_identity(str(folder)) == before


@pytest.mark.parametrize("at", [0, BLOCK + 7, SIZE // 2 + BLOCK // 2, SIZE - 1])
def test_other_weights_are_another_wherever_the_difference_is(model: Path, at: int) -> None:
    before = weights_identity(str(model))
    with (model / "model.safetensors").open("r+b") as file:
        file.seek(at)
        file.write(b"?")
    assert weights_identity(str(model)) != before


@pytest.mark.parametrize("name", ["a.safetensors", "b.safetensors"])
def test_of_several_files_each_counts_that_the_index_names(name: str, model: Path) -> None:
    before = weights_identity(str(in_parts(model)))
    (model / name).write_bytes(b"?")
    assert weights_identity(str(model)) not in (before, None)


def test_a_larger_vocabulary_is_another(model: Path) -> None:
    assert with_config(model, vocab_size=9) != with_config(model, vocab_size=10)


def test_a_model_part_of_which_has_not_been_fetched_has_none_yet(model: Path) -> None:
    (in_parts(model) / "b.safetensors").unlink()
    assert weights_identity(str(model)) is None


def test_the_same_model_saved_by_another_version_is_the_same(model: Path) -> None:
    before = weights_identity(str(model))
    saved = {"transformers_version": "9.9", "_name_or_path": "elsewhere", "dtype": "float16", "vocab_size": 9}
    (model / "config.json").write_text(json.dumps(saved, indent=4), encoding="utf-8")
    assert weights_identity(str(model)) == before


@pytest.mark.parametrize(
    ("rope", "again"),
    [
        ({"rope_theta": 5.0, "rope_type": "default"}, {"rope_theta": 5.0, "rope_scaling": None}),
        ({"rope_theta": 5.0, **LINEAR}, {"rope_theta": 5.0, "rope_scaling": {"type": "linear", **LINEAR}}),
        ({"rope_theta": 5.0, "partial_rotary_factor": 0.5}, {"partial_rotary_factor": 0.5}),
        (
            {"full_attention": {"rope_theta": 5.0}, "sliding_attention": {"rope_theta": 2.0}},
            {"rope_theta": 5.0, "rope_local_base_freq": 2.0},
        ),
    ],
)
def test_what_is_said_again_in_old_words_does_not_make_another(rope, again, model: Path) -> None:
    assert with_config(model, rope_parameters=rope, **again) == with_config(model, rope_parameters=rope)
    part = {"text_config": {"rope_parameters": rope}}
    assert with_config(model, text_config=part["text_config"] | again) == with_config(model, **part)


@pytest.mark.parametrize(
    "other", [{"rope_scaling": LINEAR}, {"rope_theta": 6.0}, {"partial_rotary_factor": 0.5}, {"rope_local_base_freq": 1.0}]
)
def test_old_words_that_say_something_else_make_another(other, model: Path) -> None:
    rope = {"rope_theta": 5.0, "rope_type": "default"}
    assert with_config(model, rope_parameters=rope, **other) != with_config(model, rope_parameters=rope)


def test_a_single_file_has_one_whatever_it_is_called(tmp_path: Path) -> None:
    for name, content in (("a.gguf", b"1"), ("b.gguf", b"1"), ("c.gguf", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (weights_identity(str(tmp_path / name)) for name in ("a.gguf", "b.gguf", "c.gguf"))
    assert a == b != c


def test_a_name_on_a_hub_has_none() -> None:
    assert weights_identity("someone/some-model") is None


def test_a_file_is_read_once_until_it_is_written_again(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, read = model / "model.safetensors", []
    monkeypatch.setattr(file_hashes, "sha256_of", lambda path: read.append(path) or f"{len(read)}")
    written_at(weights, 1_000)
    first = weights_identity(str(model))
    assert weights_identity(str(model)) == first
    assert len(read) == 1
    written_at(weights, 2_000)
    assert weights_identity(str(model)) != first
    other = model / "other"
    shutil.copyfile(weights, other)
    written_at(other, 2_000)
    other.replace(weights)  # of the same size and time
    weights_identity(str(model))
    assert len(read) == 3


def test_a_file_that_was_written_just_now_is_read_again(model: Path) -> None:
    weights_identity(str(model))
    assert not list((model.parent / "cache").glob("**/*.json"))


def test_hashes_of_files_that_are_gone_are_not_kept(model: Path, tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"x")
        written_at(tmp_path / name, 1_000)
        weights_identity(str(tmp_path / name))
        (tmp_path / name).unlink()
    (note,) = (tmp_path / "cache" / "hashes").iterdir()
    assert "b.gguf" in note.read_text(encoding="utf-8")


@pytest.mark.parametrize("torn", ["", "[]", '{"stamp": 1}'])
def test_a_cache_that_cannot_be_read_or_written_costs_time_alone(torn: str, model: Path, tmp_path: Path, monkeypatch) -> None:
    written_at(model / "model.safetensors", 1_000)
    wanted = weights_identity(str(model))
    (note,) = (tmp_path / "cache" / "hashes").iterdir()
    note.write_text(torn, encoding="utf-8")
    assert weights_identity(str(model)) == wanted
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PELTON_CACHE", str(tmp_path / "file"))
    assert weights_identity(str(model)) == wanted


def test_a_fingerprint_of_an_older_version_is_recognised_where_the_model_lies(model: Path, tmp_path: Path) -> None:
    (model / "config.json").write_text(CONFIG, encoding="utf-8")
    (model / "old.bin").write_bytes(b"x")
    found = str(weights_identity(str(model)))
    assert found.startswith("v2-")
    assert same_weights(OLD, found, model)
    assert same_weights(found, OLD, model)
    assert not same_weights(OLD[::-1], found, model)
    assert not same_weights(OLD, found, None)
    (tmp_path / "x.gguf").write_bytes(b"x")
    assert same_weights(OLD_FILE, str(weights_identity(str(tmp_path / "x.gguf"))), tmp_path / "x.gguf")
    with (model / "model.safetensors").open("r+b") as file:
        file.write(b"?")
    assert not same_weights(OLD, str(weights_identity(str(model))), model)
