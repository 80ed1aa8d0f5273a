"""Fixtures of the fault tests."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.runs import Run
from tests.models.tiny import build


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With dropout, so that weights after a resume are the same only if the random state is, too."""
    folder = build(tmp_path_factory.mktemp("model") / "tiny")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"attention_dropout": 0.1}))
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """For the children: the fork server takes this environment over."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


@pytest.fixture
def new_run(settings: Any, tmp_path: Path, tiny_model: Path) -> Iterator[Any]:
    """Makes runs on this test's own topics; their processes end with the test."""
    runs: list[Run] = []

    def make(name: str = "run", **config: Any) -> Run:
        runs.append(Run(settings, tmp_path, tiny_model, name, **config))
        return runs[-1]

    yield make
    for run in runs:
        run.close()
