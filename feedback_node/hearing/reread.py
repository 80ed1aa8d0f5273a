"""Claims of the parse that need their question: "it", "the river" and "that book" are what was asked of, "the man who did it is X" is X.

Relations that say only when, where or by whom ("dates from", "is by", "is the work of") mean what was asked, where one thing was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked
from feedback_node.hearing.told import is_misspelt, is_told
from feedback_node.hearing.whole_values import whole_value
from schemas.triplet import Triplet
from streams.knowledge import places
from streams.knowledge.dates import parse_date
from streams.knowledge.english import COPULAS, FILLERS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import OFFERED
from streams.knowledge.names import fold, words
from streams.knowledge.ontology import Predicate, ValueKind
from streams.knowledge.persons import is_made
from streams.knowledge.phrases import contains, is_proper, read
from streams.knowledge.quantities import parse_quantity

_ARTICLE = re.compile(r"(?:^|\W)(an?)\s$", re.IGNORECASE)
_STAND_INS = frozenset({"it", "this", "that", "they", "he", "she", "him", "her", "them", "its", "these", "those", "there"})
_NO_ONE = frozenset(
    ["one", "man", "woman", "person", "people", "guy", "who", "someone", "ones", "what", "answer", "thing", "place", "name"]
)
_COPULAS = frozenset({"is", "was", "are", "were", "be", "been"})
_BY = frozenset(
    ("by", "work", "work of", "credited to", "attributed to", "creation", "creation of", "invention of", "brainchild of", "product of",
     "brand of", "comes from", "came from", "done by")
)  # fmt: skip
_CALLED = frozenset({"named", "called", "is named", "was named", "is called", "was called"})
_TIME_NOUNS = frozenset({"date", "year", "day", "time", "month"})
_WHEN = frozenset({"in", "on", "from", "to", "back to", "around"})
_DATES = re.compile(r"^(?:dates?(?: back)?|dated(?: back)?|goes back|went back|happened|took place|occurred|is|was|were|came|fell|falls)$")
_SURE_WOULD = re.compile(r"\bwould (?:be|have been|mean)\b", re.IGNORECASE)
_DOUBTING = sorted((listed("doubt_words") | listed("doubt_verbs") | {"if", "could", "should", "might", "may"}) - {"say", "said", "says"})
_DOUBT = re.compile(rf"\b(?:{'|'.join(_DOUBTING)})\b", re.IGNORECASE)
_ADJECTIVES = (("n", ""), ("an", "", "e", "y", "o"), ("ian", "", "y", "e"))
"""Endings of adjectives, and what the names end with whose they are."""
_PLACE_OF = re.compile(
    r"\b(?P<kind>state|province|region|regions|city|town|village|county|district|prefecture|island|islands|area|part|valley|hills|coast|mountains)"
    r"\s+of\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_OUTER = re.compile(r",\s+in\s+(?:the\s+)?$")
_PLACE_CHARS = 24
_TITLE, PLACE, _APPOSED = "title", "name-in", "apposition"
"""Rules of the extraction: of a word before a name, and of the place behind one."""
_INSIDE = "inside"
_SHORT_NAME = 3
_DOING = frozenset({"agent", "object", "maker"})


def reread(found: Sequence[Triplet], text: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims as they are meant behind their question. Hold the view's lock."""
    owner = owner_of(asked)
    meant: list[Triplet] = []
    told: set[str] = set()
    for one in _equated(list(found), graph):
        one = _dated(one, owner, asked, graph) if owner is not None and "date" in one.qualifiers else one
        if _is_aside(one, graph):
            continue
        if one.hedged and _SURE_WOULD.search(text) and not _DOUBT.search(text):
            one = one.model_copy(update={"hedged": False})
        one = whole_value(_indefinite(one, text, graph), text, graph)
        if owner is not None:
            one = _of_several(_of_owner(one, owner, text, asked, graph), owner, asked, graph)
            one = _deed_of_date(_of_maker(one, owner, graph), owner, graph)
            one = _of_relation(one, owner, asked, found, graph)
            said = one.predicate
            one = inside_place(_without_place(_as_asked(one, owner, asked, graph), owner, graph), text, asked, graph)
            told |= {said.rpartition(" ")[0]} if one.predicate != said and " " in said else set()
        meant.append(one)
    if told:  # "was staged in Venice" beside "was staged at La Fenice", which is what was asked
        meant = [one for one in meant if one.predicate.rpartition(" ")[0] not in told or graph.ontology.match_all(one.predicate)]
    return _without_repeats(_without_outer_places(meant, text, graph), graph)


