"""Values of columns as a sample has them: text as it is written, lists of texts, JSON within a text."""

from __future__ import annotations

import json
from typing import Any

from reading.refusal import Refused, Skip

INNER = ("messages", "conversations", "text", "content", "value", "question", "prompt")
"""Names within an object that are likely to be meant; the first are turns."""
LIST_SEPARATOR = "|"
"""Between the values of one CSV cell whose field is a list, such as `gold`."""


class NeedsSpelling(Exception):  # noqa: N818 - not an error: the row is to be read again
    """A number stands where text is wanted: the row has to be parsed again, keeping how its numbers are written."""


def is_blank(value: Any) -> bool:
    """Whether nothing stands there: null, blanks, an empty list or object."""
    if value is None:
        return True
    if type(value) is str:
        return not value or value.isspace()
    return isinstance(value, list | dict) and not value


def text(value: Any, column: str) -> str:
    """A value as text: booleans as JSON writes them.

    Raises:
        NeedsSpelling: it is a number that may be spelled in several ways.
        Refused: it is blank, or no text.
    """
    if type(value) is str:
        if value and not value.isspace():
            return value
        raise Refused(Skip.MISSING, f"`{column}` is blank")
    if value is None:
        raise Refused(Skip.MISSING, f"`{column}` is null")
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):  # JSON writes a whole number in one way
        return str(value)
    if isinstance(value, float):
        raise NeedsSpelling
    if isinstance(value, bytes):
        raise Refused(Skip.BAD_ENCODING, f"`{column}` holds bytes that are no text in UTF-8")
    if isinstance(value, list):
        raise Refused(Skip.INVALID, f"`{column}` is a list, not text")
    within = next((name for name in value if name in INNER), next(iter(value), "name")) if isinstance(value, dict) else "name"
    part = "messages" if within in INNER[:2] else "prompt"
    raise Refused(Skip.INVALID, f"`{column}` is an object, not text; --map leads into it, as in --map {part}={column}.{within}")


def texts(value: Any, column: str) -> list[str]:
    """A list of texts: a JSON list, one text, or a CSV cell's parts between bars."""
    if type(value) is str:
        if value.startswith("["):
            value = from_json(value, column)
        else:
            return [part.strip() for part in value.split(LIST_SEPARATOR)]
    if not isinstance(value, list | tuple):
        return [text(value, column)]
    return [text(part, column) for part in value]


def from_json(value: str, column: str) -> Any:
    """What a text holds that is JSON itself, as tables keep lists.

    Raises:
        Refused: it is not JSON.
    """
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        notation = "Python's own notation" if value[:2] in ("[{", "['") and "'" in value else "text"
        raise Refused(Skip.INVALID, f"`{column}` is {notation}, not the JSON of a list; write it with json.dumps") from None
