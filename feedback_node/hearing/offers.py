"""Fragments and echoes: what a short sentence offers as the side that the question leaves open.

Read only where every word is accounted for: the offered names or values, words of the question and of its relation, and words that frame
an answer ("It is", "The answer is", "If you went there, you would be in"). Any other word may change what is said, and nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked, Missing
from schemas.triplet import Triplet
from streams.knowledge.dates import parse_date
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import Word, fold, words
from streams.knowledge.numbers import SCALES, SMALL, TENS
from streams.knowledge.ontology import ValueKind
from streams.knowledge.quantities import parse_quantity
from streams.knowledge.units import UNITS

RULE = "fragment"
"""Rule name of these claims."""
FRAME = (
    listed("frame")
    | FUNCTION_WORDS
    | frozenset({"ll", "d", "re", "ve", "s", "t", "im", "ive", "id", "youd", "youll", "its", "thats", "hes", "shes", "either"})
)
_DOUBT = (listed("doubt_words") | listed("doubt_verbs") | frozenset({"may", "might", "could", "should"})) - frozenset(
    {"sure", "certain", "say", "said", "says", "report", "reported", "unlikely"}
)
_VALUE_WORDS = frozenset({*SMALL, *TENS, *SCALES, "half", "quarter", "point", "century", "bc", "bce", "ad", "ce", "and", "a"})
_SLIGHT = frozenset(
    {"a", "an", "and", "may", "second", "in", "no", "half", "quarter", "point", "the", "of", "to", "×", "x", "*", "–", "-", "between"}
)
"""Words of values that are more often no part of one: they never begin or end it."""
_VALUE_WORDS |= listed("months") | listed("units")
_DENIALS = frozenset({"not", "never", "neither", "nor", "isnt", "wasnt", "arent", "werent", "didnt", "doesnt", "dont", "no"})
_LINKS = listed("name_links")
_LABEL = re.compile(r"^\s*(?P<label>[^:.!?\n]{1,60}?)\s*(?:[:=]|\s[–—-])\s+(?=\S)")
_LABEL_WORDS = 6
_MOST_CHARS = 160
_APPOSED = re.compile(r",\s+(?:the|an?|who|which|where|whose|located|situated|born|by far|one of)\s")
"""What follows says more about what was offered."""
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|had|offers?|lies)\b")
_DESCRIBES = re.compile(r"\b(?:is|are|was|were)\s+an?\s+(?!\d|million|thousand|hundred|dozen|half)\w")
"""To say what kind of thing something is answers no question for a name."""
_UNFINISHED = re.compile(r"\b(?:is|are|was|were|an?|the|of|in|by|and|or|with|to|from|that|which|for|as)\s*$", re.IGNORECASE)
"""How an answer ends that was cut off."""
_APPROXIMATE = re.compile(
    r"(?:\b(?:about|around|approximately|roughly|nearly|almost|circa|more than|less than|over|under|at least|up to|between)|~|≈)\s*$", re.I
)


class Offer(NamedTuple):
    """Something that a sentence offers."""

    start: int
    end: int
    entity: str | None
    """The entity that it is, where the graph knows it under that name alone."""
    is_known: bool
    denied: bool


def read_fragment(sentence: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims of a short sentence on what was asked; spans are those of the sentence. None where it is no such answer."""
    if len(sentence) > _MOST_CHARS or (not asked.missing and not _LABEL.match(sentence)):
        return []
    label, missing = _labelled(sentence, asked, graph)
    if not missing:
        return []
    if (cut := _APPOSED.search(sentence, label + 1)) and not _VERB.search(sentence, cut.end()):
        sentence = sentence[: cut.start()]
    if _DESCRIBES.search(sentence, label) or _UNFINISHED.search(sentence):
        return []
    claims = _values(sentence, label, missing, asked, graph)
    if not claims:
        offers = _offers(sentence, label, asked, graph)
        claims = list(_assign(offers, sentence, [one for one in missing if not _is_value(one, graph)], graph))
    hedged = bool(claims) and any(word.text in _DOUBT for word in words(sentence))
    return [claim.model_copy(update={"hedged": True}) for claim in claims] if hedged else claims


def is_label(sentence: str) -> bool:
    """Whether a sentence is an item with its label: "Author: X"."""
    return _LABEL.match(sentence) is not None


def _is_value(missing: Missing, graph: Hypergraph) -> bool:
    return missing.side == "object" and graph.ontology[missing.predicate].value is not ValueKind.ENTITY


