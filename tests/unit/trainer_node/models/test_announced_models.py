"""A message on `models` names a path: nothing is loaded but what was announced, from where it may be loaded."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

from cli import ask
from schemas.errors import CheckpointError, ConfigError
from schemas.model_version import ModelVersion
from tests.models.tiny import build
from trainer_node.commit.manifest import Checkpoint, checkpoints
from trainer_node.models.announced import announced_checkpoint
from trainer_node.models.loader import load_model, load_tokenizer

UNPICKLE = ("pickle", "dill", "cloudpickle", "marshal", "shelve")
ROOT = Path(__file__).parents[4]
KEPT = ROOT / "tests" / "data" / "checkpoint-v2"
"""A checkpoint as a run of before has written it."""


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    shutil.copytree(KEPT, tmp_path / "runs" / "r")
    return tmp_path / "runs" / "r"


@pytest.fixture
def checkpoint(run_dir: Path) -> Checkpoint:
    return checkpoints(run_dir)[-1]


def version_of(checkpoint: Checkpoint, **other: str) -> ModelVersion:
    said = {"path": str(checkpoint.path), "sha256": checkpoint.sha256, **other}
    return ModelVersion(run_id="r", version="r/1", step=1, pass_number=1, epoch=1, base_model="b", **said)


def test_what_was_announced_is_found(checkpoint: Checkpoint, tmp_path: Path) -> None:
    assert announced_checkpoint(version_of(checkpoint), [tmp_path / "runs"]).sha256 == checkpoint.sha256


@pytest.mark.parametrize("way", ["elsewhere", "dots", "link", "relative", "no-root"])
def test_a_path_outside_the_roots_is_refused_however_it_is_written(checkpoint: Checkpoint, tmp_path: Path, way: str) -> None:
    roots = [] if way == "no-root" else [tmp_path / "other"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "link").symlink_to(checkpoint.path)
    written = {
        "elsewhere": str(checkpoint.path),
        "dots": f"{tmp_path}/other/../{checkpoint.path.relative_to(tmp_path)}",
        "link": f"{tmp_path}/other/link",
        "relative": "runs/r",
        "no-root": str(checkpoint.path),
    }
    with pytest.raises(CheckpointError, match=r"none of the folders|not absolute"):
        announced_checkpoint(version_of(checkpoint, path=written[way]), roots)


def test_another_checkpoint_at_the_place_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not what was announced"):
        announced_checkpoint(version_of(checkpoint, sha256="0" * 64), [tmp_path])


def test_a_changed_file_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    weights = next(checkpoint.path.glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError, match="hash"):
        announced_checkpoint(version_of(checkpoint), [tmp_path])


def test_a_model_that_brings_code_of_its_own_is_refused_and_not_run(tmp_path: Path) -> None:
    folder = build(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    for load in (lambda: load_model(folder, bits=32), lambda: load_tokenizer(folder, 64)):
        with pytest.raises(ConfigError):
            load()
    assert not (tmp_path / "ran").exists()


def test_nothing_of_ours_unpickles_but_weights_alone() -> None:
    """The calls themselves, in all packages that are shipped."""
    found = []
    for package in ("schemas", "reading", "streams", "trainer_node", "feedback_node", "cli", "demo"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                    found += [
                        (path.name, name) for name in names if name.split(".")[0] in ("pickle", "dill", "cloudpickle", "marshal", "shelve")
                    ]
                if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "joblib.load", "numpy.load", "np.load"):
                    kept = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                    found += [] if kept.get("weights_only") == "True" else [(path.name, ast.unparse(node))]
                if isinstance(node, ast.keyword) and node.arg == "trust_remote_code" and ast.unparse(node.value) != "False":
                    found.append((path.name, "trust_remote_code"))
    assert found == []


def test_asking_an_announced_model_names_the_roots_it_may_lie_in() -> None:
    assert {option for parameter in ask.ask.params for option in parameter.opts} >= {"--announced", "--root"}
