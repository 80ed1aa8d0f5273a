"""Records to samples ready to be formatted: decoded, and their texts tokenised, on the thread that reads them.

A step is under way on the training thread meanwhile. Most of the time goes into the tokenizer, which lets other threads run.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from schemas.errors import BadRecord
from schemas.training_sample import TrainingSample
from streams.kafka.consumer import Record
from trainer_node.config import TrainConfig
from trainer_node.formats import BatchTokenizer, prepare


@dataclass(frozen=True)
class Unpacked:
    """What some records hold."""

    samples: list[TrainingSample | BadRecord]
    """For each record its sample, or what is wrong with it."""
    prepare: Callable[[TrainingSample], Any]
    """Brings one of them into the form that it is trained in (`trainer_node.formats`); raises BadRecord."""


class Unpacker:
    """Unpacks the records of one run."""

    def __init__(self, tokenizer: Any, config: TrainConfig) -> None:
        self._tokenizer = copy.deepcopy(tokenizer)  # a fast tokenizer must not be changed (its padding, say) while another thread uses it
        self._config = config

    def __call__(self, records: list[Record]) -> Unpacked:
        """Decode and tokenise; all texts in one call."""
        samples = [decoded(record) for record in records]
        together = BatchTokenizer(self._tokenizer, (sample for sample in samples if isinstance(sample, TrainingSample)))
        return Unpacked(samples, partial(prepare, tokenizer=together, config=self._config))


def decoded(record: Record) -> TrainingSample | BadRecord:
    """The sample of a record, or what is wrong with it."""
    try:
        return TrainingSample.decode(record.value)
    except BadRecord as bad:
        return bad
