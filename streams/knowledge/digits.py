"""What a group of digits with its commas, stops and spaces may mean."""

from __future__ import annotations

import re
import unicodedata

SPACES = " \u00a0\u202f\u2009"
"""Spaces that may part the thousands of a number."""


def read_digits(raw: str) -> list[tuple[float, float]] | None:
    """What a group of digits with its marks may mean, each with the worth of its last significant digit; None where it is no number."""
    text = "".join(str(unicodedata.digit(char)) if char.isdigit() else char for char in raw)
    text = re.sub(rf"[{SPACES}'’_]", "", text)
    marks = re.sub(r"\d", "", text)
    if not marks:
        return [_valued(text)]
    groups = re.split(r"[.,]", text)
    if len(set(marks)) == 2:
        if marks[:-1] != marks[0] * (len(marks) - 1) or not _are_thousands(groups[:-1], marks[0]):
            return None
        return [_valued("".join(groups[:-1]) + "." + groups[-1])]
    if _are_thousands(groups, marks[0]):
        whole = _valued("".join(groups))
        if marks == "." and len(groups) == 2:  # "33.000" is thirty-three or thirty-three thousand
            return [_valued(".".join(groups))] if groups[0].strip("0") == "" else [_valued(".".join(groups)), whole]
        return [whole]
    return [_valued(".".join(groups))] if len(groups) == 2 else None


def _are_thousands(groups: list[str], mark: str) -> bool:
    if len(groups) == 1:
        return True
    western = 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    indian = mark == "," and 1 <= len(groups[0]) <= 2 and len(groups[-1]) == 3 and all(len(group) == 2 for group in groups[1:-1])
    return western or indian


def _valued(text: str) -> tuple[float, float]:
    if "." in text:
        return float(text), 10.0 ** -len(text.split(".")[1])
    return float(text), 10.0 ** (len(text) - len(text.rstrip("0"))) if text.strip("0") else 1.0
