"""A dead node is started again, three times a minute at most; then the run fails with one line that names its log."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from streams.supervisor import NodeDied, Supervisor, ended

PYTHON = (sys.executable, "-c")
"""Nodes run the Python code given as their only argument."""


def until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_node_is_started_again_and_it_is_said(tmp_path: Path):
    said: list[str] = []
    with Supervisor(PYTHON, tmp_path, said.append) as nodes:
        node = nodes.start("sleeper", ["import time; time.sleep(60)"])
        node.process.kill()
        nodes.check()
        assert node.process.alive()
        why = "was killed by SIGKILL, which the system sends where memory runs out"
        assert said == [f"sleeper {why}; starting it again (1 of 3 in this minute)"]
    assert not node.process.alive()


@pytest.mark.parametrize(
    ("status", "told"),
    [(1, "ended with status 1"), (-11, "was killed by SIGSEGV"), (-15, "was killed by SIGTERM"), (-40, "was killed by signal 40")],
)
def test_how_a_node_ended_is_said_by_the_name_of_its_signal(status: int, told: str):
    assert ended(status) == told


def test_a_node_that_keeps_dying_fails_the_run_and_names_its_log(tmp_path: Path):
    with Supervisor(PYTHON, tmp_path, lambda text: None) as nodes:
        node = nodes.start("broken", ["import sys; sys.stderr.write('error: the sky fell\\n'); sys.exit(1)"])

        def look() -> None:
            until(lambda: not node.process.alive())
            nodes.check()

        for _ in range(3):
            look()
        with pytest.raises(
            NodeDied, match=r"broken ended with status 1, 3 restarts within 60 s did not help: error: the sky fell .*broken\.log"
        ):
            look()


def test_a_users_mistake_is_not_tried_again(tmp_path: Path):
    with Supervisor(PYTHON, tmp_path, lambda text: None) as nodes:
        node = nodes.start("mistaken", ["import sys; sys.exit(2)"])
        until(lambda: not node.process.alive())
        with pytest.raises(NodeDied, match="mistaken ended with status 2"):
            nodes.check()


def test_a_node_that_has_been_restarted_made_no_mistake_and_is_tried_again(tmp_path: Path):
    code = (
        "import pathlib, sys, time\nif pathlib.Path(sys.argv[1]).exists(): sys.exit(2)\npathlib.Path(sys.argv[1]).touch()\ntime.sleep(60)"
    )
    with Supervisor(PYTHON, tmp_path, lambda text: None) as nodes:
        node = nodes.start("unlucky", [code, str(tmp_path / "begun")])
        until((tmp_path / "begun").exists)
        node.process.kill()
        for _ in range(3):
            until(lambda: not node.process.alive())
            nodes.check()  # as if its broker were away
        until(lambda: not node.process.alive())
        with pytest.raises(NodeDied, match="3 restarts within 60 s did not help"):
            nodes.check()


def test_a_node_that_may_end_has_ended_and_is_not_started_again(tmp_path: Path):
    with Supervisor(PYTHON, tmp_path, lambda text: None) as nodes:
        node = nodes.start("trainer", ["pass"], may_end=True)
        until(lambda: not node.process.alive())
        nodes.check()
        assert node.ended
        assert node.restarted == 0
