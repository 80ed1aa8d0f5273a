"""Every result in `benchmarks/results` says of what commit it is, when it was made and with which seeds, and one helper writes that."""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks import record

BENCHMARKS = sorted(Path(record.__file__).parent.glob("bench_*.py"))
PARTS_OF_ANOTHER = {"bench_unsloth_report.py", "bench_unsloth_worker.py"}
STORED = sorted(record.RESULTS.glob("*.json"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout of one commit."""
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, encoding="utf-8").stdout.strip()


def test_a_result_says_how_it_came_to_be(tmp_path: Path) -> None:
    arguments = argparse.Namespace(steps=3, out=tmp_path / "kept" / "result.json", model=str(tmp_path / "small"), way="a/b")
    record.Record("bench_x", arguments, {"weights": 7}).write({"ratio": 1.5})
    stored = json.loads(arguments.out.read_text())
    made = stored["made"]
    assert stored["ratio"] == 1.5
    assert made["seeds"] == {"weights": 7}
    assert made["arguments"] == {"steps": 3, "out": "result.json", "model": "small", "way": "a/b"}, "of a path, its name alone"
    assert datetime.fromisoformat(made["date"]).tzinfo
    assert {"python", "numpy"} <= made["versions"].keys()
    assert made["hardware"]["cpus"] >= 1


def test_a_run_takes_the_place_of_the_one_of_its_kind_and_leaves_others(tmp_path: Path) -> None:
    arguments = argparse.Namespace(out=tmp_path / "result.json")
    for device, value in (("cpu", 1), ("gpu", 2), ("cpu", 3)):
        record.Record("bench_x", arguments, {}).keep({"device": device, "value": value}, lambda run: run["device"])
    runs = json.loads(arguments.out.read_text())["runs"]
    assert [(run["device"], run["value"]) for run in runs] == [("gpu", 2), ("cpu", 3)]
    assert all("commit" in run["made"] for run in runs)


def test_a_checkout_says_its_commit_and_whether_code_differs_from_it(tree: Path) -> None:
    head = git(tree, "rev-parse", "HEAD")
    assert record.commit(tree) == {"commit": head, "dirty": False}
    (tree / "benchmarks" / "results").mkdir(parents=True)
    (tree / "benchmarks" / "results" / "bench_x.json").write_text("{}")
    assert record.commit(tree) == {"commit": head, "dirty": False}, "what benchmarks write is no change of the code"
    (tree / "code.py").write_text("2\n")
    assert record.commit(tree) == {"commit": head, "dirty": True}


def test_an_unpacked_archive_says_the_commit_it_is_of(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (tree / "benchmarks").mkdir()
    for name in ("benchmarks/COMMIT", ".gitattributes"):
        (tree / name).write_text((record.ROOT / name).read_text())
    git(tree, "add", ".")
    git(tree, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "two")
    unpacked = tmp_path_factory.mktemp("unpacked")
    git(tree, "archive", "--output", str(unpacked / "tree.tar"), "HEAD")
    subprocess.run(["tar", "xf", "tree.tar"], cwd=unpacked, check=True)
    assert record.commit(unpacked) == {"commit": git(tree, "rev-parse", "HEAD"), "dirty": None}


def test_without_a_commit_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PELTON_COMMIT", raising=False)
    with pytest.raises(SystemExit, match="PELTON_COMMIT"):
        record.commit(tmp_path)
    monkeypatch.setenv("PELTON_COMMIT", "abc")
    assert record.commit(tmp_path) == {"commit": "abc", "dirty": None}


@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_writes_its_results_through_the_record_alone(script: Path) -> None:
    tree = ast.parse(script.read_text(encoding="utf-8"))
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    kept = any(call.startswith(f"Record({script.stem!r}, ") for call in calls)
    assert kept is (script.name not in PARTS_OF_ANOTHER)
    assert any(call.removeprefix("self._").startswith(("record.write(", "record.keep(")) for call in calls) is kept
    paths = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert "results" not in paths, "the record knows where results are kept"


@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda path: path.stem)
def test_what_a_benchmark_imports_of_ours_exists(script: Path) -> None:
    """Most is imported where it is used, hours into a run."""
    import importlib

    ours = ("schemas", "reading", "streams", "trainer_node", "feedback_node", "cli", "demo", "reports", "benchmarks", "tests")
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ours:
            module = importlib.import_module(node.module)
            for name in node.names:
                if not hasattr(module, name.name):
                    importlib.import_module(f"{node.module}.{name.name}")


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_result_has_its_commit_date_and_seeds(path: Path) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    runs: list[dict[str, Any]] = [stored] if "made" in stored else stored["runs"]
    assert runs
    for run in runs:
        assert re.fullmatch("[0-9a-f]{40}", run["made"]["commit"])
        assert datetime.fromisoformat(run["made"]["date"]) < datetime.fromisoformat("2100-01-01T00:00:00+00:00")
        assert isinstance(run["made"]["seeds"], dict)
