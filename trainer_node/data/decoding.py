"""Records to samples ready to be formatted: decoded, and their texts tokenised, on the thread that reads them.

A step is under way on the training thread meanwhile. Most of the time goes into the tokenizer, which lets other threads run.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.errors import BadRecord
from schemas.training_sample import TrainingSample
from streams.kafka.consumer import Record
from trainer_node.config import TrainConfig
from trainer_node.data.batch_tokenizer import BatchTokenizer
from trainer_node.data.examples import AnyExample
from trainer_node.data.tokenization import prepare


@dataclass(frozen=True)
class Decoded:
    """What a record holds."""

    sample: TrainingSample | BadRecord
    """Its sample, or what is wrong with it."""
    example: AnyExample | BadRecord
    """The sample as it is trained, or what says why it cannot be."""


class Decoder:
    """Decodes the records of one run."""

    def __init__(self, tokenizer: Any, config: TrainConfig, check: Callable[[Record], object] = lambda record: None) -> None:
        """`check`: raises BadRecord for a record that nobody signed who may (`streams.kafka.signatures`)."""
        self._tokenizer = copy.deepcopy(tokenizer)  # a fast tokenizer must not be changed (its padding, say) while another thread uses it
        self._config = config
        self._check = check

    def __call__(self, records: list[Record]) -> list[Decoded]:
        """Decode and tokenise; all texts in one call."""
        samples = [decoded(record, self._check) for record in records]
        sound = (sample for sample in samples if isinstance(sample, TrainingSample))
        together = BatchTokenizer(self._tokenizer, sound, self._config.loss_on)
        return [with_example(sample, lambda sample: prepare(sample, together, self._config)) for sample in samples]


def decoded(record: Record, check: Callable[[Record], object] = lambda record: None) -> TrainingSample | BadRecord:
    """The sample of a record, or what is wrong with it."""
    try:
        check(record)
        return TrainingSample.decode(record.value)
    except BadRecord as bad:
        return bad


def with_example(sample: TrainingSample | BadRecord, prepare: Callable[[TrainingSample], AnyExample]) -> Decoded:
    """A record's sample with its example, or with what `prepare` says against it."""
    if isinstance(sample, BadRecord):
        return Decoded(sample, sample)
    try:
        return Decoded(sample, prepare(sample))
    except BadRecord as bad:
        return Decoded(sample, bad)
