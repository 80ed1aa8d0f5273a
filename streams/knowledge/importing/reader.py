"""Facts out of a file of any format that holds them. What is no fact is named by file and line, or edge, or triple."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from reading.encodings import as_utf8
from reading.formats import SUFFIXES, Format, suffix_of
from reading.opening import Progress, opened
from reading.refusal import Refused, Skip
from reading.rows import RowReader
from schemas.errors import BadRecord, UserError
from schemas.fact import Fact
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.importing.columns import Columns, Wanted, by_names
from streams.knowledge.importing.graphml import GraphmlReader
from streams.knowledge.importing.hif import HifReader, is_hif
from streams.knowledge.importing.rdf import FORMATS as RDF
from streams.knowledge.importing.rdf import RdfReader
from streams.knowledge.importing.statement import Statement, to_fact
from streams.knowledge.importing.tables import FactTable, of_columns
from streams.knowledge.ontology import Ontology

GRAPHML = frozenset({".graphml", ".xml"})
EDGE_LISTS = frozenset({".edgelist", ".edges"})
NOT_READ = {".jsonld": "JSON-LD, whose words may be fetched from elsewhere, is not read: write it as N-Triples or Turtle"}
FACT_FILES = SUFFIXES | GRAPHML | EDGE_LISTS | RDF.keys() | NOT_READ.keys() | {".hif"}
"""Endings of files of facts, as they are looked for in a folder."""
COMMENTED = EDGE_LISTS | {".tsv", ".tab", ".txt"}
"""Endings of files in which a line that begins with `#` is a comment."""


@dataclass
class FactReader:
    """Reads one file's facts; afterwards says what was passed over, and what it was taken for."""

    path: Path
    """`-` is standard input: JSON, or a table."""
    skip_bad: bool | None = False
    """Pass over what is no fact rather than raise. None: do not, and the command has no flag that says so."""
    columns: Wanted | None = None
    """What `--columns` says."""
    ontology: Ontology = field(default_factory=Ontology)
    """Knows the predicates. Empty: every one is taken."""
    check: bool = True
    """Refuse what the ontology does not take; else it only helps to find out which column is which."""
    encoding: str | None = None
    """What a text file is written in; None: UTF-8, or what its byte order mark says."""
    shown: str | None = None
    """What messages call it; None: its path."""
    format: str = ""
    """What it was read as."""
    bad: list[str] = field(default_factory=list)
    """All that was passed over: `file:line: why`."""
    skipped: Counter[str] = field(default_factory=Counter)
    """The same, by reason."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Columns and JSON fields that a fact does not have, and on how many rows."""
    notices: list[str] = field(default_factory=list)
    """What else a person should know."""

    def __post_init__(self) -> None:
        self._graph = Hypergraph(self.ontology if self.check else None)
        self._name = self.shown or str(self.path)
        self._columns: dict[tuple[str, ...], Columns] = {}

    def read(self, progress: Progress | None = None) -> Iterator[Fact]:
        """Every fact.

        Raises:
            UserError: the first thing that is no fact, unless these are skipped; a file of another kind; columns that nothing names.
        """
        for statement in self._named(progress):
            try:
                fact = to_fact(statement.fields)
                self._graph.read(fact)
            except Refused as error:
                self._refuse(statement.where, error.reason, error.detail)
            except BadRecord as error:
                self._refuse(statement.where, Skip.INVALID, error.detail)
            else:
                yield fact

    def _named(self, progress: Progress | None) -> Iterator[Statement]:
        """Every statement; what is wrong with the file as a whole is said by the name that it is shown under."""
        try:
            yield from self._statements(progress)
        except UserError as error:
            raise UserError(str(error).replace(str(self.path), self._name, 1)) from None

    def _refuse(self, where: str, reason: Skip, why: str) -> None:
        told = f"{self._name}{where}: {why}"
        if not self.skip_bad:
            raise UserError(f"{told}{'' if self.skip_bad is None else '; mend it, or pass --skip-bad'}")
        self.bad.append(told)
        self.skipped[reason.value] += 1

    def _at_line(self, line: int, reason: Skip, why: str) -> None:
        self._refuse(f":{line}" if line else "", reason, why)

    def _statements(self, progress: Progress | None) -> Iterator[Statement]:
        suffix = suffix_of(self.path)
        if suffix in NOT_READ:
            raise UserError(f"{self._name}: {NOT_READ[suffix]}")
        if suffix in RDF:
            self.format = RDF[suffix][1]
            rdf = RdfReader(self.ontology)
            yield from self._whole(rdf, progress)
            self._tell(rdf.labels, "label was", "labels were", "taken as the names of what they label")
            self._tell(len(rdf.told_apart), "URI has", "URIs have", "a name that another has: told apart by the URI behind it")
        elif suffix in GRAPHML:
            self.format = "GraphML"
            yield from self._graph_file(GraphmlReader(), progress)
        elif self._holds_hif():
            self.format = "HIF"
            yield from self._graph_file(HifReader(self.ontology), progress)
        else:
            yield from self._rows(progress)

    def _holds_hif(self) -> bool:
        if str(self.path) == "-" or suffix_of(self.path) not in (".json", ".hif"):
            return False
        with opened(self.path) as source:
            return is_hif(source.head)

    def _graph_file(self, reader: GraphmlReader | HifReader, progress: Progress | None) -> Iterator[Statement]:
        yield from self._whole(reader, progress)
        self._tell(
            reader.lone,
            "node is",
            "nodes are",
            "in no edge: no fact speaks of it" if reader.lone == 1 else "in no edge: no fact speaks of them",
        )

    def _whole(self, reader: RdfReader | GraphmlReader | HifReader, progress: Progress | None) -> Iterator[Statement]:
        with opened(self.path, progress) as source:
            stream = (
                source.stream if self.format in ("GraphML", "RDF/XML") else as_utf8(source, self.encoding)
            )  # XML says its encoding itself
            try:
                yield from reader.statements(self.path, stream, self._refuse)
            except OSError as error:
                raise UserError(f"{self._name}: the rest cannot be read: {error.strerror or error}") from None

    def _rows(self, progress: Progress | None) -> Iterator[Statement]:
        suffix = suffix_of(self.path)
        table = FactTable(self.columns, self.ontology, suffix in EDGE_LISTS)

        def cells(path: Path, stream: IO[bytes], head: bytes, refuse: Any) -> Iterator[tuple[int, dict[str, Any]]]:
            return table.rows(path, stream, head, refuse, comments=suffix in COMMENTED)

        reader = RowReader(self.path, self._at_line, self.encoding, progress, table=cells, is_table=suffix in COMMENTED)
        for block in reader:
            for place, row in enumerate(block.values):
                line = block.line(place)
                if reader.format is Format.CSV:
                    self.format = "edge list" if suffix in EDGE_LISTS else Format.CSV.value
                    self._count_ignored(table.columns)
                    yield Statement(f":{line}", row)
                    continue
                self.format = reader.format.value if reader.format else ""
                try:
                    yield Statement(f":{line}", self._by_keys(block.spelled(place) if block.longest is not None else row))
                except Refused as error:
                    self._at_line(line, error.reason, error.detail)
        if header := table.may_have_header:
            self.notices.append(f"{self._name}: no other line has the predicate of the first; if that is a header, pass --columns {header}")
        self._tell(table.comments, "line is a comment", "lines are comments", "(they begin with `#`)")

    def _by_keys(self, row: dict[str, Any]) -> dict[str, Any]:
        """A JSON object, or a row of Parquet or Arrow, as a fact's fields. One of which no key is known is left as it is, to be refused."""
        keys = tuple(row)
        columns = self._columns.get(keys)
        if columns is None:
            columns = self._columns[keys] = by_names(keys, self.columns) or Columns(
                tuple(key if key in Fact.model_fields else "" for key in keys)
            )
        self._count_ignored(columns)
        return of_columns(columns, dict(enumerate(row.values())))

    def _count_ignored(self, columns: Columns | None) -> None:
        self.ignored.update(columns.ignored.keys() if columns else ())

    def _tell(self, count: int, one: str, many: str, what: str) -> None:
        if count:
            self.notices.append(f"{self._name}: {count} {one if count == 1 else many} {what}")
