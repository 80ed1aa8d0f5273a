"""Anthropic's conversations: calls of tools and their results are parts of a turn's content, and a tool has an `input_schema`."""

from __future__ import annotations

from typing import Any

from reading.refusal import Refused, Skip


def separated(part: Any, column: str) -> list[Any]:
    """A turn; of one that holds calls or results, the turns as OpenAI has them: a call beside the text, each result a turn of its own."""
    content = part.get("content") if isinstance(part, dict) else None
    if not isinstance(content, list) or not {"tool_use", "tool_result", "thinking"} & {_kind(one) for one in content}:
        return [part]
    turn = {key: value for key, value in part.items() if key != "content"}
    results = [_result(one, column) for one in content if _kind(one) == "tool_result"]
    calls = [_call(one, column) for one in content if _kind(one) == "tool_use"]
    thoughts = [str(one.get("thinking", "")) for one in content if _kind(one) == "thinking"]
    rest = [one for one in content if _kind(one) not in ("tool_use", "tool_result", "thinking")]
    if calls:
        turn["tool_calls"] = calls
    if thoughts:
        turn["reasoning_content"] = "\n".join(thoughts)
    return [*results, {**turn, "content": rest or ""}] if rest or calls or not results else results


def as_functions(tools: Any) -> Any:
    """Tools as OpenAI's function schemas, where they have an `input_schema`."""
    if not isinstance(tools, list) or not any(isinstance(tool, dict) and "input_schema" in tool for tool in tools):
        return tools
    return [
        {"type": "function", "function": {"parameters" if key == "input_schema" else key: value for key, value in tool.items()}}
        if isinstance(tool, dict) and "input_schema" in tool
        else tool
        for tool in tools
    ]


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else None


def _call(part: dict[str, Any], column: str) -> dict[str, Any]:
    if not isinstance(part.get("name"), str):
        raise Refused(Skip.BAD_TURN, f"a `tool_use` in `{column}` has no name")
    return {"id": part.get("id"), "type": "function", "function": {"name": part["name"], "arguments": part.get("input") or {}}}


def _result(part: dict[str, Any], column: str) -> dict[str, Any]:
    said = part.get("content") or ""
    if isinstance(said, list):
        if not all(_kind(one) == "text" for one in said):
            raise Refused(Skip.BAD_TURN, f"a `tool_result` in `{column}` holds a picture: only text can be trained on")
        said = "\n".join(str(one.get("text", "")) for one in said)
    return {"role": "tool", "tool_call_id": part.get("tool_use_id"), "content": said}
