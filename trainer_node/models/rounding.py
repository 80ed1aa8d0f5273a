"""Sums in float32 rounded to a narrower dtype: each by itself, along its row, or so that what its layer puts out stays what it was.

The last needs to know what goes into a layer: that is heard while the model reads texts that it was not trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from trainer_node.models.loaded import LoadedModel

Rounding = Callable[[torch.Tensor, torch.dtype], torch.Tensor]
"""Of sums in float32 to a narrower dtype."""
Roundings = Callable[[str], Rounding]
"""The rounding of the weight of this name, as the plain model names it."""

DAMP = 0.1
"""Added to the diagonal of X^T X, as a share of its mean: how much an error counts in a direction in which nothing went in. Others are
measured beside it (docs/adr/0024-exports-and-precision.md)."""
FURTHER_DAMPS = (1, 10, 100)
"""So many times the damp, one after another, until a matrix has a Cholesky factor."""
ONE_BY_ONE = 16
"""Columns whose errors are handed on one at a time; those of more go on in one product of matrices."""


def everywhere(rounding: Rounding) -> Roundings:
    """The same rounding of every weight."""
    return lambda name: rounding


def to_nearest(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The nearest value of the dtype; of two as near, the even one."""
    return value.to(dtype)


def compensated(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """To nearest, with what is left over of one column added to the next of the same row, so that a row's errors cancel out.

    Of a matrix (rows, columns), or of several; what is smaller than half a step of the dtype is not lost, but spread. It is what
    `carried` does for inputs that are all equal, and needs to know of none.
    """
    rows = value.reshape(-1, value.shape[-1]).T.contiguous()  # by columns: each is read at once
    rounded, left = torch.empty_like(rows, dtype=dtype), torch.zeros_like(rows[0])
    for column, wanted in enumerate(rows):
        sums = wanted + left
        rounded[column] = sums
        left = sums - rounded[column]
    return rounded.T.reshape(value.shape).contiguous()


def carried(value: torch.Tensor, dtype: torch.dtype, shares: torch.Tensor) -> torch.Tensor:
    """To nearest column by column, each having taken up what the errors of those before it do to the layer's outputs.

    Of inputs X with X^T X = R R^T, R upper triangular, and errors E of the weights, the squares of the outputs' errors sum up to those of
    E R. Its columns are made small in turn: with e_j the error of column j, column k is rounded from w_k + sum over j < k of
    e_j R_jk / R_kk. That is GPTQ (Frantar et al. 2022, arXiv 2210.17323: errors go into later columns by the inverse of X^T X), said by
    the factor of X^T X itself, which saves the inverse. A matrix that the dtype can hold stays as it is.

    Args:
        value: weights in float32, (outputs, inputs).
        dtype: to round to.
        shares: R_jk / R_kk in row k and column j, (inputs, inputs), as `shares_of` gives them.
    """
    exact = value.T.contiguous()
    wanted, rounded, errors = exact.clone(), torch.empty_like(exact, dtype=dtype), torch.empty_like(exact)

    def go_on(start: int, end: int) -> None:
        if end - start > ONE_BY_ONE:
            middle = (start + end) // 2
            go_on(start, middle)
            wanted[middle:end].addmm_(shares[middle:end, start:middle], errors[start:middle])
            go_on(middle, end)
        else:
            for column in range(start, end):
                rounded[column] = wanted[column]
                torch.sub(exact[column], rounded[column], out=errors[column])
                wanted[column + 1 : end].addr_(shares[column + 1 : end, column], errors[column])

    go_on(0, len(exact))
    return rounded.T.contiguous()


class Inputs(NamedTuple):
    """What went into a layer."""

    parts: list[torch.Tensor]
    """Of each text, (tokens, inputs), on the CPU in the arithmetic's dtype. Layers that were given the same hold the same tensors."""
    turned: bool
    """Whether the layer keeps its weight as (inputs, outputs): Conv1D."""


def inputs_of_layers(loaded: LoadedModel, rows: Iterable[Sequence[int]]) -> dict[str, Inputs]:
    """What goes into each layer with an adapter while the model reads some texts, by the name of the layer's weight in a plain model.

    Layers that were not called are missing, and so are experts kept as one parameter, whose own inputs nobody sees.

    Args:
        loaded: a PEFT model; of any other there is nothing to say.
        rows: tokens of each text.
    """
    from peft.tuners.lora import LoraLayer

    heard = _Heard(getattr(torch, loaded.precision.dtype))
    base = loaded.model.get_base_model() if hasattr(loaded.model, "peft_config") else loaded.model
    layers: dict[str, Any] = {
        f"{without_wrappers(name)}.weight": module
        for name, module in base.named_modules()
        if isinstance(module, LoraLayer) and not hasattr(module, "parameter_name")
    }
    if not layers:
        return {}
    hooks = [module.register_forward_pre_hook(heard.hook(name)) for name, module in layers.items()]
    device = next(loaded.model.parameters()).device
    try:
        with torch.no_grad():
            for row in rows:
                loaded.model(input_ids=torch.tensor([list(row)], device=device), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: Inputs(parts, bool(getattr(layers[name], "fan_in_fan_out", False))) for name, parts in heard.parts.items()}


def without_wrappers(name: str) -> str:
    """A module's name in the plain model, of its name in one with adapters."""
    return ".".join(part for part in name.split(".") if part != "base_layer")


class _Heard:
    """What layers were given, kept once where the next layer is given the same."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.parts: dict[str, list[torch.Tensor]] = {}
        self._dtype = dtype
        self._last: tuple[torch.Tensor, torch.Tensor] | None = None

    def hook(self, name: str) -> Callable[[Any, tuple[Any, ...]], None]:
        """Listens at the layer of this name."""

        def hear(_: Any, given: tuple[Any, ...]) -> None:
            if not (given and isinstance(given[0], torch.Tensor) and given[0].is_floating_point()):
                return
            x = given[0]
            if self._last is None or self._last[0] is not x:
                self._last = x, x.detach().reshape(-1, x.shape[-1]).to("cpu", self._dtype, copy=True)
            self.parts.setdefault(name, []).append(self._last[1])

        return hear


class Calibrated:
    """Each layer's rounding for what goes into it (`carried`); where that is not known or gives no shares, `compensated`."""

    def __init__(self, inputs: Mapping[str, Inputs], damp: float = DAMP) -> None:
        """For the inputs of layers by the names of their weights, and a damp as `DAMP`'s."""
        self._inputs, self._damp = inputs, damp
        self._last: tuple[list[torch.Tensor], torch.Tensor | None] | None = None

    def __call__(self, name: str) -> Rounding:
        """The rounding of the weight of this name."""
        if name not in self._inputs:
            return compensated
        inputs = self._inputs[name]
        return lambda value, dtype: self._rounded(value, dtype, inputs)

    def _rounded(self, value: torch.Tensor, dtype: torch.dtype, inputs: Inputs) -> torch.Tensor:
        rows = value.T if inputs.turned else value
        if rows.ndim != 2 or rows.shape[1] != inputs.parts[0].shape[1]:
            return compensated(value, dtype)
        device = value.device if value.is_cuda else torch.device("cpu")
        shares = self._shares(inputs.parts, device)
        if shares is None:
            return compensated(value, dtype)
        rounded = carried(rows.to(device), dtype, shares)
        return rounded.T.contiguous() if inputs.turned else rounded

    def _shares(self, parts: list[torch.Tensor], device: torch.device) -> torch.Tensor | None:
        """`shares_of` these inputs, kept for the next layer, which may be given the same."""
        last = self._last
        same = last is not None and len(last[0]) == len(parts) and all(one is other for one, other in zip(last[0], parts, strict=True))
        if last is None or not same or (last[1] is not None and last[1].device != device):
            self._last = last = None  # two at once would be much memory
            self._last = last = parts, shares_of(torch.cat(parts).to(device), self._damp)
        return last[1]


def shares_of(x: torch.Tensor, damp: float = DAMP) -> torch.Tensor | None:
    """What share of each column's error another takes up (`carried`), of a layer's inputs X: (inputs, inputs) in float32.

    R is the factor of X^T X + damp · mean of its diagonal · 1. More damp is taken where that has none in float32; None if it has none
    even then, or X is not finite.

    Args:
        x: (tokens, inputs).
        damp: as `DAMP`.
    """
    x = x.float()
    products = x.T @ x
    mean = products.diagonal().mean()
    for times in FURTHER_DAMPS:
        shifted = products.flip(0, 1)  # the last column first, so that what is lower triangular becomes upper when flipped back
        shifted.diagonal().add_(mean * damp * times)
        lower, failed = torch.linalg.cholesky_ex(shifted)
        if not failed and bool(lower.isfinite().all()):
            del products, shifted
            upper: torch.Tensor = lower.flip(0, 1)
            return (upper / upper.diagonal()).T.contiguous()
    return None
