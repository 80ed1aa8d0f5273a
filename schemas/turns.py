"""The turns of a conversation, in the shapes that OpenAI's interface and TRL have them, and the tools that a model may call.

Producers write these shapes in several ways. What can be meant in one way only is taken so: a role `developer` is the system's, a list of
text parts is one text, a call's arguments may be a JSON object or its text. What is not text is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from schemas.base import LONE_SURROGATE, PARSER, Part, is_nested_deeper

MAX_NESTED = 40
"""Deepest nesting of a tool or of a call's arguments: what is read of a sample can be read of its loss, which holds it."""
ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)
ROLES = frozenset(("system", "user", "assistant", "tool"))
TEXT_PARTS = frozenset(("text", "input_text", "output_text"))
"""Types of the parts of a turn's content that are text."""
OTHER_ROLES = {"developer": "system", "function": "tool"}
"""OpenAI's newer and older names of roles."""
WRITTEN_ROLE: dict[str, Any] = {"enum": ["system", "user", "assistant", "tool", *OTHER_ROLES], "type": "string"}
"""A role as producers may write it."""
WRITTEN_CONTENT: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "null"},
        {
            "type": "array",
            "items": {
                "title": "TextPart",
                "type": "object",
                "properties": {"type": {"type": "string"}, "text": {"type": "string"}},
                "required": ["text"],
            },
        },
    ]
}
"""A turn's content as producers may write it: a text, nothing, or parts that are text."""


def json_object(value: object) -> object:
    """What stands for a JSON object: the object, or its text, with every number as it was written; nothing at all is `{}`.

    Raises:
        ValueError: the text is not JSON of an object.
    """
    if isinstance(value, str):
        value = from_text(value) if value.strip() else {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object is wanted, this is {kind_of(value)}")
    return sound(value)


def list_of(value: object) -> object:
    """What stands for a list: the list, or its JSON text, as tables keep it; anything else is left for the model to refuse."""
    return from_text(value) if isinstance(value, str) and value.lstrip().startswith("[") else value


def some_of(value: object) -> object:
    """The same; nothing in it, or a blank text, is none."""
    value = list_of(value)
    return None if value in ([], ()) or (isinstance(value, str) and not value.strip()) else value


def from_text(text: str) -> object:
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return PARSER.decode(text.strip())
    except RecursionError:
        raise ValueError("JSON in a string, nested too deep") from None
    except ValueError as error:
        raise ValueError(f"a string that is not JSON ({error})") from None


def sound(value: Any) -> Any:
    """The same value, if JSON can say it and it is nested no deeper than MAX_NESTED.

    Raises:
        ValueError: it is not so; says what is wrong.
    """
    try:
        text = ENCODER.encode(value)
    except RecursionError:
        raise ValueError(f"nested more than {MAX_NESTED} deep") from None
    except TypeError as error:
        raise ValueError(f"no JSON: {error}") from None
    if is_nested_deeper(text, MAX_NESTED):
        raise ValueError(f"nested more than {MAX_NESTED} deep")
    if lone := LONE_SURROGATE.search(text):
        raise ValueError(f"half of a surrogate pair, \\u{ord(lone[0]):04x}, stands alone: it is no character")
    return value


def kind_of(value: object) -> str:
    """A value's kind in JSON's words."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", dict: "an object", type(None): "null"}
    return names.get(type(value), "a list" if isinstance(value, list | tuple) else type(value).__name__)


class FunctionCall(Part):
    """What is called, and with what."""

    name: str = Field(min_length=1)
    """The function's name, as in `tools`."""
    arguments: Annotated[dict[str, Any], BeforeValidator(json_object, json_schema_input_type=dict[str, Any] | str)] = Field(
        default_factory=dict
    )
    """Its arguments, a JSON object; OpenAI's string of one is read as the object."""


class ToolCall(Part):
    """One call of a tool by the assistant."""

    id: str | None = None
    """By which the tool's turn says which call it answers."""
    type: Literal["function"] = "function"
    """The only kind of tool there is."""
    function: FunctionCall
    """What is called."""

    @model_validator(mode="before")
    @classmethod
    def _as_function(cls, data: object) -> object:
        """A call without its wrapping (`name`, `arguments`) is one too."""
        if isinstance(data, dict) and "function" not in data and "name" in data:
            return {"id": data.get("id"), "function": data}
        return data


class Turn(Part):
    """One turn of a conversation."""

    role: Annotated[Literal["system", "user", "assistant", "tool"], WithJsonSchema(WRITTEN_ROLE, mode="validation")]
    """Who speaks. `developer` is read as `system`."""
    content: Annotated[str, WithJsonSchema(WRITTEN_CONTENT, mode="validation")] = ""
    """What is said; empty where the assistant only calls tools. A list of text parts is read as one text, null as empty."""
    name: str | None = None
    """The speaker's or the tool's name, for templates that show it."""
    tool_calls: Annotated[tuple[ToolCall, ...] | None, BeforeValidator(some_of)] = None
    """Tools that the assistant calls in this turn."""
    tool_call_id: str | None = None
    """Of a tool's turn: which call it answers."""
    reasoning_content: str | None = None
    """What the assistant thought before it spoke, for templates that show it."""
    weight: Literal[0, 1] | None = None
    """0: an assistant turn that is context and is not learnt (as in OpenAI's fine-tuning files); unset or 1: it is learnt."""

    @model_validator(mode="before")
    @classmethod
    def _lenient(cls, data: object) -> object:
        """Other ways of writing a turn, brought to this one."""
        if not isinstance(data, dict):
            return data
        role, content = data.get("role"), data.get("content")
        if type(role) is str and role in ROLES and type(content) is str and "function_call" not in data:
            return data
        made = {**data, "role": OTHER_ROLES.get(role, role) if isinstance(role, str) else role, "content": text_of(content)}
        if made.get("function_call") and not made.get("tool_calls"):
            made["tool_calls"] = [made["function_call"]]
        return made

    @property
    def says_something(self) -> bool:
        """Whether it has words of any kind, or a call."""
        return bool(self.content.strip() or self.tool_calls or (self.reasoning_content or "").strip())

    @property
    def is_learnt(self) -> bool:
        """Whether it is the assistant's, and not context alone."""
        return self.role == "assistant" and self.weight != 0


def text_of(content: object) -> object:
    """A turn's content as one text; anything that is neither text nor a list of parts is left for the model to refuse.

    Raises:
        ValueError: a part is not text; its type is named.
    """
    if content is None:
        return ""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list | tuple):
        return content
    return "".join(_part_text(part) for part in content)


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and str(part.get("type", "text")) in TEXT_PARTS and isinstance(part.get("text"), str):
        return str(part["text"])
    if not isinstance(part, dict) or "type" not in part:
        raise ValueError(f"a part that is {kind_of(part)}: only text can be trained on")
    if str(part["type"]) in TEXT_PARTS:
        raise ValueError(f"a part of type `{part['type']}` whose `text` is {kind_of(part.get('text'))}, and no text")
    raise ValueError(f"a part of type `{str(part['type'])[:40]}`: only text can be trained on")


