"""`pelton facts`: statements for the knowledge graph, from files to the `facts` topic, and their removal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import json_option, kafka_options
from cli.sending import readable, send_files, show

if TYPE_CHECKING:
    from schemas.fact import Fact
    from streams.kafka.settings import KafkaSettings


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...", callback=readable)
@click.option("--remove", "removals", multiple=True, metavar="KEY", help="Remove the fact of this key (a tombstone); may be repeated.")
@click.option("--skip-bad", is_flag=True, help="Pass over bad lines, and count them, rather than stop at the first.")
@json_option
@kafka_options
def facts(settings: KafkaSettings, files: tuple[Path, ...], removals: tuple[str, ...], skip_bad: bool, as_json: bool) -> None:
    """Send facts from JSONL or CSV FILEs (`-` reads JSONL from standard input), or remove some.

    A CSV file has the columns subject, predicate, object, and if wanted fact_id, source and qualifiers.NAME. The key of a fact is its
    fact_id, else a hash of the statement; a later fact of the same key replaces the earlier.
    """
    from cli.record_files import FileReader
    from schemas.fact import Fact

    if not files and not removals:
        raise click.UsageError("name a FILE of facts, or a --remove KEY")
    readers = [FileReader(path, Fact, skip_bad) for path in files]
    show(send_files(settings, settings.topics.facts, readers, keyed, removals), "fact", len(files), as_json)


def keyed(fact: Fact) -> tuple[str, Fact]:
    """Its key, and the fact."""
    return fact.fact_id, fact
