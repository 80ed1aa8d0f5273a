"""What the view of the facts topic promises, on a live broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from schemas.errors import BrokerError, DeadLetterReason
from schemas.fact import Fact
from schemas.triplet import Triplet, Verdict
from streams.kafka.admin import check_topics, create_topics, delete_topics
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.dead_letters import DeadLetterWriter, read_dead_letters
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.knowledge import view as view_module
from streams.knowledge.judge import judge
from streams.knowledge.ontology import Ontology
from streams.knowledge.view import FactsView

ONTOLOGY = Ontology.from_dict({"predicates": {"composed_by": {"functional": True, "nouns": ["composer"]}, "wrote": {}}})
FACTS = [("Carmen", "composed_by", "Bizet"), ("Aida", "composed_by", "Verdi"), ("Verdi", "alias", "Giuseppe Verdi")]
PATIENCE = 60.0


@pytest.fixture
def producer(settings) -> Iterator[Producer]:
    with Producer(settings) as made:
        yield made


@pytest.fixture
def open_view(settings) -> Iterator[Callable[..., FactsView]]:
    views: list[FactsView] = []

    def make(**options) -> FactsView:
        view = FactsView(settings, ONTOLOGY, **options)
        views.append(view.start())
        return view

    yield make
    for view in views:
        view.stop()


def send(producer: Producer, settings, *facts: tuple[str, str, str]) -> list[str]:
    made = [Fact(subject=subject, predicate=predicate, object=target) for subject, predicate, target in facts]
    for fact in made:
        producer.send_bytes(settings.topics.facts.name, fact.fact_id.encode(), fact.encode(), [])
    producer.flush()
    return [fact.fact_id for fact in made]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come; the test fails where it does not."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def count(view: FactsView) -> int:
    with view.locked() as graph:
        return len(graph)


def verdict(view: FactsView, subject: str, target: str) -> Verdict:
    with view.locked() as graph:
        return judge(graph, Triplet(subject=subject, predicate="composed_by", object=target, rule="test")).verdict


def test_ready_means_everything_that_stood_at_the_start_is_in(settings, producer, open_view):
    send(producer, settings, *FACTS)
    view = open_view()
    assert view.wait_ready(PATIENCE)
    assert view.version == len(FACTS)
    assert verdict(view, "Aida", "Giuseppe Verdi") is Verdict.VERIFIED
    assert view.lag == 0


def test_an_empty_topic_is_read_to_its_end_at_once(open_view):
    view = open_view()
    assert view.wait_ready(PATIENCE)
    assert view.version == 0


def test_numbers_that_come_while_it_runs_and_are_declared_as_names_are_told_of_once(settings, producer, caplog):
    view = FactsView(settings, Ontology.from_dict({"predicates": {"height": {"functional": True}}})).start()
    try:
        view.wait_ready(PATIENCE)
        for round_ in range(3):
            send(producer, settings, *((f"Mount {round_}{number}", "height", f"{1281 + number} m") for number in range(4)))
            until(lambda wanted=4 * (round_ + 1): count(view) == wanted)
        until(lambda: "declare `value: number`" in caplog.text)
        assert caplog.text.count("predicate height") == 1
    finally:
        view.stop()


def test_facts_and_tombstones_take_effect_while_it_runs(settings, producer, open_view):
    view = open_view()
    view.wait_ready(PATIENCE)
    (fact_id,) = send(producer, settings, FACTS[0])
    until(lambda: verdict(view, "Carmen", "Bizet") is Verdict.VERIFIED)
    producer.send_bytes(settings.topics.facts.name, fact_id.encode(), None, [])
    producer.flush()
    until(lambda: view.version == 2)
    assert verdict(view, "Carmen", "Bizet") is Verdict.UNKNOWN


def test_two_views_agree_on_the_version_where_the_log_ends_in_a_transaction_marker(settings, open_view):
    with Producer(settings, transactional_id=settings.topic_prefix + "tx") as producer, producer.transaction():
        send(producer, settings, *FACTS)
    early, late = open_view(), open_view()
    assert early.wait_ready(PATIENCE)
    assert late.wait_ready(PATIENCE)
    assert early.version == late.version == len(FACTS) + 1


def test_a_bad_fact_is_dead_lettered_once_with_its_reason_also_after_a_restart(settings, producer, open_view):
    send(producer, settings, FACTS[0], ("Carmen", "painted_by", "Nobody"))
    producer.send_bytes(settings.topics.facts.name, b"torn", b"{not json", [])
    producer.flush()
    writer = DeadLetterWriter(producer, settings, "facts")
    for _ in range(2):
        view = open_view(dead_letters=writer)
        view.wait_ready(PATIENCE)
        until(lambda: view.bad_facts == 2)  # noqa: B023 - it is called in this very turn
        send(producer, settings, FACTS[1])
        until(lambda: view.lag == 0)  # noqa: B023
        view.stop()
    letters = [(letter.offset, letter.reason, letter.stage) for letter, _ in read_dead_letters(settings)]
    assert letters == [(1, DeadLetterReason.BAD_FACT, "facts"), (2, DeadLetterReason.BAD_JSON, "facts")]


def test_a_cycle_of_aliases_an_unknown_predicate_and_a_fact_with_missing_parts_are_dead_lettered_each_with_its_reason(
    settings, producer, open_view
):
    send(producer, settings, ("Bizet", "alias", "Georges Bizet"), ("Georges Bizet", "alias", "Bizet"), ("Carmen", "painted_by", "Nobody"))
    producer.send_bytes(settings.topics.facts.name, b"half", b'{"subject": "Carmen", "predicate": "composed_by"}', [])
    producer.flush()
    view = open_view(dead_letters=DeadLetterWriter(producer, settings, "facts"))
    view.wait_ready(PATIENCE)
    until(lambda: view.bad_facts == 3)
    producer.flush()
    letters = {letter.offset: letter for letter, _ in read_dead_letters(settings)}
    assert {offset: letter.reason for offset, letter in letters.items()} == {
        1: DeadLetterReason.BAD_FACT,
        2: DeadLetterReason.BAD_FACT,
        3: DeadLetterReason.INVALID,
    }
    for offset, words in ((1, "cycle"), (2, "painted_by"), (3, "object")):
        assert words in letters[offset].error


def test_a_view_without_a_writer_counts_bad_facts_and_writes_nothing(settings, producer, open_view):
    send(producer, settings, ("Carmen", "painted_by", "Nobody"))
    view = open_view()
    view.wait_ready(PATIENCE)
    assert view.bad_facts == 1
    assert list(read_dead_letters(settings)) == []


def test_a_bad_fact_takes_the_earlier_one_under_its_key_with_it(settings, producer, open_view):
    """As compaction would: else a node that was there and one that reads later would disagree at one version."""
    (fact_id,) = send(producer, settings, FACTS[0])
    producer.send_bytes(settings.topics.facts.name, fact_id.encode(), b"{not json", [])
    producer.flush()
    view = open_view()
    view.wait_ready(PATIENCE)
    assert verdict(view, "Carmen", "Bizet") is Verdict.UNKNOWN


def test_waiting_ends_with_what_is_in_the_way(settings):
    view = FactsView(settings.model_copy(update={"bootstrap_servers": "127.0.0.1:1"}), ONTOLOGY).start()
    with pytest.raises(BrokerError, match="not read to its end"):
        view.wait_ready(0.3)
    view.stop()


def test_waiting_ends_when_the_node_is_told_to_stop(settings):
    view = FactsView(settings.model_copy(update={"bootstrap_servers": "127.0.0.1:1"}), ONTOLOGY).start()
    stop = threading.Event()
    stop.set()
    assert view.wait_ready(PATIENCE, stop) is False
    view.stop()


def test_a_missing_topic_is_waited_for(settings, open_view):
    delete_topics(settings, [settings.topics.facts.name])
    until(lambda: not _exists(settings))
    view = open_view()
    with pytest.raises(BrokerError, match="does not exist"):
        view.wait_ready(3.0)
    create_topics(settings, settings.topics).raise_if_wrong()
    assert view.wait_ready(PATIENCE)


def test_a_view_lives_through_a_broker_that_dies_and_comes_back(tmp_path):
    own = EmbeddedBroker(tmp_path / "own")
    own.start()
    settings = KafkaSettings(bootstrap_servers=own.bootstrap_servers, topic_prefix="own.")
    view = None
    try:
        create_topics(settings, settings.topics).raise_if_wrong()
        with Producer(settings) as producer:
            send(producer, settings, FACTS[0])
        view = FactsView(settings, ONTOLOGY).start()
        view.wait_ready(PATIENCE)
        own.kill()
        assert verdict(view, "Carmen", "Bizet") is Verdict.VERIFIED  # what is known goes on being known
        own.start()
        with Producer(settings) as producer:
            send(producer, settings, FACTS[1])
        until(lambda: verdict(view, "Aida", "Verdi") is Verdict.VERIFIED)
        assert view.version == 2
    finally:
        if view is not None:
            view.stop()
        own.stop()


@pytest.mark.parametrize(
    ("check_seconds", "new_facts"),
    [
        pytest.param(0.2, 1, id="shorter-seen-at-the-check"),
        pytest.param(3600.0, 1, id="shorter-seen-by-the-fetch"),
        pytest.param(0.2, 3, id="longer-than-the-old-one"),
    ],
)
def test_a_topic_that_is_made_anew_is_read_anew(settings, producer, open_view, monkeypatch, check_seconds, new_facts):
    monkeypatch.setattr(view_module, "CHECK_SECONDS", check_seconds)
    send(producer, settings, FACTS[0], FACTS[2])
    view = open_view()
    view.wait_ready(PATIENCE)
    delete_topics(settings, [settings.topics.facts.name])
    until(lambda: not _exists(settings))
    create_topics(settings, [settings.topics.facts]).raise_if_wrong()
    with Producer(settings) as fresh:
        send(fresh, settings, *[FACTS[1], ("Tosca", "composed_by", "Puccini"), ("Norma", "composed_by", "Bellini")][:new_facts])
    until(lambda: view.version == new_facts and verdict(view, "Aida", "Verdi") is Verdict.VERIFIED)
    assert verdict(view, "Carmen", "Bizet") is Verdict.UNKNOWN, "the old log's facts are gone"


def _exists(settings) -> bool:
    return check_topics(settings, [settings.topics.facts]).topics[0].state != "missing"
