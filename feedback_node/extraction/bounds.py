"""What of a text is read: so much, no unbroken runs, nothing that UTF-8 cannot say. Characters keep their places."""

from __future__ import annotations

import re

MAX_CHARS = 20_000
"""Characters of one text that are read; a longer one is cut at the last sentence end before."""
MAX_WORD = 150
"""Longest unbroken run of characters that is taken for words; spaCy's tokenizer takes quadratic time on longer ones."""
_UNBROKEN = re.compile(rf"\S{{{MAX_WORD},}}")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SENTENCE_ENDS = (". ", "! ", "? ", "\n")


def readable(text: str | None) -> str:
    """The part of a text that is read, each character where it was; what is no text is empty."""
    if not isinstance(text, str):
        return ""
    if len(text) > MAX_CHARS:
        cut = max(text.rfind(mark, 0, MAX_CHARS) for mark in _SENTENCE_ENDS)
        text = text[: cut + 1] if cut > 0 else text[:MAX_CHARS]
    if len(text) >= MAX_WORD:
        text = _UNBROKEN.sub(lambda run: " " * len(run.group()), text)
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)
