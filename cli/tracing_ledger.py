"""A sample looked up by a run's ledger: no topic is read whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.tracing_topics import Story, banding, done_in, losses_among, position_of, receipt, told_of, training_sample
from schemas.errors import BadRecord
from schemas.sample import Sample
from schemas.training_sample import Objective, TrainingSample
from streams.augmenter.ids import MOST_VARIANTS, variant_id
from streams.kafka.consumer import Record
from streams.kafka.reader import Position, TopicReader
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome

if TYPE_CHECKING:
    from schemas.model_version import ModelVersion
    from trainer_node.commit.manifest import Checkpoint

GENERATIONS = range(1, 6)
"""Generations of variants that are looked for. A variant's own id does not say which one it is of."""


@dataclass(frozen=True)
class Taken:
    """A run, and what was announced."""

    log: TopicReader
    checkpoints: list[Checkpoint]
    """Those of the run that are whole, oldest first; at least one."""
    models: list[tuple[ModelVersion, int]]

    @property
    def newest(self) -> Checkpoint:
        """Whose ledger is looked in."""
        return self.checkpoints[-1]

    @property
    def ledger(self) -> Ledger:
        """Of the newest checkpoint."""
        return Ledger(self.newest.run_dir / "ledger", self.newest.manifest.segments)


def taken_by_run(run: Taken, sample_id: str) -> Story | None:
    """The sample's story by the ledger; None where that does not know it."""
    variants = {variant_id(sample_id, generation, number) for generation in GENERATIONS for number in range(MOST_VARIANTS)}
    found = run.ledger.find({sample_id} | variants)
    rows = [row for row in found if row.sample_id not in variants]
    if not rows:
        return None
    records = run.log.at([_place(row) for row in found])
    banded = {place: record for row in rows if (record := records.get(place := _place(row)))}
    made = [(row, record) for row in found if row.sample_id in variants and (record := records.get(_place(row)))]
    return _story(run, sample_id, rows, banded) | {"variants": [_variant(row, record) for row, record in made]}


def waits_for_run(run: Taken, sample_id: str) -> Story | None:
    """The story of a sample that is in a band, and that the run has not taken yet; None where there is none."""
    banded = _unread(run, sample_id)
    return _story(run, sample_id, [], banded) if banded else None


def _story(run: Taken, sample_id: str, rows: list[LedgerRow], banded: dict[Position, Record]) -> Story:
    samples = {place: sample for place, record in banded.items() if (sample := training_sample(record, sample_id))}
    trained = [row for row in rows if row.outcome is Outcome.TRAINED]
    return {
        "sample_id": sample_id,
        "received": _received(run, list(samples.values())),
        "banded": [banding(banded[place], sample) for place, sample in samples.items()],
        "waiting": _waiting(run, rows, list(samples)),
        "trained": [_told(row) for row in trained],
        "skipped": [_told(row) for row in rows if row.outcome is not Outcome.TRAINED],
        "losses": _losses(run, sample_id, trained, [banded[place].timestamp for place in samples]),
        "variants": [],
        "checkpoints": [
            checkpoint.manifest.name for checkpoint in run.checkpoints if any(_in_checkpoint(checkpoint, row) for row in trained)
        ],
        "models": [told_of(model) for model, _ in run.models if any(_in_model(run, model, row) for row in trained)],
    }


def _place(row: LedgerRow) -> Position:
    return row.topic, row.partition, row.offset


def _told(row: LedgerRow) -> Story:
    return row.document() | {"position": f"{row.topic}:{row.partition}:{row.offset}"}


def _unread(run: Taken, sample_id: str) -> dict[Position, Record]:
    """The sample's records in what the run's newest checkpoint is not done with: as much is read as waits."""
    partitions = run.newest.manifest.feed.position.partitions
    bands = [topic.name for objective in Objective for topic in run.log.settings.topics.bands(objective)]
    starts = {(band, 0): state.watermark if (state := partitions.get(f"{band}:0")) else 0 for band in bands}
    records = run.log.onwards(starts)
    return {(record.topic, record.partition, record.offset): record for record in records if training_sample(record, sample_id)}


def _received(run: Taken, samples: list[TrainingSample]) -> list[Story]:
    """The records of `samples` that the bands' records were made from."""
    sources = [(one.source.topic, one.source.partition, one.source.offset) for one in samples if one.source]
    found = []
    for record in run.log.at(sources).values():
        try:
            found.append(receipt(record, Sample.decode(record.value)))
        except BadRecord:
            continue
    return found


def _waiting(run: Taken, rows: list[LedgerRow], unread: list[Position]) -> list[Story]:
    """What the newest checkpoint is not done with, and how many offsets before it are not done either."""
    done = done_in(run.newest)
    partitions = run.newest.manifest.feed.position.partitions
    found = []
    for topic, partition, offset in [_place(row) for row in rows] or unread:
        if not done(topic, partition, offset):
            state = partitions.get(f"{topic}:{partition}")
            first = max(state.watermark if state else 0, run.newest.manifest.feed.position.pass_start.get(f"{topic}:{partition}", 0))
            behind = sum(not done(topic, partition, before) for before in range(first, offset))
            place = f"{topic}:{partition}:{offset}"
            found.append({"position": place, "behind": behind, "seen_by": f"checkpoint {run.newest.manifest.name}"})
    return found


def _in_checkpoint(checkpoint: Checkpoint, row: LedgerRow) -> bool:
    """Whether a checkpoint's weights were trained on a row. Those of one run that stand are one line, so its step says it."""
    return checkpoint.manifest.step >= row.step


def _in_model(run: Taken, model: ModelVersion, row: LedgerRow) -> bool:
    """Whether an announced model holds a row. One that a crash left behind had other batches: its position must be past the row, too."""
    if model.run_id != run.newest.manifest.run_id or model.step < row.step or model.pass_number < row.pass_number:
        return False
    position = next((one for one in model.positions if (one.topic, one.partition) == (row.topic, row.partition)), None)
    is_past = position is None or row.offset < position.watermark or row.offset in position.done_above
    return is_past or model.pass_number > row.pass_number


def _losses(run: Taken, sample_id: str, trained: list[LedgerRow], banded_at: list[int]) -> list[Story]:
    """Its losses, between the announcements of the models before and after its step; after those, from when it was put in a band."""
    topic = run.log.settings.topics.losses.name
    found: dict[str, Story] = {}
    own = [(model.step, at) for model, at in run.models if model.run_id == run.newest.manifest.run_id]
    for row in trained:
        before, after = [at for step, at in own if step < row.step], [at for step, at in own if step >= row.step]
        end = run.log.offsets_at(topic, min(after) + 1) if after else {}
        for begin_ms in (before[-2] if len(before) > 1 else 0, min(banded_at, default=0)):
            start = run.log.offsets_at(topic, begin_ms)
            told = losses_among(run.log.topic(topic, start=start, end=end), sample_id)
            found |= {event: loss for event, loss in told.items() if loss["run_id"] == run.newest.manifest.run_id}
            if any(loss["step"] == row.step for loss in found.values()):
                break
    return list(found.values())


def _variant(row: LedgerRow, record: Record) -> Story:
    return {"position": position_of(record), "time": record.timestamp, "origin": "augmenter", "sample_id": row.sample_id}
