"""Questions without an answer: prompts for reinforcement, or texts to continue."""

from __future__ import annotations

from typing import Any

from reading.columns import ABOUT, QUESTIONS, SYSTEMS
from reading.shapes.base import Columns, Fields, Made, Way, joined, with_system
from reading.turns import turns_of
from reading.values import is_blank, text

BARE = "prompt"
"""The shape of a question alone."""


def prompt(columns: Columns) -> Way | None:
    """The way of a row that asks, and perhaps says which answers are right."""
    question = columns.first(QUESTIONS)
    if question is None:
        return None
    about, system = columns.first(ABOUT, question), columns.first(SYSTEMS)

    def convert(row: dict[str, Any]) -> Made:
        asked = row[question]
        if isinstance(asked, list) and asked:
            made: Fields = {"messages": turns_of(asked, question)}
        else:
            made = {"prompt": text(asked, question)}
            if about and not is_blank(row.get(about)):
                made["prompt"] = joined(made["prompt"], text(row[about], about))
        return with_system(made, row.get(system) if system else None)

    return Way(BARE, convert)
