"""Training samples out of a file: each row's shape is recognised, the sample made and validated, and what was passed over is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from cli.hub_data import fetched, is_hub_name
from cli.prepared import TASKS, Prepared, are_plain
from reading.encodings import codec_of
from reading.json_text import spelled
from reading.mapping import Mapping
from reading.opening import Progress
from reading.paths import expanded
from reading.refusal import Refused, Skip
from reading.rows import RowReader
from reading.shapes.base import Fields
from reading.shapes.own import with_own
from reading.shapes.prompts import BARE
from reading.shapes.table import Plan, recognised
from reading.summary import FileSummary, Ids
from reading.values import NeedsSpelling, is_blank
from schemas.base import MAX_BYTES
from schemas.errors import BadRecord, DeadLetterReason, UserError
from schemas.sample import Sample, Task
from streams.curriculum.task_detector import content_of, detect_task

SURELY_SMALL = MAX_BYTES // 7
"""Characters of a sample below which its JSON cannot be too large: each takes at most 6 bytes."""
HELD_BACK = 1000
"""Rows of a question alone, at the start of a file, that wait to see whether others have answers."""
LACKING = {BARE: "answer", "text": "label"}
"""Shapes that are fine by themselves, and what their rows lack where others of the file have it."""
ALONE = "no {}, though other rows of the file have one; --task says what such rows are"


@dataclass(frozen=True)
class ReadOptions:
    """How files of samples are read."""

    task: Task | None = None
    """Of every row, instead of what its fields say."""
    format: str | None = None
    """The one shape that is tried; None: each row's own."""
    mapping: Mapping | None = None
    """Columns under other names."""
    encoding: str | None = None
    skip_bad: bool | None = False
    """Pass over bad rows rather than raise. None: do not, and the command has no flag that says so."""
    split: str | None = None
    """Of rows that do not say theirs."""
    limit: int | None = None
    """Samples that are read of a file; None: all."""
    labels: dict[str, list[str]] | None = None
    """Column -> names of its labels, where something beside the file declares them."""


class Read(NamedTuple):
    """One sample, and the line it stands on."""

    line: int
    sample: Prepared


@dataclass
class Use:
    """A plan, and how many rows were read by it."""

    plan: Plan
    rows: int = 0


