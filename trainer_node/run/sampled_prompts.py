"""Training prompts answered several times before DPO begins, so that a judge makes preference pairs of the model's own answers.

The answers go out on `outputs`. The pairs come back over `samples` and the curriculum, from whoever judges: a feedback worker with
--preferences. DPO begins when all of that has been read.
"""

from __future__ import annotations

import logging
import time

from schemas.sample import Split
from schemas.training_sample import Objective, TrainingSample
from trainer_node.distributed.process_group import Command
from trainer_node.rewards.outputs import model_outputs
from trainer_node.run.beside import left_out_if_it_raises
from trainer_node.run.context import RunContext

logger = logging.getLogger(__name__)

PHASE = "train"
LOOK_S = 0.2
"""Seconds between two looks at whether the workers have read all."""


def sample_for_pairs(run: RunContext) -> None:
    """Answer as many training prompts as are wanted, wait for the judgement, then until workers have nothing left that may become a pair.

    Does nothing where none are wanted, or pairs are being trained already. A start after a crash does it again: the same weights draw the
    same answers, and a pair that comes twice is trained once.
    """
    if not run.config.sampled_prompts or Objective.PREFERENCE not in run.kinds:
        return
    if run.feed.cursor.standings[Objective.PREFERENCE].begun or run.stopping.is_set():
        return
    _wait_for(run)
    prompts = _chosen(run)
    if not prompts:
        logger.warning("there is no training prompt to sample answers to: send some with `task` rlhf_grpo and `split` train")
        return
    logger.info("sampling %d answers to each of %d prompts", run.config.num_generations, len(prompts))
    with run.timings("sampling (pairs)"), run.interruptible():
        completions = left_out_if_it_raises(run.group, run.loaded.model, "sampling answers for pairs", lambda: _sampled(run, prompts))
    if completions is None:
        return
    rows = [prompt for prompt in prompts for _ in range(run.config.num_generations)]
    outputs = model_outputs(rows, completions, run.options.run_id, run.feed.cursor.step, PHASE)
    once = {output.output_id: output for output in outputs}
    with run.timings("judging (pairs)"):
        judged = run.rewards.judge(list(once.values()))
    run.monitor.answered(run.feed.cursor.step, [(output, judged[key]) for key, output in once.items()])
    if all(found is None for found in judged.values()):
        logger.warning("none of the sampled answers was judged in time, so no pair is made of them")
        return
    run.completion.wait_for("feedback")
    with run.timings("waiting for samples"):
        while not (run.completion.upstream_done() or run.stopping.is_set()):
            run.guard()
            run.consumer.raise_failure()
            time.sleep(LOOK_S)


def _wait_for(run: RunContext) -> None:
    """Until as many prompts have come as are wanted, or all that there are."""
    wanted = run.config.sampled_prompts
    run.feed.want_prompts(True)
    with run.timings("waiting for samples"):
        while len(_chosen(run)) < wanted and not run.stopping.is_set():
            if run.completion.upstream_done() and not run.feed.undone(Objective.PROMPT):
                break
            run.guard()
            run.consumer.raise_failure()
            run.feed.intake(wait_s=LOOK_S)
            run.waiting.note("prompts", f"{len(_chosen(run))} of {wanted} prompts to sample have come")
    run.waiting.note("prompts", None)
    run.feed.want_prompts(False)


def _chosen(run: RunContext) -> list[TrainingSample]:
    """By id, so that they are the same after a crash."""
    kept = run.feed.held_out.prompts
    return [kept[key] for key in sorted(kept) if kept[key].split is Split.TRAIN][: run.config.sampled_prompts]


def _sampled(run: RunContext, prompts: list[TrainingSample]) -> list[str]:
    """The answers to each prompt, one after another."""
    from trainer_node.models.engine import key_of  # imports torch, as `open_run` has by now
    from trainer_node.models.generation import answer

    config, step = run.config, run.feed.cursor.step
    rows = [prompt for prompt in prompts for _ in range(config.num_generations)]
    keys = [key_of(config.seed, step, prompt.sample_id, number) for prompt in prompts for number in range(config.num_generations)]
    run.group.send_if_sharded(Command.ANSWER, rows, config.temperature, keys)
    loaded, most = run.loaded, config.max_new_tokens
    return run.group.made_alike(lambda: answer(loaded.model, loaded.tokenizer, rows, most, config.temperature, keys))
