"""Which weights of a model a LoRA goes on, and how much of the model that is.

By default all linear layers but the output's: Linear, GPT-2's Conv1D, and weights that modules of other kinds multiply by, as experts,
which Transformers keeps as one tensor for all of them. What PEFT cannot carry is left out, and named; so are gates that choose experts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from schemas.errors import ConfigError

ROUTERS = ("router", "gate", "shared_expert_gate")
"""Linear layers that choose experts, by the end of their names: with a few outputs, they are left as they are."""
CARRIED = (2, 3)
"""Dimensions of a weight on which PEFT carries a LoRA where there is no layer for it."""
READ_DIRECTLY = ("dt_proj", "x_proj", "input_gate_weight", "recurrent_gate_weight")
"""Weights of Mamba's that are read and multiplied elsewhere, here or in its kernels: a LoRA on them would change nothing; and of Griffin's
gates, which keep what they computed in one pass for the next."""


class Targets(NamedTuple):
    """What a LoRA goes on, as PEFT's settings have it."""

    modules: list[str]
    """Linear layers, by names or the ends of their names."""
    parameters: list[str]
    """Experts' weights, and others that are no layer's, by the ends of their names."""


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
    layers, experts = linear_layers(model), [name for name in _carried_alone(model) if not _chooses(name.removesuffix(".weight"))]
    if not layers and not experts:
        raise ConfigError("the model has no linear layer to add a LoRA to: set --lora-r 0 to train all weights")
    wanted = [name for name in layers if not _chooses(name) and _leaf(name) not in READ_DIRECTLY]
    carried = {leaf: _is_carried(model, leaf) for leaf in {_leaf(name) for name in wanted}}
    targets = Targets(_short([name for name in wanted if carried[_leaf(name)]], model), sorted({_end(name) for name in experts}))
    if not any(targets):
        raise ConfigError(f"PEFT carries no LoRA on models of type {model.config.model_type}: set --lora-r 0 to train all weights")
    return targets


def chosen_targets(model: Any, setting: str | None) -> Targets:
    """Those of a setting, names between commas; None: all linear layers. Raises ConfigError as these do."""
    return named_targets(model, setting.split(",")) if setting else all_linear(model)


def named_targets(model: Any, names: Sequence[str]) -> Targets:
    """Layers and experts' weights that a user names, by the ends of their names.

    Raises:
        ConfigError: the model has none of a name, or has something else under it that carries no LoRA.
    """
    modules, loose = dict(model.named_modules()), _carried_alone(model)

    def fits(name: str, whole: str) -> bool:
        return name == whole or whole.endswith(f".{name}")

    def is_loose(name: str, whole: str) -> bool:
        return fits(name, whole) or fits(name, whole.removesuffix(".weight"))  # "gate", which is no layer, has a weight

    parameters = sorted({_end(whole) for name in names for whole in loose if is_loose(name, whole)})
    bare = {name for name in names if any(is_loose(name, whole) for whole in loose)}
    layers = {name: [whole for whole in modules if fits(name, whole)] for name in names}
    chosen = [name for name in names if layers[name] and all(_carries(model, whole) for whole in layers[name])]
    wrong = [name for name in names if name not in chosen and name not in bare]
    if wrong:
        there = sorted({_leaf(name) for name in linear_layers(model) if _carries(model, name)} | {_end(name) for name in loose})
        raise ConfigError(
            f"--lora-targets: the model has no layer that carries a LoRA by the name {', '.join(wrong)}; its linear layers are"
            f" {', '.join(there)}"
        )
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


def loose_weights(model: Any) -> dict[str, int]:
    """Name -> weights of each tensor that a module multiplies by without a layer for it: (experts, rows, columns), say.

    Those of two dimensions are told by their names from tables of other kinds; kernels of convolutions are no matrices.
    """
    return {
        f"{owner}.{name}" if owner else name: weight.numel()
        for owner, module in model.named_modules()
        if not _is_a_layer(module)
        for name, weight in module.named_parameters(recurse=False)
        if _is_matrix(name, weight)
    }


def _is_a_layer(module: Any) -> bool:
    """Whether a module is one of torch's layers, or a norm: its weights are counted elsewhere, or are no matrices."""
    import torch
    from transformers.pytorch_utils import Conv1D

    layers = (torch.nn.Linear, Conv1D, torch.nn.Embedding, torch.nn.modules.conv._ConvNd)
    return isinstance(module, layers) or "Norm" in type(module).__name__ or hasattr(module, "lora_A")


def _is_matrix(name: str, weight: Any) -> bool:
    if weight.ndim < 2 or min(weight.shape) < 2 or "bias" in name:
        return False
    return weight.ndim > 2 or name.endswith(("weight", "_proj"))


def reach_of(model: Any) -> Reach:
    """How much of a PEFT model its LoRA changes."""
    base = model.get_base_model()
    adapted = set(_adapted(base))
    found = linear_layers(base) | loose_weights(base)
    sizes = {_plain(name).removesuffix(".weight"): size for name, size in found.items() if ".lora_" not in name}
    left: dict[str, int] = defaultdict(int)
    for name, size in sizes.items():
        if name not in adapted:
            left[_end(name) if "experts" in name or _end(name).startswith("router.") else _leaf(name)] += size
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


def _carried_alone(model: Any) -> list[str]:
    """Weights that are no layer's and on which PEFT carries a LoRA."""
    return [name for name in loose_weights(model) if model.get_parameter(name).ndim in CARRIED and _leaf(name) not in READ_DIRECTLY]


def _chooses(layer: str) -> bool:
    """Whether a layer is a gate that chooses experts."""
    return _leaf(layer) in ROUTERS or _end(layer).startswith("router.")


def _carries(model: Any, name: str) -> bool:
    """Whether a module is one that a LoRA goes on, and changes."""
    import torch
    from transformers.pytorch_utils import Conv1D

    module, leaf = model.get_submodule(name), _leaf(name)
    return isinstance(module, (torch.nn.Linear, torch.nn.Embedding, Conv1D)) and leaf not in READ_DIRECTLY and _is_carried(model, leaf)


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
        ends[_leaf(name)].add(name)
    chosen = set(names)
    found: set[str] = set()
    for name in names:
        leaf = _leaf(name)
        found.add(leaf if ends[leaf] <= chosen else name)
    return sorted(found)


def _leaf(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _end(name: str) -> str:
    """`experts.gate_up_proj` of an expert's weight."""
    return ".".join(name.split(".")[-2:])


def _size(weight: Any) -> int:
    """Weights in a tensor; of one that holds several in each number, all of them."""
    state = getattr(weight, "quant_state", None)
    return int(state.shape.numel()) if state is not None else int(weight.numel())
