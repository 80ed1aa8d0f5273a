"""Answers: prompts to completions with the model as it stands, greedy or sampled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.errors import UserError
from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from streams import metrics
from trainer_node.data.batch_tokenizer import BatchTokenizer, with_choices
from trainer_node.data.tokenization import prompt_tokens
from trainer_node.models.engine import Sampling, engine_of
from trainer_node.models.out_of_memory import out_of_memory


def answer(
    model: Any,
    tokenizer: Any,
    prompts: list[TrainingSample],
    max_new_tokens: int,
    temperature: float = 0.0,
    keys: Sequence[int] | None = None,
) -> list[str]:
    """One completion for each prompt, special tokens removed. The same weights give the same answers, drawn ones too.

    The model's training mode and the random state are as before on return.

    Args:
        model: as it stands.
        tokenizer: the model's.
        prompts: one of them may stand several times.
        max_new_tokens: of an answer, its end included.
        temperature: of sampling; 0 takes the most likely token.
        keys: what each answer is drawn by (`engine.key_of`); without, its place.

    Raises:
        UserError: the answers did not fit into memory; names the prompts' size, and the settings to change.
    """
    asked = [with_choices(prompt) if prompt.task is Task.CLASSIFICATION else prompt for prompt in prompts]
    together = BatchTokenizer(tokenizer, asked)
    tokens = [prompt_tokens(prompt, together) for prompt in asked]
    was_training = model.training
    model.eval()
    try:
        answers = engine_of(model, tokenizer).answer(tokens, max_new_tokens, Sampling(temperature), keys)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise UserError(
            f"out of memory while {len(tokens)} prompts of up to {max(map(len, tokens))} tokens were answered with up to {max_new_tokens}"
            " more. Nothing is lost: lower --max-new-tokens, or take fewer or shorter prompts, and start again"
        ) from error
    finally:
        model.train(was_training)
    metrics.GENERATION_TOKENS.labels("train" if temperature else "evaluate").inc(sum(len(answer.tokens) for answer in answers))
    return [text.strip() for text in tokenizer.batch_decode([answer.tokens for answer in answers], skip_special_tokens=True)]


def as_prompt(question: str) -> TrainingSample:
    """A bare question as a prompt."""
    turns = (Turn(role="user", content=question),)
    return TrainingSample(sample_id="ask", objective=Objective.PROMPT, task=Task.QA, band=0, prompt=turns)
