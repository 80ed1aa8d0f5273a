"""What the graph answers with, and what a phrase was read as: value types, which import nothing of the graph."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from schemas.fact import Fact

VAGUE = "vague"
"""Qualifier of a fact that holds, and that says less than another: a region where the continent is asked for."""


class Status(StrEnum):
    """What is known of a name."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"


class Resolution(NamedTuple):
    """Whom a name stands for."""

    entity: str | None
    """The entity (its root name, folded), where there is exactly one."""
    candidates: tuple[str, ...]
    """Every entity that it may stand for."""
    status: Status
    """One, none, or several."""


class Statement(NamedTuple):
    """A fact as the graph holds it: names folded, said in its predicate's own direction."""

    fact: Fact
    """The fact as it was sent."""
    subject: str
    """Folded name."""
    predicate: str
    """Name in the ontology, never an inverse."""
    object: str
    """Folded name; for numbers and dates the text as sent."""

    @property
    def is_vague(self) -> bool:
        """Whether the fact says of itself that it is true, and no full answer (qualifier `vague`)."""
        return self.fact.qualifiers.get(VAGUE, "").casefold() in ("true", "yes", "1")

    def reversed(self) -> Statement:
        """The same seen from the object; for symmetric predicates."""
        return self._replace(subject=self.object, object=self.subject)


class Mention(NamedTuple):
    """An entity named in a text."""

    entity: str
    """The entity (its root name, folded); the name itself where it is ambiguous."""
    start: int
    """First character in the text."""
    end: int
    """One past the last character."""


class Reading(NamedTuple):
    """Whom a noun phrase means."""

    entity: str | None = None
    """The entity, where there is one."""
    candidates: tuple[str, ...] = ()
    """Several entities, where the name is ambiguous."""
    sure: bool = True
    """The phrase means the entity and nothing else."""
    modifiers: tuple[str, ...] = ()
    """Other names in the phrase that say which one is meant ("Swiss" in "Swiss franc")."""
