"""What `pelton doctor` looks at: each look gives findings, a line each, with what to do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import PeltonError
from schemas.printable import escaped
from schemas.version import UNKNOWN, own_version

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

OK, NOTE, BAD = "ok", "note", "bad"
SKEW_S = 60.0
"""A record from so far in the future means that two clocks disagree."""
SECONDS_BELOW_MS = 100_000_000_000
"""Milliseconds since the epoch of March 1973: a record's time below is one in seconds, or none."""
LEAST_BYTES, FEW_BYTES = 1 << 30, 10 << 30
OLDEST_KAFKA = (2, 8)
GPU_PACKAGES = ("unsloth", "bitsandbytes")


@dataclass(frozen=True)
class Finding:
    """One line."""

    area: str
    level: str
    """`ok`, `note` (it works, and somebody should know) or `bad`."""
    told: str
    todo: str = ""


def looks(settings: KafkaSettings, folder: Path) -> Iterator[Finding]:
    """All looks, in the order in which one would mend what they find."""
    yield from guarded("packages", packages)
    yield from guarded("disk", lambda: disk(folder))
    yield from guarded("GPU", device)
    reached = False
    for finding in guarded("broker", lambda: broker(settings)):
        reached = reached or finding.level != BAD
        yield finding
    if not reached:
        yield Finding("topics", NOTE, "not looked at, nor groups and clocks: no broker")
        return
    yield from guarded("topics", lambda: topics(settings))
    yield from guarded("clock", lambda: clocks(settings))
    yield from guarded("groups", lambda: groups(settings))


