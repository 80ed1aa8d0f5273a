"""Dates as people write them, to the precision that they give: a century, a decade, a year, a month of a year, a day.

A date is read whole or not at all: what no form takes ("1914-1918", "10/10/46", "before 1846") is no date, and never the year in it. What
was "between 1788 and 1790" was in one of these years.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from streams.knowledge.numbers import spelled
from streams.knowledge.quantities import Agreement
from streams.knowledge.units import unit_at

_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_MONTH = "|".join(rf"{month[:3]}(?:{month[3:]})?" if len(month) > 3 else month for month in _MONTHS).replace("sep(", "sept?(")
_ERA = r"(?:\s*(?P<era>b\.?\s?c\.?(?:\s?e\.?)?|a\.?\s?d\.?|c\.?\s?e\.?)(?![a-z]))?"
_DAY = r"(?P<day>\d{1,2})\s?(?:st|nd|rd|th)?"
_YEAR = rf"(?P<year>\d{{1,4}})(?!\d){_ERA}"
_AD = r"(?:a\.?\s?d\.?|anno domini)"
_FORMS = [
    re.compile(rf"(?<![\w.,/]){pattern}(?!\w|[/]\d|[-–]\d|[.,]\d)", re.IGNORECASE)
    for pattern in (
        r"(?P<iso>[-−+]?\d{4,6})-(?P<number>\d{1,2})-(?P<day>\d{1,2})(?:T[\d:.]+(?:Z|[-+]\d\d:?\d\d)?)?",
        r"(?P<year>\d{4})(?P<mark>[/.])(?P<number>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
        r"(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})",
        rf"{_DAY}(?:\s+day)?(?:\s+of)?(?:\s+|-)(?P<month>{_MONTH})\b\.?,?(?:\s+|-)(?:of\s+)?(?:the\s+year\s+)?{_YEAR}",
        rf"(?P<month>{_MONTH})\b\.?,?\s+(?:the\s+)?{_DAY}(?:\s*,|\s+of|\s+in)?\s+(?:the\s+year\s+)?{_YEAR}",
        rf"(?P<year>\d{{4}}),?\s+(?P<month>{_MONTH})\b\.?\s+{_DAY}",
        rf"(?P<month>{_MONTH})\b\.?,?\s+(?:of\s+|in\s+)?(?:the\s+year\s+)?(?P<year>\d{{3,4}}){_ERA}",
        rf"(?P<month>{_MONTH})\b\.?,?\s+(?:of\s+|in\s+)?(?P<year>\d{{1,2}})\s*(?P<era>b\.?\s?c\.?(?:\s?e\.?)?|a\.?\s?d\.?)(?![a-z])",
        rf"(?P<year>\d{{3,4}}),?\s+(?P<month>{_MONTH})\b\.?",
        r"(?P<iso>[-−+]?\d{4})-(?P<number>0\d|1[0-2])",
        r"(?P<number>0?[1-9]|1[0-2])/(?P<year>\d{4})",
        rf"(?P<century>\d{{1,2}})\s?(?:st|nd|rd|th)(?:\s+|-)(?:century|c\.){_ERA}",
        rf"{_AD}\s*(?P<year>\d{{1,4}})",
        rf"(?P<year>\d{{3,4}})'?(?P<decade>s){_ERA}",
        r"(?P<iso>[-−]\d{4})",
        rf"(?P<year>\d{{3,4}}){_ERA}",
        r"(?P<year>\d{1,2})\s*(?P<era>b\.?\s?c\.?(?:\s?e\.?)?|a\.?\s?d\.?|c\.?\s?e\.?)(?![a-z])",
    )
]
_BETWEEN = re.compile(
    rf"between\s+(?:the\s+years?\s+)?(?P<from>\d{{1,4}})(?P<first>{_ERA.replace('?P<era>', '?:')})\s+and\s+(?P<to>\d{{1,4}}){_ERA}\W*",
    re.IGNORECASE,
)
ORDINALS = {
    word: number
    for number, word in enumerate(
        """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth
    seventeenth eighteenth nineteenth twentieth""".split(),  # noqa: SIM905
        1,
    )
} | {"twentieth": 20, "thirtieth": 30}
ORDINALS |= {
    f"{tens}{joint}{one}": base + ORDINALS[one]
    for tens, base in (("twenty", 20), ("thirty", 30))
    for one in list(ORDINALS)[:9]
    for joint in ("-", " ")
}
_ORDINAL = re.compile(rf"\b({'|'.join(sorted(ORDINALS, key=len, reverse=True))})(?=[\s-]+(?:century|of\s|(?:{_MONTH})\b))", re.IGNORECASE)
_MONTH_THEN_ORDINAL = re.compile(rf"\b({_MONTH})(\s+(?:the\s+)?)({'|'.join(sorted(ORDINALS, key=len, reverse=True))})\b", re.IGNORECASE)
_ASIDE = re.compile(
    r"\([^()]*\)|\[[^\[\]]*\]|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b,?|\b\d{1,2}:\d\d(?::\d\d)?(?:\s?[ap]\.?m\.?)?", re.IGNORECASE
)
_NOT_THEN = re.compile(
    r"\b(?:before|after|not|never|until|prior to|later than|earlier than|no later|between|or|either|predates?|every|nor|to)\s+"
    r"(?:(?:in|on|the|year|end|beginning|of)\s+)*$",
    re.IGNORECASE,
)
_NOT_AFTER = re.compile(r"^\s*(?:or\b|to\b|and\b(?=.*\d)|[-–—]\s*\w|bp\b|ah\b|years?\b(?! of)|%)", re.IGNORECASE)
PART = (
    r"\b(?P<part>early|mid|middle|late|first\s+half|second\s+half|latter\s+half|beginning|start|end|close|turn)"
    r"(?:\s+(?:part\s+)?of)?(?:\s+the)?[\s-]+"
)
"""Before a century or a decade: which part of it."""
_PARTS = {
    **dict.fromkeys(("early", "beginning", "start"), (0.0, 0.4)),
    **dict.fromkeys(("mid", "middle"), (0.3, 0.7)),
    **dict.fromkeys(("late", "end", "close"), (0.6, 1.0)),
    "first half": (0.0, 0.5),
    **dict.fromkeys(("second half", "latter half"), (0.5, 1.0)),
}
"""From where to where each goes. What lies elsewhere in the century may still be meant."""
_TURN, _TURN_YEARS = "turn", 10
"""It is the century's beginning or its end, which is not told; some years before and behind may be meant, too."""
_NOT_YET_A_HUNDRED = 2000
_PART = re.compile(rf"{PART}$", re.IGNORECASE)
_ABOUT = re.compile(
    r"\b(?:about|around|circa|ca?\.?|approximately|roughly|some time in|early|late|mid)[\s-]+(?:(?:in|the|year)\s+)*$|~\s*$", re.IGNORECASE
)
_NEAR = 5
"""A year that is only about right differs from one further off than this."""


