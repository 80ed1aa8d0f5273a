"""A model whose adapter is added to its weights, as a plain model that others load.

The sum is made in float32 from the base as the run held it (of a base in 4 or 8 bits, its values), and rounded once, to the dtype that is
written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from trainer_node.models.loaded import LoadedModel
from trainer_node.models.rounding import Rounding, Roundings, to_nearest, without_wrappers


def merged(loaded: LoadedModel, dtype: torch.dtype, roundings: Roundings) -> Any:
    """A new model of the same class with all weights in `dtype`; the one given is used up.

    Args:
        loaded: a PEFT model, or one of all weights.
        dtype: of the weights written.
        roundings: of the sums to a narrower dtype.
    """
    from accelerate import init_empty_weights
    from transformers import AutoModelForCausalLM

    base = loaded.model.get_base_model() if hasattr(loaded.model, "peft_config") else loaded.model
    keeps = loaded.precision.dtype != "float32"
    """What such a run holds in float32 beside its weights (the bias that chooses experts, say) is written as it was."""
    weights, summed = {}, set()
    for name, tensor, is_sum in _weights(base):
        weights[name] = _narrowed(tensor, dtype, roundings(name) if is_sum else to_nearest, keeps=keeps and not is_sum)
        summed |= {name} if is_sum else set()
    config = base.config
    if not _still_tied(base, summed):
        for one in {id(one): one for one in (config, config.get_text_config())}.values():
            one.tie_word_embeddings = False
    if hasattr(config, "quantization_config"):  # left in place, it would say that the weights written are held in fewer bits
        del config.quantization_config
    config.dtype = dtype
    with init_empty_weights(include_buffers=False):
        plain = AutoModelForCausalLM.from_config(config, dtype=dtype)
    _turn_back(plain, weights)
    plain.load_state_dict(weights, strict=False, assign=True)
    plain.tie_weights()
    if missing := [name for name, tensor in plain.state_dict().items() if tensor.is_meta]:
        raise AssertionError(f"the merged model lacks {', '.join(missing[:3])}")
    plain.generation_config = base.generation_config
    return plain


def _still_tied(base: Any, summed: set[str]) -> bool:
    """Whether embedding and output are one weight, as they are held, and still are where no adapter changed one of them alone."""
    ends = [end for end in (base.get_input_embeddings(), base.get_output_embeddings()) if end is not None]
    places = {getattr(end, "base_layer", end).weight.data_ptr() for end in ends}
    changed = any(module in ends and f"{without_wrappers(name)}.weight" in summed for name, module in base.named_modules())
    return len(places) < len(ends) and not changed


def _weights(base: Any) -> Iterator[tuple[str, torch.Tensor, bool]]:
    """Name and value of each weight of the plain model, and whether it is the sum, in float32, of the base's and the adapter's."""
    from peft.tuners.lora import LoraLayer

    added: dict[str, torch.Tensor] = {}
    for name, module in base.named_modules():
        if isinstance(module, LoraLayer):
            plain = without_wrappers(name)
            parameter = getattr(module, "parameter_name", "weight")
            added[f"{plain}.{parameter}"] = _delta(module)
    modules = dict(base.named_modules())
    for name, tensor in base.state_dict().items():
        owner, _, leaf = name.rpartition(".")
        if ".lora_" in f".{name}" or _is_of_quantisation(modules, owner, leaf):
            continue
        plain = f"{without_wrappers(owner)}.{leaf}".removeprefix(".")
        value = _dequantised(modules[owner], leaf, tensor)
        if plain in added:
            yield plain, value.float() + added[plain].to(value.device), True
        else:
            yield plain, value, False


def _delta(module: Any) -> Any:
    """What an adapter adds to its layer's weight, in float32."""
    with torch.no_grad():
        if getattr(module, "num_experts", 1) == 1:
            return module.get_delta_weight("default").float()
        a, b = module.lora_A["default"].weight.float(), module.lora_B["default"].weight.float()
        a = a.reshape(module.num_experts, -1, a.shape[-1])
        b = b.reshape(b.shape[0], -1, module.num_experts).permute(2, 0, 1)
        delta = (b @ a) * module.scaling["default"]  # (experts, out, in)
        delta = delta if module._did_swap_in_out_features else delta.transpose(1, 2)
        return delta.reshape(module.get_param().shape)


def _is_of_quantisation(modules: dict[str, Any], owner: str, leaf: str) -> bool:
    """Whether a value of a state is how a quantised weight is kept, and no weight."""
    if owner not in modules:
        return True
    own = (*modules[owner].named_parameters(recurse=False), *modules[owner].named_buffers(recurse=False))
    return leaf not in dict(own)


def _dequantised(module: Any, leaf: str, tensor: torch.Tensor) -> torch.Tensor:
    """The values of a weight that is held in fewer bits, in the arithmetic's dtype; any other as it is."""
    weight: Any = getattr(module, leaf, None)
    if leaf != "weight" or type(weight).__name__ not in ("Params4bit", "Int8Params"):
        return tensor
    from peft.utils.integrations import dequantize_bnb_weight

    return dequantize_bnb_weight(weight, state=getattr(module, "state", None))


def _narrowed(tensor: torch.Tensor, dtype: torch.dtype, rounding: Rounding, *, keeps: bool) -> torch.Tensor:
    if not tensor.is_floating_point() or (keeps and tensor.dtype == torch.float32):
        return tensor.cpu()
    if tensor.dtype == torch.float32 and dtype != torch.float32:
        return rounding(tensor, dtype).cpu()
    return tensor.to(dtype).cpu()


def _turn_back(plain: Any, weights: dict[str, torch.Tensor]) -> None:
    """Weights of Conv1D that the library of quantised layers keeps the other way round."""
    from transformers.pytorch_utils import Conv1D

    for name, module in plain.named_modules():
        if isinstance(module, Conv1D) and weights[f"{name}.weight"].shape != module.weight.shape:
            weights[f"{name}.weight"] = weights[f"{name}.weight"].T.contiguous()
