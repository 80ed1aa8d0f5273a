"""The ontology's phrases as patterns: "people in {subject} pay with {object}" found in a text, its slots filled with noun phrases.

A phrase's own words are looked for among the tokens; each slot is the noun phrase that touches them, so that a pattern
needs no rule of its own for how long a name may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from feedback_node.extraction.claims import Claim, Mention
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import PRONOUNS, left_edge, members, right_edge
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.spans import DATE, NAME
from streams.knowledge.english import COPULAS
from streams.knowledge.ontology import ValueKind

if TYPE_CHECKING:
    from streams.knowledge.ontology import Ontology
    from streams.knowledge.relations import Template

_ARTICLES = frozenset({"the", "a", "an"})
_WHEN = ("in", "on", "around", "during")
_LONGEST_SLOT = 8
"""Tokens between the words of a phrase, at most."""
RULE = "pattern"
"""Rule name of these claims."""


class Pattern(NamedTuple):
    """One phrase as tokens."""

    predicate: str
    before: tuple[str, ...]
    between: tuple[str, ...]
    after: tuple[str, ...]
    turned: bool
    """The first slot is the object."""
    named: bool
    """Its object is a name: no date ("was built in the 18th century in Rome")."""
    of_kind: bool
    """It says of what kind its subject is ("is a {object}"): what stands without an article is no kind ("The author is X")."""


class Patterns:
    """All phrases of an ontology, looked up by the first word between their slots."""

    def __init__(self, ontology: Ontology, tokenize: Callable[[str], list[str]]) -> None:
        self._by_word: dict[str, list[Pattern]] = {}
        for predicate in ontology.predicates.values():
            for template in predicate.templates:
                pattern = _pattern(predicate.name, template, tokenize, named=predicate.value is ValueKind.ENTITY)
                for between in _when(pattern) if predicate.value is ValueKind.DATE else (pattern.between,):
                    if between:
                        self._by_word.setdefault(between[0], []).append(pattern._replace(between=between))

    def read(self, reading: Reading, first: int, last: int) -> None:
        """Add the claims of one sentence; they replace open claims made of the same words that the ontology does not know."""
        parse = reading.parse
        for at in range(first, last):
            for pattern in self._by_word.get(parse.low[at], ()):
                if _stands(parse, pattern.between, at, last):
                    for claim in _claims(reading, pattern, at, first, last):
                        reading.claims.append(claim)


def _when(pattern: Pattern) -> Iterator[tuple[str, ...]]:
    """The words between the slots of a phrase that says when: "came out in" is said of a year, "came out on" of a day."""
    *head, last = pattern.between or ("",)
    yield from ((*head, other) for other in _WHEN) if head and last in _WHEN else (pattern.between,)


def _pattern(predicate: str, template: Template, tokenize: Callable[[str], list[str]], *, named: bool) -> Pattern:
    before = [token for token in tokenize(template.before.lower()) if token not in _ARTICLES]
    between = tokenize(template.between.lower())
    after = tokenize(template.after.lower())
    of_kind = between[-1:] in (["a"], ["an"]) and all(token in COPULAS for token in between[:-1])
    while between and between[-1] in _ARTICLES:
        between.pop()
    return Pattern(predicate, tuple(before), tuple(between), tuple(after), template.reversed, named, of_kind)


def _stands(parse: Parse, tokens: Iterable[str], at: int, last: int) -> bool:
    return all(at + offset < last and parse.low[at + offset] == token for offset, token in enumerate(tokens))


def _claims(reading: Reading, pattern: Pattern, at: int, first: int, last: int) -> Iterator[Claim]:
    """The claims of one place where a pattern's middle stands: one for each item of a list in the second slot."""
    parse = reading.parse
    right_at = at + len(pattern.between)
    left = _phrase_ending(parse, at - 1, first)
    right = _phrase_starting(parse, right_at, last)
    inside = _slot_before(parse, pattern.after, right_at, last) if pattern.after else None
    if left is None or (right is None and inside is None):
        return
    opens = left_edge(parse, left)
    while opens > first and parse.low[opens - 1] in _ARTICLES:
        opens -= 1
    if pattern.before and (opens - len(pattern.before) < first or not _stands(parse, pattern.before, opens - len(pattern.before), last)):
        return
    if pattern.after and inside is None:
        return
    subject = reading.name(left)
    if inside is not None:
        targets: list[Mention | None] = [inside]
    else:
        assert right is not None
        targets = [reading.name(member) for member in members(parse, right)]
    last_word = right_at if right is None else right
    verb = next((token for token in range(at, right_at) if parse.is_verb(token)), parse.head[last_word])
    end = parse.end[inside.at + len(pattern.after)] if inside is not None else parse.end[right_at - 1]
    start = parse.start[opens - len(pattern.before)] if pattern.before else parse.start[at]
    for target in targets:
        if pattern.named and not pattern.turned and target is not None and parse.kind[target.at] == DATE:
            continue
        if pattern.of_kind and target is not None and parse.low[right_at] not in _ARTICLES and _is_no_kind(parse, target, right_at):
            continue
        if subject is not None and target is not None and subject.text != target.text:
            yield Claim(subject, pattern.predicate, target, RULE, verb, start, end, pattern.turned, pattern.predicate)


