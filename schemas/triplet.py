"""`Triplet`: one claim found in a text; `JudgedTriplet`: the claim with its verdict and what the verdict rests on."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.base import Part


class Triplet(Part):
    """Subject, predicate, object, and where they stand in the text."""

    subject: str
    """Full noun phrase, pronouns resolved."""
    predicate: str
    """An ontology predicate's name where a pattern found it, else the words of the relation."""
    object: str
    """Full noun phrase, number with its unit, or date."""
    subject_span: tuple[int, int] | None = None
    """Start and end character of the subject as written (the pronoun, where it was one)."""
    predicate_span: tuple[int, int] | None = None
    """Start and end character of the relation's words."""
    object_span: tuple[int, int] | None = None
    """Start and end character of the object."""
    rule: str
    """Name of the rule that found it."""
    qualifiers: dict[str, str] = Field(default_factory=dict)
    """Further roles that the text gives the claim, such as `date`; as in `Fact`."""
    negated: bool = False
    """The text denies it ("is not")."""
    hedged: bool = False
    """The text does not commit to it ("I am not sure", "may be")."""


class Verdict(StrEnum):
    """What the graph says of a claim."""

    VERIFIED = "verified"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"


class JudgedTriplet(Part):
    """A claim and its verdict, with the evidence."""

    triplet: Triplet
    """The claim."""
    verdict: Verdict
    """What the graph says."""
    fact_ids: tuple[str, ...] = ()
    """Facts that support or contradict it."""
    note: str | None = None
    """Why, in a few words: `ambiguous name: Georgia`, `France has capital Paris`, `no such predicate`."""
    vague: bool = False
    """It is true, and says less than the graph knows: a century for a year, a bound for a number, what a fact calls
    vague. No full answer to a question for it."""
