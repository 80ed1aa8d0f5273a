"""The demo as a process of its own, and what must be true of its summary."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
DEADLINE_S = 1500
"""Against a hang only: how long a run takes is no matter of these tests."""


def start_demo(run_dir: Path, *flags: str) -> subprocess.Popen[str]:
    """`pelton demo` as a person starts it: on a broker of its own and with all cores, whatever the suite has for itself."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "PELTON_TOPIC", "OMP_"))}
    command = [sys.executable, "-m", "cli.main", "demo", "--run-dir", str(run_dir), "--json", *flags]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite that a shell runs in its background has it ignored
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