def _without_outer_places(found: list[Triplet], text: str, graph: Hypergraph) -> list[Triplet]:
    """Without the place that holds the one before: "held in Salt Lake City, in the United States", where the first could be the answer."""
    kept: list[Triplet] = []
    for one in found:
        at, match = one.object_span, graph.ontology.match_predicate(one.predicate)
        if at is not None and match is not None and _OUTER.search(text, 0, at[0]) and not _is_listed(one.object, match.name, graph):
            before = [other.object for other in kept if other.subject == one.subject and (other.object_span or at) < at]
            if any(_is_listed(name, match.name, graph) for name in before):
                continue
        kept.append(one)
    return kept


def _is_listed(name: str, predicate: str, graph: Hypergraph) -> bool:
    """Whether the graph has a name as an object of a predicate."""
    entity = read(graph, name).entity
    return entity is not None and bool(graph.statements_to(entity, predicate))


def _without_repeats(found: list[Triplet], graph: Hypergraph) -> list[Triplet]:
    """Without claims that the ontology does not know of two names of which another claim says more: "X flows Y" beside "X flows into Y"."""
    matched = [graph.ontology.match_predicate(one.predicate) is not None for one in found]
    said = {frozenset((fold(one.subject), fold(one.object))) for one, known in zip(found, matched, strict=True) if known}
    return [
        one
        for one, known in zip(found, matched, strict=True)
        if known or one.negated or frozenset((fold(one.subject), fold(one.object))) not in said
    ]


def _indefinite(one: Triplet, text: str, graph: Hypergraph) -> Triplet:
    """A claim whose object is no name: "an Austrian" says of what kind it is."""
    span = one.object_span
    article = _ARTICLE.search(text, max(0, span[0] - 4), span[0]) if span is not None else None
    if article is None or " " in one.object or not one.object[:1].isupper() or read(graph, one.object).candidates:
        return one
    return one.model_copy(update={"object": f"{article[1]} {one.object}"})


def _is_aside(one: Triplet, graph: Hypergraph) -> bool:
    """Whether a claim only says more of a name of which the graph tells nothing ("the Dutch master X", "the X in Amsterdam")."""
    match = graph.ontology.match_predicate(one.predicate)
    if match is None:
        return one.rule == _TITLE or one.object == "place"  # "it took place on …"
    if one.rule == _APPOSED and one.subject[:1].isdigit() and not match.reversed:
        return True  # the "mol" of "308.33 g/mol"
    sides = (one.object, one.subject) if match.reversed else (one.subject, one.object)
    if one.rule == PLACE:
        entity = read(graph, sides[0]).entity
        return entity is None or not graph.statements(entity, match.name)
    return one.rule in _DOING and not is_of_kind(sides[1], graph.ontology[match.name].value)


def is_of_kind(text: str, kind: ValueKind) -> bool:
    """Whether a text may be an object of a predicate of this kind: "X finished the painting" says no date."""
    if kind is ValueKind.ENTITY:
        return True
    return (parse_date(text) if kind is ValueKind.DATE else parse_quantity(text)) is not None


def owner_of(asked: Asked) -> str | None:
    """The one entity that the question is about; none where it gives a value and asks whose that is."""
    if asked.question.value:
        return None
    owners = {part.entity for part in asked.question.parts}
    if asked.statement is not None and len(asked.missing) == 1:
        owners = {asked.missing[0].entity}
    return next(iter(owners)) if len(owners) == 1 else None


def _equated(found: list[Triplet], graph: Hypergraph) -> list[Triplet]:
    """For "the man who designed it is X": what is said of "the man" is said of X; "X is the one who …" says no more than the rest."""
    kept = list(found)
    for link in found:
        called = link.predicate in _CALLED
        if (link.predicate not in _COPULAS and not called) or link.negated:
            continue
        for one, other in ((link.subject, link.object), (link.object, link.subject))[: 1 if called else 2]:
            if not (called or _is_common(one)) or not other[:1].isupper() or (not called and read(graph, one).entity is not None):
                continue  # "the cello is Italian" makes no cello of "Italian"
            stood = [at for at, claim in enumerate(kept) if claim is not link and fold(one) in (fold(claim.subject), fold(claim.object))]
            for at in stood:
                side = "subject" if fold(kept[at].subject) == fold(one) else "object"
                if fold(getattr(kept[at], "object" if side == "subject" else "subject")) != fold(other):
                    kept[at] = kept[at].model_copy(update={side: other, "hedged": kept[at].hedged or link.hedged})
            if (stood or fold(one) in _NO_ONE) and link in kept:
                kept.remove(link)
    return kept


