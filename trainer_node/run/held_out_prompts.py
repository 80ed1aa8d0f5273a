"""Held-out prompts: put to the model before and after training, and the answers judged. Nothing is learnt from them."""

from __future__ import annotations

import logging

from schemas.errors import Fenced
from schemas.model_output import ModelOutput
from schemas.training_sample import TrainingSample
from trainer_node.distributed.process_group import Command
from trainer_node.rewards.outputs import model_outputs
from trainer_node.run.context import RunContext

logger = logging.getLogger(__name__)

LOOK_S = 0.1
"""Seconds between two looks for prompts that have come."""


def ask_held_out(run: RunContext, phase: str) -> None:
    """Wait for as many prompts as are wanted, answer them greedily, and have the answers judged; what they earned goes to the monitor.

    Args:
        run: its config says how many; none asks nothing. Answering that raises is told, and left out.
        phase: `before` or `after`, said in the outputs.
    """
    wanted = run.config.held_out_prompts
    if not wanted:
        return
    _wait_for(run, wanted)
    if run.stopping.is_set():
        return
    held_out = run.feed.held_out.prompts
    prompts = [held_out[key] for key in sorted(held_out)][:wanted]
    try:
        _ask(run, prompts, phase)
    except Exception as error:  # what a model's own code raises can be anything
        if isinstance(error, Fenced) or run.group.size > 1:  # the others stand in the middle of it
            raise
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        logger.error("answering the held-out prompts (%s) failed, and is left out: %s", phase, why)


def _ask(run: RunContext, prompts: list[TrainingSample], phase: str) -> None:
    logger.info("answering %d held-out prompts (%s)", len(prompts), phase)
    with run.timings(f"answering ({phase})"):
        outputs = _answers(run, prompts, phase)
    with run.timings(f"judging ({phase})"):
        rewards = run.rewards.judge(outputs)
    run.progress.rewarded(run.feed.cursor.step, [found.reward if found is not None else None for found in rewards.values()], phase)
    run.monitor.rewarded(run.feed.cursor.step, [found.reward if found is not None else None for found in rewards.values()])
    run.monitor.answered(run.feed.cursor.step, [(output, rewards[output.output_id]) for output in outputs])


def _wait_for(run: RunContext, wanted: int) -> None:
    """Until as many have come, or no more are kept."""
    run.feed.want_prompts(True)
    with run.timings("waiting for samples"):
        while not _are_enough(run, wanted) and not run.stopping.is_set():
            run.consumer.raise_failure()
            run.group.heartbeat()
            run.feed.intake(wait_s=LOOK_S)
            run.waiting.note("held-out prompts", f"{len(run.feed.held_out.prompts)} of {wanted} held-out prompts have come", is_fault=True)
    run.waiting.note("held-out prompts", None)
    run.feed.want_prompts(False)


def _are_enough(run: RunContext, wanted: int) -> bool:
    held_out = run.feed.held_out
    if held_out.prompts_are_full and len(held_out.prompts) < wanted:
        logger.warning("no more than %d held-out prompts are kept, and asked, of the %d wanted", len(held_out.prompts), wanted)
        return True
    return len(held_out.prompts) >= wanted


def _answers(run: RunContext, prompts: list[TrainingSample], phase: str) -> list[ModelOutput]:
    from trainer_node.models.generation import answer  # imports torch, as `open_run` has by now

    run.group.send_if_sharded(Command.ANSWER, prompts)
    completions = answer(run.loaded.model, run.loaded.tokenizer, prompts, run.config.max_new_tokens)
    return model_outputs(prompts, completions, run.options.run_id, run.feed.cursor.step, phase)