class Date(NamedTuple):
    """A date to the precision it was given in."""

    year: int
    """Negative before the common era: 44 BC is -44."""
    month: int | None = None
    """1 to 12."""
    day: int | None = None
    """1 to 31."""
    decade: bool = False
    """`year` stands for ten years ("the 1780s")."""
    century: bool = False
    """`year` stands for a hundred years, its own the first ("the 16th century" begins in 1501); before the common era the last."""
    either: bool = False
    """Month and day may stand for each other: 10/11/1846 is written in both orders."""
    about: bool = False
    """The text says that the year is about right."""
    part: str = ""
    """Of a century or a decade: "early", "late", "first half" …"""
    until: int | None = None
    """`year` is the first, and this the last, of some years in one of which it was."""

    @property
    def is_period(self) -> bool:
        """Whether it is a decade, a century, or some years."""
        return self.decade or self.century or self.until is not None


def parse_date(text: str) -> Date | None:
    """The one date of a text; None where there is none, no such day, or more than the date can tell."""
    plain = _spelled_out(_ASIDE.sub(" ", text))
    if not any(char.isdigit() for char in plain):
        plain = _spelled_out(text)
    if between := _BETWEEN.fullmatch(plain.strip()):
        return _between(between)
    for form in _FORMS:
        if match := form.search(plain):
            before, after = plain[: match.start()], plain[match.end() :]
            if any(char.isdigit() for char in before + after) or _NOT_THEN.search(before) or _NOT_AFTER.match(after) or _counts(after):
                return None
            date = _date(match.groupdict())
            if date is not None and date.is_period:
                return date._replace(part=" ".join(part["part"].lower().split())) if (part := _PART.search(before)) else date
            return date._replace(about=True) if date is not None and _ABOUT.search(before) and date.month is None else date
    return None


def _between(match: re.Match[str]) -> Date | None:
    """Some years; with one era behind them it is that of both. Those of two digits or fewer are years only with one."""
    to_era = (match["era"] or "").lower()
    from_era = match["first"].strip().lower() or to_era
    if not to_era and min(len(match["from"]), len(match["to"])) < 3:
        return None
    first, last = (int(match[name]) * (-1 if era.startswith("b") else 1) for name, era in (("from", from_era), ("to", to_era)))
    return Date(first, until=last) if first < last else None


def _counts(after: str) -> bool:
    """Whether a unit stands behind the digits: 1500 metres are no year. ("In" is a preposition here, and one letter says little.)"""
    found = unit_at(after)
    return found is not None and len(said := after[: found[1]].strip()) > 1 and said.lower() != "in"


