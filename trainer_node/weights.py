"""Weights in and out of a checkpoint: the adapter (or all weights), the reference adapter of DPO, and what the optimizer needs to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.errors import CheckpointError
from trainer_node.config import TrainConfig
from trainer_node.loader import LoadedModel, add_lora, default_model, load_model


def load_for_training(config: TrainConfig, checkpoint: Path | None) -> LoadedModel:
    """The model of a run, with its LoRA, as it was at a checkpoint or new."""
    source = str(checkpoint) if checkpoint and not config.lora_r else model_source(config.model)
    loaded = load_model(source, bits=config.bits, max_seq=config.max_seq, backend=config.backend)
    if config.lora_r:
        loaded = add_lora(loaded, r=config.lora_r, alpha=config.alpha, seed=config.seed)
        if checkpoint:
            load_adapter(loaded.model, checkpoint)
    loaded.model.train()
    return loaded


def model_source(model: str) -> str:
    """Folder or hub id of a model as named in the settings."""
    return str(default_model()) if model == "default" else model


def load_adapter(model: Any, folder: Path, adapter: str = "default") -> None:
    """Load an adapter's weights into a model that already has that adapter.

    Raises:
        CheckpointError: the weights do not fit (another rank, other target modules).
    """
    from peft import load_peft_weights, set_peft_model_state_dict

    result: Any = set_peft_model_state_dict(model, load_peft_weights(str(folder), device="cpu"), adapter_name=adapter)
    missing = [name for name in result.missing_keys if f".{adapter}." in name]
    if missing or result.unexpected_keys:
        raise CheckpointError(
            f"{folder.name}: the adapter does not fit this model ({len(missing)} missing, {len(result.unexpected_keys)} unknown)"
        )


def save_for_resume(trainer: Any, loaded: LoadedModel, folder: Path) -> None:
    """Everything a resume needs, under the names that Transformers' own resume looks for."""
    options = {"save_embedding_layers": False} if hasattr(loaded.model, "peft_config") else {}
    loaded.model.save_pretrained(folder, **options)
    loaded.tokenizer.save_pretrained(folder)
    trainer._save_optimizer_and_scheduler(str(folder))
    trainer._save_rng_state(str(folder))
    trainer.state.save_to_json(str(folder / "trainer_state.json"))
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's model card says nothing that the manifest does not
