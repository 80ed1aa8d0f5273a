"""Facts in RDF: N-Triples, N-Quads, Turtle, TriG and RDF/XML, read by rdflib. A triple is a fact.

A URI becomes a name: its `rdfs:label` where the file has one (of several that without a language, else the English one, else the first by
alphabet), else the last part of the URI, unescaped. A predicate whose last part the ontology knows keeps that. A literal is its text as the
file writes it; its language becomes the qualifier `lang`, its data type is dropped. A named graph becomes the fact's `source`. Labels
name things and are no facts themselves. A blank node has no name unless it has a label, and no two URIs may have one name.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from reading.formats import suffix_of
from reading.lines import bounded_lines
from reading.refusal import Refused, Skip
from schemas.errors import UserError
from streams.knowledge.importing.statement import Names, Refuse, Statement
from streams.knowledge.ontology import Ontology

FORMATS = {
    ".nt": ("nt11", "N-Triples"),
    ".nq": ("nquads", "N-Quads"),
    ".ttl": ("turtle", "Turtle"),
    ".trig": ("trig", "TriG"),
    ".rdf": ("xml", "RDF/XML"),
    ".owl": ("xml", "RDF/XML"),
}
"""Endings -> rdflib's names of the formats, and their own."""
BY_LINES = frozenset({".nt", ".nq"})
"""Formats a bad line of which costs no other."""
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
LANGUAGES = ("", "en")
"""Of labels, in the order of preference."""
BASE = "file:///"
"""What relative URIs are resolved against: the file's own place is nobody's name."""
LONGEST_TOLD = 60
BLOCK = 10_000
"""Lines that are parsed at once."""
Quad = tuple[Any, Any, Any, str]
"""Subject, predicate, object, and the graph's name."""


class RdfReader:
    """Reads one file. Afterwards `labels` says how many triples were taken as names, and `told_apart` which URIs carry theirs behind a name
    that another has."""

    def __init__(self, ontology: Ontology) -> None:
        self.labels = 0
        self.told_apart: set[Any] = set()
        self._ontology = ontology
        self._labels: dict[Any, str] = {}
        self._names = Names()

    def statements(self, path: Path, stream: IO[bytes], refuse: Refuse) -> Iterator[Statement]:
        """Every triple in alphabetical order, so that a file is read the same each time.

        Raises:
            UserError: it is not of the format that its ending says.
        """
        found = {(s, p, o, _graph(g)) for s, p, o, g in _parsed(path, stream, refuse)}
        labels = [quad for quad in found if _is_label(quad)]
        self.labels = len(labels)
        for subject, _, text, _ in sorted(labels, key=_preference):
            self._labels.setdefault(subject, str(text))
        for quad in sorted(found.difference(labels), key=self._order):
            where = ": " + " ".join(_told(part) for part in quad[:3])
            try:
                yield Statement(where, self._fields(*quad))
            except Refused as error:
                refuse(where, error.reason, error.detail)

    def _order(self, quad: Quad) -> tuple[str, ...]:
        """By text; of blank nodes, which rdflib names anew each time, by label."""
        return (*(self._labels.get(part, "") + _told(part, 0) for part in quad[:3]), quad[3])

    def _fields(self, subject: Any, predicate: Any, object_: Any, graph: str) -> dict[str, Any]:
        local = local_name(str(predicate))
        is_known = bool(self._ontology) and self._ontology.canonical(local) is not None
        fields: dict[str, Any] = {"predicate": local if is_known else self._labels.get(predicate, local)}
        fields |= {"subject": self._name(subject), "object": str(object_) if _is_literal(object_) else self._name(object_)}
        if getattr(object_, "language", None):
            fields["qualifiers"] = {"lang": object_.language}
        return {**fields, "source": graph} if graph else fields

    def _name(self, resource: Any) -> str:
        from rdflib import BNode

        if isinstance(resource, BNode) and resource not in self._labels:
            raise Refused(Skip.MISSING, "a blank node without an rdfs:label has no name")
        name = self._labels.get(resource) or local_name(str(resource))
        if isinstance(resource, BNode):
            return self._names.check(resource, name, _told)
        try:
            return self._names.check(resource, name, _told)
        except Refused:
            self.told_apart.add(resource)
            return self._names.check(resource, f"{name} ({resource})", _told)


