"""Which dependencies carry a denial or a doubt to a claim, one by one: on parses written down here, so that no parser's choice decides."""

from __future__ import annotations

import pytest

from feedback_node.extraction.marks import hedged, is_question, negated
from feedback_node.extraction.parse import Parse

Token = tuple[str, str, int]
"""Word, dependency, head."""
DENIED_BELOW = ("nsubj", "nsubjpass", "dobj", "attr", "prep", "advmod")
COMPLETING = ("ccomp", "xcomp", "acl", "pcomp", "csubj")
UPWARDS = ("ccomp", "xcomp", "advcl", "relcl", "acl", "pcomp", "conj", "aux", "parataxis", "csubj", "attr", "acomp", "dep")


def parse_of(*tokens: Token, modal: bool = True) -> Parse:
    """A parse of these tokens; `may` and its like are tagged as modal verbs, or, with `modal` unset, as names."""
    made = Parse("", [], [], [], [], [[] for _ in tokens], [], [], [], [], [(0, len(tokens))])
    for at, (word, dep, head) in enumerate(tokens):
        made.low.append(word)
        made.dep.append(dep)
        made.head.append(head)
        made.tag.append("MD" if modal and word in ("may", "will") else "NNP" if word == "may" else "VBZ")
        if head != at:
            made.kids[head].append(at)
    return made


def chain(word: str, dep: str, length: int, link: str = "ccomp") -> Parse:
    """A verb (token 0) so many links below another, on which a word hangs."""
    links = [("is", link, at + 1) for at in range(length)]
    return parse_of(*links, ("is", "ROOT", length), (word, dep, length))


# --- questions


@pytest.mark.parametrize(
    ("words", "first", "asks"),
    [
        (["is", "it", "?"], 0, True),
        (["is", "it", "?", "”", ")"], 0, True),
        (["is", "it", "?", "it", "is", "."], 0, False),
        (["is", "it", "?", "yes", "."], 3, False),
        (["it", "is", "what?"], 0, True),
        (["it", "is", "."], 0, False),
    ],
)
def test_a_sentence_asks_where_its_end_has_a_question_mark(words, first, asks):
    parse = parse_of(*((word, "dep", 0) for word in words))
    assert is_question(parse, first, len(words)) is asks


# --- denials


@pytest.mark.parametrize(("word", "dep", "denies"), [("nowise", "neg", True), ("never", "npadvmod", True), ("often", "npadvmod", False)])
def test_a_verb_is_denied_by_a_negation_on_it(word, dep, denies):
    assert negated(parse_of(("is", "ROOT", 0), (word, dep, 0)), 0) is denies


@pytest.mark.parametrize("role", DENIED_BELOW)
def test_a_verb_is_denied_by_no_before_a_part_of_it(role):
    """ "No city is", "was seen by no one"."""
    assert negated(parse_of(("is", "ROOT", 0), ("city", role, 0), ("no", "det", 1)), 0)


@pytest.mark.parametrize("dep", ["det", "neg", "preconj", "advmod"])
def test_no_not_neither_and_hardly_any_before_a_part_deny(dep):
    assert negated(parse_of(("is", "ROOT", 0), ("city", "nsubj", 0), ("no", dep, 1)), 0)


@pytest.mark.parametrize(
    ("role", "word", "dep"), [("nsubj", "no", "compound"), ("nsubj", "the", "det"), ("conj", "no", "det"), ("nsubj", "often", "advmod")]
)
def test_what_stands_elsewhere_denies_nothing(role, word, dep):
    assert not negated(parse_of(("is", "ROOT", 0), ("city", role, 0), (word, dep, 1)), 0)


@pytest.mark.parametrize("link", COMPLETING)
@pytest.mark.parametrize(("word", "dep"), [("n't", "neg"), ("not", "neg")])
def test_a_clause_that_completes_a_denied_one_is_denied(link, word, dep):
    assert negated(chain(word, dep, 1, link), 0)


@pytest.mark.parametrize("verdict", ["false", "untrue", "wrong"])
def test_a_clause_that_is_called_false_is_denied(verdict):
    assert negated(parse_of(("is", "ccomp", 1), (verdict, "ROOT", 1)), 0)


@pytest.mark.parametrize("link", ["relcl", "advcl", "conj"])
def test_a_clause_beside_a_denied_one_is_not(link):
    assert not negated(chain("not", "neg", 1, link), 0)


@pytest.mark.parametrize(("length", "denied"), [(1, True), (2, True), (4, True), (5, False)])
def test_a_denial_reaches_four_clauses_down(length, denied):
    assert negated(chain("not", "neg", length), 0) is denied


