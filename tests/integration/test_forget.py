"""A sample that is to be left out is: by curriculum, augmenter and trainer alike, with what was made of it; and what holds it is told."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from click.testing import CliRunner

from cli.forget import forget
from schemas.forgotten import Forgotten
from schemas.sample import Sample
from schemas.training_sample import Objective
from streams.curriculum.agent import CurriculumNode
from streams.kafka.admin import beginning_offsets
from streams.kafka.consumer import read_range
from streams.kafka.forgotten import ForgottenIds
from streams.kafka.producer import Producer
from streams.knowledge.ontology import Ontology


def send(settings, *samples):
    with Producer(settings) as producer:
        for sample in samples:
            producer.send(settings.topics.samples, sample.sample_id, sample)


def run(settings, *words):
    done = CliRunner().invoke(forget, [*words, "--json"], env=settings.to_environ(), catch_exceptions=False)
    return json.loads(done.output), done.exit_code


def put_in_bands(settings):
    node = CurriculumNode(settings, Ontology())
    node.prepare()
    try:
        node.handle(list(read_range(settings, settings.topics.samples.name)))
    finally:
        node.close()


def banded(settings):
    return [record.key for topic in settings.topics.bands(Objective.SFT) for record in read_range(settings, topic.name)]


def marked(settings):
    return {Forgotten.decode(record.value).sample_id for record in read_range(settings, settings.topics.forgotten.name)}


def test_a_sample_and_what_was_made_of_it_are_left_out_and_told_where_they_are(settings):
    variant = Sample(sample_id="v1", text="b", parent_id="secret", generation=1, origin="augmenter", run_id="r")
    send(settings, Sample(sample_id="secret", text="a"), variant, Sample(sample_id="other", text="says secret, and is another"))
    put_in_bands(settings)
    told, code = run(settings, "secret", "--dry-run")
    places = [(holder["kind"], holder["place"].rsplit(":", 2)[0]) for holder in told["held_by"]]
    samples, bands = settings.topics.samples.name, f"{settings.topic_prefix}curriculum.sft"
    assert [place for _, place in places].count(samples) == 2
    assert sum(place.startswith(bands) for _, place in places) == 2
    assert (told["forgotten"], code, marked(settings)) == ([], 0, set())
    assert all(holder["until"] is not None for holder in told["held_by"])
    run(settings, "secret", "--why", "asked by mail")
    assert marked(settings) == {"secret", "v1"}
    before = Counter(banded(settings))
    put_in_bands(settings)
    assert Counter(banded(settings)) - before == {b"other": 1}


def test_a_sample_that_nothing_holds_is_said_to_be_unknown_and_is_marked_all_the_same(settings):
    told, code = run(settings, "not yet sent")
    assert (told["held_by"], code, marked(settings)) == ([], 1, {"not yet sent"})


def test_records_are_deleted_where_every_group_has_read_them_and_only_there(settings):
    send(settings, Sample(sample_id="secret", text="a"))
    told, _ = run(settings, "secret", "--delete-records")
    assert [line.split()[0] for line in told["deleted"]] == ["deleted"]
    assert sum(beginning_offsets(settings, [settings.topics.samples.name]).values()) == 1
    assert list(read_range(settings, settings.topics.samples.name)) == []


def test_marks_that_come_later_are_seen_at_a_later_look(settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("streams.kafka.forgotten.LOOK_S", 0.0)
    ids = ForgottenIds(settings)
    ids.look()
    assert not ids.holds("secret")
    run(settings, "secret")
    ids.look()
    assert ids.holds(None, "secret")
    assert len(ids) == 1
