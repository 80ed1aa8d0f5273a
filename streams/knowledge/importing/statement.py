"""One statement as a file has it, on its way to a `Fact`: its parts as text, or why it is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from reading.refusal import Refused, Skip
from schemas.base import MAX_BYTES
from schemas.fact import Fact

PARTS = ("subject", "predicate", "object")


class Statement(NamedTuple):
    """What one line, triple or edge says."""

    where: str
    """Behind the file's name in a message: `:12`, or `: edge 'e7'`."""
    fields: Mapping[str, Any]
    """Fields of a fact; numbers as the file spells them."""


Refuse = Callable[[str, Skip, str], None]
"""Told of what is no statement: where, reason, what is wrong. It raises where bad ones are not passed over."""


def to_fact(fields: Mapping[str, Any]) -> Fact:
    """The fact.

    Raises:
        Refused: a part is missing, null, blank, too long or no text.
    """
    for name in PARTS:
        value = fields.get(name)
        if value is None:
            raise Refused(Skip.MISSING, f"`{name}` is null" if name in fields else f"it has no `{name}`")
        if isinstance(value, str) and not value.strip():
            raise Refused(Skip.MISSING, f"`{name}` is blank")
    known = {name: value for name, value in fields.items() if value is not None}
    try:
        fact = Fact.model_validate(known)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise Refused(Skip.INVALID, f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
    if (fact.qualifiers or fact.source) and (size := len(fact.encode())) > MAX_BYTES:  # its other fields are bounded
        raise Refused(Skip.TOO_LARGE, f"{size} bytes as a message; at most {MAX_BYTES} are read")
    return fact


def first_of(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of these attributes that says something."""
    return next((str(attributes[name]) for name in names if str(attributes.get(name) or "").strip()), None)


PREDICATE_NAMES = ("predicate", "relation", "label")
"""Attributes of an edge that name its predicate, the first that is there."""
NODE_NAMES = ("name", "label")
"""Attributes of a node that name it; else its id does."""
NO_QUALIFIERS = frozenset({*PREDICATE_NAMES, "fact_id", "source", "id"})
"""Attributes of an edge that are no qualifiers."""


def of_edge(subject: str, object_: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """An edge of a graph file as a fact's fields. Its id is the file's own affair: it is neither predicate nor key.

    Raises:
        Refused: it has no predicate.
    """
    predicate = first_of(attributes, PREDICATE_NAMES)
    if predicate is None:
        raise Refused(Skip.MISSING, "no predicate; give it an attribute `predicate`")
    qualifiers = {name: value for name, value in attributes.items() if name not in NO_QUALIFIERS and value not in (None, "")}
    keys = {name: str(attributes[name]) for name in ("fact_id", "source") if attributes.get(name) not in (None, "")}
    return {"subject": subject, "predicate": predicate, "object": object_, "qualifiers": qualifiers, **keys}


class Names:
    """What the nodes of a graph are called. Two nodes of one name would become one entity, so the second may not stand in a fact."""

    def __init__(self) -> None:
        self._owners: dict[str, Any] = {}

    def check(self, node: Any, name: str, told: Callable[[Any], str] = repr) -> str:
        """The name, which is the node's from now on.

        Raises:
            Refused: another node has it.
        """
        owner = self._owners.setdefault(name, node)
        if owner != node:
            raise Refused(Skip.INVALID, f"{told(node)} would be named {name!r}, as {told(owner)} is; name them apart")
        return name
