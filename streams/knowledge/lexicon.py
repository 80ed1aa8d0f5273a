"""All names of the graph, and where they stand in a text.

The longest match wins, found by a table of first words, so that the number of names does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.names import words


class Found(NamedTuple):
    """A name found in a text."""

    name: str
    """Folded."""
    start: int
    """First character in the text."""
    end: int
    """One past the last character."""


class Lexicon:
    """Folded names with their spellings, counted, so that each `add` is undone by one `remove`."""

    def __init__(self) -> None:
        self._spellings: dict[str, dict[str, int]] = {}
        self._starting_with: dict[str, set[str]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._spellings

    def __len__(self) -> int:
        return len(self._spellings)

    def add(self, name: str, spelling: str) -> None:
        """Count one use of a name."""
        if name not in self._spellings:
            self._spellings[name] = {}
            self._starting_with.setdefault(name.split(" ", 1)[0], set()).add(name)
        uses = self._spellings[name]
        uses[spelling] = uses.get(spelling, 0) + 1

    def remove(self, name: str, spelling: str) -> None:
        """Undo one `add`."""
        uses = self._spellings[name]
        uses[spelling] -= 1
        if not uses[spelling]:
            del uses[spelling]
        if not uses:
            del self._spellings[name]
            first = name.split(" ", 1)[0]
            self._starting_with[first].discard(name)
            if not self._starting_with[first]:
                del self._starting_with[first]

    def spelling(self, name: str) -> str:
        """How the name is mostly written; the first in the alphabet of several."""
        uses = self._spellings.get(name)
        return min(uses, key=lambda spelling: (-uses[spelling], spelling)) if uses else name

    def beginning_with(self, short: str) -> set[str]:
        """The names that go on where `short` ends, word by word."""
        return {name for name in self._starting_with.get(short.split(" ", 1)[0], ()) if name.startswith(short + " ")}

    def find(self, text: str) -> Iterator[Found]:
        """Names in a text from left to right, the longest at each place, none within another."""
        tokens = [word for word in words(text) if word.text != "the"]
        position = 0
        while position < len(tokens):
            names = self._starting_with.get(tokens[position].text)
            size = _longest(names, [token.text for token in tokens[position : position + _LONGEST]]) if names else 0
            last = tokens[position + size - 1] if size else None
            if last is None or _is_function_word(text[tokens[position].start : last.end]):
                position += 1
                continue
            yield Found(" ".join(token.text for token in tokens[position : position + size]), tokens[position].start, last.end)
            position += size


def _longest(names: set[str], following: list[str]) -> int:
    """How many of the words that follow make the longest of the names, all of which begin with the first of them; 0 for none."""
    if len(names) == 1:  # the common case, without building a string for each length
        (only,) = names
        parts = only.split(" ")
        return len(parts) if following[: len(parts)] == parts else 0
    for size in range(len(following), 0, -1):
        if " ".join(following[:size]) in names:
            return size
    return 0


_LONGEST = 12
"""Names of more words than this are known, but not found in a text."""


def _is_function_word(written: str) -> bool:
    """ "us" is a pronoun; "US" may be a name."""
    return written.lower() in FUNCTION_WORDS and not (written.isupper() and len(written) > 1)
