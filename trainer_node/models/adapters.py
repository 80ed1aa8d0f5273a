"""LoRA adapters of a loaded model: added, loaded, and copied as the reference that a trainer compares with."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from schemas.errors import CheckpointError, ConfigError
from trainer_node.commit.provenance import Base, LoraReach
from trainer_node.models import unsloth as unsloth_models
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.lora_targets import Targets, all_linear, named_targets, reach_of

logger = logging.getLogger(__name__)

ADAPTER = "adapter_model.safetensors"
"""An adapter's weights in a folder, as PEFT names them."""


def add_lora(
    model: Any,
    r: int = 16,
    alpha: int = 32,
    target_modules: Targets | Sequence[str] | str | None = None,
    dropout: float = 0.0,
    seed: int = 3407,
    fast: bool | None = None,
    experts: bool = True,
) -> Any:
    """Freeze the base and add a LoRA to its linear layers (Hu et al. 2021: W + alpha/r * B A), B zero, A drawn from `seed`.

    Takes a LoadedModel and returns one; or a model from one, and returns the PEFT model.

    Args:
        model: what `load_model` returned, or its model.
        r, alpha, target_modules, dropout, seed: of the LoRA; its target modules are all linear layers but the output's, unless given.
        fast: train by `trainer_node.fast`; None: on a CUDA device, where it takes the model.
        experts: whether the experts of a mixture get one, too, where they are not named.

    Raises:
        ConfigError: a rank or dropout out of range, a target module the model does not have, or `fast` where it cannot be.
    """
    if isinstance(model, LoadedModel):
        return model._replace(model=add_lora(model.model, r, alpha, target_modules, dropout, seed, fast, experts))
    if r < 1:
        raise ConfigError(f"LoRA rank r must be 1 or more, not {r}")
    if not 0.0 <= dropout < 1.0:
        raise ConfigError(f"LoRA dropout must be in [0, 1), not {dropout}")
    targets = _targets(model, target_modules, experts)
    model.requires_grad_(False)
    fast = _choose_path(model, fast, dropout)
    if getattr(model, "pelton_backend", "hf") == "unsloth":
        model = unsloth_models.add_lora(model, r, alpha, targets.modules, dropout, seed, checkpointing=not fast)
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
        logger.info("the ordinary path, not the fast one: %s", reason)
    return not reason


def _install_fast(model: Any) -> None:
    from trainer_node.fast import install

    try:
        install(model)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _targets(model: Any, wanted: Targets | Sequence[str] | str | None, experts: bool) -> Targets:
    """What to adapt, of what is asked for; by default every linear layer but the output's."""
    if isinstance(wanted, Targets):
        return wanted
    if wanted is None:
        found = all_linear(model)
        return found if experts else found._replace(parameters=[])
    return named_targets(model, [wanted] if isinstance(wanted, str) else list(wanted))


def saved_targets(folder: Path) -> Targets:
    """What the adapter in a folder goes on."""
    from peft import PeftConfig

    config: Any = PeftConfig.from_pretrained(str(folder))
    return Targets(sorted(config.target_modules or ()), sorted(config.target_parameters or ()))


def lora_reach(model: Any) -> LoraReach | None:
    """What of a model its LoRA changes, for the manifest; None where it has none."""
    if not hasattr(model, "peft_config"):
        return None
    reach = reach_of(model)
    return LoraReach(share=reach.share, left_out=reach.left_out)


def tell_reach(model: Any) -> None:
    """Say how much of the model learns."""
    reach = reach_of(model)
    left = f"; without one: {', '.join(reach.left_out)}" if reach.left_out else ""
    logger.log(logging.WARNING if left else logging.INFO, "a LoRA on %.1f %% of the linear layers' weights%s", 100 * reach.share, left)


def _lora_hf(model: Any, r: int, alpha: int, targets: Targets, dropout: float, seed: int, fast: bool) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers.pytorch_utils import Conv1D

    # Preparing means norms, embeddings and the output layer in float32 and checkpointing: the fast path has its own way with all four.
    if not fast and (getattr(model, "is_loaded_in_4bit", False) or getattr(model, "is_loaded_in_8bit", False)):
        model = prepare_model_for_kbit_training(model, gradient_checkpointing_kwargs={"use_reentrant": False})
    config = LoraConfig(
        r=r,
        lora_alpha=alpha,
        target_modules=targets.modules,
        target_parameters=targets.parameters or None,
        lora_dropout=dropout,
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
        task_type="CAUSAL_LM",
    )
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def add_saved_lora(loaded: LoadedModel, folder: Path) -> LoadedModel:
    """Add a LoRA like the one saved in a folder, without its weights: prepared as in training, so that it computes the same."""
    from peft import PeftConfig

    config: Any = PeftConfig.from_pretrained(str(folder))
    adapted = add_lora(loaded, config.r, config.lora_alpha, saved_targets(folder), config.lora_dropout)
    assert isinstance(adapted, LoadedModel)
    return adapted


def name_base(model: Any, base: Base) -> None:
    """Have what is saved of an adapter name the model it belongs to: where it is, its revision on the hub, and a hash of its weights.

    The hash stands in `auto_mapping`, the one part of PEFT's settings that takes more than PEFT knows.
    """
    inner = model.get_base_model()
    for config in model.peft_config.values():
        config.base_model_name_or_path, config.revision = base.source, base.revision
        config.auto_mapping = {
            "base_model_class": type(inner).__name__,
            "parent_library": type(inner).__module__,
            "base_weights": base.weights,
        }


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


def has_reference(model: Any) -> bool:
    """Whether the model has the adapter `ref`."""
    return "ref" in getattr(model, "peft_config", {})


@contextlib.contextmanager
def reference_kept(model: Any) -> Iterator[None]:
    """In this block a trainer that compares is built, which adds the adapter `ref` as a copy of the policy, and would not where there is
    one. After it, the reference is what it was before; or what was added, where there was none."""
    if not has_reference(model):
        yield
        return
    kept = {name: weight.detach().clone() for name, weight in model.named_parameters() if ".ref." in name}
    model.delete_adapter("ref")
    yield
    add_reference(model)
    for name, weight in kept.items():
        model.get_parameter(name).data.copy_(weight)


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
