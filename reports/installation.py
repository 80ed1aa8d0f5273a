"""A whole installation at one moment: its topics, groups, nodes, models, dead letters and newest answers. For `pelton watch`."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kafka.admin import OffsetSpec
from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import BadRecord, BrokerError, PeltonError
from schemas.graph_reward import GraphReward
from schemas.model_version import ModelVersion
from streams.kafka.admin import partition_offsets
from streams.kafka.connection import open_admin
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.lag_watch import LagWatch
from streams.kafka.reader import TopicReader
from streams.metrics.server import FILE, PORTS

if TYPE_CHECKING:
    from kafka import TopicPartition

    from streams.kafka.consumer import Record
    from streams.kafka.lag_watch import Judged
    from streams.kafka.settings import KafkaSettings

RATE_S = 30.0
"""What a topic's rate is a mean of."""
NEWEST = 20
"""Records of a partition that are looked at of answers, and of dead letters."""
SCRAPE_S = 1.0
DEPTH = ("*", "*/*", "*/*/*", "*/*/*/*")
"""Where folders of nodes lie below one that is named."""


@dataclass(frozen=True)
class TopicRow:
    """One topic."""

    name: str
    """Without the prefix."""
    records: int
    """Offsets between its first and its end."""
    per_second: float | None
    """Records that came, a second; None at the first look."""


@dataclass(frozen=True)
class NodeRow:
    """One node, as its metrics' port has it."""

    node: str
    run_id: str
    address: str
    state: str
    """`ready`, what it waits for, or `away`."""
    values: dict[str, float] = field(default_factory=dict)
    """Metrics by name, summed over labels, or the newest where a sum says nothing."""
    broker: str = ""
    """The address it was given of its broker; empty of one that does not say."""
    topic_prefix: str | None = None


@dataclass(frozen=True)
class View:
    """All that is shown."""

    at: datetime
    broker: str
    prefix: str
    topics: Sequence[TopicRow] = ()
    lag: Sequence[Judged] = ()
    nodes: Sequence[NodeRow] = ()
    models: Sequence[ModelVersion] = ()
    """Newest of each run, the newest run first."""
    dead_letters: dict[str, int] = field(default_factory=dict)
    """Newest ones, by reason."""
    dead_letters_in_all: int = 0
    answers: Sequence[GraphReward] = ()
    """Newest first."""
    trouble: str = ""
    """Why something is missing."""


class Installation:
    """Looks again and again. One thread owns it."""

    def __init__(self, settings: KafkaSettings, folders: Sequence[Path]) -> None:
        self._settings = settings
        self._folders = folders
        self._lag: LagWatch | None = None
        self._reader: TopicReader | None = None
        self._ends: deque[tuple[float, dict[str, int]]] = deque()

    def look(self) -> View:
        """What there is now; of a broker that is away, the nodes alone."""
        settings = self._settings
        view = View(
            datetime.now().astimezone(), settings.bootstrap_servers, settings.topic_prefix, nodes=here(nodes_of(self._folders), settings)
        )
        try:
            return self._with_topics(view)
        except PeltonError as error:
            self.close()
            return View(view.at, view.broker, view.prefix, nodes=view.nodes, trouble=str(error))

    def _with_topics(self, view: View) -> View:
        settings, topics = self._settings, self._settings.topics
        self._lag = self._lag or LagWatch(settings, window_s=60.0)
        self._reader = self._reader or TopicReader(settings)
        with open_admin(settings, "watching topics") as admin:
            there = [topic.name for topic in topics if topic.name in set(admin.list_topics())]
            begins = partition_offsets(admin, there, OffsetSpec.EARLIEST)
            ends = partition_offsets(admin, there, OffsetSpec.LATEST)
        if not there:
            raise BrokerError(f"no topic of {settings.topic_prefix} is there yet; make them with `pelton topics create`")
        letters = self._newest(topics.dead_letters.name, begins, ends)
        dead = {tp: end - begins[tp] for tp, end in ends.items() if tp.topic == topics.dead_letters.name}
        return View(
            view.at,
            view.broker,
            view.prefix,
            self._topic_rows(begins, ends),
            self._lag.look(),
            view.nodes,
            newest_models(self._reader.topic(topics.models.name)) if topics.models.name in there else (),
            dict(Counter(letter.reason.value for letter, _ in read_dead_letters(settings, letters)).most_common()),
            sum(dead.values()),
            _rewards(self._newest(topics.rewards.name, begins, ends)),
        )

    def _newest(self, topic: str, begins: dict[TopicPartition, int], ends: dict[TopicPartition, int]) -> list[Record]:
        assert self._reader is not None
        start = {(tp.topic, tp.partition): max(begins[tp], end - NEWEST) for tp, end in ends.items() if tp.topic == topic}
        return list(self._reader.onwards(start)) if start else []

    def _topic_rows(self, begins: dict[TopicPartition, int], ends: dict[TopicPartition, int]) -> list[TopicRow]:
        now, prefix = time.monotonic(), self._settings.topic_prefix
        sums: dict[str, int] = {}
        kept: dict[str, int] = {}
        for tp, end in ends.items():
            sums[tp.topic] = sums.get(tp.topic, 0) + end
            kept[tp.topic] = kept.get(tp.topic, 0) + end - begins[tp]
        self._ends.append((now, sums))
        while now - self._ends[0][0] > RATE_S and len(self._ends) > 2:
            self._ends.popleft()
        since, first = self._ends[0]
        seconds = now - since
        return [
            TopicRow(topic.name.removeprefix(prefix), kept[topic.name], rate)
            for topic in self._settings.topics
            if (last := sums.get(topic.name)) is not None
            for rate in [(last - first.get(topic.name, last)) / seconds if seconds > 0 else None]
        ]

    def close(self) -> None:
        """Disconnect; a later look connects anew."""
        for open_one in (self._lag, self._reader):
            if open_one is not None:
                open_one.close()
        self._lag = self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _rewards(records: Iterable[Record]) -> list[GraphReward]:
    found = []
    for record in records:
        try:
            found.append(GraphReward.decode(record.value))
        except BadRecord:
            continue
    return sorted(found, key=lambda reward: -(reward.judged_at or 0.0))


