"""From flags to a run: its settings, its name and its folder."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from schemas.errors import CheckpointError, ConfigError
from schemas.topics import Topics
from streams.kafka.settings import KafkaSettings
from trainer_node.commit.manifest import Checkpoint, checkpoints, verify
from trainer_node.config import TrainConfig
from trainer_node.intake.start_point import StartPoint, parse_ranges, parse_timestamp
from trainer_node.options import RunOptions


def train_config(ctx: click.Context, given: dict[str, Any]) -> TrainConfig:
    """Settings from the YAML file's `train:` section and the flags that are settings."""
    path = ctx.params.get("config")
    flags = {name: value for name, value in given.items() if name in TrainConfig.model_fields}
    if given["from_checkpoint"] and not flags.get("model"):
        from trainer_node.models.base import name_of_base
        from trainer_node.models.restore import has_adapter

        parent = checkpoint_at(Path(given["from_checkpoint"]))
        flags["model"] = name_of_base(parent.manifest) if has_adapter(parent.path) else parent.manifest.base_model
    return TrainConfig.load(Path(path) if path else None, **flags)


def options_from(given: dict[str, Any], topics: Topics) -> RunOptions:
    """Where from, where to and until when."""
    run_id = given["run_id"] or new_run_id()
    start = start_from(given, topics)
    return RunOptions(
        run_id=run_id,
        run_dir=Path(given["run_dir"] or f"runs/{run_id}"),
        until_consumed=given["until_consumed"] or given["closed_file"] is not None or bool(given["dataset_path"]) or bool(start.ranges),
        closed_file=Path(given["closed_file"]) if given["closed_file"] else None,
        wait_for=given["wait_for"],
        workers_run_id=given["workers_run_id"],
        take_over=given["take_over"],
        start=start,
        metrics_port=given["metrics_port"],
        metrics_host=given["metrics_host"],
        vram_cap_gib=given["vram_cap_gib"],
        wandb_project=given["wandb_project"],
    )


def start_from(given: dict[str, Any], topics: Topics) -> StartPoint:
    """Where a new run begins.

    Raises:
        ConfigError: naming the flag.
    """
    if given["replay"] and given["from_timestamp"]:
        raise ConfigError("--replay names offsets and --from-timestamp a date: give one of them")
    return StartPoint(
        timestamp_ms=parse_timestamp(given["from_timestamp"]) if given["from_timestamp"] else None,
        ranges=parse_ranges(given["replay"], topics),
        checkpoint=checkpoint_at(Path(given["from_checkpoint"])).path if given["from_checkpoint"] else None,
    )


def checkpoint_at(path: Path) -> Checkpoint:
    """The checkpoint at a path, or the newest whole one of the run there.

    Raises:
        ConfigError: there is none.
    """
    try:
        if not (path / "checkpoints").is_dir():
            return verify(path)
        return checkpoints(path)[-1]
    except (CheckpointError, IndexError) as error:
        why = str(error) if isinstance(error, CheckpointError) else "no checkpoint that is whole"
        raise ConfigError(f"--from-checkpoint {path}: {why}; see `pelton checkpoints list`") from None


@contextlib.contextmanager
def folder_of_run(path: Path, is_new: bool) -> Iterator[None]:
    """The run's folder while the block runs; a start that fails before it has anything to keep leaves none behind."""
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    make_folder(path, is_new)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # what is not empty stays
            for folder in made:
                folder.rmdir()


def make_folder(path: Path, is_new: bool) -> None:
    """Make the run's folder, and see that it can be written to.

    Args:
        path: where.
        is_new: the run's name was made up, so that nobody can have a folder of it.

    Raises:
        ConfigError: it cannot be made or written to, or is there already where it should not be.
    """
    try:
        path.mkdir(parents=True, exist_ok=not is_new)
        with tempfile.TemporaryFile(dir=path):
            pass
        _rename_a_folder(path)
    except FileExistsError:
        raise ConfigError(
            f"--run-dir {path}: it is there already, and the run is new: name the run by --run-id, or another folder"
        ) from None
    except OSError as error:
        raise ConfigError(f"--run-dir {path}: the folder cannot be made or written to ({error.strerror})") from None


def _rename_a_folder(path: Path) -> None:
    """See that a folder can be renamed there: a checkpoint appears by that, whole or not at all. Object stores mounted as folders cannot.

    Raises:
        ConfigError: it cannot.
    """
    probe = Path(tempfile.mkdtemp(prefix=".probe-", dir=path))
    renamed = probe.with_suffix(".renamed")
    try:
        probe.rename(renamed)
    except OSError as error:
        probe.rmdir()
        raise ConfigError(
            f"--run-dir {path}: a folder cannot be renamed there ({error.strerror}), and a checkpoint appears by one rename:"
            " name a folder on a local disk, or on a share that can"
        ) from None
    renamed.rmdir()


def as_yaml(settings: KafkaSettings, config: TrainConfig) -> str:
    """All settings of a run, and what was said of the broker, as a file that --config takes; of secrets only that they are set."""
    kafka = settings.model_dump(mode="json", exclude_unset=True, exclude=set(settings.secrets))
    masked = "".join(f"# kafka: {name} is set, and not shown: it stays in the environment, or in a file\n" for name in settings.secrets)
    return masked + yaml.safe_dump({"kafka": kafka, "train": config.model_dump(mode="json", exclude_none=True)}, sort_keys=False)


def new_run_id() -> str:
    """A name from the time, which nobody else makes up in the same second."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
