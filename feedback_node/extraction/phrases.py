"""Noun phrases: where one begins and ends, what it is called, which others stand beside it, and whose property it names."""

from __future__ import annotations

import re

from feedback_node.extraction.claims import Mention
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.spans import DATE, NUMBER

_SAME_AS = words("same_as")

_BEFORE = frozenset(
    {"amod", "compound", "nummod", "nmod", "quantmod", "advmod", "poss", "det", "punct", "case", "appos", "npadvmod", "predet"}
)
_DETERMINERS = frozenset({"the", "a", "an", "this", "that", "these", "those", "its", "his", "her", "their"})
_ARTICLES = ("the ", "a ", "an ")
_MEASURE_AT_END = re.compile(r"\d[a-z]+\.$")
_OWNER_PREPOSITIONS = frozenset({"of", "for", "in", "at", "on", "to"})
PRONOUNS = frozenset({"PRP", "PRP$", "WP", "WP$", "WDT"})
NAMING = frozenset({"called", "named", "titled", "entitled", "dubbed", "nicknamed"})
"""Participles that bring a thing's name."""
MAX_DEPTH = 6
"""Deepest phrase within phrase that is followed."""
MAX_MEMBERS = 40
"""Longest list of conjuncts followed."""


def clean(text: str) -> str:
    """A phrase without quotation marks, articles, underscores, and the full stop of its sentence."""
    text = " ".join(text.replace("_", " ").split()).strip('"“”,;:()[] ')
    low = text.lower()
    for article in _ARTICLES:
        if low.startswith(article) and len(text) > len(article):
            # "A Loyal Character Dancer" keeps its article, "a dancer" and "The 3Arena" do not
            if not (text[0] == "A" and text[len(article)].isupper()):
                text = text[len(article) :]
            break
    if text.endswith(".") and "." not in text[:-1].rsplit(" ", 1)[-1] and len(text.rsplit(" ", 1)[-1]) > 3:
        text = text[:-1]
    elif text.endswith(".") and _MEASURE_AT_END.search(text):
        text = text[:-1]  # "a diameter of 3.04m."
    return text.removesuffix("'s").removesuffix("’s").strip()


def left_edge(parse: Parse, at: int, depth: int = 0) -> int:
    """First token of the phrase headed by `at`, without what stands before a name in lower case."""
    first = at
    name = parse.is_name(at)
    for kid in reversed(parse.kids[at]):
        if kid > at:
            continue
        if parse.dep[kid] not in _BEFORE or (name and not parse.is_name(kid) and parse.tag[kid] != "CD"):
            break
        if parse.dep[kid] == "poss" and parse.tag[kid] in PRONOUNS:
            break
        first = left_edge(parse, kid, depth + 1) if parse.dep[kid] != "punct" and depth < MAX_DEPTH else kid
    while first < at and (parse.dep[first] in ("punct", "det", "predet", "case") or parse.low[first] in (",", "(")):
        first += 1
    return first


def right_edge(parse: Parse, at: int, depth: int = 0) -> int:
    """Last token of the phrase: its head, or the end of an "of" phrase that belongs to its name."""
    last = at
    for kid in parse.kids[at]:
        if kid == last + 1 and parse.dep[kid] in ("nummod", "npadvmod") and parse.tag[kid] == "CD":
            last = kid
        per = parse.low[kid] == "per" and parse.child(at, "nummod") is not None  # "918 people per square kilometre"
        if kid == last + 1 and (per or parse.low[kid] == "of") and depth < MAX_DEPTH:
            inner = parse.child(kid, "pobj")
            if inner is not None and parse.tag[inner] not in PRONOUNS:
                last = right_edge(parse, inner, depth + 1)
    return last


def mention_of(parse: Parse, at: int) -> Mention:
    """The full phrase headed by a token, as written."""
    start, end = parse.start[left_edge(parse, at)], parse.end[right_edge(parse, at)]
    return Mention(clean(parse.text[start:end]), start, end, at)


