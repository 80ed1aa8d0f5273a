"""Control tokens: what a template writes to say who speaks and where a turn ends. In what someone says, the same characters are text.

A fast tokenizer finds its added tokens wherever their characters stand. So a text that holds such characters goes through a copy of it that
knows no control token, and in which those that the template wrote have other names, which are read back as what they stand for. All else
(what merges with what, where a word begins) is the same. A text without such characters goes through the tokenizer as it is.
"""

from __future__ import annotations

import bisect
import copy
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import BadRecord, DeadLetterReason
from trainer_node.data.marked_template import NONCE

OWN = frozenset({"<think>", "</think>", "<tool_call>", "</tool_call>"})
"""What an assistant writes itself within its turn: in its text these are the tokens they look like."""
Span = tuple[int, int]
"""Where characters begin and end."""


@dataclass(frozen=True)
class Text:
    """A text to be tokenised."""

    text: str
    said: tuple[Span, ...] = ()
    """Characters that look like control tokens and are none: someone said them. In order."""

    def is_said(self, place: int) -> bool:
        """Whether the character at a place is one of these."""
        before = bisect.bisect_right(self.said, place, key=lambda span: span[0])
        return before > 0 and place < self.said[before - 1][1]

    def part(self, start: int, end: int) -> Text:
        """From one place to another; what is said lies within or outside."""
        first, behind = (bisect.bisect_left(self.said, place, key=lambda span: span[0]) for place in (start, end))
        return Text(self.text[start:end], tuple((a - start, b - start) for a, b in self.said[first:behind]))


class Encoded:
    """Token ids of a text, and which characters each token is of."""

    def __init__(self, ids: list[int], offsets: list[Span], place: Callable[[int], int] = lambda char: char) -> None:
        """`offsets` are those of the tokens, in what was tokenised; `place` finds a character of the text in that."""
        self.ids = ids
        self._offsets = offsets
        self._starts = [start for start, _ in offsets]
        self._place = place

    def tokens(self, span: Span) -> tuple[int, int] | None:
        """The first token of some characters and the one behind their last; None where a token holds characters of both sides of an end."""
        first, behind = (self._boundary(self._place(char)) for char in span)
        return None if first is None or behind is None else (first, max(first, behind))

    def _boundary(self, place: int) -> int | None:
        """The first token that begins here or later, unless the one before it reaches over."""
        token = bisect.bisect_left(self._starts, place)
        return None if token and self._offsets[token - 1][1] > place else token


