"""What the rules pass to each other: a mention of a thing, and a claim that links two."""

from __future__ import annotations

from typing import NamedTuple


class Mention(NamedTuple):
    """A thing as the triplet will name it, and where it was named (the pronoun, where it was one)."""

    text: str
    start: int
    end: int
    at: int = -1
    """Token of its head."""


class Claim(NamedTuple):
    """One triplet before marks, ontology and duplicates.

    `words` lead from `left` to `right` as English says it ("is the capital of"); `turned` says that the claim is better kept
    the other way round, under the relation `name`.
    """

    left: Mention
    words: str
    right: Mention
    rule: str
    verb: int
    """Token that negation and hedging are looked for at."""
    start: int
    """First character of the relation's words."""
    end: int
    """End of the relation's words."""
    turned: bool = False
    name: str = ""
    """The relation's words from `right` to `left`, where turned."""
