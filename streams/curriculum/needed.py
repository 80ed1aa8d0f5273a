"""How many facts are needed between what is asked and what is answered.

The shortest path alone is no measure of it: a city and its country's capital often share a time zone, so that one fact seems to answer what
takes three, and an answer that names what lies between ("The currency of Peru is the sol" to a question about Lima) ends too early. So a
path is looked for that goes by the relations that the question names ("the currency of the country whose capital is Lima": country,
capital), each as often as it is named; of what the answer adds, what lies farthest counts. Where the question names no relation of the
graph, or no path goes by them, the shortest path counts. What lies between and is named in the question ("Lima is the capital of Peru. What
is the currency of Peru?") is known, and a path begins there.

An answer may add no entity: a number or a date is looked for among the facts of what is reached (`valued`); a yes rests on the facts
between what it is asked of, a no on those by which one would look it up; and of two that are asked for one is chosen, or the two are
compared, each by its own fact. A question may name by a number or a date what it asks of ("the bridge that opened in 1931"): one fact more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Set

from streams.knowledge.english import base_forms, inflections
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold, folded_words
from streams.knowledge.paths import hops
from streams.knowledge.valued import Value, is_said_of, subjects_said, value_in, value_predicates

MOST = 4
"""Facts beyond which nothing is looked for."""
BUDGET = 2_000
"""Facts looked at before the search by relations gives up."""
YES = frozenset(["yes", "true", "correct", "yeah", "yep", "indeed"])
"""With which an answer says yes."""
NO = frozenset(["no", "false", "incorrect", "not", "never", "nope"])
"""With which it says no."""
YES_OR_NO = frozenset(
    ["is", "are", "was", "were", "am", "do", "does", "did", "has", "have", "had", "can", "could", "will", "would", "should"]
)
"""With which a question begins that is answered by yes or no."""
EACH = frozenset(["same", "both"])
"""With which a question asks the same of each that it names."""
BESIDE = frozenset(["or", "and"])
"""Between two that are compared."""
HUB = 64
"""Facts of one predicate beyond which an entity is not expanded: a path may go from there to what is answered alone."""


def facts_needed(question: str, answer: str, asked: Set[str], said: Set[str], graph: Hypergraph) -> int | None:
    """Facts between what a question names and the farthest of what its answer adds.

    Where the answer adds nothing, they are those that its number or date rests on; those between what a yes or a no is asked of; or those
    that lead to the one of the named which the answer chooses.

    Args:
        question: its words.
        answer: the right answer's.
        asked: entities that the question names.
        said: entities that the answer names.
        graph: what is known.

    Returns:
        0 where the answer names all that the question does and nothing else; None where something is unknown, or no path is found.
    """
    named = relations_in(question, graph)
    if not asked:
        return _asked_by_value(question, answer, said, Counter(named), graph)
    added = said - asked
    decided = decides(question, answer, asked, said)
    value = None if added else value_in(answer if decided is None else question, graph)
    if not said and value is None and decided is None:
        return None
    words = frozenset(folded_words(question)) & (EACH | BESIDE)
    if decided is False and not named:
        named = relations_by_verb(question, graph)
    other = value_in(answer, graph) if decided and value else None
    asks = ("needed", frozenset(asked), frozenset(said), frozenset(named.items()), decided, value, other, words)

    def needed() -> int | None:
        if compared := _compared(asked, said, decided, words, Counter(named), graph):
            return compared
        held_against = _facts_to_bound(asked, other, Counter(named), graph) if decided and value else None
        if held_against and (other or (value and value.quantity and value.quantity.bound)):
            return held_against
        exact = _facts_needed(asked, said, decided, value, Counter(named), graph)
        return held_against if exact is None else exact

    return graph.recall(asks, lambda: (needed(),))[0]


def _asked_by_value(question: str, answer: str, said: Set[str], named: Counter[str], graph: Hypergraph) -> int | None:
    """Where a question names nothing but a number or a date, of which it says whose: one fact, and what is needed from there."""
    known = [name for name in value_predicates(graph) if name in named]
    value, gives = (value_in(question, graph), None if said else value_in(answer, graph)) if known else (None, None)
    if value is None or not (said or gives):
        return None
    for name in known:
        owners = frozenset(one for subject in subjects_said(value, name, graph, BUDGET) for one in graph.entities(subject))
        if owners and said and said <= owners:
            return 1
        if owners and (found := _facts_needed(owners, said, None, gives, named - Counter([name]), graph)):
            return 1 + found
    return None


def _facts_to_bound(asked: Set[str], said: Value | None, named: Counter[str], graph: Hypergraph) -> int | None:
    """Of a yes to a number or a date that is no fact's ("longer than 400 m?"): to what the answer says, else to what the question names."""
    if said is None and not any(name in named for name in value_predicates(graph)):
        return None
    return _facts_to_value(asked, said, named, graph)


def _compared(asked: Set[str], said: Set[str], decided: bool | None, words: Set[str], named: Counter[str], graph: Hypergraph) -> int | None:
    """Facts by which several that a question names are compared; None where they are not."""
    if len(asked) < 2 or (said - asked and decided is not False):
        return None
    if decided is None:
        return 2 if len(asked) == 2 and len(said) == 1 and words & BESIDE and _comparable(asked, named, graph) else None
    if not words & EACH:
        return None
    if not decided:
        each = [max(paths_by_relation(graph, [one], None, named).values(), default=0) for one in sorted(asked)]
        return sum(each) if all(each) and len(asked) == 2 else None
    sums = [_facts_to_each(hub, asked - {hub}, named + named, graph) for hub in sorted(asked)]
    return min((facts for facts in sums if facts is not None), default=None)


