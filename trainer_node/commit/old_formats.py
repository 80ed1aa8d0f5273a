"""Manifests of older formats, as the newest. The one place that knows how they were written.

Format 1 listed every dead-lettered record, and its early stopping knew the loss alone. Format 2 had ranges of offsets. Both kept the feed's
state as an untyped document, which format 3 replaced by `FeedState`.
"""

from __future__ import annotations

from typing import Any

from trainer_node.commit.best import LOSS
from trainer_node.commit.positions import ranges_by_partition

FORMAT = 3
"""Layout of the checkpoints that are written."""


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """A manifest's document of any format as one of the newest; its `format` stays what it was.

    Raises:
        KeyError, TypeError, ValueError: it lacks what its format has.
    """
    if document["format"] < FORMAT:
        return document | {"feed": _feed(document["feed"], document["format"])}
    return document


def _feed(feed: dict[str, Any], version: int) -> dict[str, Any]:
    dead = feed.get("dead", {})
    return {
        "objective": feed["objective"],
        "pass_number": feed["pass"],
        "step": feed["step"],
        "samples_trained": feed["samples_trained"],
        "position": {
            "partitions": feed["positions"],
            "pass_start": feed["pass_start"],
            "bounds": feed.get("bounds", {}),
            "data_losses": [_data_loss(loss) for loss in feed.get("data_losses", [])],
        },
        "pacing": feed["pacing"],
        "repeats": {"dead_lettered": ranges_by_partition(dead) if version == 1 else dead},
        "early_stopping": _early_stopping(feed.get("early", {})),
        "held_out": {"validation": feed["validation"], "prompts": feed["prompts"]},
    }


def _data_loss(loss: dict[str, Any]) -> dict[str, Any]:
    return {"pass_number": loss["pass"]} | {name: loss[name] for name in ("topic", "partition", "first", "last")}


def _early_stopping(early: dict[str, Any]) -> dict[str, Any]:
    return early if "best" not in early else {"measure": LOSS} | early
