"""Weights in and out of a checkpoint: the adapter (or all weights), the reference adapter of DPO, and what the optimizer needs to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.errors import CheckpointError, UserError
from schemas.training_sample import Objective
from trainer_node.commit.manifest import MANIFEST, Checkpoint, Manifest, checkpoints, own_folder, read_manifest, verify
from trainer_node.config import TrainConfig
from trainer_node.distributed.sharding_plan import Sharding
from trainer_node.models.adapters import add_lora, add_saved_lora, load_adapter, name_base, same_scale, saved_targets, tell_reach
from trainer_node.models.base import base_of_run, find_base
from trainer_node.models.fsdp import shard
from trainer_node.models.gguf import model_source
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.loader import load_model
from trainer_node.models.portable import both_spellings, save_with_any_generation_settings, write_tokenizer
from trainer_node.models.precision import Reading, reading, recorded_precision

VALUE_HEAD = "value_head.safetensors"
"""PPO's value head in a checkpoint."""


def load_for_training(config: TrainConfig, checkpoint: Path | None, sharding: Sharding | None = None) -> LoadedModel:
    """The model of a run, with its LoRA, as it was at a checkpoint or new; with `sharding`, this process's shard of it.

    From a checkpoint it goes on in the bits it was trained in, and with the layers that its LoRA has.

    Raises:
        ConfigError: another model stands where the checkpoint's base was, or this machine cannot do its precision.
    """
    manifest = _manifest_of(checkpoint) if checkpoint else None
    read = reading_of(config, manifest)
    if sharding:
        read = read._replace(backend="hf")
    base = base_of_run(config.model, manifest)
    source = str(checkpoint) if checkpoint and not config.lora_r else base.source
    in_host = sharding is not None
    loaded = load_model(
        source,
        read.bits,
        config.max_seq,
        read.backend,
        None,
        read.dtype,
        wait_in_host=in_host,
        revision=base.revision,
        checkpoint=checkpoint,
    )
    if config.lora_r:
        loaded = _with_lora(loaded, config, checkpoint, sharding)
        name_base(loaded.model, base if base.weights else base_of_run(config.model, manifest))
    if sharding:
        shard(loaded, sharding)
    loaded.model.train()
    return loaded


def reading_of(config: TrainConfig, manifest: Manifest | None) -> Reading:
    """In which bits, arithmetic and backend the weights of a run are read: those of its checkpoint, if it has one.

    Raises:
        ConfigError: this machine cannot do them.
    """
    if manifest is None:
        return Reading(config.bits, None, config.backend)
    return reading(manifest.name, recorded_precision(manifest), config.bits, config.backend, strict=True)


def _with_lora(loaded: LoadedModel, config: TrainConfig, checkpoint: Path | None, sharding: Sharding | None) -> LoadedModel:
    """With a new LoRA, or the one of a checkpoint."""
    named = config.lora_targets.split(",") if config.lora_targets else None
    loaded = add_lora(
        loaded,
        r=config.lora_r,
        alpha=config.alpha,
        target_modules=saved_targets(checkpoint) if checkpoint else named,
        seed=config.seed,
        fast=False if sharding else None,
        experts=sharding is None,
    )
    tell_reach(loaded.model)
    if checkpoint:
        load_adapter(loaded.model, checkpoint)
    return loaded


def load_for_asking(model: str, bits: int | None = None, base: str | None = None) -> LoadedModel:
    """A checkpoint, a run's folder (its newest checkpoint), or any model, ready to answer; a checkpoint as it was trained.

    Args:
        model: its path, or a hub's id.
        bits: other ones than a checkpoint was trained in.
        base: where the model is now that a checkpoint's adapter belongs to, if it has moved.

    Raises:
        UserError: there is no such model, no whole checkpoint in the folder, or another model where its base was.
    """
    checkpoint = find_checkpoint(Path(model))
    if checkpoint is None:
        loaded = load_model(model if model.endswith(".gguf") else model_source(model), bits=bits)
    else:
        loaded = load_checkpoint(checkpoint, bits, base)
    loaded.model.eval()
    return loaded


