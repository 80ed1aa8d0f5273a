"""Preference pairs without a prompt of their own (HH-RLHF): the beginning that both texts share is the prompt."""

from __future__ import annotations

import re

from reading.refusal import Refused, Skip
from reading.turns import Turn

MARK = re.compile(r"(?:\A\s*|\n+)(?:###?\s*)?(Human|Assistant|User|System)\s*:[ \t]*", re.IGNORECASE)
ROLES = {"human": "user", "user": "user", "assistant": "assistant", "system": "system"}


def marked_turns(text: str) -> list[Turn]:
    """The turns of a text that marks them (`\\n\\nHuman: ... \\n\\nAssistant: ...`); none where it does not begin with a mark."""
    marks = list(MARK.finditer(text))
    if len(marks) < 2 or marks[0].start() or not {ROLES[mark[1].lower()] for mark in marks} >= {"user", "assistant"}:
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [{"role": ROLES[mark[1].lower()], "content": text[mark.end() : end].strip()} for mark, end in zip(marks, ends, strict=True)]


def divided(better: str, worse: str) -> tuple[str, str, str]:
    """What two texts share, cut between words (8849 m and 8848 m share no 884), and what is left of each.

    Raises:
        Refused: they share no beginning, or one is the beginning of the other.
    """
    shared = next(
        (place for place, pair in enumerate(zip(better, worse, strict=False)) if pair[0] != pair[1]), min(len(better), len(worse))
    )
    while shared and not (better[shared - 1].isspace() or (better[shared : shared + 1].isspace() and worse[shared : shared + 1].isspace())):
        shared -= 1
    prompt, better, worse = better[:shared].rstrip(), better[shared:].lstrip(), worse[shared:].lstrip()
    if not prompt:
        raise Refused(Skip.MISSING, "`prompt` is not there, and the two sides share no beginning that could be it")
    if not better or not worse:
        raise Refused(Skip.MISSING, "one side is the beginning of the other: nothing is left of it as an answer")
    return prompt, better, worse
