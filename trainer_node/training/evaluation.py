"""How good the model is on held-out samples: `val_metric`, and what is measured beside it.

What is measured is what is being trained; each kind of trainer names its measure (`trainer_node.training.spec`). Here: of supervised
samples `val_loss`, the mean negative log-likelihood of their target tokens in nats (exp() of it is the perplexity); of classification also
`val_accuracy`, `val_macro_f1` and `val_adjusted_rand` of the label that the model finds likeliest. Only labels of the set can be chosen,
and a label's likelihood is that of all its tokens and EOS, so that a long label has no advantage.

`val_metric` is the accuracy where all held-out samples are classification, and the loss elsewhere.
"""

from __future__ import annotations

import contextlib
import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name the field uses
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from schemas.sample import Task
from schemas.training_sample import TrainingSample
from trainer_node.commit.best import ACCURACY, LOSS
from trainer_node.data.examples import IGNORED, AnyExample, Example, with_loss
from trainer_node.data.tokenization import completion_tokens
from trainer_node.training.losses import collate, token_losses

ROWS = 32
"""Labels scored in one pass, over all its prompts."""


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation found."""

    measure: str
    """Which of the values is `val_metric`."""
    values: dict[str, float]

    @property
    def val_metric(self) -> float:
        """The value that early stopping and the choice of the best checkpoint go by."""
        return self.values[self.measure]


@dataclass
class Losses:
    """Negative log-likelihood in nats, summed over tokens."""

    total: float = 0.0
    tokens: int = 0

    @property
    def mean(self) -> float:
        """Of a token."""
        return self.total / max(1, self.tokens)


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
) -> Evaluation:
    """Loss of supervised samples; and of those with a label, which label is chosen."""
    labelled = [sample for sample in samples if sample.task is Task.CLASSIFICATION]
    others = [_sequence(prepare(sample)) for sample in samples if sample.task is not Task.CLASSIFICATION]
    losses = mean_loss(model, others, tokenizer.pad_token_id, batch)
    if not labelled:
        return Evaluation(LOSS, {LOSS: losses.mean})
    chosen = choose_labels(model, tokenizer, labelled, [prompt_of(_sequence(prepare(sample))) for sample in labelled], losses)
    scores = label_scores([str(sample.completion) for sample in labelled], chosen)
    return Evaluation(LOSS if others else ACCURACY, {LOSS: losses.mean, **scores})


def label_scores(true: list[str], chosen: list[str]) -> dict[str, float]:
    """Accuracy, macro-F1 (over the labels that are true or chosen somewhere) and adjusted Rand index."""
    from torchmetrics.functional.classification import multiclass_accuracy, multiclass_f1_score
    from torchmetrics.functional.clustering import adjusted_rand_score

    numbers = {label: number for number, label in enumerate(sorted({*true, *chosen}))}
    targets, answers = (torch.tensor([numbers[label] for label in labels]) for labels in (true, chosen))
    classes = max(2, len(numbers))  # with fewer the library asks for another function; one that never occurs is left out of the mean
    with torch.sparse.check_sparse_tensor_invariants(enable=False):  # said, or torch warns that it was not
        scores = {
            ACCURACY: multiclass_accuracy(answers, targets, classes, average="micro"),
            "val_macro_f1": multiclass_f1_score(answers, targets, classes, average="macro"),
            "val_adjusted_rand": adjusted_rand_score(answers, targets),
        }
    return {name: round(float(score), 6) for name, score in scores.items()}  # of float32


@torch.no_grad()
def mean_loss(model: Any, examples: list[Example], pad_token_id: int, batch: int = 8) -> Losses:
    """Negative log-likelihood of the target tokens of all examples."""
    losses = Losses()
    for start in range(0, len(examples), batch):
        nll, mask = token_losses(model, _on_device(model, collate(examples[start : start + batch], pad_token_id).inputs()))
        losses.total += float(nll.sum())
        losses.tokens += int(mask.sum())
    return losses


def choose_labels(
    model: Any, tokenizer: Any, samples: list[TrainingSample], prompts: list[list[int]], losses: Losses | None = None
) -> list[str]:
    """The likeliest label of each sample's set, given its prompt; the true labels' own loss is added to `losses`.

    A sample without a set of its own has the labels of all those that have none.
    """
    unnamed = tuple(sorted({str(sample.completion) for sample in samples if not sample.label_set}))
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        groups[tuple(label for label in sample.label_set or unnamed if label.strip())].append(index)
    chosen = [""] * len(samples)
    for labels, members in groups.items():
        tokens = [completion_tokens(label, tokenizer) for label in labels]
        size = max(1, ROWS // len(labels))
        members.sort(key=lambda index: len(prompts[index]))  # like lengths together: less padding
        for start in range(0, len(members), size):
            part = members[start : start + size]
            found = label_losses(model, [prompts[index] for index in part], tokens, tokenizer.pad_token_id)
            for row, index in zip(found, part, strict=True):
                chosen[index] = labels[int(row.argmin())]
                if losses is not None:
                    true = labels.index(str(samples[index].completion))
                    losses.total += float(row[true])
                    losses.tokens += len(tokens[true])
    return chosen


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
