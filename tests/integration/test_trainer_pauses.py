"""A trainer that runs makes no pause for the garbage collector to walk through its libraries."""

from __future__ import annotations

import gc

import pytest

from streams.kafka.producer import Producer
from tests.faults.runs import sample
from tests.models.tiny import build
from trainer_node.config import TrainConfig
from trainer_node.node import TrainerNode
from trainer_node.options import RunOptions


@pytest.fixture
def collector():
    yield
    gc.unfreeze()


def test_a_full_collection_between_two_steps_does_not_walk_through_libraries_and_model(settings, tmp_path, collector):
    made = [sample(number) for number in range(8)]
    with Producer(settings) as producer:
        for one in made:
            producer.send(settings.topics.band(one.objective, one.band), one.sample_id, one)
    walked: list[int] = []
    config = TrainConfig(model=str(build(tmp_path / "model")), bits=32, trainer="sft", batch_size=4, max_seq=64, linger_s=0.2)
    options = RunOptions("run", tmp_path / "run", until_consumed=True, on_batch=lambda _: walked.append(len(gc.get_objects())))
    TrainerNode(settings, config, options).run()
    assert len(walked) >= 2
    assert max(walked) < 100_000, "torch alone has more"
    assert gc.get_freeze_count() > 200_000
