"""LoRA adapters of a loaded model: added, loaded, and copied as the reference that a trainer compares with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.errors import CheckpointError, ConfigError
from trainer_node.models import unsloth as unsloth_models
from trainer_node.models.loaded import LoadedModel

log = logging.getLogger(__name__)

ADAPTER = "adapter_model.safetensors"
"""An adapter's weights in a folder, as PEFT names them."""
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a Llama-like block: what `all-linear` finds there, spelled out because Unsloth wants names."""


def add_lora(
    model: Any,
    r: int = 16,
    alpha: int = 32,
    target_modules: Sequence[str] | str | None = None,
    dropout: float = 0.0,
    seed: int = 3407,
    fast: bool | None = None,
) -> Any:
    """Freeze the base and add a LoRA to its linear layers (Hu et al. 2021: W + alpha/r * B A), B zero, A drawn from `seed`.

    Takes a LoadedModel and returns one; or a model from one, and returns the PEFT model.

    Args:
        model: what `load_model` returned, or its model.
        r, alpha, target_modules, dropout, seed: of the LoRA.
        fast: train by `trainer_node.fast`; None: on a CUDA device, where it takes the model.

    Raises:
        ConfigError: a rank or dropout out of range, a target module the model does not have, or `fast` where it cannot be.
    """
    if isinstance(model, LoadedModel):
        return model._replace(model=add_lora(model.model, r, alpha, target_modules, dropout, seed, fast))
    if r < 1:
        raise ConfigError(f"LoRA rank r must be 1 or more, not {r}")
    if not 0.0 <= dropout < 1.0:
        raise ConfigError(f"LoRA dropout must be in [0, 1), not {dropout}")
    targets = _targets(model, target_modules)
    model.requires_grad_(False)
    fast = _choose_path(model, fast, dropout)
    if getattr(model, "pelton_backend", "hf") == "unsloth":
        model = unsloth_models.add_lora(model, r, alpha, targets, dropout, seed, checkpointing=not fast)
    else:
        model = _lora_hf(model, r, alpha, targets, dropout, seed, fast)
    if fast:
        _install_fast(model)
    return model


def _choose_path(model: Any, wanted: bool | None, dropout: float) -> bool:
    """Whether the fast path is taken; refuses to take it where it cannot run."""
    from trainer_node.fast import obstacle

    if wanted is False or (wanted is None and model.device.type != "cuda"):
        return False
    reason = "its adapter has dropout" if dropout else obstacle(model)
    if reason and wanted:
        raise ConfigError(f"the fast path does not take this model: {reason}; leave it out")
    if reason:
        log.info("the ordinary path, not the fast one: %s", reason)
    return not reason


def _install_fast(model: Any) -> None:
    from trainer_node.fast import install

    try:
        install(model)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _targets(model: Any, wanted: Sequence[str] | str | None) -> list[str]:
    """Names of the modules to adapt; by default every linear layer of the blocks that a Llama-like model has."""
    import torch

    linear = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    if wanted is None:
        known = [name for name in LORA_TARGETS if name in linear]
        # Another family of models: all linear layers except the output's, which LoRA leaves alone.
        if not (found := known or sorted(linear - {"lm_head"})):
            raise ConfigError("the model has no linear layer to add a LoRA to: set --lora-r 0 to train all weights")
        return found
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    if unknown := [name for name in names if not any(name == n or n.endswith(f".{name}") for n, _ in model.named_modules())]:
        raise ConfigError(f"the model has no module {', '.join(unknown)}; its linear layers are {', '.join(sorted(linear))}")
    return names


def _lora_hf(model: Any, r: int, alpha: int, targets: list[str], dropout: float, seed: int, fast: bool) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    # Preparing means norms, embeddings and the output layer in float32 and checkpointing: the fast path has its own way with all four.
    if not fast and (getattr(model, "is_loaded_in_4bit", False) or getattr(model, "is_loaded_in_8bit", False)):
        model = prepare_model_for_kbit_training(model, gradient_checkpointing_kwargs={"use_reentrant": False})
    config = LoraConfig(r=r, lora_alpha=alpha, target_modules=targets, lora_dropout=dropout, task_type="CAUSAL_LM")
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def load_adapter(model: Any, folder: Path, adapter: str = "default") -> None:
    """Load an adapter's weights from a checkpoint's folder into a model that already has that adapter: all of them, or none.

    Its settings stay the model's: with another alpha, the weights count for more or less than they did (`same_scale`).

    Raises:
        CheckpointError: there are none, or they do not fit (another rank, other target modules, another model).
    """
    if not (folder / ADAPTER).is_file():
        raise CheckpointError(f"{folder.name} holds no adapter")
    from peft import get_peft_model_state_dict, load_peft_weights, set_peft_model_state_dict

    saved = load_peft_weights(str(folder), device="cpu")
    own = get_peft_model_state_dict(model, adapter_name=adapter, save_embedding_layers=False)
    missing, unknown = len(own.keys() - saved.keys()), len(saved.keys() - own.keys())
    reshaped = sum(saved[name].shape != own[name].shape for name in own.keys() & saved.keys())
    if missing or unknown or reshaped:
        raise CheckpointError(
            f"{folder.name}: the adapter does not fit this model ({missing} missing, {unknown} unknown, {reshaped} of another shape)"
        )
    set_peft_model_state_dict(model, saved, adapter_name=adapter)


def same_scale(model: Any, folder: Path, adapter: str = "default") -> bool:
    """Whether an adapter saved in a folder counts for as much as the model's own of that name: alpha/r is not in the weights."""
    from peft import PeftConfig

    saved, own = PeftConfig.from_pretrained(str(folder)), model.peft_config[adapter]
    return all(getattr(saved, name) == getattr(own, name) for name in ("r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern"))


def add_reference(model: Any) -> None:
    """Add the adapter `ref`, a frozen copy of the policy as it is now: what a KL term compares with."""
    if "ref" not in model.peft_config:
        model.add_adapter("ref", model.peft_config["default"])
    for name, weight in model.named_parameters():
        if ".default." in name:
            model.get_parameter(name.replace(".default.", ".ref.")).data.copy_(weight.data)
    model.set_adapter("default")


def load_reference(model: Any, folder: Path) -> None:
    """Give a trainer back the reference it began with: TRL makes the adapter `ref` a copy of the policy whenever a trainer is built.

    Raises:
        CheckpointError: the checkpoint has none, or it does not fit.
    """
    if "ref" not in getattr(model, "peft_config", {}):
        return
    if not (folder / "ref").is_dir():
        raise CheckpointError(f"{folder.name} holds no reference adapter; training cannot go on from it")
    load_adapter(model, folder / "ref", "ref")
