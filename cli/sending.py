"""Sending files of samples, with progress; and what `facts` shares of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.terminal import say

if TYPE_CHECKING:
    from cli.sample_reader import SampleReader
    from reading.summary import FileSummary
    from streams.kafka.producer import Producer
    from streams.kafka.settings import KafkaSettings

BULK_LINGER_MS = 50
"""How long a record of a file waits for others to share its batch, in milliseconds: nobody waits for it, and full batches cost less."""
PROGRESS_FROM_BYTES = 1_000_000
"""Files smaller than this are sent before a bar could be read."""


@contextlib.contextmanager
def progress_of(path: Path) -> Iterator[Callable[[int], None] | None]:
    """A bar on the terminal, to be told of bytes read; None where the file is short, or nobody watches."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    size = 0 if str(path) == "-" else path.stat().st_size
    if size < PROGRESS_FROM_BYTES or not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(path.name, total=size)
        yield lambda count: bar.advance(task, count)


def counted(number: int, noun: str) -> str:
    """`1 fact`, `2 facts`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@dataclass
class SamplesSummary:
    """What was read of files of samples, and what was sent."""

    files: list[FileSummary]
    topic: str | None = None
    """None: nothing was sent, only read."""
    sent: int = 0
    ids_overflowed: bool = False
    """Whether there were more producers' ids than are remembered."""

    @property
    def read(self) -> int:
        """Samples read."""
        return sum(file.read for file in self.files)

    @property
    def skipped(self) -> int:
        """Rows passed over."""
        return sum(file.skipped.total() for file in self.files)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        made = {"files": [file.as_dict() for file in self.files], "read": self.read, "skipped": self.skipped}
        return made if self.topic is None else {"topic": self.topic, "sent": self.sent, **made}


def dry_run(readers: Sequence[SampleReader]) -> SamplesSummary:
    """Read every file to its end, and send nothing; what is wrong with a whole file is noted as its own."""
    from reading.refusal import Skip
    from schemas.errors import UserError

    for reader in readers:
        with progress_of(reader.path) as progress:
            try:
                for _ in reader.read(progress):
                    pass
            except UserError as error:
                reader.summary.skip(0, Skip.BAD_FILE, str(error).removeprefix(f"{reader.path}: "))
    return SamplesSummary([reader.summary for reader in readers])


def own_source(command: str = "produce") -> str:
    """Who sends, where nobody says: this command on this machine."""
    import socket

    return f"pelton-{command}@{socket.gethostname()}"


def send_samples(settings: KafkaSettings, readers: Sequence[SampleReader], source: str) -> SamplesSummary:
    """Send every sample of every file, said to be of this source, and wait for the acknowledgements.

    Raises:
        UserError: a bad row; what stood before it has been sent, and sending the file again is safe, ids being the same.
        BrokerError: the broker is away, or did not acknowledge every record.
    """
    from reading.refusal import Skip
    from schemas.errors import BadRecord
    from schemas.topics import PRODUCER_HEADER
    from streams.kafka.admin import check_topics
    from streams.kafka.producer import Producer

    topic, headers = settings.topics.samples, [(PRODUCER_HEADER, source.encode())]
    check_topics(settings, [topic]).raise_if_wrong()
    summary = SamplesSummary([reader.summary for reader in readers], topic.name)
    with Producer(settings, linger_ms=BULK_LINGER_MS) as producer:
        for reader in readers:
            try:
                with progress_of(reader.path) as progress:
                    for prepared in reader.read(progress):
                        try:
                            producer.send_bytes(topic.name, prepared.sample_id.encode(), prepared.value(), headers)
                        except BadRecord as error:
                            reader.refuse(prepared.line, Skip.TOO_LARGE, error.detail)
                            continue
                        summary.sent += 1
            finally:
                _flush(producer)
    return summary


def _flush(producer: Producer) -> None:
    from schemas.errors import BrokerError

    try:
        producer.flush()
    except BrokerError as error:
        raise BrokerError(f"{error}; sending the same files again is safe: what the broker has taken is known by its id") from error


def show_samples(summary: SamplesSummary, as_json: bool) -> None:
    """Tell the person, or the program, what was found and what was sent."""
    if as_json:
        import json

        say(json.dumps(summary.as_dict()))
        return
    for file in summary.files:
        for line in told(file):
            say(line)
    end = [f"read {counted(summary.read, 'sample')} of {counted(len(summary.files), 'file')}, and sent none: a dry run"]
    if summary.topic is not None:
        end = [f"sent {counted(summary.sent, 'sample')} from {counted(len(summary.files), 'file')} to {summary.topic}"]
    if summary.skipped:
        end.append(f"skipped {counted(summary.skipped, 'bad row')}")
    say("; ".join(end))


def told(file: FileSummary) -> Iterator[str]:
    """What was found in a file, line by line."""
    tasks = ", ".join(f"{count} {task}" for task, count in file.by_task.most_common())
    yield f"{file.path}: {file.format or 'nothing'}, {file.shape}: {counted(file.read, 'sample')}{f' ({tasks})' if tasks else ''}"
    for reason, count in file.skipped.most_common():
        yield f"  skipped {count} {reason.value}, as {file.examples[reason][0]}"
    for column, rows in file.ignored.most_common(10):
        yield f"  ignored column {column!r} on {counted(rows, 'row')}{likely(column)}"
    if len(file.ignored) > 10:
        yield f"  ignored {len(file.ignored) - 10} more columns"
    for rule, rows in file.notes.most_common():
        yield f"  {rule}: {counted(rows, 'row')}"
    if file.repeated_ids:
        repeated = counted(file.repeated_ids, "row")
        yield f"  {repeated} with an id that stands for other content, as {file.first_repeated}: the first is trained"


def likely(column: str) -> str:
    """Which known column an ignored one is like."""
    from reading.columns import KNOWN, meant, usual

    close = None if usual(column) in KNOWN else meant(column)
    return f": is {close!r} meant?" if close else ""
