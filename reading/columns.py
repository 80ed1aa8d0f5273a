"""The names that columns have in the data sets of the field, and which known one a misspelt one may be meant for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

QUESTIONS = ("prompt", "question", "instruction", "query", "problem", "input", "inputs", "user", "human", "article", "document")
"""Columns that ask, the first that is there; `input` beside `instruction` is what the instruction is about."""
ANSWERS = (
    "answer", "completion", "response", "output", "answers", "solution", "target", "targets", "assistant", "generated_text", "summary",
    "highlights", "answerkey", "answer_key",
)  # fmt: skip
"""Columns that answer."""
ABOUT = ("context", "input", "passage", "document", "article")
"""Columns with what a question is about."""
TEXTS = ("text", "content", "document", "sentence", "review", "body")
"""Columns of plain text, the first that is there; a `title` goes before it."""
SYSTEMS = ("system", "system_prompt", "system_message")
CONVERSATIONS = ("messages", "conversations", "conversation", "dialog", "dialogue", "chat_messages", "contents", "turns", "chat")
"""Columns of turns."""
CHOSEN = ("chosen", "chosen_response", "preferred", "preferred_output", "chosen_messages")
REJECTED = ("rejected", "rejected_response", "dispreferred", "non_preferred_output", "rejected_messages")
LABELS = ("label", "label_text", "label_name", "category", "class")
TOOLS = ("tools", "functions")
MEDIA = ("images", "image", "audio", "audios", "videos", "video")
OWN = (
    "sample_id",
    "task",
    "split",
    "gold",
    "label_set",
    "run_id",
    "parent_id",
    "generation",
    "origin",
    "provenance",
    "produced_at",
    "schema_version",
)
"""Fields of a sample beside its text."""
OTHERS = (
    "title", "history", "choices", "options", "completions", "paragraphs", "mapping", "segments", "input_output", "utterances", "winner",
    "subject", "predicate", "object", "kto_tag",
)  # fmt: skip
KNOWN = frozenset(
    (*QUESTIONS, *ANSWERS, *ABOUT, *TEXTS, *SYSTEMS, *CONVERSATIONS, *CHOSEN, *REJECTED, *LABELS, *TOOLS, *MEDIA, *OWN, *OTHERS)
)
MAPPABLE = frozenset(
    (
        "prompt", "answer", "text", "label", "chosen", "rejected", "messages", "tools", "system", "context", "title", "sample_id", "task",
        "split", "gold", "label_set",
    )
)  # fmt: skip
"""What `--map` may name: a column of its own for each part of a sample."""
LIKENESS = 0.8
"""`difflib`'s measure from which on a name may be a misspelt one."""


def usual(name: str) -> str:
    """A column's name as the field writes it: `Prompt`, ` prompt` and `PROMPT` are `prompt`."""
    return re.sub(r"[\s\-]+", "_", name.strip()).lower()


def meant(name: str, among: Iterable[str] = KNOWN) -> str | None:
    """The known name that an unknown one is close to."""
    if usual(name).endswith("_id"):  # it names a question; it is none
        return None
    close = difflib.get_close_matches(usual(name), list(among), 1, LIKENESS)
    return close[0] if close else None
