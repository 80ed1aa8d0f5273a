"""Which shape the columns of a row have, found once for each set of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from reading.columns import KNOWN, MEDIA, OWN, QUESTIONS, meant, usual
from reading.refusal import Refused, Skip
from reading.shapes.base import Columns, Convert, ConvertMany, Made, Way
from reading.shapes.conversations import chat_export, conversation
from reading.shapes.labels import labelled, plain_text
from reading.shapes.nested import squad_article
from reading.shapes.pairs import pair
from reading.shapes.preferences import arena, preference, scored
from reading.shapes.prompts import BARE, prompt
from reading.values import is_blank

Fit = Callable[[Columns], Way | None]

ORDER: tuple[Fit, ...] = (preference, scored, arena, conversation, chat_export, squad_article, pair, labelled, plain_text, prompt)
"""The shapes in the order in which they are tried: what says more comes first."""
FORMATS: dict[str, tuple[Fit, ...]] = {
    "alpaca": (lambda columns: pair(columns, ("instruction",), ("output", "response")),),
    "chatgpt-export": (chat_export,),
    "classification": (labelled,),
    "dolly": (lambda columns: pair(columns, ("instruction",), ("response", "output")),),
    "messages": (conversation,),
    "preference": (preference,),
    "prompt": (prompt,),
    "prompt-completion": (lambda columns: pair(columns, ("prompt",), ("completion", "answer", "response")),),
    "question-answer": (pair,),
    "sharegpt": (conversation,),
    "squad": (squad_article, lambda columns: pair(columns, ("question",), ("answers", "answer"))),
    "text": (plain_text,),
    "ultrafeedback": (scored,),
}
"""What `--format` may name."""
SEGMENTS = (
    "pieces of text with marks of what is learnt (Axolotl's input_output) are not trained here; send `messages`, with `weight`: 0 on others"
)
NOT_SUPPORTED = {
    ("prompt", "completions", "labels"): "verdicts on the steps of an answer are not trained here",
    ("input_ids",): "token ids are one tokenizer's; send the text itself",
    ("segments",): SEGMENTS,
    ("input_output",): SEGMENTS,
    (
        "message_id",
        "parent_id",
        "text",
        "role",
    ): "one message of a tree (OpenAssistant's): join those of a branch into `messages`",
    ("message_tree_id", "prompt"): "a tree of messages (OpenAssistant's): write each of its branches as `messages`",
    (
        "user",
        "text",
        "ts",
    ): "one message of a channel (Slack's): join those of a conversation into `messages`, and say who is the assistant",
}
LONGEST_NAME = 80
"""Characters of a column's name; what is longer is no name."""
FACTS = (("subject", "predicate", "object"), ("head", "relation", "tail"))
OWN_TEXTS = ("answer", "label", "text", "chosen", "rejected")
"""A sample's own fields of text, kept also where the row's shape does without: its task may be said otherwise."""


class Plan(NamedTuple):
    """What is done with rows of certain columns."""

    shape: str
    convert: Convert
    own: tuple[tuple[str, str], ...] = ()
    """Fields of a sample that are taken as they are, and their columns."""
    ignored: tuple[str, ...] = ()
    """Columns that nothing is made of."""
    convert_many: ConvertMany | None = None
    """Of many plain rows at once."""
    doubt: str = ""
    """Where the shape takes little, and an ignored column looks like a misspelt one that would make it another: what is meant, perhaps."""


def recognised(keys: Iterable[str], forced: str | None = None) -> Plan:
    """The plan for rows with these columns; one whose way refuses every row where no shape has them.

    Args:
        keys: the columns' names.
        forced: the name of the only shape that is tried.
    """
    keys = list(keys)
    columns = Columns(keys)
    if {"row_idx", "row"} <= columns.actual.keys():  # as the hub's server gives rows
        return Plan("row", lambda row: _within(row["row"], forced), ignored=("row_idx",))
    for wanted, why in NOT_SUPPORTED.items():
        if columns.actual.keys() >= set(wanted):
            return Plan("not supported", _refusing(Skip.NOT_SUPPORTED, why))
    for fit in FORMATS[forced] if forced else ORDER:
        columns.used.clear()
        if found := fit(columns):
            return _plan(columns, found, OWN if forced else (*OWN, *OWN_TEXTS))
    return Plan("unknown", _refusing(Skip.UNKNOWN_SHAPE, _unknown(keys, columns, forced), looks_at_row=not forced))