def _facts_to_each(hub: str, others: Set[str], named: Counter[str], graph: Hypergraph) -> int | None:
    legs = [leg for one in sorted(others) if (leg := _between({hub}, {one}, named, graph)) is not None]
    return sum(legs) if len(legs) == len(others) else None


def _comparable(asked: Set[str], named: Counter[str], graph: Hypergraph) -> bool:
    """Whether facts say the same kind of thing of each: a number or a date that is named; else any, or what is named where something is."""
    known = value_predicates(graph)
    predicates = [name for name in known if name in named] or (*known, *(named or graph.predicates()))
    return any(all(any(True for _ in graph.statements(one, name)) for one in asked) for name in predicates)


def decides(question: str, answer: str, asked: Set[str], said: Set[str]) -> bool | None:
    """Whether an answer says yes or no to what is asked; None where it says something else, or which of the named it is.

    "It was so" and all of the question in other words say yes.
    """
    first = folded_words(answer)[:1]
    if first and first[0] in YES | NO:
        return first[0] in YES
    asks = folded_words(question)[:1]
    return True if first and asks and asks[0] in YES_OR_NO and (not said or said == asked) else None


def _facts_needed(
    asked: Set[str], said: Set[str], decided: bool | None, value: Value | None, named: Counter[str], graph: Hypergraph
) -> int | None:
    if said - asked:
        distance = _between(asked, said - asked, named, graph)
        joined = [_between(asked - {one}, {one}, named, graph) for one in sorted(asked)] if decided else []
        return max((facts for facts in (distance, *joined) if facts is not None), default=None)
    if value and (found := _facts_to_value(asked, None if decided is False else value, named, graph)) is not None:
        return found
    if decided is None:
        return _between(asked - said, said, named, graph) if said and asked - said else 0 if said else None
    if not decided:  # what is so instead is looked up, and is none of what is named
        return max(paths_by_relation(graph, asked, None, named).values(), default=None)
    joined = [_between(asked - {one}, {one}, named, graph) for one in sorted(asked)]
    return max((facts for facts in joined if facts is not None), default=None)


def _between(sources: Set[str], targets: Set[str], named: Counter[str], graph: Hypergraph) -> int | None:
    if not sources:
        return None
    by_relation = paths_by_relation(graph, sources, targets, named) if named else {}
    found = {target: by_relation.get(target) or hops(graph, sources, [target], MOST) for target in targets}
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


def relations_by_verb(question: str, graph: Hypergraph) -> dict[str, int]:
    """Predicates that a question names by a verb, or by their name's first word in another form ("Does it cross …?", `crosses`)."""
    forms = graph.recall("verbs of relations", lambda: _verbs(graph))
    return {name: 1 for word in folded_words(question) for name in forms.get(word, ())}


def _verbs(graph: Hypergraph) -> dict[str, set[str]]:
    """Which predicates each form of a verb names."""
    found: dict[str, set[str]] = {}
    for name in graph.predicates():
        for verb in (*graph.ontology[name].verbs, name.replace("_", " ")):
            first = fold(verb).split(" ")[0]
            for form in {form for lemma in (first, *base_forms(first)) for form in (lemma, *inflections(lemma))}:
                found.setdefault(form, set()).add(name)
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


def _facts_to_value(asked: Set[str], value: Value | None, named: Counter[str], graph: Hypergraph) -> int | None:
    """Facts to the one that gives a number or a date (None: whichever): the path by named relations that uses most, else the shortest."""
    known = value_predicates(graph)
    predicates = [name for name in known if name in named] or known
    reached = dict.fromkeys(asked, 0) | paths_by_relation(graph, asked, None, named)
    owners = [length for entity, length in reached.items() if is_said_of(entity, value, predicates, graph)]
    if owners:
        return 1 + max(owners)
    seen, edge, budget = set(asked), set(asked), BUDGET // 10
    for length in range(1, MOST):
        budget -= sum(graph.degree(entity) for entity in edge)
        if budget < 0:
            return None
        edge = {near for entity in edge for near in graph.neighbours(entity)} - seen
        seen |= edge
        if any(is_said_of(entity, value, predicates, graph) for entity in edge):
            return 1 + length
    return None


def paths_by_relation(graph: Hypergraph, sources: Iterable[str], targets: Set[str] | None, named: Counter[str]) -> dict[str, int]:
    """Of each target that is reached by named relations alone, none more often than it is named, the facts on the path that uses most.

    A path goes through no other source: what is named there is known. It may end where it has passed, by a relation of another name ("the
    capital of the country in which it has its seat"). `targets`: None for all that is reached.
    """
    best: dict[str, int] = {}
    budget = [BUDGET]
    known = frozenset(sources)

    def go(entity: str, passed: tuple[str, ...], left: Counter[str], last: str) -> None:
        if len(passed) == MOST:
            return
        for predicate in sorted(name for name, count in left.items() if count):
            for near in _steps(graph, entity, predicate, targets or set()):
                budget[0] -= 1
                if budget[0] < 0:
                    return
                if near in known:
                    continue
                if (targets is None or near in targets) and not (near in passed and predicate == last):
                    best[near] = max(best.get(near, 0), len(passed) + 1)
                if near not in passed:
                    go(near, (*passed, near), left - Counter([predicate]), predicate)

    for source in sorted(known):
        go(source, (), named, "")
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
