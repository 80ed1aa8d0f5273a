"""Dates as people write them, to the precision that they give: a year, a month of a year, a day."""

from __future__ import annotations

import re
from typing import NamedTuple

from streams.knowledge.quantities import Agreement

_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_MONTH = "|".join(rf"{month[:3]}(?:{month[3:]})?" if len(month) > 3 else month for month in _MONTHS).replace("sep(", "sept?(")
_ERA = r"(?:\s*(?P<era>bce?|b\.c\.(?:e\.)?))?"
_FORMS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<!\d)(?P<year>-?\d{4})-(?P<number>\d{1,2})-(?P<day>\d{1,2})(?!\d)",
        rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<month>{_MONTH})\.?,?\s+(?P<year>\d{{1,4}})(?!\d){_ERA}",
        rf"\b(?P<month>{_MONTH})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{1,4}})(?!\d){_ERA}",
        rf"\b(?P<month>{_MONTH})\.?,?\s+(?P<year>\d{{3,4}})(?!\d){_ERA}",
        r"(?<!\d)(?P<year>-?\d{4})-(?P<number>0\d|1[0-2])(?![\d-])",
        r"(?<!\d)\d{1,2}[./]\d{1,2}[./](?P<year>\d{4})(?!\d)",  # day and month cannot be told apart: the year is left
        r"(?<![\d.,])(?P<year>\d{3,4})(?P<decade>s)?(?![\d,]|\.\d|-\d{1,2}(?!\d))" + _ERA,
        r"(?<![\d.,])(?P<year>\d{1,2})(?!\d)\s*(?P<era>bce?|b\.c\.(?:e\.)?)",
    )
]


class Date(NamedTuple):
    """A date to the precision it was given in."""

    year: int
    """Negative before the common era."""
    month: int | None = None
    """1 to 12."""
    day: int | None = None
    """1 to 31."""
    decade: bool = False
    """`year` stands for ten years ("the 1780s")."""


def parse_date(text: str) -> Date | None:
    """The first date of a text; None where there is none, or no such day."""
    for form in _FORMS:
        if match := form.search(text):
            parts = match.groupdict()
            year = int(parts["year"]) * (-1 if parts.get("era") else 1)
            month = int(parts["number"]) if parts.get("number") else _month(parts.get("month"))
            day = int(parts["day"]) if parts.get("day") else None
            if (month is None or 1 <= month <= 12) and (day is None or 1 <= day <= 31):
                return Date(year, month, day, bool(parts.get("decade")))
    return None


def compare_dates(claim: Date, known: Date) -> Agreement:
    """Whether two dates agree as far as both say: a year alone agrees with each of its days."""
    if claim.decade or known.decade:
        return Agreement.SAME if claim.year // 10 == known.year // 10 else Agreement.DIFFERENT
    for ours, theirs in zip(claim[:3], known[:3], strict=True):
        if ours is None or theirs is None:
            break
        if ours != theirs:
            return Agreement.DIFFERENT
    return Agreement.SAME


def _month(name: str | None) -> int | None:
    return 1 + next(n for n, month in enumerate(_MONTHS) if month[:3] == name[:3].lower()) if name else None