def _is_no_kind(parse: Parse, target: Mention, at: int) -> bool:
    """Whether what stands without an article is a name, or some of many: "The author is X", "is one of X's plays"."""
    return target.text[:1].isupper() or parse.tag[at] == "CD"


def _slot_before(parse: Parse, after: tuple[str, ...], at: int, last: int) -> Mention | None:
    """What stands between a place and the words behind a slot: "12" in "has 12 islands", whatever the parser makes of it."""
    while at < last and parse.low[at] in _ARTICLES:
        at += 1
    for end in range(at + 1, min(last, at + _LONGEST_SLOT) + 1):
        if _stands(parse, after, end, last):
            if any(parse.is_verb(token) or parse.low[token] in (",", ".", ";") for token in range(at, end)):
                return None
            first, stop = parse.start[at], parse.end[end - 1]
            return Mention(parse.text[first:stop], first, stop, end - 1)
    return None


def _phrase_ending(parse: Parse, at: int, first: int) -> int | None:
    """Head of the longest noun phrase that ends at a token."""
    if at < first or not (parse.is_noun(at) or parse.tag[at] in PRONOUNS):
        return None
    head = at
    while parse.head[head] != head and parse.head[head] >= first:
        above = parse.head[head]
        if parse.low[above] == "of":
            above = parse.head[above]
        if not parse.is_noun(above) or right_edge(parse, above) != at:
            break
        head = above
    return head


def _phrase_starting(parse: Parse, at: int, last: int) -> int | None:
    """Head of the noun phrase that starts at a token."""
    while at < last and parse.low[at] in _ARTICLES:
        at += 1
    head = at
    while head < last and parse.head[head] > head and parse.head[head] < last and left_edge(parse, parse.head[head]) <= at:
        head = parse.head[head]
    if head + 1 < last and parse.is_common(head) and parse.kind[head + 1] == NAME:
        head += 1  # "the Dutch master X": X
    return head if head < last and (parse.is_noun(head) or parse.tag[head] == "CD") else None


def merge(claims: list[Claim], known: Callable[[str], object]) -> list[Claim]:
    """Claims of both layers without open ones that a pattern reads better: the same object, and words the ontology does not know."""
    found = [claim for claim in claims if claim.rule == RULE]
    if not found:
        return claims
    return [claim for claim in claims if claim.rule == RULE or known(claim.words) or not any(_covers(pattern, claim) for pattern in found)]


def _covers(pattern: Claim, claim: Claim) -> bool:
    overlaps = claim.start < pattern.end and pattern.start < claim.end
    return overlaps and (_same_place(pattern.right, claim.right) or _same_place(pattern.right, claim.left))


def _same_place(one: Mention, other: Mention) -> bool:
    return one.start < other.end and other.start < one.end
