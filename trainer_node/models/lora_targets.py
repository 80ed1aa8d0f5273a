"""Which weights of a model a LoRA goes on, and how much of the model that is.

By default all linear layers but the output's: Linear, GPT-2's Conv1D, and the experts of a mixture, which Transformers keeps as one tensor
for all of them. What PEFT cannot carry is left out, and named. A layer's gate that chooses among experts is no linear layer in this sense.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from schemas.errors import ConfigError

ROUTERS = ("router", "gate", "shared_expert_gate")
"""Linear layers that choose experts, by the end of their names: with a few outputs, they are left as they are."""
READ_DIRECTLY = ("dt_proj", "x_proj")
"""Layers of Mamba's whose weights are read and multiplied elsewhere, here or in its kernels: a LoRA on them would change nothing."""


class Targets(NamedTuple):
    """What a LoRA goes on, as PEFT's settings have it."""

    modules: list[str]
    """Linear layers, by names or the ends of their names."""
    parameters: list[str]
    """Experts' weights, by the ends of their names."""


class Reach(NamedTuple):
    """How much of a model a LoRA changes."""

    share: float
    """Of the linear layers' weights, the output's aside."""
    left_out: tuple[str, ...]
    """Kinds of linear layers without a LoRA, by the ends of their names."""


def all_linear(model: Any) -> Targets:
    """Every linear layer but the output's, and experts, as far as PEFT carries them.

    Raises:
        ConfigError: there are none.
    """
    layers, experts = linear_layers(model), expert_weights(model)
    if not layers and not experts:
        raise ConfigError("the model has no linear layer to add a LoRA to: set --lora-r 0 to train all weights")
    wanted = [name for name in layers if name.rsplit(".", 1)[-1] not in (*ROUTERS, *READ_DIRECTLY)]
    carried = {leaf: _is_carried(model, leaf) for leaf in {name.rsplit(".", 1)[-1] for name in wanted}}
    targets = Targets(
        _short([name for name in wanted if carried[name.rsplit(".", 1)[-1]]], model), sorted({_end(name) for name in experts})
    )
    if not any(targets):
        raise ConfigError(f"PEFT carries no LoRA on models of type {model.config.model_type}: set --lora-r 0 to train all weights")
    return targets


def named_targets(model: Any, names: Sequence[str]) -> Targets:
    """Layers and experts' weights that a user names, by the ends of their names.

    Raises:
        ConfigError: the model has none of a name.
    """
    modules = {name for name, _ in model.named_modules()}
    experts = expert_weights(model)

    def fits(name: str, whole: str) -> bool:
        return name == whole or whole.endswith(f".{name}")

    parameters = sorted({_end(whole) for name in names for whole in experts if fits(name, whole)})
    chosen = [name for name in names if any(fits(name, whole) for whole in modules)]
    if unknown := [name for name in names if name not in chosen and not any(fits(name, whole) for whole in experts)]:
        there = sorted({name.rsplit(".", 1)[-1] for name in linear_layers(model)} | {_end(name) for name in experts})
        raise ConfigError(f"the model has no module {', '.join(unknown)}; its linear layers are {', '.join(there)}")
    return Targets(chosen, parameters)


def linear_layers(model: Any) -> dict[str, int]:
    """Name -> weights of each linear layer but the output's."""
    import torch
    from transformers.pytorch_utils import Conv1D

    output = model.get_output_embeddings()
    return {
        name: _size(module.weight)
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D)) and module is not output
    }


def expert_weights(model: Any) -> dict[str, int]:
    """Name -> weights of each tensor that holds a linear layer of all experts, (experts, rows, columns)."""
    return {
        name: weight.numel()
        for name, weight in model.named_parameters()
        if weight.ndim == 3 and ".experts." in f".{name}" and name.rsplit(".", 1)[-1] in ("gate_up_proj", "up_proj", "down_proj")
    }


def reach_of(model: Any) -> Reach:
    """How much of a PEFT model its LoRA changes."""
    base = model.get_base_model()
    adapted = set(_adapted(base))
    sizes = {_plain(name): size for name, size in (linear_layers(base) | expert_weights(base)).items() if ".lora_" not in name}
    left: dict[str, int] = defaultdict(int)
    for name, size in sizes.items():
        if name not in adapted:
            left[name.rsplit(".", 1)[-1] if "experts" not in name else _end(name)] += size
    whole = sum(sizes.values())
    return Reach(round(1 - sum(left.values()) / whole, 4) if whole else 0.0, tuple(sorted(left)))


def _adapted(base: Any) -> Iterator[str]:
    from peft.tuners.lora import LoraLayer

    for name, module in base.named_modules():
        if isinstance(module, LoraLayer):
            parameter = getattr(module, "parameter_name", "")
            yield _plain(name) + (f".{parameter}" if parameter not in ("", "weight") else "")


def _plain(name: str) -> str:
    """A name as the model has it without its adapter."""
    return ".".join(part for part in name.split(".") if part != "base_layer")


def _is_carried(model: Any, leaf: str) -> bool:
    """Whether PEFT takes a name of layers for what it says: it refuses some of Mamba's, and reads others as the names of old experts."""
    from peft import LoraConfig
    from peft.tuners.tuners_utils import BaseTuner
    from peft.utils.transformers_weight_conversion import convert_peft_config_for_transformers

    config = LoraConfig(target_modules=[leaf])
    try:
        BaseTuner._check_target_module_compatiblity(None, config, model, leaf)  # type: ignore[arg-type]
        convert_peft_config_for_transformers(config, model, None)
    except ValueError:
        return False
    return leaf in (config.target_modules or ())


def _short(names: list[str], model: Any) -> list[str]:
    """The ends of names that stand for these modules and no others; whole names where an end stands for others too."""
    ends: dict[str, set[str]] = defaultdict(set)
    for name, _ in model.named_modules():
        ends[name.rsplit(".", 1)[-1]].add(name)
    chosen = set(names)
    found: set[str] = set()
    for name in names:
        leaf = name.rsplit(".", 1)[-1]
        found.add(leaf if ends[leaf] <= chosen else name)
    return sorted(found)


def _end(name: str) -> str:
    """`experts.gate_up_proj` of an expert's weight."""
    return ".".join(name.split(".")[-2:])


def _size(weight: Any) -> int:
    """Weights in a tensor; of one that holds several in each number, all of them."""
    state = getattr(weight, "quant_state", None)
    return int(state.shape.numel()) if state is not None else int(weight.numel())
