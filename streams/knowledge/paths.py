"""Shortest paths between entities, counted in facts, by a breadth-first search from both ends."""

from __future__ import annotations

from collections.abc import Iterable

from streams.knowledge.hypergraph import Hypergraph

BUDGET = 20_000
"""Facts looked at before the search gives up. A node that half the graph hangs on is passed from its other side, or not at all."""


def hops(graph: Hypergraph, sources: Iterable[str], targets: Iterable[str], limit: int = 4) -> int | None:
    """Facts on a shortest path from any source to any target, each a name; 0 where they share an entity, names unknown to the graph
    left out. None beyond `limit`, without a path, or over the budget.

    Both ends grow level by level, the one with fewer facts first, so that hubs are met rather than expanded.
    """
    seen = (_known(graph, sources), _known(graph, targets))
    if not all(seen):
        return None
    if not seen[0].isdisjoint(seen[1]):
        return 0
    edges = (set(seen[0]), set(seen[1]))
    budget = BUDGET
    for distance in range(1, limit + 1):
        costs = tuple(sum(graph.degree(entity) for entity in edge) for edge in edges)
        side = 0 if costs[0] <= costs[1] else 1
        budget -= costs[side]
        if budget < 0 or not costs[side]:
            return None
        grown = {near for entity in edges[side] for near in graph.neighbours(entity)} - seen[side]
        if not grown.isdisjoint(seen[1 - side]):
            return distance
        seen[side].update(grown)
        edges = (grown, edges[1]) if side == 0 else (edges[0], grown)
    return None


def _known(graph: Hypergraph, names: Iterable[str]) -> set[str]:
    return {entity for name in names if (entity := graph.resolve(name).entity) is not None}
