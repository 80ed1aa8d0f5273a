"""`run.json` in a run's folder: all of its settings, versions and seeds, and which records of which topics it was trained on."""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_node.commit.provenance import Base
from trainer_node.commit.state import FeedState

if TYPE_CHECKING:
    from trainer_node.run.context import RunContext

logger = logging.getLogger(__name__)

RUN = "run.json"
"""The file's name."""
MOST_STARTS = 50
"""Starts that are kept: the first, and the newest."""
PACKAGES = (
    "pelton", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "safetensors", "bitsandbytes", "unsloth",
    "kafka-python", "faust-streaming", "numpy", "pyarrow", "pydantic", "spacy",
)  # fmt: skip


class RunRecord:
    """Keeps the file up to date: at the start, and after each commit."""

    def __init__(self, run: RunContext, base: Base) -> None:
        self._path = run.options.run_dir / RUN
        self._document = read_record(run.options.run_dir) or {"run_id": run.options.run_id, "starts": []}
        starts = [start for start in self._document["starts"] if start["epoch"] != run.claim.fence.epoch]
        starts = [*starts, start_of(run, base)]
        self._document["starts"] = starts[:1] + starts[1:][-(MOST_STARTS - 1) :]
        self._write()

    def committed(self, state: FeedState) -> None:
        """Note which records are done."""
        self._document["data"] = data_of(state)
        self._write()

    def _write(self) -> None:
        beside = self._path.with_name(f".{RUN}.tmp")
        try:
            beside.write_text(json.dumps(self._document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            os.replace(beside, self._path)  # noqa: PTH105
        except OSError as error:
            logger.warning("%s could not be written: %s", self._path, error.strerror or error)


def read_record(run_dir: Path) -> dict[str, Any] | None:
    """What a run's folder says of it; None where there is no such file, or one that cannot be read."""
    try:
        found: dict[str, Any] = json.loads((run_dir / RUN).read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return None


def start_of(run: RunContext, base: Base) -> dict[str, Any]:
    """What this start works with."""
    resumed = run.claim.resumed
    return {
        "epoch": run.claim.fence.epoch,
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "resumed_from": resumed.path.name if resumed else None,
        "from_checkpoint": str(run.options.start.checkpoint) if run.options.start.checkpoint else None,
        "settings": run.config.model_dump(mode="json"),
        "kafka": run.settings.model_dump(mode="json", exclude=set(run.settings.secrets)),
        "seed": run.config.seed,
        "base": base.model_dump(mode="json"),
        "backend": run.loaded.backend,
        "device": run.loaded.device,
        "bits": run.loaded.bits,
        "processes": run.group.size,
        "versions": versions(),
        "machine": machine(),
    }


def versions() -> dict[str, str]:
    """Of Python, and of the packages that decide what is computed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """What it runs on."""
    import psutil
    import torch

    told: dict[str, Any] = {"system": f"{platform.system()} {platform.machine()}", "host": platform.node(), "cores": os.cpu_count()}
    told["memory_gib"] = round(psutil.virtual_memory().total / 2**30, 1)
    if torch.cuda.is_available():
        told["gpu"] = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return told


def data_of(state: FeedState) -> dict[str, Any]:
    """Which records are done, by `topic:partition`: where passes begin, the offset below which all is done, and ranges done above it."""
    position = state.position
    partitions = {
        name: {
            "first": position.pass_start.get(name),
            "done_below": where.watermark,
            "done_above": [list(part) for part in where.done],
            "topic_id": position.topic_ids.get(name.rpartition(":")[0]),
        }
        for name, where in position.partitions.items()
    }
    return {
        "at_step": state.step,
        "noted": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
        "samples_trained": state.samples_trained,
        "partitions": partitions,
        "lost": [loss.model_dump(mode="json") for loss in position.data_losses],
    }