class SampleReader:
    """Reads one file's samples; afterwards, `summary` says what was found.

    Args:
        path: of any format that `reading.rows` knows; `-` is standard input.
        options: how it is read.
        ids: producers' ids of all files read so far.
    """

    def __init__(self, path: Path, options: ReadOptions = ReadOptions(), ids: Ids | None = None) -> None:
        self.path = path
        self.summary = FileSummary(str(path))
        self._options = options
        self._ids = ids or Ids()
        self._plans: dict[tuple[str, ...], Use] = {}
        self._others_say: set[str] = set()
        self._held: dict[str, list[tuple[Read, Use]]] = {kind: [] for kind in LACKING}
        self._is_start = True

    def read(self, progress: Progress | None = None) -> Iterator[Read]:
        """Every good sample.

        Raises:
            UserError: the first bad row, unless bad rows are passed over; a file that is none of rows always.
        """
        rows = RowReader(self.path, self.refuse, self._options.encoding, progress, self._options.labels)
        limit = self._options.limit
        try:
            for line, row, raw in rows:
                yield from self._of_row(line, row, raw)
                if limit is not None and self.summary.read >= limit:
                    break
            for kind in self._held:
                yield from self._let_go(kind)
        finally:
            self._sum_up(rows)

    def refuse(self, line: int, reason: Skip, why: str) -> None:
        """Count a bad row; raises where bad rows are not passed over."""
        told = self.summary.skip(line, reason, why)
        if not self._options.skip_bad:
            raise UserError(f"{told}; mend the line{'' if self._options.skip_bad is None else ', or pass --skip-bad'}")

    def _of_row(self, line: int, row: dict[str, Any], raw: bytes | None) -> Iterator[Read]:
        if self._options.mapping is not None:
            row = self._options.mapping.applied(row)
        try:
            made, use = self._converted(row, raw)
        except Refused as error:
            self.refuse(line, error.reason, error.detail)
            return
        for one in made if isinstance(made, list) else (made,):
            try:
                if isinstance(one, Refused):
                    raise one
                yield from self._checked(line, self._prepared(one, use.plan), use)
            except Refused as error:
                self.refuse(line, error.reason, error.detail)

    def _converted(self, row: dict[str, Any], raw: bytes | None) -> tuple[Fields | list[Fields | Refused], Use]:
        """What the row's shape makes of it. A row with blank columns is looked at without them where their shape refuses it."""
        use = self._use(tuple(row))
        try:
            return self._by(use, row, raw), use
        except Refused as error:
            filled = {name: value for name, value in row.items() if not is_blank(value)}
            if error.reason is not Skip.MISSING or len(filled) == len(row):
                raise
            other = self._use(tuple(filled))
            if not self._options.task and self._is_a_silent_change(row, filled, other.plan):
                raise
            try:
                return self._by(other, filled, raw), other
            except Refused:
                raise error from None

    def _is_a_silent_change(self, row: dict[str, Any], filled: dict[str, Any], without: Plan) -> bool:
        """Whether a blank column, left out, would make another thing of the row: of a question a text, of a labelled text a text."""
        if without.shape == BARE:
            return not filled.get("gold")
        return without.shape == "text" and bool({"label", "label_text"} & row.keys())

    def _by(self, use: Use, row: dict[str, Any], raw: bytes | None) -> Fields | list[Fields | Refused]:
        plan = use.plan
        try:
            return self._made(plan, row)
        except NeedsSpelling:
            pass
        row = as_spelled(row, raw, self._options.mapping)
        return self._made(plan, row)

    @staticmethod
    def _made(plan: Plan, row: dict[str, Any]) -> Fields | list[Fields | Refused]:
        made = plan.convert(row)
        return with_own(made, row, plan) if plan.own and isinstance(made, dict) else made

    def _use(self, columns: tuple[str, ...]) -> Use:
        use = self._plans.get(columns)
        if use is None:
            if len(self._plans) > 10_000:  # columns without end, as where keys are data
                self._plans.clear()
            use = self._plans[columns] = Use(recognised(columns, self._options.format))
        return use

    def _prepared(self, fields: Fields, plan: Plan) -> Prepared:
        options = self._options
        if options.split and "split" not in fields:
            fields = {**fields, "split": options.split}
        task = TASKS.get(tuple(fields)) if options.task is None else None
        if task is not None and ("messages" not in fields or are_plain(fields["messages"])):
            prepared = Prepared.plain(fields, task)
        else:
            if plan.doubt and tuple(fields) in (("prompt",), ("text",)):
                raise Refused(Skip.MISSING, plan.doubt)
            prepared = self._validated(fields)
        if not is_small(fields) and (size := len(prepared.value())) > MAX_BYTES:
            raise Refused(Skip.TOO_LARGE, f"{size} bytes as a sample; at most {MAX_BYTES} are sent")
        return prepared

    def _validated(self, fields: Fields) -> Prepared:
        try:
            if "schema_version" in fields:
                import orjson

                sample = Sample.decode(orjson.dumps(fields))
            else:
                sample = Sample.model_validate(fields)
            if self._options.task is not None:
                sample = of_task(sample, self._options.task)
            task = detect_task(sample)
            content = content_of(sample, task)
        except ValidationError as error:
            raise _refused(error) from None
        except BadRecord as error:
            raise Refused(Skip.UNTRAINABLE if error.reason is DeadLetterReason.UNTRAINABLE else Skip.INVALID, error.detail) from None
        for rule in getattr(content, "changed", ()):
            self.summary.notes[rule] += 1
        return Prepared.of(sample, task)

    def _checked(self, line: int, prepared: Prepared, use: Use) -> Iterator[Read]:
        """The sample, counted, unless it waits to see what other rows say."""
        read, kind = Read(line, prepared), use.plan.shape
        if kind in self._held and prepared.task is Task.GENERATION and self._options.task is None:
            if LACKING[kind] in self._others_say:
                raise Refused(Skip.MISSING, ALONE.format(LACKING[kind]))
            if self._is_start and len(self._held[kind]) < HELD_BACK:
                self._held[kind].append((read, use))
                return
            yield from self._let_go(kind)
            self._is_start = False
        elif (says := "label" if prepared.task is Task.CLASSIFICATION else "answer") not in self._others_say:
            self._others_say.add(says)
            self._refuse_held(says)
        yield self._count(read, use)

    def _let_go(self, kind: str) -> Iterator[Read]:
        held, self._held[kind] = self._held[kind], []
        for read, use in held:
            yield self._count(read, use)

    def _refuse_held(self, says: str) -> None:
        """A row has what those that wait lack."""
        for kind, lacks in LACKING.items():
            if lacks == says:
                held, self._held[kind] = self._held[kind], []
                for read, _ in held:
                    self.refuse(read.line, Skip.MISSING, ALONE.format(lacks))

    def _count(self, read: Read, use: Use) -> Read:
        prepared = read.sample
        use.rows += 1
        self.summary.by_task[prepared.task] += 1
        if not prepared.sample_id.startswith("h-") and self._ids.stands_for_another(prepared.sample_id, prepared.value(1.0)):
            self.summary.repeated_ids += 1
            self.summary.first_repeated = self.summary.first_repeated or f"{self.path}:{read.line}: {prepared.sample_id[:60]!r}"
        return read

    def _sum_up(self, rows: RowReader) -> None:
        self.summary.format = rows.format.value if rows.format else ""
        for use in self._plans.values():
            if use.rows:
                self.summary.shapes[use.plan.shape] += use.rows
                for column in use.plan.ignored:
                    self.summary.ignored[column] += use.rows


