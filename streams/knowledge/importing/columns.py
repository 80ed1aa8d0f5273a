"""Which column is the subject, which the predicate, which the object: by names, by `--columns`, by the ontology; else it is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from reading.columns import meant as likely
from schemas.errors import UserError
from streams.knowledge.ontology import Ontology

ROLES = ("subject", "predicate", "object")
WORDS = {
    "subject": ("subject", "subj", "s", "head", "headentity", "h", "entity", "item", "from", "start", "startid", "source", "src"),
    "predicate": (
        *("predicate", "pred", "p", "relation", "relationtype", "rel", "r", "relationship", "property", "interaction", "attribute"),
        *("edge", "edgelabel", "label", "type"),
    ),
    "object": ("object", "obj", "o", "tail", "tailentity", "t", "target", "to", "end", "endid", "value", "dst"),
}
"""Names of columns, folded, by what they hold; of two in one file the earlier is meant."""
OTHERS = ("fact_id", "source")
"""Further columns of a fact; so are `qualifiers.NAME`."""
QUALIFIERS = "qualifiers."
ENOUGH_KNOWN = 0.5
"""Share of the rows whose predicate the ontology must know for a column to be taken as the predicates'."""


def fold(name: str) -> str:
    """`Head_Entity` -> `headentity`."""
    return re.sub(r"[\s_:-]", "", name.casefold())


@dataclass(frozen=True)
class Columns:
    """What each column of a table, or each key of an object, is."""

    roles: tuple[str, ...]
    """A role, `fact_id`, `source` or `qualifiers.NAME` for each; empty where the column is not read."""
    ignored: dict[str, str | None] = field(default_factory=dict)
    """Columns that are not read, by name, with what may have been meant."""


def by_names(names: Sequence[str], wanted: Wanted | None = None) -> Columns | None:
    """Columns by their names; None where these do not say which are subject, predicate and object."""
    places = wanted.places_in(names) if wanted else None
    if places is None:
        folded = [fold(name) for name in names]
        places = {}
        for role in ROLES:
            found = next((folded.index(word) for word in WORDS[role] if word in folded), None)
            if found is None:
                return None
            places[role] = found
    roles = ["" for _ in names]
    for role, place in places.items():
        roles[place] = role
    ignored: dict[str, str | None] = {}
    for place, name in enumerate(names):
        if roles[place]:
            continue
        if name in OTHERS or name == "qualifiers" or (name.startswith(QUALIFIERS) and len(name) > len(QUALIFIERS)):
            roles[place] = name
        elif name not in ("", "Unnamed: 0", "schema_version"):  # the first two: the index that pandas writes
            ignored[name] = meant(name)
    return Columns(tuple(roles), ignored)


def meant(name: str) -> str | None:
    """What a column that is not read may have been meant to be."""
    return likely(name, [*ROLES, *OTHERS, "qualifiers"])


def some_roles(names: Sequence[str]) -> int:
    """How many of the roles a row of names speaks of, by words of more than one letter."""
    folded = {fold(name) for name in names}
    return sum(any(word in folded for word in words if len(word) > 1) for words in WORDS.values())


@dataclass(frozen=True)
class Wanted:
    """What `--columns` says."""

    names: tuple[str, ...]
    """As given."""
    columns: Columns | None
    """The columns in order, where the names are those of roles; else None: they are three columns of the file's own header, in the order
    subject, predicate, object."""

    @classmethod
    def parse(cls, text: str) -> Wanted:
        """`object,subject,predicate`, `h,r,t,-` (a column that is not read), or names in the file's header: `country,property,value`.

        Raises:
            UserError: there are not the three parts of a fact among them, or one stands twice.
        """
        names = tuple(name.strip() for name in text.split(","))
        if doubled := [name for name in names if name not in ("", "-") and names.count(name) > 1]:
            raise UserError(f"--columns {text}: {doubled[0]!r} stands twice")
        found = by_names(["" if name == "-" else name for name in names])
        if found and not found.ignored:
            return cls(names, found)
        if len(names) == len(ROLES) and all(names):
            return cls(names, None)
        raise UserError(f"--columns {text}: a fact has subject, predicate and object; name the columns in the file's order, `-` for others")

    def places_in(self, header: Sequence[str]) -> dict[str, int] | None:
        """Where the three columns stand in a header that has all of these names; None where it has not."""
        named = [name for name in self.names if name not in ("", "-")]
        if not all(name in header for name in named):
            return None
        if self.columns is None:
            return {role: list(header).index(name) for role, name in zip(ROLES, self.names, strict=True)}
        return {role: list(header).index(name) for role, name in zip(self.columns.roles, self.names, strict=True) if role in ROLES}


def by_ontology(rows: Sequence[Sequence[str]], ontology: Ontology) -> Columns | None:
    """Columns of a table without a header, where the predicates that the ontology knows stand in one of three columns and no other.

    The two others are subject and object, in their order.
    """
    if not ontology or not rows or any(len(row) != len(ROLES) for row in rows[:1]):
        return None
    even = [row for row in rows if len(row) == len(ROLES)]
    known = [sum(ontology.canonical(row[place].strip()) is not None for row in even) for place in range(len(ROLES))]
    best = max(range(len(ROLES)), key=lambda place: known[place])
    if known[best] < ENOUGH_KNOWN * len(even) or sum(map(bool, known)) != 1:
        return None
    roles = ["subject", "object"]
    roles.insert(best, "predicate")
    return Columns(tuple(roles))