def _labelled(sentence: str, asked: Asked, graph: Hypergraph) -> tuple[int, list[Missing]]:
    """Where the answer begins behind its label, and what the label says it is: "Author: X", "Answer: X", "Peru: X"."""
    match = _LABEL.match(sentence)
    if match is None:
        return 0, list(asked.missing)
    label = match["label"]
    if len(label.split()) > _LABEL_WORDS or _VERB.search(label):
        return 0, [] if _VERB.search(label) and not match.group().rstrip().endswith(":") else list(asked.missing)
    predicates = graph.ontology.predicates_in(label)
    if any(word.text in {"not", "former", "wrong", "incorrect", "previous"} for word in words(label)):
        return 0, []
    named = [entity for mention in graph.entities_in(label) for entity in (mention.entity,)]
    missing = [one for one in asked.missing if (not predicates or one.predicate in predicates) and (not named or one.entity in named)]
    if missing:
        return match.end(), missing
    if predicates and len(predicates) == 1 and not named:
        owners = {one.entity for one in asked.question.parts}
        if len(owners) == 1 and len(label.split()) <= 4:
            return match.end(), [Missing(predicates[0], owners.pop(), "object")]
    return 0, []


# --- values


def _values(sentence: str, begin: int, missing: list[Missing], asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The one value of a sentence, where numbers or dates were asked: one for each that was, in their order."""
    wanted = [one for one in missing if _is_value(one, graph)]
    if not wanted:
        return []
    masked = _masked(sentence, asked, graph)
    found = list(_value_spans(masked, begin))
    if not found or len(found) > len(wanted) or not _accounted(masked, begin, found, asked, graph):
        return []
    claims = []
    for one, (start, end) in zip(wanted, found, strict=False):
        text = sentence[start:end].strip()
        kind = graph.ontology[one.predicate].value
        if (parse_date(text) if kind is ValueKind.DATE else parse_quantity(text)) is not None:
            denied = any(word.text in _DENIALS for word in words(masked[begin:start]))
            claims.append(_claim(one, text, (start, end), graph, denied=denied))
    return claims


def _masked(sentence: str, asked: Asked, graph: Hypergraph) -> str:
    """The sentence without the names that its question has: digits in a title are no value."""
    for mention in graph.entities_in(sentence, ambiguous=True):
        if asked.question.entities & {mention.entity, *graph.entities(mention.entity)}:
            sentence = sentence[: mention.start] + " " * (mention.end - mention.start) + sentence[mention.end :]
    return sentence


def _value_spans(text: str, begin: int) -> Iterator[tuple[int, int]]:
    """Runs of digits, number words, months and units."""
    start = end = -1
    for match in re.finditer(r"[^\s,;()]+", text):
        if match.start() < begin:
            continue
        word = match.group().strip(".!?\"'").lower()
        parts = word.split("-") if word[:1].isalpha() else [word]
        telling = any(char.isdigit() for char in word) or all(part in _VALUE_WORDS and part not in _SLIGHT for part in parts)
        unit = start >= 0 and (word[:1] in "°%" or word in UNITS or word.removesuffix("s") in UNITS)
        valued = telling or unit or word in _SLIGHT
        if start < 0 and (telling or (word in ("half", "a", "an") and _scale_next(text, match.end()))):
            start = match.start()
        if start >= 0 and not valued:
            yield _whole(text, begin, start, end)
            start = -1
        if start >= 0 and (telling or (unit and word != "in")):
            end = match.end()
    if start >= 0:
        yield _whole(text, begin, start, end)


def _scale_next(text: str, at: int) -> bool:
    """Whether "a" and "half a" begin a number: "a million", "half a dozen"."""
    match = re.match(r"\s+(?:an?\s+)?([a-z]+)", text[at:], re.IGNORECASE)
    return match is not None and match[1].lower() in SCALES


def _whole(text: str, begin: int, start: int, end: int) -> tuple[int, int]:
    """With the "about" before a value."""
    match = _APPROXIMATE.search(text[begin:start].rstrip() + " ") if start > begin else None
    if match:
        start = begin + match.start()
    while end > start and text[end - 1] in ".!?":
        end -= 1
    return start, end


def _accounted(text: str, begin: int, spans: list[tuple[int, int]], asked: Asked, graph: Hypergraph) -> bool:
    """Whether each word outside these spans frames the answer, or is the question's."""
    benign = graph.ontology.vocabulary
    for word in words(text):
        if word.start < begin or any(start <= word.start < end for start, end in spans):
            continue
        if not _is_benign(word.text, asked, benign, graph):
            return False
    return True


def _is_benign(word: str, asked: Asked, vocabulary: frozenset[str], graph: Hypergraph) -> bool:
    return (
        word in FRAME
        or word in asked.question.words
        or word in vocabulary
        or word in graph.ontology.classes
        or word in _DOUBT
        or word in _DENIALS
    )


# --- names


def _offers(sentence: str, begin: int, asked: Asked, graph: Hypergraph) -> list[Offer]:
    """The names that a sentence offers, those of its question left out; none where a word is not accounted for."""
    mentions = [(one.entity, one.start, one.end) for one in graph.entities_in(sentence, ambiguous=True)]
    vocabulary = graph.ontology.vocabulary
    offers: list[Offer] = []
    denied = False
    for group in _groups(sentence, begin, mentions, asked, vocabulary):
        if isinstance(group, Word):
            if group.text in ("but", "however", "rather", "instead"):
                denied = False
            elif group.text in _DENIALS:
                denied = True
            if not _is_benign(group.text, asked, vocabulary, graph):
                return []
            continue
        start, end = group
        inside = [entity for entity, first, last in mentions if start <= first and last <= end]
        whole = [entity for entity, first, last in mentions if start == first and last == end]
        if inside and all(_echoes(entity, asked, graph) for entity in inside) and (whole or len(inside) > 1):
            continue
        entity = whole[0] if whole else None
        known = graph.entities(entity) if entity is not None else ()
        offers.append(Offer(start, end, known[0] if len(known) == 1 else None, bool(whole), denied))
    return offers


def _echoes(entity: str, asked: Asked, graph: Hypergraph) -> bool:
    return any(asked.is_echo(one) for one in (entity, *graph.entities(entity)))


def _groups(
    sentence: str, begin: int, mentions: list[tuple[str, int, int]], asked: Asked, vocabulary: frozenset[str]
) -> Iterator[Word | tuple[int, int]]:
    """The words of a sentence in order; names, of the graph or in capitals, as one span each."""
    tokens = [word for word in words(sentence) if word.start >= begin]
    at = 0
    while at < len(tokens):
        if not _opens(tokens[at], sentence, mentions, asked, vocabulary):
            yield tokens[at]
            at += 1
            continue
        last = at
        while (step := _goes_on(tokens, last, sentence, mentions, asked, vocabulary)) > 0:
            last += step
        yield tokens[at].start, tokens[last].end
        at = last + 1


def _opens(word: Word, sentence: str, mentions: list[tuple[str, int, int]], asked: Asked, vocabulary: frozenset[str]) -> bool:
    if any(start <= word.start < end for _, start, end in mentions):
        return True
    written = sentence[word.start]
    if not written.isupper() and not (written.isdigit() and any(char.isalpha() for char in word.text)):
        return False
    return not (
        word.text in FRAME or word.text in asked.question.words or word.text in vocabulary or word.text in _DOUBT or word.text in _DENIALS
    )


def _goes_on(
    tokens: list[Word], last: int, sentence: str, mentions: list[tuple[str, int, int]], asked: Asked, vocabulary: frozenset[str]
) -> int:
    """How many words further the name goes on; 0 where it ends."""
    if last + 1 >= len(tokens):
        return 0
    here, following = tokens[last], tokens[last + 1]
    gap = sentence[here.end : following.start]
    if any(start <= here.start and following.start < end for _, start, end in mentions):
        return 1
    if gap.strip(" .'-") or (gap.count("\n")):
        return 0
    if _opens(following, sentence, mentions, asked, vocabulary) or following.text.isdigit():
        return 1
    if following.text in _LINKS and last + 2 < len(tokens) and not sentence[following.end : tokens[last + 2].start].strip():
        return 2 if _opens(tokens[last + 2], sentence, mentions, asked, vocabulary) else 0
    return 0


# --- who is what


def _assign(offers: list[Offer], sentence: str, missing: list[Missing], graph: Hypergraph) -> Iterator[Triplet]:
    """Each offer as the missing side of what was asked: of several questions by its kind, else in their order."""
    if not offers or not missing:
        return
    if len(missing) == 1 or (len({(one.predicate, one.side) for one in missing}) == 1 and len(offers) != len(missing)):
        if len(missing) > 1:
            return
        if all(_fits(missing[0], offer, graph) for offer in offers):
            yield from (_offer(missing[0], offer, sentence, graph) for offer in offers)
        return
    left = list(missing)
    for offer in offers:
        ranked = sorted(left, key=lambda one: -_likely(one, offer, graph))
        if ranked and _fits(ranked[0], offer, graph):
            left.remove(ranked[0])
            yield _offer(ranked[0], offer, sentence, graph)


def _likely(missing: Missing, offer: Offer, graph: Hypergraph) -> int:
    if offer.entity is None:
        return 0
    told = graph.statements_to if missing.side == "object" else graph.statements
    return 1 if told(offer.entity, missing.predicate) else 0


def _fits(missing: Missing, offer: Offer, graph: Hypergraph) -> bool:
    """Whether an offer may be the missing side: not where it is known to be something else of the entity ("It is in South America")."""
    if offer.entity is None or _likely(missing, offer, graph):
        return True
    beside = graph.neighbours(missing.entity)
    return offer.entity not in beside or any(
        missing.entity in (*graph.entities(one.subject), *graph.entities(one.object))
        for one in graph.statements_to(offer.entity, missing.predicate)
    )


def _offer(missing: Missing, offer: Offer, sentence: str, graph: Hypergraph) -> Triplet:
    return _claim(missing, sentence[offer.start : offer.end], (offer.start, offer.end), graph, denied=offer.denied)


def _claim(missing: Missing, said: str, span: tuple[int, int], graph: Hypergraph, *, denied: bool) -> Triplet:
    known = next(iter(graph.names_of(missing.entity)), missing.entity)
    said = said if fold(said) else said.strip()
    values = (
        {"subject": known, "object": said, "object_span": span}
        if missing.side == "object"
        else {"subject": said, "object": known, "subject_span": span}
    )
    return Triplet(predicate=missing.predicate, rule=RULE, negated=denied, **values)
