"""A yes/no question whose answer says the question's own words again: with a "not" it denies them, without one it affirms them.

"The element with the number 79 is not gold" denies what "Is gold the element with the number 79?" asks, whatever the order of the words;
"you're right" affirms it, also behind a "No". Of two such sentences that say the opposite, both count: one of them is not so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from feedback_node.hearing.asked import Asked
from feedback_node.hearing.frame import DENIALS, DOUBT, FRAME
from feedback_node.hearing.utterance import Utterance
from feedback_node.sentences import sentences
from feedback_node.verification import claim_key
from feedback_node.yes_no import body
from schemas.triplet import Triplet
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words
from streams.knowledge.near_words import stems

RULE = "said-again"
_SURE = ("yes-no", "object", "agent", "stand-in")
"""Rules of a reply, and of a verb with what it says it of: they stand beside what is said again."""
_SENTENCES = 3
_OPENS = re.compile(
    r"^\W*(?:(?:(?P<yes>yes|yeah|correct|right|true|indeed)|(?P<no>no|nope|incorrect|false))\b[\s,.:;!–—-]+)*", re.IGNORECASE
)
_CLAUSE = re.compile(r"[,;:]?\s+(?:and|but|although|though|while|because|which|who)\s+|[,;:]\s+|\s[–—-]\s", re.IGNORECASE)
_VERB = re.compile(r"\b(?:is|was|are|were|does|did|do|has|have|had|can)(?:\b|n['’]t\b)", re.IGNORECASE)
_IT = re.compile(r"^\W*(?:it|he|she|they)\b", re.IGNORECASE)
_AGREES = re.compile(
    r"\b(?:you(?:['’]re| are)|that(?:['’]s| is))\s+(?:(?:absolutely|completely|entirely|quite|totally|indeed)\s+)?(?:right|correct)\b"
    r"(?!\s+(?:to|that|about|in|if|on)\b)",
    re.IGNORECASE,
)
_TURNED = re.compile(r"\bnot\s+(?:only|just|merely|necessarily|always|really)\b|\?", re.IGNORECASE)
_FULL = re.compile(r"n['’]t\b", re.IGNORECASE)


def with_said_again(heard: list[Triplet], utterance: Utterance, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims with what a yes/no question's own words affirm or deny; others that say the opposite are left out."""
    statement = asked.statement
    if statement is None or not asked.question.yes_no:
        return heard
    claim = Triplet(
        subject=asked.text[slice(*statement.subject)].strip(" \"'"),
        predicate=statement.predicate,
        object=asked.text[slice(*statement.object)].strip(" \"'"),
        rule=RULE,
    )
    said = {denied for denied in _said(utterance, asked, graph) if denied is not None}
    if not said:
        return heard
    key = claim_key(claim, graph)[:3]
    kept = [one for one in heard if len(said) > 1 or one.negated in said or one.rule in _SURE or claim_key(one, graph)[:3] != key]
    return [*kept, *(claim.model_copy(update={"negated": denied}) for denied in sorted(said))]


def _said(utterance: Utterance, asked: Asked, graph: Hypergraph) -> Iterator[bool | None]:
    """Of each of the first sentences and their clauses whether it denies what was asked, or affirms it; None where it does neither."""
    wanted = _telling(asked.text[slice(*body(asked.text))])
    for start, end in islice(sentences(utterance.text, utterance.names), _SENTENCES):
        sentence = utterance.text[start:end]
        opens = _OPENS.match(sentence)
        rest = sentence[opens.end() :] if opens is not None else sentence
        if _TURNED.search(rest):
            continue
        agrees = _AGREES.search(rest) is not None and asked.statement is not None and not asked.statement.denied
        if agrees and DENIALS.isdisjoint(_tokens(rest)):
            yield False
            continue
        first, *more = [one for one in _CLAUSE.split(rest) if one.strip()] or [""]
        denied = _denies(first, wanted, asked, graph)
        is_crossed = opens is not None and bool(opens["yes"] if denied else opens["no"])
        yield None if is_crossed else denied  # "Yes, X is not Y" is neither
        owners = _telling(_VERB.split(first, maxsplit=1)[0])
        for clause in more:
            it = _IT.match(clause)
            yield _denies(clause, wanted - owners if it is not None else wanted, asked, graph)


def _denies(clause: str, wanted: frozenset[str], asked: Asked, graph: Hypergraph) -> bool | None:
    """Whether a clause says the question's words again with a "not", or without one; None where it says others, or not all of them."""
    tokens = _tokens(clause)
    said = _telling(clause)
    light = stems(FRAME | graph.ontology.classes) | _telling(asked.text)
    if not wanted or not wanted <= said or not said <= light or not DOUBT.isdisjoint(tokens):
        return None
    if any(count > 1 for word, count in Counter(tokens).items() if word not in FUNCTION_WORDS):
        return None  # "X in Lisbon is not in Lisbon"
    return len([one for one in tokens if one in DENIALS]) % 2 == 1


def _tokens(text: str) -> list[str]:
    return [word.text for word in words(_FULL.sub(" not", text))]


def _telling(text: str) -> frozenset[str]:
    """The stems of the words of a text that say something."""
    return stems(one for one in _tokens(text) if one not in FUNCTION_WORDS and one not in DENIALS)
