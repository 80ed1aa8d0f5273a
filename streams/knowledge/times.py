"""When a fact holds: its qualifiers `date`, `start` and `end`, and the time that a claim speaks of."""

from __future__ import annotations

import re
from typing import NamedTuple

from streams.knowledge.dates import Date, compare_dates, parse_date
from streams.knowledge.quantities import Agreement
from streams.knowledge.value_types import Statement

_TIME = re.compile(
    r"(?:^|[\s,(])(?:in|as of|during|at|on)\s+(?:the\s+year\s+)?(?P<date>(?:[A-Za-z]+\.?\s+)?(?:\d{1,2}(?:st|nd|rd|th)?,?\s+)?"
    r"(?:[A-Za-z]+\.?\s+)?\d{4}(?:-\d{2}){0,2})\)?,?(?=\s|$)|\((?P<year>\d{4})\)"
)


class Scope(NamedTuple):
    """Which of the known statements a claim is to be held against."""

    current: tuple[Statement, ...]
    """Those of the claim's time; without one, those that hold now: undated ones and those without an end, else the latest of the dated."""
    other: tuple[Statement, ...]
    """Those of another time."""
    complete: bool
    """Whether `current` may contradict: not where a dated claim meets undated facts alone."""
    when: Date | None
    """The claim's time."""


def split_date(text: str) -> tuple[str, Date | None]:
    """A phrase without the time it speaks of, and that time: "67 million in 2020" -> ("67 million", 2020)."""
    match = _TIME.search(text)
    when = parse_date(match["date"] or match["year"]) if match else None
    if match is None or when is None:
        return text, None
    rest = f"{text[: match.start()]} {text[match.end() :]}".strip(" ,")
    return (rest, when) if rest else (text, None)


def in_scope(statements: list[Statement], when: Date | None) -> Scope:
    """Choose the statements that a claim about this time is held against."""
    undated = [statement for statement in statements if not _is_dated(statement)]
    dated = [statement for statement in statements if _is_dated(statement)]
    if when is not None:
        current = [statement for statement in dated if _holds_at(statement, when)]
        chosen = current or undated
    else:
        going_on = [statement for statement in dated if statement.fact.qualifiers.keys().isdisjoint(("date", "end"))]
        points = [] if undated or going_on else [statement for statement in dated if "date" in statement.fact.qualifiers]
        latest = max((_start(statement) for statement in points), default=None)
        current = [statement for statement in points if _start(statement) == latest]
        chosen = [*undated, *going_on, *current]
    keys = {id(statement) for statement in chosen}
    others = tuple(statement for statement in statements if id(statement) not in keys)
    return Scope(tuple(chosen), others, when is None or bool(current), when)


def _is_dated(statement: Statement) -> bool:
    return not statement.fact.qualifiers.keys().isdisjoint(("date", "start", "end"))


def _date(statement: Statement, *names: str) -> Date | None:
    for name in names:
        if (value := statement.fact.qualifiers.get(name)) and (date := parse_date(value)):
            return date
    return None


def _start(statement: Statement) -> tuple[int, int, int]:
    date = _date(statement, "date", "start")
    return (date.year, date.month or 1, date.day or 1) if date else (-(10**6), 1, 1)


def _holds_at(statement: Statement, when: Date) -> bool:
    if date := _date(statement, "date"):
        return compare_dates(when, date) is Agreement.SAME
    start, end = _date(statement, "start"), _date(statement, "end")
    first = (when.year, when.month or 1, when.day or 1)
    last = (when.year, when.month or 12, when.day or 31)
    begun = start is None or (start.year, start.month or 1, start.day or 1) <= last
    over = end is not None and (end.year, end.month or 12, end.day or 31) < first
    return begun and not over
