"""A run whose newest checkpoint was written in an older format goes on from it: weights, optimizer, reference and positions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from schemas.training_sample import BANDS, Objective
from streams.kafka.admin import create_topics
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, Run, account, produce
from trainer_node.commit.fencing import Fence
from trainer_node.commit.manifest import verify
from trainer_node.commit.old_formats import FORMAT
from trainer_node.commit.positions import partition_of

KEPT = Path(__file__).parents[1] / "data"


@pytest.fixture
def as_then(tmp_path):
    """Topics by the names that a kept checkpoint knows: a real deployment's, so on a broker of this test's own."""
    own = EmbeddedBroker(tmp_path / "broker")
    own.start()
    then = KafkaSettings(bootstrap_servers=own.bootstrap_servers, topic_prefix="pelton.")
    create_topics(then, then.topics).raise_if_wrong()
    yield then
    own.stop()


@pytest.mark.parametrize("kept", sorted(path.name for path in KEPT.glob("checkpoint-v*")))
def test_training_goes_on_from_a_kept_checkpoint_of_every_format(as_then, tmp_path, tiny_model, kept):
    run = Run(as_then, tmp_path, tiny_model, name=kept.removeprefix("checkpoint-"), trainer="auto")
    shutil.copytree(KEPT / kept, run.folder)
    Fence(run.folder)  # the incarnation that wrote it
    (written,) = (run.folder / "checkpoints").iterdir()
    old = verify(written).manifest
    with Producer(as_then) as producer:
        for name, position in old.feed.position.partitions.items():
            for _ in range(position.watermark):  # what it was trained on; retention may have removed it since
                producer.send_bytes(partition_of(name)[0], b"k", b"trained long ago")
    pairs = produce(as_then, 10 * BANDS, Objective.PREFERENCE, first=1000)
    before = {row.sample_id for row in run.rows()}
    child = run.finish()
    run.close()
    assert f"resumes from checkpoint {old.name}" in child.log
    assert account(set(run.trained(1, "preference")) - before, pairs) == ALL_THERE_ONCE
    assert before <= {row.sample_id for row in run.rows()}, "the old ledger goes on"
    assert run.newest.manifest.step > old.step
    assert run.newest.manifest.format == FORMAT
