"""Short statements read without a parse: two things that are known, and words between them that the ontology knows.

"Niger borders Mali", "the capital of Peru is Lima", "Peru's capital is Lima", and yes/no questions: "Is Lima the capital of Peru?"
"""

from __future__ import annotations

import re
from typing import NamedTuple

from feedback_node.question import paired
from feedback_node.yes_no import body
from streams.knowledge.english import DETERMINERS, FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import ValueKind
from streams.knowledge.persons import is_made
from streams.knowledge.relations import PredicateMatch

_AUXILIARY = re.compile(r"(?:(?P<aux>is|are|was|were|do|does|did|has|have|had|can|could|would|will)(?P<not>n't| not)?\s+)?", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_DENIAL = re.compile(r"\b(?:not|never)\b|n't\b", re.IGNORECASE)
_COPULA = re.compile(r"^\s*(?:is|are|was|were|is called|was called)(?P<not> not|n't| never)?\s*(?:the\s+)?$", re.IGNORECASE)
_OPENING_NAME = re.compile(r"(?:[Tt]he\s+)?([^\W\d_a-z][\w'.-]*(?:\s+(?:(?:of|de|the|la|le|von|van|and)\s+)?[^\W\d_a-z][\w'.-]*)*)")
_TRIM = " \t\n.!?,;:\"'"
_MOST_WORDS, _MOST_BEHIND = 8, 2


class Statement(NamedTuple):
    """A predicate of two things, as a sentence says it."""

    subject: tuple[int, int]
    """Span in the sentence."""
    predicate: str
    object: tuple[int, int]
    """Span in the sentence."""
    denied: bool


def statement_of(question: str, graph: Hypergraph) -> Statement | None:
    """What a yes/no question asks to affirm; "Isn't it X?" asks the same as "Is it X?"."""
    start, end = body(question)
    match = _AUXILIARY.match(question, start)
    assert match is not None  # it may be empty
    aux = (match["aux"] or "").lower()
    words = aux if aux in ("is", "are", "was", "were", "has", "have", "had") else ""
    found = _read(question[:end], match.end(), graph, words)
    if found is None and len(graph.entities_in(question)) == 2 and (pair := paired(question, graph)) is not None:
        name, subject, target = pair
        return Statement((subject.start, subject.end), name, (target.start, target.end), denied=False)
    return found


def statement_in(sentence: str, graph: Hypergraph) -> Statement | None:
    """What a short sentence states."""
    start = len(sentence) - len(sentence.lstrip())
    return _read(sentence, start, graph, "")


def _read(text: str, start: int, graph: Hypergraph, aux: str) -> Statement | None:
    names = [(begin + start, end + start) for _, begin, end in graph.entities_in(text[start:], ambiguous=True)]
    opening = _OPENING_NAME.match(text, start)
    if opening and not any(begin < opening.end(1) for begin, _ in names) and opening[1].lower() not in FUNCTION_WORDS:
        names.insert(0, opening.span(1))
    if not names:
        return None
    first = names[0]
    lead = text[start : first[0]]
    last = len(text.rstrip(_TRIM))
    if not lead.strip() or _ARTICLE.fullmatch(lead):
        if (both := _together(text, names, last, graph)) is not None:
            return both
        return _name_first(text, names, last, graph, aux)
    return _relation_first(text, start, names, last, graph, aux)


def _name_first(text: str, names: list[tuple[int, int]], last: int, graph: Hypergraph, aux: str) -> Statement | None:
    left = names[0]
    begin = left[1] + 2 if re.match(r"['’]s\s", text[left[1] :]) else left[1]
    for right in [name for name in names[1:] if len(text[name[1] : last].split()) <= _MOST_BEHIND][:1] or list(_values(text, begin, last)):
        between = text[begin : right[0]]
        if not between.strip() or len(between.split()) > _MOST_WORDS or "," in between:
            continue
        words = " ".join(f"{aux} {_DENIAL.sub(' ', between)} {text[right[1] : last]}".split())
        found = _match(words, text[slice(*left)], text[slice(*right)], graph) or _made_by(words, text[slice(*left)], graph)
        if found is None or (graph.ontology[found.name].value is not ValueKind.ENTITY and right in names):
            continue
        sides = (right, left) if found.reversed else (left, right)
        return Statement(sides[0], found.name, sides[1], bool(_DENIAL.search(between)))
    return None


def _made_by(words: str, left: str, graph: Hypergraph) -> PredicateMatch | None:
    """For "is X by Y": the one relation of X that says by whom it was made."""
    entity = graph.resolve(left).entity
    if entity is None or words not in ("is by", "was by", "are by", "by"):
        return None
    found = [one.name for one in graph.ontology.predicates.values() if is_made(one) and graph.statements(entity, one.name)]
    return PredicateMatch(found[0], False) if len(found) == 1 else None


def _together(text: str, names: list[tuple[int, int]], last: int, graph: Hypergraph) -> Statement | None:
    """For "Uri and Ticino share a border", of a relation that holds both ways."""
    if len(names) != 2 or text[names[0][1] : names[1][0]].strip(" ,") not in ("and", "&"):
        return None
    said = text[names[1][1] : last].strip()
    denied = bool(_DENIAL.search(said))
    plain = re.sub(r"\s+(?:each other|one another|with each other|together)$", "", _DENIAL.sub(" ", said)).strip()
    plain = re.sub(r"^(?:do|both|indeed)\s+", "", plain)
    for tail in ("", " with", " on"):
        found = graph.ontology.match_all(plain + tail) if plain else ()
        if len(found) == 1 and graph.ontology[found[0].name].symmetric:
            return Statement(names[0], found[0].name, names[1], denied)
    return None


def _match(words: str, left: str, right: str, graph: Hypergraph) -> PredicateMatch | None:
    """The predicate that the words mean; of several the one that the graph knows of its subject."""
    found = graph.ontology.match_all(words)
    if len(found) > 1:
        found = tuple(
            one for one in found if (entity := graph.resolve(right if one.reversed else left).entity) and graph.statements(entity, one.name)
        )
    if len(found) != 1:
        return None
    said = " ".join(word for word in words.lower().split() if word not in DETERMINERS)
    named = found[0].name == said and not graph.ontology[found[0].name].symmetric
    if named and not _tells(graph, left, said) and _tells(graph, right, said):  # "Did Calgary host the games?", of a predicate `host`
        return found[0]._replace(reversed=not found[0].reversed)
    return found[0]


def _tells(graph: Hypergraph, name: str, predicate: str) -> bool:
    entity = graph.resolve(name).entity
    return entity is not None and bool(graph.statements(entity, predicate))


def _relation_first(text: str, start: int, names: list[tuple[int, int]], last: int, graph: Hypergraph, aux: str) -> Statement | None:
    """For "the capital of Peru is Lima", and "Is the capital of Peru Lima?"."""
    left = names[0]
    for right in [name for name in names[1:] if name[1] >= last - 1][:1] or list(_values(text, left[1], last)):
        between = text[left[1] : right[0]]
        copula = _COPULA.match(between)
        if copula is None and not (aux and (not between.strip() or _ARTICLE.fullmatch(between.strip() + " "))):
            continue
        found = graph.ontology.match_predicate(f"is {text[start : left[0]]}")
        if found is None:
            continue
        sides = (left, right) if found.reversed else (right, left)
        return Statement(sides[0], found.name, sides[1], bool(copula and copula["not"]))
    return None


def _values(text: str, begin: int, last: int) -> list[tuple[int, int]]:
    """Places where a number, a date or a name that the graph does not know begins, and runs to the end."""
    found = [
        match.start()
        for match in re.finditer(r"(?<=\s)(?:\d|[^\W\d_a-z]|[\"'])", text[:last])
        if (match.start() > begin and text[match.start()] != text[match.start()].lower())
        or (text[match.start()].isdigit() and match.start() > begin)
    ]
    return [(at, last) for at in found[:2]]
