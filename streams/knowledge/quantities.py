"""Numbers as people write them: "about 67 million people", "643,801 km²", "between 60 and 70 million", "twelve".

Two quantities agree, differ, or cannot be told apart; a number that merely was rounded never differs.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import NamedTuple

_UNITS: dict[str, tuple[str, float]] = {
    # unit -> (dimension, how many of the dimension's base unit)
    **dict.fromkeys(("m", "meter", "metre"), ("length", 1.0)),
    **dict.fromkeys(("km", "kilometer", "kilometre"), ("length", 1e3)),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), ("length", 1e-2)),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), ("length", 1e-3)),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), ("length", 1e-9)),
    **dict.fromkeys(("pm", "picometer", "picometre"), ("length", 1e-12)),
    **dict.fromkeys(("mi", "mile"), ("length", 1609.344)),
    **dict.fromkeys(("ft", "foot", "feet"), ("length", 0.3048)),
    **dict.fromkeys(("inch", "inche"), ("length", 0.0254)),
    **dict.fromkeys(("m2", "m²", "sqm", "square meter", "square metre"), ("area", 1.0)),
    **dict.fromkeys(("km2", "km²", "sq km", "square kilometer", "square kilometre"), ("area", 1e6)),
    **dict.fromkeys(("sq mi", "square mile", "mi2", "mi²"), ("area", 2_589_988.11)),
    **dict.fromkeys(("ha", "hectare"), ("area", 1e4)),
    **dict.fromkeys(("acre",), ("area", 4046.856)),
    **dict.fromkeys(("kg", "kilogram", "kilogramme"), ("mass", 1.0)),
    **dict.fromkeys(("g", "gram", "gramme"), ("mass", 1e-3)),
    **dict.fromkeys(("t", "tonne"), ("mass", 1e3)),
    **dict.fromkeys(("lb", "pound"), ("mass", 0.45359237)),
    **dict.fromkeys(("s", "sec", "second"), ("time", 1.0)),
    **dict.fromkeys(("min", "minute"), ("time", 60.0)),
    **dict.fromkeys(("h", "hour"), ("time", 3600.0)),
    **dict.fromkeys(("day",), ("time", 86_400.0)),
    **dict.fromkeys(("%", "percent", "per cent"), ("share", 0.01)),
    **dict.fromkeys(("k", "kelvin"), ("temperature", 1.0)),
    **dict.fromkeys(("c", "°c", "celsius", "degree celsius", "degree c"), ("celsius", 1.0)),
    **dict.fromkeys(("f", "°f", "fahrenheit", "degree fahrenheit", "degree f"), ("fahrenheit", 1.0)),
}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9, "trillion": 1e12}
_SCALE_WORDS = "hundred|thousand|million|billion|trillion|bn"
_ONES = (
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"""
)
_SMALL = {word: number for number, word in enumerate(_ONES.split())}
_TENS_WORDS = """twenty thirty forty fifty sixty seventy eighty ninety"""
_TENS = {word: 10 * n for n, word in enumerate(_TENS_WORDS.split(), 2)}
_NUMBER = re.compile(
    rf"""(?P<number>[-−]?(?:\d{{1,3}}(?:[,\u00a0\u202f' ]\d{{3}})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?)
    (?:\s*[x×*·]\s*10\s*(?:\^|\*\*)?\s*(?P<power>[-−]?\d*))?(?:\s*(?P<scale>{_SCALE_WORDS})s?\b)?""".replace("\n    ", ""),
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b(about|around|approximately|approx|roughly|nearly|almost|circa|ca|some|close to|estimated|just (over|under))\b|~|≈", re.I
)
_MORE = re.compile(r"\b(more than|over|at least|above|exceeds|exceeding|upwards of)\b|>", re.I)
_LESS = re.compile(r"\b(less than|fewer than|under|at most|below|up to)\b|<", re.I)
_FAR = 3.0
"""A number differs only when it is this many tolerances away; in between it is not told."""
_ROUGHEST = 0.1
"""However round a number is, it speaks of this share of itself at most."""
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


