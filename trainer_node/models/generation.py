"""Answers: prompts to completions with the model as it stands, greedy, in batches."""

from __future__ import annotations

from typing import Any

import torch

from schemas.errors import UserError
from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from trainer_node.data.batch_tokenizer import BatchTokenizer, with_choices
from trainer_node.data.tokenization import prompt_tokens
from trainer_node.models.out_of_memory import out_of_memory
from trainer_node.models.stopping import stops_of

BATCH = 16
"""Prompts answered at once."""


def answer(model: Any, tokenizer: Any, prompts: list[TrainingSample], max_new_tokens: int) -> list[str]:
    """One completion for each prompt, special tokens removed; greedy, so that the same weights give the same answers.

    The model's training mode and the random state are as before on return.

    Raises:
        UserError: the answers did not fit into memory; names the prompts' size, and the settings to change.
    """
    asked = [with_choices(prompt) if prompt.task is Task.CLASSIFICATION else prompt for prompt in prompts]
    together = BatchTokenizer(tokenizer, asked)
    tokens = [prompt_tokens(prompt, together) for prompt in asked]
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))  # like lengths together: less padding
    answers = [""] * len(tokens)
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            for index, text in zip(chosen, _generate(model, tokenizer, [tokens[i] for i in chosen], max_new_tokens), strict=True):
                answers[index] = text
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise UserError(
            f"out of memory while {len(chosen)} prompts of up to {len(tokens[chosen[-1]])} tokens were answered with up to {max_new_tokens}"
            " more. Nothing is lost: lower --max-new-tokens, or take fewer or shorter prompts, and start again"
        ) from error
    finally:
        model.train(was_training)
    return answers


def as_prompt(question: str) -> TrainingSample:
    """A bare question as a prompt."""
    turns = (Turn(role="user", content=question),)
    return TrainingSample(sample_id="ask", objective=Objective.PROMPT, task=Task.QA, band=0, prompt=turns)


@torch.no_grad()
def _generate(model: Any, tokenizer: Any, prompts: list[list[int]], max_new_tokens: int) -> list[str]:
    width = max(len(prompt) for prompt in prompts)
    device = next(model.parameters()).device
    ids = torch.tensor([[tokenizer.pad_token_id] * (width - len(prompt)) + prompt for prompt in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    output = model.generate(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        temperature=None,
        top_p=None,
        top_k=None,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=stops_of(model, tokenizer),
    )
    return [text.strip() for text in tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)]