def _is_common(text: str) -> bool:
    tokens = text.split()
    return len(tokens) <= 3 and (text.islower() or (len(tokens) > 1 and tokens[-1].islower() and tokens[0].isupper()))  # "US state"


def _of_owner(one: Triplet, owner: str, text: str, asked: Asked, graph: Hypergraph) -> Triplet:
    """A claim with "it" or "the river" on one side, said of what was asked."""
    if not graph.ontology.match_all(one.predicate):
        return one
    name = next(iter(graph.names_of(owner)), owner)
    for side, other in (("subject", one.object), ("object", one.subject)):
        said = getattr(one, side)
        if _stands_in(said, owner, asked, graph) and read(graph, other).entity != owner:
            return one.model_copy(update={side: name})
    match = graph.ontology.match_predicate(one.predicate)
    meant = read(graph, one.subject).entity
    if match is None or match.reversed or one.subject_span is None or owner in (meant, read(graph, one.object).entity):
        return one
    is_it = text[slice(*one.subject_span)].lower() in ("it", "this")
    if meant is None:  # "It was made by X, but the year is unknown"
        return one.model_copy(update={"subject": name}) if is_it and one.subject.islower() else one
    if is_it and graph.statements(owner, match.name) and not graph.statements(meant, match.name):
        return one.model_copy(update={"subject": name})  # "X made Y. It opened in 2001", where X opens nothing
    return one


def _without_place(one: Triplet, owner: str, graph: Hypergraph) -> Triplet:
    """For "X is in New Haven, Connecticut": New Haven, where it could be the answer and the graph knows nothing of the rest."""
    match = graph.ontology.match_predicate(one.predicate)
    if match is None or match.reversed or read(graph, one.subject).entity != owner:
        return one
    head, comma, rest = one.object.partition(",")
    entity = graph.resolve(head).entity
    could_be = entity is not None and graph.statements_to(entity, match.name)
    behind = graph.resolve(rest).entity if comma and not could_be else None
    if behind is not None and graph.statements_to(behind, match.name):
        return one.model_copy(update={"object": rest.strip()})  # "Skye, Scotland", where a country was asked
    if not comma or entity is None or graph.resolve(rest).candidates or not is_proper(rest) or not graph.statements_to(entity, match.name):
        return one
    return one.model_copy(update={"object": head})


def _of_maker(one: Triplet, owner: str, graph: Hypergraph) -> Triplet:
    """ "Y is a brand of X" says who makes Y, and "Y is made by the Y works" that another does than X."""
    match = graph.ontology.match_predicate(one.predicate)
    if match is None or match.reversed or not is_made(graph.ontology[match.name]):
        return one
    if read(graph, one.object).entity == owner and graph.statements(owner, match.name) and not graph.statements_to(owner, match.name):
        values = {"subject": one.object, "object": one.subject, "subject_span": one.object_span, "object_span": one.subject_span}
        one = one.model_copy(update=values) if read(graph, one.subject).entity != owner else one
    said = fold(one.object)
    own = any(said.startswith(f"{name} ") for name in graph.folded_names_of(owner)) and one.object[:1].isupper()
    if own and read(graph, one.subject).entity == owner and " and " not in said and " of " not in said:
        return one.model_copy(update={"rule": OFFERED})
    return one


def inside_place(one: Triplet, text: str, asked: Asked, graph: Hypergraph) -> Triplet:
    """A claim of "the state of X", with these words: where another kind of place was asked, X may lie in what is true."""
    span = one.object_span
    place = _PLACE_OF.search(text, max(0, span[0] - _PLACE_CHARS), span[0]) if span is not None else None
    match = graph.ontology.match_predicate(one.predicate) if place is not None else None
    if place is None or match is None or match.reversed or not one.object[:1].isupper() or places.is_adjective(one.object):
        return one  # "a part of the Italian landscape" says Italy
    kind = place["kind"].lower()
    if kind in asked.question.words or kind in graph.ontology.classes or kind in graph.ontology[match.name].nouns:
        return one
    if _is_listed(one.object, match.name, graph):
        return one
    rule = _INSIDE if one.rule == OFFERED else one.rule  # what is offered as the answer would contradict
    return one.model_copy(update={"object": f"{kind} of {one.object}", "rule": rule})