def test_a_clause_under_a_plain_one_is_not_denied():
    assert not negated(chain("often", "advmod", 3), 0)


# --- doubts


@pytest.mark.parametrize("word", ["may", "perhaps", "reportedly", "uncertain"])
def test_a_modal_or_a_word_of_doubt_on_the_verb_hedges_it(word):
    assert hedged(parse_of(("is", "ROOT", 0), (word, "advmod", 0)), 0, 0)


def test_a_verb_of_the_future_and_the_month_of_may_hedge_nothing():
    assert not hedged(parse_of(("come", "ROOT", 0), ("will", "aux", 0)), 0, 0)
    assert not hedged(parse_of(("comes", "ROOT", 0), ("may", "nsubj", 0), modal=False), 0, 0)


@pytest.mark.parametrize("word", ["if", "whether", "unless"])
def test_a_condition_is_not_claimed(word):
    assert hedged(parse_of(("is", "ROOT", 0), (word, "mark", 0)), 0, 0)
    assert not hedged(parse_of(("is", "ROOT", 0), (word, "advmod", 0)), 0, 0)


def test_another_conjunction_hedges_nothing():
    assert not hedged(parse_of(("is", "ROOT", 0), ("because", "mark", 0)), 0, 0)


@pytest.mark.parametrize("link", UPWARDS)
def test_doubt_reaches_down_by_every_link_between_clauses(link):
    assert hedged(chain("perhaps", "advmod", 1, link), 0, 0)


@pytest.mark.parametrize("link", ["nsubj", "pobj", "appos"])
def test_doubt_does_not_reach_into_the_parts_of_a_clause(link):
    assert not hedged(chain("perhaps", "advmod", 1, link), 0, 0)


@pytest.mark.parametrize(("length", "doubted"), [(2, True), (7, True), (8, False)])
def test_doubt_reaches_seven_clauses_down(length, doubted):
    assert hedged(chain("perhaps", "advmod", length), 0, 0) is doubted


def test_what_is_said_to_be_is_not_claimed_but_that_it_is_said_is():
    said = parse_of(("is", "ccomp", 1), ("says", "ROOT", 1))
    assert hedged(said, 0, 0)
    assert not hedged(said, 1, 1)


@pytest.mark.parametrize("who", ["i", "we", "they", "some", "people", "many", "it"])
@pytest.mark.parametrize("link", ["ccomp", "parataxis"])
def test_an_aside_of_those_who_may_be_wrong_hedges(who, link):
    """ "Sydney is, I think, the capital"."""
    assert hedged(parse_of(("is", "ROOT", 0), ("think", link, 0), (who, "nsubj", 1)), 0, 0)


@pytest.mark.parametrize(
    ("verb", "link", "who", "role"),
    [
        ("think", "ccomp", "experts", "nsubj"),
        ("think", "ccomp", "i", "dobj"),
        ("think", "advcl", "i", "nsubj"),
        ("know", "ccomp", "i", "nsubj"),
    ],
)
def test_another_aside_hedges_nothing(verb, link, who, role):
    assert not hedged(parse_of(("is", "ROOT", 0), (verb, link, 0), (who, role, 1)), 0, 0)


@pytest.mark.parametrize("who", ["i", "we"])
@pytest.mark.parametrize("doubt", ["think", "sure"])
def test_the_writer_s_doubt_before_the_claim_hedges_it(who, doubt):
    """ "I am not sure, but Sydney is the capital"."""
    parse = parse_of((who, "nsubj", 1), (doubt, "amod", 2), ("sydney", "nsubj", 3), ("is", "ROOT", 3))
    assert hedged(parse, 3, 0)
    assert not hedged(parse, 3, 1), "the writer is named in the sentence before"


@pytest.mark.parametrize("word", ["reportedly", "allegedly", "perhaps", "maybe"])
def test_a_word_of_doubt_before_the_claim_needs_no_writer(word):
    parse = parse_of((word, "amod", 1), ("sydney", "nsubj", 2), ("is", "ROOT", 2))
    assert hedged(parse, 2, 0)
    assert not hedged(parse, 2, 1)


def test_doubt_that_another_is_said_to_have_before_the_claim_hedges_nothing():
    assert not hedged(parse_of(("he", "nsubj", 1), ("sure", "amod", 2), ("man", "nsubj", 3), ("is", "ROOT", 3)), 3, 0)


def test_doubt_after_the_claim_s_verb_in_another_part_hedges_nothing():
    assert not hedged(parse_of(("i", "nsubj", 1), ("is", "ROOT", 1), ("city", "attr", 1), ("perhaps", "advmod", 2)), 1, 0)
