"""`pelton dead-letters`: list, show and replay records that could not be used."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Group, json_option, kafka_options, sign_option
from cli.terminal import say, styled

if TYPE_CHECKING:
    from schemas.dead_letter import DeadLetter
    from streams.kafka.consumer import Record
    from streams.kafka.settings import KafkaSettings

PAYLOAD_CHARS = 4000
"""How much of a payload `show` prints, unless --full."""


@click.group(cls=Group)
def dead_letters() -> None:
    """List, show and replay records that could not be used."""


@dead_letters.command("list")
@click.option("--reason", metavar="REASON", help="Only those dead-lettered for this reason.")
@click.option("--stage", metavar="STAGE", help="Only those dead-lettered by this node.")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="How many of the newest to show.")
@json_option
@kafka_options
def list_letters(settings: KafkaSettings, reason: str | None, stage: str | None, limit: int, as_json: bool) -> None:
    """Count dead letters by stage and reason, and show the newest. With --json, all of them."""
    check_reason(reason)
    letters = [letter for letter, _ in matching(settings, reason, stage)]
    if as_json:
        say(json.dumps([letter.model_dump(mode="json", exclude_none=True) for letter in letters]))
        return
    if not letters:
        say("no dead letters")
        return
    for (where, why), count in sorted(Counter((letter.stage, letter.reason.value) for letter in letters).items()):
        say(f"{count:7}  {where:12} {why}")
    say()
    for letter in letters[-limit:] if limit else []:
        say(f"{position_of(letter)}  {letter.reason.value}: {one_line(letter.error)}")


@dead_letters.command()
@click.argument("position", metavar="TOPIC:PARTITION:OFFSET")
@click.option("--full", is_flag=True, help="Print the whole payload, however long.")
@json_option
@kafka_options
def show(settings: KafkaSettings, position: str, full: bool, as_json: bool) -> None:
    """Show the headers and the payload of the record that stood at TOPIC:PARTITION:OFFSET."""
    letter, record = find(settings, position)
    payload = record.value or b""
    if as_json:
        fields = letter.model_dump(mode="json", exclude_none=True)
        say(json.dumps({**fields, "key": text_of(record.key), "headers": header_pairs(record), "payload": text_of(payload)}))
        return
    for name, value in header_pairs(record):
        say(styled(name, bold=True), f": {value}")
    say(styled("key", bold=True), f": {text_of(record.key)}")
    text = text_of(payload) or ""
    shown = text if full else text[:PAYLOAD_CHARS]
    say(f"\n{shown}", lines=True)
    if len(shown) < len(text):
        say(f"... {len(text) - len(shown)} more characters; --full prints them", fg="yellow", err=True)


@dead_letters.command()
@click.option("--reason", metavar="REASON", help="Those dead-lettered for this reason.")
@click.option("--stage", metavar="STAGE", help="Those dead-lettered by this node.")
@click.option("--source", metavar="NAME", help="Those of this source: its `producer` header, or what its keys begin with, as `show` says.")
@click.option("--position", metavar="TOPIC:PARTITION:OFFSET", help="The record that stood at this position.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option(
    "--value-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Send this value instead; needs --position."
)
@json_option
@sign_option
@kafka_options
def replay(
    settings: KafkaSettings,
    reason: str | None,
    stage: str | None,
    source: str | None,
    position: str | None,
    everything: bool,
    value_file: Path | None,
    as_json: bool,
) -> None:
    """Send dead letters back to the topics they came from, under the same key, with a header that says so.

    A sample replayed twice is one sample, its id being the same.
    """
    check_reason(reason)
    if value_file and not position:
        raise click.UsageError("--value-file mends one record: name it with --position")
    if not (reason or stage or source or position or everything):
        raise click.UsageError("name what to replay: --reason, --stage, --source, --position or --all")
    if position:
        letter, record = find(settings, position)
        value = repaired(settings, letter, value_file) if value_file else None
        sent, left = send_back(settings, [(letter, record)], value)
    else:
        sent, left = send_back(settings, matching(settings, reason, stage, source))
    if as_json:
        say(json.dumps({"replayed": sent, "left": left}))
        return
    for line in left:
        say(f"left {line}", fg="yellow", err=True)
    say(f"replayed {sent} of {sent + len(left)} dead letters")


def send_back(settings: KafkaSettings, chosen: Iterable[tuple[DeadLetter, Record]], value: bytes | None = None) -> tuple[int, list[str]]:
    """Send each to its topic, with `value` in place of its own where given; how many, and why the others could not be."""
    from schemas.errors import BadRecord
    from streams.kafka.dead_letters import original
    from streams.kafka.producer import Producer

    sent, left = 0, []
    with Producer(settings) as producer:
        for letter, record in chosen:
            if letter.truncated_from is not None and value is None:
                left.append(f"{position_of(letter)}: only a part of its {letter.truncated_from} bytes was kept; use --value-file")
                continue
            key, old, headers = original(letter, record)
            try:
                producer.send_bytes(letter.topic, key, old if value is None else value, headers)
                sent += 1
            except BadRecord as error:
                left.append(f"{position_of(letter)}: {error.detail}")
    return sent, left


def repaired(settings: KafkaSettings, letter: DeadLetter, path: Path) -> bytes:
    """The mended value, checked as its topic's reader will check it.

    Raises:
        UserError: it is still bad.
    """
    from schemas.errors import BadRecord, UserError

    value = path.read_bytes().strip()
    kinds = {topic.name: topic.value for topic in settings.topics}
    if letter.topic in kinds:
        try:
            kinds[letter.topic].decode(value)
        except BadRecord as error:
            raise UserError(f"{path}: still no good for {letter.topic}: {error}") from None
    return value


def matching(
    settings: KafkaSettings, reason: str | None, stage: str | None, source: str | None = None
) -> Iterator[tuple[DeadLetter, Record]]:
    """Dead letters that pass the filters, oldest first."""
    from streams.kafka.dead_letters import read_dead_letters

    for letter, record in read_dead_letters(settings):
        if reason in (None, letter.reason.value) and stage in (None, letter.stage) and source in (None, letter.source):
            yield letter, record


def find(settings: KafkaSettings, position: str) -> tuple[DeadLetter, Record]:
    """The newest dead letter of the record that stood at a position.

    Raises:
        UserError: there is none.
    """
    from schemas.errors import UserError

    parts = position.rsplit(":", 2)
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        raise UserError(f"{position!r} is not TOPIC:PARTITION:OFFSET, such as {settings.topics.samples.name}:0:42")
    found = None
    for letter, record in matching(settings, None, None):
        if position_of(letter) == position:
            found = (letter, record)
    if found is None:
        raise UserError(f"no dead letter of {position}; see `pelton dead-letters list`")
    return found


def check_reason(reason: str | None) -> None:
    """Refuse a reason that is not on the list, rather than find nothing."""
    from schemas.errors import DeadLetterReason

    known = [known.value for known in DeadLetterReason]
    if reason is not None and reason not in known:
        raise click.BadParameter(f"{reason!r} is not one of {', '.join(known)}", param_hint="--reason")


def position_of(letter: DeadLetter) -> str:
    """Where the original stood, as `show` takes it."""
    return f"{letter.topic}:{letter.partition}:{letter.offset}"


def header_pairs(record: Record) -> list[tuple[str, Any]]:
    """Headers as text."""
    return [(name, value.decode("utf-8", "backslashreplace")) for name, value in record.headers]


def text_of(data: bytes | None) -> str | None:
    """Bytes as text, with what is not UTF-8 written as escapes."""
    return None if data is None else data.decode("utf-8", "backslashreplace")


def one_line(text: str) -> str:
    """An error's text without line breaks, cut to a line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 160 else flat[:157] + "..."
