"""After SIGKILL at any moment, each sample stands in the surviving weights exactly once, and the weights are those of an unbroken run."""

from __future__ import annotations

import pytest

from tests.faults.runs import ALL_THERE_ONCE, account, produce, same_weights

pytestmark = pytest.mark.durable


def test_sigkill_at_every_step_of_the_commit_and_in_mid_step_leaves_each_sample_exactly_once_and_the_same_weights(settings, new_run):
    samples = produce(settings, 1000)
    unbroken = new_run("unbroken")
    unbroken.finish()
    run = new_run("killed")
    for number in range(1, 10):
        child = run.start(("commit", number), after_step=1)
        child.wait_for("waiting")
        child.kill()
    child = run.start(("micro", 26))
    child.wait_for("waiting")
    child.kill()
    run.finish()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    assert same_weights(run.weights(), unbroken.weights())
