"""What all readers are held against: one checkpoint, its answers, and its merged weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.readers.exported import NEW_TOKENS, PROMPTS, loaded_from, loss_of, trained
from trainer_node.config import TrainConfig
from trainer_node.models.export import export_merged
from trainer_node.models.generation import answer, as_prompt
from trainer_node.models.gguf import default_model
from trainer_node.models.restore import load_for_training


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In float32."""
    return trained(tmp_path_factory.mktemp("readers"), 32)


@pytest.fixture(scope="session")
def ours(checkpoint: Path) -> dict[str, Any]:
    """What Pelton itself answers, and its loss."""
    loaded = loaded_from(checkpoint)
    answers = answer(loaded.model, loaded.tokenizer, [as_prompt(prompt) for prompt in PROMPTS], NEW_TOKENS)
    base = load_for_training(TrainConfig(model=str(default_model()), bits=32, lora_r=1), None)
    assert len(set(answers)) > len(PROMPTS) / 2, "it still answers"
    assert answers != answer(base.model, base.tokenizer, [as_prompt(prompt) for prompt in PROMPTS], NEW_TOKENS), (
        "and otherwise than its base"
    )
    return {"answers": answers, "loss": loss_of(loaded)}


@pytest.fixture(scope="session")
def merged(checkpoint: Path) -> Path:
    return export_merged(checkpoint, checkpoint.parent / "merged").folder