def parse_quantity(text: str, unit: str | None = None) -> Quantity | None:
    """The first number of a text, or the range of its first two; None where there is none.

    `unit` stands in where the text names none that we know.
    """
    text = _words_to_digits(text)
    found = list(_NUMBER.finditer(text))
    if not found or found[0]["power"] == "":  # "3 x 10^" says no number
        return None
    first = found[0]
    dimension, factor = _unit_after(text[first.end() :]) or _unit_after(unit or "") or (None, 1.0)
    low, step = _value(first)
    if len(found) > 1 and re.fullmatch(r"\s*(-|–|—|to|and)\s*", text[first.end() : found[1].start()], re.I):
        second = found[1]
        dimension, factor = _unit_after(text[second.end() :]) or (dimension, factor)
        high, _ = _value(second)
        if first["scale"] is None and second["scale"]:
            low *= _SCALES[second["scale"].lower()]
        ends = sorted((_to_base(low, dimension, factor), _to_base(high, dimension, factor)))
        return Quantity(ends[0], ends[1], _base_dimension(dimension))
    before = text[: first.start()]
    bound = "more" if _MORE.search(before) else "less" if _LESS.search(before) else None
    about = first["scale"] is not None or _ABOUT.search(before) is not None
    value = _to_base(low, dimension, factor)
    rounding = min(step / 2, _ROUGHEST * abs(low)) * factor if about else 0.0
    return Quantity(value, value, _base_dimension(dimension), rounding, None if _ABOUT.search(before) else bound)


def compare_quantities(claim: Quantity, known: Quantity, tolerance: float) -> Agreement:
    """Whether a claimed quantity agrees with a known one, within a relative tolerance. Without tolerance only equal numbers agree."""
    if claim.dimension and known.dimension and claim.dimension != known.dimension:
        return Agreement.UNCLEAR
    truth = (known.low + known.high) / 2
    slack = max(tolerance * abs(truth), (known.high - known.low) / 2)
    if claim.bound:
        result = _compare_bound(claim, truth, slack)
    elif claim.low != claim.high:
        result = _compare_range(claim, truth, slack)
    else:
        distance = abs(claim.low - truth)
        allowed = max(slack, claim.rounding if tolerance else 0.0)
        if distance <= allowed or math.isclose(claim.low, truth, rel_tol=1e-9):
            return Agreement.SAME
        result = Agreement.DIFFERENT if distance > max(_FAR * slack, claim.rounding) else Agreement.UNCLEAR
    units_told = claim.dimension == known.dimension
    return Agreement.UNCLEAR if result is Agreement.DIFFERENT and not units_told else result


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


def _value(match: re.Match[str]) -> tuple[float, float]:
    """The number, and what one of its last significant digit is worth: `67 million` -> (67e6, 1e6); `1500` -> (1500, 100)."""
    digits = re.sub(r"[,\u00a0\u202f' ]", "", match["number"]).replace("−", "-")
    scale = _SCALES[match["scale"].lower()] if match["scale"] else 1.0
    if match["power"]:
        scale *= 10.0 ** int(match["power"].replace("−", "-"))
    mantissa = re.split(r"[eE]", digits)[0].lstrip("-")
    if "." in mantissa:
        step = 10.0 ** -len(mantissa.split(".")[1])
    else:
        step = 10.0 ** (len(mantissa) - len(mantissa.rstrip("0"))) if mantissa.strip("0") else 1.0
    return float(digits) * scale, step * scale


def _unit_after(rest: str) -> tuple[str, float] | None:
    """The unit that a text starts with, longest first; plural and full stop do not matter."""
    tokens = re.findall(r"°?[^\W\d_]+[²2]?|%|°", rest.lower().replace("^", "").replace("-", " "))[:2]
    for size in (2, 1):
        name = " ".join(tokens[:size])
        for form in (name, name.removesuffix("s"), name.replace("degrees", "degree")):
            if len(tokens) >= size and form in _UNITS:
                return _UNITS[form]
    return None


def _to_base(value: float, dimension: str | None, factor: float) -> float:
    if dimension == "celsius":
        return value + 273.15
    if dimension == "fahrenheit":
        return (value - 32.0) / 1.8 + 273.15
    return value * factor


def _base_dimension(dimension: str | None) -> str | None:
    return "temperature" if dimension in ("celsius", "fahrenheit") else dimension


def _words_to_digits(text: str) -> str:
    """Number words up to ninety-nine become digits: "twenty-three" -> "23". Larger ones keep their scale word."""
    ones, tens = "|".join(_SMALL), "|".join(_TENS)

    def digits(match: re.Match[str]) -> str:
        return str(_TENS.get((match["tens"] or "").lower(), 0) + _SMALL.get((match["ones"] or match["only"] or "").lower(), 0))

    pattern = rf"(?<!\bno )(?<!\bany )(?<!\bevery )\b(?:(?P<tens>{tens})(?:[- ](?P<ones>{ones}))?|(?P<only>{ones}))\b"
    return re.sub(pattern, digits, text, flags=re.IGNORECASE)
