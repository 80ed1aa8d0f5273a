"""What an answer offers in small letters, and to questions whose words the ontology lacks.

"The money of Y is the tumbuka": a sentence that says the question again and then one phrase, which is no description, offers that phrase.
"What do people write for Y?" asks for no predicate that is known; the answer may name one ("the symbol X"), or have its object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.frame import DENIALS, DOUBT, FRAME, TURNING
from schemas.triplet import Triplet, Verdict
from streams.knowledge.english import DETERMINERS, FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import OFFERED, judge
from streams.knowledge.names import fold, words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.phrases import is_adjective_of

_MOST_CHARS = 160
_PHRASE = r"(?P<phrase>[^\W\d_]+(?:[\s-][a-z]+){0,2})"
_SAYS = re.compile(
    rf"^(?P<lead>[^,;:]+?)(?:['’]s?)?\s+(?:is|was|are|were)\s+(?:(?P<called>called|named|known as)\s+)?"
    rf"(?:(?P<article>the|an?)\s+)?[\"']?{_PHRASE}[\"']?"
    r"(?:\s*[.!]?$|,\s+(?:which|who|a|an|the)\s|\s+or\s)"
)
_NO_NOUN = re.compile(r"(?:ed|ing|ly|est|able|ous|ful|ive|less)$")
"""Endings of words that are mostly no nouns."""
_DEGREE = frozenset(
    ("very", "quite", "so", "too", "really", "rather", "more", "less", "much",
     "most", "pretty", "extremely", "still", "also", "just", "only", "always", "often")
)  # fmt: skip
_TOKEN = re.compile(r"[\"'(]*(?P<name>[^\W\d_a-z][\w+-]*)[\"').,;:]*(?=\s|$)")


def plain_offer(sentence: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claim that a sentence makes by a phrase in small letters, or by a predicate that it names itself. Hold the view's lock."""
    if len(sentence) > _MOST_CHARS:
        return []
    if not asked.missing:
        return list(_unasked(sentence, asked, graph))
    missing = asked.missing[0]
    predicate = graph.ontology[missing.predicate]
    if len(asked.missing) > 1 or missing.side != "object" or predicate.value is not ValueKind.ENTITY or not predicate.one_object:
        return []
    match = _SAYS.match(sentence)
    if match is None or not _says_again(match["lead"], missing, asked, graph):
        return []
    return list(_offer(match, missing, asked, graph))


def _says_again(lead: str, missing: Missing, asked: Asked, graph: Hypergraph) -> bool:
    """Whether words say again what was asked of its entity, and nothing else."""
    mentions = graph.entities_in(lead, ambiguous=True)
    if not any(one.entity == missing.entity or missing.entity in graph.entities(one.entity) for one in mentions):
        return False
    beside = [word.text for word in words(lead) if not any(one.start <= word.start < one.end for one in mentions)]
    telling = [word for word in beside if word not in FUNCTION_WORDS and word != "s"]
    known = asked.question.words | graph.ontology.vocabulary | graph.ontology.classes | FRAME
    if not telling or not all(word in known for word in telling) or any(word in DENIALS or word in DOUBT for word in beside):
        return False
    spoken = graph.ontology.predicates_in(" ".join(beside))
    return missing.predicate in spoken if spoken else all(word in asked.question.words for word in telling)


def _offer(match: re.Match[str], missing: Missing, asked: Asked, graph: Hypergraph) -> Iterator[Triplet]:
    """The claim of a phrase that is a name in small letters."""
    owner = next(iter(graph.names_of(missing.entity)), missing.entity)
    start, end = match.span("phrase")
    tokens = [word for word in words(match.string) if start <= word.start < end]
    ours = [word for name in graph.folded_names_of(missing.entity) for word in name.split()]
    is_single = len(tokens) == 1
    if not is_single and any(is_adjective_of(tokens[0].text, name) for name in ours) and not graph.resolve(match["phrase"]).candidates:
        start, tokens = tokens[1].start, tokens[1:]  # "the Kazakh dollar" of Kazakhstan
    said = match.string[start:end]
    truths = [one.fact.object for one in graph.statements(missing.entity, missing.predicate)]
    is_small = bool(truths) and all(truth.islower() for truth in truths)
    if not said.islower() or (match["article"] in ("a", "an") and not match["called"]):
        return
    if is_single and not (match["article"] or match["called"] or is_small):
        return  # "is beautiful"
    if is_description([word.text for word in tokens], asked, graph):
        return
    yield Triplet(subject=owner, predicate=missing.predicate, object=said, object_span=(start, end), rule=OFFERED)


def is_description(phrase: list[str], asked: Asked, graph: Hypergraph) -> bool:
    """Whether words only say of what kind something is, or how."""
    last = phrase[-1]
    ontology = graph.ontology
    if last in ontology.classes or last in ontology.vocabulary or last in asked.question.words or last in listed("general_nouns"):
        return True
    unlike = FUNCTION_WORDS | DOUBT | DENIALS | TURNING | FRAME | DETERMINERS | _DEGREE
    return any(word in unlike or _NO_NOUN.search(word) for word in phrase)


# --- questions without a predicate


def _unasked(sentence: str, asked: Asked, graph: Hypergraph) -> Iterator[Triplet]:
    """The one name of a sentence, for a question that asks nothing known of one entity."""
    owners = {part.entity for part in asked.question.parts}
    if len(owners) != 1 or any(part.predicate is not None for part in asked.question.parts) or asked.statement is not None:
        return
    (owner,) = owners
    span = _only_name(sentence, asked, graph)
    tokens = {word.text for word in words(sentence)}
    if span is None or not tokens.isdisjoint(DENIALS | DOUBT | TURNING):
        return
    said = sentence[slice(*span)]
    named = [name for name in graph.ontology.predicates_in(sentence) if _can_be(name, owner, graph)]
    held = [name for name in graph.predicates() if _can_be(name, owner, graph)]
    name = next(iter(graph.names_of(owner)), owner)
    for predicate in named if len(named) == 1 else held:
        claim = Triplet(subject=name, predicate=predicate, object=said, object_span=span, rule=OFFERED)
        if len(named) == 1 or judge(graph, claim).verdict is Verdict.VERIFIED:
            yield claim
            return


def _can_be(predicate: str, owner: str, graph: Hypergraph) -> bool:
    known = graph.ontology.predicates.get(predicate)
    return known is not None and known.value is ValueKind.ENTITY and known.one_object and bool(graph.statements(owner, predicate))


def _only_name(sentence: str, asked: Asked, graph: Hypergraph) -> tuple[int, int] | None:
    """Where the one word in capitals stands that the sentence has behind its first and beside those of the question."""
    found: dict[str, tuple[int, int]] = {}
    for match in _TOKEN.finditer(sentence):
        said = fold(match["name"])
        entity = graph.resolve(match["name"]).entity
        if not match.start() or said in asked.question.words or (entity is not None and asked.is_echo(entity)):
            continue
        found.setdefault(match["name"], match.span("name"))
    if len(found) != 1 or sum(char.isdigit() for char in sentence):
        return None
    return next(iter(found.values()))
