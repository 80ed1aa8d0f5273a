"""Turns of a conversation, out of the notations of the field: from/value, role/content, sender/text, parts, pairs, texts in turn."""

from __future__ import annotations

import functools
import itertools
from operator import itemgetter
from typing import Any

from reading.anthropic import separated
from reading.refusal import Refused, Skip
from reading.values import from_json, is_blank

SPEAKERS = {
    speaker: role
    for role, speakers in {
        "user": "user human prompter customer instruction question student",
        "assistant": "assistant gpt chatgpt gpt4 gpt-4 bot chatbot model ai bard bing claude llama agent answer",
        "system": "system developer system_prompt",
        "tool": "tool function observation function_response function_result tool_response ipython tool_result",
        "function_call": "function_call tool_call function-call",
    }.items()
    for speaker in speakers.split()
}
"""Names in use -> role; `function_call` is an assistant's turn that is a call."""
ROLE_KEYS = ("role", "from", "sender", "speaker", "author")
CONTENT_KEYS = ("content", "value", "text", "message", "parts")
KEPT = ("name", "tool_calls", "tool_call_id", "reasoning_content", "function_call")
"""Keys of a turn that are taken as they are."""
USUAL = ("role", "content")
PLAIN = tuple(({names, names[::-1]}, names) for names in (USUAL, ("from", "value")))
"""Keys of plain turns in either order, and which of them says who speaks and what is said."""
ROLES = {"system", "user", "assistant"}

Turn = dict[str, Any]


def turns_of(value: Any, column: str) -> list[Turn]:
    """A conversation in the wire's shape, not yet validated: role and content, and what else a turn says.

    Raises:
        Refused: bad_turn, or it is no list of turns.
    """
    if type(value) is list and (plain := plain_turns(value)) is not None:
        return plain
    if type(value) is str:
        value = from_json(value, column)
    if isinstance(value, dict):
        value = _by_columns(value)
    if not isinstance(value, list) or not value:
        raise Refused(
            Skip.MISSING if is_blank(value) else Skip.INVALID, f"`{column}` {'has no turns' if is_blank(value) else 'is no list of turns'}"
        )
    first = value[0]
    if type(first) is str and all(type(part) is str for part in value):
        return [{"role": ("user", "assistant")[place % 2], "content": part} for place, part in enumerate(value)]
    if isinstance(first, dict) and first.keys() >= {"input", "output"} and "role" not in first:
        return [turn for pair in value for turn in _pair(pair, column)]
    return [_turn(one, place, column) for place, part in enumerate(value, 1) for one in separated(part, column)]


def _by_columns(value: dict[str, Any]) -> Any:
    """Turns as `datasets` writes a sequence of objects, a list for each key; or those within an object."""
    inner = next((value[key] for key in ("messages", "conversations", "turns") if isinstance(value.get(key), list)), None)
    if inner is not None:
        return inner
    columns = [part for part in value.values() if isinstance(part, list)]
    if len(columns) != len(value) or len(set(map(len, columns))) != 1:
        return value
    return [dict(zip(value, parts, strict=True)) for parts in zip(*columns, strict=True)]


class PlainTurns(list[Turn]):
    """Turns of a role and a text alone, none of them empty: perhaps the system's, then the user's and the assistant's in turn, the last
    the assistant's. They are valid as they are."""

    __slots__ = ()


def plain_turns(value: list[Any]) -> PlainTurns | None:
    """The turns, where all of them are plain; None where they need a closer look."""
    found = plain_conversations([value])
    return found[0] if found else None


