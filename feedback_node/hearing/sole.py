"""The one thing of the kind that was asked for: what a sentence offers by it, whatever its words are.

A question tells of what kind its answer is: a place, a date, a number, or one of the things that the graph has as an answer to such
questions. A sentence about what was asked of, in which one thing of that kind stands and no more, gives it as the answer: "X is a
traditional Norwegian dish", "X is a hall that was opened by the queen in 1931". Looked for only where the other rules have found nothing
to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.frame import DENIALS, DOUBT
from feedback_node.hearing.makers import sole_maker
from feedback_node.hearing.named_kinds import named_kind
from feedback_node.hearing.offers import masked
from feedback_node.hearing.told import is_misspelt
from feedback_node.value_spans import value_spans
from schemas.triplet import Triplet, Verdict
from streams.knowledge import places
from streams.knowledge.dates import parse_date
from streams.knowledge.english import COURTESIES, FUNCTION_WORDS, RANKS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import OFFERED, judge, place_of
from streams.knowledge.names import fold, words
from streams.knowledge.near_words import stems
from streams.knowledge.ontology import ValueKind
from streams.knowledge.phrases import is_region
from streams.knowledge.quantities import parse_quantity
from streams.knowledge.units import named

_MOST_CHARS = 300
_CUT = re.compile(r",?\s(?:but|however|although|though|while|whereas|unlike)\s", re.IGNORECASE)
"""What comes behind is said of something else."""
_OPENS = re.compile(r"^\W*(?:(?:yes|no|indeed|actually|sure)\b[\s,.]+)*(?P<it>it|this|they|these|that)\b", re.IGNORECASE)
_HEAD_CHARS = 60
"""What a sentence is about stands before this."""
_IN = re.compile(
    r"(?:\b(?:in|from|of|at)\s+(?:the\s+)?|,\s+(?:the\s+)?|\b(?:north|south|east|west)(?:east|west)?(?:ern)?\s+)$", re.IGNORECASE
)
_IS_A = re.compile(r"\b(?:is|was|are|were)\s+(?:an?|the|one of the|both|another)?\s*(?:[\w'-]+,?\s+){0,5}?$")
_BY = re.compile(r"\bby\s+(?:the\s+)?$")
_IS_ONE = re.compile(r"\b(?:is|was|are|were)\s+(?:an?|one\s+of)\s", re.IGNORECASE)
_COMPOUND = re.compile(
    r"\s+(?!(?:who|which|that|is|was|are|were|has|had|first|also)\b)(?P<noun>[a-z]+)\s+(?:is|was|are|were|has|had|first|also|went|came)\b"
)
"""Behind a name that is a part of another: "The Golf ball was"."""
_CAPITAL = re.compile(r"['’]?s?\s+[^\W\d_a-z]")
_BEFORE = re.compile(r"(?<=\w )(?P<word>[^\W\d_a-z][\w'-]*)\s+$")
_TO = re.compile(r"\bto\s+(?:the\s+)?$", re.IGNORECASE)
_UNLIKE = DENIALS | DOUBT | listed("doubt_verbs") | listed("mixed") | listed("turning") - {"near", "based", "beyond"}
_UNLIKE |= {"former", "formerly", "previous", "previously", "except"}
"""With one of these it may be said of something else, or is denied."""
_ANOTHER = frozenset({"second", "third", "fourth", "last", "next", "newest", "latest", "based"})
"""The date of one of these is another's."""
_LENGTH = re.compile(r"\b(?:km|miles|kilomet(?:re|er)s)(?=\s*[,;]\s+(?!(?:or|from|away|to|off|north|south|east|west)))", re.IGNORECASE)
"""A measure by itself, and no distance: "1,233 km, through X and Y"."""
_SIGN_LETTERS = 3
_CUT_OFF_CHARS = 100


def sole_offer(sentence: str, asked: Asked, missing: Missing, graph: Hypergraph) -> list[Triplet]:
    """The claim of the one candidate of a sentence for a thing that was asked; spans are those of the sentence. Hold the view's lock."""
    predicate = graph.ontology[missing.predicate]
    told = graph.statements(missing.entity, missing.predicate)
    if missing.side != "object" or not predicate.one_object or not told or len(sentence) > _MOST_CHARS:
        return []
    cut = _CUT.search(sentence)
    text = sentence[: cut.start()] if cut is not None else sentence
    begin = _behind_owner(text, missing, graph)
    tokens = {word.text for word in words(text)} - asked.question.words
    if begin is None or not tokens.isdisjoint(_UNLIKE | (_ANOTHER if predicate.value is ValueKind.DATE else frozenset())):
        return []
    if predicate.value is ValueKind.DATE:
        found = list(_dates(text, begin, missing, asked, graph))
    elif predicate.value is ValueKind.NUMBER:
        found = list(_numbers(text, begin, missing, asked, graph))
    else:
        found = _listed(text, begin, missing, asked, graph) or _places(text, begin, missing, graph)
        if not found:
            return sole_maker(text, begin, asked, missing, graph) or named_kind(text, begin, asked, missing, graph)
    owner = next(iter(graph.names_of(missing.entity)), missing.entity)
    return [
        claim
        for start, end in found[:1]
        if _fits(
            claim := Triplet(
                subject=owner, predicate=missing.predicate, object=text[start:end].strip(), object_span=(start, end), rule=OFFERED
            ),
            text[begin:], asked, graph,
        )
    ]  # fmt: skip


