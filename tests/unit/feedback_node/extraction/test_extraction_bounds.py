"""Batches keep their order, and no text makes extraction raise or hang."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedback_node.extraction import pipeline
from feedback_node.extraction.bounds import MAX_CHARS, readable
from feedback_node.extraction.extractor import TripletExtractor
from schemas.errors import UserError
from streams import english_model

NASTY = {
    "brackets": "(" * 100_000,
    "quotes": '"' * 100_000,
    "no spaces": "a" * 100_000,
    "digits and commas": "1," * 50_000,
    "emoji": "😀👩‍👩‍👧‍👦" * 5_000,
    "mixed scripts": "Париж is the capital of 法国. العربية is هذا. " * 100,
    "control characters": "\x00\x01 is a \x02.",
    "a lone surrogate": "\ud800 is the capital of France.",
    "white space": " \n\t \r\n ",
    "deep phrases": "the leader of " * 3_000 + "France is here.",
    "deep clauses": "he said that " * 1_500 + "Oslo is big.",
    "deep possession": "Oslo's " * 3_000,
    "a long list": "Oslo and " * 3_000 + "Bergen are big.",
    "commas": "Oslo, " * 4_000,
}

SOME_WORDS = """the The of is are was in by and , . ; ( ) 's who which whose where it Oslo Norway capital leader 1990 metres " ' - not may
I think has written wrote A 5 % $ ? : as with one"""
WORDS = SOME_WORDS.split()


def test_results_stand_in_the_order_of_their_texts(extractor: TripletExtractor) -> None:
    texts = [f"Person was born in {1900 + year}." for year in range(90)]
    assert [[t.object for t in found] for found in extractor.extract(texts)] == [[str(1900 + year)] for year in range(90)]


def test_an_empty_text_has_no_triplets_and_keeps_its_place(extractor: TripletExtractor) -> None:
    found = extractor.extract(["Oslo is in Norway.", "", None, "  ", "Lima is in Peru."])
    assert [len(triplets) for triplets in found] == [1, 0, 0, 0, 1]
    assert extractor.extract([]) == []


def test_the_same_text_gives_the_same_triplets_in_any_batch(extractor: TripletExtractor) -> None:
    text = "Oslo, the capital of Norway, was founded in 1040 by Harald Hardrada. It has 700,000 inhabitants."
    alone = extractor.extract([text])[0]
    assert alone
    assert extractor.extract(["Lima is in Peru.", text, text])[1:] == [alone, alone]


def test_a_short_text_is_parsed_alone_as_it_is_among_others_to_the_last_bit() -> None:
    nlp = pipeline.load_pipeline()
    texts = ["Oslo is big.", *(f"Person {number} was born in Lima, the capital of Peru, and died there." for number in range(60))]
    among_others = next(iter(nlp.pipe(texts, batch_size=len(texts)))).tensor
    assert among_others.tobytes() == nlp(texts[0]).tensor.tobytes()


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.timeout(60)
def test_a_nasty_text_neither_raises_nor_hangs(name: str, extractor: TripletExtractor, knowing: TripletExtractor) -> None:
    assert isinstance(extractor.extract([NASTY[name]])[0], list)
    assert isinstance(knowing.extract([NASTY[name]])[0], list)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.sampled_from(WORDS)))
def test_no_order_of_words_raises(words: list[str]) -> None:
    found = TripletExtractor().extract([" ".join(words)])
    assert len(found) == 1


def test_no_heap_of_words_raises(knowing: TripletExtractor) -> None:
    chance = random.Random(7)
    heaps = [(" " if chance.random() < 0.8 else "").join(chance.choices(WORDS, k=chance.randint(1, 60))) for _ in range(2_000)]
    assert len(knowing.extract(heaps)) == len(heaps)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text())
def test_no_text_raises_and_spans_lie_within_it(text: str) -> None:
    for triplet in TripletExtractor().extract([text])[0]:
        for span in (triplet.subject_span, triplet.predicate_span, triplet.object_span):
            assert span is not None
            assert 0 <= span[0] <= span[1] <= len(text)


def test_a_long_text_is_cut_at_a_sentence(extractor: TripletExtractor) -> None:
    text = "Oslo is in Norway. " * 2_000 + "Lima is in Peru."
    assert len(text) > MAX_CHARS
    assert readable(text).endswith("Norway.")
    assert [(t.subject, t.object) for t in extractor.extract([text])[0]] == [("Oslo", "Norway")]


def test_characters_keep_their_places_when_a_long_run_is_left_out() -> None:
    text = "x" * 500 + " Oslo is in Norway. \ud800 é"
    assert len(readable(text)) == len(text)
    assert readable(text).index("Oslo") == text.index("Oslo")


def test_words_beyond_the_limit_are_forgotten_and_nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = TripletExtractor()
    texts = [f"Zorb{number:x}q was born in Oslo." for number in range(1000, 1040)]
    monkeypatch.setattr("feedback_node.extraction.extractor.MAX_WORDS", 0)
    strings = pipeline.load_pipeline().vocab.strings
    before = len(strings)
    bounded = extractor.extract(texts)
    assert len(strings) == before
    monkeypatch.undo()
    assert extractor.extract(texts) == bounded
    assert len(strings) > before


def test_without_a_model_the_user_is_told_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(english_model, "MODELS", ("no_such_model", "nor_this_one"))
    with pytest.raises(UserError, match=r"no_such_model or nor_this_one|no_such_model, nor_this_one"):
        english_model.installed_model()


def test_the_official_model_is_taken_before_the_renamed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(english_model.importlib.util, "find_spec", lambda name: object())
    assert english_model.installed_model() == "en_core_web_sm"
