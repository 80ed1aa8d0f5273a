"""HIF, the hypergraph interchange format (JSON): a fact is a hyperedge, with what each of its nodes is in it. Read and written.

Written: the edge is the fact's key, with its predicate and source as attributes; the subject is its tail and the object its head, each with
its `role`; a qualifier is an attribute `qualifiers.NAME`, and one that names something is a node too, with the qualifier's name as role.

Read: what is written, and other tools' files: without roles, the one tail of a directed edge is the subject and its one head the object. An
undirected edge of two nodes is a fact only where the ontology says that its predicate is symmetric, since nothing else says which is which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from reading.refusal import Refused, Skip
from schemas.errors import UserError
from schemas.fact import Fact
from streams.knowledge.hypergraph import ATTRIBUTES
from streams.knowledge.importing.statement import NO_QUALIFIERS, NODE_NAMES, PREDICATE_NAMES, Names, Refuse, Statement, first_of
from streams.knowledge.ontology import Ontology

EDGE_PREDICATES = (*PREDICATE_NAMES, "type", "name")
"""Attributes of a hyperedge that name its predicate, the first that is there."""
QUALIFIERS = "qualifiers."
SIDES = {"tail": "subject", "head": "object"}
"""Direction of an incidence -> role of its node."""


def is_hif(head: bytes) -> bool:
    """Whether a JSON text begins as HIF does: with an object whose first key is one of HIF's."""
    return _BEGINNING.match(head) is not None


_BEGINNING = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"(?:network-type|incidences|metadata|nodes|edges)"\s*:')


class HifReader:
    """Reads one file. Afterwards `lone` says how many nodes are in no edge, so that no fact speaks of them."""

    def __init__(self, ontology: Ontology) -> None:
        self.lone = 0
        self._ontology = ontology
        self._names = Names()
        self._nodes: dict[str, dict[str, Any]] = {}
        self._edges: dict[str, dict[str, Any]] = {}
        self._incidences: dict[str, list[dict[str, Any]]] = {}

    def statements(self, path: Path, stream: IO[bytes], refuse: Refuse) -> Iterator[Statement]:
        """Every hyperedge, in the order in which the incidences first speak of them; an edge without nodes is refused.

        Raises:
            UserError: it is not HIF.
        """
        try:
            document = json.loads(stream.read(), parse_int=str, parse_float=str)
            self._take(document)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            missing = f"an entry has no {error}" if isinstance(error, KeyError) else error
            raise UserError(f"{path}: not HIF: {missing}") from None
        joined = {str(one["node"]) for found in self._incidences.values() for one in found}
        self.lone = len(self._nodes.keys() - joined)
        for edge in dict.fromkeys([*self._incidences, *self._edges]):
            where = f": edge {edge!r}"
            try:
                yield Statement(where, self._fields(self._edges.get(edge, {}), self._incidences.get(edge, [])))
            except Refused as error:
                refuse(where, error.reason, error.detail)

    def _take(self, document: Any) -> None:
        for one in document["incidences"]:
            self._incidences.setdefault(str(one["edge"]), []).append({**one, "node": str(one["node"])})
        for kind, found in (("node", self._nodes), ("edge", self._edges)):
            for one in document.get(f"{kind}s") or ():
                found[str(one[kind])] = attributes_of(one, {kind})

    def _fields(self, attributes: dict[str, Any], incidences: list[dict[str, Any]]) -> dict[str, Any]:
        predicate = first_of(attributes, EDGE_PREDICATES)
        if predicate is None:
            raise Refused(Skip.MISSING, "no predicate; give the edge an attribute `predicate`")
        fields: dict[str, Any] = {"predicate": predicate}
        named: set[str] = set()
        qualifiers = {
            name.removeprefix(QUALIFIERS): value
            for name, value in attributes.items()
            if name not in {*NO_QUALIFIERS, *EDGE_PREDICATES} and value not in (None, "")
        }
        for role, node in self._roles(predicate, qualifiers, incidences):
            place = fields if role in SIDES.values() else qualifiers
            if place.setdefault(role, node) != node or (place is fields and role in named):
                raise Refused(Skip.INVALID, f"{role!r} stands twice; a fact has one")
            named.add(role)
        return {**fields, "qualifiers": qualifiers, **{name: first_of(attributes, (name,)) for name in ("fact_id", "source")}}

    def _roles(self, predicate: str, qualifiers: dict[str, Any], incidences: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        """Role and name of every node of an edge. A node without a role that is the value of a qualifier has that for one."""
        said = [str(attributes_of(one, set()).get("role") or SIDES.get(str(one.get("direction")), "")) for one in incidences]
        if len(said) == len(SIDES) and not any(said):
            match = self._ontology.canonical(predicate) if self._ontology else None
            if match is None or not self._ontology[match.name].symmetric:
                raise Refused(Skip.MISSING, "its nodes have neither direction nor role: nothing says which is the subject")
            said = list(SIDES.values())
        by_value = {str(value): role for role, value in qualifiers.items()}
        for role, one in zip(said, incidences, strict=True):
            name = self._names.check(one["node"], first_of(self._nodes.get(one["node"], {}), NODE_NAMES) or one["node"])
            if "role" not in attributes_of(one, set()):
                role = by_value.get(name, role)
            if not role:
                raise Refused(Skip.MISSING, f"node {one['node']!r} has neither direction nor role")
            yield role, name


def attributes_of(entry: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """What an entry says beside its name: in `attrs`, in `attr` (as version 0.1.0 has it), or in keys of its own."""
    own = {name: value for name, value in entry.items() if name not in {"attrs", "attr", *names}}
    return {**own, **(entry.get("attr") or {}), **(entry.get("attrs") or {})}


def document_of(facts: Iterable[Fact]) -> dict[str, Any]:
    """Facts as a HIF document: one hyperedge each."""
    incidences: list[dict[str, Any]] = []
    nodes: dict[str, None] = {}
    edges = []
    for fact in facts:
        attributes: dict[str, Any] = {"predicate": fact.predicate, "fact_id": fact.fact_id}
        ends = [(fact.subject, "tail", "subject"), (fact.object, "head", "object")]
        for name, value in fact.qualifiers.items():
            attributes[QUALIFIERS + name] = value
            if name not in ATTRIBUTES and name not in SIDES.values() and value[:1].isalpha():
                ends.append((value, "tail", name))
        if fact.source is not None:
            attributes["source"] = fact.source
        for node, direction, role in ends:
            nodes[node] = None
            incidences.append({"edge": fact.fact_id, "node": node, "direction": direction, "attrs": {"role": role}})
        edges.append({"edge": fact.fact_id, "attrs": attributes})
    return {
        "network-type": "directed",
        "metadata": {"default_attrs": {}, "name": "facts"},
        "incidences": incidences,
        "nodes": [{"node": node} for node in nodes],
        "edges": edges,
    }
