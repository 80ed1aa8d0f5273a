"""How good the model is on held-out samples: `val_metric`, and what is measured beside it.

What is measured is what is being trained; each kind of trainer names its measure (`trainer_node.training.spec`). Here: of supervised
samples `val_loss`, the mean negative log-likelihood in nats over all their target tokens, summed in float64, and `val_perplexity`, exp()
of it; of classification also the scores of `label_scores` of the label that the model finds likeliest. Only labels of the set can be
chosen. A label's likelihood is the product over its tokens and EOS: in a model that has learnt nothing, a label of fewer tokens is
likelier, so the choice by the mean over tokens stands beside it.

`val_metric` is the accuracy where all held-out samples are classification and it can be measured, and the loss elsewhere.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name the field uses
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from schemas.sample import Task
from schemas.training_sample import TrainingSample
from trainer_node.commit.best import ACCURACY, LOSS
from trainer_node.data.examples import IGNORED, AnyExample, Example, with_loss
from trainer_node.data.tokenization import completion_tokens
from trainer_node.training.label_scores import Chosen, label_scores
from trainer_node.training.losses import collate, in_float64, token_losses

ROWS = 32
"""Labels scored in one pass, over all its prompts."""


PERPLEXITY = "val_perplexity"


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation found."""

    measure: str
    """Which of the values is `val_metric`."""
    values: dict[str, float]
    absent: Mapping[str, str] = field(default_factory=dict)
    """What could not be measured, by name, and why."""
    candidates: int = 0
    """Most labels that a row could have been given; values of another number of them do not compare."""

    @property
    def val_metric(self) -> float:
        """The value that early stopping and the choice of the best checkpoint go by; not a number where nothing could be measured."""
        return self.values.get(self.measure, math.nan)


@dataclass
class Losses:
    """Negative log-likelihood in nats, summed over tokens, in float64."""

    total: float = 0.0
    tokens: int = 0

    @property
    def mean(self) -> float | None:
        """Of a token; None of no tokens."""
        return self.total / self.tokens if self.tokens else None

    def values(self) -> dict[str, float]:
        """`val_loss` and `val_perplexity`; neither of no tokens, and no perplexity beyond what a float holds."""
        if self.mean is None:
            return {}
        return {LOSS: self.mean} | ({PERPLEXITY: math.exp(self.mean)} if self.mean < MOST_NATS else {})


