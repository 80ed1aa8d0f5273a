"""A conversation's turns as a chat template takes them, and what is made of turns that it refuses: one rule for each, tried in this order.

- Two turns of one role in a row are one turn, a blank line between them (an assistant's only where both are learnt, or neither).
- A system's turn goes before the next user's, a blank line between them; where only later ones are refused, the first stays.
- Before an assistant's turn that begins the conversation a user's turn is put that says nothing.

What a template takes stays as it is. Tool calls are given as templates want them: arguments as a mapping, else as JSON; and what is said
beside a call as an empty text, else as none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

MERGED = "turns_merged"
FOLDED = "system_folded"
OPENED = "user_turn_added"
TOOLS_LEFT_OUT = "tools_left_out"
"""The template has no place for the tools; the sample is trained without them."""
REASONING_LEFT_OUT = "reasoning_left_out"
"""The template shows no reasoning, or not that of every turn."""


@dataclass(frozen=True)
class Spoken:
    """One turn."""

    role: str
    content: str | None
    weight: int | None = None
    """0: an assistant's turn that is not learnt."""
    rest: dict[str, Any] = field(default_factory=dict)
    """Tool calls, names and reasoning, where there are any."""

    @property
    def says_something(self) -> bool:
        """Whether there is anything in it to learn."""
        return bool((self.content or "").strip() or self.rest.get("tool_calls") or (self.rest.get("reasoning_content") or "").strip())

    def as_dict(self) -> dict[str, Any]:
        """For a template."""
        return {"role": self.role, "content": self.content, **self.rest}


def spoken(turn: Any) -> Spoken:
    """A turn of a sample."""
    rest = {name: value for name in ("reasoning_content", "name", "tool_call_id") if (value := getattr(turn, name, None)) is not None}
    if calls := getattr(turn, "tool_calls", None):
        rest["tool_calls"] = [call.model_dump(mode="json", exclude_none=True) for call in calls]
    return Spoken(turn.role, turn.content, getattr(turn, "weight", None), rest)


def adaptations(turns: Sequence[Spoken]) -> Iterator[tuple[list[Spoken], tuple[str, ...]]]:
    """The turns, then what the rules make of them, the least changed first; with the names of the rules that changed something."""
    seen: list[list[Spoken]] = []
    for rules in RULES:
        changed, names = list(turns), []
        for rule, name in rules:
            before, changed = changed, rule(changed)
            names += [name] * (changed != before)
        for made in calls_as_wanted(changed):
            if made not in seen:
                seen.append(made)
                yield made, tuple(names)


def merged(turns: list[Spoken]) -> list[Spoken]:
    """Turns of one role in a row as one."""
    made: list[Spoken] = []
    for turn in turns:
        if made and _belong_together(made[-1], turn):
            content = "\n\n".join(text for text in (made[-1].content, turn.content) if text)
            made[-1] = replace(made[-1], content=content, rest=made[-1].rest | turn.rest)
        else:
            made.append(turn)
    return made


def _belong_together(one: Spoken, other: Spoken) -> bool:
    if one.role != other.role or one.role == "tool" or one.rest.get("tool_calls") or one.rest.get("name") != other.rest.get("name"):
        return False
    return one.weight == other.weight and not other.rest.get("reasoning_content")


def folded(turns: list[Spoken], keep_first: bool = False) -> list[Spoken]:
    """System's turns within the user's turns that follow them."""
    made: list[Spoken] = []
    waiting: list[str] = []
    for number, turn in enumerate(turns):
        if turn.role == "system" and not (keep_first and number == 0):
            waiting += [turn.content] if turn.content else []
            continue
        if waiting and turn.role == "user":
            turn = replace(turn, content="\n\n".join([*waiting, *([turn.content] if turn.content else [])]))
            waiting = []
        elif waiting and turn.role == "assistant":
            made.append(Spoken("user", "\n\n".join(waiting)))
            waiting = []
        made.append(turn)
    return [*made, Spoken("user", "\n\n".join(waiting))] if waiting else made


def folded_later(turns: list[Spoken]) -> list[Spoken]:
    """The same, of those that do not begin the conversation."""
    return folded(turns, keep_first=True)


def opened(turns: list[Spoken]) -> list[Spoken]:
    """With a user's turn first, where an assistant's is."""
    first = next((number for number, turn in enumerate(turns) if turn.role != "system"), None)
    if first is None or turns[first].role != "assistant":
        return turns
    return [*turns[:first], Spoken("user", ""), *turns[first:]]


def calls_as_wanted(turns: list[Spoken]) -> Iterator[list[Spoken]]:
    """The turns with their tool calls in each way that templates want them."""
    yield turns
    if any(turn.rest.get("tool_calls") for turn in turns):
        as_json = [_with_calls(turn, lambda arguments: json.dumps(arguments, ensure_ascii=False)) for turn in turns]
        yield as_json
        yield [_silent(turn) for turn in turns]
        yield [_silent(turn) for turn in as_json]


def _with_calls(turn: Spoken, change: Callable[[Any], Any]) -> Spoken:
    if not turn.rest.get("tool_calls"):
        return turn
    calls = [
        {**call, "function": {**call["function"], "arguments": change(call["function"].get("arguments", {}))}}
        for call in turn.rest["tool_calls"]
    ]
    return replace(turn, rest=turn.rest | {"tool_calls": calls})


def _silent(turn: Spoken) -> Spoken:
    return replace(turn, content=None) if turn.rest.get("tool_calls") and not turn.content else turn


Rule = tuple[Callable[[list[Spoken]], list[Spoken]], str]
_MERGE: Rule = (merged, MERGED)
_LATER: Rule = (folded_later, FOLDED)
_FOLD: Rule = (folded, FOLDED)
_OPEN: Rule = (opened, OPENED)
RULES: tuple[tuple[Rule, ...], ...] = (
    (), (_MERGE,), (_LATER,), (_LATER, _MERGE), (_FOLD,), (_FOLD, _MERGE),
    (_OPEN,), (_OPEN, _MERGE), (_LATER, _OPEN), (_LATER, _OPEN, _MERGE), (_FOLD, _OPEN), (_FOLD, _OPEN, _MERGE),
)  # fmt: skip
