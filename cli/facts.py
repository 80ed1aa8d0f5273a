"""`pelton facts`: statements for the knowledge graph, from files to the `facts` topic, their removal, and a file of those that stand."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.fact_files import Survey
from cli.options import facts_there, json_option, kafka_options, sign_option
from cli.sending import counted
from cli.terminal import say

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings
    from streams.knowledge.importing.reader import FactReader

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...", callback=facts_there)
@click.option(
    "--columns", metavar="NAMES", help="What the columns of a table hold, such as head,relation,tail or object,subject,predicate."
)
@click.option("--ontology", type=FILE, metavar="FILE", help="Refuse predicates that are not in it (YAML or JSON).")
@click.option("--encoding", metavar="NAME", help="What text FILEs are written in, such as cp1252. [default: UTF-8, or as their mark says]")
@click.option("--dry-run", is_flag=True, help="Read everything, say what was found, and send nothing. Needs no broker.")
@click.option("--retract", is_flag=True, help="Remove the facts that FILEs hold, rather than send them: undoes a file that was sent.")
@click.option("--remove", "removals", multiple=True, metavar="KEY", help="Remove the fact of this key (a tombstone); may be repeated.")
@click.option("--skip-bad", is_flag=True, help="Pass over what is no fact, and count it, rather than stop at the first.")
@click.option("--export", "target", type=FILE, metavar="FILE", help="Write the facts that stand on the topic to FILE, as HIF (JSON).")
@json_option
@sign_option
@kafka_options
def facts(
    settings: KafkaSettings,
    files: tuple[Path, ...],
    columns: str | None,
    ontology: Path | None,
    encoding: str | None,
    dry_run: bool,
    retract: bool,
    removals: tuple[str, ...],
    skip_bad: bool,
    target: Path | None,
    as_json: bool,
) -> None:
    """Send facts from FILEs (folders and patterns, too; `-`: standard input), remove some, or write those that stand to a file.

    A FILE is JSON Lines or JSON, CSV or TSV, Parquet, an edge list (.edgelist), RDF (.nt, .nq, .ttl, .trig, .rdf), GraphML or HIF, also
    compressed. A table's header says what is what: subject, predicate, object, or head, relation, tail, and if wanted fact_id, source
    and qualifiers.NAME; without a header --columns says it. All FILEs are read and checked before the first fact is sent.

    The key of a fact is its fact_id, else a hash of the statement; a later fact of the same key replaces the earlier.
    """
    if not files and not removals and target is None:
        raise click.UsageError("name a FILE of facts, a --remove KEY, or a FILE to --export to")
    if target is not None and (files or removals):
        raise click.UsageError("--export writes what stands on the topic: name no FILE and no --remove beside it")
    if target is not None:
        export(settings, target)
        return
    if not dry_run:
        check_topic(settings)
    with (
        on_disk(files) as paths,
        surveyed([fact_reader(path, skip_bad or dry_run, columns, ontology, encoding, shown) for path, shown in paths], dry_run) as survey,
    ):
        sent, removed = (0, 0) if dry_run else send(settings, survey, retract, removals)
    tell(settings, survey, sent, removed, dry_run, as_json)
    if files and not survey.read:
        raise click.exceptions.Exit(2)


def fact_reader(
    path: Path,
    skip_bad: bool | None = False,
    columns: str | None = None,
    ontology: Path | None = None,
    encoding: str | None = None,
    shown: str | None = None,
) -> FactReader:
    """What reads the facts of one file.

    Raises:
        UserError: `columns` are not those of a fact.
        ConfigError: the ontology cannot be read.
    """
    from streams.knowledge.importing.columns import Wanted
    from streams.knowledge.importing.reader import FactReader
    from streams.knowledge.ontology import Ontology

    known = Ontology.load(ontology) if ontology else Ontology()
    wanted = Wanted.parse(columns) if columns else None
    return FactReader(path, skip_bad, wanted, known, encoding=encoding, shown=shown)


@contextlib.contextmanager
def surveyed(readers: Sequence[FactReader], dry_run: bool = False) -> Iterator[Survey]:
    """What some files hold, all read and checked.

    Raises:
        UserError: as the readers do; a dry run notes it and goes on.
    """
    with tempfile.SpooledTemporaryFile(max_size=1 << 26) as spool:
        survey = Survey(spool)
        for reader in readers:
            survey.add(reader, dry_run)
        yield survey


@contextlib.contextmanager
def on_disk(files: tuple[Path, ...]) -> Iterator[list[tuple[Path, str]]]:
    """The files, with what to call them; standard input as a file."""
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder, "input")
        if Path("-") in files:
            with held.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
        yield [(held, "-") if str(path) == "-" else (path, str(path)) for path in files]


def check_topic(settings: KafkaSettings) -> None:
    """Raises UserError where the topic is not as it should be, BrokerError where no broker answers."""
    from streams.kafka.admin import check_topics

    check_topics(settings, [settings.topics.facts]).raise_if_wrong()


def send(settings: KafkaSettings, survey: Survey, retract: bool = False, removals: tuple[str, ...] = ()) -> tuple[int, int]:
    """Send every fact of a survey, or a tombstone for it, then the other tombstones; how many of both."""
    from cli.sending import own_source
    from schemas.topics import PRODUCER_HEADER
    from streams.kafka.producer import Producer

    topic, headers = settings.topics.facts, [(PRODUCER_HEADER, own_source("facts").encode())]
    sent = removed = 0
    with Producer(settings) as producer:
        for fact in survey.facts():
            if retract:
                producer.send_bytes(topic.name, fact.fact_id.encode(), None)
                removed += 1
            else:
                producer.send(topic, fact.fact_id, fact, headers)
                sent += 1
        for key in removals:
            producer.send_bytes(topic.name, key.encode(), None)
            removed += 1
        producer.flush()
    return sent, removed


def tell(settings: KafkaSettings, survey: Survey, sent: int, removed: int, dry_run: bool, as_json: bool) -> None:
    """What was read and done."""
    import json

    topic = settings.topics.facts.name
    if as_json:
        say(json.dumps({"topic": topic, "sent": sent, "removed": removed, **survey.as_dict()}, ensure_ascii=False))
        return
    survey.show()
    source = counted(len(survey.files), "file")
    if dry_run:
        parts = [f"read {counted(survey.read, 'fact')} in {source}; nothing was sent"]
    else:
        parts = [f"sent {counted(sent, 'fact')} from {source} to {topic}"]
    if removed:
        parts.append(f"removed {removed}")
    if survey.bad:
        parts.append(f"skipped {counted(len(survey.bad), 'bad line')}")
    say("; ".join(parts))


def export(settings: KafkaSettings, target: Path) -> None:
    """Write the facts that stand to a HIF file."""
    import json

    from schemas.errors import BadRecord
    from schemas.fact import Fact
    from streams.kafka.consumer import read_range
    from streams.knowledge.importing.hif import document_of

    standing: dict[bytes | None, Fact] = {}
    bad = 0
    for record in read_range(settings, settings.topics.facts.name):
        standing.pop(record.key, None)
        if record.value is not None:
            try:
                standing[record.key] = Fact.decode(record.value)
            except BadRecord:
                bad += 1
    target.write_text(json.dumps(document_of(standing.values()), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    told = f"; left out {counted(bad, 'record')} that cannot be read" if bad else ""
    say(f"wrote {counted(len(standing), 'fact')} to {target}{told}")
