"""What `pelton preview` finds: the first samples as tokens, and the lengths and faults of all of them."""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.sending import progress_of
from reading.refusal import Skip
from schemas.errors import BadRecord, UserError
from schemas.training_sample import TrainingSample
from streams.curriculum.task_detector import to_training_sample
from trainer_node.config import TrainConfig
from trainer_node.data.batch_tokenizer import BatchTokenizer
from trainer_node.data.examples import IGNORED, AnyExample, Example, PairExample, PromptExample
from trainer_node.data.tokenization import prepare
from trainer_node.models.gguf import model_source
from trainer_node.models.loader import load_tokenizer

if TYPE_CHECKING:
    from cli.prepared import Prepared
    from cli.sample_reader import SampleReader
    from reading.summary import FileSummary

TOGETHER = 500
"""Samples tokenised in one call."""
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True)
class Piece:
    """A run of tokens as text."""

    text: str
    learnt: bool


@dataclass(frozen=True)
class Row:
    """One sample as the trainer sees it."""

    file: str
    line: int
    sample: TrainingSample | None
    sides: dict[str, list[Piece]] = field(default_factory=dict)
    """The sequence, by the name of the side where there are two; the prompt where nothing is learnt."""
    tokens: int = 0
    """Of its longest sequence, before anything is cut."""
    learnt_tokens: int = 0
    kept_tokens: int = 0
    """Of its longest sequence, as it is trained."""
    trained_tokens: int = 0
    """Of all its sequences."""
    rules: tuple[str, ...] = ()
    refused: str | None = None
    """Why it would be dead-lettered."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        sample = self.sample
        return {
            "file": self.file,
            "line": self.line,
            "sample_id": sample.sample_id if sample else None,
            "task": sample.task.value if sample else None,
            "objective": sample.objective.value if sample else None,
            "tokens": self.tokens,
            "learnt_tokens": self.learnt_tokens,
            "cut_to": self.kept_tokens if self.kept_tokens < self.tokens else None,
            "rules": list(self.rules),
            "refused": self.refused,
            "text": {name: [{"text": piece.text, "learnt": piece.learnt} for piece in side] for name, side in self.sides.items()},
        }


class Preview:
    """Looks at files one after another."""

    def __init__(self, config: TrainConfig, rows: int) -> None:
        """Loads the model's tokenizer.

        Raises:
            UserError: there is no such model, or its tokenizer has no end.
        """
        self.config = config
        self.rows: list[Row] = []
        self.files: list[FileSummary] = []
        self.lengths = array("l")
        """Tokens of each sample that can be trained, before anything is cut."""
        self.learnt_tokens = self.trained_tokens = self.cut = 0
        self.refused: Counter[str] = Counter()
        """Samples that would be dead-lettered, by reason."""
        self.first_refused: dict[str, str] = {}
        self.rules: Counter[str] = Counter()
        """Samples changed for the template, by rule."""
        self._wanted = rows
        self._tokenizer = load_tokenizer(model_source(config.model), config.max_seq)

    def look(self, reader: SampleReader) -> None:
        """Read one file to its end; what is wrong with the whole of it is noted in its summary."""
        self.files.append(reader.summary)
        with progress_of(reader.path) as progress:
            samples = reader.read(progress)
            try:
                while some := list(itertools.islice(samples, TOGETHER)):
                    self._take(str(reader.path), some)
            except UserError as error:
                reader.summary.skip(0, Skip.BAD_FILE, str(error).removeprefix(f"{reader.path}: "))

    def percentiles(self) -> dict[str, int]:
        """Tokens of a sample at some percentiles (nearest rank), and of the longest."""
        ordered = sorted(self.lengths)
        if not ordered:
            return {}
        return {f"p{share}": ordered[-(-len(ordered) * share // 100) - 1] for share in PERCENTILES} | {"max": ordered[-1]}

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.config.model,
            "max_seq": min(self.config.max_seq, self._tokenizer.model_max_length),
            "loss_on": self.config.loss_on,
            "rows": [row.as_dict() for row in self.rows],
            "samples": len(self.lengths) + self.refused.total(),
            "tokens": self.percentiles(),
            "learnt_share": self.learnt_tokens / self.trained_tokens if self.trained_tokens else 0.0,
            "cut": self.cut,
            "refused": dict(self.refused),
            "first_refused": self.first_refused,
            "rules": dict(self.rules),
            "files": [file.as_dict() for file in self.files],
        }

    def _take(self, file: str, read: list[Prepared]) -> None:
        samples = [_of_band(prepared) for prepared in read]
        sound = [sample for sample in samples if isinstance(sample, TrainingSample)]
        together = BatchTokenizer(self._tokenizer, sound, self.config.loss_on)
        for prepared, sample in zip(read, samples, strict=True):
            row = self._row(file, prepared.line, sample, together)
            if len(self.rows) < self._wanted:
                self.rows.append(row)
            self._count(row)

    def _row(self, file: str, line: int, sample: TrainingSample | BadRecord, tokens: BatchTokenizer) -> Row:
        if isinstance(sample, BadRecord):
            return Row(file, line, None, refused=str(sample))
        try:
            example = prepare(sample, tokens, self.config)
        except BadRecord as bad:
            return Row(file, line, sample, refused=str(bad))
        shown = len(self.rows) < self._wanted
        sides = {name: _pieces(side, tokens) for name, side in _sides(example).items()} if shown else {}
        learnt = sum(label != IGNORED for side in _sides(example).values() for label in side.labels)
        whole = max(len(example), getattr(example, "truncated_from", 0))
        trained = sum(map(len, _sides(example).values()))
        return Row(file, line, sample, sides, whole, learnt, len(example), trained, example.rules)

    def _count(self, row: Row) -> None:
        if row.refused is not None:
            reason = row.refused.partition(":")[0]
            self.refused[reason] += 1
            self.first_refused.setdefault(reason, f"{row.file}:{row.line}: {row.refused}")
            return
        self.lengths.append(row.tokens)
        self.learnt_tokens += row.learnt_tokens
        self.trained_tokens += row.trained_tokens
        self.cut += row.kept_tokens < row.tokens
        self.rules.update(row.rules)


def _of_band(prepared: Prepared) -> TrainingSample | BadRecord:
    """As the curriculum hands it on; or why it would not."""
    try:
        return to_training_sample(prepared.sample)
    except BadRecord as bad:
        return bad


def _sides(example: AnyExample) -> dict[str, Example]:
    """The sequences that go through the model, by name."""
    if isinstance(example, PromptExample):
        return {"prompt": Example(example.prompt_ids, [IGNORED] * len(example.prompt_ids))}
    names = ("chosen", "rejected") if isinstance(example, PairExample) else ("",)
    return dict(zip(names, example.sequences(), strict=True))


def _pieces(example: Example, tokenizer: Any) -> list[Piece]:
    """The sequence as text, in runs of tokens that are learnt or are not."""
    pieces: list[Piece] = []
    place, before = 0, ""
    for learnt, labels in itertools.groupby(example.labels, key=lambda label: label != IGNORED):
        place += len(list(labels))
        text = str(tokenizer.decode(example.input_ids[:place], clean_up_tokenization_spaces=False))
        pieces.append(Piece(text[len(before) :], learnt))
        before = text
    return pieces