def newest_models(records: Iterable[Record]) -> list[ModelVersion]:
    """The newest version of each run, the newest run first."""
    newest: dict[str, ModelVersion] = {}
    for record in records:
        if record.value is None:
            continue
        try:
            version = ModelVersion.decode(record.value)
        except BadRecord:
            continue
        if version.run_id not in newest or version.step >= newest[version.run_id].step:
            newest[version.run_id] = version
    return sorted(newest.values(), key=lambda version: -(version.created_at or 0.0))


def nodes_of(folders: Sequence[Path]) -> list[NodeRow]:
    """Nodes that say in these folders where they serve, and those on the ports where each kind serves unless it is told."""
    said = [_json(path) for folder in folders for path in (folder / FILE, *(p for part in DEPTH for p in folder.glob(f"{part}/{FILE}")))]
    wanted = {(one["host"], one["port"]): one for one in said if one}
    for node, port in PORTS.items():
        wanted.setdefault(("127.0.0.1", port), {"node": node, "host": "127.0.0.1", "port": port, "run_id": None, "guessed": True})
    rows = [scraped(one) for one in wanted.values()]
    order = [*PORTS]
    found = [row for row in rows if row is not None]
    return sorted(found, key=lambda row: (order.index(row.node) if row.node in order else len(order), row.run_id, row.address))


def here(nodes: Sequence[NodeRow], settings: KafkaSettings) -> list[NodeRow]:
    """Without those of another prefix, whose topics are others; one that names its broker otherwise (which may be the same) says so."""
    mine = [node for node in nodes if node.topic_prefix in (None, settings.topic_prefix)]
    return [
        replace(node, state=f"at {node.broker}: {node.state}") if node.broker not in ("", settings.bootstrap_servers) else node
        for node in mine
    ]


def scraped(said: dict[str, object]) -> NodeRow | None:
    """What a node's port tells; None of a port where nobody was announced and nobody answers."""
    address = f"{said['host']}:{said['port']}"
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=SCRAPE_S) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
    except (OSError, ValueError):
        return None if said.get("guessed") else NodeRow(str(said["node"]), str(said["run_id"] or "-"), address, "away")
    values: dict[str, float] = {}
    node, run = str(said["node"]), str(said["run_id"] or "-")
    broker, prefix = "", None
    for sample in (sample for family in families for sample in family.samples):
        values[sample.name] = values.get(sample.name, 0.0) + sample.value if sample.name.endswith("_total") else sample.value
        if sample.name == "pelton_build_info":
            node = sample.labels.get("node", node)
        if sample.name == "pelton_run_info":
            run = sample.labels.get("run_id", run)
        if sample.name == "pelton_installation_info":
            broker, prefix = sample.labels.get("broker", ""), sample.labels.get("topic_prefix")
    return NodeRow(node, run, address, _readiness(address), values, broker, prefix)


def _readiness(address: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=SCRAPE_S) as answer:
            return "; ".join(answer.read().decode().split("\n")).strip("; ")
    except urllib.error.HTTPError as error:
        return error.read().decode(errors="replace").split("\n")[0]
    except OSError:
        return "away"


def _json(path: Path) -> dict[str, object] | None:
    try:
        found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
        return found if {"node", "host", "port"} <= found.keys() else None
    except (OSError, ValueError):
        return None
