"""Weights in and out of a checkpoint: the adapter (or all weights), the reference adapter of DPO, and what the optimizer needs to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.errors import CheckpointError, UserError
from trainer_node.commit.manifest import MANIFEST, Checkpoint, checkpoints, verify
from trainer_node.config import TrainConfig
from trainer_node.distributed.sharding_plan import Sharding
from trainer_node.models.adapters import add_lora, load_adapter, same_scale
from trainer_node.models.fsdp import shard
from trainer_node.models.gguf import model_source
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.loader import load_model
from trainer_node.models.stopping import say_where_to_stop

VALUE_HEAD = "value_head.safetensors"
"""PPO's value head in a checkpoint."""


def load_for_training(config: TrainConfig, checkpoint: Path | None, sharding: Sharding | None = None) -> LoadedModel:
    """The model of a run, with its LoRA, as it was at a checkpoint or new; with `sharding`, this process's shard of it."""
    source = str(checkpoint) if checkpoint and not config.lora_r else model_source(config.model)
    backend = "hf" if sharding else config.backend
    loaded = load_model(source, bits=config.bits, max_seq=config.max_seq, backend=backend, wait_in_host=sharding is not None)
    if config.lora_r:
        loaded = add_lora(loaded, r=config.lora_r, alpha=config.alpha, seed=config.seed, fast=False if sharding else None)
        if checkpoint:
            load_adapter(loaded.model, checkpoint)
    if sharding:
        shard(loaded, sharding)
    loaded.model.train()
    return loaded


def load_for_asking(model: str, bits: int | None = None) -> LoadedModel:
    """A checkpoint, a run's folder (its newest checkpoint), or any model, ready to answer.

    Raises:
        UserError: there is no such model, or no whole checkpoint in the folder.
    """
    checkpoint = find_checkpoint(Path(model))
    if checkpoint is None:
        loaded = load_model(model_source(model), bits=bits)
    elif _has_adapter(checkpoint.path):
        loaded = load_model(model_source(checkpoint.manifest.base_model), bits=bits)
        loaded = loaded._replace(model=_with_adapter(loaded.model, checkpoint.path))
    else:
        loaded = load_model(str(checkpoint.path), bits=bits)
    loaded.model.eval()
    return loaded


def swap_adapter(loaded: LoadedModel, checkpoint: Path) -> None:
    """Let a model with an adapter go on with that of another checkpoint, in place; the base stays where it is.

    An adapter belongs to the base it was trained on, in the same bits: that this is so is the caller's to know
    (`base_model` in the manifest).

    Raises:
        CheckpointError: the checkpoint is torn, or its adapter does not fit. The model is then as it was.
    """
    found = verify(checkpoint)
    if not (_has_adapter(found.path) and hasattr(loaded.model, "peft_config")):
        raise CheckpointError(f"{checkpoint.name}: the model or the checkpoint has all weights and no adapter: load the checkpoint anew")
    if not same_scale(loaded.model, found.path):
        raise CheckpointError(f"{checkpoint.name}: its adapter has another rank or alpha than the model's: load the checkpoint anew")
    load_adapter(loaded.model, found.path)


def export_merged(path: Path, target: Path) -> None:
    """Write a checkpoint as a plain model folder: the adapter merged into its base at 32 bits, so that nothing is rounded twice.

    Raises:
        UserError: no checkpoint there.
    """
    if find_checkpoint(path) is None:
        raise UserError(f"{path} is neither a checkpoint nor a run's folder with one")
    loaded = load_for_asking(str(path), 32)
    model = loaded.model.merge_and_unload() if hasattr(loaded.model, "merge_and_unload") else loaded.model
    say_where_to_stop(model, loaded.tokenizer)
    model.save_pretrained(target)
    loaded.tokenizer.save_pretrained(target)


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


def _has_adapter(folder: Path) -> bool:
    return (folder / "adapter_config.json").exists()


def _with_adapter(model: Any, folder: Path) -> Any:
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(folder))


def save_for_resume(trainer: Any, loaded: LoadedModel, folder: Path) -> None:
    """Everything a resume needs, under the names that Transformers' own resume looks for."""
    options = {"save_embedding_layers": False} if hasattr(loaded.model, "peft_config") else {}
    loaded.model.save_pretrained(folder, **options)
    loaded.tokenizer.save_pretrained(folder)
    trainer._save_optimizer_and_scheduler(str(folder))
    trainer._save_rng_state(str(folder))
    trainer.save_own(folder)
    trainer.state.save_to_json(str(folder / "trainer_state.json"))
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's model card says nothing that the manifest does not
