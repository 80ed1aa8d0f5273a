"""A tiny model for the trainer's unit tests, built once per session."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from tests.models.tiny import build


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tokenizer(tiny_model: Path):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture
def make_sample():
    def make(sample_id: str = "s", prompt: str = "what is a?", completion: str | None = "b.", **other) -> TrainingSample:
        turns = (Turn(role="user", content=prompt),) if prompt else ()
        fields = {"objective": Objective.SFT, "task": Task.QA, "band": 0} | other
        return TrainingSample(sample_id=sample_id, prompt=turns, completion=completion, **fields)

    return make
