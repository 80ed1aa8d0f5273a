"""Numbers as people write them: "about 67 million people", "643,801 km²", "between 60 and 70 million", "half a million".

A value is read whole or not at all: a number that is left over, or words that change it ("per hour", "5 or 6"), leave it unknown. Two
quantities agree, differ, or cannot be told apart; a number that merely was rounded never differs, and a form with two meanings ("33.000")
differs only where both do.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from streams.knowledge.numbers import Number, numbers
from streams.knowledge.units import UNITS, Unit, factors_of, named, unit_at

_ABOUT = re.compile(
    r"\b(about|around|approximately|approx|roughly|nearly|almost|circa|ca|some|close to|estimated|just (over|under)|or so)\b|~|≈", re.I
)
_MORE = re.compile(r"\b(more than|over|at least|above|exceeds|exceeding|upwards of|in excess of)\b|>", re.I)
_LESS = re.compile(r"\b(less than|fewer than|under|at most|below|up to|no more than)\b|<", re.I)
_PLUS = re.compile(r"^\s*(?:\+|plus\b(?!\s+or\s+minus)|or more\b)", re.I)
_YEAR = r"(?:the year\s+)?(?:early |mid-|late )?(?:[A-Z][a-z]+\.? )?(?:1[5-9]|20)\d\d\b"
_ASIDE = re.compile(rf"\([^()]*\)|\[[^\[\]]*\]|\b(?:as of|as at|in|since|by)\s+{_YEAR}")
_RANGE = re.compile(r"\s*(?:-|–|—|to|and|±|\+/-|plus or minus)\s*", re.I)
_PLUS_MINUS = re.compile(r"±|\+/-|plus or minus", re.I)
_JOINED = re.compile(r"\s*(?:,|and|,\s*and)?\s*", re.I)
_CHANGED = re.compile(
    r"^\s*(?:/|per\b|a (?:second|minute|hour|day|week|month|year)\b|times\b|squared\b|cubed\b|[x×*^·]"
    r"|-?\s?(?:hal(?:f|ves)|thirds?|quarters?|fifths?|tenths?)\b|or\b(?! so\b| more\b)|th\b)",
    re.I,
)
"""What follows a number and makes another value of it."""
_TWISTED = re.compile(
    r"\b(?:not|no|never|twice|double|triple|half|third|quarter|dozens|hundreds|thousands|millions|billions|several|few)"
    r"\s*(?:of|the|a|an)?\s*$",
    re.I,
)
"""What stands before a number and makes another value of it."""
BESIDE = frozenset(
    [
        "high",
        "tall",
        "long",
        "wide",
        "deep",
        "old",
        "above",
        "below",
        "sea",
        "level",
        "in",
        "total",
        "people",
        "inhabitants",
        "residents",
        "across",
        "of",
        "and",
        "the",
        "its",
        "or",
        "so",
        "about",
        "a",
        "an",
        "is",
    ]
)
"""Words beside a number that are no unit."""
_LETTER_SCALES = {"m": 1e6, "k": 1e3, "t": 1e12}
"""Units of one letter that say a scale as well, where they touch the number."""
_FAR = 3.0
"""A number differs only when it is this many tolerances away; in between it is not told."""
_ROUGHEST = 0.1
"""However round a number is, it speaks of this share of itself at most."""
_RATED = frozenset({"temperature", "usd", "eur", "gbp", "jpy"})
"""What a rate, or another zero, turns into each other."""
_TRIVIAL = 2.0
"""A bound further off than this factor says nothing ("more than five people live there")."""


class Agreement(StrEnum):
    """How two values compare."""

    SAME = "same"
    DIFFERENT = "different"
    UNCLEAR = "unclear"


class Quantity(NamedTuple):
    """A number, or a range, with its unit and how exactly it is said."""

    low: float
    """The number; the lower end of a range, in the base unit of its dimension."""
    high: float
    """The number again, or the upper end of a range."""
    dimension: str | None = None
    """What its unit measures; None without a unit we know."""
    rounding: float = 0.0
    """Half of the last digit said, where the text says that it is rounded; 0 otherwise."""
    bound: str | None = None
    """`more` or `less`, where the text says "more than" or "less than"."""
    factor: float = 1.0
    """How many base units its unit is."""
    last_digit: float = 0.0
    """Half of the last digit said, in base units: as exactly as it can be meant, in another unit."""
    counted: str = ""
    """The words behind a number without a unit that we know: what it counts, or a unit that we do not know."""
    written: str | None = None
    """The unit's own dimension: temperatures have one for each scale."""
    others: tuple[Quantity, ...] = ()
    """What else the same text may mean: "33.000" is 33 and 33 thousand, "1.5m" a length and a number."""


class _Piece(NamedTuple):
    """A number with the unit behind it."""

    number: Number
    unit: Unit | None
    end: int
    scale: float = 1.0
    """What the unit's one letter means where it is no unit: 33m, 33k."""


