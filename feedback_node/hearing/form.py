"""Form is not content: Markdown, JSON, tables, bullets, footnotes, emoji and odd characters are taken off an answer before it is read.

What is left is plain prose, a line for each item ("Author: X"), whose characters know where they stood.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from feedback_node.hearing.items import as_one_list
from feedback_node.hearing.mapped import Mapped, Piece

_NEEDED = re.compile(r"[^\x20-\x7e\n]|\.\"|\b[1-9]\)|[*_`#|<>{\[~&\\]|^[ \t]*(?:[-+]|\w{1,2}[.)])\s", re.MULTILINE)
"""A text without any of these is plain."""
_GONE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0e\ufe0f\ufeff\u20e3\U000e0000-\U000e007f]"
    "|[\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
)
_ALIKE = {
    **dict.fromkeys("’‘‛ʼʻ´＇ˈ", "'"),
    **dict.fromkeys("“”„‟«»＂", '"'),
    **dict.fromkeys("\u00a0\u2007\t\r", " "),
    **dict.fromkeys("‐‑", "-"),
    "：": ":",
    "，": ",",
    "。": ".",
    "…": ".",
}
_ODD = re.compile("[" + re.escape("".join(_ALIKE)) + "]")
_ENTITY = re.compile(r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,5}|[a-zA-Z]{2,8});")
_TAG = re.compile(r"</?(?P<name>[a-zA-Z][a-zA-Z0-9]*)(?:\s[^<>\n]{0,200})?/?>")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w-]*[ \t]*$\n?", re.MULTILINE)
_LINK = re.compile(r"!?\[(?P<said>[^\[\]\n]{1,200})\]\([^()\n]{0,300}\)")
_FOOTNOTE = re.compile(
    r"\s?\[(?:\^?\d{1,3}|\^?[a-z]|note \d+|citation needed|source)\]|(?<=[a-zà-ÿ.,)\"'])[¹²³⁴-⁹⁰]+(?![\w⁰-⁹])|(?<=\w)[†‡]", re.IGNORECASE
)
_UNIT_BEFORE = re.compile(r"(?:\b|\d)(?:k|c|m|d)?m$|\b(?:ft|mi|in|yd)$")
_STRUCK = re.compile(r"~~[^~\n]{1,200}~~")
_BOLD = re.compile(r"\*{1,3}|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)|`+|\\(?=[*_#\[\]()`.!-])")
_HEADING = re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]*|>[ \t]?)(?P<said>[^\n]*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-=*_][ \t]*){3,}$\n?", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*(?:[-+*•‣◦·–—]|\(?(?:\d{1,2}[.)]|[a-zA-Z]\)|[a-z]\.))[ \t]+(?=\S)", re.MULTILINE)
_OPEN_LINE = re.compile(r"(?<=[^\s.!?:;,])[ \t]*(?=\n)")
_EMPTY = re.compile(
    r"\A\s*(?:(?:The )?(?:(?:[Ff]inal|[Ss]hort|[Cc]orrect) )?(?:[Aa]nswer|ANSWER|[Rr]esponse|[Rr]eply|[Rr]esult)[.:]?[ \t]*\n\s*)?|(?<= ) +"
)
"""A title that only says that an answer follows, and blanks that were beside what is gone."""
_NO_LABEL = frozenset({"answer", "response", "reply", "result", "text", "content", "output", "message"})
_ROW = re.compile(r"^[ \t]*\|?(?P<cells>[^|\n]*(?:\|[^|\n]*)+?)\|?[ \t]*$", re.MULTILINE)
_TABLE = re.compile(r"(?:^[ \t]*\|[^\n]*\|[ \t]*(?:\n|\Z))+|(?:^[^|\n]+\|[^\n]+(?:\n|\Z)){2,}", re.MULTILINE)
_LINE = re.compile(r"^[ \t]*\|?[\s:|-]*-[\s:|-]*\|?[ \t]*$")
_NO_HEADER = frozenset({"", "property", "field", "attribute", "key", "item", "question", "fact", "detail", "category", "aspect", "name"})
_STOP_INSIDE = re.compile(r"\.(?P<quote>[\"”])\s+(?=[^\W\d_a-z])")
"""A full stop before the closing quotation mark ends the sentence behind it."""
_ITEMS = re.compile(r"(?:^|\s)\(?1\)\s.*\s\(?2\)\s", re.DOTALL)
_NUMBERED = re.compile(r"(?:(?<=^)|(?<=\s))\(?(?:[1-9]|1\d)\)\s+(?=[^\W\d_])")
"""Items within a line: "1) Lima 2) Cusco"."""
_MOST_JSON = 20_000


def plain(text: str, question: str = "") -> Mapped:
    """An answer without its form. The question tells a table of one row that says what was asked from one whose row names a thing."""
    mapped = Mapped(text)
    if not _NEEDED.search(text):
        as_one_list(mapped)
        return mapped
    if not text.isascii():
        mapped.sub(_ODD, lambda match: [_ALIKE[match.group()]])
        mapped.sub(_FOOTNOTE, lambda match: _unless_unit(mapped.text, match))
        mapped.sub(_GONE, lambda match: [])
    if "```" in text or "~~~" in text:
        mapped.sub(_FENCE, lambda match: [])
    if (data := _data(mapped.text)) is not None:
        rendered = _render(data, mapped)
        as_one_list(rendered)
        return rendered
    _unmark(mapped)
    if "|" in mapped.text:
        mapped.sub(_TABLE, lambda match: list(_table(match, question)))
    if '."' in mapped.text or ".”" in mapped.text:
        mapped.sub(_STOP_INSIDE, lambda match: [match.span("quote"), ". "])
    if _ITEMS.search(text):
        mapped.sub(_NUMBERED, lambda match: [".\n"] if match.start() else [])
    mapped.sub(_RULE, lambda match: [])
    as_one_list(mapped)
    mapped.sub(_HEADING, lambda match: [match.span("said")])
    mapped.sub(_BULLET, lambda match: [])
    mapped.sub(_OPEN_LINE, lambda match: ["."])
    mapped.sub(_EMPTY, lambda match: [])
    return mapped


def _unless_unit(text: str, match: re.Match[str]) -> list[Piece]:
    raised = match.group()[0] in "²³"
    return [match.span()] if raised and _UNIT_BEFORE.search(text[max(0, match.start() - 3) : match.start()]) else []


def _unmark(mapped: Mapped) -> None:
    """Marks within a line."""
    text = mapped.text
    if "&" in text:
        mapped.sub(_ENTITY, lambda match: [html.unescape(match.group())])
    if "<" in text:
        mapped.sub(_TAG, lambda match: ["\n"] if match["name"].lower() in ("br", "p", "li", "div", "tr", "h1", "h2", "h3") else [])
    if "[" in text:
        mapped.sub(_LINK, lambda match: [match.span("said")])
        mapped.sub(_FOOTNOTE, lambda match: _unless_unit(mapped.text, match))
    if "~~" in text:
        mapped.sub(_STRUCK, lambda match: [])
    mapped.sub(_BULLET, lambda match: [])
    if any(mark in text for mark in "*_`\\"):
        mapped.sub(_BOLD, lambda match: [])


# --- tables


def _table(match: re.Match[str], question: str) -> Iterator[Piece]:
    """Each row as lines of prose: "Author: X" where a row or the header names what it tells, else "the author of X is Y" by the header."""
    rows: list[list[tuple[int, int]]] = []
    ruled = False
    for line in re.finditer(r"[^\n]+", match.group()):
        if _LINE.match(line.group()):
            ruled = len(rows) == 1
            continue
        rows.append(_cells(match.start() + line.start(), line.group()))
    text = match.string
    if rows and max(map(len, rows)) == 1:
        for (cell,) in rows[1:] if ruled else rows:
            yield from (cell, ".\n")
        return
    rows = [row for row in rows if len(row) > 1]
    if not rows:
        yield match.span()
        return
    header = rows[0] if ruled and len(rows) > 1 else None
    labelled = header is None or (len(header) == 2 and text[slice(*header[0])].strip().lower() in _NO_HEADER)
    if header is not None and len(rows) == 2 and not labelled and text[slice(*rows[1][0])].casefold() not in question.casefold():
        for column, cell in zip(header, rows[1], strict=False):
            yield from (column, ": ", cell, ".\n")
        return
    for row in rows if header is None else rows[1:]:
        if labelled:
            yield from (row[0], ": ", row[1], ".\n")
            continue
        for column, cell in zip((header or [])[1:], row[1:], strict=False):
            yield from ("The ", text[slice(*column)].lower(), " of ", row[0], " is ", cell, ".\n")


def _cells(at: int, line: str) -> list[tuple[int, int]]:
    found = []
    for cell in re.finditer(r"[^|]+", line):
        said = cell.group()
        if said.strip():
            start = at + cell.start() + len(said) - len(said.lstrip())
            found.append((start, start + len(said.strip())))
    return found


# --- JSON


def _data(text: str) -> Any:
    """The document that a text is, where it is nothing else; None otherwise."""
    stripped = text.strip()
    if stripped[:1] not in ("{", "[") or stripped[-1:] not in ("}", "]") or len(stripped) > _MOST_JSON:
        return None
    try:
        data = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, (dict, list)) and data else None


def _render(data: Any, before: Mapped) -> Mapped:
    """A document as lines: "capital: Lima."; each value stands where it stood."""
    parts: list[str] = []
    places: list[int] = []
    at = 0
    for label, value in _pairs(data):
        found = before.text.find(value, at)
        at = max(found, at)
        label = "" if label in _NO_LABEL and " " in value else label
        line = f"{label}: {value}.\n" if label else f"{value}.\n"
        begin = len(line) - len(value) - 2
        parts.append(line)
        for place in range(len(line)):
            inside = min(max(place - begin, 0), max(len(value) - 1, 0))
            places.append(before.origin(at + (inside if found >= 0 else 0)))
    return Mapped("".join(parts), places)


def _pairs(data: Any, label: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > 8:
        return
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _pairs(value, re.sub(r"(?<=[a-z])(?=[A-Z])|[_-]", " ", str(key)).strip().lower(), depth + 1)
    elif isinstance(data, list):
        for value in data:
            yield from _pairs(value, label, depth + 1)
    elif isinstance(data, bool):
        yield label, "yes" if data else "no"
    elif data is not None and str(data).strip():
        yield label, str(data).strip().rstrip(".")
