"""A checkpoint that a message on `models` names: loaded only from folders that are allowed, and only if it is what was announced.

A message can name any path. So the path, links followed, must lie in one of the allowed roots; the manifest there must have the announced
hash, and every file the manifest's; and all weights are safetensors, which hold numbers and nothing that runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import CheckpointError
from schemas.model_version import ModelVersion
from trainer_node.commit.manifest import Checkpoint, read_manifest, verify

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
"""How files end that can run code when they are read carelessly."""
OUR_STATES = ("optimizer.pt", "scheduler.pt", "rng_state")
"""How the names of those begin that a trainer itself goes on from; whoever loads a model for answers reads none of them."""


def announced_checkpoint(version: ModelVersion, roots: Sequence[Path]) -> Checkpoint:
    """The checkpoint that was announced, verified.

    Args:
        version: the message.
        roots: folders below which a checkpoint may lie.

    Raises:
        CheckpointError: it lies elsewhere, is another than was announced, is torn, or has weights that are not safetensors.
    """
    name = version.version[:200]
    path = Path(version.path)
    if "\0" in version.path or not path.is_absolute():
        raise CheckpointError(f"{name}: its path is not absolute")
    found = path.resolve()
    if not any(found.is_relative_to(root.resolve()) for root in roots):
        allowed = ", ".join(str(root) for root in roots) or "none"
        raise CheckpointError(f"{name}: {version.path} lies in none of the folders that models are loaded from ({allowed})")
    if (digest := read_manifest(found)[1]) != version.sha256:
        raise CheckpointError(f"{name}: what lies at {version.path} is not what was announced (its manifest has the hash {digest[:12]}…)")
    checkpoint = verify(found)
    there = [file for file in checkpoint.manifest.files if Path(file).suffix in PICKLED and not Path(file).name.startswith(OUR_STATES)]
    if there:
        raise CheckpointError(f"{name}: {there[0]} is no safetensors, and pickled weights are not read")
    return checkpoint
