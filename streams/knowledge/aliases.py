"""Which names are names of one entity. Names are folded; an entity is known by its root, the name that is no other's alias.

Alias facts make a directed graph without cycles, name -> other name. What it says depends on the facts that stand and their
order on the log alone, not on what came and went in between: a node that reads a compacted log agrees with one that was there.
"""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx

_Link = tuple[int, str, str]
"""Order on the log, name, other name."""


class AliasGraph:
    """Names and their other names. `distinct(alias, name)` says where both have facts that no single entity could have."""

    def __init__(self, distinct: Callable[[str, str], bool]) -> None:
        self._links: dict[str, _Link] = {}
        self._refused: set[str] = set()
        self._graph = nx.DiGraph()
        self._distinct = distinct

    def __contains__(self, name: object) -> bool:
        return name in self._graph

    def add(self, fact_id: str, name: str, other: str, order: int) -> bool:
        """Take one alias fact; False where it closes a cycle. It is remembered, and taken once nothing stands against it."""
        self._links[fact_id] = (order, name, other)
        return self._join(fact_id)

    def remove(self, fact_id: str) -> None:
        """Forget one alias fact, refused or not."""
        if fact_id not in self._links:
            return
        _, name, other = self._links.pop(fact_id)
        if fact_id in self._refused:
            self._refused.remove(fact_id)
        elif self._refused:
            self._rebuild()
        elif name != other:
            self._cut(fact_id, name, other)

    def roots(self, name: str) -> tuple[str, ...]:
        """The entities that a name may stand for, sorted: itself where it is no alias, or where its own facts set it apart."""
        if name not in self._graph or not self._graph.pred[name]:
            return (name,)
        found: set[str] = set()
        for parent in self._graph.pred[name]:
            found.update(self.roots(parent))
            if self._distinct(name, parent):
                found.add(name)
        return tuple(sorted(found))

    def names_of(self, entity: str) -> list[str]:
        """All names that stand for this entity and no other, its own first."""
        if entity not in self._graph:
            return [entity]
        others = sorted(nx.descendants(self._graph, entity))
        return [entity, *(name for name in others if self.roots(name) == (entity,))]

    def all_names_of(self, entity: str) -> list[str]:
        """All names that may stand for this entity, ambiguous ones too."""
        return [entity, *sorted(nx.descendants(self._graph, entity))] if entity in self._graph else [entity]

    def related(self, left: str, right: str) -> bool:
        """Whether some entity has both names, facts apart."""
        return left == right or bool(self._tops(left) & self._tops(right))

    def _tops(self, name: str) -> set[str]:
        if name not in self._graph:
            return {name}
        return {top for top in (name, *nx.ancestors(self._graph, name)) if not self._graph.pred[top]}

    def _join(self, fact_id: str) -> bool:
        _, name, other = self._links[fact_id]
        if name == other:  # the same name written another way: nothing to learn, nothing wrong
            return True
        if name in self._graph and other in self._graph and nx.has_path(self._graph, other, name):
            self._refused.add(fact_id)
            return False
        if self._graph.has_edge(name, other):
            self._graph.edges[name, other]["facts"].add(fact_id)
        else:
            self._graph.add_edge(name, other, facts={fact_id})
        return True

    def _cut(self, fact_id: str, name: str, other: str) -> None:
        facts: set[str] = self._graph.edges[name, other]["facts"]
        facts.discard(fact_id)
        if facts:
            return
        self._graph.remove_edge(name, other)
        self._graph.remove_nodes_from([end for end in (name, other) if not self._graph.degree(end)])

    def _rebuild(self) -> None:
        """Judge every alias fact again in the order of the log: what was refused may stand now."""
        self._graph.clear()
        self._refused.clear()
        for fact_id in sorted(self._links, key=lambda key: (self._links[key][0], key)):
            self._join(fact_id)
