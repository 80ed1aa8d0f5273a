"""A chat template that also says where each turn stands in what it renders, and which part of it is generated.

The template's own text is left alone: a call is put at the beginning and the end of every loop's body, and around what stands between
`{% generation %}` and `{% endgeneration %}`. It writes a mark where the loop's variable is one of the turns. Marks are made of characters
of Unicode's private use with a number drawn for this process, so that no text can hold one.
"""

from __future__ import annotations

import bisect
import functools
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FUNCTION = "pelton_mark"
"""What the template calls to write a mark."""
NONCE = secrets.token_hex(6)
MARK = re.compile(f"\ue000{NONCE}:([a-z]+)(\\d*)\ue001")
"""`turn` and `over` with a turn's index, `begin` and `end` of what is generated, `held` and the index of a text held back."""
TAG = re.compile(
    r"\{%[-+]?\s*(?:(for)\s+(\w+)\s+in\s(?:(?!%\}).)*?|(for|endfor|generation|endgeneration)\b(?:(?!%\}).)*?)([-+]?)%\}", re.DOTALL
)


def mark(kind: str, index: int | str = "") -> str:
    """A mark as it stands in a text."""
    return f"\ue000{NONCE}:{kind}{index}\ue001"


def has_generation_markers(template: str) -> bool:
    """Whether a template says itself what the model is to generate."""
    return any(found[3] == "generation" for found in TAG.finditer(template))


@functools.lru_cache(maxsize=16)
def marked(template: str) -> str:
    """The template with its calls. They are blocks, which trim the white space around them as the tag beside them did."""
    parts, end, variables = [], 0, []
    for found in TAG.finditer(template):
        name, trim = found[1] or found[3], found[4]
        parts.append(template[end : found.start()])
        if name == "for":
            variables.append(found[2])  # None where it has several: then none of them is a turn
            parts += [found[0], _after(f"'turn', {found[2]}", trim) if found[2] else ""]
        elif name == "generation":
            parts += [found[0], _after("'begin'", trim)]
        else:
            variable = variables.pop() if name == "endfor" and variables else None
            call = "'end'" if name == "endgeneration" else f"'over', {variable}" if variable else ""
            parts += [_before(call, found[0]) if call else "", found[0]]
        end = found.end()
    return "".join([*parts, template[end:]])


def _after(arguments: str, trim: str) -> str:
    return f"{{% if true %}}{{{{ {FUNCTION}({arguments}) }}}}{{% endif {trim}%}}"


def _before(arguments: str, tag: str) -> str:
    trim = tag[2] if tag[2] in "-+" else ""
    return f"{{%{trim} if true %}}{{{{ {FUNCTION}({arguments}) }}}}{{% endif %}}"


def marker_of(turns: Sequence[dict[str, Any]]) -> Callable[..., str]:
    """The function for a template that renders these turns."""
    indices = {id(turn): number for number, turn in enumerate(turns)}

    def write(kind: str, variable: Any = None) -> str:
        if kind in ("begin", "end"):
            return mark(kind)
        return mark(kind, indices[id(variable)]) if id(variable) in indices else ""

    return write


class Segment(NamedTuple):
    """A piece of a turn's text."""

    turn: int
    """Index of the turn."""
    start: int
    end: int


@dataclass
class Layout:
    """What marks say of a text."""

    text: str = ""
    """Without marks."""
    segments: list[Segment] = field(default_factory=list)
    """The turns' texts, in order. A turn has several where that of another stands within its own."""
    generated: list[tuple[int, int]] = field(default_factory=list)
    """What stands between generation markers."""
    held: list[tuple[int, int]] = field(default_factory=list)
    """Texts that were held back while the template was rendered."""

    @functools.cached_property
    def parts(self) -> dict[int, list[tuple[Segment, int]]]:
        """Index of a turn -> its segments, each with the place where the next one of any turn begins."""
        found: dict[int, list[tuple[Segment, int]]] = {}
        following = len(self.text)
        for segment in reversed(self.segments):
            found.setdefault(segment.turn, []).insert(0, (segment, following))
            following = segment.start
        return found

    def generated_between(self, start: int, end: int) -> list[tuple[int, int]]:
        """What begins between two places and is generated."""
        first, behind = (bisect.bisect_left(self.generated, place, key=lambda span: span[0]) for place in (start, end))
        return self.generated[first:behind]


def read(rendered: str, held: Sequence[str] = ()) -> Layout:
    """Take the marks out of a text, and put back what was held back.

    Loops that write nothing (one that looks for the last question, say) leave marks without text.
    """
    layout, length, end = Layout(), 0, 0
    parts: list[str] = []
    turns: list[int] = []
    since = begun = 0

    def write(text: str) -> None:
        nonlocal length
        parts.append(text)
        length += len(text)

    def close() -> None:
        nonlocal since
        if turns and length > since:
            layout.segments.append(Segment(turns[-1], since, length))
        since = length

    for found in MARK.finditer(rendered):
        write(rendered[end : found.start()])
        end = found.end()
        kind, index = found[1], int(found[2] or 0)
        if kind == "held":
            write(held[index])
            layout.held.append((length - len(held[index]), length))
        elif kind == "begin":
            begun = length
        elif kind == "end":
            layout.generated.append((begun, length))
        else:
            close()
            while index in turns:  # over; or begun again, since a `continue` went past its end
                turns.pop()
            turns += [index] if kind == "turn" else []
    write(rendered[end:])
    close()
    layout.text = "".join(parts)
    return layout
