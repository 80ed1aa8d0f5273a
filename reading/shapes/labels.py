"""Labelled text, and text alone."""

from __future__ import annotations

from typing import Any

from reading.columns import LABELS, TEXTS
from reading.refusal import Refused, Skip
from reading.shapes.base import Columns, Fields, Made, Way, are_said, joined
from reading.values import is_blank, text, texts


def labelled(columns: Columns) -> Way | None:
    """The way of a row with a text and its one label."""
    label = columns.first(("label",)) or columns.first(LABELS)
    whole = columns.first(TEXTS)
    asked = columns.first(("prompt",))
    if label is None or (whole is None and asked is None):
        return None
    title, names, label_set = columns.first(("title",)), columns.first(("label_text", "label_name"), label), columns.first(("label_set",))

    def convert(row: dict[str, Any]) -> Made:
        made: Fields = {}
        if whole and not is_blank(row[whole]):
            made["text"] = _titled(row, title, whole)
        if asked and not is_blank(row[asked]):
            made["prompt"] = text(row[asked], asked)
        if not made:
            column = whole or asked or ""
            raise Refused(Skip.MISSING, f"`{column}` is {'null' if row[column] is None else 'blank'}")
        named = row.get(names) if names else None
        known = row.get(label_set) if label_set else None
        if not is_blank(known):
            made["label_set"] = texts(known, "label_set")
        made["label"] = label_of(row[label] if is_blank(named) else named, made.get("label_set"), label)
        return made

    def convert_many(rows: list[dict[str, Any]]) -> list[Fields] | None:
        assert whole
        said, labels = [row[whole] for row in rows], [row[label] for row in rows]
        if not (are_said(said) and are_said(labels)):
            return None
        return [{"text": one, "label": name} for one, name in zip(said, labels, strict=True)]

    is_alone = whole and not (asked or title or names or label_set)
    return Way("classification", convert, convert_many if is_alone else None)


def label_of(value: Any, known: list[str] | None, column: str) -> str:
    """The label's name: of a whole number that is none of the known labels, the one at that place, from 0.

    Raises:
        Refused: it is blank, -1 (as the hub writes unlabelled rows), or none of the known labels.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value == -1:
        raise Refused(Skip.MISSING, f"`{column}` is -1: the row has no label")
    name = text(value, column)
    if known is None or name in known:
        return name
    if name.isdigit() and int(name) < len(known):
        return known[int(name)]
    raise Refused(Skip.INVALID, f"the label {name[:50]!r} is not in its label_set of {len(known)}")


def plain_text(columns: Columns) -> Way | None:
    """The way of a row that is text alone; a `prompt` beside it is what the text answers."""
    whole = columns.first(TEXTS)
    if whole is None:
        return None
    title, asked = columns.first(("title",)), columns.first(("prompt",))

    def convert(row: dict[str, Any]) -> Made:
        made = {"text": _titled(row, title, whole)}
        if asked and not is_blank(row[asked]):
            made["prompt"] = text(row[asked], asked)
        return made

    def convert_many(rows: list[dict[str, Any]]) -> list[Fields] | None:
        said = [row[whole] for row in rows]
        if not are_said(said):
            return None
        return rows if tuple(rows[0]) == ("text",) else [{"text": one} for one in said]

    return Way("text", convert, None if title or asked else convert_many)


def _titled(row: dict[str, Any], title: str | None, whole: str) -> str:
    body = text(row[whole], whole)
    return joined(text(row[title], title), body) if title and not is_blank(row.get(title)) else body
