"""All names of the graph, and where they stand in a text.

The longest match wins, found by a table of first words, so that the number of names does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.names import folded_words, words


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
        self._ending_with: dict[str, set[str]] = {}
        """Names of several words."""

    def __contains__(self, name: object) -> bool:
        return name in self._spellings

    def __len__(self) -> int:
        return len(self._spellings)

    def add(self, name: str, spelling: str) -> None:
        """Count one use of a name."""
        if name not in self._spellings:
            self._spellings[name] = {}
            self._starting_with.setdefault(name.split(" ", 1)[0], set()).add(name)
            if " " in name:
                self._ending_with.setdefault(name.rsplit(" ", 1)[1], set()).add(name)
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
            _discard(self._starting_with, name.split(" ", 1)[0], name)
            if " " in name:
                _discard(self._ending_with, name.rsplit(" ", 1)[1], name)

    def spelling(self, name: str) -> str:
        """How the name is mostly written; the first in the alphabet of several."""
        uses = self._spellings.get(name)
        return min(uses, key=lambda spelling: (-uses[spelling], spelling)) if uses else name

    def beginning_with(self, short: str) -> set[str]:
        """The names that go on where `short` ends, word by word."""
        return {name for name in self._starting_with.get(short.split(" ", 1)[0], ()) if name.startswith(short + " ")}

    def ending_with(self, last: str) -> set[str]:
        """The names of several words whose last one this is."""
        return self._ending_with.get(last, set())

    def find(self, text: str) -> Iterator[Found]:
        """Names in a text from left to right, the longest at each place, none within another."""
        tokens = [word for word in words(text) if word.text != "the"]
        folded = [token.text for token in tokens]
        for first, size in self._names(folded, self._places(folded), lambda first, last: text[tokens[first].start : tokens[last].end]):
            yield Found(" ".join(folded[first : first + size]), tokens[first].start, tokens[first + size - 1].end)

    def names_in(self, text: str) -> list[str]:
        """The names that `find` finds, folded, in less time: where they stand is looked for only where one may be a function word."""
        folded = folded_words(text)
        places = self._places(folded)
        if any(folded[place] in FUNCTION_WORDS for place in places):
            return [found.name for found in self.find(text)]
        return [" ".join(folded[first : first + size]) for first, size in self._names(folded, places, lambda *_: "")]

    def _places(self, folded: list[str]) -> list[int]:
        return [place for place, word in enumerate(folded) if word in self._starting_with]

    def _names(self, folded: list[str], places: list[int], written: Callable[[int, int], str]) -> Iterator[tuple[int, int]]:
        """The first word of each name, and how many it has; `written` says how the text has the words from one to another."""
        free = 0
        for first in places:
            if first < free or not (size := _longest(self._starting_with[folded[first]], folded[first : first + _LONGEST])):
                continue
            if not _is_function_word(written(first, first + size - 1)):
                yield first, size
                free = first + size


def _discard(table: dict[str, set[str]], word: str, name: str) -> None:
    table[word].discard(name)
    if not table[word]:
        del table[word]


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
