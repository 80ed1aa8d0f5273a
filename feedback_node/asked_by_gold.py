"""What a question asks, told by its gold answers, where no word of it is the ontology's: "Prices in Brazil are given in" with "real".

The fact that says a gold answer of what the question names is the one that was asked for, where one predicate alone has such a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from feedback_node.asked_value import AskedValue
from feedback_node.value_spans import value_spans
from feedback_node.verification import value_key
from streams.knowledge.dates import parse_date
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold
from streams.knowledge.ontology import ValueKind
from streams.knowledge.quantities import parse_quantity
from streams.knowledge.value_types import Statement
from streams.knowledge.valued import Value, agrees, value_predicates


def predicates_by_gold(entity: str, gold: Sequence[str], graph: Hypergraph) -> set[str]:
    """The predicates by which a fact has an entity on one side and a gold answer on the other.

    Looked for among what is said of either: of a thing that many facts have for their object, those are not gone through.
    """
    answers = _entities(gold, graph)
    return {
        name
        for name in graph.predicates()
        if any(_says(one, gold, graph) for one in graph.statements(entity, name))
        or any(entity in graph.entities(one.object) for answer in answers for one in graph.statements(answer, name))
    }


def value_by_gold(text: str, gold: Sequence[str], graph: Hypergraph) -> AskedValue | None:
    """The one value of a question that a fact gives of a gold answer: "Which element has 51 protons?" with "antimony"."""
    values = [said for span in value_spans(text, 0) if (said := text[slice(*span)].strip()).lower() != "one"]
    if len(values) != 1:
        return None
    (said,) = values
    value = Value(parse_date(said), parse_quantity(said))
    names = {
        name
        for name in value_predicates(graph)
        for entity in _entities(gold, graph)
        if any(agrees(one, value, graph) for one in graph.statements(entity, name))
    }
    if len(names) != 1:
        return None
    (name,) = names
    return AskedValue(name, said, value_key(said, graph.ontology[name], graph))


def _says(statement: Statement, gold: Sequence[str], graph: Hypergraph) -> bool:
    if graph.ontology[statement.predicate].value is ValueKind.ENTITY:
        said = statement.object in {fold(one) for one in gold}
        return said or not _entities(gold, graph).isdisjoint(graph.entities(statement.object))
    return any(agrees(statement, Value(parse_date(one), parse_quantity(one)), graph) for one in gold)


def _entities(gold: Iterable[str], graph: Hypergraph) -> set[str]:
    return {entity for one in gold if (entity := graph.resolve(one).entity) is not None}
