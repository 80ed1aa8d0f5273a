"""The main job from end to end: the account is exact, also when any one of its processes is killed in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.models.tiny import build

ROOT = Path(__file__).parents[2]
DEADLINE_S = 1500
"""Against a hang only: how long a run takes is no matter of these tests."""
pytestmark = pytest.mark.timeout(DEADLINE_S + 120)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny"))


def start_demo(run_dir: Path, *flags: str) -> subprocess.Popen[str]:
    """`pelton demo` as a person starts it; on a broker of its own, whatever broker the suite runs against."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "PELTON_TOPIC"))}
    command = [sys.executable, "-m", "cli.main", "demo", "--run-dir", str(run_dir), "--json", *flags]
    return subprocess.Popen(
        command, cwd=ROOT, env=environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(demo: subprocess.Popen[str]) -> dict:
    out, errors = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 0, f"{errors[-3000:]}\n{out[-1000:]}"
    return json.loads(out)


def node(demo: subprocess.Popen[str], *words: str) -> psutil.Process | None:
    """The demo's child whose command line has these words."""
    for process in psutil.Process(demo.pid).children(recursive=True):
        try:
            if set(words) <= set(process.cmdline()):
                return process
        except psutil.Error:
            continue
    return None


def wait_for(demo: subprocess.Popen[str], what) -> None:
    until = time.monotonic() + DEADLINE_S
    while not what():
        assert demo.poll() is None, demo.communicate()[1][-3000:]
        assert time.monotonic() < until
        time.sleep(0.1)


def check(summary: dict, run_dir: Path) -> None:
    ends = ("samples_trained", "samples_validation", "prompts", "dead_letters", "duplicates")
    assert summary["account_exact"]
    assert summary["samples_produced"] == sum(summary[name] for name in ends)
    assert all(summary[name] > 0 for name in ends)
    assert summary["outputs_judged"] >= summary["prompts"]
    assert sum(summary["lag_at_end"].values()) == 0
    assert json.loads((run_dir / "summary.json").read_text()) == summary
    assert "<html" in (run_dir / "report.html").read_text()


TINY = ("--countries", "6", "--epochs", "2", "--train-flag=--checkpoint-steps=3", "--train-flag=--max-new-tokens=8")


@pytest.mark.parametrize("victim", ["curriculum", "augmenter", "feedback", "trainer"])
@pytest.mark.durable
def test_the_account_is_exact_when_a_process_is_killed_in_the_middle(tiny_model: Path, tmp_path: Path, victim: str):
    run_dir = tmp_path / "run"
    demo = start_demo(run_dir, "--model", str(tiny_model), *TINY)
    words = ("train",) if victim == "trainer" else ("worker", victim)
    if victim == "trainer":
        wait_for(demo, lambda: list((run_dir / "training" / "checkpoints").glob("e000001-*")))
    else:
        wait_for(demo, lambda: node(demo, *words))
        wait_for(
            demo, lambda: (run_dir / "logs" / f"{victim}.log").exists() and "reading" in (run_dir / "logs" / f"{victim}.log").read_text()
        )
    node(demo, *words).kill()
    summary = finish(demo)
    check(summary, run_dir)
    assert summary["restarts"] == {victim: 1}


@pytest.mark.durable
def test_ctrl_c_stops_every_process_and_leaves_no_orphan(tiny_model: Path, tmp_path: Path):
    demo = start_demo(tmp_path / "run", "--model", str(tiny_model), *TINY)
    wait_for(demo, lambda: node(demo, "train"))
    children = psutil.Process(demo.pid).children(recursive=True)
    demo.send_signal(2)
    demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 130
    _, alive = psutil.wait_procs(children, timeout=60)  # what was being started just then ends with its parent, by the kernel
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
@pytest.mark.durable
def test_the_small_model_learns_the_facts_it_is_asked_about(tmp_path: Path):
    """The promise of the main job: wrong answers on held-out wordings down by at least 60 %, reward up, coverage not lower."""
    summary = finish(start_demo(tmp_path / "run"))
    check(summary, tmp_path / "run")
    assert 1 - summary["accuracy_after"] <= 0.4 * (1 - summary["accuracy_before"])
    assert summary["reward_avg_after"] > summary["reward_avg_before"]
    assert summary["coverage_after"] >= summary["coverage_before"]
    assert summary["samples_trained"] == 232
    assert summary["memory_peak_bytes"] < 6 * 2**30
