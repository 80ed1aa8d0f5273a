"""Where signatures are required, each topic's readers take what may be said there from who may say it: real nodes on a real broker."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from prometheus_client import REGISTRY

from cli.tracing_topics import announced
from feedback_node.agent import FeedbackNode
from schemas.fact import Fact
from schemas.graph_reward import GraphReward, RewardStatus
from schemas.model_output import ModelOutput
from schemas.model_version import ModelVersion
from schemas.sample import Sample
from schemas.sample_loss import SampleLoss
from schemas.training_sample import Objective, TrainingSample
from streams.augmenter.agent import AugmenterConfig, AugmenterNode
from streams.curriculum.agent import CurriculumNode
from streams.kafka.consumer import read_range
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.producer import Producer
from streams.kafka.reader import TopicReader
from streams.knowledge.ontology import Ontology
from tests.models.signing import one_for_each_role, signing_as
from trainer_node.rewards.client import RewardClient

PATIENCE = 60.0
RUN = "nightly"


@pytest.fixture
def folder(tmp_path):
    one_for_each_role(tmp_path)
    return tmp_path


def put(settings, topic, *messages, headers=()):
    """Send (key, message or bytes) pairs."""
    with Producer(settings) as producer:
        for key, message in messages:
            producer.send_bytes(topic.name, key.encode(), message if isinstance(message, bytes) else message.encode(), headers)
        producer.flush()


def handle(node, topic):
    """What is on the topic, handled as a worker does it."""
    node.prepare()
    try:
        node.handle(list(read_range(node.settings, topic.name)))
    finally:
        node.close()


def reasons(settings):
    return Counter((letter.stage, letter.reason.value) for letter, _ in read_dead_letters(settings))


def banded(settings):
    topics = [topic.name for topic in settings.topics.bands(Objective.SFT)]
    return {sample.sample_id: sample for name in topics for r in read_range(settings, name) for sample in [TrainingSample.decode(r.value)]}


def refused(topic, reason):
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "pelton_records_refused_total" and (sample.labels["topic"], sample.labels["reason"]) == (topic.name, reason)
    )


def test_samples_that_nobody_signed_or_that_were_altered_or_sent_again_are_dead_lettered_and_fields_of_nodes_are_ignored(settings, folder):
    topic = settings.topics.samples
    forged = {"origin": "augmenter", "run_id": RUN, "generation": 7, "parent_id": "p"}
    put(signing_as(settings, folder, "producer"), topic, ("good", Sample(sample_id="good", text="a")))
    put(signing_as(settings, folder, "producer"), topic, ("says", Sample(sample_id="says", text="b", **forged)))
    put(signing_as(settings, folder, "augmenter"), topic, ("variant", Sample(sample_id="variant", text="c", **forged)))
    put(signing_as(settings, folder, "facts"), topic, ("role", Sample(sample_id="role", text="d")))
    put(settings, topic, ("bare", Sample(sample_id="bare", text="e")))
    good = next(record for record in read_range(settings, topic.name) if record.key == b"good")
    put(settings, topic, ("good", Sample(sample_id="altered", text="f")), headers=good.headers)
    strict = signing_as(settings, folder, "curriculum", signature_max_age_s=1.0)
    time.sleep(1.1)  # of the broker's clock: what is sent again now is older than that
    put(settings, topic, ("good", good.value or b""), headers=good.headers)
    handle(CurriculumNode(strict, Ontology()), topic)
    found = banded(settings)
    assert set(found) == {"good", "says", "variant"}
    assert [found["says"].model_dump(include=set(forged)), found["variant"].model_dump(include=set(forged))] == [
        {"origin": None, "run_id": None, "generation": 0, "parent_id": None},
        forged,
    ]
    assert reasons(settings) == {("curriculum", "forged"): 2, ("curriculum", "unsigned"): 1, ("curriculum", "stale_signature"): 1}


def test_a_flood_without_signatures_pauses_nobody_and_stops_no_node(settings, folder):
    topic = settings.topics.samples
    put(settings, topic, *((f"atlas:{number}", b"{}") for number in range(300)), headers=[("producer", b"atlas")])
    put(signing_as(settings, folder, "producer"), topic, ("good", Sample(sample_id="good", text="a")))
    node = CurriculumNode(signing_as(settings, folder, "curriculum"), Ontology())
    handle(node, topic)
    assert node.remarks() == []
    node.committed()  # where a breaker stops it
    assert set(banded(settings)) == {"good"}


def test_a_forged_loss_makes_no_variant(settings, folder):
    topic = settings.topics.losses
    asked = ({"role": "user", "content": "What is the capital city of Peru?"},)
    sample = TrainingSample(sample_id="s", objective=Objective.SFT, task="qa", band=0, prompt=asked, completion="Lima")
    loss = SampleLoss(event_id="e", run_id=RUN, pass_number=2, step=1, sample_id="s", loss=9e9, tokens=3, sample=sample)
    calm = [(f"n{n}", loss.model_copy(update={"event_id": f"n{n}", "loss": 0.5, "sample_id": f"n{n}"})) for n in range(40)]
    put(signing_as(settings, folder, "trainer"), topic, *calm)
    high = loss.model_copy(update={"event_id": "t", "sample_id": "t", "sample": sample.model_copy(update={"sample_id": "t"})})
    put(signing_as(settings, folder, "trainer"), topic, ("t", high))
    put(settings, topic, ("s", loss))
    put(signing_as(settings, folder, "producer"), topic, ("s", loss))
    node = AugmenterNode(signing_as(settings, folder, "augmenter"), Ontology(), config=AugmenterConfig(warm_up=1))
    handle(node, topic)
    assert {Sample.decode(r.value).parent_id for r in read_range(settings, settings.topics.samples.name)} == {"t"}
    assert reasons(settings) == {("augmenter", "unsigned"): 1, ("augmenter", "forged"): 1}


def test_forged_answers_rewards_facts_and_announcements_are_refused_and_counted(settings, folder):
    topics = settings.topics
    fact = Fact(subject="Peru", predicate="capital", object="Lima")
    lie = Fact(subject="Chile", predicate="capital", object="Lima")
    put(signing_as(settings, folder, "facts"), topics.facts, (fact.fact_id, fact))
    put(signing_as(settings, folder, "producer"), topics.facts, (lie.fact_id, lie))
    output = ModelOutput(prompt_id="p", prompt="Capital of Peru?", completion="Lima.", model_version="m", run_id=RUN)
    put(signing_as(settings, folder, "inference"), topics.outputs, ("p", output))
    put(settings, topics.outputs, ("p", output.model_copy(update={"output_id": "forged"})))
    node = FeedbackNode(signing_as(settings, folder, "feedback"), Ontology())
    handle(node, topics.outputs)
    with node.view.locked() as graph:
        assert [known.subject for known in graph] == ["Peru"]
    assert [GraphReward.decode(r.value).output_id for r in read_range(settings, topics.rewards.name)] == [output.output_id]
    assert reasons(settings) == {("feedback", "unsigned"): 1, ("facts", "forged"): 1}
    version = ModelVersion(run_id=RUN, version="x", step=1, pass_number=1, epoch=1, base_model="b", path="/p", sha256="0")
    put(signing_as(settings, folder, "trainer"), topics.models, ("x", version))
    put(signing_as(settings, folder, "inference"), topics.models, ("x", version.model_copy(update={"path": "/forged"})))
    put(settings, topics.models, ("y", version.model_copy(update={"version": "y"})))
    with TopicReader(signing_as(settings, folder, None)) as log:
        assert [model.path for model, _ in announced(log)] == ["/p"]


def test_a_trainer_takes_no_reward_that_the_feedback_node_did_not_sign(settings, folder):
    topics = settings.topics
    before = refused(topics.rewards, "forged"), refused(topics.rewards, "unsigned")
    output = ModelOutput(prompt_id="p", prompt="?", completion="!", model_version="m", run_id=RUN)
    reward = GraphReward(
        reward_id="r", output_id=output.output_id, prompt_id="p", run_id=RUN, model_version="m", reward=1.0, status=RewardStatus.OK,
        policy="strict", total=1, verified=1, contradicted=0, unknown=0, graph_version=0,
    )  # fmt: skip
    mine = signing_as(settings, folder, "trainer")

    def answer() -> None:
        while not list(read_range(settings, topics.outputs.name)):
            time.sleep(0.1)
        put(settings, topics.rewards, ("p", reward))
        put(signing_as(settings, folder, "producer"), topics.rewards, ("p", reward))
        put(signing_as(settings, folder, "feedback"), topics.rewards, ("p", reward.model_copy(update={"reward": 0.25})))

    thread = threading.Thread(target=answer)
    thread.start()
    with Producer(mine) as producer:
        client = RewardClient(mine, producer, RUN, PATIENCE, threading.Event())
        judged = client.judge([output])
    thread.join()
    assert [found.reward for found in judged.values() if found] == [0.25]
    assert client.policies == {"strict"}, "who judged is known wherever answers are judged, in training or not"
    assert (refused(topics.rewards, "forged"), refused(topics.rewards, "unsigned")) == (before[0] + 1, before[1] + 1)