def plain_conversations(values: list[Any]) -> list[PlainTurns] | None:
    """Some conversations all of which are plain; else None. Most are: this is written for speed."""
    try:
        turns = list(itertools.chain.from_iterable(values))
        orders = set(map(tuple, turns))
        speaker, says = next(names for either, names in PLAIN if orders <= either)
        speakers = list(map(itemgetter(speaker), turns))
        said = list(map(itemgetter(says), turns))
        if not all(map(str.strip, said)):
            return None
        is_usual = orders == {USUAL} and set(speakers) <= ROLES
        if not is_usual:
            turns = [{"role": role, "content": text} for role, text in zip(map(SPEAKERS.get, speakers), said, strict=True)]
        made, start = [], 0
        for value in values:
            end = start + len(value)
            if not are_in_turn(tuple(speakers[start:end])):
                return None
            made.append(PlainTurns(value if is_usual else turns[start:end]))
            start = end
    except (LookupError, TypeError, StopIteration):
        return None
    return made


@functools.lru_cache(10_000)
def are_in_turn(speakers: tuple[str, ...]) -> bool:
    """Whether they speak in turn: perhaps the system, then user and assistant, who has the last word."""
    roles = tuple([SPEAKERS.get(speaker, "") for speaker in speakers])
    spoken = roles[1:] if roles[:1] == ("system",) else roles
    return bool(spoken) and spoken == ("user", "assistant") * (len(spoken) // 2)


def _turn(part: Any, place: int, column: str) -> Turn:
    if not isinstance(part, dict):
        raise Refused(Skip.BAD_TURN, f"turn {place} of `{column}` is no object")
    speaker = next((part[key] for key in ROLE_KEYS if part.get(key) is not None), None)
    if isinstance(speaker, dict):
        speaker = speaker.get("role")
    role = SPEAKERS.get(speaker.strip().lower()) if isinstance(speaker, str) else None
    if role is None:
        who = f"the role {str(speaker)[:40]!r}, which is none of system, user, assistant, tool" if speaker is not None else "no role"
        raise Refused(Skip.BAD_TURN, f"turn {place} of `{column}` has {who}")
    content = next((part[key] for key in CONTENT_KEYS if not is_blank(part.get(key))), None)
    if isinstance(content, dict) and "parts" in content:
        content = content["parts"]
    if isinstance(content, int | float):
        content = str(content).lower() if isinstance(content, bool) else str(content)
    if role == "function_call":
        return {"role": "assistant", "content": "", "tool_calls": _calls(content, place, column)}
    made = {"role": role, "content": _parts(content)} | {key: part[key] for key in KEPT if part.get(key) is not None}
    if (learnt := _weight(part)) is not None and role == "assistant":
        made["weight"] = learnt
    return made


def _parts(content: Any) -> Any:
    """Parts without a type, as Gemini has them: `{"text": ...}`."""
    if isinstance(content, list):
        return [
            part if not isinstance(part, dict) or "type" in part or part.keys() != {"text"} else {"type": "text", **part}
            for part in content
        ]
    return content


def _weight(part: Turn) -> int | None:
    """0 for a turn that is not to be learnt, as OpenAI (`weight`) and Axolotl (`weight`, `train`) say it; None where nothing is said."""
    for key in ("weight", "train", "train_on_turn", "loss"):
        if key in part and part[key] in (0, 1):
            return int(part[key])
    return None


def _calls(content: Any, place: int, column: str) -> list[dict[str, Any]]:
    """The calls of a turn `function_call`, a JSON object or a list of them."""
    found = content
    if isinstance(content, str):
        try:
            found = from_json(content, column)
        except Refused:
            raise Refused(Skip.BAD_TURN, f"turn {place} of `{column}` is a function call that is not JSON") from None
    calls = found if isinstance(found, list) else [found]
    if not all(isinstance(call, dict) and ("name" in call or "function" in call) for call in calls):
        raise Refused(Skip.BAD_TURN, f"turn {place} of `{column}` is a function call without a name")
    return calls


def _pair(pair: Any, column: str) -> list[Turn]:
    if not isinstance(pair, dict):
        raise Refused(Skip.BAD_TURN, f"a pair of `{column}` is no object")
    return [{"role": "user", "content": pair.get("input")}, {"role": "assistant", "content": pair.get("output")}]
