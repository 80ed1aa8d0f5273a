"""A checkpoint that readers get exports of, and what they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.models.checkpoints import commit
from tests.models.family_run import train
from trainer_node.config import TrainConfig
from trainer_node.models.gguf import default_model
from trainer_node.models.restore import find_checkpoint, load_checkpoint, load_for_training

NEW_TOKENS = 16
PROMPTS = [
    f"What is the {thing} of {place}?"
    for thing in ("capital", "largest city", "currency")
    for place in ("France", "Japan", "Brazil", "Kenya", "Poland", "Canada", "Egypt", "India", "Peru", "Norway")
]


def trained(folder: Path, bits: int) -> Path:
    """A checkpoint of the small model, some steps further."""
    base = default_model()
    loaded = load_for_training(TrainConfig(model=str(base), bits=bits, lora_r=8), None)
    train(loaded, steps=4, rate=5e-4)
    (path,) = commit(folder / "run", [loaded], base)
    return path


def loaded_from(checkpoint: Path) -> Any:
    """A checkpoint as Pelton reads it."""
    found = find_checkpoint(checkpoint)
    assert found is not None
    return load_checkpoint(found)


def loss_of(loaded: Any) -> float:
    """Nats a token of the plain text."""
    ids = loaded.tokenizer(text(), return_tensors="pt", add_special_tokens=False)["input_ids"][:, :1200]
    with torch.no_grad():
        return float(loaded.model(input_ids=ids, labels=ids).loss)


def text() -> str:
    """Plain text: our own pages."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path("docs").glob("[a-d]*.md")))[:20_000]
