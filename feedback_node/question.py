"""What a question asks, as far as the graph can tell: which entities it names, and which predicates it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from feedback_node.asked_by_gold import predicates_by_gold, value_by_gold
from feedback_node.asked_value import AskedValue, has_owner, value_asked_of
from feedback_node.choices import asked_by_choices
from feedback_node.comparison import compared_in
from feedback_node.extraction.lexicon import words as listed
from feedback_node.sentences import sentences
from feedback_node.value_spans import value_spans
from feedback_node.yes_no import body, is_yes_no
from schemas.triplet import JudgedTriplet, Verdict
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold, words
from streams.knowledge.near_words import grouped, stems
from streams.knowledge.ontology import ValueKind
from streams.knowledge.persons import is_made
from streams.knowledge.phrases import is_sign
from streams.knowledge.value_types import Mention

if TYPE_CHECKING:
    from feedback_node.verification import ClaimKey


class Part(NamedTuple):
    """One thing that is asked: a predicate (None where the question's words do not tell) of an entity."""

    predicate: str | None
    entity: str


class Question(NamedTuple):
    """What is to be answered."""

    parts: tuple[Part, ...]
    """Empty where the graph knows nothing that the question names."""
    entities: frozenset[str]
    """All that the question names: to say them again is no answer."""
    words: frozenset[str] = frozenset()
    """Its words, folded: neither is to say these again."""
    yes_no: bool = False
    """It gives both sides, and asks whether it is so."""
    known: bool = False
    """The graph holds an answer to some part of it."""
    settled: bool = False
    """Of some part it holds the answer, and there can be no other: whoever says something else, however vague, has not said it."""
    period: str = ""
    """It asks for a "decade", or for a "century"."""
    value: str = ""
    """The value that it gives, where it asks whose that is; the one part then has its key for an entity."""
    by_gold: bool = False
    """What it asks is told by its gold answers."""

    def is_answered(self, claims: Mapping[ClaimKey, JudgedTriplet]) -> bool:
        """Whether any claim is about something that was asked, right or wrong."""
        return any(self._about(part, key, claim) for part in self.parts for key, claim in claims.items())

    def coverage(self, claims: Mapping[ClaimKey, JudgedTriplet]) -> float:
        """Share of the parts that a verified claim answers in full; 1 where nothing can be told of the question."""
        if not self.parts:
            return 1.0
        true = {key: claim for key, claim in claims.items() if claim.verdict is Verdict.VERIFIED and self._is_full(claim)}
        return sum(any(self._about(part, *pair) for pair in true.items()) for part in self.parts) / len(self.parts)

    def _is_full(self, claim: JudgedTriplet) -> bool:
        """Whether a true claim says what was asked as exactly as the graph knows it, or as the question wants it."""
        is_century = "century" in claim.triplet.object.lower()
        return not claim.vague or self.yes_no or self.period == "century" or (self.period == "decade" and not is_century)

    def _about(self, part: Part, key: ClaimKey, claim: JudgedTriplet) -> bool:
        """A claim with the part's entity on one side, by the asked predicate, and on the other side something new (or something true)."""
        if part.predicate is not None and key.predicate != part.predicate:
            return False
        if key.denied and not self.yes_no and claim.verdict is not Verdict.CONTRADICTED:
            return False  # to say what it is not is no answer
        for side, other in ((key.subject, key.object), (key.object, key.subject)):
            if side == part.entity and (claim.verdict is Verdict.VERIFIED or self.yes_no or self._is_new(other)):
                return True
        return False

    def _is_new(self, said: str) -> bool:
        """Whether it is more than an echo of the question."""
        return said not in self.entities and any(word not in self.words and word not in FUNCTION_WORDS for word in said.split())


def read_question(text: str, graph: Hypergraph, gold: Sequence[str] | None = None) -> Question:
    """What a question asks. Entities and predicates that it names make its parts, where the graph knows the one of the other.

    `gold`: strings any one of which is its right answer; they tell what is asked where its words do not.
    """
    found = _mentions(text, graph)
    mentions = list(dict.fromkeys(mention.entity for mention in found))
    outside = _without_names(text, found)
    asking = _asking(text, outside, found)
    predicates = _asked_in(asking, graph, mentions) or (_asked_in(outside, graph, mentions) if asking != outside else [])
    if not predicates and (is_yes_no(text) or _OR.search(text)) and (pair := paired(text, graph)) is not None:
        predicates, mentions = [pair[0]], [pair[1].entity]
    if (chosen := asked_by_choices(text, found, predicates, graph)) is not None:
        predicates, mentions = [chosen[0]], [chosen[1]]
    elif (comparison := compared_in(text, graph)) is not None:
        predicates, mentions = [comparison.predicate], [comparison.winner]
    parts = [Part(name, entity) for name in predicates for entity in mentions if _is_known(graph, entity, name)]
    by_gold = _told_by_gold(parts, text, mentions, gold, graph) if gold else []
    if by_gold:
        parts, predicates = by_gold, [part.predicate for part in by_gold if part.predicate is not None]
    known = bool(parts)
    settled = any(_is_settled(graph, entity, name) for name in predicates for entity in mentions)
    if not parts and not is_yes_no(text) and (value := _value_asked(text, outside, gold, graph)) is not None:
        return _whose(value, text, found, graph)
    if not parts:
        asked: list[str | None] = list(predicates) or [None]
        parts = [Part(name, entity) for name in asked for entity in mentions]
    return Question(
        parts=tuple(parts),
        entities=frozenset(_every([mention.entity for mention in found], graph)),
        words=frozenset(word.text for word in words(text)),
        yes_no=is_yes_no(text),
        known=known,
        settled=settled,
        period=period[0].lower() if (period := _PERIOD.search(outside)) else "",
        by_gold=bool(by_gold),
    )


def _told_by_gold(parts: list[Part], text: str, mentions: list[str], gold: Sequence[str], graph: Hypergraph) -> list[Part]:
    """What is asked by a question's gold answers: of what its words may ask that which they answer, else what one predicate alone tells."""
    if is_yes_no(text) and not _YES.isdisjoint(map(fold, gold)):
        gold = [*gold, *mentions, *(text[slice(*span)].strip() for span in value_spans(text, 0))]  # what it gives is so
    by_gold = [(name, entity) for entity in mentions for name in sorted(predicates_by_gold(entity, gold, graph))]
    names = {name for name, _ in by_gold}
    if parts or len(names) != 1:
        return [part for part in parts if part.predicate in names]
    return [Part(*one) for one in by_gold]


def _value_asked(text: str, outside: str, gold: Sequence[str] | None, graph: Hypergraph) -> AskedValue | None:
    """The value whose owner is asked for, by the question's words or by its gold answer."""
    if _kinds(outside) not in _OF_NAMES:
        return None
    return value_asked_of(text, graph) or (value_by_gold(text, gold, graph) if gold else None)


def _asking(text: str, outside: str, found: Iterable[Mention]) -> str:
    """What asks: without sentences that only say something before a question ("I saw a print of X. Who made it?")."""
    spans = list(sentences(text, [(one.start, one.end) for one in found]))
    first = next((at for at, span in enumerate(spans) if text[slice(*span)].rstrip().endswith("?")), 0)
    return outside[spans[first][0] :] if spans else outside


def _whose(value: AskedValue, text: str, found: list[Mention], graph: Hypergraph) -> Question:
    """A question that gives a value, and asks whose it is."""
    known = has_owner(value, graph)
    return Question(
        parts=(Part(value.predicate, value.key),),
        entities=frozenset(_every([mention.entity for mention in found], graph)),
        words=frozenset(word.text for word in words(text)),
        known=known,
        settled=known and graph.ontology[value.predicate].inverse_functional,
        value=value.text,
    )


def paired(text: str, graph: Hypergraph) -> tuple[str, Mention, Mention] | None:
    """What "Is X a Y?", "Is X in the state of Y?" and "Is X written as Y?" ask, where one predicate alone holds of X and has Y for an
    object: it, X and Y. Of two names Y may come first: "Do they use the Y in X?".
    """
    found = graph.entities_in(text)
    if len(found) < 2:
        return None
    said = text[slice(*body(text))]
    beside = {word.text for word in words(said)} - {word.text for one in found for word in words(text[one.start : one.end])}
    light = listed("light_verbs")
    plain = FUNCTION_WORDS | listed("frame") | graph.ontology.vocabulary | graph.ontology.classes
    if not beside <= (plain - listed("other_thing")) | light:
        return None
    turned = (found[1], found[0]) if len(found) == 2 else None
    for first, *others in filter(None, (found, turned)):
        names = [name for name in graph.predicates() if _may_hold(graph, name, first.entity, others)]
        if len(names) != 1:
            continue
        is_said = _A.search(text, 0, others[-1].start) or stems(beside) & _spoken(graph, names[0])
        if is_said or (not light.isdisjoint(beside) and all(_is_only(graph, names[0], one.entity) for one in others)):
            return names[0], first, others[-1]  # "Was Mozart in Prague?" does not ask where he died
    return None


def _may_hold(graph: Hypergraph, predicate: str, subject: str, objects: list[Mention]) -> bool:
    """Whether a predicate is known of a subject, and has each of some things for an object of some subject."""
    return bool(graph.statements(subject, predicate)) and all(graph.statements_to(one.entity, predicate) for one in objects)


def _is_only(graph: Hypergraph, predicate: str, entity: str) -> bool:
    """Whether a thing is a sign ("Np", "EUR") or goes by a common noun ("Cuban peso"), no place and nobody, and known by one predicate."""
    for name in graph.predicates():
        if graph.statements(entity, name) or (name != predicate and graph.statements_to(entity, name)):
            return False
    names = graph.spellings_of(entity)
    return any(is_sign(name) or (name.isupper() and len(name) <= _CODE_LETTERS) or name.split()[-1].islower() for name in names)


def _spoken(graph: Hypergraph, predicate: str) -> frozenset[str]:
    """The telling words of a predicate, of classes, and of where anything is, in any form."""
    known = graph.ontology[predicate]
    said = (word.text for text in (*known.nouns, *known.verbs, *known.phrases) for word in words(text))
    return stems([*said, *graph.ontology.classes, "located", "situated", "based"])


def _mentions(text: str, graph: Hypergraph) -> list[Mention]:
    """The graph's names in a text, and last names of who made something where it has no other, or gives some to choose from ("Which of
    these is by X: A, B or C?"); where there is none, its common nouns in the plural: "Where do baobabs grow?".
    """
    found = graph.entities_in(text, ambiguous=True)
    if all(text[one.start : one.end].islower() for one in found) or (_OR.search(text) and not is_yes_no(text)):
        found = sorted([*found, *_last_names(text, found, graph)], key=lambda one: one.start)
    if found:
        return found
    plurals = ((word, graph.resolve(text[word.start : word.end]).entity) for word in words(text))
    return [Mention(entity, word.start, word.end) for word, entity in plurals if entity is not None]


def _last_names(text: str, found: list[Mention], graph: Hypergraph) -> Iterator[Mention]:
    """The words in capitals, alone and in no name, that are the last name of one who made something, and of nobody else."""
    makers = [one.name for one in graph.ontology.predicates.values() if is_made(one)]
    for match in _ALONE.finditer(text) if makers else ():
        start, end = match.span()
        if match.start() and not any(one.start < end and start < one.end for one in found):
            ending = {
                entity for entity in graph.ending_with(fold(match.group())) if any(graph.statements_to(entity, name) for name in makers)
            }
            if len(ending) == 1:
                yield Mention(ending.pop(), start, end)


def _asked_in(text: str, graph: Hypergraph, entities: list[str]) -> list[str]:
    """The predicates of a question, of each of two parts that "and" joins: by their own words, else by like ones."""
    found = [name for clause in _AND.split(text) for name in _asked_by(clause, text, graph, entities)]
    return list(dict.fromkeys(found or _asked_by(text, text, graph, entities)))


def _asked_by(clause: str, text: str, graph: Hypergraph, entities: list[str]) -> list[str]:
    """Those of a clause; of several those whose objects are what its "when", "who" or "how many" asks for, known of what it names."""
    ways = []
    for names in _ways(clause, text, graph, entities):
        if names and any(_is_known(graph, entity, name) for name in names for entity in entities):
            return names
        ways += [names] if names else []
    return ways[0] if ways else []


def _ways(clause: str, text: str, graph: Hypergraph, entities: list[str]) -> Iterator[list[str]]:
    """The ways to read a clause, the best first: by its own words, by what it says little of, by like words. Each when asked for."""
    exact, kinds = graph.ontology.predicates_in(clause), _kinds(clause)
    yield [name for name in exact if _is_behind_which(clause, name, graph)]
    yield [name for name in graph.ontology.predicates if _is_told(graph, entities, name) and _is_called_behind_which(clause, name, graph)]
    yield [name for name in exact if kinds is None or graph.ontology[name].value in kinds]
    if not exact:
        yield _implied(clause, text, graph, entities)
    like = graph.ontology.asked_by(clause)
    yield [name for name in like if kinds is None or graph.ontology[name].value in kinds]
    yield exact
    yield like


def _is_behind_which(clause: str, predicate: str, graph: Hypergraph) -> bool:
    """Whether a noun of the predicate stands behind a "which": "At which company or university was X developed?" does not ask by whom."""
    nouns = "|".join(re.escape(noun) for noun in graph.ontology[predicate].nouns)
    return bool(nouns) and re.search(rf"\b(?:which|what)\s+(?:\w+\s+or\s+)?(?:{nouns})\b", clause, re.IGNORECASE) is not None


def _is_called_behind_which(clause: str, predicate: str, graph: Hypergraph) -> bool:
    """The same of the predicate's own name, where it is of things: "In which language was X written?", not "What kind of Y has X?"."""
    name = re.escape(predicate.replace("_", " "))
    of_things = graph.ontology[predicate].value is ValueKind.ENTITY
    return of_things and re.search(rf"\b(?:which|what)\s+{name}\b(?!\s+of\b)", clause, re.IGNORECASE) is not None


def _implied(clause: str, text: str, graph: Hypergraph, entities: list[str]) -> list[str]:
    """What a "when", a "where" or a "by whom" asks that says nothing else: "Who built X, and when?", "Where is X?", "… and by whom?"."""
    asked = _BARE.search(clause)
    named = [clause[one.start : one.end] for one in _mentions(clause, graph)]
    beside = {word.text for word in words(clause)} - {word.text for name in named for word in words(name)}
    whose = asked is not None and (asked["who"] or "").lower() == "whose"
    if asked is None or not beside <= (_PLAIN | graph.ontology.classes if whose else _PLAIN):
        return []
    if asked["when"] or asked["who"]:
        fits = _is_date if asked["when"] else _is_made
        of_all = {name for name in (*graph.ontology.predicates_in(text), *graph.ontology.asked_by(text)) if fits(graph, name)}
        told = [name for name in graph.ontology.predicates if fits(graph, name) and _is_told(graph, entities, name)]
        found = [name for name in told if name in of_all] or (told if asked["when"] or whose else [])
    else:
        says = _says_whence if clause.rstrip(" ?.!").endswith(" from") else _says_where
        found = [name for name in graph.ontology.predicates if says(graph, name) and _is_told(graph, entities, name)]
    return found if len(found) == 1 else []


def _is_told(graph: Hypergraph, entities: list[str], predicate: str) -> bool:
    return any(graph.statements(entity, predicate) for entity in entities)


def _is_made(graph: Hypergraph, predicate: str) -> bool:
    return is_made(graph.ontology[predicate])


def _is_date(graph: Hypergraph, predicate: str) -> bool:
    return graph.ontology[predicate].value is ValueKind.DATE


def _says_where(graph: Hypergraph, predicate: str) -> bool:
    """Whether a phrase of it says where a thing is, and no more: "{subject} is in {object}"."""
    between = [one.between.split() for one in graph.ontology[predicate].templates if not one.reversed]
    return any(said and said[-1] in _IN and _PLAIN.issuperset(said) for said in between)


def _says_whence(graph: Hypergraph, predicate: str) -> bool:
    """Whether a phrase of it says where a thing comes from: "{subject} is native to {object}"."""
    return any("~originate" in grouped(one.between.split()) for one in graph.ontology[predicate].templates if not one.reversed)


def _kinds(clause: str) -> tuple[ValueKind, ...] | None:
    return next((kinds for wanted, kinds in _WANTED if wanted.search(clause)), None)


def _without_names(text: str, names: Iterable[Mention]) -> str:
    """The text with dots for each name in it: "Who wrote The Capital?" asks for no capital."""
    for _, start, end in names:
        if not text[start:end].islower():
            text = text[:start] + "." * (end - start) + text[end:]
    return text


_WANTED = (
    (re.compile(r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade)\b", re.IGNORECASE), (ValueKind.DATE,)),
    (re.compile(r"\bhow (?:many|much|long|tall|high|deep|wide|far|old|big|large|heavy|fast)\b", re.IGNORECASE), (ValueKind.NUMBER,)),
    (re.compile(r"\b(?:who|whom|whose|where)\b", re.IGNORECASE), (ValueKind.ENTITY,)),
)
"""What the words of a question ask for."""
_CODE_LETTERS = 4
_YES = frozenset({"yes", "true", "correct"})
_OF_NAMES = (None, (ValueKind.ENTITY,))
"""And of one that asks for a name."""
_A = re.compile(r"\ban?\s+$|\bor\s+(?:an?\s+)?$", re.IGNORECASE)
"""Before what something is asked to be: "Is X a Y?", "Is X a Y or a Z?"."""
_PERIOD = re.compile(r"\b(?:decade|century)\b", re.IGNORECASE)
_OR = re.compile(r"\bor\b")
_ALONE = re.compile(r"(?<![A-Z]\.\s)(?<![\w'’-])(?<!\w[A-Z]\s)[^\W\d_a-z][^\W\d_]{2,}(?![\w'’-]*\s[A-Z])")
"""A word in capitals with no other behind it."""
_AND = re.compile(r"\band\b")
_BARE = re.compile(r"\b(?:(?P<when>when|(?:what|which) (?:year|date|day))|where|(?P<who>whom|whose|who))\b", re.IGNORECASE)
_PLAIN = FUNCTION_WORDS | listed("bare_question")
_IN = {"in", "at", "on", "near"}


def _is_known(graph: Hypergraph, entity: str, predicate: str) -> bool:
    return bool(graph.statements(entity, predicate) or graph.statements_to(entity, predicate))


def _is_settled(graph: Hypergraph, entity: str, predicate: str) -> bool:
    """Whether the graph holds the other side, and there can be but one: the capital of a country, and the country of a capital."""
    known = graph.ontology[predicate]
    return bool(
        (known.one_object and graph.statements(entity, predicate)) or (known.inverse_functional and graph.statements_to(entity, predicate))
    )


def _every(entities: Iterable[str], graph: Hypergraph) -> Iterable[str]:
    for entity in entities:
        yield entity
        yield from graph.entities(entity)
