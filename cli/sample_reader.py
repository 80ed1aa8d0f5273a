"""Training samples out of a file: each row's shape is recognised, the sample made and validated, and what was passed over is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count, repeat
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from cli.hub_data import fetched, is_hub_name
from cli.prepared import SURELY_SMALL, TASKS, Prepared, is_small
from cli.rows_alone import LACKING, RowsAlone
from reading.blocks import Block
from reading.encodings import codec_of
from reading.mapping import Mapping
from reading.opening import Progress
from reading.paths import expanded
from reading.refusal import Refused, Skip
from reading.rows import RowReader
from reading.shapes.base import Fields, Made
from reading.shapes.own import with_own
from reading.shapes.prompts import BARE
from reading.shapes.table import Plan, recognised, refuse_by_columns
from reading.summary import FileSummary, Ids
from reading.turns import PlainTurns
from reading.values import NeedsSpelling, is_blank
from schemas.base import MAX_BYTES
from schemas.errors import BadRecord, DeadLetterReason, UserError
from schemas.sample import HASH_ID, Sample, Task
from streams.curriculum.task_detector import content_of, detect_task

MAX_ID = 200
"""Characters of an id, as `Sample.sample_id` has it."""
MAX_PLANS = 10_000
"""Sets of columns for which what to do is remembered; a file whose keys are data has no end of them."""
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


@dataclass
class Use:
    """A plan, and how many rows were read by it."""

    plan: Plan
    rows: int = 0

    def __post_init__(self) -> None:
        own = dict(self.plan.own)
        self.id_column = own.pop("sample_id", None)
        self.may_wait = not (self.plan.own or self.plan.doubt) and self.plan.shape in LACKING
        """Whether its rows are plain, but for what others of the file may show them to lack."""
        self.is_simple = not (own or self.plan.doubt or self.plan.shape in LACKING)
        """Whether its shape, and perhaps the producer's id, say all about a row."""


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
        self._uses: dict[tuple[str, ...], Use] = {}
        self._alone: RowsAlone[tuple[Prepared, Use]] = RowsAlone()
        self._seen: set[Task] = set()
        self._is_usual = options.task is None and options.split is None and options.mapping is None

    def read(self, progress: Progress | None = None) -> Iterator[Prepared]:
        """Every good sample.

        Raises:
            UserError: the first bad row, unless bad rows are passed over; a file that is none of rows always.
        """
        options = self._options
        rows = RowReader(self.path, self.refuse, options.encoding, progress, options.labels)
        try:
            for block in rows:
                if options.limit is not None:
                    block.values = block.values[: options.limit - self.summary.read]
                yield from self._together(block, 0, len(block.values)) or self._of_rows(block, 0, len(block.values))
                if options.limit is not None and self.summary.read >= options.limit:
                    break
            for kind in LACKING:
                for prepared, use in self._alone.let_go(kind):
                    yield self._counted(prepared, use)
        finally:
            self._sum_up()
            self.summary.format = rows.format.value if rows.format else ""

    def refuse(self, line: int, reason: Skip, why: str) -> None:
        """Count a bad row; raises where bad rows are not passed over."""
        told = self.summary.skip(line, reason, why)
        if not self._options.skip_bad:
            raise UserError(f"{told}; mend the line{'' if self._options.skip_bad is None else ', or pass --skip-bad'}")

    def _of_rows(self, block: Block, start: int, end: int) -> Iterator[Prepared]:
        """Rows of a block that are not all plain and of one shape: each half of them, and at last each row."""
        if end - start > 1:
            middle = (start + end) // 2
            yield from self._together(block, start, middle) or self._of_rows(block, start, middle)
            yield from self._together(block, middle, end) or self._of_rows(block, middle, end)
        elif end > start:
            for prepared in self._of_row(block, start):
                self._seen.add(prepared.task)
                yield prepared

    def _together(self, block: Block, start: int, end: int) -> Iterable[Prepared] | None:
        """The samples of common rows, in few steps; None where any of them is not common."""
        rows = block.values[start:end]
        use = self._uses.get(tuple(rows[0])) if rows and self._is_usual else None
        many = use.plan.convert_many if use is not None and (use.is_simple or use.may_wait) else None
        if use is None or many is None or block.longest is None or block.longest >= SURELY_SMALL or len(set(map(tuple, rows))) != 1:
            return None
        try:
            fields = many(rows)
        except TypeError:
            return None
        if not fields:
            return None
        task = TASKS[tuple(fields[0])]
        if not use.is_simple:
            waiting = [(Prepared(block, place, task, one), use) for place, one in enumerate(fields, start)]
            size = sum(len(one["text"]) for one in fields)
            return iter(()) if not self._alone.lacks(use.plan.shape) and self._alone.hold(use.plan.shape, waiting, size) else None
        if task not in self._seen:
            return None
        if use.id_column is not None:
            ids = [row[use.id_column] for row in rows]
            if not all(map(is_id, ids)):
                return None
            made = map(Prepared, repeat(block), count(start), repeat(task), fields, ids)
            return map(self._counted, made, repeat(use))
        use.rows += len(rows)
        self.summary.by_task[task] += len(rows)
        return map(Prepared, repeat(block), count(start), repeat(task), fields)  # made one by one: this spares the collector of garbage

    def _of_row(self, block: Block, place: int) -> Iterator[Prepared]:
        row = block.values[place]
        if self._options.mapping is not None:
            row = self._options.mapping.applied(row)
        try:
            made, use = self._converted(row, block, place)
        except Refused as error:
            self.refuse(block.line(place), error.reason, error.detail)
            return
        for one in made if isinstance(made, list) else (made,):
            try:
                if isinstance(one, Refused):
                    raise one
                yield from self._in_company(self._prepared(block, place, one, use.plan), use)
            except Refused as error:
                self.refuse(block.line(place), error.reason, error.detail)

    def _converted(self, row: dict[str, Any], block: Block, place: int) -> tuple[Made, Use]:
        """What the row's shape makes of it. A row with blank columns is looked at without them where their shape refuses it."""
        use = self._use(tuple(row))
        try:
            return self._made(use.plan, row, block, place), use
        except Refused as error:
            if error.reason is Skip.INVALID:
                refuse_by_columns(row)
            filled = {name: value for name, value in row.items() if not is_blank(value)}
            if error.reason is not Skip.MISSING or len(filled) == len(row):
                raise
            other = self._use(tuple(filled))
            if self._options.task is None and is_a_silent_change(row, filled, other.plan):
                raise
            try:
                return self._made(other.plan, filled, block, place), other
            except Refused:
                raise error from None

    def _made(self, plan: Plan, row: dict[str, Any], block: Block, place: int) -> Made:
        try:
            return by_plan(plan, row)
        except NeedsSpelling:
            return by_plan(plan, as_spelled(row, block.spelled(place), self._options.mapping))

    def _use(self, columns: tuple[str, ...]) -> Use:
        use = self._uses.get(columns)
        if use is None:
            if len(self._uses) >= MAX_PLANS:
                self._sum_up()
            use = self._uses[columns] = Use(recognised(columns, self._options.format))
        return use

    def _prepared(self, block: Block, place: int, fields: Fields, plan: Plan) -> Prepared:
        options = self._options
        if plan.doubt and options.task is None and "task" not in fields:
            raise Refused(Skip.MISSING, plan.doubt)
        if options.split and "split" not in fields:
            fields = {**fields, "split": options.split}
        task = TASKS.get(tuple(fields)) if options.task is None else None
        if task is not None and ("messages" not in fields or isinstance(fields["messages"], PlainTurns)):
            prepared = Prepared(block, place, task, fields)
        else:
            sample, changed = validated(fields, options.task)
            prepared = Prepared(block, place, detect_task(sample), None, sample=sample)
            self.summary.notes.update(changed)
        if not is_small(fields) and (size := len(prepared.value())) > MAX_BYTES:
            raise Refused(Skip.TOO_LARGE, f"{size} bytes as a sample; at most {MAX_BYTES} are sent")
        return prepared

    def _in_company(self, prepared: Prepared, use: Use) -> Iterator[Prepared]:
        """The sample, counted, unless it waits to see what other rows have."""
        kind = use.plan.shape
        if kind in LACKING and prepared.task is Task.GENERATION and self._options.task is None:
            if lacks := self._alone.lacks(kind):
                raise Refused(Skip.MISSING, ALONE.format(lacks))
            if self._alone.hold(kind, [(prepared, use)], prepared.size):
                return
            for held, its in self._alone.let_go(kind):
                yield self._counted(held, its)
            use.is_simple = not use.plan.own and self._alone.is_settled(kind)
        else:
            has = "label" if prepared.task is Task.CLASSIFICATION else "answer"
            if self._alone.is_news(has):
                for other in self._uses.values():
                    other.is_simple = other.is_simple and other.plan.shape not in LACKING
            for held, _ in self._alone.others_have(has):
                self.refuse(held.line, Skip.MISSING, ALONE.format(has))
        yield self._counted(prepared, use)

    def _counted(self, prepared: Prepared, use: Use) -> Prepared:
        use.rows += 1
        self.summary.by_task[prepared.task] += 1
        if prepared.has_own_id and self._ids.stands_for_another(prepared.sample_id, prepared.content()):
            self.summary.repeated_ids += 1
            first = f"{self.path}:{prepared.line}: {prepared.sample_id[:60]!r}"
            self.summary.first_repeated = self.summary.first_repeated or first
        return prepared

    def _sum_up(self) -> None:
        """Count by shape and column what was read so far, and forget the plans."""
        for use in self._uses.values():
            if use.rows:
                self.summary.shapes[use.plan.shape] += use.rows
                if len(self.summary.ignored) < MAX_PLANS:
                    self.summary.ignored.update(dict.fromkeys(use.plan.ignored, use.rows))
        self._uses.clear()


