"""Which samples of `pelton train --dataset-path` were dead-lettered on their way, and why: what a run that trained nothing says."""

from __future__ import annotations

from collections import Counter

from pydantic import ValidationError

from schemas.dead_letter import DeadLetter
from streams.kafka.admin import end_offsets
from streams.kafka.consumer import read_range
from streams.kafka.settings import KafkaSettings
from trainer_node.config import TrainConfig

STAGES = ("curriculum", "trainer")
"""Nodes that a produced sample goes through."""


class RefusedSamples:
    """The dead letters since this was made."""

    def __init__(self, settings: KafkaSettings, run_id: str) -> None:
        self._settings = settings
        self._run_id = run_id
        self._topic = settings.topics.dead_letters.name
        self._begin = {tp.partition: offset for tp, offset in end_offsets(settings, [self._topic]).items()}
        self.reasons: Counter[tuple[str, str]] = Counter()
        """By stage and reason."""
        self._first: dict[tuple[str, str], str] = {}

    def look(self) -> None:
        """Read what has come.

        Raises:
            BrokerError: the broker is away.
        """
        for record in read_range(self._settings, self._topic, start=self._begin):
            try:
                letter = DeadLetter.from_headers(record.headers)
            except ValidationError:
                continue  # not ours
            if letter.stage in STAGES and letter.run_id in (None, self._run_id):
                key = (letter.stage, letter.reason.value)
                self.reasons[key] += 1
                self._first.setdefault(key, f"{letter.sample_id or 'a record'}: {letter.error}")

    def told(self) -> list[str]:
        """One line for each reason, with the first sample that was refused for it."""
        return [
            f"{count} dead-lettered as {reason} by the {stage}, the first {self._first[(stage, reason)]}"
            for (stage, reason), count in self.reasons.most_common()
        ]

    def why_nothing(self, sent: int, config: TrainConfig) -> str:
        """Why none of the samples sent was trained on."""
        if self.reasons:
            return f"of {sent} samples, {'; '.join(self.told())}; see `pelton dead-letters list`"
        kinds = " and ".join(objective.value for objective in config.objectives)
        return f"none of {sent} samples is for --trainer {config.trainer.value}, which trains on {kinds} samples that are not held out"
