"""What a model's own losses and its answers' rewards say of samples: for orders that go by them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from trainer_node.data.examples import AnyExample, Example, PairExample
from trainer_node.training.evaluation import evaluating
from trainer_node.training.losses import collate, sample_losses, token_losses


def example_losses(model: Any, examples: Sequence[AnyExample], pad_token_id: int, rows: int = 8) -> list[float]:
    """Mean negative log-likelihood of each example's target tokens, in nats; of a pair that of its chosen side, of a prompt 0.

    Args:
        model: a causal language model, whose training mode is as before on return.
        examples: any number.
        pad_token_id: for rows of different lengths.
        rows: examples of a forward pass.
    """
    sequences = [_sequence(example) for example in examples]
    scored = sorted((index for index, one in enumerate(sequences) if one is not None), key=lambda index: len(examples[index]))
    found = [0.0] * len(examples)
    with evaluating(model):
        for start in range(0, len(scored), rows):
            part = scored[start : start + rows]
            inputs = collate([one for index in part if (one := sequences[index])], pad_token_id).inputs()
            nll, mask = token_losses(model, {name: tensor.to(model.device) for name, tensor in inputs.items()})
            for index, loss in zip(part, sample_losses(nll, mask)[0], strict=True):
                found[index] = loss if math.isfinite(loss) else math.inf
    return found


def _sequence(example: AnyExample) -> Example | None:
    if isinstance(example, PairExample):
        return example.sequences()[0]
    return example if isinstance(example, Example) else None


def mean_advantages(sample_ids: Sequence[str], rewards: Sequence[float | None]) -> dict[str, float]:
    """Mean distance of the rewards of a prompt's answers from their mean, by prompt; not of one without a reward.

    Args:
        sample_ids: the prompt of each answer.
        rewards: of each answer; None where none came.
    """
    groups: dict[str, list[float]] = defaultdict(list)
    for sample_id, reward in zip(sample_ids, rewards, strict=True):
        if reward is not None:
            groups[sample_id].append(reward)
    means = {sample_id: sum(group) / len(group) for sample_id, group in groups.items()}
    return {sample_id: sum(abs(one - means[sample_id]) for one in group) / len(group) for sample_id, group in groups.items()}
