"""Turns to text by the model's own chat template, and which part of it the model is to learn.

What is learnt of an assistant's turn begins where it first differs from what the model is given to answer, and ends with the token that
ends the turn. A template with generation markers says it itself. What cannot be told exactly is refused.
"""

from __future__ import annotations

import functools
import json
import re
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import BadRecord, DeadLetterReason
from trainer_node.data.control_tokens import ControlTokens, Span, Text
from trainer_node.data.marked_template import FUNCTION, Layout, has_generation_markers, mark, marked, marker_of, read
from trainer_node.data.turns import REASONING_LEFT_OUT, TOOLS_LEFT_OUT, Spoken, adaptations, calls_as_wanted

PLAIN_LAYOUT = (
    "{% for turn in messages %}{{ turn.role + ': ' + (turn.content or '') + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
"""Of a tokenizer that has no template."""
PIECES = re.compile(r"<[^<>\s]*>|\[[^\[\]\s]*\]|[^<\[\n]+\n*|\n+|.", re.DOTALL)
"""What a header is made of: its parts are there wholly or not at all."""
CALL = {"id": "call00000", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
PROBES = (
    (Spoken("user", "x"),),
    (Spoken("user", "x"), Spoken("assistant", "", None, {"tool_calls": [CALL]}), Spoken("tool", "y", None, {"tool_call_id": "call00000"})),
)
"""Conversations whose next turn is the assistant's."""


@dataclass(frozen=True)
class Written:
    """Turns as the model reads them."""

    text: Text
    turns: tuple[Spoken, ...]
    """As the template took them."""
    rules: tuple[str, ...]
    """Names of the rules by which they were changed for it."""
    layout: Layout
    """Where each turn stands, where that was asked for."""
    has_markers: bool = False
    """Whether the template itself says what is generated."""


@dataclass(frozen=True)
class Learnt:
    """Which characters of a text are learnt."""

    text: Text
    spans: tuple[Span, ...]
    ends_itself: bool
    """Whether the last of them ends with a token that says so; else the end token follows."""


class Renderer:
    """One tokenizer's template."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.control = ControlTokens(tokenizer, "")
        self.control = ControlTokens(tokenizer, self._scaffold())

    def prompt(self, turns: Sequence[Spoken], tools: Sequence[dict[str, Any]] | None = None) -> Written:
        """The turns, ready for the assistant's answer.

        Raises:
            BadRecord: untrainable where the template refuses the turns, and what the rules make of them.
        """
        return self._first(turns, tools, True)

    def conversation(self, turns: Sequence[Spoken], tools: Sequence[dict[str, Any]] | None = None) -> Written:
        """Whole turns, and where each of them stands. Raises as `prompt`."""
        return self._first(turns, tools, False)

    def learnt(self, written: Written, loss_on: str = "assistant") -> Learnt:
        """What is to be learnt of a conversation.

        Args:
            written: by `conversation`.
            loss_on: `assistant`, all turns of the assistant whose weight is not 0; `last`, the last of these; `all`, the whole text but
                for assistant's turns of weight 0.

        Raises:
            BadRecord: untrainable where there is nothing to learn, or the template does not say where it stands.
        """
        text, turns = written.text.text, written.turns
        wanted = [number for number, turn in enumerate(turns) if turn.role == "assistant" and turn.weight != 0 and turn.says_something]
        if loss_on == "all":
            spans = self._all_but(written, {number for number, turn in enumerate(turns) if turn.weight == 0})
        elif not wanted:
            raise _untrainable("the conversation has no turn of the assistant to learn")
        else:
            spans = [span for number in (wanted[-1:] if loss_on == "last" else wanted) for span in self._of_turn(written, number)]
            _check_others_stand_elsewhere(written, spans)
        end = len(text[: spans[-1][1]].rstrip()) if spans else 0
        if text[end:].strip() or self.control.ends(written.text, end):
            return Learnt(written.text, tuple(spans), ends_itself=True)
        said = tuple(span for span in written.text.said if span[1] <= end)
        return Learnt(Text(text[:end], said), (*spans[:-1], (spans[-1][0], end)), ends_itself=False)

    @functools.cached_property
    def ending(self) -> list[int]:
        """Ids of the tokens by which the assistant's turn ends; none where the template writes none."""
        said = "y"
        for after in ([], [Spoken("user", "z")]):
            try:
                written = self.conversation([Spoken("user", "x"), Spoken("assistant", said), *after])
            except BadRecord:
                continue
            start, end = next(((part.start, part.end) for part in reversed(written.layout.segments) if part.turn == 1), (0, 0))
            text = written.text.text[: self._end(written.text, start, end)]
            if tokens := self.control.found(text[text.rfind(said) + len(said) :]):
                return [int(self._tokenizer.convert_tokens_to_ids(token)) for token in tokens]
        return []

    # --- rendering -----------------------------------------------------------------------------------------------------------

    def _first(self, turns: Sequence[Spoken], tools: Sequence[dict[str, Any]] | None, for_answer: bool) -> Written:
        refusal: BadRecord | None = None
        for changed, rules in adaptations(turns):
            try:
                return self._write(changed, rules, list(tools or ()) or None, for_answer)
            except BadRecord as bad:
                refusal = refusal or bad
        raise refusal or _untrainable("there are no turns")

    def _write(self, turns: list[Spoken], rules: tuple[str, ...], tools: list[dict[str, Any]] | None, for_answer: bool) -> Written:
        messages = [turn.as_dict() for turn in turns]
        text = self._apply(messages, tools, for_answer)
        _check_nothing_left_out(turns, text)
        if tools and not any(_name_of(tool) in text for tool in tools):
            rules = (*rules, TOOLS_LEFT_OUT)
        if any((turn.rest.get("reasoning_content") or "").strip() not in text for turn in turns):
            rules = (*rules, REASONING_LEFT_OUT)
        held: list[str] = []
        kept = [_held_back(message, self.control.pattern(message["role"]), held) for message in messages]
        kept_tools = _held_back(tools, self.control.pattern("system"), held)
        if for_answer and not held:
            return Written(Text(text), tuple(turns), rules, Layout(text))
        layout = read(self._apply(kept, kept_tools, for_answer, is_marked=True), held)
        if layout.text != text:
            why = "characters of control tokens stand in its turns" if held else "it does not let itself be marked"
            raise _untrainable(f"what the model's chat template writes cannot be told from what the turns say: {why}")
        return Written(Text(text, tuple(layout.held)), tuple(turns), rules, layout, has_generation_markers(self._source(tools)))

    def _apply(self, messages: Any, tools: Any, for_answer: bool, is_marked: bool = False) -> str:
        options = {FUNCTION: marker_of(messages)} if is_marked else {}
        try:
            source = self._source(tools)
            text: str = self._tokenizer.apply_chat_template(
                messages,
                tools=tools,
                chat_template=marked(source) if is_marked else source,
                tokenize=False,
                add_generation_prompt=for_answer,
                **options,
            )
        except Exception as error:  # a template may raise anything
            raise _untrainable(f"the model's chat template refuses the turns: {error}") from error
        return text

    def _source(self, tools: Any) -> str:
        if not self._tokenizer.chat_template:
            return PLAIN_LAYOUT
        return str(self._tokenizer.get_chat_template(tools=tools))

    def _scaffold(self) -> str:
        """What the template writes of itself, for the control tokens that are in it."""
        turns = [Spoken("system", "x"), Spoken("user", "x"), Spoken("assistant", "x"), Spoken("user", "x")]
        texts = [self._apply_or_nothing([turn.as_dict() for turn in some]) for some in (turns, turns[1:])]
        return "".join(texts)

    def _apply_or_nothing(self, messages: list[dict[str, Any]], for_answer: bool = True, is_marked: bool = False) -> str:
        try:
            return self._apply(messages, None, for_answer, is_marked)
        except BadRecord:
            return ""

    # --- what is learnt ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _headers(self) -> list[list[str]]:
        """What the model is given to answer, after a user's and after a tool's turn, as the marks cut it."""
        headers = []
        for turns in (variant for probe in PROBES for variant in calls_as_wanted(list(probe))):
            messages = [turn.as_dict() for turn in turns]
            given, without = (PIECES.findall(self._apply_or_nothing(messages, for_answer)) for for_answer in (True, False))
            shared = min(len(given), len(without))
            headers.append(given[next((place for place in range(shared) if given[place] != without[place]), shared) :])
            layout = read(self._apply_or_nothing(messages, is_marked=True))
            headers.append(PIECES.findall(layout.text[layout.segments[-1].end :] if layout.segments else ""))
        return headers

    def _of_turn(self, written: Written, number: int) -> list[Span]:
        """The learnt parts of one turn of the assistant."""
        text, layout = written.text.text, written.layout
        own = layout.parts.get(number, [])
        if written.has_markers:
            spans = [span for segment, following in own for span in layout.generated_between(segment.start, following)]
        else:
            spans = [(segment.start, segment.end) for segment, _ in own]
            if spans:
                spans[0] = (spans[0][0] + self._header(text[slice(*spans[0])]), spans[0][1])
                spans[-1] = (spans[-1][0], self._end(written.text, *spans[-1]))
        spans = [(a, b) for a, b in spans if a < b]
        if not _says(written.turns[number], "".join(text[a:b] for a, b in spans)):
            raise _untrainable(f"what turn {number + 1} (assistant) says does not stand where the model's chat template has the turn")
        return spans

    def _header(self, text: str) -> int:
        """Characters at the beginning of a turn that the model is given."""
        longest = 0
        for header in self._headers:
            length = 0
            for piece in header:
                if not text.startswith(piece, length):
                    break
                length += len(piece)
            longest = max(longest, length)
        return longest

    def _end(self, text: Text, start: int, end: int) -> int:
        """Where a turn ends: behind its last control token, else behind the one that follows, else behind its text."""
        whole = text.text
        last = start + len(whole[start:end].rstrip())
        if self.control.ends(text, last):
            return last
        behind = len(whole) - len(whole[last:].lstrip())
        following = self.control.begins(text, behind)
        return behind + len(following) if following else last

    def _all_but(self, written: Written, numbers: set[int]) -> list[Span]:
        spans, start = [], 0
        for segment in written.layout.segments:
            if segment.turn in numbers:
                spans.append((start, segment.start))
                start = segment.end
        return [(a, b) for a, b in [*spans, (start, len(written.text.text))] if a < b]


_renderers: weakref.WeakKeyDictionary[Any, tuple[Any, Renderer]] = weakref.WeakKeyDictionary()


def renderer_of(tokenizer: Any) -> Renderer:
    """The renderer of a tokenizer as it is now: its template or its tokens may have been changed since."""
    state = (repr(tokenizer.chat_template), len(tokenizer.added_tokens_decoder), repr(tokenizer.special_tokens_map))
    found = _renderers.get(tokenizer)
    if found is None or found[0] != state:
        found = _renderers[tokenizer] = (state, Renderer(weakref.proxy(tokenizer)))
    return found[1]


def _check_nothing_left_out(turns: Sequence[Spoken], text: str) -> None:
    """Refuse a text that lacks what a turn says: some templates leave out what they have no place for."""
    place = 0
    for number, turn in enumerate(turns):
        found = text.find((turn.content or "").strip(), place)  # turns mostly stand in order: no need to look from the beginning each time
        place = max(place, found)
        if (found < 0 or turn.rest.get("tool_calls")) and not _says(turn, text):
            raise _untrainable(f"the model's chat template leaves out what turn {number + 1} ({turn.role}) says")


def _check_others_stand_elsewhere(written: Written, spans: Sequence[Span]) -> None:
    """Refuse a text in which what another says stands within what the assistant is to learn."""
    bounds = [0, *(bound for span in spans for bound in span), len(written.text.text)]
    rest = "\n".join(written.text.text[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True))
    learnt = "\n".join(written.text.text[start:end] for start, end in spans)
    head = written.text.text[: min((part.start for part in written.layout.segments), default=0)]
    for number, turn in enumerate(written.turns):
        if turn.role == "assistant" or not (turn.content or "").strip() or (turn.role == "system" and _says(turn, head)):
            continue
        own = "\n".join(written.text.text[part.start : part.end] for part, _ in written.layout.parts.get(number, ()))
        if not _says(turn, own) and (_says(turn, learnt) or not _says(turn, rest)):
            raise _untrainable(f"the model's chat template does not say where turn {number + 1} ({turn.role}) stands")


def _says(turn: Spoken, text: str) -> bool:
    """Whether a text holds what a turn says, as it is or as JSON; of an assistant, what follows its reasoning, and the names it calls."""
    content = (turn.content or "").strip()
    said = [content.rpartition("</think>")[2].strip() if turn.role == "assistant" else content]
    said += [_name_of(call) for call in turn.rest.get("tool_calls", ())]
    return all(part in text or json.dumps(part, ensure_ascii=False)[1:-1] in text for part in said)


def _name_of(tool: dict[str, Any]) -> str:
    return str(tool.get("function", tool).get("name", ""))


def _held_back(value: Any, pattern: re.Pattern[str], held: list[str]) -> Any:
    """The value, with a mark in the place of whatever the pattern finds in its texts; what it found goes to `held`."""

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return mark("held", len(held) - 1)

    if isinstance(value, str):
        return pattern.sub(hold, value)
    if isinstance(value, dict):
        return {_held_back(key, pattern, held): _held_back(part, pattern, held) for key, part in value.items()}
    return [_held_back(part, pattern, held) for part in value] if isinstance(value, list) else value


def _untrainable(detail: str) -> BadRecord:
    return BadRecord(DeadLetterReason.UNTRAINABLE, detail)