class ControlTokens:
    """The control tokens of one tokenizer and its template."""

    def __init__(self, tokenizer: Any, template_writes: str) -> None:
        """`template_writes` is what the template makes of turns that say nothing themselves."""
        self._tokenizer = tokenizer
        self._added = {token.content: token for token in tokenizer.added_tokens_decoder.values()}
        special = {name for name, token in self._added.items() if token.special or name in tokenizer.all_special_tokens}
        self._control = special | {name for name in self._added if name in template_writes and re.search(r"[^\w\s]", name)}
        self._ends = self._control - OWN
        self._lengths = sorted({len(name) for name in self._ends})
        self._in_text = _any_of(self._control)
        self._in_answer = _any_of(self._ends)
        self._measuring: Any = None
        self._plain: tuple[Any, dict[int, int], dict[str, str]] | None = None

    def pattern(self, role: str) -> re.Pattern[str]:
        """What is not to be taken for a control token in what this role says."""
        return self._in_answer if role == "assistant" else self._in_text

    def answer(self, text: str) -> Text:
        """What an assistant says, or is to say."""
        return Text(text, tuple(found.span() for found in self._in_answer.finditer(text)))

    def found(self, text: str) -> list[str]:
        """All control tokens in what a template writes."""
        return [found[0] for found in self._in_text.finditer(text)]

    def ends(self, text: Text, end: int) -> bool:
        """Whether a text, up to a place, ends with a control token that the template wrote, and not the assistant within its turn."""
        if end and text.is_said(end - 1):
            return False
        return any(text.text[max(0, end - length) : end] in self._ends for length in self._lengths)

    def begins(self, text: Text, start: int) -> str | None:
        """The control token that the template wrote at a place."""
        found = self._in_text.match(text.text, start)
        return found[0] if found and not text.is_said(start) else None

    @property
    def is_fast(self) -> bool:
        """Whether the tokenizer is of the library that says which characters a token is of."""
        return bool(getattr(self._tokenizer, "is_fast", False))

    def measured(self, texts: Sequence[str]) -> list[Encoded]:
        """Tokens of texts with their characters, in one call. What stands there like a control token is one."""
        if self._measuring is None:
            self._measuring = _bare(self._tokenizer)
        return [Encoded(found.ids, found.offsets) for found in self._measuring.encode_batch(list(texts), add_special_tokens=False)]

    def encode(self, text: Text) -> Encoded:
        """Tokens of a text in which characters of control tokens are text.

        Raises:
            BadRecord: untrainable where the tokenizer is not of the library that can do this.
        """
        backend, names, aliases = self._without_control()
        parts, end = [], 0
        behind, shifts = [0], [0]  # from a character of the text on, how many more there are in what is tokenised
        for found in self._in_text.finditer(text.text):
            if text.is_said(found.start()) or text.is_said(found.end() - 1):
                continue
            parts += [text.text[end : found.start()], aliases[found[0]]]
            end = found.end()
            behind.append(end)
            shifts.append(shifts[-1] + len(parts[-1]) - len(found[0]))
        encoding = backend.encode("".join([*parts, text.text[end:]]), add_special_tokens=False)
        ids = [names.get(number, number) for number in encoding.ids]
        return Encoded(ids, encoding.offsets, lambda char: char + shifts[bisect.bisect_right(behind, char) - 1])

    def _without_control(self) -> tuple[Any, dict[int, int], dict[str, str]]:
        """The tokenizer that finds no control token; alias id -> id; and the alias of each control token."""
        if self._plain is None:
            from tokenizers import AddedToken

            if not self.is_fast:
                detail = "it holds the characters of a control token, which this model's tokenizer cannot take as text"
                raise BadRecord(DeadLetterReason.UNTRAINABLE, detail)
            backend = _bare(self._tokenizer)
            control = [self._added[name] for name in sorted(self._control)]
            backend.add_special_tokens([AddedToken(token.content, special=True) for token in control])
            backend.encode_special_tokens = True
            aliases = {token.content: f"\ue000{NONCE}={number}\ue001" for number, token in enumerate(control)}
            backend.add_tokens([_named(token, aliases[token.content]) for token in control])
            ids = {backend.token_to_id(alias): backend.token_to_id(name) for name, alias in aliases.items()}
            self._plain = backend, ids, aliases
        return self._plain


def _bare(tokenizer: Any) -> Any:
    """A copy that neither cuts nor pads, nor leaves white space out of the characters it names."""
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    backend.no_truncation()
    backend.no_padding()
    backend.post_processor = None
    backend.encode_special_tokens = False
    return backend


def _named(token: Any, name: str) -> Any:
    from tokenizers import AddedToken

    flags = {"lstrip": token.lstrip, "rstrip": token.rstrip, "single_word": token.single_word, "normalized": token.normalized}
    return AddedToken(name, special=False, **flags)


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Any of these; the longest that is there, as the tokenizer takes it.

    Vocabularies have up to thousands that begin alike (`<unused7>`): a pattern of common beginnings looks at a character once, not once for
    each name.
    """
    tree: dict[str, Any] = {}
    for name in filter(None, names):
        node = tree
        for char in name:
            node = node.setdefault(char, {})
        node[""] = {}
    return re.compile(_branches(tree) or "(?!)")


def _branches(tree: dict[str, Any]) -> str:
    options = []
    for char, node in tree.items():
        while len(node) == 1 and "" not in node:  # a run without a choice
            [(following, node)] = node.items()
            char += following
        if char:
            options.append(re.escape(char) + _branches(node))
    pattern = options[0] if len(options) == 1 else f"(?:{'|'.join(options)})" if options else ""
    return f"(?:{pattern})?" if pattern and "" in tree else pattern
