"""The things in a sentence that the graph has as objects of what was asked, whatever its verb: "X was a British geologist who …".

Looked for where the other rules found nothing to judge. Where all that is named is right it is the answer, as it is where all is not;
a right thing beside a wrong one is left as it is.
"""

from __future__ import annotations

import re
from itertools import islice

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.frame import DENIALS, DOUBT, TURNING
from feedback_node.hearing.sole import is_about
from feedback_node.hearing.utterance import Utterance
from feedback_node.sentences import sentences
from schemas.triplet import Triplet, Verdict
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import OFFERED, judge
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.phrases import is_adjective_of

_MOST_CHARS = 300
_SHORT_CHARS = 120
"""In a longer sentence the words of the predicate may belong to something else."""
_SENTENCES = 2
_FEW_WORDS = 10
_SIGN_LETTERS = 3
_UNLIKE = DENIALS | DOUBT | TURNING | listed("doubt_verbs") | listed("mixed") | {"blend", "mix", "mixture"}
_CUT = re.compile(r",?\s(?:but|however|although|though|while|whereas|unlike)\s", re.IGNORECASE)
_OPENS = re.compile(r"^\W*(?:(?:yes|indeed|actually|sure)\b[\s,.]+)*(?:it|he|she|they|his|her|its|their|you|your)\b", re.IGNORECASE)
_ROLE = re.compile(
    r"\b(?:is|was|are|were)\s+(?:(?:also|indeed|actually)\s+)?(?:an?|the|one\s+of\s+the)\s+(?:[\w'-]+,?\s+(?:and\s+)?){0,4}?$",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"\s+(?:who|which|that|and|in|of|by|from|with)\b|\s*(?:[.,;!]|$)", re.IGNORECASE)
_NEXT = re.compile(r"['’]?s?[\s-]+[^\W\d_a-z]")
_LONGER = re.compile(r"[^\W\d_a-z][\w'-]*\s+$")
_WORK = re.compile(r"\b(?:work|research|studies|contributions?|discoveries)\s+(?:in|on|to|about)\s+(?:the\s+)?$", re.IGNORECASE)
_FOR_IT = re.compile(r"\byou\s+(?:can|should|will|would|need\s+to|must|may)\s+ask\s+for\s+(?:the\s+)?(?:local\s+)?$", re.IGNORECASE)


