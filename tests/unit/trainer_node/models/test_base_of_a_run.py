"""A base is a model, wherever it lies, and not a word that was typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from tests.models.checkpoints import commit
from tests.models.family_run import logits
from tests.models.tiny import build
from trainer_node.commit.manifest import read_manifest
from trainer_node.config import TrainConfig
from trainer_node.models.base import base_of, find_base, name_of_base
from trainer_node.models.export import export_merged
from trainer_node.models.gguf import model_source
from trainer_node.models.old_identity import old_identity
from trainer_node.models.restore import load_for_asking, load_for_training


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Trained in `one`, on the base that is called `base` there."""
    (tmp_path / "one").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    build(Path("base"), seed=1)
    loaded = load_for_training(TrainConfig(model="base", bits=32, lora_r=2), None)
    (path,) = commit(tmp_path / "run", [loaded], Path("base"))
    return path


def test_a_checkpoint_finds_its_base_from_any_folder_and_a_moved_one_by_its_weights(checkpoint, tmp_path, monkeypatch):
    wanted = logits(load_for_asking(str(checkpoint)).model)
    (tmp_path / "two").mkdir()
    monkeypatch.chdir(tmp_path / "two")
    build(Path("base"), seed=2)  # another model under the same name
    manifest = read_manifest(checkpoint)[0]
    assert find_base(manifest).source == str(tmp_path / "one" / "base")
    assert name_of_base(manifest) == str(tmp_path / "one" / "base")
    assert logits(load_for_asking(str(checkpoint)).model).equal(wanted)
    shutil.move(tmp_path / "one" / "base", tmp_path / "moved")
    assert logits(load_for_asking(str(checkpoint), base=str(tmp_path / "moved")).model).equal(wanted)


@pytest.mark.parametrize("use", [load_for_asking, lambda path: export_merged(Path(path), Path("out"))], ids=["ask", "export"])
def test_another_model_in_its_place_is_refused_with_both_fingerprints(checkpoint, tmp_path, use):
    ours = base_of("base").weights
    shutil.rmtree("base")
    build(Path("base"), seed=2)
    with pytest.raises(ConfigError, match=rf"weights {ours}.*weights {base_of('base').weights}. is another model") as refused:
        use(str(checkpoint))
    assert "--base" in str(refused.value)
    assert not Path("out").exists()


def test_a_base_that_an_older_version_has_written_down_is_found_and_another_is_not(checkpoint, tmp_path):
    manifest = read_manifest(checkpoint)[0]
    old = manifest.model_copy(update={"base": manifest.base.model_copy(update={"weights": old_identity(Path("base"))})})
    assert find_base(old).weights == manifest.base.weights, "from now on it is known by its whole files"
    shutil.copytree("base", tmp_path / "moved")
    assert find_base(old, str(tmp_path / "moved")).source == str(tmp_path / "moved")
    other = build(tmp_path / "other", seed=2)
    with pytest.raises(ConfigError, match="is another model"):
        find_base(old, str(other))
    shutil.rmtree("base")
    shutil.copytree(other, "base")
    with pytest.raises(ConfigError, match="is another model"):
        find_base(old)


def test_a_name_that_was_a_folder_is_never_asked_of_a_hub(checkpoint, tmp_path, monkeypatch):
    shutil.rmtree("base")
    with pytest.raises(ConfigError, match=r"there is no model at .*/one/base: name the place where it is now by --base"):
        load_for_asking(str(checkpoint))


def test_a_base_that_is_named_and_not_there_is_not_called_another_model(checkpoint, tmp_path):
    with pytest.raises(
        ConfigError, match="and nosuch is no folder here, nor a hub's model that has been fetched: name its place by --base"
    ):
        load_for_asking(str(checkpoint), base="nosuch")
    with pytest.raises(ConfigError, match=r"there is no model at \./nosuch"):
        load_for_asking(str(checkpoint), base="./nosuch")


def test_an_adapter_names_its_base_by_path_and_by_weights(checkpoint, tmp_path):
    import json

    settings = json.loads((checkpoint / "adapter_config.json").read_text(encoding="utf-8"))
    assert settings["base_model_name_or_path"] == str(tmp_path / "one" / "base")
    assert settings["auto_mapping"]["base_weights"] == base_of("base").weights


def test_a_gguf_file_of_a_family_that_cannot_be_trained_is_refused_before_anything_starts(tmp_path):
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "other.gguf", "rwkv9")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(ConfigError, match="of family rwkv9, and only llama can be trained"):
        model_source(str(tmp_path / "other.gguf"))
    (tmp_path / "none.gguf").write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigError, match="is no GGUF file"):
        model_source(str(tmp_path / "none.gguf"))