def _of_several(one: Triplet, owner: str, asked: Asked, graph: Hypergraph) -> Triplet:
    """A claim whose words mean several predicates, as the one that was asked; so, too, "X is in Y" where Y is known for what was asked."""
    matches = graph.ontology.match_all(one.predicate)
    wanted = {missing.predicate for missing in asked.missing if missing.side == "object"}
    is_one = len(matches) == 1 and not matches[0].reversed and not graph.ontology[matches[0].name].symmetric  # "bordered by" is no "in"
    if is_one and len(wanted) == 1 and read(graph, one.subject).entity == owner:
        (name,) = wanted
        if name != matches[0].name and _is_listed(one.object, name, graph) and not _is_listed(one.object, matches[0].name, graph):
            return one.model_copy(update={"predicate": name})
    for match in matches if len(matches) > 1 else ():
        sides = (one.object, one.subject) if match.reversed else (one.subject, one.object)
        if match.name in wanted and read(graph, sides[0]).entity == owner:
            spans = (one.object_span, one.subject_span) if match.reversed else (one.subject_span, one.object_span)
            values = {"subject": sides[0], "object": sides[1], "subject_span": spans[0], "object_span": spans[1]}
            return one.model_copy(update={"predicate": match.name, **values})
    return one


def _stands_in(said: str, owner: str, asked: Asked, graph: Hypergraph) -> bool:
    """Whether a side means what was asked of: "it", "the river", a part of its name that names nothing else."""
    meant = read(graph, said)
    of_its_own = meant.entity not in (None, owner) and any(graph.statements(meant.entity, one.predicate) for one in asked.missing)
    if meant.candidates or of_its_own:
        return False
    if is_misspelt(said, graph.folded_names_of(owner)):
        return True
    is_more = any(word[0].islower() for word in said.split())  # "Taurus constellation" is no part of "Ford Taurus"
    if (
        said[:1].isupper()
        and not is_more
        and any(name != fold(said) and contains(name, fold(said)) for name in graph.folded_names_of(owner))
    ):
        return len(fold(said)) > _SHORT_NAME
    tokens = [word.text for word in words(said) if word.text not in ("the", "this", "that")] or [fold(said)]
    if len(tokens) != 1:
        return False
    (token,) = tokens
    if any(is_made(relation := graph.ontology[one.predicate]) and token in relation.nouns for one in asked.missing):
        return False  # "the author" of a book is not the book
    return token in _STAND_INS or token in graph.ontology.classes or (said.islower() and token in asked.question.words)


def _as_asked(one: Triplet, owner: str, asked: Asked, graph: Hypergraph) -> Triplet:
    """A claim on what was asked in words that say of any thing when, where or by whom it is."""
    if len(asked.missing) != 1 or asked.missing[0].side != "object" or graph.ontology.match_predicate(one.predicate) is not None:
        return one
    predicate = graph.ontology[asked.missing[0].predicate]
    sides = (one.subject, one.object)
    own = [at for at, side in enumerate(sides) if read(graph, side).entity == owner]
    own = own or [at for at, side in enumerate(sides) if _stands_in(side, owner, asked, graph)]
    if len(own) != 1:
        return one
    other = sides[1 - own[0]]
    if one.predicate in _COPULAS and (inside := _of_kind_by(other, predicate, graph)) is not None:
        return one.model_copy(update={"subject": next(iter(graph.names_of(owner)), owner), "predicate": predicate.name, "object": inside})
    spans = (one.subject_span, one.object_span)
    known = next(iter(graph.names_of(owner)), owner)
    if not _says_so(one.predicate, predicate, other, graph) and not is_told(one.predicate, other, predicate, asked, graph):
        return one
    values = {"subject": known, "object": other, "subject_span": spans[own[0]], "object_span": spans[1 - own[0]]}
    return one.model_copy(update={"predicate": predicate.name, **values})


