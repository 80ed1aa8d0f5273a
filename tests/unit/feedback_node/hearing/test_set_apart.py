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
CASES = [
    ("animals", "What is the diet of the Quillback?", "Quillback was a", "a grazer", "a meat eater"),
    ("trades", "What was the trade of Ilse Brandt?", "Ilse Brandt was", "a glass blower", "a locksmith"),
    ("dances", "What is the metre of the Varsenka?", "The Varsenka is", "a dance in three", "a dance in two"),
]
judged = pytest.fixture(scope="module")(lambda: verdicts_of(DOMAINS))


@pytest.mark.parametrize(("domain", "question", "opens", "right", "wrong"), CASES)
@pytest.mark.parametrize(
    "frame", ["{0}, not {1}.", "{0} and not {1}.", "{0} rather than {1}.", "not {1} but {0}.", "{0}, never {1}, as far as I know."]
)
def test_of_two_common_nouns_the_one_set_apart_is_denied_and_the_other_affirmed(judged, domain, question, opens, right, wrong, frame):
    opens = opens.removesuffix(" a")
    assert judged(domain, question, f"{opens} {frame.format(right, wrong)}") == {Verdict.VERIFIED}
    assert judged(domain, question, f"{opens} {frame.format(wrong, right)}") == {Verdict.CONTRADICTED}


@pytest.mark.parametrize(("domain", "question", "opens", "right", "wrong"), CASES)
def test_what_is_only_denied_is_denied_and_a_denial_in_a_longer_sentence_turns_nothing_round(judged, domain, question, opens, right, wrong):
    opens = opens.removesuffix(" a")
    assert judged(domain, question, f"{opens} not {right}.") == {Verdict.CONTRADICTED}
    assert Verdict.CONTRADICTED not in judged(domain, question, f"{opens} {right}, not {wrong} that anybody would have heard of before.")
