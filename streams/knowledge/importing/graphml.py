"""Facts in GraphML: each edge is one, once. All attributes are read as the file writes them; the defaults of keys apply.

A node's name is its attribute `name` or `label`, else its id. An edge's predicate is its attribute `predicate`, `relation` or `label`, and
never its id, which is the file's own affair; its other attributes are qualifiers. An undirected edge is a fact from source to target.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

from reading.refusal import Refused
from schemas.errors import UserError
from streams.knowledge.importing.statement import NODE_NAMES, Names, Refuse, Statement, first_of, of_edge

Node = tuple[int, str]
"""Number of its graph in the file, for graphs that use the same ids, and id."""
DRAWN_LABELS = ("NodeLabel", "EdgeLabel")
"""Elements of yEd's drawings that hold a name."""


class GraphmlReader:
    """Reads one file. Afterwards `lone` says how many nodes have no edge, so that no fact speaks of them."""

    def __init__(self) -> None:
        self.lone = 0
        self._keys: dict[str, tuple[str, str]] = {}
        self._defaults: dict[str, dict[str, str]] = {"node": {}, "edge": {}}
        self._graph = 0
        self._names: dict[str, str] = {}
        self._nodes: set[Node] = set()
        self._waiting: list[tuple[str, str, dict[str, str]]] = []
        self._edges: list[tuple[int, list[tuple[Node, str]], dict[str, str]]] = []

    def statements(self, path: Path, stream: IO[bytes], refuse: Refuse) -> Iterator[Statement]:
        """Every edge of every graph, in the file's order.

        Raises:
            UserError: it is not GraphML.
        """
        self._read(path, stream)
        self.lone = len(self._nodes - {end for _, ends, _ in self._edges for end, _ in ends})
        names = Names()
        for number, ends, data in self._edges:
            where = f": edge {number}, {ends[0][1]!r} -> {ends[1][1]!r}"
            try:
                subject, object_ = (names.check(node, name, lambda node: f"node {node[1]!r}") for node, name in ends)
                yield Statement(where, of_edge(subject, object_, data))
            except Refused as error:
                refuse(where, error.reason, error.detail)

    def _read(self, path: Path, stream: IO[bytes]) -> None:
        root, depth = None, 0
        try:
            for event, element in ElementTree.iterparse(stream, events=("start", "end")):
                kind = local(element)
                if root is None:
                    root = kind
                    if kind != "graphml":
                        remedy = "; RDF/XML is read from a file whose name ends in .rdf" if kind == "RDF" else ""
                        raise UserError(f"{path}: not GraphML: its outermost element is <{kind}>{remedy}")
                depth += kind == "graph" and (1 if event == "start" else -1)
                if event == "end":
                    self._take(path, kind, element)
                    if kind == "graph" and not depth:
                        self._end_graph()
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise UserError(f"{path}: not GraphML: {error}") from None

    def _take(self, path: Path, kind: str, element: ElementTree.Element) -> None:
        if kind == "key":
            self._key(element)
        elif kind == "node":
            node = element.get("id", "")
            self._names[node] = first_of({**self._defaults["node"], **self._data(element)}, NODE_NAMES) or node
            self._nodes.add((self._graph, node))
            element.clear()
        elif kind == "edge":
            data = {**self._defaults["edge"], **self._data(element)}
            self._waiting.append((element.get("source", ""), element.get("target", ""), data))
            element.clear()
        elif kind == "hyperedge":
            raise UserError(f"{path}: hyperedges of GraphML are not read; write them as HIF, which keeps what each node is in it")

    def _end_graph(self) -> None:
        """The nodes of a graph are known, those of the graphs within them too: what its edges join can be named."""
        for source, target, data in self._waiting:
            ends = [((self._graph, node), self._names.get(node, node)) for node in (source, target)]
            self._edges.append((len(self._edges) + 1, ends, data))
        self._waiting.clear()
        self._names.clear()
        self._graph += 1

    def _key(self, element: ElementTree.Element) -> None:
        domain, key = element.get("for", "all"), element.get("id", "")
        name = element.get("attr.name") or key
        self._keys[key] = (domain, name)
        default = next((part for part in element if local(part) == "default"), None)
        if default is not None and default.text:
            for kind in ("node", "edge"):
                if domain in (kind, "all"):
                    self._defaults[kind][name] = default.text

    def _data(self, element: ElementTree.Element) -> dict[str, str]:
        found = {}
        for part in element:
            if local(part) != "data":
                continue
            _, name = self._keys.get(part.get("key", ""), ("all", part.get("key", "")))
            text = "".join(part.itertext()) if not len(part) else None
            if text is not None:
                found[name] = text
            elif drawn := next((one.text.strip() for one in part.iter() if local(one) in DRAWN_LABELS and one.text), None):
                found.setdefault("label", drawn)
        return found


def local(element: Any) -> str:
    """An element's name without its namespace; of a comment, nothing."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
