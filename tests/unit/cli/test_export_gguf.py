"""What is said of a GGUF file, whether or not Transformers reads it back. A script of ours stands in for the converter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.export import export
from cli.export_told import document, is_another_model
from schemas.errors import UserError
from tests.models.checkpoints import commit
from tests.models.tiny import build
from trainer_node.config import TrainConfig
from trainer_node.models.export import Exported
from trainer_node.models.fidelity import Fidelity
from trainer_node.models.restore import load_for_training

CONVERTER = """import sys
from gguf import GGUFWriter
target = sys.argv[sys.argv.index("--outfile") + 1]
writer = GGUFWriter(target, "nobodys")
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.close()
"""
"""Writes a file of a family that Transformers does not read."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    base = build(folder / "base")
    (path,) = commit(folder / "run", [load_for_training(TrainConfig(model=str(base), bits=32, lora_r=2), None)], base)
    return path


@pytest.fixture
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    (folder / "convert_hf_to_gguf.py").write_text(CONVERTER, encoding="utf-8")
    monkeypatch.setenv("PELTON_LLAMA_CPP", str(folder))
    return folder / "convert_hf_to_gguf.py"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(export, [str(argument) for argument in arguments])


@pytest.mark.usefixtures("converter")
def test_a_file_that_cannot_be_read_back_here_is_named_and_stays_and_is_no_failure(checkpoint, tmp_path):
    target = tmp_path / "out" / "v1.2.gguf"
    result = run(checkpoint, "--gguf", target)
    assert result.exit_code == 0, result.exception
    (told,) = (line for line in result.stderr.splitlines() if "could not be read back here" in line)
    assert told.startswith(f"{target} is written; could not be read back here: ")
    assert "nobodys" in told, "and why"
    assert f"wrote {target}" in result.stdout
    assert "mean KL" not in result.output
    assert sorted(path.name for path in target.parent.iterdir()) == ["v1.2.gguf", "v1.2.gguf.Modelfile", "v1.2.gguf.md"]


@pytest.mark.usefixtures("converter")
def test_each_target_is_a_line_of_json_and_what_is_not_known_is_null(checkpoint, tmp_path):
    result = run(checkpoint, "--gguf", tmp_path / "m.gguf", "--merge", tmp_path / "m", "--adapter", tmp_path / "a", "--json")
    assert result.exit_code == 0, result.exception
    adapter, merged, gguf = (json.loads(line) for line in result.stdout.splitlines())
    assert adapter.keys() == {"target", "path", "bytes"}
    assert (merged["target"], merged["dtype"], merged["not_read_back"]) == ("merge", "float32", None)
    assert merged["fidelity"]["kl"] < 1e-6
    assert merged["fidelity"]["another_model"] is False
    assert (gguf["path"], gguf["dtype"], gguf["fidelity"]) == (str(tmp_path / "m.gguf"), "f32", None)
    assert "nobodys" in gguf["not_read_back"]


def test_a_conversion_that_fails_leaves_no_file(checkpoint, tmp_path, converter):
    converter.write_text(CONVERTER + "sys.exit('it is not known')\n", encoding="utf-8")
    result = run(checkpoint, "--gguf", tmp_path / "out" / "m.gguf")
    assert isinstance(result.exception, UserError)
    assert "it is not known" in str(result.exception)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(("kl", "another"), [(0.001, False), (0.01, False), (0.06, True), (float("nan"), True)])
def test_a_divergence_that_is_large_or_no_number_is_another_model(kl, another):
    exported = Exported(Path("m"), "float16", 1, Fidelity(kl, 0.5, 10), True)
    assert is_another_model(exported) is another
    assert "NaN" not in json.dumps(document("merge", exported))


def test_all_targets_are_written_before_the_exit_code_says_that_one_is_another_model(checkpoint, tmp_path, converter, monkeypatch):
    monkeypatch.setattr("trainer_node.models.export.OTHER_MODEL", -1.0)
    result = run(checkpoint, "--merge", tmp_path / "m", "--gguf", tmp_path / "m.gguf")
    assert result.exit_code == 1
    assert (tmp_path / "m.gguf").exists()
    assert "another model" in result.stderr
    assert converter.exists()


@pytest.mark.usefixtures("converter")
def test_the_card_beside_a_file_says_the_licence_of_a_base_that_has_moved(tmp_path):
    base = build(tmp_path / "base")
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    (checkpoint,) = commit(tmp_path / "run", [load_for_training(TrainConfig(model=str(base), bits=32, lora_r=2), None)], base)
    base.rename(tmp_path / "moved")
    assert run(checkpoint, "--gguf", tmp_path / "m.gguf", "--base", tmp_path / "moved").exit_code == 0
    assert "license: apache-2.0" in (tmp_path / "m.gguf.md").read_text(encoding="utf-8")