def _date(parts: dict[str, str | None]) -> Date | None:
    negative = (parts.get("era") or "").lower().startswith("b")
    if century := parts.get("century"):
        first = -100 * int(century) if negative else 100 * (int(century) - 1) + 1
        return Date(first, century=True) if int(century) else None
    iso = parts.get("iso")
    year = _iso_year(iso) if iso else int(parts["year"] or 0) * (-1 if negative else 1)
    number, month_name = parts.get("number") or parts.get("second"), parts.get("month")
    month = int(number) if number else _month(month_name)
    day = int(parts.get("day") or parts.get("first") or 0) or None
    either = False
    if parts.get("first") and month is not None and day is not None:
        if month > 12:
            month, day = day, month
        else:
            either = day <= 12 and day != month
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= _days(year, month)):
        return None
    return Date(year, month, day, bool(parts.get("decade")), either=either) if year or iso else None


def _iso_year(text: str) -> int:
    """ISO 8601 has a year 0, which is 1 BC: its -0043 is 44 BC."""
    year = int(text.replace("−", "-"))
    return year if year > 0 else year - 1


def _days(year: int, month: int | None) -> int:
    if month == 2:
        return 29 if year % 4 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _spelled_out(text: str) -> str:
    """Number words become digits, where they may be a date's: "the twenty-fourth of May", "nineteen eighty-four", "sixteenth century"."""
    text = _ORDINAL.sub(lambda match: f"{ORDINALS[match[1].lower()]}th", text)
    text = _MONTH_THEN_ORDINAL.sub(lambda match: f"{match[1]}{match[2]}{ORDINALS[match[3].lower()]}th", text)
    for number in reversed([one for one in spelled(text) if text[one.start].isalpha()]):
        value = number.readings[0][0]
        said = text[number.start : number.end]
        if 1000 <= value <= 2999 and value == int(value) and ("-" in said or " " in said):
            text = f"{text[: number.start]}{int(value)}{text[number.end :]}"
        elif value >= 10:
            text = f"{text[: number.start]}{value:.0f}{text[number.end :]}"
    return text


def compare_dates(claim: Date, known: Date) -> Agreement:
    """Whether two dates agree as far as both say: a year alone agrees with each of its days."""
    readings = [claim, claim._replace(month=claim.day, day=claim.month)] if claim.either else [claim]
    results = {_compare(one, known) for one in readings}
    return Agreement.SAME if Agreement.SAME in results else results.pop()


def _compare(claim: Date, known: Date) -> Agreement:
    if claim.is_period or known.is_period:
        return _compare_periods(claim, known)
    if (claim.about or known.about) and claim.year != known.year:
        return Agreement.UNCLEAR if abs(claim.year - known.year) <= _NEAR else Agreement.DIFFERENT
    for ours, theirs in zip(claim[:3], known[:3], strict=True):
        if ours is None or theirs is None:
            break
        if ours != theirs:
            return Agreement.DIFFERENT
    return Agreement.SAME


def is_vaguer(claim: Date, known: Date) -> bool:
    """Whether a claim says a longer time than what is known: a century where the year is known."""
    return _years(_period(claim)) > _years(_period(known))


def _compare_periods(claim: Date, known: Date) -> Agreement:
    """Two times, of which one at least is a decade or a century: whether the one holds the other."""
    ours, theirs = _period(claim), _period(known)
    if ours[1] < theirs[0] or theirs[1] < ours[0]:
        return Agreement.DIFFERENT
    if _TURN in (claim.part, known.part):
        return Agreement.UNCLEAR
    ours, theirs = _told(ours, claim), _told(theirs, known)
    inside = (ours[0] <= theirs[0] and theirs[1] <= ours[1]) or (theirs[0] <= ours[0] and ours[1] <= theirs[1])
    return Agreement.SAME if inside else Agreement.UNCLEAR


def _period(date: Date) -> tuple[float, float]:
    """First and last year that may be meant. "The 1800s" are a hundred years as well as ten, and the hundred hold the ten."""
    if date.until is not None:
        return date.year, date.until
    if date.century:
        around = _TURN_YEARS if date.part == _TURN else 0
        return date.year - around, date.year + 99 + around
    if not date.decade:
        return date.year, date.year
    length = 99 if date.year % 100 == 0 else 9
    return (date.year, date.year + length) if date.year > 0 else (date.year - length, date.year)


def _told(period: tuple[float, float], date: Date) -> tuple[float, float]:
    """The part of it that is said; of "the 2000s" hardly anybody means more than ten years."""
    first, length = period[0], 10 if date.decade and date.year >= _NOT_YET_A_HUNDRED else _years(period)
    low, high = _PARTS[date.part] if date.part else (0.0, 1.0)
    return first + low * length, first + high * length - 1


def _years(period: tuple[float, float]) -> float:
    return period[1] - period[0] + 1


def _month(name: str | None) -> int | None:
    return 1 + next(n for n, month in enumerate(_MONTHS) if month[:3] == name[:3].lower()) if name else None
