"""Rows within rows: SQuAD's own files, and the answers of the hub's server."""

from __future__ import annotations

from typing import Any

from reading.refusal import Refused, Skip
from reading.shapes.base import Columns, Fields, Made, Way
from reading.shapes.pairs import pair


def squad_article(columns: Columns) -> Way | None:
    """The way of an article with paragraphs, each with its questions."""
    paragraphs = columns.first(("paragraphs",))
    if paragraphs is None:
        return None
    found = pair(Columns(("question", "answers", "context")))
    assert found
    convert_one = found.convert

    def convert(row: dict[str, Any]) -> Made:
        made: list[Fields | Refused] = []
        try:
            for paragraph in row[paragraphs]:
                for asked in paragraph["qas"]:
                    one = {"question": asked["question"], "answers": asked.get("answers"), "context": paragraph.get("context")}
                    try:
                        made += _listed(convert_one(one))
                    except Refused as refused:
                        made.append(refused)
        except (KeyError, TypeError):
            raise Refused(Skip.INVALID, "`paragraphs` is no list of objects with `context` and `qas`") from None
        return made

    return Way("squad", convert)


def _listed(made: Made) -> list[Fields | Refused]:
    return made if isinstance(made, list) else [made]