def parse_quantity(text: str, unit: str | None = None) -> Quantity | None:
    """The one number of a text, or its range; None where there is none, or where it cannot be read whole.

    `unit` stands in where the text names none that we know.
    """
    text = text.replace("\u2212", "−")
    plain = _ASIDE.sub(" ", text).strip()
    if not any(char.isdigit() for char in plain) and not re.search(r"[^\W\d_]", plain):
        plain = text
    found = numbers(plain)
    if not found:
        return None
    pieces = [_piece(plain, number) for number in found]
    if any(plain[piece.end : piece.end + 1].isalnum() for piece in pieces if piece.unit is None):
        return None  # "3d6"
    before, after = plain[: found[0].start], plain[pieces[-1].end :]
    if _CHANGED.match(after) or _TWISTED.search(before):
        return None
    spare = named(unit.lower()) if unit else None
    if len(pieces) == 1:
        only = _single(pieces[0], before, after, spare)
        return only._replace(counted=only.counted or unit) if unit and spare is None and only.dimension is None else only
    gaps = [plain[left.end : right.number.start] for left, right in pairwise(pieces)]
    if (compound := _compound(pieces, gaps, after)) is not None:
        return _single(compound, before, after, spare)
    if len(pieces) == 2 and _RANGE.fullmatch(gaps[0]):
        if gaps[0].strip().lower() == "and" and not re.search(r"\bbetween\s*$", before, re.I):
            return None
        return _range(pieces[0], pieces[1], spare, margin=_PLUS_MINUS.search(gaps[0]) is not None)
    return None


def _piece(text: str, number: Number) -> _Piece:
    sign = text[: number.start].rstrip()[-1:]
    found = unit_at(text[number.end :])
    if found is None and sign in "$€£¥" and sign:
        return _Piece(number, UNITS[sign], number.end)
    if found is None:
        return _Piece(number, None, number.end)
    unit, length = found
    said = text[number.end : number.end + length]
    return _Piece(number, unit, number.end + length, _LETTER_SCALES.get(said.lower(), 1.0))


def _compound(pieces: list[_Piece], gaps: list[str], after: str) -> _Piece | None:
    """For "6 feet 11 inches", "2 hours and 30 minutes", "6 ft 11": parts of one measure, each unit smaller than the one before."""
    units = [piece.unit for piece in pieces]
    if len(pieces) == 2 and units[0] == UNITS["ft"] and units[1] is None and gaps[0].isspace() and not after.strip(" .,"):
        units[1] = UNITS["in"]
    first = units[0]
    if first is None or not all(_JOINED.fullmatch(gap) for gap in gaps):
        return None
    total, above = 0.0, math.inf
    for piece, unit in zip(pieces, units, strict=True):
        if unit is None or unit.dimension != first.dimension or unit.factor >= above or len(piece.number.readings) > 1:
            return None
        total, above = total + piece.number.readings[0][0] * unit.factor, unit.factor
    last = pieces[-1].number.readings[0][1] * above
    whole = Number(pieces[0].number.start, pieces[-1].number.end, ((total / first.factor, last / first.factor),), scaled=False)
    return _Piece(whole, first, pieces[-1].end)


def _single(piece: _Piece, before: str, after: str, spare: Unit | None) -> Quantity:
    counted = " ".join(word for word in re.findall(r"[^\W\d_]+", after.lower()) if word not in BESIDE) if piece.unit is None else ""
    readings: list[Quantity] = []
    for value, step in piece.number.readings:
        readings.append(_quantity(value, step, piece.number.scaled, piece.unit or spare, before, after, counted))
    if piece.scale != 1.0:
        value, step = piece.number.readings[0]
        readings.append(_quantity(value * piece.scale, step * piece.scale, True, spare, before, after, ""))
    return readings[0]._replace(others=tuple(readings[1:]))


def _quantity(value: float, step: float, scaled: bool, unit: Unit | None, before: str, after: str, counted: str) -> Quantity:
    dimension, factor = unit or (None, 1.0)
    about = _ABOUT.search(before) is not None or re.match(r"\s*(?:or so|or thereabouts)\b", after, re.I) is not None
    bound = "more" if _MORE.search(before) or _PLUS.match(after) else "less" if _LESS.search(before) else None
    half = min(step / 2, _ROUGHEST * abs(value)) * factor
    base = _to_base(value, dimension, factor)
    rounding = half if about or scaled else 0.0
    return Quantity(base, base, _base_dimension(dimension), rounding, None if about else bound, factor, half, counted, dimension)


