"""Records become samples and their tokens: in order, bad ones with the reason, none longer than the model takes."""

from __future__ import annotations

import pytest

from schemas.errors import BadRecord, DeadLetterReason
from schemas.training_sample import Objective
from streams.kafka.consumer import Record
from trainer_node.config import TrainConfig
from trainer_node.data.decoding import Decoder
from trainer_node.data.examples import Example
from trainer_node.data.tokenization import prepare
from trainer_node.models.restore import load_for_training

POSITIONS = 1024
"""What the tiny model was made for."""


def record(value: bytes, offset: int = 0) -> Record:
    return Record("t", 0, offset, None, value, (), 0)


@pytest.fixture(scope="module")
def loaded(tiny_model):
    return load_for_training(TrainConfig(model=str(tiny_model), bits=32, max_seq=32768), None)


def test_each_record_comes_out_in_its_place_with_its_tokens_or_what_is_wrong_with_it(make_sample, tokenizer):
    config = TrainConfig()
    good, other = make_sample("good"), make_sample("other", "what is c?", "d.")
    empty = make_sample("empty", completion=" ")
    found = Decoder(tokenizer, config)([record(good.encode()), record(b"{not json"), record(empty.encode()), record(other.encode())])
    assert [one.sample for one in (found[0], found[2], found[3])] == [good, empty, other]
    assert found[0].example == prepare(good, tokenizer, config)
    assert found[3].example == prepare(other, tokenizer, config)
    bad, untrainable = found[1].sample, found[2].example
    assert isinstance(bad, BadRecord)
    assert bad.reason is DeadLetterReason.BAD_JSON
    assert found[1].example is bad
    assert isinstance(untrainable, BadRecord)
    assert untrainable.reason is DeadLetterReason.UNTRAINABLE


def test_the_tokenizer_that_is_given_may_be_used_by_another_thread(make_sample, tokenizer, monkeypatch):
    """A fast tokenizer must not be changed while it is at work elsewhere: the decoder has one of its own."""
    sample, config = make_sample(), TrainConfig()
    decode = Decoder(tokenizer, config)
    expected = prepare(sample, tokenizer, config)
    monkeypatch.setattr(tokenizer, "chat_template", "{{ 'changed' }}")
    assert decode([record(sample.encode())])[0].example == expected


def test_a_sample_longer_than_the_model_is_cut_to_what_the_model_takes_whatever_max_seq_allows(make_sample, loaded):
    sample = make_sample(completion="a b " * 10_000)
    config = TrainConfig(max_seq=32768)
    assert loaded.max_seq == POSITIONS
    found = Decoder(loaded.tokenizer, config)([record(sample.encode())])[0].example
    assert isinstance(found, Example)
    assert len(found) == POSITIONS
    assert found.truncated_from > 10_000
    held_out = prepare(sample, loaded.tokenizer, config)
    assert held_out == found, "what is measured by is cut likewise"


def test_what_may_not_be_cut_and_is_longer_than_the_model_is_a_dead_letter_that_names_its_limit(make_sample, loaded):
    config = TrainConfig(max_seq=32768, too_long="dead-letter", max_new_tokens=1000)
    long = make_sample(completion="a b " * 10_000)
    prompt = make_sample(prompt="a b c d e f g h " * 8, completion=None, objective=Objective.PROMPT)
    for found in Decoder(loaded.tokenizer, config)([record(long.encode()), record(prompt.encode())]):
        assert isinstance(found.example, BadRecord)
        assert found.example.reason is DeadLetterReason.TOO_LONG
        assert f"max_seq is {POSITIONS}" in str(found.example)


def test_a_record_that_is_refused_before_it_is_decoded_has_no_sample(make_sample, tokenizer):
    def check(one: Record) -> None:
        if one.offset == 1:
            raise BadRecord(DeadLetterReason.UNSIGNED, "nobody signed it")

    records = [record(make_sample(f"s{number}").encode(), number) for number in range(3)]
    found = [one.sample for one in Decoder(tokenizer, TrainConfig(), check)(records)]
    assert [one.reason if isinstance(one, BadRecord) else one.sample_id for one in found] == ["s0", DeadLetterReason.UNSIGNED, "s2"]
