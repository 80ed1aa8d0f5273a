"""How near a model that was written is to the checkpoint it was written from: on held-out prompts, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the name the field uses

from schemas.training_sample import TrainingSample
from trainer_node.commit.held_out_file import feed_of
from trainer_node.commit.manifest import Checkpoint
from trainer_node.data.tokenization import prompt_tokens
from trainer_node.models.generation import answer, as_prompt

PROMPTS = 16
ANSWER_TOKENS = 32
QUESTIONS = (
    "What is the capital of France?", "Write a sentence about the sea.", "How do I boil an egg?", "Name three colours.",
    "Why is the sky blue?", "What is 12 times 12?", "Tell me about a friend of yours.", "Which animals live in a forest?",
    "Translate 'good morning' into Spanish.", "What should I read next?", "Explain what a river is.", "Who was Marie Curie?",
    "Give me advice for a job interview.", "What comes after Tuesday?", "Describe your favourite meal.", "How far away is the moon?",
)  # fmt: skip
"""What is asked of a checkpoint whose run held no prompts out."""
OTHER_QUESTIONS = (
    "What is the largest ocean?", "Write a sentence about winter.", "How do I plant a tree?", "Name three musical instruments.",
    "Why do leaves fall in autumn?", "What is 144 divided by 12?", "Tell me about your first day at school.", "Which birds can swim?",
    "Translate 'thank you' into French.", "What should I cook tonight?", "Explain what a volcano is.", "Who was Isaac Newton?",
    "Give me advice for a long journey.", "What comes before March?", "Describe a quiet street.", "How old is the sun?",
)  # fmt: skip
"""By what is heard of what goes into each layer, before its weights are rounded: nothing that is compared afterwards."""


class Fidelity(NamedTuple):
    """How near two models are."""

    kl: float
    """Mean Kullback-Leibler divergence of a token's distribution from the checkpoint's, in nats: sum p (ln p - ln q)."""
    equal: float
    """Share of places where both hold the same token for the likeliest."""
    tokens: int
    """Places compared."""


class Asked(NamedTuple):
    """What a checkpoint was asked, what it answered, and how likely it held each token to be."""

    rows: list[tuple[list[int], int]]
    """Tokens of prompt and answer, and where the answer begins."""
    distributions: list[torch.Tensor]
    """Log-probabilities at each place of the answer, (places, vocabulary), float32."""
    held_out: bool
    """Whether the prompts are the run's own."""


def ask_checkpoint(model: Any, tokenizer: Any, checkpoint: Checkpoint) -> Asked:
    """What the checkpoint as it was trained says of prompts it was not trained on: the run's held-out ones, or ours."""
    prompts = held_out_prompts(checkpoint) or [as_prompt(text) for text in QUESTIONS]
    rows = _answered(model, tokenizer, prompts)
    return Asked(rows, distributions(model, rows), bool(held_out_prompts(checkpoint)))


def calibration_rows(model: Any, tokenizer: Any, checkpoint: Checkpoint) -> list[list[int]]:
    """Tokens of prompts and the model's answers that `ask_checkpoint` does not ask: further held-out ones of the run, and ours."""
    prompts = [*_held_out(checkpoint)[PROMPTS : 2 * PROMPTS], *(as_prompt(text) for text in OTHER_QUESTIONS)]
    return [tokens for tokens, _ in _answered(model, tokenizer, prompts)]


def held_out_prompts(checkpoint: Checkpoint) -> list[TrainingSample]:
    """Prompts that the run was not trained on, as far as it has any."""
    return _held_out(checkpoint)[:PROMPTS]


def _held_out(checkpoint: Checkpoint) -> list[TrainingSample]:
    held_out = feed_of(checkpoint).held_out
    return [sample for sample in (*held_out.prompts, *held_out.validation) if sample.prompt]


def _answered(model: Any, tokenizer: Any, prompts: list[TrainingSample]) -> list[tuple[list[int], int]]:
    """Tokens of each prompt and its answer, and where the answer begins."""
    rows = []
    for prompt, text in zip(prompts, answer(model, tokenizer, prompts, ANSWER_TOKENS), strict=True):
        asked = prompt_tokens(prompt, tokenizer)
        rows.append((asked + tokenizer(text, add_special_tokens=False)["input_ids"], len(asked)))
    return rows


@torch.no_grad()
def distributions(model: Any, rows: Sequence[tuple[list[int], int]]) -> list[torch.Tensor]:
    """Log-probabilities of what follows the prompt and each token of the answer."""
    model.eval()
    device = next(model.parameters()).device
    found = []
    for tokens, start in rows:
        logits = model(input_ids=torch.tensor([tokens], device=device), use_cache=False).logits[0, start - 1 :]
        found.append(logits.float().log_softmax(-1).cpu())
    return found


def compare(asked: Asked, model: Any) -> Fidelity:
    """How near another model is to the one that was asked."""
    kl, equal, tokens = 0.0, 0, 0
    for ours, theirs in zip(asked.distributions, distributions(model, asked.rows), strict=True):
        kl += float(F.kl_div(theirs, ours, reduction="sum", log_target=True))
        equal += int((ours.argmax(-1) == theirs.argmax(-1)).sum())
        tokens += len(ours)
    return Fidelity(kl / tokens, equal / tokens, tokens)