def _plan(columns: Columns, way: Way, kept: tuple[str, ...]) -> Plan:
    shape = way.shape
    own = [(name, actual) for name in kept if (actual := columns.actual.get(name)) and actual not in columns.used]
    media = [columns.actual[name] for name in MEDIA if name in columns]
    taken = columns.used | {actual for _, actual in own} | set(media)
    ignored = tuple(actual for actual in columns.actual.values() if actual not in taken)
    doubt = ""
    if shape in (BARE, "text"):
        wrong = ((name, close) for name in ignored if usual(name) not in KNOWN and (close := meant(name)))
        doubt = next((f"`{name}` is no column that is known: is `{close}` meant?" for name, close in wrong), "")
    if shape == BARE and not doubt and not {"prompt", "gold", "task"} & columns.actual.keys():
        asks = next(columns.actual[name] for name in QUESTIONS if name in columns)
        doubt = f"`{asks}` has no answer beside it; --task says what such rows are"
    if media:
        return Plan(shape, _without_media(way.convert, media), tuple(own), ignored, doubt=doubt)
    return Plan(shape, way.convert, tuple(own), ignored, way.convert_many, doubt)


def _within(row: Any, forced: str | None) -> Made:
    if not isinstance(row, dict):
        raise Refused(Skip.INVALID, "`row` is no object")
    return recognised(row, forced).convert(row)


def _without_media(convert: Convert, media: list[str]) -> Convert:
    def checked(row: dict[str, Any]) -> Made:
        for column in media:
            if not is_blank(row.get(column)):
                raise Refused(Skip.NOT_SUPPORTED, f"`{column}` is not empty: pictures and sound are not trained here")
        return convert(row)

    return checked


def _refusing(reason: Skip, why: str, looks_at_row: bool = False) -> Convert:
    def refuse(row: dict[str, Any]) -> Made:
        raise Refused(reason, (looks_at_row and _around_rows(row)) or why)

    return refuse


BY_COLUMNS = "a table turned on its side: pandas writes rows with orient='records'"


def refuse_by_columns(row: dict[str, Any]) -> None:
    """Raises Refused where what looks like a row is a whole table by its columns, as pandas writes one unless it is told otherwise."""
    parts = list(row.values())
    if len(parts) < 2 or not all(isinstance(part, dict | list) and len(part) == len(parts[0]) > 0 for part in parts):
        return
    columns = [part if isinstance(part, list) else list(part.values()) for part in parts]
    numbered = all(isinstance(part, list) or all(key.isdigit() for key in part) for part in parts)
    if numbered and not any(isinstance(cell, dict | list) for column in columns for cell in column):
        raise Refused(Skip.INVALID, BY_COLUMNS)


def _around_rows(row: dict[str, Any]) -> str:
    """What an object without a known column is, where it is no row but has rows in it."""
    listed = ", ".join(f"`{key[:30]}`" for key in list(row)[:4]) + (", …" if len(row) > 4 else "")
    parts = list(row.values())
    if len(parts) > 1 and all(isinstance(part, dict) and part.keys() == parts[0].keys() for part in parts):
        return f"an object with an object under each of {listed}: write them as a list, or one a line"
    if len(parts) > 1 and all(isinstance(part, list) and part and isinstance(part[0], dict) for part in parts):
        return f"several lists of rows, {listed}: write each into a file of its own"
    return ""


def _unknown(keys: list[str], columns: Columns, forced: str | None) -> str:
    listed = ", ".join(f"`{key[:30]}`" for key in keys[:8]) + (", …" if len(keys) > 8 else "")
    if any(columns.actual.keys() >= set(fact) for fact in FACTS):
        return f"these are facts ({listed}): `pelton facts` sends them"
    if keys and all(key.isdigit() for key in keys[:50]):
        return BY_COLUMNS
    if forced:
        return f"not of the format {forced}: its columns are not among {listed or 'none'}"
    if any(key.strip().isdigit() or len(key) > LONGEST_NAME for key in keys):
        return f"no shape has the columns {listed}; is the first line a row? A table begins with the names of its columns"
    close = [f"is `{found}` meant by `{key}`?" for key in keys if usual(key) not in KNOWN and (found := meant(key))]
    advice = close[0] if close else "name them, as in --map prompt=question,answer=response"
    return f"no shape has the columns {listed or 'of an empty object'}; {advice}"
