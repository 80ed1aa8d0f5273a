"""From flags to a run: its settings, its name and its folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from trainer_node.config import TrainConfig
from trainer_node.node import RunOptions


def train_config(ctx: click.Context, given: dict[str, Any]) -> TrainConfig:
    """Settings from the YAML file's `train:` section and the flags that are settings."""
    path = ctx.params.get("config")
    flags = {name: value for name, value in given.items() if name in TrainConfig.model_fields}
    if flags.get("bits") is not None:
        flags["bits"] = int(flags["bits"])
    return TrainConfig.load(Path(path) if path else None, **flags)


def options_from(given: dict[str, Any]) -> RunOptions:
    """Where and until when."""
    run_id = given["run_id"] or new_run_id()
    return RunOptions(
        run_id=run_id,
        run_dir=given["run_dir"] or Path("runs") / run_id,
        until_consumed=given["until_consumed"] or given["closed_file"] is not None or bool(given["dataset_path"]),
        closed_file=given["closed_file"],
        wait_for=given["wait_for"],
        workers_run_id=given["workers_run_id"],
        metrics_port=given["metrics_port"],
        wandb_project=given["wandb_project"],
    )


def new_run_id() -> str:
    """A name from the time, to the second."""
    return time.strftime("%Y%m%d-%H%M%S")
