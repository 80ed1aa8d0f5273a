"""The same said through the knowledge hypergraph: an entity by another name or by a fact that singles it out; a fact in other words.

Each rests on facts that the graph holds to be unique, so that what was a right answer before is one after.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from streams.augmenter.reading import is_phrase
from streams.augmenter.rephrasing import blanks, is_about_words, table
from streams.curriculum.needed import paths_by_relation, relations_in
from streams.knowledge.english import takes_article
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold
from streams.knowledge.ontology import Predicate, ValueKind
from streams.knowledge.value_types import Mention

GAP = "___"
"""What stands where the answer belongs."""
_JOINS = frozenset("-–/@#&")
"""What makes one name of two: Co-Tan is not named after cobalt."""
_NAMING = re.compile(
    r"\b(?:names?|named|naming|called|nicknamed?|renamed|known as|stands? for|abbreviat\w+|acronyms?|alias(?:es)?|brands?|titled?)\b"
)
"""In a text that may be about a name itself; "Name the capital", with a capital, is not."""
_RELATIVE = re.compile(r"\b(?:whose|which|who)\b")
"""In a phrase that is no sentence ("{subject}, whose capital is {object}")."""


def is_asked_of(graph: Hypergraph, question: str, answer: str) -> bool:
    """Whether a question means the graph's entities, and not namesakes ("What does Jordan want?"): a fact joins two of those that question
    and answer name, or the relations that the question names lead from one to the other. Where the answer names none, it has one of these
    relations.
    """
    asked, said = graph.named_in(question), graph.named_in(answer)
    if any(graph.neighbours(entity).keys() & (asked | said) - {entity} for entity in asked):
        return True
    named = Counter(relations_in(question, graph))
    if not said - asked:
        return any(graph.statements(entity, name) or graph.statements_to(entity, name) for entity in asked for name in named)
    return bool(paths_by_relation(graph, asked, said - asked, named))


def with_other_names(text: str, graph: Hypergraph, is_asked: bool = True) -> Iterator[str]:
    """The text with one entity called by another name that stands for it alone.

    `is_asked`: it is asked of the graph. Any other text may mean something else ("join me in Washington"): there only what shares a fact
    with another entity of the text is taken for the graph's.
    """
    if _asks_for_names(text):
        return
    named = graph.named_in(text)
    for mention in _once(graph.entities_in(text)):
        written = fold(text[mention.start : mention.end])
        if not _is_name(text, mention, graph) or not (is_asked or named & graph.neighbours(mention.entity).keys()):
            continue  # "modern France", "the France team", "washington"
        for name in graph.names_of(mention.entity):
            if fold(name) != written and _fits_article(text, mention, name):
                yield _put(text, mention, name)


def with_descriptions(text: str, graph: Hypergraph) -> Iterator[str]:
    """The text with one entity described by a fact that is true of no other: another path through the graph to the same."""
    if _asks_for_names(text):
        return
    mentions = list(_once(graph.entities_in(text)))
    named = {mention.entity for mention in mentions}
    for mention in mentions:
        if not _is_name(text, mention, graph):
            continue
        for predicate in graph.ontology.predicates.values():
            if predicate.value is not ValueKind.ENTITY or not predicate.nouns or _says(text, predicate.nouns[0]):
                continue  # "the country whose capital is the capital of Peru" says nothing
            for description, through in _descriptions(mention.entity, predicate, graph):
                if through not in named:
                    yield _put(text, mention, description)


def as_gaps(question: str, answer: str, graph: Hypergraph) -> Iterator[str]:
    """Where one functional fact joins what is asked about and the answer: that fact as a sentence with a gap for the answer."""
    asked = {mention.entity: mention for mention in graph.entities_in(question)}
    said = {mention.entity for mention in graph.entities_in(answer)} - asked.keys()
    joins = [(subject, predicate) for subject in sorted(asked) for predicate in graph.ontology.predicates.values()
             if _objects(graph, subject, predicate) & said]  # fmt: skip
    if len(joins) != 1 or len(said) != 1:
        return  # more than one fact, or none: which one is asked for cannot be told
    subject, predicate = joins[0]
    if not _is_written_as_name(question, asked[subject], graph):
        return  # "aldo ferrani born where"
    if not predicate.functional or _objects(graph, subject, predicate) != said:
        return
    for phrase in predicate.phrases:
        if not _RELATIVE.search(phrase):
            yield from blanks(phrase.replace("{subject}", _as_asked(question, asked[subject])).replace("{object}", GAP))


def _as_asked(question: str, mention: Mention) -> str:
    """The name as the question has it, with its article: "the Netherlands"."""
    has_article = question[: mention.start].lower().endswith("the ")
    return ("the " if has_article else "") + question[mention.start : mention.end]


def _asks_for_names(text: str) -> bool:
    """Whether a text may be about what something is called: "When was Holland given its name?" is another question of the Netherlands."""
    return is_about_words(text) or _NAMING.search(text) is not None


def _is_written_as_name(text: str, mention: Mention, graph: Hypergraph) -> bool:
    """Whether a name has capitals where it has them elsewhere, and not all over where it has not."""
    written = text[mention.start : mention.end]
    spellings = graph.spellings_of(mention.entity)
    if written.islower():
        return any(spelling.islower() for spelling in spellings)
    return not (written.isupper() and text.isupper()) or any(spelling.isupper() for spelling in spellings)


def _is_name(text: str, mention: Mention, graph: Hypergraph) -> bool:
    """Whether a mention is written as a name, and is a noun phrase whole: what it stands for may be called otherwise there."""
    is_whole = not _JOINS.intersection((text[mention.start - 1 : mention.start], text[mention.end : mention.end + 1]))
    if not is_whole or not text[mention.start].isupper() or not _is_written_as_name(text, mention, graph):
        return False
    return is_phrase(text, mention.start, mention.end)


def _says(text: str, noun: str) -> bool:
    return f" {fold(noun)} " in f" {fold(text)} "


def _descriptions(entity: str, predicate: Predicate, graph: Hypergraph) -> Iterator[tuple[str, str]]:
    """Descriptions of an entity by one predicate, each with the entity that it goes through."""
    noun = predicate.nouns[0]
    if predicate.functional:
        for statement in graph.statements_to(entity, predicate.name):
            owner = graph.resolve(statement.subject).entity
            if owner is None or _objects(graph, owner, predicate) != {entity}:
                continue
            name = _in_sentence(graph.names_of(owner)[0])
            if name is not None and noun.split()[-1] not in table().own_names:
                yield f"the {noun} of {name}", owner
    if predicate.inverse_functional:
        for target in sorted(_objects(graph, entity, predicate)):
            owners = {graph.resolve(statement.subject).entity for statement in graph.statements_to(target, predicate.name)}
            if owners == {entity} and (name := _in_sentence(graph.names_of(target)[0])) is not None:
                yield f"the one whose {noun} is {name}", target


def _in_sentence(name: str) -> str | None:
    """A name with the article that it takes; None where that cannot be told."""
    takes = takes_article(name)
    return None if takes is None else f"the {name}" if takes else name


def _objects(graph: Hypergraph, subject: str, predicate: Predicate) -> set[str]:
    """The entities that a predicate gives a subject; an ambiguous one makes the set useless, so it is empty then."""
    found = [graph.resolve(statement.object).entity for statement in graph.statements(subject, predicate.name)]
    return set() if None in found else {entity for entity in found if entity is not None}


def _once(mentions: list[Mention]) -> Iterator[Mention]:
    """Mentions of entities that a text names once: to rename one of two would make two of one."""
    entities = [mention.entity for mention in mentions]
    return (mention for mention in mentions if entities.count(mention.entity) == 1)


def _fits_article(text: str, mention: Mention, name: str) -> bool:
    """Whether a name may stand where the text has or has not "the" before another: "the capital of the America" is none."""
    before = text[: mention.start].lower().split()
    has_article, takes = before[-1:] == ["the"], takes_article(name)
    if "," in name or name.endswith("."):  # marks of the sentence may follow
        return False
    return takes is not None and takes is has_article and before[-1:] not in (["a"], ["an"])


def _put(text: str, mention: Mention, words: str) -> str:
    """The text with other words for a mention, an article before it taken over by one that the words bring along."""
    before = text[: mention.start]
    if words.startswith("the ") and before.lower().endswith("the "):
        words = words.removeprefix("the ")
    if not before.strip():
        words = words[:1].upper() + words[1:]
    return before + words + text[mention.end :]