def load_checkpoint(checkpoint: Checkpoint, bits: int | None = None, base: str | None = None) -> LoadedModel:
    """A checkpoint in its own precision, its adapter beside its base. Arguments and errors as `load_for_asking`."""
    manifest = checkpoint.manifest
    read = reading(manifest.name, recorded_precision(manifest), bits)
    if not has_adapter(checkpoint.path):
        return load_model(checkpoint.path, read.bits, backend=read.backend, dtype=read.dtype)
    found = find_base(manifest, base)
    loaded = load_model(
        found.source, read.bits, backend=read.backend, dtype=read.dtype, revision=found.revision, checkpoint=checkpoint.path
    )
    loaded = add_saved_lora(loaded, checkpoint.path)
    load_adapter(loaded.model, checkpoint.path)
    loaded.model.requires_grad_(False)
    return loaded


def swap_adapter(loaded: LoadedModel, checkpoint: Path) -> None:
    """Let a model with an adapter go on with that of another checkpoint, in place; the base stays where it is.

    An adapter belongs to the base it was trained on, in the same bits: that this is so is the caller's to know
    (`base_model` in the manifest).

    Raises:
        CheckpointError: the checkpoint is torn, or its adapter does not fit. The model is then as it was.
    """
    found = verify(checkpoint)
    if not (has_adapter(found.path) and hasattr(loaded.model, "peft_config")):
        raise CheckpointError(f"{checkpoint.name}: the model or the checkpoint has all weights and no adapter: load the checkpoint anew")
    trained = found.manifest.precision
    if trained is not None and (trained.bits, trained.dtype) != (loaded.bits, loaded.model.pelton_dtype):
        raise CheckpointError(
            f"{checkpoint.name}: trained at {trained.bits} bits in {trained.dtype}, and the model is at {loaded.bits} in"
            f" {loaded.model.pelton_dtype}: load the checkpoint anew"
        )
    if not same_scale(loaded.model, found.path):
        raise CheckpointError(f"{checkpoint.name}: its adapter has another rank or alpha than the model's: load the checkpoint anew")
    load_adapter(loaded.model, found.path)


def find_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint at a path, or the newest whole one of the run there; None where the path is neither."""
    if (path / MANIFEST).is_file():
        return verify(path)
    for run_dir in (path, path / "training"):
        if (run_dir / "checkpoints").is_dir():
            whole = checkpoints(run_dir)
            if not whole:
                raise UserError(f"{path} holds no checkpoint that is whole: see `pelton checkpoints list {path}`")
            return whole[-1]
    return None


def has_adapter(folder: Path) -> bool:
    """Whether a checkpoint is an adapter, which is nothing without its base."""
    return (folder / "adapter_config.json").exists()


def _manifest_of(checkpoint: Path) -> Manifest | None:
    try:
        return read_manifest(checkpoint)[0]
    except CheckpointError:  # its weights alone: whoever resumes has verified it
        return None


def save_for_resume(
    trainers: Mapping[Objective, Any], loaded: LoadedModel, folder: Path, random_states: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Everything that a resume needs: the weights, of each trainer what Transformers' own resume looks for, and random states.

    Args:
        trainers: by objective.
        loaded: their model.
        folder: where to.
        random_states: of each process, by rank; this one's, unless there are several.
    """
    import torch

    from trainer_node.models.random_state import random_state, state_file

    folder.mkdir(parents=True, exist_ok=True)
    states = random_states or [random_state()]
    for rank, state in enumerate(states):
        torch.save(state, state_file(folder, rank, len(states)))
    options = {"save_embedding_layers": False} if hasattr(loaded.model, "peft_config") else {}
    save_with_any_generation_settings(loaded.model, folder, **options)
    write_tokenizer(loaded.tokenizer, folder)
    both_spellings(folder)
    for objective, trainer in trainers.items():
        own = own_folder(folder, objective)
        own.mkdir(parents=True)
        trainer._save_optimizer_and_scheduler(str(own))
        trainer.save_own(own)
        trainer.state.save_to_json(str(own / "trainer_state.json"))
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's model card says nothing that the manifest does not
