"""The answers of `tests/data/heard_answers.json`, in further domains: what is wanted was written down before they were judged.

`right` (the whole reward), `part` (less), `wrong` (contradicted), `abstained`, `silent` (none of these). `left`: what is
not heard yet; `not wrong`: what says something else beside what was asked, and contradicts nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.feedback_node.hearing.judging import judge_of

DOMAINS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "data" / "heard_answers.json").read_text(encoding="utf-8"))


def _judge(ontology: dict[str, Any], facts: list[list[str]]) -> Callable[[str, str], str]:
    judge = judge_of(ontology, facts)

    def heard(question: str, answer: str) -> str:
        reward = judge(question, answer)
        if reward.abstained:
            return "abstained"
        if reward.contradicted and not reward.verified:
            return "wrong"
        if reward.verified:
            return "right" if reward.reward == 1.0 and reward.answers_question else "part"
        return "silent"

    return heard


@pytest.mark.parametrize("domains", DOMAINS)
def test_answers_of_further_domains_are_heard(domains):
    heard = _judge(DOMAINS[domains]["ontology"], DOMAINS[domains]["facts"])
    judged = [(question, answer, wanted, heard(question, answer)) for question, answer, wanted in DOMAINS[domains]["cases"]]
    assert not [row for row in judged if row[2] != row[3]]


@pytest.mark.parametrize("domains", [name for name, one in DOMAINS.items() if "left" in one])
def test_what_is_not_heard_or_said_of_something_else_is_never_judged_the_other_way_round(domains):
    heard = _judge(DOMAINS[domains]["ontology"], DOMAINS[domains]["facts"])
    judged = [(question, answer, wanted, heard(question, answer)) for question, answer, wanted in DOMAINS[domains]["left"]]
    assert not [row for row in judged if {row[2], row[3]} == {"right", "wrong"}]
    assert not [pair for pair in DOMAINS[domains]["not wrong"] if heard(*pair) == "wrong"]