def _as_tools(value: object) -> object:
    value = some_of(value)
    return [_as_tool(one, number) for number, one in enumerate(value)] if isinstance(value, list | tuple) else value


def _as_tool(tool: object, number: int) -> object:
    """A tool in OpenAI's shape; a function's schema by itself is put into it."""
    if isinstance(tool, str):
        tool = from_text(tool)
    if isinstance(tool, dict) and "function" not in tool and isinstance(tool.get("name"), str):
        tool = {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ValueError(f'tool {number} has no `function` with a `name`; a tool is {{"type": "function", "function": {{"name": ...}}}}')
    return sound(tool)


OptionalTurns = Annotated[tuple[Turn, ...] | None, BeforeValidator(some_of)]
"""A conversation, where there is one. An empty list, as tables have it, is none."""
Strings = Annotated[tuple[str, ...] | None, BeforeValidator(list_of)]
"""Texts, where there are any."""
Tools = Annotated[tuple[dict[str, Any], ...] | None, BeforeValidator(_as_tools)]
"""Tools as OpenAI's function schemas, where there are any."""


def question_of(turns: Sequence[Turn]) -> str:
    """What is asked: the user's last turn; without any, the last turn."""
    asked = [turn.content for turn in turns if turn.role == "user"] or [turn.content for turn in turns]
    return asked[-1] if asked else ""


def more_than_question(turns: Sequence[Turn]) -> tuple[Turn, ...] | None:
    """The turns, where they say more than one question of the user's does."""
    return tuple(turns) if turns and tuple(turns) != (Turn(role="user", content=turns[-1].content),) else None
