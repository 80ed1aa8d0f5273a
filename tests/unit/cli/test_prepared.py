"""What is sent without making a model of it is what the model would have made: the same sample, id and task."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.prepared import TASKS, Prepared
from reading.blocks import Alone
from reading.turns import plain_turns
from schemas.sample import Sample
from streams.curriculum.task_detector import content_of, detect_task

ROW = Alone(1, {})
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(lambda text: not text.isspace())
TURNS = st.tuples(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), st.booleans(), TEXT)


def plain(fields: dict[str, Any]) -> None:
    task = TASKS[tuple(fields)]
    prepared = Prepared(ROW, 0, task, fields)
    model = Sample.model_validate(fields)
    assert prepared.sample_id == model.sample_id
    assert detect_task(model) is task
    content_of(model, task)
    sent = Sample.decode(prepared.value(5.0))
    assert sent == model.model_copy(update={"produced_at": 5.0})
    assert prepared.sample == model
    assert prepared.content() == Prepared(ROW, 0, task, None, sample=model).content()


@pytest.mark.parametrize("names", [names for names in TASKS if names != ("messages",)], ids=" ".join)
@given(texts=st.lists(TEXT, min_size=3, max_size=3, unique_by=str.strip))
@settings(max_examples=40, deadline=None)
def test_texts(names: tuple[str, ...], texts: list[str]) -> None:
    plain(dict(zip(names, texts, strict=False)))


@given(drawn=TURNS)
@settings(max_examples=60, deadline=None)
def test_conversations(drawn: tuple[list[tuple[str, str]], bool, str]) -> None:
    pairs, has_system, system = drawn
    turns = [{"from": "system", "value": system}] * has_system
    turns += [turn for asked, said in pairs for turn in ({"from": "human", "value": asked}, {"from": "gpt", "value": said})]
    made = plain_turns(turns)
    assert made is not None
    plain({"messages": made})


def test_the_time_it_is_sent_at_is_the_producer_s_where_that_says_one() -> None:
    sample = Sample(prompt="q", answer="a", produced_at=1.0)
    assert json.loads(Prepared(ROW, 0, detect_task(sample), None, sample=sample).value(9.0))["produced_at"] == 1.0
    other = Sample(prompt="q", answer="a")
    assert json.loads(Prepared(ROW, 0, detect_task(other), None, sample=other).value(9.0))["produced_at"] == 9.0
