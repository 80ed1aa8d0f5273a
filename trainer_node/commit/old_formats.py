"""Manifests of older formats, as the newest. The one place that knows how they were written.

Format 1 listed every dead-lettered record, and its early stopping knew the loss alone. Format 2 had ranges of offsets. Both kept the feed's
state as an untyped document, which format 3 replaced by `FeedState`. Up to format 3 one objective was trained at a time: the state had its
pass, pacing and early stopping, and the checkpoint its optimizer alone, beside the weights.
"""

from __future__ import annotations

from typing import Any

from schemas.training_sample import BANDS, Objective
from trainer_node.commit.best import LOSS
from trainer_node.commit.positions import ranges_by_partition

FORMAT = 4
"""Layout of the checkpoints that are written."""
OF_THE_ONE = ""
"""What `trainers` says of the one trainer whose files stood beside the weights: its kind was not written down."""


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """A manifest's document of any format as one of the newest; its `format` stays what it was.

    Raises:
        KeyError, TypeError, ValueError: it lacks what its format has.
    """
    version = document["format"]
    if version >= FORMAT:
        return document
    feed = document["feed"] if version == 3 else _feed(document["feed"], version)
    return document | {"feed": _of_many_objectives(feed, document), "trainers": {feed["objective"]: OF_THE_ONE}}


def _of_many_objectives(feed: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Version 1 of the feed's state as version 2."""
    own = {name: feed[name] for name in ("pass_number", "pacing", "early_stopping") if name in feed}
    if "val_metric" in document.get("metrics", {}):
        own["early_stopping"] = own.get("early_stopping", {}) | {"last": document["metrics"]["val_metric"]}
    objectives = {feed["objective"]: own | {"steps": feed.get("step", 0), "begun": feed.get("step", 0) > 0}}
    if feed["objective"] == Objective.PREFERENCE.value:  # `auto` had done the passes over samples by then, or there never were any
        passes = (document.get("settings") or {}).get("epochs", 1)
        objectives[Objective.SFT.value] = {"pass_number": passes, "finished": True, "begun": True, "pacing": {"highest": BANDS - 1}}
    kept = {name: value for name, value in feed.items() if name not in ("version", "pass_number", "pacing", "early_stopping")}
    return kept | {"objectives": objectives}


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
