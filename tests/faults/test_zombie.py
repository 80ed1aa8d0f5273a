"""A trainer that was paused and wakes up after another took over stops, publishes nothing, and is never resumed from."""

from __future__ import annotations

import signal

import pytest

from schemas.model_version import ModelVersion
from streams.kafka.consumer import read_range
from tests.faults.runs import ALL_THERE_ONCE, account, produce


@pytest.mark.parametrize("paused_at", [("batch", 6), ("commit", 5), ("commit", 7)])
def test_the_one_that_wakes_up_too_late_exits_and_its_successor_s_run_is_whole(settings, new_run, paused_at):
    samples = produce(settings, 1000)
    run = new_run()
    zombie = run.start(paused_at, after_step=5)
    zombie.wait_for("waiting")
    zombie.signal(signal.SIGSTOP)
    successor = run.start(("batch", 11))
    successor.wait_for("waiting")
    zombie.go_on()
    zombie.signal(signal.SIGCONT)
    assert zombie.wait() == 1
    assert "Fenced" in zombie.log.strip().splitlines()[-1]
    successor.go_on()
    successor.succeed()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    assert run.newest.manifest.epoch == 2
    records = list(read_range(settings, settings.topics.models.name))
    models = [ModelVersion.decode(record.value) for record in records if record.value is not None]
    standing = {record.key.decode(): record.value for record in records if record.key}  # as compaction leaves them
    there = {ModelVersion.decode(value).path for value in standing.values() if value is not None}
    assert there <= {str(path) for path in (run.folder / "checkpoints").iterdir()}, "what is deleted has a tombstone"
    assert str(run.newest.path) in there
    epochs = [model.epoch for model in models]
    first_of_successor = epochs.index(2) if 2 in epochs else len(epochs)
    assert 1 not in epochs[first_of_successor:], "the zombie published after its successor had"
    if paused_at[0] == "batch":
        assert {model.version for model in models if model.epoch == 1} == {"run/0", "run/4"}