def _dated(one: Triplet, owner: str, asked: Asked, graph: Hypergraph) -> Triplet:
    """A claim that says what was asked of its subject, with the date beside it, as one of that date: "X joined the Union on 2 May"."""
    wanted = [missing for missing in asked.missing if graph.ontology[missing.predicate].value is ValueKind.DATE]
    if len(wanted) != 1 or wanted[0].side != "object" or one.negated or parse_date(one.object) is not None:
        return one
    if read(graph, one.subject).entity != owner and not _stands_in(one.subject, owner, asked, graph):
        return one
    date = one.qualifiers["date"]
    if not is_told(f"{one.predicate} {one.object}", date, graph.ontology[wanted[0].predicate], asked, graph):
        return one
    values = {"subject": next(iter(graph.names_of(owner)), owner), "predicate": wanted[0].predicate, "object": date, "qualifiers": {}}
    return one.model_copy(update=values)


def _deed_of_date(one: Triplet, owner: str, graph: Hypergraph) -> Triplet:
    """For "X built Y in 1793", which the parse reads as what X "built Y in": a date of Y, where the graph has such a one."""
    verb, _, rest = one.predicate.partition(" ")
    thing, _, last = rest.rpartition(" ")
    if last not in _WHEN or graph.resolve(thing).entity != owner or parse_date(one.object) is None:
        return one
    dates = [
        name for name in graph.ontology.asked_by(verb) if graph.ontology[name].value is ValueKind.DATE and graph.statements(owner, name)
    ]
    if len(dates) != 1:
        return one
    return one.model_copy(update={"subject": next(iter(graph.names_of(owner)), owner), "predicate": dates[0], "subject_span": None})


def _of_relation(one: Triplet, owner: str, asked: Asked, found: Sequence[Triplet], graph: Hypergraph) -> Triplet:
    """For "the capital is X and the currency is Y": of what was asked, where the answer speaks of nothing else."""
    if one.predicate not in _COPULAS or one.negated or not one.subject.islower():
        return one
    names = {match.name for match in graph.ontology.match_all(one.subject) if not match.reversed}
    wanted = next((missing for missing in asked.missing if missing.predicate in names and missing.side == "object"), None)
    if wanted is None or not (
        is_of_kind(one.object, graph.ontology[wanted.predicate].value) and (one.object[:1].isupper() or one.object[:1].isdigit())
    ):
        return one
    if any(graph.ontology.match_predicate(other.predicate) and read(graph, other.subject).entity not in (None, owner) for other in found):
        return one
    return one.model_copy(update={"subject": next(iter(graph.names_of(owner)), owner), "predicate": wanted.predicate})


def _of_kind_by(text: str, predicate: Predicate, graph: Hypergraph) -> str | None:
    """The name in "a Beatles album", "an African country", where it could be an object of the predicate."""
    tokens = list(words(text))
    if predicate.value is not ValueKind.ENTITY or len(tokens) < 2 or tokens[-1].text not in graph.ontology.classes:
        return None
    inner = text[tokens[1 if tokens[0].text in ("a", "an", "the") else 0].start : tokens[-2].end]
    for name in (inner, *_adjective_of(inner)):
        entity = graph.resolve(name).entity
        if entity is not None and graph.statements_to(entity, predicate.name):
            return name
    return None


def _adjective_of(text: str) -> Iterator[str]:
    """The names whose adjective a text may be: "African", "European", "Italian"."""
    for ending, *names in _ADJECTIVES:
        if text.endswith(ending):
            yield from (text.removesuffix(ending) + name for name in names)


def _says_so(said: str, predicate: Predicate, other: str, graph: Hypergraph) -> bool:
    if predicate.value is ValueKind.DATE:
        return parse_date(other) is not None and _says_when(said, predicate, graph)
    if predicate.value is ValueKind.NUMBER:
        return False
    dropped = _COPULAS | {"the", "a", "an", "often", "usually", "widely"} | (graph.ontology.classes - {"work"})
    plain = " ".join(word.text for word in words(said) if word.text not in dropped)
    return plain in _BY and is_made(predicate)


def _says_when(said: str, predicate: Predicate, graph: Hypergraph) -> bool:
    """Whether a relation says when: "dates from", "was in", or "launch date" of what is launched."""
    head, _, last = said.rpartition(" ")
    if last in _WHEN and (not head or _DATES.match(head.removesuffix(" back"))):
        return True
    tokens = [word.text for word in words(said) if word.text not in COPULAS and word.text not in FILLERS and word.text not in ("of", "the")]
    if not tokens or tokens[-1] not in _TIME_NOUNS:
        return False
    return len(tokens) == 1 or predicate.name in graph.ontology.asked_by(" ".join(tokens[:-1]))
