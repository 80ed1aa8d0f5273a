"""Conversations: OpenAI's and TRL's `messages`, ShareGPT's `conversations`, exports of chat programs."""

from __future__ import annotations

from typing import Any

from reading.anthropic import as_functions
from reading.columns import CONVERSATIONS, SYSTEMS, TOOLS, usual
from reading.refusal import Refused, Skip
from reading.shapes.base import Columns, Fields, Made, Way, with_system
from reading.turns import Turn, plain_conversations, turns_of
from reading.values import is_blank

NO_TOOLS = ("null", "None", "[]", "{}")
"""Texts of a column of tools that has none."""


def conversation(columns: Columns) -> Way | None:
    """The way of a row that has a column of turns."""
    column = columns.first(CONVERSATIONS)
    if column is None:
        return None
    system, tools = columns.first((*SYSTEMS, "systeminstruction", "system_instruction")), columns.first(TOOLS)
    verdict = columns.first(("kto_tag",)) or columns.actual.get("label")

    def convert(row: dict[str, Any]) -> Made:
        if verdict and isinstance(row.get(verdict), bool):
            raise Refused(
                Skip.NOT_SUPPORTED, "a conversation with a verdict (KTO) is not trained here; leave the bad ones and the column out"
            )
        made: Fields = {"messages": turns_of(row[column], column)}
        if system and row.get(system) is not None:
            made = with_system(made, _said(row[system]))
        if tools and not is_blank(row.get(tools)) and row[tools] not in NO_TOOLS:
            made["tools"] = as_functions(row[tools])
        return made

    def convert_many(rows: list[dict[str, Any]]) -> list[Fields] | None:
        found = plain_conversations([row[column] for row in rows])
        return None if found is None else [{"messages": turns} for turns in found]

    is_alone = not (system or tools or verdict)
    return Way("messages" if usual(column) == "messages" else "sharegpt", convert, convert_many if is_alone else None)


def _said(system: Any) -> Any:
    """What a system column says: a text, or Gemini's parts."""
    if isinstance(system, dict):
        parts = system.get("parts") or []
        return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
    return system


def chat_export(columns: Columns) -> Way | None:
    """ChatGPT's export: a tree of messages, of which the branch that was last shown is the conversation."""
    tree, current = columns.first(("mapping",)), columns.first(("current_node",))
    if tree is None or current is None:
        return None

    def convert(row: dict[str, Any]) -> Made:
        nodes, place, turns = row[tree], row[current], []
        if not isinstance(nodes, dict):
            raise Refused(Skip.INVALID, f"`{tree}` is no object of messages")
        seen: set[str] = set()
        while isinstance(node := nodes.get(place), dict) and place not in seen:
            seen.add(place)
            if (said := node.get("message")) and (turn := _exported(said)):
                turns.append(turn)
            place = node.get("parent")
        return {"messages": turns_of(turns[::-1], tree)}

    return Way("chatgpt-export", convert)


def _exported(message: dict[str, Any]) -> Turn | None:
    """A message of the export; None for one that was empty or hidden."""
    content = message.get("content") or {}
    parts = content.get("parts") if isinstance(content, dict) else None
    role = (message.get("author") or {}).get("role")
    if not parts or role not in ("user", "assistant") or (message.get("metadata") or {}).get("is_visually_hidden_from_conversation"):
        return None
    if not all(isinstance(part, str) for part in parts):
        raise Refused(Skip.BAD_TURN, "a message holds a picture or a file: only text can be trained on")
    said = "".join(parts)
    return {"role": role, "content": said} if said.strip() else None
