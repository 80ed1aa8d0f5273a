"""Text of others' as a terminal, a log, a page or a metric may show it: the one place that escapes.

Whatever a producer writes can come out somewhere: in a header's value, a key, an id, a payload, the text of an error. A terminal obeys
escape sequences, a line of a log ends where a newline stands, and a bidirectional override makes an id read as another. Such characters are
shown as JSON writes them (`\\u001b`), so that JSON which went through here is still the same JSON.
"""

from __future__ import annotations

import json
import re

UNSEEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls: ESC, backspace, carriage return, and those of C1, which some terminals obey
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u206f\ufeff\ufff9-\ufffb"  # what has no width, and marks of direction
    "\u2028-\u202e"  # line and paragraph separators, bidirectional embeddings and overrides
    "\ud800-\udfff"  # halves of a surrogate pair: no output takes them
    "\U000e0000-\U000e007f"  # tags, which spell words that nobody sees
    "]"
)
LONGEST_ID = 200
"""Characters of an id that are shown."""


def escaped(text: str, *, lines: bool = False) -> str:
    """The same text with escapes for all that is not seen, or that is obeyed rather than shown.

    Args:
        text: of anybody's.
        lines: whether line breaks and tabs may stay, as in a text of several lines; else it is one line afterwards.
    """
    return UNSEEN.sub(lambda found: found[0] if lines and found[0] in "\n\t" else _escape(found[0]), text)


def shown_id(text: str) -> str:
    """An id or a name on one line: escaped, and cut where it is longer than any of ours."""
    cut = text if len(text) <= LONGEST_ID else f"{text[:LONGEST_ID]}… ({len(text)} characters)"
    return escaped(cut)


def _escape(char: str) -> str:
    written = json.dumps(char)[1:-1]
    return written if written != char else f"\\u{ord(char):04x}"