MOST_NATS = 700.0
"""exp() of more is no finite float."""


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """In this block nothing is learnt, and dropout is off; the training mode is as before when it ends."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def supervised(
    trainer: Any,  # noqa: ARG001 - nothing is compared with a reference
    model: Any,
    tokenizer: Any,
    samples: Sequence[TrainingSample],
    prepare: Callable[[TrainingSample], AnyExample],
    batch: int,
    labels: Sequence[str] = (),
) -> Evaluation:
    """Loss of supervised samples; and of those with a label, which label is chosen. `labels`: those seen so far, of training too."""
    labelled = [sample for sample in samples if sample.task is Task.CLASSIFICATION]
    others = [_sequence(prepare(sample)) for sample in samples if sample.task is not Task.CLASSIFICATION]
    losses = mean_loss(model, others, tokenizer.pad_token_id, batch)
    if not labelled:
        return Evaluation(LOSS, losses.values(), _no_tokens(losses))
    prompts = [prompt_of(_sequence(prepare(sample))) for sample in labelled]
    chosen = choose_labels(model, tokenizer, labelled, prompts, losses, labels)
    scores = label_scores(chosen)
    measure = LOSS if others or ACCURACY not in scores.values else ACCURACY
    absent = {**_no_tokens(losses), **scores.absent}
    return Evaluation(measure, {**losses.values(), **scores.values}, absent, max(row.candidates for row in chosen))


def _no_tokens(losses: Losses) -> dict[str, str]:
    return {} if losses.tokens else {LOSS: "no held-out sample has a token to be predicted"}


@torch.no_grad()
def mean_loss(model: Any, examples: list[Example], pad_token_id: int, batch: int = 8) -> Losses:
    """Negative log-likelihood of the target tokens of all examples."""
    losses = Losses()
    for start in range(0, len(examples), batch):
        nll, mask = token_losses(model, _on_device(model, collate(examples[start : start + batch], pad_token_id).inputs()))
        losses.total += float(in_float64(nll).sum())
        losses.tokens += int(mask.sum())
    return losses


def choose_labels(
    model: Any,
    tokenizer: Any,
    samples: list[TrainingSample],
    prompts: list[list[int]],
    losses: Losses | None = None,
    seen: Sequence[str] = (),
) -> list[Chosen]:
    """The likeliest label of each sample's set, given its prompt; the true labels' own loss is added to `losses`.

    A sample without a set of its own has the labels that were seen, and those of all samples here without a set.
    """
    unnamed = tuple(sorted({*seen, *(str(sample.completion) for sample in samples if not sample.label_set)}))
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        groups[tuple(label for label in sample.label_set or unnamed if label.strip())].append(index)
    chosen: dict[int, Chosen] = {}
    for labels, members in groups.items():
        tokens = [completion_tokens(label, tokenizer) for label in labels]
        lengths = torch.tensor([len(label) for label in tokens], dtype=torch.float64)
        size = max(1, ROWS // len(labels))
        members.sort(key=lambda index: len(prompts[index]))  # like lengths together: less padding
        for start in range(0, len(members), size):
            part = members[start : start + size]
            found = label_losses(model, [prompts[index] for index in part], tokens, tokenizer.pad_token_id).cpu().double()
            for row, index in zip(found, part, strict=True):
                true = str(samples[index].completion)
                chosen[index] = Chosen(true, labels[int(row.argmin())], labels[int((row / lengths).argmin())], len(labels))
                if losses is not None:
                    losses.total += float(row[labels.index(true)])
                    losses.tokens += len(tokens[labels.index(true)])
    return [chosen[index] for index in range(len(samples))]


@torch.no_grad()
def label_losses(model: Any, prompts: list[list[int]], labels: list[list[int]], pad_token_id: int) -> torch.Tensor:
    """Negative log-likelihood of each label's tokens after each prompt: (prompts, labels), in nats.

    A prompt goes through the model once, and its labels go on from its keys and values. Unsloth's forward pass goes on by single tokens
    only, and what a hybrid model remembers beside its attention cannot be repeated: there prompt and label go through together, once for
    each label.
    """
    if getattr(model, "pelton_backend", "hf") == "unsloth":
        return _label_losses_whole(model, prompts, labels, pad_token_id)
    begun = _begin(model, prompts, pad_token_id)
    if begun is None:
        return _label_losses_whole(model, prompts, labels, pad_token_id)
    parts = [_continue(model, begun, labels[start : start + ROWS], pad_token_id) for start in range(0, len(labels), ROWS)]
    return torch.cat(parts, dim=1)


def _label_losses_whole(model: Any, prompts: list[list[int]], labels: list[list[int]], pad_token_id: int) -> torch.Tensor:
    rows = [Example(prompt + label, [IGNORED] * len(prompt) + label) for prompt in prompts for label in labels]
    parts = []
    for start in range(0, len(rows), ROWS):
        nll, _ = token_losses(model, _on_device(model, collate(rows[start : start + ROWS], pad_token_id).inputs()))
        parts.append(nll.sum(-1))
    return torch.cat(parts).view(len(prompts), len(labels))


@dataclass(frozen=True)
class Begun:
    """Prompts that went through the model: what a continuation needs. Prompts are padded on the left."""

    cache: Any
    mask: torch.Tensor
    first: torch.Tensor
    """Log-probabilities of the next token, (prompts, vocabulary)."""


def _begin(model: Any, prompts: list[list[int]], pad_token_id: int) -> Begun | None:
    """Prompts through the model; None where it keeps more of them than keys and values, or nothing."""
    inputs = collate([Example(prompt, [IGNORED] * len(prompt)) for prompt in prompts], pad_token_id).inputs()
    del inputs["labels"]
    inputs = _on_device(model, inputs)
    output = model(**inputs, use_cache=True, logits_to_keep=1)
    if not _is_attention_alone(getattr(output, "past_key_values", None)):
        return None
    return Begun(output.past_key_values, inputs["attention_mask"], output.logits[:, -1].float().log_softmax(-1))


def _is_attention_alone(cache: Any) -> bool:
    """Whether a cache holds keys and values and nothing else, so that it can be repeated for each label."""
    layers: list[Any] = getattr(cache, "layers", [])
    return bool(layers) and all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def _continue(model: Any, begun: Begun, labels: list[list[int]], pad_token_id: int) -> torch.Tensor:
    """Labels, padded on the right, after every prompt."""
    width, count, rows = max(len(label) for label in labels), len(labels), len(begun.mask)
    device = begun.mask.device
    tokens = torch.tensor([label + [pad_token_id] * (width - len(label)) for label in labels], device=device).repeat(rows, 1)
    real = torch.tensor([[1] * len(label) + [0] * (width - len(label)) for label in labels], device=device).repeat(rows, 1)
    cache = copy.deepcopy(begun.cache)  # a pass adds to what it is given
    cache.batch_repeat_interleave(count)
    before = begun.mask.repeat_interleave(count, dim=0)
    positions = before.sum(-1, keepdim=True) + torch.arange(width - 1, device=device)
    logits = model(
        input_ids=tokens[:, :-1],
        attention_mask=torch.cat([before, real[:, :-1]], dim=1),
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
    ).logits
    later = F.cross_entropy(logits.float().transpose(1, 2), tokens[:, 1:], reduction="none") * real[:, 1:]
    first = -begun.first.repeat_interleave(count, dim=0).gather(1, tokens[:, :1])
    return (first.squeeze(1) + later.sum(-1)).view(rows, count)


def _sequence(example: AnyExample) -> Example:
    [sequence] = with_loss(example).sequences()
    return sequence


def prompt_of(example: Example) -> list[int]:
    """The part of an example that is given: what carries no loss."""
    return [token for token, label in zip(example.input_ids, example.labels, strict=True) if label == IGNORED]


def _on_device(model: Any, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    device = next(model.parameters()).device
    return {name: tensor.to(device) for name, tensor in inputs.items()}
