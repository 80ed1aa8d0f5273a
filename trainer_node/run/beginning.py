"""The weights that an objective began with, kept until it is measured for the first time: the baseline is of the same held-out samples.

Held-out samples come with the bands, the last of them when the last band is open, so before the first step there is nothing yet to compare
with. What is measured then is measured twice: by these weights, and by those of the moment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from schemas.training_sample import Objective

if TYPE_CHECKING:
    from trainer_node.run.context import RunContext

MOST_BYTES = 2 << 30
"""What they may take of the host's memory; where a whole model is trained there is no baseline."""


class Beginnings:
    """One for each objective that has begun and was not measured yet."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._kept: dict[Objective, dict[str, Any]] = {}

    def keep(self, objective: Objective) -> None:
        """Before an objective's first step."""
        run = self._run
        trained = dict(_trained(run.loaded.model))
        size = sum(weight.numel() * weight.element_size() for weight in trained.values())
        if not run.group.sharding and size <= MOST_BYTES:
            self._kept[objective] = {name: weight.detach().to("cpu", copy=True) for name, weight in trained.items()}

    def take(self, objective: Objective) -> dict[str, Any] | None:
        """An objective's, once."""
        return self._kept.pop(objective, None)


@contextlib.contextmanager
def with_weights(model: Any, weights: dict[str, Any]) -> Iterator[None]:
    """In this block the model has these weights; afterwards its own, to the bit."""
    import torch

    trained = [(name, weight) for name, weight in _trained(model) if name in weights]
    own = [weight.detach().clone() for _, weight in trained]
    with torch.no_grad():
        for name, weight in trained:
            weight.copy_(weights[name])
    try:
        yield
    finally:
        with torch.no_grad():
            for (_, weight), before in zip(trained, own, strict=True):
                weight.copy_(before)


def _trained(model: Any) -> Iterator[tuple[str, Any]]:
    return ((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)
