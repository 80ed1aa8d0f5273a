"""The numbers of a text, each read whole: "1.5 million", "15,00,000", "1.5 × 10⁶", "one million nine hundred thousand", "half a million".

A form that may mean two numbers ("33.000") has both. What is not understood whole has none, and is never cut to what was understood of it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from streams.knowledge.digits import SPACES as _SPACES
from streams.knowledge.digits import read_digits

_ONES = (
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"""
)
SMALL = {word: number for number, word in enumerate(_ONES.split())}
TENS = {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}  # noqa: SIM905
SCALES = {
    "hundred": 1e2,
    "dozen": 12.0,
    "thousand": 1e3,
    "k": 1e3,
    "lakh": 1e5,
    "lac": 1e5,
    "million": 1e6,
    "mn": 1e6,
    "mln": 1e6,
    "mio": 1e6,
    "mil": 1e6,
    "crore": 1e7,
    "billion": 1e9,
    "bn": 1e9,
    "bln": 1e9,
    "milliard": 1e9,
    "trillion": 1e12,
    "tn": 1e12,
    "trn": 1e12,
}
_SHORT_SCALES = frozenset({"k"})
"""Scales that look like units: they count only where they touch a number, and never alone."""
_FRACTIONS = {"half": 0.5, "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1}
_LARGEST = 290
"""Powers of ten beyond this are no quantity of anything."""
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWER = re.compile(
    r"\s*(?:[x×*·∙]|times)\s*10\s*(?:(?:\^|\*\*|to the power(?: of)?)\s*(?P<caret>[-−+]?\d+)|(?P<super>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))"
)
_BARE_POWER = re.compile(r"10\s*(?:(?:\^|\*\*)\s*(?P<caret>[-−+]?\d+)|(?P<super>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))")
_BROKEN_POWER = re.compile(r"\s*[x×*·]\s*10\b|\s*\^")
_DIGITS = re.compile(
    rf"\d{{1,3}}(?:[{_SPACES}'’_]\d{{3}})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*(?![\d])",
)
_EXPONENT = re.compile(r"[eE](?P<power>[-+−]?\d+)(?![\w.])")
_MIXED = re.compile(r"\s?(?P<vulgar>[½⅓⅔¼¾⅕⅛])|\s(?P<over>[1-9])/(?P<under>[2-9])(?![\d/])")
_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = re.compile(r"[^\W\d_]{1,12}")
_GAP = re.compile(rf"[{_SPACES}]*(?:[-‐‑][{_SPACES}]*)?")


class Number(NamedTuple):
    """One number of a text."""

    start: int
    """First character, the sign with it."""
    end: int
    """One past the last character."""
    readings: tuple[tuple[float, float], ...]
    """What it may mean, the likeliest first: the value, and what one of its last significant digit is worth."""
    scaled: bool
    """Said with a scale word ("67 million"), and so rounded."""
    scale: float = 1.0
    """The scale at its end."""


def numbers(text: str) -> list[Number] | None:
    """All numbers of a text from left to right; None where something in it looks like a number and cannot be read."""
    found: list[Number] = []
    at = 0
    while at < len(text):
        if text[at].isalnum() or text[at] in "½⅓⅔¼¾⅕⅛":
            number = _Reader(text, at).read()
            if number == "bad":
                return None
            if isinstance(number, Number) and number.end > at:
                found.append(number)
                at = number.end
                continue
            at = _skip(text, at)
        else:
            at += 1
    return found


def _skip(text: str, at: int) -> int:
    """Past a word that is no number; digits inside it ("R2-D2", "CO2") belong to it."""
    end = at
    while end < len(text) and (text[end].isalnum() or text[end] in "_'’"):
        end += 1
    return max(end, at + 1)


class _Reader:
    """Reads one number from a place."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.start = at
        self.at = at
        self.total: list[float] = [0.0]
        self.current: list[float] | None = None
        self.step = 1.0
        """What one of the last digit is worth, before scales."""
        self.last_scale = float("inf")
        self.scale_step = 1.0
        self.scaled = False
        self.digits = False
        self.words = 0
        self.small = ""
        """The last small number word: `ones`, `tens` or `hundred`; "" after digits or scales."""

    def read(self) -> Number | str | None:
        """The number; "bad" where one begins and does not end as one; None where there is none."""
        if (half := self._fraction_of_scale()) is not None:
            return half
        while (took := self._token()) == "on":
            pass
        if took == "bad":
            return "bad"
        if not self.digits and not self.words:
            return None
        return self._number()

    def _number(self) -> Number | str:
        tail = self.current if self.current is not None else [0.0]
        values = [total + rest for total in (self.total if len(self.total) > 1 else self.total[:1]) for rest in tail]
        start, sign = self._sign()
        if _BROKEN_POWER.match(self.text, self.at):
            return "bad"
        step = abs(self.step * (self.scale_step if self.current is None else 1.0)) or 1.0
        readings = tuple(dict.fromkeys((sign * value, step) for value in values))
        return Number(start, self.at, readings, self.scaled, self.scale_step if self.current is None else 1.0)

    def _sign(self) -> tuple[int, float]:
        before = self.text[: self.start]
        if match := re.search(r"(?:^|(?<=[\s(:=~]))(?:[-−]|(?:minus|negative)\s)$", before, re.IGNORECASE):
            return match.start(), -1.0
        return self.start, 1.0

    # --- one step

    def _token(self) -> str:
        """Take the next piece: "on", "end" where none belongs here, or "bad"."""
        text, begin = self.text, self.at
        gap = _GAP.match(text, begin)
        at = gap.end() if gap is not None and begin > self.start else begin
        if at >= len(text):
            return "end"
        if text[at].isdecimal() or text[at] in "½⅓⅔¼¾⅕⅛":
            return self._take_digits(at)
        word = _WORD.match(text, at)
        if word is None:
            return "end"
        return self._take_word(word.group().lower(), at, word.end(), touching=at == begin)

    def _take_word(self, low: str, at: int, end: int, *, touching: bool) -> str:
        plain = low[:-1] if low.endswith("s") and low[:-1] in SCALES else low
        if low in SMALL or low in TENS:
            return self._take_small(low, end)
        if plain in SCALES and (plain not in _SHORT_SCALES or (touching and self.digits and self.text[at] == "k")):
            if low != plain and not (self.digits or self.words):
                return "end"  # "millions of people" is no number
            return self._take_scale(plain, end)
        if low == "and" and (self.words or self.digits):
            return self._take_and(end)
        if low == "point" and self.small and self.current is not None:
            return self._take_point(end)
        if low in ("a", "an") and at == self.start and self._scale_follows(end):
            self.current, self.at = [1.0], end
            return "on"
        return "end"

    def _scale_follows(self, at: int) -> bool:
        word = _WORD.match(self.text, at + 1) if at < len(self.text) and self.text[at] in _SPACES else None
        return word is not None and word.group().lower() in SCALES and word.group().lower() not in _SHORT_SCALES | {"mil"}

    def _take_and(self, end: int) -> str:
        rest = self.text[end:]
        if match := re.match(r"\s+(?:an?|one)\s+(half|quarter|third)\b", rest, re.IGNORECASE):
            extra = _FRACTIONS[match[1].lower()]
            if self.current is None and self.scaled:  # "a million and a half"
                self.total = [value + extra * self.last_scale for value in self.total]
            elif self.current is not None:
                self.current = [value + extra for value in self.current]
                self.step = extra
            self.at, self.words = end + match.end(), self.words + 1
            return "on"
        word = re.match(r"\s+([^\W_]+)", rest)
        low = word[1].lower() if word else ""
        joins = self.small == "hundred" or (self.scaled and self.current is None and self.words) or (self.scaled and self.current is None)
        if word is None or not joins or not (low in SMALL or low in TENS or low[0].isdigit()):
            return "end"
        if low[0].isdigit() and not self._another_scale(end + word.end(), low):
            return "end"
        self.at = end + word.start(1)
        return "on"

    def _another_scale(self, end: int, low: str) -> bool:
        """Whether "and 500" goes on a number: it must be followed by a smaller scale, or be smaller than the last one."""
        word = re.match(r"\s+([^\W\d_]+)", self.text[end:])
        scale = SCALES.get(word[1].lower().removesuffix("s"), 1.0) if word else 1.0
        return float(re.sub(r"\D", "", low) or 0) * scale < self.last_scale

    def _take_small(self, low: str, end: int) -> str:
        if self.digits and self.current is not None:
            return "bad" if not self.scaled else "end"
        if low in TENS:
            if self.small in ("ones", "tens") and self.current is not None:
                return self._year(TENS[low], end)
            self._add(TENS[low], "tens", end)
            return "on"
        value = SMALL[low]
        if self.small == "ones" and self.current is not None:
            return self._year(value, end) if value >= 10 else "bad"
        if self.small == "tens" and self.current is not None and not 1 <= value <= 9:
            return self._year(value, end) if value >= 10 else "bad"
        self._add(value, "ones", end)
        return "on"

    def _year(self, value: int, end: int) -> str:
        """For "nineteen eighty-four": two numbers of two digits are one of four."""
        if self.scaled or self.current is None or not 10 <= self.current[0] <= 99:
            return "bad"
        self.current = [100 * self.current[0] + value]
        self.small, self.at = ("tens" if value >= 20 else "done"), end
        return "on"

    def _add(self, value: float, kind: str, end: int) -> None:
        base = self.current if self.current is not None else [0.0]
        self.current = [one + value for one in base]
        self.step = 1.0 if value % 10 else 10.0
        self.small, self.at, self.words = kind, end, self.words + 1

    def _take_point(self, end: int) -> str:
        assert self.current is not None
        decimals, last = "", 0
        for match in re.finditer(r"[\s-]+([a-z]+)", self.text[end:], re.IGNORECASE):
            if match.start() != last or (digit := SMALL.get(match[1].lower(), 99)) > 9:
                break
            decimals, last = decimals + str(digit), match.end()
        if not decimals:
            return "bad"
        self.current = [value + float(f"0.{decimals}") for value in self.current]
        self.step = 10.0 ** -len(decimals)
        self.small, self.at = "point", end + last
        return "on"

    def _take_scale(self, low: str, end: int) -> str:
        scale = SCALES[low]
        if low == "hundred" and self.current is not None and self.small not in ("hundred",) and self.current[0] < 100:
            self.current = [100 * value for value in self.current]
            self.step *= 100
            self.small, self.at, self.scaled = "hundred", end, True
            if self.digits:
                self.digits = False
            self.words += 1
            return "on"
        if self.current is None and not (self.words or self.digits):
            return "end" if low in ("mil", "mio") else self._alone(scale, end)
        if self.current is None:  # "thousand million", "lakh crore"
            self.total = [value * scale for value in self.total]
            self.scale_step *= scale
        else:
            if scale >= self.last_scale:
                return "bad"
            self.total = [total + value * scale for total in self.total for value in self.current]
            self.scale_step = scale
        self.current, self.small, self.scaled, self.last_scale, self.at = None, "", True, scale, end
        self.words += 1
        return "on"

    def _alone(self, scale: float, end: int) -> str:
        """For "thousand" with no number before it: one thousand."""
        self.total, self.scale_step, self.last_scale = [scale], scale, scale
        self.scaled, self.at, self.words = True, end, self.words + 1
        return "on"

    # --- digits

    def _take_digits(self, at: int) -> str:
        if self.words and not self.scaled:
            return "bad"
        if self.current is not None or (self.digits and not self.scaled):
            return "end"
        if power := _BARE_POWER.match(self.text, at):
            value = _ten_to(power["caret"] or power["super"])
            if not math.isfinite(value):
                return "bad"
            self.current, self.step, self.digits, self.at, self.scaled = [value], value, True, power.end(), True
            return "on"
        match = _DIGITS.match(self.text, at)
        raw = match.group() if match else ""
        read = read_digits(raw) if raw else [(0.0, 1.0)]
        end = match.end() if match else at
        if read is None or (end < len(self.text) and self.text[end] == "/" and self.text[end + 1 : end + 2].isdigit() and raw == ""):
            return "bad"
        values = [value for value, _ in read]
        self.step = read[0][1]
        end, values = self._mixed(end, values)
        end, values = self._exponent(end, values)
        if not all(map(math.isfinite, values)):
            return "bad"
        follower = _LETTERS.match(self.text, end)
        if follower and follower.start() == end and follower.group().lower() in ("st", "nd", "rd", "th"):
            return "bad" if self.scaled else self._ordinal()
        if self.scaled and (min(values) >= self.last_scale):
            return "end"
        self.current, self.digits, self.small, self.at = values, True, "", end
        return "on"

    def _ordinal(self) -> str:
        """ "16th" says a place in an order, not how many."""
        return "bad"

    def _mixed(self, end: int, values: list[float]) -> tuple[int, list[float]]:
        match = _MIXED.match(self.text, end)
        if match is None:
            return end, values
        part = unicodedata.numeric(match["vulgar"]) if match["vulgar"] else int(match["over"]) / int(match["under"])
        self.step = part
        return match.end(), [value + part for value in values]

    def _exponent(self, end: int, values: list[float]) -> tuple[int, list[float]]:
        for form in (_EXPONENT, _POWER):
            if match := form.match(self.text, end):
                factor = _ten_to(match["power"]) if form is _EXPONENT else _ten_to(match["caret"] or match["super"])
                self.step *= factor
                return match.end(), [value * factor for value in values]
        return end, values

    def _fraction_of_scale(self) -> Number | None:
        """For "half a million", "three quarters of a million", "a quarter of a million"."""
        match = _FRACTION.match(self.text, self.start)
        if match is None:
            return None
        scale = SCALES[match["scale"].lower()]
        count = SMALL.get((match["count"] or "one").lower(), 1)
        value = count * _FRACTIONS[match["part"].lower().removesuffix("s").replace("halve", "half")] * scale
        return Number(self.start, match.end(), ((value, value),), scaled=True)


_SCALE_NAMES = "|".join(sorted((name for name in SCALES if name not in _SHORT_SCALES), key=len, reverse=True))
_FRACTION = re.compile(
    rf"(?:(?P<count>an?|one|two|three)\s+)?(?P<part>half|third|quarter|fifth|tenth)s?(?:\s+of)?\s+(?:an?\s+|one\s+)?(?P<scale>{_SCALE_NAMES})\b",
    re.IGNORECASE,
)


def _ten_to(power: str) -> float:
    """Ten to a power as it is written; infinite where no number is so large."""
    exponent = int(power.translate(_SUPERSCRIPTS).replace("−", "-"))
    return 10.0**exponent if -_LARGEST <= exponent <= _LARGEST else math.inf


def spelled(text: str) -> Iterator[Number]:
    """The numbers of a text that can be read, wherever they stand; for finding them."""
    at = 0
    while at < len(text):
        if text[at].isalnum():
            number = _Reader(text, at).read()
            if isinstance(number, Number) and number.end > at:
                yield number
                at = number.end
                continue
            at = _skip(text, at)
        else:
            at += 1