def members(parse: Parse, at: int) -> list[int]:
    """The heads of a list ("A, B and C"), first one first."""
    found = [at]
    for head in found:
        if len(found) > MAX_MEMBERS:
            break
        for kid in parse.kids[head]:
            if parse.dep[kid] == "conj" and not parse.is_verb(kid) and not opens_clause(parse, kid):
                found.append(kid)
            elif parse.dep[kid] == "prep" and parse.low[kid] in ("including", "plus"):
                found += [inner for inner in parse.kids[kid] if parse.dep[inner] == "pobj"]
            elif parse.dep[kid] == "appos" and kid > head and _goes_on_as_list(parse, kid):
                found.append(kid)
    return found


def _goes_on_as_list(parse: Parse, at: int) -> bool:
    """In "meringue, ice cream and cake" the parser may take the second item for an apposition."""
    if parse.child(at, "cc", "conj") is None:
        return False
    first = left_edge(parse, at)
    if parse.child(at, "det") is None:
        return parse.low[first - 1] == ","
    # "88 floors, a height of 452 metres and 76 lifts"
    return parse.child(parse.head[at], "nummod") is not None and parse.low[first - 2] == ","


def opens_clause(parse: Parse, at: int) -> bool:
    """Whether a noun taken for a conjunct is the subject of the finite verb right after it ("is Baku and its leader is Y")."""
    after = right_edge(parse, at) + 1
    while after < len(parse.tag) and parse.tag[after] in ("RB", "MD"):
        after += 1
    if after >= len(parse.tag) or parse.tag[after] not in ("VBZ", "VBD", "VBP", "VB"):
        return False
    if parse.dep[after] in ("aux", "auxpass"):
        after = parse.head[after]
    return parse.child(after, "nsubj", "nsubjpass") is None and parse.head[at] != after


def owners(parse: Parse, at: int, depth: int = 0) -> tuple[int, str] | None:
    """Whose property a common noun names: (head of the owner, words of the property), or None.

    "X's leader" and "the leader of X" give (X, "leader"); "the name of the leader of X" gives (X, "name of leader").
    """
    if not parse.is_common(at) or depth > MAX_DEPTH or (depth and _has_name(parse, at)):
        return None
    owner = parse.child(at, "poss")
    noun = property_words(parse, at)
    if owner is None and (bare := _bare_owner(parse, at)) is not None:
        return bare, noun.removeprefix(parse.low[bare]).strip()
    if owner is not None:
        deeper = owners(parse, owner, depth + 1)
        return (deeper[0], f"{deeper[1]} {noun}") if deeper else (owner, noun)
    for kid in parse.kids[at]:
        if kid > at and parse.dep[kid] == "acl" and parse.tag[kid] == "VBN":
            link = parse.child(kid, "prep")
            inner = parse.child(link, "pobj") if link is not None and parse.low[link] in ("in", "of", "at", "by", "for") else None
            if inner is not None and parse.is_name(inner):
                return inner, noun
        if kid == at + 1 and parse.dep[kid] == "prep" and parse.low[kid] in _OWNER_PREPOSITIONS:
            inner = parse.child(kid, "pobj")
            if inner is None:
                continue
            if parse.low[kid] == "of" and parse.is_name(inner) and _is_apposed(parse, at):
                return None
            deeper = owners(parse, inner, depth + 1)
            if deeper:
                return deeper[0], f"{noun} {deeper[1]}"
            if parse.low[kid] == "of" or parse.is_name(inner) or parse.low[inner] in ("it", "them"):
                return inner, noun
    return None


def _bare_owner(parse: Parse, at: int) -> int | None:
    """X in "X epoch is 1 May 2016": a name right before a property that has no article, whose value follows."""
    verb = parse.head[at]
    before = at - 1
    while before > 0 and parse.head[before] == at and parse.dep[before] in ("amod", "compound") and not parse.is_name(before):
        before -= 1
    if before < 0 or not parse.is_name(before) or parse.head[before] != at or parse.dep[at] != "nsubj":
        return None
    if parse.child(at, "det", "prep") is not None or parse.low[before] in _DETERMINERS:
        return None
    value = parse.child(verb, "attr")
    if parse.low[verb] not in ("is", "was", "are", "were") or value is None or not (parse.kind[value] or parse.tag[value] == "CD"):
        return None
    return before


