"""Whether every good record was trained exactly once, as the newest checkpoint's ledger says."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from schemas.errors import BadRecord, CheckpointError
from schemas.graph_reward import GraphReward
from schemas.sample import Sample
from schemas.training_sample import Objective
from streams.kafka.consumer import read_range
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.settings import KafkaSettings
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome
from trainer_node.commit.manifest import checkpoints

DONE = {Outcome.TRAINED, Outcome.UNREWARDED}
"""A prompt whose answers earned nothing in time was answered once, too."""


def ledger_rows(run_dir: Path) -> list[LedgerRow]:
    """The rows of the newest checkpoint; read again where it was replaced meanwhile."""
    for _ in range(20):
        whole = checkpoints(run_dir, deep=False)
        if whole:
            try:
                return list(Ledger(run_dir / "ledger", whole[-1].manifest.segments).rows())
            except CheckpointError:
                pass
        time.sleep(0.5)
    return []


def by_nodes(settings: KafkaSettings) -> dict[str, str]:
    """What our own nodes sent back to the stream: kind of each, by its id."""
    found = {}
    for record in read_range(settings, settings.topics.samples.name):
        try:
            sample = Sample.decode(record.value)
        except BadRecord:
            continue
        if sample.is_ours:
            found[sample.sample_id] = f"{sample.origin}"
    return found


def taken_objectives(rows: list[LedgerRow]) -> set[str]:
    """Those of which the trainer has trained anything."""
    return {objective.value for objective in Objective for row in rows if f".{objective.value}." in row.topic and row.outcome in DONE}


def account(sent: dict[str, str], rows: list[LedgerRow], not_taken: set[str]) -> dict[str, Any]:
    """By kind: how many were sent, and how many of these are missing or there twice.

    Args:
        sent: kind of each good sample, by its id.
        rows: the ledger.
        not_taken: kinds that this trainer does not train.
    """
    times = Counter(row.sample_id for row in rows if row.outcome in DONE)
    measured = {row.sample_id for row in rows if row.outcome is Outcome.VALIDATION}
    result: dict[str, Any] = {}
    for kind in sorted(set(sent.values())):
        ids = [name for name, its in sent.items() if its == kind]
        if kind == "validation":
            missing, twice = [name for name in ids if name not in measured], [name for name in ids if times[name]]
        else:
            missing, twice = [name for name in ids if not times[name]], [name for name in ids if times[name] > 1]
        result[kind] = {"sent": len(ids), "missing": len(missing), "twice": len(twice), "examples": sorted(missing + twice)[:5]}
        if kind in not_taken:
            result[kind] |= {"missing": 0, "examples": [], "not_taken": len(missing)}
    foreign = set(times) - set(sent)
    return result | {"foreign": len(foreign)}


def is_exact(counted: dict[str, Any]) -> bool:
    """Nothing missing, twice or foreign."""
    return counted["foreign"] == 0 and not any(kind["missing"] or kind["twice"] for kind in counted.values() if isinstance(kind, dict))


def not_judged(settings: KafkaSettings, outputs: set[str]) -> int:
    """Outputs without a reward."""
    judged = set()
    for record in read_range(settings, settings.topics.rewards.name):
        judged.add(GraphReward.decode(record.value).output_id)
    return len(outputs - judged)


def letters(settings: KafkaSettings) -> dict[str, Any]:
    """Dead letters of the producer whose records are bad, and of others."""
    mad: Counter[tuple[str, int, int]] = Counter()
    others: list[str] = []
    for letter, record in read_dead_letters(settings):
        if (record.key or b"").startswith(b"bad-"):
            mad[(letter.topic, letter.partition, letter.offset)] += 1
        else:
            others.append(f"{letter.stage} {letter.reason.value}: {letter.error[:150]}")
    return {"bad_records": len(mad), "repeated": sum(count - 1 for count in mad.values()), "others": len(others), "examples": others[:5]}
