"""Answers of a step, sampled from the policy as it stands: each by a number of its own, so that a step done again draws the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from streams import metrics
from trainer_node.data.batch import StepExamples
from trainer_node.models.engine import Answer, Sampling, engine_of, key_of
from trainer_node.training.prompt_loader import PromptRow


class Sampler:
    """What a trainer answers with. Nothing of how tokens are drawn comes from the model's folder."""

    def __init__(self, model: Any, tokenizer: Any, seed: int, temperature: float, max_new_tokens: int) -> None:
        """`model` without wrappers; `seed` is the run's."""
        self._model, self._tokenizer, self._seed = model, tokenizer, seed
        self._sampling, self._max_new_tokens = Sampling(temperature), max_new_tokens
        self.tokens_an_answer = 0.0
        """Of the last step's answers at this rank, the mean; their ends count."""

    def __call__(
        self, rows: Sequence[PromptRow], batch: StepExamples, finished: Callable[[PromptRow, Answer], None] = lambda row, answer: None
    ) -> list[Answer]:
        """An answer for each of this rank's rows of a step; `finished` is told of each as it ends.

        The model's training mode is as before on return.
        """
        was_training = self._model.training
        self._model.eval()
        try:
            engine = engine_of(self._model, self._tokenizer)
            prompts, keys = [row["prompt"] for row in rows], self.keys(rows, batch)
            answers = engine.answer(
                prompts, self._max_new_tokens, self._sampling, keys, lambda index, answer: finished(rows[index], answer)
            )
            tokens = sum(len(answer.tokens) for answer in answers)
            metrics.GENERATION_TOKENS.labels("train").inc(tokens)
            self.tokens_an_answer = tokens / max(1, len(answers))
            return answers
        finally:
            self._model.train(was_training)

    def keys(self, rows: Sequence[PromptRow], batch: StepExamples) -> list[int]:
        """Of each row's answer: seed, step, prompt, and which of the prompt's answers it is."""
        seen: Counter[str] = Counter()
        keys = []
        for row in rows:
            # A row without an index only fills up a rank's share: its answer is thrown away.
            sample_id = "" if row["index"] is None else batch.sample_ids[row["index"]]
            keys.append(key_of(self._seed, batch.step, sample_id, seen[sample_id]))
            seen[sample_id] += 1
        return keys
