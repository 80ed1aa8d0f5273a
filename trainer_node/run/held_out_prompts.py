"""Held-out prompts: put to the model before and after training, and the answers judged. Nothing is learnt from them.

Training prompts that no policy trains lie beside them: `sampled_prompts` samples those.
"""

from __future__ import annotations

import logging

from schemas.model_output import ModelOutput
from schemas.sample import Split
from schemas.training_sample import TrainingSample
from trainer_node.distributed.process_group import Command
from trainer_node.rewards.outputs import model_outputs
from trainer_node.run.beside import left_out_if_it_raises
from trainer_node.run.context import RunContext

logger = logging.getLogger(__name__)

LOOK_S = 0.1
"""Seconds between two looks for prompts that have come."""


def ask_held_out(run: RunContext, phase: str) -> None:
    """Wait for as many prompts as are wanted, answer them greedily, and have the answers judged; what they earned goes to the monitor.

    Args:
        run: its config says how many; none asks nothing. Answering that raises is told, and left out.
        phase: `before`, `during` or `after`, said in the outputs.
    """
    wanted = run.config.held_out_prompts
    if not wanted:
        return
    _wait_for(run, wanted)
    if run.stopping.is_set():
        return
    prompts = held_out_prompts(run)[:wanted]
    left_out_if_it_raises(run.group, run.loaded.model, f"answering the held-out prompts ({phase})", lambda: _ask(run, prompts, phase))


def held_out_prompts(run: RunContext) -> list[TrainingSample]:
    """Those that came, by id; without those that are to be sampled, where any are."""
    prompts = run.feed.held_out.prompts
    sampled = run.config.sampled_prompts > 0
    return [prompts[key] for key in sorted(prompts) if not (sampled and prompts[key].split is Split.TRAIN)]


def _ask(run: RunContext, prompts: list[TrainingSample], phase: str) -> None:
    logger.info("answering %d held-out prompts (%s)", len(prompts), phase)
    with run.timings(f"answering ({phase})"):
        outputs = _answers(run, prompts, phase)
    with run.timings(f"judging ({phase})"):
        rewards = run.rewards.judge(outputs)
    run.progress.rewarded(run.feed.cursor.step, [found.reward if found is not None else None for found in rewards.values()], phase)
    run.monitor.rewarded(run.feed.cursor.step, [found.reward if found is not None else None for found in rewards.values()])
    run.watch.held_out(run.feed.cursor.step, list(rewards.values()))
    run.monitor.answered(run.feed.cursor.step, [(output, rewards[output.output_id]) for output in outputs])


def _wait_for(run: RunContext, wanted: int) -> None:
    """Until as many have come, or no more are kept."""
    run.feed.want_prompts(True)
    with run.timings("waiting for samples"):
        while not _are_enough(run, wanted) and not run.stopping.is_set():
            run.consumer.raise_failure()
            run.group.heartbeat()
            run.feed.intake(wait_s=LOOK_S)
            run.waiting.note("held-out prompts", f"{len(held_out_prompts(run))} of {wanted} held-out prompts have come", is_fault=True)
    run.waiting.note("held-out prompts", None)
    run.feed.want_prompts(False)


def _are_enough(run: RunContext, wanted: int) -> bool:
    come = len(held_out_prompts(run))
    if run.feed.held_out.prompts_are_full and come < wanted:
        logger.warning("no more than %d held-out prompts are kept, and asked, of the %d wanted", come, wanted)
        return True
    return come >= wanted


def _answers(run: RunContext, prompts: list[TrainingSample], phase: str) -> list[ModelOutput]:
    from trainer_node.models.generation import answer  # imports torch, as `open_run` has by now

    run.group.send_if_sharded(Command.ANSWER, prompts, 0.0, None)
    loaded, most = run.loaded, run.config.max_new_tokens
    completions = run.group.made_alike(lambda: answer(loaded.model, loaded.tokenizer, prompts, most))
    return model_outputs(prompts, completions, run.options.run_id, run.feed.cursor.step, phase)