def is_id(given: Any) -> bool:
    """Whether a producer's id needs no second look."""
    return type(given) is str and 0 < len(given) <= MAX_ID and not given.isspace() and not given.startswith(HASH_ID)


def by_plan(plan: Plan, row: dict[str, Any]) -> Made:
    """What a row's shape makes of it, and the row's own fields.

    Raises:
        Refused: it lacks what its shape needs, or a value is none that its field takes.
        NeedsSpelling: a number stands where text is wanted.
    """
    made = plan.convert(row)
    return with_own(made, row, plan) if plan.own and isinstance(made, dict) else made


def is_a_silent_change(row: dict[str, Any], filled: dict[str, Any], without: Plan) -> bool:
    """Whether a row without its blank columns would be another thing: of a question a text, of a labelled text a text."""
    if without.shape == BARE:
        return not filled.get("gold")
    return without.shape == "text" and bool({"label", "label_text"} & row.keys())


def validated(fields: Fields, task: Task | None) -> tuple[Sample, tuple[str, ...]]:
    """The sample of some fields, and which rules for conversations change something of it.

    Raises:
        Refused: invalid, or untrainable as what it is, or as the task that is given.
    """
    try:
        sample = Sample.decode(orjson.dumps(fields)) if "schema_version" in fields else Sample.model_validate(fields)
        if task is not None:
            sample = of_task(sample, task)
        return sample, content_of(sample, detect_task(sample)).changed
    except ValidationError as error:
        raise _refused(error) from None
    except BadRecord as error:
        reason = Skip.UNTRAINABLE if error.reason is DeadLetterReason.UNTRAINABLE else Skip.INVALID
        raise Refused(reason, error.detail) from None


def as_spelled(row: dict[str, Any], again: Any, mapping: Mapping | None) -> dict[str, Any]:
    """A row whose numbers are texts, of what its file spells (before `--map`)."""
    if isinstance(again, list):
        again = {"messages": again}
    again = mapping.applied(again) if mapping is not None else again
    return {name: value if type(value) is str else again.get(name, value) for name, value in row.items()}


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