def _range(first: _Piece, second: _Piece, spare: Unit | None, *, margin: bool) -> Quantity | None:
    """For "between 60 and 70 million", "8.8 to 8.9 km", "5 ± 1"."""
    (low, _), (high, _) = first.number.readings[0], second.number.readings[0]
    if not first.number.scaled:
        low *= second.number.scale
    if first.unit is not None and second.unit is None:
        return None
    if margin:
        low, high = low - high, low + high
    unit = second.unit or spare
    dimension, factor = unit or (None, 1.0)
    lower = first.unit or unit
    ends = sorted((_to_base(low, *(lower or (None, 1.0))), _to_base(high, dimension, factor)))
    if lower is not None and lower.dimension != dimension:
        return None
    return Quantity(ends[0], ends[1], _base_dimension(dimension), factor=factor)


def compare_quantities(claim: Quantity, known: Quantity, tolerance: float) -> Agreement:
    """Whether a claimed quantity agrees with a known one, within a relative tolerance. Without tolerance only equal numbers agree.

    In another unit than the known one's, equal means: to the last digit said.
    """
    results = {_compare(one, known, tolerance) for one in (claim, *claim.others)}
    return Agreement.SAME if Agreement.SAME in results else Agreement.UNCLEAR if len(results) > 1 else results.pop()


def is_vaguer(claim: Quantity, known: Quantity, tolerance: float) -> bool:
    """Whether a claim that agrees gives a bound, or a range wider than the tolerance, where a number is known."""
    truth = (known.low + known.high) / 2
    slack = max(tolerance * abs(truth), (known.high - known.low) / 2)
    agreeing = [one for one in (claim, *claim.others) if _compare(one, known, tolerance) is Agreement.SAME]
    return all(one.bound or (one.high - one.low) / 2 > slack for one in agreeing)


def _compare(claim: Quantity, known: Quantity, tolerance: float) -> Agreement:
    if claim.dimension and known.dimension and claim.dimension != known.dimension:
        return Agreement.UNCLEAR
    if claim.counted and known.dimension:
        return Agreement.UNCLEAR  # "5 furlongs" where metres are known
    truth = (known.low + known.high) / 2
    slack = max(tolerance * abs(truth), (known.high - known.low) / 2)
    if claim.bound:
        result = _compare_bound(claim, truth, slack)
    elif claim.low != claim.high:
        result = _compare_range(claim, truth, slack)
    else:
        distance = abs(claim.low - truth)
        converted = claim.last_digit if claim.dimension and (claim.factor, claim.written) != (known.factor, known.written) else 0.0
        allowed = max(slack, claim.rounding if tolerance else 0.0, converted)
        if distance <= allowed or math.isclose(claim.low, truth, rel_tol=1e-9):
            return Agreement.SAME
        result = Agreement.DIFFERENT if distance > max(_FAR * slack, claim.rounding, 2 * converted) else Agreement.UNCLEAR
    units_told = claim.dimension == known.dimension
    if result is Agreement.DIFFERENT and not units_told:
        return Agreement.DIFFERENT if _differs_in_every_unit(claim, known, tolerance) else Agreement.UNCLEAR
    return result


def _differs_in_every_unit(claim: Quantity, known: Quantity, tolerance: float) -> bool:
    """Whether a claim with a unit is another value than a number without one, whichever unit of its kind that number was meant in."""
    if known.dimension or known.counted or not claim.dimension or claim.bound or claim.dimension in _RATED:
        return False
    bare = claim._replace(dimension=None, written=None)
    factors = [claim.factor, *factors_of(claim.dimension)]
    in_each = [
        bare._replace(low=claim.low / one, high=claim.high / one, rounding=claim.rounding / one, last_digit=claim.last_digit / one)
        for one in factors
    ]
    return all(_compare(one, truth, tolerance) is Agreement.DIFFERENT for one in in_each for truth in (known, *known.others))


def _compare_bound(claim: Quantity, truth: float, slack: float) -> Agreement:
    holds = truth >= claim.low - slack if claim.bound == "more" else truth <= claim.low + slack
    if not holds:
        return Agreement.DIFFERENT if abs(truth - claim.low) > _FAR * slack else Agreement.UNCLEAR
    larger, smaller = max(abs(truth), abs(claim.low)), min(abs(truth), abs(claim.low))
    return Agreement.SAME if larger <= _TRIVIAL * smaller else Agreement.UNCLEAR


def _compare_range(claim: Quantity, truth: float, slack: float) -> Agreement:
    if claim.low - slack <= truth <= claim.high + slack:
        return Agreement.SAME if abs(claim.high) <= _TRIVIAL * abs(claim.low) else Agreement.UNCLEAR
    distance = min(abs(truth - claim.low), abs(truth - claim.high))
    return Agreement.DIFFERENT if distance > _FAR * slack else Agreement.UNCLEAR


def _to_base(value: float, dimension: str | None, factor: float) -> float:
    if dimension == "celsius":
        return value + 273.15
    if dimension == "fahrenheit":
        return (value - 32.0) / 1.8 + 273.15
    return value * factor


def _base_dimension(dimension: str | None) -> str | None:
    return "temperature" if dimension in ("celsius", "fahrenheit") else dimension
