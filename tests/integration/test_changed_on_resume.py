"""What is set about passes, evaluation, pacing and checkpoints may change where a run goes on, and each change is seen in what it does."""

from __future__ import annotations

from schemas.sample import Split
from schemas.training_sample import Objective
from tests.faults.runs import sample
from tests.integration.test_trainer_stream import new_run, send, tiny_model  # noqa: F401 - fixtures
from trainer_node.commit.manifest import checkpoints


def test_a_run_that_goes_on_takes_what_is_set_about_passes_evaluation_and_checkpoints(settings, new_run):  # noqa: F811
    held_out = [sample(number, sample_id=f"v{number}", split=Split.VALIDATION) for number in range(2)]
    send(settings, [*held_out, *(sample(number) for number in range(16))])
    send(settings, [sample(0, Objective.PROMPT, sample_id="p0", chosen=None, rejected=None)])
    run = new_run(epochs=1, checkpoint_steps=1000, eval_steps=0, patience=0, pace_steps=1000, repeat_horizon=100, lr=1e-30)
    run.finish()
    assert len(checkpoints(run.folder)) == 2
    changed = {
        "epochs": 4, "checkpoint_steps": 2, "keep_checkpoints": 5, "eval_steps": 1, "patience": 4, "pace_steps": 1, "repeat_horizon": 1,
        "held_out_prompts": 1, "reward_timeout_s": 0.0, "checkpoint_every": 3600.0, "grace_s": 3600.0,
    }  # fmt: skip
    child = run.finish(config=changed)
    manifest = run.newest.manifest
    assert manifest.feed.pass_number > 1, "another pass"
    assert len(checkpoints(run.folder)) >= 5, "more are kept"
    assert "val_loss" in manifest.metrics
    assert "stopping early" in child.log, "after as many evaluations as are set now"
    assert manifest.feed.of(Objective.SFT).pacing.highest > 0, "bands open sooner"
    assert "1 of 1 rewards did not come within 0 s" in child.log, "the prompt is asked after the training, and its reward not waited for"
    assert "--grace-s is 3600.0 from step" in child.log