def local_name(uri: str) -> str:
    """What stands behind the last `#` or `/` of a URI (or the last `:` of a URN), unescaped; the URI itself where nothing does."""
    rest = uri.rstrip("/#")
    for mark in "#/:":
        before, found, name = rest.rpartition(mark)
        if found and name and before:
            return unquote(name)
    return uri


@contextlib.contextmanager
def _as_written() -> Iterator[None]:
    """rdflib rewrites numbers and dates as it reads them ("007" becomes "7") unless it is told not to, by a global."""
    import rdflib

    logger = logging.getLogger("rdflib")  # which tells, with a traceback, of each literal that its data type does not have
    before, level = rdflib.NORMALIZE_LITERALS, logger.level
    rdflib.NORMALIZE_LITERALS = False
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS = before
        logger.setLevel(level)


def _parsed(path: Path, stream: IO[bytes], refuse: Refuse) -> Iterator[Any]:
    suffix = suffix_of(path)
    if suffix not in BY_LINES:
        yield from _quads(path, stream.read(), {})
        return
    blank: dict[str, Any] = {}
    lines = bounded_lines(stream)
    at = 0
    while block := list(itertools.islice(lines, BLOCK)):
        try:
            yield from _quads(path, b"\n".join(block), blank)
        except UserError:  # somewhere in it: line by line
            for number, line in enumerate(block, at + 1):
                try:
                    yield from _quads(path, line, blank)
                except UserError as error:
                    refuse(f":{number}", Skip.INVALID, str(error).removeprefix(f"{path}: "))
        at += len(block)


def _quads(path: Path, text: bytes, blank: dict[str, Any]) -> list[Any]:
    from xml.sax import SAXException

    from rdflib import Dataset
    from rdflib.exceptions import Error, ParserError
    from rdflib.plugins.parsers.notation3 import BadSyntax

    name, spoken = FORMATS[suffix_of(path)]
    same_names: Any = {"bnode_context": blank} if suffix_of(path) in BY_LINES else {}
    data = Dataset()  # a Graph reads quads as nothing
    try:
        with _as_written():
            data.parse(data=text, format=name, publicID=BASE, **same_names)
    except (BadSyntax, Error, ParserError, SAXException, ValueError, AssertionError) as error:
        raise UserError(f"{path}: not {spoken}: {' '.join(str(error).split())[:300]}") from None
    return list(data.quads())


def _graph(graph: Any) -> str:
    """A named graph's URI; empty for the default one."""
    from rdflib import BNode
    from rdflib.graph import DATASET_DEFAULT_GRAPH_ID

    name = getattr(graph, "identifier", graph)
    return "" if name is None or name == DATASET_DEFAULT_GRAPH_ID or isinstance(name, BNode) or str(name) == BASE else str(name)


def _is_literal(term: Any) -> bool:
    from rdflib import Literal

    return isinstance(term, Literal)


def _is_label(quad: Quad) -> bool:
    return str(quad[1]) == LABEL and _is_literal(quad[2])


def _preference(quad: Quad) -> tuple[int, str, str]:
    language = quad[2].language or ""
    return (LANGUAGES.index(language) if language in LANGUAGES else len(LANGUAGES), language, str(quad[2]))


def _told(term: Any, longest: int = LONGEST_TOLD) -> str:
    from rdflib import BNode

    text = "[]" if isinstance(term, BNode) else " ".join(str(term.n3()).split())
    return text if not longest or len(text) <= longest else text[: longest - 1] + "…"
