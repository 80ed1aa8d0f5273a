"""`pelton facts`: statements for the knowledge graph, from files to the `facts` topic, and their removal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import json_option, kafka_options
from cli.sending import readable, send_files, show

if TYPE_CHECKING:
    from cli.record_files import FileReader
    from reading.opening import Progress
    from schemas.fact import Fact
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...", callback=readable)
@click.option("--remove", "removals", multiple=True, metavar="KEY", help="Remove the fact of this key (a tombstone); may be repeated.")
@click.option("--skip-bad", is_flag=True, help="Pass over bad lines, and count them, rather than stop at the first.")
@json_option
@kafka_options
def facts(settings: KafkaSettings, files: tuple[Path, ...], removals: tuple[str, ...], skip_bad: bool, as_json: bool) -> None:
    """Send facts from JSONL, CSV, GraphML or edge list FILEs (`-` reads JSONL from standard input), or remove some.

    A CSV file has the columns subject, predicate, object, and if wanted fact_id, source and qualifiers.NAME. A GraphML file (.graphml,
    .xml) has a predicate on each edge; an edge list (.edgelist, .tsv) has lines of SUBJECT <tab> OBJECT <tab> PREDICATE. The key of a fact
    is its fact_id, else a hash of the statement; a later fact of the same key replaces the earlier.
    """
    if not files and not removals:
        raise click.UsageError("name a FILE of facts, or a --remove KEY")
    readers = [fact_reader(path, skip_bad) for path in files]
    show(send_files(settings, settings.topics.facts, readers, keyed, removals), "fact", len(files), as_json)


def fact_reader(path: Path, skip_bad: bool | None = False) -> FileReader[Fact]:
    """What reads the facts of one file, by its ending."""
    from cli.record_files import FileReader
    from schemas.fact import Fact
    from streams.knowledge.files import is_graph_file, read_graph_file

    class GraphFileReader(FileReader[Fact]):
        """networkx reads the file itself."""

        def read(self, progress: Progress | None = None) -> Iterator[Fact]:  # noqa: ARG002
            yield from read_graph_file(path, self.bad.append if skip_bad else None)

    return (GraphFileReader if is_graph_file(path) else FileReader)(path, Fact, skip_bad)


def keyed(fact: Fact) -> tuple[str, Fact]:
    """Its key, and the fact."""
    return fact.fact_id, fact