def _fits(claim: Triplet, rest: str, asked: Asked, graph: Hypergraph) -> bool:
    """Not what is true of another kind of thing ("is a tribe from X"), nor what a yes/no question asks to affirm where that is not so."""
    is_true = judge(graph, claim).verdict is Verdict.VERIFIED
    if not is_true and is_region(claim.object):
        return False
    if asked.statement is not None and not is_true and fold(asked.text[slice(*asked.statement.object)]) == fold(claim.object):
        return False
    kinds = graph.ontology.classes | listed("part_nouns") | (asked.question.words - FUNCTION_WORDS)
    is_of_kind = not stems(kinds).isdisjoint(stems(word.text for word in words(rest)))
    return not is_true or is_of_kind or _IS_ONE.search(rest) is None


def is_about(sentence: str, missing: Missing, graph: Hypergraph) -> bool:
    """Whether a sentence speaks of what was asked of, so that "it" in the next one may be that."""
    return _behind_owner(sentence, missing, graph) is not None


def _behind_owner(text: str, missing: Missing, graph: Hypergraph) -> int | None:
    """Where a sentence goes on behind the name of what was asked of, which it is about; None where it is about something else."""
    opens = _OPENS.match(text)
    if opens is not None:
        return opens.end()
    for mention in graph.entities_in(text, ambiguous=True):
        if missing.entity in (mention.entity, *graph.entities(mention.entity)):
            other = _COMPOUND.match(text, mention.end)
            is_part = other is not None and other["noun"] not in graph.ontology.classes and not other["noun"].endswith("ly")
            return mention.end if mention.start < _HEAD_CHARS and not is_part else None
    tokens = list(words(text))
    first = next((word for word in tokens if word.text not in FUNCTION_WORDS), None)
    if first is None:
        return None
    is_kind = first.text in graph.ontology.classes and first.text not in graph.ontology[missing.predicate].nouns
    if is_kind and tokens[0].text in ("the", "this"):
        return first.end
    head = re.match(r"[^\W\d_a-z][\w'-]*(?:\s+[^\W\d_a-z][\w'-]*)*", text[first.start :])
    if head is not None and is_misspelt(head.group(), graph.folded_names_of(missing.entity)):
        return first.start + head.end()
    return None


# --- values


def _values(text: str, asked: Asked, graph: Hypergraph) -> list[tuple[int, int]]:
    """The numbers and dates of a sentence; the "one" of "one of them" is none, nor is a unit alone: "X in kilometres is 74 km"."""
    spans = value_spans(masked(text, asked, graph), 0)
    return [span for span in spans if (said := text[slice(*span)].strip().lower()) != "one" and named(said) is None]


def _dates(text: str, begin: int, missing: Missing, asked: Asked, graph: Hypergraph) -> Iterator[tuple[int, int]]:
    """The one date of a sentence that says that the thing came to be, where the graph has but one such date."""
    spans = _values(text, asked, graph)
    found = [span for span in spans if span[0] >= begin and parse_date(text[slice(*span)].strip()) is not None]
    if len(found) != 1 or len(spans) != 1:
        return
    tokens = {word.text for word in words(text)} - asked.question.words
    dates = [name for name in graph.predicates() if graph.ontology[name].value is ValueKind.DATE and graph.statements(missing.entity, name)]
    spoken = missing.predicate in {*graph.ontology.predicates_in(text), *graph.ontology.asked_by(text)}
    comes = not listed("comes_to_be").isdisjoint(word.text for word in words(text)) and dates == [missing.predicate]
    is_cut_off = len(text) > _CUT_OFF_CHARS and found[0][1] == len(text)
    if (spoken or comes) and not is_cut_off and tokens.isdisjoint(listed("other_times")):
        yield found[0]


def _numbers(text: str, begin: int, missing: Missing, asked: Asked, graph: Hypergraph) -> Iterator[tuple[int, int]]:
    """The one number of a sentence that measures what the true one does, where it speaks of what was asked."""
    spans = [span for span in _values(text, asked, graph) if span[0] >= begin]
    if len(spans) != 1 or not (_speaks(text, missing, asked, graph) or _is_only_measure(missing, graph)):
        return
    said = parse_quantity(text[slice(*spans[0])].strip())
    truths = [parse_quantity(one.object, one.fact.qualifiers.get("unit")) for one in graph.statements(missing.entity, missing.predicate)]
    if said is not None and all(truth is not None and truth.dimension == said.dimension for truth in truths):
        yield spans[0]


