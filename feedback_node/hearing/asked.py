"""What a short answer is held against: each thing that was asked, and on which side of it the answer is missing."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from feedback_node.choices import choices_of
from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.surface import Statement, statement_of
from feedback_node.question import Part, Question
from feedback_node.value_spans import value_spans
from feedback_node.yes_no import body
from streams.knowledge.english import base_forms
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.value_types import Mention

_OTHER_THING = listed("other_thing")
_DENIED = re.compile(r"\b(?:not|never|no longer)\b|n['’]t\b", re.IGNORECASE)


class Missing(NamedTuple):
    """One thing that was asked."""

    predicate: str
    entity: str
    """What is known of it."""
    side: Literal["subject", "object"]
    """What the answer is to be."""


class Asked(NamedTuple):
    """A question, as a fragment is read against it."""

    text: str
    question: Question
    missing: tuple[Missing, ...]
    choices: frozenset[str]
    """Entities that it offers to choose from ("Lima or Cusco?"): to say one of them is no echo."""
    statement: Statement | None
    """What a yes/no question asks to affirm."""
    again: frozenset[str]
    """Words that offer nothing when they are said again: those of the question but for a name that it asks to affirm."""

    def is_echo(self, entity: str) -> bool:
        """Whether to say this is only to say the question again."""
        return entity in self.question.entities and entity not in self.choices


def asked_of(text: str, question: Question, graph: Hypergraph) -> Asked:
    """What a question asks of whom. Hold the view's lock."""
    statement = statement_of(text, graph) or _by_gold(text, question, graph) if question.yes_no else None
    mentions = graph.entities_in(text, ambiguous=True)
    outside = [word.text for word in words(text) if not any(one.start <= word.start < one.end for one in mentions)]
    if not question.by_gold and not _OTHER_THING.isdisjoint(set(outside) - _own_words(question, graph)):
        return Asked(text, question, (), frozenset(), statement, question.words)
    by_last_name = [Mention(one.entity, 0, 0) for one in question.parts if all(one.entity != named.entity for named in mentions)]
    given = choices_of(text, [*by_last_name, *mentions])
    choices = frozenset(found for one in given for found in (one.entity, *graph.entities(one.entity)))
    parts = [part for part in question.parts if part.entity not in choices]
    missing = tuple(one for part in parts if (one := _missing(part, graph, statement)) is not None)
    if question.value:  # whose it is
        missing = tuple(Missing(part.predicate, question.value, "subject") for part in parts if part.predicate is not None)
    missing = _of_statement(missing, text, statement, graph) or _doubted(text, statement, graph)
    if statement is not None and len(missing) == 1:  # "Is it X?": to say X is no echo
        owner = missing[0].entity
        choices |= {entity for entity in question.entities if owner not in (entity, *graph.entities(entity))}
    return Asked(text, question, missing, choices, statement, question.words - _affirmed(text, statement, graph))


def _of_statement(missing: tuple[Missing, ...], text: str, statement: Statement | None, graph: Hypergraph) -> tuple[Missing, ...]:
    """Of a relation that holds both ways, what is asked to affirm is said of its subject: what else X borders, asked of X and Y."""
    if statement is None or len(missing) < 2 or len({one.predicate for one in missing}) > 1:
        return missing
    owner = graph.resolve(text[slice(*statement.subject)]).entity
    return tuple(one for one in missing if one.entity == owner) or missing


def _by_gold(text: str, question: Question, graph: Hypergraph) -> Statement | None:
    """What a yes/no question asks to affirm whose gold answers tell the predicate: of a thing that it names, another, or its one value."""
    told = [one for one in question.parts if one.predicate is not None and graph.statements(one.entity, one.predicate)]
    part = told[0] if told and question.by_gold else None
    if part is None or part.predicate is None:
        return None
    mentions = graph.entities_in(text, ambiguous=True)
    of = next((one for one in mentions if part.entity in (one.entity, *graph.entities(one.entity))), None)
    if of is None:
        return None
    if graph.ontology[part.predicate].value is not ValueKind.ENTITY:
        spans = list(value_spans(text, 0))
    else:
        spans = [(one.start, one.end) for one in mentions if one is not of and graph.statements_to(one.entity, part.predicate)]
    denied = _DENIED.search(text, min(of.start, body(text)[1]), body(text)[1]) is not None  # "Isn't it X?" asks the same as "Is it X?"
    return Statement((of.start, of.end), part.predicate, spans[0], denied) if len(spans) == 1 else None


def _doubted(text: str, statement: Statement | None, graph: Hypergraph) -> tuple[Missing, ...]:
    """What a yes/no question asks to affirm, as the question it answers: "Is X from Y?" asks where X is from, too ("No, Z.")."""
    owner = graph.resolve(text[slice(*statement.subject)]).entity if statement is not None else None
    if statement is None or owner is None or not graph.statements(owner, statement.predicate):
        return ()
    return (Missing(statement.predicate, owner, "object"),)


def _affirmed(text: str, statement: Statement | None, graph: Hypergraph) -> set[str]:
    """The words of a name that the graph does not know, where a yes/no question asks for it: "Did X win the battle?"."""
    sides = [text[slice(*span)] for span in (statement.subject, statement.object)] if statement is not None else []
    return {word.text for side in sides if not graph.entities_in(side, ambiguous=True) for word in words(side)}


def _own_words(question: Question, graph: Hypergraph) -> set[str]:
    """The words by which the ontology says what is asked, and their verbs as a question has them: "last" is no other thing where the last
    eruption is a predicate, or where "lasted" says for how long.
    """
    asked = [graph.ontology[part.predicate] for part in question.parts if part.predicate in graph.ontology.predicates]
    said = [text for one in asked for text in (*one.nouns, *one.phrases)]
    return {form for text in said for word in words(text) for form in (word.text, *base_forms(word.text))}


def _missing(part: Part, graph: Hypergraph, statement: Statement | None) -> Missing | None:
    if part.predicate is None or part.predicate not in graph.ontology.predicates:
        return None
    told = bool(graph.statements(part.entity, part.predicate))
    if told or not graph.statements_to(part.entity, part.predicate):
        return Missing(part.predicate, part.entity, "object")
    return None if statement is not None else Missing(part.predicate, part.entity, "subject")
