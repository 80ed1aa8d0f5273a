"""Answers of a run's model, as the feedback node takes them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from schemas.model_output import ModelOutput
from schemas.training_sample import TrainingSample
from schemas.turns import more_than_question, question_of


def model_outputs(prompts: Sequence[TrainingSample], completions: Sequence[str], run_id: str, step: int, phase: str) -> list[ModelOutput]:
    """Outputs of the model that has taken `step` optimizer steps, one for each prompt and its completion.

    Args:
        prompts: each completion's prompt.
        completions: the answers, in the order of their prompts.
        run_id: the run whose model answered.
        step: optimizer steps it had taken then.
        phase: `train`, or `before` and `after` training.
    """
    return [
        ModelOutput(
            prompt_id=prompt.sample_id,
            prompt=question_of(prompt.prompt),
            messages=more_than_question(prompt.prompt),
            tools=prompt.tools,
            completion=completion,
            model_version=f"{run_id}/{step}",
            run_id=run_id,
            phase=phase,
            task=prompt.task,
            gold=prompt.gold,
            created_at=time.time(),
        )
        for prompt, completion in zip(prompts, completions, strict=True)
    ]
