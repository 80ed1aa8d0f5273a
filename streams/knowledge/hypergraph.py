"""The knowledge graph: facts as n-ary hyperedges between names, kept as a bipartite networkx graph of names and facts.

Facts hang on names, not on entities, and which names are one entity is asked when it matters (`aliases`). So what the graph says depends on
the facts that stand alone, whatever came and went before: two nodes at one version agree. Not thread-safe; `view` locks it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

import networkx as nx

from schemas.errors import BadRecord, DeadLetterReason
from schemas.fact import Fact
from streams.knowledge.aliases import AliasGraph
from streams.knowledge.dates import parse_date
from streams.knowledge.lexicon import Lexicon
from streams.knowledge.names import fold, singulars
from streams.knowledge.ontology import ALIAS, Ontology, ValueKind
from streams.knowledge.quantities import parse_quantity
from streams.knowledge.value_types import VAGUE, Mention, Reading, Resolution, Statement, Status

ATTRIBUTES = frozenset({"unit", "date", "start", "end", "source", "note", "lang", VAGUE})
"""Qualifiers that describe the fact itself. Every other qualifier whose value is no number or date is a role of the hyperedge."""
_REMEMBERED = 2_000
"""Texts whose names are remembered, those of up to _TEXT_CHARS characters."""
_TEXT_CHARS = 1_000
_KNOWN = 100_000
"""Names and entities of which what was found is remembered."""
T = TypeVar("T")
FactNode = tuple[str, str]
"""`("fact", fact id)`: a fact's node; a name's node is the folded name itself."""


class Hypergraph:
    """Facts by name, and what is asked of them; `judge` and `paths` answer what takes more than a look."""

    def __init__(self, ontology: Ontology | None = None) -> None:
        self.ontology = ontology if ontology is not None else Ontology()
        self.version = 0
        """Offset of the next `facts` record to apply: all below it are in. Two graphs of one version and ontology agree."""
        self._graph = nx.Graph()
        self._statements: dict[str, Statement] = {}
        self._by_subject: dict[tuple[str, str], dict[str, None]] = {}
        self._by_object: dict[tuple[str, str], dict[str, None]] = {}
        self._told: dict[str, int] = {}
        self._lexicon = Lexicon()
        self._aliases = AliasGraph(self._are_distinct)
        self.readings: dict[str, Reading] = {}
        """Phrases read (`phrases`) since the last change: an answer's verdicts and its distinct claims ask for the same ones."""
        self.mentions: dict[tuple[str, bool], list[Mention]] = {}
        """Texts in which names were looked for since the last change: a question and the sentences of an answer are asked several times."""
        self.named: dict[str, frozenset[str]] = {}
        """The same of the entities alone, without their places."""
        self.remembered: dict[Hashable, Any] = {}
        """What was found of names and entities since the last change, by what was asked: samples ask the same of the same ones."""
        self._facts = 0
        self._used: Counter[str] = Counter()
        self._order = 0
        self._telling = [p.name for p in self.ontology.predicates.values() if p.functional and p.value is ValueKind.ENTITY]

    # --- what comes from the log

    def put(self, fact: Fact, offset: int | None = None) -> None:
        """Take a fact; a later one under the same id replaces the earlier, also where the later one is bad, as compaction would.

        Raises:
            BadRecord: bad_fact: unknown predicate, missing parts, a number or date that is none, or a cycle of aliases.
        """
        self.remove(fact.fact_id, offset)
        statement = self.read(fact)
        self._order += 1
        self._statements[fact.fact_id] = statement
        for name, spelling in self._names_in(statement):
            self._lexicon.add(name, spelling)
        if statement.predicate == ALIAS:
            if not self._aliases.add(fact.fact_id, statement.subject, statement.object, self._order):
                raise _bad(f"{fact.object!r} as another name of {fact.subject!r} closes a cycle of aliases")
            return
        self._facts += 1
        self._used[statement.predicate] += 1
        self._index(statement)

    def remove(self, fact_id: str, offset: int | None = None) -> None:
        """Drop a fact, as a tombstone does; one that is not there is no error."""
        if offset is not None:
            self.reached(offset + 1)
        self.readings.clear()
        self.mentions.clear()
        self.named.clear()
        self.remembered.clear()
        statement = self._statements.pop(fact_id, None)
        if statement is None:
            return
        for name, spelling in self._names_in(statement):
            self._lexicon.remove(name, spelling)
        if statement.predicate == ALIAS:
            self._aliases.remove(fact_id)
            return
        self._facts -= 1
        self._used[statement.predicate] -= 1
        self._unindex(statement)

    def reached(self, position: int) -> None:
        """The log was read up to, and without, this offset; markers and compacted records count by this."""
        self.version = max(self.version, position)

    def read(self, fact: Fact) -> Statement:
        """What a fact says by the ontology, without taking it.

        Raises:
            BadRecord: bad_fact: an unknown predicate, a number or date that is none, a name without a word in it.
        """
        match = self.ontology.canonical(fact.predicate)
        if match is None:
            raise _bad(f"no predicate {fact.predicate!r} in the ontology; {self.ontology.suggestion(fact.predicate)}")
        subject, object_ = (fact.object, fact.subject) if match.reversed else (fact.subject, fact.object)
        predicate = self.ontology[match.name]
        if predicate.value is ValueKind.NUMBER and parse_quantity(object_) is None:
            raise _bad(f"object {object_!r}: {predicate.name} wants a number")
        if predicate.value is ValueKind.DATE and parse_date(object_) is None:
            raise _bad(f"object {object_!r}: {predicate.name} wants a date, such as 1969 or 1969-07-20")
        wanted = object_ if predicate.value is not ValueKind.ENTITY else fold(object_)
        if not fold(subject) or not wanted:
            raise _bad(f"{'object' if fold(subject) else 'subject'} is no name: there is no word in it")
        return Statement(fact, fold(subject), match.name, wanted)

    # --- names

    def resolve(self, name: str) -> Resolution:
        """Whom a name stands for; case, accents, "the", the possessive and the plural of a common noun do not matter."""
        folded = fold(name)
        if folded not in self._lexicon:
            folded = next((one for one in singulars(folded) if one in self._lexicon and self._lexicon.spelling(one).islower()), "")
        if not folded:
            return Resolution(None, (), Status.UNKNOWN)
        roots = self.entities(folded)
        return Resolution(roots[0], roots, Status.KNOWN) if len(roots) == 1 else Resolution(None, roots, Status.AMBIGUOUS)

    def entities_in(self, text: str, *, ambiguous: bool = False) -> list[Mention]:
        """Entities named in a text, left to right, longest names first; with `ambiguous` also names that stand for several."""
        found = self.mentions.get((text, ambiguous))
        if found is None:
            found = []
            for name, start, end in self._lexicon.find(text):
                roots = self.entities(name)
                if len(roots) == 1 or ambiguous:
                    found.append(Mention(roots[0] if len(roots) == 1 else name, start, end))
            if len(self.mentions) >= _REMEMBERED:
                self.mentions.clear()
            if len(text) <= _TEXT_CHARS:
                self.mentions[text, ambiguous] = found
        return list(found)

    def named_in(self, text: str) -> frozenset[str]:
        """The entities that `entities_in` finds in a text, in less time, as their places are not looked for."""
        found = self.named.get(text)
        if found is None:
            all_roots = [self.entities(name) for name in self._lexicon.names_in(text)]
            found = frozenset([roots[0] for roots in all_roots if len(roots) == 1])
            if len(self.named) >= _REMEMBERED:
                self.named.clear()
            if len(text) <= _TEXT_CHARS:
                self.named[text] = found
        return found

    def names_of(self, entity: str) -> list[str]:
        """The names that stand for an entity and no other, as they are mostly written, its own first."""
        return [self._lexicon.spelling(name) for name in self._names_of(entity)]

    def spellings_of(self, entity: str) -> list[str]:
        """All names of an entity as they are mostly written, those that it shares with another too."""
        return [self._lexicon.spelling(name) for name in self._aliases.all_names_of(entity)]

    def folded_names_of(self, entity: str) -> list[str]:
        """All names of an entity, folded, those that it shares with another too."""
        return self._aliases.all_names_of(entity)

    def beginning_with(self, short: str) -> set[str]:
        """Entities with a name that goes on where the folded `short` ends."""
        return {root for name in self._lexicon.beginning_with(short) for root in self.entities(name)}

    def ending_with(self, last: str) -> set[str]:
        """Entities with a name of several words whose last one this is, folded."""
        return {root for name in self._lexicon.ending_with(last) for root in self.entities(name)}

    def entities(self, name: str) -> tuple[str, ...]:
        """The entities that a folded name may stand for; itself where it is no alias."""
        return self.recall(("roots", name), lambda: self._aliases.roots(name))

    def recall(self, question: Hashable, answer: Callable[[], T]) -> T:
        """What was answered to a question since the last change, or else is now. What is answered must not be changed."""
        found: T | None = self.remembered.get(question)
        if found is None:
            if len(self.remembered) >= _KNOWN:
                self.remembered.clear()
            found = self.remembered[question] = answer()
        return found

    # --- facts

    def predicates(self) -> tuple[str, ...]:
        """Names of the predicates that facts have, in order."""
        return tuple(sorted(name for name, count in self._used.items() if count))

    def __len__(self) -> int:
        """Facts that stand, aliases left out."""
        return self._facts

    def __iter__(self) -> Iterator[Fact]:
        """Every fact, aliases too, in the order of the log."""
        return (statement.fact for statement in self._statements.values())

    def __contains__(self, fact_id: object) -> bool:
        return fact_id in self._statements

    def statements(self, entity: str, predicate: str) -> list[Statement]:
        """What is said of an entity by a predicate, the entity as the subject, in the order of the log."""
        found = []
        for name in self._names_of(entity):
            found += [self._statements[key] for key in self._by_subject.get((name, predicate), ())]
            if self.ontology[predicate].symmetric:
                found += [self._statements[key].reversed() for key in self._by_object.get((name, predicate), ())]
        return found

    def statements_to(self, entity: str, predicate: str) -> list[Statement]:
        """What has an entity as the object of a predicate."""
        names = self._names_of(entity)
        return [self._statements[key] for name in names for key in self._by_object.get((name, predicate), ())]

    def facts_of(self, entity: str, predicate: str | None = None) -> list[Fact]:
        """The facts about an entity by one predicate, or, without one, all that it takes part in."""
        if predicate is not None:
            return [statement.fact for statement in self.statements(entity, predicate)]
        return [self._statements[key].fact for key in self._fact_ids(entity)]

    def neighbours(self, entity: str) -> dict[str, int]:
        """Entities that share a fact with this one, with how many."""
        found: dict[str, int] = {}
        for key in self._fact_ids(entity):
            for name in self._graph.adj["fact", key]:
                roots = self.entities(name)
                if len(roots) == 1 and roots[0] != entity:
                    found[roots[0]] = found.get(roots[0], 0) + 1
        return found

    def degree(self, entity: str) -> int:
        """How many facts an entity takes part in."""
        return self.recall(
            ("degree", entity), lambda: sum(len(self._graph.adj[name]) for name in self._names_of(entity) if name in self._graph)
        )

    def centrality(self, entity: str) -> float:
        """Degree centrality in [0,1]: the share of all facts that the entity takes part in (normalised as in two-mode networks)."""
        return min(1.0, self.degree(entity) / self._facts) if self._facts else 0.0

    # --- inside

    def _names_of(self, entity: str) -> list[str]:
        return self.recall(("names", entity), lambda: self._aliases.names_of(entity))

    def _fact_ids(self, entity: str) -> list[str]:
        names = [name for name in self._names_of(entity) if name in self._graph]
        return list(dict.fromkeys(key for name in names for _, key in self._graph.adj[name]))

    def _roles(self, statement: Statement) -> Iterator[tuple[str, str, str]]:
        """Role, folded name and spelling of every name in a fact."""
        fact = statement.fact
        turned = statement.predicate != fact.predicate
        yield "subject", statement.subject, fact.object if turned else fact.subject
        if self.ontology[statement.predicate].value is ValueKind.ENTITY:
            yield "object", statement.object, fact.subject if turned else fact.object
        for role, value in fact.qualifiers.items():
            if role not in ATTRIBUTES and value[:1].isalpha() and (name := fold(value)):
                yield role, name, value

    def _names_in(self, statement: Statement) -> list[tuple[str, str]]:
        return [(name, spelling) for _, name, spelling in self._roles(statement)]

    def _index(self, statement: Statement) -> None:
        key, node = statement.fact.fact_id, ("fact", statement.fact.fact_id)
        self._graph.add_node(node, bipartite=1)
        for role, name, _ in self._roles(statement):
            self._graph.add_node(name, bipartite=0)
            before = self._graph.get_edge_data(name, node, default={}).get("roles", ())
            self._graph.add_edge(name, node, roles=(*before, role))
        self._told[statement.subject] = self._told.get(statement.subject, 0) + 1
        self._by_subject.setdefault((statement.subject, statement.predicate), {})[key] = None
        if self.ontology[statement.predicate].value is ValueKind.ENTITY:
            self._by_object.setdefault((statement.object, statement.predicate), {})[key] = None

    def _unindex(self, statement: Statement) -> None:
        node = ("fact", statement.fact.fact_id)
        names = list(self._graph.adj[node])
        self._graph.remove_node(node)
        self._graph.remove_nodes_from([name for name in names if not self._graph.degree(name)])
        self._told[statement.subject] -= 1
        if not self._told[statement.subject]:
            del self._told[statement.subject]
        for index, name in ((self._by_subject, statement.subject), (self._by_object, statement.object)):
            if keys := index.get((name, statement.predicate)):
                keys.pop(statement.fact.fact_id, None)
                if not keys:
                    del index[name, statement.predicate]

    def _are_distinct(self, alias: str, name: str) -> bool:
        """Whether an alias is an entity of its own: it has facts, and one of them relates it to `name` or contradicts one of `name`'s."""
        if not self._told.get(alias):
            return False
        if name in self._graph and not self._graph.adj[alias].keys().isdisjoint(self._graph.adj[name]):
            return True
        for predicate in self._telling:
            ours = [self._statements[key] for key in self._by_subject.get((alias, predicate), ())]
            theirs = [self._statements[key] for key in self._by_subject.get((name, predicate), ())]
            if ours and theirs and not any(self._aliases.related(a.object, b.object) for a in ours for b in theirs):
                return True
        return False


def _bad(detail: str) -> BadRecord:
    return BadRecord(DeadLetterReason.BAD_FACT, detail)