def _is_only_measure(missing: Missing, graph: Hypergraph) -> bool:
    """Whether the true number has a unit, and the graph has no other number of its kind for the thing."""
    measured = [
        (name, parse_quantity(one.object, one.fact.qualifiers.get("unit")))
        for name in graph.predicates()
        if graph.ontology[name].value is ValueKind.NUMBER
        for one in graph.statements(missing.entity, name)
    ]
    own = {value.dimension for name, value in measured if value is not None and name == missing.predicate}
    others = {value.dimension for name, value in measured if value is not None and name != missing.predicate}
    return None not in own and own.isdisjoint(others)


def _speaks(text: str, missing: Missing, asked: Asked, graph: Hypergraph) -> bool:
    """Whether a sentence has words of what was asked, of its relation or of the question, beside the name and its class."""
    ontology = graph.ontology
    if missing.predicate in {*ontology.predicates_in(text), *ontology.asked_by(text)}:
        return True
    names = {word for name in graph.folded_names_of(missing.entity) for word in name.split()}
    plain = FUNCTION_WORDS | listed("frame") | ontology.classes | names
    return not stems(asked.question.words - plain).isdisjoint(stems(word.text for word in words(text) if word.text not in plain))


# --- names


def _listed(text: str, begin: int, missing: Missing, asked: Asked, graph: Hypergraph) -> list[tuple[int, int]]:
    """The one thing in a sentence that the graph has as an answer to such questions."""
    found: dict[str, tuple[int, int]] = {}
    for one in graph.entities_in(text, ambiguous=True):
        roots = graph.entities(one.entity)
        if one.start < begin or len(roots) != 1 or asked.is_echo(roots[0]) or not graph.statements_to(roots[0], missing.predicate):
            continue
        if _CAPITAL.match(text, one.end) or _is_of_longer_name(text, one.start) or _TO.search(text, 0, one.start):
            return []  # "German Shepherd" is another than "German"
        if len(text[one.start : one.end]) < _SIGN_LETTERS and not _is_sign(text, one.start, one.end, roots[0], graph):
            continue
        found.setdefault(roots[0], (one.start, one.end))
    if len(found) != 1:
        return []
    start = next(iter(found.values()))[0]
    if _is_elsewhere(text, begin, start) or not (_speaks(text, missing, asked, graph) or _IS_A.search(text, begin, start)):
        return []
    return list(found.values())


def _is_sign(text: str, start: int, end: int, entity: str, graph: Hypergraph) -> bool:
    """Whether a short word is a sign of the graph in its own letters, with nothing joined to it: "Pr-" is no "Pr"."""
    return text[start:end] in graph.spellings_of(entity) and not re.match(r"[-\d₀-₉²³]", text[end:])


def _is_of_longer_name(text: str, start: int) -> bool:
    """Whether a word in capitals stands before a name that is no adjective of a place: "Greyhound Terrier"."""
    before = _BEFORE.search(text, 0, start)
    if before is None or not text[start].isupper():
        return False
    word = fold(before["word"])
    return word not in FUNCTION_WORDS | RANKS | COURTESIES and not places.of_name(word)


def is_liked_there(one: Triplet, text: str, graph: Hypergraph) -> bool:
    """Whether a claim of where something is says only that it is liked, or used, in a place that the graph does not have for it."""
    match = graph.ontology.match_predicate(one.predicate) if one.object_span is not None and places.meant(one.object) else None
    if match is None or match.reversed or one.object_span is None:
        return False
    begin = one.subject_span[1] if one.subject_span is not None else max(0, one.object_span[0] - _HEAD_CHARS)
    return _is_elsewhere(text, begin, one.object_span[0]) and judge(graph, one).verdict is Verdict.CONTRADICTED


def _is_elsewhere(text: str, begin: int, start: int) -> bool:
    """Whether the words before a name say that something went there, or is liked there."""
    return not listed("elsewhere").isdisjoint(word.text for word in words(_LENGTH.sub(" ", text[begin:start])))


def _places(text: str, begin: int, missing: Missing, graph: Hypergraph) -> list[tuple[int, int]]:
    """The one place of the world in a sentence, where the true answer is one: of several that hold each other the innermost."""
    if not all(place_of(graph, one) for one in graph.statements(missing.entity, missing.predicate)):
        return []
    templates = graph.ontology[missing.predicate].templates
    by = any(one.between.endswith(" by") for one in templates if not one.reversed)
    found = [one for one in places.places_in(text) if one.start >= begin and _is_where(text, begin, one, by=by)]
    inner = [
        one for one in found
        if not any(other is not one and _holds(one, other) and not _holds(other, one) for other in found)
    ]  # fmt: skip
    if len({one.places for one in inner}) != 1 or _is_elsewhere(text, begin, inner[0].start):
        return []
    return [(inner[0].start, inner[0].end)]


def _holds(outer: places.Found, inner: places.Found) -> bool:
    return any(places.lies_in(one, other) for one in inner.places for other in outer.places)


def _is_where(text: str, begin: int, one: places.Found, *, by: bool) -> bool:
    """Whether a name stands behind "in", or an adjective says of what kind the thing is."""
    if one.is_adjective and _IS_A.search(text, max(0, begin - 1), one.start) is not None:
        return True
    return _IN.search(text, 0, one.start) is not None or (by and not one.is_adjective and _BY.search(text, 0, one.start) is not None)