def with_known_offers(heard: list[Triplet], utterance: Utterance, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims with the known objects of the first two sentences, for each thing asked of which nothing that can be judged was heard."""
    for missing in asked.missing:
        on_it = [one for one in heard if missing.predicate in {match.name for match in graph.ontology.match_all(one.predicate)}]
        if any(judge(graph, one).verdict is not Verdict.UNKNOWN for one in on_it) or len(asked.missing) > 2:
            continue
        for start, end in islice(sentences(utterance.text, utterance.names), _SENTENCES):
            claims = known_offers(utterance.text[start:end], asked, missing, graph)
            verdicts = {judge(graph, one).verdict for one in claims}
            if len(verdicts) == 1 and (verdicts == {Verdict.VERIFIED} or (verdicts == {Verdict.CONTRADICTED} and asked.statement is None)):
                span = claims[0].object_span or (0, 0)
                heard = [*heard, claims[0].model_copy(update={"object_span": (span[0] + start, span[1] + start)})]
            if claims:
                break
    return heard


def known_offers(sentence: str, asked: Asked, missing: Missing, graph: Hypergraph) -> list[Triplet]:
    """The claims of the known objects of a sentence for a thing that was asked; spans are those of the sentence. Hold the view's lock."""
    predicate = graph.ontology[missing.predicate]
    told = graph.statements(missing.entity, missing.predicate)
    if missing.side != "object" or predicate.value is not ValueKind.ENTITY or not told or len(sentence) > _MOST_CHARS:
        return []
    cut = _CUT.search(sentence)
    text = sentence[: cut.start()] if cut is not None else sentence
    tokens = {word.text for word in words(text)} - asked.question.words
    is_on_it = _OPENS.match(text) or is_about(text, missing, graph) or _is_of_its_people(text, missing, graph)
    if not is_on_it or not tokens.isdisjoint(_UNLIKE):
        return []
    owner = next(iter(graph.names_of(missing.entity)), missing.entity)
    return [
        Triplet(subject=owner, predicate=missing.predicate, object=text[start:end], object_span=(start, end), rule=OFFERED)
        for start, end in _objects(text, asked, missing, graph)
    ]


def _is_of_its_people(text: str, missing: Missing, graph: Hypergraph) -> bool:
    """Whether a sentence begins with the adjective of what was asked of: "Peruvians use", "Peruvian people use"."""
    first = next(iter(words(text)), None)
    if first is None or not text[first.start].isupper():
        return False
    names = [word for name in graph.folded_names_of(missing.entity) for word in name.split()]
    return any(is_adjective_of(said, name) for said in (first.text, first.text.removesuffix("s")) for name in names)


def _objects(text: str, asked: Asked, missing: Missing, graph: Hypergraph) -> list[tuple[int, int]]:
    """Where the things stand that the graph has as objects of a predicate, and that the sentence says it by."""
    found = []
    for one in graph.entities_in(text, ambiguous=True):
        roots = graph.entities(one.entity)
        if len(roots) != 1 or asked.is_echo(roots[0]) or not graph.statements_to(roots[0], missing.predicate):
            continue
        if one.end - one.start < _SIGN_LETTERS:
            continue  # signs are told by their letters' case (`sole`)
        if _NEXT.match(text, one.end) or _is_longer(text, one.start):
            return []
        found.append((one.start, one.end))
    told = [span for span in found if _says(text, *span, missing, graph)]
    return [*told, *(span for span in found if span not in told)] if told else []


def _is_longer(text: str, start: int) -> bool:
    """Whether a word in capitals makes a name in capitals longer."""
    before = _LONGER.search(text, 0, start)
    return before is not None and text[start].isupper() and before.group().strip().lower() not in FUNCTION_WORDS


def _says(text: str, start: int, end: int, missing: Missing, graph: Hypergraph) -> bool:
    """Whether a sentence says a thing by words of the predicate, as what somebody is or works on, or as what to ask for."""
    role = _ROLE.search(text, 0, start) is not None and text[start].islower() and _GOES_ON.match(text, end) is not None
    if role or _WORK.search(text, 0, start) or _FOR_IT.search(text, 0, start) or _is_only_that(text, start, end, missing, graph):
        return True
    if len(text) > _SHORT_CHARS or (text[start].islower() and _LONGER.search(text, 0, start)):
        return False  # "Bahamian dollars" are others than the dollars of what was asked
    beside = f"{text[:start]} {text[end:]}"
    return missing.predicate in graph.ontology.predicates_in(beside) and not _has_other_name(text, start, end, graph)


def _is_only_that(text: str, start: int, end: int, missing: Missing, graph: Hypergraph) -> bool:
    """Whether a short sentence without another name has a common noun that can be nothing else of the thing: "The yen is used there"."""
    said = graph.resolve(text[start:end]).entity
    before = _LONGER.search(text, 0, start)
    is_others = before is not None and before.group().strip().lower() not in FUNCTION_WORDS  # "Bahamian dollars" are no others' dollars
    if said is None or not text[start].islower() or len(text.split()) > _FEW_WORDS or is_others:
        return False
    if _has_other_name(text, start, end, graph):
        return False
    return [name for name in graph.predicates() if graph.statements_to(said, name)] == [missing.predicate]


def _has_other_name(text: str, start: int, end: int, graph: Hypergraph) -> bool:
    """Whether a word in capitals behind the first is of no name that the graph has."""
    known = [(start, end), *((one.start, one.end) for one in graph.entities_in(text, ambiguous=True))]
    first = next((word.start for word in words(text)), 0)
    capitals = [word.start for word in words(text) if word.start > first and text[word.start].isupper()]
    return any(not any(begin <= at < stop for begin, stop in known) for at in capitals)
