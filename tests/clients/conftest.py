"""Other people's tools, which `make test-clients` installs and asks for; elsewhere what needs them is skipped, and says so."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from scripts import clients

WANTED = bool(os.environ.get("PELTON_TEST_CLIENTS"))
"""Whether they are asked for: they take half a minute, and the plain suite has its own, quick look at what is published."""
Run = Callable[..., str]
"""Runs a program; its arguments, `cwd` if wanted; what it printed, on both streams. Fails the test where the program does."""


def run(words: Sequence[str | Path], **about: object) -> str:
    """A `Run`."""
    environment = {**os.environ, "NODE_PATH": str(clients.node_modules()), "KAFKAJS_NO_PARTITIONER_WARNING": "1"}
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=environment,
        timeout=300,
        **about,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return str(done.stdout)


@pytest.fixture(scope="session")
def node() -> Run:
    """Runs a script with Node and the packages that are tried."""
    program = shutil.which("node")
    if program is None or not WANTED or not clients.node_modules().is_dir():
        pytest.skip("no Node here" if program is None else "with others' tools: make test-clients")
    return lambda script, *words, **about: run([program, script, *words], **about)


@pytest.fixture(scope="session")
def other_python() -> Run:
    """Runs a module or a script with the Python that has the packages that are tried."""
    if not WANTED or not clients.python().exists():
        pytest.skip("with others' tools: make test-clients")
    return lambda *words, **about: run([clients.python(), *words], **about)
