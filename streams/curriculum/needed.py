"""How many facts are needed between what is asked and what is answered.

The shortest path alone is no measure of it: a city and its country's capital often share a time zone, so that one fact seems to answer what
takes three, and an answer that names what lies between ("The currency of Peru is the sol" to a question about Lima) ends too early. So a
path is looked for that goes by the relations that the question names ("the currency of the country whose capital is Lima": country,
capital), each as often as it is named; of what the answer adds, what lies farthest counts. Where the question names no relation of the
graph, or no path goes by them, the shortest path counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Set

from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold, folded_words
from streams.knowledge.paths import hops

MOST = 4
"""Facts beyond which nothing is looked for."""
BUDGET = 2_000
"""Facts looked at before the search by relations gives up."""
HUB = 64
"""Facts of one predicate beyond which an entity is not expanded: a path may go from there to what is answered alone."""


def facts_needed(question: str, asked: Set[str], added: Set[str], graph: Hypergraph) -> int | None:
    """Facts between what a question names and the farthest of what its answer adds.

    Args:
        question: its words.
        asked: entities that it names.
        added: entities that the answer adds, or that it repeats where it adds none.
        graph: what is known.

    Returns:
        0 where the answer names nothing else than the question; None where something is unknown, or no path is found.
    """
    if not asked or not added:
        return None
    named = relations_in(question, graph)
    asks = ("needed", frozenset(asked), frozenset(added), frozenset(named.items()))
    return graph.recall(asks, lambda: (_facts_needed(asked, added, Counter(named), graph),))[0]


def _facts_needed(asked: Set[str], added: Set[str], named: Counter[str], graph: Hypergraph) -> int | None:
    by_relation = paths_by_relation(graph, asked, added, named) if named else {}
    found = {target: by_relation.get(target) or hops(graph, asked, [target], MOST) for target in added}
    known = [distance for distance in found.values() if distance is not None]
    return max(known) if known else None


def relations_in(question: str, graph: Hypergraph) -> dict[str, int]:
    """Predicates that a question names by their names or nouns, with how often: the longest words first, each word once.

    A name's last word may have an s behind it.
    """
    beginning_with = graph.recall("words of relations", lambda: _words(graph))
    words, free = folded_words(question), 0
    found: dict[str, int] = {}
    for place in [place for place, word in enumerate(words) if word in beginning_with]:
        if place < free:
            continue
        for parts, predicate in beginning_with[words[place]]:
            if words[place : place + len(parts)] == parts:
                found[predicate] = found.get(predicate, 0) + 1
                free = place + len(parts)
                break
    return found


def _words(graph: Hypergraph) -> dict[str, list[tuple[list[str], str]]]:
    """Of each first word the words, the longest first, that say a predicate which facts have, by its name or a noun, and which it is."""
    found: dict[str, str] = {}
    for name in graph.predicates():
        for said in (name.replace("_", " "), *graph.ontology[name].nouns):
            if folded := fold(said):
                found.setdefault(folded, name)
    beginning_with: dict[str, list[tuple[list[str], str]]] = {}
    for said in sorted(found, key=lambda said: (-len(said), said)):
        for form in (said, said + "s"):
            parts = form.split(" ")
            beginning_with.setdefault(parts[0], []).append((parts, found[said]))
    return beginning_with


def paths_by_relation(graph: Hypergraph, sources: Iterable[str], targets: Set[str], named: Counter[str]) -> dict[str, int]:
    """Of each target that is reached by named relations alone, none more often than it is named, the facts on the path that uses most."""
    best: dict[str, int] = {}
    budget = [BUDGET]

    def go(entity: str, passed: frozenset[str], left: Counter[str], length: int) -> None:
        if entity in targets and length:
            best[entity] = max(best.get(entity, 0), length)
        if length == MOST:
            return
        for predicate in sorted(name for name, count in left.items() if count):
            for near in _steps(graph, entity, predicate, targets):
                budget[0] -= 1
                if budget[0] < 0:
                    return
                if near not in passed:
                    go(near, passed | {near}, left - Counter([predicate]), length + 1)

    for source in sorted(sources):
        go(source, frozenset([source]), named, 0)
    return best


def _steps(graph: Hypergraph, entity: str, predicate: str, targets: Set[str]) -> Iterable[str]:
    """Where a fact of a predicate leads from an entity; where that is to very many, to targets alone."""
    near = graph.recall(("near", entity, predicate), lambda: list(_near(graph, entity, predicate)))
    return near if len(near) <= HUB else [one for one in near if one in targets]


def _near(graph: Hypergraph, entity: str, predicate: str) -> Iterator[str]:
    """What shares a fact of a predicate with an entity."""
    for statement in graph.statements(entity, predicate):
        yield from graph.entities(fold(statement.object))
    for statement in graph.statements_to(entity, predicate):
        yield from graph.entities(statement.subject)
