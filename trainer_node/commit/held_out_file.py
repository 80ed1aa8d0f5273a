"""Held-out samples of a checkpoint: a file beside its manifest, one sample a line. Up to format 3 they stood in the manifest."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.training_sample import TrainingSample
from trainer_node.commit.manifest import Checkpoint
from trainer_node.commit.state import FeedState, HeldOutState

HELD_OUT = "held_out.jsonl"
"""The file's name."""


def write_held_out(folder: Path, state: HeldOutState) -> None:
    """Write them into a checkpoint that is being made."""
    head = {"fixed": [objective.value for objective in state.fixed], "labels": state.labels}
    with (folder / HELD_OUT).open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, ensure_ascii=False) + "\n")
        for kind in ("validation", "prompts"):
            for sample in getattr(state, kind):
                file.write(json.dumps({kind: sample.model_dump(mode="json", exclude_none=True)}, ensure_ascii=False) + "\n")


def feed_of(checkpoint: Checkpoint) -> FeedState:
    """Where a checkpoint stands on the stream, with its held-out samples."""
    path, feed = checkpoint.path / HELD_OUT, checkpoint.manifest.feed
    if not path.is_file():
        return feed
    with path.open(encoding="utf-8") as file:
        found: dict[str, list[TrainingSample]] = {"validation": [], "prompts": []}
        head = json.loads(file.readline())
        for line in file:
            ((kind, document),) = json.loads(line).items()
            found[kind].append(TrainingSample.model_validate(document))
    samples = {kind: tuple(samples) for kind, samples in found.items()}
    return feed.model_copy(update={"held_out": HeldOutState(fixed=head["fixed"], labels=head.get("labels", ()), **samples)})
