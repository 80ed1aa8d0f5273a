"""Answers by Transformers' own `generate`, for models whose past is not the whole text's keys and values: recurrent, hybrid, with windows.

Slower: all answers of a batch go on until the last is over. Tokens are chosen as everywhere in the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from trainer_node.models.engine.answers import Answer
from trainer_node.models.engine.sampling import Sampling, choose

Tensor = torch.Tensor
BATCH = 16
"""Prompts answered at once."""


class Generating:
    """Answers prompts with one model, as `Engine` does."""

    def __init__(self, model: Any, stops: Sequence[int], pad: int) -> None:
        self._model, self._stops, self._pad = model, list(stops), pad

    @torch.no_grad()
    def answer(
        self,
        prompts: Sequence[list[int]],
        max_new_tokens: int,
        sampling: Sampling,
        keys: Sequence[int] | None = None,
        finished: Callable[[int, Answer], None] = lambda index, answer: None,
    ) -> list[Answer]:
        """See `Engine.answer`."""
        order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))  # like lengths together: less padding
        answers: dict[int, Answer] = {}
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            batch_keys = [keys[index] if keys else index for index in chosen]
            made = self._generate([prompts[index] for index in chosen], max_new_tokens, sampling, batch_keys)
            for index, answer in zip(chosen, made, strict=True):
                answers[index] = answer
                finished(index, answer)
        return [answers[index] for index in range(len(prompts))]

    def _generate(self, prompts: list[list[int]], max_new_tokens: int, sampling: Sampling, keys: list[int]) -> list[Answer]:
        width, device = max(map(len, prompts)), next(self._model.parameters()).device
        ids = torch.tensor([[self._pad] * (width - len(prompt)) + prompt for prompt in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
        choosing = Choosing(torch.tensor(keys, device=device), width, sampling)
        settings = GenerationConfig(max_new_tokens=max_new_tokens, do_sample=False, pad_token_id=self._pad, eos_token_id=self._stops)
        with only(self._model, settings):
            output = self._model.generate(
                input_ids=ids, attention_mask=mask, generation_config=settings, logits_processor=LogitsProcessorList([choosing])
            )
        log_p = torch.stack(choosing.log_probabilities, dim=1).tolist()
        return [self._cut(row, values) for row, values in zip(output[:, width:].tolist(), log_p, strict=True)]

    def _cut(self, tokens: list[int], log_p: list[float]) -> Answer:
        """Up to and with the first token that ends it."""
        end = next((place + 1 for place, token in enumerate(tokens) if token in self._stops), len(tokens))
        return Answer(tokens[:end], log_p[:end])


class Choosing(LogitsProcessor):
    """Chooses each row's token itself, and leaves `generate` nothing else to take."""

    def __init__(self, keys: Tensor, width: int, sampling: Sampling) -> None:
        self._keys, self._width = keys, width
        self._temperature = None if sampling.greedy else torch.tensor(sampling.temperature, device=keys.device)
        self.log_probabilities: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """scores (rows, V) to -inf but for the token that was chosen."""
        places = torch.full_like(self._keys, input_ids.shape[1] - self._width)
        tokens, log_p = choose(scores.float(), self._keys, places, self._temperature)
        self.log_probabilities.append(log_p)
        return torch.full_like(scores, -torch.inf).scatter_(1, tokens[:, None], 0.0)


class only:  # noqa: N801 - reads as a word: with only(model, settings)
    """In this block the model has these settings alone: `generate` takes what a call leaves open from the model's own."""

    def __init__(self, model: Any, settings: GenerationConfig) -> None:
        self._owner = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._settings = settings

    def __enter__(self) -> None:
        self._before, self._owner.generation_config = self._owner.generation_config, self._settings

    def __exit__(self, *_: object) -> None:
        self._owner.generation_config = self._before