def guarded(area: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A look that fails is a finding, too."""
    try:
        yield from look()
    except PeltonError as error:
        yield Finding(area, BAD, escaped(" ".join(str(error).split())))


def packages() -> Iterator[Finding]:
    """Whether what is installed is what Pelton asks for."""
    from packaging.requirements import Requirement

    if own_version() == UNKNOWN:
        yield Finding("packages", BAD, "pelton itself is not installed: it runs from a folder, and what it asks for is not known",
                      "pip install ., in that folder, or `make setup` in a clone")  # fmt: skip
        return
    wrong = []
    wanted = [Requirement(line) for line in requires("pelton") or ()]
    for one in wanted:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            if version(one.name) not in one.specifier:
                wrong.append(f"{one.name} {version(one.name)} (wanted {one.specifier})")
        except PackageNotFoundError:
            wrong.append(f"{one.name} is not installed")
    if wrong:
        yield Finding("packages", BAD, "; ".join(wrong), "pip install -U pelton, or `make setup` in a clone")
    else:
        shown = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl", "kafka-python"))
        yield Finding("packages", OK, f"pelton {own_version()} and all it asks for ({shown})")


def disk(folder: Path) -> Iterator[Finding]:
    """Room and rights where runs are written."""
    from cli.runs import make_folder

    home = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    make_folder(home, is_new=False)
    free = shutil.disk_usage(home).free
    told = f"{free / 2**30:.1f} GiB free at {home.absolute()}"
    if free < LEAST_BYTES:
        yield Finding("disk", BAD, told, "make room: a checkpoint needs as much as its model, twice for a while")
    elif free < FEW_BYTES:
        yield Finding("disk", NOTE, told, "lower --keep-checkpoints, or make room")
    else:
        yield Finding("disk", OK, f"{told}; folders can be made and renamed")


def device() -> Iterator[Finding]:
    """What a run would train on, and how."""
    import torch

    from trainer_node.models.placement import choose_bits, choose_device, is_installed

    chosen = choose_device(None)
    bits = choose_bits(None, chosen)
    if not chosen.startswith("cuda"):
        yield Finding("GPU", NOTE, f"none that torch {torch.__version__} can use: runs train on {chosen}, with {bits} bits",
                      "on a machine with one, see `nvidia-smi`, and whether torch was built for its driver")  # fmt: skip
        return
    free, whole = torch.cuda.mem_get_info()
    told = f"{torch.cuda.get_device_name()}, {free / 2**30:.1f} of {whole / 2**30:.1f} GiB free, CUDA {torch.version.cuda}; {bits} bits"
    missing = [name for name in GPU_PACKAGES if not is_installed(name)]
    if missing:
        yield Finding("GPU", NOTE, f"{told}; {' and '.join(missing)} not installed", "pip install 'pelton[gpu]'")
    else:
        yield Finding("GPU", OK, f"{told}, with Unsloth")
    if free < whole / 10:
        yield Finding("GPU", NOTE, "nine tenths of its memory are in use by others", "see `nvidia-smi`")


def broker(settings: KafkaSettings) -> Iterator[Finding]:
    """Whether it answers, and which version it has."""
    from streams.kafka.admin import broker_version, offsets_retention
    from streams.kafka.connection import listens

    away = [server for server in settings.servers if not listens(server)]
    if len(away) == len(settings.servers):
        why = f"nothing listens at {', '.join(away)}"
        yield Finding("broker", BAD, why, "start one with `pelton broker`, or set KAFKA_BOOTSTRAP_SERVERS")
        return
    brokers, told = broker_version(settings)
    yield Finding("broker", OK, f"{settings.bootstrap_servers} ({settings.security_protocol}): Kafka {told}, {brokers} broker(s)")
    numbers = tuple(int(part) for part in told.split(".")[:2] if part.isdigit())
    if numbers and numbers < OLDEST_KAFKA:
        yield Finding("broker", BAD, f"Kafka {told} is older than {'.'.join(map(str, OLDEST_KAFKA))}", "upgrade it")
    if away:
        yield Finding("broker", NOTE, f"nothing listens at {', '.join(away)}", "start it, or take it out of the addresses")
    if retention := offsets_retention(settings):
        yield Finding("broker", NOTE, retention)


def topics(settings: KafkaSettings) -> Iterator[Finding]:
    """Whether each is as the catalogue says."""
    from streams.kafka.admin import check_topics

    report = check_topics(settings, settings.topics)
    missing = [topic.name for topic in report.topics if topic.state == "missing"]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        yield Finding("topics", BAD, f"missing: {', '.join(missing[:3])}{more}", "pelton topics create")
    for topic in report.topics:
        if topic.state in ("wrong", "risky"):
            level = BAD if topic.state == "wrong" else NOTE
            todo = "pelton topics create" if topic.state == "risky" else "see docs/operations.md: settings of topics"
            yield Finding("topics", level, f"{topic.name}: {'; '.join(topic.problems)}", todo)
    if report.ok and not any(topic.state == "risky" for topic in report.topics):
        yield Finding("topics", OK, f"{len(report.topics)} topics under {settings.topic_prefix}, with the settings that they need")


def clocks(settings: KafkaSettings) -> Iterator[Finding]:
    """The times of the newest records, against this machine's clock."""
    ahead: dict[str, float] = {}
    odd: dict[str, int] = {}
    now = time.time() * 1000
    for topic, stamp in newest_times(settings).items():
        if 0 <= stamp < SECONDS_BELOW_MS:
            odd[topic] = stamp
        elif stamp - now > SKEW_S * 1000:
            ahead[topic] = (stamp - now) / 1000
    for topic, stamp in odd.items():
        as_seconds = datetime.fromtimestamp(stamp, UTC).isoformat() if stamp > 1_000_000_000 else "no time at all"
        told = f"the newest record of {topic} says {stamp} ms: as seconds that is {as_seconds}; retention deletes it at once"
        yield Finding("clock", BAD, told, "have the producer send milliseconds, and let the broker's clock tell: pelton topics create")
    for topic, seconds in ahead.items():
        told = f"the newest record of {topic} is {seconds:.0f} s in the future"
        yield Finding("clock", BAD, told, "set the clocks of this machine, the broker's and the producer's by NTP")
    if not odd and not ahead:
        yield Finding("clock", OK, f"{datetime.now().astimezone().isoformat(timespec='seconds')} here; no record is of another time")


def newest_times(settings: KafkaSettings) -> dict[str, int]:
    """By topic, the time of its newest record, in milliseconds since the epoch."""
    from kafka.admin import OffsetSpec

    from streams.kafka.admin import partition_offsets
    from streams.kafka.connection import open_admin
    from streams.kafka.reader import TopicReader

    with open_admin(settings, "looking for the newest records") as admin:
        there = {topic.name for topic in settings.topics} & set(admin.list_topics())
        ends = partition_offsets(admin, there, OffsetSpec.LATEST)
        begins = partition_offsets(admin, there, OffsetSpec.EARLIEST)
    start = {(tp.topic, tp.partition): max(begins[tp], end - 3) for tp, end in ends.items() if end > begins[tp]}
    found: dict[str, int] = {}
    with TopicReader(settings) as reader:
        for record in reader.onwards(start) if start else ():
            found[record.topic] = record.timestamp
    return found


def groups(settings: KafkaSettings) -> Iterator[Finding]:
    """Whether somebody reads what waits."""
    from streams.kafka.lag_watch import LagWatch

    with LagWatch(settings, window_s=0) as watched:
        rows = watched.look()
    deserted: dict[str, int] = {}
    for row in rows:
        if row.lag.lag and not row.members and row.word.value != "CLOSED":
            deserted[row.lag.group] = deserted.get(row.lag.group, 0) + row.lag.lag
    for group, lag in deserted.items():
        node = group.removeprefix(settings.topic_prefix).partition(".")[0]
        todo = f"start `pelton {'train' if node == 'trainer' else f'worker {node}'}`, if it is to run"
        yield Finding("groups", NOTE, f"{escaped(group)}: {lag} offsets wait, and nobody reads as this group", todo)
    for row in rows:
        if row.lag.lost:
            yield Finding("groups", BAD, f"{escaped(row.lag.group)} has lost {row.lag.lost} offsets of {row.lag.topic} to retention",
                          "lengthen retention.ms of the topic, and see docs/operations.md")  # fmt: skip
    living = {row.lag.group for row in rows if row.members}
    if not deserted:
        yield Finding("groups", OK, f"{len(living)} groups at work" if living else "no group is at work, and nothing waits")
