"""Which questions want yes or no, in whichever form they are asked."""

from __future__ import annotations

import pytest

from feedback_node.yes_no import is_yes_no
from tests.unit.feedback_node.hearing.judging import judge_of

DOMAINS = {
    "countries": (
        {"capital": {"functional": True, "nouns": ["capital"]}},
        [("Dravia", "capital", "Selmont"), ("Ostria", "capital", "Vell")],
        "Selmont is the capital of Dravia",
        "Vell is the capital of Dravia",
    ),
    "songs": (
        {"composed_by": {"functional": True, "nouns": ["composer"], "verbs": ["compose"]}},
        [("Night Ferry", "composed_by", "Ada Morrow"), ("Low Tide", "composed_by", "Tom Reed")],
        "Night Ferry was composed by Ada Morrow",
        "Night Ferry was composed by Tom Reed",
    ),
    "bridges": (
        {"opened": {"value": "date", "functional": True, "verbs": ["open"], "phrases": ["{subject} was opened in {object}"]}},
        [("Aldwin Bridge", "opened", "1894")],
        "Aldwin Bridge was opened in 1894",
        "Aldwin Bridge was opened in 1901",
    ),
}  # fmt: skip
FORMS = [
    "Do you know if {}?", "Do you know whether {}?", "Can you tell me whether {}?", "Could you please confirm if {}?",
    "Tell me whether {}.",
    "I would like to know whether {}.", "Do you think {}?", "Would you say that {}?", "Did you know that {}?", "Am I right that {}?",
    "Is it true that {}?", "Is it correct to say that {}?", "True or false: {}.", "{}, right?", "{}, correct?", "{}, is that so?",
]  # fmt: skip


@pytest.fixture(scope="module", params=DOMAINS)
def domain(request):
    predicates, facts, true, false = DOMAINS[request.param]
    return judge_of({"predicates": predicates}, facts), true, false


@pytest.mark.parametrize("form", FORMS)
def test_yes_and_no_are_heard_in_whichever_form_a_statement_is_asked(domain, form):
    judge, true, false = domain
    given = {said: judge(form.format(said), reply).value for said, reply in ((true, "Yes."), (false, "Yes."))}
    assert given == {true: 1.0, false: -1.0}
    assert judge(form.format(true), "No.").contradicted == 1
    assert judge(form.format(false), "No.").value == 1.0


@pytest.mark.parametrize("verb", ["isn't it", "wasn’t it"])
def test_a_tag_behind_a_statement_asks_for_yes_or_no(verb):
    judge, true, _ = (judge_of({"predicates": DOMAINS["countries"][0]}, DOMAINS["countries"][1]), *DOMAINS["countries"][2:])
    assert judge(f"{true}, {verb}?", "Yes, it is.").value == 1.0


@pytest.mark.parametrize(
    "question",
    [
        "Do you know when Aldwin Bridge was opened?",
        "Can you tell me who composed Night Ferry?",
        "Could you say which city is the capital of Dravia?",
        "Does anyone know who composed Night Ferry?",
        "Would you say who composed Night Ferry?",
        "Do you know the capital of Dravia?",
        "Can you name the composer of Night Ferry?",
        "Is Selmont or Vell the capital of Dravia?",
        "When was Aldwin Bridge opened?",
    ],
)
def test_a_question_within_a_question_wants_more_than_yes(question):
    assert not is_yes_no(question)


def test_a_person_named_by_what_he_did_leaves_it_a_question_for_yes_or_no():
    assert is_yes_no("Do you know if the man who composed Night Ferry is Ada Morrow?")