def as_spelled(row: dict[str, Any], raw: bytes | None, mapping: Mapping | None) -> dict[str, Any]:
    """A row whose numbers are texts: as the JSON spells them, or, of a column of numbers, as Python writes them."""
    if raw is None:
        return {name: str(value) if type(value) in (int, float) else value for name, value in row.items()}
    again = spelled(raw)
    if isinstance(again, list):
        again = {"messages": again}
    again = mapping.applied(again) if mapping is not None else again
    return {name: again[name] for name in row}


def is_small(fields: Fields) -> bool:
    """Whether a sample is surely not too large to be sent."""
    total = 0
    for value in fields.values():
        if type(value) is str:
            total += len(value)
        elif type(value) is list:
            total += sum(map(_size, value))
    return total < SURELY_SMALL


def _size(part: Any) -> int:
    """Of an element, roughly; of a turn, and so that it errs on the large side."""
    content = part.get("content") if type(part) is dict and len(part) == 2 else None
    return len(content) + 100 if type(content) is str else len(str(part))


def of_task(sample: Sample, task: Task) -> Sample:
    """The sample with its task said, which then wins over what its fields say.

    An id that is a hash of the content changes only where the fields would make another task of it: with or without its task said, a sample
    is one sample, and of another task it is another.

    Raises:
        BadRecord: it says another task itself, or lacks what this one needs.
    """
    if sample.task not in (None, task):
        raise BadRecord(DeadLetterReason.INVALID, f"its `task` is {sample.task.value}, and --task says {task.value}")
    content_of(sample, task)
    fields = sample.model_dump(exclude_unset=True, exclude={"sample_id"})
    is_hash = type(sample).model_validate(fields).sample_id == sample.sample_id
    if is_hash and detect_task(sample) is not task:
        return type(sample).model_validate(fields | {"task": task})
    return sample.model_copy(update={"task": task})


def _refused(error: ValidationError) -> Refused:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the row"
    turns = str(first["loc"][0]).endswith("messages") if first["loc"] else False
    return Refused(Skip.BAD_TURN if turns else Skip.INVALID, f"{where}: {first['msg'].removeprefix('Value error, ')}")


def readers_of(names: Iterable[str], options: ReadOptions) -> list[SampleReader]:
    """A reader for each file that is named, in order; they share what is known of producers' ids.

    Args:
        names: files, folders, patterns, names of data sets on the hub, or `-`.
        options: how all of them are read.

    Raises:
        UserError: there is no such file or data set.
    """
    ids = Ids()
    files = [file for name in names for file in (fetched(name) if is_hub_name(name) else expanded([name]))]
    return [SampleReader(file.path, replace(options, split=file.split, limit=file.limit, labels=file.labels), ids) for file in files]


def read_options(
    task: str | None = None,
    shape: str | None = None,
    mapping: str | None = None,
    encoding: str | None = None,
    skip_bad: bool | None = None,
) -> ReadOptions:
    """How files are read, of what was given on the command line; `skip_bad` None: there is no such flag.

    Raises:
        UserError: the mapping or the encoding is none.
    """
    return ReadOptions(
        task=Task(task) if task else None,
        format=shape,
        mapping=Mapping(mapping) if mapping else None,
        encoding=codec_of(encoding) if encoding else None,
        skip_bad=skip_bad,
    )