def _has_name(parse: Parse, at: int) -> bool:
    """Whether a noun is a thing with a name of its own: "the Bauhaus building"."""
    return is_definite(parse, at) and at > 0 and parse.head[at - 1] == at and parse.dep[at - 1] == "compound" and parse.is_name(at - 1)


def property_words(parse: Parse, at: int) -> str:
    """The words of a property: a noun with what stands before it, without articles, owners and numbers."""
    before = [
        kid for kid in parse.kids[at] if kid < at and parse.dep[kid] in ("amod", "compound", "nmod", "npadvmod") and not parse.kind[kid]
    ]
    return " ".join(parse.low[token] for token in [*before, at])


def same_thing(parse: Parse, at: int) -> int:
    """The head to call a thing by: X in "city of X", "the architect X", "the dish called X"."""
    if not parse.is_common(at):
        return at
    for kid in parse.kids[at]:
        if kid <= at:
            continue
        if parse.dep[kid] == "appos" and parse.is_name(kid) and (left_edge(parse, kid) == at + 1 or _is_named_aside(parse, at, kid)):
            return kid
        if parse.dep[kid] == "acl" and parse.low[kid] in NAMING:
            inner = parse.child(kid, "oprd", "dobj", "attr")
            if inner is not None:
                return inner
        if parse.dep[kid] == "acl" and parse.low[kid] == "known" and (link := parse.child(kid, "prep")) is not None:
            inner = parse.child(link, "pobj")
            if inner is not None and parse.low[link] == "as" and parse.is_name(inner):
                return inner
    if _is_apposed(parse, at):
        link = parse.child(at, "prep")
        if link is not None and parse.low[link] == "of":
            inner = parse.child(link, "pobj")
            if inner is not None and parse.is_name(inner):
                return inner
    return at


def _is_named_aside(parse: Parse, at: int, name: int) -> bool:
    """For "in the 1956 film, X" and "by the musical band, X": a comma before the name of a definite noun that a verb takes."""
    return parse.dep[at] in ("pobj", "dobj") and is_definite(parse, at) and name == at + 2 and parse.low[at + 1] == ","


def _is_apposed(parse: Parse, at: int) -> bool:
    """Whether "N of X" may be X: "the old city of X", not "the capital city of X" and "the largest city of X"."""
    if parse.low[at] not in _SAME_AS:
        return False
    return not any((parse.dep[kid] in ("compound", "nmod") and not parse.is_name(kid)) or parse.tag[kid] == "JJS" for kid in parse.kids[at])


def noun_before(parse: Parse, at: int) -> int | None:
    """The noun right before a token, over one comma."""
    at -= 1
    if at >= 0 and parse.low[at] == ",":
        at -= 1
    return at if at >= 0 and parse.is_noun(at) else None


def is_bare(parse: Parse, at: int) -> bool:
    """Whether "the city" stands alone: definite, and nothing says which city."""
    apart = parse.low[min(at + 1, len(parse.low) - 1)] == ","  # "the show, which …"
    plain = ("det", "punct", "case", "cc", "conj", "relcl") if apart else ("det", "punct", "case", "cc", "conj")
    return is_definite(parse, at) and not any(parse.dep[kid] not in plain for kid in parse.kids[at])


def is_class(parse: Parse, at: int) -> bool:
    """Whether a noun says what something is: a common noun, or "a Uruguayan"."""
    return parse.is_common(at) or any(parse.low[kid] in ("a", "an") for kid in parse.kids[at])


def is_kind_of(parse: Parse, at: int, kind: int) -> bool:
    """In "the sitar, a string instrument," the second noun says what the first, a subject, is."""
    subject = parse.dep[at] in ("nsubj", "nsubjpass") and is_definite(parse, at)
    return subject and parse.is_common(kind) and any(parse.low[kid] in ("a", "an") for kid in parse.kids[kind])


def is_date_or_number(parse: Parse, at: int) -> bool:
    """Whether a phrase is a date or a measure: what no pronoun stands for."""
    return parse.kind[at] in (DATE, NUMBER) or parse.tag[at] == "CD"


def is_definite(parse: Parse, at: int) -> bool:
    """Whether a common noun stands with "the", "this", "that", "these" or "those"."""
    det = parse.child(at, "det")
    return det is not None and parse.low[det] in ("the", "this", "that", "these", "those") and parse.is_common(at)
