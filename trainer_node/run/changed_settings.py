"""Settings that are not those of the checkpoint a run goes on from: what may change is said, what cannot is refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError
from trainer_node.commit.manifest import Checkpoint
from trainer_node.commit.provenance import Base, shown
from trainer_node.config import TrainConfig
from trainer_node.models.base import is_same, recorded_base

logger = logging.getLogger(__name__)

ADAPTER_CONFIG = "adapter_config.json"
OF_THE_ADAPTER = {"lora_r": "r", "alpha": "lora_alpha"}
"""Settings that a LoRA keeps as long as it lives, by their names in PEFT's file."""


WITHOUT_EFFECT = {"seed": "the random state of the checkpoint goes on"}
"""Settings that a run that goes on takes no notice of, and why."""


def check_weights(checkpoint: Checkpoint, config: TrainConfig, base: Base) -> None:
    """Refuse to go on with weights that the checkpoint's do not belong to.

    Args:
        checkpoint: whose weights are to go on.
        config: what is asked for now.
        base: what `config.model` leads to.

    Raises:
        ConfigError: another base, or a LoRA of another rank, scale or other layers; names both, and what to do.
    """
    manifest = checkpoint.manifest
    kept = adapter_settings(checkpoint.path)
    recorded = recorded_base(manifest)
    if needs_base(checkpoint) and recorded.weights is not None and not is_same(recorded, base):
        raise ConfigError(
            f"checkpoint {manifest.name} was trained on model {shown(recorded)}, and {_other(config, manifest.base_model, base)}:"
            " name the model it was trained on, or begin a new run"
        )
    _check_targets(checkpoint, config)
    wanted = {name: getattr(config, name) for name in OF_THE_ADAPTER}
    for name, value in kept.items():
        if wanted[name] != value:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(
                f"checkpoint {manifest.name} has {flag} {value}, and {flag} {wanted[name]} is asked for:"
                f" a LoRA keeps what it was made with; give {flag} {value}, or begin a new run"
            )


def needs_base(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is an adapter, which is nothing without its base; one of all weights is a model of its own."""
    return (checkpoint.path / ADAPTER_CONFIG).is_file()


def _other(config: TrainConfig, base_model: str, base: Base) -> str:
    if config.model == base_model:
        return f"{shown(base)} stands there now"
    return f"--model {config.model} is {shown(base)}"


def _check_targets(checkpoint: Checkpoint, config: TrainConfig) -> None:
    """Refuse other layers than the LoRA has; where none are named, it goes on with those it has."""
    had = (checkpoint.manifest.settings or {}).get("lora_targets")
    if config.lora_targets is not None and config.lora_targets != had and needs_base(checkpoint):
        raise ConfigError(
            f"checkpoint {checkpoint.manifest.name} has a LoRA on {had or 'all linear layers'}, and --lora-targets {config.lora_targets}"
            " is asked for: a LoRA keeps the layers it was made with; leave --lora-targets out, or begin a new run"
        )


def adapter_settings(folder: Path) -> dict[str, int]:
    """Rank and alpha of a checkpoint's LoRA; rank 0 where all weights are trained."""
    path = folder / ADAPTER_CONFIG
    if not path.is_file():
        return {"lora_r": 0}
    document = json.loads(path.read_text(encoding="utf-8"))
    return {name: int(document[key]) for name, key in OF_THE_ADAPTER.items() if key in document}


def tell_changes(checkpoint: Checkpoint, config: TrainConfig) -> None:
    """Say which settings are others from the checkpoint's step on, with both values."""
    manifest = checkpoint.manifest
    if manifest.config_hash == config.hash():
        return
    if manifest.settings is None:
        logger.warning("settings have changed since checkpoint %s; going on with the new ones", manifest.name)
        return
    for name, (old, new) in changes(manifest.settings, config).items():
        if name in WITHOUT_EFFECT:
            logger.warning("--%s stays %s, and %s is not used: %s", name.replace("_", "-"), old, new, WITHOUT_EFFECT[name])
            continue
        logger.warning("--%s is %s from step %d on; it was %s", name.replace("_", "-"), new, manifest.step + 1, old)


def changes(kept: dict[str, Any], config: TrainConfig) -> dict[str, tuple[Any, Any]]:
    """Setting -> its value in a checkpoint and now, where they differ. What a checkpoint leaves out was at its default."""
    defaults = {name: field.get_default() for name, field in TrainConfig.model_fields.items()}
    now = config.model_dump(mode="json")
    return {name: (old, new) for name, new in now.items() if (old := kept.get(name, defaults[name])) != new}
