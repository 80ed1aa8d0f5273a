"""Facts out of graph files that other tools write: GraphML and edge lists, read by networkx. (JSONL and CSV are the command line's own.)

GraphML: a node is a name (its `name` or `label` attribute, else its id); an edge is a fact, its predicate the attribute `predicate`,
`relation` or `label`, else its key in a multigraph; other edge attributes are qualifiers. Edge list: `subject TAB object TAB predicate`,
one a line; or, as `networkx.write_edgelist(graph, path, delimiter="\\t")` writes it, a dictionary of the edge's attributes in third place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import ParseError

import networkx as nx
from pydantic import ValidationError

from schemas.errors import UserError
from schemas.fact import Fact

GRAPHML = frozenset({".graphml", ".xml"})
EDGE_LISTS = frozenset({".edgelist", ".tsv"})
_NAMES = ("name", "label")
_PREDICATES = ("predicate", "relation", "label")


def is_graph_file(path: Path) -> bool:
    """Whether this module reads it, by its ending."""
    return path.suffix.lower() in GRAPHML | EDGE_LISTS


def read_graph_file(path: Path, refuse: Callable[[str], None] | None = None) -> Iterator[Fact]:
    """The edges of a graph file as facts, in the file's order. `refuse` is told of each edge that is no fact, which is then passed over.

    Raises:
        UserError: the file cannot be read, is of another format, or, without `refuse`, an edge is no fact; names file and edge.
    """
    graph = _graphml(path) if path.suffix.lower() in GRAPHML else _edge_list(path)
    names = {node: str(_first(data, _NAMES) or node) for node, data in graph.nodes(data=True)}
    for edge in graph.edges(keys=True, data=True):
        try:
            fact = _fact(path, names, *edge)
        except UserError as error:
            if refuse is None:
                raise
            refuse(str(error))
        else:
            yield fact


def _graphml(path: Path) -> nx.MultiDiGraph:
    try:
        return nx.MultiDiGraph(nx.read_graphml(path, force_multigraph=True))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (ParseError, nx.NetworkXError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not GraphML: {error}") from None


def _edge_list(path: Path) -> nx.MultiDiGraph:
    try:
        with path.open(encoding="utf-8") as stream:
            lines = [line for line in stream if line.strip() and not line.startswith("#")]
        as_dictionary = bool(lines) and all(line.rstrip().endswith("}") for line in lines)
        data = True if as_dictionary else (("predicate", str),)
        return nx.parse_edgelist(lines, delimiter="\t", create_using=nx.MultiDiGraph, data=data)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, TypeError, IndexError, ValueError) as error:
        raise UserError(f"{path}: not an edge list; each line is SUBJECT <tab> OBJECT <tab> PREDICATE ({error})") from None


def _fact(path: Path, names: dict[object, str], source: object, target: object, key: object, data: dict[str, object]) -> Fact:
    predicate = _first(data, _PREDICATES) or (key if isinstance(key, str) else None)
    if predicate is None:
        raise UserError(f"{path}: edge {names[source]!r} -> {names[target]!r} has no predicate; give it an attribute `predicate`")
    known = {*_PREDICATES, "fact_id", "source", "id"}
    qualifiers = {name: str(value) for name, value in data.items() if name not in known}
    fields = {"fact_id": data.get("fact_id"), "source": data.get("source"), "qualifiers": qualifiers}
    try:
        return Fact.model_validate({"subject": names[source], "predicate": str(predicate), "object": names[target], **fields})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UserError(f"{path}: edge {names[source]!r} -> {names[target]!r}: {first['loc'][0]}: {first['msg']}") from None


def _first(data: dict[str, object], wanted: tuple[str, ...]) -> object | None:
    return next((data[name] for name in wanted if data.get(name)), None)
