"""What is set apart is denied and the rest affirmed, when both are common nouns, too: in animals, trades and dances."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import Domain, verdicts_of

DOMAINS: dict[str, Domain] = {
    "animals": (
        {"diet": {"functional": True, "listed_range": True, "nouns": ["diet"],
                  "phrases": ["{subject} is a {object}", "{subject} was a {object}"]}},
        ["animal"],
        [("Quillback", "diet", "grazer"), ("Ottermole", "diet", "meat eater"), ("Ottermole", "alias", "ottermoles")],
    ),
    "trades": (
        {"trade": {"functional": True, "listed_range": True, "nouns": ["trade"], "phrases": ["{subject} was a {object}"]}},
        ["person"],
        [("Ilse Brandt", "trade", "glass blower"), ("Otto Kern", "trade", "locksmith"), ("Piet Mol", "trade", "clock maker")],
    ),
    "dances": (
        {"metre": {"functional": True, "nouns": ["metre"], "phrases": ["{subject} is a {object}"]}},
        ["dance"],
        [("Varsenka", "metre", "dance in three"), ("Polskana", "metre", "dance in two")],
    ),
}  # fmt: skip
DOMAINS["cities"] = (
    {"seat": {"functional": True, "nouns": ["capital"], "phrases": ["{object} is the capital of {subject}"]}},
    ["city", "land"],
    [("Peru", "seat", "Lima"), ("Kenya", "seat", "Nairobi")],
)
DOMAINS["films"] = (
    {"director": {"functional": True, "nouns": ["director"], "phrases": ["{subject} was directed by {object}"]}},
    ["film"],
    [
        ("Not Without My Sister", "director", "Bo Tarn"),
        ("Well, Well", "director", "Ida Roe"),
        ("This Is Quorn", "director", "Ida Roe"),
        ("Me and My Sister", "director", "Bo Tarn"),
    ],
)
CASES = [
    ("animals", "What is the diet of the Quillback?", "Quillback was", "a grazer", "a meat eater"),
    ("trades", "What was the trade of Ilse Brandt?", "Ilse Brandt was", "a glass blower", "a locksmith"),
    ("dances", "What is the metre of the Varsenka?", "The Varsenka is", "a dance in three", "a dance in two"),
]
judged = pytest.fixture(scope="module")(lambda: verdicts_of(DOMAINS))


@pytest.mark.parametrize(("domain", "question", "opens", "right", "wrong"), CASES)
@pytest.mark.parametrize(
    "frame", ["{0}, not {1}.", "{0} and not {1}.", "{0} rather than {1}.", "not {1} but {0}.", "{0}, never {1}, as far as I know."]
)
def test_of_two_common_nouns_the_one_set_apart_is_denied_and_the_other_affirmed(judged, domain, question, opens, right, wrong, frame):
    assert judged(domain, question, f"{opens} {frame.format(right, wrong)}") == {Verdict.VERIFIED}
    assert judged(domain, question, f"{opens} {frame.format(wrong, right)}") == {Verdict.CONTRADICTED}


@pytest.mark.parametrize(("domain", "question", "opens", "right", "wrong"), CASES)
def test_what_is_only_denied_is_denied_and_a_denial_in_a_longer_sentence_turns_nothing_round(judged, domain, question, opens, right, wrong):
    assert judged(domain, question, f"{opens} not {right}.") == {Verdict.CONTRADICTED}
    assert Verdict.CONTRADICTED not in judged(domain, question, f"{opens} {right}, not {wrong} that anybody would have heard of before.")


def said(frame: str, one: str, other: str) -> str:
    text = frame.format(one, other)
    return text[0].upper() + text[1:]


def is_read(judged, domain, question, frame, right, wrong):
    """A frame affirms its first and denies its second, whichever is right."""
    assert judged(domain, question, said(frame, right, wrong)) == {Verdict.VERIFIED}
    assert judged(domain, question, said(frame, wrong, right)) == {Verdict.CONTRADICTED}


BOTH = [*CASES, ("cities", "What is the capital of Peru?", "", "Lima", "Nairobi")]


@pytest.mark.parametrize(("domain", "question", "opens", "right", "wrong"), BOTH)
@pytest.mark.parametrize(
    "frame",
    [
        "It is not {1}; it is {0}.", "Not {1}, {0}.", "{1}? No, {0}.", "It is {0} as opposed to {1}.", "{1} is wrong; it is {0}.",
        "It is neither {1} nor anything else, it is {0}.", "It is {0} and certainly not {1}.", "Rather than {1}, it is {0}.",
        "It is {0} and it isn't {1}.", "No, it's not {1}, it's {0}.", "It can't be {1}, so it is {0}.", "Actually, {0}, not {1}!",
        "You might be thinking of {1}, but the right answer is {0}.", "Forget {1}; it is {0}.", "The answer isn't {1}, it's {0}.",
        "{0} is correct and {1} is not.", "The correct answer is {0}; {1} is a common mistake.", "I'd rule out {1}. The answer is {0}.",
        "{1} has nothing to do with it; it is {0}.", "My answer is {0}, and I'm certain that it isn't {1}.",
    ],
)  # fmt: skip
def test_whatever_the_words_by_which_two_are_set_against_each_other_one_is_denied(judged, domain, question, opens, right, wrong, frame):
    is_read(judged, domain, question, frame, right, wrong)


@pytest.mark.parametrize(("domain", "question", "opens", "right", "wrong"), BOTH)
@pytest.mark.parametrize(
    "frame",
    [
        "People think it is {1}, but it is {0}.", "Many believe that it is {1}; in fact it is {0}.", "It is {0}, though many say {1}.",
        "Contrary to popular belief, it is {0}.", "Despite what some people say, it is {0}.",
    ],
)  # fmt: skip
def test_what_others_are_said_to_think_is_neither_said_nor_denied(judged, domain, question, opens, right, wrong, frame):
    is_read(judged, domain, question, frame, right, wrong)


def test_a_yes_no_question_that_is_told_to_be_wrong_is_denied_and_no_part_of_a_name_sets_anything_apart(judged):
    assert judged("cities", "Is Lima the capital of Peru?", "No, your statement is incorrect.") == {Verdict.CONTRADICTED}
    assert judged("cities", "Is Nairobi the capital of Peru?", "No, that is wrong; it is Lima.") == {Verdict.VERIFIED}
    assert judged("films", "Who directed Not Without My Sister?", "Not Without My Sister, a film, was directed by Bo Tarn.") == {
        Verdict.VERIFIED
    }


def test_a_part_of_a_name_is_not_denied_and_a_name_with_a_pronoun_in_it_is(judged):
    assert judged("films", "Which film was directed by Bo Tarn?", "Not Without My Sister, a film.") == {Verdict.VERIFIED}
    assert judged("films", "Which film was directed by Ida Roe?", "Not Without My Sister, a film.") == {Verdict.CONTRADICTED}
    is_read(judged, "films", "Which film was directed by Ida Roe?", "It is {0}, not {1}.", "This Is Quorn", "Me and My Sister")
